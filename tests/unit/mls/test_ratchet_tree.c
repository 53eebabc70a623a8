/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/ratchet_tree.h"

#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/tree_hash.h"
#include "tests/support/test.h"
#include "tests/support/test_decoder.h"
#include "tests/support/test_tree.h"

static struct test_tree w;

/* ---- shape ---- */

static void ratchet_tree_add_takes_the_leftmost_blank_leaf_or_extends(void **state)
{
    (void)state;
    test_tree_start(&w, 1, 4);
    assert_int_equal(w.tree.leaf_count, 4);
    assert_int_equal(test_tree_add(&w), 4);
    assert_int_equal(w.tree.leaf_count, 8);
    test_tree_remove(&w, 1);
    test_tree_remove(&w, 3);
    assert_int_equal(w.tree.leaf_count, 8);
    assert_int_equal(test_tree_add(&w), 1);
    assert_int_equal(test_tree_add(&w), 3);
    assert_int_equal(test_tree_add(&w), 5);
    assert_int_equal(ratchet_tree_member_count(&w.tree), 6);
    test_tree_end(&w);
}

static void ratchet_tree_add_is_unmerged_at_every_parent_above(void **state)
{
    (void)state;
    test_tree_start(&w, 2, 8);
    test_tree_commit(&w, 0);
    test_tree_commit(&w, 7);
    test_tree_remove(&w, 2); /* blanks nodes 5, 3 and 7 */
    test_tree_commit(&w, 0);
    test_tree_remove(&w, 6); /* blanks nodes 13, 11 and 7 */
    test_tree_commit(&w, 0); /* sets nodes 1, 3, 7 */
    assert_int_equal(test_tree_add(&w), 2);
    assert_int_equal(test_tree_add(&w), 6);
    const struct parent_node *root = ratchet_tree_parent(&w.tree, 7), *left = ratchet_tree_parent(&w.tree, 3);
    assert_int_equal(parent_node_unmerged_count(root), 2);
    assert_int_equal(parent_node_unmerged_at(root, 0), 2);
    assert_int_equal(parent_node_unmerged_at(root, 1), 6);
    assert_true(parent_node_has_unmerged(root, 6));
    assert_false(parent_node_has_unmerged(root, 5));
    assert_int_equal(parent_node_unmerged_below(root, 3), 1);
    assert_int_equal(parent_node_unmerged_below(root, 13), 1);
    assert_int_equal(parent_node_unmerged_below(root, 9), 0);
    assert_int_equal(parent_node_unmerged_count(left), 1);
    assert_int_equal(parent_node_unmerged_at(left, 0), 2);
    assert_true(ratchet_tree_is_blank(&w.tree, 11));
    test_tree_end(&w);
}

static void ratchet_tree_keeps_unmerged_leaves_in_order(void **state)
{
    (void)state;
    test_tree_start(&w, 3, 8);
    test_tree_commit(&w, 7);
    test_tree_remove(&w, 0);
    test_tree_remove(&w, 1);
    test_tree_remove(&w, 5);
    test_tree_commit(&w, 7);
    assert_int_equal(test_tree_add(&w), 0);
    assert_int_equal(test_tree_add(&w), 1);
    assert_int_equal(test_tree_add(&w), 5);
    const struct parent_node *root = ratchet_tree_parent(&w.tree, 7);
    static const uint32_t want[] = {0, 1, 5};
    assert_int_equal(parent_node_unmerged_count(root), 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(parent_node_unmerged_at(root, i), want[i]);
    test_tree_commit(&w, 4);
    test_tree_end(&w);
}

static void ratchet_tree_update_blanks_the_parents_above(void **state)
{
    (void)state;
    test_tree_start(&w, 4, 8);
    test_tree_commit(&w, 0);
    test_tree_commit(&w, 5);
    test_tree_update(&w, 1);
    static const uint32_t blank[] = {1, 3, 7}, kept[] = {9, 11};
    for (size_t i = 0; i < 3; i++)
        assert_true(ratchet_tree_is_blank(&w.tree, blank[i]));
    for (size_t i = 0; i < 2; i++)
        assert_false(ratchet_tree_is_blank(&w.tree, kept[i]));
    test_tree_end(&w);
}

static void ratchet_tree_remove_truncates_to_the_last_member(void **state)
{
    (void)state;
    static const struct {
        uint32_t leaf, leaf_count;
    } steps[] = {{8, 8}, {4, 8}, {5, 8}, {7, 8}, {6, 4}, {2, 4}, {3, 2}, {0, 2}, {1, 0}};
    test_tree_start(&w, 5, 9);
    test_tree_commit(&w, 8);
    assert_int_equal(w.tree.leaf_count, 16);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        test_tree_remove(&w, steps[i].leaf);
        assert_int_equal(w.tree.leaf_count, steps[i].leaf_count);
    }
    assert_int_equal(test_tree_add(&w), 0); /* and it can be used again */
    test_tree_end(&w);
}

