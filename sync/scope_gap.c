/* SPDX-License-Identifier: Apache-2.0 */
/* After a gap (§5.3): a relay that lost its store may show a commit as first that was not. Until every other
 * leaf has sent a beacon that names the new incarnation and stands at our epoch or an earlier one, this
 * device neither makes nor applies commits. Messages, `have` and repair go on. Then the epoch's log is read
 * again from its start. */
#include "sync/scope_internal.h"

static enum status drop_own_commit(struct node *n, struct group *g)
{
    enum status st = group_save_pending(n, g, NULL);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM pending_letter WHERE grp = ?", "i", g->id);
    }
    if (st == ST_OK) {
        st = logs_unsend(n, g->log, OUTBOX_PLAIN);
    }
    g->pending = false;
    return st;
}

enum status group_begin_gap(struct node *n, struct group *g)
{
    g->touched = true;
    g->gap = true;
    enum status st = g->pending ? drop_own_commit(n, g) : ST_OK;
    if (st == ST_OK && mls_group_member_count(g->mls) == 1) {
        g->gap = false; /* nobody else could have been first */
    }
    return st == ST_OK ? sql_run(&n->sql,
                                 "UPDATE mls_group SET gap_at = ?, pending = 0, have_at = ?, beacon_at = 1, "
                                 "dirty = 1 WHERE id = ?",
                                 "iii", g->gap ? n->now.wall_ms : 0,
                                 n->now.wall_ms + node_random_below(n, 2000), g->id)
                       : st;
}

enum status group_hole(struct node *n, const struct log_row *log)
{
    struct group *g = NULL;
    enum status st = group_get(n, log->owner, &g);
    if (st == ST_GROUP_NOT_HERE) {
        return ST_OK;
    }
    bool present = st == ST_OK && (uint64_t)log->epoch == g->epoch && g->state == GROUP_ACTIVE && !g->gap;
    return present ? group_begin_gap(n, g) : st;
}

enum status group_gap(struct node *n, int64_t relay)
{
    enum { AT_ONCE = 256 };
    int64_t ids[AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql, "SELECT id FROM mls_group WHERE relay = ? AND state = 1", "i", relay);
    while (count < AT_ONCE && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct group *g = NULL;
        st = group_get(n, ids[i], &g);
        if (st == ST_OK) {
            st = group_begin_gap(n, g);
        }
    }
    /* What was there is gone: everybody tells what they have, and what is missing is sent again. */
    return st == ST_OK ? sql_run(&n->sql,
                                 "UPDATE entry SET acked = 0, sent_epoch = NULL, outbox = NULL WHERE own = 1 "
                                 "AND acked = 1"
                                 " AND arrived_at > ?",
                                 "i", n->now.wall_ms - INT64_C(60000))
                       : st;
}

/* A beacon made before the store was lost says nothing of what was first since, however late it comes. */
enum status group_gap_heeds(struct node *n, const struct group *g, const struct beacon *b, bool *heeds)
{
    struct relay_incarnation now;
    enum status st = g->gap ? logs_incarnation(n, g->relay, &now) : ST_OK;
    *heeds = st == ST_OK && (!g->gap || ID_EQUAL(&now, &b->incarnation));
    return st;
}

/* Which of the others has told since the gap, and where it stands. */
enum status group_end_gap(struct node *n, struct group *g)
{
    struct mls_member m;
    int64_t gap_at = 0;
    bool all = true, ahead = false;
    if (!g->gap) {
        return ST_OK;
    }
    enum status st = sql_number(&n->sql, &gap_at, 0, "SELECT gap_at FROM mls_group WHERE id = ?", "i", g->id);
    for (uint32_t at = 0; st == ST_OK && mls_group_next_member(g->mls, &at, &m);) {
        int64_t epoch = -1;
        if (m.leaf == mls_group_own_leaf(g->mls)) {
            continue;
        }
        st = sql_number(&n->sql, &epoch, -1,
                        "SELECT epoch FROM beacon WHERE grp = ? AND device = ? AND at_ms >= ?", "ibi", g->id,
                        m.key, gap_at);
        all = all && epoch >= 0;
        ahead = ahead || epoch > (int64_t)g->epoch;
    }
    if (st == ST_OK && ahead) {
        return group_stuck(
            n, g,
            "the relay lost its store and others went on meanwhile: this device asks to be added again");
    }
    if (st != ST_OK || !all) {
        return st;
    }
    g->gap = false;
    g->touched = true;
    st = sql_run(&n->sql, "UPDATE mls_group SET gap_at = 0, dirty = 1 WHERE id = ?", "i", g->id);
    return st == ST_OK ? logs_reread(n, g->log) : st;
}
