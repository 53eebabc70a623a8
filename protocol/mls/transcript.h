/* SPDX-License-Identifier: Apache-2.0 */
/* The two transcript hashes (RFC 9420 §8.2). Pure; keeps nothing.
 *
 * Both hashes of the past are the empty span in epoch 0 and 32 bytes from then on, but for one case: the
 * creator of a group already hashes the confirmation tag of epoch 0 (§11), so that only the confirmed hash is
 * empty. */
#ifndef KITH_PROTOCOL_MLS_TRANSCRIPT_H
#define KITH_PROTOCOL_MLS_TRANSCRIPT_H

#include "protocol/suite.h"

/* Hash(interim of the epoch before ‖ input). `input` is the encoded ConfirmedTranscriptHashInput:
 * wire_format, FramedContent, opaque signature<V>. */
void transcript_confirmed(struct span interim_before, struct span input, uint8_t out[static HASH_LEN]);
/* Hash(confirmed ‖ InterimTranscriptHashInput), which is the tag as a MAC (opaque<V>). */
void transcript_interim(struct span confirmed, const uint8_t confirmation_tag[static HASH_LEN],
                        uint8_t out[static HASH_LEN]);

#endif
