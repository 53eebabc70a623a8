/* SPDX-License-Identifier: Apache-2.0 */
/* Does a permit hold: enough parents, not withdrawn, in time? Pure; signatures were checked by whoever made
 * these structures from bytes. */
#ifndef KITH_POLICY_PERMIT_CHECK_H
#define KITH_POLICY_PERMIT_CHECK_H

#include "policy/rules.h"

enum permit_check_limits {
    POLICY_SKEW_MS = 10 * 60 * 1000, /* protocol.md §10: beyond this, two clocks disagree */
    POLICY_APPROVALS_MAX = 16        /* signatures on one permit: one a parent */
};

/* Three clocks (protocol.md §10). */
struct policy_time {
    int64_t local_ms; /* this device's */
    int64_t lower_ms; /* newest time that a parent signed: it is at least this late; 0: none */
    int64_t relay_ms; /* the relay's, carried on by the monotonic clock; 0: unknown */
};

bool policy_clock_skewed(const struct policy_time *t);
/* Has the moment come, for something that opens then: only when all clocks that are known agree. */
bool policy_time_opens(const struct policy_time *t, int64_t at_ms);
/* … for something that closes then: a parent's time closes; the local one only when the relay does not
 * differ. */
bool policy_time_closes(const struct policy_time *t, int64_t at_ms);

enum policy_permit_kinds { /* what a permit covers; bits, as on the wire */
                           POLICY_PERMIT_TEXT = 1,
                           POLICY_PERMIT_IMAGES = 2,
                           POLICY_PERMIT_FILES = 4,
                           POLICY_PERMIT_GROUPS = 8
};

struct policy_permit {
    struct person_ref child,
        contact;   /* contact all zero (a standing permit): matches nobody in this version */
    uint8_t kinds; /* enum policy_permit_kinds */
    enum policy_oversight oversight;
    int64_t not_before_ms, not_after_ms;
    uint64_t serial;
    bool enough; /* policy_approvals_enough under the rule of the child's chain */
};

struct policy_withdrawal { /* voids every serial up to its own */
    struct person_ref child, contact;
    uint64_t serial;
};

/* Are these persons' signatures what `rule` asks? Persons are counted, never devices; who is no parent counts
 * for nothing; without parents nothing is enough. Notify and self ask for one parent (their standing permit).
 */
bool policy_approvals_enough(enum policy_approval rule, const struct person_id *parents, size_t parent_count,
                             const struct person_id *approvals, size_t approval_count);

enum permit_state { /* ascending: the best of several permits for a pair counts */
                    PERMIT_STATE_MISSING,
                    PERMIT_STATE_WITHDRAWN,
                    PERMIT_STATE_TOO_FEW,
                    PERMIT_STATE_EXPIRED,
                    PERMIT_STATE_NOT_YET,
                    PERMIT_STATE_KIND,
                    PERMIT_STATE_HOLDS
};

struct permit_check_args { /* borrows */
    const struct policy_permit *permits;
    size_t permit_count;
    const struct policy_withdrawal *withdrawals;
    size_t withdrawal_count;
    const struct policy_time *time;
    uint8_t kinds; /* all of these must be covered */
};

/* Is `child` permitted `contact`? */
enum permit_state permit_check(const struct permit_check_args *a, const struct person_ref *child,
                               const struct person_ref *contact);

#endif
