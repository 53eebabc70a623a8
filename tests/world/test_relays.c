/* SPDX-License-Identifier: Apache-2.0 */
/* A family with several relays: the list, moving from one to the next, and what happens when one is away. */
#include <stdio.h>

#include "protocol/relay_told.h"
#include "sync/letters.h"
#include "sync/succession.h"
#include "tests/world/world_test.h"

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

/* ---- a relay that is gone ---- */

enum { BERG_FIRST, BERG_NEXT, SOL };

/* Two families with a relay each, whose children are contacts; Berg has a second relay in its list. */
static void meet_apart(struct world *w, struct story *s)
{
    assert_int_equal(world_add_relay(w), BERG_NEXT);
    assert_int_equal(world_add_relay(w), SOL);
    s->ana = world_add(w, "Ana's phone");
    s->ben = world_add(w, "Ben's phone");
    s->maya = world_add(w, "Maya's tablet");
    s->rosa = world_add(w, "Rosa's phone");
    s->leo = world_add(w, "Leo's tablet");
    story_found(w, s->ana, "Berg", "Ana");
    story_pair(w, s->ana, s->ben, "Ben", "parent", SIZE_MAX);
    story_pair(w, s->ana, s->maya, "Maya", "child", SIZE_MAX);
    world_ok(w, s->rosa, CMD_INIT, "Sol", "Rosa", "Rosa's phone", world_relay_at(w, SOL));
    story_pair(w, s->rosa, s->leo, "Leo", "child", SIZE_MAX);
    take_in(w, s->ana, BERG_NEXT);
    story_ask(w, s->leo, s->ana, "Maya", "It is me, Leo from school");
    story_decide(w, s->rosa, true);
    story_decide(w, s->ben, true);
    story_wait_contact(w, s->leo, "Maya", "active");
    story_wait_contact(w, s->maya, "Leo", "active");
    world_run(w, 10 * MINUTE_MS);
}

struct said { /* a text that somebody should have */
    size_t device;
    const char *text;
};

static bool has_come(struct world *w, void *ctx)
{
    const struct said *s = ctx;
    return world_has_text(w, s->device, s->text, NULL);
}

static void assert_comes(struct world *w, size_t device, const char *text, int64_t ms)
{
    struct said s = {device, text};
    if (!world_until(w, has_come, &s, ms))
        fail_msg("%s did not come to %s", text, world_device_name(w, device));
}

/* T06: what was written meanwhile waits, and comes at the next relay; nobody does a thing. */
static void T06_a_family_whose_relay_is_gone_goes_on_at_the_next(void **state)
{
    struct world *w = *state;
    struct story s;
    meet_apart(w, &s);
    story_say(w, s.maya, "Leo", "before", s.leo);
    world_relay_down(w, BERG_FIRST, true);
    world_ok(w, s.maya, CMD_SEND, "Leo", "into the void", NULL, NULL);
    world_ok(w, s.leo, CMD_SEND, "Maya", "and back", NULL, NULL);
    world_ok(w, s.ana, CMD_SEND, "Berg", "is anybody there?", NULL, NULL);
    world_run(w, 20 * HOUR_MS); /* an evening without it moves nobody */
    struct place at = {
        .devices = {s.ana, s.ben, s.maya}, .count = 3, .relay = BERG_FIRST, .conversations = true};
    assert_true(all_are_there(w, &at));
    at.relay = BERG_NEXT;
    assert_true(world_until(w, all_are_there, &at, 10 * HOUR_MS));
    assert_comes(w, s.leo, "into the void", HOUR_MS);
    assert_comes(w, s.maya, "and back", HOUR_MS);
    assert_comes(w, s.ben, "is anybody there?", HOUR_MS);
    assert_comes(w, s.maya, "is anybody there?", HOUR_MS);
    world_relay_down(w, BERG_FIRST, false); /* what comes back is nobody's any more */
    world_run(w, 3 * HOUR_MS);
    assert_true(all_are_there(w, &at));
    story_say(w, s.leo, "Maya", "after", s.maya);
    world_same_state(w, s.ana, s.ben);
    world_same_state(w, s.ana, s.maya);
    assert_int_equal(
        world_number(w, s.ben, "SELECT count(*) FROM relay WHERE place = 1 AND address LIKE '%relay2%'"), 1);
}