static void ratchet_tree_refuses_to_change_who_is_not_there(void **state)
{
    (void)state;
    struct buffer encoded;
    struct leaf_node n;
    test_tree_start(&w, 6, 3);
    test_tree_leaf(&w, 3, LEAF_UPDATE, &encoded, &n);
    static const uint32_t absent[] = {3, 4, 1000, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        assert_status(ratchet_tree_remove(&w.tree, absent[i]), ST_MLS_NOT_A_MEMBER);
        assert_status(ratchet_tree_update(&w.tree, absent[i], &n), ST_MLS_NOT_A_MEMBER);
        assert_null(ratchet_tree_leaf(&w.tree, absent[i]));
    }
    assert_status(ratchet_tree_put_leaf(&w.tree, UINT32_MAX, n.encoded), ST_MLS_TREE_FULL);
    assert_status(ratchet_tree_put_leaf(&w.tree, MLS_LEAVES_MAX, n.encoded), ST_MLS_TREE_FULL);
    assert_status(ratchet_tree_put_parent(&w.tree, 2, n.encoded), ST_MLS_TREE_FORMAT);
    buffer_wipe(&encoded);
    test_tree_end(&w);
}

static void ratchet_tree_is_full_at_its_limit(void **state)
{
    (void)state;
    struct buffer encoded;
    struct leaf_node n;
    uint32_t leaf;
    test_tree_start(&w, 7, 1);
    test_tree_leaf(&w, 0, LEAF_KEY_PACKAGE, &encoded, &n);
    for (uint32_t i = 1; i < MLS_LEAVES_MAX; i++)
        assert_ok(ratchet_tree_add(&w.tree, &n, &leaf));
    size_t live = mem_live();
    assert_status(ratchet_tree_add(&w.tree, &n, &leaf), ST_MLS_TREE_FULL);
    assert_int_equal(mem_live(), live);
    buffer_wipe(&encoded);
    test_tree_end(&w);
}

/* ---- copies ---- */

static void ratchet_tree_copy_shares_nodes_until_one_side_changes(void **state)
{
    (void)state;
    struct ratchet_tree copy;
    uint8_t before[HASH_LEN], after[HASH_LEN];
    test_tree_start(&w, 8, 8);
    test_tree_commit(&w, 0);
    test_tree_commit(&w, 4);
    tree_hash_root(&w.tree, before);
    size_t live = mem_live();
    assert_ok(ratchet_tree_copy(&copy, &w.tree));
    assert_int_equal(mem_live(), live + 1); /* the array of cells, and no node */
    assert_ok(ratchet_tree_remove(&copy, 5));
    static const uint32_t changed[] = {7, 9, 10, 11};
    for (uint32_t x = 0, i = 0; x < 15; x++) {
        bool is = i < 4 && changed[i] == x;
        assert_int_equal(ratchet_tree_shares(&copy, &w.tree, x), !is);
        i += is;
    }
    tree_hash_root(&w.tree, after);
    assert_memory_equal(before, after, HASH_LEN);
    ratchet_tree_wipe(&copy);
    test_tree_check(&w);
    assert_int_equal(mem_live(), live);
    assert_ok(ratchet_tree_copy(&copy, &w.tree));
    test_tree_end(&w); /* the original first: the copy goes on */
    assert_non_null(ratchet_tree_leaf(&copy, 5));
    tree_hash_root(&copy, after);
    assert_memory_equal(before, after, HASH_LEN);
    ratchet_tree_wipe(&copy);
    assert_int_equal(mem_live(), 0);
}

/* ---- resolution ---- */

static void assert_resolution(uint32_t node, const uint32_t *want, size_t count)
{
    struct resolution r;
    uint32_t x;
    resolution_start(&r, &w.tree, node);
    for (size_t i = 0; i < count; i++) {
        assert_true(resolution_next(&r, &x));
        assert_int_equal(x, want[i]);
    }
    assert_false(resolution_next(&r, &x));
    assert_false(resolution_next(&r, &x)); /* and it stays at its end */
    assert_int_equal(resolution_is_empty(&w.tree, node), count == 0);
}

