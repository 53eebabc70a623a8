/* SPDX-License-Identifier: Apache-2.0 */
#include "device/roster.h"

#include "protocol/mem.h"

/* ---- looking things up ---- */

const struct roster_person *roster_find(const struct roster *r, const struct person_id *p)
{
    for (size_t i = 0; i < r->person_count; i++)
        if (ID_EQUAL(&r->persons[i].person, p))
            return &r->persons[i];
    return NULL;
}

static const struct roster_device *device_of(const struct roster_person *p, const struct device_id *d)
{
    for (size_t i = 0; i < p->device_count; i++)
        if (ID_EQUAL(&p->devices[i].device, d))
            return &p->devices[i];
    return NULL;
}

const struct roster_person *roster_person_of(const struct roster *r, const struct device_id *d)
{
    for (size_t i = 0; i < r->person_count; i++)
        if (device_of(&r->persons[i], d))
            return &r->persons[i];
    return NULL;
}

static void name_set(struct roster_name *out, struct span text)
{
    memset(out, 0, sizeof *out);
    memcpy(out->text, text.ptr, text.len); /* the decoder bounds names by WIRE_NAME_MAX */
}

/* ---- one change each, made in a copy ---- */

struct change {
    struct roster *next;
    const struct authority *authority;
    const struct roster_body *body;
    const struct chain_signers *signers;
    struct roster_person *person; /* the one that the body names, or NULL */
};

static bool signed_by_person(const struct roster_person *p, const struct chain_signers *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (device_of(p, &s->at[i]))
            return true;
    return false;
}

static bool signed_by_a_parent(const struct change *c)
{
    return authority_signed_by_any(c->authority, c->signers);
}

/* The device must be nobody's yet, and stand in the authority chain exactly if its person is a parent. */
static enum status place_device(struct change *c)
{
    struct roster_person *p = c->person;
    const struct authority_person *parent = authority_parent_of(c->authority, &c->body->device);
    if (roster_person_of(c->next, &c->body->device))
        return ST_CHAIN_SUBJECT;
    if ((p->role == ROLE_PARENT) != (parent != NULL) || (parent && !ID_EQUAL(&parent->person, &p->person)))
        return ST_CHAIN_DISAGREE;
    if (p->device_count == WIRE_DEVICES_MAX)
        return ST_CHAIN_FULL;
    struct roster_device *d = &p->devices[p->device_count++];
    d->device = c->body->device;
    name_set(&d->name, c->body->device_name);
    return ST_OK;
}

static enum status change_add_person(struct change *c)
{
    const struct authority_person *known = authority_find(c->authority, &c->body->person);
    if (c->person)
        return ST_CHAIN_SUBJECT;
    if (!known || known->role != c->body->role)
        return ST_CHAIN_DISAGREE;
    if (!signed_by_a_parent(c))
        return ST_CHAIN_SIGNERS;
    if (c->next->person_count == WIRE_PERSONS_MAX)
        return ST_CHAIN_FULL;
    c->person = &c->next->persons[c->next->person_count++];
    *c->person = (struct roster_person){.person = c->body->person, .role = c->body->role};
    name_set(&c->person->name, c->body->name);
    return place_device(c);
}

/* Policy law 8: a supervised person's signature alone changes nothing, their own name included. */
static enum status change_rename(struct change *c)
{
    if (!c->person)
        return ST_CHAIN_SUBJECT;
    bool self = c->person->role != ROLE_CHILD && signed_by_person(c->person, c->signers);
    if (!self && !signed_by_a_parent(c))
        return ST_CHAIN_SIGNERS;
    name_set(&c->person->name, c->body->name);
    return ST_OK;
}

/* No parent can plant a device under another's name: that person's own device signs too. */
static enum status change_add_device(struct change *c)
{
    if (!c->person)
        return ST_CHAIN_SUBJECT;
    if (c->person->device_count == 0) /* replacing a child's last device: with the Ripe statement */
        return ST_CHAIN_LATER;
    if (!signed_by_person(c->person, c->signers))
        return ST_CHAIN_SIGNERS;
    if (c->person->role == ROLE_CHILD && !signed_by_a_parent(c))
        return ST_CHAIN_SIGNERS;
    return place_device(c);
}

