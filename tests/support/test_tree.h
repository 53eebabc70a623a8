/* SPDX-License-Identifier: Apache-2.0 */
/* A ratchet tree with all of its members' private keys in one hand: what a group does to its tree, without a
 * group around it. Every failure fails the running test. Large: keep it static. */
#ifndef KITH_TESTS_SUPPORT_TEST_TREE_H
#define KITH_TESTS_SUPPORT_TEST_TREE_H

#include "protocol/mls/treekem.h"
#include "tests/support/test_entropy.h"

enum { TEST_TREE_MAX = 128 };

struct test_tree_member { /* by leaf */
    struct sign_private signer;
    struct sign_public public;
    struct treekem_keys keys;
};

struct test_tree {
    struct ratchet_tree tree;
    struct test_tree_member member[TEST_TREE_MAX];
    struct tree_context context;
    struct test_entropy entropy;
    uint32_t added[TEST_TREE_MAX]; /* since the last commit */
    size_t added_count;
};

/* A path on its way. */
struct test_path {
    struct treekem_path made;
    struct buffer nodes;
    struct update_path path;
    struct ratchet_tree after;
    struct treekem_keys keys;  /* the sender's new ones */
    uint8_t context[HASH_LEN]; /* stands for the provisional group context */
};

/* A tree of `members` at leaves 0, 1, … without parents. */
void test_tree_start(struct test_tree *w, uint64_t seed, uint32_t members);
void test_tree_end(struct test_tree *w);

/* What proposals do. test_tree_commit must follow before the tree counts as good again. */
uint32_t test_tree_add(struct test_tree *w);
void test_tree_update(struct test_tree *w, uint32_t leaf);
void test_tree_remove(struct test_tree *w, uint32_t leaf);

/* A leaf signed by its member with a fresh key; `encoded` (empty before) holds it. */
void test_tree_leaf(struct test_tree *w, uint32_t leaf, enum leaf_source source, struct buffer *encoded,
                    struct leaf_node *out);

/* The sender makes a path on a copy of the tree; nobody has taken it yet. */
void test_path_make(struct test_tree *w, uint32_t sender, struct test_path *p);
struct treekem_take_args test_path_args(const struct test_tree *w, const struct test_path *p);
void test_path_free(struct test_path *p);

/* The sender makes a path, everybody merges and opens it, those who were added join with their path secret;
 * then test_tree_check. */
void test_tree_commit(struct test_tree *w, uint32_t sender);
/* A stranger finds the tree good from its encoding alone, and everybody's private keys fit it. */
void test_tree_check(struct test_tree *w);

#endif
