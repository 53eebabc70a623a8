/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mark.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"
#include <stdlib.h>

static void words_are_told_apart_by_their_first_four_letters(void **state)
{
    (void)state;
    for (size_t i = 0; i < MARK_LIST_LEN; i++) {
        size_t len = strlen(mark_word(i));
        assert_in_range(len, 3, MARK_WORD_MAX);
        assert_int_equal(strspn(mark_word(i), "abcdefghijklmnopqrstuvwxyz"), len);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(strncmp(mark_word(i), mark_word(k), 4), 0);
    }
}

static void a_mark_is_six_words_of_the_family(void **state)
{
    (void)state;
    char one[MARK_TEXT_LEN], two[MARK_TEXT_LEN];
    struct family_id a = sample_person(1, 0).family, b = sample_person(2, 0).family;
    size_t dashes = 0;
    assert_ok(mark_of_family(&a, one));
    assert_ok(mark_of_family(&a, two));
    assert_string_equal(one, two);
    for (size_t i = 0; one[i]; i++)
        dashes += one[i] == '-';
    assert_int_equal(dashes, MARK_WORDS - 1);
    assert_ok(mark_of_family(&b, two));
    assert_string_not_equal(one, two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_told_apart_by_their_first_four_letters),
        cmocka_unit_test(a_mark_is_six_words_of_the_family),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
