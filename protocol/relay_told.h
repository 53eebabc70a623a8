/* SPDX-License-Identifier: Apache-2.0 */
/* RelayTold: a letter among the devices of a family about one of its relays (protocol.md §5.4). Who cannot
 * reach it asks the others; who can says so. Pure. */
#ifndef KITH_PROTOCOL_RELAY_TOLD_H
#define KITH_PROTOCOL_RELAY_TOLD_H

#include "protocol/wire.h"

struct relay_told {
    struct span relay; /* its address */
    bool reached;      /* the sender reaches it; else it asks who does */
};

enum status relay_told_decode(struct relay_told *out, struct span in) MUST_USE;
enum status relay_told_encode(struct writer *w, const struct relay_told *t) MUST_USE;

#endif
