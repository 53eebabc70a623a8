/* SPDX-License-Identifier: Apache-2.0 */
/* Commits in family, parents, ward and own, and what holds everywhere. Conversations: test_authorize_talk.c.
 */
#include "protocol/mem.h"
#include "tests/unit/device/family_fixture.h"

#define BY(...) (&(struct signing){__VA_ARGS__})

struct world {
    struct family f, g;
    struct commit c;
};

enum { L_ANA, L_BEN, L_MAYA, L_TIM }; /* leaves of a group of all four */

static void family_group(struct world *w)
{
    const struct family *const one[] = {&w->f};
    family_of_four(&w->f, 10);
    family_of_four(&w->g, 40);
    commit_init(&w->c, SCOPE_FAMILY, one, 1);
    assert_ok(scope_id_of_family(SCOPE_FAMILY, &w->f.at.family, &w->c.before.scope));
    w->c.after = w->c.before;
    commit_member(&w->c, &w->f, ANA, &w->f.ana);
    commit_member(&w->c, &w->f, BEN, &w->f.ben);
    commit_member(&w->c, &w->f, MAYA, &w->f.maya);
    commit_member(&w->c, &w->f, TIM, &w->f.tim);
}

/* The same family in another scope, with the members given. */
static void scope_group(struct world *w, enum scope_kind kind, unsigned person)
{
    const struct family *const one[] = {&w->f};
    family_of_four(&w->f, 10);
    family_of_four(&w->g, 40);
    commit_init(&w->c, kind, one, 1);
    struct person_id p = person_of(&w->f, person);
    if (kind == SCOPE_PARENTS)
        assert_ok(scope_id_of_family(kind, &w->f.at.family, &w->c.before.scope));
    else
        assert_ok(scope_id_of_person(kind, &p, &w->c.before.scope));
    w->c.after = w->c.before;
}

static void world_wipe(struct world *w)
{
    commit_wipe(&w->c);
    family_wipe(&w->f);
    family_wipe(&w->g);
}

/* ---- family ---- */

static void a_parent_adds_a_device_with_its_entries(void **state)
{
    (void)state;
    struct world w;
    family_group(&w);
    assert_ok(add_person(&w.f, EVE, ROLE_CHILD, "Eve", &w.f.eve, BY(&w.f.ana, {0})));
    commit_add(&w.c, &w.f, EVE, &w.f.eve);
    commit_chain(&w.c, &w.f);
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
    family_group(&w);
    assert_ok(add_person(&w.f, EVE, ROLE_CHILD, "Eve", &w.f.eve, BY(&w.f.ana, {0})));
    commit_add(&w.c, &w.f, EVE, &w.f.eve);
    commit_chain(&w.c, &w.f);
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
    family_group(&w);
    assert_ok(add_person(&w.f, EVE, ROLE_CHILD, "Eve", &w.f.eve, BY(&w.f.ana, {0})));
    commit_add(&w.c, &w.f, EVE, &w.f.eve);
    commit_chain(&w.c, &w.f);
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

static void remove_tim(struct world *w)
{
    struct authority_body a = {.kind = AUTHORITY_REMOVE_PERSON, .person = person_of(&w->f, TIM)};
    struct roster_body b = {.kind = ROSTER_REMOVE_PERSON, .person = a.person};
    assert_ok(extend_authority(&w->f, &a, BY(&w->f.ana, {&w->f.ben})));
    assert_ok(extend_roster(&w->f, &b, BY(&w->f.ana, {&w->f.ben})));
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

/* ---- everywhere ---- */

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

/* ---- races (T25) ---- */

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
        cmocka_unit_test(T25_a_person_does_not_refresh_twice_in_a_row),
        cmocka_unit_test(T25_readding_oneself_is_a_refresh_too),
        cmocka_unit_test(T25_two_who_add_each_other_again_in_turns_wait_for_a_third),
        cmocka_unit_test(one_of_two_persons_is_always_added_again),
        cmocka_unit_test(T25_a_removal_is_never_a_refresh),
        cmocka_unit_test(one_person_alone_may_always_refresh),
        cmocka_unit_test(T23_no_child_comes_into_parents),
        cmocka_unit_test(a_ward_holds_its_child_and_the_parents),
        cmocka_unit_test(T30_own_holds_one_persons_devices),
        cmocka_unit_test(another_family_has_no_place_in_a_familys_scope),
        cmocka_unit_test(a_failing_allocation_says_nothing_about_the_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
