/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks for history, who answers, and when it is over. Whoever lacks some writes what it has; every other
 * device of the person waits a random while, and gives the rest unless somebody else has begun to. */
#include "sync/family.h"
#include "sync/history_internal.h"

static enum status append_own(struct node *n, const struct entry_body *body, struct entry_hash *hash)
{
    struct scope_id own;
    enum status st = scope_id_of_person(SCOPE_OWN, &n->self.person, &own);
    return st == ST_OK ? journal_append(n, SCOPE_OWN, &own, body, hash) : st;
}

enum status history_joined(struct node *n)
{
    int64_t before = -1;
    enum status st = meta_number(n, "history_joined", -1, &before);
    return st == ST_OK && before == -1 ? meta_set_number(n, "history_joined", n->now.wall_ms) : st;
}

enum status history_due(struct node *n)
{
    enum status st = history_answer_due(n);
    if (st == ST_OK) {
        st = history_give_due(n);
    }
    return st == ST_OK ? history_take_due(n) : st;
}

/* ---- asking ---- */

/* Stretches that are here: parts that follow one another in an offer are one. */
static enum status list_held(struct node *n, struct history_held_list *list, struct buffer *bytes)
{
    struct query q;
    struct history_held now = {.first_hlc = 0};
    int64_t offer = 0, part = -2;
    query_start(&q, &n->sql,
                "SELECT offer, part, scope, first_hlc, last_hlc FROM history_part WHERE state = 1"
                " ORDER BY scope, offer, part",
                "");
    while (query_next(&q)) {
        struct history_held h = {.first_hlc = (uint64_t)query_int(&q, 3),
                                 .last_hlc = (uint64_t)query_int(&q, 4)};
        QUERY_ID(&q, 2, &h.scope);
        bool follows =
            offer == query_int(&q, 0) && part + 1 == query_int(&q, 1) && ID_EQUAL(&h.scope, &now.scope);
        if (follows) {
            now.first_hlc = h.first_hlc < now.first_hlc ? h.first_hlc : now.first_hlc;
        } else {
            query_fail(&q, part != -2 ? history_held_add(list, bytes, &now) : ST_OK);
            now = h;
        }
        offer = query_int(&q, 0);
        part = query_int(&q, 1);
    }
    enum status st = query_end(&q);
    if (st == ST_OK && part != -2) {
        st = history_held_add(list, bytes, &now);
    }
    return st == ST_NO_SPACE ? ST_OK : st; /* then some comes twice */
}

/* A conversation of which all has come is held from its beginning. */
static enum status list_whole(struct node *n, struct history_held_list *list, struct buffer *bytes)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT t.scope FROM history_total t WHERE (SELECT sum(p.entries) FROM history_part p"
                " WHERE p.offer = t.offer AND p.scope = t.scope AND p.state = 1) >= t.entries",
                "");
    while (query_next(&q)) {
        struct history_held h = {.first_hlc = 0, .last_hlc = INT64_MAX};
        QUERY_ID(&q, 0, &h.scope);
        query_fail(&q, history_held_add(list, bytes, &h));
    }
    enum status st = query_end(&q);
    return st == ST_NO_SPACE ? ST_OK : st;
}

enum status history_want(struct node *n, const struct device_id *instead_of)
{
    struct entry_body body = {.kind = ENTRY_HISTORY_WANT, .u.history_want.instead_of = *instead_of};
    struct buffer bytes;
    struct entry_hash hash;
    buffer_init(&bytes, ENTRY_BODY_MAX);
    enum status st = list_whole(n, &body.u.history_want.held, &bytes);
    if (st == ST_OK) {
        st = list_held(n, &body.u.history_want.held, &bytes);
    }
    if (st == ST_OK) {
        st = append_own(n, &body, &hash);
    }
    if (st == ST_OK) {
        st = meta_set_bytes(n, "history_want", SPAN_ID(&hash));
    }
    if (st == ST_OK) {
        st = meta_add(n, "history_wants", 1);
    }
    buffer_wipe(&bytes);
    return st;
}

enum status history_say_done(struct node *n, const struct log_id *log)
{
    struct entry_body body = {.kind = ENTRY_HISTORY_DONE, .u.history_done.log = *log};
    return append_own(n, &body, NULL);
}

/* ---- answering ---- */

static enum status know_peer(struct node *n, const struct device_id *device)
{
    return sql_run(&n->sql, "INSERT OR IGNORE INTO history_peer(device) VALUES(?)", "b", SPAN_ID(device));
}

