/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include "policy/decide.h"

enum { ANA = 1, BEN, MAYA, KIM, LEO, ROSA, EVE };

static const int64_t NOW = INT64_C(1700000000000);

/* Ana and Ben with their children Maya and Kim; Leo (a child) and Rosa in family 2; Eve in family 3. */
struct world {
    struct person_id parents[2];
    struct policy_person own[4];
    struct policy_permit permits[2];
    struct policy_withdrawal withdrawal;
    struct policy_decision decisions[8];
    struct policy_person members[4];
    struct policy_zone_time zone;
    struct policy p, proposed;
    struct policy_facts f;
    struct policy_request r;
    struct verdict v;
};

static struct person_ref ref(uint8_t id)
{
    struct person_ref p;
    memset(&p, 0, sizeof(p));
    p.family.b[0] = id <= KIM ? 1 : id == EVE ? 3 : 2;
    p.person.b[0] = id;
    return p;
}

static struct policy_person who(uint8_t id)
{
    return (struct policy_person){ref(id), id == MAYA || id == KIM || id == LEO, false};
}

static struct policy_permit permit(uint8_t child, uint8_t contact)
{
    return (struct policy_permit){.child = ref(child),
                                  .contact = ref(contact),
                                  .kinds = POLICY_PERMIT_TEXT | POLICY_PERMIT_IMAGES,
                                  .not_after_ms = NOW + 1000,
                                  .serial = 5,
                                  .enough = true};
}

static void world_init(struct world *w, enum policy_request_kind kind, uint8_t subject, uint8_t by)
{
    memset(w, 0, sizeof(*w));
    for (uint8_t i = 0; i < 4; i++)
        w->own[i] = who((uint8_t)(ANA + i));
    w->parents[0] = ref(ANA).person;
    w->parents[1] = ref(BEN).person;
    w->permits[0] = permit(MAYA, LEO);
    w->permits[1] = permit(LEO, MAYA);
    w->members[0] = who(MAYA);
    w->members[1] = who(LEO);
    policy_defaults(&w->p);
    policy_defaults(&w->proposed);
    w->f = (struct policy_facts){.family = ref(ANA).family,
                                 .parents = w->parents,
                                 .parent_count = 2,
                                 .own = w->own,
                                 .own_count = 4,
                                 .chain_approval = POLICY_APPROVAL_ANY_PARENT,
                                 .heads_current = true,
                                 .time = {NOW, 0, 0},
                                 .permits = w->permits,
                                 .permit_count = 2,
                                 .withdrawals = &w->withdrawal,
                                 .decisions = w->decisions,
                                 .members = w->members,
                                 .member_count = 2,
                                 .device_count = 1};
    w->r = (struct policy_request){.kind = kind,
                                   .subject = ref(subject),
                                   .by = ref(by).person,
                                   .peer = ref(LEO),
                                   .attachment = POLICY_ATTACHMENTS_IMAGES,
                                   .proposed = &w->proposed};
}

static void decision(struct world *w, uint8_t parent, bool yes, uint64_t knew)
{
    w->decisions[w->f.decision_count++] = (struct policy_decision){ref(parent).person, yes, knew};
}

static void expect(struct world *w, enum verdict_kind kind, enum trace_code code)
{
    assert_ok(policy_decide(&w->p, &w->f, &w->r, &w->v));
    if (w->v.kind != kind || w->v.trace[w->v.decided].code != code)
        fail_msg("got %s by %s, want %s by %s", verdict_name(w->v.kind),
                 trace_name(w->v.trace[w->v.decided].code), verdict_name(kind), trace_name(code));
}

static void an_approach_to_a_child_asks_a_parent(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_RECEIVE_APPROACH, MAYA, MAYA);
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    assert_int_equal(w.v.may_answer, 3);
    assert_int_equal(w.v.missing, 1);
    decision(&w, BEN, true, 0);
    expect(&w, VERDICT_ALLOW, TRACE_APPROVAL_GIVEN);
}

