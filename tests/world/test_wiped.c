/* SPDX-License-Identifier: Apache-2.0 */
/* The relay loses its store, again and again: nothing that a device has written is lost (T06 in its first
 * form).
 */
#include <stdio.h>

#include "sync/scope_group.h"
#include "tests/world/world_test.h"

static void all_agree(struct world *w, const struct story *s)
{
    world_run(w, 6 * HOUR_MS);
    world_same_state(w, s->ana, s->ben);
    world_same_state(w, s->ana, s->maya);
    world_same_state(w, s->rosa, s->leo);
    for (size_t i = s->ana; i <= s->leo; i++)
        assert_int_equal(world_number(w, i, "SELECT count(*) FROM mls_group WHERE state = 2"), 0);
}

static void T06_a_wiped_relay_gets_everything_again(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "before", s.maya);
    world_run(w, 10 * MINUTE_MS);
    world_wipe_relay(w);
    story_say(w, s.leo, "Maya", "after", s.maya);
    story_say(w, s.maya, "Leo", "after too", s.leo);
    story_say(w, s.ana, "Berg", "dinner", s.ben);
    all_agree(w, &s);
}

static void T06_what_somebody_missed_comes_again_from_the_others(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    world_off(w, s.ben);
    world_off(w, s.maya);
    world_ok(w, s.leo, CMD_SEND, "Maya", "you were away", NULL, NULL);
    world_ok(w, s.ana, CMD_SEND, "Berg", "so were you", NULL, NULL);
    world_ok(w, s.ana, CMD_POLICY_SET, "Maya", "permit_days", "30", NULL);
    world_run(w, 10 * MINUTE_MS);
    world_wipe_relay(w);
    world_run(w, 10 * MINUTE_MS);
    world_on(w, s.ben);
    world_on(w, s.maya);
    all_agree(w, &s);
    assert_true(world_has_text(w, s.maya, "you were away", "Leo"));
    assert_true(world_has_text(w, s.maya, "so were you", "Ana"));
    assert_true(world_has_text(w, s.ben, "so were you", "Ana"));
}

/* A careless operator: the same incarnation, the same logs, shorter. Whoever writes next gets a number under
 * which it has read something else. */
static void T06_a_relay_put_back_to_an_older_copy_is_noticed(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    world_keep_store(w);
    world_off(w, s.ben);
    story_say(w, s.leo, "Maya", "since", s.maya);
    story_say(w, s.ana, "Berg", "since then", s.maya);
    world_ok(w, s.ana, CMD_POLICY_SET, "Maya", "permit_days", "30", NULL);
    world_run(w, 10 * MINUTE_MS);
    world_put_back_store(w);
    world_ok(w, s.ana, CMD_SEND, "Berg", "dinner", NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM mls_group WHERE kind = 1 AND gap_at != 0"),
                     1);
    world_on(w, s.ben);
    world_run(w, 360 * MINUTE_MS);
    for (size_t i = 0; i < world_count(w); i++)
        assert_int_equal(world_number(w, i, "SELECT count(*) FROM mls_group WHERE state = 2 OR gap_at != 0"),
                         0);
    all_agree(w, &s);
    assert_true(world_has_text(w, s.ben, "since then", "Ana"));
    assert_true(world_has_text(w, s.ben, "dinner", "Ana"));
    assert_true(world_has_text(w, s.maya, "dinner", "Ana"));
    story_say(w, s.maya, "Leo", "after", s.leo);
}

/* Everybody waits for one who is off, for a day: they do not go on asking each other meanwhile. */
static void T06_who_waits_for_somebody_in_a_gap_is_quiet(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    world_off(w, s.ben);
    world_keep_store(w);
    story_say(w, s.ana, "Berg", "since", s.maya);
    story_say(w, s.maya, "Berg", "since too", s.ana);
    world_put_back_store(w);
    world_ok(w, s.ana, CMD_SEND, "Berg", "dinner", NULL, NULL);
    world_ok(w, s.maya, CMD_SEND, "Berg", "hungry", NULL, NULL);
    world_run(w, 2 * HOUR_MS);
    assert_int_not_equal(world_number(w, s.ana, "SELECT count(*) FROM mls_group WHERE gap_at != 0"), 0);
    assert_int_not_equal(world_number(w, s.maya, "SELECT count(*) FROM mls_group WHERE gap_at != 0"), 0);
    uint64_t before = world_cost(w, s.ana).requests;
    world_run(w, 10 * HOUR_MS);
    assert_true(world_cost(w, s.ana).requests - before < 700);
    world_on(w, s.ben);
    world_run(w, HOUR_MS);
    all_agree(w, &s);
}

struct under_way {
    size_t device;
    int kind;
};

static bool is_at_relay(struct world *w, void *ctx)
{
    const struct under_way *u = ctx;
    char sql[200];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM mls_group g WHERE kind = %d AND pending = 1 AND NOT EXISTS"
             " (SELECT 1 FROM outbox o WHERE o.log = g.log)",
             u->kind);
    return world_number(w, u->device, sql) == 1;
}

