/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/letterbox.h"

/* ---- Letterbox ---- */

enum status letterbox_encode(struct writer *w, const struct letterbox *l)
{
    wire_write_version(w);
    wire_write_vec(w, l->relay, WIRE_RELAY_MAX);
    WRITE_ID(w, &l->write_token);
    writer_bytes(w, SPAN(l->read_hash));
    writer_bytes(w, SPAN(l->trim_hash));
    WRITE_ID(w, &l->block_key);
    WRITE_ID(w, &l->hpke_public);
    writer_time(w, l->expires_ms);
    writer_u16(w, l->uses);
    return writer_done(w);
}

enum status letterbox_decode(struct letterbox *out, struct span in)
{
    struct reader r;
    struct letterbox l = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    l.relay = reader_vec(&r, WIRE_RELAY_MAX);
    READ_ID(&r, &l.write_token);
    reader_fixed(&r, l.read_hash, sizeof l.read_hash);
    reader_fixed(&r, l.trim_hash, sizeof l.trim_hash);
    READ_ID(&r, &l.block_key);
    READ_ID(&r, &l.hpke_public);
    l.expires_ms = reader_time(&r);
    l.uses = reader_u16(&r);
    enum status st = wire_finish(&r, out, &l, sizeof l);
    bytes_wipe(&l, sizeof l);
    return st;
}

enum status letterbox_log_id(const struct letterbox *l, struct log_id *out)
{
    uint8_t write_hash[HASH_LEN];
    hash_bytes(SPAN_ID(&l->write_token), write_hash);
    const struct span parts[] = {span_text("Kith 1 log"), SPAN(write_hash), SPAN(l->read_hash),
                                 SPAN(l->trim_hash)};
    hash_parts(parts, sizeof parts / sizeof parts[0], out->b);
    return ST_OK;
}

/* ---- Invite ---- */

static void invite_body(struct writer *w, const void *value)
{
    const struct invite *i = value;
    wire_write_version(w);
    wire_write_vec(w, i->letterbox, LETTERBOX_MAX);
    wire_write_person(w, &i->who);
    writer_u8(w, i->supervised);
    WRITE_ID(w, &i->card_read_token);
    writer_bytes(w, SPAN(i->card_write_hash));
    writer_bytes(w, SPAN(i->card_trim_hash));
    WRITE_ID(w, &i->card_key);
    WRITE_ID(w, &i->signer);
}

enum status invite_encode(struct writer *w, const struct invite *i)
{
    invite_body(w, i);
    WRITE_ID(w, &i->signature);
    return writer_done(w);
}

enum status invite_decode(struct invite *out, struct span in)
{
    struct reader r;
    struct invite i = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    i.letterbox = reader_vec(&r, LETTERBOX_MAX);
    wire_read_person(&r, &i.who);
    i.supervised = wire_read_bool(&r);
    READ_ID(&r, &i.card_read_token);
    reader_fixed(&r, i.card_write_hash, sizeof i.card_write_hash);
    reader_fixed(&r, i.card_trim_hash, sizeof i.card_trim_hash);
    READ_ID(&r, &i.card_key);
    READ_ID(&r, &i.signer);
    READ_ID(&r, &i.signature);
    enum status st = wire_finish(&r, out, &i, sizeof i);
    bytes_wipe(&i, sizeof i);
    return st;
}

enum status invite_sign(struct invite *i, const struct sign_private *key)
{
    return wire_sign(LABEL_INVITE, invite_body, i, key, &i->signature);
}

enum status invite_verify(const struct invite *i)
{
    return wire_verify(LABEL_INVITE, invite_body, i, &i->signer, &i->signature);
}

/* ---- Card ---- */

static void card_body(struct writer *w, const void *value)
{
    const struct card *c = value;
    wire_write_version(w);
    wire_write_person(w, &c->who);
    wire_write_name(w, c->name);
    wire_write_list(w, &c->certificates);
    wire_write_list(w, &c->authority_chain);
    writer_time(w, c->made_ms);
    writer_time(w, c->expires_ms);
    WRITE_ID(w, &c->signer);
}

enum status card_encode(struct writer *w, const struct card *c)
{
    card_body(w, c);
    WRITE_ID(w, &c->signature);
    return writer_done(w);
}

enum status card_decode(struct card *out, struct span in)
{
    struct reader r;
    struct card c = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    wire_read_person(&r, &c.who);
    c.name = wire_read_name(&r);
    c.certificates = wire_read_list(&r, WIRE_DEVICES_MAX, WIRE_CERTIFICATE_MAX);
    c.authority_chain = wire_read_list(&r, WIRE_CHAIN_ENTRIES_MAX, WIRE_ENTRY_MAX);
    c.made_ms = reader_time(&r);
    c.expires_ms = reader_time(&r);
    READ_ID(&r, &c.signer);
    READ_ID(&r, &c.signature);
    return wire_finish(&r, out, &c, sizeof c);
}

