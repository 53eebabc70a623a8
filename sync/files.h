/* SPDX-License-Identifier: Apache-2.0 */
/* Files that people send each other (protocol.md §8.4). The sender's device copies the file into its
 * database, part by part, and tells of it by one entry; its bytes go once into a bulk log of their own, from
 * where everybody who may read the entry fetches them. Both ends go on where they were after any
 * interruption.
 *
 *   files.c         rows, the entry that comes in, get and cancel      (tables file, file_list, file_part)
 *   files_send.c    from the disk into rows, from rows into the log    (file_put)
 *   files_fetch.c   from a log into rows
 *   files_again.c   who lacks bytes that no log has any more, and who puts them up once more
 *
 *   out:  READING ──▶ HERE, and its bytes are put up           READING ──(it changed, …)──▶ FAILED
 *   in:   OFFERED ──(asked for, or small)──▶ FETCHING ──▶ HERE           FETCHING ──(refused by name)──▶
 * FAILED deleted, run out: ──▶ ERASING, a few parts a pass, ──▶ no row        cancelled: ──▶ DROPPING ──▶
 * OFFERED
 *
 * Invariants: 1. A part's blocks and the number of the next part are written in one transaction: no part goes
 * out twice, and what is sealed is the copy, which never changes. 2. A part is written only when it is the
 * bytes that the entry promises. 3. A pass handles at most FILES_STEP_PARTS parts: memory does not grow with
 * the file. 4. What is not known to be a log of a file at a relay of ours is never read. */
#ifndef KITH_SYNC_FILES_H
#define KITH_SYNC_FILES_H

#include "sync/commands.h"
#include "sync/journal.h"

enum files_limits {
    FILES_STEP_PARTS = 8,             /* 2 MiB */
    FILES_WINDOW = 128,               /* blocks in the outbox of one file: 2 MiB */
    FILES_JOBS_MAX = 8,               /* looked at in one pass */
    FILES_AUTO_MAX = 4 << 20,         /* bytes of an image that is fetched unasked */
    FILES_AUTO_SCOPE_MAX = 256 << 20, /* … and of all of them in one conversation */
    FILES_ROOM_MIN = 64 << 20,        /* bytes that files leave free on the disk */
    FILES_ROOM_AGAIN_MS = 60 * 1000,  /* a full disk is looked at again */
    FILES_STALL_MS = 60 * 1000,       /* silence after which others are asked for the bytes */
    FILES_STALL_DOUBLINGS = 10,
    FILES_ANSWER_MS = 3000,          /* whoever has them waits up to this long for somebody else … */
    FILES_ANSWER_LAST_MS = 5000,     /* … and so much longer who did not send it */
    FILES_AGAIN_MS = 6 * 3600 * 1000 /* the same file is put up again at most so often */
};

/* `send` with a file. The reply's id is a token: the message has none before the file was read. */
enum status files_send(struct node *n, const struct scope_id *scope, const char *path,
                       struct reply *r) MUST_USE;
/* What is to be done now. Called with every pass. */
enum status files_due(struct node *n) MUST_USE;
enum status files_open(struct node *n) MUST_USE; /* at node_open: nobody is late yet */
/* The message of this row of `entry` goes for good: so do the bytes, here and in our log. */
enum status files_forget(struct node *n, int64_t entry) MUST_USE;

#endif
