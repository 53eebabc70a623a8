/* SPDX-License-Identifier: Apache-2.0 */
/* The same entries in whatever order they come give the same state (T51): one parent's phone was away while
 * the family decided, edited and withdrew, partly at the same moment; then it gets all of it, each time in
 * another order, and a hash is taken of everything that it holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/journal.h"
#include "tests/world/world_test.h"

enum { ORDERS = 12, ENTRIES_MAX = 1024 };

struct carried { /* one entry on its way */
    enum scope_kind kind;
    struct journal_entry e; /* borrows */
    struct buffer bytes;
    struct device_id via;
};

struct scene {
    struct world *w;
    struct story s;
    size_t laptop; /* Ana's second */
    struct device_id ben;
    struct carried carried[ENTRIES_MAX];
    size_t count;
    struct test_entropy dice;
};

static int setup(void **state)
{
    struct scene *x = calloc(1, sizeof(*x));
    x->w = world_new(test_seed(1));
    test_entropy_init(&x->dice, test_seed(1) + 51);
    story_children_meet(x->w, &x->s);
    x->laptop = story_add(x->w, x->s.ana, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    world_run(x->w, 10 * MINUTE_MS);
    x->ben = world_node(x->w, x->s.ben)->self.device;
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct scene *x = *state;
    for (size_t i = 0; i < x->count; i++)
        buffer_wipe(&x->carried[i].bytes);
    world_free(x->w);
    free(x);
    return 0;
}

/* ---- what happens meanwhile ---- */

static void stranger_asks(struct scene *x, const char *name, const char *family)
{
    size_t sam = world_add(x->w, name);
    story_found(x->w, sam, family, name);
    story_ask(x->w, sam, x->s.ana, "Maya", "hello");
    world_run(x->w, 2 * MINUTE_MS);
}

/* Maya asks to meet somebody; one of her parents says yes. */
static size_t maya_asks(struct scene *x, const char *name, const char *family)
{
    size_t other = world_add(x->w, name);
    story_found(x->w, other, family, name);
    story_ask(x->w, x->s.maya, other, NULL, "may I?");
    story_decide(x->w, x->laptop, true);
    world_run(x->w, 5 * MINUTE_MS);
    return other;
}

static void set_rule(struct scene *x, size_t device, const char *field, const char *value)
{
    world_ok(x->w, device, CMD_POLICY_SET, "Maya", field, value, NULL);
}

/* All that Ana's phone holds of the scopes that they share, less what Ben's phone wrote itself. */
static void collect(struct scene *x)
{
    const struct device_id maya = world_node(x->w, x->s.maya)->self.device;
    struct query q;
    query_start(
        &q, &world_node(x->w, x->s.ana)->sql,
        "SELECT g.kind, e.entry FROM entry e JOIN mls_group g ON g.scope = e.scope WHERE g.kind IN (1, 2, 3)"
        " AND g.state = 1 AND e.author != ? AND e.has_body = 1 ORDER BY e.id",
        "b", SPAN_ID(&x->ben));
    while (query_next(&q)) {
        struct carried *c = &x->carried[x->count++];
        assert_true(x->count < ENTRIES_MAX);
        c->kind = (enum scope_kind)query_int(&q, 0);
        c->via = maya;
        buffer_init(&c->bytes, GROUP_MESSAGE_MAX);
        assert_ok(buffer_copy(&c->bytes, query_blob(&q, 1)));
        assert_ok(journal_entry_decode(&c->e, buffer_span(&c->bytes)));
    }
    assert_ok(query_end(&q));
}

/* What is said, changed, taken back, reacted to and told of, partly by two devices at the same moment. */
static void family_talks(struct scene *x)
{
    struct world *w = x->w;
    char kept[80], gone[80];
    world_ok(w, x->s.ana, CMD_TIMER, "Berg", "90000", NULL, NULL);
    snprintf(kept, sizeof(kept), "%s", world_ok(w, x->s.ana, CMD_SEND, "Berg", "at for", NULL, NULL)->id);
    snprintf(gone, sizeof(gone), "%s", world_ok(w, x->s.maya, CMD_SEND, "Berg", "no", NULL, NULL)->id);
    world_run(w, 2 * MINUTE_MS);
    world_ok(w, x->laptop, CMD_EDIT, kept, "at four", NULL, NULL);
    world_ok(w, x->s.ana, CMD_EDIT, kept, "at five", NULL, NULL);
    world_ok(w, x->s.maya, CMD_EDIT, gone, "no, no", NULL, NULL);
    world_ok(w, x->laptop, CMD_REACT, kept, "yes", NULL, NULL);
    world_ok(w, x->s.ana, CMD_REACT, kept, "well", NULL, NULL);
    world_ok(w, x->s.maya, CMD_REACT, kept, "hm", NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    collect(x); /* also what is taken back soon */
    world_ok(w, x->s.maya, CMD_REACT, kept, NULL, NULL, NULL);
    world_ok(w, x->s.maya, CMD_DELETE, gone, NULL, NULL, NULL);
    world_ok(w, x->laptop, CMD_TIMER, "Berg", "0", NULL, NULL);
    world_ok(w, x->s.ana, CMD_TIMER, "Berg", "70000", NULL, NULL);
    world_ok(w, x->laptop, CMD_SEND, "Berg", "good night", NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    world_ok(w, x->s.ana, CMD_SEND, "Berg", "sleep well", NULL, NULL); /* one more receipt for this author */
    world_run(w, 5 * MINUTE_MS);
}

/* Both of Ana's devices act before either has heard of the other; later edits know of both. */
static void family_goes_on(struct scene *x)
{
    struct world *w = x->w;
    char id[80];
    set_rule(x, x->s.ana, "permit_days", "30");
    set_rule(x, x->laptop, "permit_days", "45");
    set_rule(x, x->laptop, "pending_max", "5");
    stranger_asks(x, "Sam", "Sol");
    world_request(w, x->s.ana, id);
    world_ok(w, x->s.ana, CMD_APPROVE, id, NULL, NULL, NULL);
    world_ok(w, x->laptop, CMD_DENY, id, "no", NULL, NULL);
    world_run(w, 2 * MINUTE_MS);
    set_rule(x, x->laptop, "permit_days", "60");
    stranger_asks(x, "Kim", "Lund");
    story_decide(w, x->laptop, true);
    world_run(w, 5 * MINUTE_MS);
    set_rule(x, x->s.ana, "permit_days", "80");
    world_ok(w, x->laptop, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    maya_asks(x, "Nils", "Moe");
    maya_asks(x, "Olga", "Ek");
    world_ok(w, x->s.ana, CMD_WITHDRAW, "Olga", NULL, NULL, NULL);
    world_ok(w, x->s.maya, CMD_SEND, "Berg", "where is Ben?", NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    family_talks(x);
}

/* ---- carrying ---- */

static enum status take(struct node *n, void *arg)
{
    const struct carried *c = arg;
    return journal_take_passed_on(n, c->kind, &c->e.header.scope, buffer_span(&c->bytes), &c->via);
}

static void shuffle(struct scene *x)
{
    for (size_t i = x->count; i > 1; i--) {
        size_t j = (size_t)test_entropy_below(&x->dice, i);
        struct carried c = x->carried[i - 1];
        x->carried[i - 1] = x->carried[j];
        x->carried[j] = c;
    }
}

/* ---- what Ben's phone holds then ---- */

static const char *const STATE[] = {
    "SELECT scope, author, seq, hash, has_body, attested, applied, fork FROM entry WHERE own = 0"
    " ORDER BY scope, author, seq, hash",
    "SELECT scope, author, cont_seq, cont_hash FROM head WHERE author != (SELECT value FROM meta WHERE key ="
    " 'device') ORDER BY scope, author",
    "SELECT child_family, child, contact_family, contact, serial, enough, permit FROM permit ORDER BY "
    "1,2,3,4,5",
    /* less those that this phone makes itself when it has seen a yes before the no */
    "SELECT child_family, child, contact_family, contact, serial FROM withdrawal w WHERE NOT EXISTS (SELECT 1"
    " FROM entry e WHERE e.own = 1 AND e.kind = 15 AND instr(e.entry, w.withdrawal) > 0) ORDER BY 1,2,3,4,5",
    "SELECT id, kind, person, other_family, other_person, other_name, note, state, days FROM request ORDER "
    "BY id",
    "SELECT request, entry, parent, yes, hlc, reason FROM decision ORDER BY request, entry",
    "SELECT person, family, other, name, supervised, state, scope FROM contact ORDER BY person, family, "
    "other",
    "SELECT id, person, expires_at, void FROM invite ORDER BY id",
    "SELECT scope, target, family, person, hlc, hash FROM said_edit ORDER BY 1,2,3,4,5,6",
    "SELECT * FROM said_erased ORDER BY 1,2,3,4",
    "SELECT * FROM said_reaction ORDER BY 1,2,3,4",
    "SELECT * FROM said_timer ORDER BY 1,2,3",
    "SELECT hash, has_body, erased, iif(has_body = 1, gone_at, 0) FROM entry WHERE kind IN (1, 28) AND own = "
    "0"
    " ORDER BY 1",
    "SELECT * FROM receipt ORDER BY 1,2,3,4",
};
enum { STATES = sizeof(STATE) / sizeof(STATE[0]) };

struct held {
    uint8_t of[STATES][WORLD_DIGEST_LEN];
    char rules[4096];
};

static void see_rule(void *ctx, const struct policy_row *row)
{
    struct held *h = ctx;
    size_t at = strlen(h->rules);
    snprintf(h->rules + at, sizeof(h->rules) - at, "%s = %s\n", row->field, row->value);
}

static void look(struct scene *x, struct held *h)
{
    memset(h, 0, sizeof(*h));
    for (size_t i = 0; i < STATES; i++)
        world_digest(x->w, x->s.ben, STATE[i], h->of[i]);
    assert_ok(view_policy(world_node(x->w, x->s.ben), "Maya", see_rule, h));
}

static void assert_same(const struct held *a, const struct held *b, int order)
{
    for (size_t i = 0; i < STATES; i++) {
        if (memcmp(a->of[i], b->of[i], WORLD_DIGEST_LEN) != 0)
            fail_msg("order %d gives other rows: %s", order, STATE[i]);
    }
    assert_string_equal(a->rules, b->rules);
}

static void T51_the_same_entries_in_any_order_give_the_same_state(void **state)
{
    struct scene *x = *state;
    struct held first, other;
    world_keep_home(x->w, x->s.ben, 0);
    world_off(x->w, x->s.ben);
    family_goes_on(x);
    world_on(x->w, x->s.ben);
    collect(x);
    assert_true(x->count > 30);
    for (int order = 0; order < ORDERS; order++) {
        world_put_back_home(x->w, x->s.ben, 0); /* no time passes: nothing comes from the relay */
        for (size_t i = 0; i < x->count; i++)
            assert_ok(world_forge(x->w, x->s.ben, take, &x->carried[i]));
        world_tick(x->w, x->s.ben);
        look(x, order == 0 ? &first : &other);
        if (order > 0)
            assert_same(&first, &other, order);
        shuffle(x);
    }
    /* It is a state with everything in it. */
    assert_non_null(strstr(first.rules, "permit_days = 80\n"));
    assert_int_equal(world_number(x->w, x->s.ben, "SELECT count(*) FROM decision"),
                     world_number(x->w, x->s.ana, "SELECT count(*) FROM decision"));
    assert_true(world_number(x->w, x->s.ben, "SELECT count(*) FROM withdrawal") >= 2);
    assert_true(world_number(x->w, x->s.ben, "SELECT count(*) FROM permit WHERE enough = 1") >= 2);
    assert_int_equal(world_number(x->w, x->s.ben, "SELECT count(*) FROM said_edit"), 3);
    assert_int_equal(world_number(x->w, x->s.ben, "SELECT count(*) FROM said_reaction"), 2);
    assert_true(world_number(x->w, x->s.ben, "SELECT count(*) FROM said_timer") >= 3);
    assert_int_equal(world_number(x->w, x->s.ben, "SELECT count(*) FROM entry WHERE erased = 1"), 2);
    assert_true(world_number(x->w, x->s.ben, "SELECT count(*) FROM receipt") >= 2);
}

/* A second device of the child's may hear of the end before it hears of the beginning. */
static void T51_a_contact_that_ended_has_its_name_when_the_permit_comes_last(void **state)
{
    struct scene *x = *state;
    struct carried c = {.kind = SCOPE_WARD};
    bool found = false;
    struct node *n = world_node(x->w, x->s.maya);
    buffer_init(&c.bytes, GROUP_MESSAGE_MAX);
    world_ok(x->w, x->s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    world_run(x->w, 5 * MINUTE_MS);
    assert_ok(sql_bytes(&n->sql, &c.bytes, &found, "SELECT entry FROM entry WHERE kind = ?", "i",
                        (int64_t)ENTRY_PERMIT));
    assert_true(found);
    assert_ok(journal_entry_decode(&c.e, buffer_span(&c.bytes)));
    /* As on a device that joined the conversation and then heard of the withdrawal. */
    assert_ok(sql_run(&n->sql, "DELETE FROM entry WHERE kind = ?", "i", (int64_t)ENTRY_PERMIT));
    assert_ok(sql_run(&n->sql, "UPDATE contact SET name = '?'", ""));
    assert_ok(sql_run(&n->sql, "UPDATE permit SET granted = 0", "")); /* such a device has not acted on it */
    c.via = world_node(x->w, x->s.ben)->self.device;
    assert_ok(world_forge(x->w, x->s.maya, take, &c));
    assert_int_equal(
        world_number(x->w, x->s.maya, "SELECT count(*) FROM contact WHERE name = 'Leo' AND state = 3"), 1);
    buffer_wipe(&c.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(T51_the_same_entries_in_any_order_give_the_same_state, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(T51_a_contact_that_ended_has_its_name_when_the_permit_comes_last,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
