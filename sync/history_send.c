/* SPDX-License-Identifier: Apache-2.0 */
/* One part of a history: a run of a conversation's entries, newest first, with the certificates of their
 * authors. What is not to be shown again (other kinds, what is void or withheld here) goes as its header
 * alone, so that chains stay whole. */
#include "sync/family.h"
#include "sync/history_internal.h"
#include "sync/journal_internal.h"

enum {
    AUTHORS_MAX = 64,          /* of one part */
    AIM_MIN = 192 * 1024,      /* fits a part however badly it compresses */
    ENTRY_LEN_MAX = 64 * 1024, /* what is longer goes as its header */
    ROWS_MAX = 4096,           /* of one part */
    SCREEN_ROWS_MAX = 4 * HISTORY_SCREEN
};

/* A contact's letterbox is told once, in the conversation: who was not there yet would have nowhere to send
 * letters. */
bool history_kind(uint16_t kind)
{
    return kind == ENTRY_TEXT || kind == ENTRY_LETTERBOX || kind == ENTRY_EDIT || kind == ENTRY_DELETE ||
           kind == ENTRY_REACTION || kind == ENTRY_TIMER || kind == ENTRY_ATTACHMENT;
}

struct packing_part {
    struct node *n;
    const struct history_source *s;
    struct history_sent *out;
    size_t aim;
    struct history_pack pack;
    struct device_id authors[AUTHORS_MAX];
    size_t author_count;
    uint32_t said; /* entries with a body */
    bool full;
};

static bool knows_author(const struct packing_part *p, const struct device_id *author)
{
    for (size_t i = 0; i < p->author_count; i++) {
        if (ID_EQUAL(&p->authors[i], author)) {
            return true;
        }
    }
    return false;
}

static enum status add_author(struct packing_part *p, const struct device_id *author)
{
    struct buffer bytes;
    struct device_certificate c;
    if (knows_author(p, author)) {
        return ST_OK;
    }
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    enum status st = family_certificate(p->n, author, &bytes, &c);
    if (st == ST_OK) {
        st = history_pack_certificate(&p->pack, buffer_span(&bytes));
    }
    if (st == ST_OK || st == ST_NAME_UNKNOWN) {
        p->authors[p->author_count++] = *author;
        st = ST_OK;
    }
    buffer_wipe(&bytes);
    return st;
}

/* The entry's bytes as they are handed on. */
static enum status strip_body(struct span entry, struct buffer *out)
{
    struct journal_entry e;
    struct writer w;
    enum status st = journal_entry_decode(&e, entry);
    if (st != ST_OK) {
        return ST_STORE_ROW;
    }
    e.has_body = false;
    e.kind = 0;
    e.body = SPAN_EMPTY;
    buffer_wipe(out);
    writer_init(&w, out);
    return journal_entry_encode(&w, &e);
}

static void note_range(struct packing_part *p, uint64_t hlc, int64_t id)
{
    struct history_range *r = &p->out->range;
    r->first_hlc = hlc; /* they fall */
    r->last_hlc = p->pack.count == 1 ? hlc : r->last_hlc;
    p->out->below_hlc = hlc;
    p->out->below_id = id;
}

/* Is it shown here, as said or as passed on? Whose author is gone for good has nobody to attest it, and
 * should not be lost with the device that has it. */
static bool is_shown(const struct query *q)
{
    int64_t applied = query_int(q, 5);
    return history_kind((uint16_t)query_int(q, 3)) && query_int(q, 4) != 0 &&
           (applied == ENTRY_APPLIED || (applied == ENTRY_DUE && query_int(q, 7) == 0));
}

/* Columns: id, author, hlc, kind, has_body, applied, entry, attested. Sets p->full instead of adding what
 * would be too much. */
