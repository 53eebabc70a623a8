/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: written, taken in, attested. What they do: journal_apply.c. How they travel: journal_sync.c. */
#include "sync/journal.h"

#include "sync/family.h"
#include "sync/journal_internal.h"
#include "sync/restore.h"

/* ---- heads ---- */

static enum status ensure_head(struct node *n, const struct scope_id *scope, const struct device_id *author)
{
    return sql_run(&n->sql, "INSERT OR IGNORE INTO head(scope, author) VALUES(?,?)", "bb", SPAN_ID(scope),
                   SPAN_ID(author));
}

enum status journal_follow(struct node *n, const struct scope_id *scope, const struct device_id *author)
{
    int64_t at = 0, next = 0;
    enum status st = sql_number(&n->sql, &at, 0, "SELECT cont_seq FROM head WHERE scope = ? AND author = ?",
                                "bb", SPAN_ID(scope), SPAN_ID(author));
    next = at;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT seq FROM entry WHERE scope = ? AND author = ? AND seq > ? AND fork = 0 ORDER BY seq",
                "bbi", SPAN_ID(scope), SPAN_ID(author), at);
    while (query_next(&q) && query_int(&q, 0) == next + 1) {
        next++;
    }
    enum status end = query_end(&q);
    if (st != ST_OK || end != ST_OK || next == at) {
        return st != ST_OK ? st : end;
    }
    return sql_run(
        &n->sql,
        "UPDATE head SET cont_seq = ?3, cont_hash = (SELECT hash FROM entry WHERE scope = ?1 AND author = ?2"
        " AND seq = ?3 AND fork = 0) WHERE scope = ?1 AND author = ?2",
        "bbi", SPAN_ID(scope), SPAN_ID(author), next);
}

enum status journal_set_base(struct node *n, const struct scope_id *scope, const struct have_author *head)
{
    enum status st = ensure_head(n, scope, &head->author);
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "UPDATE head SET base_seq = ?3, base_hash = ?4, cont_seq = ?3, cont_hash = ?4 WHERE scope = ?1"
            " AND author = ?2 AND cont_seq < ?3",
            "bbib", SPAN_ID(scope), SPAN_ID(&head->author), (int64_t)head->seq, SPAN_ID(&head->hash));
    }
    return st == ST_OK ? journal_follow(n, scope, &head->author) : st;
}

enum status journal_set_pin(struct node *n, const struct device_id *author, const struct pin *pin)
{
    enum status st = ensure_head(n, &pin->scope, author);
    return st == ST_OK
               ? sql_run(&n->sql, "UPDATE head SET pin_seq = ?, pin_hash = ? WHERE scope = ? AND author = ?",
                         "ibbb", (int64_t)pin->seq, SPAN_ID(&pin->hash), SPAN_ID(&pin->scope),
                         SPAN_ID(author))
               : st;
}

enum status journal_holds_announced(struct node *n, const struct scope_id *scope, bool *holds)
{
    int64_t behind = 0;
    enum status st = sql_number(&n->sql, &behind, 0,
                                "SELECT count(*) FROM head WHERE scope = ? AND told_seq > cont_seq"
                                " AND (pin_seq IS NULL OR cont_seq < pin_seq)",
                                "b", SPAN_ID(scope));
    *holds = behind == 0;
    return st;
}

/* ---- rows ---- */

/* The plain case, in one statement: it is the next one, and the one after it is not here yet. */
static enum status follow_next(struct node *n, const struct entry_header *h, const struct entry_hash *hash,
                               bool *moved)
{
    enum status st = sql_run(
        &n->sql,
        "UPDATE head SET cont_seq = ?3, cont_hash = ?4 WHERE scope = ?1 AND author = ?2 AND cont_seq = ?3 - 1"
        " AND NOT EXISTS (SELECT 1 FROM entry WHERE scope = ?1 AND author = ?2 AND seq = ?3 + 1 AND fork = "
        "0)",
        "bbib", SPAN_ID(&h->scope), SPAN_ID(&h->author), (int64_t)h->seq, SPAN_ID(hash));
    *moved = sql_changes(&n->sql) != 0;
    return st;
}

