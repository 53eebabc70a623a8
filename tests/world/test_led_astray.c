/* SPDX-License-Identifier: Apache-2.0 */
/* Members whose programs found successors, or tell of them, as no honest one would: nobody is thrown out,
 * and all meet again. */
#include <stdio.h>
#include <string.h>

#include "protocol/kith_context.h"
#include "sync/readd.h"
#include "sync/succession.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_story.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

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

#define TALK "(SELECT max(id) FROM mls_group WHERE kind = 5 AND state != 3)"

static int64_t of_talk(struct world *w, size_t device, const char *column)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT %s FROM mls_group WHERE id = " TALK, column);
    return world_number(w, device, sql);
}

/* The conversation's group here. */
static enum status talk(struct node *n, struct group **out)
{
    int64_t id = 0;
    enum status st = sql_number(&n->sql, &id, 0, "SELECT " TALK, "");
    return st == ST_OK ? group_get(n, id, out) : st;
}

/* ---- a founder that keeps its letters back ---- */

static enum status gather_packages(struct node *n, void *arg)
{
    struct group *g = NULL;
    enum status st = talk(n, &g);
    (void)arg;
    if (st == ST_OK)
        st = group_succeed(n, &g->scope, SUCCESSOR_REFUSED, NULL);
    if (st == ST_OK)
        st = sql_run(&n->sql, "UPDATE succession SET due_at = ?", "i", n->now.wall_ms + 30 * HOUR_MS);
    return st == ST_OK ? succession_ask(n, g) : st;
}

static enum status send_kept(struct node *n, void *arg)
{
    struct query q;
    enum status st = ST_OK;
    (void)arg;
    query_start(&q, &n->sql, "SELECT type, box, to_family, to_person, body FROM kept", "");
    while (st == ST_OK && query_next(&q)) {
        struct letter l = {.type = (enum letterbox_message_type)query_int(&q, 0),
                           .box = query_blob(&q, 1),
                           .body = query_blob(&q, 4)};
        QUERY_ID(&q, 2, &l.to.family);
        QUERY_ID(&q, 3, &l.to.person);
        st = letter_send(n, &l);
    }
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}

static enum status nothing(struct node *n, void *arg)
{
    (void)n;
    (void)arg;
    return ST_OK;
}

/* Founds the conversation's next generation, and keeps back who is told of it. */
static void found_in_silence(struct world *w, size_t device)
{
    assert_ok(world_forge(w, device, gather_packages, NULL));
    world_run(w, MINUTE_MS);
    world_sql(w, device, "UPDATE succession SET due_at = 0");
    assert_ok(world_forge(w, device, nothing, NULL));
    world_sql(w, device, "CREATE TABLE kept AS SELECT * FROM pending_letter");
    world_sql(w, device, "DELETE FROM pending_letter");
    world_run(w, MINUTE_MS);
    assert_int_equal(world_number(w, device, "SELECT count(*) FROM kept"), 1);
    assert_int_equal(of_talk(w, device, "generation"), 1);
    assert_int_equal(of_talk(w, device, "epoch"), 1);
}

static enum status tell_where(struct node *n, void *arg)
{
    struct group *g = NULL;
    bool sent = false;
    const struct device_id *to = arg;
    enum status st = talk(n, &g);
    if (st == ST_OK)
        st = readd_beacon_to(n, g, to, LETTERBOX_BEACON, NULL, &sent);
    return st == ST_OK && !sent ? ST_INTERNAL : st;
}

/* It makes a device ask for its leaf in a group where it is not yet, brings it there, and then does as it was
 * asked to. */
static void T42_an_old_request_for_a_leaf_in_a_successor_makes_no_old_copy(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    found_in_silence(w, s.leo);
    assert_ok(world_forge(w, s.leo, tell_where, &world_node(w, s.maya)->self.device));
    int i = 0;
    while (i++ < 100 && world_number(w, s.leo, "SELECT count(*) FROM readd") == 0)
        world_run(w, 20);
    world_sql(w, s.leo, "UPDATE readd SET due_at = due_at + 36000000");
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM readd"), 1); /* her signature */
    assert_int_equal(of_talk(w, s.maya, "generation"), 0);
    assert_ok(world_forge(w, s.leo, send_kept, NULL));
    world_run(w, MINUTE_MS);
    assert_int_equal(of_talk(w, s.maya, "generation"), 1);
    int64_t id = of_talk(w, s.maya, "id");
    world_sql(w, s.leo, "UPDATE readd SET due_at = 0");
    world_sql(w, s.leo, "UPDATE mls_group SET dirty = 1");
    assert_ok(world_forge(w, s.leo, nothing, NULL));
    world_run(w, 20 * MINUTE_MS);
    assert_int_not_equal(of_talk(w, s.maya, "id"), id); /* it was done … */
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM meta WHERE key LIKE 'old_copy%'"), 0);
    assert_int_equal(world_alarms(w, s.maya), 0);
    assert_int_equal(of_talk(w, s.maya, "state"), GROUP_ACTIVE);
    story_say(w, s.leo, "Maya", "are you there?", s.maya); /* … and cost her nothing */
    story_say(w, s.maya, "Leo", "yes", s.leo);
}

