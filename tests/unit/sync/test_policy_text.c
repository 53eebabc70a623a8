/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void every_field_has_a_name_a_value_and_a_meaning(void **state)
{
    struct policy p;
    (void)state;
    policy_defaults(&p);
    for (enum policy_field f = FIELD_APPROVAL; f < FIELD_COUNT; f++) {
        enum policy_field found;
        char value[POLICY_TEXT_MAX];
        policy_field_value(&p, f, value);
        assert_true(policy_field_find(policy_field_name(f), &found));
        assert_int_equal(found, f);
        assert_true(value[0] != '\0');
        assert_true(policy_field_meaning(&p, f)[0] != '\0');
    }
    assert_null(policy_field_name((enum policy_field)0));
    assert_null(policy_field_name(FIELD_COUNT));
}

static void a_value_that_is_set_is_the_value_that_is_shown(void **state)
{
    static const struct {
        enum policy_field field;
        const char *value;
    } cases[] = {
        {FIELD_APPROVAL, "any_parent"}, {FIELD_APPROACH_NOTICE, "told"}, {FIELD_APPROACH_NOTICE, "silent"},
        {FIELD_INTRODUCTIONS, "never"}, {FIELD_GROUPS, "never"},         {FIELD_ATTACHMENTS, "all"},
        {FIELD_PERMIT_DAYS, "30"},      {FIELD_PERMIT_DAYS, "3650"},     {FIELD_PENDING_MAX, "0"},
        {FIELD_OVERSIGHT, "contacts"},  {FIELD_DISCOVERY, "hidden"}};
    struct policy p;
    char value[POLICY_TEXT_MAX];
    (void)state;
    policy_defaults(&p);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(policy_field_set(&p, cases[i].field, cases[i].value), ST_OK);
        policy_field_value(&p, cases[i].field, value);
        assert_string_equal(value, cases[i].value);
        assert_int_equal(policy_check(&p), ST_OK);
    }
}

static void a_wrong_value_is_refused_and_changes_nothing(void **state)
{
    static const struct {
        enum policy_field field;
        const char *value;
        enum status status;
    } cases[] = {{FIELD_APPROVAL, "nobody", ST_POLICY_VALUE},
                 {FIELD_APPROVAL, "self", ST_POLICY_LATER},
                 {FIELD_DISCOVERY, "circles", ST_POLICY_LATER},
                 {FIELD_OVERSIGHT, "messages", ST_POLICY_LATER},
                 {FIELD_QUIET, "always", ST_POLICY_LATER},
                 {FIELD_RELEASES, "none", ST_POLICY_LATER},
                 {FIELD_PERMIT_DAYS, "0", ST_POLICY_VALUE},
                 {FIELD_PERMIT_DAYS, "3651", ST_POLICY_VALUE},
                 {FIELD_PERMIT_DAYS, "-1", ST_POLICY_VALUE},
                 {FIELD_PERMIT_DAYS, "7 days", ST_POLICY_VALUE},
                 {FIELD_PENDING_MAX, "51", ST_POLICY_VALUE},
                 {FIELD_PENDING_MAX, "", ST_POLICY_VALUE},
                 {(enum policy_field)99, "x", ST_POLICY_VALUE},
                 {FIELD_ATTACHMENTS, "Images", ST_POLICY_VALUE},
                 {FIELD_PERMIT_DAYS, "99999999999999999999", ST_POLICY_VALUE}};
    struct policy p, before;
    (void)state;
    policy_defaults(&p);
    before = p;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(policy_field_set(&p, cases[i].field, cases[i].value), cases[i].status);
        assert_true(policy_equal(&p, &before));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_a_name_a_value_and_a_meaning),
        cmocka_unit_test(a_value_that_is_set_is_the_value_that_is_shown),
        cmocka_unit_test(a_wrong_value_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
