/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/tree_validate.h"

#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/tree_hash.h"
#include "tests/support/test.h"
#include "tests/support/test_tree.h"

static struct test_tree w;

static enum status validate(void)
{
    uint8_t hash[HASH_LEN];
    tree_hash_root(&w.tree, hash);
    return tree_validate(&w.tree, &w.context, SPAN(hash));
}

/* Eight members; nodes 1, 3, 7, 9, 11 have keys, 5 and 13 are blank, leaf 5 is unmerged above. */
static void start(void)
{
    test_tree_start(&w, 1, 8);
    test_tree_commit(&w, 0);
    test_tree_commit(&w, 6);
    test_tree_remove(&w, 5);
    test_tree_commit(&w, 4);
    test_tree_commit(&w, 0);
    assert_int_equal(test_tree_add(&w), 5);
    assert_ok(validate());
}

static void put_parent(uint32_t node, const struct parent_node *n)
{
    struct buffer bytes;
    struct writer writer;
    buffer_init(&bytes, MLS_LEAF_MAX);
    writer_init(&writer, &bytes);
    parent_node_write(&writer, n);
    assert_ok(writer_done(&writer));
    assert_ok(ratchet_tree_put_parent(&w.tree, node, buffer_span(&bytes)));
    buffer_wipe(&bytes);
}

static enum status with_unmerged(uint32_t node, struct span list)
{
    start();
    struct parent_node n = *ratchet_tree_parent(&w.tree, node);
    n.unmerged = list;
    put_parent(node, &n);
    enum status st = validate();
    test_tree_end(&w);
    return st;
}

static void T31_tree_validate_refuses_unmerged_leaves_that_cannot_be(void **state)
{
    (void)state;
    static const uint8_t five[] = {0, 0, 0, 5}, outside[] = {0, 0, 0, 0, 0, 0, 0, 5};
    static const uint8_t four_five[] = {0, 0, 0, 4, 0, 0, 0, 5}, beyond[] = {0, 0, 0, 5, 0, 0, 0, 9};
    assert_ok(with_unmerged(11, SPAN(five)));
    assert_status(with_unmerged(11, SPAN(outside)), ST_MLS_UNMERGED); /* not below the node */
    assert_status(with_unmerged(11, SPAN(beyond)), ST_MLS_UNMERGED);  /* not in the tree */
    assert_status(with_unmerged(11, SPAN_EMPTY), ST_MLS_UNMERGED);    /* the root says it is, 11 does not */
    assert_int_not_equal(with_unmerged(7, SPAN(four_five)), ST_OK);
}

static void T31_tree_validate_refuses_a_blank_unmerged_leaf(void **state)
{
    (void)state;
    start();
    /* what a remove without its blanking would leave */
    struct buffer root, right;
    buffer_init(&root, 1024);
    buffer_init(&right, 1024);
    assert_ok(buffer_copy(&root, ratchet_tree_encoded(&w.tree, 7)));
    assert_ok(buffer_copy(&right, ratchet_tree_encoded(&w.tree, 11)));
    assert_ok(ratchet_tree_remove(&w.tree, 5));
    assert_ok(ratchet_tree_put_parent(&w.tree, 7, buffer_span(&root)));
    assert_ok(ratchet_tree_put_parent(&w.tree, 11, buffer_span(&right)));
    assert_status(validate(), ST_MLS_UNMERGED);
    buffer_wipe(&root);
    buffer_wipe(&right);
    test_tree_end(&w);
}

static void T31_tree_validate_refuses_a_key_in_two_places(void **state)
{
    (void)state;
    static const struct {
        uint32_t from, to;
    } pairs[] = {{1, 3}, {7, 1}, {0, 3}, {14, 11}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        start();
        struct parent_node n = *ratchet_tree_parent(&w.tree, pairs[i].to);
        n.encryption_key = ratchet_tree_key(&w.tree, pairs[i].from);
        put_parent(pairs[i].to, &n);
        assert_status(validate(), ST_MLS_KEY_TWICE);
        test_tree_end(&w);
    }
}

