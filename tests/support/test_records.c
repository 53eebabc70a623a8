/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_records.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static int key_compare(const struct test_record *r, struct span key)
{
    size_t shorter = r->key_len < key.len ? r->key_len : key.len;
    int c = memcmp(r->key, key.ptr, shorter);
    return c != 0 ? c : (r->key_len > key.len) - (r->key_len < key.len);
}

/* Where the key is, or where it belongs. */
static size_t place_of(const struct test_records *r, struct span key)
{
    size_t i = 0;
    while (i < r->len && key_compare(&r->at[i], key) < 0)
        i++;
    return i;
}

static bool is_at(const struct test_records *r, size_t i, struct span key)
{
    return i < r->len && key_compare(&r->at[i], key) == 0;
}

static bool fails_now(struct test_records *r)
{
    if (r->fail_after > 1)
        r->fail_after--;
    else if (r->fail_after == 1)
        return true;
    return false;
}

static void set_value(struct test_record *to, struct span value)
{
    free(to->value);
    to->value = malloc(value.len + 1);
    assert_non_null(to->value);
    if (value.len > 0)
        memcpy(to->value, value.ptr, value.len);
    to->value_len = value.len;
}

static enum status records_put(void *ctx, struct span key, struct span value)
{
    struct test_records *r = ctx;
    if (fails_now(r))
        return ST_NO_SPACE;
    assert_in_range(key.len, 1, RECORD_KEY_MAX);
    r->puts++;
    r->bytes += key.len + value.len;
    size_t i = place_of(r, key);
    if (!is_at(r, i, key)) {
        if (r->len == r->cap) {
            r->cap = r->cap ? 2 * r->cap : 64;
            r->at = realloc(r->at, r->cap * sizeof(*r->at));
            assert_non_null(r->at);
        }
        memmove(&r->at[i + 1], &r->at[i], (r->len - i) * sizeof(*r->at));
        r->len++;
        memset(&r->at[i], 0, sizeof(r->at[i]));
        memcpy(r->at[i].key, key.ptr, key.len);
        r->at[i].key_len = key.len;
    }
    set_value(&r->at[i], value);
    return ST_OK;
}

static enum status records_remove(void *ctx, struct span key)
{
    struct test_records *r = ctx;
    if (fails_now(r))
        return ST_NO_SPACE;
    r->removes++;
    size_t i = place_of(r, key);
    if (!is_at(r, i, key))
        return ST_OK;
    free(r->at[i].value);
    memmove(&r->at[i], &r->at[i + 1], (r->len - i - 1) * sizeof(*r->at));
    r->len--;
    return ST_OK;
}

static enum status records_next(void *ctx, struct span *key, struct span *value)
{
    struct test_records *r = ctx;
    *key = *value = SPAN_EMPTY;
    if (r->cursor < r->len) {
        const struct test_record *at = &r->at[r->cursor++];
        *key = SPAN_OF(at->key, at->key_len);
        *value = SPAN_OF(at->value, at->value_len);
    }
    return ST_OK;
}

void test_records_init(struct test_records *r)
{
    memset(r, 0, sizeof(*r));
    r->sink = (struct record_sink){r, records_put, records_remove};
    r->source = (struct record_source){r, records_next};
}

void test_records_free(struct test_records *r)
{
    for (size_t i = 0; i < r->len; i++)
        free(r->at[i].value);
    free(r->at);
    test_records_init(r);
}

void test_records_reset_counts(struct test_records *r)
{
    r->puts = r->removes = r->bytes = 0;
}

void test_records_rewind(struct test_records *r)
{
    r->cursor = 0;
}

void test_records_copy(struct test_records *to, const struct test_records *from)
{
    test_records_free(to);
    for (size_t i = 0; i < from->len; i++) {
        const struct test_record *at = &from->at[i];
        assert_ok(records_put(to, SPAN_OF(at->key, at->key_len), SPAN_OF(at->value, at->value_len)));
    }
    test_records_reset_counts(to);
}

const struct test_record *test_records_find(const struct test_records *r, struct span key)
{
    size_t i = place_of(r, key);
    return is_at(r, i, key) ? &r->at[i] : NULL;
}
