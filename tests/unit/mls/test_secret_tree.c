/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/secret_tree.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/limits.h"
#include "protocol/mls/secret_tree_internal.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_records.h"

static struct secret_tree *tree_of(uint32_t leaf_count)
{
    struct secret root;
    struct secret_tree *t;
    memset(root.b, 5, sizeof(root.b));
    assert_ok(secret_tree_new(&t, leaf_count, &root));
    assert_int_equal(root.b[0] | root.b[31], 0);
    return t;
}

static void read_one(struct secret_tree *t, uint32_t leaf, uint32_t generation)
{
    struct message_key k;
    assert_ok(secret_tree_peek(t, leaf, RATCHET_APPLICATION, generation, &k));
    assert_ok(secret_tree_commit(t, &k));
}

static enum status peek(struct secret_tree *t, uint32_t leaf, uint32_t generation)
{
    struct message_key k;
    return secret_tree_peek(t, leaf, RATCHET_APPLICATION, generation, &k);
}

/* ---- what keys there are ---- */

static void secret_tree_derives_what_the_rfc_says(void **state)
{
    (void)state;
    static const struct {
        uint32_t leaf;
        enum ratchet_kind kind;
        uint32_t generation;
        const char *key, *nonce;
    } rows[] = {
        {0, RATCHET_HANDSHAKE, 0, "2751be12e9874cc92e867b8426a1150b596059b37bb64461baad6f298b005f21",
         "91fff83097097c20b272d03f"},
        {0, RATCHET_APPLICATION, 0, "453a57aad79a1c56e78c12f339b009bf3b3f2e9d02334223a2cc38853ccd3bbb",
         "2f987ec558105a38c6f2aa84"},
        {2, RATCHET_HANDSHAKE, 0, "a9dd46a7fc0311389360599ceb1142d61edd8ce62e25b216b78e0caeea0bdff9",
         "d6bbf18e5ddcdcc4cc5189e1"},
        {2, RATCHET_HANDSHAKE, 3, "515d9f894d02e8a667b93ebaf207c21ac415a276eb991519d7479550a916ba2d",
         "d68c89e20a8439fdc69a6fd5"},
        {2, RATCHET_APPLICATION, 0, "105159070f07ea70814bcf7076fde36234d17e05f2209851f1ec5c98d582a041",
         "530500bfddb98fc74f7ce283"},
        {2, RATCHET_APPLICATION, 3, "bc31a24587703e219b173b1171fd617071d510ae198da639e93ee7897b80c510",
         "82eba2c9bc4811530c5e0bbc"},
    };
    struct secret_tree *t = tree_of(3); /* three leaves: the tree is four wide */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message_key k;
        assert_ok(secret_tree_peek(t, rows[i].leaf, rows[i].kind, rows[i].generation, &k));
        assert_hex(SPAN(k.key), rows[i].key);
        assert_hex(SPAN(k.nonce), rows[i].nonce);
    }
    secret_tree_free(t);
}

static void sender_data_key_takes_a_sample_of_the_ciphertext(void **state)
{
    (void)state;
    struct secret s;
    memset(s.b, 6, sizeof(s.b));
    uint8_t ciphertext[40], key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN];
    for (uint8_t i = 0; i < sizeof(ciphertext); i++)
        ciphertext[i] = i;
    assert_ok(sender_data_key(&s, SPAN(ciphertext), key, nonce));
    assert_hex(SPAN(key), "9dc55420f4ae2674060e1893d04600772000901f2eb9d66fbf1898cd9f1254a9");
    assert_hex(SPAN(nonce), "5b28625ad933c469348df2f6");
    assert_ok(sender_data_key(&s, span_text("short"), key, nonce));
    assert_hex(SPAN(key), "b8cc6e5c8f765a572644af1afd131b1ca8d676d08a675cab75eea94d1d954d7a");
    assert_hex(SPAN(nonce), "5cc1e337f92f8b4f06a61766");
}

