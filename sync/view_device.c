/* SPDX-License-Identifier: Apache-2.0 */
/* The family's devices, and how this one is: view_devices, view_status. */
#include <stdio.h>

#include "protocol/mark.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/history.h"
#include "sync/history_view.h"
#include "sync/journal.h"
#include "sync/removal.h"
#include "sync/scope_group.h"

enum {
    VIEW_NAME_MAX = NODE_NAME_MAX + 20,
    DEVICES_MAX = WIRE_PERSONS_MAX * WIRE_DEVICES_MAX,
    STATE_TEXT_MAX = 256,
    REFUSED_MAX = 32,
};

/* ---- devices ---- */

struct device_text {
    char id[2 * ID_LEN + 1], name[VIEW_NAME_MAX], person[VIEW_NAME_MAX], with[VIEW_NAME_MAX];
};

static enum status device_row(struct node *n, const struct family_device *d, const char *state, bool overdue,
                              device_visit visit, void *ctx)
{
    struct device_text t;
    struct person_ref who = {n->self.family, d->person};
    struct device_row row = {
        .id = t.id, .name = t.name, .person = t.person, .role = d->role, .state = state, .overdue = overdue};
    struct transfer_row transfer;
    struct files_row files;
    bool any = false, any_files = false;
    hex_encode(t.id, SPAN_ID(&d->device));
    row.mine = ID_EQUAL(&d->person, &n->self.person);
    row.this_device = ID_EQUAL(&d->device, &n->self.device);
    enum status s = device_name(n, &d->device, t.name, sizeof(t.name));
    if (s == ST_OK)
        s = person_name(n, &who, t.person, sizeof(t.person));
    if (s == ST_OK)
        s = sql_number(&n->sql, &row.seen_at_ms, 0, "SELECT seen_at FROM device WHERE device = ?", "b",
                       SPAN_ID(&d->device));
    if (s == ST_OK && row.mine)
        s = history_progress(n, &d->device, &transfer, t.with, sizeof(t.with), &any);
    row.history = any ? &transfer : NULL;
    if (s == ST_OK && row.this_device)
        s = files_progress(n, &files, &any_files);
    row.files = any_files ? &files : NULL;
    if (s == ST_OK)
        visit(ctx, &row);
    return s;
}

/* In the roster: a member of the family's group, or still on its way in. */
static enum status present_state(struct node *n, const struct device_id *device, const char **state,
                                 bool *overdue)
{
    struct scope_id scope;
    struct group *g;
    *overdue = false;
    enum status s = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    if (s == ST_OK)
        s = group_of_scope(n, &scope, &g);
    *state = s == ST_OK && group_has_device(g, device, NULL) ? "active" : "joining";
    if (s == ST_OK && group_has_device(g, device, NULL))
        s = group_overdue(n, g, device, overdue);
    return s == ST_GROUP_NOT_HERE ? ST_OK : s;
}

static enum status visit_present(struct node *n, device_visit visit, void *ctx)
{
    struct family_device *list = mem_alloc(DEVICES_MAX, sizeof(*list));
    size_t count = 0;
    const char *state = "";
    bool overdue = false;
    if (list == NULL)
        return ST_NO_MEMORY;
    enum status s = family_devices(n, NULL, list, DEVICES_MAX, &count);
    for (size_t i = 0; i < count && s == ST_OK; i++) {
        s = present_state(n, &list[i].device, &state, &overdue);
        if (s == ST_OK)
            s = device_row(n, &list[i], state, overdue, visit, ctx);
    }
    mem_free(list, DEVICES_MAX * sizeof(*list));
    return s;
}

static enum status visit_removed(struct node *n, device_visit visit, void *ctx)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT r.device, r.person, coalesce(c.supervised, 0) FROM revocation r LEFT JOIN certificate c"
        " ON c.device = r.device WHERE r.family = ? ORDER BY r.at_ms DESC LIMIT ?",
        "bi", SPAN_ID(&n->self.family), (int64_t)(NODE_ROWS_MAX - DEVICES_MAX));
    while (query_next(&q)) {
        struct family_device d;
        bool passed = false;
        QUERY_ID(&q, 0, &d.device);
        QUERY_ID(&q, 1, &d.person);
        d.role = query_int(&q, 2) != 0 ? ROLE_CHILD : ROLE_PARENT;
        enum status s = removal_passed(n, &d.device, &passed);
        if (s == ST_OK)
            s = device_row(n, &d, passed ? "removed" : "removing", false, visit, ctx);
        if (s != ST_OK)
            query_fail(&q, s);
    }
    return query_end(&q);
}

enum status view_devices(struct node *n, device_visit visit, void *ctx)
{
    if (!n->self.in_family)
        return ST_COMMAND_NOT_IN_FAMILY;
    enum status s = visit_present(n, visit, ctx);
    return s == ST_OK ? visit_removed(n, visit, ctx) : s;
}

/* ---- status ---- */

struct status_group {
    int64_t id, kind, state;
    char about[VIEW_NAME_MAX], text[STATE_TEXT_MAX], overdue[STATE_TEXT_MAX];
};

