/* SPDX-License-Identifier: Apache-2.0 */
/* Policy laws 6 and 8 over random evidence and random sets of permits. */
#include "tests/support/test_entropy.h"
#include "tests/unit/device/talk_fixture.h"

/* ---- laws 6 and 8: whatever children and outsiders sign authorizes nothing ---- */

/* One piece of evidence, of any kind, signed by one of `keys`: never a parent's. */
static void random_evidence(struct world *w, struct test_entropy *r, const struct sample_key *const *keys,
                            size_t count)
{
    const struct sample_key *by = keys[test_entropy_below(r, count)];
    const struct family *f = test_entropy_below(r, 2) ? &w->f : &w->g;
    const struct family *g = f == &w->f ? &w->g : &w->f;
    unsigned who = 1 + (unsigned)test_entropy_below(r, 4), other = 1 + (unsigned)test_entropy_below(r, 4);
    struct person_id as = person_of(f, 1 + (unsigned)test_entropy_below(r, 4));
    switch (test_entropy_below(r, 6)) {
    case 0: {
        struct permit p = {.child = ref_of(f, who),
                           .has_contact = test_entropy_below(r, 8) != 0,
                           .contact = ref_of(g, other),
                           .kinds = PERMIT_ALL,
                           .oversight = OVERSIGHT_CONTACTS,
                           .serial = UINT64_MAX};
        assert_ok(permit_approve(&p, &as, &by->device, &by->key));
        commit_permit(&w->c, &p);
        break;
    }
    case 1: {
        struct device_certificate c = {.who = ref_of(f, who), .device = by->device, .issuer = by->device};
        assert_ok(device_certificate_sign(&c, &by->key));
        commit_evidence(&w->c, EVIDENCE_CERTIFICATE, NULL, COMMIT_ENCODE(&w->c, device_certificate, &c));
        break;
    }
    case 2:
        add_withdrawal(w, f, who, g, other, by);
        break;
    case 3: {
        struct revocation v = {.who = ref_of(f, who), .device = by->device, .issuer = by->device};
        v.device.b[0] ^= (uint8_t)test_entropy_below(r, 2);
        assert_ok(revocation_sign(&v, &by->key));
        commit_evidence(&w->c, EVIDENCE_REVOCATION, NULL, COMMIT_ENCODE(&w->c, revocation, &v));
        break;
    }
    case 4: { /* an honest permit of this very pair, with a flipped bit somewhere */
        struct permit p = permit_for(f, MAYA, g, TIM);
        p.approvals[0].signature.b[test_entropy_below(r, SIGNATURE_LEN)] ^= 1;
        commit_permit(&w->c, &p);
        break;
    }
    default: { /* a permit of an honest parent, for somebody else */
        struct permit p = permit_for(f, f == &w->f ? TIM : MAYA, g, f == &w->f ? TIM : MAYA);
        commit_permit(&w->c, &p);
    }
    }
}

static void random_change(struct world *w, struct test_entropy *r, const struct sample_key *const *keys,
                          size_t count)
{
    const struct sample_key *by = keys[test_entropy_below(r, count)];
    const struct family *f = test_entropy_below(r, 2) ? &w->f : &w->g;
    struct device_certificate c = {.who = ref_of(f, 1 + (unsigned)test_entropy_below(r, 5)),
                                   .supervised = test_entropy_below(r, 2) != 0,
                                   .device = by->device,
                                   .not_after_ms = 1,
                                   .issuer = by->device};
    assert_ok(device_certificate_sign(&c, &by->key));
    commit_add_with(&w->c, &c);
}