static void all_parents_means_each_of_them(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_RECEIVE_APPROACH, MAYA, ANA);
    w.f.chain_approval = POLICY_APPROVAL_ALL_PARENTS;
    decision(&w, ANA, true, 0);
    decision(&w, ANA, true, 0); /* a person counts once */
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    assert_int_equal(w.v.may_answer, 2);
    decision(&w, BEN, true, 0);
    expect(&w, VERDICT_ALLOW, TRACE_APPROVAL_GIVEN);
    decision(&w, BEN, false, 7);
    expect(&w, VERDICT_DENY, TRACE_APPROVAL_REFUSED);
}

static void the_document_may_be_stricter_than_the_chain_and_not_looser(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_RECEIVE_APPROACH, MAYA, ANA);
    w.p.approval = POLICY_APPROVAL_ALL_PARENTS;
    decision(&w, ANA, true, 0);
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    w.p.approval = POLICY_APPROVAL_SELF;
    w.f.chain_approval = POLICY_APPROVAL_ALL_PARENTS;
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    w.p.approval = w.f.chain_approval = POLICY_APPROVAL_SELF; /* without a standing permit */
    w.f.decision_count = 0;
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    w.r.kind = MAY_CHANGE_POLICY;
    w.f.chain_approval = POLICY_APPROVAL_ANY_PARENT;
    w.proposed.approval = POLICY_APPROVAL_NOTIFY;
    expect(&w, VERDICT_DENY, TRACE_APPROVAL_ABOVE_CHAIN);
    w.proposed.approval = POLICY_APPROVAL_ALL_PARENTS;
    expect(&w, VERDICT_ALLOW, TRACE_PARENT);
}

static void a_no_beats_a_yes_that_did_not_know_of_it(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_RECEIVE_APPROACH, MAYA, ANA);
    decision(&w, ANA, true, 0);
    decision(&w, BEN, false, 0);
    expect(&w, VERDICT_DENY, TRACE_APPROVAL_REFUSED);
    w.decisions[1].knew = 1; /* Ben knew of the yes and says no */
    expect(&w, VERDICT_DENY, TRACE_APPROVAL_REFUSED);
    w.decisions[1].knew = 0;
    w.decisions[0].knew = 2; /* Ana knew of the no and says yes */
    expect(&w, VERDICT_ALLOW, TRACE_APPROVAL_GIVEN);
    w.decisions[1].knew = 1; /* both claim to be the later one */
    expect(&w, VERDICT_DENY, TRACE_APPROVAL_REFUSED);
}

static void answers_of_children_and_strangers_count_for_nothing(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_RECEIVE_APPROACH, MAYA, MAYA);
    decision(&w, MAYA, true, 0);
    decision(&w, KIM, true, 0);
    decision(&w, EVE, true, 0);
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    decision(&w, ANA, false, 0);
    decision(&w, KIM, true, 8);
    w.f.decision_count = 4;
    w.decisions[2].knew = 8;
    expect(&w, VERDICT_DENY, TRACE_APPROVAL_REFUSED);
}

static void T15_approaches_beyond_a_day_s_number_are_not_kept(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_RECEIVE_APPROACH, MAYA, ANA);
    w.f.approaches_today = 9;
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    w.f.approaches_today = 10;
    expect(&w, VERDICT_DENY, TRACE_PENDING_FULL);
}

static void an_approach_to_a_parent_asks_that_parent_alone(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_RECEIVE_APPROACH, BEN, ANA);
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    assert_int_equal(w.v.may_answer, 2);
    decision(&w, ANA, true, 0);
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    decision(&w, BEN, true, 0);
    expect(&w, VERDICT_ALLOW, TRACE_APPROVAL_GIVEN);
    w.decisions[1].yes = false;
    expect(&w, VERDICT_DENY, TRACE_APPROVAL_REFUSED);
}

static void invites_for_children_are_made_by_parents(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_MAKE_INVITE, MAYA, ANA);
    expect(&w, VERDICT_ALLOW, TRACE_PARENT);
    world_init(&w, MAY_MAKE_INVITE, MAYA, MAYA);
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    world_init(&w, MAY_MAKE_INVITE, MAYA, KIM);
    expect(&w, VERDICT_DENY, TRACE_OTHER_PERSON);
    world_init(&w, MAY_MAKE_INVITE, ANA, ANA);
    expect(&w, VERDICT_ALLOW, TRACE_SELF);
    world_init(&w, MAY_MAKE_INVITE, ANA, BEN);
    expect(&w, VERDICT_DENY, TRACE_OTHER_PERSON);
}

