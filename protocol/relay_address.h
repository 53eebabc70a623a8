/* SPDX-License-Identifier: Apache-2.0 */
/* Where a relay is and who it is (docs/protocol.md §3.1), as people copy it:
 *
 *     kith-relay://<relay key, base64url, 43 characters>@<host>:<port>[?<access secret, base64url, 43
 * characters>]
 *
 * host is a name, an IPv4 address, or an IPv6 address in brackets. Pure. */
#ifndef KITH_PROTOCOL_RELAY_ADDRESS_H
#define KITH_PROTOCOL_RELAY_ADDRESS_H

#include "protocol/suite.h"

enum relay_address_limits {
    RELAY_HOST_MAX = 253,                                              /* a DNS name */
    RELAY_ADDRESS_MAX = 13 + 43 + 1 + RELAY_HOST_MAX + 2 + 6 + 1 + 43, /* characters, without the NUL */
    RELAY_ACCESS_LEN = 32
};

struct relay_address {
    struct sign_public key;        /* the relay's long-term key */
    char host[RELAY_HOST_MAX + 1]; /* without brackets */
    uint16_t port;
    bool has_access;                  /* a private relay */
    uint8_t access[RELAY_ACCESS_LEN]; /* a secret of the relay's users */
};

/* ST_RELAY_ADDRESS: not one; `out` is zeroed. */
enum status relay_address_parse(struct relay_address *out, const char *text) MUST_USE;
/* The text with a NUL. ST_USAGE: host is empty. */
enum status relay_address_format(const struct relay_address *a,
                                 char out[static RELAY_ADDRESS_MAX + 1]) MUST_USE;
/* nng's URL "tcp://host:port" (brackets around IPv6). */
enum status relay_address_url(const struct relay_address *a, char out[static RELAY_HOST_MAX + 16]) MUST_USE;

#endif
