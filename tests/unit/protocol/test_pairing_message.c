/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/pairing_message.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    static const char *const names[] = {"pairing_link",   "pairing_answer",  "pairing_open",
                                        "pairing_accept", "pairing_confirm", "pairing_void"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        sample_check_decoder(names[i]);
}

static struct pairing_transcript transcript(void)
{
    struct pairing_transcript t = {.family = sample_person(3, 0).family,
                                   .person = sample_person_id(4),
                                   .role = ROLE_CHILD,
                                   .new_device = sample_key(2).device,
                                   .parent_device = sample_key(1).device};
    memset(t.link_hash, 1, sizeof t.link_hash);
    memset(t.new_nonce, 2, sizeof t.new_nonce);
    memset(t.parent_nonce, 3, sizeof t.parent_nonce);
    return t;
}

static void a_code_is_six_digits_and_the_same_on_both_sides(void **state)
{
    (void)state;
    struct pairing_transcript t = transcript();
    char one[PAIRING_CODE_DIGITS + 1], two[PAIRING_CODE_DIGITS + 1];
    assert_ok(pairing_code(&t, one));
    assert_ok(pairing_code(&t, two));
    assert_string_equal(one, two);
    assert_int_equal(strspn(one, "0123456789"), PAIRING_CODE_DIGITS);
    assert_int_equal(strlen(one), PAIRING_CODE_DIGITS);
}

/* T13: the code depends on everything that both sides fixed: link, family, person, role, keys by side,
 * nonces. */
static void T13_every_part_of_the_transcript_changes_the_hash(void **state)
{
    (void)state;
    uint8_t first[HASH_LEN], other[HASH_LEN];
    struct pairing_transcript t = transcript();
    assert_ok(pairing_transcript_hash(&t, first));
    uint8_t *const parts[] = {t.link_hash,       t.family.b,  t.person.b,    t.new_device.b,
                              t.parent_device.b, t.new_nonce, t.parent_nonce};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        parts[i][0] ^= 1;
        assert_ok(pairing_transcript_hash(&t, other));
        assert_memory_not_equal(first, other, HASH_LEN);
        parts[i][0] ^= 1;
    }
    t.role = ROLE_PARENT;
    assert_ok(pairing_transcript_hash(&t, other));
    assert_memory_not_equal(first, other, HASH_LEN);
    t = transcript();
    struct device_id swap = t.new_device;
    t.new_device = t.parent_device;
    t.parent_device = swap;
    assert_ok(pairing_transcript_hash(&t, other));
    assert_memory_not_equal(first, other, HASH_LEN);
}

static void codes_are_spread_over_all_numbers(void **state)
{
    (void)state;
    struct pairing_transcript t = transcript();
    char code[PAIRING_CODE_DIGITS + 1];
    unsigned first_digit[10] = {0};
    for (int i = 0; i < 2000; i++) {
        memcpy(t.new_nonce, &i, sizeof i);
        assert_ok(pairing_code(&t, code));
        first_digit[code[0] - '0']++;
    }
    for (int d = 0; d < 10; d++)
        assert_in_range(first_digit[d], 140, 260); /* 200 on average; 4.5 sigma either way */
}

static void T13_a_commitment_binds_key_and_nonce(void **state)
{
    (void)state;
    uint8_t nonce[PAIRING_NONCE_LEN] = {1}, one[HASH_LEN], two[HASH_LEN];
    struct device_id d = sample_key(2).device;
    assert_ok(pairing_commitment(&d, nonce, one));
    nonce[31] = 1;
    assert_ok(pairing_commitment(&d, nonce, two));
    assert_memory_not_equal(one, two, HASH_LEN);
    nonce[31] = 0;
    d = sample_key(3).device;
    assert_ok(pairing_commitment(&d, nonce, two));
    assert_memory_not_equal(one, two, HASH_LEN);
}

/* T13: an opening, an acceptance and a confirmation are each of one side and one run. */
static void T13_signatures_hold_for_one_side_one_message_and_one_run(void **state)
{
    (void)state;
    struct sample_key parent = sample_key(1), mine = sample_key(2);
    struct pairing_transcript t = transcript();
    struct pairing_open o = {
        .device = mine.device, .device_name = span_text("tablet"), .letterbox = span_text("box")};
    struct pairing_accept a = {.certificate = span_text("certificate")};
    struct pairing_confirm c = {{SPAN_EMPTY, 0}, {{0}}};
    memcpy(o.nonce, t.new_nonce, sizeof o.nonce);
    assert_ok(pairing_open_sign(&o, &t, &mine.key));
    assert_ok(pairing_accept_sign(&a, &t, &parent.key));
    assert_ok(pairing_confirm_sign(&c, &t, &mine.key));
    assert_ok(pairing_open_verify(&o, &t));
    assert_ok(pairing_accept_verify(&a, &t));
    assert_ok(pairing_confirm_verify(&c, &t));

    struct pairing_open other = o;
    other.letterbox = span_text("cox");
    assert_status(pairing_open_verify(&other, &t), ST_CRYPTO_SIGNATURE);
    struct pairing_accept wrong = a;
    wrong.certificate = span_text("dertificate");
    assert_status(pairing_accept_verify(&wrong, &t), ST_CRYPTO_SIGNATURE);
    wrong = a;
    wrong.signature = c.signature;
    assert_status(pairing_accept_verify(&wrong, &t), ST_CRYPTO_SIGNATURE);
    t.parent_nonce[0] ^= 1;
    assert_status(pairing_open_verify(&o, &t), ST_CRYPTO_SIGNATURE);
    assert_status(pairing_accept_verify(&a, &t), ST_CRYPTO_SIGNATURE);
    assert_status(pairing_confirm_verify(&c, &t), ST_CRYPTO_SIGNATURE);
}

static void the_two_logs_share_nothing(void **state)
{
    (void)state;
    struct pairing_link l = {0};
    struct pairing_log up, down;
    assert_ok(pairing_log_derive(&l, PAIRING_TO_PARENT, &up));
    assert_ok(pairing_log_derive(&l, PAIRING_TO_DEVICE, &down));
    assert_memory_not_equal(&up.write_token, &down.write_token, SECRET_LEN);
    assert_memory_not_equal(&up.write_token, &up.read_token, SECRET_LEN);
    assert_memory_not_equal(&up.block_key, &down.block_key, SECRET_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_code_is_six_digits_and_the_same_on_both_sides),
        cmocka_unit_test(T13_every_part_of_the_transcript_changes_the_hash),
        cmocka_unit_test(codes_are_spread_over_all_numbers),
        cmocka_unit_test(T13_a_commitment_binds_key_and_nonce),
        cmocka_unit_test(T13_signatures_hold_for_one_side_one_message_and_one_run),
        cmocka_unit_test(the_two_logs_share_nothing),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
