/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/bytes.h"

#include <sodium.h>
#include <string.h>

#include "protocol/mem.h"

enum { BUFFER_CAP_MIN = 64 }; /* most structures fit without growing twice */

static void copy(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 0) /* memcpy takes no NULL, even for nothing */
        memcpy(to, from, len);
}

struct span span_text(const char *text)
{
    return text ? (struct span){(const uint8_t *)text, strlen(text)} : SPAN_EMPTY;
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ---- buffer ---- */

void buffer_init(struct buffer *b, size_t max)
{
    *b = (struct buffer){.max = max};
}

void buffer_wipe(struct buffer *b)
{
    mem_free(b->ptr, b->cap);
    *b = (struct buffer){.max = b->max};
}

enum status buffer_reserve(struct buffer *b, size_t more)
{
    if (b->len > b->max || more > b->max - b->len)
        return ST_NO_SPACE;
    size_t need = b->len + more;
    if (need <= b->cap)
        return ST_OK;
    size_t cap = b->cap > b->max / 2 ? b->max : 2 * b->cap;
    if (cap < BUFFER_CAP_MIN)
        cap = b->max < BUFFER_CAP_MIN ? b->max : BUFFER_CAP_MIN;
    if (cap < need)
        cap = need;
    uint8_t *ptr = mem_alloc(cap, 1);
    if (!ptr)
        return ST_NO_MEMORY;
    copy(ptr, b->ptr, b->len);
    mem_free(b->ptr, b->cap);
    b->ptr = ptr;
    b->cap = cap;
    return ST_OK;
}

enum status buffer_append(struct buffer *b, struct span s)
{
    enum status st = buffer_reserve(b, s.len);
    if (st != ST_OK)
        return st;
    if (s.len > 0)
        copy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    return ST_OK;
}

enum status buffer_copy(struct buffer *b, struct span s)
{
    if (s.len > b->cap) {
        struct buffer fresh = {.max = b->max};
        enum status st = buffer_append(&fresh, s);
        if (st != ST_OK)
            return st;
        buffer_wipe(b);
        *b = fresh;
        return ST_OK;
    }
    if (b->cap > 0)
        sodium_memzero(b->ptr, b->cap);
    copy(b->ptr, s.ptr, s.len);
    b->len = s.len;
    return ST_OK;
}

struct span buffer_span(const struct buffer *b)
{
    return (struct span){b->ptr, b->len};
}

/* ---- the length prefix of a vector (RFC 9420 §2.1.2) ---- */

size_t vec_prefix(uint8_t out[static VEC_PREFIX_MAX], size_t len)
{
    invariant(len <= VEC_LEN_MAX);
    if (len < 1 << 6) {
        out[0] = (uint8_t)len;
        return 1;
    }
    if (len < 1 << 14) {
        out[0] = (uint8_t)(0x40 | len >> 8);
        out[1] = (uint8_t)len;
        return 2;
    }
    out[0] = (uint8_t)(0x80 | len >> 24);
    out[1] = (uint8_t)(len >> 16);
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)len;
    return 4;
}

/* ---- reader ---- */

void reader_init(struct reader *r, struct span in)
{
    static const uint8_t nothing[1];
    const uint8_t *at = in.ptr ? in.ptr : nothing;
    *r = (struct reader){.at = at, .end = at + (in.ptr ? in.len : 0)};
}

void reader_fail(struct reader *r, enum status why)
{
    if (r->failed == ST_OK)
        r->failed = why;
}

size_t reader_left(const struct reader *r)
{
    return r->failed == ST_OK ? (size_t)(r->end - r->at) : 0;
}

bool reader_more(const struct reader *r)
{
    return reader_left(r) > 0;
}

struct span reader_take(struct reader *r, size_t len)
{
    if (r->failed != ST_OK)
        return SPAN_EMPTY;
    if (len > reader_left(r)) {
        reader_fail(r, ST_WIRE_SHORT);
        return SPAN_EMPTY;
    }
    struct span s = {r->at, len};
    r->at += len;
    return s;
}

static uint64_t reader_uint(struct reader *r, size_t size)
{
    struct span s = reader_take(r, size);
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++)
        v = v << 8 | s.ptr[i];
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_uint(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)reader_uint(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)reader_uint(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return reader_uint(r, 8);
}

int64_t reader_time(struct reader *r)
{
    uint64_t ms = reader_u64(r);
    if (ms > INT64_MAX) {
        reader_fail(r, ST_WIRE_VALUE);
        return 0;
    }
    return (int64_t)ms;
}

void reader_fixed(struct reader *r, uint8_t *out, size_t len)
{
    struct span s = reader_take(r, len);
    if (s.len == len)
        copy(out, s.ptr, len);
    else
        memset(out, 0, len);
}

/* The length of a vector; 0 after a failure. */
static size_t reader_vec_len(struct reader *r)
{
    uint8_t first = reader_u8(r);
    unsigned form = first >> 6;
    if (form == 3) { /* RFC 9420 §2.1.2: the prefix 11 is invalid */
        reader_fail(r, ST_WIRE_LENGTH);
        return 0;
    }
    uint64_t len = first & 0x3f;
    if (form == 1)
        len = len << 8 | reader_u8(r);
    if (form == 2)
        len = len << 24 | reader_uint(r, 3);
    /* RFC 9420 §2.1.2: the shortest form only */
    if (r->failed == ST_OK && ((form == 1 && len < 1 << 6) || (form == 2 && len < 1 << 14)))
        reader_fail(r, ST_WIRE_LENGTH);
    return r->failed == ST_OK ? (size_t)len : 0;
}

struct span reader_vec(struct reader *r, size_t len_max)
{
    size_t len = reader_vec_len(r);
    if (len > len_max)
        reader_fail(r, ST_WIRE_LIMIT);
    return reader_take(r, len);
}

