/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/public_message.h"

#include "protocol/mls/key_schedule.h"
#include "protocol/mls/limits.h"

enum { TBM_MAX = MLS_MESSAGE_MAX + MLS_EXTENSIONS_MAX };

void public_message_read(struct reader *r, struct public_message *out)
{
    struct public_message m = {0};
    struct authenticated_content *a = &m.signed_content;
    a->wire_format = WIRE_PUBLIC_MESSAGE;
    framed_content_read(r, &a->content);
    content_auth_read(r, a->content.type, &a->auth);
    if (a->content.sender.type == SENDER_MEMBER) {
        m.membership_tag = reader_vec(r, MLS_HASH_MAX);
    }
    *out = r->failed == ST_OK ? m : (struct public_message){0};
}

void public_message_write(struct writer *w, const struct public_message *m)
{
    const struct authenticated_content *a = &m->signed_content;
    framed_content_write(w, &a->content);
    content_auth_write(w, a->content.type, &a->auth);
    if (a->content.sender.type == SENDER_MEMBER) {
        writer_vec(w, m->membership_tag);
    }
}

/* RFC 9420 §6.2: MAC(membership_key, FramedContentTBM) */
static enum status compute_tag(const struct authenticated_content *a, const struct secret *membership_key,
                               struct span context, uint8_t tag[static MEMBERSHIP_TAG_LEN])
{
    struct buffer tbm;
    buffer_init(&tbm, TBM_MAX);
    enum status s = content_tbm(a, context, &tbm);
    if (s == ST_OK) {
        hmac_bytes(SPAN_ID(membership_key), buffer_span(&tbm), tag);
    }
    buffer_wipe(&tbm);
    return s;
}

enum status public_message_seal(const struct authenticated_content *a, const struct secret *membership_key,
                                struct span context, struct buffer *out)
{
    uint8_t tag[MEMBERSHIP_TAG_LEN];
    if (a->content.type == CONTENT_APPLICATION) { /* RFC 9420 §6.2: MUST be a PrivateMessage */
        return ST_MLS_PUBLIC_APPLICATION;
    }
    enum status s = compute_tag(a, membership_key, context, tag);
    if (s != ST_OK) {
        return s;
    }
    struct writer w;
    writer_init(&w, out);
    public_message_write(&w, &(struct public_message){*a, SPAN(tag)});
    return writer_done(&w);
}

enum status public_message_check(const struct public_message *m, const struct secret *membership_key,
                                 struct span context)
{
    uint8_t tag[MEMBERSHIP_TAG_LEN];
    const struct framed_content *c = &m->signed_content.content;
    if (c->type == CONTENT_APPLICATION) {
        return ST_MLS_PUBLIC_APPLICATION;
    }
    if (c->sender.type != SENDER_MEMBER) {
        return ST_MLS_EXTERNAL;
    }
    enum status s = compute_tag(&m->signed_content, membership_key, context, tag);
    if (s == ST_OK && !bytes_equal_secret(SPAN(tag), m->membership_tag)) {
        s = ST_MLS_MEMBERSHIP_TAG;
    }
    bytes_wipe(tag, sizeof(tag));
    return s;
}
