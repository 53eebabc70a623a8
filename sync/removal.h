/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that are removed: revocations, and what waits until everybody has passed them (protocol.md §5.4,
 * §6.4). */
#ifndef KITH_SYNC_REMOVAL_H
#define KITH_SYNC_REMOVAL_H

#include "sync/journal.h"
#include "sync/letters.h"

/* Takes in a Revocation after judging it by its family's chain: the device's leaves are to go from every
 * group, and nothing is sent into a group that still has one. */
enum status revocation_keep(struct node *n, struct span revocation) MUST_USE;
/* Makes the Revocation of a device of this family and tells everybody: ward or family, and contacts'
 * letterboxes. */
enum status revocation_issue(struct node *n, const struct device_id *device,
                             const struct person_ref *who) MUST_USE;
/* Before a commit of `family` that removes a device: its evidence by letter to every other member. */
enum status removal_tell_members(struct node *n, struct group *family, const struct device_id *device,
                                 const struct span *records, size_t count) MUST_USE;
/* A chain entry that came so; `record` is r encoded. Others than those of removals are refused. */
enum status removal_told(struct node *n, const struct evidence_record *r, struct span record) MUST_USE;
/* Commits a removal whose evidence is here, when it is this device's turn and nobody's commit was shown. */
enum status removals_commit(struct node *n, struct group *family) MUST_USE;
bool revocation_known(struct node *n, const struct device_id *device);
/* A device sends no entries into a group that has a leaf which a revocation known to it names (§5.3). */
enum status removal_holds_sending(struct node *n, struct group *g, bool *held) MUST_USE;
/* After a beacon: has every remaining leaf passed a removal that was not told yet? Then it is told. */
enum status removals_passed(struct node *n) MUST_USE;
/* Has every remaining member of every group that the device was in passed its removal (by their beacons,
 * §5.4)? Only then it is shown as removed. */
enum status removal_passed(struct node *n, const struct device_id *device, bool *passed) MUST_USE;

#endif
