/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions of parents, at the same moment, late, taken back and made again (T22, T51; protocol.md §7.2). */
#include <stdio.h>

#include "tests/world/world_test.h"

/* Maya's family and Sam, an adult with a family of one, who has asked to meet her. */
static void sam_asks(struct world *w, struct story *s, size_t *sam)
{
    story_family_of_three(w, s);
    *sam = world_add(w, "Sam's phone");
    story_found(w, *sam, "Sol", "Sam");
    story_ask(w, *sam, s->ana, "Maya", "hello");
    world_run(w, 2 * MINUTE_MS);
    assert_true(story_has_request(w, s->ana) && story_has_request(w, s->ben));
}

static void T51_of_a_yes_and_a_no_at_the_same_moment_the_no_stands(void **state)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world *w = seed == 0 ? *state : world_new(test_seed(1) + seed);
        struct story s;
        size_t sam;
        char id[80], contact[32];
        sam_asks(w, &s, &sam);
        world_request(w, s.ana, id);
        world_ok(w, seed % 2 ? s.ana : s.ben, CMD_APPROVE, id, NULL, NULL, NULL);
        world_ok(w, seed % 2 ? s.ben : s.ana, CMD_DENY, id, "no", NULL, NULL);
        world_run(w, HOUR_MS);
        assert_false(story_has_request(w, s.ana));
        assert_false(story_has_request(w, s.ben));
        world_contact(w, s.maya, "Sam", contact);
        assert_string_not_equal(contact, "active");
        world_contact(w, sam, "Maya", contact);
        assert_string_not_equal(contact, "active");
        assert_int_not_equal(world_do(w, sam, CMD_SEND, "Maya", "hi", NULL, NULL)->status, ST_OK);
        assert_int_not_equal(world_do(w, s.maya, CMD_SEND, "Sam", "hi", NULL, NULL)->status, ST_OK);
        world_same_state(w, s.ana, s.ben);
        world_same_state(w, s.ana, s.maya);
        static const char *const decisions =
            "SELECT id, state FROM request WHERE kind < 3 ORDER BY id"; /* approaches and asks */
        world_same(w, s.ana, s.ben, "requests", decisions);
        if (seed != 0)
            world_free(w);
    }
}

static void a_withdrawal_and_a_message_at_the_same_moment_end_in_one_state(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_ok(w, s.leo, CMD_SEND, "Maya", "just now", NULL, NULL);
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    world_ok(w, s.leo, CMD_SEND, "Maya", "and more", NULL, NULL);
    world_run(w, HOUR_MS);
    char contact[32];
    world_contact(w, s.maya, "Leo", contact);
    assert_string_equal(contact, "withdrawn");
    world_contact(w, s.leo, "Maya", contact);
    assert_string_equal(contact, "withdrawn");
    assert_status(world_do(w, s.leo, CMD_SEND, "Maya", "still", NULL, NULL)->status, ST_CONTACT_ENDED);
    assert_status(world_do(w, s.maya, CMD_SEND, "Leo", "still", NULL, NULL)->status, ST_CONTACT_ENDED);
    world_same_state(w, s.ana, s.ben);
    world_same_state(w, s.ana, s.maya);
    world_same_state(w, s.rosa, s.leo);
    /* neither keeps a key of what they had */
    for (size_t i = s.ana; i <= s.leo; i++)
        assert_int_equal(
            world_number(
                w, i, "SELECT count(*) FROM mls_record r JOIN mls_group g ON g.id = r.grp WHERE g.kind = 5"),
            0);
}

/* Both parents of the asking child say yes anew, so does the other side; the old group stays dead. */
static void asking_again_after_a_withdrawal_makes_the_next_generation(void **state)
{
    struct world *w = *state;
    struct story s;
    char link[WORLD_TEXT_MAX];
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "first time", s.maya);
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    story_wait_contact(w, s.leo, "Maya", "withdrawn");
    world_run(w, HOUR_MS);
    story_invite(w, s.ana, "Maya", link);
    story_meet(w, s.leo, link, "may I again?");
    world_run(w, 2 * MINUTE_MS);
    if (story_has_request(w, s.rosa))
        story_decide(w, s.rosa, true);
    story_decide(w, s.ana, true);
    story_wait_contact(w, s.leo, "Maya", "active");
    story_wait_contact(w, s.maya, "Leo", "active");
    story_say(w, s.leo, "Maya", "second time", s.maya);
    story_say(w, s.maya, "Leo", "welcome back", s.leo);
    assert_true(world_has_text(w, s.maya, "first time", "Leo"));
    static const char *const generation = "SELECT generation FROM mls_group WHERE kind = 5 AND state = 1";
    assert_int_equal(world_number(w, s.maya, generation), 1);
    assert_int_equal(world_number(w, s.leo, generation), 1);
}

