/* SPDX-License-Identifier: Apache-2.0 */
/* A pairing that comes to nothing ends on both sides, and says why: nobody waits for good. */
#include <stdio.h>

#include "tests/world/world_test.h"

/* Everything but the signature of the child's own device, which is off. */
static void pair_up_to_signature(struct world *w, size_t parent, size_t device)
{
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    snprintf(link, sizeof(link), "%s",
             world_ok(w, parent, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL)->link);
    world_ok(w, device, CMD_PAIR_ACCEPT, link, world_device_name(w, device), NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_int_equal(world_pairing(w, device, code), PAIRING_CODE);
    world_ok(w, parent, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    world_ok(w, device, CMD_PAIR_YES, NULL, NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_int_equal(world_pairing(w, device, code), PAIRING_JOINING);
}

static void of_two_devices_that_a_child_signs_for_at_once_one_comes_and_the_other_hears_no(void **state)
{
    struct world *w = *state;
    char code[NODE_CODE_LEN + 1];
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet"),
           laptop = world_add(w, "Maya's laptop"), phone = world_add(w, "Maya's phone");
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, maya, "Maya", "child", SIZE_MAX);
    world_run(w, 5 * MINUTE_MS);
    world_off(w, maya);
    pair_up_to_signature(w, ana, laptop);
    pair_up_to_signature(w, ana, phone);
    world_off(w, ana);
    world_on(w, maya);
    story_decide(w, maya, true);
    story_decide(w, maya, true);
    world_run(w, MINUTE_MS);
    world_on(w, ana);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_pairing(w, laptop, code), PAIRING_DONE);
    assert_int_equal(world_pairing(w, phone, code),
                     PAIRING_FAILED); /* what she signed is older than the laptop */
    assert_int_equal(world_pairing(w, ana, code), PAIRING_FAILED);
    assert_status(world_pairing_failed(w, ana), ST_CHAIN_STALE);
    assert_true(world_pairing_failed(w, phone) != ST_OK);
    /* And a new link works. */
    story_pair(w, ana, phone, "Maya", "child", maya);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(of_two_devices_that_a_child_signs_for_at_once_one_comes_and_the_other_hears_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
