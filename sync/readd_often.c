/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/readd_often.h"

#include "sync/family.h"

enum readd_often_limits {
    DAY_MS = 24 * 3600 * 1000,
    HOUR_MS = 3600 * 1000, /* then so long from one to the next */
    OFTEN = 6              /* times a day */
};

enum status readd_happened(struct node *n, const struct group *g, const struct device_id *device)
{
    const int64_t now_ms = n->now.wall_ms;
    enum status st = sql_run(&n->sql, "INSERT OR IGNORE INTO readded VALUES(?, ?, ?, 0, 0)", "ibi", g->id,
                             SPAN_ID(device), now_ms);
    return st == ST_OK
               ? sql_run(
                     &n->sql,
                     "UPDATE readded SET last = ?1, count = 1 + iif(since BETWEEN ?1 - ?2 AND ?1, count, 0),"
                     " since = iif(since BETWEEN ?1 - ?2 AND ?1, since, ?1) WHERE grp = ?3 AND"
                     " device = ?4",
                     "iiib", now_ms, (int64_t)DAY_MS, g->id, SPAN_ID(device))
               : st;
}

enum status readd_too_often(struct node *n, const struct group *g, const struct device_id *device,
                            bool *often)
{
    const int64_t now_ms = n->now.wall_ms;
    int64_t waits = 0;
    /* By a clock that was put back it is not too often: the worst is that it is done once more. */
    enum status st = sql_number(
        &n->sql, &waits, 0,
        "SELECT count(*) FROM readded WHERE grp = ?1 AND device = ?2 AND count >= ?3 AND since BETWEEN"
        " ?4 - ?5 AND ?4 AND last BETWEEN ?4 - ?6 AND ?4",
        "ibiiii", g->id, SPAN_ID(device), (int64_t)OFTEN, now_ms, (int64_t)DAY_MS, (int64_t)HOUR_MS);
    *often = waits != 0;
    if (st != ST_OK || !*often) {
        return st;
    }
    st = node_refused(n, ST_GROUP_READDED);
    return st == ST_OK ? device_alarm(n, device, "a device asks again and again to be added again", &g->scope)
                       : st;
}