/* ---- one group for each half ---- */

static const char *hex_person(struct world *w, size_t device)
{
    static char hex[2 * sizeof(struct person_id) + 1];
    const struct self *o = &world_node(w, device)->self;
    for (size_t i = 0; i < sizeof(o->person.b); i++)
        snprintf(hex + 2 * i, 3, "%02x", o->person.b[i]);
    return hex;
}

static enum status want_family(struct node *n, void *arg)
{
    struct scope_id scope;
    (void)arg;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    if (st == ST_OK)
        st = group_succeed(n, &scope, SUCCESSOR_REFUSED, NULL);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE succession SET due_at = 0", "") : st;
}

/* Founds the family's next generation, and tells one of it. */
static void found_for_one(struct world *w, size_t device, size_t other)
{
    char sql[160];
    assert_ok(world_forge(w, device, want_family, NULL));
    assert_int_equal(world_number(w, device, "SELECT count(*) FROM pending_letter"), 3);
    snprintf(sql, sizeof(sql), "DELETE FROM pending_letter WHERE to_person != x'%s'", hex_person(w, other));
    world_sql(w, device, sql);
}

static bool same_family_group(struct world *w, size_t a, size_t b)
{
    uint8_t one[WORLD_DIGEST_LEN], other[WORLD_DIGEST_LEN];
    const char *const sql = "SELECT founding FROM mls_group WHERE kind = 1 AND state = 1";
    world_digest(w, a, sql, one);
    world_digest(w, b, sql, other);
    return memcmp(one, other, sizeof(one)) == 0;
}

static void T25_who_is_shown_another_group_of_the_same_generation_hears_of_it_and_all_meet_again(void **state)
{
    struct world *w = *state;
    struct story s;
    const char *const generation = "SELECT generation FROM mls_group WHERE kind = 1 AND state = 1";
    s.ana = world_add(w, "Ana's phone");
    s.ben = world_add(w, "Ben's phone");
    s.maya = world_add(w, "Maya's tablet");
    size_t laptop = world_add(w, "Maya's laptop");
    story_found(w, s.ana, "Berg", "Ana");
    story_pair(w, s.ana, s.ben, "Ben", "parent", SIZE_MAX);
    story_pair(w, s.ana, s.maya, "Maya", "child", SIZE_MAX);
    story_pair(w, s.ana, laptop, "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    found_for_one(w, s.maya, s.ana);
    found_for_one(w, laptop, s.ben);
    world_run(w, 2 * MINUTE_MS);
    world_off(w, s.maya);
    world_off(w, laptop);
    assert_int_equal(world_number(w, s.ana, generation), 1);
    assert_int_equal(world_number(w, s.ben, generation), 1);
    assert_false(same_family_group(w, s.ana, s.ben));
    world_ok(w, s.ana, CMD_SEND, "Berg", "who hears this?", NULL, NULL);
    world_run(w, 5 * HOUR_MS);
    assert_int_equal(world_alarms(w, s.ana) + world_alarms(w, s.ben), 0); /* it may be on its way */
    world_run(w, 67 * HOUR_MS);
    assert_true(world_alarms(w, s.ana) + world_alarms(w, s.ben) > 0);
    assert_true(same_family_group(w, s.ana, s.ben));
    assert_in_range(world_number(w, s.ana, generation), 2, 3);
    assert_true(world_has_text(w, s.ben, "who hears this?", "Ana"));
    story_say(w, s.ben, "Berg", "I do", s.ana);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(T25_who_is_shown_another_group_of_the_same_generation_hears_of_it_and_all_meet_again),
        T(T42_an_old_request_for_a_leaf_in_a_successor_makes_no_old_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
