/* SPDX-License-Identifier: Apache-2.0 */
/* Who lives in this run, and what they do. */
#include <stdio.h>
#include <string.h>

#include "sync/scope_group.h"
#include "tests/sim/sim.h"
#include "tests/support/test.h"

enum {
    NOT_TRIED = -1,
    LOOKS_EVERY_MS = 2 * SIM_MINUTE_MS, /* people look at their devices also when nothing rang */
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

/* ---- who is there ---- */

static bool is_member(const struct sim *s, size_t device)
{
    return s->devices[device].state == SIM_MEMBER && !s->devices[device].liar && world_is_on(s->w, device);
}

static size_t any_of(struct sim *s, const size_t *list, size_t count)
{
    return count > 0 ? list[sim_below(s, count)] : SIM_NOBODY;
}

/* A device that is in a family and on: of this person, of a parent of this family, or of anybody. */
static size_t any_device(struct sim *s, size_t family, size_t person, bool parents)
{
    size_t found[WORLD_DEVICES_MAX], count = 0;
    for (size_t i = 0; i < world_count(s->w); i++) {
        const struct sim_person *p = &s->persons[s->devices[i].person];
        if (is_member(s, i) && (family == SIM_NOBODY || p->family == family) &&
            (person == SIM_NOBODY || s->devices[i].person == person) && !(parents && p->child))
            found[count++] = i;
    }
    return any_of(s, found, count);
}

static size_t count_devices(const struct sim *s, size_t person)
{
    size_t count = 0;
    for (size_t i = 0; i < world_count(s->w); i++)
        count += s->devices[i].person == person && s->devices[i].state == SIM_MEMBER;
    return count;
}

/* ---- what they do: each gives the status of its command, or NOT_TRIED when there is nobody to do it ---- */

static int say_family(struct sim *s);
static int say_contact(struct sim *s);
static int meet(struct sim *s);
static int pair(struct sim *s);
static int remove_device(struct sim *s);
static int lose_device(struct sim *s);
static int set_policy(struct sim *s);
static int withdraw(struct sim *s);
static int go_away(struct sim *s);
static int let_pass(struct sim *s);
static int change_text(struct sim *s);
static int delete_text(struct sim *s);
static int read_talk(struct sim *s);
static int set_timer(struct sim *s);

static const struct {
    const char *name;
    unsigned weight;
    int (*fn)(struct sim *s);
} actions[] = {
    {"say to family", 20, say_family},
    {"say to contact", 25, say_contact},
    {"meet", 12, meet},
    {"pair", 8, pair},
    {"remove device", 4, remove_device},
    {"lose device", 1, lose_device},
    {"set policy", 6, set_policy},
    {"withdraw", 3, withdraw},
    {"go away", 8, go_away},
    {"let time pass", 10, let_pass},
    {"edit or react", 10, change_text},
    {"delete", 3, delete_text},
    {"read", 4, read_talk},
    {"set timer", 2, set_timer},
};
enum { ACTION_COUNT = sizeof(actions) / sizeof(actions[0]), ACTION_PAIR = 3 };

const char *sim_action_name(size_t action)
{
    return action < ACTION_COUNT ? actions[action].name : NULL;
}

/* ---- talking ---- */

void sim_is_member(struct sim *s, size_t device)
{
    s->devices[device].state = SIM_MEMBER;
    s->devices[device].id = world_node(s->w, device)->self.device;
}

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
        if (!theirs || !is_member(s, i) || (family != SIM_NOBODY && !known_in_family(s, author, i)))
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

static int say(struct sim *s, size_t author, size_t family, size_t contact)
{
    char text[24];
    const char *whom = family != SIM_NOBODY ? s->families[family].name : s->persons[contact].name;
    if (s->text_count == SIM_TEXTS_MAX)
        return NOT_TRIED;
    struct sim_text t = {.author = author,
                         .family = family,
                         .contact = contact,
                         .barred = barred_by(s, author),
                         .due = can_read(s, author, family, contact)};
    snprintf(text, sizeof(text), "t%zu", s->text_count);
    const struct world_result *r = world_do(s->w, author, CMD_SEND, whom, text, NULL, NULL);
    enum status st = r->status;
    t.due = r->power_cut ? 0 : t.due; /* it may be there or not: nobody was told */
    if (st == ST_OK && t.contact != SIM_NOBODY)
        note_place(s, &t);
    if (st == ST_OK || r->power_cut)
        s->texts[s->text_count++] = t;
    sim_say(s, author, "says %s to %s: %s", text, whom, status_name(st));
    return (int)st;
}

static int say_family(struct sim *s)
{
    size_t author = any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    return author != SIM_NOBODY ? say(s, author, s->persons[s->devices[author].person].family, SIM_NOBODY)
                                : NOT_TRIED;
}

struct contacts {
    const struct sim *s;
    bool mine;
    size_t found[SIM_PERSONS_MAX], of[SIM_PERSONS_MAX], count;
};

size_t sim_person_named(const struct sim *s, const char *name)
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
    c->found[c->count] = sim_person_named(c->s, row->name);
    c->of[c->count++] = sim_person_named(c->s, row->person);
}

