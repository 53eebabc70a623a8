/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/credential.h"

#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static void both_kinds_decode_and_encode(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    static const uint8_t certificates[] = {2, 0xaa, 0xbb, 1, 0xcc};
    const struct credential all[] = {{CREDENTIAL_BASIC, span_text("me")},
                                     {CREDENTIAL_BASIC, SPAN_EMPTY},
                                     {CREDENTIAL_X509, SPAN(certificates)}};
    for (size_t i = 0; i < 3; i++) {
        buffer_init(&b, 100);
        writer_init(&w, &b);
        credential_write(&w, &all[i]);
        assert_ok(writer_done(&w));
        check_decoder(again_credential, NULL, buffer_span(&b));
        buffer_wipe(&b);
    }
}

static void an_unknown_type_is_refused_by_name(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    assert_status(again_credential(NULL, test_hex("0a0a 00"), &b), ST_MLS_CREDENTIAL_TYPE);
    assert_status(again_credential(NULL, test_hex("0002 02 02aa"), &b), ST_WIRE_SHORT);
    buffer_wipe(&b);
}

static void equal_means_type_and_bytes(void **state)
{
    (void)state;
    const struct credential a = {CREDENTIAL_BASIC, span_text("me")}, b = {CREDENTIAL_BASIC, span_text("mE")},
                            c = {CREDENTIAL_X509, span_text("me")};
    assert_true(credential_equal(&a, &a));
    assert_false(credential_equal(&a, &b));
    assert_false(credential_equal(&a, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_decode_and_encode),
        cmocka_unit_test(an_unknown_type_is_refused_by_name),
        cmocka_unit_test(equal_means_type_and_bytes),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
