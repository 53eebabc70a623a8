/* SPDX-License-Identifier: Apache-2.0 */
/* The scene of tests in which somebody's program misbehaves: two families, whose children are contacts. */
#ifndef KITH_TESTS_WORLD_WORLD_SCENE_H
#define KITH_TESTS_WORLD_WORLD_SCENE_H

#include "tests/world/world_test.h"

struct scene {
    struct world *w;
    struct story s;
};

/* *state is a scene in a new world of the run's seed; it is freed. */
int scene_meet(void **state);
int scene_begin(void **state); /* the same, when the children have talked */
int scene_end(void **state);
#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

#endif