/* T06: a parent who knows better need not wait a day. */
static void T06_a_parent_moves_a_family_whose_relay_is_gone_at_once(void **state)
{
    struct world *w = *state;
    struct story s;
    meet_apart(w, &s);
    world_relay_down(w, BERG_FIRST, true);
    world_run(w, MINUTE_MS);
    world_ok(w, s.ben, CMD_RELAY_USE, world_relay_at(w, BERG_NEXT), NULL, NULL, NULL);
    world_ok(w, s.maya, CMD_SEND, "Leo", "quickly", NULL, NULL);
    struct place at = {
        .devices = {s.ana, s.ben, s.maya}, .count = 3, .relay = BERG_NEXT, .conversations = true};
    assert_true(world_until(w, all_are_there, &at, 2 * HOUR_MS));
    assert_comes(w, s.leo, "quickly", HOUR_MS);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM relay_wish"), 0);
}

/* T06: whoever is alone with its trouble waits; the others have said that they reach the relay. */
static void T06_a_relay_that_is_away_for_one_device_moves_nobody(void **state)
{
    struct world *w = *state;
    struct story s;
    meet_apart(w, &s);
    world_cut_from(w, s.ana, BERG_FIRST, true);
    world_ok(w, s.ana, CMD_SEND, "Berg", "only I do not get there", NULL, NULL);
    world_run(w, 30 * HOUR_MS);
    struct place at = {
        .devices = {s.ana, s.ben, s.maya}, .count = 3, .relay = BERG_FIRST, .conversations = true};
    assert_true(all_are_there(w, &at));
    assert_false(world_has_text(w, s.ben, "only I do not get there", NULL));
    assert_true(world_number(w, s.ana, "SELECT count(*) FROM relay_word WHERE reached_at > 0") == 2);
    world_cut_from(w, s.ana, BERG_FIRST, false);
    assert_comes(w, s.ben, "only I do not get there", HOUR_MS);
    assert_true(all_are_there(w, &at));
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM succession"), 0);
}

/* T06: each half found a relay that the other did not reach. */
static void T06_two_halves_that_moved_apart_meet_again(void **state)
{
    struct world *w = *state;
    struct story s;
    meet_apart(w, &s);
    world_ok(w, s.ana, CMD_RELAY_ADD, world_relay_at(w, SOL), NULL, NULL, NULL); /* a third one for Berg */
    world_run(w, 10 * MINUTE_MS);
    world_relay_down(w, BERG_FIRST, true);
    world_cut_from(w, s.ana, SOL, true); /* Ana gets to the second only, Ben and Maya to the third only */
    world_cut_from(w, s.ben, BERG_NEXT, true);
    world_cut_from(w, s.maya, BERG_NEXT, true);
    world_run(w, 30 * HOUR_MS);
    assert_true(groups_at(w, s.ana, BERG_NEXT, false) > 0);
    assert_true(groups_at(w, s.ben, SOL, false) > 0);
    world_ok(w, s.ana, CMD_SEND, "Berg", "from one half", NULL, NULL);
    world_ok(w, s.ben, CMD_SEND, "Berg", "from the other", NULL, NULL);
    world_cut_from(w, s.ana, SOL, false);
    world_cut_from(w, s.ben, BERG_NEXT, false);
    world_cut_from(w, s.maya, BERG_NEXT, false);
    assert_comes(w, s.ben, "from one half", 12 * HOUR_MS);
    assert_comes(w, s.ana, "from the other", 12 * HOUR_MS);
    assert_comes(w, s.maya, "from one half", 12 * HOUR_MS);
    world_run(w, 12 * HOUR_MS);
    world_same_state(w, s.ana, s.ben);
    world_same_state(w, s.ana, s.maya);
}