enum status journal_insert(struct node *n, const struct decoded_entry *d, const struct take_args *a,
                           int64_t *id)
{
    const struct journal_entry *e = &d->e;
    const struct entry_header *h = &e->header;
    bool moved = false;
    enum status st = sql_run(&n->sql,
                             "INSERT INTO entry(scope, author, seq, hash, prev, hlc, kind, has_body, entry, "
                             "attested, own, acked,"
                             " via, arrived_at, fork, applied) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                             "bbibbiiibiiioiii", SPAN_ID(&h->scope), SPAN_ID(&h->author), (int64_t)h->seq,
                             SPAN_ID(&d->hash), SPAN_ID(&h->prev), (int64_t)h->hlc, (int64_t)e->kind,
                             (int64_t)e->has_body, d->bytes, (int64_t)a->attested, (int64_t)a->own,
                             (int64_t)!a->own, a->via ? SPAN_ID(a->via) : SPAN_EMPTY, n->now.wall_ms,
                             (int64_t)(a->parked ? ENTRY_PARKED : ENTRY_CHAINED), (int64_t)a->applied);
    *id = sql_last_id(&n->sql);
    n->kept++;
    if (st == ST_OK && !a->parked) {
        st = follow_next(n, h, &d->hash, &moved);
    }
    if (st == ST_OK && !moved) {
        st = ensure_head(n, &h->scope, &h->author);
    }
    return st == ST_OK && !moved ? journal_follow(n, &h->scope, &h->author) : st;
}

/* ---- writing ---- */

static enum status fill_header(struct node *n, const struct scope_id *scope, struct entry_header *h)
{
    struct query q;
    struct group *g = NULL;
    h->scope = *scope;
    h->author = n->self.device;
    h->seq = 1;
    query_start(&q, &n->sql,
                "SELECT seq, hash FROM entry WHERE scope = ?1 AND author = ?2 AND fork != 1 UNION ALL SELECT"
                " cont_seq, cont_hash FROM head WHERE scope = ?1 AND author = ?2 AND cont_seq > 0"
                " ORDER BY 1 DESC LIMIT 1",
                "bb", SPAN_ID(scope), SPAN_ID(&n->self.device));
    if (query_next(&q)) {
        h->seq = (uint64_t)query_int(&q, 0) + 1;
        QUERY_ID(&q, 1, &h->prev);
    }
    enum status st = query_end(&q);
    if (st == ST_OK) {
        st = node_hlc(n, &h->hlc);
    }
    if (st != ST_OK) {
        return st;
    }
    st = group_of_scope(n, scope, &g);
    if (st == ST_OK) {
        h->generation = g->generation;
        h->epoch = g->epoch;
    }
    return st == ST_GROUP_NOT_HERE ? ST_OK : st;
}

enum status journal_append(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                           const struct entry_body *body, struct entry_hash *hash)
{
    struct buffer bytes, encoded;
    struct writer w;
    struct decoded_entry d = {.e = {.has_body = true, .kind = (uint16_t)body->kind}};
    struct journal_entry *e = &d.e;
    bool holds = false;
    int64_t id = 0;
    buffer_init(&bytes, ENTRY_BODY_MAX);
    buffer_init(&encoded, GROUP_MESSAGE_MAX);
    writer_init(&w, &bytes);
    enum status st = entry_kind_in_scope(body->kind, kind) ? entry_body_encode(&w, body) : ST_USAGE;
    if (st == ST_OK) {
        st = fill_header(n, scope, &e->header);
    }
    if (st == ST_OK) {
        e->body = buffer_span(&bytes);
        entropy_fill(&n->entropy, e->salt, sizeof(e->salt));
        st = journal_entry_hash_body(e);
    }
    if (st == ST_OK && journal_scope_signs(kind)) {
        e->has_signature = true;
        st = journal_entry_sign(e, &n->self.key);
    }
    if (st == ST_OK) {
        st = entry_header_hash(&e->header, &d.hash);
    }
    if (st == ST_OK) {
        writer_init(&w, &encoded);
        st = journal_entry_encode(&w, e);
    }
    if (st == ST_OK) {
        st = restore_holds(n, scope, &holds);
    }
    if (st == ST_OK) {
        struct take_args a = {.attested = true, .own = true, .parked = holds};
        d.bytes = buffer_span(&encoded);
        bool before = sql_set_aside(&n->sql.watches, kind == SCOPE_CONVERSATION);
        st = journal_insert(n, &d, &a, &id);
        sql_set_aside(&n->sql.watches, before);
    }
    if (st == ST_OK && hash) {
        *hash = d.hash;
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE mls_group SET dirty = 1 WHERE scope = ?", "b", SPAN_ID(scope));
    }
    if (st == ST_OK) {
        st = journal_apply(n, kind, id);
    }
    buffer_wipe(&bytes);
    buffer_wipe(&encoded);
    return st;
}

