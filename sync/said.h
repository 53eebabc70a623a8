/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of what was said: edited, deleted, reacted to, run out, read. Entries of their own, which
 * merge as sets: whatever came first, the same set gives the same state.
 *
 * edit, delete: count where they are by the person whose text it is. Of several edits the newest by (hlc,
 * hash) is shown. A deletion wins over every edit, and takes the bodies of the text, of its edits and of the
 * reactions to it out of the database; headers stay, so chains stay whole, and a body that somebody sends
 * again is not taken.
 * reaction: of a person's to one text the newest counts; an empty one takes it back.
 * timer: a text runs out so long after it was written as the newest timer of the same person before it says.
 * Then its body goes, as if deleted. Nobody's timer is about what others wrote: who writes next takes over
 * the newest timer first, by one of their own. read_marker (scope own): the furthest counts. */
#ifndef KITH_SYNC_SAID_H
#define KITH_SYNC_SAID_H

#include "sync/commands.h"
#include "sync/journal.h"

enum said_limits {
    SAID_ERASE_BATCH = 64 /* texts that run out in one pass */
};

enum status apply_edit(struct node *n, const struct applied_entry *e) MUST_USE;
enum status apply_delete(struct node *n, const struct applied_entry *e) MUST_USE;
enum status apply_reaction(struct node *n, const struct applied_entry *e) MUST_USE;
enum status apply_timer(struct node *n, const struct applied_entry *e) MUST_USE;
enum status apply_read_marker(struct node *n, const struct applied_entry *e) MUST_USE;

/* A text takes effect: what was said about it before it came is done to it now. */
enum status said_arrived(struct node *n, const struct applied_entry *e) MUST_USE;
/* Is anything said of texts of this scope that said_arrived would have to do? */
enum status said_waits(struct node *n, const struct scope_id *scope, bool *waits) MUST_USE;
/* Before this person writes: the newest timer of the scope becomes theirs, where somebody else set it. */
enum status said_follow_timer(struct node *n, enum scope_kind kind, const struct scope_id *scope) MUST_USE;
/* Texts whose time is over; called with every pass. */
enum status said_due(struct node *n) MUST_USE;

/* Deletes a message of one's own, as the command does. */
enum status said_take_back(struct node *n, const struct scope_id *scope, const struct entry_hash *target,
                           struct reply *r) MUST_USE;

#endif
