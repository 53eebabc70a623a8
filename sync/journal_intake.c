/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/journal_intake.h"

#include "sync/family.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS, UNIT = 1024 };

int64_t journal_units(size_t len)
{
    return len <= UNIT ? 1 : (int64_t)((len + UNIT - 1) / UNIT);
}

/* Adds to what was counted within the window that began at `since`, or begins one. */
#define COUNT_SQL(table)                                                                                   \
    "INSERT INTO " table "(scope, device, since, units) VALUES(?1, ?2, ?3, ?5) ON CONFLICT(scope, device)" \
    " DO UPDATE SET units = ?5 + iif(since BETWEEN ?3 - ?4 AND ?3, units, 0),"                             \
    " since = iif(since BETWEEN ?3 - ?4 AND ?3, since, ?3)"

static enum status say_so(struct node *n, const struct scope_id *scope, const struct device_id *sender)
{
    char who[WIRE_NAME_MAX + 1];
    enum status st = device_name(n, sender, who, sizeof(who));
    return st == ST_OK ? node_alarm(n, who,
                                    "a device sends more in a day than is taken from one: the rest waits, or is"
                                    " never taken",
                                    scope)
                       : st;
}

enum status intake_take(struct node *n, const struct scope_id *scope, const struct device_id *sender,
                        const struct group_message *m)
{
    int64_t units = 0;
    bool fills = m->kind == GROUP_ENTRY || m->kind == GROUP_PASSED_ON || m->kind == GROUP_EVIDENCE;
    if (!fills) {
        return ST_OK;
    }
    struct query q;
    query_start(&q, &n->sql, COUNT_SQL("intake") " RETURNING units", "bbiii", SPAN_ID(scope), SPAN_ID(sender),
                n->now.wall_ms, (int64_t)DAY_MS, journal_units(m->body.len));
    if (query_next(&q)) {
        units = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    if (st != ST_OK || units <= INTAKE_DAY_UNITS) {
        return st;
    }
    st = say_so(n, scope, sender);
    return st == ST_OK ? ST_JOURNAL_MANY : st;
}

enum status repair_room(struct node *n, const struct scope_id *scope, const struct device_id *asker,
                        int64_t *until_ms)
{
    return sql_number(&n->sql, until_ms, 0,
                      "SELECT since + ?4 FROM repaired WHERE scope = ?1 AND device = ?2 AND units >= ?5 AND"
                      " since BETWEEN ?3 - ?4 AND ?3",
                      "bbiii", SPAN_ID(scope), SPAN_ID(asker), n->now.wall_ms, (int64_t)HOUR_MS,
                      (int64_t)REPAIR_HOUR_UNITS);
}

enum status repair_charge(struct node *n, const struct scope_id *scope, const struct device_id *asker,
                          int64_t units)
{
    return sql_run(&n->sql, COUNT_SQL("repaired"), "bbiii", SPAN_ID(scope), SPAN_ID(asker), n->now.wall_ms,
                   (int64_t)HOUR_MS, units);
}
