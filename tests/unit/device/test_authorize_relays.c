/* SPDX-License-Identifier: Apache-2.0 */
/* A group's relays, and the commits that change them. */
#include "tests/support/sample_relays.h"
#include "tests/unit/device/family_fixture.h"

struct world {
    struct family f;
    struct commit c;
};

enum { L_ANA, L_MAYA };

/* The family's group, with Ana and Maya. */
static void family_group(struct world *w)
{
    const struct family *const one[] = {&w->f};
    family_of_four(&w->f, 10);
    commit_init(&w->c, SCOPE_FAMILY, one, 1);
    assert_ok(scope_id_of_family(SCOPE_FAMILY, &w->f.at.family, &w->c.before.scope));
    w->c.after = w->c.before;
    commit_member(&w->c, &w->f, ANA, &w->f.ana);
    commit_member(&w->c, &w->f, MAYA, &w->f.maya);
}

static void world_wipe(struct world *w)
{
    commit_wipe(&w->c);
    family_wipe(&w->f);
}

/* The chain says these relays, and the commit's context too. */
static void say_relays(struct world *w, const struct family_relays *list)
{
    struct authority_body b = {.kind = AUTHORITY_RELAYS, .relays = *list};
    assert_ok(extend_authority(&w->f, &b, BY(&w->f.ben, {0})));
    commit_chain(&w->c, &w->f);
    family_relays_put(&w->c.after, list);
}

/* T05: whoever could take a group to a relay of their own could show its members what they like. */
static void T05_relays_change_to_what_the_chain_says_and_to_nothing_else(void **state)
{
    (void)state;
    struct world w;
    struct family_relays one = sample_relays(1), two = sample_relays(2), other = sample_relays(3);
    family_group(&w);
    family_relays_put(&w.c.before, &one);
    w.c.after = w.c.before;
    family_relays_put(&w.c.after, &two); /* a member's own idea, a parent's too */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_RELAYS);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_RELAYS);
    w.c.after = w.c.before;
    say_relays(&w, &two);
    assert_ok(commit_judge(&w.c, L_MAYA)); /* who carries it does not matter */
    family_relays_put(&w.c.after, &other);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_RELAYS);
    struct family_relays turned = two;
    memcpy(turned.at[0], two.at[1], sizeof turned.at[0]);
    memcpy(turned.at[1], two.at[0], sizeof turned.at[1]);
    family_relays_put(&w.c.after, &turned);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_RELAYS);
    family_relays_put(&w.c.after, &one); /* the heads alone would leave the group behind for good */
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_RELAYS);
    world_wipe(&w);
}

/* T05: an entry that the group has heard of takes it nowhere again. */
static void T05_an_earlier_list_of_the_chain_does_not_come_back(void **state)
{
    (void)state;
    struct world w;
    struct family_relays one = sample_relays(1), two = sample_relays(2);
    family_group(&w);
    family_relays_put(&w.c.before, &two);
    w.c.after = w.c.before;
    say_relays(&w, &one);
    w.c.evidence_count = 0;
    say_relays(&w, &two); /* evidence: both entries, and the later one is what the chain says */
    assert_ok(commit_judge(&w.c, L_ANA));
    family_relays_put(&w.c.after, &one);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_RELAYS);
    w.c.at->families[0] = w.f.at; /* the group has moved there, and an old device would rather go back */
    family_relays_put(&w.c.after, &two);
    w.c.before = w.c.after;
    commit_again(&w.c);
    family_relays_put(&w.c.after, &one);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_RELAYS);
    world_wipe(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T05_relays_change_to_what_the_chain_says_and_to_nothing_else),
        cmocka_unit_test(T05_an_earlier_list_of_the_chain_does_not_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
