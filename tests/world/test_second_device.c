/* SPDX-License-Identifier: Apache-2.0 */
/* Any device of a person is as good as any other: one that was added later knows the contacts by name, has
 * their letterboxes, and writes to them. */
#include "sync/conversation.h"
#include "sync/scope_group.h"
#include "tests/world/world_test.h"

/* Contacts of the device's own person: all that the first device lists, the second lists too. */
static void assert_same_contacts(struct world *w, size_t first, size_t second)
{
    static const char sql[] = "SELECT family, other, name, supervised, state, scope, their_box FROM contact"
                              " WHERE person = (SELECT value FROM meta WHERE key = 'person')"
                              " ORDER BY family, other";
    assert_true(world_number(w, first, "SELECT count(*) FROM contact WHERE their_box IS NOT NULL") > 0);
    world_same(w, first, second, "contacts", sql);
}

static void a_further_device_of_an_adult_knows_the_contacts(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), dan = world_add(w, "Dan's phone"), laptops[2];
    story_found(w, ana, "Berg", "Ana");
    story_found(w, dan, "Sol", "Dan");
    story_ask(w, dan, ana, NULL, "Dan from work");
    story_decide(w, ana, true);
    story_wait_contact(w, ana, "Dan", "active");
    story_wait_contact(w, dan, "Ana", "active");
    laptops[0] = world_add(w, "Ana's laptop");
    laptops[1] = world_add(w, "Dan's laptop");
    story_pair(w, ana, laptops[0], "Ana", "parent", SIZE_MAX);
    story_pair(w, dan, laptops[1], "Dan", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    assert_same_contacts(w, ana, laptops[0]);
    assert_same_contacts(w, dan, laptops[1]);
    story_say(w, laptops[0], "Dan", "from my laptop", laptops[1]);
    story_say(w, laptops[1], "Ana", "from mine", laptops[0]);
}

/* One's own that was under way when this device left. */
static void a_commit_opens_nothing(struct world *w, size_t ana)
{
    char contact[32];
    struct group *g;
    struct node *n = world_node(w, ana);
    assert_ok(
        group_get(n, world_number(w, ana, "SELECT id FROM mls_group WHERE kind = 5 AND state = 1"), &g));
    assert_ok(conversation_began(n, g));
    world_contact(w, ana, "Dan", contact);
    assert_string_equal(contact, "left");
}