static void resolution_is_the_node_and_its_unmerged_leaves_or_what_is_below(void **state)
{
    (void)state;
    test_tree_start(&w, 9, 8);
    test_tree_commit(&w, 0);
    test_tree_remove(&w, 2);
    test_tree_remove(&w, 4);
    test_tree_remove(&w, 5);
    test_tree_commit(&w, 0); /* nodes 1, 3 and 7; 5, 9, 11 and 13 stay blank */
    assert_int_equal(test_tree_add(&w), 2);
    assert_resolution(3, (uint32_t[]){3, 4}, 2);
    assert_resolution(7, (uint32_t[]){7, 4}, 2);
    assert_resolution(5, (uint32_t[]){4, 6}, 2);
    assert_resolution(11, (uint32_t[]){12, 14}, 2);
    assert_resolution(9, NULL, 0);
    assert_resolution(8, NULL, 0);
    assert_resolution(12, (uint32_t[]){12}, 1);
    test_tree_end(&w);
}

/* ---- encoding ---- */

static enum status again(void *ctx, struct span in, struct buffer *out)
{
    (void)ctx;
    struct ratchet_tree t;
    struct writer writer;
    enum status st = ratchet_tree_decode(&t, in);
    if (st != ST_OK)
        return st;
    writer_init(&writer, out);
    ratchet_tree_write(&writer, &t);
    ratchet_tree_wipe(&t);
    return writer_done(&writer);
}

static void encode(struct buffer *out)
{
    struct writer writer;
    buffer_init(out, MLS_TREE_MAX);
    writer_init(&writer, out);
    ratchet_tree_write(&writer, &w.tree);
    assert_ok(writer_done(&writer));
}

static void ratchet_tree_decoder_stands_everything(void **state)
{
    (void)state;
    struct buffer bytes;
    test_tree_start(&w, 10, 5);
    test_tree_commit(&w, 1);
    test_tree_remove(&w, 3);
    test_tree_add(&w);
    encode(&bytes);
    check_decoder(again, NULL, buffer_span(&bytes));
    buffer_wipe(&bytes);
    test_tree_end(&w);
    assert_int_equal(mem_live(), 0);
}

static enum status decode_of(struct span body)
{
    struct buffer bytes;
    struct writer writer;
    struct ratchet_tree t;
    buffer_init(&bytes, MLS_TREE_MAX + 8);
    writer_init(&writer, &bytes);
    writer_vec(&writer, body);
    assert_ok(writer_done(&writer));
    enum status st = ratchet_tree_decode(&t, buffer_span(&bytes));
    buffer_wipe(&bytes);
    ratchet_tree_wipe(&t);
    return st;
}

