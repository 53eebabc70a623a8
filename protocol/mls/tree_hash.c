/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/tree_hash.h"

#include <string.h>

#include "protocol/mem.h"

enum { HASH_INPUT_LEAF = 1, HASH_INPUT_PARENT = 2 }; /* RFC 9420 §7.8, TreeHashInput */
enum { PARENT_PARTS_MAX = 3 };                       /* in how many pieces a ParentNode's encoding comes */

/* LeafNodeHashInput; `encoded` is empty for a blank leaf. */
static void hash_leaf(uint32_t leaf, struct span encoded, uint8_t out[static HASH_LEN])
{
    uint8_t head[6] = {HASH_INPUT_LEAF,      (uint8_t)(leaf >> 24), (uint8_t)(leaf >> 16),
                       (uint8_t)(leaf >> 8), (uint8_t)leaf,         encoded.len > 0};
    const struct span parts[] = {SPAN(head), encoded};
    hash_parts(parts, 2, out);
}

/* The length prefix of a vector (RFC 9420 §2.1.2) of less than 16384 bytes; returns its own length. */
static size_t vector_head(size_t len, uint8_t out[static 2])
{
    if (len < 64) {
        out[0] = (uint8_t)len;
        return 1;
    }
    invariant(len < 16384);
    out[0] = (uint8_t)(0x40 | len >> 8);
    out[1] = (uint8_t)len;
    return 2;
}

/* ParentNodeHashInput; `node` are the ParentNode's encoding, none for a blank one. */
static void hash_parent(const struct span *node, size_t count, const uint8_t left[static HASH_LEN],
                        const uint8_t right[static HASH_LEN], uint8_t out[static HASH_LEN])
{
    static const uint8_t hash_len[] = {HASH_LEN};
    uint8_t head[2] = {HASH_INPUT_PARENT, count > 0};
    struct span parts[PARENT_PARTS_MAX + 5] = {SPAN(head)};
    size_t n = 1;
    invariant(count <= PARENT_PARTS_MAX);
    for (size_t i = 0; i < count; i++)
        parts[n++] = node[i];
    parts[n++] = SPAN(hash_len);
    parts[n++] = SPAN_OF(left, HASH_LEN);
    parts[n++] = SPAN(hash_len);
    parts[n++] = SPAN_OF(right, HASH_LEN);
    hash_parts(parts, n, out);
}

static void hash_cell(const struct ratchet_tree *t, uint32_t node)
{
    struct tree_cell *cell = &t->cells[node];
    struct span encoded = ratchet_tree_encoded(t, node);
    if (tree_is_leaf(node))
        hash_leaf(tree_node_to_leaf(node), encoded, cell->tree_hash);
    else
        hash_parent(&encoded, encoded.len > 0, t->cells[tree_left(node)].tree_hash,
                    t->cells[tree_right(node)].tree_hash, cell->tree_hash);
    cell->hashed = true;
}

void tree_hash_of(const struct ratchet_tree *t, uint32_t node, uint8_t out[static HASH_LEN])
{
    /* Down to a node with hashed children, hash it, and up again: ends when `node` itself is hashed. */
    for (uint32_t x = node; !t->cells[node].hashed;) {
        if (!tree_is_leaf(x) && !t->cells[tree_left(x)].hashed) {
            x = tree_left(x);
        } else if (!tree_is_leaf(x) && !t->cells[tree_right(x)].hashed) {
            x = tree_right(x);
        } else {
            hash_cell(t, x);
            x = tree_parent(x);
        }
    }
    memcpy(out, t->cells[node].tree_hash, HASH_LEN);
}

void tree_hash_root(const struct ratchet_tree *t, uint8_t out[static HASH_LEN])
{
    tree_hash_of(t, tree_root(t->leaf_count), out);
}

/* ---- the hash before some leaves were added ---- */

/* ParentNodeHashInput of a parent without those of its unmerged leaves that `late` has, too. */
static void hash_parent_without(const struct parent_node *p, const struct parent_node *late,
                                const uint8_t left[static HASH_LEN], const uint8_t right[static HASH_LEN],
                                uint8_t out[static HASH_LEN])
{
    if (!p) {
        hash_parent(NULL, 0, left, right, out);
        return;
    }
    uint8_t list[4 * MLS_LEAVES_MAX], head[2];
    size_t len = 0;
    for (uint32_t i = 0; i < parent_node_unmerged_count(p); i++) {
        if (!parent_node_has_unmerged(late, parent_node_unmerged_at(p, i))) {
            memcpy(list + len, p->unmerged.ptr + (size_t)4 * i, 4);
            len += 4;
        }
    }
    /* unmerged_leaves<V> ends the encoding: what stands before it stays as it is */
    size_t before = p->encoded.len - p->unmerged.len - vector_head(p->unmerged.len, head);
    struct span parts[3] = {SPAN_OF(p->encoded.ptr, before)};
    parts[1] = SPAN_OF(head, vector_head(len, head));
    parts[2] = SPAN_OF(list, len);
    hash_parent(parts, 3, left, right, out);
}

void tree_hash_original(const struct ratchet_tree *t, uint32_t node, const struct parent_node *late,
                        uint8_t out[static HASH_LEN])
{
    uint8_t hash[MLS_DEPTH_MAX + 1][2][HASH_LEN]; /* by level: of a left child, of its right sibling */
    uint32_t x = node;
    for (;;) {
        while (!tree_is_leaf(x) && parent_node_unmerged_below(late, x) > 0)
            x = tree_left(x);
        if (parent_node_unmerged_below(late, x) == 0)
            tree_hash_of(t, x, hash[tree_level(x)][tree_is_right(x)]);
        else
            hash_leaf(tree_node_to_leaf(x), SPAN_EMPTY, hash[0][tree_is_right(x)]);
        while (x != node && tree_is_right(x)) { /* both children are done */
            uint32_t level = tree_level(x);
            x = tree_parent(x);
            hash_parent_without(ratchet_tree_parent(t, x), late, hash[level][0], hash[level][1],
                                hash[level + 1][tree_is_right(x)]);
        }
        if (x == node)
            break;
        x = tree_sibling(x);
    }
    memcpy(out, hash[tree_level(node)][tree_is_right(node)], HASH_LEN);
}
