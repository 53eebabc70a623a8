/* SPDX-License-Identifier: Apache-2.0 */
/* A group of one family, in any of its scopes, for the tests of authorize. */
#ifndef KITH_TESTS_UNIT_DEVICE_GROUP_FIXTURE_H
#define KITH_TESTS_UNIT_DEVICE_GROUP_FIXTURE_H

#include "tests/unit/device/family_fixture.h"

struct world {
    struct family f, g;
    struct commit c;
};

enum { L_ANA, L_BEN, L_MAYA, L_TIM }; /* leaves of a group of all four */

static inline void family_group(struct world *w)
{
    const struct family *const one[] = {&w->f};
    family_of_four(&w->f, 10);
    family_of_four(&w->g, 40);
    commit_init(&w->c, SCOPE_FAMILY, one, 1);
    assert_ok(scope_id_of_family(SCOPE_FAMILY, &w->f.at.family, &w->c.before.scope));
    w->c.after = w->c.before;
    commit_member(&w->c, &w->f, ANA, &w->f.ana);
    commit_member(&w->c, &w->f, BEN, &w->f.ben);
    commit_member(&w->c, &w->f, MAYA, &w->f.maya);
    commit_member(&w->c, &w->f, TIM, &w->f.tim);
}

/* The same family in another scope, with the members given. */
static inline void scope_group(struct world *w, enum scope_kind kind, unsigned person)
{
    const struct family *const one[] = {&w->f};
    family_of_four(&w->f, 10);
    family_of_four(&w->g, 40);
    commit_init(&w->c, kind, one, 1);
    struct person_id p = person_of(&w->f, person);
    if (kind == SCOPE_PARENTS)
        assert_ok(scope_id_of_family(kind, &w->f.at.family, &w->c.before.scope));
    else
        assert_ok(scope_id_of_person(kind, &p, &w->c.before.scope));
    w->c.after = w->c.before;
}

static inline void world_wipe(struct world *w)
{
    commit_wipe(&w->c);
    family_wipe(&w->f);
    family_wipe(&w->g);
}

static inline void remove_tim(struct world *w)
{
    struct authority_body a = {.kind = AUTHORITY_REMOVE_PERSON, .person = person_of(&w->f, TIM)};
    struct roster_body b = {.kind = ROSTER_REMOVE_PERSON, .person = a.person};
    assert_ok(extend_authority(&w->f, &a, BY(&w->f.ana, {&w->f.ben})));
    assert_ok(extend_roster(&w->f, &b, BY(&w->f.ana, {&w->f.ben})));
}

#endif
