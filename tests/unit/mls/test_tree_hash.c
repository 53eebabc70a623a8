/* SPDX-License-Identifier: Apache-2.0 */
/* Values are checked by the public vectors (tree-validation, tree-operations); here is what they do not see.
 */
#include "protocol/mls/tree_hash.h"

#include "tests/support/test.h"
#include "tests/support/test_tree.h"

static struct test_tree w;

static void tree_hash_forgets_only_the_path_above_a_change(void **state)
{
    (void)state;
    uint8_t hash[HASH_LEN];
    test_tree_start(&w, 1, 16);
    test_tree_commit(&w, 3);
    tree_hash_root(&w.tree, hash);
    for (uint32_t x = 0; x < 31; x++)
        assert_true(w.tree.cells[x].hashed);
    test_tree_update(&w, 5);
    for (uint32_t x = 0; x < 31; x++)
        assert_int_equal(w.tree.cells[x].hashed, !tree_covers(x, 10));
    tree_hash_root(&w.tree, hash);
    test_tree_remove(&w, 9);
    for (uint32_t x = 0; x < 31; x++)
        assert_int_equal(w.tree.cells[x].hashed, !tree_covers(x, 18));
    test_tree_end(&w);
}

static void tree_hash_keeps_the_left_half_when_the_tree_grows_and_shrinks(void **state)
{
    (void)state;
    uint8_t before[HASH_LEN], left[HASH_LEN], after[HASH_LEN];
    test_tree_start(&w, 2, 4);
    test_tree_commit(&w, 0);
    tree_hash_root(&w.tree, before);
    struct buffer encoded;
    struct leaf_node n;
    test_tree_leaf(&w, 4, LEAF_KEY_PACKAGE, &encoded, &n);
    assert_ok(ratchet_tree_put_leaf(&w.tree, 4, n.encoded)); /* into a new right half */
    assert_true(w.tree.cells[3].hashed);
    assert_false(w.tree.cells[7].hashed);
    tree_hash_of(&w.tree, 3, left);
    tree_hash_root(&w.tree, after);
    assert_memory_equal(left, before, HASH_LEN);
    assert_memory_not_equal(after, before, HASH_LEN);
    test_tree_remove(&w, 4);
    tree_hash_root(&w.tree, after);
    assert_memory_equal(after, before, HASH_LEN);
    buffer_wipe(&encoded);
    test_tree_end(&w);
}

/* The hash of a sibling as it was when the parent was set, found again after leaves were added below it. */
static void tree_hash_original_sees_through_leaves_that_were_added_later(void **state)
{
    (void)state;
    static uint8_t before[31][HASH_LEN];
    uint8_t now[HASH_LEN];
    for (uint32_t sender = 0; sender < 3; sender++) {
        test_tree_start(&w, 3 + sender, 16);
        test_tree_commit(&w, 12);
        test_tree_remove(&w, 5);
        test_tree_remove(&w, 6);
        test_tree_remove(&w, 9);
        test_tree_commit(&w, 10);         /* nodes above 4 … 7 stay blank */
        test_tree_commit(&w, 4 * sender); /* some of them get keys */
        for (uint32_t x = 0; x < 31; x++)
            tree_hash_of(&w.tree, x, before[x]);
        for (int adds = 0; adds < 3; adds++)
            test_tree_add(&w);
        const struct parent_node *root = ratchet_tree_parent(&w.tree, 15);
        assert_int_equal(parent_node_unmerged_count(root), 3);
        for (uint32_t x = 0; x < 31; x++) {
            if (x == 15)
                continue;
            tree_hash_original(&w.tree, x, root, now);
            assert_memory_equal(now, before[x], HASH_LEN);
        }
        tree_hash_of(&w.tree, 7, now);
        assert_memory_not_equal(now, before[7], HASH_LEN);
        test_tree_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_hash_forgets_only_the_path_above_a_change),
        cmocka_unit_test(tree_hash_keeps_the_left_half_when_the_tree_grows_and_shrinks),
        cmocka_unit_test(tree_hash_original_sees_through_leaves_that_were_added_later),
    };
    return suite_start() != ST_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