static enum status change_remove_device(struct change *c)
{
    struct roster_person *p = c->person;
    const struct roster_device *d = p ? device_of(p, &c->body->device) : NULL;
    if (!d)
        return ST_CHAIN_SUBJECT;
    if (authority_parent_of(c->authority, &c->body->device)) /* the authority chain lets it go first */
        return ST_CHAIN_DISAGREE;
    size_t at = (size_t)(d - p->devices);
    memmove(&p->devices[at], &p->devices[at + 1], (size_t)(p->device_count - at - 1) * sizeof p->devices[0]);
    p->device_count--;
    p->devices[p->device_count] = (struct roster_device){0};
    bool may = p->role == ROLE_CHILD ? signed_by_a_parent(c) : signed_by_person(p, c->signers);
    return may ? ST_OK : ST_CHAIN_SIGNERS;
}

static enum status change_set_role(struct change *c)
{
    if (!c->person)
        return ST_CHAIN_SUBJECT;
    const struct authority_person *known = authority_find(c->authority, &c->body->person);
    if (c->person->role != ROLE_CHILD || c->body->role != ROLE_ADULT)
        return ST_CHAIN_LATER;
    if (!known || known->role != ROLE_ADULT)
        return ST_CHAIN_DISAGREE;
    if (!authority_signed_by_all(c->authority, c->signers) || !signed_by_person(c->person, c->signers))
        return ST_CHAIN_SIGNERS;
    c->person->role = ROLE_ADULT;
    return ST_OK;
}

static enum status change_remove_person(struct change *c)
{
    struct roster *r = c->next;
    if (!c->person)
        return ST_CHAIN_SUBJECT;
    if (c->person->role == ROLE_PARENT)
        return ST_CHAIN_LATER;
    if (authority_find(c->authority, &c->body->person))
        return ST_CHAIN_DISAGREE;
    if (!authority_signed_by_all(c->authority, c->signers))
        return ST_CHAIN_SIGNERS;
    size_t at = (size_t)(c->person - r->persons);
    memmove(&r->persons[at], &r->persons[at + 1], (size_t)(r->person_count - at - 1) * sizeof r->persons[0]);
    r->person_count--;
    r->persons[r->person_count] = (struct roster_person){0};
    c->person = NULL;
    return ST_OK;
}

static enum status apply_change(struct change *c, const struct chain_entry *e)
{
    static enum status (*const rows[ROSTER_LATER_FIRST])(struct change *) = {
        [ROSTER_ADD_PERSON] = change_add_person, [ROSTER_RENAME] = change_rename,
        [ROSTER_ADD_DEVICE] = change_add_device, [ROSTER_REMOVE_DEVICE] = change_remove_device,
        [ROSTER_SET_ROLE] = change_set_role,     [ROSTER_REMOVE_PERSON] = change_remove_person,
    };
    for (size_t i = 0; i < c->next->person_count; i++)
        if (ID_EQUAL(&c->next->persons[i].person, &c->body->person))
            c->person = &c->next->persons[i];
    if (!rows[c->body->kind])
        return ST_CHAIN_KIND;
    if (!roster_person_of(c->next, &e->author)) /* a device of the family commits */
        return ST_CHAIN_SIGNERS;
    if (e->proposed && (e->based_on >= e->height || (c->person && c->person->changed_at > e->based_on)))
        return ST_CHAIN_STALE;
    enum status st = rows[c->body->kind](c);
    if (st == ST_OK && c->person)
        c->person->changed_at = e->height;
    return st;
}

static enum status found(struct roster *next, const struct authority *a, const struct chain_entry *e,
                         const struct roster_body *body)
{
    const struct authority_person *founder = authority_parent_of(a, &body->device);
    if (body->kind != ROSTER_FOUND)
        return ST_CHAIN_KIND;
    if (!ID_EQUAL(&body->family, &a->family) || !founder || !ID_EQUAL(&founder->person, &body->person))
        return ST_CHAIN_DISAGREE;
    if (e->proposed || !ID_EQUAL(&e->author, &body->device))
        return ST_CHAIN_SIGNERS;
    next->founded = true;
    next->family = a->family;
    name_set(&next->family_name, body->family_name);
    next->person_count = 1;
    struct roster_person *p = &next->persons[0];
    *p = (struct roster_person){.person = body->person, .role = ROLE_PARENT, .device_count = 1};
    name_set(&p->name, body->name);
    p->devices[0].device = body->device;
    name_set(&p->devices[0].name, body->device_name);
    return ST_OK;
}

