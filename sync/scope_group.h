/* SPDX-License-Identifier: Apache-2.0 */
/* A scope's MLS group and the logs of its epochs: founding, joining, committing, reading, sending. One
 * mechanism for all scopes; what a scope is for, its modules know.
 *
 * Invariants: 1. A group has at most one pending commit of ours, made for its present epoch. It is acted upon
 * (merged, Admissions sent) only when it was read back as the first valid one of the epoch's log. 2. A commit
 * is judged in public first (engine, then authorize); void ones change nothing but the ratchet key that
 * reading them spent. 3. The log of the present epoch, and those of ended epochs for 24 h, are listened
 * to. 4. Every change of the engine's state is in table mls_record before the call returns. 5. A group whose
 * private step failed, or that cannot tell which commit was first, neither makes nor applies commits: state
 * STUCK, and `why` says it.
 *
 *   found ──▶ ACTIVE ──(own or received commit wins)──▶ ACTIVE, next epoch
 *   join  ──▶ ACTIVE ──(removed)──▶ LEFT      ──(private step fails, gap)──▶ STUCK ──(re-added)──▶ LEFT,
 * joined anew */
#ifndef KITH_SYNC_SCOPE_GROUP_H
#define KITH_SYNC_SCOPE_GROUP_H

#include "protocol/admission.h"
#include "protocol/evidence.h"
#include "protocol/group_message.h"
#include "protocol/kith_context.h"
#include "protocol/letterbox.h"
#include "protocol/mls/group.h"
#include "protocol/successor.h"
#include "sync/logs.h"

enum group_limits {
    GROUP_ADDS_MAX = WIRE_LEAVES_MAX,
    GROUP_LATE_MS = 24 * 3600 * 1000, /* late messages of an ended epoch are read for a day */
    GROUP_REFRESH_SENT = 100,         /* own messages until the own leaf is refreshed */
    GROUP_REFRESH_DAYS = 7,
    GROUP_SEND_MAX = 64,  /* messages in one call of group_send */
    GROUP_LEAF_DAYS = 400 /* lifetime in a leaf; judged by the adder only */
};

enum group_state { GROUP_ACTIVE = 1, GROUP_STUCK = 2, GROUP_LEFT = 3 };

struct group {
    int64_t id;
    enum scope_kind kind;
    struct scope_id scope;
    uint32_t generation;
    enum group_state state;
    uint8_t founding[HASH_LEN];
    uint64_t epoch;
    int64_t log;   /* of the present epoch */
    bool pending;  /* an own commit waits to be read back */
    bool gap;      /* scope_gap.c: no commits until everybody has told where they stand */
    bool has_peer; /* conversation of two */
    struct person_ref subject,
        peer; /* ward, own: subject is whose; conversation: subject is of this family */
    char relay[WIRE_RELAY_MAX + 1];
    struct mls_group *mls;
    struct group_people *people; /* who is in this epoch, once somebody asked: scope_judge.c */
    bool touched;
    bool unsaved;  /* the ratchet has moved within node_guard_once: groups_save_due */
    uint64_t used; /* for dropping the one not used longest */
};

void groups_free(struct node *n);
void groups_forget_touched(struct node *n); /* after a rollback */
void groups_settled(struct node *n);        /* after a batch: nothing is touched any more */

/* Borrows until the next call of group_get, a rollback, or the end of the event. ST_GROUP_NOT_HERE. */
enum status group_get(struct node *n, int64_t id, struct group **out) MUST_USE;
/* The group of the scope's highest generation that is not LEFT; ST_GROUP_NOT_HERE. */
enum status group_of_scope(struct node *n, const struct scope_id *scope, struct group **out) MUST_USE;
enum status group_id_of_scope(struct node *n, const struct scope_id *scope,
                              int64_t *id) MUST_USE; /* 0: none */

struct group_found_args {
    struct kith_context context; /* its relays, if any: those of the group before */
    const char *relay;           /* the first; the family's others follow */
    bool has_peer;
    struct person_ref subject, peer;
    const uint8_t *id; /* of 32 bytes: a successor's name (protocol/successor.h); NULL: random */
};
enum status group_found(struct node *n, const struct group_found_args *a, struct group **out) MUST_USE;

/* Judges and takes in an Admission (§5.3). `from` is the device that sent it. */
enum status group_admission(struct node *n, struct span body, const struct device_id *from) MUST_USE;

/* Admissions that could not be accepted yet are judged again; called by reconcile. */
enum status admissions_due(struct node *n) MUST_USE;

struct group_add {           /* a device to add */
    struct span key_package; /* MLSMessage(KeyPackage) */
    struct person_ref who;
    struct span box; /* struct letterbox for its Admission */
};

