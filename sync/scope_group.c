/* SPDX-License-Identifier: Apache-2.0 */
/* Groups in memory and as rows; founding. */
#include "sync/scope_group.h"

#include "protocol/relay_address.h"
#include "sync/family.h"
#include "sync/relays.h"
#include "sync/scope_internal.h"

/* ---- records ---- */

struct record_place {
    struct node *n;
    int64_t group;
};

static enum status record_put(void *ctx, struct span key, struct span value)
{
    struct record_place *p = ctx;
    return sql_run(&p->n->sql, "INSERT OR REPLACE INTO mls_record(grp, key, value) VALUES(?,?,?)", "ibb",
                   p->group, key, value);
}

static enum status record_remove(void *ctx, struct span key)
{
    struct record_place *p = ctx;
    return sql_run(&p->n->sql, "DELETE FROM mls_record WHERE grp = ? AND key = ?", "ib", p->group, key);
}

static enum status record_next(void *ctx, struct span *key, struct span *value)
{
    struct query *q = ctx;
    *key = *value = SPAN_EMPTY;
    if (query_next(q)) {
        *key = query_blob(q, 0);
        *value = query_blob(q, 1);
    }
    return q->failed;
}

enum status group_save(struct node *n, struct group *g)
{
    struct record_place place = {n, g->id};
    struct record_sink sink = {&place, record_put, record_remove};
    g->touched = true;
    g->unsaved = false;
    return mls_group_changed(g->mls) ? mls_group_save(g->mls, &sink) : ST_OK;
}

enum status group_save_read(struct node *n, struct group *g)
{
    if (!n->once) {
        return group_save(n, g);
    }
    g->touched = true; /* a rollback forgets it, with what is not saved */
    g->unsaved = true;
    return ST_OK;
}

enum status groups_save_due(struct node *n)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < NODE_GROUPS_CACHED; i++) {
        struct group *g = n->groups[i];
        if (g && g->unsaved && g->state != GROUP_LEFT) { /* of one that was left nothing is kept */
            st = group_save(n, g);
        }
        if (g) {
            g->unsaved = false;
        }
    }
    return st;
}

enum status group_save_pending(struct node *n, struct group *g, const struct mls_staged *s)
{
    struct record_place place = {n, g->id};
    struct record_sink sink = {&place, record_put, record_remove};
    return s ? mls_staged_save(s, &sink) : mls_staged_drop(&sink);
}

enum status group_load_pending(struct node *n, struct group *g, struct mls_staged **out)
{
    struct query q;
    *out = NULL;
    query_start(&q, &n->sql, "SELECT key, value FROM mls_record WHERE grp = ? ORDER BY key", "i", g->id);
    struct record_source source = {&q, record_next};
    enum status st = mls_staged_load(out, g->mls, &source);
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}

/* ---- the cache ---- */

static void group_free(struct node *n, size_t at)
{
    if (n->groups[at]) {
        mls_group_free(n->groups[at]->mls);
        group_people_free(n->groups[at]);
        mem_free(n->groups[at], sizeof(*n->groups[at]));
        n->groups[at] = NULL;
    }
}

void groups_free(struct node *n)
{
    for (size_t i = 0; i < NODE_GROUPS_CACHED; i++) {
        group_free(n, i);
    }
}

void groups_forget_touched(struct node *n)
{
    for (size_t i = 0; i < NODE_GROUPS_CACHED; i++) {
        if (n->groups[i] && n->groups[i]->touched) {
            group_free(n, i);
        }
    }
}

void groups_settled(struct node *n)
{
    for (size_t i = 0; i < NODE_GROUPS_CACHED; i++) {
        if (n->groups[i]) {
            n->groups[i]->touched = false;
        }
    }
}

/* A place in the cache: free, or that of the group not used for longest. One that is not saved stays: it is
 * one only, for a block is of one group. */