static void secret_tree_gives_sender_and_receiver_the_same_keys(void **state)
{
    (void)state;
    for (uint32_t width = 1; width <= MLS_LEAVES_MAX; width *= 4) {
        struct secret_tree *mine = tree_of(width), *theirs = tree_of(width);
        for (uint32_t leaf = 0; leaf < width; leaf += 1 + width / 7) {
            for (uint32_t g = 0; g < 3; g++) {
                struct message_key sent, got;
                assert_ok(secret_tree_send(mine, leaf, RATCHET_HANDSHAKE, &sent));
                assert_int_equal(sent.generation, g);
                assert_ok(secret_tree_peek(theirs, leaf, RATCHET_HANDSHAKE, g, &got));
                assert_span(SPAN(sent.key), SPAN(got.key));
                assert_span(SPAN(sent.nonce), SPAN(got.nonce));
                assert_ok(secret_tree_commit(theirs, &got));
            }
        }
        secret_tree_free(mine);
        secret_tree_free(theirs);
    }
}

/* ---- each of them once ---- */

static void T50_secret_tree_refuses_a_generation_twice(void **state)
{
    (void)state;
    struct secret_tree *t = tree_of(4);
    read_one(t, 1, 0);
    assert_status(peek(t, 1, 0), ST_MLS_GENERATION_USED);
    read_one(t, 1, 5); /* keeps 1 to 4 */
    read_one(t, 1, 3);
    assert_status(peek(t, 1, 3), ST_MLS_GENERATION_USED);
    assert_status(peek(t, 1, 5), ST_MLS_GENERATION_USED);
    assert_ok(peek(t, 1, 4));
    secret_tree_free(t);
}

static void secret_tree_refuses_a_key_that_was_peeked_twice_and_spent_once(void **state)
{
    (void)state;
    struct secret_tree *t = tree_of(4);
    struct message_key a, b;
    assert_ok(secret_tree_peek(t, 0, RATCHET_APPLICATION, 2, &a));
    b = a;
    assert_ok(secret_tree_commit(t, &a));
    assert_status(secret_tree_commit(t, &b), ST_MLS_GENERATION_USED);
    secret_tree_free(t);
}

static void secret_tree_sends_with_a_new_generation_each_time(void **state)
{
    (void)state;
    struct secret_tree *t = tree_of(2);
    struct message_key a, b;
    assert_ok(secret_tree_send(t, 1, RATCHET_APPLICATION, &a));
    assert_ok(secret_tree_send(t, 1, RATCHET_APPLICATION, &b));
    assert_int_equal(a.generation, 0);
    assert_int_equal(b.generation, 1);
    assert_memory_not_equal(a.key, b.key, sizeof(a.key));
    assert_status(peek(t, 1, 0), ST_MLS_GENERATION_USED);
    secret_tree_free(t);
}

static void secret_tree_peek_spends_nothing(void **state)
{
    (void)state;
    struct secret_tree *t = tree_of(4);
    struct message_key first, again;
    assert_ok(secret_tree_peek(t, 2, RATCHET_APPLICATION, 0, &first));
    for (uint32_t g = 0; g < 50; g++)
        assert_ok(peek(t, 2, g * 7));
    assert_ok(secret_tree_peek(t, 2, RATCHET_APPLICATION, 0, &again));
    assert_span(SPAN(first.key), SPAN(again.key));
    assert_ok(secret_tree_commit(t, &first));
    read_one(t, 2, 4);
    assert_ok(peek(t, 2, 1)); /* a skipped one */
    assert_ok(peek(t, 2, 1));
    read_one(t, 2, 1);
    secret_tree_free(t);
}

static void secret_tree_reads_out_of_order(void **state)
{
    (void)state;
    struct secret_tree *order = tree_of(2), *mixed = tree_of(2);
    static const uint32_t generations[] = {3, 0, 2, 6, 1, 5, 4, 7};
    uint8_t keys[8][AEAD_KEY_LEN];
    for (uint32_t g = 0; g < 8; g++) {
        struct message_key k;
        assert_ok(secret_tree_send(order, 0, RATCHET_APPLICATION, &k));
        memcpy(keys[g], k.key, sizeof(k.key));
    }
    for (size_t i = 0; i < 8; i++) {
        struct message_key k;
        assert_ok(secret_tree_peek(mixed, 0, RATCHET_APPLICATION, generations[i], &k));
        assert_span(SPAN(k.key), SPAN(keys[generations[i]]));
        assert_ok(secret_tree_commit(mixed, &k));
    }
    secret_tree_free(order);
    secret_tree_free(mixed);
}