struct group_letter { /* goes out when the commit has won */
    enum letterbox_message_type type;
    struct span box, body;
    struct person_ref to;
};

struct group_commit_args {
    const struct group_add *adds;
    size_t add_count;
    const uint32_t *removes;
    size_t remove_count;
    const struct span *evidence; /* encoded struct evidence_record each */
    size_t evidence_count;
    const struct kith_context *context; /* the next epoch's, or NULL: unchanged */
    struct span identity;               /* this device's renewed certificate for its leaf; empty: as it is */
    const struct group_letter *letters; /* besides the Admissions, which are made here */
    size_t letter_count;
    const struct successor *successor; /* its founding: the Admissions go inside of it; or NULL */
};
/* Makes the pending commit and puts it into the outbox after its evidence. ST_GROUP_BUSY when there is one
 * already; what authorize would refuse is refused here. */
enum status group_commit(struct node *n, struct group *g, const struct group_commit_args *a) MUST_USE;

/* Seals group messages to the present epoch's log, several in a block where they fit. *outbox (may be NULL)
 * is the block that ends the last one. */
enum status group_send(struct node *n, struct group *g, const struct group_message *messages, size_t count,
                       enum outbox_purpose purpose, int64_t *outbox) MUST_USE;

enum status group_context(const struct group *g,
                          struct kith_context *out) MUST_USE; /* borrows from the group */
bool group_has_device(const struct group *g, const struct device_id *device,
                      uint32_t *leaf); /* leaf may be NULL */
/* Persons of the leaves, each once; at most WIRE_LEAVES_MAX. */
size_t group_persons(const struct group *g, struct person_ref *out, size_t max);
/* Walks the members; `leaf` starts at 0. False at the end. */
bool group_next(const struct group *g, uint32_t *leaf, struct device_certificate *out);
/* This device's beacon in the group, encoded. `answer`: the nonce that somebody asked for, or NULL. */
enum status group_beacon(struct node *n, struct group *g, const uint8_t *answer, struct buffer *out) MUST_USE;
/* Compares a peer's beacon with our own epochs (§5.4). */
enum status group_beacon_seen(struct node *n, struct group *g, const struct device_id *from,
                              struct span beacon) MUST_USE;
enum status group_stuck(struct node *n, struct group *g, const char *why) MUST_USE;
/* Gaps that begin by the clock (40 days' absence), and members that have been silent in one for a day. */
enum status groups_gaps_due(struct node *n) MUST_USE;
/* Draws the moment of a refresh that is due, and marks the group when it has come (§5.1). */
enum status groups_refresh_due(struct node *n) MUST_USE;
/* Secrets of past epochs and their logs, a day after their end; rows that nothing asks for any more. */
enum status groups_forget_due(struct node *n) MUST_USE;
/* Has this member not told for three days, in which we read, where it stands? */
enum status group_overdue(struct node *n, const struct group *g, const struct device_id *device,
                          bool *overdue) MUST_USE;
/* What a gap waits for, for people: why it began, and who has not told yet. */
enum status group_gap_text(struct node *n, struct group *g, char *out, size_t cap) MUST_USE;
enum status group_leave(struct node *n, struct group *g) MUST_USE; /* forgets its secrets; state LEFT */
enum status group_save(struct node *n, struct group *g) MUST_USE;
/* A message was read. Saved at once; within node_guard_once with the last of them, by groups_save_due, which
 * is called before its end. */
enum status group_save_read(struct node *n, struct group *g) MUST_USE;
enum status groups_save_due(struct node *n) MUST_USE;
/* Marks for reconcile: every group, or one. */
enum status groups_dirty(struct node *n) MUST_USE;

/* Who talks in a conversation and who oversees it. */
struct authorize_member;
enum status group_members(struct node *n, struct group *g, struct authorize_member *out,
                          size_t *count) MUST_USE;

/* ---- told by group.c, implemented elsewhere ---- */

/* A commit has ended an epoch: what it changed, before it is merged, and its evidence. */
enum status epoch_evidence(struct node *n, struct group *g, const struct span *records,
                           size_t count) MUST_USE;
enum status epoch_began(struct node *n, struct group *g) MUST_USE; /* reseal, have; journal.c */
/* An own commit has won that added these devices: reconcile.c. */
enum status scope_added(struct node *n, struct group *g, const struct device_certificate *added,
                        size_t count) MUST_USE;
enum status scope_joined(struct node *n, struct group *g) MUST_USE; /* this device joined: reconcile.c */
enum status group_message(struct node *n, struct group *g, const struct device_id *sender, uint64_t epoch,
                          const struct group_message *m) MUST_USE; /* journal.c */

#endif
