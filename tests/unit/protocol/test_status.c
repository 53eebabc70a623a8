/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/status.h"

#include <ctype.h>
#include <string.h>

#include "tests/support/test.h"

static void ok_is_zero_and_no_failure(void **state)
{
    (void)state;
    assert_int_equal(ST_OK, 0);
    assert_string_equal(status_name(ST_OK), "OK");
    assert_int_equal(status_class(ST_OK), CLASS_NONE);
}

static void every_status_has_a_name_a_text_and_a_class(void **state)
{
    (void)state;
    for (int i = 1; i < STATUS_COUNT; i++) {
        enum status s = (enum status)i;
        const char *name = status_name(s), *text = status_text(s);
        assert_true(strlen(name) > 0 && strlen(name) <= 40);
        for (const char *c = name; *c; c++)
            assert_true(isupper((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
        assert_true(strlen(text) >= 5 && strlen(text) <= 120);
        assert_true(text[strlen(text) - 1] != '.');
        assert_true(status_class(s) > CLASS_NONE && status_class(s) <= CLASS_INTERNAL);
    }
}

static void no_two_statuses_have_one_text(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        for (int k = i + 1; k < STATUS_COUNT; k++) {
            if (strcmp(status_text((enum status)i), status_text((enum status)k)) == 0)
                fail_msg("%s and %s have one text", status_name((enum status)i), status_name((enum status)k));
        }
    }
}

static void a_status_outside_the_list_is_unknown_and_internal(void **state)
{
    (void)state;
    static const int outside[] = {-1, STATUS_COUNT, STATUS_COUNT + 1, 1000000};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        enum status s = (enum status)outside[i];
        assert_string_equal(status_name(s), "UNKNOWN");
        assert_non_null(status_text(s));
        assert_int_equal(status_class(s), CLASS_INTERNAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ok_is_zero_and_no_failure),
        cmocka_unit_test(every_status_has_a_name_a_text_and_a_class),
        cmocka_unit_test(no_two_statuses_have_one_text),
        cmocka_unit_test(a_status_outside_the_list_is_unknown_and_internal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
