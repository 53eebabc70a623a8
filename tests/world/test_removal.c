/* SPDX-License-Identifier: Apache-2.0 */
/* A device that was lost (T41). */
#include <stdio.h>
#include <string.h>

#include "tests/world/world_test.h"

struct device_look {
    const char *id, *name;
    char found[80], state[32];
};

static void see_device(void *ctx, const struct device_row *row)
{
    struct device_look *l = ctx;
    if (l->id != NULL && strcmp(row->id, l->id) == 0)
        snprintf(l->state, sizeof(l->state), "%s", row->state);
    if (l->name != NULL && strcmp(row->name, l->name) == 0)
        snprintf(l->found, sizeof(l->found), "%s", row->id);
}

static void device_id_of(struct world *w, size_t device, const char *name, char id[static 80])
{
    struct device_look l = {.name = name};
    assert_ok(view_devices(world_node(w, device), see_device, &l));
    assert_string_not_equal(l.found, "");
    snprintf(id, 80, "%s", l.found);
}

static void assert_device(struct world *w, size_t device, const char *id, const char *state)
{
    struct device_look l = {.id = id};
    assert_ok(view_devices(world_node(w, device), see_device, &l));
    assert_string_equal(l.state, state);
}

/* Maya has a tablet and a laptop; both talk with Leo. */
static size_t laptop_too(struct world *w, struct story *s)
{
    size_t laptop;
    story_children_meet(w, s);
    laptop = story_add(w, s->ana, "Maya's laptop", "Maya", "child", s->maya);
    world_run(w, 5 * MINUTE_MS);
    story_say(w, s->leo, "Maya", "before", laptop);
    story_say(w, s->leo, "Maya", "before too", s->maya);
    return laptop;
}

static void T41_a_removed_device_reads_nothing_new(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop = laptop_too(w, &s);
    char tablet[80];
    device_id_of(w, s.ana, "Maya's tablet", tablet);
    world_off(w, s.maya); /* lost */
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", NULL, NULL, NULL);
    world_run(w, HOUR_MS);
    story_say(w, s.leo, "Maya", "after", laptop);
    story_say(w, laptop, "Leo", "after too", s.leo);
    story_say(w, s.ana, "Berg", "family only", s.ben);
    world_on(w, s.maya); /* the finder switches it on */
    world_run(w, HOUR_MS);
    assert_true(world_has_text(w, s.maya, "before", NULL));
    assert_false(world_has_text(w, s.maya, "after", NULL));
    assert_false(world_has_text(w, s.maya, "after too", NULL));
    assert_false(world_has_text(w, s.maya, "family only", NULL));
    assert_status(world_do(w, s.maya, CMD_SEND, "Leo", "it is me", NULL, NULL)->status, ST_REMOVED);
    /* and it is told nothing of what came to be later */
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM mls_group WHERE state = 1"), 0);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM mls_record"), 0);
    assert_device(w, s.ana, tablet, "removed");
}

/* A finder with a program that ignores its removal: a copy of the home from before, kept off the relay until
 * everybody else is past it. It has every key that the device ever had. */
static void T41_no_key_of_a_removed_device_opens_a_later_epoch(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop = laptop_too(w, &s);
    world_off(w, s.maya);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", NULL, NULL, NULL);
    world_run(w, HOUR_MS);
    static const char *const left =
        "SELECT count(*) FROM mls_group g WHERE g.state = 1 AND EXISTS (SELECT 1 FROM revocation r WHERE"
        " r.told = 0)";
    for (size_t i = 0; i < 2; i++) /* every group of the family has gone on without it */
        assert_int_equal(world_number(w, i == 0 ? s.ana : s.ben, left), 0);
    int64_t logs = world_number(w, laptop, "SELECT count(*) FROM log WHERE kind = 1 AND listening = 1");
    assert_true(logs > 0);
    /* No log of a present epoch of any group is one that the tablet can work out. */
    world_on(w, s.maya);
    world_run(w, HOUR_MS);
    struct query q;
    query_start(&q, &world_node(w, laptop)->sql,
                "SELECT hex(l.log_id) FROM log l JOIN mls_group g ON g.log = l.id WHERE g.state = 1", "");
    size_t present = 0;
    while (query_next(&q)) {
        char sql[200];
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM log WHERE log_id = x'%s'", query_text(&q, 0));
        assert_int_equal(world_number(w, s.maya, sql), 0);
        present++;
    }
    assert_ok(query_end(&q));
    assert_true(present >= 4); /* family, ward, own, conversation */
}

static void T41_removed_is_said_only_when_everybody_has_passed_it(void **state)
{
    struct world *w = *state;
    struct story s;
    (void)laptop_too(w, &s);
    char tablet[80];
    device_id_of(w, s.ana, "Maya's tablet", tablet);
    world_off(w, s.ben);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", NULL, NULL, NULL);
    world_run(w, 6 * HOUR_MS);
    assert_device(w, s.ana, tablet, "removing");
    world_on(w, s.ben);
    world_run(w, 6 * HOUR_MS); /* without other cause a device tells where it stands every four hours or so */
    assert_device(w, s.ana, tablet, "removed");
    assert_device(w, s.ben, tablet, "removed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T41_a_removed_device_reads_nothing_new),
        WORLD_TEST(T41_no_key_of_a_removed_device_opens_a_later_epoch),
        WORLD_TEST(T41_removed_is_said_only_when_everybody_has_passed_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
