/* SPDX-License-Identifier: Apache-2.0 */
/* Several relays, of which the first goes away: what is said meanwhile waits, and its family moves. */
#include <string.h>

#include "sync/node_internal.h"
#include "tests/sim/sim_acts.h"
#include "tests/support/test.h"

enum {
    FIRST,  /* of the first family, and the one that is lost */
    NEXT,   /* in its list, too */
    OTHERS, /* where all other families live */
    SAYS_MAX = 16,
    PAIRS_MS = 30 * SIM_MINUTE_MS,
    AWAY_MS = 60 * SIM_HOUR_MS /* at most, when it comes back */
};

static bool plays(const struct sim *s)
{
    return (s->faults & 1u << SIM_GONE) != 0;
}

void sim_relays_begin(struct sim *s)
{
    while (plays(s) && world_add_relay(s->w) < OTHERS) {
    }
}

const char *sim_relay_of(const struct sim *s, size_t family)
{
    return plays(s) && family > 0 ? world_relay_at(s->w, OTHERS) : NULL;
}

void sim_relays_listed(struct sim *s, size_t device)
{
    if (plays(s) && s->persons[s->devices[device].person].family == 0)
        world_ok(s->w, device, CMD_RELAY_ADD, world_relay_at(s->w, NEXT), NULL, NULL, NULL);
}

void sim_relays_turn(struct sim *s, bool on)
{
    world_relay_down(s->w, FIRST, on);
}

static bool any_pairing(const struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].state == SIM_PAIRING)
            return true;
    }
    return false;
}

/* What is acknowledged waits: no relay needs to be there for that. */
static void say_something(struct sim *s)
{
    int st = sim_chance(s, 40)   ? act_say_family(s)
             : sim_chance(s, 60) ? act_say_contact(s)
                                 : act_send_file(s);
    if (st != SIM_NOT_TRIED && st != ST_OK && st != ST_POLICY_DENIED)
        sim_fail(s, "what is said has to wait for a relay: %s", status_name((enum status)st));
}

void sim_relays_lose(struct sim *s)
{
    if (!plays(s))
        return;
    for (int64_t ms = 0; any_pairing(s) && ms < PAIRS_MS; ms += SIM_MINUTE_MS)
        sim_pass(s, SIM_MINUTE_MS);
    world_relay_down(s->w, FIRST, true);
    s->relay_gone = sim_chance(s, 60);
    s->met |= 1u << SIM_GONE;
    s->counts->faults[SIM_GONE]++;
    sim_say(s, SIM_NOBODY, "the first relay is gone%s", s->relay_gone ? " for good" : "");
    int64_t left_ms = 3 * SIM_HOUR_MS + (int64_t)sim_below(s, AWAY_MS);
    for (uint64_t left = sim_below(s, SAYS_MAX); left > 0; left--) {
        int64_t ms = (int64_t)sim_below(s, (uint64_t)left_ms);
        say_something(s);
        sim_pass(s, ms);
        left_ms -= ms;
    }
    sim_pass(s, left_ms);
    world_relay_down(s->w, FIRST, s->relay_gone);
    sim_say(s, SIM_NOBODY, s->relay_gone ? "people give it up" : "the first relay is there again");
}
