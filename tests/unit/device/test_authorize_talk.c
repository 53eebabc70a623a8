/* SPDX-License-Identifier: Apache-2.0 */
/* Commits in conversations. */
#include "tests/support/sample_relays.h"
#include "tests/unit/device/talk_fixture.h"

/* ---- every pair (T12, T20) ---- */

static void two_children_meet_with_a_permit_from_each_side(void **state)
{
    (void)state;
    struct world w;
    founding(&w);
    commit_add(&w.c, &w.g, TIM, &w.g.tim);
    commit_chain(&w.c, &w.g);
    both_permits(&w);
    assert_ok(commit_judge(&w.c, L_MAYA));
    assert_int_equal(w.c.out->family_count, 2);
    world_wipe(&w);
}

static void T20_one_permit_of_two_is_not_enough(void **state)
{
    (void)state;
    struct world w;
    founding(&w);
    commit_add(&w.c, &w.g, TIM, &w.g.tim);
    commit_chain(&w.c, &w.g);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_PAIR);
    struct permit p = permit_for(&w.f, MAYA, &w.g, TIM);
    commit_permit(&w.c, &p);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_PAIR);
    w.c.evidence_count--;
    p = permit_for(&w.g, TIM, &w.f, MAYA);
    commit_permit(&w.c, &p);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_PAIR);
    p = permit_for(&w.f, MAYA, &w.g, TIM);
    commit_permit(&w.c, &p);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

static void T20_permits_for_other_pairs_do_not_help(void **state)
{
    (void)state;
    struct world w;
    founding(&w);
    commit_add(&w.c, &w.g, TIM, &w.g.tim);
    commit_chain(&w.c, &w.g);
    struct permit good = permit_for(&w.g, TIM, &w.f, MAYA);
    commit_permit(&w.c, &good);
    size_t count = w.c.evidence_count;
    for (int which = 0; which < 4; which++) {
        struct permit p = which == 0   ? permit_for(&w.f, TIM, &w.g, TIM)
                          : which == 1 ? permit_for(&w.f, MAYA, &w.g, MAYA)
                          : which == 2 ? permit_for(&w.f, MAYA, &w.h, TIM)
                                       : permit_for(&w.f, MAYA, &w.g, TIM);
        if (which == 3) { /* signed by the other side's parent */
            struct person_id ana = person_of(&w.g, ANA);
            p.approval_count = 0;
            assert_ok(permit_approve(&p, &ana, &w.g.ana.device, &w.g.ana.key));
        }
        w.c.evidence_count = count;
        commit_permit(&w.c, &p);
        assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_PAIR);
    }
    world_wipe(&w);
}

static void an_adult_contact_needs_the_childs_permit_only(void **state)
{
    (void)state;
    struct world w;
    const struct family *const one[] = {&w.f};
    founding(&w);
    struct person_ref maya = ref_of(&w.f, MAYA), ana = ref_of(&w.g, ANA);
    assert_ok(scope_id_of_pair(&maya, &ana, &w.c.before.scope));
    set_heads(&w.c.before, one, 1);
    w.c.after = w.c.before;
    commit_add(&w.c, &w.g, ANA, &w.g.ana);
    commit_chain(&w.c, &w.g);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_PAIR);
    struct permit p = permit_for(&w.f, MAYA, &w.g, ANA);
    commit_permit(&w.c, &p);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

static void one_family_needs_no_permit(void **state)
{
    (void)state;
    struct world w;
    start(&w, false);
    commit_add(&w.c, &w.f, TIM, &w.f.tim);
    commit_add(&w.c, &w.f, BEN, &w.f.ben);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

/* T12: a new family comes with its chain, from the first entry on. */
static void T12_a_family_without_its_chain_is_refused(void **state)
{
    (void)state;
    struct world w;
    founding(&w);
    commit_add(&w.c, &w.g, TIM, &w.g.tim);
    both_permits(&w);
    assert_status(commit_judge(&w.c, L_MAYA), ST_CERTIFICATE_FAMILY);
    commit_chain(&w.c, &w.g);
    w.c.after = w.c.before; /* the chain, but not its head in the context */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_HEADS);
    world_wipe(&w);
}

