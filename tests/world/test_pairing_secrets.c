/* SPDX-License-Identifier: Apache-2.0 */
/* What a pairing leaves on disk: looked at from outside, while the device runs. */
#include <stdio.h>

#include "protocol/recovery.h"
#include "tests/world/world_test.h"

static size_t on_disk(struct world *w, size_t device, struct span what)
{
    return world_disk_find(world_disk_of(w, device), what.ptr, what.len);
}

static bool is_at(struct world *w, void *ctx)
{
    const size_t *x = ctx;
    char code[NODE_CODE_LEN + 1];
    return world_pairing(w, x[0], code) == (enum pairing_state)x[1];
}

static void T54_a_recovery_kit_is_shown_once_and_then_on_no_disk(void **state)
{
    (void)state;
    struct world *w = world_new(test_seed(54));
    size_t ana = world_add(w, "Ana's phone"), ben = world_add(w, "Ben's phone");
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    struct secret kit;
    story_found(w, ana, "Berg", "Ana");
    snprintf(link, sizeof(link), "%s", world_ok(w, ana, CMD_PAIR_INVITE, "Ben", "parent", NULL, NULL)->link);
    world_ok(w, ben, CMD_PAIR_ACCEPT, link, "phone", NULL, NULL);
    size_t at_code[] = {ben, PAIRING_CODE}, typed[] = {ana, PAIRING_CODE},
           accepted[] = {ben, PAIRING_ACCEPTED};
    assert_true(world_until(w, is_at, at_code, 60000) && world_until(w, is_at, typed, 60000));
    world_pairing(w, ben, code);
    world_ok(w, ana, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL);
    assert_true(world_until(w, is_at, accepted, 60000));
    const char *words = world_ok(w, ben, CMD_PAIR_YES, NULL, NULL, NULL, NULL)->kit;
    assert_ok(recovery_parse(span_text(words), &kit));
    assert_int_equal(on_disk(w, ben, SPAN_ID(&kit)), 0);
    assert_int_equal(on_disk(w, ben, SPAN_OF((const uint8_t *)words, strlen(words))), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T54_a_recovery_kit_is_shown_once_and_then_on_no_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
