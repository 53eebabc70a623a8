/* SPDX-License-Identifier: Apache-2.0 */
/* What one device may cost the others (T15): entries without end, a `have` that always says that nothing is
 * there, letters without end; and lists that are longer than anybody thought. */
#include <stdio.h>

#include "sync/journal_intake.h"
#include "sync/journal_internal.h"
#include "sync/restore.h"
#include "tests/world/world_scene.h"

enum {
    FLOOD = 150, /* entries at once */
    LEFT = 60,   /* of a day's units, when it begins */
    LARGE = 256  /* units of the largest message */
};

static enum status write_many(struct node *n, void *arg)
{
    const int *count = arg;
    const struct scope_id scope = inside_group(n, SCOPE_CONVERSATION)->scope;
    char text[32];
    struct entry_body body = {.kind = ENTRY_TEXT};
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && i < *count; i++) {
        snprintf(text, sizeof(text), "tiny %d", i);
        body.u.text.text = span_text(text);
        st = journal_append(n, SCOPE_CONVERSATION, &scope, &body, NULL);
    }
    return st;
}

static size_t another_device(struct scene *x, const char *name)
{
    size_t device = world_add(x->w, name);
    story_pair(x->w, x->s.ana, device, "Maya", "child", x->s.maya);
    world_run(x->w, 10 * MINUTE_MS);
    return device;
}

static enum status lie_in_have(struct node *n, void *arg)
{
    struct group *g = inside_group(n, SCOPE_CONVERSATION);
    struct buffer beacon, body;
    struct writer w;
    struct have *h = mem_alloc(1, sizeof(*h));
    (void)arg;
    assert_non_null(h);
    buffer_init(&beacon, 1024);
    buffer_init(&body, GROUP_MESSAGE_MAX);
    enum status st = group_beacon(n, g, NULL, &beacon);
    if (st == ST_OK) {
        h->scope = g->scope;
        h->beacon = buffer_span(&beacon);
        writer_init(&w, &body);
        st = have_encode(&w, h);
    }
    const struct group_message m = {GROUP_HAVE, buffer_span(&body)};
    if (st == ST_OK)
        st = group_send(n, g, &m, 1, OUTBOX_PLAIN, NULL);
    buffer_wipe(&beacon);
    buffer_wipe(&body);
    mem_free(h, sizeof(*h));
    return st;
}

static void lie_on(struct scene *x, int times, int64_t every_ms)
{
    for (int i = 0; i < times; i++) {
        assert_ok(world_forge(x->w, x->s.leo, lie_in_have, NULL));
        world_run(x->w, every_ms);
    }
}

/* ---- entries without end ---- */

/* Of what is taken from others in the conversation, so much is left. */
static void leave_units(struct scene *x, size_t device, int64_t units)
{
    char sql[300];
    snprintf(sql, sizeof(sql),
             "UPDATE intake SET paid_until = %lld WHERE scope = (SELECT scope FROM mls_group WHERE kind = 5"
             " AND state = 1)",
             (long long)(world_now(x->w).wall_ms - units * INTAKE_UNIT_MS));
    world_sql(x->w, device, sql);
}

static const char *const tiny_sql =
    "SELECT count(*) FROM entry WHERE kind = 1 AND has_body = 1 AND own = 0 AND applied = 1";