static int say_contact(struct sim *s)
{
    struct contacts c = {.s = s, .mine = true};
    size_t author = any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    if (author == SIM_NOBODY)
        return NOT_TRIED;
    assert_ok(view_contacts(world_node(s->w, author), see_contact, &c));
    size_t contact = any_of(s, c.found, c.count);
    return contact != SIM_NOBODY ? say(s, author, SIM_NOBODY, contact) : NOT_TRIED;
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

static int withdraw(struct sim *s)
{
    struct contacts c = {.s = s};
    size_t by = any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    if (by == SIM_NOBODY)
        return NOT_TRIED;
    assert_ok(view_contacts(world_node(s->w, by), see_contact, &c));
    if (c.count == 0)
        return NOT_TRIED;
    size_t at = sim_below(s, c.count);
    if (c.found[at] == SIM_NOBODY || c.of[at] == SIM_NOBODY)
        return NOT_TRIED;
    const struct world_result *r =
        world_do(s->w, by, CMD_WITHDRAW, s->persons[c.found[at]].name, s->persons[c.of[at]].name, NULL, NULL);
    enum status st = r->status;
    if (st == ST_OK || r->power_cut)
        note_end(s, c.found[at], c.of[at]);
    sim_say(s, by, "ends %s and %s: %s", s->persons[c.of[at]].name, s->persons[c.found[at]].name,
            status_name(st));
    return (int)st;
}

static int meet(struct sim *s)
{
    char link[WORLD_TEXT_MAX];
    size_t whom = sim_below(s, s->person_count), asker = any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    const struct sim_person *p = &s->persons[whom];
    size_t by =
        p->child ? any_device(s, p->family, SIM_NOBODY, true) : any_device(s, SIM_NOBODY, whom, false);
    if (by == SIM_NOBODY || asker == SIM_NOBODY || s->persons[s->devices[asker].person].family == p->family)
        return NOT_TRIED;
    const struct world_result *r =
        world_do(s->w, by, CMD_INVITE, p->child ? p->name : NULL, NULL, NULL, NULL);
    enum status st = r->status;
    snprintf(link, sizeof(link), "%s", r->link);
    if (st == ST_OK)
        st = world_do(s->w, asker, CMD_MEET, link, "it is me", NULL, NULL)->status;
    sim_say(s, asker, "asks to meet %s: %s", p->name, status_name(st));
    return (int)st;
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

static int pair(struct sim *s)
{
    char link[WORLD_TEXT_MAX];
    size_t person = sim_below(s, s->person_count);
    const struct sim_person *p = &s->persons[person];
    size_t by = any_device(s, p->family, SIM_NOBODY, true);
    if (by == SIM_NOBODY || world_count(s->w) >= s->wanted_devices ||
        (count_devices(s, person) > 0 && !sim_chance(s, 30)))
        return NOT_TRIED;
    size_t device = new_device_of(s, person);
    if (device == SIM_NOBODY)
        return NOT_TRIED;
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

static int remove_device(struct sim *s)
{
    size_t device = sim_below(s, world_count(s->w)), person = s->devices[device].person;
    const struct sim_person *p = &s->persons[person];
    enum sim_device_state state = s->devices[device].state;
    size_t by =
        p->child ? any_device(s, p->family, SIM_NOBODY, true) : any_device(s, SIM_NOBODY, person, false);
    bool last = state == SIM_MEMBER && count_devices(s, person) < 2;
    if (by == SIM_NOBODY || by == device || last || (state != SIM_MEMBER && state != SIM_LOST))
        return NOT_TRIED;
    return remove_one(s, by, device);
}

static int lose_device(struct sim *s)
{
    size_t device = any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    if (device == SIM_NOBODY || count_devices(s, s->devices[device].person) < 2)
        return NOT_TRIED;
    world_off(s->w, device);
    s->devices[device].state = SIM_LOST;
    sim_say(s, device, "falls into a river");
    return ST_OK;
}

static int go_away(struct sim *s)
{
    size_t device = any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    int64_t ms = SIM_MINUTE_MS + (int64_t)sim_below(s, sim_chance(s, 10) ? 30 * SIM_HOUR_MS : SIM_HOUR_MS);
    if (device == SIM_NOBODY)
        return NOT_TRIED;
    world_off(s->w, device);
    s->devices[device].back_ms = world_now(s->w).mono_ms + ms;
    sim_say(s, device, "is off for %lld minutes", (long long)(ms / SIM_MINUTE_MS));
    return ST_OK;
}

static int let_pass(struct sim *s)
{
    sim_pass(s, (int64_t)sim_below(s, sim_chance(s, 10) ? 8 * SIM_HOUR_MS : 20 * SIM_MINUTE_MS));
    return ST_OK;
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
    size_t number = sim_text_number(v->s, row->text);
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

static int delete_text(struct sim *s)
{
    struct shown v;
    size_t device = any_device(s, SIM_NOBODY, SIM_NOBODY, false), at = any_shown(s, device, &v);
    if (at == SIM_NOBODY || !v.mine[at])
        return NOT_TRIED;
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
static int change_text(struct sim *s)
{
    struct shown v;
    char text[24];
    size_t device = any_device(s, SIM_NOBODY, SIM_NOBODY, false), at = any_shown(s, device, &v);
    if (at == SIM_NOBODY)
        return NOT_TRIED;
    bool edit = v.mine[at] && sim_chance(s, 50);
    snprintf(text, sizeof(text), "t%zu+", v.number[at]);
    enum status st =
        world_do(s->w, device, edit ? CMD_EDIT : CMD_REACT, v.id[at], edit ? text : "+1", NULL, NULL)->status;
    sim_say(s, device, "%s t%zu: %s", edit ? "edits" : "reacts to", v.number[at], status_name(st));
    return (int)st;
}

static int read_talk(struct sim *s)
{
    struct shown v;
    size_t device = any_device(s, SIM_NOBODY, SIM_NOBODY, false), at = any_shown(s, device, &v);
    if (at == SIM_NOBODY)
        return NOT_TRIED;
    enum status st = world_do(s->w, device, CMD_READ, v.with[at], NULL, NULL, NULL)->status;
    sim_say(s, device, "has read what %s said: %s", v.with[at], status_name(st));
    return (int)st;
}

/* Longer than any story lasts: nothing runs out in it. */
static int set_timer(struct sim *s)
{
    struct shown v;
    size_t device = any_device(s, SIM_NOBODY, SIM_NOBODY, false), at = any_shown(s, device, &v);
    const char *seconds = sim_chance(s, 70) ? "31536000" : "0";
    if (at == SIM_NOBODY)
        return NOT_TRIED;
    enum status st = world_do(s->w, device, CMD_TIMER, v.with[at], seconds, NULL, NULL)->status;
    sim_say(s, device, "sets the timer with %s to %s s: %s", v.with[at], seconds, status_name(st));
    return (int)st;
}

/* ---- rules ---- */

static int set_policy(struct sim *s)
{
    static const char *const rules[][2] = {
        {"permit_days", "30"},      {"permit_days", "200"},      {"pending_max", "5"},
        {"oversight", "messages"},  {"oversight", "contacts"},   {"approach_notice", "told"},
        {"approval", "any_parent"}, {"approval", "all_parents"}, {"attachments", "none"}};
    size_t by = any_device(s, SIM_NOBODY, SIM_NOBODY, true), whom = sim_below(s, s->person_count);
    size_t rule = sim_below(s, sizeof(rules) / sizeof(rules[0]));
    if (by == SIM_NOBODY || !s->persons[whom].child ||
        s->persons[whom].family != s->persons[s->devices[by].person].family)
        return NOT_TRIED;
    enum status st =
        world_do(s->w, by, CMD_POLICY_SET, s->persons[whom].name, rules[rule][0], rules[rule][1], NULL)
            ->status;
    sim_say(s, by, "sets %s of %s to %s: %s", rules[rule][0], s->persons[whom].name, rules[rule][1],
            status_name(st));
    return (int)st;
}

/* ---- the run ---- */

static void draw_people(struct sim *s)
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
        snprintf(s->families[f].name, sizeof(s->families[f].name), "%s", family_names[f]);
        for (size_t i = 0; i < parents + children; i++) {
            struct sim_person *p = &s->persons[s->person_count];
            snprintf(p->name, sizeof(p->name), "%s", names[s->person_count++]);
            p->family = f;
            p->child = i >= parents;
        }
    }
    s->wanted_devices = s->person_count + sim_below(s, 3);
}

static void found_families(struct sim *s)
{
    for (size_t i = 0; i < s->person_count; i++) {
        struct sim_family *f = &s->families[s->persons[i].family];
        if (f->founded)
            continue;
        size_t device = new_device_of(s, i);
        sim_say(s, device, "founds the family %s", f->name);
        world_ok(s->w, device, CMD_INIT, f->name, s->persons[i].name, world_device_name(s->w, device), NULL);
        f->founded = true;
        sim_is_member(s, device);
        sim_pass(s, (int64_t)sim_below(s, SIM_MINUTE_MS));
    }
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
        action = ACTION_PAIR;
    int st = actions[action].fn(s);
    if (st == NOT_TRIED)
        return;
    s->counts->actions[action]++;
    s->counts->refused[action] += st != ST_OK;
    if (st == ST_STORE_FULL && (s->faults & 1u << SIM_FULL) != 0)
        return;
    if (st != ST_OK && st != ST_STORE_FAILED && status_is_fatal((enum status)st))
        sim_fail(s, "%s ended with %s", actions[action].name, status_name((enum status)st));
}

void sim_remove(struct sim *s, size_t device)
{
    const struct sim_person *p = &s->persons[s->devices[device].person];
    size_t by = p->child ? any_device(s, p->family, SIM_NOBODY, true)
                         : any_device(s, SIM_NOBODY, s->devices[device].person, false);
    if (by != SIM_NOBODY)
        (void)remove_one(s, by, device);
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
        device = any_device(s, SIM_NOBODY, SIM_NOBODY, false);
    if (device == SIM_NOBODY)
        return;
    world_off(s->w, device);
    s->counts->faults[SIM_AWAY]++;
    sim_say(s, device, "is off for two months");
    for (int day = 0; day < 60; day++) {
        if (day % 10 == 5)
            (void)say_family(s);
        for (int slice = 0; slice < 4; slice++) {
            world_run(s->w, 6 * SIM_HOUR_MS);
            for (size_t i = 0; i < world_count(s->w); i++)
                sim_react(s, i);
        }
    }
    world_on(s->w, device);
    sim_say(s, device, "is on again");
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
    world_watch(s->w, sim_keys_look, s);
    s->fault_ms = (int64_t)sim_below(s, 5 * SIM_MINUTE_MS);
    draw_people(s);
    found_families(s);
    for (uint64_t left = 40 + sim_below(s, 60); left > 0; left--) {
        act(s);
        sim_pass(s, (int64_t)sim_below(s, sim_chance(s, 50) ? 3000 : SIM_MINUTE_MS));
    }
    sim_faults_end(s);
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
