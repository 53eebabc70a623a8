/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end's half of "both ends check both ends" (protocol.md §7.2): may what somebody outside the
 * family wrote be seen here? Policy is asked with what holds now, never with the time that an entry claims.
 *
 * Allowed: it takes effect. Refused for good (permit run out, withdrawn, of another kind): void, counted
 * once, never shown. Anything else (the ward's announced heads are not here, quiet hours, a permit that is on
 * its way): withheld, asked again with every pass.
 *
 * What another device of this device's own person hands over was judged there when it came, and stays: so
 * what was said before a permit's end reaches a new device. Devices hand over only what took effect. */
#ifndef KITH_SYNC_RECEIVE_H
#define KITH_SYNC_RECEIVE_H

#include "sync/node_internal.h"

/* Did a device of this device's own person hand that row over? */
enum status receive_handed_over(struct node *n, int64_t id, bool *yes) MUST_USE;
/* A text of `who` in a conversation; `id` is its row. ST_OK, ST_POLICY_DENIED (void), ST_JOURNAL_WITHHELD,
 * ST_JOURNAL_AUTHOR; else fatal. */
enum status receive_text(struct node *n, int64_t id, const struct scope_id *scope,
                         const struct person_ref *who) MUST_USE;
/* The same for one that its author sends just now, before it has a row. */
enum status receive_from_author(struct node *n, const struct scope_id *scope,
                                const struct person_ref *who) MUST_USE;
/* The same for a file. ST_FILE_RULES instead of ST_POLICY_DENIED: void, and counted by that name. */
enum status receive_file(struct node *n, int64_t id, const struct scope_id *scope,
                         const struct person_ref *who, bool image) MUST_USE;
/* A text that somebody passed on is shown before its author announced it: it is judged when it comes. Does
 * nothing to rows of other kinds. */
enum status receive_unattested(struct node *n, int64_t id) MUST_USE;
/* Asks again about what is withheld. */
enum status receive_due(struct node *n) MUST_USE;

#endif
