/* SPDX-License-Identifier: Apache-2.0 */
/* One commit being planned: whom it adds and removes, with what evidence. */
#ifndef KITH_SYNC_PLAN_H
#define KITH_SYNC_PLAN_H

#include "protocol/family_relays.h"
#include "sync/scope_internal.h"

struct plan {
    struct group_add adds[GROUP_ADDS_MAX];
    struct buffer packages[GROUP_ADDS_MAX], boxes[GROUP_ADDS_MAX];
    size_t add_count;
    uint32_t removes[WIRE_LEAVES_MAX];
    size_t remove_count;
    bool later;   /* a removal waits for its turn: look again */
    bool heads;   /* the commit is wanted for the newest heads' sake */
    bool foreign; /* … and other families' heads move too: a Revocation of theirs wants it */
    struct evidence_set evidence;
    const struct successor *successor; /* it is the founding of one; else NULL */
    struct family_relays relays; /* what the commit's context borrows */
};

struct plan *plan_new(void); /* NULL: no memory */
void plan_free(struct plan *p);
/* A device to add, when its letterbox and a key package of it are here; nothing otherwise. */
enum status plan_add(struct node *n, struct plan *p, const struct device_id *device,
                     const struct person_ref *who) MUST_USE;
enum status plan_record(struct plan *p, const struct evidence_record *r) MUST_USE;
enum status plan_evidence(struct plan *p, enum evidence_kind kind, struct span body) MUST_USE;
/* Members remove a leaf one after the other, by rank, so that not all commit at once. */
bool plan_may_remove(struct node *n, const struct group *g, const struct device_id *device);
/* May this person take out a leaf of their own by no more than a Revocation of their own (§5.3, 7)? */
enum status plan_may_revoke_own(struct node *n, const struct group *g, bool *may) MUST_USE;
/* Makes the commit: with the newest heads when it changes who is in; a refresh where one is due; else none.
 */
enum status plan_commit(struct node *n, struct group *g, struct plan *p) MUST_USE;

#endif
