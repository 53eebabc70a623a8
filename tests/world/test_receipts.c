/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts: what others have and have read, as far as they let it be told; few, and none of a receipt. */
#include <stdio.h>
#include <string.h>

#include "sync/receipts.h"
#include "tests/world/world_source.h"
#include "tests/world/world_test.h"

#define RECEIPTS "SELECT count(*) FROM entry WHERE kind = 22"

struct looked {
    const char *text;
    char state[16], delivered[128], read[128];
};

static void see(void *ctx, const struct history_row *row)
{
    struct looked *l = ctx;
    if (strcmp(row->text, l->text) != 0)
        return;
    snprintf(l->state, sizeof(l->state), "%s", row->state);
    snprintf(l->delivered, sizeof(l->delivered), "%s", row->delivered);
    snprintf(l->read, sizeof(l->read), "%s", row->read);
}

static struct looked look(struct world *w, size_t device, const char *text)
{
    const struct history_args args = {.with = NULL};
    struct looked l = {.text = text, .state = "none"};
    assert_ok(view_history(world_node(w, device), &args, see, &l));
    return l;
}

static void say(struct world *w, size_t device, const char *to, const char *text)
{
    world_ok(w, device, CMD_SEND, to, text, NULL, NULL);
}

static void many_texts_are_told_of_once_and_nothing_is_told_of_that(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_cut(w, s.leo, true);
    for (int i = 0; i < 20; i++)
        say(w, s.maya, "Leo", i == 7 ? "seven" : "another");
    assert_string_equal(look(w, s.maya, "seven").state, "waiting");
    world_run(w, MINUTE_MS);
    assert_string_equal(look(w, s.maya, "seven").state, "sent");
    world_cut(w, s.leo, false);
    world_run(w, 2 * MINUTE_MS);
    assert_string_equal(look(w, s.maya, "seven").state, "delivered");
    assert_string_equal(look(w, s.maya, "another").delivered, "Leo");
    assert_string_equal(look(w, s.maya, "another").read, "");
    assert_string_equal(look(w, s.leo, "seven").state, "");
    assert_int_equal(world_number(w, s.maya, RECEIPTS), 1);
    world_run(w, DAY_MS);
    assert_int_equal(world_number(w, s.maya, RECEIPTS), 1);
    assert_int_equal(world_number(w, s.leo, RECEIPTS), 1);
    /* What is said afterwards is told of again. */
    say(w, s.maya, "Leo", "later");
    assert_string_equal(look(w, s.maya, "later").delivered, "");
    world_run(w, MINUTE_MS);
    assert_string_equal(look(w, s.maya, "later").state, "delivered");
}

static void who_writes_all_the_time_is_told_of_now_and_then(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    int64_t before = world_number(w, s.maya, RECEIPTS);
    for (int i = 0; i < 60; i++) {
        say(w, s.maya, "Leo", "on and on");
        world_run(w, 10 * 1000);
    }
    world_run(w, 3 * MINUTE_MS);
    int64_t told = world_number(w, s.maya, RECEIPTS) - before;
    assert_in_range(told, 3, 10 * MINUTE_MS / RECEIPTS_GAP_MS + 2);
    assert_string_equal(look(w, s.maya, "on and on").delivered, "Leo");
}

/* The families, with a laptop of Ben's beside his phone. */
static size_t ben_has_two(struct world *w, struct story *s)
{
    story_children_meet(w, s);
    size_t laptop = story_add(w, s->ben, "Ben's laptop", "Ben", "parent", SIZE_MAX);
    world_run(w, HOUR_MS);
    return laptop;
}

static void of_a_person_s_devices_one_tells(void **state)
{
    struct world *w = *state;
    struct story s;
    (void)ben_has_two(w, &s);
    int64_t before = world_number(w, s.ana, RECEIPTS);
    story_say(w, s.ana, "Berg", "dinner", s.ben);
    world_run(w, 2 * MINUTE_MS);
    assert_int_equal(world_number(w, s.ana, RECEIPTS), before + 2); /* Ben's and Maya's */
    struct looked l = look(w, s.ana, "dinner");
    assert_true(strcmp(l.delivered, "Ben, Maya") == 0 || strcmp(l.delivered, "Maya, Ben") == 0);
    /* Neither the history of a new device nor what one's own devices write is told of. */
    size_t tablet = story_add(w, s.ben, "Ben's tablet", "Ben", "parent", SIZE_MAX);
    world_run(w, HOUR_MS);
    assert_true(world_has_text(w, tablet, "dinner", "Ana"));
    assert_int_equal(world_number(w, tablet, "SELECT count(*) FROM receipt_wait WHERE due_at > 0"), 0);
    assert_int_equal(world_number(w, tablet, RECEIPTS " AND own = 1"), 0);
}

