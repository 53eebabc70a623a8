/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/recovery.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_samples.h"

/* The list is BIP-39's: the SHA-256 of its words, one a line, as published. */
static void the_list_is_the_one_of_the_standard(void **state)
{
    (void)state;
    struct buffer b;
    uint8_t hash[HASH_LEN];
    char hex[2 * HASH_LEN + 1];
    buffer_init(&b, 1 << 16);
    for (size_t i = 0; i < RECOVERY_LIST_LEN; i++) {
        assert_ok(buffer_append(&b, span_text(recovery_word(i))));
        assert_ok(buffer_append(&b, span_text("\n")));
    }
    hash_bytes(buffer_span(&b), hash);
    hex_encode(hex, SPAN(hash));
    assert_string_equal(hex, "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
    buffer_wipe(&b);
}

/* BIP-39: 256 zero bits are 23 times the first word and one that ends in their checksum, 0x66. */
static void known_words_come_out(void **state)
{
    (void)state;
    struct secret zero = {{0}}, got;
    char words[RECOVERY_TEXT_LEN];
    recovery_words(&zero, words);
    assert_int_equal(strncmp(words, "abandon abandon ", 16), 0);
    assert_string_equal(strrchr(words, ' '), " art");
    assert_ok(recovery_parse(span_text(words), &got));
    assert_true(secret_equal(&zero, &got));
}

static void random_kits_go_round(void **state)
{
    (void)state;
    struct test_entropy random;
    test_entropy_init(&random, test_seed(39));
    for (int i = 0; i < 500; i++) {
        struct secret kit, got;
        char words[RECOVERY_TEXT_LEN];
        entropy_fill(&random.entropy, kit.b, sizeof kit.b);
        recovery_words(&kit, words);
        assert_ok(recovery_parse(span_text(words), &got));
        assert_true(secret_equal(&kit, &got));
    }
}

static void beginnings_capitals_and_line_breaks_are_fine(void **state)
{
    (void)state;
    struct secret got;
    char text[512] = "";
    for (int i = 0; i < 23; i++)
        strcat(text, i % 2 ? "ABAN\n" : "Abandon  ");
    strcat(text, "art");
    assert_ok(recovery_parse(span_text(text), &got));
}

static void slips_are_named(void **state)
{
    (void)state;
    struct secret zero = {{0}}, got;
    char words[RECOVERY_TEXT_LEN + 16];
    recovery_words(&zero, words);
    memcpy(words, "ability", 7);
    assert_status(recovery_parse(span_text(words), &got), ST_RECOVERY_CHECKSUM);
    assert_true(secret_equal(&zero, &got)); /* wiped */
    memcpy(words, "abxndon", 7);
    assert_status(recovery_parse(span_text(words), &got), ST_RECOVERY_WORD);
    recovery_words(&zero, words);
    strcat(words, " zoo");
    assert_status(recovery_parse(span_text(words), &got), ST_RECOVERY_COUNT);
    recovery_words(&zero, words);
    *strrchr(words, ' ') = 0;
    assert_status(recovery_parse(span_text(words), &got), ST_RECOVERY_COUNT);
    assert_status(recovery_parse(SPAN_EMPTY, &got), ST_RECOVERY_COUNT);
}

static void a_kit_gives_one_key(void **state)
{
    (void)state;
    struct secret a = {{1}}, b = {{2}};
    struct sign_private key;
    struct sign_public one, two;
    assert_ok(recovery_key(&a, &key, &one));
    assert_ok(recovery_key(&a, &key, &two));
    assert_memory_equal(&one, &two, sizeof one);
    assert_ok(recovery_key(&b, &key, &two));
    assert_memory_not_equal(&one, &two, sizeof one);
    sign_private_wipe(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_the_one_of_the_standard),
        cmocka_unit_test(known_words_come_out),
        cmocka_unit_test(random_kits_go_round),
        cmocka_unit_test(beginnings_capitals_and_line_breaks_are_fine),
        cmocka_unit_test(slips_are_named),
        cmocka_unit_test(a_kit_gives_one_key),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
