/* SPDX-License-Identifier: Apache-2.0 */
/* A person's own no to a contact: told in the conversation, to the person's other devices, and of a child to
 * its parents, whose devices end their yes by it. */
#include "protocol/beacon.h"
#include "protocol/hlc.h"
#include "sync/contact_internal.h"
#include "sync/readd.h"
#include "sync/scope_group.h"

/* Of a contact that was no conversation yet: no group has this generation. */
#define LEFT_NO_GROUP UINT32_MAX

/* ---- what was told ---- */

/* Where a leave is told besides the conversation: a child's in the ward, where the parents read it, too. */
static enum status told_scope(const struct node *n, struct scope_id *scope)
{
    return scope_id_of_person(n->self.supervised ? SCOPE_WARD : SCOPE_OWN, &n->self.person, scope);
}

struct told { /* of this person's leaves of one conversation */
    struct scope_id pair;
    struct person_ref who;
    uint64_t hlc;       /* of the last */
    int64_t generation; /* the highest that was left; -1: none */
};

static enum status see_leave(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct told *t = ctx;
    struct leave_note note;
    (void)n;
    if (leave_note_decode(&note, e->body->u.leave.note) != ST_OK || !ID_EQUAL(&note.scope, &t->pair) ||
        !person_ref_equal(&note.who, &t->who))
        return ST_OK;
    t->hlc = e->hlc > t->hlc ? e->hlc : t->hlc;
    if (note.generation != LEFT_NO_GROUP && (int64_t)note.generation > t->generation)
        t->generation = note.generation;
    return ST_OK;
}

static enum status told_of(struct node *n, const struct scope_id *pair, struct told *out)
{
    struct scope_id scope;
    *out = (struct told){.pair = *pair, .who = self_person(n), .generation = -1};
    enum status st = told_scope(n, &scope);
    return st == ST_OK ? journal_each(n, &scope, ENTRY_LEAVE, see_leave, out) : st;
}

enum status leave_is_of(struct node *n, const struct scope_id *pair, uint32_t generation, bool *left)
{
    struct told t;
    enum status st = told_of(n, pair, &t);
    *left = st == ST_OK && t.generation >= (int64_t)generation;
    return st;
}

enum status leave_is_later(struct node *n, const struct scope_id *pair, uint64_t hlc, bool *later)
{
    struct told t;
    enum status st = told_of(n, pair, &t);
    *later = st == ST_OK && t.hlc > hlc;
    return st;
}

/* ---- leaving ---- */

static enum status set_left(struct node *n, const struct person_ref *other)
{
    return sql_run(&n->sql, "UPDATE contact SET state = ? WHERE person = ? AND family = ? AND other = ?",
                   "ibbb", (int64_t)CONTACT_LEFT, SPAN_ID(&n->self.person), SPAN_ID(&other->family),
                   SPAN_ID(&other->person));
}

/* The others stop, then nobody needs the group: leaves_due. Without one there is nobody to tell there. */
static enum status tell(struct node *n, const struct leave_note *note, bool group, struct span encoded)
{
    struct entry_body body = {.kind = ENTRY_LEAVE, .u.leave.note = encoded};
    struct scope_id told;
    enum status st = group ? journal_append(n, SCOPE_CONVERSATION, &note->scope, &body, NULL) : ST_OK;
    if (st == ST_OK)
        st = told_scope(n, &told);
    return st == ST_OK ? journal_append(n, n->self.supervised ? SCOPE_WARD : SCOPE_OWN, &told, &body, NULL)
                       : st;
}

enum status contact_leave(struct node *n, const struct person_ref *other)
{
    struct person_ref self = self_person(n);
    struct leave_note note = {.who = self, .device = n->self.device, .generation = LEFT_NO_GROUP};
    struct buffer encoded;
    struct writer w;
    struct group *g = NULL;
    buffer_init(&encoded, ENTRY_SMALL_MAX);
    writer_init(&w, &encoded);
    enum status st = scope_id_of_pair(&self, other, &note.scope);
    if (st == ST_OK)
        st = group_of_scope(n, &note.scope, &g);
    bool group = st == ST_OK;
    if (group) {
        note.generation = g->generation;
        note.has_leaf = readd_own_leaf(g, note.leaf_hash);
    }
    if (st == ST_OK || st == ST_GROUP_NOT_HERE)
        st = leave_note_sign(&note, &n->self.key);
    if (st == ST_OK)
        st = leave_note_encode(&w, &note);
    if (st == ST_OK)
        st = tell(n, &note, group, buffer_span(&encoded));
    buffer_wipe(&encoded);
    if (st == ST_OK)
        st = requests_over(n, &self, other, n->now.wall_ms);
    if (st == ST_OK)
        st = set_left(n, other);
    return st == ST_OK && !group ? contact_close(n, &self, other) : st;
}

