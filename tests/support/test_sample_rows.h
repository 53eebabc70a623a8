/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of samples share (test_samples.h): a row for each sample, and the macros that make its
 * round trip. A table's file has the writers, the round trips and the rows of what it is about. */
#ifndef KITH_TESTS_SUPPORT_TEST_SAMPLE_ROWS_H
#define KITH_TESTS_SUPPORT_TEST_SAMPLE_ROWS_H

#include "protocol/mem.h"
#include "protocol/wire.h"
#include "tests/support/test_samples.h"

#define MUST(call) invariant((call) == ST_OK)

struct sample_row {
    const char *name; /* NULL in the last row of a table */
    void (*write)(struct writer *w);
    decode_fn *roundtrip, *checked; /* checked: verifies signatures too; NULL where there are none */
};

extern const struct sample_row sample_rows_people[];  /* chains, permits, contacts */
extern const struct sample_row sample_rows_devices[]; /* journals, pairing, groups, history */

/* A list of two short items. */
struct wire_list sample_two_items(struct buffer *bytes);

#define ROUNDTRIP(type)                                                                  \
    static enum status type##_roundtrip(void *ctx, struct span in, struct buffer *again) \
    {                                                                                    \
        (void)ctx;                                                                       \
        struct type x;                                                                   \
        struct writer w;                                                                 \
        enum status st = type##_decode(&x, in);                                          \
        if (st != ST_OK)                                                                 \
            return st;                                                                   \
        writer_init(&w, again);                                                          \
        return type##_encode(&w, &x);                                                    \
    }

#define SIGNED(type)                                                                   \
    static enum status type##_checked(void *ctx, struct span in, struct buffer *again) \
    {                                                                                  \
        struct type x;                                                                 \
        enum status st = type##_decode(&x, in);                                        \
        if (st == ST_OK)                                                               \
            st = type##_verify(&x);                                                    \
        return st == ST_OK ? type##_roundtrip(ctx, in, again) : st;                    \
    }

#endif
