/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/local/say.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_MAX_COLUMNS = 200 }; /* what and next in one line that a terminal wraps once at most */

/* Statuses of the engine below the commands: a person meets them only as "refused", with the name beside it.
 */
static int is_below_people(const char *name)
{
    static const char *const prefixes[] = {"WIRE_",      "CRYPTO_",      "BLOCK_",      "MLS_", "ENTRY_",
                                           "LETTERBOX_", "JOURNAL_",     "RECORD_",     "CERT", "CHAIN_",
                                           "AUTH",       "POLICY_FIELD", "POLICY_ZONES"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return 1;
    }
    return 0;
}

static void every_status_that_reaches_a_person_has_its_own_words(void **state)
{
    (void)state;
    for (int s = 1; s < STATUS_COUNT; s++) {
        enum status_class class = status_class((enum status)s);
        if (class == CLASS_PROTOCOL || class == CLASS_CRYPTO || class == CLASS_INTERNAL ||
            class == CLASS_NONE)
            continue; /* one text a class: a person can do the same about each */
        if (is_below_people(status_name((enum status)s)) || s == ST_NO_SPACE)
            continue;
        if (!say_has((enum status)s) && class != CLASS_RETRY && class != CLASS_STORE)
            fail_msg("no words for ST_%s", status_name((enum status)s));
    }
}

static void words_fit_a_line_and_do_not_end_in_a_full_stop(void **state)
{
    (void)state;
    for (int s = 1; s < STATUS_COUNT; s++) {
        struct say say = say_of((enum status)s);
        size_t what = strlen(say.what), next = strlen(say.next);
        assert_true(what > 0 && what + next < LINE_MAX_COLUMNS);
        assert_true(say.what[what - 1] != '.');
        assert_true(next == 0 || say.next[next - 1] != '.');
        assert_null(strchr(say.what, '\n'));
    }
}

static void a_status_outside_the_list_still_says_something(void **state)
{
    (void)state;
    assert_true(strlen(say_of((enum status)STATUS_COUNT).what) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_that_reaches_a_person_has_its_own_words),
        cmocka_unit_test(words_fit_a_line_and_do_not_end_in_a_full_stop),
        cmocka_unit_test(a_status_outside_the_list_still_says_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
