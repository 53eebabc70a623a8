/* SPDX-License-Identifier: Apache-2.0 */
/* The relay on nng: the only file of this program that knows nng (relay_server.c). nng's threads push what
 * comes to one bounded queue; the thread that calls relay_server_run takes batches off it, runs the front
 * over them and sends the answers. */
#ifndef KITH_RELAY_SERVER_H
#define KITH_RELAY_SERVER_H

#include "apps/kith-relay/relay_pipes.h"

struct relay_server_args {
    const char *url;           /* tcp://host:port; port 0: any */
    struct relay_front *front; /* borrows until relay_server_close */
    struct relay_pipes *pipes; /* borrows until relay_server_close */
    uint64_t memory_max;       /* bytes resident: above it no reads and no new connections */
};

struct relay_server;

/* Listens. *port is the one bound. On failure `why` has a text for people, ST_RELAY_LISTEN. */
enum status relay_server_open(struct relay_server **out, const struct relay_server_args *args, uint16_t *port,
                              const char **why) MUST_USE;
/* Serves until relay_server_stop. */
void relay_server_run(struct relay_server *s);
/* From any thread (not from a signal handler). */
void relay_server_stop(struct relay_server *s);
/* After relay_server_run has returned and the store is closed: shuts nng down. Ends the process when nng does
 * not let go within some seconds. */
void relay_server_close(struct relay_server *s);

/* Both clocks. */
struct now relay_now(void);

#endif
