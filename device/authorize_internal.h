/* SPDX-License-Identifier: Apache-2.0 */
/* What the authorize_*.c files share. One struct judge a call, on the heap, filled in this order:
 *   chains at the new heads and records of other kinds   authorize_evidence.c
 *   members: the tree before, with what the commit does   authorize.c
 *   then the scope's rules                                authorize_family.c or authorize_talk.c
 *   and who may commit again so soon                      authorize_race.c */
#ifndef KITH_DEVICE_AUTHORIZE_INTERNAL_H
#define KITH_DEVICE_AUTHORIZE_INTERNAL_H

#include "device/authorize.h"
#include "device/certificates.h"

enum judge_limits {
    JUDGE_MEMBERS_MAX = 2 * WIRE_LEAVES_MAX, /* a commit can replace every leaf */
    JUDGE_RECORDS_MAX = 512 /* records that are not chain entries: every ordered pair's permit */
};

struct judge_member {
    uint32_t leaf;
    struct device_certificate certificate;
    struct span leaf_node;
    const struct mls_change *change; /* that adds or removes it, or NULL */
    bool is_new, gone;
    bool readded; /* goes and comes again by its own signed request */
    bool left; /* goes for no reason but its person's word: a note; a Revocation, where that person commits */
};

struct judge_record {
    enum evidence_kind kind;
    struct span body;
};

struct judge {
    struct chains *chains;              /* at the new heads */
    const struct kith_context *context; /* the new one */
    bool heads_moved;
    const struct judge_member *committer; /* NULL when an admission is judged */
    size_t member_count;
    struct judge_member members[JUDGE_MEMBERS_MAX];
    size_t record_count;
    struct judge_record records[JUDGE_RECORDS_MAX];
};

/* ---- authorize_evidence.c ---- */

/* Copies the chains at the old heads, extends them by the evidence's entries and collects the other records.
 */
enum status judge_read_evidence(struct judge *j, const struct authorize_args *a) MUST_USE;
/* Heads of the new context are those of the chains; nothing else in it changed (§5.3). */
enum status judge_context(struct judge *j, const struct authorize_args *a) MUST_USE;
enum status judge_add_record(struct judge *j, enum evidence_kind kind, struct span body) MUST_USE;
/* The next record of a kind from *at on, which it moves past it; NULL: none. */
const struct judge_record *judge_next(const struct judge *j, enum evidence_kind kind, size_t *at);

/* ---- authorize_leaf.c ---- */

/* Decodes a leaf's certificate and compares it with the leaf's signature key: ST_AUTHORIZE_LEAF. */
enum status judge_leaf(struct judge_member *m, struct span identity) MUST_USE;
/* certificate_check at the new heads, by the leaf's certificate or a fresher one in the evidence. */
enum status judge_certificate(const struct judge *j, const struct device_certificate *c) MUST_USE;
/* Limits, and no device with two leaves, in the tree after. */
enum status judge_tree(const struct judge *j) MUST_USE;
static inline bool judge_stays(const struct judge_member *m)
{
    return !m->gone;
}
const struct authority *judge_family(const struct judge *j, const struct person_ref *who); /* or NULL */

/* ---- the rules of a scope ---- */

enum status judge_family_scope(const struct judge *j) MUST_USE; /* authorize_family.c */
enum status judge_conversation(struct judge *j) MUST_USE;       /* authorize_talk.c */

/* After them: tampered devices must not win every race against their own removal. ST_AUTHORIZE_REFRESH. */
enum status judge_race(const struct judge *j, const struct authorize_args *a) MUST_USE; /* authorize_race.c */

/* The persons of a tree: `before` the members that are not new, else those that stay or come. */
struct judge_person {
    struct person_ref who;
    bool supervised, parent;
    bool of_pair;  /* one of the two whose scope this is */
    bool overseer; /* reads only */
};

struct judge_persons {
    size_t count;
    bool pair; /* the scope is these two persons' own conversation */
    struct judge_person at[WIRE_PERSONS_MAX];
};

enum status judge_persons_of(const struct judge *j, bool before, struct judge_persons *out) MUST_USE;

#endif
