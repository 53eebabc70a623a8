/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/evidence.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("evidence_record");
    sample_check_decoder("commit_data");
}

static void half_a_hash_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[] = {WIRE_VERSION, 3, 1, 2, 3};
    struct commit_data d;
    assert_status(commit_data_decode(&d, SPAN(bytes)), ST_WIRE_VALUE);
}

static void hashes_come_in_their_order(void **state)
{
    (void)state;
    uint8_t hashes[2 * ID_LEN] = {1};
    hashes[ID_LEN] = 2;
    struct commit_data d = {.count = 2, .hashes = SPAN(hashes)};
    struct entry_hash h;
    commit_data_hash_at(&d, 1, &h);
    assert_int_equal(h.b[0], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(half_a_hash_is_refused),
        cmocka_unit_test(hashes_come_in_their_order),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
