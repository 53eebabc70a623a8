/* SPDX-License-Identifier: Apache-2.0 */
/* Two months without network (T52): what was said and decided meanwhile arrives, by the logs that are still
 * there or by being added again and repair. */
#include <stdio.h>

#include "tests/world/world_test.h"

/* Twelve times in 60 days the others say something; now and then the family changes. Nobody new comes to it:
 * what was said before somebody came is not said again where they hear it. */
static void two_months(struct world *w, const struct story *s)
{
    char text[64];
    for (int week = 0; week < 12; week++) {
        snprintf(text, sizeof(text), "to Maya, %d", week);
        world_ok(w, s->leo, CMD_SEND, "Maya", text, NULL, NULL);
        snprintf(text, sizeof(text), "to all, %d", week);
        world_ok(w, s->ana, CMD_SEND, "Berg", text, NULL, NULL);
        if (week == 3)
            story_pair(w, s->ben, world_add(w, "Ben's laptop"), "Ben", "parent", SIZE_MAX);
        if (week == 7)
            world_ok(w, s->ben, CMD_POLICY_SET, "Maya", "permit_days", "30", NULL);
        world_run(w, 5 * DAY_MS);
    }
}

static void assert_all_there(struct world *w, size_t device)
{
    char text[64];
    for (int week = 0; week < 12; week++) {
        snprintf(text, sizeof(text), "to Maya, %d", week);
        assert_true(world_has_text(w, device, text, "Leo"));
        snprintf(text, sizeof(text), "to all, %d", week);
        assert_true(world_has_text(w, device, text, "Ana"));
    }
    assert_int_equal(world_number(w, device, "SELECT count(*) FROM mls_group WHERE state = 2"), 0);
}

static void T52_after_two_months_away_everything_arrives(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_off(w, s.maya);
    two_months(w, &s);
    world_on(w, s.maya);
    world_run(w, 12 * HOUR_MS);
    assert_all_there(w, s.maya);
    world_same_state(w, s.ana, s.maya);
    story_say(w, s.maya, "Leo", "here I am", s.leo);
    story_say(w, s.leo, "Maya", "at last", s.maya);
    story_say(w, s.maya, "Berg", "here I am, family", s.ben);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T52_after_two_months_away_everything_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
