/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a device of the world can send: made of nothing but a size and a seed. */
#ifndef KITH_TESTS_WORLD_SOURCE_H
#define KITH_TESTS_WORLD_SOURCE_H

#include "sync/node.h"

enum world_source_limits { WORLD_SOURCES_MAX = 64, WORLD_SOURCE_PATH_MAX = 64 };

struct world_source {
    struct {
        char path[WORLD_SOURCE_PATH_MAX];
        uint64_t size;
        uint8_t seed;
        bool image; /* begins as a PNG does */
        int64_t version;
    } at[WORLD_SOURCES_MAX];
    size_t count;
    bool full;       /* the disk has no room */
    uint64_t reads;  /* bytes so far */
    uint64_t change; /* not 0: after so many more bytes every file changes once */
};

void world_source_add(struct world_source *s, const char *path, uint64_t size, uint8_t seed, bool image);
/* Byte `at` of such a file. */
uint8_t world_source_byte(uint8_t seed, bool image, uint64_t at);
void world_source_files(struct world_source *s, struct node_files *out);

#endif
