/* SPDX-License-Identifier: Apache-2.0 */
/* Whom this device's persons know, and what waits for a decision: view_requests, view_contacts. */
#include <stdio.h>

#include "protocol/contact_request.h"
#include "protocol/mark.h"
#include "sync/contact_internal.h"
#include "sync/family.h"
#include "sync/scope_group.h"

enum {
    VIEW_NAME_MAX = NODE_NAME_MAX + 20,
    OVERSEERS_TEXT_MAX = 256,
    SHOWN_DAYS = 7 /* so long a child sees what became of what it asked */
};

/* ---- requests ---- */

const char *request_kind_name(enum request_kind k)
{
    static const char *const names[] = {[REQUEST_APPROACH] = "approach",
                                        [REQUEST_ASK] = "ask",
                                        [REQUEST_SIGN] = "sign",
                                        [REQUEST_SENT] = "sent"};
    return (unsigned)k < sizeof(names) / sizeof(names[0]) ? names[k] : "unknown";
}

static const char *request_state_name(int64_t s)
{
    static const char *const names[] = {[REQUEST_READING] = "reading",
                                        [REQUEST_WAITING] = "waiting",
                                        [REQUEST_YES] = "approved",
                                        [REQUEST_NO] = "denied",
                                        [REQUEST_OVER] = "over"};
    return s >= REQUEST_READING && s <= REQUEST_OVER ? names[s] : "unknown";
}

/* A parent decides about a child; everybody else about themselves; what was sent, the other side decides. Who
 * has no word in a proposal has no request to sign it. */
static bool can_decide(const struct node *n, enum request_kind kind, const struct person_id *person)
{
    bool own = ID_EQUAL(person, &n->self.person);
    if (kind == REQUEST_SENT)
        return false;
    if (kind == REQUEST_SIGN)
        return true;
    return own ? !n->self.supervised : n->self.role == ROLE_PARENT;
}

static const char *how_name(int64_t how)
{
    static const char *const names[] = {
        [MET_INVITE] = "by an invite", [MET_CIRCLE] = "in a circle", [MET_INTRODUCTION] = "introduced"};
    return how >= MET_INVITE && how <= HOW_MET_LAST ? names[how] : "";
}

static enum status mark_text(const struct family_id *family, char out[static MARK_TEXT_LEN])
{
    static const struct family_id none;
    out[0] = '\0';
    return ID_EQUAL(family, &none) ? ST_OK : mark_of_family(family, out);
}

static enum status request_row(struct node *n, struct query *q, struct request_row *row, request_visit visit,
                               void *ctx)
{
    char id[2 * ID_LEN + 1], person[VIEW_NAME_MAX], mark[MARK_TEXT_LEN];
    struct person_ref who = {.family = n->self.family};
    struct family_id other;
    struct span bytes = query_blob(q, 0);
    QUERY_ID(q, 2, &who.person);
    QUERY_ID(q, 3, &other);
    if (bytes.len != ID_LEN)
        return ST_STORE_ROW;
    hex_encode(id, bytes);
    row->id = id;
    row->kind = (enum request_kind)query_int(q, 1);
    row->other = query_text(q, 4);
    row->other_supervised = query_int(q, 5) != 0;
    row->note = query_text(q, 6);
    row->how = row->kind == REQUEST_APPROACH ? how_name(query_int(q, 7)) : "";
    row->state = request_state_name(query_int(q, 8));
    row->at_ms = query_int(q, 9);
    row->lapses_at_ms =
        query_int(q, 8) == REQUEST_WAITING ? row->at_ms + CONTACT_ASK_DAYS * CONTACT_DAY_MS : 0;
    enum status s = person_name(n, &who, person, sizeof(person));
    if (s == ST_OK)
        s = mark_text(&other, mark);
    row->can_decide = query_int(q, 8) == REQUEST_WAITING && can_decide(n, row->kind, &who.person);
    row->person = person;
    row->other_family = mark;
    if (s == ST_OK)
        visit(ctx, row);
    row->id = row->person = row->other_family = ""; /* they pointed into this frame */
    return s;
}

enum status view_requests(struct node *n, bool all, request_visit visit, void *ctx)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT id, kind, person, other_family, other_name, other_supervised, note, how, state, at_ms"
                " FROM request WHERE ?1 OR state <= ?2 OR (kind = ?4 AND person = ?5 AND state <= ?6 AND"
                " at_ms > ?7) ORDER BY at_ms DESC, id LIMIT ?3",
                "iiiibii", (int64_t)all, (int64_t)REQUEST_WAITING, (int64_t)NODE_ROWS_MAX,
                (int64_t)REQUEST_ASK, SPAN_ID(&n->self.person), (int64_t)REQUEST_NO,
                n->now.wall_ms - SHOWN_DAYS * CONTACT_DAY_MS);
    while (query_next(&q)) {
        struct request_row row = {.id = ""};
        enum status s = request_row(n, &q, &row, visit, ctx);
        if (s != ST_OK)
            query_fail(&q, s);
    }
    return query_end(&q);
}

