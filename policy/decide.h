/* SPDX-License-Identifier: Apache-2.0 */
/* May this be? One question, one answer with its reasons (docs/policy.md).
 *
 * Pure: no clock, no allocation, no state, and no field that could hold what people write; facts are gathered
 * by sync/facts alone. The same input gives the same verdict and the same trace. Whatever a request's kind
 * does not use is ignored. What this version does not build is denied by name (TRACE_NOT_YET_BUILT). */
#ifndef KITH_POLICY_DECIDE_H
#define KITH_POLICY_DECIDE_H

#include "policy/permit_check.h"
#include "policy/rules.h"
#include "policy/trace.def"

enum decide_limits {
    POLICY_PARENTS_MAX = 16,   /* of a family; may_answer has a bit for each */
    POLICY_MEMBERS_MAX = 48,   /* of a conversation: 16 persons and two overseers for each */
    POLICY_DECISIONS_MAX = 64, /* on one request; `knew` has a bit for each */
    POLICY_TRACE_MAX = 12
};

enum policy_request_kind {
    MAY_BE_LISTED,
    MAY_LOOK_UP,
    MAY_MAKE_INVITE,       /* subject: for whom */
    MAY_RECEIVE_APPROACH,  /* subject: who is approached; peer: by whom */
    MAY_SEND_REQUEST,      /* subject: who asks to meet; peer: whom */
    MAY_OPEN_CONVERSATION, /* subject: who opens; members: everybody who would be in it */
    MAY_JOIN_CONVERSATION, /* subject: who joins; members: everybody who would be in it */
    MAY_ADD_MEMBER,        /* subject: who adds; peer: who is added; members: after it */
    MAY_SEND,              /* subject: who writes; members: everybody in it */
    MAY_RECEIVE,           /* subject: who receives; peer: who wrote; members: everybody in it */
    MAY_SEND_ATTACHMENT,   /* as send, with `attachment` */
    MAY_RECEIVE_ATTACHMENT,
    MAY_INTRODUCE,
    MAY_LINK_DEVICE,   /* subject: whose device */
    MAY_REMOVE_DEVICE, /* subject: whose device */
    MAY_LEAVE_FAMILY,
    MAY_CHANGE_POLICY, /* subject: whose policy; `proposed` */
    MAY_READ_HISTORY,  /* subject: whose */
    MAY_COUNT
};

struct policy_request {
    enum policy_request_kind kind;
    struct person_ref subject; /* whose doing it is, or who is concerned: the policy is this person's */
    struct person_id by;       /* who asks on this device, of the own family */
    struct person_ref peer;    /* the other side, for the kinds that name one; else zero */
    enum policy_attachments
        attachment; /* POLICY_ATTACHMENTS_IMAGES: an image; POLICY_ATTACHMENTS_ALL: any other file */
    const struct policy *proposed; /* for change_policy; borrows */
};

struct policy_person {
    struct person_ref ref;
    bool supervised; /* as the device certificate or the authority chain says */
    bool overseer;   /* is in the conversation as a visible parent only: reads, needs no permits */
};

/* One parent's answer to one request. An answer that knew of another one replaces it when it says the
 * opposite or comes from the same person; among answers that did not know of each other, a no beats every
 * yes. */
struct policy_decision {
    struct person_id parent;
    bool yes;
    uint64_t knew; /* bit i: had seen decisions[i] when it was made */
};

struct policy_zone_time { /* what a zone's wall clocks show now */
    char zone[POLICY_ZONE_MAX + 1];
    uint16_t minute_of_week; /* Monday 00:00 is 0 */
};

struct policy_facts { /* all pointers borrow; arrays sorted as said, without doubles */
    struct family_id family;
    const struct person_id *parents; /* at the newest authority head known; ascending */
    size_t parent_count;
    /* Everybody of the family, also whom link_device is about to add, ascending by person id; no overseers.
     */
    const struct policy_person *own;
    size_t own_count;
    enum policy_approval chain_approval; /* the authority chain's rule for the subject */
    bool heads_current;                  /* this device holds the parents' announced heads of the ward */
    struct policy_time time;
    const struct policy_zone_time
        *zones; /* by name, ascending: every zone of the policy that is known here */
    size_t zone_count;
    const struct policy_permit *permits; /* of all pairs concerned, signatures checked; in any order */
    size_t permit_count;
    const struct policy_withdrawal *withdrawals; /* in any order */
    size_t withdrawal_count;
    const struct policy_decision
        *decisions; /* about (subject, peer), one request; at most POLICY_DECISIONS_MAX */
    size_t decision_count;
    const struct policy_person
        *members; /* of the conversation, with the subject; at most POLICY_MEMBERS_MAX */
    size_t member_count;
    uint16_t approaches_today; /* to the subject, before this one */
    uint8_t device_count;      /* of the subject */
    bool subject_signed;       /* link_device: a device of the subject has signed for it */
};

enum verdict_kind {
    VERDICT_DENY,
    VERDICT_WAIT,
    VERDICT_ASK,
    VERDICT_ALLOW
}; /* ascending in what they permit */

#define TRACE_ENUM(name, text) TRACE_##name,
enum trace_code { TRACE_LIST(TRACE_ENUM) TRACE_CODE_COUNT };
#undef TRACE_ENUM

enum { TRACE_NOBODY = 0xff };

struct trace_step { /* one rule that was looked at, and what it said */
    enum trace_code code;
    enum verdict_kind said;
    uint8_t member_a, member_b; /* indices into facts->members, the pair it was about; else TRACE_NOBODY */
};

struct verdict {
    enum verdict_kind kind;
    uint64_t may_answer; /* ask: bit i is facts->parents[i] */
    uint8_t missing;     /* ask: how many yeses are still missing */
    bool child_signs;    /* ask: the supervised person's own device has to agree too */
    int64_t until_at_ms; /* wait: when to ask again */
    uint8_t decided;     /* the step of the trace that decided */
    uint8_t trace_count; /* at least 1 */
    struct trace_step trace[POLICY_TRACE_MAX];
};

/* ST_USAGE: facts over a limit, an unknown kind, or a document that policy_check refuses; the verdict is deny
 * then, too. */
enum status policy_decide(const struct policy *p, const struct policy_facts *f,
                          const struct policy_request *r, struct verdict *out) MUST_USE;

/* The name ("PERMIT_EXPIRED") and the plain text of a step. "UNKNOWN" and an empty text outside the list. */
const char *trace_name(enum trace_code code);
const char *trace_text(enum trace_code code);
const char *verdict_name(enum verdict_kind kind); /* "deny", "wait", "ask", "allow" */

#endif
