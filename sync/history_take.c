/* SPDX-License-Identifier: Apache-2.0 */
/* History that comes: offers and the pages that tell of their parts, and the parts themselves, checked
 * against their page before anything of them counts.
 *
 *   an offer:  OPEN ──(every part of it taken)──▶ DONE      OPEN ──(a newer offer answers what we want)──▶
 * REPLACED a part:    AWAITED ──▶ TAKEN, or REFUSED by name */
#include "sync/family.h"
#include "sync/history_internal.h"

struct offer {                                         /* a row of history_offer */
    int64_t id, log, parts_total, cursor, progress_at; /* progress_at: mono_ms */
    enum history_offer_state state;
    struct log_id log_id;
    struct device_id via;
};

static enum status load_offer(struct node *n, int64_t id, struct offer *o)
{
    struct query q;
    memset(o, 0, sizeof(*o));
    query_start(&q, &n->sql,
                "SELECT o.id, o.log, o.parts_total, o.cursor, o.progress_at, o.state, o.log_id, o.via"
                " FROM history_offer o WHERE o.id = ?",
                "i", id);
    if (query_next(&q)) {
        o->id = query_int(&q, 0);
        o->log = query_int(&q, 1);
        o->parts_total = query_null(&q, 2) ? -1 : query_int(&q, 2);
        o->cursor = query_int(&q, 3);
        o->progress_at = query_int(&q, 4);
        o->state = (enum history_offer_state)query_int(&q, 5);
        QUERY_ID(&q, 6, &o->log_id);
        QUERY_ID(&q, 7, &o->via);
    }
    return query_end(&q);
}

/* ---- offers ---- */

static void keys_of(const struct history_manifest *m, struct log_keys *k, struct log_id *id)
{
    memset(k, 0, sizeof(*k));
    k->can_read = true;
    memcpy(k->read.b, m->read_token.b, sizeof(k->read.b));
    memcpy(k->hashes.of[LOG_WRITE].b, m->write_hash, HASH_LEN);
    memcpy(k->hashes.of[LOG_TRIM].b, m->trim_hash, HASH_LEN);
    k->block_key = m->block_key;
    log_keys_hash(k);
    log_id_of(&k->hashes, id);
}

/* An offer can name any log at any relay. */
static enum status listen(struct node *n, int64_t offer, const struct history_manifest *m, int64_t *log)
{
    struct log_keys k;
    struct log_id id;
    char relay[WIRE_RELAY_MAX + 1];
    bool may = false;
    sqlite3_snprintf((int)sizeof(relay), relay, "%.*s", (int)m->relay.len, (const char *)m->relay.ptr);
    keys_of(m, &k, &id);
    enum status st = logs_may_listen(n, &k, relay, true, &may);
    if (st == ST_OK && !may) {
        st = ST_HISTORY_LOG;
    }
    if (st == ST_OK) {
        struct log_args a = {
            .kind = LOG_OF_HISTORY, .owner = offer, .relay = relay, .keys = &k, .listen = true};
        st = logs_add(n, &a, log);
    }
    log_keys_wipe(&k);
    return st;
}

enum status history_log_lost(struct node *n, int64_t log)
{
    return sql_run(&n->sql, "UPDATE history_offer SET log = 0 WHERE log = ?", "i", log);
}

/* No more is expected by this offer's log. What is here of it stays. */
static enum status close_offer(struct node *n, int64_t id, enum history_offer_state state)
{
    struct offer o;
    enum status st = load_offer(n, id, &o);
    if (st == ST_OK && o.log != 0) {
        st = logs_drop(n, o.log);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM history_early WHERE offer = ?", "i", id);
    }
    if (st == ST_OK && state == OFFER_REPLACED) {
        st = sql_run(&n->sql, "DELETE FROM history_part WHERE offer = ? AND state != 1", "i", id);
    }
    return st == ST_OK ? sql_run(&n->sql, "UPDATE history_offer SET state = ?, log = 0 WHERE id = ?", "ii",
                                 (int64_t)state, id)
                       : st;
}

