/* SPDX-License-Identifier: Apache-2.0 */
/* What a leave has to do later: the group is destroyed when the entry is at the relay, and the other side is
 * told again by letter, for the relay may lose what it had. */
#include "protocol/evidence.h"
#include "sync/contact_internal.h"
#include "sync/scope_group.h"

/* A relay that loses what it had said to have is put back within days, to a copy of a day before. */
enum leave_again { AGAIN_FIRST_MS = 24 * 3600 * 1000, AGAIN_NEXT_MS = 6 * 24 * 3600 * 1000, AGAIN_TIMES = 2 };

/* ---- the end of the group ---- */

/* A leave of one's own that is at the relay: the others destroy the group when they read it, and so does this
 * device. */
static enum status next_left(struct node *n, int64_t *id)
{
    return sql_number(
        &n->sql, id, 0,
        "SELECT g.id FROM mls_group g WHERE g.left_at > 0 AND g.state != +? AND NOT EXISTS (SELECT"
        " 1 FROM entry e WHERE e.scope = g.scope AND e.kind = +? AND e.own = 1 AND e.acked = 0)"
        " LIMIT 1",
        "ii", (int64_t)GROUP_LEFT, (int64_t)ENTRY_LEAVE);
}

/* Who asked again meanwhile keeps the box for the answer. */
static enum status close_left(struct node *n, int64_t id)
{
    struct group *g = NULL;
    enum contact_state state;
    bool known = false;
    enum status st = group_get(n, id, &g);
    if (st != ST_OK)
        return st;
    struct person_ref mine = g->subject, other = g->peer;
    st = group_leave(n, g);
    if (st == ST_OK)
        st = contact_row(n, &mine, &other, &state, NULL, &known);
    return st == ST_OK ? contact_void_boxes(n, &mine, &other, state >= CONTACT_WITHDRAWN) : st;
}

/* ---- told again ---- */

/* What is to be told once more by letter. */
enum status leave_keep_letter(struct node *n, const struct person_ref *other, const struct leave_note *note,
                              struct span encoded)
{
    struct leave_heard told = {.note = encoded};
    struct evidence_record r = {.kind = EVIDENCE_LEAVE};
    struct buffer heard, record;
    struct writer w;
    buffer_init(&heard, LEAVE_HEARD_MAX);
    buffer_init(&record, EVIDENCE_RECORD_MAX);
    writer_init(&w, &heard);
    enum status st = node_hlc(n, &told.hlc);
    if (st == ST_OK)
        st = leave_heard_encode(&w, &told);
    r.body = buffer_span(&heard);
    writer_init(&w, &record);
    if (st == ST_OK)
        st = evidence_record_encode(&w, &r);
    if (st == ST_OK)
        st = sql_run(&n->sql, "INSERT OR REPLACE INTO leave_letter VALUES(?,?,?,?,?,?)", "bbbbii",
                     SPAN_ID(&note->scope), SPAN_ID(&other->family), SPAN_ID(&other->person),
                     buffer_span(&record), n->now.wall_ms + AGAIN_FIRST_MS, (int64_t)AGAIN_TIMES);
    buffer_wipe(&heard);
    buffer_wipe(&record);
    return st;
}

struct again {
    struct scope_id scope;
    struct person_ref other;
    struct buffer letter;
    int64_t times;
};

static enum status next_letter(struct node *n, struct again *a, bool *found)
{
    struct query q;
    int64_t next = 0;
    query_start(&q, &n->sql,
                "SELECT scope, family, person, letter, times FROM leave_letter WHERE due_at <= ? LIMIT 1",
                "i", n->now.wall_ms);
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, &a->scope);
        QUERY_ID(&q, 1, &a->other.family);
        QUERY_ID(&q, 2, &a->other.person);
        query_fail(&q, buffer_copy(&a->letter, query_blob(&q, 3)));
        a->times = query_int(&q, 4);
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !*found)
        st = sql_number(&n->sql, &next, 0, "SELECT min(due_at) FROM leave_letter", "");
    if (st == ST_OK && next != 0)
        node_wake_wall(n, next);
    return st;
}

/* Not to who was asked again since. */
static enum status send_again(struct node *n, const struct again *a)
{
    struct person_ref self = self_person(n);
    enum contact_state state;
    struct buffer box;
    bool known = false;
    buffer_init(&box, LETTERBOX_MAX);
    enum status st = contact_row(n, &self, &a->other, &state, &box, &known);
    bool left = known && state >= CONTACT_WITHDRAWN;
    if (st == ST_OK && left && box.len > 0) {
        struct letter l = {LETTERBOX_EVIDENCE, buffer_span(&box), a->other, buffer_span(&a->letter)};
        st = letter_send(n, &l);
    }
    buffer_wipe(&box);
    if (st == ST_OK && (!left || a->times <= 1))
        return sql_run(&n->sql, "DELETE FROM leave_letter WHERE scope = ?", "b", SPAN_ID(&a->scope));
    return st == ST_OK ? sql_run(&n->sql, "UPDATE leave_letter SET due_at = ?, times = ? WHERE scope = ?",
                                 "iib", n->now.wall_ms + AGAIN_NEXT_MS, a->times - 1, SPAN_ID(&a->scope))
                       : st;
}

static enum status letters_again(struct node *n)
{
    struct again a;
    bool found = true;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && found && i < CONTACT_WALK_MAX; i++) {
        buffer_init(&a.letter, EVIDENCE_RECORD_MAX);
        st = next_letter(n, &a, &found);
        if (st == ST_OK && found)
            st = send_again(n, &a);
        buffer_wipe(&a.letter);
    }
    return st;
}

enum status leaves_due(struct node *n)
{
    int64_t id = 1;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && id != 0 && i < CONTACT_WALK_MAX; i++) {
        st = next_left(n, &id);
        if (st == ST_OK && id != 0)
            st = close_left(n, id);
    }
    return st == ST_OK ? letters_again(n) : st;
}
