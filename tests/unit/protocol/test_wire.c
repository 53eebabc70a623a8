/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/hlc.h"
#include "protocol/wire.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

/* Nothing signed or derived for one purpose parses for another. */
static void no_label_is_another_or_its_beginning(void **state)
{
    (void)state;
    for (int i = 0; i < LABEL_COUNT; i++) {
        for (int k = 0; k < LABEL_COUNT; k++) {
            const char *a = label_text((enum label)i), *b = label_text((enum label)k);
            if (i != k && strncmp(a, b, strlen(a)) == 0)
                fail_msg("\"%s\" begins \"%s\"", a, b);
        }
    }
}

static void value_body(struct writer *w, const void *value)
{
    writer_bytes(w, *(const struct span *)value);
}

static void a_signature_holds_under_its_label_only(void **state)
{
    (void)state;
    struct sample_key ana = sample_key(1);
    struct span value = span_text("value");
    struct signature s;
    for (int i = 0; i < LABEL_COUNT; i++) {
        assert_ok(wire_sign((enum label)i, value_body, &value, &ana.key, &s));
        for (int k = 0; k < LABEL_COUNT; k++)
            assert_status(wire_verify((enum label)k, value_body, &value, &ana.device, &s),
                          i == k ? ST_OK : ST_CRYPTO_SIGNATURE);
    }
}

static void names_are_one_line_of_plain_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool name, text_ok;
    } rows[] = {
        {"Maya", true, true},
        {"Zoë 🦊", true, true},
        {"two\nlines", false, true},
        {"tab\there", false, true},
        {"bell\a", false, false},
        {"\x7f", false, false},
        {"\xc2\x85", false, false},         /* NEL, a C1 control */
        {"\xc0\xaf", false, false},         /* overlong */
        {"\xed\xa0\x80", false, false},     /* surrogate */
        {"\xf4\x90\x80\x80", false, false}, /* beyond Unicode */
        {"\xe2\x82", false, false},         /* cut */
        {"\xff", false, false},
        {"\xe2\x80\xae"
         "ayaM",
         false, false},                  /* right-to-left override */
        {"\xe2\x81\xa6x", false, false}, /* isolate */
        {"", false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(wire_text_ok(span_text(rows[i].text), true), rows[i].name);
        assert_int_equal(wire_text_ok(span_text(rows[i].text), false), rows[i].text_ok);
    }
    char lots[WIRE_NAME_MAX + 1];
    memset(lots, 'x', sizeof lots);
    assert_true(wire_text_ok(SPAN_OF((uint8_t *)lots, WIRE_NAME_MAX), true));
    assert_false(wire_text_ok(SPAN_OF((uint8_t *)lots, WIRE_NAME_MAX + 1), true));
}

static void lists_keep_their_limits(void **state)
{
    (void)state;
    struct buffer items, b;
    struct writer w;
    struct reader r;
    struct wire_list list = {SPAN_EMPTY, 0};
    buffer_init(&items, 1024);
    buffer_init(&b, 1024);
    assert_status(wire_list_append(&items, &list, SPAN_EMPTY), ST_USAGE);
    for (int i = 0; i < 3; i++)
        assert_ok(wire_list_append(&items, &list, span_text("item")));
    writer_init(&w, &b);
    wire_write_list(&w, &list);
    assert_ok(writer_done(&w));
    reader_init(&r, buffer_span(&b));
    struct wire_list got = wire_read_list(&r, 3, 4);
    assert_ok(reader_done(&r));
    assert_int_equal(got.count, 3);
    struct span rest = got.bytes, item;
    size_t seen = 0;
    while (wire_list_next(&rest, &item)) {
        assert_true(span_equal(item, span_text("item")));
        seen++;
    }
    assert_int_equal(seen, 3);
    reader_init(&r, buffer_span(&b));
    wire_read_list(&r, 2, 4);
    assert_status(reader_done(&r), ST_WIRE_LIMIT);
    reader_init(&r, buffer_span(&b));
    wire_read_list(&r, 3, 3);
    assert_status(reader_done(&r), ST_WIRE_LIMIT);
    buffer_wipe(&items);
    buffer_wipe(&b);
}

static void encoders_refuse_what_decoders_would(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    buffer_init(&b, 1024);
    writer_init(&w, &b);
    wire_write_name(&w, span_text("two\nlines"));
    assert_status(writer_done(&w), ST_WIRE_VALUE);
    writer_init(&w, &b);
    wire_write_text(&w, span_text("four"), 3);
    assert_status(writer_done(&w), ST_WIRE_LIMIT);
    buffer_wipe(&b);
}

static void an_hlc_only_goes_forward(void **state)
{
    (void)state;
    uint64_t t = hlc_next(0, 1000);
    assert_int_equal(hlc_ms(t), 1000);
    assert_true(hlc_next(t, 1000) > t);
    assert_true(hlc_next(t, 5) > t); /* a clock set back */
    assert_int_equal(hlc_ms(hlc_next(t, 2000)), 2000);
    assert_true(hlc_next(hlc_from_ms(INT64_MAX), -1) > hlc_from_ms(INT64_MAX));
    assert_int_equal(hlc_from_ms(-1), 0);
    assert_true(hlc_next(UINT64_MAX, 0) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_label_is_another_or_its_beginning),
        cmocka_unit_test(a_signature_holds_under_its_label_only),
        cmocka_unit_test(names_are_one_line_of_plain_text),
        cmocka_unit_test(lists_keep_their_limits),
        cmocka_unit_test(encoders_refuse_what_decoders_would),
        cmocka_unit_test(an_hlc_only_goes_forward),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
