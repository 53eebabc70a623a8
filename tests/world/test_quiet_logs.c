/* SPDX-License-Identifier: Apache-2.0 */
/* A log that says it has more and gives nothing: trimmed, or of a relay that hides. */
#include "tests/world/world_test.h"

enum { REQUESTS_A_MINUTE = 20 };

static bool add_nothing(void *ctx, const struct relay_request *append, uint8_t block[static BLOCK_LEN])
{
    (void)ctx;
    (void)append;
    (void)block;
    return false;
}

static void hide_all(void *ctx, const struct relay_request *read, struct relay_answer *answer)
{
    (void)ctx;
    (void)read;
    answer->count = 0;
}

static bool is_there(struct world *w, void *ctx)
{
    return world_has_text(w, *(const size_t *)ctx, "are you there?", NULL);
}

static void a_log_that_gives_nothing_is_asked_now_and_then_and_read_when_it_gives(void **state)
{
    const struct world_hostile hides = {.add = add_nothing, .change = hide_all};
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, MINUTE_MS);
    world_hostile(w, &hides);
    world_ok(w, s.maya, CMD_SEND, "Leo", "are you there?", NULL, NULL);
    world_run(w, MINUTE_MS);
    uint64_t before = world_cost(w, s.leo).requests;
    world_run(w, 10 * MINUTE_MS);
    uint64_t asked = world_cost(w, s.leo).requests - before;
    assert_true(asked >= 10);
    assert_true(asked <= 10 * REQUESTS_A_MINUTE);
    assert_false(world_has_text(w, s.leo, "are you there?", NULL));
    world_hostile(w, NULL);
    assert_true(world_until(w, is_there, &s.leo, 3 * MINUTE_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_log_that_gives_nothing_is_asked_now_and_then_and_read_when_it_gives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
