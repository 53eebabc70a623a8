/* SPDX-License-Identifier: Apache-2.0 */
/* History for a person's new device (protocol.md §9). Whoever of the person's devices has it packs it part by
 * part into a bulk log and tells of the parts, page by page, in `own`; the new device checks each part
 * against its page and takes it in. Both go on where they were after any interruption.
 *
 *   history_give.c   jobs: what to pack next, and the pages          (tables history_give, _plan, _untold)
 *   history_send.c   one part: entries into a packed record
 *   history_take.c   offers, pages, parts that come in               (history_offer, _total, _part, _early)
 *   history_keep.c   one part's entries into the journal
 *   history_want.c   who asks whom, who answers, and when it is over (history_peer)
 *
 * Invariants: 1. A part's blocks, its range and the place where the next part begins are written in one
 * transaction: no part is packed twice. 2. A step packs at most HISTORY_STEP_RAW bytes and never has more
 * than HISTORY_WINDOW blocks in the outbox. 3. Nothing of a part is unpacked before hash and sizes fit its
 * page, and a part takes effect whole or not at all. 4. What comes is passed on: it counts only as far as the
 * journals let it. */
#ifndef KITH_SYNC_HISTORY_H
#define KITH_SYNC_HISTORY_H

#include "sync/journal.h"

enum history_sync_limits {
    HISTORY_STEP_RAW = 512 * 1024, /* bytes packed in one transaction */
    HISTORY_STEP_PARTS = 32,
    HISTORY_WINDOW = 128,         /* blocks in the outbox of one job: 2 MiB */
    HISTORY_WINDOW_LOW = 64,      /* packing goes on below this */
    HISTORY_SCREEN = 50,          /* messages of each conversation that go first */
    HISTORY_EARLY_MAX = 24,       /* parts kept that came before their page: 6 MiB */
    HISTORY_JOBS_MAX = 8,         /* looked at in one pass */
    HISTORY_STALL_MS = 60 * 1000, /* silence after which somebody else is asked */
    HISTORY_STALL_DOUBLINGS = 10,
    HISTORY_ANSWER_MS = 3000,      /* whoever can answer waits up to this long for somebody else to */
    HISTORY_ANSWER_LAST_MS = 20000 /* and so much longer who fell silent before */
};

enum status history_open(struct node *n) MUST_USE; /* at node_open: nobody is late yet */
/* A device of our person joined `own` by a commit of this device: offer it what this device has. Once a
 * device. */
enum status history_offer_to(struct node *n, const struct device_id *device) MUST_USE;
/* This device joined `own`: somebody will offer it history, or is asked to. */
enum status history_joined(struct node *n) MUST_USE;
/* What is to be done now: a step of packing, asking again. Called with every pass. */
enum status history_due(struct node *n) MUST_USE;

/* How a transfer to this device, or from it to that one, stands; false in *any: there is none. `with` gets
 * the other device's name. */
enum status history_progress(struct node *n, const struct device_id *device, struct transfer_row *out,
                             char *with, size_t cap, bool *any) MUST_USE;

#endif
