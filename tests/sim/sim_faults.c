/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that come and go by themselves while people live on. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim.h"

static const char *const names[SIM_FAULT_COUNT] = {
#define SIM_FAULT(id, name, text) name,
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
        *out = (1u << SIM_FAULT_COUNT) - 1;
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

static void cut_some(struct sim *s, bool on)
{
    for (size_t i = 0; i < world_count(s->w); i++)
        world_cut(s->w, i, on && sim_chance(s, 40));
}

/* Begins or ends one. */
static void turn(struct sim *s, enum sim_fault f, bool on)
{
    switch (f) {
    case SIM_LOSS:
        world_lose(s->w, on ? 5 + (unsigned)sim_below(s, 40) : 0);
        break;
    case SIM_REPEAT:
        world_repeat(s->w, on ? 10 + (unsigned)sim_below(s, 90) : 0);
        break;
    case SIM_DELAY:
        world_delay(s->w, on ? 100 + (int64_t)sim_below(s, 20000) : 0);
        break;
    case SIM_CUT:
        cut_some(s, on);
        break;
    case SIM_POWER:
        for (size_t i = 0; i < world_count(s->w); i++)
            world_fail_disk(s->w, i, on && sim_chance(s, 50) ? 1 + (unsigned)sim_below(s, 120) : 0);
        break;
    case SIM_FAULT_COUNT:
        break;
    }
    s->active = on ? s->active | 1u << f : s->active & ~(1u << f);
    s->counts->faults[f] += on;
    sim_say(s, SIM_NOBODY, "%s %s", names[f], on ? "begins" : "ends");
}

void sim_faults_due(struct sim *s)
{
    if (s->calm || s->faults == 0 || world_now(s->w).mono_ms < s->fault_ms)
        return;
    enum sim_fault f = (enum sim_fault)sim_below(s, SIM_FAULT_COUNT);
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