/* A member twice: the same signature key with another encryption key, properly signed. */
static void T31_tree_validate_refuses_a_signature_key_in_two_leaves(void **state)
{
    (void)state;
    struct buffer encoded;
    struct leaf_node n;
    start();
    w.member[5] = w.member[3];
    test_tree_leaf(&w, 5, LEAF_KEY_PACKAGE, &encoded, &n);
    assert_ok(ratchet_tree_put_leaf(&w.tree, 5, n.encoded));
    assert_status(validate(), ST_MLS_KEY_TWICE);
    assert_status(tree_validate_leaf(&w.tree, &w.context, 5), ST_MLS_KEY_TWICE);
    buffer_wipe(&encoded);
    test_tree_end(&w);
}

static void tree_validate_leaf_refuses_an_encryption_key_of_any_node(void **state)
{
    (void)state;
    start();
    for (uint32_t leaf = 0; leaf < 8; leaf++)
        assert_ok(tree_validate_leaf(&w.tree, &w.context, leaf));
    struct parent_node n = *ratchet_tree_parent(&w.tree, 7);
    n.encryption_key = ratchet_tree_key(&w.tree, 4);
    put_parent(7, &n);
    assert_status(tree_validate_leaf(&w.tree, &w.context, 2), ST_MLS_KEY_TWICE);
    assert_ok(tree_validate_leaf(&w.tree, &w.context, 3));
    assert_status(tree_validate_leaf(&w.tree, &w.context, 8), ST_MLS_NOT_A_MEMBER);
    test_tree_end(&w);
}

