/* SPDX-License-Identifier: Apache-2.0 */
/* The laws of docs/policy.md on random worlds, all from one seed (KITH_SEED replays a run). The checks are
 * written without the code that they check: a pair is looked up here by its own loop. */
#include "tests/support/test.h"

#include "policy/decide.h"
#include "tests/support/test_entropy.h"

enum { CASES = 20000, OWN = 5, PEOPLE = 8, PERMITS = 12, DECISIONS = 6, MEMBERS = 5 };

static const int64_t NOW = INT64_C(1700000000000);
static struct test_entropy dice;

struct world {
    struct person_id parents[OWN];
    struct policy_person own[OWN], members[MEMBERS];
    struct policy_permit permits[PERMITS];
    struct policy_withdrawal withdrawals[PERMITS];
    struct policy_decision decisions[DECISIONS + 2];
    struct policy_zone_time zone;
    struct policy p, proposed;
    struct policy_facts f;
    struct policy_request r;
};

static unsigned roll(unsigned bound)
{
    return (unsigned)test_entropy_below(&dice, bound);
}

/* Persons 0…4 are the family's, 0 and 1 are adults; 5 and 6 are of a second family, 7 of a third. */
static struct person_ref ref(unsigned id)
{
    struct person_ref p;
    memset(&p, 0, sizeof(p));
    p.family.b[0] = id < OWN ? 1 : id < 7 ? 2 : 3;
    p.person.b[0] = (uint8_t)id;
    return p;
}

static struct policy_person who(unsigned id)
{
    return (struct policy_person){ref(id), id >= 2 && id != 6, false};
}

static void random_policy(struct policy *p)
{
    static const char *const zones[] = {"A", "B", "C", "D", "E", "F"};
    policy_defaults(p);
    p->approval = (enum policy_approval)roll(POLICY_APPROVAL_COUNT);
    p->discovery = (enum policy_discovery)roll(POLICY_DISCOVERY_COUNT);
    p->approach_notice = (enum policy_notice)roll(POLICY_NOTICE_COUNT);
    p->introductions = (enum policy_introductions)roll(POLICY_INTRODUCTIONS_COUNT);
    p->groups = (enum policy_groups)roll(POLICY_GROUPS_COUNT);
    p->attachments = (enum policy_attachments)roll(POLICY_ATTACHMENTS_COUNT);
    p->permit_days = (uint16_t)(1 + roll(POLICY_PERMIT_DAYS_MAX));
    p->pending_max = (uint8_t)roll(POLICY_PENDING_MAX + 1);
    p->oversight = (enum policy_oversight)roll(POLICY_OVERSIGHT_COUNT);
    for (unsigned n = roll(4); n > 0; n--) {
        uint16_t begin = (uint16_t)(15 * roll(POLICY_QUIET_SLOTS));
        assert_ok(
            policy_quiet_add(p, zones[roll(6)], begin, (uint16_t)((begin + 15 + 15 * roll(60)) % 10080)));
    }
    p->quiet.always = p->quiet.zone_count == 0 && roll(20) == 0;
    for (unsigned n = roll(4), i = 0; i < n; i++)
        p->releases[p->release_count++] =
            (struct policy_release){i, FIELD_APPROVAL, (uint16_t)roll(POLICY_APPROVAL_COUNT)};
    assert_ok(policy_check(p));
}

static void random_permits(struct world *w)
{
    w->f.permits = w->permits;
    w->f.permit_count = roll(PERMITS + 1);
    for (size_t i = 0; i < w->f.permit_count; i++)
        w->permits[i] = (struct policy_permit){.child = ref(roll(PEOPLE)),
                                               .contact = ref(roll(PEOPLE)),
                                               .kinds = (uint8_t)(roll(4) > 0 ? 15 : roll(16)),
                                               .not_before_ms = roll(8) == 0 ? NOW + 1 : 0,
                                               .not_after_ms = roll(8) == 0 ? NOW : NOW + 1,
                                               .serial = roll(4),
                                               .enough = roll(8) > 0};
    w->f.withdrawals = w->withdrawals;
    w->f.withdrawal_count = roll(4);
    for (size_t i = 0; i < w->f.withdrawal_count; i++)
        w->withdrawals[i] = (struct policy_withdrawal){ref(roll(PEOPLE)), ref(roll(PEOPLE)), roll(4)};
}

static void random_decisions(struct world *w)
{
    w->f.decisions = w->decisions;
    w->f.decision_count = roll(DECISIONS + 1);
    for (size_t i = 0; i < w->f.decision_count; i++) {
        uint64_t knew = roll(1u << DECISIONS) & ((1u << i) - 1);
        w->decisions[i] = (struct policy_decision){ref(roll(OWN)).person, roll(2) == 0, knew};
    }
}

