/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/parent_hash.h"

#include <string.h>

#include "tests/support/test.h"
#include "tests/support/test_tree.h"

static struct test_tree w;

/* Replaces a parent by what `change` makes of it. */
static void change_parent(uint32_t node, void (*change)(struct parent_node *n))
{
    struct buffer bytes;
    struct writer writer;
    struct parent_node n = *ratchet_tree_parent(&w.tree, node);
    change(&n);
    buffer_init(&bytes, MLS_LEAF_MAX);
    writer_init(&writer, &bytes);
    parent_node_write(&writer, &n);
    assert_ok(writer_done(&writer));
    assert_ok(ratchet_tree_put_parent(&w.tree, node, buffer_span(&bytes)));
    buffer_wipe(&bytes);
}

static void other_key(struct parent_node *n)
{
    static const uint8_t key[DH_LEN] = {7};
    n->encryption_key = SPAN(key);
}
static void other_parent_hash(struct parent_node *n)
{
    static const uint8_t hash[HASH_LEN] = {7};
    n->parent_hash = SPAN(hash);
}
static void no_unmerged_leaves(struct parent_node *n)
{
    n->unmerged = SPAN_EMPTY;
}

/* Every parent's key and parent hash is covered: exchange each in turn. */
static void assert_every_parent_is_bound(void)
{
    static void (*const changes[])(struct parent_node *) = {other_key, other_parent_hash};
    assert_ok(parent_hash_verify_tree(&w.tree));
    for (uint32_t x = 1; x < 2 * w.tree.leaf_count; x += 2) {
        for (size_t i = 0; i < 2 && !ratchet_tree_is_blank(&w.tree, x); i++) {
            struct ratchet_tree good;
            assert_ok(ratchet_tree_copy(&good, &w.tree));
            change_parent(x, changes[i]);
            assert_status(parent_hash_verify_tree(&w.tree), ST_MLS_PARENT_HASH);
            ratchet_tree_wipe(&w.tree);
            w.tree = good;
        }
    }
}

/* RFC 9420 appendix B: A adds B, B adds C and D, C commits. */
static void parent_hash_chains_every_parent_to_a_leaf(void **state)
{
    (void)state;
    test_tree_start(&w, 1, 1);
    test_tree_add(&w);
    test_tree_commit(&w, 0);
    test_tree_add(&w);
    test_tree_add(&w);
    test_tree_commit(&w, 1);
    assert_true(ratchet_tree_is_blank(&w.tree, 5));
    assert_every_parent_is_bound();
    test_tree_commit(&w, 2);
    assert_every_parent_is_bound();
    test_tree_end(&w);
}

static void T31_parent_hash_binds_parents_with_blank_nodes_between(void **state)
{
    (void)state;
    test_tree_start(&w, 2, 8);
    test_tree_commit(&w, 6);
    test_tree_remove(&w, 1);
    test_tree_remove(&w, 2);
    test_tree_remove(&w, 3);
    test_tree_commit(&w, 0); /* nodes 1 and 3 stay blank: leaf 0 is chained to the root itself */
    assert_true(ratchet_tree_is_blank(&w.tree, 1) && ratchet_tree_is_blank(&w.tree, 3));
    assert_every_parent_is_bound();
    test_tree_add(&w); /* leaf 1, below blank nodes, unmerged at the root */
    assert_every_parent_is_bound();
    test_tree_end(&w);
}

static void T31_parent_hash_binds_parents_with_unmerged_leaves_on_either_side(void **state)
{
    (void)state;
    for (uint32_t sender = 0; sender < 8; sender += 3) {
        test_tree_start(&w, 3, 8);
        test_tree_commit(&w, 2);
        test_tree_remove(&w, 1);
        test_tree_remove(&w, 5);
        test_tree_commit(&w, sender);
        test_tree_commit(&w, 4);
        assert_int_equal(test_tree_add(&w), 1);
        assert_int_equal(test_tree_add(&w), 5);
        assert_every_parent_is_bound();
        change_parent(7, no_unmerged_leaves);
        assert_status(parent_hash_verify_tree(&w.tree), ST_MLS_PARENT_HASH);
        test_tree_end(&w);
    }
}

static void parent_hash_holds_with_an_empty_left_subtree(void **state)
{
    (void)state;
    test_tree_start(&w, 4, 8);
    test_tree_commit(&w, 6);
    for (uint32_t leaf = 0; leaf < 4; leaf++)
        test_tree_remove(&w, leaf);
    test_tree_commit(&w, 5);
    assert_every_parent_is_bound();
    test_tree_remove(&w, 4);
    test_tree_commit(&w, 5); /* node 9 stays blank: leaf 5 is chained to node 11 */
    assert_true(ratchet_tree_is_blank(&w.tree, 9));
    assert_every_parent_is_bound();
    test_tree_end(&w);
}

/* A parent that its committer left behind: the leaf below was replaced without a path. */
static void T31_parent_hash_refuses_a_parent_that_nobody_signs(void **state)
{
    (void)state;
    struct buffer encoded;
    struct leaf_node n;
    test_tree_start(&w, 5, 4);
    test_tree_commit(&w, 1);
    test_tree_leaf(&w, 1, LEAF_UPDATE, &encoded, &n);
    assert_ok(ratchet_tree_put_leaf(&w.tree, 1, n.encoded)); /* an Update that blanked nothing */
    assert_status(parent_hash_verify_tree(&w.tree), ST_MLS_PARENT_HASH);
    buffer_wipe(&encoded);
    test_tree_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parent_hash_chains_every_parent_to_a_leaf),
        cmocka_unit_test(T31_parent_hash_binds_parents_with_blank_nodes_between),
        cmocka_unit_test(T31_parent_hash_binds_parents_with_unmerged_leaves_on_either_side),
        cmocka_unit_test(parent_hash_holds_with_an_empty_left_subtree),
        cmocka_unit_test(T31_parent_hash_refuses_a_parent_that_nobody_signs),
    };
    return suite_start() != ST_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
