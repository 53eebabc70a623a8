/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that give history, one a device that wants it: what is packed next, how far packing may run ahead of
 * the relay, and the pages that tell of the parts.
 *
 *   RUNS ──(nothing left)──▶ PACKED ──(the taker says done)──▶ OVER: its log is trimmed
 *   RUNS, PACKED ──(somebody else gives, the device is gone)──▶ OVER        RUNS ──(the log is full)──▶
 * FAILED */
#include "sync/family.h"
#include "sync/history_internal.h"

enum {
    AIM_FIRST = 480 * 1024, /* raw bytes of a part: a text compresses to less than half */
    BLOCK_TIMES = 45        /* days after which a relay has forgotten the log */
};
static const int64_t give_up_ms = (int64_t)BLOCK_TIMES * 24 * 3600 * 1000;

struct give { /* a row of history_give */
    int64_t id, log, part, told, aim, filling;
    struct device_id device;
    struct entry_hash answers;
};

/* ---- rows ---- */

static enum status load_give(struct node *n, int64_t id, struct give *g)
{
    struct query q;
    memset(g, 0, sizeof(*g));
    query_start(&q, &n->sql,
                "SELECT id, log, part, told, aim, filling, device, answers FROM history_give WHERE id = ?",
                "i", id);
    if (query_next(&q)) {
        g->id = query_int(&q, 0);
        g->log = query_int(&q, 1);
        g->part = query_int(&q, 2);
        g->told = query_int(&q, 3);
        g->aim = query_int(&q, 4);
        g->filling = query_int(&q, 5);
        QUERY_ID(&q, 6, &g->device);
        QUERY_ID(&q, 7, &g->answers);
    }
    return query_end(&q);
}

static enum status list_gives(struct node *n, int64_t ids[static HISTORY_JOBS_MAX], size_t *count)
{
    struct query q;
    *count = 0;
    query_start(&q, &n->sql, "SELECT id FROM history_give WHERE state = 1 ORDER BY id LIMIT 8", "");
    while (*count < HISTORY_JOBS_MAX && query_next(&q)) {
        ids[(*count)++] = query_int(&q, 0);
    }
    return query_end(&q);
}

/* ---- beginning ---- */

/* The conversations of this person, newest first, and last what was said in the family. */
static enum status find_scopes(struct node *n, struct scope_id *out, size_t *count)
{
    struct query q;
    *count = 0;
    query_start(
        &q, &n->sql,
        "SELECT c.scope, (SELECT max(hlc) FROM entry e WHERE e.scope = c.scope) AS newest FROM contact c"
        " WHERE c.person = ? AND newest IS NOT NULL GROUP BY c.scope ORDER BY newest DESC",
        "b", SPAN_ID(&n->self.person));
    while (*count < HISTORY_SCOPES_MAX - 1 && query_next(&q)) {
        QUERY_ID(&q, 0, &out[(*count)++]);
    }
    enum status st = query_end(&q);
    return st == ST_OK ? scope_id_of_family(SCOPE_FAMILY, &n->self.family, &out[(*count)++]) : st;
}

static enum status add_stretch(struct node *n, int64_t give, const struct scope_id *scope, uint64_t from,
                               uint64_t below)
{
    return sql_run(&n->sql,
                   "INSERT INTO history_plan(give, scope, from_hlc, below_hlc, below_id, screen)"
                   " VALUES(?,?,?,?,?,1)",
                   "ibiii", give, SPAN_ID(scope), (int64_t)from, (int64_t)below, INT64_MAX);
}

/* What is left of a conversation when the held stretches are taken out. They may come in any order and
 * overlap; both ends of a stretch are sent again, for others may have an entry of the same moment. */
static enum status plan_scope(struct node *n, int64_t give, const struct scope_id *scope,
                              const struct history_held_list *held)
{
    uint64_t below = INT64_MAX;
    for (size_t guard = 0; guard <= HISTORY_HELD_MAX; guard++) {
        struct history_held best = {.first_hlc = 0}, h;
        bool found = false;
        for (size_t i = 0; held != NULL && i < held->count; i++) {
            history_held_at(held, i, &h);
            if (ID_EQUAL(&h.scope, scope) && h.first_hlc < below && (!found || h.last_hlc > best.last_hlc)) {
                best = h;
                found = true;
            }
        }
        if (!found) {
            return add_stretch(n, give, scope, 0, below);
        }
        if (best.last_hlc < below) {
            enum status st = add_stretch(n, give, scope, best.last_hlc, below);
            if (st != ST_OK) {
                return st;
            }
        }
        below = best.first_hlc;
    }
    return ST_OK;
}

