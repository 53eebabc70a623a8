/* SPDX-License-Identifier: Apache-2.0 */
/* A device whose database is an old copy of its own (protocol.md §5.4, T42).
 *
 *   found ──▶ out: no group, no key package, nothing written ──(asks; a member adds it again)──▶
 *   in again: reads, sends no entry ──(has all of its own entries that the others know)──▶ as before
 *
 * per scope, in table `recover`. Asking and being added are those of readd.h. */
#ifndef KITH_SYNC_RESTORE_H
#define KITH_SYNC_RESTORE_H

#include "protocol/admission.h"
#include "protocol/group_message.h"
#include "sync/scope_group.h"

/* Proved: a message or a signed entry of ours that this database does not know. At the end of the batch,
 * before anything is sent, every group with somebody else in it is left. */
enum status restore_found(struct node *n) MUST_USE;
/* Leaves the group, destroys its secrets, and asks its members to add this device again. */
enum status restore_leave(struct node *n, struct group *g) MUST_USE;
/* Leaves, asks, and ends what waited; called by reconcile before everything else. */
enum status restore_due(struct node *n) MUST_USE;
/* Is this device out of a scope of its family? Then it writes nothing and does no command. */
enum status restore_out(struct node *n, bool *out) MUST_USE;
/* Do own entries of the scope wait until it is known how far the others know them? */
enum status restore_holds(struct node *n, const struct scope_id *scope, bool *holds) MUST_USE;
/* This device joined the scope's group; `from` has added it. */
enum status restore_entered(struct node *n, const struct scope_id *scope, const struct admission *a,
                            const struct device_certificate *from) MUST_USE;
/* A member's `have`: how far it knows our entries; NULL: none. */
enum status restore_heard(struct node *n, const struct scope_id *scope, const struct device_id *from,
                          const struct have_author *ours) MUST_USE;
/* Our letterbox for a contact, by letter: to who may know another one of which we have lost the keys. */
enum status restore_tell_box(struct node *n, const struct person_ref *peer,
                             const struct scope_id *scope) MUST_USE;
/* After one of our entries came back. */
enum status restore_check(struct node *n, const struct scope_id *scope) MUST_USE;

#endif
