/* SPDX-License-Identifier: Apache-2.0 */
#include "device/certificates.h"

#include "policy/permit_check.h"

/* ---- device certificates ---- */

/* Does `at` know this person in a way that fits: supervised or not, and a parent's device by name? */
static enum status person_fits(const struct authority *at, const struct device_certificate *c)
{
    const struct authority_person *p = authority_find(at, &c->who.person);
    const struct authority_person *parent = authority_parent_of(at, &c->device);
    if (!ID_EQUAL(&c->who.family, &at->family))
        return ST_CERTIFICATE_FAMILY;
    if (!p || c->supervised != (p->role == ROLE_CHILD))
        return ST_CERTIFICATE_PERSON;
    if ((p->role == ROLE_PARENT) != (parent != NULL) || (parent && parent != p))
        return ST_CERTIFICATE_PERSON;
    return ST_OK;
}

enum status certificate_issue(struct device_certificate *out, const struct certificate_args *a)
{
    struct device_certificate c = {.who = {a->at->family, a->person},
                                   .supervised = authority_is_supervised(a->at, &a->person),
                                   .device = a->device,
                                   .authority_height = a->at->head.height,
                                   .not_after_ms = a->now_ms + CERTIFICATE_LIFE_MS,
                                   .issuer = a->issuer};
    enum status st = person_fits(a->at, &c);
    if (st == ST_OK && !authority_parent_of(a->at, &a->issuer))
        st = ST_CERTIFICATE_ISSUER;
    if (st == ST_OK)
        st = device_certificate_sign(&c, a->key);
    *out = st == ST_OK ? c : (struct device_certificate){0};
    return st;
}

enum status certificate_check(const struct authority *at, const struct device_certificate *c)
{
    enum status st = person_fits(at, c);
    if (st != ST_OK)
        return st;
    /* A height ahead of ours is a chain that we do not have. */
    if (!authority_parent_of(at, &c->issuer) || c->authority_height > at->head.height)
        return ST_CERTIFICATE_ISSUER;
    return device_certificate_verify(c);
}

bool certificate_is_due(const struct authority *at, const struct device_certificate *c, int64_t now_ms)
{
    int64_t issued_ms = c->not_after_ms - CERTIFICATE_LIFE_MS;
    return now_ms - issued_ms >= CERTIFICATE_RENEW_MS || !authority_parent_of(at, &c->issuer) ||
           c->supervised != authority_is_supervised(at, &c->who.person);
}

/* ---- permits, withdrawals, revocations ---- */

static enum policy_approval policy_rule(enum approval_rule rule)
{
    switch (rule) {
    case RULE_ANY_PARENT:
        return POLICY_APPROVAL_ANY_PARENT;
    case RULE_NOTIFY:
        return POLICY_APPROVAL_NOTIFY;
    case RULE_SELF:
        return POLICY_APPROVAL_SELF;
    case RULE_ALL_PARENTS:
    default:
        return POLICY_APPROVAL_ALL_PARENTS;
    }
}

enum status permit_check_approvals(const struct authority *at, const struct permit *p)
{
    const struct authority_person *child = authority_find(at, &p->child.person);
    struct person_id parents[WIRE_PERSONS_MAX], yes[WIRE_PARENTS_MAX];
    size_t parent_count = 0, yes_count = 0;
    if (!ID_EQUAL(&at->family, &p->child.family) || !child || child->role != ROLE_CHILD)
        return ST_PERMIT_APPROVALS;
    if (!p->has_contact)
        return ST_PERMIT_STANDING;
    for (size_t i = 0; i < at->person_count; i++)
        if (at->persons[i].role == ROLE_PARENT)
            parents[parent_count++] = at->persons[i].person;
    for (size_t i = 0; i < p->approval_count; i++) {
        const struct authority_person *by = authority_parent_of(at, &p->approvals[i].device);
        if (!by || !ID_EQUAL(&by->person, &p->approvals[i].person))
            continue; /* no parent, or no longer: counts for nothing */
        enum status st = permit_verify_approval(p, i);
        if (st != ST_OK)
            return st;
        yes[yes_count++] = by->person;
    }
    return policy_approvals_enough(policy_rule(child->rule), parents, parent_count, yes, yes_count)
               ? ST_OK
               : ST_PERMIT_APPROVALS;
}

void permit_drop_fallen(const struct authority *at, struct permit *p)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < p->approval_count; i++) {
        const struct authority_person *by = authority_parent_of(at, &p->approvals[i].device);
        if (by && ID_EQUAL(&by->person, &p->approvals[i].person))
            p->approvals[kept++] = p->approvals[i];
    }
    p->approval_count = kept;
}

enum status withdrawal_check(const struct authority *at, const struct permit_withdrawal *w)
{
    if (!ID_EQUAL(&at->family, &w->child.family) || !authority_parent_of(at, &w->issuer))
        return ST_WITHDRAWAL_ISSUER;
    return permit_withdrawal_verify(w);
}

