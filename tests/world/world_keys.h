/* SPDX-License-Identifier: Apache-2.0 */
/* Which key of which leaf sealed each message that left a device: no two different messages may have one key
 * (protocol.md §5.4). It opens blocks with the keys of whichever device has them. */
#ifndef KITH_TESTS_WORLD_KEYS_H
#define KITH_TESTS_WORLD_KEYS_H

#include "protocol/ids.h"
#include "protocol/suite.h"
#include "tests/world/world.h"

enum { WORLD_KEYS_MAX = 16384 };

struct spent_key {
    struct log_id log; /* one a group and epoch */
    bool handshake;
    uint32_t leaf, generation;
    uint8_t message[HASH_LEN];
};

struct world_keys {
    struct spent_key spent[WORLD_KEYS_MAX];
    size_t count, twice;
    size_t by_device[WORLD_DEVICES_MAX]; /* messages to groups, each block counted as often as it was sent */
};

/* Watches from now on; `k` must live as long as the world. Begins with what is in it: zero it first. */
void world_watch_keys(struct world *w, struct world_keys *k);

#endif
