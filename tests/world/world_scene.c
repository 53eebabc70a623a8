/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_scene.h"

int scene_meet(void **state)
{
    static struct scene x;
    x.w = world_new(test_seed(1));
    story_children_meet(x.w, &x.s);
    *state = &x;
    return 0;
}

int scene_begin(void **state)
{
    (void)scene_meet(state);
    const struct scene *x = *state;
    story_say(x->w, x->s.leo, "Maya", "hello", x->s.maya);
    story_say(x->w, x->s.maya, "Leo", "hello you", x->s.leo);
    world_run(x->w, 5 * MINUTE_MS);
    return 0;
}

int scene_end(void **state)
{
    world_free(((struct scene *)*state)->w);
    return 0;
}