/* ---- taking in ---- */

bool journal_writes_in(const struct node *n, enum scope_kind kind, const struct person_ref *who)
{
    return kind == SCOPE_CONVERSATION || (ID_EQUAL(&who->family, &n->self.family) &&
                                          (kind != SCOPE_OWN || ID_EQUAL(&who->person, &n->self.person)));
}

bool journal_scope_signs(enum scope_kind kind)
{
    return kind == SCOPE_FAMILY || kind == SCOPE_PARENTS || kind == SCOPE_WARD;
}

struct found_entry {
    int64_t id;
    bool same, has_body, attested;
};

/* Does anything stand under the entry's number already? Mostly not, and then nothing is to be compared. */
static enum status is_taken(struct node *n, const struct entry_header *h, bool *taken)
{
    int64_t any = 0;
    enum status st = sql_number(&n->sql, &any, 0,
                                "SELECT id FROM entry WHERE scope = ? AND author = ? AND seq = ? LIMIT 1",
                                "bbi", SPAN_ID(&h->scope), SPAN_ID(&h->author), (int64_t)h->seq);
    *taken = any != 0;
    return st;
}

/* What stands there. */
static enum status find_entry(struct node *n, const struct entry_header *h, const struct entry_hash *hash,
                              struct found_entry *out)
{
    struct query q;
    struct entry_hash there;
    memset(out, 0, sizeof(*out));
    query_start(
        &q, &n->sql,
        "SELECT id, hash, has_body, attested FROM entry WHERE scope = ?1 AND author = ?2 AND seq = ?3 AND"
        " (hash = ?4 OR (fork != 2 AND (attested = 1 OR fork = 0))) ORDER BY fork",
        "bbib", SPAN_ID(&h->scope), SPAN_ID(&h->author), (int64_t)h->seq, SPAN_ID(hash));
    while (!out->same && query_next(&q)) {
        QUERY_ID(&q, 1, &there);
        out->id = query_int(&q, 0);
        out->same = ID_EQUAL(&there, hash);
        out->has_body = query_int(&q, 2) != 0;
        out->attested = query_int(&q, 3) != 0;
    }
    return query_end(&q);
}

enum status journal_put_aside(struct node *n, const struct scope_id *scope, const struct device_id *author,
                              uint64_t seq, const struct entry_hash *hash)
{
    int64_t false_id = 0;
    enum status st =
        sql_number(&n->sql, &false_id, 0,
                   "SELECT id FROM entry WHERE scope = ? AND author = ? AND seq = ? AND hash != ?"
                   " AND attested = 0 AND fork = 0",
                   "bbib", SPAN_ID(scope), SPAN_ID(author), (int64_t)seq, SPAN_ID(hash));
    if (st != ST_OK || false_id == 0) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE entry SET fork = 1 WHERE id = ?", "i", false_id);
    if (st == ST_OK) { /* what was held without a gap ends before it: the true one is sent again */
        st = sql_run(&n->sql,
                     "UPDATE head SET cont_seq = ?3 - 1, cont_hash = (SELECT prev FROM entry WHERE id = ?4)"
                     " WHERE scope = ?1 AND author = ?2 AND cont_seq >= ?3",
                     "bbii", SPAN_ID(scope), SPAN_ID(author), (int64_t)seq, false_id);
    }
    return st == ST_OK
               ? device_alarm(n, author, "an entry was passed on that its author did not write", scope)
               : st;
}

/* The entry that this one chains to, where that is here and not attested yet; 0: none. */
static enum status chained_to(struct node *n, const struct scope_id *scope, int64_t id, int64_t *out)
{
    return sql_number(
        &n->sql, out, 0,
        "SELECT p.id FROM entry e JOIN entry p ON p.scope = e.scope AND p.hash = e.prev WHERE e.id = ?"
        " AND e.scope = ? AND p.attested = 0 AND p.fork = 0",
        "ib", id, SPAN_ID(scope));
}

/* An attested entry attests what it chains to: the one before it with the hash that it names, and so on. A
 * long chain is walked a stretch at a time; what is left, journal_due goes on with. */