/* ---- on this person's other devices ---- */

/* Talking again, under a later generation, is not ended by a leave from before. */
static enum status talks_again(struct node *n, const struct leave_note *note, bool *again)
{
    int64_t later = 0;
    int64_t left = note->generation == LEFT_NO_GROUP ? -1 : (int64_t)note->generation;
    enum status st =
        sql_number(&n->sql, &later, 0,
                   "SELECT count(*) FROM mls_group WHERE scope = ? AND state != ? AND generation > ?", "bii",
                   SPAN_ID(&note->scope), (int64_t)GROUP_LEFT, left);
    *again = later != 0;
    return st;
}

static enum status left_elsewhere(struct node *n, const struct leave_note *note, uint64_t hlc)
{
    struct person_ref self = self_person(n), other;
    struct query q;
    bool found = false, again = false;
    enum status st = talks_again(n, note, &again);
    if (st != ST_OK || again)
        return st;
    query_start(&q, &n->sql, "SELECT family, other FROM contact WHERE person = ? AND scope = ? AND state < ?",
                "bbi", SPAN_ID(&self.person), SPAN_ID(&note->scope), (int64_t)CONTACT_WITHDRAWN);
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &other.family);
        QUERY_ID(&q, 1, &other.person);
        found = true;
    }
    st = query_end(&q);
    if (st == ST_OK && found)
        st = set_left(n, &other);
    return st == ST_OK && found ? requests_over(n, &self, &other, hlc_ms(hlc)) : st;
}

/* ---- in the ward ---- */

/* A child's contact has ended, by the child or by the other: the parents' yes ends with it, as of that
 * moment. One that was given later, knowingly, stands. */
static enum status end_yes(struct node *n, const struct person_ref *child, const struct person_ref *other,
                           uint64_t hlc, const struct person_ref *by)
{
    struct buffer newest;
    struct permit p;
    char name[NODE_NAME_MAX + 20];
    bool stands = false;
    buffer_init(&newest, WIRE_PERMIT_MAX);
    enum status st = permit_newest(n, child, other, &newest, &stands);
    if (st == ST_OK && stands)
        st = permit_decode(&p, buffer_span(&newest));
    stands = st == ST_OK && stands && p.serial < hlc;
    buffer_wipe(&newest);
    if (st == ST_OK && stands)
        st = withdrawal_of(n, child, other, hlc);
    if (st == ST_OK && stands)
        st = person_name(n, by, name, sizeof(name));
    return st == ST_OK && stands ? contact_notice(n, NOTICE_WITHDRAWN, child, other, name) : st;
}

/* The contact of that child whose conversation this is. */
static enum status contact_of_scope(struct node *n, const struct person_id *child,
                                    const struct scope_id *scope, struct person_ref *other, bool *found)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT family, other FROM contact WHERE person = ? AND scope = ?", "bb",
                SPAN_ID(child), SPAN_ID(scope));
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, &other->family);
        QUERY_ID(&q, 1, &other->person);
    }
    return query_end(&q);
}

static enum status told_in_ward(struct node *n, const struct applied_entry *e, const struct leave_note *note)
{
    struct person_ref child = {.family = n->self.family}, other;
    bool found = false;
    enum status st = family_ward_of_scope(n, &e->scope, &child.person);
    if (st == ST_OK && !person_ref_equal(&e->who, &child))
        st = ST_JOURNAL_AUTHOR;
    if (st == ST_OK && ID_EQUAL(&child.person, &n->self.person))
        return e->own || !person_ref_equal(&note->who, &child) ? ST_OK : left_elsewhere(n, note, e->hlc);
    if (st == ST_OK && n->self.role == ROLE_PARENT)
        st = contact_of_scope(n, &child.person, &note->scope, &other, &found);
    if (st != ST_OK || !found)
        return st;
    if (!person_ref_equal(&note->who, &child) && !person_ref_equal(&note->who, &other))
        return ST_JOURNAL_AUTHOR;
    return end_yes(n, &child, &other, e->hlc, &note->who);
}

