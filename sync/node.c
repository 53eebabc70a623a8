/* SPDX-License-Identifier: Apache-2.0 */
/* Events in, effects out.
 *
 * Invariants: 1. Effects are published only after COMMIT. 2. Every event runs in a SAVEPOINT; a failure that
 * is not fatal undoes that event alone, in the database and in memory. 3. After a fatal failure the node does
 * nothing more: `broken` is set and every step fails until it is opened again. */
#include "sync/node.h"

#include <stdlib.h>

#include "sync/commands.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/files.h"
#include "sync/history.h"
#include "sync/journal_internal.h"
#include "sync/logs.h"
#include "sync/names.h"
#include "sync/node_internal.h"
#include "sync/pass.h"
#include "sync/schema.h"
#include "sync/scope_group.h"
#include "sync/witness.h"

bool status_is_fatal(enum status s)
{
    enum status_class c = status_class(s);
    return c == CLASS_STORE || c == CLASS_INTERNAL;
}

/* ---- effects ---- */

static void slot_free(struct effect_slot *e)
{
    for (size_t i = 0; i < e->text_count; i++) {
        free(e->texts[i]);
    }
    memset(e, 0, sizeof(*e));
}

struct effect_slot *node_effect(struct node *n, enum effect_kind kind, uint64_t id)
{
    struct effect_queue *q = &n->effects;
    if (q->count == q->cap) {
        size_t cap = q->cap ? q->cap * 2 : 32;
        struct effect_slot *more = realloc(q->slots, cap * sizeof(*more));
        if (!more) {
            return NULL;
        }
        q->slots = more;
        q->cap = cap;
    }
    struct effect_slot *e = &q->slots[q->count++];
    memset(e, 0, sizeof(*e));
    e->effect.kind = kind;
    e->effect.id = id;
    return e;
}

const char *effect_text(struct effect_slot *e, const char *text)
{
    char *copy = text && e->text_count < NODE_EFFECT_TEXTS ? strdup(text) : NULL;
    if (copy) {
        e->texts[e->text_count++] = copy;
    }
    return copy;
}

static void effects_truncate(struct node *n, size_t count)
{
    while (n->effects.count > count) {
        slot_free(&n->effects.slots[--n->effects.count]);
    }
}

static void effects_drop_taken(struct node *n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->effects.count; i++) {
        if (n->effects.slots[i].taken) {
            slot_free(&n->effects.slots[i]);
        } else {
            n->effects.slots[kept++] = n->effects.slots[i];
        }
    }
    n->effects.count = kept;
}

const struct effect *node_next(struct node *n)
{
    for (size_t i = 0; i < n->effects.count; i++) {
        struct effect_slot *e = &n->effects.slots[i];
        if (e->published && !e->taken) {
            e->taken = true;
            return &e->effect;
        }
    }
    return NULL;
}

/* ---- savepoints ---- */

static void forget_touched(struct node *n)
{
    sql_all_stale(&n->sql.watches);
    groups_forget_touched(n);
    if (n->family_touched) {
        family_forget(n);
    }
    n->family_touched = false;
    if (n->self_touched) {
        n->self_stale = true;
    }
}

static enum status undo(struct node *n, size_t effects)
{
    enum status st = sql_run(&n->sql, "ROLLBACK TO guard", "");
    effects_truncate(n, effects);
    forget_touched(n);
    return st;
}

/* Inside of node_guard_once: no SAVEPOINT, for a refusal undoes more than this. */
static enum status unguarded(struct node *n, node_fn fn, void *arg, enum status *why)
{
    enum status st = fn(n, arg);
    n->once_refused = n->once_refused || st != ST_OK;
    if (st != ST_OK && !status_is_fatal(st) && why) {
        *why = st;
    }
    return status_is_fatal(st) ? st : ST_OK;
}

