/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/extension.h"

#include "protocol/mls/limits.h"

bool extensions_next(struct reader *r, struct extension *out)
{
    *out = (struct extension){0};
    if (!reader_more(r)) {
        return false;
    }
    struct extension e = {.type = reader_u16(r)};
    e.data = reader_vec(r, MLS_EXTENSIONS_MAX);
    if (r->failed != ST_OK) {
        return false;
    }
    *out = e;
    return true;
}

/* RFC 9420 §13.4: MUST NOT hold two of one type. The list is short: MLS_EXTENSION_COUNT_MAX. */
static void check_items(struct reader *list)
{
    uint16_t seen[MLS_EXTENSION_COUNT_MAX];
    size_t count = 0;
    struct extension e;
    while (extensions_next(list, &e)) {
        if (count == MLS_EXTENSION_COUNT_MAX) {
            reader_fail(list, ST_WIRE_LIMIT);
            return;
        }
        for (size_t i = 0; i < count; i++) {
            if (seen[i] == e.type) {
                reader_fail(list, ST_MLS_EXTENSION_TWICE);
            }
        }
        seen[count++] = e.type;
    }
}

void extensions_read(struct reader *r, struct extensions *out)
{
    struct reader list = reader_enter(r, MLS_EXTENSIONS_MAX);
    struct span all = SPAN_OF(list.at, reader_left(&list));
    check_items(&list);
    reader_leave(r, &list);
    out->list = r->failed == ST_OK ? all : SPAN_EMPTY;
}

void extensions_write(struct writer *w, const struct extensions *e)
{
    writer_vec(w, e->list);
}

bool extensions_find(const struct extensions *e, uint16_t type, struct span *data)
{
    struct reader r;
    struct extension item;
    reader_init(&r, e->list);
    while (extensions_next(&r, &item)) {
        if (item.type == type) {
            *data = item.data;
            return true;
        }
    }
    *data = SPAN_EMPTY;
    return false;
}

void extension_write(struct writer *w, uint16_t type, struct span data)
{
    writer_u16(w, type);
    writer_vec(w, data);
}

void codes_read(struct reader *r, struct codes *out)
{
    struct span list = reader_vec(r, MLS_CODES_MAX);
    if (list.len % 2 != 0) {
        reader_fail(r, ST_WIRE_VALUE);
    }
    out->list = r->failed == ST_OK ? list : SPAN_EMPTY;
}

void codes_write(struct writer *w, const struct codes *c)
{
    writer_vec(w, c->list);
}

size_t codes_count(const struct codes *c)
{
    return c->list.len / 2;
}

uint16_t codes_at(const struct codes *c, size_t i)
{
    return (uint16_t)((unsigned)c->list.ptr[2 * i] << 8 | c->list.ptr[2 * i + 1]);
}

bool codes_have(const struct codes *c, uint16_t code)
{
    for (size_t i = 0; i < codes_count(c); i++) {
        if (codes_at(c, i) == code) {
            return true;
        }
    }
    return false;
}

enum status required_capabilities_decode(struct required_capabilities *out, struct span in)
{
    struct reader r;
    struct required_capabilities c = {0};
    reader_init(&r, in);
    codes_read(&r, &c.extensions);
    codes_read(&r, &c.proposals);
    codes_read(&r, &c.credentials);
    enum status s = reader_done(&r);
    *out = s == ST_OK ? c : (struct required_capabilities){0};
    return s;
}

void required_capabilities_write(struct writer *w, const struct required_capabilities *c)
{
    codes_write(w, &c->extensions);
    codes_write(w, &c->proposals);
    codes_write(w, &c->credentials);
}
