/* SPDX-License-Identifier: Apache-2.0 */
/* Who should be in which group, in the order family, parents, ward, own, conversations (§5.2). */
#include "sync/reconcile.h"

#include "device/roster.h"
#include "sync/chain_wish.h"
#include "sync/conversation.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/history.h"
#include "sync/plan.h"
#include "sync/readd.h"
#include "sync/relays.h"
#include "sync/removal.h"
#include "sync/succession.h"

enum reconcile_limits { GROUPS_AT_ONCE = 256 };

/* ---- who belongs ---- */

bool reconcile_belongs(const struct group *g, const struct family_device *d)
{
    switch (g->kind) {
    case SCOPE_FAMILY:
        return true;
    case SCOPE_PARENTS:
        return d->role == ROLE_PARENT;
    case SCOPE_WARD:
        return d->role == ROLE_PARENT || ID_EQUAL(&d->person, &g->subject.person);
    case SCOPE_OWN:
        return ID_EQUAL(&d->person, &g->subject.person);
    case SCOPE_CONVERSATION:
    default:
        return false;
    }
}

static enum status plan_coming(struct node *n, struct group *g, struct plan *p)
{
    struct family_device devices[WIRE_LEAVES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, NULL, devices, WIRE_LEAVES_MAX, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        if (reconcile_belongs(g, &devices[i]) && !group_has_device(g, &devices[i].device, NULL)) {
            struct person_ref who = {n->self.family, devices[i].person};
            st = plan_add(n, p, &devices[i].device, &who);
        }
    }
    return st;
}

/* In `family` the commit of a removal brings the chain entries itself. Where they came by another way, and
 * the commit has not, another parent's device makes one (§5.4). */
static enum status plan_leaving(struct node *n, struct group *g, struct plan *p)
{
    struct family_device devices[WIRE_LEAVES_MAX];
    struct device_certificate c;
    size_t count = 0;
    enum status st = family_devices(n, NULL, devices, WIRE_LEAVES_MAX, &count);
    for (uint32_t at = 0; st == ST_OK && group_next(g, &at, &c);) {
        bool stays = false;
        for (size_t i = 0; i < count; i++) {
            stays = stays || (ID_EQUAL(&devices[i].device, &c.device) && reconcile_belongs(g, &devices[i]));
        }
        if (!stays && plan_may_remove(n, g, &c.device)) {
            p->removes[p->remove_count++] = at - 1;
        } else if (!stays) {
            p->later = true;
        }
    }
    return st;
}

/* May this device commit here? In wards and parents the parents' devices; in own the person's. */
static bool may_commit(const struct node *n, const struct group *g)
{
    return g->kind == SCOPE_OWN || g->kind == SCOPE_CONVERSATION || n->self.role == ROLE_PARENT;
}

static enum status plan_group(struct node *n, struct group *g)
{
    struct plan *p;
    bool young = false; /* two successors might take the family's chain along two ways */
    enum status st = ST_OK;
    if (g->kind == SCOPE_FAMILY) {
        st = succession_is_young(n, g, &young);
        if (st == ST_OK && young) {
            st = sql_run(&n->sql, "UPDATE mls_group SET dirty = 1 WHERE id = ?", "i", g->id);
        } else if (st == ST_OK) {
            st = wishes_commit(n, g);
        }
        if (st == ST_OK && !g->pending && may_commit(n, g)) {
            st = removals_commit(n, g);
        }
        if (st == ST_OK && !g->pending && may_commit(n, g)) {
            st = relays_commit(n, g);
        }
        if (st != ST_OK || g->pending) {
            return st;
        }
    }
    if (g->kind == SCOPE_CONVERSATION) {
        return conversation_reconcile(n, g);
    }
    p = plan_new();
    if (!p) {
        return ST_NO_MEMORY;
    }
    if (g->kind != SCOPE_FAMILY && may_commit(n, g)) {
        st = plan_coming(n, g, p);
    }
    if (st == ST_OK && may_commit(n, g)) {
        st = plan_leaving(n, g, p);
    }
    if (st == ST_OK) {
        st = readd_plan(n, g, p);
    }
    if (st == ST_OK) {
        st = plan_commit(n, g, p);
    }
    plan_free(p);
    return st;
}

/* ---- founding ---- */