static enum status count_plan(struct node *n, int64_t give)
{
    return sql_run(
        &n->sql,
        "UPDATE history_give SET entries_total = (SELECT coalesce(sum((SELECT count(*) FROM entry e"
        " WHERE e.scope = p.scope AND e.hlc BETWEEN p.from_hlc AND p.below_hlc)), 0)"
        " FROM history_plan p WHERE p.give = ?1) WHERE id = ?1",
        "i", give);
}

static enum status begin_log(struct node *n, int64_t give, int64_t *log)
{
    struct log_keys k;
    char relay[WIRE_RELAY_MAX + 1];
    log_keys_new(n, true, &k);
    enum status st = family_relay(n, relay);
    if (st == ST_OK) {
        struct log_args a = {.kind = LOG_HISTORY_OUT, .owner = give, .relay = relay, .keys = &k};
        st = logs_add(n, &a, log);
    }
    log_keys_wipe(&k);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE history_give SET log = ? WHERE id = ?", "ii", *log, give)
                       : st;
}

enum status history_give_begin(struct node *n, const struct device_id *to, const struct entry_hash *want,
                               const struct history_held_list *held)
{
    static const struct entry_hash unasked;
    int64_t log = 0;
    size_t count = 0;
    struct scope_id *scopes = mem_alloc(HISTORY_SCOPES_MAX, sizeof(*scopes));
    enum status st = scopes != NULL ? find_scopes(n, scopes, &count) : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = sql_run(
            &n->sql, "INSERT INTO history_give(device, answers, state, aim, began_at) VALUES(?,?,1,?,?)",
            "bbii", SPAN_ID(to), SPAN_ID(want != NULL ? want : &unasked), (int64_t)AIM_FIRST, n->now.wall_ms);
    }
    int64_t give = sql_last_id(&n->sql);
    if (st == ST_OK) {
        st = begin_log(n, give, &log);
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = plan_scope(n, give, &scopes[i], held);
    }
    mem_free(scopes, HISTORY_SCOPES_MAX * sizeof(*scopes));
    return st == ST_OK ? count_plan(n, give) : st;
}

enum status history_offer_to(struct node *n, const struct device_id *device)
{
    char key[16 + 2 * ID_LEN];
    int64_t done = 0;
    memcpy(key, "history:", 8);
    hex_encode(key + 8, SPAN_ID(device));
    enum status st = meta_number(n, key, 0, &done);
    if (st == ST_OK && done == 0) {
        st = history_give_begin(n, device, NULL, NULL);
        done = -1;
    }
    return st == ST_OK && done == -1 ? meta_set_number(n, key, 1) : st;
}

/* ---- ending ---- */

static enum status end_give(struct node *n, int64_t id, enum history_give_state state)
{
    struct give g;
    enum status st = load_give(n, id, &g);
    if (st == ST_OK && g.log != 0) {
        st = logs_unsend(n, g.log, OUTBOX_PLAIN);
    }
    if (st == ST_OK && g.log != 0) {
        st = logs_trim(n, g.log);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM history_plan WHERE give = ?", "i", id);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM history_untold WHERE give = ?", "i", id);
    }
    return st == ST_OK
               ? sql_run(&n->sql, "UPDATE history_give SET state = ?, log = 0, ended_at = ? WHERE id = ?",
                         "iii", (int64_t)state, n->now.wall_ms, id)
               : st;
}

enum status history_give_end(struct node *n, const struct device_id *to, const struct entry_hash *only)
{
    int64_t id = 1;
    enum status st = ST_OK;
    for (int guard = 0; st == ST_OK && id != 0 && guard < HISTORY_JOBS_MAX; guard++) {
        st = sql_number(&n->sql, &id, 0,
                        "SELECT id FROM history_give WHERE device = ?1 AND state IN (1, 2)"
                        " AND (?2 IS NULL OR answers = ?2) LIMIT 1",
                        "bo", SPAN_ID(to), only != NULL ? SPAN_ID(only) : SPAN_EMPTY);
        if (st == ST_OK && id != 0) {
            st = end_give(n, id, GIVE_OVER);
        }
    }
    return st;
}