static void ratchet_tree_refuses_blank_ends_and_misplaced_nodes(void **state)
{
    (void)state;
    struct buffer leaf, body;
    struct leaf_node n;
    struct writer writer;
    static const uint8_t blank[] = {0}, leaf_type[] = {1, 1}, parent_type[] = {1, 2}, other_type[] = {1, 3};
    static const uint8_t parent[] = {1, 7, 0, 0};
    test_tree_start(&w, 11, 1);
    test_tree_leaf(&w, 0, LEAF_UPDATE, &leaf, &n);
    const struct {
        struct span parts[4];
        enum status want;
    } cases[] = {
        {{SPAN_EMPTY}, ST_MLS_TREE_FORMAT},
        {{SPAN(blank)}, ST_MLS_TREE_FORMAT},
        {{SPAN(leaf_type), buffer_span(&leaf)}, ST_OK},
        {{SPAN(leaf_type), buffer_span(&leaf), SPAN(blank)}, ST_MLS_TREE_FORMAT},
        {{SPAN(blank), SPAN(blank), SPAN(leaf_type), buffer_span(&leaf)}, ST_OK},
        {{SPAN(blank), SPAN(leaf_type), buffer_span(&leaf)}, ST_MLS_TREE_FORMAT}, /* a leaf as node 1 */
        {{SPAN(parent_type), SPAN(parent)}, ST_MLS_TREE_FORMAT},                  /* a parent as node 0 */
        {{SPAN(other_type), buffer_span(&leaf)}, ST_MLS_TREE_FORMAT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buffer_init(&body, MLS_TREE_MAX);
        writer_init(&writer, &body);
        for (size_t k = 0; k < 4; k++)
            writer_bytes(&writer, cases[i].parts[k]);
        assert_ok(writer_done(&writer));
        assert_status(decode_of(buffer_span(&body)), cases[i].want);
        buffer_wipe(&body);
    }
    buffer_wipe(&leaf);
    test_tree_end(&w);
}

static void T15_ratchet_tree_refuses_more_nodes_than_its_limit(void **state)
{
    (void)state;
    static uint8_t blanks[MLS_NODES_MAX + 1];
    assert_status(decode_of(SPAN(blanks)), ST_MLS_TREE_FULL);
}

static void parent_node_refuses_unmerged_leaves_out_of_order(void **state)
{
    (void)state;
    static const struct {
        uint8_t list[8];
        enum status want;
    } cases[] = {{{0, 0, 0, 1, 0, 0, 0, 2}, ST_OK},
                 {{0, 0, 0, 2, 0, 0, 0, 2}, ST_MLS_UNMERGED},
                 {{0, 0, 0, 2, 0, 0, 0, 1}, ST_MLS_UNMERGED},
                 {{0, 0, 0, 0, 0, 0, 4, 0}, ST_MLS_UNMERGED}, /* leaf 1024 */
                 {{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, ST_MLS_UNMERGED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer bytes;
        struct writer writer;
        struct reader r;
        struct parent_node n = {.unmerged = SPAN(cases[i].list)};
        buffer_init(&bytes, 64);
        writer_init(&writer, &bytes);
        parent_node_write(&writer, &n);
        assert_ok(writer_done(&writer));
        reader_init(&r, buffer_span(&bytes));
        parent_node_read(&r, &n);
        assert_status(reader_done(&r), cases[i].want);
        buffer_wipe(&bytes);
    }
}

/* ---- failing memory ---- */

static void ratchet_tree_is_as_before_when_memory_fails(void **state)
{
    (void)state;
    struct buffer encoded, before, after;
    struct leaf_node n;
    uint32_t leaf;
    test_tree_start(&w, 12, 8);
    test_tree_commit(&w, 0);
    test_tree_commit(&w, 4);
    test_tree_remove(&w, 5);
    test_tree_commit(&w, 0);
    test_tree_leaf(&w, 5, LEAF_KEY_PACKAGE, &encoded, &n);
    encode(&before);
    enum status st = ST_NO_MEMORY;
    for (size_t fail = 1; st == ST_NO_MEMORY; fail++) {
        size_t live = mem_live();
        mem_fail_after(fail);
        st = ratchet_tree_add(&w.tree, &n, &leaf);
        mem_fail_after(0);
        if (st == ST_OK)
            break;
        assert_int_equal(mem_live(), live);
        encode(&after);
        assert_true(span_equal(buffer_span(&before), buffer_span(&after)));
        buffer_wipe(&after);
    }
    assert_ok(st);
    buffer_wipe(&before);
    buffer_wipe(&encoded);
    test_tree_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratchet_tree_add_takes_the_leftmost_blank_leaf_or_extends),
        cmocka_unit_test(ratchet_tree_add_is_unmerged_at_every_parent_above),
        cmocka_unit_test(ratchet_tree_keeps_unmerged_leaves_in_order),
        cmocka_unit_test(ratchet_tree_update_blanks_the_parents_above),
        cmocka_unit_test(ratchet_tree_remove_truncates_to_the_last_member),
        cmocka_unit_test(ratchet_tree_refuses_to_change_who_is_not_there),
        cmocka_unit_test(ratchet_tree_is_full_at_its_limit),
        cmocka_unit_test(ratchet_tree_copy_shares_nodes_until_one_side_changes),
        cmocka_unit_test(resolution_is_the_node_and_its_unmerged_leaves_or_what_is_below),
        cmocka_unit_test(ratchet_tree_decoder_stands_everything),
        cmocka_unit_test(ratchet_tree_refuses_blank_ends_and_misplaced_nodes),
        cmocka_unit_test(T15_ratchet_tree_refuses_more_nodes_than_its_limit),
        cmocka_unit_test(parent_node_refuses_unmerged_leaves_out_of_order),
        cmocka_unit_test(ratchet_tree_is_as_before_when_memory_fails),
    };
    return suite_start() != ST_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