enum status revocation_check(const struct authority *at, const struct revocation *v)
{
    const struct authority_person *who = authority_find(at, &v->who.person);
    const struct authority_person *issuer = authority_parent_of(at, &v->issuer);
    if (!ID_EQUAL(&at->family, &v->who.family) || !issuer || ID_EQUAL(&v->issuer, &v->device))
        return ST_REVOCATION_ISSUER;
    if (v->authority_height > at->head.height)
        return ST_REVOCATION_ISSUER;
    /* Nobody throws out another parent's device with it; who left the chain altogether has no say left. */
    if (who && who->role != ROLE_CHILD && who != issuer)
        return ST_REVOCATION_ISSUER;
    return revocation_verify(v);
}

/* ---- invites and cards ---- */

enum status invite_check(const struct authority *at, const struct invite *i)
{
    const struct authority_person *who = authority_find(at, &i->who.person);
    const struct authority_person *signer = authority_parent_of(at, &i->signer);
    if (!ID_EQUAL(&at->family, &i->who.family) || !who || i->supervised != (who->role == ROLE_CHILD))
        return ST_INVITE_SIGNER;
    if (!signer || (!i->supervised && signer != who))
        return ST_INVITE_SIGNER;
    return invite_verify(i);
}

enum status card_check(const struct card *c, struct authority *at)
{
    struct span rest = c->certificates.bytes, item;
    bool signer_known = false;
    enum status st = authority_replay(at, &c->authority_chain);
    if (st == ST_OK && !ID_EQUAL(&at->family, &c->who.family))
        st = ST_CERTIFICATE_FAMILY;
    if (st == ST_OK)
        signer_known = authority_parent_of(at, &c->signer) != NULL;
    while (st == ST_OK && wire_list_next(&rest, &item)) {
        struct device_certificate d;
        st = device_certificate_decode(&d, item);
        if (st == ST_OK)
            st = certificate_check(at, &d);
        if (st == ST_OK && !person_ref_equal(&d.who, &c->who))
            st = ST_CERTIFICATE_PERSON;
        signer_known = signer_known || (st == ST_OK && ID_EQUAL(&d.device, &c->signer));
    }
    if (st == ST_OK && (!signer_known || !authority_find(at, &c->who.person)))
        st = ST_CARD_SIGNER;
    if (st == ST_OK)
        st = card_verify(c);
    if (st != ST_OK)
        *at = (struct authority){0};
    return st;
}

enum status card_check_for_invite(const struct card *c, const struct invite *i, struct authority *at)
{
    enum status st = person_ref_equal(&c->who, &i->who) ? ST_OK : ST_CERTIFICATE_PERSON;
    if (st == ST_OK)
        st = card_check(c, at);
    if (st == ST_OK)
        st = invite_check(at, i);
    if (st != ST_OK)
        *at = (struct authority){0};
    return st;
}

/* ---- a request, before anybody is told of it ---- */

static enum status approach_permit(struct approach *a, const struct person_ref *to)
{
    if (!a->request.has_permit)
        return a->sender.supervised ? ST_APPROACH_PERMIT : ST_OK;
    enum status st = permit_decode(&a->permit, a->request.permit);
    if (st != ST_OK)
        return st;
    if (!a->sender.supervised)
        return ST_OK; /* an adult's needs none; what is in it means nothing */
    if (!person_ref_equal(&a->permit.child, &a->sender.who) || !a->permit.has_contact ||
        !person_ref_equal(&a->permit.contact, to))
        return ST_APPROACH_PERMIT;
    return permit_check_approvals(&a->at, &a->permit);
}

enum status approach_check(const struct letterbox_message *m, struct approach *out)
{
    struct approach a;
    memset(&a, 0, sizeof a);
    enum status st = m->type == LETTERBOX_CONTACT_REQUEST ? ST_OK : ST_APPROACH_SENDER;
    if (st == ST_OK)
        st = device_certificate_decode(&a.sender, m->certificate);
    if (st == ST_OK)
        st = contact_request_decode(&a.request, m->body);
    if (st == ST_OK)
        st = card_decode(&a.card, a.request.card);
    if (st == ST_OK)
        st = card_check(&a.card, &a.at);
    if (st == ST_OK && !person_ref_equal(&a.card.who, &a.sender.who))
        st = ST_APPROACH_SENDER;
    if (st == ST_OK)
        st = certificate_check(&a.at, &a.sender);
    if (st == ST_OK)
        st = letterbox_message_verify(m);
    if (st == ST_OK)
        st = approach_permit(&a, &m->to);
    if (st == ST_OK)
        *out = a;
    else
        memset(out, 0, sizeof *out);
    return st;
}
