/* SPDX-License-Identifier: Apache-2.0 */
/* A removal and what the removed device wrote reach the others in either order (T51, T21): the pins of the
 * removal say what counts, whoever heard of what first. */
#include <stdio.h>

#include "sync/journal.h"
#include "tests/world/world_test.h"

struct scene {
    struct world *w;
    struct story s;
    size_t old, sam; /* Ana's old phone; somebody who asks to meet Maya */
};

static int setup(void **state)
{
    struct scene *x = mem_alloc(1, sizeof(*x));
    x->w = world_new(test_seed(1));
    story_children_meet(x->w, &x->s);
    x->old = story_add(x->w, x->s.ana, "Ana's old phone", "Ana", "parent", SIZE_MAX);
    world_run(x->w, 5 * MINUTE_MS);
    x->sam = world_add(x->w, "Sam's phone");
    story_found(x->w, x->sam, "Lund", "Sam");
    story_ask(x->w, x->sam, x->s.ben, "Maya", "hello");
    world_run(x->w, 2 * MINUTE_MS);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct scene *x = *state;
    world_free(x->w);
    mem_free(x, sizeof(*x));
    return 0;
}

static long long of_old(struct scene *x, size_t device, const char *rest)
{
    char sql[300], hex[2 * ID_LEN + 1];
    const struct device_id id = world_node(x->w, x->old)->self.device;
    hex_encode(hex, SPAN_ID(&id));
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM entry WHERE author = x'%s' AND %s", hex, rest);
    return (long long)world_number(x->w, device, sql);
}

/* ---- what came before its removal ---- */

/* All that opens something, while Ana's own phone hears of nothing. */
static void old_phone_goes_on(struct scene *x)
{
    char id[80];
    world_cut(x->w, x->s.ana, true);
    world_ok(x->w, x->old, CMD_SEND, "Berg", "found in the street", NULL, NULL);
    world_ok(x->w, x->old, CMD_INVITE, "Maya", NULL, NULL, NULL);
    world_request(x->w, x->old, id);
    world_ok(x->w, x->old, CMD_APPROVE, id, NULL, NULL, NULL);
    world_run(x->w, 2 * MINUTE_MS);
}

static void assert_same(struct scene *x, const char *sql)
{
    world_same(x->w, x->s.ana, x->s.ben, "what the pins leave", sql);
}

static void T51_T21_what_lies_beyond_a_pin_is_taken_back_when_the_pin_comes_later(void **state)
{
    struct scene *x = *state;
    old_phone_goes_on(x);
    assert_true(world_has_text(x->w, x->s.ben, "found in the street", "Ana"));
    assert_true(of_old(x, x->s.ben, "kind IN (1, 6, 13, 14) AND applied = 1 AND seq > 0") >= 4);
    assert_int_equal(world_number(x->w, x->s.ben, "SELECT count(*) FROM decision WHERE yes = 1"),
                     world_number(x->w, x->s.ana, "SELECT count(*) FROM decision WHERE yes = 1") + 1);
    world_ok(x->w, x->s.ana, CMD_DEVICES_REMOVE, "Ana's old phone", NULL, NULL, NULL);
    world_cut(x->w, x->s.ana, false);
    world_run(x->w, 30 * MINUTE_MS);
    /* Ben's phone and Maya's tablet had all of it before the removal, Ana's phone after. */
    assert_false(world_has_text(x->w, x->s.ben, "found in the street", NULL));
    assert_false(world_has_text(x->w, x->s.ana, "found in the street", NULL));
    assert_int_equal(of_old(x, x->s.ben, "kind IN (1, 6, 13, 14) AND applied = 1"),
                     of_old(x, x->s.ana, "kind IN (1, 6, 13, 14) AND applied = 1"));
    assert_same(x, "SELECT scope, author, seq, hash, applied FROM entry WHERE kind IN (1, 6, 13, 14)"
                   " AND scope IN (SELECT scope FROM mls_group WHERE kind IN (1, 2, 3)) ORDER BY 1, 2, 3");
    assert_same(x, "SELECT request, entry, yes FROM decision ORDER BY 1, 2");
    assert_same(x, "SELECT id, kind, state FROM request ORDER BY 1");
    assert_same(x, "SELECT child, contact, serial, enough, permit FROM permit ORDER BY 1, 2, 3, 5");
    assert_same(x, "SELECT person, family, other, state FROM contact ORDER BY 1, 2, 3");
    assert_same(x, "SELECT id FROM invite WHERE void = 0 ORDER BY 1");
    /* The request waits again, and one of them may say yes. */
    story_decide(x->w, x->s.ben, true);
    story_wait_contact(x->w, x->s.maya, "Sam", "active");
}

