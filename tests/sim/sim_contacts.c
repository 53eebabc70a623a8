/* SPDX-License-Identifier: Apache-2.0 */
/* Whom people know outside of their family. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_acts.h"
#include "tests/support/test.h"

struct contacts {
    const struct sim *s;
    bool mine;
    size_t found[SIM_PERSONS_MAX], of[SIM_PERSONS_MAX], count;
};

static size_t person_named(const struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->person_count; i++) {
        if (strcmp(s->persons[i].name, name) == 0)
            return i;
    }
    return SIM_NOBODY;
}

static void see_contact(void *ctx, const struct contact_row *row)
{
    struct contacts *c = ctx;
    if ((!row->mine && c->mine) || strcmp(row->state, "active") != 0 || c->count == SIM_PERSONS_MAX)
        return;
    c->found[c->count] = person_named(c->s, row->name);
    c->of[c->count++] = person_named(c->s, row->person);
}

size_t sim_any_contact(struct sim *s, size_t device)
{
    struct contacts c = {.s = s, .mine = true};
    assert_ok(view_contacts(world_node(s->w, device), see_contact, &c));
    return sim_any_of(s, c.found, c.count);
}

/* What was on its way between the two need not arrive, and has an effect only where it came before. */
static void note_end(struct sim *s, size_t a, size_t b)
{
    s->ended[a] |= UINT64_C(1) << b;
    s->ended[b] |= UINT64_C(1) << a;
    for (size_t i = 0; i < s->text_count; i++) {
        struct sim_text *t = &s->texts[i];
        size_t by = s->devices[t->author].person;
        if ((by == a && t->contact == b) || (by == b && t->contact == a))
            t->due = 0;
    }
}

int act_withdraw(struct sim *s)
{
    struct contacts c = {.s = s};
    size_t by = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    if (by == SIM_NOBODY)
        return SIM_NOT_TRIED;
    assert_ok(view_contacts(world_node(s->w, by), see_contact, &c));
    if (c.count == 0)
        return SIM_NOT_TRIED;
    size_t at = sim_below(s, c.count);
    if (c.found[at] == SIM_NOBODY || c.of[at] == SIM_NOBODY)
        return SIM_NOT_TRIED;
    const struct world_result *r =
        world_do(s->w, by, CMD_WITHDRAW, s->persons[c.found[at]].name, s->persons[c.of[at]].name, NULL, NULL);
    enum status st = r->status;
    if (st == ST_OK || r->power_cut)
        note_end(s, c.found[at], c.of[at]);
    sim_say(s, by, "ends %s and %s: %s", s->persons[c.of[at]].name, s->persons[c.found[at]].name,
            status_name(st));
    return (int)st;
}

int act_meet(struct sim *s)
{
    char link[WORLD_TEXT_MAX];
    size_t whom = sim_below(s, s->person_count), asker = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    const struct sim_person *p = &s->persons[whom];
    size_t by = p->child ? sim_any_device(s, p->family, SIM_NOBODY, true)
                         : sim_any_device(s, SIM_NOBODY, whom, false);
    if (by == SIM_NOBODY || asker == SIM_NOBODY || s->persons[s->devices[asker].person].family == p->family)
        return SIM_NOT_TRIED;
    const struct world_result *r =
        world_do(s->w, by, CMD_INVITE, p->child ? p->name : NULL, NULL, NULL, NULL);
    enum status st = r->status;
    snprintf(link, sizeof(link), "%s", r->link);
    if (st == ST_OK)
        st = world_do(s->w, asker, CMD_MEET, link, "it is me", NULL, NULL)->status;
    sim_say(s, asker, "asks to meet %s: %s", p->name, status_name(st));
    return (int)st;
}