struct ended { /* leaves of a ward that came before the yes that they end */
    const struct permit *permit;
    struct scope_id pair;
    uint64_t hlc;
    struct person_ref by;
};

static enum status see_ended(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct ended *x = ctx;
    struct leave_note note;
    (void)n;
    if (e->hlc > x->hlc && e->hlc > x->permit->serial &&
        leave_note_decode(&note, e->body->u.leave.note) == ST_OK && ID_EQUAL(&note.scope, &x->pair)) {
        x->hlc = e->hlc;
        x->by = note.who;
    }
    return ST_OK;
}

enum status leave_ends_permit(struct node *n, const struct permit *p)
{
    struct ended x = {.permit = p};
    struct scope_id ward;
    if (n->self.role != ROLE_PARENT)
        return ST_OK;
    enum status st = scope_id_of_pair(&p->child, &p->contact, &x.pair);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_WARD, &p->child.person, &ward);
    if (st == ST_OK)
        st = journal_each(n, &ward, ENTRY_LEAVE, see_ended, &x);
    return st == ST_OK && x.hlc != 0 ? end_yes(n, &p->child, &p->contact, x.hlc, &x.by) : st;
}

/* ---- arriving ---- */

/* The other side leaves: what was said stays, nothing more is sent. A child's parents hear of it by the
 * child's devices. */
static enum status other_left(struct node *n, const struct applied_entry *e)
{
    struct person_ref self = self_person(n);
    struct entry_body body = {.kind = ENTRY_LEAVE, .u.leave.note = e->body->u.leave.note};
    enum contact_state state;
    char name[WIRE_NAME_MAX + 1];
    bool known = false;
    enum status st = person_name(n, &e->who, name, sizeof(name));
    if (st == ST_OK)
        st = contact_row(n, &self, &e->who, &state, NULL, &known);
    if (st == ST_OK && known && state < CONTACT_WITHDRAWN && n->self.supervised)
        st = ward_append(n, &self.person, &body);
    if (st == ST_OK)
        st = requests_over(n, &self, &e->who, hlc_ms(e->hlc));
    return st == ST_OK ? contact_end(n, &self, &e->who, name) : st;
}

enum status apply_leave(struct node *n, const struct applied_entry *e)
{
    struct leave_note note;
    struct person_ref self = self_person(n);
    enum status st = leave_note_decode(&note, e->body->u.leave.note);
    if (st == ST_OK)
        st = leave_note_verify(&note);
    if (st == ST_OK && e->scope_kind == SCOPE_WARD)
        return told_in_ward(n, e, &note);
    bool here = e->scope_kind == SCOPE_OWN || ID_EQUAL(&note.scope, &e->scope);
    if (st == ST_OK && (!person_ref_equal(&note.who, &e->who) || !here))
        st = ST_JOURNAL_AUTHOR;
    if (st == ST_OK && person_ref_equal(&note.who, &self))
        return e->own ? ST_OK : left_elsewhere(n, &note, e->hlc);
    return st == ST_OK ? other_left(n, e) : st;
}

/* ---- the end of the group ---- */

/* A leave of one's own that is at the relay: the others destroy the group when they read it, and so does this
 * device. Another device of the person has nothing to say there, and goes at once. */
static enum status next_left(struct node *n, struct person_ref *other, bool *found)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT c.family, c.other FROM contact c JOIN mls_group g ON g.scope = c.scope WHERE"
                " c.person = ? AND c.state = +? AND g.state != +? AND NOT EXISTS (SELECT 1 FROM entry e WHERE"
                " e.scope = c.scope AND e.kind = +? AND e.own = 1 AND e.acked = 0) LIMIT 1",
                "biii", SPAN_ID(&n->self.person), (int64_t)CONTACT_LEFT, (int64_t)GROUP_LEFT,
                (int64_t)ENTRY_LEAVE);
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, &other->family);
        QUERY_ID(&q, 1, &other->person);
    }
    return query_end(&q);
}

enum status leaves_due(struct node *n)
{
    struct person_ref self = self_person(n), other;
    bool found = true;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && found && i < CONTACT_WALK_MAX; i++) {
        st = next_left(n, &other, &found);
        if (st == ST_OK && found)
            st = contact_close(n, &self, &other);
    }
    return st;
}
