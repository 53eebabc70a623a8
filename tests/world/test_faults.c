/* SPDX-License-Identifier: Apache-2.0 */
/* The main job while the relay, the network and the processes fail; what is left is the same on every device
 * (T06, T50, T51). */
#include "tests/world/world_test.h"

enum { CALM_MS = 30 * 60 * 1000 };

static void talk(struct world *w, const struct story *s)
{
    story_say(w, s->leo, "Maya", "Hi Maya!", s->maya);
    story_say(w, s->maya, "Leo", "Hi Leo!", s->leo);
    story_say(w, s->ben, "Berg", "Dinner!", s->maya);
}

/* Faults end, everything settles: then all devices tell the same. */
static void all_agree(struct world *w, const struct story *s)
{
    world_lose(w, 0);
    world_repeat(w, 0);
    world_restart_every(w, 0);
    world_run(w, CALM_MS);
    world_same_state(w, s->ana, s->ben);
    world_same_state(w, s->ana, s->maya);
    world_same_state(w, s->ben, s->maya);
    world_same_state(w, s->rosa, s->leo);
    assert_true(world_has_text(w, s->maya, "Hi Maya!", "Leo"));
    assert_true(world_has_text(w, s->leo, "Hi Leo!", "Maya"));
    assert_true(world_has_text(w, s->ana, "Dinner!", "Ben"));
    assert_int_equal(world_text_count(w, s->leo), 2);
    assert_int_equal(world_text_count(w, s->maya), 3);
    for (size_t i = s->ana; i <= s->leo; i++)
        assert_int_equal(world_alarms(w, i), 0);
}

static void T51_all_devices_hold_the_same_state_when_nothing_fails(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    talk(w, &s);
    all_agree(w, &s);
}

static void T51_the_same_state_when_messages_are_lost_and_repeated(void **state)
{
    struct world *w = *state;
    struct story s;
    world_lose(w, 15);
    world_repeat(w, 30);
    story_children_meet(w, &s);
    talk(w, &s);
    all_agree(w, &s);
}

static void restarts(struct world *w, unsigned every)
{
    struct story s;
    world_restart_every(w, every);
    story_children_meet(w, &s);
    talk(w, &s);
    all_agree(w, &s);
}

#define RESTARTS(k)                                                                               \
    static void T50_the_same_state_when_every_device_starts_again_every_##k##_steps(void **state) \
    {                                                                                             \
        restarts(*state, k);                                                                      \
    }
RESTARTS(1)
RESTARTS(2)
RESTARTS(3)
RESTARTS(4)
RESTARTS(5)
RESTARTS(6)
RESTARTS(7)

static void see_status(void *ctx, const struct status_row *row)
{
    *(struct status_row *)ctx = *row;
}

/* It does nothing, says why, and shows what is there. */
static void look_at_resting(struct node *n)
{
    struct status_row row;
    assert_non_null(n);
    assert_ok(view_status(n, see_status, &row));
    assert_true(row.in_family && row.disk_full);
    assert_true(row.group_count >= 4);
    assert_int_equal(node_step(n, NULL, 0), ST_STORE_FULL);
    assert_null(node_next(n));
}

/* Whatever write it is at which the disk is full. */
static void fills(struct world *w, unsigned after, bool grows_only)
{
    struct story s;
    story_children_meet(w, &s);
    world_fill_disk(w, s.maya, after, grows_only);
    world_ok(w, s.leo, CMD_SEND, "Maya", "into a full disk", NULL, NULL);
    world_run(w, 60 * 1000);
    assert_true(world_waits_for_room(w, s.maya));
    look_at_resting(world_resting(w, s.maya));
    world_room(w, s.maya);
    world_run(w, 60 * 1000);
    assert_true(world_is_on(w, s.maya));
    assert_true(world_has_text(w, s.maya, "into a full disk", "Leo"));
    world_fill_disk(w, s.maya, after, grows_only);
    unsigned said = 0;
    while (world_do(w, s.maya, CMD_SEND, "Leo", "said", NULL, NULL)->status == ST_OK)
        said++;
    assert_int_equal(world_do(w, s.leo, CMD_SEND, "Maya", "more", NULL, NULL)->status, ST_OK);
    world_run(w, 60 * 1000);
    world_room(w, s.maya);
    world_run(w, 60 * 1000);
    talk(w, &s);
    world_run(w, CALM_MS);
    assert_int_equal(world_text_count(w, s.leo), 2 + 2 + said);
    world_same_state(w, s.rosa, s.leo);
    world_same_state(w, s.ana, s.maya);
    assert_int_equal(world_alarms(w, s.leo), 0);
}

#define FILLS(k)                                                                    \
    static void what_a_full_disk_does_not_take_is_not_said_yes_to_##k(void **state) \
    {                                                                               \
        fills(*state, k, k % 2 != 0);                                               \
    }
FILLS(0)
FILLS(1)
FILLS(7)
FILLS(22)

#define RESTART_TEST(k) WORLD_TEST(T50_the_same_state_when_every_device_starts_again_every_##k##_steps)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T51_all_devices_hold_the_same_state_when_nothing_fails),
        WORLD_TEST(T51_the_same_state_when_messages_are_lost_and_repeated),
        RESTART_TEST(1),
        RESTART_TEST(2),
        RESTART_TEST(3),
        RESTART_TEST(4),
        RESTART_TEST(5),
        RESTART_TEST(6),
        RESTART_TEST(7),
        WORLD_TEST(what_a_full_disk_does_not_take_is_not_said_yes_to_0),
        WORLD_TEST(what_a_full_disk_does_not_take_is_not_said_yes_to_1),
        WORLD_TEST(what_a_full_disk_does_not_take_is_not_said_yes_to_7),
        WORLD_TEST(what_a_full_disk_does_not_take_is_not_said_yes_to_22),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
