/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that wait for their writer's word, because a person came in before they were sent (protocol.md §5.3).
 */
#ifndef KITH_SYNC_HELD_H
#define KITH_SYNC_HELD_H

#include "sync/journal.h"

enum text_held { /* the column `held`; the SQL has the numbers */
                 TEXT_FREE = 0,
                 TEXT_HELD = 1,     /* the writer is asked; the header goes out alone */
                 TEXT_RELEASED = 2, /* the writer said yes: it is for those who came, too */
                 TEXT_MISSED = 3,   /* as TEXT_HELD, of one that had been sent: some may have it */
                 TEXT_KEPT = 4      /* and the writer said no to that: not asked about again */
};
enum { TEXT_MISSED_MS = 7 * 24 * 3600 * 1000 /* so long its writer is asked about one that was lost */ };

/* An epoch began with this person, who was not there before: own texts that were not sent wait, and the
 * writer is told. */
enum status texts_hold(struct node *n, struct group *g, const struct person_ref *newcomer) MUST_USE;
/* This person is in the scope from the group's present epoch on. */
enum status texts_came(struct node *n, const struct group *g, const struct person_ref *who) MUST_USE;
/* Who was there when this device wrote the text lacks it, and somebody has come since, for whom it was not
 * meant: it waits as well, and the writer is told. Nothing where the device that asks came later itself. */
enum status text_missed(struct node *n, const struct group *g, int64_t id, const struct entry_header *h,
                        const struct device_id *asker) MUST_USE;
/* An entry as its header alone, appended to out. */
enum status text_header(struct span entry, struct buffer *out) MUST_USE;

#endif
