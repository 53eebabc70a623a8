/* SPDX-License-Identifier: Apache-2.0 */
/* A relay that shows one member of a group other things than the others (protocol.md §5.4). Within a log
 * nobody can notice: whoever is shown less hears nothing that says so. So each member tells the others once a
 * day by letter how far its journals go, and what a letter tells of and does not come for hours is lost to
 * this device:
 *
 *   told by letter, not here ──(4 regular `have`s, 12 hours at least)──▶ alarm ──(it is told again)──▶ one of
 * the two asks to be added again, which gives the group another log
 *
 * Which of the two: who lacks what the other has, when it has sent nothing that the other lacks; else the one
 * with the higher device id, and the other tells it so (LETTERBOX_APART). The same where beacons show two
 * branches. In the table `head`, columns lost, lost_at, lost_own, apart_at. */
#ifndef KITH_SYNC_APART_H
#define KITH_SYNC_APART_H

#include "sync/scope_group.h"

/* A regular `have` goes out: what is lost is older by one. */
enum status apart_count(struct node *n, const struct scope_id *scope) MUST_USE;
/* This member's group is another branch of ours. The group may be stuck afterwards. */
enum status apart_branches(struct node *n, struct group *g, const struct device_id *device) MUST_USE;
/* Of one founding: does our group give way to this one? To a later epoch; when ours cannot follow to any, for
 * it may be of another branch; never to one that brings back who is known to be removed and was out of ours.
 */
bool apart_gives_way(struct node *n, const struct group *old, struct mls_group *mls);

#endif
