/* SPDX-License-Identifier: Apache-2.0 */
/* Whose signature counts: of parents and their devices, now, after a device was lost, and after seven days.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/journal.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_story.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS INT64_C(86400000)

static int setup(void **state)
{
    *state = world_new(test_seed(1));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- rules ---- */

/* The child's own program takes its certificate for one that says "not supervised". */
static enum status call_unsupervised(struct node *n, void *arg)
{
    const struct device_id *device = arg;
    struct device_certificate c;
    struct buffer bytes, changed;
    struct writer w;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    buffer_init(&changed, WIRE_CERTIFICATE_MAX);
    writer_init(&w, &changed);
    enum status st = family_certificate(n, device, &bytes, &c);
    c.supervised = false;
    if (st == ST_OK)
        st = device_certificate_encode(&w, &c);
    if (st == ST_OK)
        st = sql_run(&n->sql, "UPDATE certificate SET supervised = 0, certificate = ? WHERE device = ?", "bb",
                     buffer_span(&changed), SPAN_ID(device));
    buffer_wipe(&bytes);
    buffer_wipe(&changed);
    return st;
}

/* Rules with permits of `days`, as an entry of this device in Maya's ward; it replaces all that it knows. */
struct edit {
    struct person_id child;
    uint16_t days;
};

static enum status write_rules(struct node *n, void *arg)
{
    const struct edit *edit = arg;
    struct policy *p = mem_alloc(1, sizeof(*p));
    struct entry_body body = {.kind = ENTRY_POLICY};
    struct scope_id scope;
    struct buffer document;
    struct writer w;
    struct query q;
    buffer_init(&document, POLICY_ENCODED_MAX);
    writer_init(&w, &document);
    enum status st = facts_policy(n, &edit->child, p);
    p->permit_days = edit->days;
    if (st == ST_OK)
        st = policy_encode(&w, p);
    body.u.policy.document = buffer_span(&document);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_WARD, &edit->child, &scope);
    if (st == ST_OK) {
        query_start(&q, &n->sql,
                    "SELECT hash FROM entry WHERE scope = ? AND kind = 10 ORDER BY hlc DESC LIMIT 8", "b",
                    SPAN_ID(&scope));
        while (query_next(&q))
            QUERY_ID(&q, 0, &body.u.policy.based_on.at[body.u.policy.based_on.count++]);
        st = query_end(&q);
    }
    if (st == ST_OK)
        st = journal_append(n, SCOPE_WARD, &scope, &body, NULL);
    buffer_wipe(&document);
    mem_free(p, sizeof(*p));
    return st;
}

static void see_days(void *ctx, const struct policy_row *row)
{
    if (strcmp(row->field, "permit_days") == 0)
        snprintf(ctx, 64, "%s", row->value);
}

static void assert_days(struct world *w, size_t device, const char *days)
{
    char value[64] = "";
    assert_ok(view_policy(world_node(w, device), "Maya", see_days, value));
    assert_string_equal(value, days);
}

static void T21_rules_are_a_parents_as_the_chain_says_whatever_a_certificate_says(void **state)
{
    struct world *w = *state;
    struct story s;
    struct edit edit = {.days = 3000};
    story_children_meet(w, &s);
    struct device_id maya = world_node(w, s.maya)->self.device;
    edit.child = world_node(w, s.maya)->self.person;
    assert_ok(world_forge(w, s.ben, call_unsupervised, &maya));
    assert_ok(world_forge(w, s.maya, call_unsupervised, &maya));
    (void)world_forge(w, s.maya, write_rules, &edit); /* a device voids its own void entry and says so */
    world_run(w, 5 * MINUTE_MS);
    assert_days(w, s.ben, "365");
    assert_days(w, s.maya, "365");
}

/* ---- a proposal that is too old ---- */

static void a_change_that_was_signed_too_late_is_not_made(void **state)
{
    struct world *w = *state;
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet"),
           laptop = world_add(w, "Maya's laptop");
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, maya, "Maya", "child", SIZE_MAX);
    snprintf(link, sizeof(link), "%s", world_ok(w, ana, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL)->link);
    world_ok(w, laptop, CMD_PAIR_ACCEPT, link, "Maya's laptop", NULL, NULL);
    world_run(w, 10000);
    assert_int_equal(world_pairing(w, laptop, code), PAIRING_CODE);
    world_ok(w, ana, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL);
    world_run(w, 10000);
    world_ok(w, laptop, CMD_PAIR_YES, NULL, NULL, NULL, NULL);
    world_run(w, 10000);
    assert_true(story_has_request(w, maya));
    world_off(w, ana);
    story_decide(w, maya, true); /* in time, but Ana's phone hears of it when the week is over */
    world_run(w, 10000);
    world_off(w, maya);
    world_run(w, 8 * DAY_MS);
    world_on(w, ana);
    world_on(w, maya);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM chain_wish"), 0);
    assert_int_equal(world_number(w, ana, "SELECT max(height) FROM chain WHERE chain = 2"), 1);
    assert_int_equal(world_number(w, ana, "SELECT state FROM pairing ORDER BY id DESC LIMIT 1"),
                     PAIRING_FAILED);
    assert_int_not_equal(world_pairing(w, laptop, code), PAIRING_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T21_rules_are_a_parents_as_the_chain_says_whatever_a_certificate_says),
        TEST(a_change_that_was_signed_too_late_is_not_made),
    };
    cmocka_set_test_filter(getenv("KITH_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
