/* SPDX-License-Identifier: Apache-2.0 */
/* kithd --with-relay: the program kith-relay as a child process, so that a home needs no server of its own.
 * It lives as long as the agent: the kernel ends it when the agent dies. When the child ends by itself it is
 * started again, where it listened before, after growing pauses; a child that does so RELAY_CHILD_TRIES times
 * in a row within RELAY_CHILD_WELL_MS of its start, or does not start, is given up. All this is told on
 * stderr.
 *
 * Thread-safe in this way: one thread of its own waits for the child; the others call only what stands here.
 */
#ifndef KITH_APPS_KITHD_RELAY_CHILD_H
#define KITH_APPS_KITHD_RELAY_CHILD_H

#include <sys/types.h>

#include "protocol/relay_address.h"

enum relay_child_limits { RELAY_CHILD_TRIES = 5, RELAY_CHILD_WELL_MS = 60 * 1000 };

struct relay_keeper; /* the thread that waits for the child */

struct relay_child {
    pid_t pid;                           /* 0: none was started. Of the first child only */
    char address[RELAY_ADDRESS_MAX + 1]; /* stays as it is */
    struct relay_keeper *keeper;
};

/* Starts kith-relay (from the folder of this program, else from PATH) listening on `url`, its data in
 * `data_dir`, and reads its address from its first line. ST_APP_RELAY_START. */
enum status relay_child_start(struct relay_child *c, const char *url, const char *data_dir) MUST_USE;
/* From now on it is started again when it ends. `url` and `data_dir` as above. ST_NO_MEMORY. */
enum status relay_child_keep(struct relay_child *c, const char *url, const char *data_dir) MUST_USE;
/* How long to wait before the try-th start in a row (from 0), in ms; -1: no more. */
int relay_child_pause_ms(unsigned try);
/* Asks it to end and waits; kills it after 5 s. Fine on {0}. */
void relay_child_stop(struct relay_child *c);

#endif
