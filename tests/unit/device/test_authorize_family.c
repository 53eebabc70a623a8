/* SPDX-License-Identifier: Apache-2.0 */
/* Commits in family, parents, ward and own: who comes and goes. */
#include "tests/unit/device/group_fixture.h"

/* ---- family ---- */

/* A commit that adds Eve's device, with her entries. */
static void add_eve(struct world *w)
{
    family_group(w);
    assert_ok(add_person(&w->f, EVE, ROLE_CHILD, "Eve", &w->f.eve, BY(&w->f.ana, {0})));
    commit_add(&w->c, &w->f, EVE, &w->f.eve);
    commit_chain(&w->c, &w->f);
}

static void a_parent_adds_a_device_with_its_entries(void **state)
{
    (void)state;
    struct world w;
    add_eve(&w);
    assert_ok(commit_judge(&w.c, L_ANA));
    assert_memory_equal(&w.c.out->roster, &w.f.roster, sizeof w.f.roster);
    assert_memory_equal(&w.c.out->families[0], &w.f.at, sizeof w.f.at);
    assert_ok(commit_judge(&w.c, L_BEN));
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_COMMITTER);
    world_wipe(&w);
}

static void T21_no_second_group_is_the_family(void **state)
{
    (void)state;
    for (enum scope_kind kind = SCOPE_FAMILY; kind <= SCOPE_PARENTS; kind++) {
        struct world w;
        if (kind == SCOPE_FAMILY)
            family_group(&w);
        else
            scope_group(&w, kind, ANA);
        if (kind == SCOPE_PARENTS)
            commit_member(&w.c, &w.f, ANA, &w.f.ana);
        if (kind == SCOPE_PARENTS)
            commit_member(&w.c, &w.f, BEN, &w.f.ben);
        assert_ok(commit_judge(&w.c, L_ANA));
        w.c.before.scope.b[0] ^= 1;
        w.c.after = w.c.before;
        assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_CONTEXT);
        world_wipe(&w);
    }
}

static void a_device_without_an_entry_is_not_added(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    struct device_certificate c = certificate_of(&w.f, MAYA, &w.f.eve); /* certified, but in no roster */
    commit_add_with(&w.c, &c);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_ADD);
    world_wipe(&w);
}

/* T31: a parent's commit cannot bring a ghost under a child's name: the entry wants the child's signature. */
static void T31_a_ghost_device_has_no_entry_to_come_by(void **state)
{
    (void)state;
    struct world w;
    struct buffer body, entry;
    struct writer wr;
    family_group(&w);
    struct roster_body b = {.kind = ROSTER_ADD_DEVICE,
                            .person = person_of(&w.f, MAYA),
                            .device = w.f.eve.device,
                            .device_name = span_text("ghost")};
    buffer_init(&body, 1024);
    buffer_init(&entry, 4096);
    writer_init(&wr, &body);
    assert_ok(roster_body_encode(&wr, &b));
    make_entry(&w.f, CHAIN_ROSTER, buffer_span(&body), BY(&w.f.ana, {&w.f.ben}), &entry);
    commit_evidence(&w.c, EVIDENCE_CHAIN_ENTRY, &w.f, buffer_span(&entry));
    struct device_certificate c = certificate_of(&w.f, MAYA, &w.f.eve);
    commit_add_with(&w.c, &c);
    assert_status(commit_judge(&w.c, L_ANA), ST_CHAIN_SIGNERS);
    buffer_wipe(&body);
    buffer_wipe(&entry);
    world_wipe(&w);
}

static void heads_in_the_context_are_those_of_the_evidence(void **state)
{
    (void)state;
    struct world w;
    add_eve(&w);
    struct kith_context good = w.c.after;
    w.c.after = w.c.before; /* entries, but the old heads */
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_HEADS);
    w.c.after = good;
    w.c.after.roster.hash.b[0] ^= 1;
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_HEADS);
    w.c.after = good;
    w.c.after.families[0].head.height++;
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_HEADS);
    w.c.after = good; /* new heads, but no entries */
    w.c.evidence_count = 0;
    assert_int_not_equal(commit_judge(&w.c, L_ANA), ST_OK);
    world_wipe(&w);
}

static void evidence_is_what_the_commit_names(void **state)
{
    (void)state;
    struct world w;
    add_eve(&w);
    w.c.hashes[0].b[5] ^= 1;
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_EVIDENCE);
    w.c.hashes[0].b[5] ^= 1;
    struct span first = w.c.evidence[0];
    w.c.evidence[0] = w.c.evidence[1];
    w.c.evidence[1] = first;
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_EVIDENCE);
    world_wipe(&w);
}

static void entries_of_another_family_or_that_are_known_are_refused(void **state)
{
    (void)state;
    struct world w;
    struct span rest, item;
    family_group(&w);
    rest = w.f.authority.bytes;
    assert_true(wire_list_next(&rest, &item));
    commit_evidence(&w.c, EVIDENCE_CHAIN_ENTRY, &w.f, item);
    assert_int_not_equal(commit_judge(&w.c, L_ANA), ST_OK);
    commit_again(&w.c);
    commit_evidence(&w.c, EVIDENCE_CHAIN_ENTRY, &w.g, item); /* f's first entry as g's */
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_EVIDENCE);
    world_wipe(&w);
}

