/* SPDX-License-Identifier: Apache-2.0 */
/* Removed devices: their way out of every group, and when that is done. */
#ifndef KITH_SYNC_REMOVAL_H
#define KITH_SYNC_REMOVAL_H

#include "sync/node_internal.h"

/* Has every remaining member of every group that the device was in passed its removal (by their beacons,
 * §5.4)? Only then it is shown as removed. */
enum status removal_passed(struct node *n, const struct device_id *device, bool *passed) MUST_USE;

#endif
