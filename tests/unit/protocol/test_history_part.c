/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/history_part.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("history_manifest");
    sample_check_decoder("history_part");
}

static void a_part_beyond_the_limits_is_refused(void **state)
{
    (void)state;
    struct buffer parts, b;
    struct writer w;
    struct history_manifest m = {0}, got;
    struct history_range range = {.raw_size = HISTORY_RAW_MAX + 1};
    buffer_init(&parts, 4096);
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(history_manifest_add(&m, &parts, &range));
    assert_ok(history_manifest_encode(&w, &m));
    assert_status(history_manifest_decode(&got, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&parts);
    buffer_wipe(&b);
}

static void parts_are_read_back_by_number(void **state)
{
    (void)state;
    struct buffer parts;
    struct history_manifest m = {0};
    struct history_range range = {0}, got;
    buffer_init(&parts, 4096);
    for (uint32_t i = 0; i < 3; i++) {
        range.entry_count = i;
        assert_ok(history_manifest_add(&m, &parts, &range));
    }
    history_manifest_part(&m, 2, &got);
    assert_int_equal(got.entry_count, 2);
    buffer_wipe(&parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_part_beyond_the_limits_is_refused),
        cmocka_unit_test(parts_are_read_back_by_number),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
