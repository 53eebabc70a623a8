/* SPDX-License-Identifier: Apache-2.0 */
/* What the history_*.c files share. */
#ifndef KITH_SYNC_HISTORY_INTERNAL_H
#define KITH_SYNC_HISTORY_INTERNAL_H

#include "sync/history.h"
#include "sync/history_pack.h"
#include "sync/logs.h"

enum history_give_state { GIVE_RUNS = 1, GIVE_PACKED = 2, GIVE_OVER = 3, GIVE_FAILED = 4 };
enum history_offer_state { OFFER_OPEN = 1, OFFER_DONE = 2, OFFER_REPLACED = 3 };
enum history_part_state { PART_AWAITED = 0, PART_TAKEN = 1, PART_REFUSED = 2 };

/* ---- history_send.c: one part ---- */

struct history_source { /* a stretch of one conversation that is left to pack */
    struct scope_id scope;
    enum scope_kind kind;
    uint64_t from_hlc, below_hlc; /* both included; … */
    int64_t below_id;             /* … of those at below_hlc only rows below this */
    bool screen;                  /* the newest messages only */
};

struct history_sent {
    struct history_range range; /* entry_count 0: nothing was left */
    struct buffer message;      /* the encoded part */
    uint64_t below_hlc;
    int64_t below_id;
    bool more; /* the stretch is not at its end */
};

/* Packs the next part of the source, at most `aim` bytes raw; *aim shrinks when that does not fit a part. The
 * caller wipes out->message. */
enum status history_send_part(struct node *n, const struct history_source *s, uint32_t index, size_t *aim,
                              struct history_sent *out) MUST_USE;
/* Kinds of entries that history brings with their bodies. */
bool history_kind(uint16_t kind);

/* ---- history_give.c ---- */

/* Offers what this device has and `held` (may be NULL) does not name, in answer to `want` (NULL: unasked). */
enum status history_give_begin(struct node *n, const struct device_id *to, const struct entry_hash *want,
                               const struct history_held_list *held) MUST_USE;
/* The jobs for this device end, their logs are trimmed: all of them, or those that answer `only`. */
enum status history_give_end(struct node *n, const struct device_id *to,
                             const struct entry_hash *only) MUST_USE;
enum status history_give_due(struct node *n) MUST_USE;

/* ---- history_take.c ---- */

enum status history_take_due(struct node *n) MUST_USE;

/* ---- history_keep.c ---- */

struct history_taken { /* of one part */
    uint32_t entries;
};
/* Takes a verified part's entries in, all or none. ST_HISTORY_COUNT: they are not what `range` says. */
enum status history_keep_part(struct node *n, const struct history_range *range,
                              const struct history_unpacked *u, const struct device_id *via) MUST_USE;

/* ---- history_want.c ---- */

/* Asks the person's devices for all that is not here. */
enum status history_want(struct node *n, const struct device_id *instead_of) MUST_USE;
/* Says that all of this log is here. */
enum status history_say_done(struct node *n, const struct log_id *log) MUST_USE;
/* Somebody offered in answer to this want. */
enum status history_answered(struct node *n, const struct device_id *to, const struct entry_hash *want,
                             const struct device_id *by) MUST_USE;
enum status history_answer_due(struct node *n) MUST_USE;

#endif
