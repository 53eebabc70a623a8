/* SPDX-License-Identifier: Apache-2.0 */
/* What a session and a source may spend: each has a purse of logs and one of bytes that fill steadily, up to
 * half a day's worth. */
#ifndef KITH_RELAY_QUOTA_H
#define KITH_RELAY_QUOTA_H

#include "apps/kith-relay/core/relay_core.h"

struct relay_quota {
    double logs_day, bytes_day;
};
struct relay_quota relay_quota_session(const struct relay_limits *l);
struct relay_quota relay_quota_source(const struct relay_limits *l);

/* Fills the purses by the time since the last call. */
void relay_quota_fill(struct relay_party *p, const struct relay_quota *q, int64_t mono_ms);
/* Milliseconds until `want` is there, at least 1000; what is there is enough: 0. */
uint32_t relay_quota_wait_ms(double have, double want, double per_day);

#endif
