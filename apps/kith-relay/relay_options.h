/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's command line. */
#ifndef KITH_RELAY_OPTIONS_H
#define KITH_RELAY_OPTIONS_H

#include "apps/kith-relay/core/relay_core.h"
#include "protocol/relay_address.h"

struct relay_options {
    char listen_url[RELAY_HOST_MAX + 16]; /* for nng */
    char host[RELAY_HOST_MAX + 1];        /* in the address that is told; empty: this machine's name */
    uint16_t public_port;                 /* 0: the one bound */
    const char *data;
    bool private_relay;
    const char *delegate;      /* NULL; or the file of the key that signs instead of relay.key */
    const char *make_delegate; /* NULL; or the file to make, and end */
    int64_t delegate_days;
    struct relay_limits limits;
    uint32_t connections_max, source_connections_max;
    uint64_t memory_max;
};

enum relay_options_result {
    OPTIONS_RUN,
    OPTIONS_SHOWN, /* help or version went to stdout: end well */
    OPTIONS_WRONG  /* what is wrong went to stderr */
};

enum relay_options_result relay_options_read(struct relay_options *out, int argc, char **argv);

#endif