static size_t cache_place(struct node *n)
{
    size_t at = NODE_GROUPS_CACHED;
    for (size_t i = 0; i < NODE_GROUPS_CACHED; i++) {
        if (!n->groups[i]) {
            return i;
        }
        if (!n->groups[i]->unsaved &&
            (at == NODE_GROUPS_CACHED || n->groups[i]->used < n->groups[at]->used)) {
            at = i;
        }
    }
    invariant(at < NODE_GROUPS_CACHED);
    group_free(n, at);
    return at;
}

static void person_column(struct query *q, int column, struct person_ref *out)
{
    memset(out, 0, sizeof(*out));
    if (!query_null(q, column)) {
        QUERY_ID(q, column, &out->family);
        QUERY_ID(q, column + 1, &out->person);
    }
}

static enum status load_row(struct node *n, int64_t id, struct group *g)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT g.kind, g.scope, g.generation, g.state, g.founding, g.epoch, coalesce(g.log, 0), g.pending,"
        " g.subject_family, g.subject_person, g.peer_family, g.peer_person, r.address, g.gap_at FROM "
        "mls_group g"
        " JOIN relay r ON r.id = g.relay WHERE g.id = ?",
        "i", id);
    n->group_columns = &q.touched->reads;
    g->id = 0;
    if (query_next(&q)) {
        g->id = id;
        g->kind = (enum scope_kind)query_int(&q, 0);
        QUERY_ID(&q, 1, &g->scope);
        g->generation = (uint32_t)query_int(&q, 2);
        g->state = (enum group_state)query_int(&q, 3);
        query_fixed(&q, 4, g->founding, HASH_LEN);
        g->epoch = (uint64_t)query_int(&q, 5);
        g->log = query_int(&q, 6);
        g->pending = query_int(&q, 7) != 0;
        person_column(&q, 8, &g->subject);
        person_column(&q, 10, &g->peer);
        g->has_peer = !query_null(&q, 10);
        g->gap = query_int(&q, 13) != 0;
        sqlite3_snprintf(sizeof(g->relay), g->relay, "%s", query_text(&q, 12));
    }
    return query_end(&q);
}

static enum status load_mls(struct node *n, struct group *g)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT key, value FROM mls_record WHERE grp = ? ORDER BY key", "i", g->id);
    struct record_source source = {&q, record_next};
    enum status st = mls_group_load(&g->mls, &source);
    enum status end = query_end(&q);
    return end != ST_OK ? end : st == ST_OK || status_is_fatal(st) ? st : ST_STORE_ROW;
}

/* Whoever is watched and uses a group in memory has read its row. */
static enum status note_group_read(struct node *n, int64_t id)
{
    if (!n->group_columns) {
        struct group row;
        return load_row(n, id, &row);
    }
    sql_reads(&n->sql.watches, n->group_columns);
    return ST_OK;
}

enum status group_get(struct node *n, int64_t id, struct group **out)
{
    static uint64_t clock;
    *out = NULL;
    for (size_t i = 0; i < NODE_GROUPS_CACHED; i++) {
        if (n->groups[i] && n->groups[i]->id == id) {
            *out = n->groups[i];
            (*out)->used = ++clock;
            return note_group_read(n, id);
        }
    }
    struct group *g = mem_alloc(1, sizeof(*g));
    if (!g) {
        return ST_NO_MEMORY;
    }
    enum status st = load_row(n, id, g);
    if (st == ST_OK && (g->id == 0 || g->state == GROUP_LEFT)) {
        st = ST_GROUP_NOT_HERE;
    }
    if (st == ST_OK) {
        st = load_mls(n, g);
    }
    if (st != ST_OK) {
        mem_free(g, sizeof(*g));
        return st;
    }
    g->used = ++clock;
    n->groups[cache_place(n)] = g;
    *out = g;
    return ST_OK;
}

