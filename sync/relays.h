/* SPDX-License-Identifier: Apache-2.0 */
/* The family's relays (protocol.md §6.1): the list that parents keep in the authority chain, and how groups
 * follow it.
 *
 * A command is kept as a wish until the chain says it: reconcile makes all wishes into one chain entry on the
 * list of the moment, which rides on a commit of `family` and takes that group along. The other groups follow
 * by the commits that carry their heads over the entry (plan.c), each to the list that the chain said last:
 * no member chooses. A relay that this device has not reached is never put first, nor taken into the list. */
#ifndef KITH_SYNC_RELAYS_H
#define KITH_SYNC_RELAYS_H

#include "device/authority.h"
#include "protocol/family_relays.h"
#include "sync/scope_group.h"

enum relay_wish { RELAY_WISH_ADD = 1, RELAY_WISH_USE = 2, RELAY_WISH_REMOVE = 3 };

/* What the family's group uses now; before there is one, the relay of the founding or of the pairing link. */
enum status relays_now(struct node *n, struct family_relays *out) MUST_USE;
/* The list for a group that begins at `first`: that one, and behind it the others that the context names; the
 * family's where it names none. */
enum status relays_from(struct node *n, const struct kith_context *c, const char *first,
                        struct family_relays *out) MUST_USE;

/* The wishes of this device become the family's commit, when the relays that they want have answered. */
enum status relays_commit(struct node *n, struct group *family) MUST_USE;
/* What the chain says already is no wish any more; asks the relays that are wished for. */
enum status relays_due(struct node *n) MUST_USE;

/* Where heads move from `before` to those in `context`: its relays become what the chains say on the way
 * (authorize.h asks for exactly that). `list` has the texts that `context` then borrows. */
enum status relays_follow(struct node *n, const struct kith_context *before, struct kith_context *context,
                          struct family_relays *list) MUST_USE;
/* Has this family's chain said relays that the group has not heard of, and does this device reach the first
 * of them? */
enum status relays_behind(struct node *n, const struct kith_context *context, bool *behind) MUST_USE;
/* The relays of a successor of `old` with this context, whose heads may be newer: what the chains say, else
 * the old ones; `wanted` first, if it is not "". `list` has the texts that `context` then borrows. */
enum status relays_first(struct node *n, const struct group *old, const char *wanted,
                         struct kith_context *context, struct family_relays *list) MUST_USE;
/* May the group that takes the place of `old` lie at these? Not at others than the old ones, and those that
 * its heads say, on the way from the old ones, to a group that is at home there: no member takes all the
 * others to a relay of its choice. */
enum status relays_judge(struct node *n, const struct group *old, const struct kith_context *next) MUST_USE;
/* The group's context names its relays: from a new epoch on its logs lie at the first. */
enum status relays_entered(struct node *n, struct group *g) MUST_USE;

#endif
