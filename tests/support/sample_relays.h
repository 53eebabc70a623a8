/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KITH_TESTS_SUPPORT_SAMPLE_RELAYS_H
#define KITH_TESTS_SUPPORT_SAMPLE_RELAYS_H

#include <stdio.h>
#include <string.h>

#include "protocol/family_relays.h"
#include "protocol/relay_address.h"
#include "tests/support/test.h"

/* Two relays: n and n + 1, by their keys. */
static inline struct family_relays sample_relays(unsigned n)
{
    struct family_relays l = {.count = 2};
    for (unsigned i = 0; i < l.count; i++) {
        struct relay_address a = {.port = 7447};
        snprintf(a.host, sizeof a.host, "relay%u.example", n + i);
        memset(a.key.b, (int)(n + i), sizeof a.key.b);
        assert_ok(relay_address_format(&a, l.at[i]));
    }
    return l;
}

#endif