/* ---- limits ---- */

static void T15_secret_tree_refuses_a_generation_bomb(void **state)
{
    (void)state;
    struct secret_tree *t = tree_of(2);
    assert_status(peek(t, 0, SECRET_TREE_AHEAD_MAX + 1), ST_MLS_GENERATION_AHEAD);
    assert_status(peek(t, 0, UINT32_MAX), ST_MLS_GENERATION_AHEAD);
    read_one(t, 0, SECRET_TREE_AHEAD_MAX);
    assert_status(peek(t, 0, 2 * SECRET_TREE_AHEAD_MAX + 2), ST_MLS_GENERATION_AHEAD);
    assert_ok(peek(t, 0, 2 * SECRET_TREE_AHEAD_MAX + 1));
    assert_ok(peek(t, 0, 0)); /* skipped, kept */
    secret_tree_free(t);
}

static void T15_secret_tree_keeps_a_bounded_number_of_skipped_keys(void **state)
{
    (void)state;
    struct secret_tree *t = tree_of(4);
    read_one(t, 3, 10); /* an honest member with a small gap */
    for (uint32_t i = 1; i <= 6; i++)
        read_one(t, 0, i * SECRET_TREE_AHEAD_MAX);
    assert_status(peek(t, 0, 0), ST_MLS_GENERATION_USED); /* the one with the gaps lost its oldest */
    assert_status(peek(t, 0, SECRET_TREE_AHEAD_MAX + 1), ST_MLS_GENERATION_USED);
    assert_ok(peek(t, 0, 6 * SECRET_TREE_AHEAD_MAX - 1));
    for (uint32_t g = 0; g < 10; g++)
        assert_ok(peek(t, 3, g));
    size_t kept = 0;
    for (uint32_t g = 0; g < 6 * SECRET_TREE_AHEAD_MAX; g++)
        kept += peek(t, 0, g) == ST_OK;
    assert_int_equal(kept, SECRET_TREE_SKIPPED_MAX - 10);
    secret_tree_free(t);
}

static void secret_tree_refuses_leaves_that_are_not_there(void **state)
{
    (void)state;
    struct secret_tree *t = tree_of(3);
    struct message_key k;
    assert_status(peek(t, 3, 0), ST_MLS_LEAF_RANGE);
    assert_status(peek(t, UINT32_MAX, 0), ST_MLS_LEAF_RANGE);
    assert_status(secret_tree_send(t, 4, RATCHET_HANDSHAKE, &k), ST_MLS_LEAF_RANGE);
    k = (struct message_key){.leaf = 7};
    assert_status(secret_tree_commit(t, &k), ST_MLS_LEAF_RANGE);
    secret_tree_free(t);
    struct secret root = {{1}};
    assert_status(secret_tree_new(&t, 0, &root), ST_USAGE);
    assert_null(t);
    root.b[0] = 1;
    assert_status(secret_tree_new(&t, MLS_LEAVES_MAX + 1, &root), ST_USAGE);
    assert_int_equal(root.b[0], 0);
}

static void secret_tree_ends_a_ratchet_before_its_number_wraps(void **state)
{
    (void)state;
    struct secret_tree *t;
    assert_ok(secret_tree_new_empty(&t, 1));
    static const uint8_t value[36] = {0xff, 0xff, 0xff, 0xfe};
    for (uint8_t kind = 0; kind < 2; kind++) {
        const uint8_t key[] = {RECORD_RATCHET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, kind};
        assert_ok(secret_tree_load(t, SPAN(key), SPAN(value)));
    }
    assert_ok(secret_tree_load_done(t));
    struct message_key k;
    assert_ok(secret_tree_send(t, 0, RATCHET_HANDSHAKE, &k));
    assert_int_equal(k.generation, 0xfffffffe);
    assert_status(secret_tree_send(t, 0, RATCHET_HANDSHAKE, &k), ST_MLS_RATCHET_END);
    assert_status(peek(t, 0, UINT32_MAX), ST_MLS_RATCHET_END);
    secret_tree_free(t);
}

