/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/vectors_case.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vec_block {
    struct vec_block *next;
    struct buffer buffer; /* used, or: */
    uint8_t bytes[];
};

/* ---- life ---- */

static void fill_entropy(void *ctx, uint8_t *out, size_t len)
{
    struct vec_case *c = ctx;
    for (size_t done = 0; done < len;) {
        uint8_t hash[HASH_LEN];
        c->entropy_calls++;
        hash_bytes(SPAN_OF((const uint8_t *)&c->entropy_calls, sizeof(c->entropy_calls)), hash);
        size_t n = len - done < sizeof(hash) ? len - done : sizeof(hash);
        memcpy(out + done, hash, n);
        done += n;
    }
}

void vec_case_init(struct vec_case *c)
{
    memset(c, 0, sizeof(*c));
    c->entropy = (struct entropy){c, fill_entropy};
}

void vec_case_wipe(struct vec_case *c)
{
    while (c->blocks) {
        struct vec_block *b = c->blocks;
        c->blocks = b->next;
        buffer_wipe(&b->buffer);
        free(b);
    }
}

static struct vec_block *new_block(struct vec_case *c, size_t len)
{
    struct vec_block *b = calloc(1, sizeof(*b) + len);
    if (!b)
        abort();
    b->next = c->blocks;
    c->blocks = b;
    return b;
}

uint8_t *vec_room(struct vec_case *c, size_t len)
{
    return new_block(c, len)->bytes;
}

struct buffer *vec_buffer(struct vec_case *c)
{
    struct vec_block *b = new_block(c, 0);
    buffer_init(&b->buffer, SIZE_MAX);
    return &b->buffer;
}

/* ---- how it goes ---- */

bool vec_going(const struct vec_case *c)
{
    return c->result == VEC_PASSED;
}

void vec_fail(struct vec_case *c, const char *format, ...)
{
    if (!vec_going(c))
        return;
    c->result = VEC_FAILED;
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, sizeof(c->why), format, args);
    va_end(args);
}

void vec_skip(struct vec_case *c)
{
    if (vec_going(c))
        c->result = VEC_SKIPPED;
}

void vec_ok(struct vec_case *c, const char *what, enum status got)
{
    if (got != ST_OK)
        vec_fail(c, "%s: %s (%s)", what, status_name(got), status_text(got));
}

void vec_refused(struct vec_case *c, const char *what, enum status got)
{
    if (got == ST_OK)
        vec_fail(c, "%s: accepted", what);
}

void vec_true(struct vec_case *c, const char *what, bool holds)
{
    if (!holds)
        vec_fail(c, "%s", what);
}

void vec_equal(struct vec_case *c, const char *what, struct span got, struct span want)
{
    if (!span_equal(got, want))
        vec_fail(c, "%s differs (%zu bytes, %zu expected)", what, got.len, want.len);
}

void vec_expect(struct vec_case *c, const json_t *from, const char *key, struct span got)
{
    vec_equal(c, key, got, vec_bytes(c, from, key));
}

void vec_expect_number(struct vec_case *c, const json_t *from, const char *key, uint64_t got)
{
    uint64_t want = vec_number(c, from, key, UINT64_MAX);
    if (got != want)
        vec_fail(c, "%s is %llu, expected %llu", key, (unsigned long long)got, (unsigned long long)want);
}

/* ---- getting ---- */

bool vec_has(const json_t *from, const char *key)
{
    return json_object_get(from, key) != NULL;
}

const json_t *vec_get(struct vec_case *c, const json_t *from, const char *key)
{
    const json_t *value = vec_going(c) ? json_object_get(from, key) : NULL;
    if (!value)
        vec_fail(c, "no field %s", key);
    return value;
}

const json_t *vec_array(struct vec_case *c, const json_t *from, const char *key)
{
    const json_t *value = vec_get(c, from, key);
    if (!json_is_array(value))
        vec_fail(c, "%s is not an array", key);
    return value;
}

const json_t *vec_object(struct vec_case *c, const json_t *from, const char *key)
{
    const json_t *value = vec_get(c, from, key);
    if (!json_is_object(value))
        vec_fail(c, "%s is not an object", key);
    return value;
}

const json_t *vec_at(struct vec_case *c, const json_t *array, size_t i)
{
    const json_t *value = vec_going(c) ? json_array_get(array, i) : NULL;
    if (!value)
        vec_fail(c, "a list ends at %zu", i);
    return value;
}

uint64_t vec_number_of(struct vec_case *c, const json_t *value, uint64_t max)
{
    json_int_t v = json_integer_value(value); /* 0 for another type */
    if (!json_is_integer(value) || v < 0 || (uint64_t)v > max) {
        vec_fail(c, "not a number in its range");
        return 0;
    }
    return (uint64_t)v;
}

uint64_t vec_number(struct vec_case *c, const json_t *from, const char *key, uint64_t max)
{
    const json_t *value = vec_get(c, from, key);
    return value ? vec_number_of(c, value, max) : 0;
}

struct span vec_text(struct vec_case *c, const json_t *from, const char *key)
{
    const json_t *value = vec_get(c, from, key);
    if (!json_is_string(value)) {
        vec_fail(c, "%s is not text", key);
        return SPAN_EMPTY;
    }
    return SPAN_OF((const uint8_t *)json_string_value(value), json_string_length(value));
}

struct span vec_bytes_of(struct vec_case *c, const json_t *value, const char *what)
{
    size_t len = json_string_length(value) / 2;
    if (!json_is_string(value) || json_string_length(value) % 2 != 0) {
        vec_fail(c, "%s is not hex", what);
        return SPAN_EMPTY;
    }
    uint8_t *bytes = vec_room(c, len);
    if (hex_decode(bytes, len, json_string_value(value), 2 * len) != ST_OK) {
        vec_fail(c, "%s is not hex", what);
        return SPAN_EMPTY;
    }
    return SPAN_OF(bytes, len);
}

struct span vec_bytes(struct vec_case *c, const json_t *from, const char *key)
{
    const json_t *value = vec_get(c, from, key);
    return value ? vec_bytes_of(c, value, key) : SPAN_EMPTY;
}

void vec_fixed(struct vec_case *c, const json_t *from, const char *key, uint8_t *out, size_t len)
{
    struct span s = vec_bytes(c, from, key);
    memset(out, 0, len);
    if (s.len != len)
        vec_fail(c, "%s has %zu bytes, not %zu", key, s.len, len);
    else if (vec_going(c))
        memcpy(out, s.ptr, len);
}

void vec_sign_key(struct vec_case *c, struct span seed, struct span public_key, struct sign_private *out)
{
    struct sign_public public;
    memset(out, 0, sizeof(*out));
    if (seed.len != SIGN_SEED_LEN) {
        vec_fail(c, "a signature key has %zu bytes", seed.len);
        return;
    }
    sign_keypair_from_seed(seed.ptr, out, &public);
    if (public_key.len > 0)
        vec_equal(c, "the public signature key", SPAN_ID(&public), public_key);
}
