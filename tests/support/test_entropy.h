/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness from a seed: ChaCha20 under a key made of the seed, so that a run can be played again. Two with
 * one seed give the same bytes. For tests only. */
#ifndef KITH_TESTS_SUPPORT_TEST_ENTROPY_H
#define KITH_TESTS_SUPPORT_TEST_ENTROPY_H

#include "protocol/entropy.h"

struct test_entropy { /* may not be moved while `entropy` is in use */
    struct entropy entropy;
    uint8_t key[32];
    uint64_t calls;
};

void test_entropy_init(struct test_entropy *t, uint64_t seed);
/* A number below `bound` (at least 1); not exactly uniform. */
uint64_t test_entropy_below(struct test_entropy *t, uint64_t bound);
/* The seed of this run: the environment's KITH_SEED, else `fallback`; prints it, so that a failure can be
 * replayed. */
uint64_t test_seed(uint64_t fallback);

#endif
