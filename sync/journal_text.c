/* SPDX-License-Identifier: Apache-2.0 */
/* A text of somebody else's in a conversation, as its author sends it: nearly all that ever comes, and so
 * with few statements. What it does is what every entry does (journal_apply.c): it is judged by the rules of
 * the moment, counts or not, and is told. But it is judged before its row is written, so that this says at
 * once what became of it; and nothing is undone when it is refused, for nothing was done. */
#include "sync/family.h"
#include "sync/journal_internal.h"
#include "sync/receipts.h"
#include "sync/receive.h"
#include "sync/said.h"

/* ---- who wrote it ---- */

struct author_memory {
    struct sql_watch watch;
    struct scope_id scope;
    struct device_id device;
    struct entry_author by;
};

void journal_author_free(struct node *n)
{
    mem_free(n->author, sizeof(*n->author));
    n->author = NULL;
}

static enum status ask_author(struct node *n, const struct entry_header *h, struct entry_author *by)
{
    struct query q;
    memset(by, 0, sizeof(*by));
    query_start(&q, &n->sql,
                "SELECT c.family, c.person, EXISTS (SELECT 1 FROM head WHERE scope = ?2 AND author = ?1 AND"
                " pin_seq IS NOT NULL) FROM certificate c WHERE c.device = ?1",
                "bb", SPAN_ID(&h->author), SPAN_ID(&h->scope));
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &by->who.family);
        QUERY_ID(&q, 1, &by->who.person);
        by->pinned = query_int(&q, 2) != 0;
        by->known = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK) {
        st = said_waits(n, &h->scope, &by->waits); /* deletions, timers */
    }
    return st == ST_OK && by->known ? person_name(n, &by->who, by->name, sizeof(by->name)) : st;
}

enum status journal_author(struct node *n, const struct entry_header *h, struct entry_author *by)
{
    struct author_memory *m = n->author;
    if (sql_is_watched(&n->sql.watches)) { /* whoever is watched shows what it rests on */
        return ask_author(n, h, by);
    }
    if (!m) {
        m = n->author = mem_alloc(1, sizeof(*m));
        if (!m) {
            return ST_NO_MEMORY;
        }
        m->watch.of_facts = true;
        sql_watch_add(&n->sql.watches, &m->watch);
    }
    if (!m->watch.stale && ID_EQUAL(&m->scope, &h->scope) && ID_EQUAL(&m->device, &h->author)) {
        *by = m->by;
        return ST_OK;
    }
    sql_watch_open(&n->sql.watches, &m->watch);
    enum status st = ask_author(n, h, by);
    sql_watch_close(&n->sql.watches);
    m->watch.stale = m->watch.stale || st != ST_OK;
    m->scope = h->scope;
    m->device = h->author;
    m->by = *by;
    return st;
}

/* ---- taking it in ---- */

/* Everything that is not plain goes the way of every entry. */
bool journal_text_is_plain(const struct node *n, enum scope_kind kind, const struct decoded_entry *d,
                           const struct take_args *a, const struct entry_author *by)
{
    struct entry_body body;
    struct person_ref self = self_person(n);
    bool as_it_comes = a->attested && !a->own && !a->via && !a->parked && !a->returned;
    if (kind != SCOPE_CONVERSATION || !d->e.has_body || d->e.kind != ENTRY_TEXT || !as_it_comes ||
        !by->known || by->pinned || by->waits || person_ref_equal(&by->who, &self) ||
        hlc_ms(d->e.header.hlc) > n->now.wall_ms + JOURNAL_AHEAD_MS ||
        entry_body_decode(&body, d->e.kind, d->e.body) != ST_OK) {
        return false;
    }
    entry_body_wipe(&body);
    return true;
}

enum status journal_take_text(struct node *n, const struct decoded_entry *d, const struct take_args *a,
                              const struct entry_author *by)
{
    const struct entry_header *h = &d->e.header;
    struct take_args judged = *a;
    int64_t id = 0;
    enum status why = receive_from_author(n, &h->scope, &by->who);
    if (status_is_fatal(why)) {
        return why;
    }
    judged.applied = journal_outcome_of(why);
    node_hlc_seen(n, h->hlc);
    enum status st = journal_insert(n, d, &judged, &id);
    if (st == ST_OK && why == ST_OK) {
        st = receipts_text_arrived(n, h);
    }
    if (st == ST_OK && why == ST_OK) {
        st = node_notice(n, NOTICE_TEXT, by->name, "", &h->scope);
    } else if (st == ST_OK && why != ST_JOURNAL_WITHHELD) {
        st = node_skipped(n);
    }
    return st == ST_OK ? journal_attest_prev(n, SCOPE_CONVERSATION, h) : st;
}