static enum status attest_back(struct node *n, enum scope_kind kind, const struct scope_id *scope, int64_t id)
{
    int64_t at = id;
    enum status st = ST_OK;
    for (int count = 0; st == ST_OK && at != 0 && count < JOURNAL_ATTEST_BATCH; count++) {
        id = at;
        st = chained_to(n, scope, id, &at);
        if (st == ST_OK && at != 0) {
            st = sql_run(&n->sql, "UPDATE entry SET attested = 1 WHERE id = ?", "i", at);
        }
        if (st == ST_OK && at != 0) {
            st = journal_apply(n, kind, at);
        }
    }
    if (st != ST_OK || at == 0) {
        return st;
    }
    node_wake_mono(n, n->now.mono_ms);
    return sql_run(&n->sql, "INSERT OR IGNORE INTO attest_due(entry, kind) VALUES(?,?)", "ii", at,
                   (int64_t)kind);
}

enum status journal_attest_prev(struct node *n, enum scope_kind kind, const struct entry_header *h)
{
    int64_t id = 0;
    enum status st = sql_number(
        &n->sql, &id, 0, "SELECT id FROM entry WHERE scope = ? AND hash = ? AND attested = +0 AND fork = +0",
        "bb", SPAN_ID(&h->scope), SPAN_ID(&h->prev));
    if (st == ST_OK && id != 0) {
        st = sql_run(&n->sql, "UPDATE entry SET attested = 1 WHERE id = ?", "i", id);
    }
    if (st == ST_OK && id != 0) {
        st = journal_apply(n, kind, id);
    }
    return st == ST_OK && id != 0 ? attest_back(n, kind, &h->scope, id) : st;
}

enum status journal_attest_due(struct node *n)
{
    struct scope_id scope;
    struct query q;
    int64_t id = 0, kind = 0;
    query_start(
        &q, &n->sql,
        "SELECT a.entry, a.kind, e.scope FROM attest_due a CROSS JOIN entry e ON e.id = a.entry LIMIT 1", "");
    if (query_next(&q)) {
        id = query_int(&q, 0);
        kind = query_int(&q, 1);
        QUERY_ID(&q, 2, &scope);
    }
    enum status st = query_end(&q);
    if (st == ST_OK && id != 0) {
        st = sql_run(&n->sql, "DELETE FROM attest_due WHERE entry = ?", "i", id);
    }
    return st == ST_OK && id != 0 ? attest_back(n, (enum scope_kind)kind, &scope, id) : st;
}

enum status journal_attest(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                           const struct entry_hash *hash)
{
    int64_t id = 0, attested = 0;
    enum status st =
        sql_number(&n->sql, &id, 0, "SELECT id FROM entry WHERE scope = ? AND hash = ? AND fork = 0", "bb",
                   SPAN_ID(scope), SPAN_ID(hash));
    if (st == ST_OK && id != 0) {
        st = sql_number(&n->sql, &attested, 0, "SELECT attested FROM entry WHERE id = ?", "i", id);
    }
    if (st == ST_OK && id != 0 && attested == 0) {
        st = sql_run(&n->sql, "UPDATE entry SET attested = 1 WHERE id = ?", "i", id);
        if (st == ST_OK) {
            st = journal_apply(n, kind, id);
        }
    }
    return st == ST_OK && id != 0 ? attest_back(n, kind, scope, id) : st;
}

/* An announced head that is further on attests what came before it: look for its author's next entry, and
 * whether that names this one. */
static enum status attested_by_next(struct node *n, const struct entry_header *h,
                                    const struct entry_hash *hash, bool *attested)
{
    int64_t next = 0, told = 0;
    enum status st =
        sql_number(&n->sql, &next, 0,
                   "SELECT count(*) FROM entry WHERE scope = ? AND author = ? AND seq = ? AND prev = ?"
                   " AND attested = 1 AND fork = 0",
                   "bbib", SPAN_ID(&h->scope), SPAN_ID(&h->author), (int64_t)h->seq + 1, SPAN_ID(hash));
    if (st == ST_OK) {
        st = sql_number(&n->sql, &told, 0,
                        "SELECT count(*) FROM head WHERE scope = ? AND author = ? AND told_hash = ?", "bbb",
                        SPAN_ID(&h->scope), SPAN_ID(&h->author), SPAN_ID(hash));
    }
    *attested = next != 0 || told != 0;
    return st;
}

/* What another device of this person passes on may be by somebody who is not known here yet: it waits for
 * that. */
