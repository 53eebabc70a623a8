/* SPDX-License-Identifier: Apache-2.0 */
/* One part's entries into the journal. They fall by hlc, and so each author's by number: what chains to the
 * entry before it in the part is known without asking the database, which is what makes a hundred thousand of
 * them bearable. Whatever is not the plain case goes the way of every entry (journal_take_passed_on). */
#include "sync/family.h"
#include "sync/history_internal.h"
#include "sync/journal_internal.h"
#include "sync/said.h"

enum { AUTHORS_MAX = 64 };

struct keep_author { /* the entry of theirs that came last */
    struct device_id device;
    uint64_t seq;
    struct entry_hash prev;
    int64_t row; /* the last that was attested when it came: it attests what it chains to */
    bool attested, known;
    bool plain; /* whose device it is, is known, and it has no pin in this scope: a text of theirs just counts
                 */
};

struct keeping {
    struct node *n;
    const struct history_range *range;
    const struct device_id *via;
    enum scope_kind kind;
    struct keep_author authors[AUTHORS_MAX];
    size_t author_count;
    bool said_waits; /* texts have to go through said_arrived */
    struct span item;
};

/* Of conversations and of the family only: a scope that is another kind's here gets nothing by this door. */
static enum status judge_scope(struct keeping *k)
{
    struct scope_id family;
    int64_t others = 0;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &k->n->self.family, &family);
    if (st != ST_OK) {
        return st;
    }
    k->kind = ID_EQUAL(&family, &k->range->scope) ? SCOPE_FAMILY : SCOPE_CONVERSATION;
    st = sql_number(&k->n->sql, &others, 0, "SELECT count(*) FROM mls_group WHERE scope = ? AND kind != ?",
                    "bi", SPAN_ID(&k->range->scope), (int64_t)k->kind);
    return st == ST_OK && others != 0 ? ST_HISTORY_COUNT : st;
}

/* Nobody's certificate is replaced by one that came this way. */
static enum status keep_certificate(struct node *n, void *arg)
{
    struct device_certificate c;
    int64_t known = 0;
    struct keeping *k = arg;
    enum status st = device_certificate_decode(&c, k->item);
    if (st == ST_OK) {
        st = device_certificate_verify(&c);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &known, 0, "SELECT count(*) FROM certificate WHERE device = ?", "b",
                        SPAN_ID(&c.device));
    }
    return st == ST_OK && known == 0 ? family_keep_certificate(n, k->item) : st;
}

static enum status look_at_author(struct keeping *k, struct keep_author *a)
{
    int64_t known = 0;
    enum status st =
        sql_number(&k->n->sql, &known, 0,
                   "SELECT count(*) FROM certificate c WHERE c.device = ?1 AND (?3 OR c.family = ?4) AND NOT"
                   " EXISTS (SELECT 1 FROM head h WHERE h.scope = ?2 AND h.author = ?1 AND h.pin_seq IS NOT"
                   " NULL)",
                   "bbib", SPAN_ID(&a->device), SPAN_ID(&k->range->scope),
                   (int64_t)(k->kind == SCOPE_CONVERSATION), SPAN_ID(&k->n->self.family));
    a->plain = known != 0;
    return st;
}

static enum status author_of(struct keeping *k, const struct device_id *device, struct keep_author **out)
{
    *out = NULL;
    for (size_t i = 0; i < k->author_count; i++) {
        if (ID_EQUAL(&k->authors[i].device, device)) {
            *out = &k->authors[i];
            return ST_OK;
        }
    }
    if (k->author_count == AUTHORS_MAX) {
        return ST_OK; /* then without the short cut */
    }
    *out = &k->authors[k->author_count++];
    **out = (struct keep_author){.device = *device};
    return look_at_author(k, *out);
}

/* Does anything that is here attest this entry: what its author wrote next, or a head that was announced? */
static enum status find_attestation(struct keeping *k, const struct journal_entry *e,
                                    const struct entry_hash *hash, bool *attested)
{
    int64_t by = 0;
    enum status st =
        sql_number(&k->n->sql, &by, 0,
                   "SELECT count(*) FROM entry WHERE scope = ? AND author = ? AND seq = ? AND prev = ?"
                   " AND attested = 1 AND fork = 0",
                   "bbib", SPAN_ID(&e->header.scope), SPAN_ID(&e->header.author), (int64_t)e->header.seq + 1,
                   SPAN_ID(hash));
    if (st == ST_OK && by == 0) {
        st = sql_number(&k->n->sql, &by, 0,
                        "SELECT count(*) FROM head WHERE scope = ? AND author = ? AND told_hash = ?", "bbb",
                        SPAN_ID(&e->header.scope), SPAN_ID(&e->header.author), SPAN_ID(hash));
    }
    *attested = by != 0;
    return st;
}