/* An answer to our newest want stands for all that came before it; of two, that of the lower device. */
static enum status replace_others(struct node *n, int64_t id)
{
    enum { AT_ONCE = 16 };
    int64_t ids[AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT o.id FROM history_offer o, history_offer mine, meta w WHERE mine.id = ? AND o.state = 1"
        " AND w.key = 'history_want' AND (o.id != mine.id AND mine.answers = w.value"
        " AND (o.answers != mine.answers OR o.via > mine.via)"
        " OR o.id = mine.id AND EXISTS (SELECT 1 FROM history_offer x WHERE x.state = 1"
        " AND x.answers = w.value AND (mine.answers != w.value OR x.via < mine.via))) LIMIT 16",
        "i", id);
    while (count < AT_ONCE && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = close_offer(n, ids[i], OFFER_REPLACED);
    }
    return st == ST_OK
               ? sql_run(&n->sql,
                         "DELETE FROM history_part WHERE offer < ?1 AND state != 1 AND EXISTS (SELECT 1 FROM"
                         " history_offer o, meta w WHERE o.id = ?1 AND o.state = 1 AND w.key = 'history_want'"
                         " AND w.value = o.answers)",
                         "i", id)
               : st;
}

static enum status begin_offer(struct node *n, const struct applied_entry *e,
                               const struct history_manifest *m, const struct log_id *id)
{
    int64_t log = 0;
    enum status st = sql_run(&n->sql,
                             "INSERT INTO history_offer(log_id, via, answers, state, began_at, progress_at)"
                             " VALUES(?,?,?,1,?,?)",
                             "bbbii", SPAN_ID(id), SPAN_ID(&e->author), SPAN_ID(&m->answers), n->now.wall_ms,
                             n->now.mono_ms);
    int64_t offer = sql_last_id(&n->sql);
    if (st == ST_OK) {
        st = listen(n, offer, m, &log);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE history_offer SET log = ? WHERE id = ?", "ii", log, offer);
    }
    return st == ST_OK ? replace_others(n, offer) : st;
}

/* ---- pages ---- */

static enum status keep_totals(struct node *n, int64_t offer, const struct history_manifest *m)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < m->total_count; i++) {
        struct history_total t;
        history_manifest_total(m, i, &t);
        st = sql_run(&n->sql, "INSERT OR IGNORE INTO history_total(offer, scope, entries) VALUES(?,?,?)",
                     "ibi", offer, SPAN_ID(&t.scope), (int64_t)t.entry_count);
    }
    return st;
}

static enum status keep_range(struct node *n, int64_t offer, int64_t part, const struct history_range *r)
{
    int64_t other = 0;
    enum status st = sql_number(
        &n->sql, &other, 0, "SELECT count(*) FROM history_part WHERE offer = ? AND part = ? AND sha256 != ?",
        "iib", offer, part, SPAN(r->sha256));
    if (st == ST_OK && other != 0) {
        return ST_HISTORY_MANIFEST;
    }
    return st == ST_OK ? sql_run(&n->sql,
                                 "INSERT OR IGNORE INTO history_part(offer, part, scope, first_hlc, last_hlc,"
                                 " entries, raw_size, packed_size, sha256) VALUES(?,?,?,?,?,?,?,?,?)",
                                 "iibiiiiib", offer, part, SPAN_ID(&r->scope), (int64_t)r->first_hlc,
                                 (int64_t)r->last_hlc, (int64_t)r->entry_count, (int64_t)r->raw_size,
                                 (int64_t)r->packed_size, SPAN(r->sha256))
                       : st;
}