static void random_world(struct world *w)
{
    memset(w, 0, sizeof(*w));
    for (unsigned i = 0; i < OWN; i++)
        w->own[i] = who(i);
    w->parents[0] = ref(0).person;
    w->parents[1] = ref(1).person;
    random_policy(&w->p);
    random_policy(&w->proposed);
    w->f.family = ref(0).family;
    w->f.parents = w->parents;
    w->f.parent_count = 1 + roll(2);
    w->f.own = w->own;
    w->f.own_count = OWN;
    w->f.chain_approval = (enum policy_approval)roll(POLICY_APPROVAL_COUNT);
    w->f.heads_current = roll(10) > 0;
    w->f.time = (struct policy_time){NOW, 0, roll(10) == 0 ? NOW - POLICY_SKEW_MS - 1 : NOW};
    w->zone = (struct policy_zone_time){"A", (uint16_t)roll(10080)};
    w->f.zones = &w->zone;
    w->f.zone_count = roll(2);
    random_permits(w);
    random_decisions(w);
    w->f.members = w->members;
    unsigned first = roll(PEOPLE); /* distinct members */
    w->f.member_count = 1 + roll(MEMBERS);
    for (unsigned i = 0; i < w->f.member_count; i++) {
        w->members[i] = who((first + 3 * i) % PEOPLE);
        w->members[i].overseer = roll(12) == 0;
    }
    w->f.approaches_today = (uint16_t)roll(60);
    w->f.device_count = (uint8_t)roll(3);
    w->f.subject_signed = roll(2) == 0;
    unsigned subject = roll(10) < 9 ? roll(OWN) : roll(PEOPLE);
    w->r = (struct policy_request){.kind = (enum policy_request_kind)roll(MAY_COUNT),
                                   .subject = ref(subject),
                                   .by = ref(roll(3) > 0 ? subject : roll(PEOPLE)).person,
                                   .peer = ref(roll(PEOPLE)),
                                   .attachment = (enum policy_attachments)roll(POLICY_ATTACHMENTS_COUNT),
                                   .proposed = &w->proposed};
}

/* Makes a conversation that is likely to be allowed: two or three members, the first one writes, and most of
 * the permits that they need. */
static void likely_world(struct world *w)
{
    random_world(w);
    w->r.kind = (enum policy_request_kind)(MAY_OPEN_CONVERSATION + roll(7));
    w->f.time.relay_ms = NOW;
    w->f.member_count = 2 + roll(2);
    w->members[0] = who(roll(OWN));
    w->members[1] = who(OWN + roll(3));
    w->members[2] = who(roll(2) == 0 ? 0 : 6);
    if (person_ref_equal(&w->members[2].ref, &w->members[0].ref) ||
        person_ref_equal(&w->members[2].ref, &w->members[1].ref))
        w->f.member_count = 2;
    w->r.subject = w->members[0].ref;
    w->r.by = w->members[0].ref.person;
    w->r.peer = w->members[1].ref;
    w->f.permit_count = 0;
    for (unsigned i = 0; i < 9; i++) {
        if (roll(12) == 0)
            continue;
        w->permits[w->f.permit_count++] =
            (struct policy_permit){.child = w->members[i / 3].ref,
                                   .contact = w->members[i % 3].ref,
                                   .kinds = (uint8_t)(roll(8) > 0 ? 15 : roll(16)),
                                   .not_after_ms = NOW + (roll(12) == 0 ? 0 : 1),
                                   .serial = 1 + roll(4),
                                   .enough = roll(12) > 0};
    }
}

static struct verdict decide(const struct policy *p, const struct world *w)
{
    struct verdict v;
    assert_ok(policy_decide(p, &w->f, &w->r, &v));
    return v;
}

static bool talks(enum policy_request_kind kind)
{
    return kind >= MAY_OPEN_CONVERSATION && kind <= MAY_RECEIVE_ATTACHMENT;
}

static bool outside(const struct world *w)
{
    for (size_t i = 0; i < w->f.member_count; i++)
        if (!ID_EQUAL(&w->members[i].ref.family, &w->f.family))
            return true;
    return false;
}

static void law_1_closed_by_default(void **state)
{
    (void)state;
    size_t seen = 0;
    for (size_t i = 0; i < CASES; i++) {
        struct world w;
        random_world(&w);
        policy_defaults(&w.p);
        w.f.permit_count = w.f.decision_count = 0;
        bool reaches = (talks(w.r.kind) && outside(&w)) || w.r.kind == MAY_RECEIVE_APPROACH ||
                       w.r.kind == MAY_SEND_REQUEST || w.r.kind == MAY_LOOK_UP || w.r.kind == MAY_BE_LISTED ||
                       w.r.kind == MAY_INTRODUCE;
        if (!reaches || !who(w.r.subject.person.b[0]).supervised)
            continue;
        struct verdict v = decide(&w.p, &w);
        assert_true(v.kind == VERDICT_DENY || v.kind == VERDICT_ASK);
        seen++;
    }
    assert_true(seen > CASES / 10);
}