static void secret_tree_survives_allocation_that_fails(void **state)
{
    (void)state;
    size_t before = mem_live();
    for (size_t n = 1; n <= 3; n++) {
        struct secret root = {{1}};
        struct secret_tree *t;
        mem_fail_after(n);
        assert_status(secret_tree_new(&t, 8, &root), ST_NO_MEMORY);
        mem_fail_after(0);
        assert_null(t);
        assert_int_equal(root.b[0], 0);
        assert_int_equal(mem_live(), before);
    }
    struct secret_tree *t = tree_of(8);
    struct message_key k;
    assert_ok(secret_tree_peek(t, 0, RATCHET_APPLICATION, 9, &k));
    mem_fail_after(1);
    assert_status(secret_tree_commit(t, &k), ST_NO_MEMORY);
    mem_fail_after(0);
    assert_ok(peek(t, 0, 0)); /* nothing changed */
    assert_ok(secret_tree_commit(t, &k));
    secret_tree_free(t);
    assert_int_equal(mem_live(), before);
}

/* ---- what is consumed is erased (RFC 9420 §9.2) ---- */

static bool has_bytes(const void *memory, size_t len, struct span what)
{
    for (size_t i = 0; i + what.len <= len; i++) {
        if (memcmp((const uint8_t *)memory + i, what.ptr, what.len) == 0)
            return true;
    }
    return false;
}

/* In any of the tree's memory, that which is not used at the moment too. */
static bool tree_has(const struct secret_tree *t, struct span what)
{
    return has_bytes(t->nodes, secret_tree_node_count(t) * sizeof(*t->nodes), what) ||
           has_bytes(t->ratchets, RATCHET_KINDS * (size_t)t->width * sizeof(*t->ratchets), what) ||
           has_bytes(t->skipped, t->skipped_cap * sizeof(*t->skipped), what);
}

static void T54_secret_tree_erases_what_is_consumed(void **state)
{
    (void)state;
    struct secret_tree *t = tree_of(8);
    struct secret root = t->nodes[t->width - 1].secret;
    assert_true(tree_has(t, SPAN_ID(&root)));
    assert_ok(peek(t, 5, 0));
    assert_false(tree_has(t, SPAN_ID(&root)));
    const struct ratchet *r = secret_tree_ratchet(t, 5, RATCHET_APPLICATION);
    struct secret first = r->next;
    struct message_key k, skipped;
    assert_ok(secret_tree_peek(t, 5, RATCHET_APPLICATION, 2, &k));
    assert_ok(secret_tree_peek(t, 5, RATCHET_APPLICATION, 1, &skipped));
    assert_ok(secret_tree_commit(t, &k));
    assert_false(tree_has(t, SPAN_ID(&first)));
    assert_false(tree_has(t, SPAN(k.key)));
    assert_false(tree_has(t, SPAN_ID(&skipped.next))); /* the ratchet secret of generation 2 */
    assert_true(tree_has(t, SPAN(skipped.key)));
    read_one(t, 5, 0); /* moves the key of generation 1 to another place */
    assert_ok(secret_tree_commit(t, &skipped));
    assert_false(tree_has(t, SPAN(skipped.key)));
    struct secret sending = r->next;
    assert_ok(secret_tree_send(t, 5, RATCHET_APPLICATION, &k));
    assert_false(tree_has(t, SPAN_ID(&sending)));
    assert_false(tree_has(t, SPAN(k.key)));
    secret_tree_free(t);
}

/* ---- storage ---- */

static struct secret_tree *load(struct test_records *r, uint32_t leaf_count)
{
    struct secret_tree *t;
    struct span key, value;
    assert_ok(secret_tree_new_empty(&t, leaf_count));
    test_records_rewind(r);
    for (;;) {
        assert_ok(r->source.next(r->source.ctx, &key, &value));
        if (key.len == 0)
            break;
        assert_ok(secret_tree_load(t, key, value));
    }
    assert_ok(secret_tree_load_done(t));
    return t;
}

