/* SPDX-License-Identifier: Apache-2.0 */
/* History at full size: whole, once, newest first, whatever is interrupted; and from a source that lies. */
#include <stdio.h>
#include <string.h>

#include "tests/world/world_past.h"
#include "tests/world/world_test.h"

enum { PAST = 3000, LONG_PAST = 8000, PAST_LEN = 200 };

static const char *const texts_sql = "SELECT count(*) FROM entry WHERE kind = 1 AND has_body = 1";
static const char *const same_sql = "SELECT hash, has_body, entry FROM entry WHERE kind = 1 ORDER BY hash";

struct arrival {
    size_t device;
    int64_t texts;
};

static bool texts_are_there(struct world *w, void *ctx)
{
    const struct arrival *a = ctx;
    return world_number(w, a->device, texts_sql) >= a->texts;
}

static bool is_done(struct world *w, void *ctx)
{
    const struct arrival *a = ctx;
    return world_number(w, a->device, "SELECT count(*) FROM history_offer WHERE state = 2") > 0 &&
           world_number(w, a->device, "SELECT count(*) FROM history_offer WHERE state = 1") == 0 &&
           world_number(w, a->device, "SELECT value FROM meta WHERE key = 'history_joined'") == 0;
}

static void wait_done(struct world *w, size_t device)
{
    struct arrival a = {.device = device};
    if (!world_until(w, is_done, &a, 3 * HOUR_MS))
        fail_msg("history never came to its end: %d texts, %d offers, %d parts taken",
                 (int)world_number(w, device, texts_sql),
                 (int)world_number(w, device, "SELECT count(*) FROM history_offer"),
                 (int)world_number(w, device, "SELECT count(*) FROM history_part WHERE state = 1"));
    world_run(w, 10 * MINUTE_MS); /* until the authors have told where they stand */
}

static void wait_texts(struct world *w, size_t device, int64_t texts)
{
    struct arrival a = {device, texts};
    assert_true(world_until(w, texts_are_there, &a, HOUR_MS));
}

/* Maya, with so many messages to Leo, who is away, gets another device. */
static size_t begin_long(struct world *w, struct story *s, size_t past, size_t len)
{
    story_children_meet(w, s);
    story_say(w, s->leo, "Maya", "the first", s->maya);
    world_off(w, s->leo);
    world_write_past(w, s->maya, past, len);
    size_t laptop = story_add(w, s->ana, "Maya's laptop", "Maya", "child", s->maya);
    return laptop;
}

static size_t begin(struct world *w, struct story *s, size_t past)
{
    return begin_long(w, s, past, PAST_LEN);
}

static void a_long_history_arrives_whole_and_once(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop = begin(w, &s, PAST);
    wait_done(w, laptop);
    assert_int_equal(world_number(w, laptop, texts_sql), PAST + 1);
    world_same(w, s.maya, laptop, "texts", same_sql);
    /* Leo is away and has not told: what he said is passed on. */
    assert_int_equal(world_number(w, laptop, "SELECT count(*) FROM entry WHERE kind = 1 AND applied = 1"),
                     PAST);
    assert_int_equal(world_number(w, laptop, "SELECT count(*) FROM history_part WHERE state != 1"), 0);
    assert_true(world_number(w, laptop, "SELECT count(*) FROM history_part") >= 4);
    assert_int_equal(world_number(w, laptop, "SELECT value FROM meta WHERE key = 'blocks_skipped'"), -1);
    /* The giver hears of it and lets go of the log. */
    world_run(w, MINUTE_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT state FROM history_give"), 3);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM log WHERE kind = 7"), 0);
    assert_int_equal(world_alarms(w, laptop), 0);
}

static void the_last_screen_of_a_conversation_comes_first(void **state)
{
    struct world *w = *state;
    struct story s;
    uint8_t arrived[WORLD_DIGEST_LEN], newest[WORLD_DIGEST_LEN];
    size_t laptop = begin(w, &s, PAST);
    wait_done(w, laptop);
    world_digest(w, laptop,
                 "SELECT hash FROM (SELECT hash, hlc FROM entry WHERE kind = 1 ORDER BY id LIMIT 50) ORDER "
                 "BY hlc DESC",
                 arrived);
    world_digest(w, s.maya, "SELECT hash FROM entry WHERE kind = 1 ORDER BY hlc DESC LIMIT 50", newest);
    assert_memory_equal(arrived, newest, sizeof(arrived));
}

