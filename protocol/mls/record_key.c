/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/record_key.h"

#include "protocol/mem.h"

struct record_key record_key_of(enum record_kind kind)
{
    return (struct record_key){.b = {(uint8_t)kind}, .len = 1};
}

static void add(struct record_key *k, uint64_t v, size_t len)
{
    invariant(k->len + len <= RECORD_KEY_MAX);
    for (size_t i = len; i-- > 0;) {
        k->b[k->len++] = (uint8_t)(v >> (8 * i));
    }
}

void record_key_add_u32(struct record_key *k, uint32_t v)
{
    add(k, v, 4);
}

void record_key_add_u64(struct record_key *k, uint64_t v)
{
    add(k, v, 8);
}

struct span record_key_span(const struct record_key *k)
{
    return SPAN_OF(k->b, k->len);
}
