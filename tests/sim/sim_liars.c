/* SPDX-License-Identifier: Apache-2.0 */
/* Members with a program of their owner's making. A fault of theirs makes some device a liar for good: it
 * lies while the fault is on, and for a while after people have removed it, racing its removal. */
#include <stdio.h>

#include "tests/sim/sim_acts.h"
#include "tests/world/liar.h"

enum {
    LIARS_MAX = 2,
    STORM_EVERY_MS = 4000, /* about so often lies who makes a storm, else so often: */
    EVERY_MS = SIM_MINUTE_MS,
    STORM_MAX = 300, /* lies of one liar in one run */
    RACES_MS = 2 * SIM_HOUR_MS
};

static const struct {
    enum sim_fault fault;
    enum lie lie;
} lies[] = {
    {SIM_POISON, LIE_POISON},    {SIM_RUIN, LIE_POISON_ALL},  {SIM_RUIN, LIE_POISON_TAG},
    {SIM_STORM, LIE_REFRESH},    {SIM_STORM, LIE_VOID},       {SIM_STORM, LIE_READD},
    {SIM_FORGE, LIE_FORGE_NEXT}, {SIM_FORGE, LIE_FORGE_BODY}, {SIM_JUMP, LIE_JUMP},
    {SIM_JUMP, LIE_JUMP_END},    {SIM_JUMP, LIE_TWICE},       {SIM_AHEAD, LIE_AHEAD},
    {SIM_AHEAD, LIE_AHEAD_END},
};
enum { LIES = sizeof(lies) / sizeof(lies[0]) };

unsigned sim_liar_faults(void)
{
    unsigned all = 1u << SIM_COUNTERFEIT; /* told by what it gives */
    for (size_t i = 0; i < LIES; i++)
        all |= 1u << lies[i].fault;
    return all;
}

/* ---- who ---- */

static bool honest(const struct sim *s, size_t device)
{
    return s->devices[device].state == SIM_MEMBER && !s->devices[device].liar;
}

/* Somebody else must be able to remove it, and nobody waits for it. */
static bool may_lie(const struct sim *s, size_t device)
{
    const struct sim_person *p = &s->persons[s->devices[device].person];
    bool removable = false;
    if (!honest(s, device) || !world_is_on(s->w, device))
        return false;
    for (size_t i = 0; i < world_count(s->w); i++) {
        const struct sim_person *other = &s->persons[s->devices[i].person];
        if (s->devices[i].state == SIM_PAIRING && s->devices[i].by == device)
            return false;
        removable = removable || (i != device && honest(s, i) &&
                                  (s->devices[i].person == s->devices[device].person ||
                                   (p->child && !other->child && other->family == p->family)));
    }
    return removable;
}

static void one_more(struct sim *s)
{
    size_t found[WORLD_DEVICES_MAX], count = 0;
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (may_lie(s, i))
            found[count++] = i;
    }
    if (count == 0 || s->liar_count == LIARS_MAX)
        return;
    size_t device = found[sim_below(s, count)];
    s->devices[device].liar = true;
    s->devices[device].back_ms = 0;
    s->liar_count++;
    world_fail_disk(s->w, device, 0);
    world_room(s->w, device);
    sim_say(s, device, "lies from now on");
}

/* It forges the history of a new device of its person, which comes now. */
static void give_history(struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (!s->devices[i].liar || !world_is_on(s->w, i) || s->devices[i].state != SIM_MEMBER)
            continue;
        (void)world_lie(s->w, i, LIE_COUNTERFEIT, 0);
        (void)sim_pair(s, s->devices[i].person);
    }
}

void sim_liars_turn(struct sim *s, enum sim_fault f, bool on)
{
    if (on && (s->liar_count == 0 || sim_chance(s, 40)))
        one_more(s);
    if (on && f == SIM_COUNTERFEIT)
        give_history(s);
    s->lying = on ? s->lying | 1u << f : s->calm ? s->lying : s->lying & ~(1u << f);
    s->lie_ms = world_now(s->w).mono_ms;
}

/* ---- what ---- */

static void lie_once(struct sim *s, size_t device)
{
    size_t at = sim_below(s, LIES);
    unsigned which = (unsigned)sim_below(s, 1 << 30);
    if ((s->lying & 1u << lies[at].fault) == 0 || s->devices[device].lies++ > STORM_MAX)
        return;
    bool told = world_lie(s->w, device, lies[at].lie, which);
    s->counts->done[lies[at].fault] += told;
    if (told)
        sim_say(s, device, "tells lie %d in group %u", (int)lies[at].lie, which);
}

void sim_liars_due(struct sim *s)
{
    if (s->liar_count == 0 || s->lying == 0 || world_now(s->w).mono_ms < s->lie_ms)
        return;
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].liar && world_is_on(s->w, i))
            lie_once(s, i);
    }
    int64_t every_ms = (s->lying & 1u << SIM_STORM) != 0 ? STORM_EVERY_MS : EVERY_MS;
    s->lie_ms = world_now(s->w).mono_ms + 1000 + (int64_t)sim_below(s, (uint64_t)every_ms);
}

void sim_liars_end(struct sim *s)
{
    if (s->liar_count == 0)
        return;
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].liar && s->devices[i].state == SIM_MEMBER)
            sim_remove(s, i);
        s->devices[i].lies = 0;
    }
    sim_pass(s, RACES_MS);
    s->counts->done[SIM_COUNTERFEIT] += world_counterfeits();
    s->lying = 0;
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].liar && world_is_on(s->w, i))
            world_off(s->w, i);
    }
}
