/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a family's two chains and the proposals that several persons sign (protocol.md §6.1). Pure. What
 * an entry may change and who must have signed it is judged in device/authority.h and device/roster.h.
 *
 * A family_id is the hash of its authority chain's first entry. Hashes leave the author's signature out, so
 * that signing again makes no second entry. */
#ifndef KITH_PROTOCOL_CHAIN_ENTRY_H
#define KITH_PROTOCOL_CHAIN_ENTRY_H

#include "protocol/certificate.h"

enum chain_kind { CHAIN_AUTHORITY = 1, CHAIN_ROSTER = 2 };

struct chain_head { /* where a chain stands */
    uint64_t height;
    struct entry_hash hash;
};

struct cosigner {
    struct device_id device;
    struct signature signature; /* over the ChainProposal */
};

struct chain_entry {
    enum chain_kind chain;
    uint64_t height;           /* 0 is the first */
    struct entry_hash prev;    /* zero at height 0 */
    uint64_t authority_height; /* CHAIN_ROSTER: of the authority chain at which the signers are judged */
    struct span body;          /* struct authority_body or struct roster_body */
    struct device_id author;
    bool proposed; /* signed by others too: the three fields below hold */
    uint64_t based_on;
    int64_t expires_ms;
    uint8_t cosigner_count;
    struct cosigner cosigners[WIRE_PARENTS_MAX]; /* in strictly rising order of device */
    struct signature signature;
};

enum status chain_entry_decode(struct chain_entry *out, struct span in) MUST_USE;
enum status chain_entry_encode(struct writer *w, const struct chain_entry *e) MUST_USE;
enum status chain_entry_sign(struct chain_entry *e, const struct sign_private *key) MUST_USE;
enum status chain_entry_verify(const struct chain_entry *e) MUST_USE; /* the author's signature only */
enum status chain_entry_hash(const struct chain_entry *e, struct entry_hash *out) MUST_USE;

/* What the others sign before the committing device gives it a height. */
struct chain_proposal {
    struct family_id family;
    enum chain_kind chain;
    uint64_t based_on; /* height of the chain that the proposer knew */
    struct span body;
    int64_t expires_ms; /* 7 days on */
};

enum status chain_proposal_decode(struct chain_proposal *out, struct span in) MUST_USE;
enum status chain_proposal_encode(struct writer *w, const struct chain_proposal *p) MUST_USE;
enum status chain_proposal_sign(const struct chain_proposal *p, const struct sign_private *key,
                                struct signature *out) MUST_USE;
enum status chain_proposal_verify(const struct chain_proposal *p, const struct device_id *by,
                                  const struct signature *signature) MUST_USE;
enum status chain_proposal_hash(const struct chain_proposal *p, struct entry_hash *out) MUST_USE;

/* ---- bodies ---- */

enum person_role { ROLE_PARENT = 1, ROLE_CHILD = 2, ROLE_ADULT = 3 };
enum approval_rule { RULE_ALL_PARENTS = 1, RULE_ANY_PARENT = 2, RULE_NOTIFY = 3, RULE_SELF = 4 };

/* Kinds that later versions bring decode to ST_CHAIN_LATER. */
enum authority_kind {
    AUTHORITY_FOUND = 1,         /* person, device, random, recovery */
    AUTHORITY_ADD_PARENT = 2,    /* person, device, recovery */
    AUTHORITY_ADD_DEVICE = 3,    /* of a parent: person, device */
    AUTHORITY_REMOVE_DEVICE = 4, /* of a parent: person, device */
    AUTHORITY_ADD_CHILD = 5,     /* person: supervised from now on, under any_parent */
    AUTHORITY_SET_ROLE = 6,      /* person, role */
    AUTHORITY_REMOVE_PERSON = 7, /* person: not a parent */
    AUTHORITY_LATER_FIRST = 8,   /* rule, release, recovery, suspend, object, remove a parent, handover */
    AUTHORITY_LATER_LAST = 14,
    AUTHORITY_RELAYS = 15, /* relays: the family's from now on; no person */
    AUTHORITY_KINDS
};

struct family_relays { /* addresses, see protocol/family_relays.h */
    uint8_t count;
    char at[WIRE_RELAYS_MAX][WIRE_RELAY_MAX + 1];
};

struct authority_body { /* the fields that the kind does not name are zero */
    enum authority_kind kind;
    struct person_id person;
    struct device_id device;
    uint8_t random[32];          /* makes the family_id unique */
    struct sign_public recovery; /* public half of the parent's recovery key */
    enum person_role role;
    struct family_relays relays;
};

enum status authority_body_decode(struct authority_body *out, struct span in) MUST_USE;
enum status authority_body_encode(struct writer *w, const struct authority_body *b) MUST_USE;

enum roster_kind {
    ROSTER_FOUND = 1,         /* family, family_name, person, name, device, device_name */
    ROSTER_ADD_PERSON = 2,    /* person, role, name, device, device_name */
    ROSTER_RENAME = 3,        /* person, name */
    ROSTER_ADD_DEVICE = 4,    /* person, device, device_name */
    ROSTER_REMOVE_DEVICE = 5, /* person, device, pins */
    ROSTER_SET_ROLE = 6,      /* person, role */
    ROSTER_REMOVE_PERSON = 7, /* person: not a parent */
    ROSTER_LATER_FIRST = 8,   /* suspend, object, remove a parent, replace a child's last device */
    ROSTER_LATER_LAST = 11
};

struct roster_body { /* the fields that the kind does not name are zero */
    enum roster_kind kind;
    struct family_id family;
    struct span family_name;
    struct person_id person;
    enum person_role role;
    struct span name;
    struct device_id device;
    struct span device_name;
    struct pins pins;
};

enum status roster_body_decode(struct roster_body *out, struct span in) MUST_USE;
enum status roster_body_encode(struct writer *w, const struct roster_body *b) MUST_USE;

#endif
