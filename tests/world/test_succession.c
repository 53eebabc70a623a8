/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that cannot go on get successors, and everybody talks on (protocol.md §5.4). */
#include <stdio.h>

#include "protocol/kith_context.h"
#include "sync/succession.h"
#include "tests/world/world_test.h"

/* ---- what the tests look at ---- */

static int64_t of_kind(struct world *w, size_t device, const char *what, enum scope_kind kind)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT %s FROM mls_group WHERE kind = %d AND state != 3 ORDER BY id LIMIT 1",
             what, (int)kind);
    return world_number(w, device, sql);
}

static int64_t generation(struct world *w, size_t device, enum scope_kind kind)
{
    return of_kind(w, device, "generation", kind);
}

static void all_in_one(struct world *w, const size_t *devices, size_t count, enum scope_kind kind,
                       int64_t expected)
{
    char sql[160];
    snprintf(sql, sizeof(sql),
             "SELECT scope, generation, founding, epoch, state FROM mls_group WHERE kind = %d AND state != 3",
             (int)kind);
    for (size_t i = 0; i < count; i++) {
        if (generation(w, devices[i], kind) != expected)
            fail_msg("%s is in generation %lld of kind %d, not in %lld", world_device_name(w, devices[i]),
                     (long long)generation(w, devices[i], kind), (int)kind, (long long)expected);
        world_same(w, devices[0], devices[i], "group", sql);
    }
}

/* ---- making groups hopeless ---- */

static void stick_all(struct world *w, const size_t *devices, size_t count, enum scope_kind kind)
{
    for (size_t i = 0; i < count; i++)
        world_stick(w, devices[i], (int)kind);
}

static void T25_a_conversation_that_a_commit_poisoned_for_everybody_goes_on(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    const size_t both[] = {s.maya, s.leo};
    stick_all(w, both, 2, SCOPE_CONVERSATION);
    world_ok(w, s.leo, CMD_SEND, "Maya", "written while it was stuck", NULL, NULL);
    world_run(w, 30 * MINUTE_MS);
    all_in_one(w, both, 2, SCOPE_CONVERSATION, 1);
    assert_true(world_has_text(w, s.maya, "written while it was stuck", "Leo"));
    story_say(w, s.leo, "Maya", "in the successor", s.maya);
    story_say(w, s.maya, "Leo", "heard", s.leo);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(world_alarms(w, both[i]), 0);
}

/* ---- every scope ---- */

struct wanted {
    enum scope_kind kind;
};

static enum status want(struct node *n, void *arg)
{
    const struct wanted *x = arg;
    struct scope_id scope;
    struct query q;
    query_start(&q, &n->sql, "SELECT scope FROM mls_group WHERE kind = ? AND state != 3", "i",
                (int64_t)x->kind);
    if (query_next(&q))
        QUERY_ID(&q, 0, &scope);
    enum status st = query_end(&q);
    return st == ST_OK ? group_succeed(n, &scope, SUCCESSOR_REFUSED, NULL) : st;
}

static void wants(struct world *w, size_t device, enum scope_kind kind)
{
    struct wanted x = {kind};
    assert_ok(world_forge(w, device, want, &x));
}

