/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's front: messages in, messages out, with the channel's sessions (protocol/channel.h) between the
 * transport and the core (relay_core.h). No I/O. Sessions live here, in memory only, 24 h at most. One
 * thread.
 *
 *     for every message that came, at most RELAY_BATCH_MAX: relay_front_receive
 *     relay_front_commit
 *     while (relay_front_next(...)) send */
#ifndef KITH_RELAY_FRONT_H
#define KITH_RELAY_FRONT_H

#include "apps/kith-relay/core/relay_core.h"
#include "protocol/channel.h"

struct relay_source { /* where a message came from: an IPv6 address, or ::ffff: and an IPv4 address; an IPv6
                       * client is known by its /64 */
    uint8_t b[16];
};

struct relay_out {
    struct relay_ticket ticket;
    struct span message; /* borrows until the next relay_front_next */
};

struct relay_front_counts {
    uint64_t messages, malformed, unknown, replayed, sessions_begun;
    uint64_t sessions, sources; /* now */
};

struct relay_front_args {
    const struct relay_store *store; /* borrows until relay_front_free */
    const struct relay_limits *limits;
    const struct channel_signer *signer;
    struct span access;      /* empty, or CHANNEL_ACCESS_LEN bytes */
    struct entropy *entropy; /* borrows */
    struct now now;
};

struct relay_front;
enum status relay_front_new(struct relay_front **out, const struct relay_front_args *args) MUST_USE;
void relay_front_free(struct relay_front *f);

/* Takes a message. ST_RELAY_BUSY: the batch is full. ST_WIRE_*: not a message, ST_CHANNEL_REPLAY,
 * ST_NO_MEMORY: no answer will come. */
enum status relay_front_receive(struct relay_front *f, struct relay_ticket ticket,
                                const struct relay_source *source, struct span message,
                                struct now now) MUST_USE;
void relay_front_commit(struct relay_front *f, struct now now);
bool relay_front_next(struct relay_front *f, struct relay_out *out);
void relay_front_busy(struct relay_front *f, bool busy); /* relay_core_busy */
void relay_front_pipe_gone(struct relay_front *f, uint32_t pipe);
/* Also rotates keys and forgets sessions. */
void relay_front_tick(struct relay_front *f, struct now now);
int64_t relay_front_deadline(const struct relay_front *f);
struct relay_counts relay_front_core_counts(const struct relay_front *f);
struct relay_front_counts relay_front_counts(const struct relay_front *f);

#endif