static enum status attested(struct keeping *k, const struct journal_entry *e, const struct entry_hash *hash,
                            const struct keep_author *a, bool *out)
{
    *out = false;
    if (journal_scope_signs(k->kind)) {
        *out = e->has_signature;
        return e->has_signature ? entry_signature_verify(&e->header, &e->signature) : ST_CRYPTO_SIGNATURE;
    }
    if (ID_EQUAL(&e->header.author, k->via)) { /* over MLS, by the hash that stands in the page */
        *out = true;
        return ST_OK;
    }
    if (a->known && a->attested && a->seq == e->header.seq + 1 && ID_EQUAL(&a->prev, hash)) {
        *out = true;
        return ST_OK;
    }
    return find_attestation(k, e, hash, out);
}

static enum status insert(struct keeping *k, const struct journal_entry *e, const struct entry_hash *hash,
                          bool is_attested, enum entry_applied outcome)
{
    const struct entry_header *h = &e->header;
    return sql_run(
        &k->n->sql,
        "INSERT INTO entry(scope, author, seq, hash, prev, hlc, kind, has_body, entry, attested, applied,"
        " own, acked, via, arrived_at) VALUES(?,?,?,?,?,?,?,?,?,?,?,0,1,?,?)",
        "bbibbiiibiibi", SPAN_ID(&h->scope), SPAN_ID(&h->author), (int64_t)h->seq, SPAN_ID(hash),
        SPAN_ID(&h->prev), (int64_t)h->hlc, (int64_t)e->kind, (int64_t)e->has_body, k->item,
        (int64_t)is_attested, (int64_t)outcome, SPAN_ID(k->via), k->n->now.wall_ms);
}

/* One whose body is none is kept for its number and shown by nobody. */
static bool is_readable(const struct journal_entry *e)
{
    struct entry_body body;
    enum status st = entry_body_decode(&body, e->kind, e->body);
    entry_body_wipe(&body);
    return st == ST_OK;
}

static enum status keep_new(struct keeping *k, const struct journal_entry *e, struct keep_author *a)
{
    struct entry_hash hash;
    bool is_attested = false;
    enum status st = entry_header_hash(&e->header, &hash);
    if (st == ST_OK) {
        st = attested(k, e, &hash, a, &is_attested);
    }
    bool text = e->has_body && e->kind == ENTRY_TEXT, is_void = text && !is_readable(e);
    bool applies = text && !is_void && is_attested && a->plain && !k->said_waits &&
                   hlc_ms(e->header.hlc) <= k->n->now.wall_ms + JOURNAL_AHEAD_MS;
    if (st == ST_OK) {
        st = insert(k, e, &hash, is_attested, is_void ? ENTRY_VOID : applies ? ENTRY_APPLIED : ENTRY_DUE);
    }
    if (st != ST_OK) {
        return st;
    }
    a->seq = e->header.seq;
    a->prev = e->header.prev;
    int64_t row = sql_last_id(&k->n->sql);
    a->row = is_attested ? row : a->row;
    a->attested = is_attested;
    a->known = true;
    /* A text that is not attested yet was judged by whoever handed it over: there is nothing to do with it.
     */
    bool due = e->has_body && !applies && !is_void && (is_attested || !text);
    st = due ? journal_apply(k->n, k->kind, row) : ST_OK;
    if (st == ST_OK && due && e->kind != ENTRY_TEXT && !k->said_waits) {
        st = said_waits(k->n, &e->header.scope, &k->said_waits);
    }
    return st;
}

/* What the part may hold at all; anything else makes the whole of it another one than was promised. */
static enum status judge_item(struct keeping *k, const struct journal_entry *e)
{
    uint64_t hlc = e->header.hlc;
    bool fits = ID_EQUAL(&e->header.scope, &k->range->scope) && hlc >= k->range->first_hlc &&
                hlc <= k->range->last_hlc && e->header.seq != 0 && e->header.seq <= INT64_MAX &&
                (e->has_body ? history_kind(e->kind) && entry_kind_in_scope((enum entry_kind)e->kind, k->kind)
                             : k->kind == SCOPE_CONVERSATION);
    return fits ? ST_OK : ST_HISTORY_COUNT;
}

