/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/psk.h"

#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static void both_types_decode_and_encode(void **state)
{
    (void)state;
    for (enum psk_type t = PSK_EXTERNAL; t <= PSK_RESUMPTION; t++) {
        struct psk_id id = test_psk_id(t);
        struct buffer b;
        struct writer w;
        buffer_init(&b, 1000);
        writer_init(&w, &b);
        psk_id_write(&w, &id);
        assert_ok(writer_done(&w));
        check_decoder(again_psk_id, NULL, buffer_span(&b));
        buffer_wipe(&b);
    }
}

static void unknown_types_and_usages_are_refused(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 1000);
    assert_status(again_psk_id(NULL, test_hex("00 00 00"), &b), ST_WIRE_ENUM);
    assert_status(again_psk_id(NULL, test_hex("03 00 00"), &b), ST_WIRE_ENUM);
    assert_status(again_psk_id(NULL, test_hex("02 04 00 0000000000000000 00"), &b), ST_WIRE_ENUM);
    buffer_wipe(&b);
}

static void equal_means_every_field(void **state)
{
    (void)state;
    const struct psk_id a = test_psk_id(PSK_RESUMPTION);
    struct psk_id b = a;
    assert_true(psk_id_equal(&a, &b));
    b.epoch++;
    assert_false(psk_id_equal(&a, &b));
    b = a;
    b.nonce.len--;
    assert_false(psk_id_equal(&a, &b));
    b = a;
    b.usage = PSK_USAGE_APPLICATION;
    assert_false(psk_id_equal(&a, &b));
    b = a;
    b.group_id = span_text("other");
    assert_false(psk_id_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_types_decode_and_encode),
        cmocka_unit_test(unknown_types_and_usages_are_refused),
        cmocka_unit_test(equal_means_every_field),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
