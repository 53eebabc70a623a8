/* SPDX-License-Identifier: Apache-2.0 */
/* A family with more than one of everything: parents with two devices, two children, and chains that grow
 * while people talk. */
#include "tests/world/world_test.h"

struct house {
    struct story s;
    size_t ana2, tom, maya2;
};

static void fill(struct world *w, struct house *h)
{
    story_children_meet(w, &h->s);
    h->ana2 = story_add(w, h->s.ana, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    h->tom = story_add(w, h->s.ben, "Tom's tablet", "Tom", "child", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
}

static void settle_and_compare(struct world *w, const struct house *h)
{
    world_run(w, 6 * HOUR_MS);
    const size_t all[] = {h->s.ana, h->s.ben, h->s.maya, h->ana2, h->tom};
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = i + 1; j < 5; j++)
            world_same_state(w, all[i], all[j]);
        assert_int_equal(world_alarms(w, all[i]), 0);
        assert_int_equal(world_number(w, all[i], "SELECT count(*) FROM mls_group WHERE state = 2"), 0);
    }
}

static void T51_two_children_and_a_parent_with_two_devices_hold_one_state(void **state)
{
    struct world *w = *state;
    struct house h;
    fill(w, &h);
    story_say(w, h.tom, "Berg", "I am Tom", h.ana2);
    story_say(w, h.ana2, "Berg", "Hello Tom", h.tom);
    story_say(w, h.s.leo, "Maya", "still there?", h.s.maya); /* the chain has grown since they met */
    story_say(w, h.s.maya, "Leo", "yes", h.s.leo);
    settle_and_compare(w, &h);
}

/* A contact made after the chains grew, decided on the new device, for the new child. */
static void a_contact_of_the_second_child_is_decided_on_the_second_device(void **state)
{
    struct world *w = *state;
    struct house h;
    char link[WORLD_TEXT_MAX];
    fill(w, &h);
    story_invite(w, h.ana2, "Tom", link);
    world_run(w, MINUTE_MS);
    story_meet(w, h.s.leo, link, "Tom too");
    story_decide(w, h.s.rosa, true);
    story_decide(w, h.ana2, true);
    story_wait_contact(w, h.s.leo, "Tom", "active");
    story_wait_contact(w, h.tom, "Leo", "active");
    story_say(w, h.s.leo, "Tom", "hi Tom", h.tom);
    assert_false(world_has_text(w, h.s.maya, "hi Tom", NULL));
    settle_and_compare(w, &h);
}

/* The child's second device after both families' chains have grown: Leo's family does not know of it yet. */
static void a_second_device_of_a_child_joins_a_conversation_from_before_the_chains_grew(void **state)
{
    struct world *w = *state;
    struct house h;
    fill(w, &h);
    story_add(w, h.s.rosa, "Lena's tablet", "Lena", "child", SIZE_MAX);
    h.maya2 = story_add(w, h.ana2, "Maya's laptop", "Maya", "child", h.s.maya);
    world_run(w, 10 * MINUTE_MS);
    story_say(w, h.s.leo, "Maya", "to both", h.maya2);
    story_say(w, h.maya2, "Leo", "from the laptop", h.s.leo);
    world_ok(w, h.ana2, CMD_DEVICES_REMOVE, "Maya's laptop", NULL, NULL, NULL);
    world_run(w, HOUR_MS);
    story_say(w, h.s.leo, "Maya", "to one", h.s.maya);
    assert_false(world_number(w, h.maya2, "SELECT count(*) FROM mls_group WHERE state = 1") > 0);
    settle_and_compare(w, &h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T51_two_children_and_a_parent_with_two_devices_hold_one_state),
        WORLD_TEST(a_contact_of_the_second_child_is_decided_on_the_second_device),
        WORLD_TEST(a_second_device_of_a_child_joins_a_conversation_from_before_the_chains_grew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
