/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/relay_log.h"

void log_token_hash_of(const struct log_token *token, struct log_token_hash *out)
{
    hash_bytes(SPAN_ID(token), out->b);
}

void log_id_of(const struct log_hashes *hashes, struct log_id *out)
{
    const struct span parts[] = {span_text("Kith 1 log"), SPAN_ID(&hashes->of[LOG_WRITE]),
                                 SPAN_ID(&hashes->of[LOG_READ]), SPAN_ID(&hashes->of[LOG_TRIM])};
    hash_parts(parts, sizeof(parts) / sizeof(parts[0]), out->b);
}

void log_claim_make(enum log_right right, const struct log_token *token, const struct log_hashes *hashes,
                    struct log_claim *out)
{
    *out = (struct log_claim){.token = *token};
    size_t n = 0;
    for (int i = LOG_WRITE; i <= LOG_TRIM; i++) {
        if (i != (int)right) {
            out->others[n++] = hashes->of[i];
        }
    }
}

void log_claim_id(enum log_right right, const struct log_claim *claim, struct log_id *out)
{
    struct log_hashes hashes;
    size_t n = 0;
    for (int i = LOG_WRITE; i <= LOG_TRIM; i++) {
        if (i == (int)right) {
            log_token_hash_of(&claim->token, &hashes.of[i]);
        } else {
            hashes.of[i] = claim->others[n++];
        }
    }
    log_id_of(&hashes, out);
}

void log_claim_read(struct reader *r, struct log_claim *out)
{
    reader_fixed(r, out->token.b, sizeof(out->token.b));
    reader_fixed(r, out->others[0].b, sizeof(out->others[0].b));
    reader_fixed(r, out->others[1].b, sizeof(out->others[1].b));
}

void log_claim_write(struct writer *w, const struct log_claim *claim)
{
    writer_bytes(w, SPAN_ID(&claim->token));
    writer_bytes(w, SPAN_ID(&claim->others[0]));
    writer_bytes(w, SPAN_ID(&claim->others[1]));
}

void log_claim_wipe(struct log_claim *claim)
{
    bytes_wipe(claim, sizeof(*claim));
}
