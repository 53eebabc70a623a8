/* SPDX-License-Identifier: Apache-2.0 */
/* What people say to each other, and do to what was said. */
#include <stdio.h>
#include <string.h>

#include "sync/scope_group.h"
#include "tests/sim/sim_acts.h"
#include "tests/support/test.h"

/* ---- talking ---- */

/* Is the device in the family's group as the author knows it? Who comes later reads what is said later. */
static bool known_in_family(struct sim *s, size_t author, size_t device)
{
    struct node *n = world_node(s->w, author);
    struct scope_id scope;
    struct group *g = NULL;
    return scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope) == ST_OK &&
           group_of_scope(n, &scope, &g) == ST_OK && group_has_device(g, &s->devices[device].id, NULL);
}

/* Devices of the family, or of the two who talk, that have the group now. */
static uint64_t can_read(struct sim *s, size_t author, size_t family, size_t contact)
{
    uint64_t due = 0;
    for (size_t i = 0; i < world_count(s->w); i++) {
        size_t person = s->devices[i].person;
        bool theirs = family != SIM_NOBODY ? s->persons[person].family == family
                                           : person == contact || person == s->devices[author].person;
        if (!theirs || !sim_is_here(s, i) || (family != SIM_NOBODY && !known_in_family(s, author, i)))
            continue;
        char state[32] = "active";
        if (family == SIM_NOBODY)
            world_contact(s->w, i, s->persons[person == contact ? s->devices[author].person : contact].name,
                          state);
        due |= strcmp(state, "active") == 0 ? UINT64_C(1) << i : 0;
    }
    return due;
}

static uint64_t barred_by(struct sim *s, size_t author)
{
    uint64_t barred = 0;
    for (size_t i = 0; i < world_count(s->w); i++) {
        int64_t known = 0;
        assert_ok(sql_number(&world_node(s->w, author)->sql, &known, 0,
                             "SELECT count(*) FROM revocation WHERE device = ?", "b",
                             SPAN_ID(&s->devices[i].id)));
        barred |= known != 0 ? UINT64_C(1) << i : 0;
    }
    return barred;
}

/* Where the text stands that this device has just said. */
static void note_place(struct sim *s, struct sim_text *t)
{
    struct query q;
    query_start(
        &q, &world_node(s->w, t->author)->sql,
        "SELECT e.id, max(g.generation) FROM entry e JOIN mls_group g ON g.scope = e.scope AND g.state < 3"
        " WHERE e.id = (SELECT max(id) FROM entry WHERE own = 1 AND kind = 1)",
        "");
    if (query_next(&q)) {
        t->entry = query_int(&q, 0);
        t->generation = query_int(&q, 1);
    }
    assert_ok(query_end(&q));
}

int sim_send(struct sim *s, const struct sim_text *what)
{
    char text[24];
    struct sim_text t = *what;
    const char *whom = t.family != SIM_NOBODY ? s->families[t.family].name : s->persons[t.contact].name;
    if (s->text_count == SIM_TEXTS_MAX)
        return SIM_NOT_TRIED;
    t.barred = barred_by(s, t.author);
    t.due = can_read(s, t.author, t.family, t.contact);
    snprintf(text, sizeof(text), "t%zu", s->text_count);
    const struct world_result *r =
        world_do(s->w, t.author, t.size != 0 ? CMD_SEND_FILE : CMD_SEND, whom, text, NULL, NULL);
    enum status st = r->status;
    t.due = r->power_cut ? 0 : t.due; /* it may be there or not: nobody was told */
    if (st == ST_OK && t.contact != SIM_NOBODY && t.size == 0)
        note_place(s, &t);
    if (st == ST_OK || r->power_cut)
        s->texts[s->text_count++] = t;
    if (t.size != 0)
        sim_say(s, t.author, "sends %s, %llu bytes, to %s: %s", text, (unsigned long long)t.size, whom,
                status_name(st));
    else
        sim_say(s, t.author, "says %s to %s: %s", text, whom, status_name(st));
    return (int)st;
}

static int say(struct sim *s, size_t author, size_t family, size_t contact)
{
    const struct sim_text t = {.author = author, .family = family, .contact = contact};
    return sim_send(s, &t);
}

