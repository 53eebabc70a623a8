/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/content.h"

#include "protocol/mls/group_context.h"
#include "protocol/mls/limits.h"

/* ---- decode and encode ---- */

static void sender_read(struct reader *r, struct sender *out)
{
    uint8_t type = reader_u8(r);
    if (type < SENDER_MEMBER || type > SENDER_NEW_MEMBER_COMMIT) {
        reader_fail(r, ST_WIRE_ENUM);
        return;
    }
    out->type = (enum sender_type)type;
    if (type == SENDER_MEMBER || type == SENDER_EXTERNAL) {
        out->index = reader_u32(r);
    }
}

static void sender_write(struct writer *w, const struct sender *s)
{
    writer_u8(w, (uint8_t)s->type);
    if (s->type == SENDER_MEMBER || s->type == SENDER_EXTERNAL) {
        writer_u32(w, s->index);
    }
}

void content_body_read(struct reader *r, struct framed_content *c)
{
    const uint8_t *start = r->at;
    switch (c->type) {
    case CONTENT_APPLICATION:
        c->body = reader_vec(r, MLS_PLAINTEXT_MAX);
        return;
    case CONTENT_PROPOSAL:
        proposal_read(r, &c->u.proposal);
        break;
    case CONTENT_COMMIT:
        commit_read(r, &c->u.commit);
        break;
    }
    c->body = r->failed == ST_OK ? SPAN_OF(start, (size_t)(r->at - start)) : SPAN_EMPTY;
}

void content_body_write(struct writer *w, const struct framed_content *c)
{
    if (c->type == CONTENT_APPLICATION) {
        writer_vec(w, c->body);
    } else {
        writer_bytes(w, c->body);
    }
}

void framed_content_read(struct reader *r, struct framed_content *out)
{
    struct framed_content c = {0};
    c.group_id = reader_vec(r, MLS_GROUP_ID_MAX);
    c.epoch = reader_u64(r);
    sender_read(r, &c.sender);
    c.authenticated_data = reader_vec(r, MLS_AUTHENTICATED_MAX);
    uint8_t type = reader_u8(r);
    if (type < CONTENT_APPLICATION || type > CONTENT_COMMIT) {
        reader_fail(r, ST_WIRE_ENUM);
    } else {
        c.type = (enum content_type)type;
        content_body_read(r, &c);
    }
    *out = r->failed == ST_OK ? c : (struct framed_content){0};
}

void framed_content_write(struct writer *w, const struct framed_content *c)
{
    writer_vec(w, c->group_id);
    writer_u64(w, c->epoch);
    sender_write(w, &c->sender);
    writer_vec(w, c->authenticated_data);
    writer_u8(w, (uint8_t)c->type);
    content_body_write(w, c);
}

void content_auth_read(struct reader *r, enum content_type type, struct content_auth *out)
{
    struct content_auth a = {0};
    a.signature = reader_vec(r, MLS_SIGNATURE_MAX);
    if (type == CONTENT_COMMIT) {
        a.confirmation_tag = reader_vec(r, MLS_HASH_MAX);
    }
    *out = r->failed == ST_OK ? a : (struct content_auth){0};
}

void content_auth_write(struct writer *w, enum content_type type, const struct content_auth *a)
{
    writer_vec(w, a->signature);
    if (type == CONTENT_COMMIT) {
        writer_vec(w, a->confirmation_tag);
    }
}

enum status authenticated_content_decode(struct authenticated_content *out, struct span in)
{
    struct reader r;
    struct authenticated_content a = {0};
    reader_init(&r, in);
    uint16_t format = reader_u16(&r);
    if (format != WIRE_PUBLIC_MESSAGE && format != WIRE_PRIVATE_MESSAGE) {
        reader_fail(&r, ST_WIRE_ENUM);
    }
    a.wire_format = (enum wire_format)format;
    framed_content_read(&r, &a.content);
    content_auth_read(&r, a.content.type, &a.auth);
    enum status s = reader_done(&r);
    *out = s == ST_OK ? a : (struct authenticated_content){0};
    return s;
}

void authenticated_content_write(struct writer *w, const struct authenticated_content *a)
{
    writer_u16(w, (uint16_t)a->wire_format);
    framed_content_write(w, &a->content);
    content_auth_write(w, a->content.type, &a->auth);
}

/* ---- what is signed ---- */

enum { TBS_MAX = MLS_MESSAGE_MAX + MLS_EXTENSIONS_MAX };

/* FramedContentTBS (RFC 9420 §6.1) */
static void write_tbs(struct writer *w, const struct authenticated_content *a, struct span context)
{
    writer_u16(w, MLS_VERSION_10);
    writer_u16(w, (uint16_t)a->wire_format);
    framed_content_write(w, &a->content);
    if (a->content.sender.type == SENDER_MEMBER || a->content.sender.type == SENDER_NEW_MEMBER_COMMIT) {
        writer_bytes(w, context);
    }
}

enum status content_sign(const struct authenticated_content *a, struct span context,
                         const struct sign_private *key, uint8_t signature[static SIGNATURE_LEN])
{
    struct buffer tbs;
    struct writer w;
    buffer_init(&tbs, TBS_MAX);
    writer_init(&w, &tbs);
    write_tbs(&w, a, context);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = sign_with_label(LABELS_MLS, key, span_text("FramedContentTBS"), buffer_span(&tbs), signature);
    }
    buffer_wipe(&tbs);
    return s;
}

enum status content_verify(const struct authenticated_content *a, struct span context, struct span public_key)
{
    struct buffer tbs;
    struct writer w;
    buffer_init(&tbs, TBS_MAX);
    writer_init(&w, &tbs);
    write_tbs(&w, a, context);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = verify_with_label(LABELS_MLS, public_key, span_text("FramedContentTBS"), buffer_span(&tbs),
                              a->auth.signature);
    }
    buffer_wipe(&tbs);
    return s;
}

enum status content_tbm(const struct authenticated_content *a, struct span context, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    write_tbs(&w, a, context);
    content_auth_write(&w, a->content.type, &a->auth);
    return writer_done(&w);
}

enum status proposal_ref(const struct authenticated_content *a, uint8_t out[static HASH_LEN])
{
    struct buffer all;
    struct writer w;
    buffer_init(&all, MLS_MESSAGE_MAX);
    writer_init(&w, &all);
    authenticated_content_write(&w, a);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = ref_hash("MLS 1.0 Proposal Reference", buffer_span(&all), out);
    }
    buffer_wipe(&all);
    return s;
}