enum status group_id_of_scope(struct node *n, const struct scope_id *scope, int64_t *id)
{
    return sql_number(
        &n->sql, id, 0,
        "SELECT id FROM mls_group WHERE scope = ? AND state != 3 ORDER BY generation DESC, id DESC", "b",
        SPAN_ID(scope));
}

enum status group_of_scope(struct node *n, const struct scope_id *scope, struct group **out)
{
    int64_t id = 0;
    *out = NULL;
    enum status st = group_id_of_scope(n, scope, &id);
    return st != ST_OK ? st : id == 0 ? ST_GROUP_NOT_HERE : group_get(n, id, out);
}

/* ---- rows ---- */

enum status groups_dirty(struct node *n)
{
    return sql_run(&n->sql, "UPDATE mls_group SET dirty = 1 WHERE state = 1", "");
}

enum status group_set_state(struct node *n, struct group *g, enum group_state state, const char *why)
{
    g->touched = true;
    g->state = state;
    return sql_run(&n->sql, "UPDATE mls_group SET state = ?, why = ? WHERE id = ?", "iti", (int64_t)state,
                   why, g->id);
}

enum status group_stuck(struct node *n, struct group *g, const char *why)
{
    enum status st = group_set_state(n, g, GROUP_STUCK, why);
    if (st == ST_OK) { /* a new reason: it asks at once */
        st = sql_run(&n->sql, "UPDATE mls_group SET asks = 0 WHERE id = ?", "i", g->id);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE mls_group SET stuck_at = ? WHERE id = ? AND stuck_at = 0", "ii",
                     n->now.wall_ms, g->id);
    }
    return st == ST_OK ? node_notice(n, NOTICE_STUCK, "", why, &g->scope) : st;
}

enum status group_leave(struct node *n, struct group *g)
{
    static const char *const left[] = {"DELETE FROM evidence WHERE grp = ?",
                                       "DELETE FROM pending_letter WHERE grp = ?",
                                       "DELETE FROM readd WHERE grp = ?", "DELETE FROM beacon WHERE grp = ?"};
    enum status st = group_set_state(n, g, GROUP_LEFT, "");
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM log WHERE kind = 1 AND owner = ?", "i", g->id);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM mls_record WHERE grp = ?", "i", g->id);
        n->scrub = true;
    }
    for (size_t i = 0; st == ST_OK && i < sizeof(left) / sizeof(left[0]); i++) {
        st = sql_run(&n->sql, left[i], "i", g->id);
    }
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "UPDATE entry INDEXED BY entry_unsent SET sent_epoch = NULL, outbox = NULL WHERE scope = ? AND"
            " own = 1 AND acked = 0",
            "b", SPAN_ID(&g->scope));
    }
    return st;
}

/* The tokens and the block key of an epoch's log (§4). */
static enum status epoch_keys(const struct group *g, struct log_keys *out)
{
    struct relay_address relay;
    uint8_t tokens[64];
    memset(out, 0, sizeof(*out));
    enum status st = relay_address_parse(&relay, g->relay);
    if (st == ST_OK) {
        st = mls_group_export(g->mls, "kith log", SPAN(relay.key.b), tokens, sizeof(tokens));
    }
    if (st == ST_OK) {
        st = mls_group_export(g->mls, "kith block", SPAN_EMPTY, out->block_key.b, sizeof(out->block_key.b));
    }
    if (st == ST_OK) {
        memcpy(out->write.b, tokens, 32);
        memcpy(out->read.b, tokens + 32, 32);
        out->can_write = out->can_read = true;
        log_keys_hash(out);
    }
    bytes_wipe(tokens, sizeof(tokens));
    bytes_wipe(&relay, sizeof(relay));
    return st;
}

