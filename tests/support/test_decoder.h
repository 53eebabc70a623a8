/* SPDX-License-Identifier: Apache-2.0 */
/* What every decoder must stand, checked in one line each:
 *
 *     static enum status roundtrip(void *ctx, struct span in, struct buffer *again)
 *     {
 *         struct permit p;
 *         enum status st = permit_decode(&p, in);
 *         if (st != ST_OK)
 *             return st;
 *         struct writer w;
 *         writer_init(&w, again);
 *         permit_encode(&w, &p);       // whatever encodes it
 *         return writer_done(&w);      // and frees p, if it must be freed
 *     }
 *
 *     check_decoder(roundtrip, NULL, good_bytes);
 *
 * The function decodes `in` whole and, if that works, appends its encoding to `again` (fresh, no limit). It
 * returns the decoder's refusal. `in` is a block of exactly its length, so that a sanitizer sees a read past
 * its end. All failures fail the running cmocka test with the place that went wrong. */
#ifndef KITH_TESTS_SUPPORT_TEST_DECODER_H
#define KITH_TESTS_SUPPORT_TEST_DECODER_H

#include "protocol/bytes.h"

typedef enum status decode_fn(void *ctx, struct span in, struct buffer *again);

/* The bytes decode and come out the same. */
void check_round_trip(decode_fn *decode, void *ctx, struct span bytes);
/* Every prefix is refused, and so are the bytes with one more after them. */
void check_truncations(decode_fn *decode, void *ctx, struct span bytes);
/* Every flip of one bit is refused, or decodes to something that encodes to exactly the flipped bytes. */
void check_bit_flips(decode_fn *decode, void *ctx, struct span bytes);
/* With allocation failing at every n-th call, the decoder refuses and leaves no block behind. */
void check_allocations(decode_fn *decode, void *ctx, struct span bytes);
/* All of these. */
void check_decoder(decode_fn *decode, void *ctx, struct span bytes);
/* For what is signed or sealed: every flip of one bit and every prefix must be refused. */
void check_flips_refused(decode_fn *decode, void *ctx, struct span bytes);

#endif