static void a_child_asks_before_a_request_leaves(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_SEND_REQUEST, MAYA, MAYA);
    expect(&w, VERDICT_ALLOW, TRACE_PERMIT_HELD);
    w.f.permit_count = 0;
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    w.f.heads_current = false;
    expect(&w, VERDICT_DENY, TRACE_HEADS_BEHIND);
    world_init(&w, MAY_SEND_REQUEST, ANA, ANA);
    expect(&w, VERDICT_ALLOW, TRACE_SELF);
}

static void T20_two_children_need_a_permit_of_each_side(void **state)
{
    (void)state;
    static const enum policy_request_kind kinds[] = {MAY_OPEN_CONVERSATION, MAY_JOIN_CONVERSATION, MAY_SEND,
                                                     MAY_RECEIVE};
    for (size_t i = 0; i < 4; i++) {
        struct world w;
        world_init(&w, kinds[i], MAYA, MAYA);
        expect(&w, VERDICT_ALLOW, TRACE_PERMIT_HELD);
        w.f.permit_count = 1;
        expect(&w, VERDICT_DENY, TRACE_PERMIT_MISSING);
        assert_int_equal(w.v.trace[w.v.decided].member_a, 1); /* Leo's parents have not permitted Maya */
        assert_int_equal(w.v.trace[w.v.decided].member_b, 0);
        w.f.permits++;
        expect(&w, VERDICT_DENY, TRACE_PERMIT_MISSING);
        assert_int_equal(w.v.trace[w.v.decided].member_a, 0);
    }
}

static void a_withdrawn_or_expired_permit_stops_both_directions(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_RECEIVE, MAYA, MAYA);
    w.withdrawal = (struct policy_withdrawal){ref(MAYA), ref(LEO), 5};
    w.f.withdrawal_count = 1;
    expect(&w, VERDICT_DENY, TRACE_PERMIT_WITHDRAWN);
    w.f.withdrawal_count = 0;
    w.f.time.local_ms += 1000;
    expect(&w, VERDICT_DENY, TRACE_PERMIT_EXPIRED);
}

static void an_adult_needs_the_permit_of_a_child_of_another_family(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_SEND, ANA, ANA);
    w.members[0] = who(ANA);
    expect(&w, VERDICT_DENY, TRACE_PERMIT_MISSING);
    w.permits[0] = permit(LEO, ANA);
    expect(&w, VERDICT_ALLOW, TRACE_PERMIT_HELD);
    w.members[1] = who(ROSA);
    expect(&w, VERDICT_ALLOW, TRACE_UNSUPERVISED);
}

static void the_roster_says_who_is_supervised_whatever_a_certificate_says(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_SEND, MAYA, MAYA);
    w.f.permits++;
    w.f.permit_count = 1;
    w.members[0].supervised = false;
    expect(&w, VERDICT_DENY, TRACE_PERMIT_MISSING);
}

static void the_family_talks_without_permits_and_is_never_quiet(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_SEND, MAYA, MAYA);
    w.members[1] = who(ANA);
    w.p.quiet.always = true;
    w.f.heads_current = false;
    w.f.permit_count = 0;
    expect(&w, VERDICT_ALLOW, TRACE_FAMILY_ONLY);
}

static void T12_a_third_person_needs_a_permit_for_every_pair(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_ADD_MEMBER, MAYA, MAYA);
    w.members[2] = who(EVE);
    w.f.member_count = 3;
    w.r.peer = ref(EVE);
    w.permits[0].kinds = w.permits[1].kinds = POLICY_PERMIT_TEXT | POLICY_PERMIT_GROUPS;
    expect(&w, VERDICT_DENY, TRACE_PERMIT_MISSING);
    w.p.groups = POLICY_GROUPS_NEVER;
    expect(&w, VERDICT_DENY, TRACE_GROUPS_NEVER);
}