enum status group_open_log(struct node *n, struct group *g)
{
    struct log_keys keys;
    enum status st = epoch_keys(g, &keys);
    if (st == ST_OK) {
        struct log_args a = {.kind = LOG_OF_GROUP,
                             .owner = g->id,
                             .epoch = (int64_t)g->epoch,
                             .relay = g->relay,
                             .keys = &keys,
                             .listen = true};
        st = logs_add(n, &a, &g->log);
    }
    log_keys_wipe(&keys);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE mls_group SET log = ?, epoch = ? WHERE id = ?", "iii",
                                 g->log, (int64_t)g->epoch, g->id)
                       : st;
}

enum status group_note_epoch(struct node *n, struct group *g, const struct person_ref *author)
{
    uint8_t authenticator[HASH_LEN], hash[HASH_LEN];
    mls_group_authenticator(g->mls, authenticator);
    enum status st = beacon_authenticator_hash(SPAN(authenticator), hash);
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "INSERT OR REPLACE INTO epoch(grp, epoch, authenticator, author_family, author_person, began_at)"
            " VALUES(?,?,?,?,?,?)",
            "iibooi", g->id, (int64_t)g->epoch, SPAN(hash), author ? SPAN_ID(&author->family) : SPAN_EMPTY,
            author ? SPAN_ID(&author->person) : SPAN_EMPTY, n->now.wall_ms);
    }
    bytes_wipe(authenticator, sizeof(authenticator));
    return st;
}

static enum status insert_row(struct node *n, struct group *g)
{
    struct person_ref *p = g->has_peer ? &g->peer : NULL;
    int64_t relay = 0;
    enum status st = sql_run(&n->sql, "INSERT OR IGNORE INTO relay(address) VALUES(?)", "t", g->relay);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &relay, 0, "SELECT id FROM relay WHERE address = ?", "t", g->relay);
    }
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "INSERT INTO mls_group(scope, generation, kind, state, relay, founding, epoch, refreshed_at,"
            " founded_at, read_at, subject_family, subject_person, peer_family, peer_person)"
            " VALUES(?,?,?,1,?,?,?,?,?,?,?,?,?,?)",
            "biiibiiiibboo", SPAN_ID(&g->scope), (int64_t)g->generation, (int64_t)g->kind, relay,
            SPAN(g->founding), (int64_t)g->epoch, n->now.wall_ms, n->now.wall_ms, n->now.wall_ms,
            SPAN_ID(&g->subject.family), SPAN_ID(&g->subject.person), p ? SPAN_ID(&p->family) : SPAN_EMPTY,
            p ? SPAN_ID(&p->person) : SPAN_EMPTY);
    }
    g->id = sql_last_id(&n->sql);
    return st;
}

static enum status fill_founding(struct group *g, const uint8_t *known)
{
    uint8_t authenticator[HASH_LEN];
    if (known) {
        memcpy(g->founding, known, HASH_LEN);
        return ST_OK;
    }
    mls_group_authenticator(g->mls, authenticator);
    return beacon_authenticator_hash(SPAN(authenticator), g->founding);
}

enum status group_insert(struct node *n, const struct group_row_args *a, struct group **out)
{
    *out = NULL;
    struct group *g = mem_alloc(1, sizeof(*g));
    if (!g) {
        mls_group_free(a->mls);
        return ST_NO_MEMORY;
    }
    g->mls = a->mls;
    g->kind = a->context->kind;
    g->scope = a->context->scope;
    g->generation = a->context->generation;
    g->state = GROUP_ACTIVE;
    g->epoch = mls_group_epoch(a->mls);
    g->has_peer = a->has_peer;
    g->subject = a->subject;
    g->peer = a->peer;
    g->touched = true;
    n->groups[cache_place(n)] = g;
    sqlite3_snprintf(sizeof(g->relay), g->relay, "%.*s", (int)a->context->relays[0].len,
                     (const char *)a->context->relays[0].ptr);
    enum status st = fill_founding(g, a->founding);
    if (st == ST_OK) {
        st = insert_row(n, g);
    }
    if (st == ST_OK) {
        st = group_save(n, g);
    }
    if (st == ST_OK) {
        st = relays_entered(n, g);
    }
    if (st == ST_OK) {
        st = group_open_log(n, g);
    }
    if (st == ST_OK && !a->founding) { /* nobody wrote there before */
        st = logs_set_echoed(n, g->log);
    }
    *out = st == ST_OK ? g : NULL;
    return st; /* on failure the event rolls back, and the touched group is dropped with it */
}