static void T15_what_a_device_sends_beyond_a_days_measure_is_refused_and_comes_later(void **state)
{
    struct scene *x = *state;
    int count = FLOOD;
    int64_t before = world_number(x->w, x->s.maya, tiny_sql);
    leave_units(x, x->s.maya, LEFT);
    assert_int_equal(world_alarms(x->w, x->s.maya), 0);
    assert_ok(world_forge(x->w, x->s.leo, write_many, &count));
    world_run(x->w, 5 * MINUTE_MS);
    /* A few more: units come back while it is sent. */
    assert_in_range(world_number(x->w, x->s.maya, tiny_sql) - before, LEFT, LEFT + 5);
    assert_true(world_refused(x->w, x->s.maya, ST_JOURNAL_MANY) >= FLOOD - LEFT - 5);
    assert_int_equal(world_alarms(x->w, x->s.maya), 1);
    /* Nobody else notices, in this scope or in another. */
    story_say(x->w, x->s.maya, "Leo", "you talk too much", x->s.leo);
    story_say(x->w, x->s.ana, "Berg", "supper", x->s.maya);
    story_say(x->w, x->s.maya, "Berg", "coming", x->s.ana);
    /* Then there is room, and it comes, 48 with each `have`. */
    world_run(x->w, 60 * HOUR_MS);
    assert_int_equal(world_number(x->w, x->s.maya, tiny_sql), before + FLOOD + 1);
    story_say(x->w, x->s.leo, "Maya", "sorry", x->s.maya);
}

/* Maya's watch was here when all that was said, and hears it again. */
static void T15_what_is_here_already_is_not_charged_to_who_sends_it_again(void **state)
{
    struct scene *x = *state;
    int count = FLOOD;
    size_t watch = another_device(x, "Maya's watch");
    assert_ok(world_forge(x->w, x->s.maya, write_many, &count));
    world_run(x->w, 10 * MINUTE_MS);
    leave_units(x, watch, LEFT);
    lie_on(x, 20,
           10 * SECOND_MS); /* Leo's program says that nothing is there, so that it comes to everybody */
    assert_true(world_number(x->w, x->s.maya, "SELECT max(units) FROM repaired") > FLOOD);
    assert_int_equal(world_refused(x->w, watch, ST_JOURNAL_MANY), 0);
    story_say(x->w, x->s.maya, "Leo", "what is the matter with you?", watch);
    assert_int_equal(world_alarms(x->w, watch), 0);
}

/* How much is taken from a device, in the largest messages, until one is refused. */
static enum status take_all(struct node *n, void *arg)
{
    int64_t *units = arg;
    const struct device_id sender = {{7}};
    const struct scope_id scope = {{9}};
    static uint8_t bytes[LARGE * 1024];
    const struct group_message m = {GROUP_ENTRY, SPAN_OF(bytes, sizeof(bytes))};
    enum status st = ST_OK;
    for (*units = 0; st == ST_OK && *units < 100 * INTAKE_DAY_UNITS; *units += st == ST_OK ? LARGE : 0)
        st = intake_take(n, &scope, &sender, &m);
    return st == ST_JOURNAL_MANY ? ST_OK : st;
}

static int64_t all_that_is_taken(struct scene *x)
{
    int64_t units = 0;
    assert_ok(world_forge(x->w, x->s.maya, take_all, &units));
    return units;
}

/* As if that many days had gone by since. */
static void let_days_pass(struct scene *x, int days)
{
    char sql[100];
    snprintf(sql, sizeof(sql), "UPDATE intake SET paid_until = paid_until - %lld",
             (long long)(days * INTAKE_DAY_MS));
    world_sql(x->w, x->s.maya, sql);
}

static void T15_a_day_is_taken_at_first_and_later_what_was_saved_up(void **state)
{
    struct scene *x = *state;
    assert_int_equal(all_that_is_taken(x), INTAKE_DAY_UNITS);
    assert_int_equal(all_that_is_taken(x), 0);
    let_days_pass(x, 3);
    assert_int_equal(all_that_is_taken(x), 3 * INTAKE_DAY_UNITS);
    let_days_pass(x, 70);
    assert_int_equal(all_that_is_taken(x), 14 * INTAKE_DAY_UNITS);
}

static void a_clock_that_was_put_back_begins_a_new_day(void **state)
{
    struct scene *x = *state;
    assert_int_equal(all_that_is_taken(x), INTAKE_DAY_UNITS);
    let_days_pass(x, -1);
    assert_int_equal(all_that_is_taken(x), INTAKE_DAY_UNITS);
}

