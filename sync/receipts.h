/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts: a person's device tells that what another wrote is here, or was read (protocol.md §8.3). One
 * entry says it of everything that an author wrote up to a number, so the furthest counts, in whatever order
 * they come. Nothing is ever said of a receipt.
 *
 *   arrived ──(some seconds; of a person's devices the first one says it)──▶ told, and then nothing of this
 *   conversation for a while
 *
 * What others are told is the person's to say: setting "receipts", the same on all of their devices. What
 * comes by history or was void or withheld is never told of. */
#ifndef KITH_SYNC_RECEIPTS_H
#define KITH_SYNC_RECEIPTS_H

#include "sync/commands.h"
#include "sync/journal.h"

enum receipts_limits {
    RECEIPTS_DELAY_MS = 5 * 1000,         /* at least so long … */
    RECEIPTS_SPREAD_MS = 15 * 1000,       /* … and up to so much longer after something came */
    RECEIPTS_GAP_MS = 2 * 60 * 1000,      /* between two times in one conversation */
    RECEIPTS_LATER_MS = 3600 * 1000,      /* when nothing may be sent now */
    RECEIPTS_FRESH_MS = 24 * 3600 * 1000, /* what was read longer ago was told by another device */
    RECEIPTS_AT_ONCE = 16
};
enum receipts_tell { RECEIPTS_OFF = 0, RECEIPTS_HERE = 1, RECEIPTS_READ = 2 };

/* A text or file of somebody else took effect. */
enum status receipts_arrived(struct node *n, const struct applied_entry *e) MUST_USE;
/* The same of one that came by its author's own word. */
enum status receipts_text_arrived(struct node *n, const struct entry_header *h) MUST_USE;
/* This person has read the conversation from one moment up to another. */
enum status receipts_read(struct node *n, const struct scope_id *scope, int64_t after_hlc,
                          int64_t up_to_hlc) MUST_USE;
/* Writes what is due; called with every pass. */
enum status receipts_due(struct node *n) MUST_USE;

enum { RECEIPTS_NAMES_MAX = 256 };
struct receipts_told { /* of one message: names, "Ana, Ben"; "" */
    char here[RECEIPTS_NAMES_MAX], read[RECEIPTS_NAMES_MAX];
};
/* Who has this entry of this person's, as told. */
enum status receipts_of(struct node *n, const struct entry_header *h, struct receipts_told *out) MUST_USE;

#endif
