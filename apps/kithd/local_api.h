/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's local door: an nng REP socket on ipc://, mode 0600, for processes of the same user only. It
 * carries whole JSON texts and knows nothing of what they say (rpc.h does). Owned by the agent's thread;
 * nng's callbacks put INBOX_API items into the inbox.
 *
 * Call: LISTENING → HELD (a request came) → REPLYING (local_api_reply) → LISTENING. A call may be held for
 * long (a long poll); the others go on. */
#ifndef KITH_APPS_KITHD_LOCAL_API_H
#define KITH_APPS_KITHD_LOCAL_API_H

#include "apps/kithd/inbox.h"
#include "protocol/bytes.h"

enum local_api_limits {
    API_CALLS_MAX = 64,          /* under way at once: a handful of terminals and pages */
};

struct local_api;

/* ST_APP_LISTEN, ST_NO_MEMORY. A socket file that is left over is replaced: whoever holds the home's lock
 * owns it. */
enum status local_api_new(struct local_api **out, const char *url, const char *socket_path,
                          struct inbox *inbox) MUST_USE;
/* Waits for nng's callbacks, removes the socket file. NULL is fine. */
void local_api_free(struct local_api *a);

/* After INBOX_API: the request's bytes, which borrow until the reply. False: none came (the socket closes).
 */
bool local_api_request(struct local_api *a, size_t call, struct span *out);
/* Answers a held call and listens again. Copies `text`. */
void local_api_reply(struct local_api *a, size_t call, struct span text);

#endif
