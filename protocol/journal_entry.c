/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/journal_entry.h"

/* ---- header ---- */

static void header_write(struct writer *w, const void *value)
{
    const struct entry_header *h = value;
    wire_write_version(w);
    WRITE_ID(w, &h->scope);
    WRITE_ID(w, &h->author);
    writer_u64(w, h->seq);
    if (h->seq > ENTRY_SEQ_MAX)
        writer_fail(w, ST_ENTRY_SEQ);
    WRITE_ID(w, &h->prev);
    writer_u32(w, h->generation);
    writer_u64(w, h->epoch);
    writer_u64(w, h->hlc);
    writer_bytes(w, SPAN(h->body_hash));
}

static void header_read(struct reader *r, struct entry_header *h)
{
    static const struct entry_hash none;
    wire_read_version(r);
    READ_ID(r, &h->scope);
    READ_ID(r, &h->author);
    h->seq = reader_u64(r);
    READ_ID(r, &h->prev);
    h->generation = reader_u32(r);
    h->epoch = reader_u64(r);
    h->hlc = reader_u64(r);
    reader_fixed(r, h->body_hash, sizeof h->body_hash);
    if (h->seq == 0 || (h->seq == 1 && !ID_EQUAL(&h->prev, &none)))
        reader_fail(r, ST_WIRE_VALUE);
    if (h->seq > ENTRY_SEQ_MAX)
        reader_fail(r, ST_ENTRY_SEQ);
}

enum status entry_header_hash(const struct entry_header *h, struct entry_hash *out)
{
    return wire_hash(LABEL_ENTRY_HASH, header_write, h, out->b);
}

/* ---- entry ---- */

static void body_hash(const struct journal_entry *e, uint8_t out[static HASH_LEN])
{
    const uint8_t kind[2] = {(uint8_t)(e->kind >> 8), (uint8_t)e->kind};
    const struct span parts[] = {SPAN(e->salt), SPAN(kind), e->body};
    hash_parts(parts, sizeof parts / sizeof parts[0], out);
}

enum status journal_entry_hash_body(struct journal_entry *e)
{
    if (e->body.len > ENTRY_BODY_MAX)
        return ST_WIRE_LIMIT;
    body_hash(e, e->header.body_hash);
    return ST_OK;
}

enum status journal_entry_encode(struct writer *w, const struct journal_entry *e)
{
    header_write(w, &e->header);
    writer_optional(w, e->has_body);
    if (e->has_body) {
        writer_bytes(w, SPAN(e->salt));
        writer_u16(w, e->kind);
        wire_write_vec(w, e->body, ENTRY_BODY_MAX);
    }
    writer_optional(w, e->has_signature);
    if (e->has_signature)
        WRITE_ID(w, &e->signature);
    return writer_done(w);
}

enum status journal_entry_decode(struct journal_entry *out, struct span in)
{
    struct reader r;
    struct journal_entry e = {0};
    reader_init(&r, in);
    header_read(&r, &e.header);
    e.has_body = reader_optional(&r);
    if (e.has_body) {
        uint8_t hash[HASH_LEN];
        reader_fixed(&r, e.salt, sizeof e.salt);
        e.kind = reader_u16(&r);
        e.body = reader_vec(&r, ENTRY_BODY_MAX);
        body_hash(&e, hash);
        if (memcmp(hash, e.header.body_hash, sizeof hash) != 0)
            reader_fail(&r, ST_ENTRY_BODY_HASH);
    }
    e.has_signature = reader_optional(&r);
    if (e.has_signature)
        READ_ID(&r, &e.signature);
    return wire_finish(&r, out, &e, sizeof e);
}

/* What an entry's signature covers: (scope, author, seq, hash), and by the hash everything before. */
static void signed_write(struct writer *w, const void *value)
{
    const struct entry_header *h = value;
    struct entry_hash hash;
    enum status st = entry_header_hash(h, &hash);
    if (st != ST_OK)
        writer_fail(w, st);
    wire_write_version(w);
    WRITE_ID(w, &h->scope);
    WRITE_ID(w, &h->author);
    writer_u64(w, h->seq);
    WRITE_ID(w, &hash);
}

enum status journal_entry_sign(struct journal_entry *e, const struct sign_private *key)
{
    enum status st = wire_sign(LABEL_ENTRY_SIGN, signed_write, &e->header, key, &e->signature);
    e->has_signature = st == ST_OK;
    return st;
}

enum status entry_signature_verify(const struct entry_header *h, const struct signature *s)
{
    return wire_verify(LABEL_ENTRY_SIGN, signed_write, h, &h->author, s);
}

/* ---- have ---- */

void have_authors_write(struct writer *w, const struct have_author *authors, size_t count)
{
    size_t mark = writer_open(w);
    if (count > HAVE_AUTHORS_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    for (size_t i = 0; i < count && w->failed == ST_OK; i++) {
        WRITE_ID(w, &authors[i].author);
        writer_u64(w, authors[i].seq);
        WRITE_ID(w, &authors[i].hash);
    }
    writer_close(w, mark);
}

uint16_t have_authors_read(struct reader *r, struct have_author out[static HAVE_AUTHORS_MAX])
{
    enum { AUTHOR_LEN = ID_LEN + 8 + ID_LEN };
    uint16_t count = 0;
    struct reader items = reader_enter(r, (size_t)HAVE_AUTHORS_MAX * AUTHOR_LEN);
    while (reader_more(&items)) {
        struct have_author *a = &out[count++];
        READ_ID(&items, &a->author);
        a->seq = reader_u64(&items);
        READ_ID(&items, &a->hash);
        if (count > 1 && ID_COMPARE(&a[-1].author, &a->author) >= 0)
            reader_fail(&items, ST_WIRE_VALUE);
        if (a->seq > ENTRY_SEQ_MAX)
            reader_fail(&items, ST_ENTRY_SEQ);
    }
    reader_leave(r, &items);
    return count;
}

enum status have_encode(struct writer *w, const struct have *h)
{
    wire_write_version(w);
    WRITE_ID(w, &h->scope);
    wire_write_vec(w, h->beacon, HAVE_BEACON_MAX);
    have_authors_write(w, h->authors, h->author_count);
    return writer_done(w);
}

enum status have_decode(struct have *out, struct span in)
{
    struct reader r;
    struct have h = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    READ_ID(&r, &h.scope);
    h.beacon = reader_vec(&r, HAVE_BEACON_MAX);
    h.author_count = have_authors_read(&r, h.authors);
    return wire_finish(&r, out, &h, sizeof h);
}