static void what_was_read_is_told_when_the_person_lets_it(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.maya, "Leo", "one", s.leo);
    world_ok(w, s.leo, CMD_READ, "Maya", NULL, NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    assert_string_equal(look(w, s.maya, "one").state, "delivered");
    assert_string_equal(world_ok(w, s.leo, CMD_RECEIPTS, NULL, NULL, NULL, NULL)->name, "delivered");
    assert_string_equal(world_ok(w, s.leo, CMD_RECEIPTS, "read", NULL, NULL, NULL)->name, "read");
    assert_string_equal(world_ok(w, s.leo, CMD_RECEIPTS, NULL, NULL, NULL, NULL)->name, "read");
    story_say(w, s.maya, "Leo", "two", s.leo);
    world_ok(w, s.leo, CMD_READ, "Maya", NULL, NULL, NULL);
    story_say(w, s.maya, "Leo", "three", s.leo);
    world_run(w, 5 * MINUTE_MS);
    assert_string_equal(look(w, s.maya, "two").state, "read");
    assert_string_equal(look(w, s.maya, "two").read, "Leo");
    assert_string_equal(look(w, s.maya, "one").state, "read"); /* it stands before */
    assert_string_equal(look(w, s.maya, "three").state, "delivered");
    /* Nothing any more. */
    assert_status(world_do(w, s.leo, CMD_RECEIPTS, "some", NULL, NULL, NULL)->status, ST_COMMAND_FIELD);
    world_ok(w, s.leo, CMD_RECEIPTS, "off", NULL, NULL, NULL);
    story_say(w, s.maya, "Leo", "four", s.leo);
    world_ok(w, s.leo, CMD_READ, "Maya", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_string_equal(look(w, s.maya, "four").state, "sent");
}

static void what_is_told_is_the_person_s_word_on_every_device(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop = ben_has_two(w, &s);
    world_ok(w, s.ben, CMD_RECEIPTS, "off", NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_string_equal(world_ok(w, laptop, CMD_RECEIPTS, NULL, NULL, NULL, NULL)->name, "off");
    story_say(w, s.ana, "Berg", "dinner", laptop);
    world_run(w, 10 * MINUTE_MS);
    assert_string_equal(look(w, s.ana, "dinner").delivered, "Maya");
}

static void a_file_is_told_of_as_a_text_is(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_source_add(world_source_of(w, s.maya), "/a.png", 1000, 5, true);
    world_ok(w, s.maya, CMD_SEND_FILE, "Leo", "/a.png", NULL, NULL);
    world_run(w, 2 * MINUTE_MS);
    assert_string_equal(look(w, s.maya, "a.png").state, "delivered");
}

/* ---- by the rules, and by liars ---- */

static void T20_nothing_is_told_to_a_contact_whose_yes_has_ended(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.maya, "Leo", "early", s.leo);
    world_run(w, 5 * MINUTE_MS);
    int64_t before = world_number(w, s.leo, RECEIPTS);
    assert_true(before > 0);
    story_say(w, s.maya, "Leo", "late", s.leo);
    world_ok(w, s.rosa, CMD_WITHDRAW, "Maya", "Leo", NULL, NULL);
    world_run(w, HOUR_MS);
    assert_int_equal(world_number(w, s.leo, RECEIPTS), before);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM receipt_wait WHERE due_at > 0"), 0);
}

struct lie {
    struct device_id author;
    uint64_t seq;
    unsigned count;
};

static enum status lie(struct node *n, void *arg)
{
    struct lie *l = arg;
    struct scope_id scope;
    struct query q;
    query_start(&q, &n->sql, "SELECT scope FROM contact WHERE state = 2", "");
    if (query_next(&q))
        QUERY_ID(&q, 0, &scope);
    enum status st = query_end(&q);
    for (unsigned i = 0; st == ST_OK && i < l->count; i++) {
        struct entry_body body = {.kind = ENTRY_RECEIPT};
        body.u.receipt.what = RECEIPT_READ;
        body.u.receipt.author = l->author;
        body.u.receipt.seq = l->seq;
        l->author.b[0] ^= (uint8_t)(i + 1);
        st = journal_append(n, SCOPE_CONVERSATION, &scope, &body, NULL);
    }
    return st;
}

static void T15_a_receipt_for_what_is_not_written_yet_says_nothing_of_it(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.maya, "Leo", "before", s.leo);
    world_run(w, 5 * MINUTE_MS);
    struct lie far = {world_node(w, s.maya)->self.device, INT64_MAX, 1};
    assert_ok(world_forge(w, s.leo, lie, &far));
    world_run(w, 5 * MINUTE_MS);
    assert_string_equal(look(w, s.maya, "before").state, "read"); /* of oneself one may say so */
    world_off(w, s.leo);
    say(w, s.maya, "Leo", "after");
    world_run(w, MINUTE_MS);
    assert_string_equal(look(w, s.maya, "after").state, "sent");
    /* Receipts for what devices wrote that do not exist are not kept. */
    world_on(w, s.leo);
    int64_t rows = world_number(w, s.maya, "SELECT count(*) FROM receipt");
    struct lie many = {{{1}}, 1, 200};
    assert_ok(world_forge(w, s.leo, lie, &many));
    world_run(w, 5 * MINUTE_MS);
    assert_true(world_number(w, s.maya, RECEIPTS) > 200);
    assert_in_range(world_number(w, s.maya, "SELECT count(*) FROM receipt"), rows, rows + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(many_texts_are_told_of_once_and_nothing_is_told_of_that),
        WORLD_TEST(who_writes_all_the_time_is_told_of_now_and_then),
        WORLD_TEST(of_a_person_s_devices_one_tells),
        WORLD_TEST(what_was_read_is_told_when_the_person_lets_it),
        WORLD_TEST(what_is_told_is_the_person_s_word_on_every_device),
        WORLD_TEST(a_file_is_told_of_as_a_text_is),
        WORLD_TEST(T20_nothing_is_told_to_a_contact_whose_yes_has_ended),
        WORLD_TEST(T15_a_receipt_for_what_is_not_written_yet_says_nothing_of_it),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
