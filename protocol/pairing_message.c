/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/pairing_message.h"

#include "protocol/letterbox.h"

/* ---- the link's content ---- */

enum status pairing_link_encode(struct writer *w, const struct pairing_link *l)
{
    wire_write_version(w);
    wire_write_vec(w, l->relay, WIRE_RELAY_MAX);
    WRITE_ID(w, &l->secret);
    writer_time(w, l->expires_ms);
    WRITE_ID(w, &l->authority_head);
    return writer_done(w);
}

enum status pairing_link_decode(struct pairing_link *out, struct span in)
{
    struct reader r;
    struct pairing_link l = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    l.relay = reader_vec(&r, WIRE_RELAY_MAX);
    READ_ID(&r, &l.secret);
    l.expires_ms = reader_time(&r);
    READ_ID(&r, &l.authority_head);
    enum status st = wire_finish(&r, out, &l, sizeof l);
    bytes_wipe(&l, sizeof l);
    return st;
}

static void link_body(struct writer *w, const void *value)
{
    enum status st = pairing_link_encode(w, value);
    if (st != ST_OK)
        writer_fail(w, st);
}

enum status pairing_link_hash(const struct pairing_link *l, uint8_t out[static HASH_LEN])
{
    return wire_hash(LABEL_PAIRING_LINK_HASH, link_body, l, out);
}

enum status pairing_log_derive(const struct pairing_link *l, enum pairing_direction direction,
                               struct pairing_log *out)
{
    enum label label = direction == PAIRING_TO_PARENT ? LABEL_PAIRING_TO_PARENT : LABEL_PAIRING_TO_DEVICE;
    uint8_t keys[3 * SECRET_LEN];
    enum status st = expand_with_label(LABELS_KITH, SPAN_ID(&l->secret), span_text(label_text(label)),
                                       SPAN_EMPTY, keys, sizeof keys);
    *out = (struct pairing_log){0};
    if (st == ST_OK) {
        memcpy(out->write_token.b, keys, SECRET_LEN);
        memcpy(out->read_token.b, keys + SECRET_LEN, SECRET_LEN);
        memcpy(out->block_key.b, keys + 2 * SECRET_LEN, SECRET_LEN);
    }
    bytes_wipe(keys, sizeof keys);
    return st;
}

/* ---- messages ---- */

static void commit_write(struct writer *w, const struct pairing_commit *c)
{
    writer_bytes(w, SPAN(c->commitment));
}

static void commit_read(struct reader *r, struct pairing_commit *c)
{
    reader_fixed(r, c->commitment, sizeof c->commitment);
}

static void answer_write(struct writer *w, const struct pairing_answer *a)
{
    WRITE_ID(w, &a->device);
    writer_bytes(w, SPAN(a->nonce));
    WRITE_ID(w, &a->family);
    WRITE_ID(w, &a->person);
    writer_u8(w, (uint8_t)a->role);
    wire_write_name(w, a->family_name);
    wire_write_name(w, a->person_name);
    wire_write_list(w, &a->authority_chain);
}

static void answer_read(struct reader *r, struct pairing_answer *a)
{
    READ_ID(r, &a->device);
    reader_fixed(r, a->nonce, sizeof a->nonce);
    READ_ID(r, &a->family);
    READ_ID(r, &a->person);
    a->role = wire_read_enum(r, ROLE_PARENT, ROLE_ADULT);
    a->family_name = wire_read_name(r);
    a->person_name = wire_read_name(r);
    a->authority_chain = wire_read_list(r, WIRE_CHAIN_ENTRIES_MAX, WIRE_ENTRY_MAX);
}

/* All of an opening but its signature. */
static void open_fields_write(struct writer *w, const struct pairing_open *o)
{
    WRITE_ID(w, &o->device);
    writer_bytes(w, SPAN(o->nonce));
    wire_write_name(w, o->device_name);
    wire_write_vec(w, o->letterbox, LETTERBOX_MAX);
    writer_optional(w, o->has_recovery);
    if (o->has_recovery)
        WRITE_ID(w, &o->recovery);
}

