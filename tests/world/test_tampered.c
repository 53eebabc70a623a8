/* SPDX-License-Identifier: Apache-2.0 */
/* Devices with a program of their owner's making: what they do is void, or refused (T20, T21, T23, T30, T31).
 */
#include <stdio.h>
#include <string.h>

#include "policy/rules.h"
#include "protocol/link.h"
#include "sync/facts.h"
#include "sync/journal.h"
#include "sync/letters.h"
#include "tests/world/world_test.h"

/* A child's program that takes itself for a parent's. */
static void become_parent(struct world *w, size_t device)
{
    world_sql(w, device, "UPDATE meta SET value = 1 WHERE key = 'role'");
    world_restart(w, device);
}

struct rule {
    const char *field;
    char value[64];
};

static void see_rule(void *ctx, const struct policy_row *row)
{
    struct rule *r = ctx;
    if (strcmp(row->field, r->field) == 0)
        snprintf(r->value, sizeof(r->value), "%s", row->value);
}

static void assert_rule(struct world *w, size_t device, const char *person, const char *field,
                        const char *value)
{
    struct rule r = {.field = field};
    assert_ok(view_policy(world_node(w, device), person, see_rule, &r));
    assert_string_equal(r.value, value);
}

/* Its own program would refuse the entry too: this one takes itself for a parent's while it writes. */
static enum status append_unjudged(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                                   const struct entry_body *body)
{
    struct buffer honest;
    bool found = false;
    buffer_init(&honest, WIRE_CERTIFICATE_MAX);
    enum status st =
        sql_bytes(&n->sql, &honest, &found, "SELECT certificate FROM certificate WHERE device = ?", "b",
                  SPAN_ID(&n->self.device));
    if (st == ST_OK)
        st = sql_run(&n->sql,
                     "UPDATE certificate SET (person, certificate) = (SELECT person, certificate FROM"
                     " certificate WHERE family = ?1 AND supervised = 0 LIMIT 1) WHERE device = ?2",
                     "bb", SPAN_ID(&n->self.family), SPAN_ID(&n->self.device));
    if (st == ST_OK)
        st = journal_append(n, kind, scope, body, NULL);
    if (st == ST_OK)
        st = sql_run(&n->sql, "UPDATE certificate SET person = ?, certificate = ? WHERE device = ?", "bbb",
                     SPAN_ID(&n->self.person), buffer_span(&honest), SPAN_ID(&n->self.device));
    buffer_wipe(&honest);
    return st;
}

/* ---- a child's device ---- */

static void T21_a_childs_device_gives_no_parents_command(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    assert_status(world_do(w, s.maya, CMD_POLICY_SET, "Maya", "permit_days", "9", NULL)->status,
                  ST_COMMAND_NOT_PARENT);
    assert_status(world_do(w, s.maya, CMD_PAIR_INVITE, "Mine", "child", NULL, NULL)->status,
                  ST_COMMAND_NOT_PARENT);
    assert_status(world_do(w, s.maya, CMD_DEVICES_REMOVE, "Ana's phone", NULL, NULL, NULL)->status,
                  ST_POLICY_DENIED);
    assert_int_not_equal(world_do(w, s.maya, CMD_INVITE, "Maya", NULL, NULL, NULL)->status, ST_OK);
    assert_int_not_equal(world_do(w, s.maya, CMD_INVITE, NULL, NULL, NULL, NULL)->status, ST_OK);
}

/* It replaces every policy entry that there is: nothing is merged with it. */
static enum status knows_all(struct node *n, const struct scope_id *scope, struct based_on *out)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT hash FROM entry WHERE scope = ? AND kind = 10 ORDER BY hlc DESC LIMIT 8",
                "b", SPAN_ID(scope));
    while (query_next(&q))
        QUERY_ID(&q, 0, &out->at[out->count++]);
    return query_end(&q);
}

/* The policy in force, with looser rules, as an entry of the child's own device. */
static enum status write_policy(struct node *n, void *arg)
{
    struct policy *p = mem_alloc(1, sizeof(*p));
    struct entry_body body = {.kind = ENTRY_POLICY};
    struct scope_id scope;
    struct buffer document;
    struct writer w;
    (void)arg;
    buffer_init(&document, POLICY_ENCODED_MAX);
    writer_init(&w, &document);
    enum status st = facts_policy(n, &n->self.person, p);
    p->permit_days = 300;
    p->approval = POLICY_APPROVAL_SELF;
    if (st == ST_OK)
        st = policy_encode(&w, p);
    body.u.policy.document = buffer_span(&document);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_WARD, &n->self.person, &scope);
    if (st == ST_OK)
        st = knows_all(n, &scope, &body.u.policy.based_on);
    if (st == ST_OK)
        st = append_unjudged(n, SCOPE_WARD, &scope, &body);
    buffer_wipe(&document);
    mem_free(p, sizeof(*p));
    return st;
}

