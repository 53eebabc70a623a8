/* SPDX-License-Identifier: Apache-2.0 */
/* A map from 32-byte ids to pointers: open addressing with a keyed hash, since strangers choose the ids.
 * Grows and never shrinks; owns no value. */
#ifndef KITH_RELAY_ID_MAP_H
#define KITH_RELAY_ID_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/entropy.h"
#include "protocol/status.h"

struct map_id {
    uint8_t b[32];
};

struct id_map_slot {
    struct map_id id;
    void *value; /* NULL: free */
};

struct id_map {
    struct id_map_slot *slots;
    size_t cap, count; /* cap is 0 or a power of two, at least 4/3 of count */
    uint8_t seed[16];
};

void id_map_init(struct id_map *m, struct entropy *e); /* allocates nothing yet */
void id_map_wipe(struct id_map *m);
void *id_map_get(const struct id_map *m, const uint8_t id[static 32]); /* NULL: not there */
/* Sets the value (not NULL). ST_NO_MEMORY: unchanged. */
enum status id_map_put(struct id_map *m, const uint8_t id[static 32], void *value) MUST_USE;
void *id_map_remove(struct id_map *m, const uint8_t id[static 32]); /* what was there, or NULL */
/* Every value once: start with *at = 0; NULL at the end. The map may not change between. */
void *id_map_next(const struct id_map *m, size_t *at);

#endif
