/* SPDX-License-Identifier: Apache-2.0 */
#include "device/authority.h"

/* ---- looking things up ---- */

const struct authority_person *authority_find(const struct authority *a, const struct person_id *p)
{
    for (size_t i = 0; i < a->person_count; i++)
        if (ID_EQUAL(&a->persons[i].person, p))
            return &a->persons[i];
    return NULL;
}

static bool has_device(const struct authority_person *p, const struct device_id *d)
{
    for (size_t i = 0; i < p->device_count; i++)
        if (ID_EQUAL(&p->devices[i], d))
            return true;
    return false;
}

const struct authority_person *authority_parent_of(const struct authority *a, const struct device_id *d)
{
    for (size_t i = 0; i < a->person_count; i++)
        if (a->persons[i].role == ROLE_PARENT && has_device(&a->persons[i], d))
            return &a->persons[i];
    return NULL;
}

bool authority_is_supervised(const struct authority *a, const struct person_id *p)
{
    const struct authority_person *person = authority_find(a, p);
    return person && person->role == ROLE_CHILD;
}

size_t authority_parent_count(const struct authority *a)
{
    size_t count = 0;
    for (size_t i = 0; i < a->person_count; i++)
        count += a->persons[i].role == ROLE_PARENT;
    return count;
}

/* ---- where an entry belongs ---- */

enum status chain_entry_place(const struct chain_head *head, bool founded, const struct chain_entry *e,
                              struct entry_hash *hash)
{
    static const struct entry_hash none;
    enum status st = chain_entry_hash(e, hash);
    if (st != ST_OK)
        return st;
    if (!founded)
        return e->height == 0 && ID_EQUAL(&e->prev, &none) ? ST_OK : ST_CHAIN_GAP;
    if (e->height == head->height)
        return ID_EQUAL(hash, &head->hash) ? ST_CHAIN_KNOWN : ST_CHAIN_FORK;
    if (e->height != head->height + 1)
        return ST_CHAIN_GAP;
    return ID_EQUAL(&e->prev, &head->hash) ? ST_OK : ST_CHAIN_FORK;
}

enum status chain_entry_compare(const struct entry_hash *pinned, const struct chain_entry *e)
{
    struct entry_hash hash;
    enum status st = chain_entry_hash(e, &hash);
    if (st != ST_OK)
        return st;
    return ID_EQUAL(&hash, pinned) ? ST_CHAIN_KNOWN : ST_CHAIN_FORK;
}

/* ---- who signed ---- */

enum status chain_signers_of(const struct family_id *f, const struct chain_entry *e,
                             struct chain_signers *out)
{
    struct chain_signers s = {.count = 1, .at = {e->author}};
    struct chain_proposal p = {.family = *f,
                               .chain = e->chain,
                               .based_on = e->based_on,
                               .body = e->body,
                               .expires_ms = e->expires_ms};
    enum status st = chain_entry_verify(e);
    for (size_t i = 0; st == ST_OK && e->proposed && i < e->cosigner_count; i++) {
        st = chain_proposal_verify(&p, &e->cosigners[i].device, &e->cosigners[i].signature);
        s.at[s.count++] = e->cosigners[i].device;
    }
    *out = st == ST_OK ? s : (struct chain_signers){0};
    return st;
}

bool authority_signed_by(const struct authority_person *p, const struct chain_signers *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (has_device(p, &s->at[i]))
            return true;
    return false;
}

bool authority_signed_by_all(const struct authority *a, const struct chain_signers *s)
{
    for (size_t i = 0; i < a->person_count; i++)
        if (a->persons[i].role == ROLE_PARENT && !authority_signed_by(&a->persons[i], s))
            return false;
    return true;
}

bool authority_signed_by_any(const struct authority *a, const struct chain_signers *s)
{
    for (size_t i = 0; i < a->person_count; i++)
        if (a->persons[i].role == ROLE_PARENT && authority_signed_by(&a->persons[i], s))
            return true;
    return false;
}

/* ---- one change each: `next` is a copy that the change is made in ---- */

struct change {
    struct authority *next;
    const struct authority_body *body;
    const struct chain_signers *signers;
    struct authority_person *person; /* the one that the body names, or NULL */
    uint64_t height;                 /* of the entry */
};

static enum status add_person(struct change *c, enum person_role role)
{
    struct authority *a = c->next;
    if (c->person)
        return ST_CHAIN_SUBJECT;
    if (a->person_count == WIRE_PERSONS_MAX)
        return ST_CHAIN_FULL;
    c->person = &a->persons[a->person_count++];
    *c->person = (struct authority_person){.person = c->body->person, .role = role};
    return ST_OK;
}

