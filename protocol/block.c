/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/block.h"

#include <assert.h>
#include <string.h>

#include "protocol/mem.h"

static_assert(BLOCK_PAYLOAD_LEN == 16344, "docs/protocol.md §4");
static_assert(BLOCK_WHOLE_MAX < 1 << 14 && BLOCK_PIECE_MAX < 1 << 14,
              "length prefixes have two bytes at most");

static const uint8_t aad[] = {'K', 'i', 't', 'h', ' ', '1', ' ', 'b', 'l', 'o', 'c', 'k'};

static size_t prefix_len(size_t len)
{
    return len < 64 ? 1 : 2; /* of opaque x<V> */
}

void block_builder_init(struct block_builder *b)
{
    *b = (struct block_builder){.used = 1};
    b->payload[0] = BLOCK_VERSION;
}

void block_builder_wipe(struct block_builder *b)
{
    bytes_wipe(b, sizeof(*b));
}

bool block_builder_empty(const struct block_builder *b)
{
    return b->used <= 1;
}

size_t block_builder_room(const struct block_builder *b)
{
    size_t left = BLOCK_PAYLOAD_LEN - b->used;
    if (left < 1 + 1 + 1) {
        return 0;
    }
    /* 64 and more bytes need a prefix of two, so one byte too many for one prefix is one too few for the
     * other. */
    size_t room = left - 1 - 2;
    return room >= 64 ? room : (left - 2 > 63 ? 63 : left - 2);
}

static bool record_legal(const struct block_record *r)
{
    if (r->bytes.len == 0) {
        return false;
    }
    if (r->kind == BLOCK_WHOLE) {
        return r->bytes.len <= BLOCK_WHOLE_MAX;
    }
    return r->kind == BLOCK_FRAGMENT && r->bytes.len <= BLOCK_PIECE_MAX && r->count >= 2 &&
           r->count <= BLOCK_FRAGMENTS_MAX && r->index < r->count;
}

static size_t record_len(const struct block_record *r)
{
    size_t fixed = r->kind == BLOCK_WHOLE ? 1 : 1 + sizeof(r->message.b) + 2 + 2;
    return fixed + prefix_len(r->bytes.len) + r->bytes.len;
}

static size_t put(uint8_t *to, const void *from, size_t len)
{
    memcpy(to, from, len);
    return len;
}

enum status block_builder_add(struct block_builder *b, const struct block_record *record)
{
    if (!record_legal(record)) {
        return ST_USAGE;
    }
    if (record_len(record) > BLOCK_PAYLOAD_LEN - b->used) {
        return ST_BLOCK_FULL;
    }
    uint8_t *at = b->payload + b->used;
    *at++ = (uint8_t)record->kind;
    if (record->kind == BLOCK_FRAGMENT) {
        at += put(at, record->message.b, sizeof(record->message.b));
        const uint8_t numbers[4] = {(uint8_t)(record->index >> 8), (uint8_t)record->index,
                                    (uint8_t)(record->count >> 8), (uint8_t)record->count};
        at += put(at, numbers, sizeof(numbers));
    }
    if (prefix_len(record->bytes.len) == 2) {
        *at++ = (uint8_t)(0x40 | record->bytes.len >> 8);
    }
    *at++ = (uint8_t)record->bytes.len;
    at += put(at, record->bytes.ptr, record->bytes.len);
    b->used = (size_t)(at - b->payload);
    return ST_OK;
}

enum status block_seal(const struct block_builder *b, const struct secret *key, struct entropy *e,
                       uint8_t out[static BLOCK_LEN])
{
    entropy_fill(e, out, XAEAD_NONCE_LEN);
    enum status st = xaead_seal(key->b, out, SPAN(aad), SPAN(b->payload), out + XAEAD_NONCE_LEN);
    if (st != ST_OK) {
        memset(out, 0, BLOCK_LEN);
    }
    return st;
}

