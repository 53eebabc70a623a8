/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith-relay/core/id_map.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "protocol/mem.h"

enum { CAP_FIRST = 64 };

void id_map_init(struct id_map *m, struct entropy *e)
{
    *m = (struct id_map){0};
    entropy_fill(e, m->seed, sizeof(m->seed));
}

void id_map_wipe(struct id_map *m)
{
    mem_free(m->slots, m->cap * sizeof(m->slots[0]));
    *m = (struct id_map){0};
}

static size_t home_of(const struct id_map *m, const uint8_t *id)
{
    static_assert(sizeof(m->seed) == crypto_shorthash_KEYBYTES, "SipHash's key");
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t h = 0;
    (void)crypto_shorthash(out, id, sizeof(struct map_id), m->seed);
    memcpy(&h, out, sizeof(h));
    return (size_t)h & (m->cap - 1);
}

/* The slot of the id, or the free one where it belongs. */
static struct id_map_slot *slot_of(const struct id_map *m, const uint8_t *id)
{
    size_t at = home_of(m, id);
    while (m->slots[at].value != NULL && memcmp(m->slots[at].id.b, id, sizeof(struct map_id)) != 0) {
        at = (at + 1) & (m->cap - 1); /* ends: a quarter of the slots is free */
    }
    return &m->slots[at];
}

void *id_map_get(const struct id_map *m, const uint8_t id[static 32])
{
    return m->count == 0 ? NULL : slot_of(m, id)->value;
}

static enum status grow(struct id_map *m)
{
    struct id_map bigger = *m;
    bigger.cap = m->cap == 0 ? CAP_FIRST : 2 * m->cap;
    bigger.slots = mem_alloc(bigger.cap, sizeof(bigger.slots[0]));
    if (bigger.slots == NULL) {
        return ST_NO_MEMORY;
    }
    for (size_t i = 0; i < m->cap; i++) {
        if (m->slots[i].value != NULL) {
            *slot_of(&bigger, m->slots[i].id.b) = m->slots[i];
        }
    }
    mem_free(m->slots, m->cap * sizeof(m->slots[0]));
    *m = bigger;
    return ST_OK;
}

enum status id_map_put(struct id_map *m, const uint8_t id[static 32], void *value)
{
    invariant(value != NULL);
    if ((m->count + 1) * 4 > m->cap * 3) {
        enum status st = grow(m);
        if (st != ST_OK) {
            return st;
        }
    }
    struct id_map_slot *slot = slot_of(m, id);
    m->count += slot->value == NULL;
    memcpy(slot->id.b, id, sizeof(slot->id.b));
    slot->value = value;
    return ST_OK;
}

/* Moves back what a free slot at `hole` cuts off from its home. */
static void close_hole(struct id_map *m, size_t hole)
{
    size_t mask = m->cap - 1;
    for (size_t at = (hole + 1) & mask; m->slots[at].value != NULL; at = (at + 1) & mask) {
        size_t home = home_of(m, m->slots[at].id.b);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            m->slots[hole] = m->slots[at];
            m->slots[at].value = NULL;
            hole = at;
        }
    }
}

void *id_map_remove(struct id_map *m, const uint8_t id[static 32])
{
    if (m->count == 0) {
        return NULL;
    }
    struct id_map_slot *slot = slot_of(m, id);
    void *value = slot->value;
    if (value != NULL) {
        slot->value = NULL;
        m->count--;
        close_hole(m, (size_t)(slot - m->slots));
    }
    return value;
}

void *id_map_next(const struct id_map *m, size_t *at)
{
    while (*at < m->cap) {
        void *value = m->slots[(*at)++].value;
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
