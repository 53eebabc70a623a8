/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of entries the runs had, and which of them were written while something went wrong. */
#include <stdio.h>
#include <string.h>

#include "sync/node_internal.h"
#include "tests/sim/sim.h"
#include "tests/support/test.h"

enum { SPANS_MAX = 4096, SCOPE_KINDS = 8 };

static struct {
    size_t count;
    bool on;
    int64_t from[SPANS_MAX], to[SPANS_MAX]; /* wall */
} faulty;

void sim_cover_fault(struct sim *s, bool on)
{
    int64_t now_ms = world_now(s->w).wall_ms;
    if (s->fresh) {
        faulty.count = 0;
        faulty.on = s->fresh = false;
    }
    if (on && !faulty.on && faulty.count < SPANS_MAX)
        faulty.from[faulty.count] = now_ms;
    else if (!on && faulty.on && faulty.count < SPANS_MAX)
        faulty.to[faulty.count++] = now_ms;
    faulty.on = on;
}

static bool in_fault(int64_t at_ms)
{
    for (size_t i = 0; i < faulty.count; i++) {
        if (at_ms >= faulty.from[i] && at_ms <= faulty.to[i])
            return true;
    }
    return false;
}

static void cover_device(struct sim *s, size_t device)
{
    struct query q;
    query_start(&q, &world_node(s->w, device)->sql,
                "SELECT DISTINCT e.id, g.kind, e.kind, e.arrived_at FROM entry e JOIN mls_group g ON g.scope "
                "= e.scope"
                " WHERE e.own = 1",
                "");
    while (query_next(&q)) {
        size_t scope = (size_t)query_int(&q, 1), kind = (size_t)query_int(&q, 2);
        assert_true(scope < SCOPE_KINDS && kind < ENTRY_KIND_END);
        s->counts->kinds[scope][kind]++;
        s->counts->met[scope][kind] += in_fault(query_int(&q, 3));
    }
    assert_ok(query_end(&q));
}

void sim_cover(struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].state == SIM_MEMBER && world_is_on(s->w, i))
            cover_device(s, i);
    }
}

static void report_scope(const struct sim_counts *c, enum scope_kind scope, bool came)
{
    for (unsigned kind = 0; kind < ENTRY_KIND_END; kind++) {
        if (!entry_kind_known((uint16_t)kind) || !entry_kind_in_scope((enum entry_kind)kind, scope) ||
            (c->kinds[scope][kind] != 0) != came)
            continue;
        printf(" %s", entry_kind_name((enum entry_kind)kind));
        if (came)
            printf(" %llu%s", (unsigned long long)c->kinds[scope][kind],
                   c->met[scope][kind] == 0 ? " (never met a fault)" : "");
    }
}

void sim_cover_report(const struct sim_counts *c)
{
    static const char *const scopes[SCOPE_KINDS] = {[SCOPE_FAMILY] = "family",
                                                    [SCOPE_PARENTS] = "parents",
                                                    [SCOPE_WARD] = "ward",
                                                    [SCOPE_OWN] = "own",
                                                    [SCOPE_CONVERSATION] = "conversation"};
    for (size_t scope = 0; scope < SCOPE_KINDS; scope++) {
        if (scopes[scope] == NULL)
            continue;
        printf("%s:", scopes[scope]);
        report_scope(c, (enum scope_kind)scope, true);
        printf("; never came:");
        report_scope(c, (enum scope_kind)scope, false);
        printf("\n");
    }
}
