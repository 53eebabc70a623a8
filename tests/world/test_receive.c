/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end asks its own rules, whatever the other end's program does (T20, T22; protocol.md §7.2).
 */

#include "sync/facts.h"
#include "sync/family.h"
#include "sync/journal_internal.h"
#include "tests/world/world_test.h"

/* Writes a text into this device's only conversation, past every check of its own. */
static enum status say_unasked(struct node *n, void *text)
{
    struct scope_id scope;
    struct query q;
    struct entry_body body = {.kind = ENTRY_TEXT};
    query_start(&q, &n->sql, "SELECT scope FROM contact LIMIT 1", "");
    bool found = query_next(&q);
    if (found)
        QUERY_ID(&q, 0, &scope);
    enum status st = query_end(&q);
    body.u.text.text = span_text(text);
    return st == ST_OK && found ? journal_append(n, SCOPE_CONVERSATION, &scope, &body, NULL) : st;
}

static void forge_text(struct world *w, size_t device, char *text)
{
    assert_ok(world_forge(w, device, say_unasked, text));
    world_run(w, MINUTE_MS);
}

struct passing {
    const struct node *leo;
    const char *text;
};

/* On Maya's device: an entry of Leo's that he has not announced, passed on by his device. */
static enum status pass_on(struct node *n, void *arg)
{
    struct passing *p = arg;
    struct person_ref maya = self_person(n), leo = self_person(p->leo);
    struct journal_entry e = {.has_body = true, .kind = ENTRY_TEXT};
    struct entry_body body = {.kind = ENTRY_TEXT, .u.text.text = span_text(p->text)};
    struct buffer bytes, encoded;
    struct writer w;
    e.header.author = p->leo->self.device;
    e.header.seq = 1000;
    e.header.hlc = (uint64_t)n->now.wall_ms << 16;
    buffer_init(&bytes, ENTRY_BODY_MAX);
    buffer_init(&encoded, GROUP_MESSAGE_MAX);
    assert_ok(scope_id_of_pair(&maya, &leo, &e.header.scope));
    writer_init(&w, &bytes);
    assert_ok(entry_body_encode(&w, &body));
    e.body = buffer_span(&bytes);
    assert_ok(journal_entry_hash_body(&e));
    writer_init(&w, &encoded);
    assert_ok(journal_entry_encode(&w, &e));
    enum status st = journal_take_passed_on(n, SCOPE_CONVERSATION, &e.header.scope, buffer_span(&encoded),
                                            &p->leo->self.device);
    buffer_wipe(&bytes);
    buffer_wipe(&encoded);
    return st;
}

static int64_t notices(struct world *w, size_t device)
{
    return world_number(w, device, "SELECT count(*) FROM notice WHERE kind = 0");
}

static void T20_a_text_after_the_permits_end_is_not_shown(void **state)
{
    struct world *w = *state;
    struct story s;
    char late[] = "after the permit's end", again[] = "and again";
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "in time", s.maya);
    int64_t told = notices(w, s.maya),
            skipped = world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 2");
    world_sql(w, s.maya, "UPDATE permit SET not_after_ms = 1");
    world_restart(w, s.maya);
    assert_status(world_do(w, s.maya, CMD_SEND, "Leo", "x", NULL, NULL)->status, ST_POLICY_DENIED);
    forge_text(w, s.leo, late);
    forge_text(w, s.leo, again);
    assert_false(world_has_text(w, s.maya, late, NULL));
    assert_false(world_has_text(w, s.maya, again, NULL));
    assert_int_equal(notices(w, s.maya), told);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 2"), skipped + 2);
    assert_true(world_has_text(w, s.maya, "in time", "Leo")); /* the history stays */
    /* Void is void: a permit that is given again does not bring it back. */
    world_sql(w, s.maya, "UPDATE permit SET not_after_ms = 4000000000000");
    world_restart(w, s.maya);
    story_say(w, s.leo, "Maya", "permitted again", s.maya);
    assert_false(world_has_text(w, s.maya, late, NULL));
}

