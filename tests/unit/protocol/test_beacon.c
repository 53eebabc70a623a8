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
}

static void a_flipped_bit_breaks_the_signature(void **state)
{
    (void)state;
    sample_check_signed("readd_request");
    sample_check_signed("leave_note");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_flipped_bit_breaks_the_signature),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
