/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/admission.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("admission");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
