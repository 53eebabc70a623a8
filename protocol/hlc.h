/* SPDX-License-Identifier: Apache-2.0 */
/* Hybrid logical clock (protocol.md §8): 48 bits of wall milliseconds, 16 of counter, in one uint64 that
 * orders what one device writes and what it answers to. Pure. */
#ifndef KITH_PROTOCOL_HLC_H
#define KITH_PROTOCOL_HLC_H

#include <stdint.h>

enum hlc_limits { HLC_COUNTER_BITS = 16 };

static inline int64_t hlc_ms(uint64_t hlc)
{
    return (int64_t)(hlc >> HLC_COUNTER_BITS);
}

/* The first hlc of that millisecond. Negative times are 0, and those past 48 bits are its end. */
static inline uint64_t hlc_from_ms(int64_t ms)
{
    uint64_t top = (UINT64_C(1) << 48) - 1, at = ms < 0 ? 0 : (uint64_t)ms;
    return (at > top ? top : at) << HLC_COUNTER_BITS;
}

/* The hlc of a new event: later than everything seen so far (`newest`), and not before the clock. An overflow
 * of the counter carries into the milliseconds. */
static inline uint64_t hlc_next(uint64_t newest, int64_t wall_ms)
{
    uint64_t clock = hlc_from_ms(wall_ms);
    if (newest == UINT64_MAX)
        return newest;
    return clock > newest ? clock : newest + 1;
}

#endif