static enum status keep_end(struct node *n, const struct offer *o, const struct history_manifest *m)
{
    int64_t end = (int64_t)(m->first_part + m->part_count), beyond = 0;
    enum status st =
        sql_number(&n->sql, &beyond, 0, "SELECT count(*) FROM history_part WHERE offer = ? AND part >= ?",
                   "ii", o->id, end);
    if (st == ST_OK && (beyond != 0 || (o->parts_total >= 0 && o->parts_total != end))) {
        return ST_HISTORY_MANIFEST;
    }
    return st == ST_OK
               ? sql_run(&n->sql, "UPDATE history_offer SET parts_total = ? WHERE id = ?", "ii", end, o->id)
               : st;
}

struct page {
    int64_t offer;
    const struct history_manifest *m;
};

static enum status keep_page(struct node *n, void *arg)
{
    const struct page *p = arg;
    struct offer o;
    enum status st = load_offer(n, p->offer, &o);
    if (st != ST_OK || o.state != OFFER_OPEN) {
        return st;
    }
    if (o.parts_total >= 0 && (int64_t)(p->m->first_part + p->m->part_count) > o.parts_total) {
        return ST_HISTORY_MANIFEST;
    }
    st = keep_totals(n, o.id, p->m);
    for (size_t i = 0; st == ST_OK && i < p->m->part_count; i++) {
        struct history_range r;
        history_manifest_part(p->m, i, &r);
        st = keep_range(n, o.id, (int64_t)(p->m->first_part + i), &r);
    }
    return st == ST_OK && p->m->last ? keep_end(n, &o, p->m) : st;
}

/* ---- parts ---- */

struct arrived { /* a part on its way in */
    int64_t offer, part;
    struct device_id via;
    struct history_range range;
    struct span packed;
    enum history_part_state state;
    bool known;
};

static enum status find_range(struct node *n, struct arrived *a)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT p.scope, p.first_hlc, p.last_hlc, p.entries, p.raw_size, p.packed_size, p.sha256, p.state,"
        " o.via FROM history_part p JOIN history_offer o ON o.id = p.offer WHERE p.offer = ? AND p.part = ?",
        "ii", a->offer, a->part);
    a->known = query_next(&q);
    if (a->known) {
        QUERY_ID(&q, 0, &a->range.scope);
        a->range.first_hlc = (uint64_t)query_int(&q, 1);
        a->range.last_hlc = (uint64_t)query_int(&q, 2);
        a->range.entry_count = (uint32_t)query_int(&q, 3);
        a->range.raw_size = (uint32_t)query_int(&q, 4);
        a->range.packed_size = (uint32_t)query_int(&q, 5);
        query_fixed(&q, 6, a->range.sha256, sizeof(a->range.sha256));
        a->state = (enum history_part_state)query_int(&q, 7);
        QUERY_ID(&q, 8, &a->via);
    }
    return query_end(&q);
}

static enum status unpack_and_keep(struct node *n, void *arg)
{
    struct arrived *a = arg;
    struct history_unpacked u;
    enum status st = history_unpack(&a->range, a->packed, &u);
    if (st == ST_OK) {
        st = history_keep_part(n, &a->range, &u, &a->via);
    }
    history_unpacked_free(&u);
    return st;
}

/* The rate is of the last seconds, so that a pause does not count for long. */
static enum status note_progress(struct node *n, const struct arrived *a)
{
    enum { WINDOW_MS = 2000, STALE_MS = 30000 };
    int64_t mark_at = 0, mark_bytes = 0, rate = 0;
    enum status st = meta_number(n, "history_mark_at", 0, &mark_at);
    if (st == ST_OK) {
        st = meta_number(n, "history_mark_bytes", 0, &mark_bytes);
    }
    if (st == ST_OK) {
        st = meta_number(n, "history_rate", 0, &rate);
    }
    int64_t passed = n->now.wall_ms - mark_at;
    mark_bytes += a->range.packed_size;
    if (passed < 0 || passed > STALE_MS) {
        mark_at = n->now.wall_ms;
        mark_bytes = 0;
    } else if (passed >= WINDOW_MS || (rate == 0 && passed > 0)) {
        int64_t now = mark_bytes * 1000 / passed;
        rate = rate == 0 || passed >= WINDOW_MS ? (rate + now) / (rate == 0 ? 1 : 2) : rate;
    }
    if (passed >= WINDOW_MS) {
        mark_at = n->now.wall_ms;
        mark_bytes = 0;
    }
    if (st == ST_OK) {
        st = meta_set_number(n, "history_mark_at", mark_at);
    }
    if (st == ST_OK) {
        st = meta_set_number(n, "history_mark_bytes", mark_bytes);
    }
    return st == ST_OK ? meta_set_number(n, "history_rate", rate) : st;
}