enum status history_log_full(struct node *n, const struct log_row *log)
{
    enum status st = end_give(n, log->owner, GIVE_FAILED);
    return st == ST_OK ? node_refused(n, ST_RELAY_LOG_FULL) : st;
}

/* Devices that are gone, and logs that no relay has any more. */
static enum status end_old(struct node *n)
{
    int64_t id = 0;
    enum status st = sql_number(&n->sql, &id, 0,
                                "SELECT id FROM history_give WHERE state IN (1, 2) AND (began_at < ?"
                                " OR device IN (SELECT device FROM revocation)) LIMIT 1",
                                "i", n->now.wall_ms - give_up_ms);
    return st == ST_OK && id != 0 ? end_give(n, id, GIVE_OVER) : st;
}

/* ---- pages ---- */

static enum status read_keys(struct node *n, int64_t log, char relay[static WIRE_RELAY_MAX + 1],
                             struct history_manifest *m)
{
    struct query q;
    struct log_hashes hashes;
    bool found = false;
    query_start(
        &q, &n->sql,
        "SELECT r.address, l.hashes, l.read_token, l.block_key FROM log l JOIN relay r ON r.id = l.relay"
        " WHERE l.id = ?",
        "i", log);
    if (query_next(&q)) {
        found = true;
        sqlite3_snprintf(WIRE_RELAY_MAX + 1, relay, "%s", query_text(&q, 0));
        query_fixed(&q, 1, (uint8_t *)&hashes, sizeof(hashes));
        QUERY_ID(&q, 2, &m->read_token);
        QUERY_ID(&q, 3, &m->block_key);
        memcpy(m->write_hash, hashes.of[LOG_WRITE].b, HASH_LEN);
        memcpy(m->trim_hash, hashes.of[LOG_TRIM].b, HASH_LEN);
        m->relay = span_text(relay);
    }
    enum status st = query_end(&q);
    return st == ST_OK && !found ? ST_INTERNAL : st;
}

static enum status list_totals(struct node *n, const struct give *g, struct history_manifest *m,
                               struct buffer *bytes)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT p.scope, sum((SELECT count(*) FROM entry e WHERE e.scope = p.scope"
                " AND e.hlc BETWEEN p.from_hlc AND p.below_hlc)) FROM history_plan p WHERE p.give = ?"
                " GROUP BY p.scope",
                "i", g->id);
    while (m->total_count < HISTORY_SCOPES_MAX && query_next(&q)) {
        struct history_total t = {.entry_count = (uint32_t)query_int(&q, 1)};
        QUERY_ID(&q, 0, &t.scope);
        query_fail(&q, history_manifest_add_total(m, bytes, &t));
    }
    return query_end(&q);
}

static enum status list_untold(struct node *n, const struct give *g, struct history_manifest *m,
                               struct buffer *bytes)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT scope, first_hlc, last_hlc, entries, raw_size, packed_size, sha256 FROM history_untold"
        " WHERE give = ? ORDER BY part LIMIT 64",
        "i", g->id);
    while (query_next(&q)) {
        struct history_range r = {.first_hlc = (uint64_t)query_int(&q, 1),
                                  .last_hlc = (uint64_t)query_int(&q, 2),
                                  .entry_count = (uint32_t)query_int(&q, 3),
                                  .raw_size = (uint32_t)query_int(&q, 4),
                                  .packed_size = (uint32_t)query_int(&q, 5)};
        QUERY_ID(&q, 0, &r.scope);
        query_fixed(&q, 6, r.sha256, sizeof(r.sha256));
        query_fail(&q, history_manifest_add(m, bytes, &r));
    }
    return query_end(&q);
}

