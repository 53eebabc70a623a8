/* SPDX-License-Identifier: Apache-2.0 */
/* Who should be in which group, and what is to be done about it, for the groups that something marked dirty
 * and for what is due by the clock. Idempotent: what it finds done it leaves. Works of sync/pass.h. */
#ifndef KITH_SYNC_RECONCILE_H
#define KITH_SYNC_RECONCILE_H

#include "sync/scope_group.h"

enum status groups_settle(struct node *n) MUST_USE;
/* The letterbox by which this device's family writes to it: renewed in time, and told. */
enum status letterbox_due(struct node *n) MUST_USE;
/* A child came into the family by this device's commit: its ward is founded, with the first policy. */
enum status reconcile_found_ward(struct node *n, const struct person_id *child) MUST_USE;
/* After `init`: the groups of one of family, parents and own. */
enum status reconcile_found_family(struct node *n) MUST_USE;
struct family_device;
/* Does the device belong into this group of the family, as the roster says? */
bool reconcile_belongs(const struct group *g, const struct family_device *d);
struct evidence_set;
/* Spans of a set that is complete. */
void evidence_set_fix(struct evidence_set *set);

#endif