/* Does any permit let a talk to b, looked up without permit_check? */
static bool permitted(const struct world *w, const struct person_ref *a, const struct person_ref *b)
{
    for (size_t i = 0; i < w->f.permit_count; i++) {
        const struct policy_permit *p = &w->permits[i];
        bool good = person_ref_equal(&p->child, a) && person_ref_equal(&p->contact, b) && p->enough &&
                    p->not_before_ms <= NOW && NOW < p->not_after_ms;
        for (size_t k = 0; good && k < w->f.withdrawal_count; k++)
            good =
                !(person_ref_equal(&w->withdrawals[k].child, a) &&
                  person_ref_equal(&w->withdrawals[k].contact, b) && p->serial <= w->withdrawals[k].serial);
        if (good)
            return true;
    }
    return false;
}

/* Two supervised or not, of two families, none of them an overseer, without the permits that they need. */
static bool unapproved_pair(const struct world *w)
{
    for (size_t i = 0; i < w->f.member_count; i++)
        for (size_t k = 0; k < w->f.member_count; k++) {
            const struct policy_person *a = &w->members[i], *b = &w->members[k];
            if (a->supervised && !a->overseer && !b->overseer && !ID_EQUAL(&a->ref.family, &b->ref.family) &&
                !permitted(w, &a->ref, &b->ref))
                return true;
        }
    return false;
}

/* Laws 2 and 6 in one: whatever else is so (answers by anybody, any document, any chain rule), who talks has
 * a permit with enough signatures for every pair that involves a supervised person. */
static void T12_laws_2_and_6_no_talk_without_a_permit_for_every_pair(void **state)
{
    (void)state;
    size_t allowed = 0, unapproved = 0;
    for (size_t i = 0; i < 2 * CASES; i++) {
        struct world w;
        if (roll(2) == 0) {
            likely_world(&w);
        } else {
            random_world(&w);
            w.f.time.relay_ms = NOW;
            w.r.kind = (enum policy_request_kind)(MAY_OPEN_CONVERSATION + roll(7));
        }
        if (!outside(&w))
            continue;
        bool bad = unapproved_pair(&w);
        struct verdict v = decide(&w.p, &w);
        if (bad)
            assert_true(v.kind == VERDICT_DENY);
        unapproved += bad ? 1 : 0;
        allowed += v.kind == VERDICT_ALLOW ? 1 : 0;
    }
    print_message("%zu with an unapproved pair, %zu allowed\n", unapproved, allowed);
    assert_true(unapproved > CASES / 2 && allowed > CASES / 10);
}

static void law_3_merge_is_a_meet(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct policy a, b, c, ab, ba, bc, ab_c, a_bc, aa;
        random_policy(&a);
        random_policy(&b);
        random_policy(&c);
        policy_merge(&a, &b, &ab);
        policy_merge(&b, &a, &ba);
        policy_merge(&b, &c, &bc);
        policy_merge(&ab, &c, &ab_c);
        policy_merge(&a, &bc, &a_bc);
        policy_merge(&a, &a, &aa);
        assert_true(policy_equal(&ab, &ba));
        assert_true(policy_equal(&ab_c, &a_bc));
        assert_true(policy_equal(&aa, &a));
        assert_ok(policy_check(&ab_c));
        assert_true(policy_at_most(&ab, &a) && policy_at_most(&ab, &b));
    }
}

static bool at_most(const struct verdict *a, const struct verdict *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind;
    return a->missing >= b->missing && a->until_at_ms >= b->until_at_ms && a->child_signs >= b->child_signs;
}

static void law_3_no_verdict_is_more_permissive_under_the_merge(void **state)
{
    (void)state;
    size_t differs = 0;
    for (size_t i = 0; i < CASES; i++) {
        struct world w;
        struct policy other, both;
        if (roll(2) == 0)
            random_world(&w);
        else
            likely_world(&w);
        random_policy(&other);
        policy_merge(&w.p, &other, &both);
        struct verdict a = decide(&w.p, &w), b = decide(&other, &w), m = decide(&both, &w);
        assert_true(at_most(&m, &a) && at_most(&m, &b));
        differs += a.kind != b.kind ? 1 : 0;
    }
    print_message("%zu pairs of documents with different verdicts\n", differs);
    assert_true(differs > 100);
}