static enum status take_part(struct node *n, struct arrived *a)
{
    enum status why = ST_OK;
    if (a->state == PART_TAKEN) {
        return ST_OK; /* the relay may double a part */
    }
    enum status st = node_guard(n, unpack_and_keep, a, &why);
    if (st != ST_OK) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE history_part SET state = ? WHERE offer = ? AND part = ?", "iii",
                 (int64_t)(why == ST_OK ? PART_TAKEN : PART_REFUSED), a->offer, a->part);
    if (st == ST_OK && why != ST_OK) {
        return node_refused(n, why);
    }
    int64_t refused = 0;
    if (st == ST_OK) {
        st = meta_number(n, "history_refused", 0, &refused);
    }
    if (st == ST_OK && refused == 0) {
        st =
            meta_set_number(n, "history_wants", 0); /* somebody gives: nobody needs to be asked more rarely */
    }
    return st == ST_OK ? note_progress(n, a) : st;
}

/* A part that overtook its page waits for it, in a room of a fixed size. */
static enum status keep_early(struct node *n, const struct arrived *a, const struct offer *o)
{
    int64_t there = 0;
    if (o->parts_total >= 0) {
        return ST_HISTORY_PART; /* no page will tell of it */
    }
    enum status st = sql_number(&n->sql, &there, 0, "SELECT count(*) FROM history_early", "");
    if (st == ST_OK && there >= HISTORY_EARLY_MAX) {
        return ST_HISTORY_PART;
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT OR IGNORE INTO history_early(offer, part, packed) VALUES(?,?,?)", "iib",
                     a->offer, a->part, a->packed);
    }
    return st == ST_OK && there + 1 >= HISTORY_EARLY_MAX / 2 ? logs_listen(n, o->log, false) : st;
}

enum status history_record(struct node *n, const struct log_row *log, struct span message)
{
    struct history_part part;
    struct arrived a = {.offer = log->owner};
    struct offer o;
    enum status st = history_part_decode(&part, message);
    if (st == ST_OK) {
        st = load_offer(n, log->owner, &o);
    }
    if (st != ST_OK || o.state != OFFER_OPEN) {
        return st;
    }
    a.part = part.index;
    a.packed = part.packed;
    st = find_range(n, &a);
    if (st != ST_OK) {
        return st;
    }
    return a.known ? take_part(n, &a) : keep_early(n, &a, &o);
}

/* Parts whose page is here now; one a call, for each is a whole step's work. */
static enum status take_early(struct node *n, bool *more)
{
    struct query q;
    struct buffer packed;
    struct arrived a = {.offer = 0};
    buffer_init(&packed, HISTORY_PACKED_MAX);
    query_start(
        &q, &n->sql,
        "SELECT e.offer, e.part, e.packed FROM history_early e JOIN history_part p ON p.offer = e.offer"
        " AND p.part = e.part LIMIT 1",
        "");
    *more = query_next(&q);
    if (*more) {
        a.offer = query_int(&q, 0);
        a.part = query_int(&q, 1);
        query_fail(&q, buffer_copy(&packed, query_blob(&q, 2)));
    }
    enum status st = query_end(&q);
    if (st == ST_OK && *more) {
        a.packed = buffer_span(&packed);
        st = find_range(n, &a);
        if (st == ST_OK) {
            st = take_part(n, &a);
        }
        if (st == ST_OK) {
            st = sql_run(&n->sql, "DELETE FROM history_early WHERE offer = ? AND part = ?", "ii", a.offer,
                         a.part);
        }
    }
    buffer_wipe(&packed);
    return st;
}

