/* SPDX-License-Identifier: Apache-2.0 */
/* The ratchet tree (RFC 9420 §4, §7): who is in a group and which public keys the subgroups have. Pure.
 *
 * Nodes never change once they are in a tree; they are counted and shared between copies. So a copy (for an
 * epoch that is staged) costs one small array, a change replaces only the nodes that it touches, and dropping
 * either the old tree or the new one is enough. Trees that share nodes belong to one thread.
 *
 * A tree has a power of two of leaves, of which some are blank; zero leaves before the first is put in. A
 * failed call leaves the tree as it was. */
#ifndef KITH_PROTOCOL_MLS_RATCHET_TREE_H
#define KITH_PROTOCOL_MLS_RATCHET_TREE_H

#include "protocol/mls/leaf_node.h"
#include "protocol/mls/limits.h"
#include "protocol/mls/tree_math.h"

/* ---- ParentNode (RFC 9420 §7.1) ---- */

struct parent_node {
    struct span encryption_key;
    struct span parent_hash; /* empty for the highest node of its path */
    struct span unmerged;    /* encoded leaf numbers, strictly ascending */
    struct span encoded;     /* after decoding: the whole encoding; not used by parent_node_write */
};

/* Refuses unmerged leaves that do not ascend or reach MLS_LEAVES_MAX: ST_MLS_UNMERGED. */
void parent_node_read(struct reader *r, struct parent_node *out);
void parent_node_write(struct writer *w, const struct parent_node *n);
uint32_t parent_node_unmerged_count(const struct parent_node *n);
uint32_t parent_node_unmerged_at(const struct parent_node *n, uint32_t i);
bool parent_node_has_unmerged(const struct parent_node *n, uint32_t leaf);
/* How many of them are in the subtree at `node`. */
uint32_t parent_node_unmerged_below(const struct parent_node *n, uint32_t node);

/* ---- the tree ---- */

struct tree_node; /* a counted, immutable node */

struct tree_cell {
    struct tree_node *node;      /* NULL: blank */
    uint8_t tree_hash[HASH_LEN]; /* of the subtree, when `hashed` (tree_hash.h) */
    bool hashed;                 /* then everything below is hashed, too */
};

struct ratchet_tree {
    uint32_t leaf_count; /* 0 or a power of two, up to MLS_LEAVES_MAX */
    uint32_t cell_cap;
    struct tree_cell *cells; /* one a node, by node number */
};

void ratchet_tree_init(struct ratchet_tree *t); /* no leaves; allocates nothing */
void ratchet_tree_wipe(struct ratchet_tree *t); /* fine on {0} */
/* `out` (not initialised before) shares all nodes and hashes with `from`. ST_NO_MEMORY. */
enum status ratchet_tree_copy(struct ratchet_tree *out, const struct ratchet_tree *from) MUST_USE;

/* The content of a node, which lives as long as some tree has it there. NULL when blank or beyond the tree.
 */
const struct leaf_node *ratchet_tree_leaf(const struct ratchet_tree *t, uint32_t leaf);
const struct parent_node *ratchet_tree_parent(const struct ratchet_tree *t, uint32_t node);
bool ratchet_tree_is_blank(const struct ratchet_tree *t, uint32_t node);
/* A leaf's or a parent's; empty when blank. */
struct span ratchet_tree_key(const struct ratchet_tree *t, uint32_t node);
/* LeafNode or ParentNode as encoded; empty when blank. */
struct span ratchet_tree_encoded(const struct ratchet_tree *t, uint32_t node);
/* Do both trees hold one and the same node there (or none)? What a store need not write again. */
bool ratchet_tree_shares(const struct ratchet_tree *a, const struct ratchet_tree *b, uint32_t node);
uint32_t ratchet_tree_member_count(const struct ratchet_tree *t); /* leaves that are not blank */

/* ---- changes; each forgets the tree hashes that it makes wrong. Leaves are given as decoded, and their
 * encoding is copied. ---- */

/* §12.1.1: into the leftmost blank leaf, extending the tree if there is none; unmerged at every parent above.
 * ST_MLS_TREE_FULL, ST_NO_MEMORY. *leaf gets its number. */
enum status ratchet_tree_add(struct ratchet_tree *t, const struct leaf_node *n, uint32_t *leaf) MUST_USE;
/* §12.1.2: replaces a member's leaf and blanks the parents above. ST_MLS_NOT_A_MEMBER, ST_NO_MEMORY. */
enum status ratchet_tree_update(struct ratchet_tree *t, uint32_t leaf, const struct leaf_node *n) MUST_USE;
/* §12.1.3: blanks a member's leaf and the parents above, then truncates. ST_MLS_NOT_A_MEMBER. */
enum status ratchet_tree_remove(struct ratchet_tree *t, uint32_t leaf) MUST_USE;

/* One node by itself, extending the tree to reach it: for loading a stored tree and for TreeKEM. `encoded` is
 * copied. ST_MLS_TREE_FULL, ST_NO_MEMORY, or why it does not decode. */
enum status ratchet_tree_put_leaf(struct ratchet_tree *t, uint32_t leaf, struct span encoded) MUST_USE;
enum status ratchet_tree_put_parent(struct ratchet_tree *t, uint32_t node, struct span encoded) MUST_USE;
/* Blanks the parents above a leaf. */
void ratchet_tree_blank_path(struct ratchet_tree *t, uint32_t leaf);

/* ---- the ratchet_tree extension (RFC 9420 §12.4.3.3): `optional<Node> ratchet_tree<V>` ---- */

/* Initialises `out`. Refuses an empty tree, a blank node at the end, and a node of the other kind for its
 * place: ST_MLS_TREE_FORMAT. Whether the tree is a good one is asked of tree_validate. */
enum status ratchet_tree_decode(struct ratchet_tree *out, struct span in) MUST_USE;
void ratchet_tree_write(struct writer *w, const struct ratchet_tree *t);

/* ---- resolution (RFC 9420 §4.1.1): the nodes whose keys together reach everybody below a node ---- */

struct resolution {
    const struct ratchet_tree *tree;  /* borrows: no change while walking */
    const struct parent_node *parent; /* whose unmerged leaves come next; else NULL */
    uint32_t top, at, unmerged_at;
    bool done;
};

void resolution_start(struct resolution *r, const struct ratchet_tree *t, uint32_t node);
/* False at the end. In the order of the RFC. */
bool resolution_next(struct resolution *r, uint32_t *node);
/* Is there nobody below? */
bool resolution_is_empty(const struct ratchet_tree *t, uint32_t node);

/* ---- filtered direct path (RFC 9420 §4.1.2) ---- */

struct filtered_path { /* from a leaf's side up to the root */
    uint32_t count;
    uint32_t node[MLS_DEPTH_MAX];
    uint32_t
        copath[MLS_DEPTH_MAX]; /* the child of node[i] that is not above the leaf; its resolution has nodes */
};

void filtered_path_of(const struct ratchet_tree *t, uint32_t leaf, struct filtered_path *out);

#endif
