/* SPDX-License-Identifier: Apache-2.0 */
/* What the group_*.c files share. */
#ifndef KITH_SYNC_SCOPE_INTERNAL_H
#define KITH_SYNC_SCOPE_INTERNAL_H

#include "protocol/beacon.h"
#include "sync/scope_group.h"

enum group_internal_limits { GROUP_EVIDENCE_MAX = 256 /* records of one commit here */ };

struct evidence_set { /* owns its bytes */
    struct buffer bytes;
    struct span records[GROUP_EVIDENCE_MAX]; /* into bytes, made when all are there */
    size_t at[GROUP_EVIDENCE_MAX], len[GROUP_EVIDENCE_MAX];
    size_t count;
};

void evidence_set_init(struct evidence_set *s);
void evidence_set_wipe(struct evidence_set *s);
/* The records that a staged commit names, from the blocks before its own, `seq`, in this epoch's log.
 * ST_GROUP_EVIDENCE when one is not there. */
enum status evidence_set_load(struct node *n, const struct group *g, uint64_t seq, const struct mls_staged *s,
                              struct evidence_set *out) MUST_USE;
/* All of a group's: its log is about to be read again from the start. */
enum status evidence_forget(struct node *n, const struct group *g) MUST_USE;

/* device/authorize with what it needs gathered; the same for own and received commits. */
enum status group_judge(struct node *n, struct group *g, const struct mls_staged *s,
                        const struct evidence_set *evidence) MUST_USE;
void group_people_free(struct group *g); /* what group_members keeps */
/* The same for all leaves of a group that is joined. */
enum status group_judge_joined(struct node *n, struct mls_group *mls, const struct kith_context *context,
                               const struct admission *admission) MUST_USE;
/* What is read next need not be what came first: wait for everybody's beacon. */
enum {
    READ_BREAK_MS = 3 * 3600 * 1000 /* a log that was not read to its end for so long was not listened to */
};
enum gap_cause { GAP_NEW_STORE, GAP_OLD_STORE, GAP_HOLE, GAP_AWAY };
enum status group_begin_gap(struct node *n, struct group *g, enum gap_cause cause) MUST_USE;
/* Before a commit is judged: was the log not read to its end for 40 days? Then a gap begins. */
enum status group_note_absence(struct node *n, struct group *g) MUST_USE;
/* The nonce that this device wants to see in others' beacons, if any. */
enum status group_gap_nonce(struct node *n, const struct group *g, uint8_t out[static BEACON_NONCE_LEN],
                            bool *asks) MUST_USE;
/* A beacon in a gap: if it counts, and is ahead or the same as ours of that epoch, the gap may be over. */
enum status group_gap_beacon(struct node *n, struct group *g, const struct device_id *from,
                             const struct beacon *b, bool same) MUST_USE;
/* Is this the founder's own successor group, to which nobody else was added yet? */
bool group_is_founding(const struct group *g);
/* Persons who made the commits of the last epochs, newest first. */
enum status group_authors(struct node *n, const struct group *g, struct person_ref out[ADMISSION_AUTHORS_MAX],
                          size_t *count) MUST_USE;

/* A new row with its log, for a fresh or joined mls_group (takes it, also on failure). */
struct group_row_args {
    struct mls_group *mls; /* takes */
    const struct kith_context *context;
    const uint8_t *founding; /* NULL: this is epoch 0 */
    bool has_peer;
    struct person_ref subject, peer;
};
enum status group_insert(struct node *n, const struct group_row_args *a, struct group **out) MUST_USE;
/* The log of the group's present epoch (or of `staged`'s), listened to. */
enum status group_open_log(struct node *n, struct group *g) MUST_USE;
enum status group_note_epoch(struct node *n, struct group *g, const struct person_ref *author) MUST_USE;
enum status group_set_state(struct node *n, struct group *g, enum group_state state,
                            const char *why) MUST_USE;

/* Ends the epoch by a judged, opened commit (takes it); `own`: it is the pending one. */
enum status group_end_epoch(struct node *n, struct group *g, struct mls_staged *staged, bool own,
                            const struct evidence_set *evidence) MUST_USE;
enum status group_save_pending(struct node *n, struct group *g,
                               const struct mls_staged *s) MUST_USE; /* NULL: drop */
/* The body of the Admission for those that a staged commit adds. */
enum status group_make_admission(struct node *n, struct group *g, const struct mls_staged *staged,
                                 const struct group_commit_args *a, struct span welcome,
                                 struct buffer *out) MUST_USE;
struct message_call {
    int64_t group;
    const struct device_id *sender;
    uint64_t epoch;
    const struct group_message *message;
};
/* Runs group_message in a SAVEPOINT: what it refuses does not bring back the ratchet key that was spent. */
enum status group_message_guarded(struct node *n, struct message_call *call) MUST_USE;
/* A commit removed this device: forget the group, tell the person. */
enum status removed_from_group(struct node *n, struct group *g) MUST_USE;
/* The pending own commit; NULL when there is none. */
enum status group_load_pending(struct node *n, struct group *g, struct mls_staged **out) MUST_USE;

#endif