static enum status end_permits(struct node *n, void *arg)
{
    (void)arg;
    return sql_run(&n->sql, "UPDATE permit SET not_after_ms = 1", "");
}

static enum status announce_more(struct node *n, void *arg)
{
    (void)arg;
    return sql_run(&n->sql,
                   "UPDATE head SET told_seq = told_seq + 1 WHERE scope = (SELECT scope FROM mls_group WHERE"
                   " kind = 3) AND told_seq > 0",
                   "");
}

static enum status hold_all(struct node *n, void *arg)
{
    (void)arg;
    return sql_run(&n->sql, "UPDATE head SET told_seq = cont_seq WHERE told_seq > cont_seq", "");
}

/* What the texts are judged by is kept in memory: as long as it holds, and no longer. */
static void every_text_is_judged_by_what_holds_when_it_comes(void **state)
{
    struct world *w = *state;
    struct story s;
    char early[] = "before that is here", late[] = "after the permit's end";
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "one", s.maya);
    story_say(w, s.leo, "Maya", "two", s.maya);
    assert_ok(world_forge(w, s.maya, announce_more, NULL));
    forge_text(w, s.leo, early);
    assert_false(world_has_text(w, s.maya, early, NULL));
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 3"), 1);
    assert_ok(world_forge(w, s.maya, hold_all, NULL));
    assert_true(world_has_text(w, s.maya, early, "Leo"));
    assert_ok(world_forge(w, s.maya, end_permits, NULL));
    forge_text(w, s.leo, late);
    assert_false(world_has_text(w, s.maya, late, NULL));
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 2"), 1);
}

static void what_is_read_is_saved_with_what_it_brought(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t groups = 0;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "one", s.maya);
    story_say(w, s.leo, "Maya", "two", s.maya);
    struct node *n = world_node(w, s.maya);
    for (size_t i = 0; i < NODE_GROUPS_CACHED; i++) {
        if (n->groups[i]) {
            groups++;
            assert_false(mls_group_changed(n->groups[i]->mls));
        }
    }
    assert_true(groups > 1);
}

struct records {
    int runs;
    bool refuse;
};

static enum status one_record(struct node *n, void *arg)
{
    struct records *r = arg;
    enum status st = meta_add(n, r->refuse ? "refused record" : "good record", 1);
    return st == ST_OK && r->refuse ? ST_JOURNAL_AUTHOR : st;
}

static enum status three_records(struct node *n, void *arg)
{
    struct records *r = arg;
    enum status why = ST_OK, st = ST_OK;
    r->runs++;
    for (int i = 0; st == ST_OK && i < 3; i++) {
        struct records one = {.refuse = r->refuse && i == 1};
        st = node_guard(n, one_record, &one, &why);
        assert_int_equal(why, one.refuse ? ST_JOURNAL_AUTHOR : ST_OK);
    }
    return st;
}

static enum status take_block_of(struct node *n, void *arg)
{
    return node_guard_once(n, three_records, arg);
}

static void what_is_refused_in_a_block_leaves_nothing_and_takes_nothing_along(void **state)
{
    struct world *w = *state;
    struct records good = {0}, bad = {.refuse = true};
    size_t ana = world_add(w, "Ana's phone");
    story_found(w, ana, "Berg", "Ana");
    assert_ok(world_forge(w, ana, take_block_of, &good));
    assert_int_equal(good.runs, 1);
    assert_ok(world_forge(w, ana, take_block_of, &bad));
    assert_int_equal(bad.runs, 2);
    assert_int_equal(world_number(w, ana, "SELECT value FROM meta WHERE key = 'good record'"), 3 + 2);
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM meta WHERE key = 'refused record'"), 0);
}

