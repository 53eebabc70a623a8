/* SPDX-License-Identifier: Apache-2.0 */
/* Re-adding: asked by a device that cannot follow, done by a member that still finds it entitled (protocol.md
 * §5.4); and the daily beacons by letter. */
#ifndef KITH_SYNC_READD_H
#define KITH_SYNC_READD_H

#include "protocol/beacon.h"
#include "sync/letters.h"
#include "sync/plan.h"

/* One letter a device of the family, one a contact (whose devices share a box); none to this device and to
 * `except` (may be NULL). */
enum status letters_to_members(struct node *n, struct group *g, enum letterbox_message_type type,
                               struct span body, const struct device_id *except) MUST_USE;
/* Where a member's letters go: a family device's own box, or the box that a contact gave us. */
enum status readd_box_of(struct node *n, const struct device_certificate *c, struct buffer *box,
                         bool *found) MUST_USE;
/* Asks for stuck groups, sends the day's beacons, notices when others are ahead; called by reconcile. */
enum status readd_due(struct node *n) MUST_USE;
/* A group that was left because others said that they are ahead was joined again in this epoch: where that
 * proves that they were, in a group of the family, its relay had hidden something. */
enum status readd_was_behind(struct node *n, const struct group *old, uint64_t epoch) MUST_USE;
/* A member's beacon stands before our epoch, which it should have read by now: ours by letter, once an hour.
 */
enum status readd_tell_behind(struct node *n, struct group *g, const struct device_id *device) MUST_USE;
/* Our beacon to one member, by a letter of this type; `answer` as in group_beacon. Without a box of theirs:
 * *sent is false. */
enum status readd_beacon_to(struct node *n, struct group *g, const struct device_id *device,
                            enum letterbox_message_type type, const uint8_t *answer, bool *sent) MUST_USE;
/* A member has this device, which cannot follow, under another leaf: the next request names that one. */
enum status readd_leaf_told(struct node *n, const struct leaf_told *told,
                            const struct device_id *from) MUST_USE;
/* Puts a request that is due into the plan: the old leaf goes, the fresh one comes, in one commit. */
enum status readd_plan(struct node *n, struct group *g, struct plan *p) MUST_USE;

/* The hash of this device's leaf; false: it has none. */
bool readd_own_leaf(const struct group *g, uint8_t out[static HASH_LEN]);
/* Signs a request; the caller filled in scope, generation, leaf and key package. That it asked is kept. */
enum status readd_request_make(struct node *n, struct readd_request *q, struct buffer *out) MUST_USE;
/* Has this device ever asked that this leaf of its own be replaced? Then a commit that does is no sign that
 * its database is an old copy. */
enum status readd_asked(struct node *n, const struct group *g, const uint8_t leaf[static HASH_LEN],
                        bool *asked) MUST_USE;
/* It asks with another leaf than the one it has here: it hears which one that is, and asks again. */
enum status readd_tell_leaf(struct node *n, struct group *g, const struct device_id *device) MUST_USE;
/* Does the request name a leaf of this group, of the device that signed it, which is entitled to it still? */
bool readd_names_leaf(struct node *n, const struct group *g, const struct readd_request *q, uint32_t *leaf,
                      struct person_ref *who);

#endif
