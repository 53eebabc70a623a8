/* SPDX-License-Identifier: Apache-2.0 */
/* A log's capabilities and address (docs/protocol.md §3.3). Pure.
 *
 *     token hash = SHA-256(token); for a log that nobody may trim the trim hash is 32 zero bytes
 *     log_id     = SHA-256("Kith 1 log" ‖ write hash ‖ read hash ‖ trim hash)
 *
 * Who calls shows one token and the hashes of the other two, and the relay works out the address: there is
 * nothing to guess, nobody can squat a log, and a wrong token names a log that is not there. */
#ifndef KITH_PROTOCOL_RELAY_LOG_H
#define KITH_PROTOCOL_RELAY_LOG_H

#include "protocol/ids.h"
#include "protocol/suite.h"

enum log_right { LOG_WRITE = 0, LOG_READ = 1, LOG_TRIM = 2 };

struct log_token { /* a secret */
    uint8_t b[32];
};
struct log_token_hash {
    uint8_t b[HASH_LEN];
};

/* What one who calls shows for one right. On the wire: token[32] ‖ the other two hashes in the order write,
 * read, trim. */
struct log_claim {
    struct log_token token;
    struct log_token_hash others[2];
};

/* The hashes of a log's three tokens by right. All zero under LOG_TRIM: nobody may trim it. */
struct log_hashes {
    struct log_token_hash of[3];
};

void log_token_hash_of(const struct log_token *token, struct log_token_hash *out);
void log_id_of(const struct log_hashes *hashes, struct log_id *out);
/* What the owner of `token` shows for `right`; the token's own hash is not read from `hashes`. */
void log_claim_make(enum log_right right, const struct log_token *token, const struct log_hashes *hashes,
                    struct log_claim *out);
/* The address that a claim names. For LOG_TRIM never that of a log that nobody may trim (SHA-256 has no known
 * preimage of zero). */
void log_claim_id(enum log_right right, const struct log_claim *claim, struct log_id *out);

enum { LOG_CLAIM_LEN = 96 };
void log_claim_read(struct reader *r, struct log_claim *out);
void log_claim_write(struct writer *w, const struct log_claim *claim);
void log_claim_wipe(struct log_claim *claim);

#endif