bool reader_optional(struct reader *r)
{
    uint8_t present = reader_u8(r);
    if (present > 1)
        reader_fail(r, ST_WIRE_VALUE);
    return present == 1;
}

struct reader reader_enter(struct reader *r, size_t len_max)
{
    struct reader sub;
    reader_init(&sub, reader_vec(r, len_max));
    sub.failed = r->failed;
    return sub;
}

void reader_leave(struct reader *r, const struct reader *sub)
{
    reader_fail(r, reader_done(sub));
}

enum status reader_done(const struct reader *r)
{
    return reader_more(r) ? ST_WIRE_TRAILING : r->failed;
}

/* ---- writer ---- */

void writer_init(struct writer *w, struct buffer *to)
{
    *w = (struct writer){.to = to};
}

void writer_fail(struct writer *w, enum status why)
{
    if (w->failed == ST_OK)
        w->failed = why;
}

void writer_bytes(struct writer *w, struct span s)
{
    if (w->failed == ST_OK)
        w->failed = buffer_append(w->to, s);
}

static void writer_uint(struct writer *w, uint64_t v, size_t size)
{
    uint8_t b[8];
    for (size_t i = 0; i < size; i++)
        b[i] = (uint8_t)(v >> 8 * (size - 1 - i));
    writer_bytes(w, SPAN_OF(b, size));
}

void writer_u8(struct writer *w, uint8_t v)
{
    writer_uint(w, v, 1);
}

void writer_u16(struct writer *w, uint16_t v)
{
    writer_uint(w, v, 2);
}

void writer_u32(struct writer *w, uint32_t v)
{
    writer_uint(w, v, 4);
}

void writer_u64(struct writer *w, uint64_t v)
{
    writer_uint(w, v, 8);
}

void writer_time(struct writer *w, int64_t ms)
{
    if (ms < 0)
        writer_fail(w, ST_WIRE_VALUE);
    writer_u64(w, (uint64_t)ms);
}

void writer_vec(struct writer *w, struct span s)
{
    uint8_t prefix[VEC_PREFIX_MAX];
    if (s.len > VEC_LEN_MAX) {
        writer_fail(w, ST_WIRE_LIMIT);
        return;
    }
    writer_bytes(w, SPAN_OF(prefix, vec_prefix(prefix, s.len)));
    writer_bytes(w, s);
}

void writer_optional(struct writer *w, bool present)
{
    writer_u8(w, present ? 1 : 0);
}

size_t writer_open(struct writer *w)
{
    return w->to->len;
}

void writer_close(struct writer *w, size_t mark)
{
    if (w->failed != ST_OK)
        return;
    invariant(mark <= w->to->len);
    size_t len = w->to->len - mark;
    if (len > VEC_LEN_MAX) {
        writer_fail(w, ST_WIRE_LIMIT);
        return;
    }
    uint8_t prefix[VEC_PREFIX_MAX];
    size_t prefix_len = vec_prefix(prefix, len);
    writer_bytes(w, SPAN_OF(prefix, prefix_len)); /* makes the room; the bytes themselves go to the front */
    if (w->failed != ST_OK)
        return;
    memmove(w->to->ptr + mark + prefix_len, w->to->ptr + mark, len);
    memcpy(w->to->ptr + mark, prefix, prefix_len);
}

enum status writer_done(const struct writer *w)
{
    return w->failed;
}

/* ---- text ---- */

void hex_encode(char *out, struct span in)
{
    sodium_bin2hex(out, 2 * in.len + 1, in.ptr, in.len);
}

enum status hex_decode(uint8_t *out, size_t out_len, const char *text, size_t text_len)
{
    size_t len = 0;
    if (text_len / 2 == out_len && text_len % 2 == 0 &&
        sodium_hex2bin(out, out_len, text, text_len, NULL, &len, NULL) == 0 && len == out_len)
        return ST_OK;
    sodium_memzero(out, out_len);
    return ST_WIRE_VALUE;
}

enum status base64url_encode(struct buffer *out, struct span in)
{
    if (in.len > VEC_LEN_MAX)
        return ST_NO_SPACE;
    size_t size = sodium_base64_ENCODED_LEN(in.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    enum status st = buffer_reserve(out, size);
    if (st != ST_OK)
        return st;
    sodium_bin2base64((char *)out->ptr + out->len, size, in.ptr, in.len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    out->len += size - 1;
    return ST_OK;
}

/* libsodium 1.0.18 takes every byte from 0x80 up as a '_' (found by fuzz_bytes). */
static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 0x80)
            return false;
    }
    return true;
}

enum status base64url_decode_fixed(uint8_t *out, size_t len, const char *text, size_t text_len)
{
    size_t got = 0;
    if (!is_ascii(text, text_len) ||
        sodium_base642bin(out, len, text, text_len, NULL, &got, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        got != len) {
        memset(out, 0, len);
        return ST_WIRE_VALUE;
    }
    return ST_OK;
}

enum status base64url_decode(struct buffer *out, const char *text, size_t text_len)
{
    if (!is_ascii(text, text_len))
        return ST_WIRE_VALUE;
    size_t room = text_len / 4 * 3 + text_len % 4 * 3 / 4, len = 0;
    enum status st = buffer_reserve(out, room);
    if (st != ST_OK || text_len == 0)
        return st;
    uint8_t nothing[1];
    uint8_t *to = room > 0 ? out->ptr + out->len : nothing;
    /* libsodium refuses padding in this variant, and bits left over at the end */
    if (sodium_base642bin(to, room, text, text_len, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return ST_WIRE_VALUE;
    out->len += len;
    return ST_OK;
}