/* The store gets another name when this device's commit is in it, and nobody has read it. */
static void rename_under_way(struct world *w, struct under_way *u)
{
    assert_true(world_until(w, is_at_relay, u, 10 * MINUTE_MS));
    world_rename_relay(w);
    world_run(w, HOUR_MS);
    for (size_t i = 0; i < world_count(w); i++)
        assert_int_equal(world_alarms(w, i), 0);
}

/* A commit that its author has not read back may stand in the log, before the gap and after it. */
static void T06_a_commit_that_was_under_way_counts_after_the_gap(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_add(w, s.ana, "Maya's phone", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    struct under_way u = {s.ana, SCOPE_FAMILY};
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's phone", NULL, NULL, NULL);
    rename_under_way(w, &u);
    all_agree(w, &s);
}

/* Where no letters go the last word that ends the gap stands in the log itself, behind the commit. */
static void T06_what_came_before_the_end_of_a_gap_is_read_again(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    size_t second = story_add(w, s.ana, "Maya's phone", "Maya", "child", s.maya);
    struct under_way u = {s.maya, SCOPE_CONVERSATION};
    assert_true(world_until(w, is_at_relay, &u, 10 * MINUTE_MS));
    assert_ok(
        sql_run(&world_node(w, s.maya)->sql, "UPDATE contact SET their_box = NULL WHERE state = 2", ""));
    rename_under_way(w, &u);
    static const char epoch[] = "SELECT epoch FROM mls_group WHERE kind = 5 AND state = 1";
    assert_int_equal(world_number(w, s.leo, epoch), world_number(w, s.maya, epoch));
    all_agree(w, &s);
    world_same_state(w, s.maya, second);
    story_say(w, s.leo, "Maya", "after", second);
}

/* The store goes while commits and messages are under way. */
static void T06_a_relay_wiped_at_any_moment_of_a_conversation(void **state)
{
    struct world *w = *state;
    struct story s;
    struct test_entropy dice;
    char text[32];
    test_entropy_init(&dice, test_seed(1));
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "number %d", i);
        world_ok(w, i % 2 ? s.leo : s.maya, CMD_SEND, i % 2 ? "Maya" : "Leo", text, NULL, NULL);
        world_run(w, (int64_t)test_entropy_below(&dice, 3000));
        if (i % 4 == 3)
            world_wipe_relay(w);
    }
    all_agree(w, &s);
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "number %d", i);
        assert_true(world_has_text(w, i % 2 ? s.maya : s.leo, text, i % 2 ? "Leo" : "Maya"));
    }
}

/* After each step of the story. */
static void T06_a_relay_wiped_after_every_step_of_the_story(void **state)
{
    struct world *w = *state;
    struct story s;
    char link[WORLD_TEXT_MAX];
    s.ana = world_add(w, "Ana's phone");
    s.ben = world_add(w, "Ben's phone");
    s.maya = world_add(w, "Maya's tablet");
    s.rosa = world_add(w, "Rosa's phone");
    s.leo = world_add(w, "Leo's tablet");
    story_found(w, s.ana, "Berg", "Ana");
    world_wipe_relay(w);
    story_pair(w, s.ana, s.ben, "Ben", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    world_wipe_relay(w);
    story_pair(w, s.ana, s.maya, "Maya", "child", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    world_wipe_relay(w);
    story_found(w, s.rosa, "Sol", "Rosa");
    story_pair(w, s.rosa, s.leo, "Leo", "child", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    world_wipe_relay(w);
    story_invite(w, s.ana, "Maya", link);
    world_run(w, MINUTE_MS);
    story_meet(w, s.leo, link, "me");
    story_decide(w, s.rosa, true);
    world_run(w, 10 * MINUTE_MS);
    world_wipe_relay(w);
    story_decide(w, s.ben, true);
    story_wait_contact(w, s.leo, "Maya", "active");
    story_wait_contact(w, s.maya, "Leo", "active");
    world_wipe_relay(w);
    story_say(w, s.leo, "Maya", "still here", s.maya);
    all_agree(w, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T06_a_wiped_relay_gets_everything_again),
        WORLD_TEST(T06_a_relay_put_back_to_an_older_copy_is_noticed),
        WORLD_TEST(T06_who_waits_for_somebody_in_a_gap_is_quiet),
        WORLD_TEST(T06_a_commit_that_was_under_way_counts_after_the_gap),
        WORLD_TEST(T06_what_came_before_the_end_of_a_gap_is_read_again),
        WORLD_TEST(T06_what_somebody_missed_comes_again_from_the_others),
        WORLD_TEST(T06_a_relay_wiped_at_any_moment_of_a_conversation),
        WORLD_TEST(T06_a_relay_wiped_after_every_step_of_the_story),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
