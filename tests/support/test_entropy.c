/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_entropy.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each call has a stream of its own, by its number. */
static void fill(void *ctx, uint8_t *out, size_t len)
{
    struct test_entropy *t = ctx;
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    t->calls++;
    memcpy(nonce, &t->calls, sizeof(nonce));
    if (len > 0)
        crypto_stream_chacha20(out, len, nonce, t->key);
}

void test_entropy_init(struct test_entropy *t, uint64_t seed)
{
    *t = (struct test_entropy){.entropy = {.ctx = t, .fill = fill}};
    memcpy(t->key, &seed, sizeof(seed));
}

uint64_t test_entropy_below(struct test_entropy *t, uint64_t bound)
{
    uint64_t v;
    fill(t, (uint8_t *)&v, sizeof(v));
    return v % bound;
}

uint64_t test_seed(uint64_t fallback)
{
    const char *text = getenv("KITH_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : fallback;
    printf("seed %" PRIu64 " (KITH_SEED=%" PRIu64 " plays it again)\n", seed, seed);
    return seed;
}
