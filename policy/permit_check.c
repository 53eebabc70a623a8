/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/permit_check.h"

/* ---- time (protocol.md §10) ---- */

bool policy_clock_skewed(const struct policy_time *t)
{
    if (t->relay_ms == 0)
        return false;
    /* Both are made from unsigned 63-bit times, so the difference cannot overflow. */
    int64_t off = t->relay_ms - t->local_ms;
    return off > POLICY_SKEW_MS || off < -POLICY_SKEW_MS;
}

bool policy_time_opens(const struct policy_time *t, int64_t at_ms)
{
    return t->local_ms >= at_ms && (!policy_clock_skewed(t) || t->relay_ms >= at_ms);
}

bool policy_time_closes(const struct policy_time *t, int64_t at_ms)
{
    return t->lower_ms >= at_ms || (t->local_ms >= at_ms && !policy_clock_skewed(t));
}

/* ---- approvals ---- */

static bool is_among(const struct person_id *who, const struct person_id *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ID_EQUAL(who, &list[i]))
            return true;
    return false;
}

bool policy_approvals_enough(enum policy_approval rule, const struct person_id *parents, size_t parent_count,
                             const struct person_id *approvals, size_t approval_count)
{
    size_t yes = 0;
    for (size_t i = 0; i < parent_count; i++)
        if (is_among(&parents[i], approvals, approval_count))
            yes++;
    if (rule == POLICY_APPROVAL_ALL_PARENTS)
        return yes > 0 && yes == parent_count;
    return yes > 0;
}

/* ---- permits ---- */

static bool is_withdrawn(const struct permit_check_args *a, const struct policy_permit *p)
{
    for (size_t i = 0; i < a->withdrawal_count; i++) {
        const struct policy_withdrawal *w = &a->withdrawals[i];
        if (person_ref_equal(&w->child, &p->child) && person_ref_equal(&w->contact, &p->contact) &&
            p->serial <= w->serial)
            return true;
    }
    return false;
}

static enum permit_state state_of(const struct permit_check_args *a, const struct policy_permit *p)
{
    if (is_withdrawn(a, p))
        return PERMIT_STATE_WITHDRAWN;
    if (!p->enough)
        return PERMIT_STATE_TOO_FEW;
    if (policy_time_closes(a->time, p->not_after_ms))
        return PERMIT_STATE_EXPIRED;
    if (!policy_time_opens(a->time, p->not_before_ms))
        return PERMIT_STATE_NOT_YET;
    return (p->kinds & a->kinds) == a->kinds ? PERMIT_STATE_HOLDS : PERMIT_STATE_KIND;
}

enum permit_state permit_check(const struct permit_check_args *a, const struct person_ref *child,
                               const struct person_ref *contact)
{
    enum permit_state best = PERMIT_STATE_MISSING;
    for (size_t i = 0; i < a->permit_count; i++) {
        const struct policy_permit *p = &a->permits[i];
        if (!person_ref_equal(&p->child, child) || !person_ref_equal(&p->contact, contact))
            continue;
        enum permit_state one = state_of(a, p);
        if (one > best)
            best = one;
    }
    return best;
}
