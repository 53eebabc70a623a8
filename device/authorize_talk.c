/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of a conversation (protocol.md §5.3).
 *
 * Its persons are those who talk and overseers. An overseer is a parent of a supervised member who is not one
 * of the two of a pair's conversation; inside one family nobody is. Overseers read, acknowledge and leave.
 *
 *  1. Two persons who talk and of whom one is supervised have that one's permit, whoever added them, however:
 *     it is asked of every pair that did not talk to each other before the commit.
 *  2. Who adds a person talks there. Further devices of a person come by that person's own commits.
 *  3. A leaf goes for a reason that the evidence proves, or because it no longer stands. */
#include "device/authorize_internal.h"

/* ---- persons ---- */

static bool add_person(struct judge_persons *out, const struct person_ref *who, const struct authority *at)
{
    for (size_t i = 0; i < out->count; i++)
        if (person_ref_equal(&out->at[i].who, who))
            return true;
    if (out->count == WIRE_PERSONS_MAX)
        return false;
    const struct authority_person *p = at ? authority_find(at, &who->person) : NULL;
    out->at[out->count++] = (struct judge_person){
        .who = *who,
        .supervised = !p || p->role == ROLE_CHILD, /* one that the chain does not know counts as a child */
        .parent = p && p->role == ROLE_PARENT,
    };
    return true;
}

static bool is_one_of_pair(const struct judge_persons *p, size_t i, const struct scope_id *scope)
{
    for (size_t k = 0; k < p->count; k++) {
        struct scope_id id;
        if (k != i && scope_id_of_pair(&p->at[i].who, &p->at[k].who, &id) == ST_OK && ID_EQUAL(&id, scope))
            return true;
    }
    return false;
}

static bool has_child_here(const struct judge_persons *p, const struct family_id *f)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i].supervised && ID_EQUAL(&p->at[i].who.family, f))
            return true;
    return false;
}

static bool is_one_family(const struct judge_persons *p)
{
    for (size_t i = 1; i < p->count; i++)
        if (!ID_EQUAL(&p->at[i].who.family, &p->at[0].who.family))
            return false;
    return true;
}

enum status judge_persons_of(const struct judge *j, bool before, struct judge_persons *out)
{
    *out = (struct judge_persons){0};
    for (size_t i = 0; i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        if (before ? m->is_new : m->gone)
            continue;
        if (!add_person(out, &m->certificate.who, judge_family(j, &m->certificate.who)))
            return ST_AUTHORIZE_LIMIT;
    }
    bool one_family = is_one_family(out);
    for (size_t i = 0; i < out->count; i++) {
        struct judge_person *p = &out->at[i];
        p->of_pair = is_one_of_pair(out, i, &j->context->scope);
        out->pair = out->pair || p->of_pair;
        p->overseer = p->parent && !p->of_pair && !one_family && has_child_here(out, &p->who.family);
    }
    return ST_OK;
}

static const struct judge_person *find(const struct judge_persons *p, const struct person_ref *who)
{
    for (size_t i = 0; i < p->count; i++)
        if (person_ref_equal(&p->at[i].who, who))
            return &p->at[i];
    return NULL;
}

static bool talks(const struct judge_persons *p, const struct person_ref *who)
{
    const struct judge_person *person = find(p, who);
    return person && !person->overseer;
}

static size_t talker_count(const struct judge_persons *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++)
        count += !p->at[i].overseer;
    return count;
}

/* In a pair's conversation nobody talks but its two. */
static enum status pair_is_alone(const struct judge_persons *p)
{
    for (size_t i = 0; p->pair && i < p->count; i++)
        if (!p->at[i].of_pair && !p->at[i].overseer)
            return ST_AUTHORIZE_ADD;
    return ST_OK;
}

/* ---- rule 1: every pair ---- */

/* Is there, in the same evidence, a withdrawal of this permit? */
static bool is_withdrawn(const struct judge *j, const struct authority *at, const struct permit *p)
{
    const struct judge_record *r;
    size_t i = 0;
    while ((r = judge_next(j, EVIDENCE_WITHDRAWAL, &i))) {
        struct permit_withdrawal w;
        if (permit_withdrawal_decode(&w, r->body) == ST_OK && person_ref_equal(&w.child, &p->child) &&
            person_ref_equal(&w.contact, &p->contact) && w.serial >= p->serial &&
            withdrawal_check(at, &w) == ST_OK)
            return true;
    }
    return false;
}

