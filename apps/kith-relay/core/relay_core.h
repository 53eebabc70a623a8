/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's core: commands, waits and quotas as a state machine without I/O, clock or randomness of its
 * own, over a store (relay_store.h). Who stands before it: sessions (relay_front.h), or a simulator that
 * skips the channel.
 *
 *     for every command that came, at most RELAY_BATCH_MAX: relay_core_submit
 *     relay_core_commit
 *     while (relay_core_next(...)) send the answer
 *
 * Appends and trims go to the store at once, and everything is answered after the commit only: what is
 * acknowledged is durable, and what is read was acknowledged or could have been. One thread. */
#ifndef KITH_RELAY_CORE_H
#define KITH_RELAY_CORE_H

#include "apps/kith-relay/core/relay_list.h"
#include "apps/kith-relay/core/relay_store.h"
#include "protocol/entropy.h"
#include "protocol/ids.h"

struct relay_limits {
    uint32_t log_blocks_max;   /* blocks a log */
    uint64_t store_blocks_max; /* blocks in all */
    int64_t retention_ms;
    uint32_t watches_max;       /* watched logs in all: 100 bytes each */
    uint16_t session_waits_max; /* one more answers the oldest */
    uint32_t source_waits_max;
    uint32_t session_logs_day; /* logs begun a day; half a day's at once */
    uint32_t source_logs_day;
    uint64_t session_bytes_day;
    uint64_t source_bytes_day;
    uint32_t sessions_max;        /* relay_front.h */
    uint32_t source_sessions_max; /* relay_front.h */
};
extern const struct relay_limits relay_limits_default;

/* Who asks, for quotas: a session, and the source (address) that it came from. Embedded by whoever stands
 * before the core; must stay until pending is 0. */
struct relay_party {
    struct link waits; /* its own waits, oldest first; sessions only */
    uint32_t wait_count;
    uint32_t pending;   /* its commands that have no answer yet */
    double logs, bytes; /* left to spend */
    int64_t filled_at_mono_ms;
    void *owner; /* the embedder's */
};
/* A new party with full quotas. */
void relay_party_init(struct relay_party *p, void *owner);

struct relay_ticket { /* where an answer goes: the transport's */
    uint32_t pipe, request;
};

struct relay_ask {
    struct relay_ticket ticket;
    struct relay_party *session, *source; /* must differ */
    uint64_t number;                      /* the embedder's; comes back with the answer */
};

struct relay_reply {
    struct relay_ask ask;
    struct span answer; /* encoded relay_answer; borrows until the next relay_core_next */
};

struct relay_counts { /* since the start; all that is ever logged */
    uint64_t commands, appended, read, waits_parked, refused, batches;
};

struct relay_core;

/* `store` is borrowed until relay_core_free. */
enum status relay_core_new(struct relay_core **out, const struct relay_store *store,
                           const struct relay_limits *limits, struct entropy *e) MUST_USE;
void relay_core_free(struct relay_core *c); /* NULL is fine; parked waits go without an answer */

/* Takes one command; its answer comes from relay_core_next. ST_RELAY_BUSY: the batch is full, commit first.
 * ST_NO_MEMORY. On failure no answer will come. All answers of the batch before must have been taken. */
enum status relay_core_submit(struct relay_core *c, const struct relay_ask *ask,
                              const struct relay_request *request, struct now now) MUST_USE;
/* The same for bytes that are not a request: the answer says so. */
enum status relay_core_refuse(struct relay_core *c, const struct relay_ask *ask, uint8_t first_byte) MUST_USE;
/* Ends the batch. The store's failure is not an error here: it is in the answers. */
void relay_core_commit(struct relay_core *c, struct now now);
/* The next answer, false: none is due. */
bool relay_core_next(struct relay_core *c, struct relay_reply *out);
/* While busy, reads are refused: the process is at its limit of memory, and their answers are what takes it.
 */
void relay_core_busy(struct relay_core *c, bool busy);
/* The transport lost this pipe: its waits go. */
void relay_core_pipe_gone(struct relay_core *c, uint32_t pipe);
/* Answers waits whose time is over and lets old blocks go, a few at a time. Then commit and take the answers.
 */
void relay_core_tick(struct relay_core *c, struct now now);
/* mono_ms of the next relay_core_tick wanted; at most a minute after the last one. */
int64_t relay_core_deadline(const struct relay_core *c);
struct relay_counts relay_core_counts(const struct relay_core *c);

#endif
