/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in and bytes out: spans, buffers, and the TLS presentation language as RFC 9420 §2.1 uses it
 * (big-endian integers; `opaque x<V>` with a length prefix of 1, 2 or 4 bytes in its shortest form). The only
 * decoder and encoder in Kith. Pure.
 *
 * Errors stick: after its first failure a reader gives zeros and empty spans and a writer writes nothing, so
 * code runs straight down and checks once, at the end. */
#ifndef KITH_PROTOCOL_BYTES_H
#define KITH_PROTOCOL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/status.h"

struct span { /* borrows; never owns, never a secret's only home */
    const uint8_t *ptr;
    size_t len;
};

#define SPAN(array) ((struct span){(array), sizeof(array)})   /* a whole uint8_t array */
#define SPAN_OF(p, n) ((struct span){(p), (n)})               /* n bytes at p */
#define SPAN_ID(id) ((struct span){(id)->b, sizeof((id)->b)}) /* the bytes of an id or a secret */
#define SPAN_EMPTY ((struct span){NULL, 0})
struct span span_text(const char *text);       /* a C string without its NUL; NULL is empty */
bool span_equal(struct span a, struct span b); /* not constant-time: never for secrets */

/* ---- buffer: owns its bytes ---- */

struct buffer { /* grows to max, then ST_NO_SPACE */
    uint8_t *ptr;
    size_t len, cap, max;
};

void buffer_init(struct buffer *b, size_t max); /* empty; allocates nothing yet */
void buffer_wipe(struct buffer *b);             /* erases and frees; keeps max; fine on {0} */
/* ST_NO_SPACE, ST_NO_MEMORY: unchanged. s must not lie in b. */
enum status buffer_append(struct buffer *b, struct span s) MUST_USE;
enum status buffer_reserve(struct buffer *b, size_t more) MUST_USE; /* room for `more` bytes past len */
enum status buffer_copy(struct buffer *b, struct span s) MUST_USE;  /* replaces the content; as append */
struct span buffer_span(const struct buffer *b);                    /* borrows until the next change of b */

/* ---- the length prefix of a vector ---- */

enum vec_limits { VEC_PREFIX_MAX = 4, VEC_LEN_MAX = (1 << 30) - 1 /* RFC 9420 §2.1.2 */ };

/* Writes the shortest prefix for len (at most VEC_LEN_MAX) and gives its size: 1, 2 or 4. */
size_t vec_prefix(uint8_t out[static VEC_PREFIX_MAX], size_t len);

/* ---- reader ---- */

struct reader {
    const uint8_t *at, *end;
    enum status failed; /* ST_OK, or the first failure */
};

void reader_init(struct reader *r, struct span in);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
int64_t reader_time(struct reader *r); /* uint64 milliseconds; above INT64_MAX: ST_WIRE_VALUE */
void reader_fixed(struct reader *r, uint8_t *out, size_t len); /* copies; zeros after a failure */
struct span reader_take(struct reader *r, size_t len);         /* borrows from the input */
struct span reader_vec(struct reader *r, size_t len_max);      /* opaque x<V>; longer: ST_WIRE_LIMIT */
bool reader_optional(struct reader *r);                        /* the byte of optional<T>: 0 or 1 */
/* A reader over the next vector's bytes, for a vector of structures: read items while reader_more(&sub), then
 * reader_leave(r, &sub), which hands up a failure, or ST_WIRE_TRAILING when items were left. */
struct reader reader_enter(struct reader *r, size_t len_max);
void reader_leave(struct reader *r, const struct reader *sub);
bool reader_more(const struct reader *r); /* not failed, and bytes are left */
size_t reader_left(const struct reader *r);
void reader_fail(struct reader *r, enum status why);      /* keeps an earlier failure */
enum status reader_done(const struct reader *r) MUST_USE; /* the first failure, or ST_WIRE_TRAILING */

/* ---- writer: appends to a buffer ---- */

struct writer {
    struct buffer *to; /* borrows */
    enum status failed;
};

void writer_init(struct writer *w, struct buffer *to);
void writer_u8(struct writer *w, uint8_t v);
void writer_u16(struct writer *w, uint16_t v);
void writer_u32(struct writer *w, uint32_t v);
void writer_u64(struct writer *w, uint64_t v);
void writer_time(struct writer *w, int64_t ms);     /* negative: ST_WIRE_VALUE */
void writer_bytes(struct writer *w, struct span s); /* without a length */
void writer_vec(struct writer *w, struct span s);   /* opaque x<V>; 2^30 bytes and more: ST_WIRE_LIMIT */
void writer_optional(struct writer *w, bool present);
/* A vector whose length is known only at its end: close(open()) around what is written between. They nest. */
size_t writer_open(struct writer *w);
void writer_close(struct writer *w, size_t mark);
void writer_fail(struct writer *w, enum status why);
enum status writer_done(const struct writer *w) MUST_USE; /* the first failure */

/* ---- text ---- */

/* Lower-case hex, NUL-terminated: out has 2 * in.len + 1 bytes. */
void hex_encode(char *out, struct span in);
/* Exactly out_len bytes from 2 * out_len digits of either case; else ST_WIRE_VALUE and out zeroed. */
enum status hex_decode(uint8_t *out, size_t out_len, const char *text, size_t text_len) MUST_USE;
/* base64url without padding, appended; a NUL follows that out->len does not count. */
enum status base64url_encode(struct buffer *out, struct span in) MUST_USE;
/* Appends. Refuses padding, white space and non-canonical ends (ST_WIRE_VALUE). */
enum status base64url_decode(struct buffer *out, const char *text, size_t text_len) MUST_USE;
/* The same of exactly `len` bytes, without memory of its own: whoever judges by it never fails for want of
 * some. */
enum status base64url_decode_fixed(uint8_t *out, size_t len, const char *text, size_t text_len) MUST_USE;

#endif
