/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of devices that are gone (protocol.md §8.2): who they were, and how far they told what they wrote.
 *
 * Where nothing is signed, an author's word that an entry is theirs ends with them. A device of the same
 * person that has it gives it to those who come later: it speaks for that person anyway. Nobody else's word
 * counts. */
#include "sync/family.h"
#include "sync/journal_internal.h"

/* ---- certificates ---- */

enum status journal_certificate_of(struct node *n, const struct group *g, const struct device_id *author,
                                   struct buffer *record, bool *needed)
{
    struct device_certificate c;
    struct buffer certificate;
    struct writer w;
    *needed = !group_has_device(g, author, NULL);
    if (!*needed) {
        return ST_OK;
    }
    buffer_init(&certificate, WIRE_CERTIFICATE_MAX);
    enum status st = family_certificate(n, author, &certificate, &c);
    *needed = st == ST_OK;
    if (st == ST_OK) {
        const struct evidence_record r = {.kind = EVIDENCE_CERTIFICATE, .body = buffer_span(&certificate)};
        writer_init(&w, record);
        st = evidence_record_encode(&w, &r);
    }
    buffer_wipe(&certificate);
    return st == ST_NAME_UNKNOWN ? ST_OK : st;
}

enum status journal_take_certificate(struct node *n, struct span record)
{
    struct evidence_record r;
    enum status st = evidence_record_decode(&r, record);
    if (st == ST_OK && r.kind != EVIDENCE_CERTIFICATE) {
        st = ST_RECORD_UNKNOWN; /* a commit's evidence rides before it; alone it says nothing */
    }
    if (st == ST_OK) {
        st = family_keep_certificate(n, r.body);
    }
    node_wake_mono(n, n->now.mono_ms); /* entries may have waited for it */
    return st;
}

/* ---- vouching ---- */

static bool is_unsigned(const struct group *g)
{
    return g->kind == SCOPE_OWN || g->kind == SCOPE_CONVERSATION;
}

/* The last attested heads of this person's devices that are gone from the scope. */
static enum status vouched(struct node *n, const struct group *g, struct have *out)
{
    struct query q;
    out->scope = g->scope;
    query_start(
        &q, &n->sql,
        "SELECT h.author, e.seq, e.hash FROM head h CROSS JOIN certificate c ON c.device = h.author"
        " CROSS JOIN entry e ON e.id = (SELECT a.id FROM entry a INDEXED BY entry_author WHERE a.scope"
        " = h.scope AND a.author = h.author AND a.attested = 1 AND a.fork = 0 ORDER BY a.seq DESC LIMIT"
        " 1) WHERE h.scope = ? AND c.family = ? AND c.person = ? ORDER BY h.author",
        "bbb", SPAN_ID(&g->scope), SPAN_ID(&n->self.family), SPAN_ID(&n->self.person));
    while (out->author_count < JOURNAL_VOUCHED_MAX && query_next(&q)) {
        struct have_author *a = &out->authors[out->author_count];
        QUERY_ID(&q, 0, &a->author);
        a->seq = (uint64_t)query_int(&q, 1);
        QUERY_ID(&q, 2, &a->hash);
        if (!group_has_device(g, &a->author, NULL)) {
            out->author_count++;
        }
    }
    return query_end(&q);
}

enum status journal_vouch(struct node *n, const struct group *g, struct buffer *out)
{
    struct writer w;
    if (!is_unsigned(g)) {
        return ST_OK;
    }
    struct have *h = mem_alloc(1, sizeof(*h));
    enum status st = h ? vouched(n, g, h) : ST_NO_MEMORY;
    if (st == ST_OK && h->author_count != 0) {
        writer_init(&w, out);
        st = have_encode(&w, h);
    }
    mem_free(h, sizeof(*h));
    return st;
}

/* Was the author a device of the person who says it, and is it gone? */
static enum status judge(struct node *n, const struct group *g, const struct device_id *sender,
                         const struct device_id *author)
{
    int64_t same = 0;
    enum status st = sql_number(
        &n->sql, &same, 0,
        "SELECT count(*) FROM certificate a JOIN certificate s ON s.family = a.family AND s.person ="
        " a.person WHERE a.device = ? AND s.device = ?",
        "bb", SPAN_ID(author), SPAN_ID(sender));
    return st == ST_OK && (same == 0 || group_has_device(g, author, NULL)) ? ST_JOURNAL_AUTHOR : st;
}

enum status journal_take_vouch(struct node *n, struct group *g, const struct device_id *sender,
                               struct span body)
{
    struct scope_id scope = g->scope;
    enum scope_kind kind = g->kind;
    struct have *h = mem_alloc(1, sizeof(*h));
    enum status st = h ? have_decode(h, body) : ST_NO_MEMORY;
    if (st == ST_OK && (!ID_EQUAL(&h->scope, &scope) || !is_unsigned(g))) {
        st = ST_RECORD_UNKNOWN;
    }
    for (size_t i = 0; st == ST_OK && i < h->author_count; i++) {
        st = judge(n, g, sender, &h->authors[i].author);
    }
    for (size_t i = 0; st == ST_OK && i < h->author_count; i++) {
        st = journal_announced(n, kind, &scope, &h->authors[i]);
    }
    mem_free(h, sizeof(*h));
    return st;
}
