/* SPDX-License-Identifier: Apache-2.0 */
/* The proposals of one commit, resolved, and whether they go together (RFC 9420 §12.2). Pure.
 *
 * Filled by proposal_list_push with borrowed proposals; proposal_list_own then copies them, so that from
 * there on the list borrows nothing but from itself. */
#ifndef KITH_PROTOCOL_MLS_PROPOSAL_LIST_H
#define KITH_PROTOCOL_MLS_PROPOSAL_LIST_H

#include "protocol/mls/proposal.h"
#include "protocol/mls/ratchet_tree.h"

struct listed_proposal {
    struct proposal proposal;
    uint32_t sender; /* leaf index of its proposer */
    struct span ref; /* ProposalRef when by reference; else empty */
    uint32_t leaf;   /* Add, after proposal_apply: the new leaf's number */
    bool checked;    /* proposal_check has passed in this epoch: by reference, when it was received */
};

struct proposal_list {
    struct listed_proposal *items; /* owns; NULL before the first push */
    size_t count;
    struct buffer storage; /* after proposal_list_own: what the items borrow from */
};

/* What proposals are judged against: the epoch that the commit ends. */
struct proposal_rules {
    const struct ratchet_tree *tree;
    struct span group_id;
};

void proposal_list_init(struct proposal_list *l);
void proposal_list_wipe(struct proposal_list *l);
/* ST_WIRE_LIMIT above MLS_PROPOSALS_MAX, ST_NO_MEMORY. */
enum status proposal_list_push(struct proposal_list *l, const struct listed_proposal *p) MUST_USE;
enum status proposal_list_own(struct proposal_list *l) MUST_USE;

/* One proposal by itself, as its type's part of §12.1 asks, including its signatures. Refused by name:
 * ST_MLS_REINIT, ST_MLS_EXTERNAL (external_init), ST_MLS_BRANCH. Else ST_MLS_NOT_A_MEMBER, ST_MLS_PSK_NONCE,
 * ST_MLS_LEAF_SOURCE, ST_MLS_LEAF_KEY_SAME and what key_package_verify and leaf_node_verify fail with. */
enum status proposal_check(const struct proposal *p, uint32_t sender,
                           const struct proposal_rules *rules) MUST_USE;
/* True when no list may have both. */
bool proposal_conflicts(const struct listed_proposal *a, const struct listed_proposal *b);
/* May `committer` commit p? Not its own Update, nor its own removal. */
bool proposal_committable(const struct listed_proposal *p, uint32_t committer);
/* The whole list, each proposal included (unless checked). ST_MLS_PROPOSAL_LIST, ST_MLS_PROPOSAL_SENDER,
 * ST_MLS_PSK_COUNT (over MLS_PSKS_MAX), or as proposal_check. What depends on the tree afterwards is for
 * proposal_apply. */
enum status proposal_list_check(const struct proposal_list *l, uint32_t committer,
                                const struct proposal_rules *rules) MUST_USE;
/* §12.4: empty, or with a proposal of a type that asks for a path. */
bool proposal_list_needs_path(const struct proposal_list *l);

#endif
