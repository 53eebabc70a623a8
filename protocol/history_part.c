/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/history_part.h"

enum {
    RANGE_LEN = SHORT_ID_LEN + 8 + 8 + 4 + 4 + 4 + HASH_LEN,
    TOTAL_LEN = SHORT_ID_LEN + 4,
    HELD_LEN = SHORT_ID_LEN + 8 + 8
};

/* ---- what the lists are made of ---- */

static void range_read(struct reader *r, struct history_range *out)
{
    READ_ID(r, &out->scope);
    out->first_hlc = reader_u64(r);
    out->last_hlc = reader_u64(r);
    out->entry_count = reader_u32(r);
    out->raw_size = reader_u32(r);
    out->packed_size = reader_u32(r);
    reader_fixed(r, out->sha256, sizeof out->sha256);
    if (out->first_hlc > out->last_hlc || out->last_hlc > INT64_MAX || out->raw_size > HISTORY_RAW_MAX ||
        out->packed_size > HISTORY_PACKED_MAX)
        reader_fail(r, ST_WIRE_VALUE);
}

static void range_write(struct writer *w, const void *value)
{
    const struct history_range *range = value;
    WRITE_ID(w, &range->scope);
    writer_u64(w, range->first_hlc);
    writer_u64(w, range->last_hlc);
    writer_u32(w, range->entry_count);
    writer_u32(w, range->raw_size);
    writer_u32(w, range->packed_size);
    writer_bytes(w, SPAN(range->sha256));
}

static void total_read(struct reader *r, struct history_total *out)
{
    READ_ID(r, &out->scope);
    out->entry_count = reader_u32(r);
}

static void total_write(struct writer *w, const void *value)
{
    const struct history_total *total = value;
    WRITE_ID(w, &total->scope);
    writer_u32(w, total->entry_count);
}

static void held_read(struct reader *r, struct history_held *out)
{
    READ_ID(r, &out->scope);
    out->first_hlc = reader_u64(r);
    out->last_hlc = reader_u64(r);
    if (out->first_hlc > out->last_hlc || out->last_hlc > INT64_MAX)
        reader_fail(r, ST_WIRE_VALUE);
}

static void held_write(struct writer *w, const void *value)
{
    const struct history_held *held = value;
    WRITE_ID(w, &held->scope);
    writer_u64(w, held->first_hlc);
    writer_u64(w, held->last_hlc);
}

/* Appends one item; on failure `bytes` is as it was. */
static enum status item_add(struct buffer *bytes, struct span *list, wire_body_fn write, const void *value)
{
    struct writer w;
    size_t before = bytes->len;
    writer_init(&w, bytes);
    write(&w, value);
    enum status st = writer_done(&w);
    if (st != ST_OK) {
        bytes->len = before;
        return st;
    }
    *list = buffer_span(bytes);
    return ST_OK;
}

static struct reader item_at(struct span list, size_t index, size_t item_len)
{
    struct reader r;
    reader_init(&r, SPAN_OF(list.ptr + index * item_len, item_len));
    return r;
}

/* ---- manifest ---- */

enum status history_manifest_add(struct history_manifest *m, struct buffer *bytes,
                                 const struct history_range *range)
{
    if (m->part_count >= HISTORY_PAGE_MAX)
        return ST_NO_SPACE;
    enum status st = item_add(bytes, &m->parts, range_write, range);
    m->part_count += st == ST_OK;
    return st;
}

enum status history_manifest_add_total(struct history_manifest *m, struct buffer *bytes,
                                       const struct history_total *total)
{
    if (m->total_count >= HISTORY_SCOPES_MAX)
        return ST_NO_SPACE;
    enum status st = item_add(bytes, &m->totals, total_write, total);
    m->total_count += st == ST_OK;
    return st;
}

void history_manifest_part(const struct history_manifest *m, size_t index, struct history_range *out)
{
    struct reader r = item_at(m->parts, index, RANGE_LEN);
    *out = (struct history_range){0};
    range_read(&r, out);
}

void history_manifest_total(const struct history_manifest *m, size_t index, struct history_total *out)
{
    struct reader r = item_at(m->totals, index, TOTAL_LEN);
    *out = (struct history_total){0};
    total_read(&r, out);
}