static enum status add_device(struct change *c)
{
    struct authority_person *p = c->person;
    if (authority_parent_of(c->next, &c->body->device))
        return ST_CHAIN_SUBJECT;
    if (p->device_count == WIRE_DEVICES_MAX)
        return ST_CHAIN_FULL;
    p->devices[p->device_count++] = c->body->device;
    return ST_OK;
}

static enum status change_add_parent(struct change *c)
{
    if (!authority_signed_by_all(c->next, c->signers))
        return ST_CHAIN_SIGNERS;
    if (authority_parent_count(c->next) == WIRE_PARENTS_MAX)
        return ST_CHAIN_FULL;
    enum status st = add_person(c, ROLE_PARENT);
    if (st != ST_OK)
        return st;
    c->person->recovery = c->body->recovery;
    return add_device(c);
}

static enum status change_add_device(struct change *c)
{
    if (!c->person || c->person->role != ROLE_PARENT)
        return ST_CHAIN_SUBJECT;
    if (!authority_signed_by(c->person, c->signers))
        return ST_CHAIN_SIGNERS;
    return add_device(c);
}

/* Signed by another device of that person: what is removed has no vote in it, and the last one stays. */
static enum status change_remove_device(struct change *c)
{
    struct authority_person *p = c->person;
    size_t at = 0;
    if (!p || !has_device(p, &c->body->device))
        return ST_CHAIN_SUBJECT;
    while (!ID_EQUAL(&p->devices[at], &c->body->device))
        at++;
    memmove(&p->devices[at], &p->devices[at + 1], (size_t)(p->device_count - at - 1) * sizeof p->devices[0]);
    p->device_count--;
    p->devices[p->device_count] = (struct device_id){{0}};
    return authority_signed_by(p, c->signers) ? ST_OK : ST_CHAIN_SIGNERS;
}

static enum status change_add_child(struct change *c)
{
    if (!authority_signed_by_any(c->next, c->signers))
        return ST_CHAIN_SIGNERS;
    enum status st = add_person(c, ROLE_CHILD);
    if (st == ST_OK)
        c->person->rule = RULE_ANY_PARENT;
    return st;
}

static enum status change_set_role(struct change *c)
{
    if (!c->person)
        return ST_CHAIN_SUBJECT;
    if (c->person->role != ROLE_CHILD || c->body->role != ROLE_ADULT)
        return ST_CHAIN_LATER;
    if (!authority_signed_by_all(c->next, c->signers))
        return ST_CHAIN_SIGNERS;
    c->person->role = ROLE_ADULT;
    c->person->rule = 0;
    return ST_OK;
}

static enum status change_remove_person(struct change *c)
{
    struct authority *a = c->next;
    if (!c->person)
        return ST_CHAIN_SUBJECT;
    if (c->person->role == ROLE_PARENT)
        return ST_CHAIN_LATER;
    if (!authority_signed_by_all(a, c->signers))
        return ST_CHAIN_SIGNERS;
    size_t at = (size_t)(c->person - a->persons);
    memmove(&a->persons[at], &a->persons[at + 1], (size_t)(a->person_count - at - 1) * sizeof a->persons[0]);
    a->person_count--;
    a->persons[a->person_count] = (struct authority_person){0};
    c->person = NULL;
    return ST_OK;
}

static enum status change_relays(struct change *c)
{
    if (!authority_signed_by_any(c->next, c->signers))
        return ST_CHAIN_SIGNERS;
    c->next->relays = c->body->relays;
    c->next->relays_at = c->height;
    return ST_OK;
}

static enum status apply_change(struct authority *next, const struct chain_entry *e,
                                const struct authority_body *body, const struct chain_signers *signers)
{
    static enum status (*const rows[AUTHORITY_KINDS])(struct change *) = {
        [AUTHORITY_ADD_PARENT] = change_add_parent,
        [AUTHORITY_ADD_DEVICE] = change_add_device,
        [AUTHORITY_REMOVE_DEVICE] = change_remove_device,
        [AUTHORITY_ADD_CHILD] = change_add_child,
        [AUTHORITY_SET_ROLE] = change_set_role,
        [AUTHORITY_REMOVE_PERSON] = change_remove_person,
        [AUTHORITY_RELAYS] = change_relays,
    };
    struct change c = {.next = next, .body = body, .signers = signers, .height = e->height};
    for (size_t i = 0; body->kind != AUTHORITY_RELAYS && i < next->person_count; i++)
        if (ID_EQUAL(&next->persons[i].person, &body->person))
            c.person = &next->persons[i];
    if (!rows[body->kind])
        return ST_CHAIN_KIND;
    if (!authority_parent_of(next, &e->author)) /* protocol.md §6.1: a parent's device commits */
        return ST_CHAIN_SIGNERS;
    if (e->proposed && (e->based_on >= e->height || (c.person && c.person->changed_at > e->based_on)))
        return ST_CHAIN_STALE;
    enum status st = rows[body->kind](&c);
    if (st == ST_OK && c.person)
        c.person->changed_at = e->height;
    return st;
}

