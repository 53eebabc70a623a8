/* SPDX-License-Identifier: Apache-2.0 */
/* Who should be in which group, and what is to be done about it: run once at the end of each batch, for the
 * groups that something marked dirty and for what is due by the clock. Idempotent: what it finds done it
 * leaves. */
#ifndef KITH_SYNC_RECONCILE_H
#define KITH_SYNC_RECONCILE_H

#include "sync/scope_group.h"

enum status reconcile(struct node *n) MUST_USE;

#endif