/* No device that comes later opens it again, and both can meet anew. */
static void it_stays_ended(struct world *w, const size_t anas[3], size_t dan)
{
    char link[WORLD_TEXT_MAX], contact[32];
    size_t ana = anas[0], laptop = anas[1];
    /* As where the leave came before the card. */
    assert_int_equal(sqlite3_exec(world_node(w, anas[2])->sql.db,
                                  "DELETE FROM contact; UPDATE entry SET applied = 0 WHERE kind = 16", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
    world_run(w, 10 * MINUTE_MS);
    for (size_t i = 0; i < 3; i++) {
        world_contact(w, anas[i], "Dan", contact);
        assert_string_equal(contact, "left");
        assert_status(world_do(w, anas[i], CMD_SEND, "Dan", "hm", NULL, NULL)->status, ST_CONTACT_ENDED);
    }
    story_invite(w, dan, NULL, link);
    story_meet(w, ana, link, "once more?");
    story_decide(w, dan, true);
    for (size_t i = 0; i < 3; i++) {
        story_wait_contact(w, anas[i], "Dan", "active");
        story_say(w, dan, "Ana", i == 0 ? "again" : i == 1 ? "to the laptop" : "to the tablet", anas[i]);
    }
    story_say(w, laptop, "Dan", "from the laptop", dan);
    world_ok(w, laptop, CMD_WITHDRAW, "Dan", NULL, NULL, NULL);
    story_wait_contact(w, dan, "Ana", "withdrawn");
    story_wait_contact(w, ana, "Dan", "left");
    story_meet(w, ana, link, "by the same link");
    story_decide(w, dan, true);
    story_wait_contact(w, laptop, "Dan", "active");
    story_say(w, dan, "Ana", "a third time", laptop);
}

static void a_contact_that_one_device_leaves_is_left_on_the_others(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), dan = world_add(w, "Dan's phone");
    size_t laptop = world_add(w, "Ana's laptop");
    story_found(w, ana, "Berg", "Ana");
    story_found(w, dan, "Sol", "Dan");
    story_ask(w, dan, ana, NULL, "Dan from work");
    story_decide(w, ana, true);
    story_wait_contact(w, dan, "Ana", "active");
    story_pair(w, ana, laptop, "Ana", "parent", SIZE_MAX);
    story_wait_contact(w, laptop, "Dan", "active");
    story_say(w, laptop, "Dan", "from my laptop", dan);
    /* Meanwhile the laptop takes one more device into the conversation. */
    size_t third = world_add(w, "Ana's tablet");
    world_mute(w, ana, true);
    world_ok(w, ana, CMD_WITHDRAW, "Dan", NULL, NULL, NULL);
    story_pair(w, laptop, third, "Ana", "parent", SIZE_MAX);
    world_run(w, 2 * MINUTE_MS);
    assert_int_equal(world_number(w, third, "SELECT count(*) FROM mls_group WHERE kind = 5 AND state = 1"),
                     1);
    a_commit_opens_nothing(w, ana);
    world_mute(w, ana, false);
    story_wait_contact(w, laptop, "Dan", "left");
    story_wait_contact(w, dan, "Ana", "withdrawn");
    assert_int_not_equal(world_do(w, laptop, CMD_SEND, "Dan", "into nothing", NULL, NULL)->status, ST_OK);
    world_run(w, MINUTE_MS);
    for (size_t i = ana; i <= third; i++) { /* nobody keeps a key of what they had */
        assert_int_equal(
            world_number(
                w, i, "SELECT count(*) FROM mls_record r JOIN mls_group g ON g.id = r.grp WHERE g.kind = 5"),
            0);
        assert_int_equal(world_number(w, i, "SELECT count(*) FROM letterbox WHERE kind = 4 AND void = 0"), 0);
    }
    it_stays_ended(w, (const size_t[]){ana, laptop, third}, dan);
}

/* Ana with Maya, her child, and Kim, an adult of another family. */
static void kim_and_a_family(struct world *w, size_t *ana, size_t *maya, size_t *kim)
{
    *ana = world_add(w, "Ana's phone");
    *maya = world_add(w, "Maya's tablet");
    *kim = world_add(w, "Kim's phone");
    story_found(w, *ana, "Berg", "Ana");
    story_pair(w, *ana, *maya, "Maya", "child", SIZE_MAX);
    story_found(w, *kim, "Sol", "Kim");
}

static void maya_meets_kim(struct world *w, size_t ana, size_t maya, size_t kim)
{
    story_ask(w, maya, kim, NULL, "hello");
    story_decide(w, ana, true);
    story_decide(w, kim, true);
    story_wait_contact(w, maya, "Kim", "active");
    world_run(w, MINUTE_MS);
}

/* Neither is taken for the other, and the reply says whose it was. */
static void of_a_parents_and_a_childs_contact_the_named_one_ends(void **state)
{
    struct world *w = *state;
    size_t ana, maya, kim;
    kim_and_a_family(w, &ana, &maya, &kim);
    story_ask(w, ana, kim, NULL, "hello");
    story_decide(w, kim, true);
    story_wait_contact(w, ana, "Kim", "active");
    maya_meets_kim(w, ana, maya, kim);
    assert_status(world_do(w, ana, CMD_WITHDRAW, "Kim", NULL, NULL, NULL)->status, ST_NAME_AMBIGUOUS);
    story_say(w, kim, "Ana", "still here", ana);
    assert_string_equal(world_ok(w, ana, CMD_WITHDRAW, "Kim", "Ana", NULL, NULL)->of, "");
    assert_status(world_do(w, ana, CMD_WITHDRAW, "Kim", "Ana", NULL, NULL)->status, ST_CONTACT_ENDED);
    story_say(w, maya, "Kim", "Maya goes on", kim);
    assert_string_equal(world_ok(w, ana, CMD_WITHDRAW, "Kim", NULL, NULL, NULL)->of, "Maya");
    story_wait_contact(w, maya, "Kim", "withdrawn");
    assert_status(world_do(w, ana, CMD_WITHDRAW, "Kim", NULL, NULL, NULL)->status, ST_CONTACT_ENDED);
}

/* Kim is an adult of another family, and tells it in the conversation alone. */
static void what_an_adult_ends_with_a_child_the_parents_see(void **state)
{
    struct world *w = *state;
    size_t ana, maya, kim;
    kim_and_a_family(w, &ana, &maya, &kim);
    maya_meets_kim(w, ana, maya, kim);
    /* Whose talk it is not hears so, whatever is asked. */
    assert_status(world_do(w, ana, CMD_SEND, "Kim", "hi", NULL, NULL)->status, ST_CONTACT_NOT_YOURS);
    assert_status(world_do(w, ana, CMD_READ, "Kim", NULL, NULL, NULL)->status, ST_CONTACT_NOT_YOURS);
    assert_status(world_do(w, ana, CMD_TIMER, "Kim", "60", NULL, NULL)->status, ST_CONTACT_NOT_YOURS);
    assert_status(world_do(w, ana, CMD_SEND, "Maya", "hi", NULL, NULL)->status, ST_NAME_IN_FAMILY);
    assert_status(world_do(w, ana, CMD_READ, "Maya", NULL, NULL, NULL)->status, ST_NAME_IN_FAMILY);
    assert_status(world_do(w, ana, CMD_SEND, "Nobody", "hi", NULL, NULL)->status, ST_NAME_UNKNOWN);
    world_ok(w, kim, CMD_WITHDRAW, "Maya", NULL, NULL, NULL);
    story_wait_contact(w, maya, "Kim", "withdrawn");
    story_wait_contact(w, ana, "Kim", "withdrawn");
}

/* The parents of both see it; to meet again wants a new yes, and a late device of theirs ends no later yes.
 */
static void what_a_child_ends_the_parents_see(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, MINUTE_MS);
    world_off(w, s.ben);
    world_ok(w, s.maya, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    story_wait_contact(w, s.ana, "Leo", "withdrawn");
    story_wait_contact(w, s.leo, "Maya", "withdrawn");
    story_wait_contact(w, s.rosa, "Maya", "withdrawn");
    world_run(w, MINUTE_MS);
    story_ask(w, s.leo, s.ana, "Maya", "sorry");
    world_run(w, MINUTE_MS);
    story_decide(w, s.rosa, true);
    story_decide(w, s.ana, true);
    story_wait_contact(w, s.maya, "Leo", "active");
    story_wait_contact(w, s.leo, "Maya", "active");
    world_on(w, s.ben);
    world_run(w, 10 * MINUTE_MS);
    story_say(w, s.leo, "Maya", "here again", s.maya);
    story_wait_contact(w, s.ben, "Leo", "active");
    story_wait_contact(w, s.rosa, "Maya", "active");
}

static void a_further_device_of_a_child_knows_the_contacts(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t maya = world_add(w, "Maya's laptop"), leo = world_add(w, "Leo's laptop");
    story_pair(w, s.ana, maya, "Maya", "child", s.maya);
    story_pair(w, s.rosa, leo, "Leo", "child", s.leo);
    world_run(w, 10 * MINUTE_MS);
    assert_same_contacts(w, s.maya, maya);
    assert_same_contacts(w, s.leo, leo);
    story_say(w, leo, "Maya", "from my laptop", maya);
    story_say(w, maya, "Leo", "from mine", leo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_further_device_of_an_adult_knows_the_contacts),
        WORLD_TEST(a_contact_that_one_device_leaves_is_left_on_the_others),
        WORLD_TEST(of_a_parents_and_a_childs_contact_the_named_one_ends),
        WORLD_TEST(what_an_adult_ends_with_a_child_the_parents_see),
        WORLD_TEST(what_a_child_ends_the_parents_see),
        WORLD_TEST(a_further_device_of_a_child_knows_the_contacts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
