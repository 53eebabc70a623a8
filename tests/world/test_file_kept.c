/* SPDX-License-Identifier: Apache-2.0 */
/* Files of long ago and of not yet: at a relay that was left, found by name, held for their writer's word. */
#include <stdio.h>

#include "tests/world/world_files.h"
#include "tests/world/world_source.h"
#include "tests/world/world_test.h"

static bool is_heard_of(struct world *w, void *ctx)
{
    const size_t *device = ctx;
    return file_look(w, *device).count != 0;
}

/* Who joined after the family had moved does not know the relay where the bytes lie. The message comes from a
 * member, and is offered; or sooner as history, and then the device asks for its bytes by itself. */
static void a_file_at_a_relay_that_was_left_is_put_up_where_the_family_is_now(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t other = world_add_relay(w);
    file_story(w, &s);
    world_ok(w, s.ana, CMD_RELAY_ADD, world_relay_at(w, other), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ana, "sent");
    world_ok(w, s.ben, CMD_RELAY_USE, world_relay_at(w, other), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_ok(w, s.ben, CMD_RELAY_REMOVE, world_relay_at(w, 0), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_relay_down(w, 0, true);
    size_t laptop = story_add(w, s.ben, "Ben's laptop", "Ben", "parent", SIZE_MAX);
    assert_true(world_until(w, is_heard_of, &laptop, 10 * MINUTE_MS));
    char sql[256];
    snprintf(sql, sizeof(sql), "UPDATE relay SET address = 'another' WHERE address = '%s'",
             world_relay_at(w, 0));
    world_sql(w, laptop, sql);
    world_ok(w, laptop, CMD_GET, file_look(w, laptop).id, NULL, NULL, NULL);
    file_wait(w, laptop, "here");
    file_assert_bytes(w, laptop, FILM_SIZE, FILM_SEED, false);
    assert_true(world_number(w, laptop, "SELECT count(*) FROM entry WHERE kind = 34") >= 1);
}

/* ---- by its name ---- */

static void count_row(void *ctx, const struct history_row *row)
{
    size_t *count = ctx;
    assert_non_null(row->file);
    (*count)++;
}

static size_t found(struct world *w, size_t device, const char *words)
{
    size_t count = 0;
    const struct search_args args = {.words = words};
    assert_ok(view_search(world_node(w, device), &args, count_row, &count));
    return count;
}

static void a_file_is_found_by_its_name_until_it_is_deleted(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_source_add(world_source_of(w, s.maya), "/Märchen vom Fuchs-2026.png", 5000, 7, true);
    world_ok(w, s.maya, CMD_SEND_FILE, "Leo", "/Märchen vom Fuchs-2026.png", NULL, NULL);
    file_wait(w, s.leo, "here");
    world_run(w, 1000);
    assert_int_equal(found(w, s.leo, "marchen 2026"), 1);
    assert_int_equal(found(w, s.maya, "fuchs pn"), 1);
    assert_int_equal(found(w, s.leo, "wolf"), 0);
    world_ok(w, s.maya, CMD_DELETE, file_look(w, s.maya).id, NULL, NULL, NULL);
    file_wait(w, s.leo, NULL);
    world_run(w, MINUTE_MS);
    assert_int_equal(found(w, s.leo, "marchen"), 0);
    assert_int_equal(world_disk_find(world_disk_of(w, s.leo), (const uint8_t *)"marchen", 7), 0);
    assert_int_equal(world_disk_find(world_disk_of(w, s.leo), (const uint8_t *)"Fuchs-2026", 10), 0);
}

/* ---- held: somebody came in before it was sent ---- */

/* Ana sends a file that her phone cannot put up yet, and meanwhile a new person comes into the family. */
static size_t hold_a_file(struct world *w, struct story *s)
{
    file_story(w, s);
    world_run(w, MINUTE_MS);
    size_t kid = world_add(w, "Tom's phone");
    world_mute(w, s->ana, true);
    world_ok(w, s->ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s->ana, "sending");
    story_pair(w, s->ben, kid, "Tom", "child", SIZE_MAX);
    world_run(w, 2 * MINUTE_MS);
    world_mute(w, s->ana, false);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_number(w, s->ana, "SELECT held FROM entry WHERE kind = 32"), 1);
    assert_int_equal(file_look(w, s->ben).count, 0);
    assert_int_equal(file_look(w, kid).count, 0);
    return kid;
}

static void a_file_that_is_held_is_sent_when_its_writer_says_so(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t kid = hold_a_file(w, &s);
    world_ok(w, s.ana, CMD_WAITING_SEND, NULL, NULL, NULL, NULL);
    file_wait(w, s.ben, "offered");
    file_wait(w, kid, "offered");
    file_wait(w, s.ana, "sent");
    world_ok(w, kid, CMD_GET, file_look(w, kid).id, NULL, NULL, NULL);
    file_wait(w, kid, "here");
    file_assert_bytes(w, kid, FILM_SIZE, FILM_SEED, false);
}

static void a_file_that_is_held_and_dropped_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t kid = hold_a_file(w, &s);
    uint8_t some[32];
    for (size_t i = 0; i < sizeof(some); i++)
        some[i] = world_source_byte(3, false, 1000 + i);
    assert_true(world_disk_find(world_disk_of(w, s.ana), some, sizeof(some)) > 0);
    world_ok(w, s.ana, CMD_WAITING_DROP, NULL, NULL, NULL, NULL);
    file_wait(w, s.ana, NULL);
    world_run(w, 10 * MINUTE_MS);
    file_assert_none(w, s.ana);
    assert_int_equal(world_disk_find(world_disk_of(w, s.ana), some, sizeof(some)), 0);
    assert_int_equal(file_look(w, s.ben).count + file_look(w, kid).count, 0);
    story_say(w, s.ana, "Berg", "never mind", kid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_file_at_a_relay_that_was_left_is_put_up_where_the_family_is_now),
        WORLD_TEST(a_file_is_found_by_its_name_until_it_is_deleted),
        WORLD_TEST(a_file_that_is_held_is_sent_when_its_writer_says_so),
        WORLD_TEST(a_file_that_is_held_and_dropped_leaves_nothing),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