enum status node_guard(struct node *n, node_fn fn, void *arg, enum status *why)
{
    size_t effects = n->effects.count;
    if (why) {
        *why = ST_OK;
    }
    if (n->once) {
        return unguarded(n, fn, arg, why);
    }
    enum status st = sql_run(&n->sql, "SAVEPOINT guard", "");
    if (st != ST_OK) {
        return st;
    }
    st = fn(n, arg);
    if (st != ST_OK && !status_is_fatal(st)) {
        if (why) {
            *why = st;
        }
        st = undo(n, effects);
    }
    return st == ST_OK ? sql_run(&n->sql, "RELEASE guard", "") : st;
}

enum status node_guard_once(struct node *n, node_fn fn, void *arg)
{
    size_t effects = n->effects.count;
    enum status st = sql_run(&n->sql, "SAVEPOINT guard", "");
    if (st != ST_OK) {
        return st;
    }
    invariant(!n->once);
    n->once = true;
    n->once_refused = false;
    st = fn(n, arg);
    n->once = false;
    if (status_is_fatal(st)) {
        return st; /* SQLite may have rolled everything back: there is nothing to undo, and nothing to try */
    }
    bool again = st != ST_OK || n->once_refused;
    if (again) { /* whatever was refused: with SAVEPOINTs it is refused again, alone */
        st = undo(n, effects);
        st = st == ST_OK ? self_refresh(n) : st;
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "RELEASE guard", "");
    }
    return st == ST_OK && again ? fn(n, arg) : st;
}

/* ---- notices, counters, time ---- */

const char *notice_name(enum notice_kind kind)
{
    static const char *const names[NOTICE_KIND_COUNT] = {
        "text",   "requests", "pairing", "person", "device_added", "device_removed", "contact", "withdrawn",
        "denied", "policy",   "history", "alarm",  "stuck",        "waiting",        "file"};
    return (unsigned)kind < NOTICE_KIND_COUNT ? names[kind] : "unknown";
}

enum status node_notice(struct node *n, enum notice_kind kind, const char *who, const char *what,
                        const struct scope_id *scope)
{
    static const struct scope_id none;
    scope = scope ? scope : &none;
    who = who ? who : "";
    what = what ? what : "";
    enum status st = sql_run(&n->sql, "INSERT INTO notice(kind, at_ms, who, what, scope) VALUES(?,?,?,?,?)",
                             "iittb", (int64_t)kind, n->now.wall_ms, who, what, SPAN_ID(scope));
    int64_t seq = sql_last_id(&n->sql);
    if (st == ST_OK && seq > NODE_NOTICES_KEPT) {
        st = sql_run(&n->sql, "DELETE FROM notice WHERE seq <= ?", "i", seq - NODE_NOTICES_KEPT);
    }
    struct effect_slot *e = st == ST_OK ? node_effect(n, FX_NOTIFY, 0) : NULL;
    if (!e) {
        return st == ST_OK ? ST_NO_MEMORY : st;
    }
    e->effect.u.notice =
        (struct notice){.seq = (uint64_t)seq, .kind = kind, .at_ms = n->now.wall_ms, .scope = *scope};
    e->effect.u.notice.who = effect_text(e, who);
    e->effect.u.notice.what = effect_text(e, what);
    return e->effect.u.notice.who && e->effect.u.notice.what ? ST_OK : ST_NO_MEMORY;
}

enum status node_alarm(struct node *n, const char *who, const char *what, const struct scope_id *scope)
{
    int64_t told = 0;
    enum status st = sql_number(
        &n->sql, &told, 0,
        "SELECT count(*) FROM notice WHERE kind = ? AND what = ? AND who = ? AND at_ms > ?", "itti",
        (int64_t)NOTICE_ALARM, what, who ? who : "", n->now.wall_ms - INT64_C(24) * 3600 * 1000);
    if (st != ST_OK || told != 0) {
        return st;
    }
    st = meta_add(n, "alarms", 1);
    return st == ST_OK ? node_notice(n, NOTICE_ALARM, who, what, scope) : st;
}

