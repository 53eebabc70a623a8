/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/treekem.h"

#include <string.h>

#include "protocol/hpke.h"
#include "protocol/mem.h"
#include "protocol/mls/tree_hash.h"
#include "tests/support/test.h"
#include "tests/support/test_tree.h"

static struct test_tree w;
static struct test_path p;

static void treekem_path_is_opened_from_every_position(void **state)
{
    (void)state;
    for (uint32_t members = 2; members <= 17; members++) {
        test_tree_start(&w, members, members);
        for (uint32_t sender = 0; sender < members; sender++)
            test_tree_commit(&w, sender); /* the first into blank nodes, later ones into more and more keys */
        test_tree_end(&w);
    }
}

static void treekem_single_member_has_a_path_without_nodes(void **state)
{
    (void)state;
    test_tree_start(&w, 1, 1);
    test_path_make(&w, 0, &p);
    const struct treekem_take_args a = test_path_args(&w, &p);
    assert_int_equal(p.path.node_count, 0);
    assert_int_equal(p.path.leaf.parent_hash.len, 0);
    assert_ok(treekem_merge(&w.tree, &w.context, &a));
    test_path_free(&p);
    test_tree_end(&w);
}

static void treekem_new_leaves_get_no_ciphertext_but_join_with_the_common_secret(void **state)
{
    (void)state;
    test_tree_start(&w, 2, 5);
    test_tree_commit(&w, 0);
    test_tree_add(&w);
    test_tree_add(&w);
    test_path_make(&w, 0, &p);
    struct reader r;
    uint32_t sealed = 0;
    reader_init(&r, p.path.nodes);
    while (reader_more(&r)) {
        struct update_path_node n;
        update_path_node_read(&r, &n);
        sealed += n.secret_count;
    }
    /* to leaf 1, to the node of leaves 2 and 3 (blank, so to both), and to leaf 4, not to 5 and 6 */
    assert_int_equal(sealed, 4);
    test_path_free(&p);
    test_tree_commit(&w, 0);
    test_tree_commit(&w, 6);
    test_tree_end(&w);
}

static void treekem_filtered_path_leaves_out_parents_of_nobody(void **state)
{
    (void)state;
    struct filtered_path path;
    test_tree_start(&w, 3, 8);
    test_tree_commit(&w, 0);
    test_tree_remove(&w, 2);
    test_tree_remove(&w, 3);
    filtered_path_of(&w.tree, 0, &path);
    assert_int_equal(path.count, 2); /* nodes 1 and 7; 3 is above 0, 1 and nobody else */
    assert_int_equal(path.node[0], 1);
    assert_int_equal(path.copath[0], 2);
    assert_int_equal(path.node[1], 7);
    assert_int_equal(path.copath[1], 11);
    test_tree_commit(&w, 0);
    assert_true(ratchet_tree_is_blank(&w.tree, 3));
    test_tree_commit(&w, 5);
    test_tree_end(&w);
}

static void treekem_works_with_an_empty_left_subtree(void **state)
{
    (void)state;
    test_tree_start(&w, 4, 8);
    test_tree_commit(&w, 6);
    for (uint32_t leaf = 0; leaf < 4; leaf++)
        test_tree_remove(&w, leaf);
    test_tree_commit(&w, 5);
    assert_true(ratchet_tree_is_blank(&w.tree, 7)); /* the root: nobody on its left */
    assert_false(ratchet_tree_is_blank(&w.tree, 11));
    test_tree_remove(&w, 4);
    test_tree_remove(&w, 5);
    test_tree_commit(&w, 7);
    test_tree_add(&w);
    test_tree_commit(&w, 7);
    test_tree_commit(&w, 0);
    test_tree_end(&w);
}

static void treekem_random_walks_keep_every_tree_valid(void **state)
{
    (void)state;
    uint64_t seed = test_seed(9420);
    test_tree_start(&w, seed, 3);
    for (int step = 0; step < 150; step++) {
        uint32_t changes = (uint32_t)test_entropy_below(&w.entropy, 4);
        uint32_t sender;
        do
            sender = (uint32_t)test_entropy_below(&w.entropy, w.tree.leaf_count);
        while (!ratchet_tree_leaf(&w.tree, sender));
        while (changes-- > 0) {
            uint32_t leaf = (uint32_t)test_entropy_below(&w.entropy, w.tree.leaf_count);
            if (test_entropy_below(&w.entropy, 2) == 0 && ratchet_tree_member_count(&w.tree) < 20)
                continue; /* adds come last, as in RFC 9420 §12.3 */
            if (leaf != sender && ratchet_tree_leaf(&w.tree, leaf) && test_entropy_below(&w.entropy, 2) == 0)
                test_tree_update(&w, leaf);
            else if (leaf != sender && ratchet_tree_leaf(&w.tree, leaf))
                test_tree_remove(&w, leaf);
        }
        for (uint64_t adds = test_entropy_below(&w.entropy, 3);
             adds > 0 && ratchet_tree_member_count(&w.tree) < 20; adds--)
            test_tree_add(&w);
        test_tree_commit(&w, sender);
    }
    test_tree_end(&w);
}

