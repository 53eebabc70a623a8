/* SPDX-License-Identifier: Apache-2.0 */
/* A child's leave and its parents' yes: a yes from before it ends with it, one that is given later stands. */
#include "sync/contact_internal.h"

/* ---- when a yes was given ---- */

struct given {
    const struct permit *p;
    uint64_t hlc;
};

static enum status see_given(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct given *g = ctx;
    struct permit p;
    (void)n;
    if (e->hlc < g->hlc && permit_decode(&p, e->body->u.permit.permit) == ST_OK && p.serial == g->p->serial &&
        person_ref_equal(&p.child, &g->p->child) && person_ref_equal(&p.contact, &g->p->contact))
        g->hlc = e->hlc;
    return ST_OK;
}

/* Not its serial, which runs ahead where a no was dated ahead (decisions/0096); what is signed again, or
 * co-signed, is the same yes. */
enum status leave_yes_given(struct node *n, const struct permit *p, uint64_t brought, uint64_t *out)
{
    struct given g = {.p = p, .hlc = p->serial < brought ? p->serial : brought};
    struct scope_id ward;
    enum status st = scope_id_of_person(SCOPE_WARD, &p->child.person, &ward);
    if (st == ST_OK)
        st = journal_each(n, &ward, ENTRY_PERMIT, see_given, &g);
    *out = g.hlc;
    return st;
}

enum status leave_yes_newest(struct node *n, const struct person_ref *child, const struct person_ref *other,
                             struct permit *p, uint64_t *given)
{
    struct buffer newest;
    bool stands = false;
    *p = (struct permit){0};
    *given = 0;
    buffer_init(&newest, WIRE_PERMIT_MAX);
    enum status st = permit_newest(n, child, other, &newest, &stands);
    if (st == ST_OK && stands)
        st = permit_decode(p, buffer_span(&newest));
    buffer_wipe(&newest);
    return st == ST_OK && stands ? leave_yes_given(n, p, UINT64_MAX, given) : st;
}

/* ---- how it ends ---- */

/* Leaves in a ward: the last of one pair, and when one note was told there first. */
struct last {
    struct person_ref child, other;
    struct scope_id pair;
    struct span note;
    uint64_t hlc, first;
    struct person_ref by;
};

/* As of the leave: a parent's device that comes late ends nothing that was given since. `just`: a yes that is
 * just being applied, or NULL. */
static enum status end_yes(struct node *n, const struct last *x, const struct given *just)
{
    const struct person_ref *child = &x->child, *other = &x->other;
    uint64_t hlc = x->hlc;
    struct permit p;
    uint64_t given = 0;
    char name[NODE_NAME_MAX + 20];
    enum status st = leave_yes_newest(n, child, other, &p, &given);
    if (st == ST_OK && just != NULL && just->p->serial == p.serial && just->hlc < given)
        given = just->hlc;
    if (st != ST_OK || given == 0 || given >= hlc)
        return st;
    st = withdrawal_of(n, child, other, hlc > p.serial ? hlc : p.serial);
    if (st == ST_OK)
        st = person_name(n, &x->by, name, sizeof(name));
    return st == ST_OK ? contact_notice(n, NOTICE_WITHDRAWN, child, other, name) : st;
}

/* Whose no it is: what a child's device tells of the other without proof is the child's. */
static enum status whose(struct node *n, const struct heard *h, const struct person_ref *child,
                         struct person_ref *by)
{
    bool proven = false;
    enum status st = leave_is_proven(n, h, &proven);
    *by = proven ? h->note.who : *child;
    return st;
}

static enum status see_same(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct last *x = ctx;
    struct heard h;
    (void)n;
    if (leave_hear(e->body->u.leave.note, e->hlc, &h) == ST_OK && span_equal(h.encoded, x->note))
        x->first = h.hlc < x->first ? h.hlc : x->first;
    return ST_OK;
}

/* The other leaves a conversation once, and several devices may tell of it, at any time: the first counts. */
static enum status said_at(struct node *n, const struct scope_id *ward, const struct person_ref *child,
                           const struct heard *h, uint64_t *out)
{
    struct last x = {.note = h->encoded, .first = h->hlc};
    enum status st =
        person_ref_equal(&h->note.who, child) ? ST_OK : journal_each(n, ward, ENTRY_LEAVE, see_same, &x);
    *out = x.first;
    return st;
}

enum status leave_ends_yes(struct node *n, const struct person_ref *child, const struct scope_id *ward,
                           const struct heard *h)
{
    struct last x = {.child = *child};
    bool found = false;
    enum status st = leave_contact_of(n, &child->person, &h->note.scope, &x.other, &found);
    if (st != ST_OK || !found)
        return st;
    if (!person_ref_equal(&h->note.who, child) && !person_ref_equal(&h->note.who, &x.other))
        return ST_JOURNAL_AUTHOR;
    st = said_at(n, ward, child, h, &x.hlc);
    if (st == ST_OK)
        st = whose(n, h, child, &x.by);
    return st == ST_OK ? end_yes(n, &x, NULL) : st;
}

static enum status see_last(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct last *x = ctx;
    struct heard h;
    uint64_t hlc = 0;
    if (leave_hear(e->body->u.leave.note, e->hlc, &h) != ST_OK || !ID_EQUAL(&h.note.scope, &x->pair))
        return ST_OK;
    enum status st = said_at(n, &e->scope, &x->child, &h, &hlc);
    if (st != ST_OK || hlc <= x->hlc)
        return st;
    x->hlc = hlc;
    return whose(n, &h, &x->child, &x->by);
}

enum status leave_ends_permit(struct node *n, const struct permit *p, uint64_t brought)
{
    struct last x = {.child = p->child, .other = p->contact};
    struct given just = {p, brought};
    struct scope_id ward;
    if (n->self.role != ROLE_PARENT)
        return ST_OK;
    enum status st = scope_id_of_pair(&p->child, &p->contact, &x.pair);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_WARD, &p->child.person, &ward);
    if (st == ST_OK)
        st = journal_each(n, &ward, ENTRY_LEAVE, see_last, &x);
    return st == ST_OK && x.hlc != 0 ? end_yes(n, &x, &just) : st;
}
