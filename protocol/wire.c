/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/wire.h"

#include <assert.h>

#include "protocol/name.h"

enum { WIRE_SIGNED_MAX = 1024 * 1024 /* the largest signed body: a letterbox message with an Admission */ };

const char *label_text(enum label l)
{
#define LABEL_TEXT(name, text) text,
    static const char *const texts[] = {LABEL_LIST(LABEL_TEXT)};
#undef LABEL_TEXT
    static_assert(sizeof texts / sizeof texts[0] == LABEL_COUNT, "one text a label");
    return (unsigned)l < LABEL_COUNT ? texts[l] : "unknown";
}

/* The bytes that `body` writes of `value`, in a fresh buffer that the caller wipes. */
static enum status body_bytes(wire_body_fn body, const void *value, struct buffer *out)
{
    struct writer w;
    buffer_init(out, WIRE_SIGNED_MAX);
    writer_init(&w, out);
    body(&w, value);
    return writer_done(&w);
}

enum status wire_sign(enum label label, wire_body_fn body, const void *value, const struct sign_private *key,
                      struct signature *out)
{
    struct buffer b;
    enum status st = body_bytes(body, value, &b);
    if (st == ST_OK)
        st = sign_with_label(LABELS_KITH, key, span_text(label_text(label)), buffer_span(&b), out->b);
    if (st != ST_OK)
        *out = (struct signature){{0}};
    buffer_wipe(&b);
    return st;
}

enum status wire_verify(enum label label, wire_body_fn body, const void *value, const struct device_id *by,
                        const struct signature *signature)
{
    struct buffer b;
    enum status st = body_bytes(body, value, &b);
    if (st == ST_OK)
        st = verify_with_label(LABELS_KITH, SPAN_ID(by), span_text(label_text(label)), buffer_span(&b),
                               SPAN_ID(signature));
    buffer_wipe(&b);
    return st;
}

enum status wire_hash(enum label label, wire_body_fn body, const void *value, uint8_t out[static HASH_LEN])
{
    struct buffer b;
    enum status st = body_bytes(body, value, &b);
    memset(out, 0, HASH_LEN);
    if (st == ST_OK)
        st = wire_hash_bytes(label, buffer_span(&b), out);
    buffer_wipe(&b);
    return st;
}

enum status wire_hash_bytes(enum label label, struct span value, uint8_t out[static HASH_LEN])
{
    enum { LABEL_MAX = 64 };
    static const char prefix[] = "Kith 1 ";
    char whole[sizeof prefix + LABEL_MAX];
    size_t len = strlen(label_text(label));
    memset(out, 0, HASH_LEN);
    if (len > LABEL_MAX)
        return ST_USAGE;
    memcpy(whole, prefix, sizeof prefix - 1);
    memcpy(whole + sizeof prefix - 1, label_text(label), len + 1);
    return ref_hash(whole, value, out);
}

/* ---- common fields ---- */

void wire_read_version(struct reader *r)
{
    if (reader_u8(r) != WIRE_VERSION)
        reader_fail(r, ST_WIRE_VERSION);
}

void wire_write_version(struct writer *w)
{
    writer_u8(w, WIRE_VERSION);
}

uint8_t wire_read_enum(struct reader *r, uint8_t first, uint8_t last)
{
    uint8_t v = reader_u8(r);
    if (v < first || v > last)
        reader_fail(r, ST_WIRE_ENUM);
    return v;
}

bool wire_read_bool(struct reader *r)
{
    uint8_t v = reader_u8(r);
    if (v > 1)
        reader_fail(r, ST_WIRE_VALUE);
    return v == 1;
}

/* Length of the UTF-8 sequence at p (RFC 3629), 0 if there is none in `left` bytes. */
static size_t utf8_len(const uint8_t *p, size_t left)
{
    static const struct {
        uint8_t first, last, low, high, len; /* first byte's range, second byte's range, length */
    } rows[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (p[0] < rows[i].first || p[0] > rows[i].last)
            continue;
        if (left < rows[i].len || (rows[i].len > 1 && (p[1] < rows[i].low || p[1] > rows[i].high)))
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].len;
    }
    return 0;
}