enum status apply_history_want(struct node *n, const struct applied_entry *e)
{
    struct buffer held;
    struct writer w;
    if (e->own) {
        return ST_OK;
    }
    if (e->scope_kind != SCOPE_OWN || e->closes_only) {
        return ST_JOURNAL_AUTHOR;
    }
    const struct entry_history_want *want = &e->body->u.history_want;
    bool last = ID_EQUAL(&want->instead_of, &n->self.device);
    int64_t due =
        n->now.wall_ms + node_random_below(n, HISTORY_ANSWER_MS) + (last ? HISTORY_ANSWER_LAST_MS : 0);
    buffer_init(&held, ENTRY_BODY_MAX);
    writer_init(&w, &held);
    history_held_write(&w, &want->held);
    enum status st = writer_done(&w);
    if (st == ST_OK) {
        st = know_peer(n, &e->author);
    }
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "UPDATE history_peer SET want_hlc = ?2, want = ?3, held = ?4, due_at = CASE WHEN done_hlc > ?2"
            " OR EXISTS (SELECT 1 FROM history_answer a WHERE a.want = ?3) THEN 0 ELSE ?5 END"
            " WHERE device = ?1 AND want_hlc < ?2",
            "bibbi", SPAN_ID(&e->author), (int64_t)e->hlc, SPAN_ID(&e->hash), buffer_span(&held), due);
    }
    buffer_wipe(&held);
    bool newest = sql_changes(&n->sql) == 1;
    node_wake_wall(n, due);
    return st == ST_OK && newest ? history_give_end(n, &e->author, NULL) : st;
}

enum status apply_history_done(struct node *n, const struct applied_entry *e)
{
    struct query q;
    struct entry_hash answers;
    bool found = false;
    if (e->own) {
        return ST_OK;
    }
    if (e->scope_kind != SCOPE_OWN || e->closes_only) {
        return ST_JOURNAL_AUTHOR;
    }
    enum status st = know_peer(n, &e->author);
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "UPDATE history_peer SET done_hlc = max(done_hlc, ?2), due_at = CASE WHEN want_hlc < ?2 THEN 0"
            " ELSE due_at END WHERE device = ?1",
            "bi", SPAN_ID(&e->author), (int64_t)e->hlc);
    }
    if (st != ST_OK) {
        return st;
    }
    query_start(
        &q, &n->sql,
        "SELECT g.answers FROM history_give g JOIN log l ON l.id = g.log WHERE g.device = ? AND l.log_id = ?",
        "bb", SPAN_ID(&e->author), SPAN_ID(&e->body->u.history_done.log));
    found = query_next(&q);
    if (found) {
        QUERY_ID(&q, 0, &answers);
    }
    st = query_end(&q);
    return st == ST_OK && found ? history_give_end(n, &e->author, &answers) : st;
}

enum status history_answered(struct node *n, const struct device_id *to, const struct entry_hash *want,
                             const struct device_id *by)
{
    static const struct entry_hash unasked;
    if (ID_EQUAL(want, &unasked)) {
        return ST_OK;
    }
    enum status st =
        sql_run(&n->sql, "INSERT OR IGNORE INTO history_answer(want) VALUES(?)", "b", SPAN_ID(want));
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE history_peer SET due_at = 0 WHERE device = ? AND want = ?", "bb",
                     SPAN_ID(to), SPAN_ID(want));
    }
    /* Both began at once: the lower device goes on. */
    return st == ST_OK && ID_COMPARE(by, &n->self.device) < 0 ? history_give_end(n, to, want) : st;
}

struct answer {
    struct device_id device;
    struct entry_hash want;
    struct buffer held;
    bool found;
};

static enum status next_answer(struct node *n, struct answer *a)
{
    struct query q;
    int64_t soonest = 0;
    query_start(&q, &n->sql,
                "SELECT device, want, held FROM history_peer WHERE due_at != 0 AND due_at <= ? LIMIT 1", "i",
                n->now.wall_ms);
    a->found = query_next(&q);
    if (a->found) {
        QUERY_ID(&q, 0, &a->device);
        QUERY_ID(&q, 1, &a->want);
        query_fail(&q, buffer_copy(&a->held, query_blob(&q, 2)));
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !a->found) {
        st = sql_number(&n->sql, &soonest, 0, "SELECT min(due_at) FROM history_peer WHERE due_at != 0", "");
    }
    if (st == ST_OK && soonest != 0) {
        node_wake_wall(n, soonest);
    }
    return st;
}

enum status history_answer_due(struct node *n)
{
    struct answer a = {.found = false};
    struct history_held_list held;
    struct reader r;
    buffer_init(&a.held, ENTRY_BODY_MAX);
    enum status st = next_answer(n, &a);
    if (st == ST_OK && a.found) {
        st = sql_run(&n->sql, "UPDATE history_peer SET due_at = 0 WHERE device = ?", "b", SPAN_ID(&a.device));
        reader_init(&r, buffer_span(&a.held));
        history_held_read(&r, &held);
        st = st == ST_OK && reader_done(&r) != ST_OK ? ST_STORE_ROW : st;
        if (st == ST_OK) {
            st = history_give_begin(n, &a.device, &a.want, &held);
        }
        node_wake_mono(n, n->now.mono_ms);
    }
    buffer_wipe(&a.held);
    return st;
}
