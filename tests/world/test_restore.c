/* SPDX-License-Identifier: Apache-2.0 */
/* A device whose database was put back from an older copy (T42; T22 for a child that does it on purpose). In
 * every test the keys of all messages that leave a device are written down: none may seal two. */
#include <stdio.h>
#include <string.h>

#include "tests/world/world_keys.h"
#include "tests/world/world_test.h"

static struct world_keys keys;

static int setup(void **state)
{
    (void)world_test_begin(state);
    memset(&keys, 0, sizeof(keys));
    world_watch_keys(*state, &keys);
    return 0;
}

/* The machine was put back, and nothing outside of the home is left that could tell. */
static void put_back(struct world *w, size_t device, unsigned slot)
{
    world_lose_witness(w, device);
    world_put_back_home(w, device, slot);
}

static int64_t left(struct world *w, size_t device)
{
    return world_number(w, device, "SELECT count(*) FROM recover WHERE state IN (1, 2)");
}

static bool is_back(struct world *w, void *ctx)
{
    size_t device = *(size_t *)ctx;
    return world_number(w, device, "SELECT count(*) FROM meta WHERE key = 'old_copy' AND value = 2") == 1 &&
           left(w, device) == 0;
}

/* No key twice, nothing forked, and everybody can talk. */
static void assert_whole(struct world *w, struct story *s)
{
    const size_t all[] = {s->ana, s->ben, s->maya, s->rosa, s->leo};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(world_number(w, all[i], "SELECT count(*) FROM mls_group WHERE state = 2"), 0);
        assert_int_equal(world_number(w, all[i], "SELECT count(*) FROM entry WHERE fork = 1 AND own = 0"), 0);
        assert_int_equal(left(w, all[i]), 0);
    }
    world_same_state(w, s->ana, s->ben);
    world_same_state(w, s->ana, s->maya);
    world_same_state(w, s->rosa, s->leo);
    assert_int_equal(keys.twice, 0);
}

static void talk_again(struct world *w, struct story *s)
{
    story_say(w, s->maya, "Leo", "here again", s->leo);
    story_say(w, s->leo, "Maya", "good", s->maya);
    story_say(w, s->maya, "Berg", "here again too", s->ben);
    story_say(w, s->ana, "Berg", "good too", s->maya);
    world_run(w, 10 * MINUTE_MS);
}

static void come_back(struct world *w, size_t device)
{
    if (!world_until(w, is_back, &device, 6 * HOUR_MS))
        fail_msg("%s is not back: %lld scopes are left", world_device_name(w, device),
                 (long long)left(w, device));
}

static void T42_an_old_copy_is_added_again_everywhere_and_talks(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.maya, "Leo", "one", s.leo);
    world_keep_home(w, s.maya, 0);
    story_say(w, s.maya, "Leo", "two", s.leo);
    story_say(w, s.maya, "Leo", "three", s.leo);
    story_say(w, s.maya, "Berg", "dinner", s.ana);
    world_run(w, MINUTE_MS);
    world_put_back_home(w, s.maya, 0);
    /* what was kept outside of the home tells it before anything is asked */
    assert_status(world_do(w, s.maya, CMD_SEND, "Leo", "now", NULL, NULL)->status, ST_DEVICE_RESTORED);
    come_back(w, s.maya);
    assert_true(world_alarms(w, s.maya) > 0);
    assert_true(world_has_text(w, s.maya, "two", "Maya"));
    assert_true(world_has_text(w, s.maya, "dinner", "Maya"));
    talk_again(w, &s);
    assert_true(world_has_text(w, s.leo, "three", "Maya"));
    assert_whole(w, &s);
}

static void T42_without_a_witness_the_relay_shows_that_it_is_an_old_copy(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_keep_home(w, s.maya, 0);
    story_say(w, s.maya, "Leo", "two", s.leo);
    story_say(w, s.maya, "Berg", "dinner", s.ana);
    world_run(w, MINUTE_MS);
    put_back(w, s.maya, 0);
    /* at once, before anything can have been read */
    (void)world_do(w, s.maya, CMD_SEND, "Leo", "from the past", NULL, NULL);
    (void)world_do(w, s.maya, CMD_SEND, "Berg", "from the past too", NULL, NULL);
    come_back(w, s.maya);
    talk_again(w, &s);
    assert_true(world_has_text(w, s.maya, "two", "Maya"));
    /* what it wrote is void, on itself too: its numbers are those of "two" and "dinner" */
    assert_false(world_has_text(w, s.leo, "from the past", NULL));
    assert_false(world_has_text(w, s.maya, "from the past", NULL));
    assert_false(world_has_text(w, s.ben, "from the past too", NULL));
    assert_true(world_alarms(w, s.maya) > 1);
    assert_whole(w, &s);
}

