/* SPDX-License-Identifier: Apache-2.0 */
/* A row of table pairing with its session in memory, for the length of one event. */
#ifndef KITH_SYNC_PAIR_INTERNAL_H
#define KITH_SYNC_PAIR_INTERNAL_H

#include "device/pairing.h"
#include "sync/node_internal.h"

struct pair_run {
    int64_t id;
    struct pairing *p; /* NULL: there is no such row */
    /* column fields: */
    int64_t log_out, log_in;
    bool co_sign; /* the person's own first device has to sign the chain entry */
    bool has_kit; /* new device, a parent's first: the recovery kit until pair.yes has shown it */
    struct secret kit;
};

/* The newest pairing, or the one of that id; r->p NULL when there is none. End it with pair_run_free. */
enum status pair_run_newest(struct node *n, struct pair_run *r) MUST_USE;
enum status pair_run_load(struct node *n, int64_t id, struct pair_run *r) MUST_USE;
void pair_run_free(struct pair_run *r);
/* A new row for r->p, with its two logs at the link's relay. */
enum status pair_run_insert(struct node *n, struct pair_run *r) MUST_USE;
/* Stores the session, queues what it wants sent, tells a change of state. `before` is the state when the
 * event began. */
enum status pair_run_settle(struct node *n, struct pair_run *r, enum pairing_state before,
                            struct span send) MUST_USE;

enum pairing_state pair_state(const struct pairing_facts *f);
bool pair_is_open(const struct pair_run *r); /* neither confirmed nor ended: a second one has to wait */
enum status pair_relay(struct span relay, char out[static WIRE_RELAY_MAX + 1]) MUST_USE;

#endif