enum status node_skipped(struct node *n)
{
    return meta_add(n, "blocks_skipped", 1);
}

enum status node_refused(struct node *n, enum status why)
{
    char key[64];
    sqlite3_snprintf((int)sizeof(key), key, "refused:%s", status_name(why));
    return meta_add(n, key, 1);
}

void node_wake_mono(struct node *n, int64_t mono_ms)
{
    n->wake_mono_ms = mono_ms < n->wake_mono_ms ? mono_ms : n->wake_mono_ms;
}

void node_wake_wall(struct node *n, int64_t wall_ms)
{
    int64_t ahead = wall_ms - n->now.wall_ms;
    node_wake_mono(n, n->now.mono_ms + (ahead > 0 ? ahead : 0));
}

int64_t node_deadline(const struct node *n)
{
    return n->wake_mono_ms;
}

int64_t node_random_below(struct node *n, int64_t bound)
{
    uint64_t v = 0;
    entropy_fill(&n->entropy, (uint8_t *)&v, sizeof(v));
    return bound > 0 ? (int64_t)(v % (uint64_t)bound) : 0;
}

/* ---- table meta ---- */

enum status meta_number(struct node *n, const char *key, int64_t missing, int64_t *out)
{
    return sql_number(&n->sql, out, missing, "SELECT value FROM meta WHERE key = ?", "t", key);
}

enum status meta_set_number(struct node *n, const char *key, int64_t value)
{
    return sql_run(&n->sql, "INSERT OR REPLACE INTO meta(key, value) VALUES(?,?)", "ti", key, value);
}

enum status meta_bytes(struct node *n, const char *key, struct buffer *out, bool *found)
{
    return sql_bytes(&n->sql, out, found, "SELECT value FROM meta WHERE key = ?", "t", key);
}

enum status meta_set_bytes(struct node *n, const char *key, struct span value)
{
    return sql_run(&n->sql, "INSERT OR REPLACE INTO meta(key, value) VALUES(?,?)", "tb", key, value);
}

enum status meta_add(struct node *n, const char *key, int64_t more)
{
    return sql_run(
        &n->sql,
        "INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = value + ?2", "ti",
        key, more);
}

/* ---- opening and stepping ---- */

void node_free(struct node *n)
{
    if (!n) {
        return;
    }
    effects_truncate(n, 0);
    free(n->effects.slots);
    groups_free(n);
    family_forget(n);
    facts_free(n);
    pass_free(n);
    journal_author_free(n);
    logs_free(n);
    names_free(n);
    free(n->relay_default);
    if (n->sql.db) {
        if (!sqlite3_get_autocommit(n->sql.db)) {
            sqlite3_exec(n->sql.db, "ROLLBACK", NULL, NULL, NULL);
        }
        sql_close(&n->sql);
    }
    mem_free(n, sizeof(*n));
}