static void units_are_a_message_or_a_kib(void **state)
{
    (void)state;
    assert_int_equal(journal_units(0), 1);
    assert_int_equal(journal_units(1024), 1);
    assert_int_equal(journal_units(1025), 2);
    assert_int_equal(journal_units(256 * 1024), 256);
}

/* ---- a have that says that nothing is there ---- */

static void T15_who_says_that_they_hold_nothing_gets_so_much_an_hour(void **state)
{
    struct scene *x = *state;
    int count = 100;
    char sql[300];
    assert_ok(world_forge(x->w, x->s.maya, write_many, &count));
    world_run(x->w, 5 * MINUTE_MS);
    snprintf(sql, sizeof(sql),
             "INSERT OR REPLACE INTO repaired SELECT scope, (SELECT author FROM head h WHERE"
             " h.scope = g.scope AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.scope ="
             " g.scope AND e.author = h.author AND e.own = 1)), %lld, %d FROM mls_group g"
             " WHERE kind = 5 AND state = 1",
             (long long)world_now(x->w).wall_ms, REPAIR_HOUR_UNITS - 100);
    world_sql(x->w, x->s.maya, sql);
    lie_on(x, 20, 10 * SECOND_MS);
    assert_in_range(world_number(x->w, x->s.maya, "SELECT max(units) FROM repaired"), REPAIR_HOUR_UNITS,
                    REPAIR_HOUR_UNITS + 100);
    assert_in_range(world_refused(x->w, x->s.maya, ST_JOURNAL_AGAIN), 1, 2);
    /* What waited is sent when the hour is over. */
    world_run(x->w, 2 * HOUR_MS);
    assert_int_equal(world_number(x->w, x->s.maya, "SELECT count(*) FROM repair"), 0);
    story_say(x->w, x->s.leo, "Maya", "and this is me again", x->s.maya);
}

static const char *const all_sql = "SELECT count(*) FROM entry e JOIN mls_group g ON g.scope = e.scope WHERE"
                                   " g.kind = 5 AND g.state = 1 AND e.kind = 1";

/* Maya's laptop lacks most of what her phone said, which is off; her watch has it. Leo says all the time that
 * he has nothing. */
static void T15_who_lacks_much_gets_it_whatever_another_says_that_they_lack(void **state)
{
    struct scene *x = *state;
    int count = 250;
    size_t laptop = another_device(x, "Maya's laptop"), watch = another_device(x, "Maya's watch");
    assert_ok(world_forge(x->w, x->s.maya, write_many, &count));
    world_run(x->w, 10 * MINUTE_MS);
    int64_t there = world_number(x->w, watch, all_sql);
    assert_int_equal(world_number(x->w, laptop, all_sql), there);
    world_off(x->w, x->s.maya);
    world_sql(x->w, x->s.leo, "CREATE TRIGGER no_help AFTER INSERT ON repair BEGIN DELETE FROM repair; END");
    world_sql(x->w, laptop,
              "DELETE FROM entry WHERE kind = 1 AND seq > 20 AND scope = (SELECT scope FROM mls_group WHERE"
              " kind = 5 AND state = 1);"
              "UPDATE head SET cont_seq = 20, cont_hash = (SELECT hash FROM entry e WHERE e.scope ="
              " head.scope AND e.author = head.author AND e.seq = 20) WHERE cont_seq > 100");
    assert_true(world_number(x->w, laptop, all_sql) < there - 200);
    for (int i = 0; i < 10 && world_number(x->w, laptop, all_sql) < there; i++) {
        world_sql(x->w, laptop, "UPDATE mls_group SET have_at = 0 WHERE kind = 5");
        lie_on(x, 8, SECOND_MS / 2);
    }
    assert_int_equal(world_number(x->w, laptop, all_sql), there);
}

/* ---- asking to be added again ---- */