static void T21_a_policy_that_a_child_writes_is_void(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_ok(w, s.ana, CMD_POLICY_SET, "Maya", "permit_days", "30", NULL);
    world_run(w, MINUTE_MS);
    assert_rule(w, s.ben, "Maya", "permit_days", "30");
    assert_ok(world_forge(w, s.maya, write_policy, NULL));
    world_run(w, 10 * MINUTE_MS);
    assert_true(world_number(w, s.ana,
                             "SELECT count(*) FROM entry e JOIN certificate c ON c.device = e.author"
                             " WHERE e.kind = 10 AND c.supervised = 1") > 0); /* it came */
    assert_rule(w, s.ana, "Maya", "permit_days", "30");
    assert_rule(w, s.ben, "Maya", "permit_days", "30");
    assert_rule(w, s.ana, "Maya", "approval", "any_parent");
}

static void T20_a_child_that_asks_without_its_parents_reaches_nobody(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t sam;
    char link[WORLD_TEXT_MAX];
    story_children_meet(w, &s);
    sam = world_add(w, "Sam's phone");
    story_found(w, sam, "Stranger", "Sam");
    story_invite(w, sam, NULL, link);
    become_parent(w, s.maya); /* as an adult would: straight into Sam's letterbox, with no permit */
    (void)world_do(w, s.maya, CMD_MEET, link, "just us", NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_false(story_has_request(w, sam));
    assert_int_equal(world_number(w, sam, "SELECT count(*) FROM request"), 0);
}

static void T21_a_permit_that_a_child_signs_is_none(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t sam;
    char link[WORLD_TEXT_MAX], id[80], contact[32];
    story_children_meet(w, &s);
    sam = world_add(w, "Sam's phone");
    story_found(w, sam, "Stranger", "Sam");
    story_invite(w, sam, NULL, link);
    world_ok(w, s.leo, CMD_MEET, link, "please", NULL, NULL); /* an honest ask first */
    world_run(w, 2 * MINUTE_MS);
    static const char *const permits = "SELECT count(*) FROM permit WHERE enough = 1";
    int64_t before = world_number(w, s.rosa, permits);
    become_parent(w, s.leo);
    world_request(w, s.rosa, id);
    assert_string_not_equal(id, "");
    /* now its own yes to its own ask */
    world_sql(w, s.leo, "UPDATE request SET kind = 1 WHERE state = 2");
    (void)world_do(w, s.leo, CMD_APPROVE, id, NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_false(story_has_request(w, sam));
    world_contact(w, sam, "Leo", contact);
    assert_string_equal(contact, "");
    assert_true(story_has_request(w, s.rosa)); /* still hers to decide */
    assert_int_equal(world_number(w, s.rosa, permits), before);
}

struct own_invite {
    struct buffer payload; /* of a parents' invite for this child */
    struct buffer link;
};

/* A parents' invite with a letterbox of this device's own, signed by this device. */
static enum status make_invite(struct node *n, void *arg)
{
    struct own_invite *own = arg;
    struct invite i;
    struct buffer box, bytes;
    struct writer w;
    int64_t id;
    struct box_args a = {
        .kind = BOX_INVITE, .owner = {n->self.family, n->self.person}, .expires_ms = n->now.wall_ms + DAY_MS};
    buffer_init(&box, LETTERBOX_MAX);
    buffer_init(&bytes, LINK_PAYLOAD_MAX);
    writer_init(&w, &bytes);
    enum status st = invite_decode(&i, buffer_span(&own->payload));
    if (st == ST_OK)
        st = box_new(n, &a, &box, NULL, &id);
    i.letterbox = buffer_span(&box);
    i.signer = n->self.device;
    if (st == ST_OK)
        st = invite_sign(&i, &n->self.key);
    if (st == ST_OK)
        st = invite_encode(&w, &i);
    if (st == ST_OK)
        st = link_print(LINK_MEET, buffer_span(&bytes), &own->link);
    buffer_wipe(&box);
    buffer_wipe(&bytes);
    return st;
}

static void T23_an_invite_of_a_childs_own_making_is_refused(void **state)
{
    struct world *w = *state;
    struct story s;
    struct own_invite own;
    size_t sam;
    char link[WORLD_TEXT_MAX], contact[32];
    story_children_meet(w, &s);
    sam = world_add(w, "Sam's phone");
    story_found(w, sam, "Stranger", "Sam");
    story_invite(w, s.ana, "Maya", link);
    buffer_init(&own.payload, LINK_PAYLOAD_MAX);
    buffer_init(&own.link, LINK_TEXT_MAX);
    assert_ok(link_parse(LINK_MEET, span_text(link), &own.payload));
    assert_ok(world_forge(w, s.maya, make_invite, &own));
    world_run(w, MINUTE_MS);
    int64_t read = world_number(w, s.maya, "SELECT sum(cursor) FROM log WHERE kind = 2");
    (void)world_do(w, sam, CMD_MEET, (const char *)own.link.ptr, "hello", NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT sum(cursor) FROM log WHERE kind = 2"),
                     read); /* no letter */
    world_contact(w, sam, "Maya", contact);
    assert_string_not_equal(contact, "active");
    buffer_wipe(&own.payload);
    buffer_wipe(&own.link);
}

/* ---- a parent's device ---- */

static void T30_a_parent_below_oversight_messages_has_no_key_of_a_conversation(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "between us", s.maya);
    world_run(w, HOUR_MS);
    const size_t parents[] = {s.ana, s.ben, s.rosa};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world_number(w, parents[i], "SELECT count(*) FROM mls_group WHERE kind = 5"), 0);
        assert_false(world_has_text(w, parents[i], "between us", NULL));
        struct query q;
        query_start(
            &q, &world_node(w, s.maya)->sql,
            "SELECT hex(l.block_key) FROM log l JOIN mls_group g ON g.id = l.owner WHERE l.kind = 1 AND"
            " g.kind = 5",
            "");
        size_t logs = 0;
        while (query_next(&q)) {
            char sql[200];
            snprintf(sql, sizeof(sql), "SELECT count(*) FROM log WHERE block_key = x'%s'", query_text(&q, 0));
            assert_int_equal(world_number(w, parents[i], sql), 0);
            logs++;
        }
        assert_ok(query_end(&q));
        assert_true(logs > 0);
    }
}

