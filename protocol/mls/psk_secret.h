/* SPDX-License-Identifier: Apache-2.0 */
/* From the pre-shared keys of a commit to the one psk_secret of the key schedule (RFC 9420 §8.4). Pure; keeps
 * nothing. */
#ifndef KITH_PROTOCOL_MLS_PSK_SECRET_H
#define KITH_PROTOCOL_MLS_PSK_SECRET_H

#include "protocol/suite.h"

struct psk_input {   /* borrows */
    struct span id;  /* the encoded PreSharedKeyID, nonce included */
    struct span psk; /* secret: its owner wipes it */
};

/* The PSKs in the order of their proposals in the commit, or of GroupSecrets.psks. count 0 gives 32 zero
 * bytes. Errors: ST_MLS_PSK_COUNT (over MLS_PSKS_MAX), ST_NO_MEMORY; then *out is zero. */
enum status psk_secret_compute(const struct psk_input *psks, size_t count, struct secret *out) MUST_USE;

#endif
