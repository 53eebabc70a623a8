/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness, handed in from outside: the system's in programs, seeded in tests and in the simulator. */
#ifndef KITH_PROTOCOL_ENTROPY_H
#define KITH_PROTOCOL_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

struct entropy {
    void *ctx;
    void (*fill)(void *ctx, uint8_t *out, size_t len); /* cannot fail */
};

static inline void entropy_fill(struct entropy *e, uint8_t *out, size_t len)
{
    e->fill(e->ctx, out, len);
}

#endif