static void secret_tree_writes_one_small_record_for_a_message_in_order(void **state)
{
    (void)state;
    struct test_records r;
    test_records_init(&r);
    struct secret_tree *t = tree_of(64);
    read_one(t, 9, 0);
    assert_ok(secret_tree_save(t, 7, &r.sink));
    for (uint32_t g = 1; g < 4; g++) {
        test_records_reset_counts(&r);
        read_one(t, 9, g);
        assert_ok(secret_tree_save(t, 7, &r.sink));
        assert_int_equal(r.puts, 1);
        assert_int_equal(r.removes, 0);
        assert_in_range(r.bytes, 36, 100);
    }
    test_records_reset_counts(&r);
    assert_ok(secret_tree_save(t, 7, &r.sink)); /* nothing new */
    assert_int_equal(r.puts + r.removes, 0);
    secret_tree_free(t);
    test_records_free(&r);
}

static void T54_secret_tree_leaves_no_consumed_secret_in_storage(void **state)
{
    (void)state;
    struct test_records r;
    test_records_init(&r);
    struct secret_tree *t = tree_of(4);
    assert_ok(secret_tree_save(t, 1, &r.sink));
    assert_int_equal(r.len, 1); /* the root */
    read_one(t, 0, 3);
    struct message_key skipped;
    assert_ok(secret_tree_peek(t, 0, RATCHET_APPLICATION, 1, &skipped));
    assert_ok(secret_tree_save(t, 1, &r.sink));
    static const uint8_t root[] = {RECORD_SECRET, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3};
    assert_null(test_records_find(&r, SPAN(root)));
    assert_int_equal(r.len, 2 + 2 + 3); /* two nodes beside the path, two ratchets, three skipped keys */
    assert_ok(secret_tree_commit(t, &skipped));
    assert_ok(secret_tree_save(t, 1, &r.sink));
    assert_int_equal(r.len, 6);
    for (size_t i = 0; i < r.len; i++)
        assert_false(span_equal(SPAN_OF(r.at[i].value, r.at[i].value_len > 32 ? 32 : r.at[i].value_len),
                                SPAN(skipped.key)));
    assert_ok(secret_tree_remove(t, 1, &r.sink));
    assert_int_equal(r.len, 0);
    secret_tree_free(t);
    test_records_free(&r);
}

/* Random reading with saves, failed saves and reloads at random places: what the records give back is at
 * every save the tree in memory, key for key. */
static void T50_secret_tree_comes_back_from_its_records(void **state)
{
    (void)state;
    struct test_entropy e;
    test_entropy_init(&e, test_seed(20));
    struct test_records r;
    test_records_init(&r);
    struct secret_tree *t = tree_of(11);
    for (unsigned step = 0; step < 3000; step++) {
        struct message_key k;
        uint32_t leaf = (uint32_t)test_entropy_below(&e, 11), g = (uint32_t)test_entropy_below(&e, 60);
        if (secret_tree_peek(t, leaf, (enum ratchet_kind)test_entropy_below(&e, 2), g, &k) == ST_OK)
            assert_ok(secret_tree_commit(t, &k));
        if (test_entropy_below(&e, 20) == 0) {
            r.fail_after = 1 + test_entropy_below(&e, 3);
            (void)!secret_tree_save(t, 3, &r.sink);
            r.fail_after = 0;
        }
        if (test_entropy_below(&e, 30) > 0)
            continue;
        assert_ok(secret_tree_save(t, 3, &r.sink));
        struct secret_tree *again = load(&r, 11);
        for (uint32_t i = 0; i < 11 * 2 * 60; i++) {
            struct message_key a, b;
            enum ratchet_kind kind = (enum ratchet_kind)(i % 2);
            enum status want = secret_tree_peek(t, i / 2 % 11, kind, i / 22, &a);
            assert_status(secret_tree_peek(again, i / 2 % 11, kind, i / 22, &b), want);
            assert_memory_equal(a.key, b.key, sizeof(a.key));
            assert_memory_equal(a.nonce, b.nonce, sizeof(a.nonce));
        }
        secret_tree_free(t);
        t = again;
    }
    secret_tree_free(t);
    test_records_free(&r);
}

