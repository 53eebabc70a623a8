/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/beacon.h"

/* ---- Beacon ---- */

enum status beacon_encode(struct writer *w, const struct beacon *b)
{
    wire_write_version(w);
    WRITE_ID(w, &b->scope);
    writer_u32(w, b->generation);
    writer_bytes(w, SPAN(b->founding_hash));
    writer_u64(w, b->epoch);
    writer_bytes(w, SPAN(b->authenticator_hash));
    WRITE_ID(w, &b->incarnation);
    writer_optional(w, b->answers);
    if (b->answers)
        writer_bytes(w, SPAN(b->nonce));
    writer_optional(w, b->asks);
    if (b->asks)
        writer_bytes(w, SPAN(b->asked));
    return writer_done(w);
}

enum status beacon_decode(struct beacon *out, struct span in)
{
    struct reader r;
    struct beacon b = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    READ_ID(&r, &b.scope);
    b.generation = reader_u32(&r);
    reader_fixed(&r, b.founding_hash, sizeof b.founding_hash);
    b.epoch = reader_u64(&r);
    reader_fixed(&r, b.authenticator_hash, sizeof b.authenticator_hash);
    READ_ID(&r, &b.incarnation);
    b.answers = reader_optional(&r);
    if (b.answers)
        reader_fixed(&r, b.nonce, sizeof b.nonce);
    b.asks = reader_optional(&r);
    if (b.asks)
        reader_fixed(&r, b.asked, sizeof b.asked);
    return wire_finish(&r, out, &b, sizeof b);
}

enum status beacon_authenticator_hash(struct span epoch_authenticator, uint8_t out[static HASH_LEN])
{
    return wire_hash_bytes(LABEL_AUTHENTICATOR_HASH, epoch_authenticator, out);
}

/* ---- ReaddRequest ---- */

static void readd_body(struct writer *w, const void *value)
{
    const struct readd_request *q = value;
    wire_write_version(w);
    WRITE_ID(w, &q->scope);
    writer_u32(w, q->generation);
    writer_bytes(w, SPAN(q->old_leaf_hash));
    writer_bytes(w, SPAN(q->key_package_hash));
    WRITE_ID(w, &q->device);
}

enum status readd_request_encode(struct writer *w, const struct readd_request *q)
{
    readd_body(w, q);
    wire_write_vec(w, q->key_package, WIRE_KEY_PACKAGE_MAX);
    WRITE_ID(w, &q->signature);
    return writer_done(w);
}

enum status readd_request_decode(struct readd_request *out, struct span in)
{
    struct reader r;
    struct readd_request q = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    READ_ID(&r, &q.scope);
    q.generation = reader_u32(&r);
    reader_fixed(&r, q.old_leaf_hash, sizeof q.old_leaf_hash);
    reader_fixed(&r, q.key_package_hash, sizeof q.key_package_hash);
    READ_ID(&r, &q.device);
    q.key_package = reader_vec(&r, WIRE_KEY_PACKAGE_MAX);
    READ_ID(&r, &q.signature);
    return wire_finish(&r, out, &q, sizeof q);
}

enum status readd_request_sign(struct readd_request *q, const struct sign_private *key)
{
    return wire_sign(LABEL_READD_REQUEST, readd_body, q, key, &q->signature);
}

enum status readd_request_verify(const struct readd_request *q)
{
    return wire_verify(LABEL_READD_REQUEST, readd_body, q, &q->device, &q->signature);
}

/* ---- LeafTold ---- */

enum status leaf_told_encode(struct writer *w, const struct leaf_told *l)
{
    wire_write_version(w);
    WRITE_ID(w, &l->scope);
    writer_u32(w, l->generation);
    WRITE_ID(w, &l->device);
    writer_bytes(w, SPAN(l->leaf_hash));
    return writer_done(w);
}

enum status leaf_told_decode(struct leaf_told *out, struct span in)
{
    struct reader r;
    struct leaf_told l = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    READ_ID(&r, &l.scope);
    l.generation = reader_u32(&r);
    READ_ID(&r, &l.device);
    reader_fixed(&r, l.leaf_hash, sizeof l.leaf_hash);
    return wire_finish(&r, out, &l, sizeof l);
}

/* ---- leave note ---- */

enum leave_version { LEAVE_WITHOUT_LEAF = 1, LEAVE_OF_LEAF = 2, LEAVE_HEARD = 3 };

static void leave_body(struct writer *w, const void *value)
{
    const struct leave_note *n = value;
    writer_u8(w, n->has_leaf ? LEAVE_OF_LEAF : LEAVE_WITHOUT_LEAF);
    WRITE_ID(w, &n->scope);
    writer_u32(w, n->generation);
    wire_write_person(w, &n->who);
    WRITE_ID(w, &n->device);
    if (n->has_leaf)
        writer_bytes(w, SPAN(n->leaf_hash));
}

enum status leave_note_encode(struct writer *w, const struct leave_note *n)
{
    leave_body(w, n);
    WRITE_ID(w, &n->signature);
    return writer_done(w);
}

enum status leave_note_decode(struct leave_note *out, struct span in)
{
    struct reader r;
    struct leave_note n = {0};
    reader_init(&r, in);
    uint8_t version = reader_u8(&r);
    if (version != LEAVE_WITHOUT_LEAF && version != LEAVE_OF_LEAF)
        reader_fail(&r, ST_WIRE_VERSION);
    n.has_leaf = version == LEAVE_OF_LEAF;
    READ_ID(&r, &n.scope);
    n.generation = reader_u32(&r);
    wire_read_person(&r, &n.who);
    READ_ID(&r, &n.device);
    if (n.has_leaf)
        reader_fixed(&r, n.leaf_hash, sizeof n.leaf_hash);
    READ_ID(&r, &n.signature);
    return wire_finish(&r, out, &n, sizeof n);
}

enum status leave_note_sign(struct leave_note *n, const struct sign_private *key)
{
    return wire_sign(LABEL_LEAVE, leave_body, n, key, &n->signature);
}

enum status leave_note_verify(const struct leave_note *n)
{
    return wire_verify(LABEL_LEAVE, leave_body, n, &n->device, &n->signature);
}

/* ---- a note that was heard ---- */

bool leave_is_heard(struct span in)
{
    return in.len > 0 && in.ptr[0] == LEAVE_HEARD;
}

enum status leave_heard_decode(struct leave_heard *out, struct span in)
{
    struct reader r;
    struct leave_heard h = {0};
    reader_init(&r, in);
    if (reader_u8(&r) != LEAVE_HEARD)
        reader_fail(&r, ST_WIRE_VERSION);
    h.hlc = reader_u64(&r);
    h.certificate = reader_vec(&r, WIRE_CERTIFICATE_MAX);
    h.note = reader_vec(&r, LEAVE_NOTE_MAX);
    return wire_finish(&r, out, &h, sizeof h);
}

enum status leave_heard_encode(struct writer *w, const struct leave_heard *h)
{
    writer_u8(w, LEAVE_HEARD);
    writer_u64(w, h->hlc);
    wire_write_vec(w, h->certificate, WIRE_CERTIFICATE_MAX);
    wire_write_vec(w, h->note, LEAVE_NOTE_MAX);
    return writer_done(w);
}