static void T22_a_ward_behind_its_parents_heads_shows_nothing_from_outside(void **state)
{
    struct world *w = *state;
    struct story s;
    char early[] = "do you hear me?";
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "before", s.maya);
    int64_t told = notices(w, s.maya);
    /* A parent has announced more than the tablet holds. */
    world_sql(
        w, s.maya,
        "UPDATE head SET told_seq = told_seq + 1 WHERE scope = (SELECT scope FROM mls_group WHERE kind = 3)"
        " AND told_seq > 0");
    world_restart(w, s.maya);
    forge_text(w, s.leo, early);
    assert_false(world_has_text(w, s.maya, early, NULL));
    assert_int_equal(notices(w, s.maya), told);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 3"), 1);
    story_say(w, s.ana, "Berg", "parents are always reachable", s.maya);
    world_sql(w, s.maya, "UPDATE head SET told_seq = cont_seq WHERE told_seq > cont_seq");
    world_restart(w, s.maya);
    world_run(w, MINUTE_MS);
    assert_true(world_has_text(w, s.maya, early, "Leo"));
    assert_int_equal(notices(w, s.maya), told + 2);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 3"), 0);
}

static void what_was_said_before_a_withdrawal_reaches_a_new_device_and_nothing_after(void **state)
{
    struct world *w = *state;
    struct story s;
    char after[] = "after";
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "one", s.maya);
    story_say(w, s.maya, "Leo", "two", s.leo);
    world_sql(w, s.maya, "UPDATE permit SET not_after_ms = 1");
    world_restart(w, s.maya);
    forge_text(w, s.leo, after);
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 5 * MINUTE_MS);
    assert_true(world_has_text(w, laptop, "one", NULL));
    assert_true(world_has_text(w, laptop, "two", "Maya"));
    assert_false(world_has_text(w, laptop, after, NULL));
    assert_false(world_has_text(w, s.maya, after, NULL));
}

/* As when its author's own device tells that it said it. */
static enum status attest_text(struct node *n, void *arg)
{
    struct scope_id scope;
    struct entry_hash hash;
    struct query q;
    (void)arg;
    query_start(&q, &n->sql, "SELECT scope, hash FROM entry WHERE kind = ?", "i", (int64_t)ENTRY_TEXT);
    assert_true(query_next(&q));
    QUERY_ID(&q, 0, &scope);
    QUERY_ID(&q, 1, &hash);
    enum status st = query_end(&q);
    return st == ST_OK ? journal_attest(n, SCOPE_CONVERSATION, &scope, &hash) : st;
}

static void what_was_said_before_a_permits_end_reaches_a_new_device(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "one", s.maya);
    /* The end comes for the laptop only: its permits are changed before the history can be there. */
    size_t laptop = world_add(w, "Maya's laptop");
    world_off(w, s.leo);
    story_pair(w, s.ana, laptop, "Maya", "child", s.maya);
    world_sql(w, laptop,
              "CREATE TRIGGER over AFTER INSERT ON permit BEGIN UPDATE permit SET not_after_ms = 1; END");
    world_sql(w, laptop, "UPDATE permit SET not_after_ms = 1");
    world_restart(w, laptop);
    world_on(w, s.leo);
    world_run(w, 5 * MINUTE_MS);
    assert_true(world_has_text(w, laptop, "one", "Leo"));
    assert_ok(world_forge(w, laptop, attest_text, NULL));
    assert_int_equal(world_number(w, laptop, "SELECT count(*) FROM entry WHERE kind = 1 AND applied = 1"), 1);
    assert_true(world_has_text(w, laptop, "one", "Leo")); /* now as said, and not judged again */
    char late[] = "late";
    forge_text(w, s.leo, late);
    assert_true(world_has_text(w, s.maya, late, "Leo"));
    assert_false(world_has_text(w, laptop, late, NULL));
}