bool wire_text_ok(struct span text, bool one_line)
{
    for (size_t i = 0; i < text.len;) {
        uint8_t c = text.ptr[i];
        size_t len = utf8_len(text.ptr + i, text.len - i);
        bool breaks = c == '\n' || c == '\t';
        if (len == 0 || c == 0x7f || (c < 0x20 && (one_line || !breaks)))
            return false;
        /* U+0080 to U+009F are control characters too; U+2028 and U+2029 break lines; U+202A to U+202E and
         * U+2066 to U+2069 turn the direction of writing, with which a name could dress up as another */
        if (c == 0xc2 && text.ptr[i + 1] < 0xa0)
            return false;
        if (c == 0xe2 && text.ptr[i + 1] == 0x80 && text.ptr[i + 2] >= 0xa8 && text.ptr[i + 2] <= 0xae)
            return false;
        if (c == 0xe2 && text.ptr[i + 1] == 0x81 && text.ptr[i + 2] >= 0xa6 && text.ptr[i + 2] <= 0xa9)
            return false;
        i += len;
    }
    return !one_line || (text.len <= WIRE_NAME_MAX && name_shows(text));
}

/* Why a name is refused: it is no plain text on one line, or one that does not show as it is. */
static enum status name_wrong(struct span text)
{
    return wire_text_ok(text, false) && !name_shows(text) ? ST_WIRE_NAME : ST_WIRE_VALUE;
}

struct span wire_read_text(struct reader *r, size_t len_max)
{
    struct span text = reader_vec(r, len_max);
    if (!wire_text_ok(text, false))
        reader_fail(r, ST_WIRE_VALUE);
    return text;
}

struct span wire_read_name(struct reader *r)
{
    struct span text = reader_vec(r, WIRE_NAME_MAX);
    if (!wire_text_ok(text, true))
        reader_fail(r, name_wrong(text));
    return text;
}

void wire_write_vec(struct writer *w, struct span s, size_t len_max)
{
    if (s.len > len_max)
        writer_fail(w, ST_WIRE_LIMIT);
    writer_vec(w, s);
}

void wire_write_text(struct writer *w, struct span text, size_t len_max)
{
    if (!wire_text_ok(text, false))
        writer_fail(w, ST_WIRE_VALUE);
    wire_write_vec(w, text, len_max);
}

void wire_write_name(struct writer *w, struct span name)
{
    if (!wire_text_ok(name, true))
        writer_fail(w, name_wrong(name));
    wire_write_vec(w, name, WIRE_NAME_MAX);
}

void wire_read_person(struct reader *r, struct person_ref *out)
{
    READ_ID(r, &out->family);
    READ_ID(r, &out->person);
}

void wire_write_person(struct writer *w, const struct person_ref *p)
{
    WRITE_ID(w, &p->family);
    WRITE_ID(w, &p->person);
}

enum status wire_finish(const struct reader *r, void *out, const void *built, size_t size)
{
    enum status st = reader_done(r);
    if (st == ST_OK)
        memcpy(out, built, size);
    else
        memset(out, 0, size);
    return st;
}

/* ---- lists ---- */

struct wire_list wire_read_list(struct reader *r, size_t count_max, size_t item_max)
{
    struct wire_list list = {SPAN_EMPTY, 0};
    struct reader items = reader_enter(r, WIRE_LIST_MAX);
    const uint8_t *start = items.at;
    while (reader_more(&items)) {
        if (reader_vec(&items, item_max).len == 0)
            reader_fail(&items, ST_WIRE_VALUE);
        if (++list.count > count_max)
            reader_fail(&items, ST_WIRE_LIMIT);
    }
    reader_leave(r, &items);
    if (r->failed != ST_OK)
        return (struct wire_list){SPAN_EMPTY, 0};
    if (list.count > 0)
        list.bytes = SPAN_OF(start, (size_t)(items.end - start));
    return list;
}

void wire_write_list(struct writer *w, const struct wire_list *list)
{
    writer_vec(w, list->bytes);
}

bool wire_list_next(struct span *rest, struct span *item)
{
    struct reader r;
    reader_init(&r, *rest);
    *item = SPAN_EMPTY;
    if (rest->len == 0)
        return false;
    *item = reader_vec(&r, rest->len);
    *rest = SPAN_OF(r.at, reader_left(&r));
    return r.failed == ST_OK;
}

enum status wire_list_append(struct buffer *bytes, struct wire_list *list, struct span item)
{
    struct writer w;
    size_t before = bytes->len;
    enum status st;
    if (item.len == 0)
        return ST_USAGE;
    writer_init(&w, bytes);
    writer_vec(&w, item);
    st = writer_done(&w);
    if (st != ST_OK) {
        bytes->len = before;
        return st;
    }
    list->bytes = buffer_span(bytes);
    list->count++;
    return ST_OK;
}
