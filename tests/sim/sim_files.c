/* SPDX-License-Identifier: Apache-2.0 */
/* Files that people send each other, and fetch. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_acts.h"
#include "tests/support/test.h"
#include "tests/world/world_source.h"

enum { KIB = 1024, OFFERED_MAX = 64 };

/* Mostly what fits into one part; sometimes two (protocol.md §8.4). */
static uint64_t any_size(struct sim *s)
{
    return 1 + sim_below(s, sim_chance(s, 20) ? 300 * KIB : 24 * KIB);
}

int act_send_file(struct sim *s)
{
    char path[24];
    struct sim_text t = {.author = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false),
                         .family = SIM_NOBODY,
                         .contact = SIM_NOBODY,
                         .size = any_size(s),
                         .image = sim_chance(s, 60)};
    if (t.author == SIM_NOBODY || world_source_of(s->w, t.author)->count == WORLD_SOURCES_MAX)
        return SIM_NOT_TRIED;
    if (sim_chance(s, 50))
        t.contact = sim_any_contact(s, t.author);
    if (t.contact == SIM_NOBODY)
        t.family = s->persons[s->devices[t.author].person].family;
    snprintf(path, sizeof(path), "t%zu", s->text_count);
    world_source_add(world_source_of(s->w, t.author), path, t.size, (uint8_t)s->text_count, t.image);
    size_t before = s->text_count;
    int st = sim_send(s, &t);
    if (s->text_count == before) /* it was refused: the next one has the name */
        world_source_of(s->w, t.author)->count--;
    return st;
}

/* ---- fetching ---- */

struct offered {
    size_t count;
    char id[OFFERED_MAX][2 * ID_LEN + 1], name[OFFERED_MAX][32];
};

static void see_offered(void *ctx, const struct file_row *row)
{
    struct offered *o = ctx;
    if (strcmp(row->state, "offered") != 0 || o->count == OFFERED_MAX)
        return;
    snprintf(o->id[o->count], sizeof(o->id[0]), "%s", row->id);
    snprintf(o->name[o->count++], sizeof(o->name[0]), "%s", row->name);
}

static int get(struct sim *s, size_t device, const struct offered *o, size_t at)
{
    enum status st = world_do(s->w, device, CMD_GET, o->id[at], NULL, NULL, NULL)->status;
    sim_say(s, device, "fetches %s: %s", o->name[at], status_name(st));
    return (int)st;
}

int act_get_file(struct sim *s)
{
    struct offered o = {.count = 0};
    size_t device = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    if (device == SIM_NOBODY)
        return SIM_NOT_TRIED;
    assert_ok(view_files(world_node(s->w, device), NULL, 0, see_offered, &o));
    return o.count > 0 ? get(s, device, &o, sim_below(s, o.count)) : SIM_NOT_TRIED;
}

void sim_get_files(struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        struct offered o = {.count = 0};
        if (!sim_is_here(s, i))
            continue;
        assert_ok(view_files(world_node(s->w, i), NULL, 0, see_offered, &o));
        for (size_t k = 0; k < o.count; k++)
            (void)get(s, i, &o, k);
    }
}
