/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody says that a device wrote what it did not write, so that it takes itself for an old copy of its own
 * database: leaves its groups, stops, goes on after words of the liar's (T42, T25). */
#include <string.h>

#include "protocol/entry_body.h"
#include "sync/journal_internal.h"
#include "tests/world/world_scene.h"

static int setup(void **state)
{
    (void)scene_meet(state);
    const struct scene *x = *state;
    story_say(x->w, x->s.maya, "Leo", "one", x->s.leo);
    story_say(x->w, x->s.maya, "Berg", "dinner", x->s.ana);
    return 0;
}

struct claim {
    struct device_id as; /* whose entry it pretends to be */
    enum scope_kind kind;
    bool bare;                      /* its header alone */
    const struct sign_private *key; /* signs it; NULL: nobody does */
    uint64_t after;                 /* this many entries after the last that the liar knows */
};

static enum status fill_claim(struct node *n, const struct claim *c, struct span text,
                              struct journal_entry *e)
{
    struct query q;
    e->header.author = c->as;
    e->header.seq = 1 + c->after;
    query_start(&q, &n->sql,
                "SELECT seq, hash FROM entry WHERE scope = ? AND author = ? ORDER BY seq DESC LIMIT 1", "bb",
                SPAN_ID(&e->header.scope), SPAN_ID(&c->as));
    if (query_next(&q)) {
        e->header.seq += (uint64_t)query_int(&q, 0);
        QUERY_ID(&q, 1, &e->header.prev);
    }
    enum status st = query_end(&q);
    if (st == ST_OK)
        st = node_hlc(n, &e->header.hlc);
    e->body = text;
    e->has_body = true;
    e->kind = ENTRY_TEXT;
    if (st == ST_OK)
        st = journal_entry_hash_body(e);
    if (st == ST_OK && c->key) {
        e->has_signature = true;
        st = journal_entry_sign(e, c->key);
    }
    e->has_body = !c->bare;
    return st;
}

static enum status claim(struct node *n, void *arg)
{
    const struct claim *c = arg;
    const struct entry_body words = {.kind = ENTRY_TEXT, .u.text.text = span_text("I am leaving")};
    struct journal_entry e = {.has_body = true};
    struct buffer text, bytes;
    struct writer w;
    struct group *g = inside_group(n, (int)c->kind);
    buffer_init(&text, ENTRY_BODY_MAX);
    buffer_init(&bytes, GROUP_MESSAGE_MAX);
    writer_init(&w, &text);
    enum status st = entry_body_encode(&w, &words);
    if (st == ST_OK) {
        e.header.scope = g->scope;
        e.header.generation = g->generation;
        e.header.epoch = g->epoch;
        st = fill_claim(n, c, buffer_span(&text), &e);
    }
    writer_init(&w, &bytes);
    if (st == ST_OK)
        st = journal_entry_encode(&w, &e);
    const struct group_message m = {GROUP_PASSED_ON, buffer_span(&bytes)};
    if (st == ST_OK)
        st = group_send(n, g, &m, 1, OUTBOX_PLAIN, NULL);
    buffer_wipe(&text);
    buffer_wipe(&bytes);
    return st;
}

static int64_t left(struct scene *x, size_t device)
{
    return world_number(x->w, device, "SELECT count(*) FROM recover");
}

static bool took_itself_for_a_copy(struct scene *x, size_t device)
{
    return world_number(x->w, device, "SELECT count(*) FROM meta WHERE key = 'old_copy' AND value != 0") != 0;
}

static void assert_unmoved(struct scene *x, size_t device)
{
    assert_false(took_itself_for_a_copy(x, device));
    assert_int_equal(left(x, device), 0);
}

/* For two days, by every form of the lie; `liar` is a member of the group. */
static void lie(struct scene *x, size_t liar, size_t victim, enum scope_kind kind,
                const struct sign_private *key)
{
    struct claim c = {.as = world_node(x->w, victim)->self.device, .kind = kind, .key = key};
    for (uint64_t i = 0; i < 6; i++) {
        c.bare = i % 2 == 1;
        c.after = i / 2;
        assert_ok(world_forge(x->w, liar, claim, &c));
        world_run(x->w, MINUTE_MS);
        assert_unmoved(x, victim);
        world_run(x->w, 8 * HOUR_MS);
        assert_unmoved(x, victim);
    }
}