static void T42_a_copy_from_before_the_contact_finds_the_conversation(void **state)
{
    struct world *w = *state;
    struct story s;
    s.ana = world_add(w, "Ana's phone");
    story_found(w, s.ana, "Berg", "Ana");
    s.ben = story_add(w, s.ana, "Ben's phone", "Ben", "parent", SIZE_MAX);
    s.maya = story_add(w, s.ana, "Maya's tablet", "Maya", "child", SIZE_MAX);
    s.rosa = world_add(w, "Rosa's phone");
    story_found(w, s.rosa, "Rossi", "Rosa");
    s.leo = story_add(w, s.rosa, "Leo's phone", "Leo", "child", SIZE_MAX);
    world_run(w, MINUTE_MS);
    world_keep_home(w, s.maya, 0);
    world_keep_home(w, s.ben, 0);
    story_ask(w, s.leo, s.ana, "Maya", "from school");
    story_decide(w, s.rosa, true);
    story_decide(w, s.ana, true);
    story_wait_contact(w, s.maya, "Leo", "active");
    story_wait_contact(w, s.leo, "Maya", "active");
    story_say(w, s.maya, "Leo", "one", s.leo);
    put_back(w, s.maya, 0);
    put_back(w, s.ben, 0);
    world_run(w, 4 * HOUR_MS);
    story_wait_contact(w, s.maya, "Leo", "active");
    talk_again(w, &s);
    assert_whole(w, &s);
}

static void T42_a_parent_of_long_ago_is_added_again_and_is_added_to_what_is_new(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[2 * ID_LEN + 1], sql[160];
    story_children_meet(w, &s);
    world_keep_home(w, s.ana, 0);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child",
                              s.maya); /* by commits of this device, in every scope */
    story_say(w, s.ana, "Berg", "one", s.ben);
    world_run(w, 5 * MINUTE_MS);
    put_back(w, s.ana, 0);
    int64_t at = world_node(w, s.ben)->now.wall_ms;
    come_back(w, s.ana);
    talk_again(w, &s);
    assert_whole(w, &s);
    world_same_state(w, s.ana, laptop);
    hex_encode(id, SPAN_ID(&world_node(w, s.ana)->self.device));
    snprintf(sql, sizeof(sql), "SELECT min(at_ms) FROM peer_key_package WHERE device = x'%s'", id);
    assert_true(world_number(w, s.ben, sql) >= at);
    /* its old key packages are nobody's any more: the ward of a child who comes now has it as a member */
    size_t toms = story_add(w, s.ben, "Tom's tablet", "Tom", "child", SIZE_MAX);
    world_run(w, HOUR_MS);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM mls_group WHERE kind = 3 AND state = 1"),
                     2);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM mls_group WHERE kind = 3 AND state = 1"),
                     2);
    assert_int_equal(
        world_number(w, s.ana, "SELECT sum(epoch) FROM mls_group WHERE kind IN (1, 3) AND state = 1"),
        world_number(w, s.ben, "SELECT sum(epoch) FROM mls_group WHERE kind IN (1, 3) AND state = 1"));
    story_say(w, s.ana, "Berg", "welcome", toms);
    assert_int_equal(keys.twice, 0);
}

static void T42_it_comes_back_though_it_is_killed_again_and_again(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_keep_home(w, s.maya, 0);
    story_say(w, s.maya, "Leo", "two", s.leo);
    world_run(w, MINUTE_MS);
    put_back(w, s.maya, 0);
    (void)world_do(w, s.maya, CMD_SEND, "Leo", "from the past", NULL, NULL);
    world_restart_every(w, 2);
    come_back(w, s.maya);
    world_restart_every(w, 0);
    talk_again(w, &s);
    assert_whole(w, &s);
}

static void T42_an_old_copy_of_an_old_copy_comes_back_too(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_keep_home(w, s.leo, 0);
    story_say(w, s.leo, "Maya", "two", s.maya);
    put_back(w, s.leo, 0);
    come_back(w, s.leo);
    story_say(w, s.leo, "Maya", "three", s.maya);
    world_run(w, HOUR_MS);
    put_back(w, s.leo, 0);
    come_back(w, s.leo);
    assert_true(world_has_text(w, s.leo, "two", "Leo"));
    assert_true(world_has_text(w, s.leo, "three", "Leo"));
    talk_again(w, &s);
    assert_whole(w, &s);
}

/* The copy knows all that it sent, and then it was added again by another life of its own. */
static void T42_a_copy_from_before_it_was_added_again_is_no_removed_device(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_keep_home(w, s.leo, 0);
    story_say(w, s.leo, "Maya", "two", s.maya);
    world_run(w, MINUTE_MS);
    world_keep_home(w, s.leo, 1);
    put_back(w, s.leo, 0);
    come_back(w, s.leo);
    put_back(w, s.leo, 1);
    come_back(w, s.leo);
    talk_again(w, &s);
    assert_whole(w, &s);
}