static enum status keep_slowly(struct node *n, void *arg)
{
    struct keeping *k = arg;
    return journal_take_passed_on(n, k->kind, &k->range->scope, k->item, k->via);
}

/* *why: the entry does not count, and nothing of it is here. The plain way fails before it has written
 * anything, so it needs no SAVEPOINT: SQLite's cost of one grows with what the transaction has changed so
 * far. */
static enum status keep_entry(struct keeping *k, enum status *why)
{
    struct journal_entry e;
    struct keep_author *a = NULL;
    int64_t there = 0;
    enum status st = journal_entry_decode(&e, k->item);
    if (st == ST_OK) {
        st = sql_number(&k->n->sql, &there, 0,
                        "SELECT count(*) FROM entry WHERE scope = ? AND author = ? AND seq = ?", "bbi",
                        SPAN_ID(&e.header.scope), SPAN_ID(&e.header.author), (int64_t)e.header.seq);
    }
    if (st == ST_OK) {
        st = author_of(k, &e.header.author, &a);
    }
    if (st == ST_OK && a != NULL && there == 0 && !ID_EQUAL(&e.header.author, &k->n->self.device)) {
        st = keep_new(k, &e, a);
    } else if (st == ST_OK) {
        if (a != NULL) {
            a->known = false;
        }
        return node_guard(k->n, keep_slowly, k, why);
    }
    *why = status_is_fatal(st) ? ST_OK : st;
    return status_is_fatal(st) ? st : ST_OK;
}

static enum status keep_certificates(struct keeping *k, struct span rest)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < AUTHORS_MAX && wire_list_next(&rest, &k->item); i++) {
        st = node_guard(k->n, keep_certificate, k, NULL); /* a bad one: its author's entries do not count */
    }
    return st;
}

/* The whole part is looked through before any of it is kept. */
static enum status judge_items(struct keeping *k, struct span rest)
{
    uint32_t count = 0;
    enum status st = ST_OK;
    while (st == ST_OK && wire_list_next(&rest, &k->item)) {
        struct journal_entry e;
        st = journal_entry_decode(&e, k->item);
        st = st == ST_OK ? judge_item(k, &e) : ST_HISTORY_COUNT;
        count++;
    }
    return st == ST_OK && (count != k->range->entry_count || rest.len != 0) ? ST_HISTORY_COUNT : st;
}

static enum status keep_items(struct keeping *k, struct span rest)
{
    enum status st = ST_OK;
    while (st == ST_OK && wire_list_next(&rest, &k->item)) {
        enum status why = ST_OK;
        st = keep_entry(k, &why);
        if (st == ST_OK && why != ST_OK) {
            st = node_skipped(k->n);
        }
    }
    return st;
}

/* Heads and what was waiting to be attested, once an author and not once an entry. */
static enum status settle_authors(struct keeping *k)
{
    enum status st = ST_OK;
    node_hlc_seen(k->n, k->range->last_hlc);
    for (size_t i = 0; st == ST_OK && i < k->author_count; i++) {
        struct keep_author *a = &k->authors[i];
        st = journal_moved(k->n, k->kind, &k->range->scope, &a->device, a->row);
    }
    return st;
}

enum status history_keep_part(struct node *n, const struct history_range *range,
                              const struct history_unpacked *u, const struct device_id *via)
{
    struct keeping *k = mem_alloc(1, sizeof(*k));
    if (k == NULL) {
        return ST_NO_MEMORY;
    }
    *k = (struct keeping){.n = n, .range = range, .via = via};
    enum status st = judge_scope(k);
    if (st == ST_OK) {
        st = said_waits(n, &range->scope, &k->said_waits);
    }
    if (st == ST_OK) {
        st = judge_items(k, u->entries);
    }
    if (st == ST_OK) {
        st = keep_certificates(k, u->certificates);
    }
    if (st == ST_OK) {
        st = keep_items(k, u->entries);
    }
    if (st == ST_OK) {
        st = settle_authors(k);
    }
    mem_free(k, sizeof(*k));
    return st;
}
