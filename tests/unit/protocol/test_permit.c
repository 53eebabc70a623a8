/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/permit.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("permit");
    sample_check_decoder("permit_withdrawal");
}

static void a_flipped_bit_breaks_the_signature(void **state)
{
    (void)state;
    sample_check_signed("permit");
    sample_check_signed("permit_withdrawal");
}

static void a_person_approves_once(void **state)
{
    (void)state;
    struct sample_key phone = sample_key(1), laptop = sample_key(2);
    struct person_id ana = sample_person_id(9);
    struct permit p = {.oversight = OVERSIGHT_CONTACTS};
    assert_ok(permit_approve(&p, &ana, &phone.device, &phone.key));
    assert_status(permit_approve(&p, &ana, &laptop.device, &laptop.key), ST_USAGE);
    assert_int_equal(p.approval_count, 1);
}

static void one_person_twice_does_not_decode(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    struct permit p = {.oversight = OVERSIGHT_CONTACTS, .approval_count = 2};
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(permit_encode(&w, &p));
    assert_status(permit_decode(&p, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&b);
}

static void unknown_kinds_and_oversight_are_refused(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    struct permit p = {.oversight = OVERSIGHT_CONTACTS, .kinds = PERMIT_ALL + 1};
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(permit_encode(&w, &p));
    assert_status(permit_decode(&p, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&b);
    p = (struct permit){.oversight = OVERSIGHT_MESSAGES + 1};
    assert_ok(permit_encode(&w, &p));
    assert_status(permit_decode(&p, buffer_span(&b)), ST_WIRE_ENUM);
    buffer_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_flipped_bit_breaks_the_signature),
        cmocka_unit_test(a_person_approves_once),
        cmocka_unit_test(one_person_twice_does_not_decode),
        cmocka_unit_test(unknown_kinds_and_oversight_are_refused),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