/* ---- what is refused ---- */

static enum status merge_copy(const struct treekem_take_args *a)
{
    struct ratchet_tree t;
    assert_ok(ratchet_tree_copy(&t, &w.tree));
    enum status st = treekem_merge(&t, &w.context, a);
    ratchet_tree_wipe(&t);
    return st;
}

/* A group of six whose member 2 has made a path. */
static struct treekem_take_args start_path(void)
{
    test_tree_start(&w, 6, 6);
    test_tree_commit(&w, 0);
    test_tree_commit(&w, 5);
    test_path_make(&w, 2, &p);
    return test_path_args(&w, &p);
}

static void end_path(void)
{
    test_path_free(&p);
    test_tree_end(&w);
}

/* The path's nodes with one changed by `change`; the leaf stays. */
static enum status merge_changed(uint32_t at, void (*change)(struct update_path_node *n))
{
    struct treekem_take_args a = test_path_args(&w, &p);
    struct update_path changed = p.path;
    struct buffer nodes;
    struct reader r;
    struct writer writer;
    buffer_init(&nodes, MLS_MESSAGE_MAX);
    writer_init(&writer, &nodes);
    reader_init(&r, p.path.nodes);
    for (uint32_t i = 0; i < p.path.node_count; i++) {
        struct update_path_node n;
        update_path_node_read(&r, &n);
        if (i == at)
            change(&n);
        update_path_node_write(&writer, &n);
    }
    assert_ok(writer_done(&writer));
    changed.nodes = buffer_span(&nodes);
    a.path = &changed;
    enum status st = merge_copy(&a);
    buffer_wipe(&nodes);
    return st;
}

static void use_key_of_leaf_4(struct update_path_node *n)
{
    n->encryption_key = ratchet_tree_key(&w.tree, 8);
}
static void use_key_of_the_root(struct update_path_node *n)
{
    n->encryption_key = ratchet_tree_key(&w.tree, 7);
}
static void use_the_senders_key(struct update_path_node *n)
{
    n->encryption_key = p.path.leaf.encryption_key;
}
static void use_a_key_that_nobody_signed(struct update_path_node *n)
{
    static const uint8_t key[DH_LEN] = {9};
    n->encryption_key = SPAN(key);
}
static void use_a_short_key(struct update_path_node *n)
{
    n->encryption_key.len--;
}
static void drop_the_ciphertexts(struct update_path_node *n)
{
    n->secrets = SPAN_EMPTY;
}

static void T25_treekem_refuses_a_path_whose_keys_are_not_new(void **state)
{
    (void)state;
    struct treekem_take_args a = start_path();
    assert_ok(merge_copy(&a));
    assert_status(merge_changed(0, use_key_of_leaf_4), ST_MLS_KEY_TWICE);
    assert_status(merge_changed(1, use_key_of_the_root), ST_MLS_KEY_TWICE);
    assert_int_not_equal(merge_changed(1, use_the_senders_key), ST_OK);
    end_path();
}

static void T25_treekem_refuses_a_path_that_the_leaf_does_not_sign(void **state)
{
    (void)state;
    start_path();
    for (uint32_t i = 0; i < p.path.node_count; i++)
        assert_status(merge_changed(i, use_a_key_that_nobody_signed), ST_MLS_PARENT_HASH);
    end_path();
}

static void T25_treekem_refuses_a_path_of_another_shape(void **state)
{
    (void)state;
    struct treekem_take_args a = start_path();
    for (uint32_t i = 0; i < p.path.node_count; i++)
        assert_status(merge_changed(i, drop_the_ciphertexts), ST_MLS_PATH_SHAPE);
    assert_status(merge_changed(0, use_a_short_key), ST_MLS_KEY_LENGTH);
    p.path.node_count--;
    assert_status(merge_copy(&a), ST_MLS_PATH_SHAPE);
    p.path.node_count++;
    const uint32_t added[] = {3};
    a.added = (struct leaf_list){added, 1}; /* then there is one ciphertext too many */
    assert_status(merge_copy(&a), ST_MLS_PATH_SHAPE);
    end_path();
}

