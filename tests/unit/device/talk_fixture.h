/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation of Maya of family f with Tim of family g, for the tests of authorize. */
#ifndef KITH_TESTS_UNIT_DEVICE_TALK_FIXTURE_H
#define KITH_TESTS_UNIT_DEVICE_TALK_FIXTURE_H

#include "tests/unit/device/family_fixture.h"

/* Maya of f and Tim of g. */
struct world {
    struct family f, g, h;
    struct commit c;
};

enum { L_MAYA, L_TIM };

static inline void three_families(struct world *w)
{
    family_of_four(&w->f, 10);
    family_of_four(&w->g, 40);
    family_of_four(&w->h, 70);
}

static inline void start(struct world *w, bool pair)
{
    const struct family *const one[] = {&w->f};
    three_families(w);
    commit_init(&w->c, SCOPE_CONVERSATION, one, 1);
    struct person_ref maya = ref_of(&w->f, MAYA), tim = ref_of(&w->g, TIM);
    if (pair)
        assert_ok(scope_id_of_pair(&maya, &tim, &w->c.before.scope));
    w->c.after = w->c.before;
    commit_member(&w->c, &w->f, MAYA, &w->f.maya);
}

/* Maya alone in the conversation that she founded with Tim. */
static inline void founding(struct world *w)
{
    start(w, true);
}

/* Maya and Tim, talking. */
static inline void talking_in(struct world *w, bool pair)
{
    start(w, pair);
    w->c.at->families[w->c.at->family_count++] = w->g.at;
    const struct family *const two[] = {&w->f, &w->g};
    set_heads(&w->c.before, two, 2);
    w->c.after = w->c.before;
    commit_member(&w->c, &w->g, TIM, &w->g.tim);
}

static inline void talking(struct world *w)
{
    talking_in(w, true);
}

static inline void world_wipe(struct world *w)
{
    commit_wipe(&w->c);
    family_wipe(&w->f);
    family_wipe(&w->g);
    family_wipe(&w->h);
}

static inline void both_permits(struct world *w)
{
    struct permit one = permit_for(&w->f, MAYA, &w->g, TIM), two = permit_for(&w->g, TIM, &w->f, MAYA);
    commit_permit(&w->c, &one);
    commit_permit(&w->c, &two);
}

static inline void add_withdrawal(struct world *w, const struct family *f, unsigned child,
                                  const struct family *g, unsigned contact, const struct sample_key *by)
{
    struct permit_withdrawal v = {
        .child = ref_of(f, child), .contact = ref_of(g, contact), .serial = 10, .issuer = by->device};
    assert_ok(permit_withdrawal_sign(&v, &by->key));
    commit_evidence(&w->c, EVIDENCE_WITHDRAWAL, NULL, COMMIT_ENCODE(&w->c, permit_withdrawal, &v));
}

#endif
