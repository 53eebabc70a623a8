/* SPDX-License-Identifier: Apache-2.0 */
/* What a pass leaves out has nothing to do (sync/pass.h); and a text that comes alone costs little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/test.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_story.h"

enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS, TEXTS = 8, STATEMENTS_MAX = 90 };

/* A node that doubts ends the process where a work that was left out would have changed anything. */
static void what_is_left_out_has_nothing_to_do(void **state)
{
    struct story s;
    (void)state;
    assert_int_equal(setenv("KITH_DOUBT", "1", 1), 0);
    struct world *w = world_new(1);
    assert_int_equal(unsetenv("KITH_DOUBT"), 0);
    size_t other = world_add_relay(w);
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "hello", s.maya);
    world_ok(w, s.ana, CMD_RELAY_ADD, world_relay_at(w, other), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_off(w, s.leo);
    story_say(w, s.ana, "Berg", "who is at home?", s.ben);
    world_ok(w, s.maya, CMD_SEND, "Leo", "are you there?", NULL, NULL);
    world_relay_down(w, 0, true);
    world_run(w, 30 * MINUTE_MS);
    world_relay_down(w, 0, false);
    world_clock(w, s.ben, 3 * MINUTE_MS);
    world_run(w, 2 * DAY_MS);
    world_on(w, s.leo);
    world_run(w, 10 * MINUTE_MS);
    assert_true(world_has_text(w, s.leo, "are you there?", "Maya"));
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_free(w);
}

struct counted {
    sqlite3 *db;
    int now, text; /* statements of this step; of the step with a text */
};

static int count(unsigned what, void *ctx, void *statement, void *sql)
{
    struct counted *c = ctx;
    const char *text = sqlite3_sql(statement);
    (void)what;
    (void)sql;
    c->now = strncmp(text, "BEGIN", 5) == 0 ? 0 : c->now + 1;
    c->text = strncmp(text, "INSERT INTO entry(", 18) == 0 ? INT32_MIN : c->text;
    if (strcmp(text, "COMMIT") == 0 && c->text == INT32_MIN)
        c->text = c->now;
    return 0;
}

/* It was 160 when every work was asked after every message. */
static void a_text_that_comes_alone_asks_for_little(void **state)
{
    struct world *w = world_new(1);
    struct story s;
    struct counted c = {.now = 0};
    (void)state;
    story_children_meet(w, &s);
    for (int i = 0; i < TEXTS; i++) {
        story_say(w, s.leo, "Maya", "hello", s.maya);
        world_run(w, MINUTE_MS);
    }
    assert_int_equal(sqlite3_trace_v2(world_node(w, s.maya)->sql.db, SQLITE_TRACE_STMT, count, &c),
                     SQLITE_OK);
    story_say(w, s.leo, "Maya", "and again", s.maya);
    sqlite3_trace_v2(world_node(w, s.maya)->sql.db, 0, NULL, NULL);
    assert_in_range(c.text, 1, STATEMENTS_MAX);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_nothing_to_do),
        cmocka_unit_test(a_text_that_comes_alone_asks_for_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