static void T30_an_overseer_reads_and_does_not_write(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_SEND, ANA, ANA);
    w.members[2] = who(ANA);
    w.members[2].overseer = true;
    w.f.member_count = 3;
    expect(&w, VERDICT_DENY, TRACE_OVERSEER_READS_ONLY);
    w.r.subject = ref(MAYA);
    w.r.by = ref(MAYA).person;
    expect(&w, VERDICT_ALLOW, TRACE_PERMIT_HELD); /* and needs no permit */
    w.r.kind = MAY_RECEIVE;
    w.r.peer = ref(ANA);
    expect(&w, VERDICT_DENY, TRACE_OVERSEER_READS_ONLY);
    w.members[2] = who(EVE);
    w.members[2].overseer = true;
    expect(&w, VERDICT_DENY, TRACE_OVERSEER_OF_NOBODY);
    w.members[2] = who(KIM); /* a child of the family is no parent of anybody */
    w.members[2].overseer = true;
    expect(&w, VERDICT_DENY, TRACE_OVERSEER_OF_NOBODY);
}

static void quiet_hours_wait_until_their_end(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_SEND, MAYA, MAYA);
    assert_ok(policy_quiet_add(&w.p, "Europe/Berlin", 1260, 1440 + 420)); /* Monday 21:00 to Tuesday 07:00 */
    expect(&w, VERDICT_WAIT, TRACE_QUIET_ZONE_UNKNOWN);
    memcpy(w.zone.zone, "Europe/Berlin", 13);
    w.f.zones = &w.zone;
    w.f.zone_count = 1;
    w.zone.minute_of_week = 1259;
    expect(&w, VERDICT_ALLOW, TRACE_PERMIT_HELD);
    w.zone.minute_of_week = 1440 + 418;
    expect(&w, VERDICT_WAIT, TRACE_QUIET);
    assert_int_equal(w.v.until_at_ms, NOW + 2 * 60000);
    w.zone.minute_of_week = 1440 + 420;
    expect(&w, VERDICT_ALLOW, TRACE_PERMIT_HELD);
    w.f.time.relay_ms = NOW - 60 * 60000; /* T22: a clock set forward does not end it */
    expect(&w, VERDICT_WAIT, TRACE_QUIET);
}

static void attachments_follow_the_document_and_the_permit(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_SEND_ATTACHMENT, MAYA, MAYA);
    expect(&w, VERDICT_ALLOW, TRACE_ATTACHMENTS_ON);
    w.r.attachment = POLICY_ATTACHMENTS_ALL;
    expect(&w, VERDICT_DENY, TRACE_ATTACHMENTS_OFF);
    w.p.attachments = POLICY_ATTACHMENTS_ALL;
    expect(&w, VERDICT_DENY, TRACE_PERMIT_KIND);
    w.r.attachment = POLICY_ATTACHMENTS_NONE; /* no kind at all */
    expect(&w, VERDICT_DENY, TRACE_ATTACHMENTS_OFF);
}

static void devices_are_linked_by_those_whom_the_table_names(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_LINK_DEVICE, MAYA, ANA);
    w.f.device_count = 0;
    expect(&w, VERDICT_ALLOW, TRACE_APPROVAL_GIVEN);
    w.r.by = ref(MAYA).person;
    expect(&w, VERDICT_DENY, TRACE_CHILD_AUTHORS_NOTHING);
    w.f.device_count = 1; /* a second device: hers and a parent's yes */
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    w.r.by = ref(BEN).person;
    expect(&w, VERDICT_ASK, TRACE_CHILD_MUST_SIGN);
    assert_true(w.v.child_signs);
    w.f.subject_signed = true;
    expect(&w, VERDICT_ALLOW, TRACE_APPROVAL_GIVEN);
    world_init(&w, MAY_LINK_DEVICE, BEN, ANA); /* T31: no ghost device under another's name */
    expect(&w, VERDICT_DENY, TRACE_OTHER_PARENT);
    w.r.by = ref(BEN).person;
    expect(&w, VERDICT_ALLOW, TRACE_SELF);
}

static void T32_a_further_parent_takes_all_parents(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_LINK_DEVICE, KIM, ANA);
    w.own[3].supervised = false; /* a new parent is to be added */
    w.f.device_count = 0;
    expect(&w, VERDICT_ASK, TRACE_APPROVAL_NEEDED);
    assert_int_equal(w.v.may_answer, 2);
    decision(&w, BEN, true, 0);
    expect(&w, VERDICT_ALLOW, TRACE_APPROVAL_GIVEN);
    w.decisions[0].yes = false;
    expect(&w, VERDICT_DENY, TRACE_APPROVAL_REFUSED);
}