static enum status write_page(struct node *n, const struct give *g, struct history_manifest *m)
{
    struct entry_body body = {.kind = ENTRY_HISTORY_OFFER, .u.history_offer.to = g->device};
    struct buffer bytes;
    struct scope_id own;
    struct writer w;
    buffer_init(&bytes, ENTRY_BODY_MAX);
    writer_init(&w, &bytes);
    enum status st = history_manifest_encode(&w, m);
    if (st == ST_OK) {
        st = scope_id_of_person(SCOPE_OWN, &n->self.person, &own);
    }
    body.u.history_offer.manifest = buffer_span(&bytes);
    if (st == ST_OK) {
        st = journal_append(n, SCOPE_OWN, &own, &body, NULL);
    }
    buffer_wipe(&bytes);
    return st;
}

/* Tells of the parts that were packed since the last page. The first page is written before anything is
 * packed, so it has the totals. */
static enum status tell_page(struct node *n, struct give *g, bool last)
{
    struct history_manifest m = {.answers = g->answers, .first_part = (uint32_t)g->told, .last = last};
    char relay[WIRE_RELAY_MAX + 1];
    struct buffer totals, parts;
    buffer_init(&totals, ENTRY_BODY_MAX);
    buffer_init(&parts, ENTRY_BODY_MAX);
    enum status st = read_keys(n, g->log, relay, &m);
    if (st == ST_OK && g->part == 0) {
        st = list_totals(n, g, &m, &totals);
    }
    if (st == ST_OK) {
        st = list_untold(n, g, &m, &parts);
    }
    if (st == ST_OK) {
        st = write_page(n, g, &m);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM history_untold WHERE give = ?", "i", g->id);
    }
    g->told = g->part;
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE history_give SET told = ? WHERE id = ?", "ii", g->told, g->id);
    }
    buffer_wipe(&totals);
    buffer_wipe(&parts);
    bytes_wipe(&m, sizeof(m));
    return st;
}

/* ---- packing ---- */

struct messages { /* of one step */
    struct buffer buffers[HISTORY_STEP_PARTS];
    struct span spans[HISTORY_STEP_PARTS];
    size_t count, raw;
};

static enum status next_stretch(struct node *n, const struct give *g, int64_t *id, struct history_source *s)
{
    struct scope_id family;
    struct query q;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &family);
    *id = 0;
    query_start(&q, &n->sql,
                "SELECT id, scope, from_hlc, below_hlc, below_id, screen FROM history_plan WHERE give = ?"
                " ORDER BY screen DESC, id LIMIT 1",
                "i", g->id);
    if (query_next(&q)) {
        *id = query_int(&q, 0);
        QUERY_ID(&q, 1, &s->scope);
        s->from_hlc = (uint64_t)query_int(&q, 2);
        s->below_hlc = (uint64_t)query_int(&q, 3);
        s->below_id = query_int(&q, 4);
        s->screen = query_int(&q, 5) != 0;
        s->kind = ID_EQUAL(&family, &s->scope) ? SCOPE_FAMILY : SCOPE_CONVERSATION;
    }
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}

static enum status keep_range(struct node *n, struct give *g, const struct history_range *r)
{
    enum status st = sql_run(
        &n->sql,
        "INSERT INTO history_untold(give, part, scope, first_hlc, last_hlc, entries, raw_size, packed_size,"
        " sha256) VALUES(?,?,?,?,?,?,?,?,?)",
        "iibiiiiib", g->id, g->part, SPAN_ID(&r->scope), (int64_t)r->first_hlc, (int64_t)r->last_hlc,
        (int64_t)r->entry_count, (int64_t)r->raw_size, (int64_t)r->packed_size, SPAN(r->sha256));
    g->part++;
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "UPDATE history_give SET part = ?, aim = ?, entries = entries + ?, bytes = bytes + ?"
                     " WHERE id = ?",
                     "iiiii", g->part, g->aim, (int64_t)r->entry_count, (int64_t)r->packed_size, g->id);
    }
    return st;
}

static enum status move_on(struct node *n, int64_t stretch, const struct history_sent *sent)
{
    if (!sent->more) {
        return sql_run(&n->sql, "DELETE FROM history_plan WHERE id = ?", "i", stretch);
    }
    return sql_run(&n->sql, "UPDATE history_plan SET below_hlc = ?, below_id = ?, screen = 0 WHERE id = ?",
                   "iii", (int64_t)sent->below_hlc, sent->below_id, stretch);
}