static bool is_permitted(const struct judge *j, const struct person_ref *child,
                         const struct person_ref *contact, bool in_group)
{
    const struct authority *at = judge_family(j, child);
    const struct judge_record *r;
    size_t i = 0;
    while (at && (r = judge_next(j, EVIDENCE_PERMIT, &i))) {
        struct permit p;
        if (permit_decode(&p, r->body) != ST_OK || !person_ref_equal(&p.child, child) || !p.has_contact ||
            !person_ref_equal(&p.contact, contact))
            continue;
        if ((in_group && !(p.kinds & PERMIT_GROUPS)) || is_withdrawn(j, at, &p))
            continue;
        if (permit_check_approvals(at, &p) == ST_OK)
            return true;
    }
    return false;
}

static bool pair_may_talk(const struct judge *j, const struct judge_person *a, const struct judge_person *b,
                          bool in_group)
{
    if (ID_EQUAL(&a->who.family, &b->who.family))
        return true;
    if (a->supervised && !is_permitted(j, &a->who, &b->who, in_group))
        return false;
    return !b->supervised || is_permitted(j, &b->who, &a->who, in_group);
}

static enum status every_pair(const struct judge *j, const struct judge_persons *before,
                              const struct judge_persons *after)
{
    bool in_group = talker_count(after) > 2, was_group = talker_count(before) > 2;
    for (size_t i = 0; i < after->count; i++) {
        for (size_t k = i + 1; k < after->count; k++) {
            const struct judge_person *a = &after->at[i], *b = &after->at[k];
            bool talked = talks(before, &a->who) && talks(before, &b->who) && in_group == was_group;
            if (a->overseer || b->overseer || talked)
                continue;
            if (!pair_may_talk(j, a, b, in_group))
                return ST_AUTHORIZE_PAIR;
        }
    }
    return ST_OK;
}

/* ---- rule 3: why a leaf goes ---- */

/* Does a person of the tree no longer stand in their family's chain, or a parent's device not? */
static bool stands(const struct judge *j, const struct device_certificate *c)
{
    const struct authority *at = judge_family(j, &c->who);
    const struct authority_person *p = at ? authority_find(at, &c->who.person) : NULL;
    return p && (p->role != ROLE_PARENT || authority_parent_of(at, &c->device) == p);
}

enum revoked { REVOKED_NOT, REVOKED_BY_ITSELF /* by another device of its person */, REVOKED };

static enum revoked is_revoked(const struct judge *j, const struct judge_member *m)
{
    const struct authority *at = judge_family(j, &m->certificate.who);
    const struct judge_record *r;
    enum revoked revoked = REVOKED_NOT;
    size_t i = 0;
    while (at && revoked != REVOKED && (r = judge_next(j, EVIDENCE_REVOCATION, &i))) {
        struct revocation v;
        if (revocation_decode(&v, r->body) != ST_OK || !ID_EQUAL(&v.device, &m->certificate.device) ||
            !person_ref_equal(&v.who, &m->certificate.who) || revocation_check(at, &v) != ST_OK)
            continue;
        const struct authority_person *by = authority_parent_of(at, &v.issuer);
        revoked = by && ID_EQUAL(&by->person, &v.who.person) ? REVOKED_BY_ITSELF : REVOKED;
    }
    return revoked;
}

static bool has_leaf(const struct judge *j, const struct device_id *d, const struct person_ref *who)
{
    for (size_t i = 0; i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        if (!m->is_new && ID_EQUAL(&m->certificate.device, d) && person_ref_equal(&m->certificate.who, who))
            return true;
    }
    return false;
}

/* An old note says nothing of who was added again: its device has another leaf since. */
static bool has_that_leaf(const struct judge *j, const struct leave_note *n)
{
    for (size_t i = 0; n->has_leaf && i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        uint8_t hash[HASH_LEN];
        hash_bytes(m->leaf_node, hash);
        if (!m->is_new && ID_EQUAL(&m->certificate.device, &n->device) &&
            memcmp(hash, n->leaf_hash, HASH_LEN) == 0)
            return true;
    }
    return false;
}

