/* SPDX-License-Identifier: Apache-2.0 */
/* Where the nodes of a ratchet tree lie (RFC 9420 §4.1 and appendix C). Pure arithmetic, no state.
 *
 * A tree is always full: its leaf count is a power of two, and n leaves have 2n - 1 nodes. Leaf i is node 2i;
 * parents have odd numbers; the level of a node is the number of its trailing one bits (leaves: 0). A node's
 * children, parent and sibling do not depend on the size of the tree, so only the root needs the leaf count.
 *
 * To ask for a child of a leaf is a programmer's error. Whoever walks up stops at the root: the functions
 * know nothing of the tree's size. */
#ifndef KITH_PROTOCOL_MLS_TREE_MATH_H
#define KITH_PROTOCOL_MLS_TREE_MATH_H

#include <stdbool.h>
#include <stdint.h>

/* The nodes of a tree with leaf_count leaves (at least 1). */
uint32_t tree_node_count(uint32_t leaf_count);
/* The root of a tree whose leaf_count is a power of two. */
uint32_t tree_root(uint32_t leaf_count);
/* The smallest power of two that is not below leaf_count (1 for 0). */
uint32_t tree_full_leaf_count(uint32_t leaf_count);

static inline uint32_t tree_leaf_to_node(uint32_t leaf)
{
    return 2 * leaf;
}

static inline uint32_t tree_node_to_leaf(uint32_t node) /* of a leaf's node */
{
    return node / 2;
}

static inline bool tree_is_leaf(uint32_t node)
{
    return (node & 1) == 0;
}

/* 0 for a leaf; one more than its children's for a parent. */
uint32_t tree_level(uint32_t node);
uint32_t tree_left(uint32_t parent);
uint32_t tree_right(uint32_t parent);
uint32_t tree_parent(uint32_t node);
uint32_t tree_sibling(uint32_t node);
bool tree_is_right(uint32_t node); /* is it its parent's right child? */

/* The node at `level` on the path from `node` to the root; `node` itself at its own level. */
uint32_t tree_ancestor(uint32_t node, uint32_t level);
/* Is `node` the subtree's root or below it? */
bool tree_covers(uint32_t subtree, uint32_t node);
/* The outermost leaves (not nodes) below `node`; a leaf has itself. */
uint32_t tree_first_leaf(uint32_t node);
uint32_t tree_last_leaf(uint32_t node);
/* The lowest node above two different leaves (leaf numbers). */
uint32_t tree_common_ancestor(uint32_t leaf_a, uint32_t leaf_b);

#endif
