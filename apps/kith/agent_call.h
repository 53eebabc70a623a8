/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the agent: one JSON-RPC call over its ipc:// socket at a time. */
#ifndef KITH_APPS_KITH_AGENT_CALL_H
#define KITH_APPS_KITH_AGENT_CALL_H

#include <jansson.h>

#include "apps/local/agent_address.h"

struct agent_line; /* a connection */

/* ST_APP_NO_AGENT: nothing listens there. */
enum status agent_line_open(struct agent_line **out, const struct agent_address *address) MUST_USE;
void agent_line_close(struct agent_line *l);

/* `params` borrows; may be NULL. *reply is a new reference: an object with `result` or `error`. Errors:
 * ST_APP_NO_AGENT, ST_APP_AGENT_SILENT (no answer in wait_ms), ST_NO_MEMORY. */
enum status agent_call(struct agent_line *l, const char *method, json_t *params, int wait_ms,
                       json_t **reply) MUST_USE;

#endif