struct status_text {
    char family[VIEW_NAME_MAX], mark[MARK_TEXT_LEN], person[VIEW_NAME_MAX], device[VIEW_NAME_MAX];
    char id[2 * ID_LEN + 1], relay[WIRE_RELAY_MAX + 1];
    size_t count, refused_count;
    char refused_names[REFUSED_MAX][64];
    struct status_refused_row refused[REFUSED_MAX];
    struct status_group groups[NODE_ROWS_MAX];
    struct status_group_row rows[NODE_ROWS_MAX];
};

static const char *scope_kind_name(int64_t kind)
{
    static const char *const names[] = {[SCOPE_FAMILY] = "family",
                                        [SCOPE_PARENTS] = "parents",
                                        [SCOPE_WARD] = "ward",
                                        [SCOPE_OWN] = "own",
                                        [SCOPE_CONVERSATION] = "conversation"};
    return kind >= SCOPE_FAMILY && kind <= SCOPE_CONVERSATION ? names[kind] : "unknown";
}

/* Reads the rows first and names them afterwards: naming may load groups and run queries of its own. */
static enum status list_groups(struct node *n, struct status_text *t)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT id, kind, state, why, generation, epoch, subject_family, subject_person, peer_family,"
                " peer_person FROM mls_group WHERE state != ? ORDER BY kind, id LIMIT ?",
                "ii", (int64_t)GROUP_LEFT, (int64_t)NODE_ROWS_MAX);
    while (query_next(&q)) {
        struct status_group *g = &t->groups[t->count];
        struct status_group_row *row = &t->rows[t->count++];
        struct person_ref who = {.family = n->self.family};
        int about = query_int(&q, 1) == SCOPE_CONVERSATION ? 8 : 6;
        enum status s = ST_OK;
        *g = (struct status_group){query_int(&q, 0), query_int(&q, 1), query_int(&q, 2), "", "", ""};
        /* A plan that fails is a group that cannot go on as well, for as long as it fails. */
        bool stuck = g->state == GROUP_STUCK || query_text(&q, 3)[0] != '\0';
        snprintf(g->text, sizeof(g->text), "%s%s", stuck ? "stuck: " : "active",
                 stuck ? query_text(&q, 3) : "");
        *row = (struct status_group_row){.kind = scope_kind_name(g->kind),
                                         .about = g->about,
                                         .generation = (uint64_t)query_int(&q, 4),
                                         .epoch = (uint64_t)query_int(&q, 5),
                                         .state = g->text,
                                         .overdue = g->overdue};
        if (g->kind >= SCOPE_WARD && !query_null(&q, about)) {
            QUERY_ID(&q, about, &who.family);
            QUERY_ID(&q, about + 1, &who.person);
            s = person_name(n, &who, g->about, sizeof(g->about));
        }
        if (s != ST_OK)
            query_fail(&q, s);
    }
    return query_end(&q);
}

/* Names of those whose beacons are overdue, as far as there is room. */
static enum status name_overdue(struct node *n, struct group *g, char *out, size_t cap)
{
    struct device_certificate c;
    char name[VIEW_NAME_MAX];
    size_t len = 0;
    enum status s = ST_OK;
    for (uint32_t at = 0; s == ST_OK && g->state == GROUP_ACTIVE && group_next(g, &at, &c);) {
        bool overdue = false;
        s = group_overdue(n, g, &c.device, &overdue);
        if (s == ST_OK && overdue)
            s = device_name(n, &c.device, name, sizeof(name));
        if (s == ST_OK && overdue && len + strlen(name) + 3 < cap)
            len += (size_t)snprintf(out + len, cap - len, "%s%s", len > 0 ? ", " : "", name);
    }
    return s;
}

/* Scopes whose group this device has left because its database is an old copy. */
static enum status list_left(struct node *n, struct status_text *t)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT kind, generation, subject_family, subject_person, peer_family, peer_person FROM recover"
        " WHERE state = 1 ORDER BY kind, scope",
        "");
    while (t->count < NODE_ROWS_MAX && query_next(&q)) {
        struct status_group *g = &t->groups[t->count];
        struct person_ref who = {.family = n->self.family};
        *g = (struct status_group){.kind = query_int(&q, 0), .state = GROUP_STUCK};
        snprintf(g->text, sizeof(g->text),
                 "stuck: this device's database is an old copy: it asks to be added again");
        t->rows[t->count++] = (struct status_group_row){.kind = scope_kind_name(g->kind),
                                                        .about = g->about,
                                                        .generation = (uint64_t)query_int(&q, 1),
                                                        .state = g->text,
                                                        .overdue = g->overdue};
        int about = g->kind == SCOPE_CONVERSATION ? 4 : 2;
        if (g->kind >= SCOPE_WARD && !query_null(&q, about)) {
            QUERY_ID(&q, about, &who.family);
            QUERY_ID(&q, about + 1, &who.person);
            query_fail(&q, person_name(n, &who, g->about, sizeof(g->about)));
        }
    }
    return query_end(&q);
}