static void T15_who_is_not_heard_asks_more_and_more_rarely(void **state)
{
    struct scene *x = *state;
    const size_t off[] = {x->s.ana, x->s.ben, x->s.maya, x->s.rosa};
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
        world_off(x->w, off[i]);
    world_stick(x->w, x->s.leo, SCOPE_CONVERSATION);
    world_run(x->w, 65 * MINUTE_MS);
    assert_int_equal(world_number(x->w, x->s.leo, "SELECT max(asks) FROM mls_group"), 3); /* 0, 10, 30 */
    world_run(x->w, 23 * HOUR_MS);
    assert_in_range(world_number(x->w, x->s.leo, "SELECT max(asks) FROM mls_group"), 8, 9);
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
        world_on(x->w, off[i]);
    world_run(x->w, 10 * MINUTE_MS);
    story_say(x->w, x->s.leo, "Maya", "I am back", x->s.maya);
}

/* ---- long lists on an old copy ---- */

static void T42_an_old_copy_leaves_every_group_however_many_there_are(void **state)
{
    struct scene *x = *state;
    world_off(x->w, x->s.rosa);
    world_sql(
        x->w, x->s.leo,
        "CREATE TEMP TABLE t AS SELECT * FROM mls_group WHERE kind = 5 AND state = 1;"
        "WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 300) "
        "INSERT INTO mls_group(id, scope, generation, kind, state, relay, founding, epoch, log,"
        " refreshed_at, founded_at, subject_family, subject_person, peer_family, peer_person)"
        " SELECT 1000 + x, randomblob(16), generation, kind, state, relay, founding, epoch, log,"
        " refreshed_at, founded_at, subject_family, subject_person, peer_family, peer_person FROM t, i;"
        "INSERT INTO mls_record SELECT g.id, r.key, r.value FROM mls_record r, mls_group g WHERE r.grp ="
        " (SELECT id FROM t) AND g.id > 1000; DROP TABLE t;");
    world_sql(x->w, x->s.leo, "INSERT OR REPLACE INTO meta VALUES('old_copy', 1)");
    world_tick(x->w, x->s.leo);
    assert_int_equal(world_number(x->w, x->s.leo, "SELECT count(*) FROM mls_group WHERE id > 1000"), 300);
    assert_int_equal(
        world_number(x->w, x->s.leo, "SELECT count(*) FROM mls_group WHERE id > 1000 AND state != 3"), 0);
    assert_int_equal(world_number(x->w, x->s.leo, "SELECT count(*) FROM mls_record WHERE grp > 1000"), 0);
}

static void T42_an_old_copy_asks_for_every_conversation_however_many_there_are(void **state)
{
    struct scene *x = *state;
    world_sql(
        x->w, x->s.leo,
        "WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 150) INSERT INTO"
        " contact(person, family, other, name, supervised, state, scope, since_at) SELECT c.person,"
        " randomblob(32), randomblob(16), 'friend ' || x, 0, 1, randomblob(16), 0 FROM i, (SELECT person"
        " FROM contact WHERE state = 2 LIMIT 1) c;"
        "INSERT OR REPLACE INTO meta VALUES('old_copy', 2)");
    world_tick(x->w, x->s.leo);
    assert_int_equal(world_number(x->w, x->s.leo, "SELECT count(*) FROM recover WHERE kind = 5"), 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(T15_what_a_device_sends_beyond_a_days_measure_is_refused_and_comes_later),
        SCENE_TEST(T15_what_is_here_already_is_not_charged_to_who_sends_it_again),
        SCENE_TEST(T15_a_day_is_taken_at_first_and_later_what_was_saved_up),
        SCENE_TEST(a_clock_that_was_put_back_begins_a_new_day),
        cmocka_unit_test(units_are_a_message_or_a_kib),
        SCENE_TEST(T15_who_says_that_they_hold_nothing_gets_so_much_an_hour),
        SCENE_TEST(T15_who_lacks_much_gets_it_whatever_another_says_that_they_lack),
        SCENE_TEST(T15_who_is_not_heard_asks_more_and_more_rarely),
        SCENE_TEST(T42_an_old_copy_leaves_every_group_however_many_there_are),
        SCENE_TEST(T42_an_old_copy_asks_for_every_conversation_however_many_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