static void T25_treekem_refuses_a_leaf_that_is_not_the_senders_commit(void **state)
{
    (void)state;
    struct treekem_take_args a = start_path();
    a.sender = 7;
    assert_status(merge_copy(&a), ST_MLS_NOT_A_MEMBER);
    a.sender = 2;
    struct leaf_node good = p.path.leaf;
    p.path.leaf = *ratchet_tree_leaf(&w.tree, 2);
    assert_status(merge_copy(&a), ST_MLS_LEAF_SOURCE); /* a key package's */
    p.path.leaf = good;
    /* the same leaf, one bit of the signature away */
    uint8_t bytes[512];
    assert_true(good.encoded.len <= sizeof(bytes));
    memcpy(bytes, good.encoded.ptr, good.encoded.len);
    bytes[good.encoded.len - 1] ^= 1;
    assert_ok(leaf_node_decode(&p.path.leaf, SPAN_OF(bytes, good.encoded.len)));
    assert_status(merge_copy(&a), ST_MLS_LEAF_SIGNATURE);
    p.path.leaf = good;
    /* signed for this place in another group */
    static const uint8_t other[] = "other";
    w.context.group_id = SPAN_OF(other, 5);
    assert_status(merge_copy(&a), ST_MLS_LEAF_SIGNATURE);
    end_path();
}

/* A path whose public half is right and whose secret is not what the keys say. */
static void T25_treekem_finds_a_path_secret_that_does_not_give_the_keys(void **state)
{
    (void)state;
    struct treekem_take_args a = start_path();
    struct update_path honest = p.path;
    struct ratchet_tree after;
    struct buffer nodes;
    struct secret commit;
    buffer_init(&nodes, MLS_MESSAGE_MAX);
    assert_ok(ratchet_tree_copy(&after, &w.tree));
    assert_ok(treekem_merge(&after, &w.context, &a));
    p.made.secrets[2].b[0] ^= 1;
    const struct treekem_seal_args s = {.context = SPAN(p.context), .entropy = &w.entropy.entropy};
    assert_ok(treekem_seal(&p.after, &p.made, &s, &nodes, &p.path));
    struct treekem_keys before = w.member[5].keys, zero = {0};
    assert_status(treekem_open(&after, &w.member[5].keys, &a, SPAN(p.context), &commit), ST_MLS_PATH_KEY);
    assert_memory_equal(&w.member[5].keys, &before, sizeof(before)); /* nothing was kept */
    assert_memory_equal(&commit, &zero, sizeof(commit));
    a.path = &honest;
    before.present = 0;
    assert_status(treekem_open(&after, &before, &a, SPAN(p.context), &commit), ST_MLS_PATH_SECRET);
    p.context[0] ^= 1; /* sealed for another group context */
    assert_status(treekem_open(&after, &w.member[5].keys, &a, SPAN(p.context), &commit), ST_CRYPTO_OPEN);
    p.context[0] ^= 1;
    assert_ok(treekem_open(&after, &w.member[5].keys, &a, SPAN(p.context), &commit));
    assert_true(secret_equal(&commit, &p.made.commit_secret));
    ratchet_tree_wipe(&after);
    buffer_wipe(&nodes);
    end_path();
}

static void treekem_join_refuses_a_secret_that_does_not_fit_the_tree(void **state)
{
    (void)state;
    test_tree_start(&w, 7, 4);
    test_tree_commit(&w, 0);
    uint32_t leaf = test_tree_add(&w);
    test_path_make(&w, 1, &p);
    struct secret path_secret;
    struct treekem_keys *keys = &w.member[leaf].keys;
    assert_ok(treekem_path_secret_for(&p.made, leaf, &path_secret));
    assert_status(treekem_join(&p.after, keys, 0, &p.made.secrets[0]), ST_MLS_PATH_KEY);
    assert_status(treekem_join(&p.after, keys, leaf, &path_secret), ST_MLS_NOT_A_MEMBER);
    assert_status(treekem_join(&p.after, keys, 6, &path_secret), ST_MLS_NOT_A_MEMBER);
    assert_int_equal(keys->present, 1); /* as before: its leaf's */
    assert_ok(treekem_join(&p.after, keys, 1, &path_secret));
    assert_ok(treekem_keys_check(keys, &p.after));
    end_path();
}

