/* SPDX-License-Identifier: Apache-2.0 */
/* Successor groups (protocol.md §5.4): a scope whose group cannot go on gets a group of the next generation,
 * with the same members, less those whom a known removal names.
 *
 *   wanted (a row of table succession) ──▶ asks members whose key package is not here ──▶ founds: one commit
 *   adds all, and each gets a struct successor by letter ──▶ they judge it, leave the old group, go on
 *
 * The old group's secrets are destroyed where its successor is founded or joined. Journals go by scope: what
 * was not acknowledged is sealed again in the new group, and repair brings what somebody missed. */
#ifndef KITH_SYNC_SUCCESSION_H
#define KITH_SYNC_SUCCESSION_H

#include "protocol/successor.h"
#include "sync/scope_internal.h"

/* Wants a successor of the scope's group, for whoever finds out that it cannot go on. It is founded by
 * successions_due when the key packages of all members are here, this device's turn has come, and nobody was
 * first. `relay`: where its logs will be; NULL or "": where they are. Again for the same generation:
 * the relay of the last call counts. ST_GROUP_NOT_HERE. */
enum status group_succeed(struct node *n, const struct scope_id *scope, enum successor_reason why,
                          const char *relay) MUST_USE;
/* Finds out which groups cannot go on, asks, founds. Called by reconcile. */
enum status successions_due(struct node *n) MUST_USE;

/* ---- for scope_join.c ---- */

/* May the group that `mls` is take the place of `old`, of the same scope and another founding? `s` is NULL
 * where this device was added by a later commit. ST_SUCCESSOR_*, ST_GROUP_EPOCH_OVER. */
enum status succession_judge(struct node *n, struct group *old, struct mls_group *mls,
                             const struct admission *a, const struct successor *s,
                             const struct device_id *from) MUST_USE;
/* Is it refused for good, whatever else becomes known? */
bool succession_is_final(enum status why);
/* What the new group takes over from the one before: from which epoch on bodies are passed on whole. */
struct succession_since {
    int64_t generation, epoch;
};
enum status succession_since(struct node *n, const struct group *old, struct succession_since *out) MUST_USE;
/* `g` takes the place of a group that was here till now: what it takes over of that. Of who came with it
 * the epoch says so. */
enum status succession_goes_on(struct node *n, const struct group *g,
                               const struct succession_since *since) MUST_USE;
/* `g` was founded as a successor: with whom. */
enum status succession_entered(struct node *n, struct group *g) MUST_USE;
/* Is the letter what its group's id says? Then why it leaves somebody out is known here from now on.
 * ST_SUCCESSOR_NAME. */
enum status succession_judge_letter(struct node *n, const struct successor *s, const struct admission *a,
                                    const struct mls_group *mls) MUST_USE;
/* The same of a letter that was refused, and all that it did taken back. */
enum status succession_take_reasons(struct node *n, struct span letter) MUST_USE;
/* A later group was refused: another may be wanted, so that all meet again. */
struct refused_group {
    const struct scope_id *scope;
    uint32_t generation;
    const struct device_id *from;
    struct span successor; /* its letter; empty: an Admission alone */
};
enum status succession_refused(struct node *n, const struct refused_group *r, enum status why) MUST_USE;
enum status succession_founded_with(struct node *n, const struct group *g,
                                    const struct device_id *device) MUST_USE;
/* Does a removal that is known here name this member, or does it not belong into the scope any more? */
enum status succession_gone(struct node *n, const struct group *old, const struct device_certificate *c,
                            bool *gone) MUST_USE;
/* A member stands in a later generation, whose founding did not come here or was refused: it is asked to add
 * this device. */
enum status succession_elsewhere(struct node *n, struct group *g, const struct device_id *from,
                                 uint32_t generation) MUST_USE;
/* A member tells that it stands in a later group, or in another of the same generation. It is asked to add
 * this device to the later one. When it has told so for a day, or of the other for hours, somebody was shown
 * what others were not: the next generation is wanted, and two of one are an alarm. */
enum status succession_beside(struct node *n, struct group *g, const struct device_id *from,
                              const struct beacon *b) MUST_USE;
/* It tells that it stands in this one. */
enum status succession_not_beside(struct node *n, const struct group *g,
                                  const struct device_id *from) MUST_USE;
/* It said which leaf of ours it has there. */
enum status succession_leaf_told(struct node *n, const struct leaf_told *told,
                                 const struct device_id *from) MUST_USE;
/* Might another successor of the same generation be on its way? Then no chain entry is committed yet. */
enum status succession_is_young(struct node *n, const struct group *g, bool *young) MUST_USE;
/* A key package for the scope's successor, from a device of the group. */
enum status succession_keep_package(struct node *n, const struct group *g,
                                    const struct readd_request *q) MUST_USE;
enum {
    SUCCESSION_AHEAD_MAX = 16, /* generations: who was away for that many is added again, or founds anew */
    SUCCESSION_PACKAGE_MS = 7 * 24 * 3600 * 1000 /* key packages that came by letter are used for so long */
};
/* Asks the members whose key packages are not here. */
enum status succession_ask(struct node *n, struct group *g) MUST_USE;
/* Is a successor of this scope wanted here? */
enum status succession_wanted(struct node *n, const struct scope_id *scope, bool *wanted) MUST_USE;

#endif
