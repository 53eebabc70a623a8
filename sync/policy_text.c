/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/policy_text.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUES_MAX = 4 };

struct field_text {
    const char *name;
    unsigned kept; /* bit per value that this version enforces and so lets be set */
    struct {
        const char *word, *meaning;
    } values[VALUES_MAX]; /* in the order of the field's enum; empty for numbers and lists */
    const char *meaning;  /* of numbers and lists */
};

static const struct field_text fields[FIELD_COUNT] = {
    [FIELD_APPROVAL] = {"approval",
                        1u << POLICY_APPROVAL_ANY_PARENT,
                        {{"all_parents", "Every parent must say yes to a new contact."},
                         {"any_parent", "One parent's yes is enough for a new contact."},
                         {"notify", "New contacts need no yes; the parents are told."},
                         {"self", "The child decides alone about new contacts."}},
                        NULL},
    [FIELD_DISCOVERY] = {"discovery",
                         1u << POLICY_DISCOVERY_HIDDEN,
                         {{"hidden", "The child is listed nowhere."},
                          {"circles", "The child may be listed in circles and look people up there."}},
                         NULL},
    [FIELD_APPROACH_NOTICE] = {"approach_notice",
                               3,
                               {{"silent", "The child does not hear of a request before a parent said yes."},
                                {"told", "The child hears that somebody asked, before a parent decides."}},
                               NULL},
    [FIELD_INTRODUCTIONS] = {"introductions",
                             1u << POLICY_INTRODUCTIONS_NEVER | 1u << POLICY_INTRODUCTIONS_ASK,
                             {{"never", "Contacts cannot introduce others to the child."},
                              {"ask", "A contact's introduction becomes a request to the parents."}},
                             NULL},
    [FIELD_GROUPS] = {"groups",
                      3,
                      {{"never", "The child is in no conversation of more than two."},
                       {"every_pair", "In a group, every pair with the child needs the parents' yes."}},
                      NULL},
    [FIELD_ATTACHMENTS] = {"attachments",
                           7,
                           {{"none", "No pictures or files."},
                            {"images", "Pictures, but no other files."},
                            {"all", "Pictures and files of any kind."}},
                           NULL},
    [FIELD_QUIET] = {"quiet", 0, {{NULL, NULL}}, "When only the family reaches the child; the rest waits."},
    [FIELD_PERMIT_DAYS] = {"permit_days",
                           0,
                           {{NULL, NULL}},
                           "Days that a yes lasts before it is asked again."},
    [FIELD_PENDING_MAX] = {"pending_max",
                           0,
                           {{NULL, NULL}},
                           "Requests a day that are kept for the parents; the rest are counted."},
    [FIELD_OVERSIGHT] = {"oversight",
                         1u << POLICY_OVERSIGHT_CONTACTS,
                         {{"contacts", "Parents see whom the child knows, not what they write."},
                          {"activity", "Parents also see how often and when they write."},
                          {"messages", "Parents read along, as members that everyone sees."}},
                         NULL},
    [FIELD_RELEASES] = {"releases", 0, {{NULL, NULL}}, "Steps towards independence that are agreed ahead."},
};

static bool field_ok(enum policy_field f)
{
    return f >= FIELD_APPROVAL && f < FIELD_COUNT;
}

const char *policy_field_name(enum policy_field f)
{
    return field_ok(f) ? fields[f].name : NULL;
}

bool policy_field_find(const char *name, enum policy_field *out)
{
    for (enum policy_field f = FIELD_APPROVAL; f < FIELD_COUNT; f++) {
        if (strcmp(fields[f].name, name) == 0) {
            *out = f;
            return true;
        }
    }
    return false;
}

/* The value's place in the field's enum; -1 for numbers and lists. */
static int value_place(const struct policy *p, enum policy_field f)
{
    switch ((int)f) {
    case FIELD_APPROVAL:
        return (int)p->approval;
    case FIELD_DISCOVERY:
        return (int)p->discovery;
    case FIELD_APPROACH_NOTICE:
        return (int)p->approach_notice;
    case FIELD_INTRODUCTIONS:
        return (int)p->introductions;
    case FIELD_GROUPS:
        return (int)p->groups;
    case FIELD_ATTACHMENTS:
        return (int)p->attachments;
    case FIELD_OVERSIGHT:
        return (int)p->oversight;
    default:
        return -1;
    }
}

static void set_place(struct policy *p, enum policy_field f, int place)
{
    switch ((int)f) {
    case FIELD_APPROVAL:
        p->approval = (enum policy_approval)place;
        return;
    case FIELD_DISCOVERY:
        p->discovery = (enum policy_discovery)place;
        return;
    case FIELD_APPROACH_NOTICE:
        p->approach_notice = (enum policy_notice)place;
        return;
    case FIELD_INTRODUCTIONS:
        p->introductions = (enum policy_introductions)place;
        return;
    case FIELD_GROUPS:
        p->groups = (enum policy_groups)place;
        return;
    case FIELD_ATTACHMENTS:
        p->attachments = (enum policy_attachments)place;
        return;
    default:
        p->oversight = (enum policy_oversight)place;
        return;
    }
}

void policy_field_value(const struct policy *p, enum policy_field f, char out[static POLICY_TEXT_MAX])
{
    int place = value_place(p, f);
    if (place >= 0)
        snprintf(out, POLICY_TEXT_MAX, "%s", fields[f].values[place].word);
    else if (f == FIELD_PERMIT_DAYS)
        snprintf(out, POLICY_TEXT_MAX, "%u", (unsigned)p->permit_days);
    else if (f == FIELD_PENDING_MAX)
        snprintf(out, POLICY_TEXT_MAX, "%u", (unsigned)p->pending_max);
    else if (f == FIELD_QUIET && (p->quiet.always || p->quiet.zone_count > 0))
        snprintf(out, POLICY_TEXT_MAX, "%s", p->quiet.always ? "always" : "set");
    else if (f == FIELD_RELEASES && p->release_count > 0)
        snprintf(out, POLICY_TEXT_MAX, "%u", (unsigned)p->release_count);
    else
        snprintf(out, POLICY_TEXT_MAX, "none");
}

const char *policy_field_meaning(const struct policy *p, enum policy_field f)
{
    int place = value_place(p, f);
    return place >= 0 ? fields[f].values[place].meaning : fields[f].meaning;
}

static enum status set_number(struct policy *p, enum policy_field f, const char *value)
{
    char *end;
    long n = strtol(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0')
        return ST_POLICY_VALUE;
    if (f == FIELD_PERMIT_DAYS && n >= 1 && n <= POLICY_PERMIT_DAYS_MAX)
        p->permit_days = (uint16_t)n;
    else if (f == FIELD_PENDING_MAX && n <= POLICY_PENDING_MAX)
        p->pending_max = (uint8_t)n;
    else
        return ST_POLICY_VALUE;
    return ST_OK;
}

enum status policy_field_set(struct policy *p, enum policy_field f, const char *value)
{
    if (!field_ok(f))
        return ST_POLICY_VALUE;
    if (f == FIELD_PERMIT_DAYS || f == FIELD_PENDING_MAX)
        return set_number(p, f, value);
    for (int i = 0; i < VALUES_MAX && fields[f].values[i].word != NULL; i++) {
        if (strcmp(fields[f].values[i].word, value) != 0)
            continue;
        if ((fields[f].kept & 1u << i) == 0)
            return ST_POLICY_LATER;
        set_place(p, f, i);
        return ST_OK;
    }
    return f == FIELD_QUIET || f == FIELD_RELEASES ? ST_POLICY_LATER : ST_POLICY_VALUE;
}
