/* SPDX-License-Identifier: Apache-2.0 */
/* What groups do by the clock: the moment of a refresh, forgetting (§5.1), and whose beacon is overdue. */
#include "sync/family.h"
#include "sync/scope_internal.h"

enum clock_limits {
    CLOCK_AT_ONCE = 32,
    REFRESH_SPREAD_MS = 3600 * 1000, /* a refresh that is due comes within this, at random */
    OVERDUE_MS = 72 * 3600 * 1000    /* beacons go out every few hours, and once a day by letter */
};
#define DAY_MS INT64_C(86400000)
#define EPOCHS_KEPT_MS (60 * DAY_MS)
#define REFRESH_MS (GROUP_REFRESH_DAYS * DAY_MS)

static enum status wake_at(struct node *n, const char *sql, int64_t after)
{
    int64_t next = 0;
    enum status st = sql_number(&n->sql, &next, 0, sql, "");
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next + after);
    }
    return st;
}

/* ---- refreshing ---- */

/* refresh_at: 0, nothing is due; above 1, the moment drawn; 1, it has come, and the next plan may refresh. */
enum status groups_refresh_due(struct node *n)
{
    int64_t ids[CLOCK_AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT id FROM mls_group WHERE state = 1 AND refresh_at = 0 AND (sent_count >= ? OR"
                " refreshed_at <= ?)",
                "ii", (int64_t)GROUP_REFRESH_SENT, n->now.wall_ms - REFRESH_MS);
    while (count < CLOCK_AT_ONCE && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = sql_run(&n->sql, "UPDATE mls_group SET refresh_at = ? WHERE id = ?", "ii",
                     n->now.wall_ms + node_random_below(n, REFRESH_SPREAD_MS), ids[i]);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "UPDATE mls_group SET refresh_at = 1, dirty = 1 WHERE state = 1 AND refresh_at > 1 AND"
                     " refresh_at <= ?",
                     "i", n->now.wall_ms);
    }
    if (st == ST_OK) {
        st = wake_at(n, "SELECT min(refresh_at) FROM mls_group WHERE state = 1 AND refresh_at > 1", 0);
    }
    return st == ST_OK
               ? wake_at(n, "SELECT min(refreshed_at) FROM mls_group WHERE state = 1 AND refresh_at = 0",
                         REFRESH_MS)
               : st;
}

/* ---- forgetting ---- */

/* Message secrets of past epochs live a day after their end (and the engine keeps three at most). */
static enum status forget_secrets(struct node *n)
{
    int64_t ids[CLOCK_AT_ONCE], epochs[CLOCK_AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT e.grp, max(e.epoch) FROM epoch e JOIN mls_group g ON g.id = e.grp WHERE g.state != 3 AND"
        " e.epoch > g.forgotten AND e.began_at <= ? GROUP BY e.grp",
        "i", n->now.wall_ms - GROUP_LATE_MS);
    while (count < CLOCK_AT_ONCE && query_next(&q)) {
        ids[count] = query_int(&q, 0);
        epochs[count++] = query_int(&q, 1);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct group *g = NULL;
        st = group_get(n, ids[i], &g);
        if (st == ST_OK) {
            mls_group_forget_before(g->mls, (uint64_t)epochs[i]);
            st = group_save(n, g);
        }
        if (st == ST_OK) {
            st = sql_run(&n->sql, "UPDATE mls_group SET forgotten = ? WHERE id = ?", "ii", epochs[i], ids[i]);
        }
        n->scrub = true; /* older pages of the WAL have them still */
    }
    return st == ST_OK ? wake_at(n,
                                 "SELECT min(e.began_at) FROM epoch e JOIN mls_group g ON g.id = e.grp WHERE"
                                 " g.state != 3 AND e.epoch > g.forgotten",
                                 GROUP_LATE_MS)
                       : st;
}