static void T41_treekem_removed_member_cannot_open_the_path(void **state)
{
    (void)state;
    test_tree_start(&w, 8, 7);
    test_tree_commit(&w, 0);
    test_tree_commit(&w, 3);
    struct treekem_keys removed = w.member[3].keys;
    test_tree_remove(&w, 3);
    test_path_make(&w, 5, &p);
    /* every ciphertext of the path, with every key that the removed member ever had there */
    struct reader nodes;
    reader_init(&nodes, p.path.nodes);
    while (reader_more(&nodes)) {
        struct update_path_node n;
        struct reader r;
        update_path_node_read(&nodes, &n);
        reader_init(&r, n.secrets);
        while (reader_more(&r)) {
            struct hpke_ciphertext c;
            hpke_ciphertext_read(&r, &c);
            for (uint32_t level = 0; level <= MLS_DEPTH_MAX; level++) {
                struct buffer plain;
                buffer_init(&plain, SECRET_LEN);
                assert_int_not_equal(hpke_open_label(LABELS_MLS, &removed.at[level],
                                                     span_text("UpdatePathNode"), SPAN(p.context),
                                                     c.kem_output, c.ciphertext, &plain),
                                     ST_OK);
                buffer_wipe(&plain);
            }
        }
    }
    end_path();
}

static void treekem_forgets_keys_of_nodes_that_are_blank(void **state)
{
    (void)state;
    test_tree_start(&w, 10, 8);
    test_tree_commit(&w, 0);
    struct treekem_keys keys = w.member[0].keys;
    assert_int_equal(keys.present, 0xf);
    assert_ok(ratchet_tree_remove(&w.tree, 3));
    treekem_keys_prune(&keys, &w.tree);
    assert_int_equal(keys.present, 0x3); /* its leaf and node 1; nodes 3 and 7 are above leaf 3 */
    static const struct dh_private none;
    assert_memory_equal(&keys.at[2], &none, sizeof(none));
    assert_memory_equal(&keys.at[3], &none, sizeof(none));
    test_tree_end(&w);
}

static void treekem_survives_every_failing_allocation(void **state)
{
    (void)state;
    struct treekem_take_args a = start_path();
    size_t live = mem_live();
    enum status st = ST_NO_MEMORY;
    for (size_t n = 1; st == ST_NO_MEMORY; n++) {
        struct ratchet_tree t;
        mem_fail_after(n);
        st = ratchet_tree_copy(&t, &w.tree);
        if (st == ST_OK)
            st = treekem_merge(&t, &w.context, &a);
        mem_fail_after(0);
        ratchet_tree_wipe(&t);
        assert_int_equal(mem_live(), live);
        if (st == ST_MLS_LEAF_SIGNATURE) /* what a signature that cannot be checked is */
            st = ST_NO_MEMORY;
    }
    assert_ok(st);
    end_path();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(treekem_path_is_opened_from_every_position),
        cmocka_unit_test(treekem_single_member_has_a_path_without_nodes),
        cmocka_unit_test(treekem_new_leaves_get_no_ciphertext_but_join_with_the_common_secret),
        cmocka_unit_test(treekem_filtered_path_leaves_out_parents_of_nobody),
        cmocka_unit_test(treekem_works_with_an_empty_left_subtree),
        cmocka_unit_test(treekem_random_walks_keep_every_tree_valid),
        cmocka_unit_test(T25_treekem_refuses_a_path_whose_keys_are_not_new),
        cmocka_unit_test(T25_treekem_refuses_a_path_that_the_leaf_does_not_sign),
        cmocka_unit_test(T25_treekem_refuses_a_path_of_another_shape),
        cmocka_unit_test(T25_treekem_refuses_a_leaf_that_is_not_the_senders_commit),
        cmocka_unit_test(T25_treekem_finds_a_path_secret_that_does_not_give_the_keys),
        cmocka_unit_test(treekem_join_refuses_a_secret_that_does_not_fit_the_tree),
        cmocka_unit_test(T41_treekem_removed_member_cannot_open_the_path),
        cmocka_unit_test(treekem_forgets_keys_of_nodes_that_are_blank),
        cmocka_unit_test(treekem_survives_every_failing_allocation),
    };
    return suite_start() != ST_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
