/* SPDX-License-Identifier: Apache-2.0 */
/* Who lives in this run, with which devices, by which rules. */
#include <stdio.h>
#include <string.h>

#include "sync/node_internal.h"
#include "tests/sim/sim_acts.h"
#include "tests/support/test.h"

enum { BIG_PARENTS = 4, BIG_CHILDREN = 8 };

/* ---- who is there ---- */

bool sim_is_here(const struct sim *s, size_t device)
{
    return s->devices[device].state == SIM_MEMBER && !s->devices[device].liar && world_is_on(s->w, device);
}

size_t sim_any_of(struct sim *s, const size_t *list, size_t count)
{
    return count > 0 ? list[sim_below(s, count)] : SIM_NOBODY;
}

/* A device that is in a family and on: of this person, of a parent of this family, or of anybody. */
size_t sim_any_device(struct sim *s, size_t family, size_t person, bool parents)
{
    size_t found[WORLD_DEVICES_MAX], count = 0;
    for (size_t i = 0; i < world_count(s->w); i++) {
        const struct sim_person *p = &s->persons[s->devices[i].person];
        if (sim_is_here(s, i) && (family == SIM_NOBODY || p->family == family) &&
            (person == SIM_NOBODY || s->devices[i].person == person) && !(parents && p->child))
            found[count++] = i;
    }
    return sim_any_of(s, found, count);
}

static size_t count_devices(const struct sim *s, size_t person)
{
    size_t count = 0;
    for (size_t i = 0; i < world_count(s->w); i++)
        count += s->devices[i].person == person && s->devices[i].state == SIM_MEMBER;
    return count;
}

void sim_is_member(struct sim *s, size_t device)
{
    s->devices[device].state = SIM_MEMBER;
    s->devices[device].id = world_node(s->w, device)->self.device;
}

void sim_draw_people(struct sim *s, size_t devices)
{
    static const char *const family_names[] = {"Berg", "Sol", "Lund", "Vik", "Moor", "Tal"};
    static const char *const names[] = {"Ana",  "Ben",  "Cleo", "Dan",  "Eva",  "Finn", "Gil", "Hana",
                                        "Ida",  "Jan",  "Kim",  "Leo",  "Maya", "Nils", "Ole", "Pia",
                                        "Quin", "Rosa", "Sam",  "Tom",  "Uma",  "Vera", "Wim", "Xena",
                                        "Yan",  "Zoe",  "Aron", "Bela", "Cara", "Dora"};
    static const unsigned sizes[] = {1, 2, 2, 2, 2, 3};
    s->family_count = sizes[sim_below(s, sizeof(sizes) / sizeof(sizes[0]))];
    for (size_t f = 0; f < s->family_count; f++) {
        size_t parents = 1 + sim_below(s, 2), children = sim_below(s, 3);
        if (f == 0 && devices != 0) {
            parents = BIG_PARENTS;
            children = sim_below(s, BIG_CHILDREN + 1);
        }
        snprintf(s->families[f].name, sizeof(s->families[f].name), "%s", family_names[f]);
        for (size_t i = 0; i < parents + children; i++) {
            struct sim_person *p = &s->persons[s->person_count];
            snprintf(p->name, sizeof(p->name), "%s", names[s->person_count++]);
            p->family = f;
            p->child = i >= parents;
        }
    }
    s->wanted_devices = devices != 0 ? devices : s->person_count + sim_below(s, 3);
}

/* ---- devices ---- */

static size_t new_device_of(struct sim *s, size_t person)
{
    char name[32];
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].person == person && s->devices[i].state == SIM_NEW && world_is_on(s->w, i))
            return i;
    }
    if (world_count(s->w) == SIM_DEVICES_MAX)
        return SIM_NOBODY;
    snprintf(name, sizeof(name), "%s %zu", s->persons[person].name, world_count(s->w));
    size_t device = world_add(s->w, name);
    s->devices[device] = (struct sim_device){.person = person, .by = SIM_NOBODY};
    return device;
}

void sim_found_families(struct sim *s)
{
    for (size_t i = 0; i < s->person_count; i++) {
        struct sim_family *f = &s->families[s->persons[i].family];
        if (f->founded)
            continue;
        size_t device = new_device_of(s, i);
        sim_say(s, device, "founds the family %s", f->name);
        world_ok(s->w, device, CMD_INIT, f->name, s->persons[i].name, world_device_name(s->w, device),
                 sim_relay_of(s, s->persons[i].family));
        f->founded = true;
        sim_is_member(s, device);
        sim_relays_listed(s, device);
        sim_pass(s, (int64_t)sim_below(s, SIM_MINUTE_MS));
    }
}