static enum status commit(struct node *n)
{
    enum status st = sql_run(&n->sql, "COMMIT", "");
    for (size_t i = 0; st == ST_OK && i < n->effects.count; i++) {
        n->effects.slots[i].published = true;
    }
    if (st == ST_OK) { /* what memory holds is what is on disk */
        groups_settled(n);
        n->family_touched = false;
    }
    /* What was erased is still in older pages of the WAL: they go too. Where that fails it is tried again
     * after the next batch. */
    if (st == ST_OK && n->scrub) {
        n->scrub =
            sqlite3_wal_checkpoint_v2(n->sql.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK;
    }
    return st;
}

/* What follows from the batch: groups, entries to send, requests to relays. */
static enum status settle(struct node *n)
{
    n->wake_mono_ms = INT64_MAX;
    enum status st = self_refresh(n);
    if (st == ST_OK) {
        st = pass_run(n);
    }
    if (st == ST_OK) {
        st = node_hlc_save(n);
    }
    if (st == ST_OK) {
        st = witness_advance(n);
    }
    return st == ST_OK ? logs_pump(n) : st;
}

/* From what is on disk: everything is asked for again, and looked at anew. */
static enum status begin(struct node *n, const uint8_t *witness)
{
    enum status st = sql_run(&n->sql, "BEGIN IMMEDIATE", "");
    if (st == ST_OK) {
        st = witness_open(n, witness);
    }
    if (st == ST_OK) {
        st = logs_open(n);
    }
    if (st == ST_OK) {
        st = history_open(n);
    }
    if (st == ST_OK) {
        st = files_open(n);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE mls_group SET dirty = 1", "");
    }
    if (st == ST_OK) {
        st = settle(n);
    }
    return st == ST_OK ? commit(n) : st;
}

enum status node_open(struct node **out, const struct node_args *args)
{
    *out = NULL;
    struct node *n = mem_alloc(1, sizeof(*n));
    if (!n) {
        sqlite3_close(args->db);
        return ST_NO_MEMORY;
    }
    sql_init(&n->sql, args->db);
    n->entropy = args->entropy;
    n->now = args->now;
    n->wake_mono_ms = INT64_MAX;
    n->self_stale = true;
    if (args->files) {
        n->files = *args->files;
    }
    n->scrub = true; /* a crash may have come between an erasure and this */
    n->doubt = args->doubt;
    enum status st = schema_open(&n->sql);
    if (st == ST_OK) {
        st = pass_open(n);
    }
    if (st == ST_OK && args->relay) {
        n->relay_default = strdup(args->relay);
        st = n->relay_default ? ST_OK : ST_NO_MEMORY;
    }
    if (st == ST_OK) {
        st = begin(n, args->witness);
    }
    if (st != ST_OK) {
        node_free(n);
        return st;
    }
    *out = n;
    return ST_OK;
}

/* Memory is of the batch that did not happen: what can be asked is what is on disk. */
static void rest(struct node *n)
{
    if (!sqlite3_get_autocommit(n->sql.db)) {
        sqlite3_exec(n->sql.db, "ROLLBACK", NULL, NULL, NULL);
    }
    effects_truncate(n, 0);
    groups_free(n);
    family_forget(n);
    sql_all_stale(&n->sql.watches);
    n->family_touched = n->sealed = n->once = false;
    n->self_stale = true;
    enum status st = self_refresh(n);
    n->broken = st == ST_OK ? ST_STORE_FULL : st;
}

enum status node_resume(struct node *n, struct now now, const uint8_t *witness)
{
    if (n->broken != ST_STORE_FULL) {
        return n->broken;
    }
    n->now = now;
    n->scrub = true;
    enum status st = begin(n, witness);
    n->broken = st;
    if (st == ST_STORE_FULL) {
        rest(n);
    }
    return n->broken;
}

static enum status handle_event(struct node *n, void *arg)
{
    const struct event *e = arg;
    switch (e->kind) {
    case EV_RELAY_ANSWER:
        return logs_answer(n, e->id, e->u.answer);
    case EV_COMMAND:
        return commands_run(n, e->id, &e->u.command);
    case EV_TICK:
    default:
        return ST_OK;
    }
}

enum status node_step(struct node *n, const struct event *events, size_t count)
{
    effects_drop_taken(n);
    enum status st = n->broken != ST_OK ? n->broken : sql_run(&n->sql, "BEGIN IMMEDIATE", "");
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct event copy = events[i];
        n->now = copy.now;
        st = self_refresh(n);
        if (st == ST_OK) {
            st = node_guard(n, handle_event, &copy, NULL);
        }
    }
    if (st == ST_OK) {
        st = settle(n);
    }
    if (st == ST_OK) {
        st = commit(n);
    }
    n->self_touched = false;
    n->broken = st;
    if (st == ST_STORE_FULL) {
        rest(n);
    }
    return st;
}