static void authority_and_roster_move_together(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    struct authority_body a = {.kind = AUTHORITY_ADD_CHILD, .person = person_of(&w.f, EVE)};
    assert_ok(extend_authority(&w.f, &a, BY(&w.f.ana, {0})));
    commit_chain(&w.c, &w.f);
    assert_status(commit_judge(&w.c, L_ANA), ST_CHAIN_DISAGREE);
    world_wipe(&w);
}

static void a_leaf_goes_when_its_device_leaves_the_roster(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    commit_remove(&w.c, L_TIM);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_REMOVE);
    remove_tim(&w);
    commit_chain(&w.c, &w.f);
    assert_ok(commit_judge(&w.c, L_ANA));
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_COMMITTER);
    w.c.change_count = 0; /* the entry without the removal */
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_STAYS);
    world_wipe(&w);
}

static void a_removed_device_cannot_commit_its_own_staying(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    remove_tim(&w);
    commit_remove(&w.c, L_TIM);
    commit_chain(&w.c, &w.f);
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_COMMITTER);
    world_wipe(&w);
}

/* ---- the other scopes ---- */

static void T23_no_child_comes_into_parents(void **state)
{
    (void)state;
    struct world w;
    scope_group(&w, SCOPE_PARENTS, 0);
    commit_member(&w.c, &w.f, ANA, &w.f.ana);
    commit_add(&w.c, &w.f, BEN, &w.f.ben);
    assert_ok(commit_judge(&w.c, 0));
    commit_again(&w.c);
    commit_add(&w.c, &w.f, MAYA, &w.f.maya);
    assert_status(commit_judge(&w.c, 0), ST_AUTHORIZE_ADD);
    world_wipe(&w);
}

static void a_ward_holds_its_child_and_the_parents(void **state)
{
    (void)state;
    struct world w;
    scope_group(&w, SCOPE_WARD, MAYA);
    commit_member(&w.c, &w.f, ANA, &w.f.ana);
    commit_add(&w.c, &w.f, BEN, &w.f.ben);
    commit_add(&w.c, &w.f, MAYA, &w.f.maya);
    assert_ok(commit_judge(&w.c, 0));
    commit_again(&w.c);
    commit_add(&w.c, &w.f, TIM, &w.f.tim); /* another child's device */
    assert_status(commit_judge(&w.c, 0), ST_AUTHORIZE_ADD);
    commit_again(&w.c);
    uint32_t maya = commit_member(&w.c, &w.f, MAYA, &w.f.maya);
    commit_add(&w.c, &w.f, BEN, &w.f.ben); /* not the child's to do */
    assert_status(commit_judge(&w.c, maya), ST_AUTHORIZE_COMMITTER);
    world_wipe(&w);
}

/* T30: what is a person's own stays theirs. */
static void T30_own_holds_one_persons_devices(void **state)
{
    (void)state;
    struct world w;
    scope_group(&w, SCOPE_OWN, MAYA);
    commit_member(&w.c, &w.f, MAYA, &w.f.maya);
    commit_add(&w.c, &w.f, ANA, &w.f.ana);
    assert_status(commit_judge(&w.c, 0), ST_AUTHORIZE_ADD);
    commit_again(&w.c);
    struct roster_body b = {.kind = ROSTER_ADD_DEVICE,
                            .person = person_of(&w.f, MAYA),
                            .device = w.f.maya_laptop.device,
                            .device_name = span_text("laptop")};
    assert_ok(extend_roster(&w.f, &b, BY(&w.f.ana, {&w.f.maya})));
    commit_add(&w.c, &w.f, MAYA, &w.f.maya_laptop);
    assert_status(commit_judge(&w.c, 0), ST_AUTHORIZE_ADD); /* before the entry is in the evidence */
    commit_chain(&w.c, &w.f);
    assert_ok(commit_judge(&w.c, 0));
    world_wipe(&w);
}

static void another_family_has_no_place_in_a_familys_scope(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    commit_add(&w.c, &w.g, ANA, &w.g.ana);
    assert_status(commit_judge(&w.c, L_ANA), ST_CERTIFICATE_FAMILY);
    w.c.at->has_roster = true;
    commit_chain(&w.c, &w.g); /* even with its whole chain */
    w.c.after = w.c.before;
    assert_int_not_equal(commit_judge(&w.c, L_ANA), ST_OK);
    world_wipe(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parent_adds_a_device_with_its_entries),
        cmocka_unit_test(T21_no_second_group_is_the_family),
        cmocka_unit_test(a_device_without_an_entry_is_not_added),
        cmocka_unit_test(T31_a_ghost_device_has_no_entry_to_come_by),
        cmocka_unit_test(heads_in_the_context_are_those_of_the_evidence),
        cmocka_unit_test(evidence_is_what_the_commit_names),
        cmocka_unit_test(entries_of_another_family_or_that_are_known_are_refused),
        cmocka_unit_test(authority_and_roster_move_together),
        cmocka_unit_test(a_leaf_goes_when_its_device_leaves_the_roster),
        cmocka_unit_test(a_removed_device_cannot_commit_its_own_staying),
        cmocka_unit_test(T23_no_child_comes_into_parents),
        cmocka_unit_test(a_ward_holds_its_child_and_the_parents),
        cmocka_unit_test(T30_own_holds_one_persons_devices),
        cmocka_unit_test(another_family_has_no_place_in_a_familys_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