/* T05: a relay that loses its store again and again orders nothing any more, as long as a commit gets
 * through. */
static void T05_a_relay_that_keeps_losing_things_is_left(void **state)
{
    struct world *w = *state;
    struct story s;
    meet_apart(w, &s);
    struct place at = {
        .devices = {s.ana, s.ben, s.maya}, .count = 3, .relay = BERG_FIRST, .conversations = true};
    for (int i = 0; i < 3; i++) {
        assert_true(all_are_there(w, &at));
        world_wipe_relay(w);
        world_run(w, 3 * HOUR_MS);
    }
    at.relay = BERG_NEXT;
    assert_true(world_until(w, all_are_there, &at, 24 * HOUR_MS));
    story_say(w, s.leo, "Maya", "still there", s.maya);
    assert_int_equal(world_number(w, s.ana, "SELECT max(generation) FROM mls_group"), 0);
}

/* ---- members that want to be elsewhere ---- */

static enum status found_elsewhere(struct node *n, void *arg)
{
    struct scope_id scope;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    return st == ST_OK ? group_succeed(n, &scope, SUCCESSOR_REFUSED, arg) : st;
}

/* T05: a successor at a relay of a member's own choice has its founder in it and nobody else. */
static void T05_nobody_follows_a_member_to_a_relay_of_its_own(void **state)
{
    struct world *w = *state;
    struct story s;
    meet_apart(w, &s);
    char relay[512];
    snprintf(relay, sizeof(relay), "%s", world_relay_at(w, SOL));
    assert_ok(world_forge(w, s.ben, found_elsewhere, relay));
    world_run(w, HOUR_MS);
    struct place at = {.devices = {s.ana, s.maya}, .count = 2, .relay = BERG_FIRST, .conversations = true};
    assert_int_equal(world_number(w, s.ben, "SELECT max(generation) FROM mls_group WHERE kind = 1"), 1);
    assert_int_equal(world_number(w, s.ana, "SELECT max(generation) FROM mls_group"), 0);
    assert_true(all_are_there(w, &at));
    story_say(w, s.ana, "Berg", "where is Ben?", s.maya);
}

static enum status take_talk_elsewhere(struct node *n, void *arg)
{
    const struct scope_id scope = inside_group(n, SCOPE_CONVERSATION)->scope;
    return group_succeed(n, &scope, SUCCESSOR_REFUSED, arg);
}

/* T05: the conversation is at home with Berg; Sol's list is for Sol's groups. */
static void T05_a_contact_takes_no_conversation_to_a_relay_of_its_own_list(void **state)
{
    struct world *w = *state;
    struct story s;
    const char *const generation = "SELECT generation FROM mls_group WHERE kind = 5 AND state = 1";
    meet_apart(w, &s);
    take_in(w, s.rosa, world_add_relay(w)); /* now Sol's chain says both of its relays */
    world_run(w, 10 * MINUTE_MS);
    char relay[512];
    snprintf(relay, sizeof(relay), "%s", world_relay_at(w, SOL));
    assert_ok(world_forge(w, s.leo, take_talk_elsewhere, relay));
    world_run(w, 30 * MINUTE_MS);
    assert_int_equal(world_number(w, s.leo, generation), 1);
    assert_int_equal(world_number(w, s.maya, generation), 0);
}

/* T05: everybody would dial the host that the founder wrote behind a key of the list. */
static void T05_a_key_of_the_list_at_another_host_is_another_relay(void **state)
{
    struct world *w = *state;
    struct story s;
    meet_apart(w, &s);
    char relay[512];
    snprintf(relay, sizeof(relay), "%s", world_relay_at(w, world_add_impostor(w, BERG_NEXT)));
    assert_ok(world_forge(w, s.ben, found_elsewhere, relay));
    world_run(w, HOUR_MS);
    struct place at = {.devices = {s.ana, s.maya}, .count = 2, .relay = BERG_FIRST, .conversations = true};
    assert_int_equal(world_number(w, s.ben, "SELECT max(generation) FROM mls_group WHERE kind = 1"), 1);
    assert_int_equal(world_number(w, s.ana, "SELECT max(generation) FROM mls_group"), 0);
    assert_true(all_are_there(w, &at));
}

