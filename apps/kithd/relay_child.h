/* SPDX-License-Identifier: Apache-2.0 */
/* kithd --with-relay: the program kith-relay as a child process, so that a home needs no server of its own.
 * It lives as long as the agent: the kernel ends it when the agent dies. */
#ifndef KITH_APPS_KITHD_RELAY_CHILD_H
#define KITH_APPS_KITHD_RELAY_CHILD_H

#include <sys/types.h>

#include "protocol/relay_address.h"

struct relay_child {
    pid_t pid; /* 0: none */
    char address[RELAY_ADDRESS_MAX + 1];
};

/* Starts kith-relay (from the folder of this program, else from PATH) listening on `url`, its data in
 * `data_dir`, and reads its address from its first line. ST_APP_RELAY_START. */
enum status relay_child_start(struct relay_child *c, const char *url, const char *data_dir) MUST_USE;
/* Asks it to end and waits; kills it after 5 s. Fine on {0}. */
void relay_child_stop(struct relay_child *c);

#endif
