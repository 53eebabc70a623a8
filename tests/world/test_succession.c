/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that cannot go on get successors, and everybody talks on (protocol.md §5.4). */
#include <stdio.h>
#include <string.h>

#include "protocol/kith_context.h"
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

/* ---- what the tests look at ---- */

static int64_t of_kind(struct world *w, size_t device, const char *what, enum scope_kind kind)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT %s FROM mls_group WHERE kind = %d AND state != 3 ORDER BY id LIMIT 1",
             what, (int)kind);
    return world_number(w, device, sql);
}

static int64_t generation(struct world *w, size_t device, enum scope_kind kind)
{
    return of_kind(w, device, "generation", kind);
}

static void all_in_one(struct world *w, const size_t *devices, size_t count, enum scope_kind kind,
                       int64_t expected)
{
    char sql[160];
    snprintf(sql, sizeof(sql),
             "SELECT scope, generation, founding, epoch, state FROM mls_group WHERE kind = %d AND state != 3",
             (int)kind);
    for (size_t i = 0; i < count; i++) {
        if (generation(w, devices[i], kind) != expected)
            fail_msg("%s is in generation %lld of kind %d, not in %lld", world_device_name(w, devices[i]),
                     (long long)generation(w, devices[i], kind), (int)kind, (long long)expected);
        world_same(w, devices[0], devices[i], "group", sql);
    }
}

/* ---- making groups hopeless ---- */

struct stick {
    enum scope_kind kind;
};

static enum status stick(struct node *n, void *arg)
{
    const struct stick *s = arg;
    struct group *g = NULL;
    int64_t id = 0;
    enum status st = sql_number(&n->sql, &id, 0, "SELECT id FROM mls_group WHERE kind = ? AND state = 1", "i",
                                (int64_t)s->kind);
    if (st == ST_OK)
        st = group_get(n, id, &g);
    return st == ST_OK ? group_stuck(n, g, "a commit does not open on this device") : st;
}

static void stick_all(struct world *w, const size_t *devices, size_t count, enum scope_kind kind)
{
    struct stick s = {kind};
    for (size_t i = 0; i < count; i++)
        assert_ok(world_forge(w, devices[i], stick, &s));
}

static void a_conversation_that_a_commit_poisoned_for_everybody_goes_on(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    const size_t both[] = {s.maya, s.leo};
    stick_all(w, both, 2, SCOPE_CONVERSATION);
    world_ok(w, s.leo, CMD_SEND, "Maya", "written while it was stuck", NULL, NULL);
    world_run(w, 30 * MINUTE_MS);
    all_in_one(w, both, 2, SCOPE_CONVERSATION, 1);
    assert_true(world_has_text(w, s.maya, "written while it was stuck", "Leo"));
    story_say(w, s.leo, "Maya", "in the successor", s.maya);
    story_say(w, s.maya, "Leo", "heard", s.leo);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(world_alarms(w, both[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_conversation_that_a_commit_poisoned_for_everybody_goes_on, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
