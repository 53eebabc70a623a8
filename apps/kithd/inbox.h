/* SPDX-License-Identifier: Apache-2.0 */
/* The one queue of the agent: nng's callbacks and the signal thread put items in, the thread that owns the
 * node takes them out. Bounded: every source has a fixed number of slots, each with at most one item here, so
 * a full inbox is a mistake of ours. */
#ifndef KITH_APPS_KITHD_INBOX_H
#define KITH_APPS_KITHD_INBOX_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/ids.h"

enum inbox_limits {
    INBOX_MAX = 1024,    /* above the sum of all slots: API_CALLS_MAX + links * LINK_SLOTS_MAX + 1 */
    INBOX_BATCH_MAX = 64 /* items that become one step of the node */
};

enum inbox_kind {
    INBOX_RELAY, /* `source` is a struct relay_link *, `slot` its slot whose aio ended */
    INBOX_API,   /* `source` is the struct local_api *, `slot` the call that came in */
    INBOX_STOP   /* a signal asks the agent to end */
};

struct inbox_item {
    enum inbox_kind kind;
    void *source;
    size_t slot;
};

struct inbox;

/* NULL without memory. */
struct inbox *inbox_new(void);
void inbox_free(struct inbox *q);
/* From any thread; never blocks for long. */
void inbox_put(struct inbox *q, const struct inbox_item *item);
/* Up to INBOX_BATCH_MAX items; waits until there is one or the monotonic clock passes deadline_mono_ms. */
size_t inbox_take(struct inbox *q, struct inbox_item out[static INBOX_BATCH_MAX], int64_t deadline_mono_ms);
/* Both clocks, as the inbox's deadlines count them. */
struct now inbox_now(void);

#endif
