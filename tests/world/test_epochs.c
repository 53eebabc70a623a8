/* SPDX-License-Identifier: Apache-2.0 */
/* What epochs leave behind, and when the next one comes: refreshing and forgetting by the clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/scope_group.h"
#include "tests/world/world_test.h"

#define FAMILY " WHERE kind = 1 AND state = 1"

static void family_of_three(struct world *w, struct story *s)
{
    story_family_of_three(w, s);
    world_run(w, 10 * MINUTE_MS);
}

/* ---- forgetting ---- */

enum { SECRETS_MAX = 64, PIECE_LEN = 24 };

struct secrets { /* pieces of the records of past epochs, as a thief of the file would look for them */
    uint8_t piece[SECRETS_MAX][PIECE_LEN];
    size_t count, found;
};

/* The end of each record of a past epoch: RECORD_SECRET and RECORD_RATCHET are a secret at their end. */
static void note_secrets(struct world *w, size_t device, struct secrets *s)
{
    struct node *n = world_node(w, device);
    struct query q;
    s->count = 0;
    query_start(
        &q, &n->sql,
        "SELECT r.value, r.key, g.epoch FROM mls_record r JOIN mls_group g ON g.id = r.grp WHERE g.kind = 1"
        " AND substr(r.key, 1, 1) IN (x'06', x'07') AND length(r.value) >= 32",
        "");
    while (s->count < SECRETS_MAX && query_next(&q)) {
        struct span v = query_blob(&q, 0), key = query_blob(&q, 1);
        if (key.ptr[8] < query_int(&q, 2)) /* the last byte of its epoch */
            memcpy(s->piece[s->count++], v.ptr + v.len - PIECE_LEN, PIECE_LEN);
    }
    assert_ok(query_end(&q));
}

static bool holds(const uint8_t *bytes, size_t len, const uint8_t *piece)
{
    const uint8_t *at = bytes, *end = bytes + len;
    while ((at = memchr(at, piece[0], (size_t)(end - at))) != NULL && end - at >= PIECE_LEN) {
        if (memcmp(at, piece, PIECE_LEN) == 0)
            return true;
        at++;
    }
    return false;
}

static void search_file(void *ctx, const char *name, const uint8_t *bytes, size_t len)
{
    struct secrets *s = ctx;
    (void)name;
    for (size_t i = 0; i < s->count; i++)
        s->found += holds(bytes, len, s->piece[i]);
}

static void T54_the_secrets_of_an_epoch_are_off_the_disk_a_day_after_its_end(void **state)
{
    struct world *w = *state;
    struct story s;
    struct secrets secrets;
    family_of_three(w, &s);
    note_secrets(w, s.ana, &secrets);
    assert_true(secrets.count > 2);
    world_run(w, 23 * HOUR_MS);
    secrets.found = 0;
    world_files(w, s.ana, search_file, &secrets);
    assert_true(secrets.found >= secrets.count); /* late messages can still be read, and the search works */
    world_run(w, 2 * HOUR_MS);
    secrets.found = 0;
    world_files(w, s.ana, search_file, &secrets);
    assert_int_equal(secrets.found, 0);
    assert_int_equal(
        world_number(w, s.ana,
                     "SELECT count(*) FROM log l JOIN mls_group g ON g.id = l.owner AND l.kind = 1"
                     " WHERE l.epoch < g.epoch"),
        0);
    story_say(w, s.ana, "Berg", "on we go", s.maya);
}

static void what_nothing_asks_for_is_pruned_and_what_something_asks_for_stays(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    world_sql(w, s.ana, "UPDATE epoch SET began_at = began_at - 61 * 86400000");
    world_sql(w, s.ana, "UPDATE letter_seen SET at_ms = at_ms - 61 * 86400000, type = 5");
    world_sql(w, s.ana, "INSERT INTO letter_seen VALUES(x'aa', 1, 1), (x'bb', 1, 2), (x'cc', 1, 5)");
    world_sql(w, s.ana, "UPDATE mls_group SET epoch = epoch + 10, log = NULL WHERE kind = 3"); /* far ahead */
    world_sql(w, s.ana, "DELETE FROM meta WHERE key = 'pruned_at'");
    world_tick(w, s.ana);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM letter_seen WHERE at_ms = 1"), 2);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM letter_seen WHERE type = 5"), 0);
    /* Of `family` the three newest; of the ward only the newest in which a person came. */
    assert_int_equal(world_number(w, s.ana,
                                  "SELECT count(*) FROM epoch e JOIN mls_group g ON g.id = e.grp WHERE"
                                  " g.kind = 1 AND e.epoch >= g.epoch - 2"),
                     3);
    assert_int_equal(world_number(w, s.ana,
                                  "SELECT count(*) FROM epoch e JOIN mls_group g ON g.id = e.grp WHERE"
                                  " g.kind = 3"),
                     1);
}

