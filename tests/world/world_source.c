/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_source.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"
#include "tests/world/world_internal.h"

struct world_source *world_source_of(struct world *w, size_t device)
{
    return &w->devices[device].files;
}

void world_source_add(struct world_source *s, const char *path, uint64_t size, uint8_t seed, bool image)
{
    assert_true(s->count < WORLD_SOURCES_MAX);
    snprintf(s->at[s->count].path, WORLD_SOURCE_PATH_MAX, "%s", path);
    s->at[s->count].size = size;
    s->at[s->count].seed = seed;
    s->at[s->count].image = image;
    s->at[s->count++].version = 1;
}

uint8_t world_source_byte(uint8_t seed, bool image, uint64_t at)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (image && at < sizeof(png))
        return png[at];
    uint64_t x = (at + 1) * UINT64_C(0x9e3779b97f4a7c15) + seed;
    return (uint8_t)(x >> 56 ^ x >> 24 ^ seed);
}

static size_t find(const struct world_source *s, const char *path)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->at[i].path, path) != 0)
        i++;
    return i;
}

static enum status look(void *ctx, const char *path, struct node_file *out)
{
    const struct world_source *s = ctx;
    size_t i = find(s, path);
    memset(out, 0, sizeof(*out));
    if (i == s->count)
        return ST_FILE_SOURCE;
    out->size = s->at[i].size;
    out->inode = i + 1;
    out->modified_ns = s->at[i].version;
    return ST_OK;
}

static void count_reads(struct world_source *s, size_t len)
{
    s->reads += len;
    if (s->change != 0 && s->change <= len) {
        for (size_t i = 0; i < s->count; i++)
            s->at[i].version++;
        s->change = 0;
    } else if (s->change != 0) {
        s->change -= len;
    }
}

static enum status read_part(void *ctx, const char *path, const struct node_file *same, uint64_t at,
                             uint8_t *out, size_t len)
{
    struct world_source *s = ctx;
    size_t i = find(s, path);
    if (i == s->count)
        return ST_FILE_SOURCE;
    count_reads(s, len);
    if (s->at[i].version != same->modified_ns || at + len > s->at[i].size)
        return ST_FILE_CHANGED;
    for (size_t b = 0; b < len; b++)
        out[b] = world_source_byte(s->at[i].seed, s->at[i].image, at + b);
    return ST_OK;
}

static uint64_t room(void *ctx)
{
    const struct world_source *s = ctx;
    return s->full ? 0 : UINT64_C(1) << 40;
}

void world_source_files(struct world_source *s, struct node_files *out)
{
    *out = (struct node_files){.ctx = s, .look = look, .read = read_part, .room = room};
}