static void T20_what_is_passed_on_is_judged_before_it_is_shown(void **state)
{
    struct world *w = *state;
    struct story s;
    struct passing p;
    char late[] = "passed on", withheld[] = "passed on early";
    story_children_meet(w, &s);
    p = (struct passing){world_node(w, s.leo), withheld};
    world_sql(
        w, s.maya,
        "UPDATE head SET told_seq = told_seq + 1 WHERE scope = (SELECT scope FROM mls_group WHERE kind ="
        " 3) AND told_seq > 0");
    world_restart(w, s.maya);
    assert_ok(world_forge(w, s.maya, pass_on, &p));
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 3"), 1);
    assert_false(world_has_text(w, s.maya, withheld, NULL));
    world_sql(w, s.maya, "UPDATE head SET told_seq = cont_seq WHERE told_seq > cont_seq");
    world_sql(w, s.maya, "UPDATE permit SET not_after_ms = 1");
    world_sql(w, s.maya, "DELETE FROM entry WHERE seq = 1000");
    world_restart(w, s.maya);
    p.text = late;
    assert_ok(world_forge(w, s.maya, pass_on, &p));
    assert_false(world_has_text(w, s.maya, late, NULL));
    world_sql(w, s.maya, "UPDATE permit SET not_after_ms = 4000000000000");
    world_sql(w, s.maya, "DELETE FROM entry WHERE seq = 1000");
    world_restart(w, s.maya);
    p.text = "passed on in time";
    assert_ok(world_forge(w, s.maya, pass_on, &p));
    assert_true(world_has_text(w, s.maya, "passed on in time", "Leo"));
}

/* A contact's program dates texts weeks ahead: they wait, and nothing else waits behind them. */
static void T15_texts_dated_ahead_hold_nothing_up(void **state)
{
    enum { AHEAD = 70 };
    struct world *w = *state;
    struct story s;
    char text[] = "from the future";
    story_children_meet(w, &s);
    world_sql(w, s.leo, "UPDATE meta SET value = value + 30 * 86400000 * 65536 WHERE key = 'hlc'");
    for (int i = 0; i < AHEAD; i++)
        assert_ok(world_forge(w, s.leo, say_unasked, text));
    world_run(w, 2 * MINUTE_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 0 AND kind = 1"),
                     AHEAD);
    world_clock(w, s.ben, 12 * MINUTE_MS); /* and an honest clock that is a little wrong */
    world_ok(w, s.ben, CMD_SEND, "Berg", "lunch?", NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 0 AND kind = 1"),
                     AHEAD + 1);
    world_run(w, 5 * MINUTE_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE applied = 0 AND kind = 1"),
                     AHEAD);
}

static void a_parent_does_not_remove_the_other_ones_phone(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), ben = world_add(w, "Ben's phone");
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, ben, "Ben", "parent", SIZE_MAX);
    const struct world_result *r = world_do(w, ana, CMD_DEVICES_REMOVE, "Ben's phone", NULL, NULL, NULL);
    assert_status(r->status, ST_POLICY_DENIED);
    assert_string_equal(r->rule, trace_text(TRACE_OTHER_PARENT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T20_a_text_after_the_permits_end_is_not_shown),
        WORLD_TEST(every_text_is_judged_by_what_holds_when_it_comes),
        WORLD_TEST(what_is_read_is_saved_with_what_it_brought),
        WORLD_TEST(what_is_refused_in_a_block_leaves_nothing_and_takes_nothing_along),
        WORLD_TEST(T15_texts_dated_ahead_hold_nothing_up),
        WORLD_TEST(T22_a_ward_behind_its_parents_heads_shows_nothing_from_outside),
        WORLD_TEST(what_was_said_before_a_withdrawal_reaches_a_new_device_and_nothing_after),
        WORLD_TEST(what_was_said_before_a_permits_end_reaches_a_new_device),
        WORLD_TEST(T20_what_is_passed_on_is_judged_before_it_is_shown),
        WORLD_TEST(a_parent_does_not_remove_the_other_ones_phone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
