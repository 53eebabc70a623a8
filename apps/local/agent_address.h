/* SPDX-License-Identifier: Apache-2.0 */
/* Where the agent of a home listens: an ipc:// address that kithd and kith work out alike. The socket is
 * named after the home's real path and lies in $XDG_RUNTIME_DIR/kith, or in the home itself where that is not
 * set. */
#ifndef KITH_APPS_LOCAL_AGENT_ADDRESS_H
#define KITH_APPS_LOCAL_AGENT_ADDRESS_H

#include "protocol/status.h"

enum agent_address_limits {
    AGENT_HOME_MAX = 4096,  /* PATH_MAX on Linux */
    AGENT_SOCKET_MAX = 107, /* sun_path without its NUL */
    AGENT_URL_MAX = 6 + AGENT_SOCKET_MAX,
    API_REQUEST_MAX = 64 * 1024 /* bytes of one request: a text of 12,000 bytes, escaped, and room */
};

struct agent_address {
    char home[AGENT_HOME_MAX + 1];     /* real path */
    char folder[AGENT_HOME_MAX + 1];   /* that the socket lies in */
    char socket[AGENT_SOCKET_MAX + 1]; /* path */
    char url[AGENT_URL_MAX + 1];       /* ipc://… */
};

/* `home` may be NULL: $KITH_HOME, else $XDG_DATA_HOME/kith, else ~/.local/share/kith. With `make` the home
 * and the socket's folder are made when they are missing (mode 0700). Errors: ST_APP_HOME (it is missing, not
 * a folder, or cannot be made), ST_APP_SOCKET_PATH (the socket's path is longer than a socket's may be). */
enum status agent_address_find(struct agent_address *out, const char *home, int make) MUST_USE;

#endif
