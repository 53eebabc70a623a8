/* SPDX-License-Identifier: Apache-2.0 */
/* A relay in an attacker's hands, under two whole families: it puts blocks into logs, repeats and changes
 * them, and gives them in another order (T04). Nothing false is ever shown, and in the end all hold the same,
 * or there is an alarm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/world/world_test.h"

enum { RING = 32, ROUNDS = 8 };

struct attacker {
    struct test_entropy dice;
    unsigned add_percent, change_percent;
    uint8_t ring[RING][BLOCK_LEN]; /* blocks that it saw, of any log */
    size_t seen, added, changed;
    uint8_t room[2][BLOCK_LEN]; /* what answers point to */
};

static bool chance(struct attacker *a, unsigned percent)
{
    return test_entropy_below(&a->dice, 100) < percent;
}

static void flip_a_bit(struct attacker *a, uint8_t *block)
{
    size_t bit = (size_t)test_entropy_below(&a->dice, (uint64_t)BLOCK_LEN * 8);
    block[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* One block of the attacker's making: the same again, the same changed, an older one, or noise. */
static void make_block(struct attacker *a, struct span honest, uint8_t out[static BLOCK_LEN])
{
    uint64_t how = test_entropy_below(&a->dice, 4);
    memcpy(out, honest.ptr, BLOCK_LEN);
    if (how == 1)
        flip_a_bit(a, out);
    else if (how == 2 && a->seen > 0)
        memcpy(out, a->ring[test_entropy_below(&a->dice, a->seen < RING ? a->seen : RING)], BLOCK_LEN);
    else if (how == 3)
        entropy_fill(&a->dice.entropy, out, BLOCK_LEN);
}

static bool add(void *ctx, const struct relay_request *append, uint8_t block[static BLOCK_LEN])
{
    struct attacker *a = ctx;
    bool now = chance(a, a->add_percent);
    if (now)
        make_block(a, append->block, block);
    memcpy(a->ring[a->seen++ % RING], append->block.ptr, BLOCK_LEN);
    a->added += now;
    return now;
}

static void change(void *ctx, const struct relay_request *read, struct relay_answer *answer)
{
    struct attacker *a = ctx;
    (void)read;
    if (answer->count == 0 || !chance(a, a->change_percent))
        return;
    size_t i = (size_t)test_entropy_below(&a->dice, answer->count),
           j = (size_t)test_entropy_below(&a->dice, answer->count);
    if (i != j) {
        struct span one = answer->blocks[i].block;
        answer->blocks[i].block = answer->blocks[j].block;
        answer->blocks[j].block = one;
    } else {
        make_block(a, answer->blocks[i].block, a->room[0]);
        answer->blocks[i].block = SPAN(a->room[0]);
    }
    a->changed++;
}

/* ---- what may be shown ---- */

struct said {
    char text[48], from[16];
};

struct scene {
    struct world *w;
    struct story s;
    struct attacker a;
    struct said said[64];
    size_t count;
};

static void say(struct scene *x, size_t device, const char *from, const char *whom)
{
    struct said *s = &x->said[x->count];
    snprintf(s->text, sizeof(s->text), "%s says number %zu", from, x->count++);
    snprintf(s->from, sizeof(s->from), "%s", from);
    world_ok(x->w, device, CMD_SEND, whom, s->text, NULL, NULL);
}

struct seen {
    struct scene *x;
    unsigned times[64];
};

static void see(void *ctx, const struct history_row *row)
{
    struct seen *s = ctx;
    size_t i = 0;
    while (i < s->x->count && strcmp(s->x->said[i].text, row->text) != 0)
        i++;
    if (i == s->x->count || strcmp(s->x->said[i].from, row->from) != 0)
        fail_msg("shown, and never said so: %s: %s", row->from, row->text);
    s->times[i]++;
}

static void nothing_false(struct scene *x)
{
    const struct history_args args = {.with = NULL};
    for (size_t d = x->s.ana; d <= x->s.leo; d++) {
        struct seen s = {.x = x};
        assert_ok(view_history(world_node(x->w, d), &args, see, &s));
        for (size_t i = 0; i < x->count; i++)
            assert_true(s.times[i] <= 1);
        assert_int_equal(world_number(x->w, d, "SELECT count(*) FROM entry WHERE fork = 1"), 0);
    }
}

static void assert_same_or_alarm(struct scene *x, size_t a, size_t b)
{
    if (world_alarms(x->w, a) + world_alarms(x->w, b) == 0)
        world_same_state(x->w, a, b);
}

/* ---- the test ---- */

static void play(uint64_t seed, unsigned change_percent)
{
    struct scene *x = calloc(1, sizeof(*x));
    const struct world_hostile hostile = {&x->a, add, change};
    x->w = world_new(seed);
    test_entropy_init(&x->a.dice, seed + 4);
    x->a.add_percent = 30;
    world_hostile(x->w, &hostile);
    story_children_meet(x->w, &x->s);
    x->a.change_percent = change_percent;
    for (int i = 0; i < ROUNDS; i++) {
        say(x, x->s.leo, "Leo", "Maya");
        say(x, x->s.maya, "Maya", "Leo");
        say(x, x->s.ben, "Ben", "Berg");
        world_run(x->w, 10 * MINUTE_MS);
        if (i == ROUNDS / 2)
            world_ok(x->w, x->s.ana, CMD_POLICY_SET, "Maya", "permit_days", "30", NULL);
        nothing_false(x);
    }
    world_hostile(x->w, NULL);
    world_run(x->w, 2 * DAY_MS);
    nothing_false(x);
    assert_true(x->a.added > 20);
    assert_true(change_percent == 0 || x->a.changed > 10);
    assert_same_or_alarm(x, x->s.ana, x->s.ben);
    assert_same_or_alarm(x, x->s.ana, x->s.maya);
    assert_same_or_alarm(x, x->s.rosa, x->s.leo);
    if (change_percent == 0) { /* blocks of its own making keep nothing back */
        assert_int_equal(world_text_count(x->w, x->s.maya), x->count);
        assert_int_equal(world_text_count(x->w, x->s.leo), 2 * (size_t)ROUNDS);
    }
    world_free(x->w);
    free(x);
}

static void T04_blocks_that_a_relay_adds_and_repeats_change_nothing(void **state)
{
    (void)state;
    play(test_seed(1), 0);
}

static void T04_a_relay_that_changes_and_reorders_shows_nothing_false(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        play(test_seed(1) + i, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T04_blocks_that_a_relay_adds_and_repeats_change_nothing),
        cmocka_unit_test(T04_a_relay_that_changes_and_reorders_shows_nothing_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