static void a_family_without_a_member_is_not_put_into_the_context(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    commit_chain(&w.c, &w.h);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_HEADS);
    world_wipe(&w);
}

static void T22_a_withdrawn_permit_opens_nothing(void **state)
{
    (void)state;
    struct world w;
    founding(&w);
    commit_add(&w.c, &w.g, TIM, &w.g.tim);
    commit_chain(&w.c, &w.g);
    both_permits(&w);
    struct permit_withdrawal v = {
        .child = ref_of(&w.f, MAYA), .contact = ref_of(&w.g, TIM), .serial = 10, .issuer = w.f.ben.device};
    assert_ok(permit_withdrawal_sign(&v, &w.f.ben.key));
    commit_evidence(&w.c, EVIDENCE_WITHDRAWAL, NULL, COMMIT_ENCODE(&w.c, permit_withdrawal, &v));
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_PAIR);
    struct permit again = permit_for(&w.f, MAYA, &w.g, TIM); /* a later yes */
    again.serial = 11;
    again.approval_count = 0;
    struct person_id ana = person_of(&w.f, ANA);
    assert_ok(permit_approve(&again, &ana, &w.f.ana.device, &w.f.ana.key));
    commit_permit(&w.c, &again);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

/* Law 6: a friend does not pull strangers into a group with a child. */
static void T12_a_third_person_needs_a_permit_for_every_pair(void **state)
{
    (void)state;
    struct world w;
    talking_in(&w, false);
    commit_add(&w.c, &w.h, ANA, &w.h.ana); /* an adult of a third family, brought by Tim */
    commit_chain(&w.c, &w.h);
    struct permit p[4] = {permit_for(&w.f, MAYA, &w.g, TIM), permit_for(&w.g, TIM, &w.f, MAYA),
                          permit_for(&w.f, MAYA, &w.h, ANA), permit_for(&w.g, TIM, &w.h, ANA)};
    size_t chain = w.c.evidence_count;
    for (unsigned given = 0; given < 16; given++) {
        w.c.evidence_count = chain;
        for (unsigned i = 0; i < 4; i++) {
            struct permit q = p[i];
            const struct family *f = i % 2 ? &w.g : &w.f;
            struct person_id ana = person_of(f, ANA);
            q.kinds |= PERMIT_GROUPS;
            q.approval_count = 0;
            assert_ok(permit_approve(&q, &ana, &f->ana.device, &f->ana.key));
            if (given & 1u << i)
                commit_permit(&w.c, &q);
        }
        assert_status(commit_judge(&w.c, L_TIM), given == 15 ? ST_OK : ST_AUTHORIZE_PAIR);
    }
    w.c.evidence_count = chain; /* and the permits must speak of groups */
    for (unsigned i = 0; i < 4; i++)
        commit_permit(&w.c, &p[i]);
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_PAIR);
    world_wipe(&w);
}

static void nobody_else_comes_into_a_pairs_conversation(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    commit_add(&w.c, &w.f, TIM, &w.f.tim); /* Maya's brother */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_ADD);
    world_wipe(&w);
}

/* ---- devices ---- */

static void a_persons_devices_come_by_that_persons_commits(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    commit_add(&w.c, &w.f, MAYA, &w.f.maya_laptop);
    assert_ok(commit_judge(&w.c, L_MAYA));
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_ADD); /* T12 */
    world_wipe(&w);
}

static void a_leaf_does_not_go_for_nothing(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    commit_remove(&w.c, L_TIM);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    world_wipe(&w);
}

static void add_revocation(struct world *w, const struct sample_key *device, const struct sample_key *by,
                           const struct device_certificate *next)
{
    struct revocation v = {.who = ref_of(&w->g, TIM), .device = device->device, .issuer = by->device};
    if (next) {
        v.replaced = true;
        v.certificate = COMMIT_ENCODE(&w->c, device_certificate, next);
        v.key_package = span_text("package");
    }
    assert_ok(revocation_sign(&v, &by->key));
    commit_evidence(&w->c, EVIDENCE_REVOCATION, NULL, COMMIT_ENCODE(&w->c, revocation, &v));
}