static void every_scope_of_a_family_gets_a_successor_with_the_same_members(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t laptop = story_add(w, s.ana, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    const size_t family[] = {s.ana, s.ben, s.maya, laptop}, parents[] = {s.ana, s.ben, laptop},
                 own[] = {s.ana, laptop}, both[] = {s.maya, s.leo};
    wants(w, s.ben, SCOPE_FAMILY);
    wants(w, s.ben, SCOPE_PARENTS);
    wants(w, s.maya, SCOPE_WARD); /* a child's device adds nobody; but it founds */
    wants(w, laptop, SCOPE_OWN);
    wants(w, s.leo, SCOPE_CONVERSATION);
    world_run(w, 30 * MINUTE_MS);
    all_in_one(w, family, 4, SCOPE_FAMILY, 1);
    all_in_one(w, parents, 3, SCOPE_PARENTS, 1);
    all_in_one(w, family, 4, SCOPE_WARD, 1);
    all_in_one(w, own, 2, SCOPE_OWN, 1);
    all_in_one(w, both, 2, SCOPE_CONVERSATION, 1);
    story_say(w, s.maya, "Berg", "all of you", laptop);
    story_say(w, s.leo, "Maya", "and you", s.maya);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Ana's laptop", NULL, NULL, NULL); /* and they take commits */
    world_run(w, 30 * MINUTE_MS);
    const size_t left[] = {s.ana, s.ben, s.maya};
    all_in_one(w, left, 3, SCOPE_FAMILY, 1);
    all_in_one(w, left, 2, SCOPE_PARENTS, 1);
    world_same_state(w, s.ana, s.ben);
    for (size_t i = s.ana; i <= s.leo; i++)
        assert_int_equal(world_alarms(w, i), 0);
}

/* ---- the causes ---- */

static void a_family_of_three(struct world *w, struct story *s)
{
    s->ana = world_add(w, "Ana's phone");
    s->ben = world_add(w, "Ben's phone");
    s->maya = world_add(w, "Maya's tablet");
    story_found(w, s->ana, "Berg", "Ana");
    story_pair(w, s->ana, s->ben, "Ben", "parent", SIZE_MAX);
    story_pair(w, s->ana, s->maya, "Maya", "child", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
}

static void T06_after_a_day_a_member_who_never_tells_keeps_nobody_waiting(void **state)
{
    struct world *w = *state;
    struct story s;
    a_family_of_three(w, &s);
    world_off(w, s.ben);
    world_wipe_relay(w);
    world_run(w, 23 * HOUR_MS);
    assert_int_equal(generation(w, s.ana, SCOPE_FAMILY), 0);
    world_ok(w, s.maya, CMD_SEND, "Berg", "while Ben is away", NULL, NULL);
    world_run(w, 3 * HOUR_MS);
    const size_t here[] = {s.ana, s.maya}, all[] = {s.ana, s.ben, s.maya};
    all_in_one(w, here, 2, SCOPE_FAMILY, 1);
    all_in_one(w, here, 2, SCOPE_WARD, 1);
    assert_int_equal(of_kind(w, s.ana, "gap_at", SCOPE_FAMILY), 0);
    story_say(w, s.ana, "Berg", "without Ben", s.maya);
    world_on(w, s.ben);
    world_run(w, 2 * HOUR_MS);
    all_in_one(w, all, 3, SCOPE_FAMILY, 1); /* he was in it all the time */
    assert_true(world_has_text(w, s.ben, "without Ben", "Ana"));
    assert_true(world_has_text(w, s.ben, "while Ben is away", "Maya"));
    story_say(w, s.ben, "Berg", "back", s.ana);
    world_same_state(w, s.ana, s.ben);
}

static void T25_who_alone_cannot_follow_and_is_not_added_again_founds_after_a_day(void **state)
{
    struct world *w = *state;
    struct story s;
    a_family_of_three(w, &s);
    world_off(w, s.ana);
    world_off(w, s.ben);
    stick_all(w, &s.maya, 1, SCOPE_FAMILY);
    world_run(w, 23 * HOUR_MS);
    assert_int_equal(generation(w, s.maya, SCOPE_FAMILY), 0);
    world_run(w, 2 * HOUR_MS);
    assert_int_equal(generation(w, s.maya, SCOPE_FAMILY), 1);
    world_on(w, s.ana); /* both could have gone on, and go over */
    world_on(w, s.ben);
    world_run(w, HOUR_MS);
    const size_t all[] = {s.ana, s.ben, s.maya};
    all_in_one(w, all, 3, SCOPE_FAMILY, 1);
    story_say(w, s.ben, "Berg", "here", s.maya);
    story_say(w, s.maya, "Berg", "here, too", s.ana);
}

/* Whoever's turn it is: now. */
static void founds(struct world *w, size_t device, enum scope_kind kind)
{
    wants(w, device, kind);
    world_sql(w, device, "UPDATE succession SET due_at = 0");
    world_tick(w, device);
}

static void a_log_at_its_limit_is_left_for_a_successor(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    struct log_id log;
    world_group_log(w, s.maya, SCOPE_CONVERSATION, &log);
    world_fill_log(w, &log);
    world_ok(w, s.leo, CMD_SEND, "Maya", "one too many", NULL, NULL);
    world_run(w, 30 * MINUTE_MS);
    const size_t both[] = {s.maya, s.leo};
    all_in_one(w, both, 2, SCOPE_CONVERSATION, 1);
    assert_true(world_has_text(w, s.maya, "one too many", "Leo"));
    story_say(w, s.maya, "Leo", "there is room again", s.leo);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM outbox"), 0);
}

static void who_has_nobody_left_to_be_added_again_by_founds_alone(void **state)
{
    struct world *w = *state;
    struct story s;
    a_family_of_three(w, &s);
    stick_all(w, &s.maya, 1, SCOPE_OWN);
    world_run(w, 10 * MINUTE_MS);
    all_in_one(w, &s.maya, 1, SCOPE_OWN, 1);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    const size_t own[] = {s.maya, laptop};
    all_in_one(w, own, 2, SCOPE_OWN, 1);
}

/* ---- several at once ---- */

static void of_two_founders_at_once_the_lower_leaf_stands(void **state)
{
    struct world *w = *state;
    struct story s;
    a_family_of_three(w, &s);
    const size_t all[] = {s.ana, s.ben, s.maya};
    founds(w, s.ben, SCOPE_FAMILY);
    founds(w, s.maya, SCOPE_FAMILY);
    founds(w, s.ana, SCOPE_FAMILY);
    world_ok(w, s.ben, CMD_SEND, "Berg", "written in Ben's group", NULL, NULL);
    world_run(w, 30 * MINUTE_MS);
    all_in_one(w, all, 3, SCOPE_FAMILY, 1);
    assert_int_equal(
        world_number(w, s.ana, "SELECT count(*) FROM mls_group WHERE kind = 1 AND generation = 1"),
        1); /* hers: the leaf is 0 */
    assert_true(world_has_text(w, s.maya, "written in Ben's group", "Ben"));
    story_say(w, s.maya, "Berg", "in Ana's", s.ben);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(world_alarms(w, all[i]), 0);
}

static void the_lower_leaf_stands_also_when_others_have_gone_on_in_the_other(void **state)
{
    struct world *w = *state;
    struct story s;
    a_family_of_three(w, &s);
    const size_t all[] = {s.ana, s.ben, s.maya};
    world_off(w, s.ana);
    founds(w, s.ben, SCOPE_FAMILY);
    world_run(w, 2 * HOUR_MS);
    world_sql(w, s.maya, "UPDATE mls_group SET sent_count = 1000, refresh_at = 1, dirty = 1 WHERE kind = 1");
    world_tick(w, s.maya);
    world_run(w, 10 * MINUTE_MS);
    assert_true(of_kind(w, s.ben, "epoch", SCOPE_FAMILY) > 1);
    struct log_id box;
    world_on(w, s.ana);
    world_letterbox_log(w, s.ana, &box);
    world_withhold_log(w, s.ana, &box); /* she founds before she hears of it */
    world_tick(w, s.ana);
    founds(w, s.ana, SCOPE_FAMILY);
    assert_int_equal(of_kind(w, s.ana, "generation", SCOPE_FAMILY), 1);
    world_run(w, 2 * MINUTE_MS);
    world_show_log(w, s.ana, &box);
    world_run(w, 2 * HOUR_MS);
    all_in_one(w, all, 3, SCOPE_FAMILY, 1);
    assert_int_equal(
        world_number(w, s.ana, "SELECT count(*) FROM mls_group WHERE kind = 1 AND generation = 1"), 1);
    story_say(w, s.ben, "Berg", "no exception", s.ana);
}

static void a_founder_that_was_behind_and_left_somebody_out_is_answered_by_the_next_generation(void **state)
{
    struct world *w = *state;
    struct story s;
    a_family_of_three(w, &s);
    world_withhold_group(w, s.maya, SCOPE_WARD);
    size_t laptop = story_add(w, s.ana, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    founds(w, s.maya, SCOPE_WARD); /* without the laptop, of which her ward does not know */
    world_run(w, 2 * HOUR_MS);
    const size_t ward[] = {s.ana, s.ben, s.maya, laptop};
    all_in_one(w, ward, 4, SCOPE_WARD, 2);
}

/* ---- a letter that is lost ---- */

static void who_does_not_get_the_letter_is_added_when_it_hears_of_the_group(void **state)
{
    struct world *w = *state;
    struct story s;
    a_family_of_three(w, &s);
    founds(w, s.ana, SCOPE_FAMILY);
    world_sql(w, s.ana, "DELETE FROM pending_letter WHERE id = (SELECT min(id) FROM pending_letter)");
    world_run(w, 30 * MINUTE_MS);
    assert_int_equal(generation(w, s.ben, SCOPE_FAMILY), 0);
    story_say(w, s.maya, "Berg", "where is Ben?", s.ana);
    world_run(w, 26 * HOUR_MS); /* by the beacons that go by letter once a day */
    const size_t all[] = {s.ana, s.ben, s.maya};
    all_in_one(w, all, 3, SCOPE_FAMILY, 1);
    story_say(w, s.ben, "Berg", "here", s.maya);
    assert_true(world_has_text(w, s.ben, "where is Ben?", "Maya"));
}

static void a_founder_whose_founding_the_relay_lost_comes_back(void **state)
{
    struct world *w = *state;
    struct story s;
    a_family_of_three(w, &s);
    world_cut(w, s.ana, true);
    founds(w, s.ana, SCOPE_FAMILY);
    assert_int_equal(of_kind(w, s.ana, "pending", SCOPE_FAMILY), 1);
    world_wipe_relay(w);
    world_cut(w, s.ana, false);
    world_run(w, 36 * HOUR_MS); /* the others wait a day for her word, and found one with her */
    const size_t all[] = {s.ana, s.ben, s.maya};
    all_in_one(w, all, 3, SCOPE_FAMILY, 1);
    story_say(w, s.ana, "Berg", "not lost", s.maya);
    story_say(w, s.ben, "Berg", "good", s.ana);
}

/* Ana stopped and knows that her laptop is gone; the others do not, and have a later group already. What they
 * say of it does not make her ask without a pause. */
static void T25_who_refuses_a_successor_gets_key_packages_of_those_who_took_it(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t laptop = story_add(w, s.ana, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    const size_t family[] = {s.ana, s.ben, s.maya};
    world_off(w, laptop);
    world_cut(w, s.ana, true);
    stick_all(w, &s.ana, 1, SCOPE_FAMILY);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Ana's laptop", NULL, NULL, NULL);
    assert_ok(sql_run(&world_node(w, s.ana)->sql, "DELETE FROM peer_key_package", ""));
    wants(w, s.ben, SCOPE_FAMILY);
    world_run(w, 30 * MINUTE_MS);
    assert_int_equal(generation(w, s.maya, SCOPE_FAMILY), 1);
    world_cut(w, s.ana, false);
    uint64_t before = world_cost(w, s.ana).requests;
    world_run(w, 20 * 1000);
    assert_true(world_cost(w, s.ana).requests - before < 400);
    world_run(w, 3 * HOUR_MS);
    all_in_one(w, family, 3, SCOPE_FAMILY, 1);
    story_say(w, s.maya, "Berg", "together", s.ana);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM revocation"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T25_a_conversation_that_a_commit_poisoned_for_everybody_goes_on),
        WORLD_TEST(T25_who_refuses_a_successor_gets_key_packages_of_those_who_took_it),
        WORLD_TEST(every_scope_of_a_family_gets_a_successor_with_the_same_members),
        WORLD_TEST(T06_after_a_day_a_member_who_never_tells_keeps_nobody_waiting),
        WORLD_TEST(T25_who_alone_cannot_follow_and_is_not_added_again_founds_after_a_day),
        WORLD_TEST(a_log_at_its_limit_is_left_for_a_successor),
        WORLD_TEST(who_has_nobody_left_to_be_added_again_by_founds_alone),
        WORLD_TEST(of_two_founders_at_once_the_lower_leaf_stands),
        WORLD_TEST(the_lower_leaf_stands_also_when_others_have_gone_on_in_the_other),
        WORLD_TEST(a_founder_that_was_behind_and_left_somebody_out_is_answered_by_the_next_generation),
        WORLD_TEST(who_does_not_get_the_letter_is_added_when_it_hears_of_the_group),
        WORLD_TEST(a_founder_whose_founding_the_relay_lost_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