static enum status count_devices(struct node *n, struct status_text *t)
{
    enum status s = ST_OK;
    for (size_t i = 0; i < t->count && s == ST_OK; i++) {
        struct group *g;
        s = group_get(n, t->groups[i].id, &g);
        if (s == ST_OK && g->mls != NULL)
            t->rows[i].devices = mls_group_member_count(g->mls);
        if (s == ST_OK && g->state == GROUP_ACTIVE && g->gap)
            s = group_gap_text(n, g, t->groups[i].text, sizeof(t->groups[i].text));
        if (s == ST_OK && g->mls != NULL)
            s = name_overdue(n, g, t->groups[i].overdue, sizeof(t->groups[i].overdue));
        if (s == ST_GROUP_NOT_HERE)
            s = ST_OK;
    }
    return s;
}

static enum status name_self(struct node *n, struct status_text *t)
{
    struct person_ref who = {n->self.family, n->self.person};
    hex_encode(t->id, SPAN_ID(&n->self.device));
    enum status s = family_name(n, t->family, sizeof(t->family));
    if (s == ST_OK)
        s = mark_of_family(&n->self.family, t->mark);
    if (s == ST_OK)
        s = person_name(n, &who, t->person, sizeof(t->person));
    if (s == ST_OK)
        s = device_name(n, &n->self.device, t->device, sizeof(t->device));
    if (s == ST_OK)
        s = family_relay(n, t->relay);
    return s;
}

static enum status list_refused(struct node *n, struct status_text *t)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT substr(key, 9), value FROM meta WHERE key >= 'refused:' AND key < 'refused;' ORDER BY key",
        "");
    while (t->refused_count < REFUSED_MAX && query_next(&q)) {
        char *name = t->refused_names[t->refused_count];
        snprintf(name, sizeof(t->refused_names[0]), "%s", query_text(&q, 0));
        t->refused[t->refused_count++] = (struct status_refused_row){name, (uint64_t)query_int(&q, 1)};
    }
    return query_end(&q);
}

static enum status read_counts(struct node *n, struct status_row *row, const struct status_text *t)
{
    int64_t waiting = 0, skipped = 0, alarms = 0, held = 0;
    enum status s = sql_number(&n->sql, &waiting, 0, "SELECT count(*) FROM outbox", "");
    if (s == ST_OK)
        s = sql_number(&n->sql, &held, 0, "SELECT count(*) FROM entry WHERE own = 1 AND held IN (1, 3)", "");
    if (s == ST_OK)
        s = meta_number(n, "blocks_skipped", 0, &skipped);
    if (s == ST_OK)
        s = meta_number(n, "alarms", 0, &alarms);
    if (s == ST_OK)
        s = sql_number(&n->sql, &row->relay_skew_ms, 0, "SELECT time_skew_ms FROM relay WHERE address = ?",
                       "t", t->relay);
    row->waiting_to_send = (size_t)waiting;
    row->texts_held = (size_t)held;
    row->blocks_skipped = (uint64_t)skipped;
    row->alarms = (uint64_t)alarms;
    return s;
}

static enum status read_supervision(struct node *n, struct status_row *row)
{
    struct scope_id ward;
    struct policy p;
    static const char *const levels[] = {"contacts", "activity", "messages"};
    row->supervised = n->self.supervised;
    row->heads_held = true;
    if (!row->supervised)
        return ST_OK;
    enum status s = facts_policy(n, &n->self.person, &p);
    if (s == ST_OK)
        row->oversight = levels[p.oversight];
    if (s == ST_OK)
        s = scope_id_of_person(SCOPE_WARD, &n->self.person, &ward);
    return s == ST_OK ? journal_holds_announced(n, &ward, &row->heads_held) : s;
}

static enum status fill_status(struct node *n, struct status_row *row, struct status_text *t)
{
    enum status s = name_self(n, t);
    if (s == ST_OK)
        s = list_groups(n, t);
    if (s == ST_OK)
        s = list_left(n, t);
    if (s == ST_OK)
        s = count_devices(n, t);
    if (s == ST_OK)
        s = read_counts(n, row, t);
    if (s == ST_OK)
        s = list_refused(n, t);
    if (s == ST_OK)
        s = read_supervision(n, row);
    row->refused_count = t->refused_count;
    row->in_family = true;
    row->removed = n->self.removed;
    row->role = n->self.role;
    row->disk_full = n->broken == ST_STORE_FULL;
    row->relay_reached = logs_reached(n, t->relay);
    row->group_count = t->count;
    return s;
}

enum status view_status(struct node *n, status_visit visit, void *ctx)
{
    struct status_text *t = mem_alloc(1, sizeof(*t));
    enum status s = ST_OK;
    if (t == NULL)
        return ST_NO_MEMORY;
    struct status_row row = {.family = t->family,
                             .mark = t->mark,
                             .person = t->person,
                             .device = t->device,
                             .device_id = t->id,
                             .relay = t->relay,
                             .oversight = "",
                             .refused = t->refused,
                             .groups = t->rows};
    if (n->self.in_family)
        s = fill_status(n, &row, t);
    if (s == ST_OK)
        visit(ctx, &row);
    mem_free(t, sizeof(*t));
    return s;
}