/* … of every conversation, before the rest of any. */
static void the_last_screens_of_all_conversations_come_before_the_rest(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.ana, "Berg", "to all", s.maya);
    story_say(w, s.leo, "Maya", "the first", s.maya);
    world_off(w, s.leo);
    world_write_past(w, s.maya, PAST, PAST_LEN);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    wait_done(w, laptop);
    assert_int_equal(world_number(w, laptop, texts_sql), PAST + 2);
    /* The first two parts are of the two conversations, and short. */
    assert_int_equal(world_number(w, laptop, "SELECT count(DISTINCT scope) FROM history_part WHERE part < 2"),
                     2);
    assert_in_range(world_number(w, laptop, "SELECT sum(entries) FROM history_part WHERE part < 2"), 2, 300);
    assert_in_range(
        world_number(w, laptop,
                     "SELECT count(*) FROM entry WHERE kind = 1 AND id < (SELECT id FROM entry WHERE kind"
                     " = 1 AND scope != (SELECT scope FROM entry WHERE kind = 1 ORDER BY hlc DESC LIMIT 1))"),
        0, 50);
}

static void see_gap(void *ctx, const struct history_row *row)
{
    uint64_t *gap = ctx;
    if (row->gap != 0) {
        assert_string_equal(row->text, "");
        *gap += row->gap;
    }
}

static uint64_t gaps(struct world *w, size_t device)
{
    const struct history_args args = {.with = NULL};
    uint64_t sum = 0;
    assert_ok(view_history(world_node(w, device), &args, see_gap, &sum));
    return sum;
}

struct seen_transfer {
    struct transfer_row row;
    char state[16];
    bool any;
};

static void see_transfer(void *ctx, const struct device_row *row)
{
    struct seen_transfer *t = ctx;
    if (row->this_device && row->history != NULL) {
        t->row = *row->history;
        snprintf(t->state, sizeof(t->state), "%s", row->history->state);
        t->any = true;
    }
}

static void what_has_not_come_is_shown_as_a_gap_and_progress_as_numbers(void **state)
{
    struct world *w = *state;
    struct story s;
    struct seen_transfer t = {.any = false};
    size_t laptop = begin_long(w, &s, LONG_PAST, 1000);
    wait_texts(w, laptop, 50);
    world_off(w, s.maya);
    world_run(w, MINUTE_MS / 2);
    /* Not all of it has been packed, so no page tells of the rest. */
    assert_int_equal(world_number(w, laptop, "SELECT parts_total FROM history_offer"), -1);
    int64_t texts = world_number(w, laptop, texts_sql);
    assert_in_range(texts, 50, LONG_PAST - 1000);
    assert_in_range(gaps(w, laptop), LONG_PAST - texts, LONG_PAST - texts + 40);
    assert_ok(view_devices(world_node(w, laptop), see_transfer, &t));
    assert_true(t.any);
    assert_string_equal(t.state, "running");
    assert_in_range(t.row.entries, texts, texts + 40);
    assert_in_range(t.row.entries_total, LONG_PAST, LONG_PAST + 40);
    assert_true(t.row.bytes > 0 && t.row.bytes < t.row.bytes_total && t.row.parts < t.row.parts_total);
    world_on(w, s.maya);
    wait_done(w, laptop);
    assert_int_equal(gaps(w, laptop), 0);
    assert_ok(view_devices(world_node(w, laptop), see_transfer, &t));
    assert_string_equal(t.state, "done");
    assert_int_equal(t.row.parts, t.row.parts_total);
}

static void history_goes_on_where_it_was_after_every_restart(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop = begin(w, &s, LONG_PAST);
    world_restart_every(w, 5);
    wait_done(w, laptop);
    world_restart_every(w, 0);
    world_same(w, s.maya, laptop, "texts", same_sql);
    /* One offer, and no part of it was packed twice. */
    assert_int_equal(world_number(w, laptop, "SELECT count(*) FROM history_offer"), 1);
    assert_int_equal(world_number(w, laptop, "SELECT sum(entries) FROM history_part"),
                     world_number(w, s.maya, "SELECT entries FROM history_give"));
}

static void history_arrives_when_a_fifth_of_all_requests_is_lost(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop = begin(w, &s, PAST / 3);
    world_lose(w, 20);
    wait_done(w, laptop);
    world_same(w, s.maya, laptop, "texts", same_sql);
}

static void another_device_goes_on_where_the_first_source_stopped(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop = begin(w, &s, LONG_PAST);
    wait_done(w, laptop);
    size_t watch = story_add(w, s.ana, "Maya's watch", "Maya", "child", s.maya);
    wait_texts(w, watch, 50);
    /* Whoever of the two gives falls silent. */
    bool maya_gives = world_number(w, s.maya, "SELECT count(*) FROM history_give WHERE state IN (1, 2)") > 0;
    world_off(w, maya_gives ? s.maya : laptop);
    wait_done(w, watch);
    world_on(w, maya_gives ? s.maya : laptop);
    world_run(w, 10 * MINUTE_MS);
    world_same(w, s.maya, watch, "texts", same_sql);
    assert_int_equal(world_number(w, watch, "SELECT count(*) FROM history_offer"), 2);
    /* Nothing came twice but what stands at the seam. */
    int64_t entries = world_number(w, watch, "SELECT sum(entries) FROM history_part WHERE state = 1");
    assert_in_range(entries, LONG_PAST + 1, LONG_PAST + 20);
    /* Both have let go. */
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM history_give WHERE state IN (1, 2)"), 0);
    assert_int_equal(world_number(w, laptop, "SELECT count(*) FROM history_give WHERE state IN (1, 2)"), 0);
}

