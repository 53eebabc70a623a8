/* SPDX-License-Identifier: Apache-2.0 */
/* Key packages that this device keeps with the others of its family, so that they can add it while it is
 * away. */
#ifndef KITH_SYNC_KEY_PACKAGES_H
#define KITH_SYNC_KEY_PACKAGES_H

#include "sync/journal.h"

/* Makes new ones for each device that may add this one and has fewer than four left. */
enum status key_packages_refill(struct node *n) MUST_USE;

#endif
