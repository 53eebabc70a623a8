/* SPDX-License-Identifier: Apache-2.0 */
/* One run: time, what is done in it, its end. */
#include <string.h>

#include "sync/node_internal.h"
#include "tests/sim/sim_acts.h"
#include "tests/support/test.h"

#include "tests/support/test.h"

enum {
    LOOKS_EVERY_MS = 2 * SIM_MINUTE_MS, /* people look at their devices also when nothing rang */
    BIG_EVERY = 250,                    /* seeds */
    BIG_DEVICES = 20,
    NOTICED = 1 << NOTICE_REQUESTS | 1 << NOTICE_PAIRING
};

uint64_t sim_below(struct sim *s, uint64_t bound)
{
    return test_entropy_below(&s->dice, bound);
}

bool sim_chance(struct sim *s, unsigned percent)
{
    return sim_below(s, 100) < percent;
}

/* ---- time ---- */

static bool rings(struct world *w, void *ctx)
{
    (void)ctx;
    return world_noticed(w, NOTICED);
}

static void come_back(struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        struct sim_device *d = &s->devices[i];
        if (d->back_ms == 0 || (!s->calm && d->back_ms > world_now(s->w).mono_ms))
            continue;
        d->back_ms = 0;
        world_on(s->w, i);
        sim_say(s, i, "is on again");
    }
}

static int64_t next_change(const struct sim *s, int64_t until_ms)
{
    int64_t first_ms = until_ms;
    if (!s->calm && s->faults != 0 && s->fault_ms < first_ms)
        first_ms = s->fault_ms;
    if (s->liar_count > 0 && s->lying != 0 && s->lie_ms < first_ms)
        first_ms = s->lie_ms;
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].back_ms != 0 && s->devices[i].back_ms < first_ms)
            first_ms = s->devices[i].back_ms;
    }
    return first_ms;
}

static bool pairing_under_way(const struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].state == SIM_PAIRING)
            return true;
    }
    return false;
}

void sim_pass(struct sim *s, int64_t ms)
{
    int64_t until_ms = world_now(s->w).mono_ms + ms;
    while (world_now(s->w).mono_ms < until_ms) {
        int64_t now_ms = world_now(s->w).mono_ms, next_ms = next_change(s, until_ms);
        int64_t look_ms = pairing_under_way(s) ? LOOKS_EVERY_MS / 4 : LOOKS_EVERY_MS * 5;
        next_ms = now_ms + look_ms < next_ms ? now_ms + look_ms : next_ms;
        next_ms = next_ms > now_ms ? next_ms : now_ms + 1;
        bool rang = world_until(s->w, rings, NULL, next_ms - now_ms);
        for (size_t i = 0; i < world_count(s->w); i++)
            sim_react(s, i);
        if (rang && world_now(s->w).mono_ms == now_ms)
            world_run(s->w, 1);
        come_back(s);
        sim_faults_due(s);
        sim_liars_due(s);
    }
}

/* ---- what they do ---- */

static const struct {
    const char *name;
    unsigned weight;
    int (*fn)(struct sim *s);
} actions[] = {
#define SIM_ACT(fn, weight, name) {name, weight, act_##fn},
#include "tests/sim/sim_acts.def"
};
enum { ACTION_COUNT = sizeof(actions) / sizeof(actions[0]) };

const char *sim_action_name(size_t action)
{
    return action < ACTION_COUNT ? actions[action].name : NULL;
}

int act_let_pass(struct sim *s)
{
    sim_pass(s, (int64_t)sim_below(s, sim_chance(s, 10) ? 8 * SIM_HOUR_MS : 20 * SIM_MINUTE_MS));
    return ST_OK;
}

/* ---- the run ---- */

static size_t action_called(const char *name)
{
    size_t action = 0;
    while (strcmp(actions[action].name, name) != 0)
        action++;
    return action;
}

static void act(struct sim *s)
{
    unsigned all = 0;
    size_t action = 0;
    for (size_t i = 0; i < ACTION_COUNT; i++)
        all += actions[i].weight;
    uint64_t at = sim_below(s, all);
    while (at >= actions[action].weight)
        at -= actions[action++].weight;
    if (world_count(s->w) < s->wanted_devices && sim_chance(s, 50))
        action = action_called("pair");
    int st = actions[action].fn(s);
    if (st == SIM_NOT_TRIED)
        return;
    s->counts->actions[action]++;
    s->counts->refused[action] += st != ST_OK;
    if (st == ST_STORE_FULL && (s->faults & 1u << SIM_FULL) != 0)
        return;
    if (st != ST_OK && st != ST_STORE_FAILED && status_is_fatal((enum status)st))
        sim_fail(s, "%s ended with %s", actions[action].name, status_name((enum status)st));
}

/* What was lost is removed by somebody, who notices in the end. */
static void remove_lost(struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].state == SIM_LOST)
            sim_remove(s, i);
    }
}

/* One device is off for two months, while the others live on; then it has to be current again by itself. (It
 * costs as much as twenty other runs.) */
static void two_months(struct sim *s)
{
    size_t device = SIM_NOBODY;
    if ((s->faults & 1u << SIM_AWAY) != 0)
        device = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    if (device == SIM_NOBODY)
        return;
    world_off(s->w, device);
    s->counts->faults[SIM_AWAY]++;
    sim_say(s, device, "is off for two months");
    for (int day = 0; day < 60; day++) {
        if (day % 10 == 5)
            (void)act_say_family(s);
        for (int slice = 0; slice < 4; slice++) {
            world_run(s->w, 6 * SIM_HOUR_MS);
            for (size_t i = 0; i < world_count(s->w); i++)
                sim_react(s, i);
        }
    }
    world_on(s->w, device);
    sim_say(s, device, "is on again");
}

/* Some seeds have a big family; most are small, for such a run costs as much as twenty. */
static size_t sim_big(uint64_t seed)
{
    return seed % BIG_EVERY == BIG_EVERY - 1 ? BIG_DEVICES : 0;
}

void sim_run(const struct sim_args *a, struct sim_counts *counts)
{
    static struct sim run;
    struct sim *s = &run;
    memset(s, 0, sizeof(*s));
    s->seed = a->seed;
    s->counts = counts;
    s->fresh = true;
    s->strict = a->strict;
    s->faults = sim_faults_of(a->faults, a->seed);
    sim_trace_begin(s, a->trace);
    test_entropy_init(&s->dice, a->seed);
    s->w = world_new(a->seed);
    sim_keys_begin();
    sim_relay_begin(s);
    sim_relays_begin(s);
    world_watch(s->w, sim_keys_look, s);
    s->fault_ms = (int64_t)sim_below(s, 5 * SIM_MINUTE_MS);
    size_t devices = a->devices != 0 ? a->devices : sim_big(a->seed);
    sim_draw_people(s, devices);
    sim_found_families(s);
    for (uint64_t left = 40 + sim_below(s, 60) + devices; left > 0; left--) {
        act(s);
        sim_pass(s, (int64_t)sim_below(s, sim_chance(s, 50) ? 3000 : SIM_MINUTE_MS));
    }
    sim_faults_end(s);
    sim_relays_lose(s);
    two_months(s);
    sim_pass(s, SIM_MINUTE_MS);
    remove_lost(s);
    sim_liars_end(s);
    sim_converge(s);
    counts->seeds++;
    counts->devices += world_count(s->w);
    counts->texts += s->text_count;
    world_free(s->w);
}