static void history_arrives_when_the_relay_loses_its_store_in_the_middle(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop = begin(w, &s, LONG_PAST);
    wait_texts(w, laptop, 50);
    world_wipe_relay(w);
    wait_done(w, laptop);
    world_same(w, s.maya, laptop, "texts", same_sql);
}

static void a_device_that_is_offered_nothing_asks(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "the first", s.maya);
    world_sql(w, s.maya,
              "CREATE TRIGGER none AFTER INSERT ON history_give WHEN new.answers = zeroblob(32) BEGIN"
              " UPDATE history_give SET state = 3 WHERE id = new.id; END");
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    wait_done(w, laptop);
    assert_true(world_has_text(w, laptop, "the first", "Leo"));
}

/* ---- a source that lies ---- */

struct refused {
    const char *name;
    uint64_t count;
};

static void see_refused(void *ctx, const struct status_row *row)
{
    struct refused *r = ctx;
    for (size_t i = 0; i < row->refused_count; i++) {
        if (strcmp(row->refused[i].name, r->name) == 0)
            r->count = row->refused[i].count;
    }
}

/* The source says something else of its long parts than is true; the other device brings what was refused. */
static void lie(struct world *w, const char *what, const char *refused)
{
    struct story s;
    struct refused r = {refused, 0};
    char sql[400];
    size_t laptop = begin(w, &s, PAST);
    wait_done(w, laptop);
    snprintf(sql, sizeof(sql),
             "CREATE TRIGGER liar AFTER INSERT ON history_untold WHEN new.entries > 60 BEGIN"
             " UPDATE history_untold SET %s WHERE give = new.give AND part = new.part; END",
             what);
    world_off(w, laptop); /* so that it is the liar who adds the next device */
    world_sql(w, s.maya, sql);
    size_t watch = story_add(w, s.ana, "Maya's watch", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    assert_ok(view_status(world_node(w, watch), see_refused, &r));
    assert_in_range(r.count, 1, 30); /* asked again, it lies again, for a while */
    assert_true(world_number(w, watch, texts_sql) < PAST + 1);
    assert_true(gaps(w, watch) > 0);
    world_on(w, laptop);
    world_off(w, s.maya);
    wait_done(w, watch);
    world_same(w, laptop, watch, "texts", same_sql);
    assert_int_equal(world_alarms(w, watch), 0);
}

static void T24_a_part_of_other_bytes_than_promised_is_refused(void **state)
{
    lie(*state, "sha256 = zeroblob(32)", "HISTORY_PART");
}

static void T15_a_part_that_unpacks_to_another_size_is_refused(void **state)
{
    lie(*state, "raw_size = raw_size - 1", "HISTORY_SIZE");
}

static void T24_a_part_with_another_count_of_entries_is_refused(void **state)
{
    lie(*state, "entries = entries + 1", "HISTORY_COUNT");
}

static void T24_a_part_of_another_conversation_is_refused(void **state)
{
    lie(*state, "scope = zeroblob(16)", "HISTORY_COUNT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_long_history_arrives_whole_and_once),
        WORLD_TEST(the_last_screen_of_a_conversation_comes_first),
        WORLD_TEST(the_last_screens_of_all_conversations_come_before_the_rest),
        WORLD_TEST(what_has_not_come_is_shown_as_a_gap_and_progress_as_numbers),
        WORLD_TEST(history_goes_on_where_it_was_after_every_restart),
        WORLD_TEST(history_arrives_when_a_fifth_of_all_requests_is_lost),
        WORLD_TEST(another_device_goes_on_where_the_first_source_stopped),
        WORLD_TEST(history_arrives_when_the_relay_loses_its_store_in_the_middle),
        WORLD_TEST(a_device_that_is_offered_nothing_asks),
        WORLD_TEST(T24_a_part_of_other_bytes_than_promised_is_refused),
        WORLD_TEST(T15_a_part_that_unpacks_to_another_size_is_refused),
        WORLD_TEST(T24_a_part_with_another_count_of_entries_is_refused),
        WORLD_TEST(T24_a_part_of_another_conversation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
