/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of entries the runs had, and which of them were written while something went wrong. */
#include <stdio.h>
#include <string.h>

#include "protocol/entry_body.h"
#include "sync/node_internal.h"
#include "tests/sim/sim.h"
#include "tests/support/test.h"

enum { SPANS_MAX = 4096, SCOPE_KINDS = 8, ENTRY_KINDS = 32 };

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
        size_t scope = (size_t)query_int(&q, 1) % SCOPE_KINDS, kind = (size_t)query_int(&q, 2) % ENTRY_KINDS;
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

void sim_cover_report(const struct sim_counts *c)
{
    static const char *const scopes[SCOPE_KINDS] = {"", "family", "parents", "ward", "own", "conversation"};
    static const char *const kinds[ENTRY_KINDS] = {
        [ENTRY_TEXT] = "text",
        [ENTRY_CHAIN] = "chain",
        [ENTRY_KEY_PACKAGES] = "key_packages",
        [ENTRY_LETTERBOX] = "letterbox",
        [ENTRY_APPROACH] = "approach",
        [ENTRY_INVITE_KEY] = "invite_key",
        [ENTRY_PROPOSAL] = "proposal",
        [ENTRY_SIGNATURE] = "signature",
        [ENTRY_POLICY] = "policy",
        [ENTRY_ASK] = "ask",
        [ENTRY_REQUEST_TOLD] = "request_told",
        [ENTRY_DECISION] = "decision",
        [ENTRY_PERMIT] = "permit",
        [ENTRY_WITHDRAWAL] = "withdrawal",
        [ENTRY_CONTACT_CARD] = "contact_card",
        [ENTRY_LETTERBOX_KEY] = "letterbox_key",
        [ENTRY_HISTORY_OFFER] = "history_offer",
        [ENTRY_LEAVE] = "leave",
        [ENTRY_REVOCATION] = "revocation",
    };
    for (size_t scope = 1; scope < SCOPE_KINDS && scopes[scope] != NULL; scope++) {
        printf("%s:", scopes[scope]);
        for (size_t kind = 0; kind < ENTRY_KINDS; kind++) {
            if (c->kinds[scope][kind] != 0 && kinds[kind] != NULL)
                printf(" %s %llu%s", kinds[kind], (unsigned long long)c->kinds[scope][kind],
                       c->met[scope][kind] == 0 ? " (never met a fault)" : "");
        }
        printf("\n");
    }
}
