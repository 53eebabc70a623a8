/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of every commit. Families: test_authorize_family.c; conversations: test_authorize_talk.c; races:
 * test_authorize_race.c. */
#include "protocol/mem.h"
#include "tests/unit/device/group_fixture.h"

static void only_heads_change_in_a_context(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    for (int which = 0; which < 5; which++) {
        w.c.after = w.c.before;
        if (which == 0)
            w.c.after.kind = SCOPE_PARENTS;
        if (which == 1)
            w.c.after.scope.b[0] ^= 1;
        if (which == 2)
            w.c.after.generation++;
        if (which == 3)
            w.c.after.relays[0] = span_text("kith-relay://elsewhere");
        if (which == 4)
            w.c.after.relays[w.c.after.relay_count++] = span_text("kith-relay://more");
        assert_status(commit_judge(&w.c, L_ANA), which < 3 ? ST_AUTHORIZE_CONTEXT : ST_AUTHORIZE_RELAYS);
    }
    world_wipe(&w);
}

static struct mls_change update_of(struct commit *c, uint32_t leaf, const struct device_certificate *next)
{
    return (struct mls_change){.kind = MLS_CHANGE_UPDATE,
                               .proposer = leaf,
                               .leaf = leaf,
                               .identity_old = c->leaves[leaf].identity,
                               .leaf_old = c->leaves[leaf].leaf_node,
                               .identity_new = COMMIT_ENCODE(c, device_certificate, next),
                               .leaf_new = fake_leaf(c, &next->device, LEAF_COMMIT)};
}

/* T31: by its update path, too, nobody becomes somebody else. */
static void T31_a_changed_leaf_keeps_device_and_person(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    struct device_certificate same = certificate_of(&w.f, MAYA, &w.f.maya), other;
    w.c.change_count = 1;
    w.c.changes[0] = update_of(&w.c, L_MAYA, &same);
    assert_ok(commit_judge(&w.c, L_MAYA));
    other = certificate_of(&w.f, MAYA, &w.f.maya_laptop);
    w.c.changes[0] = update_of(&w.c, L_MAYA, &other);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_LEAF);
    other = certificate_of(&w.f, TIM, &w.f.maya); /* a careless parent's certificate for another person */
    w.c.changes[0] = update_of(&w.c, L_MAYA, &other);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_LEAF);
    world_wipe(&w);
}

static void a_renewed_certificate_is_checked(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    struct device_certificate next = certificate_of(&w.f, MAYA, &w.f.maya);
    next.not_after_ms += 1000; /* stretched by the child's own signature */
    next.issuer = w.f.maya.device;
    assert_ok(device_certificate_sign(&next, &w.f.maya.key));
    w.c.change_count = 1;
    w.c.changes[0] = update_of(&w.c, L_MAYA, &next);
    assert_status(commit_judge(&w.c, L_MAYA), ST_CERTIFICATE_ISSUER);
    next.issuer = w.f.ben.device;
    assert_ok(device_certificate_sign(&next, &w.f.ben.key));
    w.c.changes[0] = update_of(&w.c, L_MAYA, &next);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

/* T12: a leaf under a certificate that was copied from somebody else. */
static void T12_the_leaf_key_is_the_certified_device(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    assert_ok(add_person(&w.f, EVE, ROLE_CHILD, "Eve", &w.f.eve, BY(&w.f.ana, {0})));
    struct mls_change *add = commit_add(&w.c, &w.f, EVE, &w.f.eve);
    add->leaf_new = fake_leaf(&w.c, &w.f.maya_laptop.device, LEAF_KEY_PACKAGE);
    commit_chain(&w.c, &w.f);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_LEAF);
    world_wipe(&w);
}

static void a_device_has_one_leaf(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    commit_add(&w.c, &w.f, MAYA, &w.f.maya);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_TWICE);
    world_wipe(&w);
}

static void proposals_by_reference_and_psks_are_refused(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    struct device_certificate same = certificate_of(&w.f, MAYA, &w.f.maya);
    w.c.change_count = 1;
    w.c.changes[0] = update_of(&w.c, L_MAYA, &same);
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_REFERENCE);
    commit_again(&w.c); /* a good change, but proposed by somebody else */
    assert_ok(add_person(&w.f, EVE, ROLE_CHILD, "Eve", &w.f.eve, BY(&w.f.ana, {0})));
    commit_add(&w.c, &w.f, EVE, &w.f.eve);
    commit_chain(&w.c, &w.f);
    w.c.changes[0].proposer = L_BEN;
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_REFERENCE);
    commit_again(&w.c);
    w.c.change_count = 1;
    w.c.changes[0] = (struct mls_change){.kind = MLS_CHANGE_PSK, .proposer = L_ANA};
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_LATER);
    world_wipe(&w);
}

