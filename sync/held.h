/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that wait for their writer's word, because a person came in before they were sent (protocol.md §5.3).
 */
#ifndef KITH_SYNC_HELD_H
#define KITH_SYNC_HELD_H

#include "sync/journal.h"

enum text_held { /* the column `held`; the SQL has the numbers */
                 TEXT_FREE = 0,
                 TEXT_HELD = 1,    /* the writer is asked; the header goes out alone */
                 TEXT_RELEASED = 2 /* the writer said yes: it is for those who came, too */
};

/* An epoch began with this person, who was not there before: own texts that were not sent wait, and the
 * writer is told. */
enum status texts_hold(struct node *n, struct group *g, const struct person_ref *newcomer) MUST_USE;
/* An entry as its header alone, appended to out. */
enum status text_header(struct span entry, struct buffer *out) MUST_USE;

#endif
