/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/group_info.h"

#include "tests/support/test.h"
#include "tests/support/test_structures.h"

static struct buffer encoded;

static int wipe(void **state)
{
    (void)state;
    buffer_wipe(&encoded);
    return 0;
}

static void decodes_and_encodes(void **state)
{
    (void)state;
    struct group_info g = test_group_info();
    struct writer w;
    buffer_init(&encoded, 10000);
    writer_init(&w, &encoded);
    group_info_write(&w, &g);
    assert_ok(writer_done(&w));
    check_decoder(again_group_info, NULL, buffer_span(&encoded));
}

static struct sign_public public_key;

static enum status verify_again(void *ctx, struct span in, struct buffer *again)
{
    struct group_info g;
    enum status s = group_info_decode(&g, in);
    (void)ctx;
    (void)again;
    return s == ST_OK ? group_info_verify(&g, SPAN_ID(&public_key)) : s;
}

static void every_flip_of_a_signed_one_is_refused(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {5};
    struct sign_private key;
    struct group_info g = test_group_info();
    sign_keypair_from_seed(seed, &key, &public_key);
    buffer_init(&encoded, 10000);
    assert_ok(group_info_sign(&g, &key, &encoded));
    assert_ok(verify_again(NULL, buffer_span(&encoded), NULL));
    check_flips_refused(verify_again, NULL, buffer_span(&encoded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decodes_and_encodes, NULL, wipe),
        cmocka_unit_test_setup_teardown(every_flip_of_a_signed_one_is_refused, NULL, wipe),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
