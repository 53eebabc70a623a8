/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/parent_hash.h"

#include "protocol/mls/tree_hash.h"

void parent_hash_of(const struct ratchet_tree *t, uint32_t parent, uint32_t sibling,
                    uint8_t out[static HASH_LEN])
{
    const struct parent_node *p = ratchet_tree_parent(t, parent);
    uint8_t original[HASH_LEN];
    tree_hash_original(t, sibling, p, original);
    /* ParentHashInput: the first two fields are those of ParentNode, up to its unmerged leaves. The lengths
     * fit one byte, since tree_validate and treekem_merge refuse keys and hashes of other suites. */
    const uint8_t key_len = (uint8_t)p->encryption_key.len, up_len = (uint8_t)p->parent_hash.len,
                  original_len = HASH_LEN;
    const struct span parts[] = {SPAN_OF(&key_len, 1), p->encryption_key,         SPAN_OF(&up_len, 1),
                                 p->parent_hash,       SPAN_OF(&original_len, 1), SPAN(original)};
    hash_parts(parts, sizeof(parts) / sizeof(parts[0]), out);
}

/* The parent_hash field of a leaf or parent; empty when it has none. */
static struct span parent_hash_field(const struct ratchet_tree *t, uint32_t node)
{
    if (!tree_is_leaf(node)) {
        const struct parent_node *p = ratchet_tree_parent(t, node);
        return p ? p->parent_hash : SPAN_EMPTY;
    }
    const struct leaf_node *n = ratchet_tree_leaf(t, tree_node_to_leaf(node));
    return n && n->source == LEAF_COMMIT ? n->parent_hash : SPAN_EMPTY;
}

/* The node below `child` that may have been set together with its parent: the one in the child's resolution
 * whose removal leaves exactly the parent's unmerged leaves there. False when there is none. */
static bool chained_node(const struct ratchet_tree *t, const struct parent_node *p, uint32_t child,
                         uint32_t *out)
{
    struct resolution r;
    uint32_t x, others = 0, candidates = 0;
    resolution_start(&r, t, child);
    while (resolution_next(&r, &x)) {
        if (tree_is_leaf(x) && parent_node_has_unmerged(p, tree_node_to_leaf(x))) {
            others++;
        } else {
            *out = x;
            candidates++;
        }
    }
    return candidates == 1 && others == parent_node_unmerged_below(p, child);
}

/* RFC 9420 §7.9.2: is the parent valid with respect to a node on this side? */
static bool side_is_valid(const struct ratchet_tree *t, uint32_t parent, uint32_t child)
{
    uint32_t below;
    if (!chained_node(t, ratchet_tree_parent(t, parent), child, &below))
        return false;
    struct span field = parent_hash_field(t, below);
    if (field.len != HASH_LEN)
        return false;
    uint8_t want[HASH_LEN];
    parent_hash_of(t, parent, tree_sibling(child), want);
    return span_equal(field, SPAN(want));
}

/* Top down: each parent has exactly one valid node below it. That node is a leaf, or a parent of which the
 * same is asked; so every chain ends at a leaf. */
enum status parent_hash_verify_tree(const struct ratchet_tree *t)
{
    for (uint32_t x = 1; x < 2 * t->leaf_count; x += 2) {
        if (ratchet_tree_is_blank(t, x))
            continue;
        if (side_is_valid(t, x, tree_left(x)) == side_is_valid(t, x, tree_right(x)))
            return ST_MLS_PARENT_HASH;
    }
    return ST_OK;
}
