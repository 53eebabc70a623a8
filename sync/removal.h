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
bool revocation_known(struct node *n, const struct device_id *device);
/* A device sends no entries into a group that has a leaf which a revocation known to it names (§5.3). */
enum status removal_holds_sending(struct node *n, struct group *g, bool *held) MUST_USE;
/* After a beacon: has every remaining leaf passed a removal that was not told yet? Then it is told. */
enum status removals_passed(struct node *n) MUST_USE;
/* Has every remaining member of every group that the device was in passed its removal (by their beacons,
 * §5.4)? Only then it is shown as removed. */
enum status removal_passed(struct node *n, const struct device_id *device, bool *passed) MUST_USE;

#endif
