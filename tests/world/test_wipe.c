/* SPDX-License-Identifier: Apache-2.0 */
/* A relay that lost its store (T06): what was there comes again from the devices, and groups go on. */
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_story.h"

enum { CALM_MS = 30 * 60 * 1000 };

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

static void T06_families_go_on_after_the_relay_lost_its_store(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "before", s.maya);
    world_wipe_relay(w);
    world_run(w, CALM_MS);
    story_say(w, s.maya, "Leo", "after", s.leo);
    laptop = world_add(w, "Maya's laptop"); /* membership changes again: the gap is over everywhere */
    story_pair(w, s.ana, laptop, "Maya", "child", s.maya);
    world_run(w, CALM_MS);
    story_say(w, s.leo, "Maya", "to both", laptop);
    world_same_state(w, s.ana, s.ben);
    world_same_state(w, s.ana, s.maya);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(T06_families_go_on_after_the_relay_lost_its_store, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