/* T21: a child asks the parents. */
static void T21_a_childs_device_changes_no_relays(void **state)
{
    struct world *w = *state;
    struct story s;
    meet_apart(w, &s);
    assert_status(world_do(w, s.maya, CMD_RELAY_ADD, world_relay_at(w, SOL), NULL, NULL, NULL)->status,
                  ST_COMMAND_NOT_PARENT);
    assert_status(world_do(w, s.maya, CMD_RELAY_USE, world_relay_at(w, BERG_NEXT), NULL, NULL, NULL)->status,
                  ST_COMMAND_NOT_PARENT);
    assert_status(world_do(w, s.ana, CMD_RELAY_ADD, "kith-relay://nobody", NULL, NULL, NULL)->status,
                  ST_RELAY_ADDRESS);
    assert_status(world_do(w, s.ana, CMD_RELAY_ADD, world_relay_at(w, BERG_NEXT), NULL, NULL, NULL)->status,
                  ST_RELAY_THERE);
    world_ok(w, s.ana, CMD_RELAY_REMOVE, "relay2", NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_status(world_do(w, s.ana, CMD_RELAY_REMOVE, world_relay(w), NULL, NULL, NULL)->status,
                  ST_RELAY_LAST);
}

struct word {
    struct device_id from;
    const char *relay;
};

/* Another device of the family says that it reaches this relay. */
static enum status hear_word(struct node *n, void *arg)
{
    const struct word *x = arg;
    const struct relay_told t = {.relay = span_text(x->relay), .reached = true};
    struct buffer body;
    struct writer w;
    buffer_init(&body, 1024);
    writer_init(&w, &body);
    enum status st = relay_told_encode(&w, &t);
    const struct letterbox_message m = {.type = LETTERBOX_RELAY, .body = buffer_span(&body)};
    const struct received_letter l = {.kind = BOX_FAMILY, .m = &m, .from = {.device = x->from}};
    if (st == ST_OK)
        st = letter_relay(n, &l);
    buffer_wipe(&body);
    return st;
}

static void T15_a_word_of_a_relay_names_one_of_the_list_and_no_other_host(void **state)
{
    struct world *w = *state;
    struct story s;
    char host[WIRE_RELAY_MAX + 1];
    story_children_meet(w, &s);
    size_t other = world_add_impostor(w, 0);
    struct word x = {world_node(w, s.ben)->self.device, host};
    snprintf(host, sizeof(host), "%s", world_relay_at(w, other));
    assert_status(world_forge(w, s.ana, hear_word, &x), ST_RELAY_UNKNOWN);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM relay_word"), 0);
    x.relay = world_relay(w);
    assert_ok(world_forge(w, s.ana, hear_word, &x));
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM relay_word"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_family_moves_to_another_relay_and_nothing_is_lost),
        WORLD_TEST(T06_a_family_whose_relay_is_gone_goes_on_at_the_next),
        WORLD_TEST(T06_a_parent_moves_a_family_whose_relay_is_gone_at_once),
        WORLD_TEST(T06_a_relay_that_is_away_for_one_device_moves_nobody),
        WORLD_TEST(T06_two_halves_that_moved_apart_meet_again),
        WORLD_TEST(T05_a_relay_that_keeps_losing_things_is_left),
        WORLD_TEST(T05_nobody_follows_a_member_to_a_relay_of_its_own),
        WORLD_TEST(T05_a_contact_takes_no_conversation_to_a_relay_of_its_own_list),
        WORLD_TEST(T05_a_key_of_the_list_at_another_host_is_another_relay),
        WORLD_TEST(T15_a_word_of_a_relay_names_one_of_the_list_and_no_other_host),
        WORLD_TEST(T21_a_childs_device_changes_no_relays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
