/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/group_info.h"

#include "protocol/mls/limits.h"

enum { INFO_MAX = 2 * MLS_EXTENSIONS_MAX + MLS_LEAF_MAX };

void group_info_read(struct reader *r, struct group_info *out)
{
    struct group_info g = {0};
    group_context_read(r, &g.context);
    extensions_read(r, &g.extensions);
    g.confirmation_tag = reader_vec(r, MLS_HASH_MAX);
    g.signer = reader_u32(r);
    g.signature = reader_vec(r, MLS_SIGNATURE_MAX);
    *out = r->failed == ST_OK ? g : (struct group_info){0};
}

enum status group_info_decode(struct group_info *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    group_info_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct group_info){0};
    }
    return s;
}

/* GroupInfoTBS (RFC 9420 §12.4.3) */
static void write_body(struct writer *w, const struct group_info *g)
{
    group_context_write(w, &g->context);
    extensions_write(w, &g->extensions);
    writer_vec(w, g->confirmation_tag);
    writer_u32(w, g->signer);
}

void group_info_write(struct writer *w, const struct group_info *g)
{
    write_body(w, g);
    writer_vec(w, g->signature);
}

enum status group_info_sign(const struct group_info *g, const struct sign_private *key, struct buffer *out)
{
    uint8_t signature[SIGNATURE_LEN];
    struct buffer tbs;
    struct writer w;
    buffer_init(&tbs, INFO_MAX);
    writer_init(&w, &tbs);
    write_body(&w, g);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = sign_with_label(LABELS_MLS, key, span_text("GroupInfoTBS"), buffer_span(&tbs), signature);
    }
    if (s == ST_OK) {
        writer_init(&w, out);
        writer_bytes(&w, buffer_span(&tbs));
        writer_vec(&w, SPAN(signature));
        s = writer_done(&w);
    }
    buffer_wipe(&tbs);
    return s;
}

enum status group_info_verify(const struct group_info *g, struct span public_key)
{
    struct buffer tbs;
    struct writer w;
    buffer_init(&tbs, INFO_MAX);
    writer_init(&w, &tbs);
    write_body(&w, g);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = verify_with_label(LABELS_MLS, public_key, span_text("GroupInfoTBS"), buffer_span(&tbs),
                              g->signature);
        s = s == ST_CRYPTO_SIGNATURE ? ST_MLS_GROUP_INFO : s;
    }
    buffer_wipe(&tbs);
    return s;
}
