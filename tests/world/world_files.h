/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of files look at. */
#ifndef KITH_TESTS_WORLD_FILES_H
#define KITH_TESTS_WORLD_FILES_H

#include "tests/world/world_story.h"

struct file_seen {
    char id[80], state[16], why[32];
    uint64_t bytes;
    uint32_t parts;
    size_t count;
};

enum { FILM_SIZE = 3 * (1 << 20) + 5, FILM_SEED = 3 };
/* Two families (world_story.h); on Ana's phone is /film, a file of that size and seed and no image. */
void file_story(struct world *w, struct story *s);
/* The newest file that this device knows of. */
struct file_seen file_look(struct world *w, size_t device);
/* Until its state is this; NULL: until there is no file at all. */
void file_wait(struct world *w, size_t device, const char *state);
/* The newest file that is here is that of a world_source. */
void file_assert_bytes(struct world *w, size_t device, uint64_t size, uint8_t seed, bool image);
/* Neither files nor bytes of them nor logs for them are on this device. */
void file_assert_none(struct world *w, size_t device);

#endif