/* ---- the chain ---- */

static enum status found(struct authority *next, const struct chain_entry *e,
                         const struct authority_body *body, const struct entry_hash *hash)
{
    if (body->kind != AUTHORITY_FOUND)
        return ST_CHAIN_KIND;
    if (e->proposed || !ID_EQUAL(&e->author, &body->device))
        return ST_CHAIN_SIGNERS;
    memcpy(next->family.b, hash->b, ID_LEN);
    next->founded = true;
    next->person_count = 1;
    next->persons[0] = (struct authority_person){.person = body->person,
                                                 .role = ROLE_PARENT,
                                                 .recovery = body->recovery,
                                                 .device_count = 1,
                                                 .devices = {body->device}};
    return chain_entry_verify(e);
}

enum status authority_apply(struct authority *a, const struct chain_entry *e)
{
    struct authority next = *a;
    struct authority_body body;
    struct chain_signers signers;
    struct entry_hash hash;
    enum status st = e->chain == CHAIN_AUTHORITY ? ST_OK : ST_CHAIN_KIND;
    if (st == ST_OK)
        st = chain_entry_place(&a->head, a->founded, e, &hash);
    if (st == ST_OK)
        st = authority_body_decode(&body, e->body);
    if (st != ST_OK)
        return st;
    if (!a->founded)
        st = found(&next, e, &body, &hash);
    else
        st = chain_signers_of(&a->family, e, &signers);
    if (st == ST_OK && a->founded)
        st = apply_change(&next, e, &body, &signers);
    if (st != ST_OK)
        return st;
    next.head = (struct chain_head){e->height, hash};
    *a = next;
    return ST_OK;
}

enum status authority_apply_bytes(struct authority *a, struct span entry)
{
    struct chain_entry e;
    enum status st = chain_entry_decode(&e, entry);
    return st == ST_OK ? authority_apply(a, &e) : st;
}

enum status authority_replay(struct authority *out, const struct wire_list *entries)
{
    struct authority a = {0};
    struct span rest = entries->bytes, item;
    enum status st = ST_OK;
    while (st == ST_OK && wire_list_next(&rest, &item))
        st = authority_apply_bytes(&a, item);
    if (st == ST_OK && !a.founded)
        st = ST_CHAIN_GAP;
    *out = st == ST_OK ? a : (struct authority){0};
    return st;
}

/* ---- making entries ---- */

static enum status draft_cosigners(struct chain_entry *e, const struct chain_draft *d)
{
    if (d->cosigner_count > WIRE_PARENTS_MAX)
        return ST_USAGE;
    for (size_t i = 0; i < d->cosigner_count; i++) {
        size_t at = e->cosigner_count;
        while (at > 0 && ID_COMPARE(&e->cosigners[at - 1].device, &d->cosigners[i].device) > 0)
            at--;
        if (at > 0 && ID_EQUAL(&e->cosigners[at - 1].device, &d->cosigners[i].device))
            return ST_USAGE;
        memmove(&e->cosigners[at + 1], &e->cosigners[at],
                (size_t)(e->cosigner_count - at) * sizeof e->cosigners[0]);
        e->cosigners[at] = d->cosigners[i];
        e->cosigner_count++;
    }
    return ST_OK;
}

enum status chain_draft_encode(const struct chain_draft *d, struct buffer *out)
{
    struct writer w;
    struct chain_entry e = {.chain = d->chain,
                            .authority_height = d->chain == CHAIN_ROSTER ? d->authority_height : 0,
                            .body = d->body,
                            .author = *d->author};
    size_t before = out->len;
    enum status st = ST_OK;
    if (d->head) {
        e.height = d->head->height + 1;
        e.prev = d->head->hash;
    }
    if (d->proposal) {
        e.proposed = true;
        e.based_on = d->proposal->based_on;
        e.expires_ms = d->proposal->expires_ms;
        e.body = d->proposal->body;
        st = draft_cosigners(&e, d);
    }
    if (st == ST_OK)
        st = chain_entry_sign(&e, d->key);
    writer_init(&w, out);
    if (st == ST_OK)
        st = chain_entry_encode(&w, &e);
    if (st != ST_OK)
        out->len = before;
    return st;
}
