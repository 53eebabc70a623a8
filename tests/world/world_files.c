/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_files.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_source.h"

enum { HOUR_MS = 60 * 60 * 1000 };

void file_story(struct world *w, struct story *s)
{
    story_children_meet(w, s);
    world_source_add(world_source_of(w, s->ana), "/film", FILM_SIZE, FILM_SEED, false);
}

static void see_file(void *ctx, const struct file_row *row)
{
    struct file_seen *s = ctx;
    snprintf(s->id, sizeof(s->id), "%s", row->id);
    snprintf(s->state, sizeof(s->state), "%s", row->state);
    snprintf(s->why, sizeof(s->why), "%s", row->why);
    s->bytes = row->bytes;
    s->parts = row->parts;
    s->count++;
}

/* The newest file that this device knows of. */
struct file_seen file_look(struct world *w, size_t device)
{
    struct file_seen s = {.count = 0};
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
    struct file_seen s = file_look(w, x->device);
    return x->state == NULL ? s.count == 0 : s.count != 0 && strcmp(s.state, x->state) == 0;
}

/* state NULL: no file at all. */
void file_wait(struct world *w, size_t device, const char *state)
{
    struct wanted x = {device, state};
    if (world_until(w, is_so, &x, 2 * HOUR_MS))
        return;
    struct file_seen s = file_look(w, device);
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

void file_assert_bytes(struct world *w, size_t device, uint64_t size, uint8_t seed, bool image)
{
    struct file_seen s = file_look(w, device);
    struct compared c = {seed, image, 0};
    for (uint32_t i = 0; i < s.parts; i++)
        assert_ok(view_file_part(world_node(w, device), s.id, i, compare, &c));
    assert_true(c.at == size);
    assert_status(view_file_part(world_node(w, device), s.id, s.parts, compare, &c), ST_COMMAND_FIELD);
}

void file_assert_none(struct world *w, size_t device)
{
    assert_int_equal(world_number(w, device, "SELECT count(*) FROM file"), 0);
    assert_int_equal(world_number(w, device, "SELECT count(*) FROM file_part"), 0);
    assert_int_equal(world_number(w, device, "SELECT count(*) FROM file_list"), 0);
    assert_int_equal(world_number(w, device, "SELECT count(*) FROM log WHERE kind IN (8, 9)"), 0);
}