static void T41_a_revoked_device_is_removed_by_anybody(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    commit_remove(&w.c, L_TIM);
    add_revocation(&w, &w.g.tim, &w.g.tim, NULL); /* not by the child */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_revocation(&w, &w.g.tim, &w.f.ana, NULL); /* nor by another family */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_revocation(&w, &w.g.maya, &w.g.ana, NULL); /* nor that of another device */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_revocation(&w, &w.g.tim, &w.g.ana, NULL);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

static void a_revoked_device_is_replaced_in_the_same_commit(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    struct device_certificate next = certificate_of(&w.g, TIM, &w.g.maya_laptop), other;
    other = certificate_of(&w.g, TIM, &w.g.eve);
    commit_remove(&w.c, L_TIM);
    commit_add_with(&w.c, &next);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_revocation(&w, &w.g.tim, &w.g.ana, &other); /* names another replacement */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_ADD);
    add_revocation(&w, &w.g.tim, &w.g.ana, &next);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

static void a_parents_device_goes_when_the_chain_lets_it_go(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    assert_ok(add_parent_device(&w.g, ANA, &w.g.ana_laptop, &w.g.ana));
    const struct family *const two[] = {&w.f, &w.g};
    struct commit c;
    commit_init(&c, SCOPE_CONVERSATION, two, 2);
    c.before.scope = c.after.scope = w.c.before.scope;
    commit_member(&c, &w.f, MAYA, &w.f.maya);
    commit_member(&c, &w.g, TIM, &w.g.tim);
    uint32_t laptop = commit_member(&c, &w.g, ANA, &w.g.ana_laptop); /* an overseer */
    struct authority_body b = {
        .kind = AUTHORITY_REMOVE_DEVICE, .person = person_of(&w.g, ANA), .device = w.g.ana_laptop.device};
    assert_ok(extend_authority(&w.g, &b, BY(&w.g.ana, {0})));
    commit_chain(&c, &w.g);
    assert_status(commit_judge(&c, L_MAYA), ST_AUTHORIZE_STAYS);
    commit_remove(&c, laptop);
    assert_ok(commit_judge(&c, L_MAYA));
    assert_status(commit_judge(&c, laptop), ST_AUTHORIZE_COMMITTER);
    commit_wipe(&c);
    world_wipe(&w);
}

/* The family's chain says these relays, and the new context has `shown`. */
static void say_relays(struct world *w, struct family *f, const struct family_relays *list,
                       const struct family_relays *shown)
{
    struct authority_body b = {.kind = AUTHORITY_RELAYS, .relays = *list};
    assert_ok(extend_authority(f, &b, BY(&f->ana, {0})));
    commit_chain(&w->c, f);
    family_relays_put(&w->c.after, shown);
}

/* T05: a conversation lies at the relays of one family. The other's list takes it nowhere. */
static void T05_a_conversation_follows_the_family_that_it_is_at_home_with(void **state)
{
    (void)state;
    struct world w;
    struct family_relays home = sample_relays(1), next = sample_relays(1), away = sample_relays(4);
    next.count = 1; /* without the second */
    talking(&w);
    family_relays_put(&w.c.before, &home);
    w.c.after = w.c.before;
    say_relays(&w, &w.g, &away, &away);
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_RELAYS);
    family_relays_put(&w.c.after, &home);
    assert_ok(commit_judge(&w.c, L_TIM)); /* its head moves all the same */
    commit_again(&w.c);
    say_relays(&w, &w.f, &next, &away);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_RELAYS);
    family_relays_put(&w.c.after, &home);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_RELAYS);
    family_relays_put(&w.c.after, &next);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

/* Of the leaf that the device has now. */
static struct leave_note leave_of(const struct world *w, const struct family *f, unsigned who,
                                  const struct sample_key *by)
{
    struct leave_note n = {.scope = w->c.before.scope, .who = ref_of(f, who), .device = by->device};
    for (size_t i = 0; i < w->c.leaf_count; i++) {
        struct device_certificate c;
        assert_ok(device_certificate_decode(&c, w->c.leaves[i].identity));
        if (!ID_EQUAL(&c.device, &by->device))
            continue;
        n.has_leaf = true;
        hash_bytes(w->c.leaves[i].leaf_node, n.leaf_hash);
    }
    return n;
}

