/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/content.h"

#include "tests/support/test.h"
#include "tests/support/test_structures.h"

static struct buffer store, encoded;

static int wipe(void **state)
{
    (void)state;
    buffer_wipe(&store);
    buffer_wipe(&encoded);
    return 0;
}

static struct authenticated_content sample(enum content_type type)
{
    static const uint8_t signature[64] = {1}, tag[32] = {2};
    buffer_wipe(&store);
    struct authenticated_content a = {.wire_format = WIRE_PUBLIC_MESSAGE,
                                      .content = test_framed_content(type, &store),
                                      .auth = {SPAN(signature), SPAN_EMPTY}};
    if (type == CONTENT_COMMIT)
        a.auth.confirmation_tag = SPAN(tag);
    return a;
}

static struct span encode(const struct authenticated_content *a)
{
    struct writer w;
    buffer_wipe(&encoded);
    buffer_init(&encoded, 1 << 20);
    writer_init(&w, &encoded);
    authenticated_content_write(&w, a);
    assert_ok(writer_done(&w));
    return buffer_span(&encoded);
}

static void every_type_and_sender_decodes_and_encodes(void **state)
{
    (void)state;
    for (enum content_type t = CONTENT_APPLICATION; t <= CONTENT_COMMIT; t++) {
        struct authenticated_content a = sample(t);
        check_decoder(again_content, NULL, encode(&a));
        for (enum sender_type from = SENDER_EXTERNAL; from <= SENDER_NEW_MEMBER_COMMIT; from++) {
            a.content.sender = (struct sender){from, from == SENDER_EXTERNAL ? 4 : 0};
            check_round_trip(again_content, NULL, encode(&a));
        }
    }
}

static void a_signature_is_for_context_format_and_content(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {3};
    struct sign_private key;
    struct sign_public public_key;
    uint8_t signature[SIGNATURE_LEN];
    sign_keypair_from_seed(seed, &key, &public_key);
    struct authenticated_content a = sample(CONTENT_PROPOSAL), b;
    const struct span context = span_text("context");
    assert_ok(content_sign(&a, context, &key, signature));
    a.auth.signature = SPAN(signature);
    assert_ok(content_verify(&a, context, SPAN_ID(&public_key)));
    assert_status(content_verify(&a, span_text("other"), SPAN_ID(&public_key)), ST_CRYPTO_SIGNATURE);
    b = a;
    b.wire_format = WIRE_PRIVATE_MESSAGE;
    assert_status(content_verify(&b, context, SPAN_ID(&public_key)), ST_CRYPTO_SIGNATURE);
    b = a;
    b.content.epoch++;
    assert_status(content_verify(&b, context, SPAN_ID(&public_key)), ST_CRYPTO_SIGNATURE);
    b = a;
    b.content.authenticated_data = SPAN_EMPTY;
    assert_status(content_verify(&b, context, SPAN_ID(&public_key)), ST_CRYPTO_SIGNATURE);
    b = a;
    b.content.sender.index++;
    assert_status(content_verify(&b, context, SPAN_ID(&public_key)), ST_CRYPTO_SIGNATURE);
}

static void a_reference_names_the_whole_content(void **state)
{
    (void)state;
    uint8_t one[32], other[32];
    struct authenticated_content a = sample(CONTENT_PROPOSAL);
    assert_ok(proposal_ref(&a, one));
    a.wire_format = WIRE_PRIVATE_MESSAGE;
    assert_ok(proposal_ref(&a, other));
    assert_memory_not_equal(one, other, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_type_and_sender_decodes_and_encodes, NULL, wipe),
        cmocka_unit_test_setup_teardown(a_signature_is_for_context_format_and_content, NULL, wipe),
        cmocka_unit_test_setup_teardown(a_reference_names_the_whole_content, NULL, wipe),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
