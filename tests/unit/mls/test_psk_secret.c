/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/psk_secret.h"

#include "protocol/mem.h"
#include "protocol/mls/limits.h"
#include "tests/support/test.h"
#include "tests/support/test_hex.h"

/* Two external PSKs with the ids "one" and "two". */
static const uint8_t id_one[] = {1, 3, 'o', 'n', 'e', 32, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8,
                                 8, 8, 8,   8,   8,   8,  8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8};
static const uint8_t id_two[] = {1, 3, 't', 'w', 'o', 32, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
                                 9, 9, 9,   9,   9,   9,  9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};

static void psk_secret_chains_the_psks_in_their_order(void **state)
{
    (void)state;
    struct psk_input psks[] = {{SPAN(id_one), span_text("value one")},
                               {SPAN(id_two), span_text("value two")}};
    struct secret s, swapped;
    assert_ok(psk_secret_compute(psks, 2, &s));
    assert_hex(SPAN_ID(&s), "a948c916bddfbb6a758f945f5bea4b4d26f3aa852363957819e24702a029b1eb");
    struct psk_input other_order[] = {psks[1], psks[0]};
    assert_ok(psk_secret_compute(other_order, 2, &swapped));
    assert_false(secret_equal(&s, &swapped));
    assert_ok(psk_secret_compute(psks, 1, &swapped)); /* the count is part of every link */
    assert_false(secret_equal(&s, &swapped));
}

static void psk_secret_of_no_psk_is_zero(void **state)
{
    (void)state;
    struct secret s = {{1}}, zero = {{0}};
    assert_ok(psk_secret_compute(NULL, 0, &s));
    assert_true(secret_equal(&s, &zero));
}

static void psk_secret_refuses_too_many_and_gives_zero_on_failure(void **state)
{
    (void)state;
    static struct psk_input psks[MLS_PSKS_MAX + 1];
    for (size_t i = 0; i < MLS_PSKS_MAX + 1; i++)
        psks[i] = (struct psk_input){SPAN(id_one), span_text("value")};
    struct secret s, zero = {{0}};
    assert_ok(psk_secret_compute(psks, MLS_PSKS_MAX, &s));
    assert_status(psk_secret_compute(psks, MLS_PSKS_MAX + 1, &s), ST_MLS_PSK_COUNT);
    assert_true(secret_equal(&s, &zero));
    mem_fail_after(1);
    assert_status(psk_secret_compute(psks, 2, &s), ST_NO_MEMORY);
    mem_fail_after(0);
    assert_true(secret_equal(&s, &zero));
    assert_int_equal(mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(psk_secret_chains_the_psks_in_their_order),
        cmocka_unit_test(psk_secret_of_no_psk_is_zero),
        cmocka_unit_test(psk_secret_refuses_too_many_and_gives_zero_on_failure),
    };
    return suite_start() == ST_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
