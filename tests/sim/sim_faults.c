/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that come and go by themselves while people live on. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim.h"

static const char *const names[SIM_FAULT_COUNT] = {
#define SIM_FAULT(id, name, usual, text) name,
#include "tests/sim/sim_faults.def"
};

const char *sim_fault_name(enum sim_fault f)
{
    return names[f];
}

bool sim_faults_parse(const char *list, unsigned *out)
{
    char copy[256];
    *out = 0;
    if (strcmp(list, "all") == 0) {
#define SIM_FAULT(id, name, usual, text) *out |= (unsigned)((usual) != 0) << SIM_##id;
#include "tests/sim/sim_faults.def"
        return true;
    }
    if (strcmp(list, "none") == 0)
        return true;
    snprintf(copy, sizeof(copy), "%s", list);
    for (char *rest = NULL, *name = strtok_r(copy, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        size_t f = 0;
        while (f < SIM_FAULT_COUNT && strcmp(names[f], name) != 0)
            f++;
        if (f == SIM_FAULT_COUNT)
            return false;
        *out |= 1u << f;
    }
    return true;
}

unsigned sim_faults_of(unsigned faults, uint64_t seed)
{
    unsigned usual, seldom = 0;
    (void)sim_faults_parse("all", &usual);
#define SIM_FAULT(id, name, usual, text) seldom |= (unsigned)((usual) == 2) << SIM_##id;
#include "tests/sim/sim_faults.def"
    return faults == usual && seed % 4 != 2 ? faults & ~seldom : faults;
}

static void cut_some(struct sim *s, bool on)
{
    for (size_t i = 0; i < world_count(s->w); i++)
        world_cut(s->w, i, on && sim_chance(s, 40));
}

/* Hours back and ahead, for some; not so far that what they write would wait for longer than the calm lasts.
 */
static void turn_clocks(struct sim *s, bool on)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        int64_t ms = (int64_t)sim_below(s, sim_chance(s, 50) ? 20 * SIM_HOUR_MS : 10 * SIM_MINUTE_MS);
        world_clock(s->w, i, on && sim_chance(s, 40) ? (sim_chance(s, 50) ? ms : -ms) : 0);
    }
}

static void cut_power(struct sim *s, bool on)
{
    for (size_t i = 0; i < world_count(s->w); i++)
        world_fail_disk(s->w, i,
                        on && !s->devices[i].liar && sim_chance(s, 50) ? 1 + (unsigned)sim_below(s, 120) : 0);
}

static void fill_disks(struct sim *s, bool on)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (!on)
            world_room(s->w, i);
        else if (s->devices[i].state == SIM_MEMBER && !s->devices[i].liar && sim_chance(s, 40))
            world_fill_disk(s->w, i, (unsigned)sim_below(s, 200), sim_chance(s, 50));
    }
}

/* What a device said after its copy was made, and had not sent, is gone with it: nobody can have it. */
static void forget_said(struct sim *s, size_t device, size_t from)
{
    for (size_t i = from; i < s->text_count; i++) {
        if (s->texts[i].author == device)
            s->texts[i].due = 0;
    }
}

/* A copy is made now, and put back when the fault ends. */
static void old_copies(struct sim *s, bool on)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        struct sim_device *d = &s->devices[i];
        if (on && d->state == SIM_MEMBER && !d->liar && world_is_on(s->w, i) && sim_chance(s, 30)) {
            world_keep_home(s->w, i, 0);
            d->copied = true;
            d->texts_before = s->text_count;
        } else if (!on && d->copied && d->state == SIM_MEMBER && world_is_on(s->w, i)) {
            world_put_back_home(s->w, i, 0);
            d->copied = false;
            forget_said(s, i, d->texts_before);
            sim_say(s, i, "is put back to an older copy");
        }
    }
}

/* What happens at once and is over. */
static void happen(struct sim *s, enum sim_fault f)
{
    if (f == SIM_WIPE)
        world_wipe_relay(s->w);
    else if (f == SIM_RENAME)
        world_rename_relay(s->w);
    else if (f == SIM_WITHHOLD || f == SIM_FORK)
        sim_relay_bend(s, f == SIM_FORK);
}

/* A copy of the relay's store is made now, and put back when the fault ends. */
static void old_store(struct sim *s, bool on)
{
    if (on) {
        world_keep_store(s->w);
        return;
    }
    world_put_back_store(s->w);
    bool renamed = sim_chance(s, 50);
    if (renamed)
        world_rename_relay(s->w);
    sim_say(s, SIM_NOBODY, "the relay is as it was, under %s", renamed ? "another name" : "the same name");
}

/* Begins or ends one. */
static void turn(struct sim *s, enum sim_fault f, bool on)
{
    if (f == SIM_LOSS)
        world_lose(s->w, on ? 5 + (unsigned)sim_below(s, 40) : 0);
    else if (f == SIM_REPEAT)
        world_repeat(s->w, on ? 10 + (unsigned)sim_below(s, 90) : 0);
    else if (f == SIM_DELAY)
        world_delay(s->w, on ? 100 + (int64_t)sim_below(s, 20000) : 0);
    else if (f == SIM_CUT)
        cut_some(s, on);
    else if (f == SIM_POWER)
        cut_power(s, on);
    else if (f == SIM_FULL)
        fill_disks(s, on);
    else if (f == SIM_CLOCK)
        turn_clocks(s, on);
    else if (f == SIM_TIME)
        world_relay_clock(s->w, on ? (int64_t)sim_below(s, 4 * SIM_HOUR_MS) - 2 * SIM_HOUR_MS : 0);
    else if (f == SIM_OLDCOPY)
        old_copies(s, on);
    else if ((sim_liar_faults() & 1u << f) != 0)
        sim_liars_turn(s, f, on);
    else if (f == SIM_RESTORE)
        old_store(s, on);
    else if (f == SIM_GONE)
        sim_relays_turn(s, on);
    else if (on)
        happen(s, f);
    s->active = on ? s->active | 1u << f : s->active & ~(1u << f);
    s->met |= on ? 1u << f : 0;
    s->counts->faults[f] += on;
    sim_cover_fault(s, s->active != 0);
    sim_say(s, SIM_NOBODY, "%s %s", names[f], on ? "begins" : "ends");
}

/* Some seeds have few kinds, so that each is met alone as well. */
static enum sim_fault draw(struct sim *s)
{
    uint64_t last = SIM_OLDCOPY; /* those behind it are drawn where one of them is named */
    for (uint64_t f = last; f < SIM_FAULT_COUNT; f++)
        last = (s->faults & 1u << f) != 0 ? f : last;
    enum sim_fault f = (enum sim_fault)sim_below(s, last + 1);
    unsigned kinds = 1 + (unsigned)(s->seed % 7);
    return s->seed % 3 == 0 ? (enum sim_fault)((s->seed + f % kinds) % (last + 1)) : f;
}

void sim_faults_due(struct sim *s)
{
    if (s->calm || s->faults == 0 || world_now(s->w).mono_ms < s->fault_ms)
        return;
    enum sim_fault f = draw(s);
    if ((s->active & 1u << f) != 0)
        turn(s, f, false);
    else if ((s->faults & 1u << f) != 0)
        turn(s, f, true);
    s->fault_ms = world_now(s->w).mono_ms + 1000 +
                  (int64_t)sim_below(s, s->active != 0 ? SIM_MINUTE_MS : 4 * SIM_MINUTE_MS);
}

void sim_faults_end(struct sim *s)
{
    s->calm = true;
    for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++) {
        if ((s->active & 1u << f) != 0)
            turn(s, f, false);
    }
}
