/* SPDX-License-Identifier: Apache-2.0 */
/* What others wrote, shown in a terminal: exactly it, and nothing that commands the terminal. */
#include "apps/kith/terminal.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

enum { PLAIN = -1 }; /* not a cell */

/* The bytes that are written for a text that is followed by others in memory. */
static char *shown(const char *text, int width)
{
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);
    size_t size = strlen(text) + 1;
    char *exact = malloc(size + 16);
    assert_non_null(to);
    assert_non_null(exact);
    memcpy(exact, text, size);
    memcpy(exact + size, "SECRET SECRET !", 16);
    if (width == PLAIN)
        put_text(to, exact);
    else
        put_cell(to, exact, width);
    fclose(to);
    free(exact);
    return out;
}

static void a_text_is_shown_whole_and_nothing_after_it(void **state)
{
    static const char *const rows[] = {"", "a", "The Ks", "Zoë", "日本", "two\xc2\xa0words"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *out = shown(rows[i], PLAIN);
        assert_string_equal(out, rows[i]);
        free(out);
    }
}

static void what_commands_a_terminal_is_shown_as_a_question_mark(void **state)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"\x1b[2Jgone", "?[2Jgone"},
        {"bell\a", "bell?"},
        {"two\nlines\tof", "two lines of"},
        {"\x7f", "?"},
        {"\xc2\x9b"
         "31m",
         "?31m"}, /* CSI in one character */
        {"a\xe2\x80\xae"
         "b",
         "a?b"}, /* right to left from here on */
        {"a\xe2\x81\xa6"
         "b",
         "a?b"},             /* an isolate */
        {"\xff\xfe", "??"},  /* no UTF-8 */
        {"cut\xc3", "cut?"}, /* an unfinished character */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *out = shown(rows[i].text, PLAIN);
        assert_string_equal(out, rows[i].shown);
        free(out);
    }
}

static void a_cell_has_its_width_in_columns(void **state)
{
    static const struct {
        const char *text;
        int width;
        const char *shown;
    } rows[] = {
        {"Ana", 6, "Ana   "},    {"", 3, "   "},         {"Maximiliane", 4, "Max…"},
        {"Zoë", 5, "Zoë  "},     {"日本語", 5, "日本…"}, /* two columns each, and none is cut in two */
        {"日本語", 6, "日本語"}, {"日本語", 4, "日… "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *out = shown(rows[i].text, rows[i].width);
        assert_string_equal(out, rows[i].shown);
        free(out);
    }
    assert_int_equal(cell_width(3, "Maya", 24), 4);
    assert_int_equal(cell_width(9, "Maya", 24), 9);
    assert_int_equal(cell_width(0, "Maximiliane", 4), 4);
}

static void a_link_becomes_a_square(void **state)
{
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);
    (void)state;
    assert_non_null(to);
    put_qr(to, "kith-meet:AAECAwQFBgcICQ");
    fclose(to);
    size_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += out[i] == '\n';
    assert_true(lines >= 12 && lines < 40);
    free(out);
}

static void a_time_that_is_none_is_a_dash(void **state)
{
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);
    (void)state;
    assert_non_null(to);
    put_time(to, 0);
    put_time(to, 1700000000000);
    fclose(to);
    assert_memory_equal(out, "-2023-11-1", 10);
    assert_int_equal(len, 1 + 16);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_shown_whole_and_nothing_after_it),
        cmocka_unit_test(what_commands_a_terminal_is_shown_as_a_question_mark),
        cmocka_unit_test(a_cell_has_its_width_in_columns),
        cmocka_unit_test(a_link_becomes_a_square),
        cmocka_unit_test(a_time_that_is_none_is_a_dash),
    };
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
