/* SPDX-License-Identifier: Apache-2.0 */
/* Joining: what an Admission must prove. */
#include "tests/unit/device/talk_fixture.h"

/* ---- joining ---- */

struct joining {
    struct buffer permits, certificates;
    struct admission admission;
};

static struct admission_args admission_of(struct world *w, struct joining *j)
{
    memset(j, 0, sizeof *j);
    buffer_init(&j->permits, 1 << 16);
    buffer_init(&j->certificates, 1 << 16);
    j->admission.scope = w->c.before.scope;
    j->admission.generation = w->c.before.generation;
    const struct family *const both[] = {&w->f, &w->g};
    for (size_t i = 0; i < w->c.before.family_count; i++)
        j->admission.chains[j->admission.chain_count++] =
            (struct admission_chain){both[i]->at.family, both[i]->authority};
    if (w->c.before.kind != SCOPE_CONVERSATION)
        j->admission.roster = w->f.entries;
    return (struct admission_args){.admission = &j->admission,
                                   .context = &w->c.before,
                                   .leaves = w->c.leaves,
                                   .leaf_count = w->c.leaf_count};
}

static void give_permit(struct world *w, struct joining *j, const struct permit *p)
{
    struct span bytes = COMMIT_ENCODE(&w->c, permit, p);
    assert_ok(wire_list_append(&j->permits, &j->admission.permits, bytes));
}

static void joining_wipe(struct joining *j)
{
    buffer_wipe(&j->permits);
    buffer_wipe(&j->certificates);
}

static void T20_a_joiner_wants_every_pairs_permits(void **state)
{
    (void)state;
    struct world w;
    struct joining j;
    talking(&w);
    struct admission_args a = admission_of(&w, &j);
    struct permit one = permit_for(&w.f, MAYA, &w.g, TIM), two = permit_for(&w.g, TIM, &w.f, MAYA);
    assert_status(admission_judge(&a, w.c.out), ST_AUTHORIZE_PAIR);
    give_permit(&w, &j, &one);
    assert_status(admission_judge(&a, w.c.out), ST_AUTHORIZE_PAIR);
    give_permit(&w, &j, &two);
    assert_ok(admission_judge(&a, w.c.out));
    assert_memory_equal(chains_family_const(w.c.out, &w.g.at.family), &w.g.at, sizeof w.g.at);
    joining_wipe(&j);
    world_wipe(&w);
}

static void a_joiner_wants_the_chains_to_end_in_the_contexts_heads(void **state)
{
    (void)state;
    struct world w;
    struct joining j;
    talking(&w);
    struct admission_args a = admission_of(&w, &j);
    struct permit one = permit_for(&w.f, MAYA, &w.g, TIM), two = permit_for(&w.g, TIM, &w.f, MAYA);
    give_permit(&w, &j, &one);
    give_permit(&w, &j, &two);
    struct kith_context good = w.c.before;
    w.c.before.families[0].head.hash.b[0] ^= 1;
    assert_status(admission_judge(&a, w.c.out), ST_ADMISSION_HEADS);
    w.c.before = good;
    w.c.before.generation = 1;
    assert_status(admission_judge(&a, w.c.out), ST_ADMISSION_SCOPE);
    w.c.before = good;
    j.admission.chain_count = 1;
    assert_status(admission_judge(&a, w.c.out), ST_ADMISSION_HEADS);
    j.admission.chain_count = 2;
    assert_ok(admission_judge(&a, w.c.out));
    joining_wipe(&j);
    world_wipe(&w);
}