struct ghost_text {
    struct device_id as;
    const char *text;
};

/* An entry in another device's name, sealed by this member of the conversation: nothing there is signed. */
static enum status write_as(struct node *n, void *arg)
{
    const struct ghost_text *g = arg;
    const struct scope_id scope = inside_group(n, SCOPE_CONVERSATION)->scope;
    struct entry_body body = {.kind = ENTRY_TEXT};
    struct device_id self = n->self.device;
    body.u.text.text = span_text(g->text);
    n->self.device = g->as;
    enum status st = journal_append(n, SCOPE_CONVERSATION, &scope, &body, NULL);
    n->self.device = self;
    return st;
}

static void see_ghost(void *ctx, const struct history_row *row)
{
    if (strcmp(row->text, ctx) == 0)
        assert_true(row->passed_on && strcmp(row->via, "Leo") == 0);
}

static void T31_T24_nobody_writes_as_somebody_else(void **state)
{
    struct world *w = *state;
    struct story s;
    struct ghost_text g = {.text = "I, Maya, want to leave"};
    story_children_meet(w, &s);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    story_say(w, s.leo, "Maya", "hello", laptop);
    g.as = world_node(w, s.maya)->self.device;
    static const char *const skips = "SELECT value FROM meta WHERE key = 'blocks_skipped'";
    int64_t skipped = world_number(w, laptop, skips);
    world_off(w, s.maya); /* its own device would object */
    assert_ok(world_forge(w, s.leo, write_as, &g));
    world_run(w, 10 * MINUTE_MS);
    assert_true(world_number(w, laptop, skips) > skipped);
    /* Repair may bring it: then as what Leo passed on, never as Maya's word (T24). */
    const struct history_args args = {.with = NULL};
    assert_ok(view_history(world_node(w, laptop), &args, see_ghost, (void *)(uintptr_t)g.text));
}

static void T31_a_second_device_of_a_person_comes_only_with_that_persons_signature(void **state)
{
    struct world *w = *state;
    struct story s;
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    story_children_meet(w, &s);
    size_t ghost = world_add(w, "Maya's other tablet");
    snprintf(link, sizeof(link), "%s",
             world_ok(w, s.ana, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL)->link);
    world_ok(w, ghost, CMD_PAIR_ACCEPT, link, "Maya's other tablet", NULL, NULL);
    world_run(w, 10000);
    assert_int_equal(world_pairing(w, ghost, code), PAIRING_CODE);
    world_ok(w, s.ana, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL);
    world_run(w, 10000);
    world_ok(w, ghost, CMD_PAIR_YES, NULL, NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_int_not_equal(world_pairing(w, ghost, code), PAIRING_DONE);
    assert_true(story_has_request(w, s.maya)); /* Maya is asked */
    story_decide(w, s.maya, false);
    world_run(w, HOUR_MS);
    assert_int_not_equal(world_pairing(w, ghost, code), PAIRING_DONE);
    assert_int_equal(world_number(w, ghost, "SELECT count(*) FROM mls_group"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T21_a_childs_device_gives_no_parents_command),
        WORLD_TEST(T21_a_policy_that_a_child_writes_is_void),
        WORLD_TEST(T20_a_child_that_asks_without_its_parents_reaches_nobody),
        WORLD_TEST(T21_a_permit_that_a_child_signs_is_none),
        WORLD_TEST(T23_an_invite_of_a_childs_own_making_is_refused),
        WORLD_TEST(T30_a_parent_below_oversight_messages_has_no_key_of_a_conversation),
        WORLD_TEST(T31_T24_nobody_writes_as_somebody_else),
        WORLD_TEST(T31_a_second_device_of_a_person_comes_only_with_that_persons_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
