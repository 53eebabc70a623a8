/* SPDX-License-Identifier: Apache-2.0 */
/* The roster as a state machine (protocol.md §6.1): names, roles and devices of the family's persons. Pure.
 *
 * A roster entry names the height of the authority chain at which its signers are judged; heights never go
 * back. Who must sign, by person:
 *     found                 the founder
 *     add_person            a parent (and the authority chain has the person in that role already)
 *     rename                a parent; an adult for themselves
 *     add_device            a device of that person, and for a supervised person a parent too
 *     remove_device         a child's: a parent; else another device of that person
 *     set_role              all parents and that person
 *     remove_person         all parents
 * A person whose last device was removed gets no new one in this version: ST_CHAIN_LATER. */
#ifndef KITH_DEVICE_ROSTER_H
#define KITH_DEVICE_ROSTER_H

#include "device/authority.h"

struct roster_name { /* UTF-8, NUL-terminated */
    char text[WIRE_NAME_MAX + 1];
};

struct roster_device {
    struct device_id device;
    struct roster_name name;
};

struct roster_person {
    struct person_id person;
    enum person_role role;
    struct roster_name name;
    uint8_t device_count;
    struct roster_device devices[WIRE_DEVICES_MAX];
    uint64_t changed_at;
};

struct roster { /* {0} is the roster before its first entry. About 17 KB */
    bool founded;
    struct family_id family;
    struct roster_name family_name;
    struct chain_head head;
    uint64_t authority_height; /* of the newest entry */
    uint8_t person_count;
    struct roster_person persons[WIRE_PERSONS_MAX];
};

/* Takes the next entry; errors as authority_apply. `a` stands at the entry's authority_height. */
enum status roster_apply(struct roster *r, const struct authority *a, const struct chain_entry *e) MUST_USE;
enum status roster_apply_bytes(struct roster *r, const struct authority *a, struct span entry) MUST_USE;
/* Both chains from their first entries, each roster entry judged at its authority height. */
enum status roster_replay(struct roster *out, struct authority *a, const struct wire_list *authority,
                          const struct wire_list *entries) MUST_USE;
/* Do the two name the same persons in the same roles, and parents' devices alike? ST_CHAIN_DISAGREE. Holds
 * after every commit. */
enum status roster_agrees(const struct roster *r, const struct authority *a) MUST_USE;

const struct roster_person *roster_find(const struct roster *r, const struct person_id *p); /* or NULL */
const struct roster_person *roster_person_of(const struct roster *r, const struct device_id *d);

/* ---- the chains of all families in a group, at its context's heads ---- */

struct chains { /* about 110 KB: on the heap */
    uint8_t family_count;
    struct authority families[WIRE_PERSONS_MAX]; /* any order */
    bool has_roster;                             /* not in conversations */
    struct roster roster;
};

struct chains *chains_new(void); /* empty; NULL without memory */
void chains_free(struct chains *c);
struct authority *chains_family(struct chains *c, const struct family_id *f); /* or NULL */
const struct authority *chains_family_const(const struct chains *c, const struct family_id *f);

#endif
