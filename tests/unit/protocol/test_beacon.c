/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/beacon.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("beacon");
    sample_check_decoder("readd_request");
    sample_check_decoder("leaf_told");
    sample_check_decoder("leave_note");
    sample_check_decoder("leave_heard");
}

static void a_flipped_bit_breaks_the_signature(void **state)
{
    (void)state;
    sample_check_signed("readd_request");
    sample_check_signed("leave_note");
}

/* Notes of before name no leaf, and are read still. */
static void a_leave_note_without_a_leaf_is_read(void **state)
{
    (void)state;
    struct sample_key mine = sample_key(2);
    struct leave_note n = {.generation = 7, .device = mine.device}, out;
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, 512);
    writer_init(&w, &bytes);
    assert_ok(leave_note_sign(&n, &mine.key));
    assert_ok(leave_note_encode(&w, &n));
    assert_int_equal(bytes.ptr[0], 1);
    assert_ok(leave_note_decode(&out, buffer_span(&bytes)));
    assert_false(out.has_leaf);
    assert_int_equal(out.generation, 7);
    assert_ok(leave_note_verify(&out));
    bytes.ptr[0] = 3;
    assert_status(leave_note_decode(&out, buffer_span(&bytes)), ST_WIRE_VERSION);
    buffer_wipe(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_flipped_bit_breaks_the_signature),
        cmocka_unit_test(a_leave_note_without_a_leaf_is_read),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
