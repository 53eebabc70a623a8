/* SPDX-License-Identifier: Apache-2.0 */
/* How often a device was added again to a group: a member that asks for it without end keeps the others busy
 * no more often than once an hour (docs/protocol.md §5.4). */
#ifndef KITH_SYNC_READD_OFTEN_H
#define KITH_SYNC_READD_OFTEN_H

#include "sync/scope_group.h"

/* A commit has replaced this device's leaf by a fresh one. */
enum status readd_happened(struct node *n, const struct group *g, const struct device_id *device) MUST_USE;
/* It asks for it again. *often: it was done so often that it has to wait, which is counted (`status` shows
 * it) and an alarm. */
enum status readd_too_often(struct node *n, const struct group *g, const struct device_id *device,
                            bool *often) MUST_USE;

#endif