/* ---- the offer's entry ---- */

/* `own` has this person's devices only, so whoever offers is one of them. */
enum status apply_history_offer(struct node *n, const struct applied_entry *e)
{
    const struct entry_history_offer *o = &e->body->u.history_offer;
    struct history_manifest m;
    struct log_keys keys;
    struct log_id id;
    int64_t offer = 0;
    if (e->own) {
        return ST_OK;
    }
    if (e->scope_kind != SCOPE_OWN || e->closes_only) {
        return ST_JOURNAL_AUTHOR;
    }
    enum status why = ST_OK, st = history_manifest_decode(&m, o->manifest);
    if (st == ST_OK) {
        st = history_answered(n, &o->to, &m.answers, &e->author);
    }
    if (st != ST_OK || !ID_EQUAL(&o->to, &n->self.device)) {
        bytes_wipe(&m, sizeof(m));
        return st;
    }
    keys_of(&m, &keys, &id);
    log_keys_wipe(&keys);
    for (int pass = 0; st == ST_OK && offer == 0 && pass < 2; pass++) {
        st = sql_number(&n->sql, &offer, 0, "SELECT id FROM history_offer WHERE log_id = ? AND via = ?", "bb",
                        SPAN_ID(&id), SPAN_ID(&e->author));
        if (st == ST_OK && offer == 0 && pass == 0) {
            st = begin_offer(n, e, &m, &id);
        }
    }
    struct page p = {offer, &m};
    if (st == ST_OK) {
        st = node_guard(n, keep_page, &p, &why);
    }
    if (st == ST_OK && why != ST_OK) {
        st = node_refused(n, why);
    }
    bytes_wipe(&m, sizeof(m));
    node_wake_mono(n, n->now.mono_ms);
    return st;
}

/* ---- going on, and the end ---- */

static enum status say_done(struct node *n, const struct offer *o)
{
    int64_t entries = 0;
    char text[32];
    enum status st = history_say_done(n, &o->log_id);
    if (st == ST_OK) {
        st = close_offer(n, o->id, OFFER_DONE);
    }
    if (st == ST_OK) {
        st = meta_set_number(n, "history_joined", 0);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &entries, 0, "SELECT sum(entries) FROM history_part WHERE state = 1", "");
    }
    sqlite3_snprintf((int)sizeof(text), text, "%lld", (long long)entries);
    return st == ST_OK ? node_notice(n, NOTICE_HISTORY, NULL, text, NULL) : st;
}

/* Nothing more will come of this offer. What was refused another device may have whole: it is asked for at
 * once the first time, and then more and more rarely (look_for_offer), for there may be none but the liar. */
static enum status end_offer(struct node *n, const struct offer *o)
{
    int64_t refused = 0, before = 0;
    enum status st = sql_number(
        &n->sql, &refused, 0, "SELECT count(*) FROM history_part WHERE offer = ? AND state = 2", "i", o->id);
    if (st == ST_OK) {
        st = meta_number(n, "history_refused", 0, &before);
    }
    if (st != ST_OK || refused == 0) {
        return st == ST_OK ? say_done(n, o) : st;
    }
    st = close_offer(n, o->id, OFFER_DONE);
    if (st == ST_OK) {
        st = meta_set_number(n, "history_joined", n->now.wall_ms);
    }
    if (st == ST_OK) {
        st = meta_add(n, "history_refused", 1);
    }
    return st == ST_OK && before == 0 ? history_want(n, &o->via) : st;
}

static enum status stall_ms(struct node *n, int64_t *out)
{
    int64_t wants = 0;
    enum status st = meta_number(n, "history_wants", 0, &wants);
    *out = (int64_t)HISTORY_STALL_MS << (wants < HISTORY_STALL_DOUBLINGS ? wants : HISTORY_STALL_DOUBLINGS);
    return st;
}

