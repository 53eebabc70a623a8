/* SPDX-License-Identifier: Apache-2.0 */
/* From a legal list of proposals to the next epoch's tree (RFC 9420 §12.3). Pure. */
#ifndef KITH_PROTOCOL_MLS_PROPOSAL_APPLY_H
#define KITH_PROTOCOL_MLS_PROPOSAL_APPLY_H

#include "protocol/mls/proposal_list.h"

/* Applies the list to `tree`, a copy of the ending epoch's, and fills in the leaves of the Adds. *extensions
 * holds the group context's before and gets the new ones, which borrow from the list. All leaves that are new
 * or updated are checked against the tree as it became (§7.3: keys used once, capabilities).
 * ST_MLS_KEY_TWICE, ST_MLS_CAPABILITIES, ST_MLS_NOT_A_MEMBER, ST_MLS_TREE_FULL, ST_NO_MEMORY: drop the tree.
 */
enum status proposal_apply(struct proposal_list *l, struct span group_id, struct ratchet_tree *tree,
                           struct extensions *extensions) MUST_USE;

#endif
