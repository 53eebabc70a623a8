/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of `family`, `parents`, `ward` and `own` (protocol.md §5.3): the roster and the authority chain at
 * the new heads say who belongs there, and nothing else does. */
#include "device/authorize_internal.h"

static bool is_scope_of(enum scope_kind kind, const struct person_id *p, const struct scope_id *scope)
{
    struct scope_id id;
    return scope_id_of_person(kind, p, &id) == ST_OK && ID_EQUAL(&id, scope);
}

static bool belongs(const struct judge *j, const struct device_certificate *c)
{
    const struct roster_person *p = roster_person_of(&j->chains->roster, &c->device);
    if (!p || !ID_EQUAL(&p->person, &c->who.person) || !ID_EQUAL(&j->chains->roster.family, &c->who.family))
        return false;
    switch (j->context->kind) {
    case SCOPE_FAMILY:
        return true;
    case SCOPE_PARENTS:
        return p->role == ROLE_PARENT;
    case SCOPE_WARD:
        return p->role == ROLE_PARENT ||
               (p->role == ROLE_CHILD && is_scope_of(SCOPE_WARD, &p->person, &j->context->scope));
    case SCOPE_OWN:
        return is_scope_of(SCOPE_OWN, &p->person, &j->context->scope);
    case SCOPE_CONVERSATION:
    default:
        return false;
    }
}

/* Adding and removing is for parents' devices; in `own` for the person's. */
static bool may_change_members(const struct judge *j)
{
    const struct device_certificate *c = &j->committer->certificate;
    const struct authority *a = judge_family(j, &c->who);
    return j->context->kind == SCOPE_OWN || (a && authority_parent_of(a, &c->device));
}

/* One each: no second group passes for one of them under another scope id. (In `own` each member tells; a
 * ward of parents alone would tell nothing. Who is in one already is past asking: its child may have left.)
 */
static bool is_its_group(const struct judge *j)
{
    const struct roster *r = &j->chains->roster;
    enum scope_kind kind = j->context->kind;
    struct scope_id id;
    bool of_child = kind != SCOPE_WARD || j->committer;
    if (kind == SCOPE_FAMILY || kind == SCOPE_PARENTS)
        return scope_id_of_family(kind, &r->family, &id) == ST_OK && ID_EQUAL(&id, &j->context->scope);
    for (size_t i = 0; !of_child && i < r->person_count; i++)
        of_child = is_scope_of(SCOPE_WARD, &r->persons[i].person, &j->context->scope);
    return of_child;
}

enum status judge_family_scope(const struct judge *j)
{
    if (!is_its_group(j))
        return ST_AUTHORIZE_CONTEXT;
    for (size_t i = 0; i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        bool in = belongs(j, &m->certificate);
        if (m->is_new && !in)
            return ST_AUTHORIZE_ADD;
        if (m->gone && in && !m->readded)
            return ST_AUTHORIZE_REMOVE;
        if (!m->is_new && !m->gone && !in)
            return ST_AUTHORIZE_STAYS;
        if (j->committer && (m->is_new || m->gone) && !m->readded && !may_change_members(j))
            return ST_AUTHORIZE_COMMITTER;
    }
    return ST_OK;
}
