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

static void a_page_has_so_many_parts_and_an_offer_so_many_pages(void **state)
{
    (void)state;
    struct buffer parts, b;
    struct writer w;
    struct history_manifest m = {.first_part = HISTORY_PARTS_MAX - HISTORY_PAGE_MAX + 1}, got;
    struct history_range range = {.entry_count = 1};
    buffer_init(&parts, 1 << 14);
    buffer_init(&b, 1 << 14);
    for (size_t i = 0; i < HISTORY_PAGE_MAX; i++)
        assert_ok(history_manifest_add(&m, &parts, &range));
    assert_status(history_manifest_add(&m, &parts, &range), ST_NO_SPACE);
    writer_init(&w, &b);
    assert_ok(history_manifest_encode(&w, &m));
    assert_status(history_manifest_decode(&got, buffer_span(&b)), ST_WIRE_VALUE); /* one beyond the last */
    m.first_part--;
    b.len = 0;
    writer_init(&w, &b);
    assert_ok(history_manifest_encode(&w, &m));
    assert_ok(history_manifest_decode(&got, buffer_span(&b)));
    buffer_wipe(&parts);
    buffer_wipe(&b);
}

static void what_is_held_is_read_back_and_has_two_ends(void **state)
{
    (void)state;
    struct buffer bytes, b;
    struct writer w;
    struct reader r;
    struct history_held_list list = {.count = 0}, got;
    struct history_held held = {.first_hlc = 3, .last_hlc = 9}, one;
    buffer_init(&bytes, 4096);
    buffer_init(&b, 4096);
    assert_ok(history_held_add(&list, &bytes, &held));
    held.last_hlc = 3;
    assert_ok(history_held_add(&list, &bytes, &held));
    writer_init(&w, &b);
    history_held_write(&w, &list);
    assert_ok(writer_done(&w));
    reader_init(&r, buffer_span(&b));
    history_held_read(&r, &got);
    assert_ok(reader_done(&r));
    assert_int_equal(got.count, 2);
    history_held_at(&got, 0, &one);
    assert_int_equal(one.last_hlc, 9);
    held.last_hlc = 2; /* ends before it begins */
    assert_ok(history_held_add(&list, &bytes, &held));
    b.len = 0;
    writer_init(&w, &b);
    history_held_write(&w, &list);
    reader_init(&r, buffer_span(&b));
    history_held_read(&r, &got);
    assert_status(reader_done(&r), ST_WIRE_VALUE);
    buffer_wipe(&bytes);
    buffer_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_part_beyond_the_limits_is_refused),
        cmocka_unit_test(parts_are_read_back_by_number),
        cmocka_unit_test(a_page_has_so_many_parts_and_an_offer_so_many_pages),
        cmocka_unit_test(what_is_held_is_read_back_and_has_two_ends),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