static void secret_tree_refuses_records_that_no_save_wrote(void **state)
{
    (void)state;
    struct test_records r;
    test_records_init(&r);
    struct secret_tree *t = tree_of(4), *again;
    read_one(t, 1, 2);
    assert_ok(secret_tree_save(t, 0, &r.sink));
    for (size_t left_out = 0; left_out < r.len; left_out++) { /* a record that is missing */
        bool is_skipped = r.at[left_out].key[0] == RECORD_SKIPPED;
        assert_ok(secret_tree_new_empty(&again, 4));
        for (size_t i = 0; i < r.len; i++) {
            struct span key = {r.at[i].key, r.at[i].key_len};
            if (i != left_out)
                assert_ok(secret_tree_load(again, key, SPAN_OF(r.at[i].value, r.at[i].value_len)));
        }
        assert_status(secret_tree_load_done(again), is_skipped ? ST_OK : ST_MLS_RECORD);
        secret_tree_free(again);
    }
    assert_ok(secret_tree_new_empty(&again, 4));
    for (size_t i = 0; i < r.len; i++) { /* one that is cut, one that is too long, one that comes twice */
        struct span key = {r.at[i].key, r.at[i].key_len}, value = {r.at[i].value, r.at[i].value_len};
        for (size_t n = 0; n < key.len; n++)
            assert_status(secret_tree_load(again, SPAN_OF(key.ptr, n), value), ST_MLS_RECORD);
        for (size_t n = 0; n < value.len; n++)
            assert_status(secret_tree_load(again, key, SPAN_OF(value.ptr, n)), ST_MLS_RECORD);
        uint8_t longer[RECORD_KEY_MAX + 1] = {0};
        memcpy(longer, key.ptr, key.len);
        assert_status(secret_tree_load(again, SPAN_OF(longer, key.len + 1), value), ST_MLS_RECORD);
        assert_ok(secret_tree_load(again, key, value));
        assert_status(secret_tree_load(again, key, value), ST_MLS_RECORD);
    }
    static const uint8_t outside[] = {RECORD_SECRET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, value[32] = {1};
    static const uint8_t root[] = {RECORD_SECRET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3};
    assert_status(secret_tree_load(again, SPAN(outside), SPAN(value)), ST_MLS_RECORD);
    assert_ok(secret_tree_load_done(again));
    assert_ok(secret_tree_load(again, SPAN(root), SPAN(value))); /* a second way to every key */
    assert_status(secret_tree_load_done(again), ST_MLS_RECORD);
    secret_tree_free(again);
    secret_tree_free(t);
    test_records_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_tree_derives_what_the_rfc_says),
        cmocka_unit_test(sender_data_key_takes_a_sample_of_the_ciphertext),
        cmocka_unit_test(secret_tree_gives_sender_and_receiver_the_same_keys),
        cmocka_unit_test(T50_secret_tree_refuses_a_generation_twice),
        cmocka_unit_test(secret_tree_refuses_a_key_that_was_peeked_twice_and_spent_once),
        cmocka_unit_test(secret_tree_sends_with_a_new_generation_each_time),
        cmocka_unit_test(secret_tree_peek_spends_nothing),
        cmocka_unit_test(secret_tree_reads_out_of_order),
        cmocka_unit_test(T15_secret_tree_refuses_a_generation_bomb),
        cmocka_unit_test(T15_secret_tree_keeps_a_bounded_number_of_skipped_keys),
        cmocka_unit_test(secret_tree_refuses_leaves_that_are_not_there),
        cmocka_unit_test(secret_tree_ends_a_ratchet_before_its_number_wraps),
        cmocka_unit_test(secret_tree_survives_allocation_that_fails),
        cmocka_unit_test(T54_secret_tree_erases_what_is_consumed),
        cmocka_unit_test(secret_tree_writes_one_small_record_for_a_message_in_order),
        cmocka_unit_test(T54_secret_tree_leaves_no_consumed_secret_in_storage),
        cmocka_unit_test(T50_secret_tree_comes_back_from_its_records),
        cmocka_unit_test(secret_tree_refuses_records_that_no_save_wrote),
    };
    return suite_start() == ST_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
