/* SPDX-License-Identifier: Apache-2.0 */
/* May this commit be? May this group be joined? (protocol.md §5.3) Pure: context, tree, changes and evidence
 * go in, nothing else, so that all honest members agree. No clock, no policy, no journal, no group object.
 *
 * A commit that is not authorized is void for everybody: the next in the log is judged. Every refusal has a
 * status of its own. */
#ifndef KITH_DEVICE_AUTHORIZE_H
#define KITH_DEVICE_AUTHORIZE_H

#include "device/roster.h"
#include "protocol/admission.h"
#include "protocol/evidence.h"
#include "protocol/kith_context.h"
#include "protocol/mls/group.h"

struct authorize_leaf { /* one member */
    uint32_t leaf;
    struct span identity;  /* struct device_certificate */
    struct span leaf_node; /* encoded LeafNode */
};

struct authorize_args { /* borrows all */
    const struct kith_context *before;
    const struct kith_context *after; /* of the staged epoch; the same as `before` when it did not change */
    const struct chains *at;          /* at the heads that `before` names */
    const struct authorize_leaf *leaves; /* the tree before */
    size_t leaf_count;
    const struct mls_change *changes; /* mls_staged_changes */
    size_t change_count;
    uint32_t committer;             /* mls_staged_committer */
    struct span authenticated_data; /* struct commit_data; empty: no evidence */
    const struct span *evidence;    /* encoded records, in the order in which the commit names them */
    size_t evidence_count;
    const struct person_ref *authors; /* persons who made the last epochs' commits, newest first */
    size_t author_count;
    /* The first commit of a successor group (protocol.md §5.4), which its founder alone ever judges:
     * everybody is new, as its members judge it from their Admissions. */
    bool founding;
};

/* ST_OK, or why the commit is void. `after`, if not NULL, gets the chains at the new heads (on failure:
 * empty). ST_NO_MEMORY says nothing about the commit. */
enum status authorize_commit(const struct authorize_args *a, struct chains *after) MUST_USE;

/* ---- who may commit again so soon (protocol.md §5.3, 7) ---- */

struct authorize_race {
    const struct person_ref *authors; /* as in struct authorize_args */
    size_t author_count;
    size_t persons;              /* in the tree before */
    const struct person_ref *by; /* who commits */
};

/* Would a commit of `by` that changes nothing but leaves of their own person be void now? */
bool authorize_refresh_waits(const struct authorize_race *r);
/* And one that takes out a leaf of `by` for no reason but the word of `by`? Adding such a leaf is never void,
 * so that its author may make two epochs in a row, and somebody else is not among the last authors any more.
 */
bool authorize_leave_waits(const struct authorize_race *r);
/* And one that does no more than to add `whom` again, whose leaf is the encoded LeafNode? `third`: a third
 * person has a leaf in the tree that is not fresh, and so could do it instead. */
bool authorize_readd_waits(const struct authorize_race *r, const struct person_ref *whom,
                           struct span leaf_node, bool third);
/* Out of a key package: its device has not committed since it came. What is no leaf is held to be one. */
bool authorize_leaf_is_fresh(struct span leaf_node);

/* ---- joining ---- */

struct admission_args { /* borrows all */
    const struct admission *admission;
    const struct kith_context *context;  /* of the group joined */
    const struct authorize_leaf *leaves; /* all, the joiner's own too */
    size_t leaf_count;
};

/* Judges every leaf and every pair by the chains, certificates and permits of the Admission, as
 * authorize_commit would. `at` gets the chains. The caller then compares those with the ones it has pinned (a
 * family it knows must be a continuation of what it knew). */
enum status admission_judge(const struct admission_args *a, struct chains *at) MUST_USE;

/* ---- for sync/: who is what in a conversation ---- */

struct authorize_member {
    struct person_ref who;
    bool overseer; /* read-only: a parent of a supervised member, not one of those who talk */
    bool supervised;
};

/* The persons of a tree, without repetition, at most WIRE_PERSONS_MAX; `count` is set. */
enum status authorize_members(const struct kith_context *context, const struct chains *at,
                              const struct authorize_leaf *leaves, size_t leaf_count,
                              struct authorize_member out[static WIRE_PERSONS_MAX], size_t *count) MUST_USE;

/* SHA-256 of the KeyPackage inside an MLSMessage(KeyPackage): what ReaddRequest.key_package_hash holds. */
enum status authorize_key_package_hash(struct span mls_message, uint8_t out[static HASH_LEN]) MUST_USE;

#endif
