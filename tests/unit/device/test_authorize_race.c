/* SPDX-License-Identifier: Apache-2.0 */
/* Who commits too often, alone or with another (T25). */
#include "tests/unit/device/group_fixture.h"

static void T25_a_person_does_not_refresh_twice_in_a_row(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    assert_ok(commit_judge(&w.c, L_TIM));
    w.c.authors[0] = ref_of(&w.f, TIM);
    w.c.author_count = 1;
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_REFRESH);
    assert_ok(commit_judge(&w.c, L_MAYA));
    w.c.authors[0] = ref_of(&w.f, MAYA);
    w.c.authors[1] = ref_of(&w.f, TIM);
    w.c.author_count = 2;
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_REFRESH);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REFRESH);
    assert_ok(commit_judge(&w.c, L_BEN));
    world_wipe(&w);
}

static void T25_readding_oneself_is_a_refresh_too(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    assert_ok(add_parent_device(&w.f, ANA, &w.f.ana_laptop, &w.f.ana));
    const struct family *const one[] = {&w.f};
    struct commit c;
    commit_init(&c, SCOPE_FAMILY, one, 1);
    c.before.scope = c.after.scope = w.c.before.scope;
    uint32_t phone = commit_member(&c, &w.f, ANA, &w.f.ana),
             laptop = commit_member(&c, &w.f, ANA, &w.f.ana_laptop);
    uint32_t ben = commit_member(&c, &w.f, BEN, &w.f.ben);
    commit_member(&c, &w.f, MAYA, &w.f.maya);
    commit_member(&c, &w.f, TIM, &w.f.tim);
    struct mls_change *out = commit_remove(&c, laptop), *in = commit_add(&c, &w.f, ANA, &w.f.ana_laptop);
    commit_readd(&c, out, in, &w.f.ana_laptop);
    assert_ok(commit_judge(&c, phone));
    c.authors[0] = ref_of(&w.f, ANA);
    c.author_count = 1;
    assert_status(commit_judge(&c, phone), ST_AUTHORIZE_REFRESH);
    assert_ok(commit_judge(&c, ben));
    commit_wipe(&c);
    world_wipe(&w);
}

/* Of two who conspire one adds the other again: `by` made epoch `made` epochs ago, `whom` the one `whom_made`
 * ago (0: longer ago), and the leaf of `whom` is out of a key package or not. */
static enum status readd_after(unsigned by, unsigned made, unsigned whom_made, enum leaf_source source)
{
    struct world w;
    family_group(&w);
    uint32_t leaf = by == MAYA ? L_TIM : L_MAYA;
    unsigned whom = by == MAYA ? TIM : MAYA;
    const struct sample_key *key = by == MAYA ? &w.f.tim : &w.f.maya;
    w.c.leaves[leaf].leaf_node = fake_leaf(&w.c, &key->device, source);
    for (unsigned ago = 1; ago <= 2; ago++)
        w.c.authors[w.c.author_count++] = ref_of(&w.f, ago == made ? by : ago == whom_made ? whom : BEN);
    struct mls_change *out = commit_remove(&w.c, leaf), *in = commit_add(&w.c, &w.f, whom, key);
    commit_readd(&w.c, out, in, key);
    enum status st = commit_judge(&w.c, by == MAYA ? L_MAYA : L_TIM);
    world_wipe(&w);
    return st;
}

static void T25_two_who_add_each_other_again_in_turns_wait_for_a_third(void **state)
{
    (void)state;
    for (unsigned by = MAYA; by <= TIM; by++) {
        assert_ok(readd_after(by, 0, 0, LEAF_COMMIT));
        assert_ok(readd_after(by, 0, 0, LEAF_KEY_PACKAGE)); /* somebody else added it last */
        assert_ok(readd_after(by, 0, 1, LEAF_COMMIT));
        assert_ok(readd_after(by, 1, 0, LEAF_COMMIT));
        assert_ok(readd_after(by, 2, 0, LEAF_KEY_PACKAGE));
        assert_status(readd_after(by, 1, 2, LEAF_COMMIT), ST_AUTHORIZE_REFRESH);
        assert_status(readd_after(by, 2, 1, LEAF_COMMIT), ST_AUTHORIZE_REFRESH);
        assert_status(readd_after(by, 1, 0, LEAF_KEY_PACKAGE), ST_AUTHORIZE_REFRESH);
    }
}

static void one_of_two_persons_is_always_added_again(void **state)
{
    (void)state;
    struct world w;
    const struct family *one[1];
    family_group(&w);
    struct commit c;
    one[0] = &w.f;
    commit_init(&c, SCOPE_FAMILY, one, 1);
    c.before.scope = c.after.scope = w.c.before.scope;
    uint32_t ana = commit_member(&c, &w.f, ANA, &w.f.ana), ben = commit_member(&c, &w.f, BEN, &w.f.ben);
    struct mls_change *out = commit_remove(&c, ben), *in = commit_add(&c, &w.f, BEN, &w.f.ben);
    commit_readd(&c, out, in, &w.f.ben);
    c.authors[0] = ref_of(&w.f, ANA);
    c.authors[1] = ref_of(&w.f, BEN);
    c.author_count = 2;
    assert_ok(commit_judge(&c, ana));
    c.leaves[ben].leaf_node = fake_leaf(&c, &w.f.ben.device, LEAF_KEY_PACKAGE);
    commit_again(&c);
    out = commit_remove(&c, ben);
    in = commit_add(&c, &w.f, BEN, &w.f.ben);
    commit_readd(&c, out, in, &w.f.ben);
    c.authors[0] = ref_of(&w.f, ANA);
    c.author_count = 1;
    assert_ok(commit_judge(&c, ana));
    /* Nor does it wait for a third who never committed, and may never come. */
    uint32_t tim = commit_member(&c, &w.f, TIM, &w.f.tim);
    c.leaves[tim].leaf_node = fake_leaf(&c, &w.f.tim.device, LEAF_KEY_PACKAGE);
    assert_ok(commit_judge(&c, ana));
    c.leaves[tim].leaf_node = fake_leaf(&c, &w.f.tim.device, LEAF_COMMIT);
    assert_status(commit_judge(&c, ana), ST_AUTHORIZE_REFRESH);
    commit_wipe(&c);
    world_wipe(&w);
}

static void T25_a_removal_is_never_a_refresh(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    remove_tim(&w);
    commit_remove(&w.c, L_TIM);
    commit_chain(&w.c, &w.f);
    w.c.authors[0] = ref_of(&w.f, ANA);
    w.c.authors[1] = ref_of(&w.f, ANA);
    w.c.author_count = 2;
    assert_ok(commit_judge(&w.c, L_ANA));
    world_wipe(&w);
}

static void one_person_alone_may_always_refresh(void **state)
{
    (void)state;
    struct world w;
    scope_group(&w, SCOPE_OWN, ANA);
    commit_member(&w.c, &w.f, ANA, &w.f.ana);
    w.c.authors[0] = ref_of(&w.f, ANA);
    w.c.author_count = 1;
    assert_ok(commit_judge(&w.c, 0));
    world_wipe(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T25_a_person_does_not_refresh_twice_in_a_row),
        cmocka_unit_test(T25_readding_oneself_is_a_refresh_too),
        cmocka_unit_test(T25_two_who_add_each_other_again_in_turns_wait_for_a_third),
        cmocka_unit_test(one_of_two_persons_is_always_added_again),
        cmocka_unit_test(T25_a_removal_is_never_a_refresh),
        cmocka_unit_test(one_person_alone_may_always_refresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
