/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/history_pack.h"

#include <zstd.h>

#include "protocol/mem.h"

enum { PACK_LEVEL = 3 };

void history_pack_init(struct history_pack *p)
{
    p->count = 0;
    buffer_init(&p->certificates, HISTORY_RAW_MAX / 4);
    buffer_init(&p->entries, HISTORY_RAW_MAX / 4 * 3 - 16);
}

void history_pack_free(struct history_pack *p)
{
    buffer_wipe(&p->certificates);
    buffer_wipe(&p->entries);
}

static enum status append(struct buffer *to, struct span item)
{
    struct writer w;
    writer_init(&w, to);
    writer_vec(&w, item);
    return writer_done(&w);
}

enum status history_pack_certificate(struct history_pack *p, struct span certificate)
{
    return append(&p->certificates, certificate);
}

enum status history_pack_entry(struct history_pack *p, struct span entry)
{
    enum status st = append(&p->entries, entry);
    if (st == ST_OK)
        p->count++;
    return st;
}

static enum status compress(struct span raw, struct buffer *out)
{
    enum status st = buffer_reserve(out, ZSTD_compressBound(raw.len));
    if (st != ST_OK)
        return st;
    size_t len = ZSTD_compress(out->ptr + out->len, out->cap - out->len, raw.ptr, raw.len, PACK_LEVEL);
    if (ZSTD_isError(len))
        return ST_INTERNAL;
    out->len += len;
    return ST_OK;
}

enum status history_pack_close(const struct history_pack *p, struct buffer *out, struct history_range *range)
{
    struct buffer raw;
    struct writer w;
    buffer_init(&raw, HISTORY_RAW_MAX);
    buffer_wipe(out);
    writer_init(&w, &raw);
    writer_vec(&w, buffer_span(&p->certificates));
    writer_vec(&w, buffer_span(&p->entries));
    enum status st = writer_done(&w);
    if (st == ST_OK)
        st = compress(buffer_span(&raw), out);
    range->entry_count = p->count;
    range->raw_size = (uint32_t)raw.len;
    range->packed_size = (uint32_t)out->len;
    hash_bytes(buffer_span(out), range->sha256);
    buffer_wipe(&raw);
    return st;
}

/* The frame has to say how long it is, and that has to be what the manifest says: no bomb is ever opened. */
static enum status judge(const struct history_range *range, struct span packed)
{
    uint8_t hash[HASH_LEN];
    hash_bytes(packed, hash);
    if (packed.len != range->packed_size || memcmp(hash, range->sha256, HASH_LEN) != 0)
        return ST_HISTORY_PART;
    if (range->raw_size > HISTORY_RAW_MAX)
        return ST_HISTORY_SIZE;
    return ZSTD_getFrameContentSize(packed.ptr, packed.len) == range->raw_size ? ST_OK : ST_HISTORY_SIZE;
}

static enum status split(struct history_unpacked *u)
{
    struct reader r;
    reader_init(&r, buffer_span(&u->raw));
    u->certificates = reader_vec(&r, HISTORY_RAW_MAX);
    u->entries = reader_vec(&r, HISTORY_RAW_MAX);
    return reader_done(&r) == ST_OK ? ST_OK : ST_HISTORY_COUNT;
}

enum status history_unpack(const struct history_range *range, struct span packed,
                           struct history_unpacked *out)
{
    memset(out, 0, sizeof(*out));
    buffer_init(&out->raw, HISTORY_RAW_MAX);
    enum status st = judge(range, packed);
    if (st == ST_OK)
        st = buffer_reserve(&out->raw, range->raw_size);
    if (st == ST_OK) {
        size_t len = ZSTD_decompress(out->raw.ptr, range->raw_size, packed.ptr, packed.len);
        out->raw.len = ZSTD_isError(len) ? 0 : len;
        st = !ZSTD_isError(len) && len == range->raw_size ? split(out) : ST_HISTORY_SIZE;
    }
    if (st != ST_OK)
        history_unpacked_free(out);
    return st;
}

void history_unpacked_free(struct history_unpacked *u)
{
    buffer_wipe(&u->raw);
    u->certificates = u->entries = SPAN_EMPTY;
}
