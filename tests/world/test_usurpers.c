/* SPDX-License-Identifier: Apache-2.0 */
/* Successors that nobody has to follow: with somebody removed, without somebody who belongs, from far ahead,
 * and such as are not what they say. */
#include <stdio.h>

#include "protocol/kith_context.h"
#include "sync/succession.h"
#include "tests/world/world_test.h"

static int64_t generation(struct world *w, size_t device, enum scope_kind kind)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT max(generation) FROM mls_group WHERE kind = %d AND state != 3",
             (int)kind);
    return world_number(w, device, sql);
}

struct plot { /* what the attacker's program wants */
    enum scope_kind kind;
    int64_t generation; /* 0: the next */
};

static enum status plan(struct node *n, void *arg)
{
    const struct plot *p = arg;
    struct scope_id scope;
    struct query q;
    query_start(&q, &n->sql, "SELECT scope FROM mls_group WHERE kind = ? AND state != 3", "i",
                (int64_t)p->kind);
    if (query_next(&q))
        QUERY_ID(&q, 0, &scope);
    enum status st = query_end(&q);
    if (st == ST_OK)
        st = group_succeed(n, &scope, SUCCESSOR_REFUSED, NULL);
    if (st == ST_OK && p->generation != 0)
        st = sql_run(&n->sql, "UPDATE succession SET generation = ?", "i", p->generation);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE succession SET due_at = 0", "") : st;
}

static void usurp(struct world *w, size_t device, enum scope_kind kind, int64_t next)
{
    struct plot p = {kind, next};
    assert_ok(world_forge(w, device, plan, &p));
    world_run(w, 2 * MINUTE_MS);
}

/* Its program takes another device for removed. */
static void forget(struct world *w, size_t device, size_t other)
{
    char sql[320], hex[2 * ID_LEN + 1];
    const struct self *o = &world_node(w, other)->self;
    for (size_t i = 0; i < ID_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", o->device.b[i]);
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO revocation(device, family, person, revocation, at_ms) VALUES(x'%s',x'00',x'00',x'00',0)",
        hex);
    world_sql(w, device, sql);
}

static enum status ask_for_packages(struct node *n, void *arg)
{
    (void)arg;
    return succession_ask(n, inside_group(n, SCOPE_CONVERSATION));
}

static void a_family(struct world *w, struct story *s, size_t *laptop)
{
    s->ana = world_add(w, "Ana's phone");
    s->ben = world_add(w, "Ben's phone");
    s->maya = world_add(w, "Maya's tablet");
    *laptop = world_add(w, "Maya's laptop");
    story_found(w, s->ana, "Berg", "Ana");
    story_pair(w, s->ana, s->ben, "Ben", "parent", SIZE_MAX);
    story_pair(w, s->ana, s->maya, "Maya", "child", SIZE_MAX);
    story_pair(w, s->ana, *laptop, "Maya", "child", s->maya);
    world_run(w, 10 * MINUTE_MS);
}

static void T25_a_childs_device_does_not_found_a_ward_without_parents(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop;
    a_family(w, &s, &laptop);
    forget(w, s.maya, s.ana);
    forget(w, s.maya, s.ben);
    usurp(w, s.maya, SCOPE_WARD, 0);
    assert_int_equal(generation(w, s.maya, SCOPE_WARD), 1); /* she is in it, alone */
    assert_int_equal(generation(w, laptop, SCOPE_WARD), 0);
    assert_int_equal(world_number(w, laptop, "SELECT count(*) FROM admission_wait WHERE successor = 1"), 1);
    world_off(w, s.maya);
    world_run(w, HOUR_MS);
    int64_t next = generation(w, laptop, SCOPE_WARD); /* and the rest meets again, parents and all */
    assert_int_equal(next, 2);
    assert_int_equal(generation(w, s.ana, SCOPE_WARD), next);
    assert_int_equal(generation(w, s.ben, SCOPE_WARD), next);
}

static void T41_a_removed_device_founds_nothing_that_counts(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop;
    a_family(w, &s, &laptop);
    for (int kind = SCOPE_FAMILY; kind <= SCOPE_OWN; kind++) {
        if (kind == SCOPE_PARENTS)
            continue;
        world_withhold_group(w, s.maya, kind); /* or its program looks away */
    }
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    usurp(w, s.maya, SCOPE_FAMILY, 0);
    usurp(w, s.maya, SCOPE_WARD, 0);
    assert_int_equal(generation(w, s.maya, SCOPE_FAMILY), 1);
    const size_t rest[] = {s.ana, s.ben, laptop};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(generation(w, rest[i], SCOPE_FAMILY), 0);
        assert_int_equal(generation(w, rest[i], SCOPE_WARD), 0);
        assert_int_equal(world_refused(w, rest[i], ST_SUCCESSOR_REMOVED), 2);
    }
    world_ok(w, s.ana, CMD_SEND, "Berg", "without the tablet", NULL, NULL);
    world_run(w, 2 * HOUR_MS);
    assert_true(world_has_text(w, laptop, "without the tablet", "Ana"));
    assert_false(world_has_text(w, s.maya, "without the tablet", NULL));
    assert_int_equal(generation(w, s.ana, SCOPE_FAMILY), 0); /* nobody was led away, so nobody answers */
}

static void T41_who_has_not_heard_of_a_removal_comes_along_without_the_removed(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    world_withhold_group(w, s.leo, SCOPE_CONVERSATION);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_sql(w, s.leo, "DELETE FROM revocation"); /* as if the letter had been lost, too */
    usurp(w, laptop, SCOPE_CONVERSATION, 0);
    world_run(w, 2 * MINUTE_MS);
    assert_int_equal(generation(w, s.leo, SCOPE_CONVERSATION), 1);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM revocation"), 1);
    story_say(w, s.leo, "Maya", "without the tablet", laptop);
    assert_false(world_has_text(w, s.maya, "without the tablet", NULL));
}

