/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/history_part.h"

enum { RANGE_LEN = SHORT_ID_LEN + 8 + 8 + 4 + 4 + 4 + HASH_LEN };

/* ---- ranges ---- */

static void range_read(struct reader *r, struct history_range *out)
{
    READ_ID(r, &out->scope);
    out->first_hlc = reader_u64(r);
    out->last_hlc = reader_u64(r);
    out->entry_count = reader_u32(r);
    out->raw_size = reader_u32(r);
    out->packed_size = reader_u32(r);
    reader_fixed(r, out->sha256, sizeof out->sha256);
    if (out->first_hlc > out->last_hlc || out->raw_size > HISTORY_RAW_MAX ||
        out->packed_size > HISTORY_PACKED_MAX)
        reader_fail(r, ST_WIRE_VALUE);
}

enum status history_manifest_add(struct history_manifest *m, struct buffer *bytes,
                                 const struct history_range *range)
{
    struct writer w;
    size_t before = bytes->len;
    enum status st;
    if (m->part_count >= HISTORY_PARTS_MAX)
        return ST_NO_SPACE;
    writer_init(&w, bytes);
    WRITE_ID(&w, &range->scope);
    writer_u64(&w, range->first_hlc);
    writer_u64(&w, range->last_hlc);
    writer_u32(&w, range->entry_count);
    writer_u32(&w, range->raw_size);
    writer_u32(&w, range->packed_size);
    writer_bytes(&w, SPAN(range->sha256));
    st = writer_done(&w);
    if (st != ST_OK) {
        bytes->len = before;
        return st;
    }
    m->parts = buffer_span(bytes);
    m->part_count++;
    return ST_OK;
}

void history_manifest_part(const struct history_manifest *m, size_t index, struct history_range *out)
{
    struct reader r;
    *out = (struct history_range){0};
    reader_init(&r, SPAN_OF(m->parts.ptr + index * RANGE_LEN, RANGE_LEN));
    range_read(&r, out);
}

/* ---- manifest ---- */

enum status history_manifest_encode(struct writer *w, const struct history_manifest *m)
{
    wire_write_version(w);
    wire_write_vec(w, m->relay, WIRE_RELAY_MAX);
    WRITE_ID(w, &m->read_token);
    writer_bytes(w, SPAN(m->write_hash));
    writer_bytes(w, SPAN(m->trim_hash));
    WRITE_ID(w, &m->block_key);
    wire_write_vec(w, m->parts, (size_t)HISTORY_PARTS_MAX * RANGE_LEN);
    return writer_done(w);
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
    m.parts = reader_vec(&r, (size_t)HISTORY_PARTS_MAX * RANGE_LEN);
    struct reader ranges;
    reader_init(&ranges, m.parts);
    for (; reader_more(&ranges); m.part_count++) {
        struct history_range range;
        range_read(&ranges, &range);
    }
    reader_fail(&r, ranges.failed);
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
