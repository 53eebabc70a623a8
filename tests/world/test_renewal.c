/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates are renewed unasked: when half a year old, and when the device that issued them is gone. */
#include <stdlib.h>

#include "device/certificates.h"
#include "device/roster.h"
#include "sync/family.h"
#include "sync/scope_group.h"
#include "tests/world/world_test.h"

/* All are off, then on for some hours. */
static void days_pass(struct world *w, const size_t *devices, size_t count, int64_t days)
{
    for (size_t i = 0; i < count; i++)
        world_off(w, devices[i]);
    world_run(w, days * DAY_MS);
    for (size_t i = 0; i < count; i++)
        world_on(w, devices[i]);
    world_run(w, 7 * HOUR_MS);
}

/* Fails unless the leaves of this device's own family hold at the family's newest head, in every group. */
static enum status check_leaves(struct node *n, void *arg)
{
    int64_t ids[16];
    size_t count = 0;
    struct query q;
    const struct authority *a;
    const struct roster *r;
    int64_t *oldest = arg;
    enum status st = family_states(n, &a, &r);
    query_start(&q, &n->sql, "SELECT id FROM mls_group WHERE state = 1", "");
    while (count < 16 && query_next(&q))
        ids[count++] = query_int(&q, 0);
    assert_ok(query_end(&q));
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct group *g = NULL;
        struct device_certificate c;
        st = group_get(n, ids[i], &g);
        bool alone = st == ST_OK && mls_group_member_count(g->mls) < 2; /* its leaf nobody sees */
        for (uint32_t at = 0; st == ST_OK && !alone && group_next(g, &at, &c);) {
            if (!ID_EQUAL(&c.who.family, &n->self.family))
                continue;
            if (certificate_check(a, &c) != ST_OK)
                return ST_CERTIFICATE_ISSUER;
            *oldest = c.not_after_ms < *oldest ? c.not_after_ms : *oldest;
        }
    }
    return st;
}

static void children_meet_again(struct world *w, size_t parent, size_t child, const char *name, size_t theirs,
                                size_t other, const char *other_name)
{
    story_ask(w, other, parent, name, "hello");
    story_decide(w, theirs, true);
    story_decide(w, parent, true);
    story_wait_contact(w, child, other_name, "active");
    story_wait_contact(w, other, name, "active");
}

static void after_four_hundred_days_devices_still_come_into_new_conversations(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    const size_t all[] = {s.ana, s.ben, s.maya, s.rosa, s.leo};
    for (int i = 0; i < 12; i++) {
        days_pass(w, all, 5, 34);
        if (i >= 10)
            continue; /* the permits are over by now */
        story_say(w, s.leo, "Maya", i % 2 ? "one" : "two", s.maya);
        story_say(w, s.maya, "Leo", i % 2 ? "three" : "four", s.leo);
    }
    for (size_t i = 0; i < 5; i++) {
        int64_t oldest = INT64_MAX;
        assert_ok(world_forge(w, all[i], check_leaves, &oldest));
        assert_true(oldest > world_now(w).wall_ms + 30 * DAY_MS);
        assert_int_equal(world_alarms(w, all[i]), 0);
    }
    size_t kim = world_add(w, "Kim's tablet"), laptop = world_add(w, "Maya's laptop");
    story_pair(w, s.rosa, kim, "Kim", "child", SIZE_MAX);
    children_meet_again(w, s.ana, s.maya, "Maya", s.rosa, kim, "Kim");
    story_say(w, kim, "Maya", "a year later", s.maya);
    story_pair(w, s.ben, laptop, "Maya", "child", s.maya);
    world_run(w, 30 * MINUTE_MS);
    story_say(w, laptop, "Kim", "and from the laptop", kim);
}

/* What the two tablets of one child gave each other at first, to be added by, is over after three months; the
 * letterbox by which they reach each other must not be over after thirteen. */
static void after_thirteen_months_a_childs_devices_still_add_each_other(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t laptop = story_add(w, s.ben, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    const size_t all[] = {s.ana, s.ben, s.maya, s.rosa, s.leo, laptop};
    for (int i = 0; i < 12; i++)
        days_pass(w, all, 6, 34);
    size_t kim = story_add(w, s.rosa, "Kim's tablet", "Kim", "child", SIZE_MAX);
    children_meet_again(w, s.ana, s.maya, "Maya", s.rosa, kim, "Kim");
    story_wait_contact(w, laptop, "Kim", "active");
    world_run(w, 15 * MINUTE_MS); /* one that was put in twice is out for ten: docs/reliability.md */
    story_say(w, laptop, "Kim", "from the laptop", kim);
    story_say(w, kim, "Maya", "to both", s.maya);
}

static void certificates_of_a_removed_issuer_are_renewed_by_who_is_left(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t second = story_add(w, s.ana, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    world_off(w, s.ana);
    world_ok(w, second, CMD_DEVICES_REMOVE, "Ana's phone", NULL, NULL, NULL);
    world_run(w, 30 * MINUTE_MS);
    const size_t family[] = {second, s.ben, s.maya};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            world_number(w, family[i], "SELECT count(*) FROM entry WHERE kind = 27 AND applied = 1"), 3);
    world_run(w, 8 * DAY_MS); /* leaves in a conversation take turns */
    for (size_t i = 0; i < 3; i++) {
        int64_t oldest = INT64_MAX;
        assert_ok(world_forge(w, family[i], check_leaves, &oldest));
    }
    size_t kim = world_add(w, "Kim's tablet"), laptop = world_add(w, "Maya's laptop");
    story_pair(w, s.rosa, kim, "Kim", "child", SIZE_MAX);
    children_meet_again(w, second, s.maya, "Maya", s.rosa, kim, "Kim"); /* a new invite, a good card */
    story_pair(w, s.ben, laptop, "Maya", "child", s.maya);
    world_run(w, 30 * MINUTE_MS);
    story_say(w, laptop, "Kim", "here", kim);
    story_say(w, laptop, "Leo", "and there", s.leo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(after_four_hundred_days_devices_still_come_into_new_conversations),
        WORLD_TEST(after_thirteen_months_a_childs_devices_still_add_each_other),
        WORLD_TEST(certificates_of_a_removed_issuer_are_renewed_by_who_is_left),
    };
    cmocka_set_test_filter(getenv("KITH_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