static void T42_a_device_that_is_no_copy_sends_though_nobody_else_is_there(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, HOUR_MS);
    const size_t others[] = {s.ana, s.ben, s.rosa, s.leo};
    for (size_t i = 0; i < 4; i++)
        world_off(w, others[i]);
    world_off(w, s.maya); /* its machine starts again: nothing vouches for its database */
    world_lose_witness(w, s.maya);
    world_on(w, s.maya);
    size_t before = keys.by_device[s.maya];
    world_ok(w, s.maya, CMD_SEND, "Leo", "nobody is there", NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_true(keys.by_device[s.maya] > before);
    assert_int_equal(
        world_number(w, s.maya, "SELECT count(*) FROM entry WHERE own = 1 AND acked = 0 AND kind = 1"), 0);
    for (size_t i = 0; i < 4; i++)
        world_on(w, others[i]);
    world_run(w, HOUR_MS);
    assert_true(world_has_text(w, s.leo, "nobody is there", "Maya"));
    assert_whole(w, &s);
}

static void T42_nothing_is_sent_before_the_relay_was_read(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, HOUR_MS);
    world_off(w, s.maya);
    world_lose_witness(w, s.maya);
    world_on(w, s.maya);
    world_ok(w, s.maya, CMD_SEND, "Leo", "later", NULL, NULL);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM outbox"), 0);
    world_run(w, MINUTE_MS);
    assert_true(world_has_text(w, s.leo, "later", "Maya"));
    /* with the witness it goes at once */
    world_restart(w, s.maya);
    world_ok(w, s.maya, CMD_SEND, "Leo", "at once", NULL, NULL);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM outbox"), 1);
}

static void T42_a_family_of_one_device_is_told_what_to_do(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone");
    story_found(w, ana, "Berg", "Ana");
    world_keep_home(w, ana, 0);
    size_t ben = story_add(w, ana, "Ben's phone", "Ben", "parent", SIZE_MAX);
    story_say(w, ana, "Berg", "one", ben);
    put_back(w, ana, 0);
    world_run(w, HOUR_MS);
    assert_int_equal(
        world_number(w, ana, "SELECT count(*) FROM notice WHERE what LIKE '%no other device of the family%'"),
        1);
    assert_status(world_do(w, ana, CMD_SEND, "Berg", "from the past", NULL, NULL)->status,
                  ST_DEVICE_RESTORED);
    assert_int_equal(keys.twice, 0);
}

/* It asks ever more seldom, and comes to rest in between. */
static void T42_an_old_copy_that_nobody_answers_for_days_does_not_spin(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_keep_home(w, s.leo, 0);
    story_say(w, s.leo, "Maya", "two", s.maya);
    put_back(w, s.leo, 0);
    world_off(w, s.rosa);
    world_off(w, s.maya);
    world_run(w, 50 * HOUR_MS);
    assert_true(left(w, s.leo) > 0);
    world_on(w, s.rosa);
    world_on(w, s.maya);
    come_back(w, s.leo);
    talk_again(w, &s);
    assert_whole(w, &s);
}

static void T22_a_child_does_not_win_a_permit_back_with_an_old_database(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.maya, "Leo", "one", s.leo);
    world_keep_home(w, s.maya, 0);
    story_say(w, s.maya, "Leo", "two", s.leo);
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", "Maya", NULL, NULL);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    world_run(w, MINUTE_MS);
    put_back(w, s.maya, 0);
    (void)world_do(w, s.maya, CMD_SEND, "Leo", "as if nothing had been", NULL, NULL);
    world_run(w, HOUR_MS);
    (void)world_do(w, s.maya, CMD_SEND, "Leo", "still there?", NULL, NULL);
    world_run(w, 6 * HOUR_MS);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    assert_false(world_has_text(w, s.leo, "as if nothing had been", NULL));
    assert_false(world_has_text(w, s.leo, "still there?", NULL));
    story_say(w, s.maya, "Berg", "at home again", s.ana);
    world_run(w, MINUTE_MS);
    world_same_state(w, s.ana, s.maya);
    assert_int_equal(keys.twice, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_test_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T42_an_old_copy_is_added_again_everywhere_and_talks),
        TEST(T42_without_a_witness_the_relay_shows_that_it_is_an_old_copy),
        TEST(T42_a_copy_from_before_the_contact_finds_the_conversation),
        TEST(T42_a_parent_of_long_ago_is_added_again_and_is_added_to_what_is_new),
        TEST(T42_it_comes_back_though_it_is_killed_again_and_again),
        TEST(T42_an_old_copy_of_an_old_copy_comes_back_too),
        TEST(T42_a_copy_from_before_it_was_added_again_is_no_removed_device),
        TEST(T42_a_device_that_is_no_copy_sends_though_nobody_else_is_there),
        TEST(T42_nothing_is_sent_before_the_relay_was_read),
        TEST(T42_a_family_of_one_device_is_told_what_to_do),
        TEST(T42_an_old_copy_that_nobody_answers_for_days_does_not_spin),
        TEST(T22_a_child_does_not_win_a_permit_back_with_an_old_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