static int pair_by(struct sim *s, size_t by, size_t person)
{
    char link[WORLD_TEXT_MAX];
    const struct sim_person *p = &s->persons[person];
    size_t device = new_device_of(s, person);
    if (device == SIM_NOBODY)
        return SIM_NOT_TRIED;
    const struct world_result *r =
        world_do(s->w, by, CMD_PAIR_INVITE, p->name, p->child ? "child" : "parent", NULL, NULL);
    enum status st = r->status;
    snprintf(link, sizeof(link), "%s", r->link);
    if (st == ST_OK)
        st = world_do(s->w, device, CMD_PAIR_ACCEPT, link, world_device_name(s->w, device), NULL, NULL)
                 ->status;
    sim_say(s, by, "pairs %s: %s", world_device_name(s->w, device), status_name(st));
    if (st != ST_OK)
        return (int)st;
    struct sim_device *d = &s->devices[device];
    *d = (struct sim_device){
        .state = SIM_PAIRING, .person = person, .by = by, .since_ms = world_now(s->w).mono_ms};
    sim_pass(s, (int64_t)sim_below(s, 2 * SIM_MINUTE_MS));
    return (int)st;
}

int sim_pair(struct sim *s, size_t person)
{
    bool child = s->persons[person].child;
    size_t by = child ? sim_any_device(s, s->persons[person].family, SIM_NOBODY, true)
                      : sim_any_device(s, SIM_NOBODY, person, false);
    return by != SIM_NOBODY ? pair_by(s, by, person) : SIM_NOT_TRIED;
}

int act_pair(struct sim *s)
{
    size_t person = sim_below(s, s->person_count);
    size_t by = sim_any_device(s, s->persons[person].family, SIM_NOBODY, true);
    if (by == SIM_NOBODY || world_count(s->w) >= s->wanted_devices ||
        (count_devices(s, person) > 0 && !sim_chance(s, 30)))
        return SIM_NOT_TRIED;
    return pair_by(s, by, person);
}

static int remove_one(struct sim *s, size_t by, size_t device)
{
    const char *person = s->persons[s->devices[device].person].name; /* it may be their last */
    enum status st =
        world_do(s->w, by, CMD_DEVICES_REMOVE, world_device_name(s->w, device), person, NULL, NULL)->status;
    if (st == ST_OK)
        s->devices[device].state = SIM_REMOVED;
    sim_say(s, by, "removes %s: %s", world_device_name(s->w, device), status_name(st));
    return (int)st;
}

int act_remove_device(struct sim *s)
{
    size_t device = sim_below(s, world_count(s->w)), person = s->devices[device].person;
    const struct sim_person *p = &s->persons[person];
    enum sim_device_state state = s->devices[device].state;
    size_t by = p->child ? sim_any_device(s, p->family, SIM_NOBODY, true)
                         : sim_any_device(s, SIM_NOBODY, person, false);
    bool last = state == SIM_MEMBER && count_devices(s, person) < 2;
    if (by == SIM_NOBODY || by == device || last || (state != SIM_MEMBER && state != SIM_LOST))
        return SIM_NOT_TRIED;
    return remove_one(s, by, device);
}

int act_lose_device(struct sim *s)
{
    size_t device = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    if (device == SIM_NOBODY || count_devices(s, s->devices[device].person) < 2)
        return SIM_NOT_TRIED;
    world_off(s->w, device);
    s->devices[device].state = SIM_LOST;
    sim_say(s, device, "falls into a river");
    return ST_OK;
}

int act_go_away(struct sim *s)
{
    size_t device = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    int64_t ms = SIM_MINUTE_MS + (int64_t)sim_below(s, sim_chance(s, 10) ? 30 * SIM_HOUR_MS : SIM_HOUR_MS);
    if (device == SIM_NOBODY)
        return SIM_NOT_TRIED;
    world_off(s->w, device);
    s->devices[device].back_ms = world_now(s->w).mono_ms + ms;
    sim_say(s, device, "is off for %lld minutes", (long long)(ms / SIM_MINUTE_MS));
    return ST_OK;
}

void sim_remove(struct sim *s, size_t device)
{
    const struct sim_person *p = &s->persons[s->devices[device].person];
    size_t by = p->child ? sim_any_device(s, p->family, SIM_NOBODY, true)
                         : sim_any_device(s, SIM_NOBODY, s->devices[device].person, false);
    if (by != SIM_NOBODY)
        (void)remove_one(s, by, device);
}

/* ---- rules ---- */

int act_set_policy(struct sim *s)
{
    static const char *const rules[][2] = {
        {"permit_days", "30"},      {"permit_days", "200"},      {"pending_max", "5"},
        {"oversight", "messages"},  {"oversight", "contacts"},   {"approach_notice", "told"},
        {"approval", "any_parent"}, {"approval", "all_parents"}, {"attachments", "none"}};
    size_t by = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, true), whom = sim_below(s, s->person_count);
    size_t rule = sim_below(s, sizeof(rules) / sizeof(rules[0]));
    if (by == SIM_NOBODY || !s->persons[whom].child ||
        s->persons[whom].family != s->persons[s->devices[by].person].family)
        return SIM_NOT_TRIED;
    enum status st =
        world_do(s->w, by, CMD_POLICY_SET, s->persons[whom].name, rules[rule][0], rules[rule][1], NULL)
            ->status;
    s->no_files[whom] = s->no_files[whom] || strcmp(rules[rule][0], "attachments") == 0;
    sim_say(s, by, "sets %s of %s to %s: %s", rules[rule][0], s->persons[whom].name, rules[rule][1],
            status_name(st));
    return (int)st;
}