/* Logs of epochs that ended a day ago are read no more, and what they were sealed with is forgotten. */
static enum status forget_logs(struct node *n)
{
    return sql_run(&n->sql,
                   "DELETE FROM log WHERE kind = 1 AND EXISTS (SELECT 1 FROM epoch e WHERE e.grp = log.owner"
                   " AND e.epoch = log.epoch + 1 AND e.began_at <= ?)",
                   "i", n->now.wall_ms - GROUP_LATE_MS);
}

/* Rows that nothing asks for any more, once a day. What stays of `epoch`: 60 days, the last three (who may
 * refresh), and the newest in which a person came (what is repaired to whom). Of letters: those that must not
 * do anything twice, however late. Of groups that were left: the newest of each scope, for its number. Of
 * leaves that others were asked to replace: for longer than a leaf or a key package lasts. */
static enum status prune(struct node *n)
{
    static const char *const sweeps[] = {
        "DELETE FROM epoch WHERE began_at < ?1 AND epoch + 2 < (SELECT g.epoch FROM mls_group g WHERE g.id ="
        " epoch.grp) AND NOT (new_person = 1 AND epoch = (SELECT max(x.epoch) FROM epoch x WHERE x.grp ="
        " epoch.grp AND x.new_person = 1))",
        "DELETE FROM beacon WHERE at_ms < ?1",
        "DELETE FROM letter_seen WHERE at_ms < ?1 AND type IN (3, 4, 5, 6, 7, 11, 12, 13)",
        "DELETE FROM repair WHERE due_at < ?1",
        "DELETE FROM repaired WHERE since < ?1",
        "DELETE FROM intake WHERE paid_until < ?1 - 31536000000",
        "DELETE FROM mls_group WHERE state = 3 AND founded_at < ?1 AND EXISTS (SELECT 1 FROM mls_group x "
        "WHERE"
        " x.scope = mls_group.scope AND x.id > mls_group.id AND x.generation >= mls_group.generation)",
        ("DELETE FROM asked_leaf WHERE at_ms < ?1 - 31536000000 OR generation < (SELECT max(g.generation) "
         "FROM"
         " mls_group g WHERE g.scope = asked_leaf.scope AND g.state != 3)"),
    };
    int64_t pruned_at = 0;
    enum status st = meta_number(n, "pruned_at", 0, &pruned_at);
    if (st != ST_OK || (pruned_at <= n->now.wall_ms && pruned_at > n->now.wall_ms - DAY_MS)) {
        return st;
    }
    for (size_t i = 0; st == ST_OK && i < sizeof(sweeps) / sizeof(sweeps[0]); i++) {
        st = sql_run(&n->sql, sweeps[i], "i", n->now.wall_ms - EPOCHS_KEPT_MS);
    }
    if (st == ST_OK) {
        st = key_packages_forget(n);
    }
    return st == ST_OK ? meta_set_number(n, "pruned_at", n->now.wall_ms) : st;
}

enum status groups_forget_due(struct node *n)
{
    enum status st = forget_secrets(n);
    if (st == ST_OK) {
        st = forget_logs(n);
    }
    return st == ST_OK ? prune(n) : st;
}

/* ---- overdue beacons ---- */

enum status group_overdue(struct node *n, const struct group *g, const struct device_id *device,
                          bool *overdue)
{
    int64_t told = 0, reading = 0;
    enum status st = sql_number(&n->sql, &told, 0, "SELECT at_ms FROM beacon WHERE grp = ? AND device = ?",
                                "ib", g->id, SPAN_ID(device));
    if (st == ST_OK) { /* while nothing was read nobody could be heard */
        st = sql_number(
            &n->sql, &reading, n->now.wall_ms,
            "SELECT CASE WHEN reading_since = 0 OR read_at < ?2 - ?3 THEN ?2 ELSE max(reading_since,"
            " founded_at) END FROM mls_group WHERE id = ?1",
            "iii", g->id, n->now.wall_ms, (int64_t)READ_BREAK_MS);
    }
    int64_t since = told > reading ? told : reading;
    *overdue = st == ST_OK && !ID_EQUAL(device, &n->self.device) && since < n->now.wall_ms - OVERDUE_MS;
    return st;
}