static void T12_a_joiner_wants_every_leaf_certified(void **state)
{
    (void)state;
    struct world w;
    struct joining j;
    talking(&w);
    struct device_certificate ghost = certificate_of(&w.f, MAYA, &w.f.maya_laptop);
    ghost.issuer = w.f.eve.device;
    assert_ok(device_certificate_sign(&ghost, &w.f.eve.key));
    commit_member_with(&w.c, &ghost);
    struct admission_args a = admission_of(&w, &j);
    struct permit one = permit_for(&w.f, MAYA, &w.g, TIM), two = permit_for(&w.g, TIM, &w.f, MAYA);
    give_permit(&w, &j, &one);
    give_permit(&w, &j, &two);
    assert_status(admission_judge(&a, w.c.out), ST_CERTIFICATE_ISSUER);
    struct device_certificate fresh = certificate_of(&w.f, MAYA, &w.f.maya_laptop); /* renewed since */
    struct span bytes = COMMIT_ENCODE(&w.c, device_certificate, &fresh);
    assert_ok(wire_list_append(&j.certificates, &j.admission.certificates, bytes));
    assert_ok(admission_judge(&a, w.c.out));
    joining_wipe(&j);
    world_wipe(&w);
}

/* A group of Ana's and Ben's devices. */
static void parents_in(struct world *w, enum scope_kind kind, const struct scope_id *scope)
{
    const struct family *const one[] = {&w->f};
    commit_init(&w->c, kind, one, 1);
    w->c.before.scope = *scope;
    w->c.after = w->c.before;
    commit_member(&w->c, &w->f, ANA, &w->f.ana);
    commit_member(&w->c, &w->f, BEN, &w->f.ben);
}

static void a_joiner_of_a_family_checks_its_roster(void **state)
{
    (void)state;
    struct world w;
    struct joining j;
    struct scope_id scope;
    three_families(&w);
    assert_ok(scope_id_of_family(SCOPE_PARENTS, &w.f.at.family, &scope));
    parents_in(&w, SCOPE_PARENTS, &scope);
    struct admission_args a = admission_of(&w, &j);
    assert_ok(admission_judge(&a, w.c.out));
    assert_true(w.c.out->has_roster);
    w.c.after.scope.b[0] ^= 1; /* another group that says it is the parents' */
    w.c.before.scope = j.admission.scope = w.c.after.scope;
    assert_status(admission_judge(&a, w.c.out), ST_AUTHORIZE_CONTEXT);
    w.c.after.scope.b[0] ^= 1;
    w.c.before.scope = j.admission.scope = w.c.after.scope;
    commit_member(&w.c, &w.f, MAYA, &w.f.maya);
    a.leaf_count = w.c.leaf_count;
    assert_status(admission_judge(&a, w.c.out), ST_AUTHORIZE_ADD);
    j.admission.roster = (struct wire_list){SPAN_EMPTY, 0};
    assert_status(admission_judge(&a, w.c.out), ST_ADMISSION_HEADS);
    joining_wipe(&j);
    world_wipe(&w);
}

/* A ward of parents alone: only the scope says whose it would be. */
static void T21_no_group_is_the_ward_of_nobody(void **state)
{
    (void)state;
    struct world w;
    struct joining j;
    struct scope_id scope;
    three_families(&w);
    struct person_id maya = person_of(&w.f, MAYA), stranger = person_of(&w.g, MAYA);
    assert_ok(scope_id_of_person(SCOPE_WARD, &maya, &scope));
    parents_in(&w, SCOPE_WARD, &scope);
    struct admission_args a = admission_of(&w, &j);
    assert_ok(admission_judge(&a, w.c.out));
    assert_ok(scope_id_of_person(SCOPE_WARD, &stranger, &w.c.before.scope));
    j.admission.scope = w.c.after.scope = w.c.before.scope;
    assert_status(admission_judge(&a, w.c.out), ST_AUTHORIZE_CONTEXT);
    joining_wipe(&j);
    world_wipe(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T20_a_joiner_wants_every_pairs_permits),
        cmocka_unit_test(a_joiner_wants_the_chains_to_end_in_the_contexts_heads),
        cmocka_unit_test(T12_a_joiner_wants_every_leaf_certified),
        cmocka_unit_test(a_joiner_of_a_family_checks_its_roster),
        cmocka_unit_test(T21_no_group_is_the_ward_of_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
