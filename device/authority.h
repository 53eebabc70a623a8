/* SPDX-License-Identifier: Apache-2.0 */
/* The authority chain as a state machine (protocol.md §6.1): who the parents are and with which devices, and
 * who is supervised. Pure: a state is the outcome of its entries, applied one by one. No clock: whether a
 * proposal has expired is for those who sign and commit.
 *
 * Signatures are counted by person, never by device. Who must sign:
 *     found                            the founder's device
 *     add_child                        a parent
 *     add_device                       a device of that parent
 *     remove_device                    another device of that parent (never the last)
 *     relays                           a parent
 *     add_parent, remove_person (not a parent), set_role (child to adult)      all parents
 * Everything else is ST_CHAIN_LATER. */
#ifndef KITH_DEVICE_AUTHORITY_H
#define KITH_DEVICE_AUTHORITY_H

#include "protocol/chain_entry.h"

struct authority_person {
    struct person_id person;
    enum person_role role;
    enum approval_rule rule;     /* ROLE_CHILD: who says yes to a contact */
    struct sign_public recovery; /* ROLE_PARENT */
    uint8_t device_count;        /* ROLE_PARENT only: others' devices are in the roster */
    struct device_id devices[WIRE_DEVICES_MAX];
    uint64_t changed_at; /* height of the last entry about this person */
};

struct authority { /* {0} is the chain before its first entry. About 8 KB */
    bool founded;
    struct family_id family;
    struct chain_head head;
    uint8_t person_count;
    struct authority_person persons[WIRE_PERSONS_MAX];
    struct family_relays relays; /* count 0: the chain has not said any yet */
    uint64_t relays_at;          /* height of the entry that did */
};

/* Takes the next entry. ST_CHAIN_KNOWN for the head itself; ST_CHAIN_FORK for a rival of the head or of its
 * successor; ST_CHAIN_GAP for one that is higher, and for one below the head too: compare that with
 * chain_entry_compare. On any failure the state is unchanged. */
enum status authority_apply(struct authority *a, const struct chain_entry *e) MUST_USE;
enum status authority_apply_bytes(struct authority *a, struct span entry) MUST_USE;
/* All entries from height 0. */
enum status authority_replay(struct authority *out, const struct wire_list *entries) MUST_USE;
/* An entry against the hash that is pinned at its height: ST_CHAIN_KNOWN or ST_CHAIN_FORK. */
enum status chain_entry_compare(const struct entry_hash *pinned, const struct chain_entry *e) MUST_USE;

const struct authority_person *authority_find(const struct authority *a,
                                              const struct person_id *p); /* or NULL */
/* The parent whose device this is, or NULL. */
const struct authority_person *authority_parent_of(const struct authority *a, const struct device_id *d);
bool authority_is_supervised(const struct authority *a, const struct person_id *p);
size_t authority_parent_count(const struct authority *a);

/* ---- making entries of either chain ---- */

struct chain_draft {
    enum chain_kind chain;
    const struct chain_head *head; /* NULL for the first entry */
    uint64_t authority_height;     /* CHAIN_ROSTER */
    struct span body;
    const struct device_id *author;
    const struct sign_private *key;
    const struct chain_proposal *proposal; /* NULL when nobody else signs */
    const struct cosigner *cosigners;      /* any order */
    size_t cosigner_count;
};

/* Builds, signs and appends the encoded entry to out. */
enum status chain_draft_encode(const struct chain_draft *d, struct buffer *out) MUST_USE;

/* ---- for roster.c: who signed an entry ---- */

struct chain_signers {
    uint8_t count;
    struct device_id at[1 + WIRE_PARENTS_MAX];
};

/* The author and the cosigners, every signature checked. */
enum status chain_signers_of(const struct family_id *f, const struct chain_entry *e,
                             struct chain_signers *out) MUST_USE;
/* Has a device of this parent signed? Of every parent? Of any? */
bool authority_signed_by(const struct authority_person *p, const struct chain_signers *s);
bool authority_signed_by_all(const struct authority *a, const struct chain_signers *s);
bool authority_signed_by_any(const struct authority *a, const struct chain_signers *s);
/* Place of an entry after `head`, as authority_apply says it; *hash is the entry's. */
enum status chain_entry_place(const struct chain_head *head, bool founded, const struct chain_entry *e,
                              struct entry_hash *hash) MUST_USE;

#endif
