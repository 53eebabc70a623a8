/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations of two: founded when a request was accepted, ended by a withdrawal or by leaving. */
#ifndef KITH_SYNC_CONVERSATION_H
#define KITH_SYNC_CONVERSATION_H

#include "sync/contact.h"
#include "sync/scope_internal.h"

/* A conversation that this device is asked into as its person's overseer of a child: is there such a child
 * among the persons, and is this person a parent of it? */
enum status conversation_judge_overseen(struct node *n, const struct kith_context *c,
                                        const struct person_ref *persons, size_t count,
                                        struct group_row_args *row) MUST_USE;
/* Two foundings of one generation: does ours give way to that of the Admission (the lower founder stands)? */
bool conversation_founding_gives_way(struct node *n, const struct group *ours, const struct admission *a);
/* Has this device's person left ours, and is `next` a later generation? */
enum status conversation_was_left(struct node *n, const struct group *ours, uint32_t next,
                                  bool *left) MUST_USE;
/* This device's person is in a conversation from now on. */
enum status conversation_joined(struct node *n, struct group *g) MUST_USE;
/* Founds what is wanted and due. */
enum status conversations_due(struct node *n) MUST_USE;
/* The members that should be added to a conversation or removed from it by this device. */
enum status conversation_reconcile(struct node *n, struct group *g) MUST_USE;
/* Our letterbox for this contact: its keys to our other devices, the box to the contact (§7.1). Once. */
enum status conversation_hand_over_box(struct node *n, const struct person_ref *peer,
                                       const struct scope_id *scope) MUST_USE;
/* The same, whether there is one or not: the family is at another relay now. */
enum status conversation_new_box(struct node *n, const struct person_ref *peer,
                                 const struct scope_id *scope) MUST_USE;
/* The own commit that added the other person has won: the first entries. */
enum status conversation_began(struct node *n, struct group *g) MUST_USE;

#endif