static void T42_a_contacts_claim_of_others_words_moves_no_device(void **state)
{
    struct scene *x = *state;
    world_run(x->w, 25 * HOUR_MS); /* the group is no new one */
    lie(x, x->s.leo, x->s.maya, SCOPE_CONVERSATION, NULL);
    assert_true(
        world_number(x->w, x->s.maya, "SELECT count(*) FROM notice WHERE what LIKE '%does not know'") > 0);
    story_say(x->w, x->s.maya, "Leo", "what I do say", x->s.leo);
    assert_true(world_has_text(x->w, x->s.leo, "what I do say", "Maya"));
    assert_false(world_has_text(x->w, x->s.maya, "I am leaving", NULL));
}

/* Maya's laptop holds what Leo's tablet gave it, and hands it on in good faith. */
static void T42_a_claim_that_an_own_device_hands_on_moves_no_device(void **state)
{
    struct scene *x = *state;
    size_t laptop = story_add(x->w, x->s.ana, "Maya's laptop", "Maya", "child", x->s.maya);
    world_run(x->w, 25 * HOUR_MS);
    struct claim c = {
        .as = world_node(x->w, x->s.maya)->self.device, .kind = SCOPE_CONVERSATION, .bare = true};
    world_off(x->w, x->s.maya);
    assert_ok(world_forge(x->w, x->s.leo, claim, &c));
    world_run(x->w, MINUTE_MS);
    assert_int_equal(world_number(x->w, laptop, "SELECT count(*) FROM entry WHERE has_body = 0"), 1);
    world_off(x->w, x->s.leo);
    world_on(x->w, x->s.maya);
    world_run(x->w, 10 * HOUR_MS);
    assert_unmoved(x, x->s.maya);
    assert_int_equal(world_number(x->w, x->s.maya,
                                  "SELECT count(*) FROM notice WHERE what LIKE '%not know'"
                                  " AND who LIKE '%laptop%'"),
                     1);
    world_on(x->w, x->s.leo);
    story_say(x->w, x->s.maya, "Leo", "what I do say", x->s.leo);
}

/* Nor does what such a device makes up itself: it may be the stolen one. */
static void T42_what_an_own_device_makes_up_in_own_moves_no_device(void **state)
{
    struct scene *x = *state;
    size_t laptop = story_add(x->w, x->s.ana, "Maya's laptop", "Maya", "child", x->s.maya);
    world_run(x->w, HOUR_MS);
    struct claim c = {.as = world_node(x->w, x->s.maya)->self.device, .kind = SCOPE_OWN};
    assert_ok(world_forge(x->w, laptop, claim, &c));
    world_run(x->w, MINUTE_MS);
    assert_unmoved(x, x->s.maya);
    assert_true(
        world_number(x->w, x->s.maya, "SELECT count(*) FROM notice WHERE what LIKE '%does not know'") > 0);
    story_say(x->w, x->s.maya, "Leo", "what I do say", x->s.leo);
}

/* In the family's scopes a signature is asked for, of the device itself. */
static void T25_a_claim_of_a_childs_device_stops_no_parent(void **state)
{
    struct scene *x = *state;
    struct sign_private key = world_node(x->w, x->s.maya)->self.key;
    lie(x, x->s.maya, x->s.ana, SCOPE_FAMILY, NULL);
    lie(x, x->s.maya, x->s.ana, SCOPE_WARD, &key);
    sign_private_wipe(&key);
    story_say(x->w, x->s.ana, "Berg", "still here", x->s.maya);
}

static void T42_a_claim_that_the_device_has_signed_is_believed(void **state)
{
    struct scene *x = *state;
    struct sign_private key = world_node(x->w, x->s.ana)->self.key;
    struct claim c = {.as = world_node(x->w, x->s.ana)->self.device, .kind = SCOPE_FAMILY, .key = &key};
    assert_ok(world_forge(x->w, x->s.ben, claim, &c));
    world_run(x->w, MINUTE_MS);
    assert_true(took_itself_for_a_copy(x, x->s.ana));
    sign_private_wipe(&key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T42_a_contacts_claim_of_others_words_moves_no_device),
        TEST(T42_a_claim_that_an_own_device_hands_on_moves_no_device),
        TEST(T42_what_an_own_device_makes_up_in_own_moves_no_device),
        TEST(T25_a_claim_of_a_childs_device_stops_no_parent),
        TEST(T42_a_claim_that_the_device_has_signed_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
