/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <string.h>

#include "device/recovery_kit.h"
#include "tests/support/test_entropy.h"

static struct test_entropy dice;

static void a_kit_is_verified_against_the_chain(void **state)
{
    (void)state;
    struct authority at = {.founded = true, .person_count = 2};
    struct secret kit, other;
    struct sign_public other_public;
    char words[RECOVERY_TEXT_LEN];
    at.persons[0].person.b[0] = 1;
    at.persons[0].role = ROLE_PARENT;
    at.persons[1].person.b[0] = 2;
    at.persons[1].role = ROLE_CHILD;
    assert_ok(recovery_kit_make(&dice.entropy, &kit, &at.persons[0].recovery));
    recovery_words(&kit, words);
    assert_ok(recovery_kit_verify(&at, &at.persons[0].person, span_text(words)));
    assert_status(recovery_kit_verify(&at, &at.persons[1].person, span_text(words)), ST_USAGE);
    assert_ok(recovery_kit_make(&dice.entropy, &other, &other_public));
    recovery_words(&other, words);
    assert_status(recovery_kit_verify(&at, &at.persons[0].person, span_text(words)), ST_RECOVERY_OTHER);
    words[strlen(words) - 5] = '\0'; /* the last word is cut off */
    assert_true(recovery_kit_verify(&at, &at.persons[0].person, span_text(words)) != ST_OK);
}

static void a_kits_letterbox_is_the_same_each_time_and_shares_no_key(void **state)
{
    (void)state;
    struct secret kit;
    struct sign_public public;
    struct recovery_box a, b;
    assert_ok(recovery_kit_make(&dice.entropy, &kit, &public));
    assert_ok(recovery_box_derive(&kit, &a));
    assert_ok(recovery_box_derive(&kit, &b));
    assert_memory_equal(&a, &b, sizeof(a));
    const struct secret *keys[] = {&a.write_token, &a.read_token, &a.trim_token, &a.block_key, &kit};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < i; k++)
            assert_false(secret_equal(keys[i], keys[k]));
}

int main(void)
{
    if (suite_start() != ST_OK)
        return 1;
    test_entropy_init(&dice, test_seed(64));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kit_is_verified_against_the_chain),
        cmocka_unit_test(a_kits_letterbox_is_the_same_each_time_and_shares_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