static void T31_tree_validate_refuses_another_tree_hash(void **state)
{
    (void)state;
    uint8_t hash[HASH_LEN];
    start();
    tree_hash_root(&w.tree, hash);
    for (size_t bit = 0; bit < 8 * sizeof(hash); bit += 51) {
        hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_status(tree_validate(&w.tree, &w.context, SPAN(hash)), ST_MLS_TREE_HASH);
        hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_status(tree_validate(&w.tree, &w.context, SPAN_EMPTY), ST_MLS_TREE_HASH);
    assert_ok(tree_validate(&w.tree, &w.context, SPAN(hash)));
    test_tree_end(&w);
}

static void T31_tree_validate_refuses_a_leaf_without_a_good_signature(void **state)
{
    (void)state;
    start();
    /* at every leaf in turn: the last byte of the encoding is one of the signature */
    for (uint32_t leaf = 0; leaf < 8; leaf++) {
        struct buffer bytes;
        struct ratchet_tree good;
        buffer_init(&bytes, MLS_LEAF_MAX);
        assert_ok(buffer_copy(&bytes, ratchet_tree_encoded(&w.tree, 2 * leaf)));
        bytes.ptr[bytes.len - 1] ^= 1;
        assert_ok(ratchet_tree_copy(&good, &w.tree));
        assert_ok(ratchet_tree_put_leaf(&w.tree, leaf, buffer_span(&bytes)));
        enum status st = validate(); /* in a path's leaf the parent hashes see it first */
        assert_true(st == ST_MLS_LEAF_SIGNATURE || st == ST_MLS_PARENT_HASH);
        ratchet_tree_wipe(&w.tree);
        w.tree = good;
        buffer_wipe(&bytes);
    }
    static const uint8_t other[] = "other";
    w.context.group_id = SPAN(other);
    assert_status(validate(), ST_MLS_LEAF_SIGNATURE); /* leaves of commits are signed for their group */
    test_tree_end(&w);
}

static void T31_tree_validate_refuses_parents_that_nobody_signed(void **state)
{
    (void)state;
    static const uint8_t key[DH_LEN] = {9};
    start();
    struct parent_node n = *ratchet_tree_parent(&w.tree, 3);
    n.encryption_key = SPAN(key); /* which whoever made it can open */
    put_parent(3, &n);
    assert_status(validate(), ST_MLS_PARENT_HASH);
    test_tree_end(&w);
}

static void tree_validate_asks_all_for_what_the_group_requires(void **state)
{
    (void)state;
    /* required_capabilities: extension 0xf4b1, which no leaf of this test lists */
    static const uint8_t list[] = {0, 3, 5, 2, 0xf4, 0xb1, 0, 0};
    const struct extensions group = {.list = SPAN(list)};
    start();
    assert_ok(tree_validate_capabilities(&w.tree, NULL));
    assert_status(tree_validate_capabilities(&w.tree, &group), ST_MLS_CAPABILITIES);
    w.context.extensions = &group;
    assert_status(validate(), ST_MLS_CAPABILITIES);
    assert_status(tree_validate_leaf(&w.tree, &w.context, 2), ST_MLS_CAPABILITIES);
    test_tree_end(&w);
}

/* One member with an x509 credential, who understands both kinds: the others do not. */
static void tree_validate_wants_all_to_understand_every_credential(void **state)
{
    (void)state;
    static const uint8_t version[] = {0, 1}, suite[] = {0, 3}, both[] = {0, 1, 0, 2}, certificates[] = {1, 9};
    struct buffer encoded;
    struct leaf_node n;
    start();
    test_tree_leaf(&w, 5, LEAF_KEY_PACKAGE, &encoded, &n);
    struct leaf_node changed = n;
    changed.credential = (struct credential){CREDENTIAL_X509, SPAN(certificates)};
    changed.capabilities = (struct capabilities){
        .versions = {SPAN(version)}, .cipher_suites = {SPAN(suite)}, .credentials = {SPAN(both)}};
    struct buffer again;
    buffer_init(&again, MLS_LEAF_MAX);
    assert_ok(leaf_node_sign(&changed, NULL, &w.member[5].signer, &again));
    assert_ok(ratchet_tree_put_leaf(&w.tree, 5, buffer_span(&again)));
    assert_status(validate(), ST_MLS_CAPABILITIES);
    assert_status(tree_validate_leaf(&w.tree, &w.context, 5), ST_MLS_CAPABILITIES);
    assert_status(tree_validate_leaf(&w.tree, &w.context, 2), ST_MLS_CAPABILITIES);
    buffer_wipe(&again);
    buffer_wipe(&encoded);
    test_tree_end(&w);
}

static void tree_validate_refuses_keys_of_another_suite(void **state)
{
    (void)state;
    static const uint8_t long_key[33] = {4}, long_hash[48] = {1};
    start();
    struct parent_node n = *ratchet_tree_parent(&w.tree, 7);
    n.encryption_key = SPAN(long_key);
    put_parent(7, &n);
    assert_status(validate(), ST_MLS_KEY_LENGTH);
    test_tree_end(&w);
    start();
    n = *ratchet_tree_parent(&w.tree, 11);
    n.parent_hash = SPAN(long_hash);
    put_parent(11, &n);
    assert_status(validate(), ST_MLS_KEY_LENGTH);
    test_tree_end(&w);
}

static void tree_validate_refuses_a_tree_of_nobody(void **state)
{
    (void)state;
    test_tree_start(&w, 1, 0);
    assert_status(tree_validate(&w.tree, &w.context, SPAN_EMPTY), ST_MLS_TREE_FORMAT);
    static const uint8_t key[DH_LEN] = {1};
    const struct parent_node n = {.encryption_key = SPAN(key)};
    put_parent(1, &n);
    assert_status(validate(), ST_MLS_TREE_FORMAT);
    test_tree_end(&w);
}

static void tree_validate_reports_failing_memory(void **state)
{
    (void)state;
    uint8_t hash[HASH_LEN];
    start();
    tree_hash_root(&w.tree, hash);
    size_t live = mem_live();
    mem_fail_after(1);
    enum status st = tree_validate(&w.tree, &w.context, SPAN(hash));
    mem_fail_after(0);
    assert_status(st, ST_NO_MEMORY);
    assert_int_equal(mem_live(), live);
    test_tree_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T31_tree_validate_refuses_unmerged_leaves_that_cannot_be),
        cmocka_unit_test(T31_tree_validate_refuses_a_blank_unmerged_leaf),
        cmocka_unit_test(T31_tree_validate_refuses_a_key_in_two_places),
        cmocka_unit_test(T31_tree_validate_refuses_a_signature_key_in_two_leaves),
        cmocka_unit_test(tree_validate_leaf_refuses_an_encryption_key_of_any_node),
        cmocka_unit_test(T31_tree_validate_refuses_another_tree_hash),
        cmocka_unit_test(T31_tree_validate_refuses_a_leaf_without_a_good_signature),
        cmocka_unit_test(T31_tree_validate_refuses_parents_that_nobody_signed),
        cmocka_unit_test(tree_validate_asks_all_for_what_the_group_requires),
        cmocka_unit_test(tree_validate_wants_all_to_understand_every_credential),
        cmocka_unit_test(tree_validate_refuses_keys_of_another_suite),
        cmocka_unit_test(tree_validate_refuses_a_tree_of_nobody),
        cmocka_unit_test(tree_validate_reports_failing_memory),
    };
    return suite_start() != ST_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
