/* SPDX-License-Identifier: Apache-2.0 */
/* The waits that hang on logs: part of the core (relay_core.h). */
#ifndef KITH_RELAY_WAITS_H
#define KITH_RELAY_WAITS_H

#include "apps/kith-relay/core/id_map.h"
#include "apps/kith-relay/core/relay_core.h"

struct watch_list;

struct watch {
    struct link in_list; /* parked: the watches of one log */
    struct watch_list *list;
    struct wait *wait;
    struct log_id log;
    uint64_t after_seq, grown_seq; /* grown_seq 0: has not grown */
};

struct wait {
    struct link in_all;     /* parked, or fired */
    struct link in_session; /* parked: oldest first */
    struct relay_ask ask;
    int64_t until_mono_ms;
    size_t count;
    struct watch *watches;
};

struct relay_waits {
    struct id_map lists; /* log id → struct watch_list of the parked watches */
    struct link parked, fired;
    uint32_t watches;        /* of all waits */
    int64_t look_at_mono_ms; /* no parked wait ends before */
};

void relay_waits_init(struct relay_waits *w, struct entropy *e);
void relay_waits_wipe(struct relay_waits *w);
/* A wait for what the request watches, in no list yet. */
enum status relay_wait_new(struct relay_waits *w, const struct relay_ask *ask,
                           const struct relay_request *request, int64_t mono_ms, struct wait **out) MUST_USE;
void relay_wait_free(struct relay_waits *w, struct wait *wait); /* leaves all lists */
/* Looks at each log's head; *any: one has grown. */
enum status relay_wait_look(struct wait *wait, const struct relay_store *store, bool *any) MUST_USE;
/* Hangs the wait on its logs. On failure it is in no list. */
enum status relay_wait_park(struct relay_waits *w, struct wait *wait) MUST_USE;
/* Takes a parked wait off its logs, to be answered. */
void relay_wait_fire(struct relay_waits *w, struct wait *wait);
/* Fires the waits on logs that have grown, or whose time is over, or frees those of a lost pipe. */
void relay_waits_grow(struct relay_waits *w, const struct log_heads *grown);
void relay_waits_end(struct relay_waits *w, int64_t mono_ms);
void relay_waits_pipe_gone(struct relay_waits *w, uint32_t pipe);
/* The next fired wait, taken out of the list; NULL: none. */
struct wait *relay_waits_fired(struct relay_waits *w);
void relay_wait_answer(const struct wait *wait, struct relay_answer *out);

#endif