static void devices_are_removed_by_their_person_or_a_childs_parent(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_REMOVE_DEVICE, MAYA, BEN);
    expect(&w, VERDICT_ALLOW, TRACE_PARENT);
    w.r.by = ref(MAYA).person;
    expect(&w, VERDICT_DENY, TRACE_LAST_DEVICE);
    w.f.device_count = 2;
    expect(&w, VERDICT_ALLOW, TRACE_SELF);
    w.r.by = ref(KIM).person;
    expect(&w, VERDICT_DENY, TRACE_OTHER_PERSON);
    world_init(&w, MAY_REMOVE_DEVICE, BEN, ANA);
    expect(&w, VERDICT_DENY, TRACE_OTHER_PARENT);
}

static void what_is_not_built_is_denied_by_name(void **state)
{
    (void)state;
    static const enum policy_request_kind kinds[] = {MAY_INTRODUCE, MAY_LEAVE_FAMILY, MAY_BE_LISTED,
                                                     MAY_LOOK_UP};
    for (size_t i = 0; i < 4; i++) {
        struct world w;
        world_init(&w, kinds[i], MAYA, MAYA);
        w.p.discovery = POLICY_DISCOVERY_CIRCLES;
        expect(&w, VERDICT_DENY, TRACE_NOT_YET_BUILT);
    }
}

static void wrong_facts_are_a_usage_error_and_deny(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, MAY_SEND, MAYA, MAYA);
    w.v.kind = VERDICT_ALLOW;
    w.f.member_count = POLICY_MEMBERS_MAX + 1;
    assert_status(policy_decide(&w.p, &w.f, &w.r, &w.v), ST_USAGE);
    assert_int_equal(w.v.kind, VERDICT_DENY);
    w.f.member_count = 2;
    w.r.kind = MAY_COUNT;
    assert_status(policy_decide(&w.p, &w.f, &w.r, &w.v), ST_USAGE);
    world_init(&w, MAY_SEND, EVE, MAYA);
    expect(&w, VERDICT_DENY, TRACE_NOT_IN_FAMILY);
    world_init(&w, MAY_SEND, MAYA, EVE);
    expect(&w, VERDICT_DENY, TRACE_NOT_IN_FAMILY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approach_to_a_child_asks_a_parent),
        cmocka_unit_test(all_parents_means_each_of_them),
        cmocka_unit_test(the_document_may_be_stricter_than_the_chain_and_not_looser),
        cmocka_unit_test(a_no_beats_a_yes_that_did_not_know_of_it),
        cmocka_unit_test(answers_of_children_and_strangers_count_for_nothing),
        cmocka_unit_test(T15_approaches_beyond_a_day_s_number_are_not_kept),
        cmocka_unit_test(an_approach_to_a_parent_asks_that_parent_alone),
        cmocka_unit_test(invites_for_children_are_made_by_parents),
        cmocka_unit_test(a_child_asks_before_a_request_leaves),
        cmocka_unit_test(T20_two_children_need_a_permit_of_each_side),
        cmocka_unit_test(a_withdrawn_or_expired_permit_stops_both_directions),
        cmocka_unit_test(an_adult_needs_the_permit_of_a_child_of_another_family),
        cmocka_unit_test(the_roster_says_who_is_supervised_whatever_a_certificate_says),
        cmocka_unit_test(the_family_talks_without_permits_and_is_never_quiet),
        cmocka_unit_test(T12_a_third_person_needs_a_permit_for_every_pair),
        cmocka_unit_test(T30_an_overseer_reads_and_does_not_write),
        cmocka_unit_test(quiet_hours_wait_until_their_end),
        cmocka_unit_test(attachments_follow_the_document_and_the_permit),
        cmocka_unit_test(devices_are_linked_by_those_whom_the_table_names),
        cmocka_unit_test(T32_a_further_parent_takes_all_parents),
        cmocka_unit_test(devices_are_removed_by_their_person_or_a_childs_parent),
        cmocka_unit_test(what_is_not_built_is_denied_by_name),
        cmocka_unit_test(wrong_facts_are_a_usage_error_and_deny),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
