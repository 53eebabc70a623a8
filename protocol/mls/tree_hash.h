/* SPDX-License-Identifier: Apache-2.0 */
/* Tree hashes (RFC 9420 §7.8): one hash for everything below a node. Kept in the tree's cells: after a change
 * only the nodes above it are hashed again. Pure. */
#ifndef KITH_PROTOCOL_MLS_TREE_HASH_H
#define KITH_PROTOCOL_MLS_TREE_HASH_H

#include "protocol/mls/ratchet_tree.h"

/* Of the subtree at `node`, which must be in the tree. Fills the cache below it, hence not for a tree that
 * two threads can see. */
void tree_hash_of(const struct ratchet_tree *t, uint32_t node, uint8_t out[static HASH_LEN]);
/* Of the whole tree, which must have a leaf. */
void tree_hash_root(const struct ratchet_tree *t, uint8_t out[static HASH_LEN]);
/* The hash that the subtree at `node` had before the unmerged leaves of `late` were added (§7.9): with these
 * leaves blank and in nobody's unmerged leaves. */
void tree_hash_original(const struct ratchet_tree *t, uint32_t node, const struct parent_node *late,
                        uint8_t out[static HASH_LEN]);

#endif
