/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/mls_peer_fields.h"

#include <stdlib.h>

#include "protocol/mls/limits.h"

enum { LIST_MAX = 64, BLOCKS_MAX = 1024 };

static void *blocks[BLOCKS_MAX];
static size_t block_count;
const char *bad_field;

void *block(size_t len)
{
    void *p = calloc(1, len + 1);
    if (!p || block_count == BLOCKS_MAX)
        abort();
    blocks[block_count++] = p;
    return p;
}

void free_blocks(void)
{
    while (block_count > 0)
        free(blocks[--block_count]);
}

static struct span hex_of(const json_t *value, const char *name)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value) / 2;
    uint8_t *bytes = block(len);
    if (!text || hex_decode(bytes, len, text, json_string_length(value)) != ST_OK)
        bad_field = name;
    return SPAN_OF(bytes, len);
}

struct span get_bytes(const json_t *in, const char *name)
{
    return hex_of(json_object_get(in, name), name);
}

struct span get_bytes_or_none(const json_t *in, const char *name)
{
    return json_object_get(in, name) ? get_bytes(in, name) : SPAN_EMPTY;
}

uint64_t get_number(const json_t *in, const char *name, uint64_t max)
{
    const json_t *value = json_object_get(in, name);
    json_int_t v = json_integer_value(value);
    if (!json_is_integer(value) || v < 0 || (uint64_t)v > max) {
        bad_field = name;
        return 0;
    }
    return (uint64_t)v;
}

bool get_flag(const json_t *in, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(in, name);
    if (!value)
        return otherwise;
    if (!json_is_boolean(value))
        bad_field = name;
    return json_is_true(value);
}

size_t list_size(const json_t *list, const char *name)
{
    if (list && (!json_is_array(list) || json_array_size(list) > LIST_MAX)) {
        bad_field = name;
        return 0;
    }
    return json_array_size(list);
}

const struct span *get_byte_list(const json_t *in, const char *name, size_t *count)
{
    const json_t *list = json_object_get(in, name);
    *count = list_size(list, name);
    struct span *out = block(*count * sizeof(*out));
    for (size_t i = 0; i < *count; i++)
        out[i] = hex_of(json_array_get(list, i), name);
    return out;
}

struct mls_extension_list get_extensions(const json_t *in)
{
    const json_t *list = json_object_get(in, "extensions");
    size_t count = list_size(list, "extensions");
    struct mls_extension *out = block(count * sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(list, i);
        out[i].type = (uint16_t)get_number(one, "type", UINT16_MAX);
        out[i].data = get_bytes(one, "data");
    }
    return (struct mls_extension_list){out, count};
}

struct buffer *new_buffer(void)
{
    struct buffer *b = block(sizeof(*b));
    buffer_init(b, MLS_MESSAGE_MAX);
    return b;
}

void put_bytes(json_t *out, const char *name, struct span s)
{
    char *text = block(2 * s.len);
    hex_encode(text, s);
    json_object_set_new(out, name, json_string(text));
}

void put_buffer(json_t *out, const char *name, struct buffer *b)
{
    put_bytes(out, name, buffer_span(b));
    buffer_wipe(b);
}

void put_number(json_t *out, const char *name, uint64_t v)
{
    json_object_set_new(out, name, json_integer((json_int_t)v));
}