static enum status add_row(struct packing_part *p, const struct query *q, struct buffer *scratch)
{
    struct device_id author;
    struct span entry = query_blob(q, 6), id = query_blob(q, 1);
    bool said = is_shown(q) && entry.len <= ENTRY_LEN_MAX;
    enum status st = said ? ST_OK : strip_body(entry, scratch);
    if (st != ST_OK || id.len != sizeof(author.b)) {
        return st != ST_OK ? st : ST_STORE_ROW;
    }
    memcpy(author.b, id.ptr, sizeof(author.b));
    entry = said ? entry : buffer_span(scratch);
    size_t used = p->pack.entries.len + p->pack.certificates.len;
    bool screen_full = p->s->screen && (p->said == HISTORY_SCREEN || p->pack.count == SCREEN_ROWS_MAX);
    p->full = p->pack.count != 0 && (screen_full || p->pack.count == ROWS_MAX || used + entry.len > p->aim ||
                                     (p->author_count == AUTHORS_MAX && !knows_author(p, &author)));
    if (p->full) {
        return ST_OK;
    }
    st = add_author(p, &author);
    if (st == ST_OK) {
        st = history_pack_entry(&p->pack, entry);
    }
    if (st == ST_OK) {
        p->said += said;
        note_range(p, (uint64_t)query_int(q, 2), query_int(q, 0));
    }
    return st;
}

static enum status gather(struct packing_part *p)
{
    struct query q;
    struct buffer scratch;
    const struct history_source *s = p->s;
    enum status st = ST_OK;
    buffer_init(&scratch, GROUP_MESSAGE_MAX);
    query_start(
        &q, &p->n->sql,
        "SELECT id, author, hlc, kind, has_body, applied, entry, attested FROM entry INDEXED BY entry_hlc"
        " WHERE scope = ?1 AND hlc BETWEEN ?2 AND ?3 AND (hlc < ?3 OR id < ?4) AND fork = 0"
        " AND (?5 = 0 OR (kind IN (1, 28, 29, 30, 31, 32) AND applied = 1 AND has_body = 1))"
        " ORDER BY hlc DESC, id DESC",
        "biiii", SPAN_ID(&s->scope), (int64_t)s->from_hlc, (int64_t)s->below_hlc, s->below_id,
        (int64_t)(s->kind == SCOPE_FAMILY));
    while (st == ST_OK && !p->full && query_next(&q)) {
        st = add_row(p, &q, &scratch);
    }
    enum status end = query_end(&q);
    buffer_wipe(&scratch);
    return st == ST_OK ? end : st;
}

static enum status close_part(struct packing_part *p, uint32_t index, struct buffer *packed)
{
    struct writer w;
    enum status st = history_pack_close(&p->pack, packed, &p->out->range);
    if (st != ST_OK || packed->len > HISTORY_PACKED_MAX) {
        return st;
    }
    struct history_part part = {index, buffer_span(packed)};
    writer_init(&w, &p->out->message);
    return history_part_encode(&w, &part);
}

static enum status pack_once(struct node *n, const struct history_source *s, uint32_t index, size_t aim,
                             struct history_sent *out)
{
    struct packing_part *p = mem_alloc(1, sizeof(*p));
    struct buffer packed;
    if (p == NULL) {
        return ST_NO_MEMORY;
    }
    *p = (struct packing_part){.n = n, .s = s, .out = out, .aim = aim};
    memset(out, 0, sizeof(*out));
    buffer_init(&out->message, HISTORY_MESSAGE_MAX);
    buffer_init(&packed, HISTORY_RAW_MAX * 2);
    history_pack_init(&p->pack);
    out->range.scope = s->scope;
    enum status st = gather(p);
    if (st == ST_OK && p->pack.count != 0) {
        st = close_part(p, index, &packed);
    }
    out->more = p->full;
    history_pack_free(&p->pack);
    buffer_wipe(&packed);
    mem_free(p, sizeof(*p));
    return st;
}

enum status history_send_part(struct node *n, const struct history_source *s, uint32_t index, size_t *aim,
                              struct history_sent *out)
{
    enum status st = pack_once(n, s, index, *aim, out);
    while (st == ST_OK && out->range.packed_size > HISTORY_PACKED_MAX && *aim > AIM_MIN) {
        *aim = *aim / 2 > AIM_MIN ? *aim / 2 : AIM_MIN;
        buffer_wipe(&out->message);
        st = pack_once(n, s, index, *aim, out);
    }
    return st == ST_OK && out->range.packed_size > HISTORY_PACKED_MAX ? ST_NO_SPACE : st;
}