size_t block_pieces(size_t len)
{
    if (len == 0 || len > BLOCK_MESSAGE_MAX) {
        return 0;
    }
    return len <= BLOCK_WHOLE_MAX ? 1 : (len + BLOCK_PIECE_MAX - 1) / BLOCK_PIECE_MAX;
}

enum status block_piece(struct span message, const struct message_id *id, size_t index,
                        struct block_record *out)
{
    *out = (struct block_record){0};
    size_t count = block_pieces(message.len);
    if (index >= count) {
        return ST_USAGE;
    }
    if (count == 1) {
        *out = (struct block_record){.kind = BLOCK_WHOLE, .bytes = message};
        return ST_OK;
    }
    size_t from = index * BLOCK_PIECE_MAX;
    size_t left = message.len - from;
    *out = (struct block_record){
        .kind = BLOCK_FRAGMENT,
        .bytes = SPAN_OF(message.ptr + from, left < BLOCK_PIECE_MAX ? left : BLOCK_PIECE_MAX),
        .message = *id,
        .index = (uint16_t)index,
        .count = (uint16_t)count};
    return ST_OK;
}

/* ---- reading ---- */

/* One record, or the padding (kind 0): everything that is left, which must be zero. */
static void read_record(struct reader *r, struct block_record *out)
{
    *out = (struct block_record){0};
    uint8_t kind = reader_u8(r);
    if (kind == 0) {
        struct span rest = reader_take(r, reader_left(r));
        uint8_t any = 0;
        for (size_t i = 0; i < rest.len; i++) {
            any |= rest.ptr[i];
        }
        if (any != 0) {
            reader_fail(r, ST_BLOCK_PADDING);
        }
        return;
    }
    if (kind != BLOCK_WHOLE && kind != BLOCK_FRAGMENT) {
        reader_fail(r, ST_WIRE_ENUM);
        return;
    }
    out->kind = (enum block_record_kind)kind;
    if (kind == BLOCK_FRAGMENT) {
        reader_fixed(r, out->message.b, sizeof(out->message.b));
        out->index = reader_u16(r);
        out->count = reader_u16(r);
    }
    out->bytes = reader_vec(r, kind == BLOCK_WHOLE ? BLOCK_WHOLE_MAX : BLOCK_PIECE_MAX);
    if (!record_legal(out)) {
        reader_fail(r, ST_WIRE_VALUE);
    }
}

static enum status payload_check(struct span payload)
{
    struct reader r;
    reader_init(&r, payload);
    if (reader_u8(&r) != BLOCK_VERSION) {
        reader_fail(&r, ST_WIRE_VERSION);
    }
    while (reader_more(&r)) { /* each record takes three bytes at least */
        struct block_record record;
        read_record(&r, &record);
    }
    return reader_done(&r);
}

enum status block_open(struct block_payload *out, const struct secret *key, struct span block)
{
    *out = (struct block_payload){0};
    if (block.len != BLOCK_LEN) {
        return ST_WIRE_SHORT;
    }
    struct span sealed = SPAN_OF(block.ptr + XAEAD_NONCE_LEN, BLOCK_LEN - XAEAD_NONCE_LEN);
    enum status st = xaead_open(key->b, block.ptr, SPAN(aad), sealed, out->b);
    if (st == ST_OK) {
        st = payload_check(SPAN(out->b));
    }
    if (st != ST_OK) {
        block_payload_wipe(out);
        return st;
    }
    out->at = 1;
    return ST_OK;
}

bool block_payload_next(struct block_payload *p, struct block_record *out)
{
    invariant(p->at <= BLOCK_PAYLOAD_LEN);
    struct reader r;
    reader_init(&r, SPAN_OF(p->b + p->at, BLOCK_PAYLOAD_LEN - p->at));
    *out = (struct block_record){0};
    if (!reader_more(&r)) {
        return false;
    }
    read_record(&r, out);
    p->at = BLOCK_PAYLOAD_LEN - reader_left(&r);
    return r.failed == ST_OK && out->kind != 0;
}

void block_payload_wipe(struct block_payload *p)
{
    bytes_wipe(p, sizeof(*p));
}