static void open_read(struct reader *r, struct pairing_open *o)
{
    READ_ID(r, &o->device);
    reader_fixed(r, o->nonce, sizeof o->nonce);
    o->device_name = wire_read_name(r);
    o->letterbox = reader_vec(r, LETTERBOX_MAX);
    o->has_recovery = reader_optional(r);
    if (o->has_recovery)
        READ_ID(r, &o->recovery);
    READ_ID(r, &o->signature);
}

enum status pairing_message_encode(struct writer *w, const struct pairing_message *m)
{
    wire_write_version(w);
    writer_u8(w, (uint8_t)m->kind);
    switch (m->kind) {
    case PAIRING_COMMIT:
        commit_write(w, &m->u.commit);
        break;
    case PAIRING_ANSWER:
        answer_write(w, &m->u.answer);
        break;
    case PAIRING_OPEN:
        open_fields_write(w, &m->u.open);
        WRITE_ID(w, &m->u.open.signature);
        break;
    case PAIRING_ACCEPT:
        wire_write_vec(w, m->u.accept.certificate, WIRE_CERTIFICATE_MAX);
        WRITE_ID(w, &m->u.accept.signature);
        break;
    case PAIRING_CONFIRM:
        wire_write_list(w, &m->u.confirm.key_packages);
        WRITE_ID(w, &m->u.confirm.signature);
        break;
    case PAIRING_VOID:
        writer_u8(w, (uint8_t)m->u.voided.reason);
        break;
    default:
        writer_fail(w, ST_WIRE_ENUM);
    }
    return writer_done(w);
}

enum status pairing_message_decode(struct pairing_message *out, struct span in)
{
    struct reader r;
    struct pairing_message m;
    memset(&m, 0, sizeof m);
    reader_init(&r, in);
    wire_read_version(&r);
    m.kind = wire_read_enum(&r, PAIRING_COMMIT, PAIRING_KIND_LAST);
    switch (m.kind) {
    case PAIRING_COMMIT:
        commit_read(&r, &m.u.commit);
        break;
    case PAIRING_ANSWER:
        answer_read(&r, &m.u.answer);
        break;
    case PAIRING_OPEN:
        open_read(&r, &m.u.open);
        break;
    case PAIRING_ACCEPT:
        m.u.accept.certificate = reader_vec(&r, WIRE_CERTIFICATE_MAX);
        READ_ID(&r, &m.u.accept.signature);
        break;
    case PAIRING_CONFIRM:
        m.u.confirm.key_packages = wire_read_list(&r, PAIRING_KEY_PACKAGES_MAX, WIRE_KEY_PACKAGE_MAX);
        READ_ID(&r, &m.u.confirm.signature);
        break;
    case PAIRING_VOID:
        m.u.voided.reason = wire_read_enum(&r, VOID_WRONG_CODE, VOID_BROKEN);
        break;
    default:
        reader_fail(&r, ST_WIRE_ENUM);
    }
    return wire_finish(&r, out, &m, sizeof m);
}

/* ---- transcript and code ---- */

enum status pairing_commitment(const struct device_id *device, const uint8_t nonce[static PAIRING_NONCE_LEN],
                               uint8_t out[static HASH_LEN])
{
    uint8_t value[ID_LEN + PAIRING_NONCE_LEN];
    memcpy(value, device->b, ID_LEN);
    memcpy(value + ID_LEN, nonce, PAIRING_NONCE_LEN);
    return wire_hash_bytes(LABEL_PAIRING_COMMITMENT, SPAN(value), out);
}

static void transcript_body(struct writer *w, const void *value)
{
    const struct pairing_transcript *t = value;
    wire_write_version(w);
    writer_bytes(w, SPAN(t->link_hash));
    WRITE_ID(w, &t->family);
    WRITE_ID(w, &t->person);
    writer_u8(w, (uint8_t)t->role);
    WRITE_ID(w, &t->new_device);
    WRITE_ID(w, &t->parent_device);
    writer_bytes(w, SPAN(t->new_nonce));
    writer_bytes(w, SPAN(t->parent_nonce));
}

enum status pairing_transcript_hash(const struct pairing_transcript *t, uint8_t out[static HASH_LEN])
{
    return wire_hash(LABEL_PAIRING_TRANSCRIPT, transcript_body, t, out);
}