/* ---- what came after its removal, and lies within the pin ---- */

static void T51_what_lies_within_a_pin_counts_where_it_comes_after_the_removal(void **state)
{
    struct scene *x = *state;
    world_off(x->w, x->s.ben);
    world_ok(x->w, x->old, CMD_SEND, "Berg", "still mine", NULL, NULL);
    world_ok(x->w, x->old, CMD_INVITE, "Maya", NULL, NULL, NULL);
    world_run(x->w, 2 * MINUTE_MS);
    world_ok(x->w, x->s.ana, CMD_DEVICES_REMOVE, "Ana's old phone", NULL, NULL, NULL);
    world_run(x->w, 10 * MINUTE_MS);
    world_on(x->w, x->s.ben);
    world_run(x->w, 10 * MINUTE_MS);
    /* As on a device that comes later: nothing of the old phone is here, nor who it was. */
    char sql[400], hex[2 * ID_LEN + 1];
    const struct device_id id = world_node(x->w, x->old)->self.device;
    hex_encode(hex, SPAN_ID(&id));
    world_sql(x->w, x->s.ben, "DELETE FROM invite WHERE expires_at = (SELECT max(expires_at) FROM invite)");
    snprintf(sql, sizeof(sql), "DELETE FROM entry WHERE author = x'%s'", hex);
    world_sql(x->w, x->s.ben, sql);
    snprintf(sql, sizeof(sql), "UPDATE head SET cont_seq = 0, cont_hash = NULL WHERE author = x'%s'", hex);
    world_sql(x->w, x->s.ben, sql);
    snprintf(sql, sizeof(sql), "DELETE FROM certificate WHERE device = x'%s'", hex);
    world_sql(x->w, x->s.ben, sql);
    world_run(x->w, INT64_C(6) * 60 * MINUTE_MS); /* a `have` of everybody */
    assert_true(of_old(x, x->s.ben, "kind IN (1, 6) AND applied = 1") == 2);
    assert_same(x, "SELECT scope, author, seq, hash, applied FROM entry WHERE kind IN (1, 6, 13, 14)"
                   " AND scope IN (SELECT scope FROM mls_group WHERE kind IN (1, 2, 3)) ORDER BY 1, 2, 3");
    assert_same(x, "SELECT id, void FROM invite ORDER BY 1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct hits {
    size_t count;
};

static void count_hit(void *ctx, const struct history_row *row)
{
    struct hits *h = ctx;
    (void)row;
    h->count++;
}

static size_t found(struct scene *x, size_t device, const char *words)
{
    struct hits h = {0};
    const struct search_args args = {.words = words, .limit = NODE_ROWS_MAX};
    assert_ok(view_search(world_node(x->w, device), &args, count_hit, &h));
    return h.count;
}

static void T51_what_an_edit_beyond_a_pin_said_is_found_no_more(void **state)
{
    struct scene *x = *state;
    char id[80];
    snprintf(id, sizeof(id), "%s", world_ok(x->w, x->old, CMD_SEND, "Berg", "apples", NULL, NULL)->id);
    world_run(x->w, 2 * MINUTE_MS);
    world_cut(x->w, x->s.ana, true);
    world_ok(x->w, x->old, CMD_EDIT, id, "quinces", NULL, NULL);
    world_run(x->w, 2 * MINUTE_MS);
    assert_int_equal(found(x, x->s.ben, "quinces"), 1);
    assert_int_equal(found(x, x->s.ben, "apples"), 0);
    world_ok(x->w, x->s.ana, CMD_DEVICES_REMOVE, "Ana's old phone", NULL, NULL, NULL);
    world_cut(x->w, x->s.ana, false);
    world_run(x->w, 30 * MINUTE_MS);
    assert_int_equal(found(x, x->s.ben, "quinces"), 0);
    assert_int_equal(found(x, x->s.ben, "apples"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T51_T21_what_lies_beyond_a_pin_is_taken_back_when_the_pin_comes_later),
        TEST(T51_what_lies_within_a_pin_counts_where_it_comes_after_the_removal),
        TEST(T51_what_an_edit_beyond_a_pin_said_is_found_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
