/* SPDX-License-Identifier: Apache-2.0 */
/* What an attacker with a program of their own can do to a device of theirs, and what an inspector sees of
 * anybody's: the database itself, the node's own functions, old copies of a home. */
#ifndef KITH_TESTS_WORLD_INSIDE_H
#define KITH_TESTS_WORLD_INSIDE_H

#include "sync/node_internal.h"
#include "tests/world/world.h"

enum { WORLD_DIGEST_LEN = 32 };

/* The first column of the first row as a number; -1 when there is none. */
int64_t world_number(struct world *w, size_t device, const char *sql);
/* How often the device refused something for this reason. */
int64_t world_refused(struct world *w, size_t device, enum status why);
/* Changes the database behind the node's back. */
void world_sql(struct world *w, size_t device, const char *sql);
/* Runs `fn` inside the node as an event of its own would be, and a tick after it; its status. */
enum status world_forge(struct world *w, size_t device, node_fn fn, void *arg);

/* The log of the present epoch of the device's group of this kind (enum scope_kind): its id, and the last seq
 * that the device has read. */
uint64_t world_group_log(struct world *w, size_t device, int kind, struct log_id *id);
/* The log of the letterbox by which the device's own family reaches it. */
void world_letterbox_log(struct world *w, size_t device, struct log_id *id);
/* From now on the relay shows the device nothing new in that log. */
void world_withhold_group(struct world *w, size_t device, int kind);
/* Within a node_fn: the group of this kind that the device is in. */
struct group *inside_group(struct node *n, int kind);
/* The device cannot follow its group of this kind any more, as if a commit did not open. */
void world_stick(struct world *w, size_t device, int kind);

/* SHA-256 over every row of the query, column by column with types and lengths. */
void world_digest(struct world *w, size_t device, const char *sql, uint8_t out[static WORLD_DIGEST_LEN]);
/* Fails unless the query gives the same rows on both devices; `what` names it in the message. */
void world_same(struct world *w, size_t a, size_t b, const char *what, const char *sql);
/* Fails unless both devices, of one family, hold the same of everything that both hold: chains, entries that
 * took effect in scopes where both are, permits, withdrawals, contacts of children, decisions. */
void world_same_state(struct world *w, size_t a, size_t b);

/* Calls `see` with every file of the home, whole. The device is off meanwhile. */
void world_files(struct world *w, size_t device, world_see_file see, void *ctx);

#endif
