/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include "policy/permit_check.h"

enum { MAYA = 1, LEO = 2, DAY = 24 * 3600 * 1000 };

static struct person_ref person(uint8_t family, uint8_t id)
{
    struct person_ref p;
    memset(&p, 0, sizeof(p));
    p.family.b[0] = family;
    p.person.b[0] = id;
    return p;
}

static struct policy_permit permit(void)
{
    return (struct policy_permit){.child = person(1, MAYA),
                                  .contact = person(2, LEO),
                                  .kinds = POLICY_PERMIT_TEXT | POLICY_PERMIT_IMAGES,
                                  .not_before_ms = 10 * (int64_t)DAY,
                                  .not_after_ms = 20 * (int64_t)DAY,
                                  .serial = 7,
                                  .enough = true};
}

static enum permit_state check(const struct policy_permit *p, const struct policy_withdrawal *w,
                               struct policy_time t, uint8_t kinds)
{
    struct permit_check_args a = {p, 1, w, w == NULL ? 0 : 1, &t, kinds};
    struct person_ref maya = person(1, MAYA), leo = person(2, LEO);
    return permit_check(&a, &maya, &leo);
}

static void permit_holds_in_its_time_and_kind_only(void **state)
{
    (void)state;
    struct policy_permit p = permit();
    static const struct {
        int64_t day;
        uint8_t kinds;
        enum permit_state want;
    } rows[] = {{15, POLICY_PERMIT_TEXT, PERMIT_STATE_HOLDS},
                {15, POLICY_PERMIT_IMAGES, PERMIT_STATE_HOLDS},
                {15, POLICY_PERMIT_FILES, PERMIT_STATE_KIND},
                {15, POLICY_PERMIT_TEXT | POLICY_PERMIT_GROUPS, PERMIT_STATE_KIND},
                {9, POLICY_PERMIT_TEXT, PERMIT_STATE_NOT_YET},
                {20, POLICY_PERMIT_TEXT, PERMIT_STATE_EXPIRED},
                {400, POLICY_PERMIT_TEXT, PERMIT_STATE_EXPIRED},
                {10, POLICY_PERMIT_TEXT, PERMIT_STATE_HOLDS}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(check(&p, NULL, (struct policy_time){rows[i].day * DAY, 0, 0}, rows[i].kinds),
                         rows[i].want);
}

static void permit_is_for_one_pair_in_one_direction(void **state)
{
    (void)state;
    struct policy_permit p = permit();
    struct policy_time t = {15 * (int64_t)DAY, 0, 0};
    struct permit_check_args a = {&p, 1, NULL, 0, &t, POLICY_PERMIT_TEXT};
    struct person_ref maya = person(1, MAYA), leo = person(2, LEO), namesake = person(3, LEO),
                      sister = person(1, 9);
    assert_int_equal(permit_check(&a, &maya, &leo), PERMIT_STATE_HOLDS);
    assert_int_equal(permit_check(&a, &leo, &maya), PERMIT_STATE_MISSING);
    assert_int_equal(permit_check(&a, &maya, &namesake), PERMIT_STATE_MISSING);
    assert_int_equal(permit_check(&a, &sister, &leo), PERMIT_STATE_MISSING);
}

static void permit_withdrawal_voids_serials_up_to_its_own(void **state)
{
    (void)state;
    struct policy_permit p = permit();
    struct policy_time t = {15 * (int64_t)DAY, 0, 0};
    struct policy_withdrawal w = {person(1, MAYA), person(2, LEO), 7};
    assert_int_equal(check(&p, &w, t, POLICY_PERMIT_TEXT), PERMIT_STATE_WITHDRAWN);
    w.serial = 6;
    assert_int_equal(check(&p, &w, t, POLICY_PERMIT_TEXT), PERMIT_STATE_HOLDS);
    w.serial = 100;
    assert_int_equal(check(&p, &w, t, POLICY_PERMIT_TEXT), PERMIT_STATE_WITHDRAWN);
    w.contact = person(2, 99);
    assert_int_equal(check(&p, &w, t, POLICY_PERMIT_TEXT), PERMIT_STATE_HOLDS);
}

static void permit_without_enough_signatures_is_none(void **state)
{
    (void)state;
    struct policy_permit p = permit();
    p.enough = false;
    assert_int_equal(check(&p, NULL, (struct policy_time){15 * (int64_t)DAY, 0, 0}, POLICY_PERMIT_TEXT),
                     PERMIT_STATE_TOO_FEW);
}

static void approvals_count_persons_who_are_parents(void **state)
{
    (void)state;
    struct person_id ana = person(1, 1).person, ben = person(1, 2).person, stranger = person(1, 3).person;
    struct person_id parents[] = {ana, ben}, twice[] = {ana, ana}, both[] = {ben, ana}, other[] = {stranger};
    assert_true(policy_approvals_enough(POLICY_APPROVAL_ANY_PARENT, parents, 2, twice, 2));
    assert_false(policy_approvals_enough(POLICY_APPROVAL_ALL_PARENTS, parents, 2, twice, 2));
    assert_true(policy_approvals_enough(POLICY_APPROVAL_ALL_PARENTS, parents, 2, both, 2));
    assert_false(policy_approvals_enough(POLICY_APPROVAL_ANY_PARENT, parents, 2, other, 1));
    assert_false(policy_approvals_enough(POLICY_APPROVAL_SELF, parents, 2, other, 1));
    assert_false(policy_approvals_enough(POLICY_APPROVAL_ANY_PARENT, parents, 2, NULL, 0));
    assert_false(policy_approvals_enough(POLICY_APPROVAL_ALL_PARENTS, NULL, 0, both, 2));
}

/* T22: clocks only close. */
static void T22_a_clock_set_back_does_not_extend_a_permit(void **state)
{
    (void)state;
    struct policy_permit p = permit();
    int64_t before = 15 * (int64_t)DAY, after = 21 * (int64_t)DAY;
    assert_int_equal(check(&p, NULL, (struct policy_time){before, after, 0}, POLICY_PERMIT_TEXT),
                     PERMIT_STATE_EXPIRED);
    /* a relay that lies about the time closes nothing by itself */
    assert_int_equal(check(&p, NULL, (struct policy_time){before, 0, after}, POLICY_PERMIT_TEXT),
                     PERMIT_STATE_HOLDS);
    /* a clock set forward opens nothing while the relay does not agree */
    int64_t early = 9 * (int64_t)DAY;
    assert_int_equal(check(&p, NULL, (struct policy_time){before, 0, early}, POLICY_PERMIT_TEXT),
                     PERMIT_STATE_NOT_YET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permit_holds_in_its_time_and_kind_only),
        cmocka_unit_test(permit_is_for_one_pair_in_one_direction),
        cmocka_unit_test(permit_withdrawal_voids_serials_up_to_its_own),
        cmocka_unit_test(permit_without_enough_signatures_is_none),
        cmocka_unit_test(approvals_count_persons_who_are_parents),
        cmocka_unit_test(T22_a_clock_set_back_does_not_extend_a_permit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
