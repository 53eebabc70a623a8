/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for a supervised person: view_policy. */
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/names.h"
#include "sync/policy_text.h"

/* The child of this name; NULL: the family's only one. */
static enum status child_meant(struct node *n, const char *name, struct person_id *out)
{
    struct named who;
    struct family_person persons[WIRE_PERSONS_MAX];
    size_t count = 0, children = 0;
    enum status s = name != NULL ? name_resolve(n, name, NAME_OF_PERSON, NULL, &who) : ST_OK;
    if (s == ST_OK)
        s = family_persons(n, persons, WIRE_PERSONS_MAX, &count);
    for (size_t i = 0; i < count && s == ST_OK; i++) {
        bool meant = name == NULL || ID_EQUAL(&persons[i].person, &who.person.person);
        if (meant && persons[i].role == ROLE_CHILD && children++ == 0)
            *out = persons[i].person;
    }
    if (s == ST_OK && children != 1)
        s = children == 0 ? ST_NAME_NO_CHILD : ST_NAME_AMBIGUOUS;
    return s;
}

enum status view_policy(struct node *n, const char *person, policy_visit visit, void *ctx)
{
    struct person_ref who = {.family = n->self.family};
    struct policy p;
    char name[NODE_NAME_MAX + 20], value[POLICY_TEXT_MAX];
    if (!n->self.in_family)
        return ST_COMMAND_NOT_IN_FAMILY;
    enum status s = ST_OK;
    if (person == NULL && n->self.role == ROLE_CHILD)
        who.person = n->self.person;
    else
        s = child_meant(n, person, &who.person);
    if (s == ST_OK)
        s = person_name(n, &who, name, sizeof(name));
    if (s == ST_OK)
        s = facts_policy(n, &who.person, &p);
    if (s != ST_OK)
        return s;
    struct policy_row row = {.field = "person", .value = name, .meaning = "Whose rules these are."};
    visit(ctx, &row);
    for (enum policy_field f = FIELD_APPROVAL; f < FIELD_COUNT; f++) {
        policy_field_value(&p, f, value);
        row = (struct policy_row){policy_field_name(f), value, policy_field_meaning(&p, f)};
        visit(ctx, &row);
    }
    return ST_OK;
}
