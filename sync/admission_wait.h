/* SPDX-License-Identifier: Apache-2.0 */
/* Admissions that wait for what is on its way: a permit, a chain entry, the parents' heads. */
#ifndef KITH_SYNC_ADMISSION_WAIT_H
#define KITH_SYNC_ADMISSION_WAIT_H

#include "sync/letters.h"

enum admission_wait_limits { ADMISSION_AGAIN_MS = 2000 };

/* Keeps one that was refused because of `why`, to be tried again (scope_join.c). Where it has no room, of
 * all, of other families' or of this contact's, it is refused: `why`. */
enum status admission_keep(struct node *n, const struct received_letter *l, bool successor,
                           enum status why) MUST_USE;

#endif
