/* SPDX-License-Identifier: Apache-2.0 */
/* Three families and a relay inside one process, from a seed: the main job. KITH_SEED plays another one. */
#include <stdio.h>

#include "tests/world/world_test.h"

static void a_family_pairs_and_talks_among_itself(void **state)
{
    struct world *w = *state;
    struct story s;
    story_family_of_three(w, &s);
    story_say(w, s.maya, "Berg", "I am here", s.ben);
    story_say(w, s.ben, "Berg", "So am I", s.maya);
    assert_true(world_has_text(w, s.ana, "I am here", "Maya"));
    assert_int_equal(world_alarms(w, s.ana) + world_alarms(w, s.ben) + world_alarms(w, s.maya), 0);
}

static void a_wrong_code_voids_the_link(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet");
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    story_found(w, ana, "Berg", "Ana");
    snprintf(link, sizeof(link), "%s", world_ok(w, ana, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL)->link);
    world_ok(w, maya, CMD_PAIR_ACCEPT, link, "Tablet", NULL, NULL);
    world_run(w, 10000);
    assert_int_equal(world_pairing(w, maya, code), PAIRING_CODE);
    assert_status(world_do(w, maya, CMD_PAIR_YES, NULL, NULL, NULL, NULL)->status, ST_PAIRING_WAITS);
    code[0] = code[0] == '0' ? '1' : '0';
    assert_status(world_do(w, ana, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL)->status, ST_PAIRING_CODE);
    world_run(w, 10000);
    assert_int_equal(world_pairing(w, ana, code), PAIRING_FAILED);
    assert_int_equal(world_pairing(w, maya, code), PAIRING_FAILED);
    assert_status(world_do(w, maya, CMD_PAIR_YES, NULL, NULL, NULL, NULL)->status, ST_PAIRING_NONE);
    story_pair(w, ana, maya, "Maya", "child", SIZE_MAX); /* a new link works */
}

/* All parents sign for a further one. */
static void a_third_parent_comes_in_by_the_word_of_the_other_two(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), ben = world_add(w, "Ben's phone");
    size_t cleo = world_add(w, "Cleo's phone");
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, ben, "Ben", "parent", SIZE_MAX);
    story_pair(w, ana, cleo, "Cleo", "parent", ben);
    story_say(w, cleo, "Berg", "here I am", ben);
}

/* T11 in the simulator: the whole stays with the parents. */
static void T11_a_stranger_reaches_parents_only_and_a_no_ends_it(void **state)
{
    struct world *w = *state;
    struct story s;
    char contact[32];
    story_family_of_three(w, &s);
    size_t sam = world_add(w, "Sam's phone");
    story_found(w, sam, "Stranger", "Sam");
    story_ask(w, sam, s.ana, "Maya", "let me in");
    world_run(w, 60000);
    assert_true(story_has_request(w, s.ana));
    assert_true(story_has_request(w, s.ben));
    assert_false(story_has_request(w, s.maya));
    story_decide(w, s.ana, false);
    world_run(w, 60000);
    assert_false(story_has_request(w, s.ben));
    world_contact(w, sam, "Maya", contact);
    assert_string_not_equal(contact, "active");
    world_contact(w, s.maya, "Sam", contact);
    assert_string_equal(contact, "");
    assert_status(world_do(w, sam, CMD_SEND, "Maya", "hello?", NULL, NULL)->status, ST_CONTACT_UNANSWERED);
}

static void two_children_meet_talk_and_are_parted(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "Hi Maya!", s.maya);
    story_say(w, s.maya, "Leo", "Hi Leo!", s.leo);
    assert_true(world_has_text(w, s.maya, "Hi Maya!", "Leo"));
    /* oversight is at its lowest level: no parent reads along */
    assert_false(world_has_text(w, s.ana, "Hi Maya!", NULL));
    assert_false(world_has_text(w, s.rosa, "Hi Maya!", NULL));
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    story_wait_contact(w, s.leo, "Maya", "withdrawn");
    assert_status(world_do(w, s.leo, CMD_SEND, "Maya", "why?", NULL, NULL)->status, ST_CONTACT_ENDED);
    assert_status(world_do(w, s.maya, CMD_SEND, "Leo", "why?", NULL, NULL)->status, ST_CONTACT_ENDED);
    assert_true(world_has_text(w, s.maya, "Hi Maya!", "Leo")); /* the history stays */
}

static void history_follows_to_a_second_device(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "one", s.maya);
    story_say(w, s.maya, "Leo", "two", s.leo);
    laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 5 * 60000);
    assert_true(world_has_text(w, laptop, "one", "Leo"));
    assert_true(world_has_text(w, laptop, "two", "Maya"));
    story_say(w, s.leo, "Maya", "three", laptop);
    story_say(w, laptop, "Leo", "four", s.leo);
    world_run(w, 60000);
    assert_true(world_has_text(w, s.maya, "four", "Maya"));
}

static void the_story_ends_well_when_every_device_restarts_again_and_again(void **state)
{
    struct world *w = *state;
    struct story s;
    world_restart_every(w, 3);
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "still here", s.maya);
    story_say(w, s.maya, "Leo", "me too", s.leo);
    assert_int_equal(world_text_count(w, s.maya), 2);
}

static void the_story_ends_well_when_a_tenth_of_all_messages_is_lost(void **state)
{
    struct world *w = *state;
    struct story s;
    world_lose(w, 10);
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "still here", s.maya);
    story_say(w, s.maya, "Leo", "me too", s.leo);
    assert_int_equal(world_text_count(w, s.leo), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_family_pairs_and_talks_among_itself),
        WORLD_TEST(a_wrong_code_voids_the_link),
        WORLD_TEST(a_third_parent_comes_in_by_the_word_of_the_other_two),
        WORLD_TEST(T11_a_stranger_reaches_parents_only_and_a_no_ends_it),
        WORLD_TEST(two_children_meet_talk_and_are_parted),
        WORLD_TEST(history_follows_to_a_second_device),
        WORLD_TEST(the_story_ends_well_when_every_device_restarts_again_and_again),
        WORLD_TEST(the_story_ends_well_when_a_tenth_of_all_messages_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