static void T41_a_reason_counts_also_in_a_letter_that_is_refused(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop;
    a_family(w, &s, &laptop);
    world_withhold_group(w, s.ben, SCOPE_FAMILY);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_sql(w, s.ben, "DELETE FROM revocation"); /* as if the letter had been lost, too */
    forget(w, laptop, s.ana);
    usurp(w, laptop, SCOPE_FAMILY, 0);
    assert_int_equal(generation(w, laptop, SCOPE_FAMILY), 1);
    assert_int_equal(generation(w, s.ben, SCOPE_FAMILY), 0); /* Ana is missing there */
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM revocation"), 1);
}

static void T41_a_successor_with_somebody_removed_gives_way_to_one_without(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t laptop;
    struct log_id logs[4];
    a_family(w, &s, &laptop);
    for (int kind = SCOPE_FAMILY; kind <= SCOPE_WARD; kind++) { /* Ana is kept from hearing of it */
        world_group_log(w, s.ana, kind, &logs[kind]);
        world_withhold_log(w, s.ana, &logs[kind]);
    }
    world_letterbox_log(w, s.ana, &logs[0]);
    world_withhold_log(w, s.ana, &logs[0]);
    world_ok(w, s.ben, CMD_DEVICES_REMOVE, "Maya's tablet", NULL, NULL, NULL);
    world_run(w, 2 * MINUTE_MS);
    usurp(w, s.ana, SCOPE_FAMILY, 0);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM founding"), 4); /* with the tablet */
    assert_int_equal(generation(w, s.ben, SCOPE_FAMILY), 0);
    assert_int_equal(world_refused(w, s.ben, ST_SUCCESSOR_REMOVED), 1);
    world_show_log(w, s.ana, &logs[0]);
    world_run(w, 2 * HOUR_MS);
    const size_t rest[] = {s.ana, s.ben, laptop};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(generation(w, rest[i], SCOPE_FAMILY), 1);
        world_same(w, rest[i], s.ben, "group",
                   "SELECT founding, epoch FROM mls_group WHERE kind = 1 AND state != 3");
    }
    world_ok(w, s.ben, CMD_SEND, "Berg", "without the tablet", NULL, NULL);
    world_run(w, HOUR_MS);
    assert_true(world_has_text(w, s.ana, "without the tablet", "Ben"));
    assert_false(world_has_text(w, s.maya, "without the tablet", NULL));
}

static void T25_a_group_from_far_ahead_is_refused(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    usurp(w, s.leo, SCOPE_CONVERSATION, UINT32_MAX);
    assert_int_equal(generation(w, s.maya, SCOPE_CONVERSATION), 0);
    assert_int_equal(world_refused(w, s.maya, ST_SUCCESSOR_AHEAD), 1);
}

static void T25_a_member_who_founds_without_end_founds_once_an_hour(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    for (int i = 0; i < 60; i++)
        usurp(w, s.maya, SCOPE_CONVERSATION, generation(w, s.maya, SCOPE_CONVERSATION) + 1);
    assert_in_range(generation(w, s.leo, SCOPE_CONVERSATION), 2, 3);
    story_say(w, s.leo, "Maya", "still here", s.maya);
}

/* Its program does not wait. */
static void T25_who_founds_more_often_than_that_is_not_followed(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    for (int i = 0; i < 20; i++) {
        world_sql(w, s.maya, "UPDATE mls_group SET founded_at = 0");
        usurp(w, s.maya, SCOPE_CONVERSATION, generation(w, s.maya, SCOPE_CONVERSATION) + 1);
    }
    assert_true(generation(w, s.maya, SCOPE_CONVERSATION) > 3);
    assert_int_equal(generation(w, s.leo, SCOPE_CONVERSATION), 3);
    world_off(w, s.maya);
    world_run(w, 2 * HOUR_MS);
    world_on(w, s.maya);
    world_run(w, HOUR_MS);
    story_say(w, s.leo, "Maya", "one by one", s.maya);
}

/* Any contact may ask for a key package for a successor. What comes must not do as a request to be added
 * again. */
static void T42_a_key_package_for_a_successor_is_no_request_to_be_added_again(void **state)
{
    struct world *w = *state;
    struct story s;
    const char *const epoch = "SELECT max(epoch) FROM mls_group WHERE kind = 5 AND state = 1";
    story_children_meet(w, &s);
    int64_t before = world_number(w, s.maya, epoch);
    assert_ok(world_forge(w, s.leo, ask_for_packages, NULL));
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_number(w, s.maya, epoch), before);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM readd"), 0);
    assert_int_equal(world_alarms(w, s.maya), 0);
    story_say(w, s.leo, "Maya", "hello", s.maya);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T25_a_childs_device_does_not_found_a_ward_without_parents),
        WORLD_TEST(T41_a_removed_device_founds_nothing_that_counts),
        WORLD_TEST(T41_who_has_not_heard_of_a_removal_comes_along_without_the_removed),
        WORLD_TEST(T41_a_successor_with_somebody_removed_gives_way_to_one_without),
        WORLD_TEST(T25_a_group_from_far_ahead_is_refused),
        WORLD_TEST(T25_a_member_who_founds_without_end_founds_once_an_hour),
        WORLD_TEST(T25_who_founds_more_often_than_that_is_not_followed),
        WORLD_TEST(T41_a_reason_counts_also_in_a_letter_that_is_refused),
        WORLD_TEST(T42_a_key_package_for_a_successor_is_no_request_to_be_added_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
