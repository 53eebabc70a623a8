/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of the relay: how many there are, from where, and how much each has under way. Called from
 * nng's callbacks and from the server's thread: locked inside, never blocks for long. */
#ifndef KITH_RELAY_PIPES_H
#define KITH_RELAY_PIPES_H

#include "apps/kith-relay/core/relay_front.h"

enum relay_pipes_limits {
    PIPE_IN_FLIGHT_MAX = 48, /* unanswered messages: nng drops replies silently beyond 64 a pipe */
    PIPE_FAULTS_MAX = 8      /* messages that are none: after these a pipe is ignored */
};

struct relay_pipes;

enum status relay_pipes_new(struct relay_pipes **out, uint32_t pipes_max, uint32_t source_pipes_max,
                            struct entropy *e) MUST_USE;
void relay_pipes_free(struct relay_pipes *p);

/* A new connection; false: one too many, refuse it. */
bool relay_pipes_add(struct relay_pipes *p, uint32_t pipe, const struct relay_source *source);
/* It is gone; false: it was not counted. */
bool relay_pipes_remove(struct relay_pipes *p, uint32_t pipe);
/* A message came: true and where it is from; false: ignore it (unknown, over PIPE_IN_FLIGHT_MAX, too many
 * faults). */
bool relay_pipes_take(struct relay_pipes *p, uint32_t pipe, struct relay_source *source);
/* Its answer was sent, or none will be; `fault`: it was no message of the protocol. */
void relay_pipes_done(struct relay_pipes *p, uint32_t pipe, bool fault);
/* No new connections while set. */
void relay_pipes_close_door(struct relay_pipes *p, bool closed);
uint32_t relay_pipes_count(struct relay_pipes *p);

#endif