static enum status found_scope(struct node *n, enum scope_kind kind, const struct person_id *person)
{
    struct group *g = NULL;
    struct group_found_args a = {.context = {.kind = kind, .family_count = 1}, .subject = self_person(n)};
    char relay[WIRE_RELAY_MAX + 1];
    int64_t there = 0;
    bool known = false;
    enum status st = person ? scope_id_of_person(kind, person, &a.context.scope)
                            : scope_id_of_family(kind, &n->self.family, &a.context.scope);
    if (st == ST_OK) {
        st = group_id_of_scope(n, &a.context.scope, &there);
    }
    if (st != ST_OK || there != 0) {
        return st;
    }
    if (person) {
        a.subject.person = *person;
    }
    a.relay = relay;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an array in a local; clang 14 loses sight of it */
    a.context.families[0].family = n->self.family;
    st = family_relay(n, relay);
    if (st == ST_OK) {
        st = family_head(n, &n->self.family, CHAIN_AUTHORITY, &a.context.families[0].head, &known);
    }
    if (st == ST_OK) {
        st = family_head(n, &n->self.family, CHAIN_ROSTER, &a.context.roster, &known);
    }
    return st == ST_OK ? group_found(n, &a, &g) : st;
}

enum status reconcile_found_ward(struct node *n, const struct person_id *child)
{
    enum status st = found_scope(n, SCOPE_WARD, child);
    return st == ST_OK ? facts_found_ward(n, child) : st;
}

enum status reconcile_found_family(struct node *n)
{
    enum status st = found_scope(n, SCOPE_FAMILY, NULL);
    if (st == ST_OK) {
        st = found_scope(n, SCOPE_PARENTS, NULL);
    }
    return st == ST_OK ? found_scope(n, SCOPE_OWN, &n->self.person) : st;
}

/* A person's first device founds its `own`; a further one waits to be added. */
static enum status found_own(struct node *n)
{
    struct family_device devices[WIRE_DEVICES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, &n->self.person, devices, WIRE_DEVICES_MAX, &count);
    if (st != ST_OK || count != 1 || !ID_EQUAL(&devices[0].device, &n->self.device)) {
        return st;
    }
    return found_scope(n, SCOPE_OWN, &n->self.person);
}

enum status scope_joined(struct node *n, struct group *g)
{
    char person[WIRE_NAME_MAX + 1];
    struct scope_id scope = g->scope;
    if (g->kind == SCOPE_CONVERSATION) {
        return conversation_joined(n, g);
    }
    if (g->kind == SCOPE_OWN) {
        return history_joined(n);
    }
    if (g->kind != SCOPE_FAMILY) {
        return ST_OK;
    }
    struct person_ref self = self_person(n);
    enum status st = person_name(n, &self, person, sizeof(person));
    if (st == ST_OK) {
        st = found_own(n);
    }
    return st == ST_OK ? node_notice(n, NOTICE_PERSON, person, "", &scope) : st;
}

enum status scope_added(struct node *n, struct group *g, const struct device_certificate *added, size_t count)
{
    enum status st = ST_OK;
    if (g->kind == SCOPE_CONVERSATION) {
        return conversation_began(n, g);
    }
    for (size_t i = 0; st == ST_OK && g->kind == SCOPE_OWN && i < count; i++) {
        st = history_offer_to(n, &added[i].device);
    }
    return st;
}

/* One that is over takes no letters: there is a new one in time, and the old one is read until its end. */
static enum status renew_letterbox(struct node *n)
{
    struct box_args a = {
        .kind = BOX_FAMILY, .owner = self_person(n), .expires_ms = n->now.wall_ms + LETTERBOX_LIFE_MS};
    struct buffer box;
    int64_t expires_ms = 0, id = 0;
    enum status st = sql_number(&n->sql, &expires_ms, INT64_MAX,
                                "SELECT max(expires_at) FROM letterbox WHERE kind = ? AND void = 0", "i",
                                (int64_t)BOX_FAMILY);
    if (st != ST_OK || expires_ms - LETTERBOX_RENEW_MS > n->now.wall_ms) {
        return st;
    }
    buffer_init(&box, LETTERBOX_MAX);
    st = box_new(n, &a, &box, NULL, &id);
    buffer_wipe(&box);
    return st == ST_OK ? meta_set_number(n, "letterbox_told", 0) : st;
}

/* The letterbox of this device, told to its family. */
static enum status tell_letterbox(struct node *n)
{
    struct scope_id scope;
    struct buffer box;
    struct entry_body body = {.kind = ENTRY_LETTERBOX};
    int64_t told = 0;
    bool found = false;
    enum status st = meta_number(n, "letterbox_told", 0, &told);
    if (st != ST_OK || told != 0) {
        return st;
    }
    buffer_init(&box, LETTERBOX_MAX);
    st = sql_bytes(&n->sql, &box, &found,
                   "SELECT box FROM letterbox WHERE kind = ? AND void = 0 ORDER BY id DESC", "i",
                   (int64_t)BOX_FAMILY);
    if (st == ST_OK && found) {
        body.u.letterbox.letterbox = buffer_span(&box);
        st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
        if (st == ST_OK) {
            st = journal_append(n, SCOPE_FAMILY, &scope, &body, NULL);
        }
        if (st == ST_OK) {
            st = meta_set_number(n, "letterbox_told", 1);
        }
    }
    buffer_wipe(&box);
    return st;
}