/* ---- founding ---- */

enum status group_found(struct node *n, const struct group_found_args *a, struct group **out)
{
    static const uint16_t understood[] = {KITH_CONTEXT_EXTENSION};
    uint8_t id[32];
    struct kith_context context = a->context;
    struct buffer bytes, certificate;
    struct writer w;
    struct mls_group *mls = NULL;
    struct family_relays relays;
    buffer_init(&bytes, KITH_CONTEXT_MAX);
    buffer_init(&certificate, WIRE_CERTIFICATE_MAX);
    writer_init(&w, &bytes);
    entropy_fill(&n->entropy, id, sizeof(id));
    if (a->id) {
        memcpy(id, a->id, sizeof(id));
    }
    enum status st = relays_from(n, &a->context, a->relay, &relays);
    if (st == ST_OK) {
        family_relays_put(&context, &relays);
        st = kith_context_encode(&w, &context);
    }
    if (st == ST_OK) {
        st = family_own_certificate(n, &certificate);
    }
    if (st == ST_OK) {
        struct mls_extension extension = {KITH_CONTEXT_EXTENSION, buffer_span(&bytes)};
        struct mls_create_args args = {
            .group_id = SPAN(id),
            .extensions = {&extension, 1},
            .self = {buffer_span(&certificate), &n->self.key, understood, 1},
            .not_before_ms = n->now.wall_ms - INT64_C(3600000),
            .not_after_ms = n->now.wall_ms + GROUP_LEAF_DAYS * INT64_C(86400000),
        };
        st = mls_group_create(&mls, &args, &n->entropy);
    }
    if (st == ST_OK) {
        struct group_row_args row = {mls, &context, NULL, a->has_peer, a->subject, a->peer};
        st = group_insert(n, &row, out);
    }
    if (st == ST_OK) {
        st = group_note_epoch(n, *out, NULL); /* no commit made epoch 0 */
    }
    buffer_wipe(&bytes);
    buffer_wipe(&certificate);
    return st;
}

/* ---- what a group knows ---- */

enum status group_context(const struct group *g, struct kith_context *out)
{
    struct span data;
    if (!mls_group_extension(g->mls, KITH_CONTEXT_EXTENSION, &data)) {
        return ST_STORE_ROW;
    }
    return kith_context_decode(out, data);
}

bool group_next(const struct group *g, uint32_t *leaf, struct device_certificate *out)
{
    struct mls_member m;
    while (mls_group_next_member(g->mls, leaf, &m)) {
        if (device_certificate_decode(out, m.identity) == ST_OK) {
            return true;
        }
    }
    return false;
}

bool group_is_founding(const struct group *g)
{
    return g->epoch == 0 && mls_group_member_count(g->mls) == 1 && successor_is_name(mls_group_id(g->mls));
}

bool group_has_device(const struct group *g, const struct device_id *device, uint32_t *leaf)
{
    struct device_certificate c;
    for (uint32_t at = 0; group_next(g, &at, &c);) {
        if (ID_EQUAL(&c.device, device)) {
            if (leaf) {
                *leaf = at - 1;
            }
            return true;
        }
    }
    return false;
}

size_t group_persons(const struct group *g, struct person_ref *out, size_t max)
{
    struct device_certificate c;
    size_t count = 0;
    for (uint32_t at = 0; count < max && group_next(g, &at, &c);) {
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known = known || person_ref_equal(&out[i], &c.who);
        }
        if (!known) {
            out[count++] = c.who;
        }
    }
    return count;
}