static enum status judge_author(struct node *n, enum scope_kind kind, const struct entry_header *h,
                                const struct device_id *via, struct entry_author *by)
{
    int64_t known = 0;
    enum status st = journal_author(n, h, by);
    if (st == ST_OK && by->known) {
        return journal_writes_in(n, kind, &by->who) ? ST_OK : ST_JOURNAL_AUTHOR;
    }
    if (st == ST_OK && via) {
        st = sql_number(&n->sql, &known, 0,
                        "SELECT count(*) FROM certificate WHERE device = ? AND family = ? AND person = ?",
                        "bbb", SPAN_ID(via), SPAN_ID(&n->self.family), SPAN_ID(&n->self.person));
    }
    return st == ST_OK && known == 0 ? ST_JOURNAL_AUTHOR : st;
}

static enum status judge_entry(struct node *n, enum scope_kind kind, const struct journal_entry *e,
                               const struct device_id *via, struct entry_author *by)
{
    if (e->has_body && (!entry_kind_known(e->kind) || !entry_kind_in_scope((enum entry_kind)e->kind, kind))) {
        return ST_RECORD_UNKNOWN;
    }
    enum status st = judge_author(n, kind, &e->header, via, by);
    if (st == ST_OK && journal_scope_signs(kind)) {
        st = e->has_signature ? entry_signature_verify(&e->header, &e->signature) : ST_CRYPTO_SIGNATURE;
    }
    return st;
}

static enum status take_known(struct node *n, enum scope_kind kind, const struct journal_entry *e,
                              struct span encoded, const struct found_entry *found, const struct take_args *a)
{
    enum status st = ST_OK;
    if (a->returned) { /* it had been sent, and this database does not know it */
        st = sql_run(&n->sql, "UPDATE entry SET acked = 1, fork = 0 WHERE id = ? AND fork != 1", "i",
                     found->id);
    }
    if (st == ST_OK && a->returned) {
        st = journal_follow(n, &e->header.scope, &e->header.author);
    }
    if (st == ST_OK && e->has_body &&
        !found->has_body) { /* its header came first; whoever brings the body passed it on */
        st =
            sql_run(&n->sql,
                    "UPDATE entry SET entry = ?, kind = ?, has_body = 1, via = ? WHERE id = ? AND erased = 0",
                    "bioi", encoded, (int64_t)e->kind, a->via ? SPAN_ID(a->via) : SPAN_EMPTY, found->id);
        n->kept++;
    }
    if (st == ST_OK && a->attested && !found->attested) {
        st = sql_run(&n->sql, "UPDATE entry SET attested = 1 WHERE id = ?", "i", found->id);
    }
    if (st == ST_OK) {
        st = journal_apply(n, kind, found->id);
    }
    return st == ST_OK && a->attested ? attest_back(n, kind, &e->header.scope, found->id) : st;
}

/* Two entries under one number prove what there is to prove; who goes on gets no more room for it. */
static enum status room_for_rival(struct node *n, const struct entry_header *h)
{
    int64_t kept = 0;
    enum status st = sql_number(&n->sql, &kept, 0,
                                "SELECT count(*) FROM entry WHERE scope = ? AND author = ? AND fork = 1",
                                "bb", SPAN_ID(&h->scope), SPAN_ID(&h->author));
    return st == ST_OK && kept >= JOURNAL_RIVALS_MAX ? ST_JOURNAL_FORK : st;
}

static enum status take_new(struct node *n, enum scope_kind kind, const struct decoded_entry *d,
                            const struct found_entry *found, struct take_args b)
{
    const struct entry_header *h = &d->e.header;
    int64_t id = 0;
    enum status st = found->id != 0 ? room_for_rival(n, h) : ST_OK;
    if (st == ST_OK && found->id == 0 && !b.attested && journal_scope_signs(kind)) {
        b.attested = true; /* its signature covers it */
    } else if (st == ST_OK && found->id == 0 && !b.attested) {
        st = attested_by_next(n, h, &d->hash, &b.attested);
    }
    if (st == ST_OK) {
        node_hlc_seen(n, h->hlc);
        st = journal_insert(n, d, &b, &id);
    }
    if (st == ST_OK && found->id != 0) {
        st = sql_run(&n->sql, "UPDATE entry SET fork = 1 WHERE id = ?", "i", id);
        return st == ST_OK
                   ? device_alarm(n, &h->author, "two entries of one device under one number", &h->scope)
                   : st;
    }
    if (st == ST_OK) {
        st = journal_apply(n, kind, id);
    }
    return st == ST_OK && b.attested ? attest_back(n, kind, &h->scope, id) : st;
}