int act_say_family(struct sim *s)
{
    size_t author = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    return author != SIM_NOBODY ? say(s, author, s->persons[s->devices[author].person].family, SIM_NOBODY)
                                : SIM_NOT_TRIED;
}

int act_say_contact(struct sim *s)
{
    size_t author = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    size_t contact = author != SIM_NOBODY ? sim_any_contact(s, author) : SIM_NOBODY;
    return contact != SIM_NOBODY ? say(s, author, SIM_NOBODY, contact) : SIM_NOT_TRIED;
}

/* ---- what is done to texts ---- */

enum { SHOWN_MAX = 64 };

struct shown {
    const struct sim *s;
    size_t count;
    char id[SHOWN_MAX][2 * ID_LEN + 1], with[SHOWN_MAX][32];
    size_t number[SHOWN_MAX];
    bool mine[SHOWN_MAX];
};

static void see_shown(void *ctx, const struct history_row *row)
{
    struct shown *v = ctx;
    size_t number = sim_said_number(v->s, row);
    if (number == SIM_NOBODY || v->count == SHOWN_MAX)
        return;
    snprintf(v->id[v->count], sizeof(v->id[0]), "%s", row->id);
    snprintf(v->with[v->count], sizeof(v->with[0]), "%s", row->with);
    v->number[v->count] = number;
    v->mine[v->count++] = row->mine;
}

/* Some text that this device shows; SIM_NOBODY: it shows none. */
static size_t any_shown(struct sim *s, size_t device, struct shown *v)
{
    static const struct history_args newest = {.limit = SHOWN_MAX};
    memset(v, 0, sizeof(*v));
    v->s = s;
    if (device == SIM_NOBODY)
        return SIM_NOBODY;
    assert_ok(view_history(world_node(s->w, device), &newest, see_shown, v));
    return v->count > 0 ? (size_t)sim_below(s, v->count) : SIM_NOBODY;
}

int act_delete_text(struct sim *s)
{
    struct shown v;
    size_t device = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false), at = any_shown(s, device, &v);
    if (at == SIM_NOBODY || !v.mine[at])
        return SIM_NOT_TRIED;
    struct sim_text *t = &s->texts[v.number[at]];
    const struct world_result *r = world_do(s->w, device, CMD_DELETE, v.id[at], NULL, NULL, NULL);
    enum status st = r->status;
    if (st == ST_OK || r->power_cut)
        t->due = 0;
    if (st == ST_OK)
        t->gone_by = device + 1;
    sim_say(s, device, "takes t%zu back: %s", v.number[at], status_name(st));
    return (int)st;
}

/* An edited text is "t<number>+" (sim_text_number). */
int act_change_text(struct sim *s)
{
    struct shown v;
    char text[24];
    size_t device = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false), at = any_shown(s, device, &v);
    if (at == SIM_NOBODY)
        return SIM_NOT_TRIED;
    bool edit = v.mine[at] && sim_chance(s, 50);
    snprintf(text, sizeof(text), "t%zu+", v.number[at]);
    enum status st =
        world_do(s->w, device, edit ? CMD_EDIT : CMD_REACT, v.id[at], edit ? text : "+1", NULL, NULL)->status;
    sim_say(s, device, "%s t%zu: %s", edit ? "edits" : "reacts to", v.number[at], status_name(st));
    return (int)st;
}

int act_read_talk(struct sim *s)
{
    struct shown v;
    size_t device = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false), at = any_shown(s, device, &v);
    if (at == SIM_NOBODY)
        return SIM_NOT_TRIED;
    enum status st = world_do(s->w, device, CMD_READ, v.with[at], NULL, NULL, NULL)->status;
    sim_say(s, device, "has read what %s said: %s", v.with[at], status_name(st));
    return (int)st;
}

/* Longer than any story lasts: nothing runs out in it. */
int act_set_timer(struct sim *s)
{
    struct shown v;
    size_t device = sim_any_device(s, SIM_NOBODY, SIM_NOBODY, false), at = any_shown(s, device, &v);
    const char *seconds = sim_chance(s, 70) ? "31536000" : "0";
    if (at == SIM_NOBODY)
        return SIM_NOT_TRIED;
    enum status st = world_do(s->w, device, CMD_TIMER, v.with[at], seconds, NULL, NULL)->status;
    sim_say(s, device, "sets the timer with %s to %s s: %s", v.with[at], seconds, status_name(st));
    return (int)st;
}
