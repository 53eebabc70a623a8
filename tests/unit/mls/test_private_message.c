/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/private_message.h"

#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static struct buffer store, plain, out;
static struct secret_tree *sender, *receiver;
static const struct secret sender_data = {{7}};
static struct test_entropy entropy;

static int setup(void **state)
{
    (void)state;
    struct secret one = {{1}}, same = {{1}};
    test_entropy_init(&entropy, 1);
    buffer_init(&plain, 1 << 20);
    buffer_init(&out, 1 << 20);
    assert_ok(secret_tree_new(&sender, 4, &one));
    assert_ok(secret_tree_new(&receiver, 4, &same));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    secret_tree_free(sender);
    secret_tree_free(receiver);
    buffer_wipe(&store);
    buffer_wipe(&plain);
    buffer_wipe(&out);
    return 0;
}

static void seal(enum content_type type, size_t padding)
{
    static const uint8_t signature[64] = {1}, tag[32] = {2};
    buffer_wipe(&store);
    struct authenticated_content a = {.wire_format = WIRE_PRIVATE_MESSAGE,
                                      .content = test_framed_content(type, &store),
                                      .auth = {SPAN(signature), SPAN_EMPTY}};
    if (type == CONTENT_COMMIT)
        a.auth.confirmation_tag = SPAN(tag);
    const struct private_message_keys k = {sender, &sender_data};
    out.len = 0;
    assert_ok(private_message_seal(&a, &k, padding, &entropy.entropy, &out));
}

static enum status open_as(struct span in, struct authenticated_content *a)
{
    const struct private_message_keys k = {receiver, &sender_data};
    struct private_message m;
    struct message_key spend;
    struct reader r;
    reader_init(&r, in);
    private_message_read(&r, &m);
    enum status s = reader_done(&r);
    if (s == ST_OK)
        s = private_message_open(&m, &k, &plain, a, &spend);
    message_key_wipe(&spend);
    return s;
}

static enum status open_again(void *ctx, struct span in, struct buffer *again)
{
    struct authenticated_content a;
    (void)ctx;
    (void)again;
    return open_as(in, &a);
}

static void decodes_and_encodes(void **state)
{
    (void)state;
    seal(CONTENT_APPLICATION, 0);
    check_decoder(again_private_message, NULL, buffer_span(&out));
}

static void what_was_sealed_opens_with_every_type_and_padding(void **state)
{
    (void)state;
    struct authenticated_content a;
    for (enum content_type t = CONTENT_APPLICATION; t <= CONTENT_COMMIT; t++) {
        for (size_t padding = 0; padding < 40; padding += 13) {
            seal(t, padding);
            assert_ok(open_as(buffer_span(&out), &a));
            assert_int_equal(a.content.type, t);
            assert_int_equal(a.content.sender.index, 2);
            assert_int_equal(a.wire_format, WIRE_PRIVATE_MESSAGE);
            assert_span(a.content.authenticated_data, span_text("data"));
        }
    }
}

static void every_flip_is_refused(void **state)
{
    (void)state;
    seal(CONTENT_APPLICATION, 3);
    check_flips_refused(open_again, NULL, buffer_span(&out));
}

/* The right keys, but content that a sloppy sender made: `change` works on the plaintext before sealing. */
static enum status open_plain(struct span content)
{
    struct message_key k;
    struct private_message m = {.group_id = span_text("g"), .epoch = 1, .type = CONTENT_APPLICATION};
    const struct private_message_keys keys = {receiver, &sender_data};
    struct authenticated_content a;
    uint8_t sealed[256], key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN], data[12] = {0, 0, 0, 2}, sealed_data[28];
    assert_ok(secret_tree_send(sender, 2, RATCHET_APPLICATION, &k));
    data[7] = (uint8_t)k.generation;
    const struct span aad = test_hex("01 67 0000000000000001 01 00"),
                      data_aad = test_hex("01 67 0000000000000001 01");
    assert_ok(aead_seal(k.key, k.nonce, aad, content, sealed));
    m.ciphertext = SPAN_OF(sealed, content.len + AEAD_TAG_LEN);
    assert_ok(sender_data_key(&sender_data, m.ciphertext, key, nonce));
    assert_ok(aead_seal(key, nonce, data_aad, SPAN(data), sealed_data));
    m.encrypted_sender_data = SPAN(sealed_data);
    enum status s = private_message_open(&m, &keys, &plain, &a, &k);
    message_key_wipe(&k);
    return s;
}

static void padding_is_zero_and_content_whole(void **state)
{
    (void)state;
    assert_ok(open_plain(test_hex("026869 01aa")));
    assert_ok(open_plain(test_hex("026869 01aa 000000")));
    assert_status(open_plain(test_hex("026869 01aa 000001")), ST_MLS_PADDING);
    assert_status(open_plain(test_hex("026869 01aa 010000")), ST_MLS_PADDING);
    assert_status(open_plain(test_hex("026869 02aa")), ST_WIRE_SHORT);
    assert_status(open_plain(SPAN_EMPTY), ST_WIRE_SHORT);
    test_hex_free();
}

static void the_reuse_guard_is_fresh_in_every_message(void **state)
{
    (void)state;
    /* two senders with one ratchet, as after a restored backup: same generation, other nonce */
    struct secret same = {{1}};
    struct secret_tree *again;
    struct buffer first;
    buffer_init(&first, 1 << 20);
    seal(CONTENT_APPLICATION, 0);
    assert_ok(buffer_append(&first, buffer_span(&out)));
    again = sender;
    assert_ok(secret_tree_new(&sender, 4, &same));
    seal(CONTENT_APPLICATION, 0);
    assert_int_equal(first.len, out.len);
    assert_memory_not_equal(first.ptr, out.ptr, out.len);
    secret_tree_free(again);
    buffer_wipe(&first);
}

static void another_epochs_sender_data_does_not_open(void **state)
{
    (void)state;
    const struct secret wrong = {{8}};
    struct private_message m;
    struct reader r;
    uint32_t leaf;
    seal(CONTENT_APPLICATION, 0);
    reader_init(&r, buffer_span(&out));
    private_message_read(&r, &m);
    assert_ok(private_message_sender(&m, &sender_data, &leaf, NULL));
    assert_int_equal(leaf, 2);
    assert_status(private_message_sender(&m, &wrong, &leaf, NULL), ST_MLS_SENDER_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decodes_and_encodes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_sealed_opens_with_every_type_and_padding, setup, teardown),
        cmocka_unit_test_setup_teardown(every_flip_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(padding_is_zero_and_content_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(the_reuse_guard_is_fresh_in_every_message, setup, teardown),
        cmocka_unit_test_setup_teardown(another_epochs_sender_data_does_not_open, setup, teardown),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
