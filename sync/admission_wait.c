/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/admission_wait.h"

enum wait_limits {
    ADMISSIONS_KEPT = 32,      /* nobody fills the disk with them, */
    ADMISSIONS_OF_OTHERS = 24, /* other families leave room for one's own, */
    ADMISSIONS_OF_ONE = 4      /* and one contact for the next */
};

/* Each contact has a letterbox of its own, whatever its certificates say; the family's devices share one. */
static enum status has_room(struct node *n, const struct received_letter *l, bool *room)
{
    int64_t all = 0, others = 0, one = 0;
    enum status st = sql_number(&n->sql, &all, 0, "SELECT count(*) FROM admission_wait", "");
    if (st == ST_OK) {
        st = sql_number(&n->sql, &others, 0, "SELECT count(*) FROM admission_wait WHERE length(sender) > 0",
                        "");
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &one, 0, "SELECT count(*) FROM admission_wait WHERE sender = ?", "b",
                        SPAN_ID(&l->m->log));
    }
    bool family = l->kind == BOX_FAMILY;
    *room = all < ADMISSIONS_KEPT && (family || (others < ADMISSIONS_OF_OTHERS && one < ADMISSIONS_OF_ONE));
    return st;
}

enum status admission_keep(struct node *n, const struct received_letter *l, bool successor, enum status why)
{
    bool room = false;
    enum status st = has_room(n, l, &room);
    if (st != ST_OK || !room) {
        return st == ST_OK ? why : st;
    }
    node_wake_wall(n, n->now.wall_ms + ADMISSION_AGAIN_MS);
    return sql_run(&n->sql,
                   "INSERT INTO admission_wait(body, certificate, at_ms, next_at, successor, sender) "
                   "VALUES(?,?,?,?,?,?)",
                   "bbiiib", l->m->body, l->m->certificate, n->now.wall_ms,
                   n->now.wall_ms + ADMISSION_AGAIN_MS, (int64_t)successor,
                   l->kind == BOX_FAMILY ? SPAN_EMPTY : SPAN_ID(&l->m->log));
}
