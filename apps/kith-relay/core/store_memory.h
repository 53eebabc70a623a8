/* SPDX-License-Identifier: Apache-2.0 */
/* A relay store in memory, for tests and the simulator. */
#ifndef KITH_RELAY_STORE_MEMORY_H
#define KITH_RELAY_STORE_MEMORY_H

#include "apps/kith-relay/core/relay_store.h"
#include "protocol/entropy.h"

/* `e` gives the incarnation, and is used no longer than this call. */
enum status store_memory_open(struct relay_store *out, struct entropy *e) MUST_USE;
/* What a crash does: the batch under way is gone, what was committed stays. */
void store_memory_crash(struct relay_store *store);
/* What a new disk does: all logs gone, another incarnation. */
void store_memory_wipe(struct relay_store *store, struct entropy *e);
/* What a copy that was put back does: another incarnation, the logs as they were. */
void store_memory_rename(struct relay_store *store, struct entropy *e);
/* The store as it is now is put back later, under the same incarnation: what came since is gone, its numbers
 * are given again. What was trimmed meanwhile stays so. Not within a batch. */
void store_memory_keep(struct relay_store *store);
void store_memory_put_back(struct relay_store *store);

#endif