/* ---- refreshing ---- */

static void every_leaf_is_fresh_again_after_a_week_in_which_nobody_wrote(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    int64_t began = world_now(w).wall_ms;
    world_run(w, 9 * DAY_MS);
    for (size_t i = s.ana; i <= s.maya; i++) {
        char sql[160];
        snprintf(sql, sizeof(sql), "SELECT refreshed_at - %lld FROM mls_group" FAMILY, (long long)began);
        int64_t after = world_number(w, i, sql);
        if (after < 6 * DAY_MS)
            fail_msg("%s refreshed after %lld hours", world_device_name(w, i), (long long)(after / HOUR_MS));
    }
    world_same_state(w, s.ana, s.maya);
    assert_int_equal(world_alarms(w, s.ana), 0);
}

static void a_hundred_messages_are_enough_for_a_refresh_and_its_moment_is_drawn(void **state)
{
    struct world *w = *state;
    struct story s;
    char text[32];
    family_of_three(w, &s);
    int64_t before = world_number(w, s.maya, "SELECT epoch FROM mls_group" FAMILY);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "number %d", i);
        world_ok(w, s.maya, CMD_SEND, "Berg", text, NULL, NULL);
    }
    world_tick(w, s.maya);
    assert_int_equal(world_number(w, s.maya, "SELECT epoch FROM mls_group" FAMILY), before);
    assert_true(world_number(w, s.maya, "SELECT refresh_at FROM mls_group" FAMILY) > 1);
    world_run(w, HOUR_MS + MINUTE_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT epoch FROM mls_group" FAMILY), before + 1);
    assert_true(world_number(w, s.maya, "SELECT sent_count FROM mls_group" FAMILY) < 100);
    /* Maya's person made the last one: the next is for others to make first. */
    world_sql(w, s.maya, "UPDATE mls_group SET sent_count = 1000, refresh_at = 1, dirty = 1" FAMILY);
    world_run(w, 2 * HOUR_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT epoch FROM mls_group" FAMILY), before + 1);
    world_sql(w, s.ben, "UPDATE mls_group SET sent_count = 1000" FAMILY);
    world_run(w, 2 * HOUR_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT epoch FROM mls_group" FAMILY), before + 2);
}

/* ---- what was written for fewer people ---- */

struct held { /* of a device's texts, by its own views */
    size_t rows, status;
};

static void count_held(void *ctx, const struct history_row *row)
{
    ((struct held *)ctx)->rows += row->held;
}

static void read_held(void *ctx, const struct status_row *row)
{
    ((struct held *)ctx)->status = row->texts_held;
}

static void held_is(struct world *w, size_t device, size_t texts)
{
    struct held x = {0, 0};
    const struct history_args all = {.with = NULL};
    assert_ok(view_history(world_node(w, device), &all, count_held, &x));
    assert_ok(view_status(world_node(w, device), read_held, &x));
    assert_int_equal(x.rows, texts);
    assert_int_equal(x.status, texts);
}

/* Ben writes, and before it is sent Tim comes into the family. */
static size_t tim_comes_in(struct world *w, struct story *s)
{
    family_of_three(w, s);
    world_mute(w, s->ben, true);
    world_ok(w, s->ben, CMD_SEND, "Berg", "Tim gets a bicycle", NULL, NULL);
    size_t tim = story_add(w, s->ana, "Tim's tablet", "Tim", "child", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    held_is(w, s->ben, 1);
    world_mute(w, s->ben, false);
    world_run(w, HOUR_MS);
    held_is(w, s->ben, 1);
    assert_true(world_number(w, s->ben, "SELECT count(*) FROM notice WHERE kind = 13 AND who = 'Tim'") == 1);
    story_say(w, s->ben, "Berg", "welcome, Tim", tim);
    assert_false(world_has_text(w, tim, "Tim gets a bicycle", NULL));
    assert_false(world_has_text(w, s->ana, "Tim gets a bicycle", NULL));
    return tim;
}

/* Ana holds Ben's journal of the family without a hole. */
static void assert_whole(struct world *w, const struct story *s)
{
    char sql[300];
    uint8_t device[32];
    char hex[65];
    world_run(w, 5 * HOUR_MS);
    struct node *n = world_node(w, s->ben);
    memcpy(device, n->self.device.b, sizeof(device));
    hex_encode(hex, SPAN(device));
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM head WHERE author = x'%s' AND told_seq > cont_seq", hex);
    assert_int_equal(world_number(w, s->ana, sql), 0);
}

static void a_text_from_before_somebody_came_waits_until_its_writer_sends_it(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t tim = tim_comes_in(w, &s);
    assert_whole(w, &s);
    world_restart(w, s.ben);
    held_is(w, s.ben, 1);
    world_ok(w, s.ben, CMD_WAITING_SEND, "Berg", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    held_is(w, s.ben, 0);
    assert_true(world_has_text(w, tim, "Tim gets a bicycle", "Ben"));
    assert_true(world_has_text(w, s.ana, "Tim gets a bicycle", "Ben"));
    assert_status(world_do(w, s.ben, CMD_WAITING_SEND, NULL, NULL, NULL, NULL)->status, ST_NOTHING_WAITS);
}

static void search_text(void *ctx, const char *name, const uint8_t *bytes, size_t len)
{
    static const char text[] = "Tim gets a bicycle";
    (void)name;
    for (size_t i = 0; i + sizeof(text) - 1 <= len; i++)
        *(size_t *)ctx += memcmp(bytes + i, text, sizeof(text) - 1) == 0;
}

static void a_text_from_before_somebody_came_can_be_dropped(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t tim = tim_comes_in(w, &s), found = 0;
    world_files(w, s.ben, search_text, &found);
    assert_true(found > 0);
    world_ok(w, s.ben, CMD_WAITING_DROP, NULL, NULL, NULL, NULL);
    held_is(w, s.ben, 0);
    story_say(w, s.ben, "Berg", "after it", tim);
    assert_whole(w, &s);
    assert_false(world_has_text(w, s.ben, "Tim gets a bicycle", NULL));
    assert_false(world_has_text(w, s.ana, "Tim gets a bicycle", NULL));
    assert_false(world_has_text(w, tim, "Tim gets a bicycle", NULL));
    found = 0;
    world_files(w, s.ben, search_text, &found);
    assert_int_equal(found, 0);
    assert_status(world_do(w, s.ben, CMD_WAITING_DROP, NULL, NULL, NULL, NULL)->status, ST_NOTHING_WAITS);
}

static void a_text_goes_on_unasked_when_only_a_device_came(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    world_mute(w, s.ben, true);
    world_ok(w, s.ben, CMD_SEND, "Berg", "to all of us", NULL, NULL);
    size_t laptop = story_add(w, s.ana, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    held_is(w, s.ben, 0);
    world_mute(w, s.ben, false);
    world_run(w, 10 * MINUTE_MS);
    assert_true(world_has_text(w, laptop, "to all of us", "Ben"));
}

/* ---- what is repaired to whom ---- */

/* Its program says that it has nothing of what `of` wrote, and only `by` is there to hear that. */
static void ask_for_all(struct world *w, size_t device, size_t of, size_t by)
{
    char sql[300], hex[2 * ID_LEN + 1];
    hex_encode(hex, SPAN_ID(&world_node(w, of)->self.device));
    for (size_t i = 0; i < world_count(w); i++)
        if (i != device && i != by)
            world_off(w, i);
    snprintf(sql, sizeof(sql),
             "UPDATE head SET base_seq = 0, base_hash = NULL, cont_seq = 0, cont_hash = NULL WHERE author ="
             " x'%s' AND scope = (SELECT scope FROM mls_group" FAMILY ")",
             hex);
    world_sql(w, device, sql);
    snprintf(sql, sizeof(sql), "DELETE FROM entry WHERE author = x'%s'", hex);
    world_sql(w, device, sql);
    world_restart(w, device);
    world_run(w, 12 * HOUR_MS);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM entry WHERE author = x'%s' AND seq = 1 AND scope = (SELECT scope FROM"
             " mls_group" FAMILY ")",
             hex);
    assert_int_equal(world_number(w, device, sql), 1); /* it was answered */
}

static void who_was_added_again_does_not_repair_the_past_to_who_came_meanwhile(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    story_say(w, s.ana, "Berg", "Tim gets a bicycle", s.ben);
    world_cut(w, s.ben, true);
    size_t tim = story_add(w, s.ana, "Tim's tablet", "Tim", "child", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    world_stick(w, s.ben, SCOPE_FAMILY);
    world_cut(w, s.ben, false);
    world_run(w, 3 * HOUR_MS);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM mls_group WHERE kind = 1"), 2);
    story_say(w, s.ben, "Berg", "back", tim);
    ask_for_all(w, tim, s.ana, s.ben);
    assert_false(world_has_text(w, tim, "Tim gets a bicycle", NULL));
}

/* Tim had come before that; nobody came meanwhile. */
static void who_was_added_again_does_not_repair_the_past_to_who_came_before(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    story_say(w, s.ana, "Berg", "Tim gets a bicycle", s.ben);
    size_t tim = story_add(w, s.ana, "Tim's tablet", "Tim", "child", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    world_stick(w, s.ben, SCOPE_FAMILY);
    world_run(w, 3 * HOUR_MS);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM mls_group WHERE kind = 1"), 2);
    story_say(w, s.ben, "Berg", "back", tim);
    ask_for_all(w, tim, s.ana, s.ben);
    assert_false(world_has_text(w, tim, "Tim gets a bicycle", NULL));
}

static void a_new_device_does_not_repair_what_was_said_before_somebody_came(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    story_say(w, s.ana, "Berg", "Tim gets a bicycle", s.ben);
    size_t tim = world_add(w, "Tim's tablet"), laptop = world_add(w, "Ben's laptop");
    story_pair(w, s.ana, tim, "Tim", "child", SIZE_MAX);
    story_pair(w, s.ben, laptop, "Ben", "parent", SIZE_MAX);
    world_run(w, 2 * HOUR_MS);
    assert_true(world_has_text(w, laptop, "Tim gets a bicycle", NULL)); /* by history */
    ask_for_all(w, tim, s.ana, laptop);
    assert_false(world_has_text(w, tim, "Tim gets a bicycle", NULL));
}

/* Maya had it from the log, and is as one who had not when the relay lost that; then Tim came. */
static size_t soup_is_lost(struct world *w, struct story *s)
{
    family_of_three(w, s);
    story_say(w, s->ben, "Berg", "there is soup", s->maya);
    size_t tim = story_add(w, s->ana, "Tim's tablet", "Tim", "child", SIZE_MAX);
    world_run(w, 2 * HOUR_MS);
    ask_for_all(w, s->maya, s->ben, s->ben);
    held_is(w, s->ben, 1);
    assert_int_equal(world_number(w, s->ben, "SELECT count(*) FROM notice WHERE kind = 13 AND who = 'Tim'"),
                     1);
    assert_false(world_has_text(w, s->maya, "there is soup", NULL));
    return tim;
}

static void a_text_that_the_relay_lost_before_somebody_came_waits_for_its_writer(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t tim = soup_is_lost(w, &s);
    world_ok(w, s.ben, CMD_WAITING_SEND, "Berg", NULL, NULL, NULL);
    world_on(w, tim);
    world_run(w, HOUR_MS);
    held_is(w, s.ben, 0);
    assert_true(world_has_text(w, s.maya, "there is soup", "Ben"));
    assert_true(world_has_text(w, tim, "there is soup", "Ben"));
}

/* Others have it, and so its writer keeps it. Nor is the same asked twice. */
static void a_lost_text_is_kept_when_its_writer_does_not_send_it_again(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t tim = soup_is_lost(w, &s);
    world_ok(w, s.ben, CMD_WAITING_DROP, "Berg", NULL, NULL, NULL);
    held_is(w, s.ben, 0);
    assert_true(world_has_text(w, s.ben, "there is soup", "Ben"));
    ask_for_all(w, s.maya, s.ben, s.ben);
    held_is(w, s.ben, 0);
    world_on(w, tim);
    world_run(w, HOUR_MS);
    assert_false(world_has_text(w, tim, "there is soup", NULL));
}

static void nobody_is_asked_when_who_came_later_lacks_what_was_said_before(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    story_say(w, s.ben, "Berg", "there is soup", s.maya);
    size_t tim = story_add(w, s.ana, "Tim's tablet", "Tim", "child", SIZE_MAX);
    world_run(w, 2 * HOUR_MS);
    ask_for_all(w, tim, s.ben, s.ben);
    held_is(w, s.ben, 0);
    assert_false(world_has_text(w, tim, "there is soup", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T54_the_secrets_of_an_epoch_are_off_the_disk_a_day_after_its_end),
        WORLD_TEST(what_nothing_asks_for_is_pruned_and_what_something_asks_for_stays),
        WORLD_TEST(every_leaf_is_fresh_again_after_a_week_in_which_nobody_wrote),
        WORLD_TEST(a_text_from_before_somebody_came_waits_until_its_writer_sends_it),
        WORLD_TEST(a_text_from_before_somebody_came_can_be_dropped),
        WORLD_TEST(a_text_goes_on_unasked_when_only_a_device_came),
        WORLD_TEST(a_hundred_messages_are_enough_for_a_refresh_and_its_moment_is_drawn),
        WORLD_TEST(who_was_added_again_does_not_repair_the_past_to_who_came_meanwhile),
        WORLD_TEST(who_was_added_again_does_not_repair_the_past_to_who_came_before),
        WORLD_TEST(a_new_device_does_not_repair_what_was_said_before_somebody_came),
        WORLD_TEST(a_text_that_the_relay_lost_before_somebody_came_waits_for_its_writer),
        WORLD_TEST(a_lost_text_is_kept_when_its_writer_does_not_send_it_again),
        WORLD_TEST(nobody_is_asked_when_who_came_later_lacks_what_was_said_before),
    };
    cmocka_set_test_filter(getenv("KITH_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
