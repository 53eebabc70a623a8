/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_test.h"

int world_test_begin(void **state)
{
    *state = world_new(test_seed(1));
    return 0;
}

int world_test_end(void **state)
{
    world_free(*state);
    return 0;
}