enum status pairing_code(const struct pairing_transcript *t, char out[static PAIRING_CODE_DIGITS + 1])
{
    uint8_t hash[HASH_LEN], wide[8] = {0};
    uint64_t n = 0;
    enum status st = pairing_transcript_hash(t, hash);
    if (st == ST_OK)
        st = expand_with_label(LABELS_KITH, SPAN(hash), span_text(label_text(LABEL_PAIRING_CODE)), SPAN_EMPTY,
                               wide, sizeof wide);
    for (size_t i = 0; i < sizeof wide; i++) /* 64 bits: the remainder's bias is 2^-44 */
        n = n << 8 | wide[i];
    for (size_t i = PAIRING_CODE_DIGITS; i-- > 0; n /= 10)
        out[i] = (char)('0' + n % 10);
    out[PAIRING_CODE_DIGITS] = '\0';
    if (st != ST_OK)
        memset(out, 0, PAIRING_CODE_DIGITS + 1);
    return st;
}

/* ---- signatures: each under its own label, over the transcript hash and the message's other fields ---- */

struct signed_message {
    const struct pairing_transcript *transcript;
    const void *message;
};

static void transcript_hash_write(struct writer *w, const struct pairing_transcript *t)
{
    uint8_t hash[HASH_LEN];
    enum status st = pairing_transcript_hash(t, hash);
    if (st != ST_OK)
        writer_fail(w, st);
    writer_bytes(w, SPAN(hash));
}

static void open_body(struct writer *w, const void *value)
{
    const struct signed_message *s = value;
    transcript_hash_write(w, s->transcript);
    open_fields_write(w, s->message);
}

enum status pairing_open_sign(struct pairing_open *o, const struct pairing_transcript *t,
                              const struct sign_private *key)
{
    struct signed_message s = {t, o};
    return wire_sign(LABEL_PAIRING_OPEN, open_body, &s, key, &o->signature);
}

enum status pairing_open_verify(const struct pairing_open *o, const struct pairing_transcript *t)
{
    struct signed_message s = {t, o};
    if (!ID_EQUAL(&o->device, &t->new_device) || memcmp(o->nonce, t->new_nonce, PAIRING_NONCE_LEN) != 0)
        return ST_CRYPTO_SIGNATURE;
    return wire_verify(LABEL_PAIRING_OPEN, open_body, &s, &t->new_device, &o->signature);
}

static void accept_body(struct writer *w, const void *value)
{
    const struct signed_message *s = value;
    const struct pairing_accept *a = s->message;
    transcript_hash_write(w, s->transcript);
    wire_write_vec(w, a->certificate, WIRE_CERTIFICATE_MAX);
}

enum status pairing_accept_sign(struct pairing_accept *a, const struct pairing_transcript *t,
                                const struct sign_private *key)
{
    struct signed_message s = {t, a};
    return wire_sign(LABEL_PAIRING_ACCEPT, accept_body, &s, key, &a->signature);
}

enum status pairing_accept_verify(const struct pairing_accept *a, const struct pairing_transcript *t)
{
    struct signed_message s = {t, a};
    return wire_verify(LABEL_PAIRING_ACCEPT, accept_body, &s, &t->parent_device, &a->signature);
}

static void confirm_body(struct writer *w, const void *value)
{
    const struct signed_message *s = value;
    const struct pairing_confirm *c = s->message;
    transcript_hash_write(w, s->transcript);
    wire_write_list(w, &c->key_packages);
}

enum status pairing_confirm_sign(struct pairing_confirm *c, const struct pairing_transcript *t,
                                 const struct sign_private *key)
{
    struct signed_message s = {t, c};
    return wire_sign(LABEL_PAIRING_CONFIRM, confirm_body, &s, key, &c->signature);
}

enum status pairing_confirm_verify(const struct pairing_confirm *c, const struct pairing_transcript *t)
{
    struct signed_message s = {t, c};
    return wire_verify(LABEL_PAIRING_CONFIRM, confirm_body, &s, &t->new_device, &c->signature);
}
