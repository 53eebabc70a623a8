/* SPDX-License-Identifier: Apache-2.0 */
/* What build/tests/bench/sync is made of: each bench_sync_x prints `name value unit` lines. Times are
 * processor time of this one thread unless a line says otherwise. */
#ifndef KITH_TESTS_BENCH_SYNC_BENCH_H
#define KITH_TESTS_BENCH_SYNC_BENCH_H

#include <stddef.h>

/* A history of so many messages of 200 bytes comes to a new device: history_cost.c. */
void bench_sync_history(size_t messages);
/* Received messages, one by one and in batches of up to `largest`, beside their floor: apply_cost.c. */
void bench_sync_apply(size_t largest);
/* A device with so many conversations and old messages was away for a month: away_cost.c. */
void bench_sync_away(size_t conversations, size_t messages);
/* A device with so many conversations in which nobody says anything, for so many virtual hours: away_cost.c.
 */
void bench_sync_idle(size_t conversations, unsigned hours);

double bench_cpu_s(void);

#endif
