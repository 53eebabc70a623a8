/* SPDX-License-Identifier: Apache-2.0 */
/* What may be a name: something that shows, as it is. */
#include "protocol/name.h"

#include "protocol/wire.h"
#include "tests/support/test.h"

struct row {
    const char *text;
    bool shows;
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(name_shows(span_text(rows[i].text)), rows[i].shows);
        assert_int_equal(wire_text_ok(span_text(rows[i].text), true), rows[i].shows);
        assert_true(wire_text_ok(span_text(rows[i].text), false)); /* a text may be all of it */
    }
}

static void a_name_shows_something(void **state)
{
    static const struct row rows[] = {
        {"", false},
        {" ", false},
        {"   ", false},
        {"\xc2\xa0", false},         /* no-break space */
        {"\xe3\x80\x80", false},     /* ideographic space */
        {"\xe2\x80\x8b", false},     /* zero width space */
        {"\xe2\x80\x8d", false},     /* joiner */
        {"\xe3\x85\xa4", false},     /* Hangul filler */
        {"\xe2\xa0\x80", false},     /* Braille blank */
        {"\xef\xb8\x8f", false},     /* variation selector */
        {"\xef\xbb\xbf", false},     /* byte order mark */
        {"\xc2\xad", false},         /* soft hyphen */
        {"\xf3\xa0\x80\xa0", false}, /* a tag */
        {" \xe2\x80\x8b ", false},
        {".", true},
        {"Maya", true},
    };
    (void)state;
    check(rows, sizeof rows / sizeof rows[0]);
}

static void a_name_hides_nothing_and_has_no_blank_at_an_end(void **state)
{
    static const struct row rows[] = {
        {" Ana", false},
        {"Ana ", false},
        {"Ana\xc2\xa0", false},
        {"\xe3\x80\x80"
         "Ana",
         false},
        {"Ana\xe2\x80\x8b", false},
        {"A\xe2\x80\x8bna", false},
        {"A\xe2\x80\x8ena", false},     /* left-to-right mark */
        {"Ana\xe2\x80\x8d", false},     /* a joiner that joins nothing */
        {"Ana \xef\xb8\x8f", false},    /* a selector after a blank */
        {"Ana\xf3\xa0\x80\x81", false}, /* a language tag */
        {"Ana Lena", true},
        {"Ana\xc2\xa0Lena", true},
    };
    (void)state;
    check(rows, sizeof rows / sizeof rows[0]);
}

static void names_of_all_scripts_and_emoji_are_names(void **state)
{
    static const struct row rows[] = {
        {"Zoë", true},
        {"小さな子供", true},
        {"🦊🦊🦊", true},
        {"\xe2\x9d\xa4\xef\xb8\x8f", true}, /* a red heart */
        {"👩\xe2\x80\x8d👧", true},           /* a family of two, joined */
        {"\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae\xd9\x88\xd8\xa7\xd9\x87\xd9\x85",
         true}, /* Persian, with a non-joiner */
        {"\xf0\x9f\x8f\xb4\xf3\xa0\x81\xa7\xf3\xa0\x81\xa2\xf3\xa0\x81\xbf", true}, /* a flag of tags */
    };
    (void)state;
    check(rows, sizeof rows / sizeof rows[0]);
}

static void what_peers_send_as_a_name_is_refused_by_name(void **state)
{
    static const char *const rows[] = {"  ", " Ana", "\xe2\x80\x8b", "Ana\xe2\x80\x8b"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer b;
        struct writer w;
        struct reader r;
        buffer_init(&b, 100);
        writer_init(&w, &b);
        writer_vec(&w, span_text(rows[i]));
        assert_ok(writer_done(&w));
        reader_init(&r, buffer_span(&b));
        (void)wire_read_name(&r);
        assert_status(reader_done(&r), ST_WIRE_NAME);
        writer_init(&w, &b);
        wire_write_name(&w, span_text(rows[i]));
        assert_status(writer_done(&w), ST_WIRE_NAME);
        buffer_wipe(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_shows_something),
        cmocka_unit_test(a_name_hides_nothing_and_has_no_blank_at_an_end),
        cmocka_unit_test(names_of_all_scripts_and_emoji_are_names),
        cmocka_unit_test(what_peers_send_as_a_name_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