static void see_ask(void *ctx, const struct request_row *r)
{
    char *state = ctx;
    if (r->kind == REQUEST_ASK)
        snprintf(state, 16, "%s", r->state);
}

static void a_child_sees_what_became_of_its_ask(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet");
    size_t sam = world_add(w, "Sam's phone");
    char seen[16] = "";
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, maya, "Maya", "child", SIZE_MAX);
    story_found(w, sam, "Sol", "Sam");
    story_ask(w, maya, sam, NULL, "from school");
    story_decide(w, ana, false);
    world_run(w, MINUTE_MS);
    assert_ok(view_requests(world_node(w, maya), false, see_ask, seen));
    assert_string_equal(seen, "denied");
    seen[0] = '\0';
    assert_ok(view_requests(world_node(w, ana), false, see_ask, seen)); /* who decided it knows */
    assert_string_equal(seen, "");
}

static void T22_a_permit_that_ran_out_carries_nothing_more(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t sam;
    char id[80];
    sam_asks(w, &s, &sam);
    world_request(w, s.ana, id);
    world_ok(w, s.ana, CMD_APPROVE, id, "2", NULL, NULL);
    story_wait_contact(w, sam, "Maya", "active");
    story_wait_contact(w, s.maya, "Sam", "active");
    story_say(w, sam, "Maya", "in time", s.maya);
    world_run(w, 3 * DAY_MS);
    assert_int_not_equal(world_do(w, s.maya, CMD_SEND, "Sam", "late", NULL, NULL)->status, ST_OK);
    assert_int_not_equal(world_do(w, sam, CMD_SEND, "Maya", "late", NULL, NULL)->status, ST_OK);
}

static void T22_a_child_that_sets_its_clock_back_does_not_keep_a_permit_alive(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t sam;
    char id[80];
    sam_asks(w, &s, &sam);
    world_request(w, s.ana, id);
    world_ok(w, s.ana, CMD_APPROVE, id, "2", NULL, NULL);
    story_wait_contact(w, s.maya, "Sam", "active");
    world_run(w, 3 * DAY_MS);
    story_say(w, s.ana, "Berg", "good morning", s.maya); /* a parent's clock is a lower bound */
    world_clock(w, s.maya, -3 * DAY_MS);
    assert_int_not_equal(world_do(w, s.maya, CMD_SEND, "Sam", "late", NULL, NULL)->status, ST_OK);
}

static void T22_a_child_that_sets_its_clock_back_does_not_outlive_a_withdrawal(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_clock(w, s.maya, -DAY_MS);
    world_run(w, HOUR_MS);
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    world_run(w, HOUR_MS);
    assert_int_not_equal(world_do(w, s.maya, CMD_SEND, "Leo", "still", NULL, NULL)->status, ST_OK);
    world_clock(w, s.maya, 0);
    world_run(w, HOUR_MS);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
}

/* Ana's clock is far ahead when she ends it. It ends for all at once, and not for longer than she wants. */
static void a_no_by_a_clock_that_was_far_ahead_ends_at_once_and_not_for_ever(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "hello", s.maya);
    world_clock(w, s.ana, 40 * DAY_MS);
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    world_clock(w, s.ana, 0);
    world_run(w, 30 * MINUTE_MS);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    story_wait_contact(w, s.ben, "Leo", "withdrawn");
    assert_true(world_number(w, s.ben, "SELECT max(serial) >> 16 FROM withdrawal") >
                world_now(w).wall_ms + 30 * DAY_MS);
    story_ask(w, s.leo, s.ben, "Maya", "once more");
    story_decide(w, s.rosa, true);
    story_decide(w, s.ben, true);
    story_wait_contact(w, s.leo, "Maya", "active");
    story_wait_contact(w, s.maya, "Leo", "active");
    story_say(w, s.leo, "Maya", "here we are again", s.maya);
    /* And his no is not before that yes. */
    world_ok(w, s.ben, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    story_wait_contact(w, s.leo, "Maya", "withdrawn");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T51_of_a_yes_and_a_no_at_the_same_moment_the_no_stands),
        WORLD_TEST(a_withdrawal_and_a_message_at_the_same_moment_end_in_one_state),
        WORLD_TEST(asking_again_after_a_withdrawal_makes_the_next_generation),
        WORLD_TEST(a_child_sees_what_became_of_its_ask),
        WORLD_TEST(T22_a_permit_that_ran_out_carries_nothing_more),
        WORLD_TEST(T22_a_child_that_sets_its_clock_back_does_not_keep_a_permit_alive),
        WORLD_TEST(T22_a_child_that_sets_its_clock_back_does_not_outlive_a_withdrawal),
        WORLD_TEST(a_no_by_a_clock_that_was_far_ahead_ends_at_once_and_not_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