/* ---- contacts ---- */

static const char *contact_state_name(int64_t s)
{
    static const char *const names[] = {[CONTACT_FOUNDING] = "founding",
                                        [CONTACT_ACTIVE] = "active",
                                        [CONTACT_WITHDRAWN] = "withdrawn",
                                        [CONTACT_LEFT] = "left"};
    return s >= CONTACT_FOUNDING && s <= CONTACT_LEFT ? names[s] : "unknown";
}

/* When the permits of this pair end: the earlier of both ends'; 0 where none is known. */
static enum status permit_until(struct node *n, const struct person_ref *a, const struct person_ref *b,
                                int64_t *out)
{
    return sql_number(
        &n->sql, out, 0,
        "SELECT min(until) FROM (SELECT max(not_after_ms) AS until FROM permit WHERE enough = 1 AND"
        " ((child_family = ?1 AND child = ?2 AND contact_family = ?3 AND contact = ?4) OR"
        " (child_family = ?3 AND child = ?4 AND contact_family = ?1 AND contact = ?2))"
        " GROUP BY child_family, child)",
        "bbbb", SPAN_ID(&a->family), SPAN_ID(&a->person), SPAN_ID(&b->family), SPAN_ID(&b->person));
}

/* The persons in the conversation besides the two who talk. */
static enum status overseers(struct node *n, const struct scope_id *scope, const struct person_ref pair[2],
                             char *out)
{
    struct group *g;
    struct person_ref persons[WIRE_PERSONS_MAX];
    char name[VIEW_NAME_MAX];
    size_t used = 0, count;
    out[0] = '\0';
    enum status s = group_of_scope(n, scope, &g);
    if (s != ST_OK)
        return s == ST_GROUP_NOT_HERE ? ST_OK : s;
    count = group_persons(g, persons, WIRE_PERSONS_MAX);
    for (size_t i = 0; i < count && s == ST_OK; i++) {
        if (person_ref_equal(&persons[i], &pair[0]) || person_ref_equal(&persons[i], &pair[1]))
            continue;
        s = person_name(n, &persons[i], name, sizeof(name));
        if (s == ST_OK && used + strlen(name) + 3 < OVERSEERS_TEXT_MAX)
            used +=
                (size_t)snprintf(out + used, OVERSEERS_TEXT_MAX - used, "%s%s", used > 0 ? ", " : "", name);
    }
    return s;
}

static enum status show_contact(struct node *n, struct query *q, contact_visit visit, void *ctx)
{
    struct person_ref pair[2] = {{.family = n->self.family}};
    struct scope_id scope;
    char id[2 * SHORT_ID_LEN + 1], mark[MARK_TEXT_LEN], person[VIEW_NAME_MAX], along[OVERSEERS_TEXT_MAX];
    struct contact_row row = {.id = id, .family = mark, .person = person, .overseers = along};
    QUERY_ID(q, 0, &pair[0].person);
    QUERY_ID(q, 1, &pair[1].family);
    QUERY_ID(q, 2, &pair[1].person);
    QUERY_ID(q, 6, &scope);
    hex_encode(id, SPAN_ID(&pair[1].person));
    row.name = query_text(q, 3);
    row.supervised = query_int(q, 4) != 0;
    row.mine = ID_EQUAL(&pair[0].person, &n->self.person);
    row.state = contact_state_name(query_int(q, 5));
    row.since_at_ms = query_int(q, 7);
    enum status s = person_name(n, &pair[0], person, sizeof(person));
    if (s == ST_OK)
        s = mark_text(&pair[1].family, mark);
    if (s == ST_OK)
        s = permit_until(n, &pair[0], &pair[1], &row.until_at_ms);
    if (query_int(q, 5) > CONTACT_ACTIVE) /* it has ended: no permit holds it */
        row.until_at_ms = 0;
    if (s == ST_OK)
        s = contact_unanswered(n, &pair[0], &pair[1], &row.unanswered);
    if (s == ST_OK)
        s = overseers(n, &scope, pair, along);
    if (s == ST_OK)
        visit(ctx, &row);
    return s;
}

enum status view_contacts(struct node *n, contact_visit visit, void *ctx)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT person, family, other, name, supervised, state, scope, since_at FROM contact"
                " ORDER BY person != ?, name, other LIMIT ?",
                "bi", SPAN_ID(&n->self.person), (int64_t)NODE_ROWS_MAX);
    while (query_next(&q)) {
        enum status s = show_contact(n, &q, visit, ctx);
        if (s != ST_OK)
            query_fail(&q, s);
    }
    return query_end(&q);
}
