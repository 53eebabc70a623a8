/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/kith_context.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("kith_context");
    sample_check_decoder("conversation_context");
}

static void a_pair_has_one_scope_whoever_is_first(void **state)
{
    (void)state;
    struct person_ref a = sample_person(1, 2), b = sample_person(3, 4), c = sample_person(1, 4);
    struct scope_id ab, ba, ac;
    assert_ok(scope_id_of_pair(&a, &b, &ab));
    assert_ok(scope_id_of_pair(&b, &a, &ba));
    assert_ok(scope_id_of_pair(&a, &c, &ac));
    assert_true(ID_EQUAL(&ab, &ba));
    assert_false(ID_EQUAL(&ab, &ac));
}

static void scopes_of_one_person_or_family_differ_by_kind(void **state)
{
    (void)state;
    struct person_ref a = sample_person(1, 2);
    struct scope_id ward, own, family, parents;
    assert_ok(scope_id_of_person(SCOPE_WARD, &a.person, &ward));
    assert_ok(scope_id_of_person(SCOPE_OWN, &a.person, &own));
    assert_ok(scope_id_of_family(SCOPE_FAMILY, &a.family, &family));
    assert_ok(scope_id_of_family(SCOPE_PARENTS, &a.family, &parents));
    assert_false(ID_EQUAL(&ward, &own));
    assert_false(ID_EQUAL(&family, &parents));
}

static void families_stand_once_and_in_order(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    struct kith_context c = {.kind = SCOPE_CONVERSATION, .relay_count = 1, .family_count = 2};
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(kith_context_encode(&w, &c));
    assert_status(kith_context_decode(&c, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&b);
    c = (struct kith_context){.kind = SCOPE_CONVERSATION, .relay_count = 1};
    assert_status(kith_context_encode(&w, &c), ST_WIRE_VALUE);
    buffer_wipe(&b);
}

static void only_a_conversation_has_two_families(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    struct kith_context c = {.kind = SCOPE_FAMILY, .relay_count = 1, .family_count = 2};
    c.families[1].family.b[0] = 1;
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(kith_context_encode(&w, &c));
    assert_status(kith_context_decode(&c, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_pair_has_one_scope_whoever_is_first),
        cmocka_unit_test(scopes_of_one_person_or_family_differ_by_kind),
        cmocka_unit_test(families_stand_once_and_in_order),
        cmocka_unit_test(only_a_conversation_has_two_families),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