static enum status take(struct node *n, enum scope_kind kind, const struct decoded_entry *d,
                        const struct take_args *a)
{
    const struct entry_header *h = &d->e.header;
    struct found_entry found = {0};
    struct entry_author by;
    bool taken = false;
    enum status st = judge_entry(n, kind, &d->e, a->via, &by);
    if (st == ST_OK) {
        st = is_taken(n, h, &taken);
    }
    if (st == ST_OK && !taken && journal_text_is_plain(n, kind, d, a, &by)) {
        return journal_take_text(n, d, a, &by);
    }
    if (st == ST_OK && taken && a->attested) {
        st = journal_put_aside(n, &h->scope, &h->author, h->seq, &d->hash);
    }
    if (st == ST_OK && taken) {
        st = find_entry(n, h, &d->hash, &found);
    }
    if (st != ST_OK) {
        return st;
    }
    return found.id != 0 && found.same ? take_known(n, kind, &d->e, d->bytes, &found, a)
                                       : take_new(n, kind, d, &found, *a);
}

enum status decoded_entry_of(struct span encoded, struct decoded_entry *out)
{
    out->bytes = encoded;
    enum status st = journal_entry_decode(&out->e, encoded);
    return st == ST_OK ? entry_header_hash(&out->e.header, &out->hash) : st;
}

enum status journal_take_decoded(struct node *n, enum scope_kind kind, const struct decoded_entry *d,
                                 const struct take_args *a)
{
    bool before = sql_set_aside(&n->sql.watches, kind == SCOPE_CONVERSATION);
    enum status st = take(n, kind, d, a);
    sql_set_aside(&n->sql.watches, before);
    return st;
}

enum status journal_take(struct node *n, enum scope_kind kind, struct span encoded, const struct take_args *a)
{
    struct decoded_entry d;
    enum status st = decoded_entry_of(encoded, &d);
    return st == ST_OK ? journal_take_decoded(n, kind, &d, a) : st;
}

enum status journal_moved(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                          const struct device_id *author, int64_t attested)
{
    enum status st = ensure_head(n, scope, author);
    if (st == ST_OK) {
        st = journal_follow(n, scope, author);
    }
    return st == ST_OK && attested != 0 ? attest_back(n, kind, scope, attested) : st;
}

enum status journal_take_passed_on(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                                   struct span entry, const struct device_id *via)
{
    struct journal_entry e;
    struct take_args a = {.via = via};
    enum status st = journal_entry_decode(&e, entry);
    if (st == ST_OK && !ID_EQUAL(&e.header.scope, scope)) {
        st = ST_RECORD_UNKNOWN;
    }
    if (st == ST_OK && ID_EQUAL(&e.header.author, &n->self.device)) {
        return journal_take_back(n, kind, entry, via);
    }
    return st == ST_OK ? journal_take(n, kind, entry, &a) : st;
}

/* ---- hybrid clock ---- */

enum status node_hlc(struct node *n, uint64_t *out)
{
    int64_t newest = 0;
    bool watched =
        sql_set_unwatched(&n->sql.watches, true); /* everything moves it, and nothing waits for it */
    enum status st = meta_number(n, "hlc", 0, &newest);
    uint64_t seen = (uint64_t)newest > n->hlc_seen ? (uint64_t)newest : n->hlc_seen;
    *out = hlc_next(seen, n->now.wall_ms);
    if (st == ST_OK) {
        st = meta_set_number(n, "hlc", (int64_t)*out);
    }
    sql_set_unwatched(&n->sql.watches, watched);
    return st;
}

void node_hlc_seen(struct node *n, uint64_t hlc)
{
    if (hlc > INT64_MAX || hlc_ms(hlc) > n->now.wall_ms + JOURNAL_AHEAD_MS) {
        return; /* a clock that is ahead does not pull ours along */
    }
    n->hlc_seen = hlc > n->hlc_seen ? hlc : n->hlc_seen;
}

enum status node_hlc_save(struct node *n)
{
    int64_t seen = (int64_t)n->hlc_seen;
    if (seen == 0) {
        return ST_OK;
    }
    n->hlc_seen = 0;
    bool watched = sql_set_unwatched(&n->sql.watches, true);
    enum status st =
        sql_run(&n->sql,
                "INSERT INTO meta(key, value) VALUES('hlc', ?1) ON CONFLICT(key) DO UPDATE SET value = ?1"
                " WHERE value < ?1",
                "i", seen);
    sql_set_unwatched(&n->sql.watches, watched);
    return st;
}