static void add_leave(struct world *w, const struct family *f, unsigned who, const struct sample_key *by,
                      uint32_t generation)
{
    struct leave_note n = leave_of(w, f, who, by);
    n.generation = generation;
    assert_ok(leave_note_sign(&n, &by->key));
    commit_evidence(&w->c, EVIDENCE_LEAVE, NULL, COMMIT_ENCODE(&w->c, leave_note, &n));
}

static void who_leaves_is_taken_out_by_anybody(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    commit_remove(&w.c, L_TIM);
    add_leave(&w, &w.g, TIM, &w.f.maya, 0); /* in his name, by her device */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_leave(&w, &w.f, MAYA, &w.f.maya, 0); /* her own leaving is not his */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_leave(&w, &w.g, TIM, &w.g.tim, 1); /* from another generation */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_leave(&w, &w.g, TIM, &w.g.tim, 0);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

static enum status leave_by(struct world *w, struct leave_note *n)
{
    commit_again(&w->c);
    commit_remove(&w->c, L_TIM);
    assert_ok(leave_note_sign(n, &w->g.tim.key));
    commit_evidence(&w->c, EVIDENCE_LEAVE, NULL, COMMIT_ENCODE(&w->c, leave_note, n));
    return commit_judge(&w->c, L_MAYA);
}

static void a_note_of_leaving_is_for_one_stay(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    struct leave_note old = leave_of(&w, &w.g, TIM, &w.g.tim), bare = old;
    assert_ok(leave_by(&w, &old));
    w.c.leaves[L_TIM].leaf_node = fake_leaf(&w.c, &w.g.tim.device, LEAF_COMMIT); /* added again since */
    assert_status(leave_by(&w, &old), ST_AUTHORIZE_REMOVE);
    bare.has_leaf = false; /* as they were before */
    assert_status(leave_by(&w, &bare), ST_AUTHORIZE_REMOVE);
    struct leave_note fresh = leave_of(&w, &w.g, TIM, &w.g.tim);
    assert_ok(leave_by(&w, &fresh));
    world_wipe(&w);
}

/* Maya takes `leaf` out with its note, when these made the last two epochs. */
static enum status leave_after(struct world *w, uint32_t leaf, unsigned who, const struct sample_key *by,
                               unsigned last, unsigned before)
{
    commit_again(&w->c);
    commit_remove(&w->c, leaf);
    add_leave(w, &w->f, who, by, 0);
    w->c.authors[0] = ref_of(&w->f, last);
    w->c.authors[1] = ref_of(&w->f, before);
    w->c.author_count = 2;
    return commit_judge(&w->c, L_MAYA);
}

/* Whoever leaves with one note, is added, and leaves with it again must not keep the others busy for ever. */
static void T25_leaving_again_and_again_is_no_way_to_win_every_race(void **state)
{
    (void)state;
    struct world w;
    start(&w, false);
    uint32_t tim = commit_member(&w.c, &w.f, TIM, &w.f.tim);
    uint32_t own = commit_member(&w.c, &w.f, MAYA, &w.f.eve);
    commit_member(&w.c, &w.f, BEN, &w.f.ben);
    assert_ok(leave_after(&w, tim, TIM, &w.f.tim, TIM, BEN));
    assert_ok(leave_after(&w, tim, TIM, &w.f.tim, MAYA, BEN));
    assert_status(leave_after(&w, tim, TIM, &w.f.tim, TIM, MAYA), ST_AUTHORIZE_REFRESH);
    assert_status(leave_after(&w, tim, TIM, &w.f.tim, MAYA, TIM), ST_AUTHORIZE_REFRESH);
    assert_ok(leave_after(&w, own, MAYA, &w.f.eve, TIM, BEN));
    assert_status(leave_after(&w, own, MAYA, &w.f.eve, MAYA, BEN), ST_AUTHORIZE_REFRESH);
    w.c.leaves[tim].leaf_node = fake_leaf(&w.c, &w.f.tim.device, LEAF_KEY_PACKAGE);
    assert_ok(leave_after(&w, tim, TIM, &w.f.tim, BEN, MAYA));
    assert_status(leave_after(&w, tim, TIM, &w.f.tim, MAYA, BEN), ST_AUTHORIZE_REFRESH);
    world_wipe(&w);
}

/* Ana, or who commits, takes Ana's laptop out by a Revocation of her own, when these made the last epochs. */
static enum status revoke_after(struct world *w, uint32_t laptop, uint32_t committer, unsigned last,
                                unsigned before)
{
    struct revocation v = {
        .who = ref_of(&w->f, ANA), .device = w->f.ana_laptop.device, .issuer = w->f.ana.device};
    commit_again(&w->c);
    commit_remove(&w->c, laptop);
    assert_ok(revocation_sign(&v, &w->f.ana.key));
    commit_evidence(&w->c, EVIDENCE_REVOCATION, NULL, COMMIT_ENCODE(&w->c, revocation, &v));
    w->c.authors[0] = ref_of(&w->f, last);
    w->c.authors[1] = ref_of(&w->f, before);
    w->c.author_count = 2;
    return commit_judge(&w->c, committer);
}

/* Adding it again is never void; and the chain lets it stay, or its heads would move. */
static void T25_revoking_a_device_of_ones_own_again_and_again_is_no_way_to_win_every_race(void **state)
{
    (void)state;
    struct world w;
    start(&w, false);
    assert_ok(add_parent_device(&w.f, ANA, &w.f.ana_laptop, &w.f.ana));
    w.c.at->families[0] = w.f.at;
    const struct family *const one[] = {&w.f};
    set_heads(&w.c.before, one, 1);
    w.c.after = w.c.before;
    uint32_t ana = commit_member(&w.c, &w.f, ANA, &w.f.ana);
    uint32_t laptop = commit_member(&w.c, &w.f, ANA, &w.f.ana_laptop);
    commit_member(&w.c, &w.f, BEN, &w.f.ben);
    assert_ok(revoke_after(&w, laptop, ana, MAYA, BEN));
    assert_status(revoke_after(&w, laptop, ana, ANA, BEN), ST_AUTHORIZE_REFRESH);
    assert_status(revoke_after(&w, laptop, ana, BEN, ANA), ST_AUTHORIZE_REFRESH);
    assert_status(revoke_after(&w, laptop, ana, BEN, BEN), ST_AUTHORIZE_REFRESH);
    assert_ok(revoke_after(&w, laptop, L_MAYA, MAYA, ANA)); /* others are never kept waiting */
    world_wipe(&w);
}

static void a_withdrawal_ends_a_pairs_conversation(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    commit_remove(&w.c, L_TIM);
    add_withdrawal(&w, &w.f, MAYA, &w.g, TIM, &w.f.maya);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_withdrawal(&w, &w.f, MAYA, &w.g, MAYA, &w.f.ana); /* somebody who is not here */
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    add_withdrawal(&w, &w.f, MAYA, &w.g, TIM, &w.f.ana);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

/* In a larger group a withdrawal takes out its own child, not the other's. */
static void a_withdrawal_throws_nobody_else_out_of_a_group(void **state)
{
    (void)state;
    struct world w;
    talking_in(&w, false);
    commit_remove(&w.c, L_TIM);
    add_withdrawal(&w, &w.f, MAYA, &w.g, TIM, &w.f.ana);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    commit_again(&w.c);
    commit_remove(&w.c, L_MAYA);
    add_withdrawal(&w, &w.f, MAYA, &w.g, TIM, &w.f.ana);
    assert_ok(commit_judge(&w.c, L_TIM));
    world_wipe(&w);
}

/* ---- overseers (T30) ---- */

static void a_parent_of_a_child_here_may_oversee(void **state)
{
    (void)state;
    struct world w;
    struct authorize_member members[WIRE_PERSONS_MAX];
    size_t count;
    talking(&w);
    commit_add(&w.c, &w.f, ANA, &w.f.ana);
    assert_ok(commit_judge(&w.c, L_MAYA));
    assert_ok(commit_judge(&w.c, L_TIM)); /* either side founds with the overseers of both */
    commit_again(&w.c);
    commit_member(&w.c, &w.f, ANA, &w.f.ana);
    assert_ok(authorize_members(&w.c.before, w.c.at, w.c.leaves, w.c.leaf_count, members, &count));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(members[i].overseer, i == 2);
        assert_int_equal(members[i].supervised, i != 2);
    }
    world_wipe(&w);
}

static void T30_nobody_elses_parent_oversees(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    commit_add(&w.c, &w.h, ANA, &w.h.ana);
    commit_chain(&w.c, &w.h);
    assert_int_not_equal(commit_judge(&w.c, L_MAYA), ST_OK);
    world_wipe(&w);
}

/* An overseer brings nobody: neither the other parent nor a stranger. */
static void T30_an_overseer_adds_only_own_devices(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    uint32_t ana = commit_member(&w.c, &w.f, ANA, &w.f.ana);
    commit_add(&w.c, &w.f, BEN, &w.f.ben);
    assert_status(commit_judge(&w.c, ana), ST_AUTHORIZE_PERSON);
    assert_ok(commit_judge(&w.c, L_MAYA));
    world_wipe(&w);
}

/* When the child goes, the overseer is no member in its place: it goes too, or the commit is void. */
static void T12_an_overseer_does_not_stay_to_talk(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    uint32_t ana = commit_member(&w.c, &w.f, ANA, &w.f.ana);
    commit_remove(&w.c, L_MAYA);
    add_leave(&w, &w.f, MAYA, &w.f.maya, 0);
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_PAIR);
    commit_remove(&w.c, ana);
    assert_ok(commit_judge(&w.c, L_TIM));
    world_wipe(&w);
}

