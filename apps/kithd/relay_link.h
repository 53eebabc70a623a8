/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's way to one relay: the channel (protocol/channel.h) over nng REQ contexts. Owned by the agent's
 * thread; nng's callbacks only put INBOX_RELAY items into the inbox, which the agent hands back to
 * relay_link_arrived.
 *
 * Invariants:
 *   1. Every request that relay_link_ask took ends exactly once in relay_link_next, with an answer or
 * without, unless relay_link_forget came before.
 *   2. A slot has at most one nng operation under way, and at most one item in the inbox.
 *   3. Until the first answer of a session came, one request is on its way; the others wait in their slots.
 *
 * Slot:   FREE → WAITING (relay_link_ask) → BUSY (sealed and sent) → WAITING (a new session is needed) or
 * DONE (relay_link_arrived) → FREE (relay_link_next). Session: NONE → KEY (asks for the relay's key, in slot
 * 0) → NONE → OPENING (first request, `info`, in slot 0) → OPEN → NONE. */
#ifndef KITH_APPS_KITHD_RELAY_LINK_H
#define KITH_APPS_KITHD_RELAY_LINK_H

#include "apps/kithd/inbox.h"
#include "protocol/relay_command.h"

enum relay_link_limits {
    LINK_SLOTS_MAX = 49,     /* thrice what a node has in flight (cancelled and forgotten ones end later), and
                                the link's own */
    LINK_CONNECT_MS = 10000, /* how long a request waits for a connection */
    LINK_ANSWER_MS = 30000,  /* for its answer; a wait has its own time besides */
    LINK_KEY_MIN_MS = 60000, /* a relay's key is used at least so long, whatever our clock says */
    LINK_RECONNECT_MIN_MS = 100,
    LINK_RECONNECT_MAX_MS = 5000,
    LINK_TRIES_MAX = 3 /* new sessions that one request may see ("unknown session" is said in the clear) */
};

struct relay_link;

/* Starts connecting to `address` (kith-relay://…); does not wait for it. ST_RELAY_ADDRESS, ST_IO,
 * ST_NO_MEMORY. */
enum status relay_link_new(struct relay_link **out, const char *address, struct entropy *entropy,
                           struct inbox *inbox) MUST_USE;
/* Waits until nng's callbacks are over; under a watchdog, see relay_link_forget. NULL is fine. */
void relay_link_free(struct relay_link *l);
const char *relay_link_address(const struct relay_link *l);

/* Copies the request. Also when it cannot be sent it ends in relay_link_next, as one without an answer. */
void relay_link_ask(struct relay_link *l, uint64_t id, const struct relay_request *request, struct now now);
/* Ends a request early; it still ends in relay_link_next. Unknown ids are ignored. */
void relay_link_cancel(struct relay_link *l, uint64_t id);
/* Forgets all requests: none of them ends in relay_link_next any more. The connection stays: closing a socket
 * that is in use can hang for good in nng 1.5.2 (docs/decisions/0002), so it is for the program's end only.
 */
void relay_link_forget(struct relay_link *l);
/* An INBOX_RELAY item of this link came. */
void relay_link_arrived(struct relay_link *l, size_t slot, struct now now);

struct relay_link_done {
    uint64_t id;
    const struct relay_answer *answer; /* NULL: none came; borrows until relay_link_next frees it with the
                                          next call, or relay_link_free */
};
/* The next request that ended; false when there is none. */
bool relay_link_next(struct relay_link *l, struct relay_link_done *out);

#endif
