/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/journal_intake.h"

#include "sync/family.h"

enum { HOUR_MS = 3600 * 1000, UNIT = 1024 };

int64_t journal_units(size_t len)
{
    return len <= UNIT ? 1 : (int64_t)((len + UNIT - 1) / UNIT);
}

static enum status say_so(struct node *n, const struct scope_id *scope, const struct device_id *sender)
{
    return device_alarm(
        n, sender, "a device sends more than is taken from one: the rest waits, or is never taken", scope);
}

static bool fills(const struct group_message *m)
{
    return m->kind == GROUP_ENTRY || m->kind == GROUP_PASSED_ON || m->kind == GROUP_EVIDENCE;
}

static int64_t cost_ms(const struct group_message *m)
{
    return journal_units(m->body.len) * INTAKE_UNIT_MS;
}

/* One that is in the future is of a clock that was put back. */
#define BEGIN_SQL "iif(paid_until > ?3, ?3 - ?5, max(paid_until, ?3 - ?6))"

enum status intake_take(struct node *n, const struct scope_id *scope, const struct device_id *sender,
                        const struct group_message *m)
{
    if (!fills(m)) {
        return ST_OK;
    }
    enum status st = sql_run(&n->sql,
                             "INSERT INTO intake(scope, device, paid_until) VALUES(?1, ?2, ?3 - ?5 + ?4) ON "
                             "CONFLICT(scope, device)"
                             " DO UPDATE SET paid_until = " BEGIN_SQL " + ?4 WHERE " BEGIN_SQL " + ?4 <= ?3",
                             "bbiiii", SPAN_ID(scope), SPAN_ID(sender), n->now.wall_ms, cost_ms(m),
                             INTAKE_DAY_MS, INTAKE_SAVED_MS);
    if (st != ST_OK || sql_changes(&n->sql) != 0) {
        return st;
    }
    st = say_so(n, scope, sender);
    return st == ST_OK ? ST_JOURNAL_MANY : st;
}

enum status intake_give_back(struct node *n, const struct scope_id *scope, const struct device_id *sender,
                             const struct group_message *m)
{
    return fills(m)
               ? sql_run(&n->sql,
                         "UPDATE intake SET paid_until = paid_until - ?3 WHERE scope = ?1 AND device = ?2",
                         "bbi", SPAN_ID(scope), SPAN_ID(sender), cost_ms(m))
               : ST_OK;
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
    return sql_run(
        &n->sql,
        "INSERT INTO repaired(scope, device, since, units) VALUES(?1, ?2, ?3, ?5) ON CONFLICT(scope, device)"
        " DO UPDATE SET units = ?5 + iif(since BETWEEN ?3 - ?4 AND ?3, units, 0),"
        " since = iif(since BETWEEN ?3 - ?4 AND ?3, since, ?3)",
        "bbiii", SPAN_ID(scope), SPAN_ID(asker), n->now.wall_ms, (int64_t)HOUR_MS, units);
}
