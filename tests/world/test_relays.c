/* SPDX-License-Identifier: Apache-2.0 */
/* A family with several relays: the list, moving from one to the next, and what happens when one is away. */
#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_story.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static int setup(void **state)
{
    *state = world_new(test_seed(1));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* ---- looking ---- */

/* How many of the groups that the device is in lie at this relay, of its family's scopes or conversations. */
static int64_t groups_at(struct world *w, size_t device, size_t relay, bool conversations)
{
    char sql[1024];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM mls_group g JOIN relay r ON r.id = g.relay WHERE g.state = 1 AND"
             " (g.kind = 5) = %d AND r.address = '%s'",
             conversations, world_relay_at(w, relay));
    return world_number(w, device, sql);
}

struct place { /* where everything of these devices should be */
    size_t devices[8], count, relay;
    bool conversations;
};

static bool all_are_there(struct world *w, void *ctx)
{
    const struct place *p = ctx;
    for (size_t i = 0; i < p->count; i++) {
        for (int talk = 0; talk <= (p->conversations ? 1 : 0); talk++) {
            char sql[128];
            snprintf(sql, sizeof(sql), "SELECT count(*) FROM mls_group WHERE state = 1 AND (kind = 5) = %d",
                     talk);
            if (groups_at(w, p->devices[i], p->relay, talk != 0) != world_number(w, p->devices[i], sql))
                return false;
        }
    }
    return true;
}

static size_t listed; /* rows of the last view_relays */
static char first_state[32];

static void count_relay(void *ctx, const struct relay_row *row)
{
    (void)ctx;
    if (listed++ == 0)
        snprintf(first_state, sizeof(first_state), "%s", row->state);
}

static bool one_more_in_the_list(struct world *w, void *ctx)
{
    size_t *device = ctx;
    listed = 0;
    assert_ok(view_relays(world_node(w, *device), count_relay, NULL));
    return world_number(w, *device, "SELECT count(*) FROM relay_wish") == 0 && listed == 2;
}

/* The parent's device takes the relay into its family's list. */
static void take_in(struct world *w, size_t parent, size_t relay)
{
    world_ok(w, parent, CMD_RELAY_ADD, world_relay_at(w, relay), NULL, NULL, NULL);
    assert_true(world_until(w, one_more_in_the_list, &parent, STORY_WAIT_MS));
}

/* ---- moving ---- */

static void a_family_moves_to_another_relay_and_nothing_is_lost(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t other = world_add_relay(w);
    story_children_meet(w, &s);
    take_in(w, s.ana, other);
    assert_string_equal(first_state, "in use");
    struct place at = {.devices = {s.ana, s.ben, s.maya}, .count = 3, .relay = 0, .conversations = false};
    assert_true(all_are_there(w, &at));
    at.relay = other;
    at.conversations = true;
    world_ok(w, s.ana, CMD_RELAY_USE, world_relay_at(w, other), NULL, NULL, NULL);
    world_ok(w, s.maya, CMD_SEND, "Leo", "on the way", NULL, NULL);
    assert_true(world_until(w, all_are_there, &at, STORY_WAIT_MS));
    story_say(w, s.leo, "Maya", "are you there?", s.maya);
    story_say(w, s.maya, "Leo", "here", s.leo);
    assert_true(world_has_text(w, s.leo, "on the way", "Maya"));
    world_ok(w, s.ben, CMD_RELAY_REMOVE, world_relay(w), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_same_state(w, s.ana, s.ben);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM relay WHERE place > 0"), 1);
    for (size_t i = 0; i < world_count(w); i++)
        assert_int_equal(world_alarms(w, i), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_family_moves_to_another_relay_and_nothing_is_lost, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