static void a_committer_is_a_member(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    assert_status(commit_judge(&w.c, 77), ST_AUTHORIZE_COMMITTER);
    commit_remove(&w.c, 77 % 4);
    w.c.changes[0].leaf = 77;
    assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_LEAF);
    world_wipe(&w);
}

/* ---- being added again ---- */

static void a_member_is_readded_by_anyone_at_its_own_request(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    struct mls_change *out = commit_remove(&w.c, L_MAYA);
    struct mls_change *in = commit_add(&w.c, &w.f, MAYA, &w.f.maya);
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_REMOVE);
    commit_readd(&w.c, out, in, &w.f.maya);
    assert_ok(commit_judge(&w.c, L_TIM));
    world_wipe(&w);
}

static void a_request_to_be_readded_holds_for_one_leaf_and_one_key_package(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    struct mls_change *out = commit_remove(&w.c, L_MAYA);
    struct mls_change *in = commit_add(&w.c, &w.f, MAYA, &w.f.maya);
    struct readd_request good = {
        .scope = w.c.before.scope, .generation = w.c.before.generation, .device = w.f.maya.device};
    hash_bytes(out->leaf_old, good.old_leaf_hash);
    hash_bytes(in->key_package, good.key_package_hash);
    for (int which = 0; which < 6; which++) {
        struct readd_request q = good;
        const struct sample_key *by = which == 5 ? &w.f.tim : &w.f.maya;
        if (which == 0)
            q.scope.b[0] ^= 1;
        if (which == 1)
            q.generation++;
        if (which == 2)
            q.old_leaf_hash[0] ^= 1;
        if (which == 3)
            q.key_package_hash[0] ^= 1;
        if (which == 4)
            q.device = w.f.tim.device;
        assert_ok(readd_request_sign(&q, &by->key));
        w.c.evidence_count = 0;
        commit_evidence(&w.c, EVIDENCE_READD, NULL, COMMIT_ENCODE(&w.c, readd_request, &q));
        assert_status(commit_judge(&w.c, L_ANA), ST_AUTHORIZE_REMOVE);
    }
    world_wipe(&w);
}

/* T12: re-adding brings nobody back who no longer belongs. */
static void T12_a_removed_device_is_not_readded(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    remove_tim(&w);
    struct device_certificate old;
    assert_ok(device_certificate_decode(&old, w.c.leaves[L_TIM].identity));
    struct mls_change *out = commit_remove(&w.c, L_TIM);
    struct mls_change *in = commit_add_with(&w.c, &old);
    commit_readd(&w.c, out, in, &w.f.tim);
    commit_chain(&w.c, &w.f);
    assert_status(commit_judge(&w.c, L_ANA), ST_CERTIFICATE_PERSON);
    world_wipe(&w);
}

static void a_failing_allocation_says_nothing_about_the_commit(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    struct authorize_args a = {.before = &w.c.before,
                               .after = &w.c.after,
                               .at = w.c.at,
                               .leaves = w.c.leaves,
                               .leaf_count = w.c.leaf_count};
    size_t live = mem_live();
    for (size_t n = 1; n < 3; n++) {
        mem_fail_after(n);
        assert_status(authorize_commit(&a, NULL), ST_NO_MEMORY);
        mem_fail_after(0);
        assert_int_equal(mem_live(), live);
    }
    assert_ok(authorize_commit(&a, NULL));
    assert_int_equal(mem_live(), live);
    world_wipe(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_heads_change_in_a_context),
        cmocka_unit_test(T31_a_changed_leaf_keeps_device_and_person),
        cmocka_unit_test(a_renewed_certificate_is_checked),
        cmocka_unit_test(T12_the_leaf_key_is_the_certified_device),
        cmocka_unit_test(a_device_has_one_leaf),
        cmocka_unit_test(proposals_by_reference_and_psks_are_refused),
        cmocka_unit_test(a_committer_is_a_member),
        cmocka_unit_test(a_member_is_readded_by_anyone_at_its_own_request),
        cmocka_unit_test(a_request_to_be_readded_holds_for_one_leaf_and_one_key_package),
        cmocka_unit_test(T12_a_removed_device_is_not_readded),
        cmocka_unit_test(a_failing_allocation_says_nothing_about_the_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
