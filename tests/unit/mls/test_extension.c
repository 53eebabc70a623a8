/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/extension.h"

#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static void lists_decode_and_keep_unknown_types(void **state)
{
    (void)state;
    struct span data;
    struct extensions e;
    struct reader r;
    const struct span good = test_hex("0e 0a0a 02 fffe 0003 03 616263 1234 00"); /* 0x0a0a is GREASE */
    check_decoder(again_extensions, NULL, good);
    reader_init(&r, good);
    extensions_read(&r, &e);
    assert_ok(reader_done(&r));
    assert_true(extensions_find(&e, 3, &data));
    assert_hex(data, "616263");
    assert_true(extensions_find(&e, 0x1234, &data));
    assert_int_equal(data.len, 0);
    assert_false(extensions_find(&e, 4, &data));
}

static void a_type_stands_once(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    assert_status(again_extensions(NULL, test_hex("06 0005 00 0005 00"), &b), ST_MLS_EXTENSION_TWICE);
    assert_ok(again_extensions(NULL, test_hex("06 0005 00 0006 00"), &b));
    buffer_wipe(&b);
}

static void a_list_has_a_limit(void **state)
{
    (void)state;
    struct buffer list, b;
    struct writer w;
    buffer_init(&list, 4096);
    buffer_init(&b, 4096);
    writer_init(&w, &list);
    size_t mark = writer_open(&w);
    for (uint16_t i = 0; i < 65; i++)
        extension_write(&w, (uint16_t)(100 + i), SPAN_EMPTY);
    writer_close(&w, mark);
    assert_ok(writer_done(&w));
    assert_status(again_extensions(NULL, buffer_span(&list), &b), ST_WIRE_LIMIT);
    buffer_wipe(&list);
    buffer_wipe(&b);
}

static void codes_come_in_pairs_of_bytes(void **state)
{
    (void)state;
    struct reader r;
    struct codes c;
    reader_init(&r, test_hex("04 0001 0a0a"));
    codes_read(&r, &c);
    assert_ok(reader_done(&r));
    assert_int_equal(codes_count(&c), 2);
    assert_int_equal(codes_at(&c, 1), 0x0a0a);
    assert_true(codes_have(&c, 1));
    assert_false(codes_have(&c, 0x0100));
    reader_init(&r, test_hex("03 000102"));
    codes_read(&r, &c);
    assert_status(r.failed, ST_WIRE_VALUE);
    assert_int_equal(codes_count(&c), 0);
}

static void required_capabilities_decode_and_encode(void **state)
{
    (void)state;
    check_decoder(again_required_capabilities, NULL, test_hex("02 f4b1 04 0001 0002 02 0001"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_decode_and_keep_unknown_types),
        cmocka_unit_test(a_type_stands_once),
        cmocka_unit_test(a_list_has_a_limit),
        cmocka_unit_test(codes_come_in_pairs_of_bytes),
        cmocka_unit_test(required_capabilities_decode_and_encode),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