static void law_4_no_beats_yes_among_answers_that_did_not_know_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct world w;
        random_world(&w);
        w.r.kind = MAY_RECEIVE_APPROACH;
        w.r.subject = ref(2 + roll(3));
        w.r.peer = ref(7);
        w.r.by = w.r.subject.person;
        bool no = false;
        for (size_t k = 0; k < w.f.decision_count; k++) {
            w.decisions[k].knew = 0;
            bool parent = w.decisions[k].parent.b[0] < w.f.parent_count;
            no = no || (parent && !w.decisions[k].yes);
        }
        if (no)
            assert_true(decide(&w.p, &w).kind == VERDICT_DENY);
    }
}

static void law_4_an_answer_that_knew_of_all_earlier_ones_replaces_them(void **state)
{
    (void)state;
    size_t last_yes = 0;
    for (size_t i = 0; i < CASES; i++) {
        struct world w;
        random_world(&w);
        w.r = (struct policy_request){
            .kind = MAY_RECEIVE_APPROACH, .subject = ref(2), .by = ref(2).person, .peer = ref(7)};
        w.f.chain_approval = POLICY_APPROVAL_ANY_PARENT;
        w.p.approval = POLICY_APPROVAL_ANY_PARENT;
        int last = -1;
        for (size_t k = 0; k < w.f.decision_count; k++) {
            w.decisions[k].knew = (UINT64_C(1) << k) - 1;
            if (w.decisions[k].parent.b[0] < w.f.parent_count)
                last = w.decisions[k].yes;
        }
        if (last >= 0)
            assert_true(decide(&w.p, &w).kind == (last ? VERDICT_ALLOW : VERDICT_DENY));
        last_yes += last == 1 ? 1 : 0;
    }
    assert_true(last_yes > CASES / 10);
}

static void T21_law_8_answers_by_no_parent_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct world w;
        random_world(&w);
        struct verdict before = decide(&w.p, &w);
        size_t own = w.f.decision_count;
        for (unsigned n = 1 + roll(2); n > 0; n--)
            w.decisions[w.f.decision_count++] = (struct policy_decision){
                ref(w.f.parent_count == 1 ? 1 + roll(7) : 2 + roll(6)).person, roll(2) == 0, roll(1u << 8)};
        for (size_t k = 0; k < own; k++) /* and parents that had seen them */
            w.decisions[k].knew |= (uint64_t)roll(4) << own;
        struct verdict after = decide(&w.p, &w);
        bool full = after.trace[after.decided].code != before.trace[before.decided].code &&
                    before.trace[before.decided].code == TRACE_PENDING_FULL;
        assert_true(full || after.kind == before.kind);
        assert_true(after.kind != VERDICT_ALLOW || before.kind == VERDICT_ALLOW);
    }
}

static void T21_law_8_a_child_changes_no_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct world w;
        random_world(&w);
        w.r.kind = MAY_CHANGE_POLICY;
        w.r.by = ref(2 + roll(6)).person;
        assert_true(decide(&w.p, &w).kind == VERDICT_DENY);
    }
}

static void law_9_every_verdict_has_its_reason_and_always_the_same(void **state)
{
    (void)state;
    size_t kinds[4] = {0};
    for (size_t i = 0; i < CASES; i++) {
        struct world w;
        if (roll(2) == 0)
            random_world(&w);
        else
            likely_world(&w);
        struct verdict a = decide(&w.p, &w), b = decide(&w.p, &w);
        kinds[a.kind]++;
        assert_true(a.trace_count >= 1 && a.trace_count <= POLICY_TRACE_MAX && a.decided < a.trace_count);
        assert_int_equal(a.trace[a.decided].said, a.kind);
        assert_int_equal(a.trace_count, b.trace_count);
        for (size_t k = 0; k < a.trace_count; k++) {
            assert_int_equal(a.trace[k].code, b.trace[k].code);
            assert_true(a.trace[k].said >= a.kind && strlen(trace_text(a.trace[k].code)) > 3);
        }
    }
    print_message("%zu deny, %zu wait, %zu ask, %zu allow\n", kinds[0], kinds[1], kinds[2], kinds[3]);
    for (size_t i = 0; i < 4; i++)
        assert_true(kinds[i] > 10);
}

int main(void)
{
    test_entropy_init(&dice, test_seed(20251123));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(law_1_closed_by_default),
        cmocka_unit_test(T12_laws_2_and_6_no_talk_without_a_permit_for_every_pair),
        cmocka_unit_test(law_3_merge_is_a_meet),
        cmocka_unit_test(law_3_no_verdict_is_more_permissive_under_the_merge),
        cmocka_unit_test(law_4_no_beats_yes_among_answers_that_did_not_know_each_other),
        cmocka_unit_test(law_4_an_answer_that_knew_of_all_earlier_ones_replaces_them),
        cmocka_unit_test(T21_law_8_answers_by_no_parent_change_nothing),
        cmocka_unit_test(T21_law_8_a_child_changes_no_policy),
        cmocka_unit_test(law_9_every_verdict_has_its_reason_and_always_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