/* ---- the chain ---- */

enum status roster_apply(struct roster *r, const struct authority *a, const struct chain_entry *e)
{
    struct roster next = *r;
    struct roster_body body;
    struct chain_signers signers;
    struct entry_hash hash;
    enum status st = e->chain == CHAIN_ROSTER && a->founded ? ST_OK : ST_CHAIN_KIND;
    if (st == ST_OK)
        st = chain_entry_place(&r->head, r->founded, e, &hash);
    if (st == ST_OK && e->authority_height != a->head.height)
        st = ST_CHAIN_GAP;
    if (st == ST_OK)
        st = roster_body_decode(&body, e->body);
    if (st == ST_OK)
        st = chain_signers_of(&a->family, e, &signers);
    if (st != ST_OK)
        return st;
    if (!r->founded) {
        st = found(&next, a, e, &body);
    } else {
        struct change c = {.next = &next, .authority = a, .body = &body, .signers = &signers};
        st = apply_change(&c, e);
    }
    if (st != ST_OK)
        return st;
    next.head = (struct chain_head){e->height, hash};
    next.authority_height = e->authority_height;
    *r = next;
    return ST_OK;
}

enum status roster_apply_bytes(struct roster *r, const struct authority *a, struct span entry)
{
    struct chain_entry e;
    enum status st = chain_entry_decode(&e, entry);
    return st == ST_OK ? roster_apply(r, a, &e) : st;
}

/* Takes authority entries from *rest until the chain is at `height`. */
static enum status advance(struct authority *a, struct span *rest, uint64_t height)
{
    struct span item;
    enum status st = ST_OK;
    while (st == ST_OK && (!a->founded || a->head.height < height)) {
        if (!wire_list_next(rest, &item))
            return ST_CHAIN_GAP;
        st = authority_apply_bytes(a, item);
    }
    return st;
}

enum status roster_replay(struct roster *out, struct authority *a, const struct wire_list *authority,
                          const struct wire_list *entries)
{
    struct span rest = authority->bytes, roster_rest = entries->bytes, item;
    enum status st = ST_OK;
    *out = (struct roster){0};
    *a = (struct authority){0};
    while (st == ST_OK && wire_list_next(&roster_rest, &item)) {
        struct chain_entry e;
        st = chain_entry_decode(&e, item);
        if (st == ST_OK)
            st = advance(a, &rest, e.authority_height);
        if (st == ST_OK)
            st = roster_apply(out, a, &e);
    }
    while (st == ST_OK && wire_list_next(&rest, &item))
        st = authority_apply_bytes(a, item);
    if (st == ST_OK && !out->founded)
        st = ST_CHAIN_GAP;
    if (st == ST_OK)
        st = roster_agrees(out, a);
    if (st != ST_OK) {
        *out = (struct roster){0};
        *a = (struct authority){0};
    }
    return st;
}

enum status roster_agrees(const struct roster *r, const struct authority *a)
{
    if (!ID_EQUAL(&r->family, &a->family) || r->person_count != a->person_count)
        return ST_CHAIN_DISAGREE;
    for (size_t i = 0; i < a->person_count; i++) {
        const struct authority_person *p = &a->persons[i];
        const struct roster_person *q = roster_find(r, &p->person);
        if (!q || q->role != p->role)
            return ST_CHAIN_DISAGREE;
        if (p->role != ROLE_PARENT)
            continue;
        if (p->device_count != q->device_count)
            return ST_CHAIN_DISAGREE;
        for (size_t k = 0; k < p->device_count; k++)
            if (!device_of(q, &p->devices[k]))
                return ST_CHAIN_DISAGREE;
    }
    return ST_OK;
}

/* ---- chains of a group ---- */

struct chains *chains_new(void)
{
    return mem_alloc(1, sizeof(struct chains));
}

void chains_free(struct chains *c)
{
    mem_free(c, sizeof *c);
}

const struct authority *chains_family_const(const struct chains *c, const struct family_id *f)
{
    for (size_t i = 0; i < c->family_count; i++)
        if (ID_EQUAL(&c->families[i].family, f))
            return &c->families[i];
    return NULL;
}

struct authority *chains_family(struct chains *c, const struct family_id *f)
{
    for (size_t i = 0; i < c->family_count; i++)
        if (ID_EQUAL(&c->families[i].family, f))
            return &c->families[i];
    return NULL;
}
