/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_decoder.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "protocol/mem.h"

enum { ALLOCATIONS_MAX = 100000 }; /* more than any decoder makes: ends a loop that would not */

/* Decodes a copy in a block of exactly its size. */
static enum status decode_copy(decode_fn *decode, void *ctx, struct span in, struct buffer *again)
{
    uint8_t *exact = malloc(in.len > 0 ? in.len : 1);
    assert_non_null(exact);
    if (in.len > 0)
        memcpy(exact, in.ptr, in.len);
    buffer_init(again, SIZE_MAX);
    enum status st = decode(ctx, (struct span){exact, in.len}, again);
    free(exact);
    return st;
}

/* Whether decoding refuses; if not, the encoding must be the input. */
static bool refuses(decode_fn *decode, void *ctx, struct span in, const char *what, size_t place)
{
    struct buffer again;
    enum status st = decode_copy(decode, ctx, in, &again);
    bool same = span_equal(buffer_span(&again), in);
    buffer_wipe(&again);
    if (st == ST_OK && !same)
        fail_msg("%s %zu: taken, but encodes to other bytes", what, place);
    if ((unsigned)st >= STATUS_COUNT)
        fail_msg("%s %zu: status %d is not in the list", what, place, (int)st);
    return st != ST_OK;
}

void check_round_trip(decode_fn *decode, void *ctx, struct span bytes)
{
    struct buffer again;
    enum status st = decode_copy(decode, ctx, bytes, &again);
    if (st != ST_OK)
        fail_msg("the good bytes are refused: %s", status_name(st));
    bool same = span_equal(buffer_span(&again), bytes);
    buffer_wipe(&again);
    if (!same)
        fail_msg("the good bytes encode to other bytes");
}

void check_truncations(decode_fn *decode, void *ctx, struct span bytes)
{
    for (size_t len = 0; len < bytes.len; len++) {
        if (!refuses(decode, ctx, SPAN_OF(bytes.ptr, len), "prefix of length", len))
            fail_msg("prefix of length %zu of %zu is taken", len, bytes.len);
    }
    uint8_t *longer = calloc(bytes.len + 1, 1);
    assert_non_null(longer);
    memcpy(longer, bytes.ptr, bytes.len);
    bool refused = refuses(decode, ctx, SPAN_OF(longer, bytes.len + 1), "one byte more than", bytes.len);
    free(longer);
    if (!refused)
        fail_msg("a trailing byte is taken");
}

static void flips(decode_fn *decode, void *ctx, struct span bytes, bool must_refuse)
{
    uint8_t *flipped = malloc(bytes.len + 1);
    assert_non_null(flipped);
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        memcpy(flipped, bytes.ptr, bytes.len);
        flipped[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bool refused = refuses(decode, ctx, SPAN_OF(flipped, bytes.len), "flip of bit", bit);
        if (must_refuse && !refused)
            fail_msg("flip of bit %zu (byte %zu of %zu) is taken", bit, bit / 8, bytes.len);
    }
    free(flipped);
}

void check_bit_flips(decode_fn *decode, void *ctx, struct span bytes)
{
    flips(decode, ctx, bytes, false);
}

void check_flips_refused(decode_fn *decode, void *ctx, struct span bytes)
{
    flips(decode, ctx, bytes, true);
    check_truncations(decode, ctx, bytes);
}

void check_allocations(decode_fn *decode, void *ctx, struct span bytes)
{
    for (size_t n = 1; n < ALLOCATIONS_MAX; n++) {
        struct buffer again;
        size_t live = mem_live();
        mem_fail_after(n);
        enum status st = decode_copy(decode, ctx, bytes, &again);
        mem_fail_after(0);
        buffer_wipe(&again);
        if (mem_live() != live)
            fail_msg("allocation %zu fails: %zu blocks are left behind", n, mem_live() - live);
        if (st == ST_OK)
            return; /* fewer than n allocations: all have been tried */
        if (st != ST_NO_MEMORY)
            fail_msg("allocation %zu fails: %s", n, status_name(st));
    }
    fail_msg("still failing after %d allocations", ALLOCATIONS_MAX);
}

void check_decoder(decode_fn *decode, void *ctx, struct span bytes)
{
    check_round_trip(decode, ctx, bytes);
    check_truncations(decode, ctx, bytes);
    check_bit_flips(decode, ctx, bytes);
    check_allocations(decode, ctx, bytes);
}
