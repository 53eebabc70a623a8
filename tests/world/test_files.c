/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole, once, by the rules, whatever is interrupted; and from a sender who lies. */
#include <stdio.h>
#include <string.h>

#include "sync/files_internal.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_source.h"
#include "tests/world/world_story.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS, MIB = 1 << 20 };

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- what is looked at ---- */

struct seen {
    char id[80], state[16], why[32];
    uint64_t bytes;
    uint32_t parts;
    size_t count;
};

static void see_file(void *ctx, const struct file_row *row)
{
    struct seen *s = ctx;
    snprintf(s->id, sizeof(s->id), "%s", row->id);
    snprintf(s->state, sizeof(s->state), "%s", row->state);
    snprintf(s->why, sizeof(s->why), "%s", row->why);
    s->bytes = row->bytes;
    s->parts = row->parts;
    s->count++;
}

/* The newest file that this device knows of. */
static struct seen look(struct world *w, size_t device)
{
    struct seen s = {.count = 0};
    assert_ok(view_files(world_node(w, device), NULL, 0, see_file, &s));
    return s;
}

struct wanted {
    size_t device;
    const char *state;
};

static bool is_so(struct world *w, void *ctx)
{
    const struct wanted *x = ctx;
    struct seen s = look(w, x->device);
    return x->state == NULL ? s.count == 0 : s.count != 0 && strcmp(s.state, x->state) == 0;
}

/* state NULL: no file at all. */
static void wait_file(struct world *w, size_t device, const char *state)
{
    struct wanted x = {device, state};
    if (world_until(w, is_so, &x, 2 * HOUR_MS))
        return;
    struct seen s = look(w, device);
    fail_msg("%s: %zu files, the last one %s %s, not %s", world_device_name(w, device), s.count, s.state,
             s.why, state != NULL ? state : "gone");
}

struct compared {
    uint8_t seed;
    bool image;
    uint64_t at;
};

static void compare(void *ctx, struct span bytes)
{
    struct compared *c = ctx;
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i] != world_source_byte(c->seed, c->image, c->at + i))
            fail_msg("byte %llu is another", (unsigned long long)(c->at + i));
    c->at += bytes.len;
}

static void assert_bytes(struct world *w, size_t device, uint64_t size, uint8_t seed, bool image)
{
    struct seen s = look(w, device);
    struct compared c = {seed, image, 0};
    for (uint32_t i = 0; i < s.parts; i++)
        assert_ok(view_file_part(world_node(w, device), s.id, i, compare, &c));
    assert_true(c.at == size);
    assert_status(view_file_part(world_node(w, device), s.id, s.parts, compare, &c), ST_COMMAND_FIELD);
}

/* Blocks that went into bulk logs of files, each counted once. */
struct appends {
    uint8_t ids[4096][16];
    size_t count, again;
};

static void count_append(void *ctx, struct world *w, size_t device, const struct relay_request *append)
{
    struct appends *a = ctx;
    (void)w;
    (void)device;
    for (size_t i = 0; i < a->count; i++)
        if (memcmp(a->ids[i], append->block_id.b, 16) == 0) {
            a->again++;
            return;
        }
    assert_true(a->count < 4096);
    memcpy(a->ids[a->count++], append->block_id.b, 16);
}

/* Maya sends a file to Leo; the rules let everything through when `all`. */
static void send(struct world *w, struct story *s, uint64_t size, bool image)
{
    world_source_add(world_source_of(w, s->maya), "/home/maya/thing", size, 7, image);
    world_ok(w, s->maya, CMD_SEND_FILE, "Leo", "/home/maya/thing", NULL, NULL);
}

/* Both families let all kinds of files through, and the permits are of such. */
static void begin(struct world *w, struct story *s)
{
    story_children_meet(w, s);
}

static void begin_in_family(struct world *w, struct story *s)
{
    begin(w, s);
    world_source_add(world_source_of(w, s->ana), "/film", 3 * MIB + 5, 3, false);
}

/* ---- the whole path ---- */

static void an_image_arrives_by_itself_and_whole(void **state)
{
    struct world *w = *state;
    struct story s;
    begin(w, &s);
    send(w, &s, MIB + 1, true);
    wait_file(w, s.leo, "here");
    wait_file(w, s.maya, "sent");
    assert_bytes(w, s.leo, MIB + 1, 7, true);
    assert_bytes(w, s.maya, MIB + 1, 7, true);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM log WHERE kind = 8"), 0);
}

static void a_film_is_fetched_when_it_is_asked_for(void **state)
{
    struct world *w = *state;
    struct story s;
    begin_in_family(w, &s);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    wait_file(w, s.ben, "offered");
    wait_file(w, s.ana, "sent");
    world_run(w, HOUR_MS);
    assert_string_equal(look(w, s.ben).state, "offered");
    world_ok(w, s.ben, CMD_GET, look(w, s.ben).id, NULL, NULL, NULL);
    wait_file(w, s.ben, "here");
    assert_bytes(w, s.ben, 3 * MIB + 5, 3, false);
}

static void what_is_interrupted_goes_on_and_no_part_is_sent_twice(void **state)
{
    struct world *w = *state;
    struct story s;
    static struct appends a;
    begin_in_family(w, &s);
    a.count = a.again = 0;
    world_on_append(w, count_append, &a);
    world_restart_every(w, 7);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    wait_file(w, s.ben, "offered");
    world_ok(w, s.ben, CMD_GET, look(w, s.ben).id, NULL, NULL, NULL);
    wait_file(w, s.ben, "here");
    world_restart_every(w, 0);
    world_on_append(w, NULL, NULL);
    wait_file(w, s.ana, "sent");
    assert_bytes(w, s.ben, 3 * MIB + 5, 3, false);
    /* 13 parts of 16 blocks (the last of 2), the list, and what the conversations say. */
    assert_in_range(a.count, 12 * 16 + 2 + 1, 12 * 16 + 2 + 1 + 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_image_arrives_by_itself_and_whole),
        TEST(a_film_is_fetched_when_it_is_asked_for),
        TEST(what_is_interrupted_goes_on_and_no_part_is_sent_twice),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
