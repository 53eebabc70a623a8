/* SPDX-License-Identifier: Apache-2.0 */
/* A removed device whose thief has its key, and an accomplice inside the family who passes on what it writes:
 * whatever date it bears, beyond the device's pin it opens nothing (T21). */
#include <stdio.h>
#include <string.h>

#include "policy/rules.h"
#include "sync/facts.h"
#include "sync/journal.h"
#include "tests/world/world_test.h"

struct scene {
    struct world *w;
    struct story s;
    size_t old;           /* Ana's old phone */
    struct buffer forged; /* what it wrote, encoded */
};

static int setup(void **state)
{
    struct scene *x = mem_alloc(1, sizeof(*x));
    x->w = world_new(test_seed(1));
    story_children_meet(x->w, &x->s);
    x->old = story_add(x->w, x->s.ana, "Ana's old phone", "Ana", "parent", SIZE_MAX);
    world_run(x->w, 5 * MINUTE_MS);
    buffer_init(&x->forged, GROUP_MESSAGE_MAX);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct scene *x = *state;
    buffer_wipe(&x->forged);
    world_free(x->w);
    mem_free(x, sizeof(*x));
    return 0;
}

/* ---- what the thief writes ---- */

/* The next entry of this device in a scope, in its database nowhere. */
static enum status write_next(struct node *n, const struct scope_id *scope, const struct entry_body *body,
                              struct buffer *out)
{
    struct journal_entry e = {.has_body = true, .kind = (uint16_t)body->kind, .has_signature = true};
    struct buffer bytes;
    struct writer w;
    struct query q;
    buffer_init(&bytes, ENTRY_BODY_MAX);
    writer_init(&w, &bytes);
    e.header.scope = *scope;
    e.header.author = n->self.device;
    e.header.seq = 1;
    query_start(&q, &n->sql,
                "SELECT seq, hash, hlc FROM entry WHERE scope = ? AND author = ? ORDER BY seq DESC LIMIT 1",
                "bb", SPAN_ID(scope), SPAN_ID(&n->self.device));
    if (query_next(&q)) {
        e.header.seq = (uint64_t)query_int(&q, 0) + 1;
        QUERY_ID(&q, 1, &e.header.prev);
    }
    enum status st = query_end(&q);
    if (st == ST_OK)
        st = node_hlc(n, &e.header.hlc); /* a date before the removal */
    if (st == ST_OK)
        st = entry_body_encode(&w, body);
    e.body = buffer_span(&bytes);
    if (st == ST_OK)
        st = journal_entry_hash_body(&e);
    if (st == ST_OK)
        st = journal_entry_sign(&e, &n->self.key);
    writer_init(&w, out);
    if (st == ST_OK)
        st = journal_entry_encode(&w, &e);
    buffer_wipe(&bytes);
    return st;
}

static enum status all_policies(struct node *n, const struct scope_id *scope, struct based_on *out)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT hash FROM entry WHERE scope = ? AND kind = 10 ORDER BY hlc DESC LIMIT 8",
                "b", SPAN_ID(scope));
    while (query_next(&q))
        QUERY_ID(&q, 0, &out->at[out->count++]);
    return query_end(&q);
}

struct wanted_policy {
    struct scene *x;
    struct person_id child;
    uint16_t permit_days;
};

static enum status forge_policy(struct node *n, void *arg)
{
    struct wanted_policy *want = arg;
    struct policy *p = mem_alloc(1, sizeof(*p));
    struct entry_body body = {.kind = ENTRY_POLICY};
    struct scope_id ward;
    struct buffer document;
    struct writer w;
    buffer_init(&document, POLICY_ENCODED_MAX);
    writer_init(&w, &document);
    enum status st = facts_policy(n, &want->child, p);
    p->permit_days = want->permit_days;
    if (st == ST_OK)
        st = policy_encode(&w, p);
    body.u.policy.document = buffer_span(&document);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_WARD, &want->child, &ward);
    if (st == ST_OK)
        st = all_policies(n, &ward, &body.u.policy.based_on);
    if (st == ST_OK)
        st = write_next(n, &ward, &body, &want->x->forged);
    buffer_wipe(&document);
    mem_free(p, sizeof(*p));
    return st;
}

