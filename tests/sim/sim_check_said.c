/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of what people said when all is calm: it is where it is for, and nowhere else. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_look.h"
#include "tests/support/test.h"
#include "tests/world/liar.h"
#include "tests/world/world_inside.h"

/* ---- texts ---- */

struct reading {
    struct look *l;
    size_t device;
    bool good, calm; /* calm: who wrote it must be known by name */
    uint8_t seen[SIM_TEXTS_MAX];
};

bool look_may_read(const struct sim *s, size_t device, const struct sim_text *t)
{
    size_t person = s->devices[device].person, author = s->devices[t->author].person;
    const struct sim_person *p = &s->persons[person];
    if ((t->barred & UINT64_C(1) << device) != 0)
        return false;
    return t->family != SIM_NOBODY ? p->family == t->family : person == author || person == t->contact;
}

/* A liar's own words, and what it makes up of others', which is shown as passed on. */
static bool is_lie(const struct sim *s, const struct history_row *row)
{
    bool own = false;
    for (size_t i = 0; i < world_count(s->w); i++)
        own = own || (s->devices[i].liar && strcmp(row->from, s->persons[s->devices[i].person].name) == 0);
    return strncmp(row->text, LIAR_TEXT, strlen(LIAR_TEXT)) == 0 && (own || row->passed_on);
}

/* Who took it back in the family is still in it, as this device is: it has heard of it. */
static bool is_gone(const struct sim *s, size_t device, const struct sim_text *t)
{
    return t->gone_by != 0 && t->family != SIM_NOBODY && s->devices[t->gone_by - 1].state == SIM_MEMBER &&
           s->devices[device].state == SIM_MEMBER;
}

/* Nobody else of its person is there who could give it what it lacks. */
static bool is_alone(const struct sim *s, size_t device)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (i != device && s->devices[i].person == s->devices[device].person && look_counts(s, i))
            return false;
    }
    return true;
}

static void see_text(void *ctx, const struct history_row *row)
{
    struct reading *r = ctx;
    const struct sim *s = r->l->s;
    size_t number = sim_said_number(s, row);
    const char *text = row->file != NULL ? row->file->name : row->text;
    /* A device that was removed before its history came is shown that it did not come. */
    bool forged = (s->met & 1u << SIM_COUNTERFEIT) != 0; /* a liar left it out */
    bool gap = row->gap != 0 && (!r->calm || forged || is_alone(s, r->device));
    if (is_lie(s, row) || gap)
        return;
    bool unnamed = !r->calm && strcmp(row->from, "?") == 0;
    if (number == SIM_NOBODY ||
        (!unnamed && strcmp(row->from, s->persons[s->devices[s->texts[number].author].person].name) != 0))
        r->good = look_no(r->l, "%s shows \"%s\" of %s, who never wrote it", look_name(r->l, r->device), text,
                          row->from);
    else if (!look_may_read(s, r->device, &s->texts[number]))
        r->good = look_no(r->l, "%s shows %s, which is not for it", look_name(r->l, r->device), text);
    else if (r->calm && is_gone(s, r->device, &s->texts[number]))
        r->good = look_no(r->l, "%s shows %s, which was taken back", look_name(r->l, r->device), text);
    else if (r->seen[number]++ != 0)
        r->good = look_no(r->l, "%s shows %s twice", look_name(r->l, r->device), text);
}

/* Nothing is shown that nobody wrote, or that is not for this device: also on those that are out. */
static bool texts_right(struct look *l, size_t device, bool calm, struct reading *r)
{
    static const struct history_args all = {.with = NULL};
    *r = (struct reading){.l = l, .device = device, .good = true, .calm = calm};
    assert_ok(view_history(world_node(l->s->w, device), &all, see_text, r));
    return r->good;
}

struct talking {
    const char *with;
    bool active;
};

/* A parent's device lists children's contacts as well: they may be the same person. */
static void see_contact(void *ctx, const struct contact_row *row)
{
    struct talking *t = ctx;
    if (row->mine && strcmp(row->name, t->with) == 0)
        t->active = strcmp(row->state, "active") == 0;
}

bool look_still_contact(const struct look *l, size_t device, const struct sim_text *t)
{
    const struct sim *s = l->s;
    size_t other = s->devices[device].person == t->contact ? s->devices[t->author].person : t->contact;
    if (t->family != SIM_NOBODY)
        return true;
    struct talking talk = {.with = s->persons[other].name};
    assert_ok(view_contacts(world_node(s->w, device), see_contact, &talk));
    return talk.active;
}

bool look_said_right(struct look *l, size_t device)
{
    static struct reading r;
    return texts_right(l, device, false, &r);
}

/* A contact that ended somewhere while this was on its way, as a parent's device ends it that hears late of a
 * child's leave, and met again: it was said in a group that is over. */
static bool said_before_end(const struct look *l, const struct sim_text *t)
{
    const struct sim *s = l->s;
    char sql[200];
    if (t->contact == SIM_NOBODY || (s->ended[s->devices[t->author].person] & UINT64_C(1) << t->contact) == 0)
        return false;
    if (t->entry == 0)
        return t->size != 0; /* it is written later than it was sent: in which group is not known */
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM entry e JOIN mls_group g ON g.scope = e.scope WHERE e.id = %lld AND"
             " g.generation > %lld AND g.since_generation IS NULL",
             (long long)t->entry, (long long)t->generation);
    return world_number(s->w, t->author, sql) > 0;
}

/* Rules may forbid a file where it comes in, and not where it was sent. */
static bool is_owed(struct look *l, size_t device, size_t number)
{
    const struct sim *s = l->s;
    const struct sim_text *t = &s->texts[number];
    if ((t->due & UINT64_C(1) << device) == 0 || !look_counts(s, t->author))
        return false;
    if (t->size != 0 && (look_file_failed(s, number) || look_forbidden(s, device, t)))
        return false;
    return look_still_contact(l, device, t) && look_still_contact(l, t->author, t) && !said_before_end(l, t);
}

bool look_said_there(struct look *l, size_t device)
{
    static struct reading r;
    const struct sim *s = l->s;
    if (!texts_right(l, device, true, &r))
        return false;
    for (size_t i = 0; i < s->text_count; i++) {
        if (r.seen[i] == 0 && is_owed(l, device, i))
            return look_no(l, "%s lacks t%zu of %s", look_name(l, device), i,
                           look_name(l, s->texts[i].author));
    }
    return true;
}