static enum status pack_next(struct node *n, struct give *g, struct messages *m, bool *any)
{
    struct history_source s;
    struct history_sent sent;
    int64_t stretch = 0;
    size_t aim = (size_t)g->aim;
    memset(&s, 0, sizeof(s));
    memset(&sent, 0, sizeof(sent));
    enum status st = next_stretch(n, g, &stretch, &s);
    *any = stretch != 0;
    if (st != ST_OK || stretch == 0) {
        return st;
    }
    st = history_send_part(n, &s, (uint32_t)g->part, &aim, &sent);
    g->aim = (int64_t)aim;
    if (st == ST_OK && sent.range.entry_count != 0) {
        m->buffers[m->count] = sent.message;
        m->spans[m->count] = buffer_span(&sent.message);
        m->count++;
        m->raw += sent.range.raw_size;
        sent.message = (struct buffer){0};
        st = keep_range(n, g, &sent.range);
    }
    buffer_wipe(&sent.message);
    return st == ST_OK ? move_on(n, stretch, &sent) : st;
}

static enum status pack_step(struct node *n, struct give *g, bool *left)
{
    struct messages *m = mem_alloc(1, sizeof(*m));
    int64_t last = 0;
    enum status st = m != NULL ? ST_OK : ST_NO_MEMORY;
    *left = true;
    while (st == ST_OK && *left && m->count < HISTORY_STEP_PARTS && m->raw < HISTORY_STEP_RAW &&
           g->part < HISTORY_PARTS_MAX) {
        st = pack_next(n, g, m, left);
    }
    if (st == ST_OK && m->count != 0) {
        st = logs_append(n, g->log, m->spans, m->count, OUTBOX_PLAIN, g->id, &last);
    }
    for (size_t i = 0; m != NULL && i < m->count; i++) {
        buffer_wipe(&m->buffers[i]);
    }
    mem_free(m, sizeof(*m));
    *left = *left && g->part < HISTORY_PARTS_MAX;
    return st;
}

static enum status fill(struct node *n, struct give *g)
{
    int64_t waiting = 0;
    bool left = true;
    enum status st = g->part == 0 && g->told == 0 ? tell_page(n, g, false) : ST_OK;
    if (st == ST_OK) {
        st = pack_step(n, g, &left);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &waiting, 0, "SELECT count(*) FROM outbox WHERE log = ?", "i", g->log);
    }
    bool full = waiting >= HISTORY_WINDOW, many = g->part - g->told >= HISTORY_PAGE_MAX - HISTORY_STEP_PARTS;
    if (st == ST_OK && (!left || full || many || g->told == 0)) {
        st = tell_page(n, g, !left);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE history_give SET filling = ?, state = ? WHERE id = ?", "iii",
                     (int64_t)!full, (int64_t)(left ? GIVE_RUNS : GIVE_PACKED), g->id);
    }
    if (st == ST_OK && left && !full) {
        node_wake_mono(n, n->now.mono_ms); /* a step at a time: others have their turn between */
    }
    return st;
}

static enum status one_give(struct node *n, void *arg)
{
    struct give g;
    int64_t waiting = 0;
    enum status st = load_give(n, *(int64_t *)arg, &g);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &waiting, 0, "SELECT count(*) FROM outbox WHERE log = ?", "i", g.log);
    }
    if (st != ST_OK || waiting >= HISTORY_WINDOW || (g.filling == 0 && waiting > HISTORY_WINDOW_LOW)) {
        return st;
    }
    return fill(n, &g);
}

enum status history_give_due(struct node *n)
{
    int64_t ids[HISTORY_JOBS_MAX];
    size_t count = 0;
    enum status st = end_old(n);
    if (st == ST_OK) {
        st = list_gives(n, ids, &count);
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        enum status why = ST_OK;
        st = node_guard(n, one_give, &ids[i], &why);
        if (st == ST_OK && why != ST_OK && why != ST_GROUP_NOT_HERE) {
            st = end_give(n, ids[i], GIVE_FAILED);
            st = st == ST_OK ? node_refused(n, why) : st;
        }
    }
    return st;
}