static bool has_left(const struct judge *j, const struct person_ref *who)
{
    const struct judge_record *r;
    size_t i = 0;
    while ((r = judge_next(j, EVIDENCE_LEAVE, &i))) {
        struct leave_note n;
        if (leave_note_decode(&n, r->body) == ST_OK && ID_EQUAL(&n.scope, &j->context->scope) &&
            n.generation == j->context->generation && person_ref_equal(&n.who, who) &&
            has_leaf(j, &n.device, who) && has_that_leaf(j, &n) && leave_note_verify(&n) == ST_OK)
            return true;
    }
    return false;
}

/* A withdrawal takes out the child that it is about; in a pair's own conversation the contact too. */
static bool is_withdrawn_person(const struct judge *j, const struct judge_persons *before,
                                const struct person_ref *who)
{
    const struct judge_record *r;
    size_t i = 0;
    while ((r = judge_next(j, EVIDENCE_WITHDRAWAL, &i))) {
        struct permit_withdrawal w;
        if (permit_withdrawal_decode(&w, r->body) != ST_OK || !find(before, &w.child) ||
            !find(before, &w.contact))
            continue;
        bool named = person_ref_equal(&w.child, who) || (before->pair && person_ref_equal(&w.contact, who));
        const struct authority *at = judge_family(j, &w.child);
        if (named && at && withdrawal_check(at, &w) == ST_OK)
            return true;
    }
    return false;
}

static enum status leaf_goes(const struct judge *j, const struct judge_persons *before,
                             const struct judge_persons *after, struct judge_member *m)
{
    const struct judge_person *p = find(before, &m->certificate.who);
    bool no_child_left = p->overseer && !has_child_here(after, &p->who.family);
    bool own = person_ref_equal(&m->certificate.who, &j->committer->certificate.who);
    enum revoked revoked = is_revoked(j, m);
    if (m->readded || no_child_left || !stands(j, &m->certificate) || revoked == REVOKED ||
        (revoked == REVOKED_BY_ITSELF && !own) || is_withdrawn_person(j, before, &m->certificate.who))
        return ST_OK;
    m->left = revoked == REVOKED_BY_ITSELF || has_left(j, &m->certificate.who);
    return m->left ? ST_OK : ST_AUTHORIZE_REMOVE;
}

/* ---- rule 2: who comes ---- */

/* A revoked device's replacement, named in its Revocation, in the commit that takes the old one out. */
static bool is_replacement(const struct judge *j, const struct judge_member *m)
{
    const struct authority *at = judge_family(j, &m->certificate.who);
    const struct judge_record *r;
    size_t i = 0;
    while (at && (r = judge_next(j, EVIDENCE_REVOCATION, &i))) {
        struct revocation v;
        struct device_certificate c;
        if (revocation_decode(&v, r->body) != ST_OK || !v.replaced ||
            device_certificate_decode(&c, v.certificate) != ST_OK)
            continue;
        if (ID_EQUAL(&c.device, &m->certificate.device) && person_ref_equal(&v.who, &m->certificate.who) &&
            has_leaf(j, &v.device, &v.who) && revocation_check(at, &v) == ST_OK)
            return true;
    }
    return false;
}

static enum status leaf_comes(const struct judge *j, const struct judge_persons *before,
                              const struct judge_member *m)
{
    const struct person_ref *who = &m->certificate.who, *by = &j->committer->certificate.who;
    if (!stands(j, &m->certificate))
        return ST_AUTHORIZE_ADD;
    if (m->readded || is_replacement(j, m))
        return ST_OK;
    if (find(before, who))
        return person_ref_equal(who, by) ? ST_OK : ST_AUTHORIZE_ADD;
    return talks(before, by) ? ST_OK : ST_AUTHORIZE_PERSON;
}

/* ---- all ---- */

enum status judge_conversation(struct judge *j)
{
    struct judge_persons before, after;
    enum status st = judge_persons_of(j, true, &before);
    if (st == ST_OK)
        st = judge_persons_of(j, false, &after);
    for (size_t i = 0; st == ST_OK && j->committer && i < j->member_count; i++) {
        struct judge_member *m = &j->members[i];
        if (m->gone)
            st = leaf_goes(j, &before, &after, m);
        else if (m->is_new)
            st = leaf_comes(j, &before, m);
        else if (!stands(j, &m->certificate))
            st = ST_AUTHORIZE_STAYS;
    }
    if (st == ST_OK)
        st = pair_is_alone(&after);
    return st == ST_OK ? every_pair(j, &before, &after) : st;
}
