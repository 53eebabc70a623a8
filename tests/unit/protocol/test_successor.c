/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/successor.h"

#include <string.h>

#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("successor");
}

static struct successor example(void)
{
    struct successor s = {
        .generation = 1, .epoch = 5, .founder = 7, .reason = SUCCESSOR_POISONED, .admission = SPAN_EMPTY};
    memset(s.scope.b, 1, sizeof s.scope.b);
    memset(s.old_founding, 2, sizeof s.old_founding);
    memset(s.tree_hash, 3, sizeof s.tree_hash);
    return s;
}

static bool same_name(const struct successor *a, const struct successor *b)
{
    uint8_t x[SUCCESSOR_NAME_LEN], y[SUCCESSOR_NAME_LEN];
    assert_ok(successor_name(a, x));
    assert_ok(successor_name(b, y));
    return memcmp(x, y, sizeof x) == 0;
}

static void every_field_but_the_admission_is_in_the_name(void **state)
{
    (void)state;
    struct successor s[] = {example(), example(), example(), example(), example(),
                            example(), example(), example(), example(), example()};
    const struct successor first = example();
    s[0].scope.b[15] ^= 1;
    s[1].generation++;
    s[2].old_generation++;
    s[3].old_founding[31] ^= 1;
    s[4].epoch++;
    s[5].tree_hash[31] ^= 1;
    s[6].founder++;
    s[7].reason = SUCCESSOR_RELAY;
    s[8].nonce[15] ^= 1;
    s[9].admission = span_text("this is sealed for one of the members");
    for (size_t i = 0; i < 9; i++)
        assert_false(same_name(&s[i], &first));
    assert_true(same_name(&s[9], &first));
}

static void of_two_names_the_lower_founders_leaf_is_lower(void **state)
{
    (void)state;
    uint8_t low[SUCCESSOR_NAME_LEN], high[SUCCESSOR_NAME_LEN];
    for (uint8_t i = 0; i < 32; i++) {
        struct successor a = example(), b = example();
        a.founder = 1;
        b.founder = 2;
        a.nonce[0] = b.nonce[0] = i;
        assert_ok(successor_name(&a, low));
        assert_ok(successor_name(&b, high));
        assert_true(memcmp(low, high, sizeof low) < 0);
    }
    assert_true(successor_is_name(SPAN(low)));
    low[3] = WIRE_LEAVES_MAX;
    assert_false(successor_is_name(SPAN(low)));
    high[0] = 1;
    assert_false(successor_is_name(SPAN(high)));
}

static void a_founder_beyond_the_tree_and_a_generation_that_does_not_rise_are_refused(void **state)
{
    (void)state;
    struct successor bad[] = {example(), example()}, out;
    bad[0].founder = WIRE_LEAVES_MAX;
    bad[1].old_generation = 1;
    for (size_t i = 0; i < 2; i++) {
        struct buffer b;
        struct writer w;
        buffer_init(&b, 1024);
        writer_init(&w, &b);
        assert_ok(successor_encode(&w, &bad[i]));
        assert_int_equal(successor_decode(&out, buffer_span(&b)), ST_WIRE_VALUE);
        buffer_wipe(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(every_field_but_the_admission_is_in_the_name),
        cmocka_unit_test(of_two_names_the_lower_founders_leaf_is_lower),
        cmocka_unit_test(a_founder_beyond_the_tree_and_a_generation_that_does_not_rise_are_refused),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