static void law_8_random_evidence_by_children_and_outsiders_authorizes_nothing(void **state)
{
    (void)state;
    struct world w;
    struct test_entropy r;
    test_entropy_init(&r, test_seed(8));
    for (int round = 0; round < 300; round++) {
        founding(&w);
        const struct sample_key *const keys[] = {&w.f.maya, &w.f.tim, &w.f.eve, &w.g.maya,
                                                 &w.g.tim,  &w.g.eve, &w.h.ana, &w.h.tim};
        if (test_entropy_below(&r, 3) == 0)
            random_change(&w, &r, keys, 8);
        else
            commit_add(&w.c, &w.g, TIM, &w.g.tim); /* certified, but without permits */
        commit_chain(&w.c, &w.g);
        for (uint64_t n = test_entropy_below(&r, 8); n > 0; n--)
            random_evidence(&w, &r, keys, 8);
        enum status st = commit_judge(&w.c, L_MAYA);
        if (st == ST_OK)
            fail_msg("round %d was authorized", round);
        world_wipe(&w);
    }
}

static void law_8_random_removals_by_children_and_outsiders_are_void(void **state)
{
    (void)state;
    struct world w;
    struct test_entropy r;
    test_entropy_init(&r, test_seed(9));
    for (int round = 0; round < 200; round++) {
        talking(&w);
        uint32_t ana = commit_member(&w.c, &w.g, ANA, &w.g.ana);
        const struct sample_key *const keys[] = {&w.f.maya, &w.f.tim, &w.f.eve, &w.g.maya,
                                                 &w.g.tim,  &w.g.eve, &w.h.ana, &w.h.tim};
        commit_remove(&w.c, test_entropy_below(&r, 2) ? ana : L_TIM);
        for (uint64_t n = test_entropy_below(&r, 8); n > 0; n--)
            random_evidence(&w, &r, keys, 8);
        enum status st = commit_judge(&w.c, L_MAYA);
        if (st == ST_OK)
            fail_msg("round %d was authorized", round);
        world_wipe(&w);
    }
}

/* Law 6: over random sets of permits, a commit passes exactly when every pair that it makes has all of its
 * own. */
static void law_6_a_group_grows_by_permitted_pairs_only(void **state)
{
    (void)state;
    struct world w;
    struct test_entropy r;
    test_entropy_init(&r, test_seed(6));
    unsigned passed = 0;
    for (int round = 0; round < 200; round++) {
        talking_in(&w, false);
        /* Ben of h and Maya of g come, in one commit by Tim */
        bool adult = test_entropy_below(&r, 2), child = test_entropy_below(&r, 2) || !adult;
        struct {
            const struct family *f, *g;
            unsigned child, contact;
            bool wanted;
        } pairs[] = {
            {&w.f, &w.g, MAYA, TIM, true},           {&w.g, &w.f, TIM, MAYA, true},
            {&w.f, &w.h, MAYA, BEN, adult},          {&w.g, &w.h, TIM, BEN, adult},
            {&w.f, &w.g, MAYA, MAYA, child},         {&w.g, &w.f, MAYA, MAYA, child},
            {&w.g, &w.h, MAYA, BEN, adult && child},
        };
        if (adult) {
            commit_add(&w.c, &w.h, BEN, &w.h.ben);
            commit_chain(&w.c, &w.h);
        }
        if (child)
            commit_add(&w.c, &w.g, MAYA, &w.g.maya);
        bool complete = true;
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
            if (test_entropy_below(&r, 10) == 0) {
                complete = complete && !pairs[i].wanted;
                continue;
            }
            struct permit p = permit_for(pairs[i].f, pairs[i].child, pairs[i].g, pairs[i].contact);
            struct person_id ben = person_of(pairs[i].f, BEN);
            p.kinds = PERMIT_TEXT | PERMIT_GROUPS;
            p.approval_count = 0;
            assert_ok(permit_approve(&p, &ben, &pairs[i].f->ben.device, &pairs[i].f->ben.key));
            commit_permit(&w.c, &p);
        }
        assert_status(commit_judge(&w.c, L_TIM), complete ? ST_OK : ST_AUTHORIZE_PAIR);
        passed += complete;
        world_wipe(&w);
    }
    assert_in_range(passed, 20, 180); /* both outcomes were seen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(law_8_random_evidence_by_children_and_outsiders_authorizes_nothing),
        cmocka_unit_test(law_8_random_removals_by_children_and_outsiders_are_void),
        cmocka_unit_test(law_6_a_group_grows_by_permitted_pairs_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
