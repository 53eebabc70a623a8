/* SPDX-License-Identifier: Apache-2.0 */
/* KithContext: the group context extension 0xF4B1 that every Kith group has (protocol.md §5.1), and the ids
 * of scopes (§5.2). Pure. */
#ifndef KITH_PROTOCOL_KITH_CONTEXT_H
#define KITH_PROTOCOL_KITH_CONTEXT_H

#include "protocol/chain_entry.h"

enum kith_context_limits {
    KITH_CONTEXT_EXTENSION = 0xF4B1,
    KITH_CONTEXT_FAMILIES_MAX = WIRE_PERSONS_MAX, /* every person of another family */
    KITH_CONTEXT_MAX = 4096
};

enum scope_kind {
    SCOPE_FAMILY = 1,
    SCOPE_PARENTS = 2,
    SCOPE_WARD = 3,
    SCOPE_OWN = 4,
    SCOPE_CONVERSATION = 5
};

struct family_head { /* where a family's authority chain stands */
    struct family_id family;
    struct chain_head head;
};

struct kith_context {
    enum scope_kind kind;
    struct scope_id scope;
    uint32_t generation; /* 0 for the first group of a scope */
    uint8_t relay_count; /* at least 1 */
    struct span relays[WIRE_RELAYS_MAX];
    uint8_t family_count;                                   /* at least 1 */
    struct family_head families[KITH_CONTEXT_FAMILIES_MAX]; /* in strictly rising order of family */
    struct chain_head roster;                               /* zero in conversations */
};

enum status kith_context_decode(struct kith_context *out, struct span in) MUST_USE;
enum status kith_context_encode(struct writer *w, const struct kith_context *c) MUST_USE;
const struct family_head *kith_context_family(const struct kith_context *c,
                                              const struct family_id *f); /* or NULL */

/* scope_id of family and parents: from (kind, family_id). */
enum status scope_id_of_family(enum scope_kind kind, const struct family_id *f,
                               struct scope_id *out) MUST_USE;
/* scope_id of ward and own: from (kind, person_id). */
enum status scope_id_of_person(enum scope_kind kind, const struct person_id *p,
                               struct scope_id *out) MUST_USE;
/* scope_id of the conversation of two: the same whoever is first. */
enum status scope_id_of_pair(const struct person_ref *a, const struct person_ref *b,
                             struct scope_id *out) MUST_USE;

#endif