static enum status note_cursor(struct node *n, const struct offer *o, int64_t cursor, int64_t wait_ms)
{
    node_wake_mono(n, n->now.mono_ms + wait_ms);
    return sql_run(&n->sql, "UPDATE history_offer SET cursor = ?, progress_at = ? WHERE id = ?", "iii",
                   cursor, n->now.mono_ms, o->id);
}

static enum status look_at_offer(struct node *n, struct offer *o)
{
    int64_t left = 0, cursor = 0, wait = 0;
    enum status st = sql_number(
        &n->sql, &left, 0, "SELECT count(*) FROM history_part WHERE offer = ? AND state = 0", "i", o->id);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &cursor, 0, "SELECT cursor FROM log WHERE id = ?", "i", o->log);
    }
    if (st == ST_OK) {
        st = stall_ms(n, &wait);
    }
    if (st != ST_OK) {
        return st;
    }
    int64_t known = 0;
    st = sql_number(&n->sql, &known, 0, "SELECT count(*) FROM history_part WHERE offer = ?", "i", o->id);
    if (st == ST_OK && left == 0 && o->parts_total >= 0 && known == o->parts_total) {
        return end_offer(n, o);
    }
    if (st == ST_OK && (cursor != o->cursor || !logs_relay_reached(n))) {
        return note_cursor(n, o, cursor, wait);
    }
    if (st == ST_OK && n->now.mono_ms - o->progress_at >= wait) {
        st = note_cursor(n, o, cursor, wait);
        return st == ST_OK ? history_want(n, &o->via) : st;
    }
    node_wake_mono(n, o->progress_at + wait);
    return st;
}

static enum status last_giver(struct node *n, struct device_id *out)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(&q, &n->sql, "SELECT via FROM history_offer ORDER BY id DESC LIMIT 1", "");
    if (query_next(&q)) {
        QUERY_ID(&q, 0, out);
    }
    return query_end(&q);
}

/* A device that joined and was offered nothing, or nothing good, asks by itself. */
static enum status look_for_offer(struct node *n)
{
    struct device_id last;
    int64_t joined = 0, wait = 0;
    enum status st = meta_number(n, "history_joined", 0, &joined);
    if (st == ST_OK && joined != 0) {
        st = stall_ms(n, &wait);
    }
    if (st != ST_OK || joined == 0) {
        return st;
    }
    if (joined > n->now.wall_ms || n->now.wall_ms - joined >= wait) {
        st = meta_set_number(n, "history_joined", n->now.wall_ms);
        if (st == ST_OK) {
            st = last_giver(n, &last);
        }
        return st == ST_OK && joined <= n->now.wall_ms ? history_want(n, &last) : st;
    }
    node_wake_wall(n, joined + wait);
    return ST_OK;
}

enum status history_open(struct node *n)
{
    return sql_run(&n->sql, "UPDATE history_offer SET progress_at = ? WHERE state = 1", "i", n->now.mono_ms);
}

enum status history_take_due(struct node *n)
{
    struct offer o;
    int64_t id = 0, early = 0;
    bool more = false;
    enum status st = take_early(n, &more);
    if (st == ST_OK && more) {
        node_wake_mono(n, n->now.mono_ms);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &id, 0,
                        "SELECT id FROM history_offer WHERE state = 1 ORDER BY id DESC LIMIT 1", "");
    }
    if (st == ST_OK && id == 0) {
        return look_for_offer(n);
    }
    if (st == ST_OK) {
        st = load_offer(n, id, &o);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &early, 0, "SELECT count(*) FROM history_early WHERE offer = ?", "i", id);
    }
    if (st == ST_OK && early == 0) {
        st = sql_number(&n->sql, &early, 0, "SELECT 1 - listening FROM log WHERE id = ?", "i", o.log);
        if (st == ST_OK && early != 0) {
            st = logs_listen(n, o.log, true);
        }
    }
    return st == ST_OK && !more ? look_at_offer(n, &o) : st;
}
