/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/tree_math.h"

#include "protocol/mem.h"

uint32_t tree_node_count(uint32_t leaf_count)
{
    invariant(leaf_count >= 1 && leaf_count <= UINT32_MAX / 2);
    return 2 * leaf_count - 1;
}

uint32_t tree_root(uint32_t leaf_count)
{
    invariant(leaf_count >= 1 && (leaf_count & (leaf_count - 1)) == 0);
    return leaf_count - 1;
}

uint32_t tree_full_leaf_count(uint32_t leaf_count)
{
    invariant(leaf_count <= UINT32_MAX / 2);
    uint32_t full = 1;
    while (full < leaf_count) {
        full *= 2;
    }
    return full;
}

uint32_t tree_level(uint32_t node)
{
    uint32_t level = 0;
    while (((node >> level) & 1) == 1) {
        level++;
    }
    return level;
}

uint32_t tree_left(uint32_t parent)
{
    uint32_t level = tree_level(parent);
    invariant(level > 0);
    return parent ^ (UINT32_C(1) << (level - 1));
}

uint32_t tree_right(uint32_t parent)
{
    uint32_t level = tree_level(parent);
    invariant(level > 0);
    return parent ^ (UINT32_C(3) << (level - 1));
}

uint32_t tree_parent(uint32_t node)
{
    return tree_ancestor(node, tree_level(node) + 1);
}

bool tree_is_right(uint32_t node)
{
    return tree_parent(node) < node;
}

uint32_t tree_sibling(uint32_t node)
{
    return node ^ (UINT32_C(2) << tree_level(node));
}

/* A node's number is its place among the nodes of its level, then a zero bit, then `level` one bits. */
uint32_t tree_ancestor(uint32_t node, uint32_t level)
{
    invariant(level < 31);
    uint32_t ones = (UINT32_C(1) << level) - 1;
    return ((node >> level >> 1) << level << 1) | ones;
}

bool tree_covers(uint32_t subtree, uint32_t node)
{
    uint32_t reach = (UINT32_C(1) << tree_level(subtree)) - 1; /* to either side */
    return node + reach >= subtree && node <= subtree + reach;
}

uint32_t tree_first_leaf(uint32_t node)
{
    return tree_node_to_leaf(node + 1 - (UINT32_C(1) << tree_level(node)));
}

uint32_t tree_last_leaf(uint32_t node)
{
    return tree_node_to_leaf(node - 1 + (UINT32_C(1) << tree_level(node)));
}

uint32_t tree_common_ancestor(uint32_t leaf_a, uint32_t leaf_b)
{
    uint32_t differ = leaf_a ^ leaf_b;
    invariant(differ != 0);
    uint32_t level = 0;
    while (differ >> level != 0) {
        level++;
    }
    return tree_ancestor(tree_leaf_to_node(leaf_a), level);
}