enum status letterbox_due(struct node *n)
{
    enum status st = renew_letterbox(n);
    return st == ST_OK ? tell_letterbox(n) : st;
}

/* ---- groups that have anything to do ---- */

struct listed {
    int64_t id[GROUPS_AT_ONCE];
    bool dirty[GROUPS_AT_ONCE];
    size_t count;
};

/* Those that have anything to do: a plan to make, entries to send, to repair, or to tell what they have. A
 * pass looks at no other: a device in 200 conversations would load every one of them for every message. */
static enum status list_groups(struct node *n, struct listed *l)
{
    struct query q;
    l->count = 0;
    query_start(&q, &n->sql,
                "SELECT id, dirty FROM mls_group WHERE state = 1 AND (dirty = 1 OR have_at <= ?1 OR scope IN"
                " (SELECT scope FROM entry WHERE own = 1 AND acked = 0 AND sent_epoch IS NULL) OR scope IN"
                " (SELECT scope FROM repair WHERE due_at <= ?1)) ORDER BY kind, id",
                "i", n->now.wall_ms);
    while (l->count < GROUPS_AT_ONCE && query_next(&q)) {
        l->id[l->count] = query_int(&q, 0);
        l->dirty[l->count++] = query_int(&q, 1) != 0;
    }
    return query_end(&q);
}

struct group_call {
    int64_t id;
    bool dirty;
};

static enum status one_group(struct node *n, void *arg)
{
    struct group_call *call = arg;
    struct group *g = NULL;
    bool echoed = false;
    enum status st = group_get(n, call->id, &g);
    if (st == ST_OK) {
        st = logs_echoed(n, g->log, &echoed);
    }
    if (st == ST_OK && call->dirty && !g->pending && !g->gap && echoed) {
        st = sql_run(&n->sql, "UPDATE mls_group SET dirty = 0 WHERE id = ?", "i", g->id);
        if (st == ST_OK) {
            st = plan_group(n, g);
        }
    }
    if (st == ST_OK) {
        st = group_get(n, call->id, &g);
    }
    return st == ST_OK ? journal_flush(n, g) : st;
}

/* When the next of the others has: journal_flush says it of those that were looked at. */
static enum status wake_for_groups(struct node *n)
{
    int64_t next = 0;
    enum status st =
        sql_number(&n->sql, &next, 0,
                   "SELECT min(at) FROM (SELECT min(have_at) AS at FROM mls_group WHERE state = 1"
                   " AND have_at > ?1 UNION ALL SELECT min(due_at) FROM repair WHERE due_at > ?1)",
                   "i", n->now.wall_ms);
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next);
    }
    return st;
}

static enum status all_groups(struct node *n)
{
    struct listed *l = mem_alloc(1, sizeof(*l));
    enum status st = l ? list_groups(n, l) : ST_NO_MEMORY;
    for (size_t i = 0; st == ST_OK && i < l->count; i++) {
        struct group_call call = {l->id[i], l->dirty[i]};
        enum status why = ST_OK;
        st = node_guard(n, one_group, &call, &why);
        if (st == ST_OK && (l->dirty[i] || why != ST_OK)) { /* shown by `status`, until a plan works again */
            st = sql_run(&n->sql, "UPDATE mls_group SET why = ? WHERE id = ? AND state = 1", "ti",
                         why == ST_OK ? "" : status_text(why), l->id[i]);
        }
    }
    mem_free(l, sizeof(*l));
    return st == ST_OK ? wake_for_groups(n) : st;
}

/* What a pass found out may be of use to a group that it had passed already. */
enum status groups_settle(struct node *n)
{
    int64_t dirty = 1;
    enum status st = ST_OK;
    for (int pass = 0; st == ST_OK && dirty != 0 && pass < 3; pass++) {
        st = all_groups(n);
        if (st == ST_OK) {
            st = sql_number(&n->sql, &dirty, 0,
                            "SELECT count(*) FROM mls_group g JOIN log l ON l.id = g.log WHERE g.dirty = 1"
                            " AND g.pending = 0 AND g.gap_at = 0 AND g.state = 1 AND l.echoed = 1",
                            "");
        }
    }
    return st;
}