enum status card_sign(struct card *c, const struct sign_private *key)
{
    return wire_sign(LABEL_CARD, card_body, c, key, &c->signature);
}

enum status card_verify(const struct card *c)
{
    return wire_verify(LABEL_CARD, card_body, c, &c->signer, &c->signature);
}

/* ---- what is put into a letterbox ---- */

static void message_body(struct writer *w, const void *value)
{
    const struct letterbox_message *m = value;
    wire_write_version(w);
    writer_u8(w, (uint8_t)m->type);
    WRITE_ID(w, &m->log);
    WRITE_ID(w, &m->hpke_public);
    wire_write_person(w, &m->to);
    wire_write_vec(w, m->certificate, WIRE_CERTIFICATE_MAX);
    wire_write_vec(w, m->body, LETTERBOX_BODY_MAX);
}

enum status letterbox_message_encode(struct writer *w, const struct letterbox_message *m)
{
    message_body(w, m);
    WRITE_ID(w, &m->signature);
    return writer_done(w);
}

enum status letterbox_message_decode(struct letterbox_message *out, struct span in)
{
    struct reader r;
    struct letterbox_message m = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    m.type = wire_read_enum(&r, LETTERBOX_CONTACT_REQUEST, LETTERBOX_MESSAGE_TYPE_LAST);
    READ_ID(&r, &m.log);
    READ_ID(&r, &m.hpke_public);
    wire_read_person(&r, &m.to);
    m.certificate = reader_vec(&r, WIRE_CERTIFICATE_MAX);
    m.body = reader_vec(&r, LETTERBOX_BODY_MAX);
    READ_ID(&r, &m.signature);
    return wire_finish(&r, out, &m, sizeof m);
}

enum status letterbox_message_sign(struct letterbox_message *m, const struct sign_private *key)
{
    return wire_sign(LABEL_LETTERBOX_MESSAGE, message_body, m, key, &m->signature);
}

enum status letterbox_message_verify(const struct letterbox_message *m)
{
    struct device_certificate c;
    enum status st = device_certificate_decode(&c, m->certificate);
    if (st != ST_OK)
        return st;
    return wire_verify(LABEL_LETTERBOX_MESSAGE, message_body, m, &c.device, &m->signature);
}

enum status letterbox_seal(struct letterbox_message *m, const struct letterbox *box,
                           const struct person_ref *to, const struct sign_private *key, struct entropy *e,
                           struct buffer *out)
{
    struct buffer plain;
    struct writer w;
    uint8_t enc[HPKE_ENC_LEN] = {0};
    size_t before = out->len;
    buffer_init(&plain, LETTERBOX_MESSAGE_MAX);
    writer_init(&w, &plain);
    m->hpke_public = box->hpke_public;
    m->to = *to;
    enum status st = letterbox_log_id(box, &m->log);
    if (st == ST_OK)
        st = letterbox_message_sign(m, key);
    if (st == ST_OK)
        st = letterbox_message_encode(&w, m);
    if (st == ST_OK)
        st = buffer_append(out, SPAN(enc)); /* its place; filled in below */
    if (st == ST_OK)
        st = hpke_seal_label(LABELS_KITH, &box->hpke_public, span_text(label_text(LABEL_LETTERBOX_SEAL)),
                             SPAN_ID(&m->log), buffer_span(&plain), e, enc, out);
    if (st == ST_OK)
        memcpy(out->ptr + before, enc, sizeof enc);
    else
        out->len = before;
    buffer_wipe(&plain);
    return st;
}

enum status letterbox_open(const struct letterbox_owner *owner, struct span sealed, struct buffer *plain,
                           struct letterbox_message *out)
{
    struct reader r;
    *out = (struct letterbox_message){0};
    buffer_wipe(plain);
    reader_init(&r, sealed);
    struct span enc = reader_take(&r, HPKE_ENC_LEN);
    struct span ciphertext = reader_take(&r, reader_left(&r));
    enum status st = reader_done(&r);
    if (st == ST_OK)
        st = hpke_open_label(LABELS_KITH, owner->hpke_private, span_text(label_text(LABEL_LETTERBOX_SEAL)),
                             SPAN_ID(&owner->log), enc, ciphertext, plain);
    if (st == ST_OK)
        st = letterbox_message_decode(out, buffer_span(plain));
    if (st == ST_OK &&
        (!ID_EQUAL(&out->log, &owner->log) || !ID_EQUAL(&out->hpke_public, &owner->hpke_public) ||
         !person_ref_equal(&out->to, &owner->who)))
        st = ST_LETTERBOX_ADDRESS;
    if (st == ST_OK)
        st = letterbox_message_verify(out);
    if (st != ST_OK) {
        *out = (struct letterbox_message){0};
        buffer_wipe(plain);
    }
    return st;
}