enum status history_manifest_encode(struct writer *w, const struct history_manifest *m)
{
    wire_write_version(w);
    wire_write_vec(w, m->relay, WIRE_RELAY_MAX);
    WRITE_ID(w, &m->read_token);
    writer_bytes(w, SPAN(m->write_hash));
    writer_bytes(w, SPAN(m->trim_hash));
    WRITE_ID(w, &m->block_key);
    WRITE_ID(w, &m->answers);
    writer_u32(w, m->first_part);
    writer_u8(w, m->last ? 1 : 0);
    wire_write_vec(w, m->totals, (size_t)HISTORY_SCOPES_MAX * TOTAL_LEN);
    wire_write_vec(w, m->parts, (size_t)HISTORY_PAGE_MAX * RANGE_LEN);
    return writer_done(w);
}

static void read_lists(struct reader *r, struct history_manifest *m)
{
    struct reader items;
    m->totals = reader_vec(r, (size_t)HISTORY_SCOPES_MAX * TOTAL_LEN);
    reader_init(&items, m->totals);
    for (; reader_more(&items); m->total_count++) {
        struct history_total total;
        total_read(&items, &total);
    }
    reader_fail(r, items.failed);
    m->parts = reader_vec(r, (size_t)HISTORY_PAGE_MAX * RANGE_LEN);
    reader_init(&items, m->parts);
    for (; reader_more(&items); m->part_count++) {
        struct history_range range;
        range_read(&items, &range);
    }
    reader_fail(r, items.failed);
}

enum status history_manifest_decode(struct history_manifest *out, struct span in)
{
    struct reader r;
    struct history_manifest m = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    m.relay = reader_vec(&r, WIRE_RELAY_MAX);
    READ_ID(&r, &m.read_token);
    reader_fixed(&r, m.write_hash, sizeof m.write_hash);
    reader_fixed(&r, m.trim_hash, sizeof m.trim_hash);
    READ_ID(&r, &m.block_key);
    READ_ID(&r, &m.answers);
    m.first_part = reader_u32(&r);
    m.last = wire_read_bool(&r);
    read_lists(&r, &m);
    if (m.first_part > HISTORY_PARTS_MAX || m.first_part + m.part_count > HISTORY_PARTS_MAX)
        reader_fail(&r, ST_WIRE_VALUE);
    enum status st = wire_finish(&r, out, &m, sizeof m);
    bytes_wipe(&m, sizeof m);
    return st;
}

/* ---- part ---- */

enum status history_part_encode(struct writer *w, const struct history_part *p)
{
    wire_write_version(w);
    writer_u32(w, p->index);
    wire_write_vec(w, p->packed, HISTORY_PACKED_MAX);
    return writer_done(w);
}

enum status history_part_decode(struct history_part *out, struct span in)
{
    struct reader r;
    struct history_part p = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    p.index = reader_u32(&r);
    if (p.index >= HISTORY_PARTS_MAX)
        reader_fail(&r, ST_WIRE_VALUE);
    p.packed = reader_vec(&r, HISTORY_PACKED_MAX);
    return wire_finish(&r, out, &p, sizeof p);
}

/* ---- what is here already ---- */

void history_held_read(struct reader *r, struct history_held_list *out)
{
    struct reader items;
    *out = (struct history_held_list){.bytes = reader_vec(r, (size_t)HISTORY_HELD_MAX * HELD_LEN)};
    reader_init(&items, out->bytes);
    for (; reader_more(&items); out->count++) {
        struct history_held held;
        held_read(&items, &held);
    }
    reader_fail(r, items.failed);
}

void history_held_write(struct writer *w, const struct history_held_list *list)
{
    wire_write_vec(w, list->bytes, (size_t)HISTORY_HELD_MAX * HELD_LEN);
}

void history_held_at(const struct history_held_list *list, size_t index, struct history_held *out)
{
    struct reader r = item_at(list->bytes, index, HELD_LEN);
    *out = (struct history_held){0};
    held_read(&r, out);
}

enum status history_held_add(struct history_held_list *list, struct buffer *bytes,
                             const struct history_held *one)
{
    if (list->count >= HISTORY_HELD_MAX)
        return ST_NO_SPACE;
    enum status st = item_add(bytes, &list->bytes, held_write, one);
    list->count += st == ST_OK;
    return st;
}