/* ---- what the accomplice does ---- */

static enum status pass_on(struct node *n, void *arg)
{
    struct buffer *entry = arg;
    const struct group_message m = {GROUP_PASSED_ON, buffer_span(entry)};
    struct journal_entry e;
    struct group *g = NULL;
    enum status st = journal_entry_decode(&e, buffer_span(entry));
    if (st == ST_OK)
        st = group_of_scope(n, &e.header.scope, &g);
    return st == ST_OK ? group_send(n, g, &m, 1, OUTBOX_PLAIN, NULL) : st;
}

static bool it_came(struct scene *x, size_t device)
{
    struct journal_entry e;
    struct entry_hash hash;
    char sql[200], hex[2 * ID_LEN + 1];
    assert_ok(journal_entry_decode(&e, buffer_span(&x->forged)));
    assert_ok(entry_header_hash(&e.header, &hash));
    hex_encode(hex, SPAN_ID(&hash));
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM entry WHERE hash = x'%s' AND has_body = 1", hex);
    return world_number(x->w, device, sql) == 1;
}

static void see_days(void *ctx, const struct policy_row *row)
{
    if (strcmp(row->field, "permit_days") == 0)
        snprintf(ctx, 32, "%s", row->value);
}

static void assert_days(struct scene *x, size_t device, const char *days)
{
    char value[32] = "";
    assert_ok(view_policy(world_node(x->w, device), "Maya", see_days, value));
    assert_string_equal(value, days);
}

static void remove_old_phone(struct scene *x)
{
    world_ok(x->w, x->s.ana, CMD_DEVICES_REMOVE, "Ana's old phone", NULL, NULL, NULL);
    world_run(x->w, 10 * MINUTE_MS);
    assert_status(world_do(x->w, x->old, CMD_SEND, "Berg", "am I here?", NULL, NULL)->status, ST_REMOVED);
}

/* The thief's policy for Maya, passed on by Maya's tablet after the removal; the rules on both parents'
 * phones.
 */
static void backdate_policy(struct scene *x, uint16_t days)
{
    struct wanted_policy want = {x, world_node(x->w, x->s.maya)->self.person, days};
    world_ok(x->w, x->s.ana, CMD_POLICY_SET, "Maya", "permit_days", "30", NULL);
    world_run(x->w, MINUTE_MS);
    assert_ok(world_forge(x->w, x->old, forge_policy, &want));
    remove_old_phone(x);
    assert_ok(world_forge(x->w, x->s.maya, pass_on, &x->forged));
    world_run(x->w, 10 * MINUTE_MS);
    assert_true(it_came(x, x->s.ana) && it_came(x, x->s.ben));
}

static void T21_a_policy_backdated_beyond_a_removed_devices_pin_opens_nothing(void **state)
{
    struct scene *x = *state;
    /* It wrote in this ward before: its pin stands there by number. */
    world_ok(x->w, x->old, CMD_POLICY_SET, "Maya", "permit_days", "40", NULL);
    world_run(x->w, MINUTE_MS);
    backdate_policy(x, 300);
    assert_days(x, x->s.ana, "30");
    assert_days(x, x->s.ben, "30");
    assert_days(x, x->s.maya, "30");
}

static void T21_nor_where_the_device_had_written_nothing_before(void **state)
{
    struct scene *x = *state;
    backdate_policy(x, 300);
    assert_days(x, x->s.ana, "30");
    assert_days(x, x->s.ben, "30");
}

static void T21_beyond_the_pin_what_closes_stands_until_a_parent_edits(void **state)
{
    struct scene *x = *state;
    backdate_policy(x, 7);
    assert_days(x, x->s.ana, "7");
    assert_days(x, x->s.ben, "7");
    world_ok(x->w, x->s.ben, CMD_POLICY_SET, "Maya", "permit_days", "60", NULL);
    world_run(x->w, MINUTE_MS);
    assert_days(x, x->s.ana, "60");
    assert_days(x, x->s.ben, "60");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T21_a_policy_backdated_beyond_a_removed_devices_pin_opens_nothing),
        TEST(T21_nor_where_the_device_had_written_nothing_before),
        TEST(T21_beyond_the_pin_what_closes_stands_until_a_parent_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
