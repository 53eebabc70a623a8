/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing on this device, either side: device/pairing with its session in table pairing, its two logs, and
 * what follows. One pairing at a time; the newest row is the one that view_pairing shows. */
#ifndef KITH_SYNC_PAIR_H
#define KITH_SYNC_PAIR_H

#include "protocol/admission.h"
#include "sync/node_internal.h"

/* New device: is a pairing waiting for this Admission (pairing_judge)? ST_PAIRING_ENTRY when it is another
 * one; ST_OK, with *waits false, when no pairing is under way. */
enum status pair_judges(struct node *n, const struct admission *a, bool *waits, struct person_ref *who,
                        enum person_role *role) MUST_USE;
/* New device: it is in the family now. */
enum status pair_joined(struct node *n) MUST_USE;
/* What is due by the clock; called by reconcile. */
enum status pair_due(struct node *n) MUST_USE;

#endif
