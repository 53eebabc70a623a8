/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: one thread that owns the node and its database, hands it what comes in (answers of relays,
 * commands, time) and does what it asks for. */
#ifndef KITH_APPS_KITHD_AGENT_H
#define KITH_APPS_KITHD_AGENT_H

#include "apps/local/agent_address.h"
#include "protocol/status.h"

struct agent;

struct agent_args {
    const struct agent_address *address; /* home and socket */
    const char *relay;                   /* default relay for `init`, or NULL */
    const char *with_relay;              /* NULL, or where to run a relay of one's own: a URL */
};

/* Opens the home's database and listens. Blocks SIGTERM and SIGINT in this and all later threads: they end
 * agent_run. Errors: of device/vault.h, ST_APP_RELAY_START, ST_APP_LISTEN, ST_NO_MEMORY. */
enum status agent_new(struct agent **out, const struct agent_args *args) MUST_USE;
/* Runs until a signal asks it to end (ST_OK) or the database fails for good. */
enum status agent_run(struct agent *a) MUST_USE;
/* Address of the relay that the agent runs, "" for none. */
const char *agent_relay(const struct agent *a);
/* Ends everything. When that takes too long the process exits with `exit_status`. */
void agent_free(struct agent *a, int exit_status);

#endif
