/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/certificate.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("device_certificate");
    sample_check_decoder("revocation");
}

static void a_flipped_bit_breaks_the_signature(void **state)
{
    (void)state;
    sample_check_signed("device_certificate");
    sample_check_signed("revocation");
}

static void a_certificate_is_not_taken_for_anything_else(void **state)
{
    (void)state;
    struct sample_key ana = sample_key(1);
    struct device_certificate c = {.issuer = ana.device};
    struct revocation v = {.issuer = ana.device};
    assert_ok(device_certificate_sign(&c, &ana.key));
    v.signature = c.signature;
    assert_status(revocation_verify(&v), ST_CRYPTO_SIGNATURE);
    c.issuer = sample_key(2).device;
    assert_status(device_certificate_verify(&c), ST_CRYPTO_SIGNATURE);
}

static void supervised_is_a_boolean_and_nothing_else(void **state)
{
    (void)state;
    struct buffer b;
    struct device_certificate c;
    buffer_init(&b, 1024);
    sample_encode("device_certificate", &b);
    b.ptr[1 + ID_LEN + SHORT_ID_LEN] = 2;
    assert_status(device_certificate_decode(&c, buffer_span(&b)), ST_WIRE_VALUE);
    b.ptr[0] = 2;
    assert_status(device_certificate_decode(&c, buffer_span(&b)), ST_WIRE_VERSION);
    buffer_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_flipped_bit_breaks_the_signature),
        cmocka_unit_test(a_certificate_is_not_taken_for_anything_else),
        cmocka_unit_test(supervised_is_a_boolean_and_nothing_else),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
