/* SPDX-License-Identifier: Apache-2.0 */
/* The rules document of one supervised person: its fields, its bytes, and the merge of two of them.
 *
 * Every field is ordered from its most protective value upwards, so the merge of two documents that were
 * edited apart takes the more protective value of each field: it is a meet (commutative, associative,
 * idempotent), and nothing is allowed under the merge that is not allowed under both. Pure; allocates
 * nothing. No field can hold what anybody wrote. docs/policy.md says what the fields mean to people. */
#ifndef KITH_POLICY_RULES_H
#define KITH_POLICY_RULES_H

#include "protocol/bytes.h"
#include "protocol/ids.h"

enum policy_limits {
    POLICY_VERSION = 1,
    POLICY_ZONE_MAX = 47,       /* bytes of a time zone's name; the longest in tzdata has 32 */
    POLICY_ZONES_MAX = 4,       /* a merge of edits by parents in more zones than this is always quiet */
    POLICY_QUIET_SLOT_MIN = 15, /* minutes: the step of quiet hours */
    POLICY_QUIET_SLOTS = 672,   /* of a week, from Monday 00:00 */
    POLICY_QUIET_BYTES = 84,    /* one bit a slot */
    POLICY_RELEASES_MAX = 16,   /* steps agreed ahead: two a year from eight to sixteen */
    POLICY_PERMIT_DAYS_MAX = 3650,
    POLICY_PENDING_MAX = 50,
    POLICY_ENCODED_MAX = 1024 /* bytes of the largest document, with room to spare */
};

/* Each of these enums is ordered: 0 is the most protective value, and every comparison relies on it. Approval
 * and oversight are those of protocol/chain_entry.h and protocol/permit.h, counted from 0 instead of 1. */
enum policy_approval {
    POLICY_APPROVAL_ALL_PARENTS,
    POLICY_APPROVAL_ANY_PARENT,
    POLICY_APPROVAL_NOTIFY,
    POLICY_APPROVAL_SELF,
    POLICY_APPROVAL_COUNT
};
enum policy_discovery { POLICY_DISCOVERY_HIDDEN, POLICY_DISCOVERY_CIRCLES, POLICY_DISCOVERY_COUNT };
enum policy_notice { POLICY_NOTICE_SILENT, POLICY_NOTICE_TOLD, POLICY_NOTICE_COUNT };
enum policy_introductions {
    POLICY_INTRODUCTIONS_NEVER,
    POLICY_INTRODUCTIONS_ASK,
    POLICY_INTRODUCTIONS_COUNT
};
enum policy_groups { POLICY_GROUPS_NEVER, POLICY_GROUPS_EVERY_PAIR, POLICY_GROUPS_COUNT };
enum policy_attachments {
    POLICY_ATTACHMENTS_NONE,
    POLICY_ATTACHMENTS_IMAGES,
    POLICY_ATTACHMENTS_ALL,
    POLICY_ATTACHMENTS_COUNT
};
/* What parents see. Protective of the child's privacy: the lowest is the default and wins a concurrent edit.
 */
enum policy_oversight {
    POLICY_OVERSIGHT_CONTACTS,
    POLICY_OVERSIGHT_ACTIVITY,
    POLICY_OVERSIGHT_MESSAGES,
    POLICY_OVERSIGHT_COUNT
};

/* The fields by number, for releases, traces and the JSON form. The numbers are on the wire. */
enum policy_field {
    FIELD_APPROVAL = 1,
    FIELD_DISCOVERY,
    FIELD_APPROACH_NOTICE,
    FIELD_INTRODUCTIONS,
    FIELD_GROUPS,
    FIELD_ATTACHMENTS,
    FIELD_QUIET,
    FIELD_PERMIT_DAYS,
    FIELD_PENDING_MAX,
    FIELD_OVERSIGHT,
    FIELD_RELEASES,
    FIELD_COUNT
};

struct policy_quiet_zone { /* quiet slots of a week by the clock of one place; at least one bit is set */
    char zone[POLICY_ZONE_MAX + 1]; /* tzdata name, NUL-padded to the end */
    uint8_t slots[POLICY_QUIET_BYTES];
};

struct policy_quiet { /* zones sorted by name; `always` has no zones */
    bool always;
    uint8_t zone_count;
    struct policy_quiet_zone zones[POLICY_ZONES_MAX];
};

/* From at_ms on, `field` is at least `value`. An age is turned into a date when it is written. Releases are
 * carried and merged but not applied yet: until then they open nothing. */
struct policy_release {
    int64_t at_ms;
    uint8_t field;  /* enum policy_field: one of the ordered enums above, not quiet, releases or oversight */
    uint16_t value; /* of that field */
};

struct policy {
    enum policy_approval approval; /* may only be stricter than the authority chain's rule */
    enum policy_discovery discovery;
    enum policy_notice approach_notice;
    enum policy_introductions introductions;
    enum policy_groups groups;
    enum policy_attachments attachments;
    struct policy_quiet quiet;
    uint16_t permit_days; /* 1…POLICY_PERMIT_DAYS_MAX */
    uint8_t pending_max;  /* approaches a day kept for parents; 0…POLICY_PENDING_MAX */
    enum policy_oversight oversight;
    uint8_t release_count;
    struct policy_release releases[POLICY_RELEASES_MAX]; /* strictly ascending by (at_ms, field, value) */
};

/* The document that holds where no parent wrote another. */
void policy_defaults(struct policy *out);

/* The meet. `out` may be a or b. Releases: only those that stand in both. Both must be well-formed
 * (policy_check). */
void policy_merge(const struct policy *a, const struct policy *b, struct policy *out);

/* Every field in range, lists in canonical order, unused parts zero. ST_POLICY_FIELD. */
enum status policy_check(const struct policy *p) MUST_USE;
bool policy_equal(const struct policy *a, const struct policy *b);
/* `a` lets nothing happen that `b` does not: a is the merge of the two. */
bool policy_at_most(const struct policy *a, const struct policy *b);

/* policy.md's document on the wire; decode refuses what policy_check refuses (ST_WIRE_*, ST_POLICY_FIELD) and
 * gives the defaults on failure. */
enum status policy_encode(struct writer *w, const struct policy *p) MUST_USE;
enum status policy_decode(struct policy *out, struct span in) MUST_USE;

/* ---- quiet hours ---- */

/* Marks [begin_min, end_min) minutes of the week (Monday 00:00 is 0; begin > end runs over Sunday's end) as
 * quiet in `zone`. ST_POLICY_FIELD: not on a slot's edge, out of the week, empty, or a zone's name that is
 * empty, too long or not printable; ST_POLICY_ZONES: too many zones. p is unchanged then. */
enum status policy_quiet_add(struct policy *p, const char *zone, uint16_t begin_min,
                             uint16_t end_min) MUST_USE;
void policy_quiet_clear(struct policy *p);
bool policy_quiet_slot(const struct policy_quiet_zone *z, uint16_t minute_of_week);

#endif
