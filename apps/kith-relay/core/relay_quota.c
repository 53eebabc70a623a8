/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith-relay/core/relay_quota.h"

static const double day_ms = 24.0 * 60 * 60 * 1000;

struct relay_quota relay_quota_session(const struct relay_limits *l)
{
    return (struct relay_quota){l->session_logs_day, (double)l->session_bytes_day};
}

struct relay_quota relay_quota_source(const struct relay_limits *l)
{
    return (struct relay_quota){l->source_logs_day, (double)l->source_bytes_day};
}

static double filled(double have, double per_day, double elapsed_ms)
{
    double more = have + per_day * elapsed_ms / day_ms;
    double most = per_day / 2;
    return more < most ? more : most;
}

void relay_quota_fill(struct relay_party *p, const struct relay_quota *q, int64_t mono_ms)
{
    double elapsed = p->filled_at_mono_ms < 0 ? day_ms : (double)(mono_ms - p->filled_at_mono_ms);
    if (elapsed < 0) {
        elapsed = 0;
    }
    p->logs = filled(p->logs, q->logs_day, elapsed);
    p->bytes = filled(p->bytes, q->bytes_day, elapsed);
    p->filled_at_mono_ms = mono_ms;
}

uint32_t relay_quota_wait_ms(double have, double want, double per_day)
{
    if (have >= want) {
        return 0;
    }
    double ms = per_day > 0 ? (want - have) / per_day * day_ms : day_ms;
    return ms < 1000 ? 1000 : ms > day_ms ? (uint32_t)day_ms : (uint32_t)ms;
}

void relay_party_init(struct relay_party *p, void *owner)
{
    *p = (struct relay_party){.filled_at_mono_ms = -1, .owner = owner}; /* full at the first fill */
    link_init(&p->waits);
}
