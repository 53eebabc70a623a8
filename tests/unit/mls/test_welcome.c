/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/welcome.h"

#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static struct buffer store, encoded;

static int wipe(void **state)
{
    (void)state;
    buffer_wipe(&store);
    buffer_wipe(&encoded);
    return 0;
}

static void decodes_and_encodes(void **state)
{
    (void)state;
    struct welcome m = test_welcome(&store);
    struct writer w;
    buffer_init(&encoded, 10000);
    writer_init(&w, &encoded);
    welcome_write(&w, &m);
    assert_ok(writer_done(&w));
    check_decoder(again_welcome, NULL, buffer_span(&encoded));
}

static void group_secrets_decode_and_encode(void **state)
{
    (void)state;
    const struct psk_id id = test_psk_id(PSK_EXTERNAL);
    static const uint8_t joiner[32] = {1}, path[32] = {2};
    struct writer w;
    for (int with = 0; with < 2; with++) {
        struct group_secrets s = {
            .joiner_secret = SPAN(joiner), .has_path_secret = with, .path_secret = SPAN(path)};
        buffer_wipe(&store);
        buffer_wipe(&encoded);
        buffer_init(&store, 1000);
        buffer_init(&encoded, 1000);
        writer_init(&w, &store);
        psk_id_write(&w, &id);
        s.psks = buffer_span(&store);
        writer_init(&w, &encoded);
        group_secrets_write(&w, &s);
        assert_ok(writer_done(&w));
        check_decoder(again_group_secrets, NULL, buffer_span(&encoded));
    }
}

struct opening {
    struct welcome w;
    struct dh_private key;
    struct hpke_ciphertext mine;
};

static enum status open_again(void *ctx, struct span in, struct buffer *again)
{
    const struct opening *o = ctx;
    struct group_secrets s;
    struct buffer plain;
    (void)again;
    buffer_init(&plain, 10000);
    const struct hpke_ciphertext c = {o->mine.kem_output, in};
    enum status st = welcome_open_secrets(&o->w, &c, &o->key, &plain, &s);
    buffer_wipe(&plain);
    return st;
}

static void secrets_open_for_their_key_and_group_info_only(void **state)
{
    (void)state;
    static const uint8_t joiner[32] = {1}, ref[32] = {3}, other[32] = {4}, info[40] = {9};
    struct test_entropy e;
    struct opening o;
    struct dh_public public_key;
    struct group_secrets s = {.joiner_secret = SPAN(joiner)}, back;
    struct buffer plain;
    test_entropy_init(&e, 3);
    assert_ok(dh_derive(SPAN(ref), &o.key, &public_key));
    buffer_init(&encoded, 10000);
    buffer_init(&plain, 10000);
    assert_ok(welcome_seal_secrets(&s, &(struct welcome_recipient){SPAN(ref), SPAN_ID(&public_key)},
                                   SPAN(info), &e.entropy, &encoded));
    o.w = (struct welcome){SUITE_ID, buffer_span(&encoded), 1, SPAN(info)};
    assert_status(welcome_find(&o.w, other, &o.mine), ST_MLS_NOT_FOR_US);
    assert_ok(welcome_find(&o.w, ref, &o.mine));
    assert_ok(welcome_open_secrets(&o.w, &o.mine, &o.key, &plain, &back));
    assert_span(back.joiner_secret, SPAN(joiner));
    check_flips_refused(open_again, &o, o.mine.ciphertext);
    o.w.encrypted_group_info.len--; /* it is the context of the encryption */
    assert_status(welcome_open_secrets(&o.w, &o.mine, &o.key, &plain, &back), ST_CRYPTO_OPEN);
    o.w.encrypted_group_info.len++;
    o.w.cipher_suite = 1;
    assert_status(welcome_open_secrets(&o.w, &o.mine, &o.key, &plain, &back), ST_MLS_SUITE);
    buffer_wipe(&plain);
}

static void a_group_info_opens_with_joiner_and_psk(void **state)
{
    (void)state;
    const struct secret joiner = {{1}}, psk = {{2}}, wrong = {{3}};
    struct group_info g = test_group_info(), back;
    struct writer w;
    struct buffer plain;
    buffer_init(&plain, 10000);
    buffer_init(&store, 10000);
    buffer_init(&encoded, 10000);
    writer_init(&w, &store);
    group_info_write(&w, &g);
    assert_ok(welcome_seal_info(buffer_span(&store), &joiner, &psk, &encoded));
    struct welcome m = {.cipher_suite = SUITE_ID, .encrypted_group_info = buffer_span(&encoded)};
    assert_ok(welcome_open_info(&m, &joiner, &psk, &plain, &back));
    assert_int_equal(back.signer, 3);
    assert_status(welcome_open_info(&m, &wrong, &psk, &plain, &back), ST_CRYPTO_OPEN);
    assert_status(welcome_open_info(&m, &joiner, &wrong, &plain, &back), ST_CRYPTO_OPEN);
    m.encrypted_group_info.len = AEAD_TAG_LEN - 1;
    assert_status(welcome_open_info(&m, &joiner, &psk, &plain, &back), ST_CRYPTO_OPEN);
    buffer_wipe(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decodes_and_encodes, NULL, wipe),
        cmocka_unit_test_setup_teardown(group_secrets_decode_and_encode, NULL, wipe),
        cmocka_unit_test_setup_teardown(secrets_open_for_their_key_and_group_info_only, NULL, wipe),
        cmocka_unit_test_setup_teardown(a_group_info_opens_with_joiner_and_psk, NULL, wipe),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