static void an_overseer_is_not_thrown_out_while_its_child_is_there(void **state)
{
    (void)state;
    struct world w;
    talking(&w);
    uint32_t ana = commit_member(&w.c, &w.f, ANA, &w.f.ana);
    commit_remove(&w.c, ana);
    assert_status(commit_judge(&w.c, L_MAYA), ST_AUTHORIZE_REMOVE);
    assert_status(commit_judge(&w.c, L_TIM), ST_AUTHORIZE_REMOVE);
    world_wipe(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_children_meet_with_a_permit_from_each_side),
        cmocka_unit_test(T20_one_permit_of_two_is_not_enough),
        cmocka_unit_test(T20_permits_for_other_pairs_do_not_help),
        cmocka_unit_test(an_adult_contact_needs_the_childs_permit_only),
        cmocka_unit_test(one_family_needs_no_permit),
        cmocka_unit_test(T12_a_family_without_its_chain_is_refused),
        cmocka_unit_test(a_family_without_a_member_is_not_put_into_the_context),
        cmocka_unit_test(T22_a_withdrawn_permit_opens_nothing),
        cmocka_unit_test(T12_a_third_person_needs_a_permit_for_every_pair),
        cmocka_unit_test(nobody_else_comes_into_a_pairs_conversation),
        cmocka_unit_test(a_persons_devices_come_by_that_persons_commits),
        cmocka_unit_test(a_leaf_does_not_go_for_nothing),
        cmocka_unit_test(T41_a_revoked_device_is_removed_by_anybody),
        cmocka_unit_test(a_revoked_device_is_replaced_in_the_same_commit),
        cmocka_unit_test(a_parents_device_goes_when_the_chain_lets_it_go),
        cmocka_unit_test(T05_a_conversation_follows_the_family_that_it_is_at_home_with),
        cmocka_unit_test(who_leaves_is_taken_out_by_anybody),
        cmocka_unit_test(a_note_of_leaving_is_for_one_stay),
        cmocka_unit_test(T25_leaving_again_and_again_is_no_way_to_win_every_race),
        cmocka_unit_test(T25_revoking_a_device_of_ones_own_again_and_again_is_no_way_to_win_every_race),
        cmocka_unit_test(a_withdrawal_ends_a_pairs_conversation),
        cmocka_unit_test(a_withdrawal_throws_nobody_else_out_of_a_group),
        cmocka_unit_test(a_parent_of_a_child_here_may_oversee),
        cmocka_unit_test(T30_nobody_elses_parent_oversees),
        cmocka_unit_test(T30_an_overseer_adds_only_own_devices),
        cmocka_unit_test(T12_an_overseer_does_not_stay_to_talk),
        cmocka_unit_test(an_overseer_is_not_thrown_out_while_its_child_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
