/* SPDX-License-Identifier: Apache-2.0 */
/* What a test of whole devices includes: the world, the story, and a fixture that gives each test a world of
 * its own. */
#ifndef KITH_TESTS_WORLD_WORLD_TEST_H
#define KITH_TESTS_WORLD_WORLD_TEST_H

#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_story.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS INT64_C(86400000)

/* *state is a new world of the run's seed; it is freed. */
int world_test_begin(void **state);
int world_test_end(void **state);
#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_test_begin, world_test_end)

#endif
