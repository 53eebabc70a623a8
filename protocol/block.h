/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks (docs/protocol.md §4): all that a relay stores. Pure.
 *
 * A block is exactly 16,384 bytes whatever it holds:
 *
 *     nonce[24] ‖ XChaCha20-Poly1305(key = block key, nonce, aad = "Kith 1 block", payload[16344])
 *
 *     payload: uint8 version = 1, records, then zeros to the end
 *     record:  uint8 1 (whole)    opaque message<V>
 *              uint8 2 (fragment) opaque message_id[16], uint16 index, uint16 count, opaque piece<V>
 *
 * A record that begins with 0 is the padding: everything from there must be zero. A message is not empty. A
 * fragment is not alone: 2 <= count <= BLOCK_FRAGMENTS_MAX, index < count. Putting fragments together again:
 * protocol/reassembly.h. */
#ifndef KITH_PROTOCOL_BLOCK_H
#define KITH_PROTOCOL_BLOCK_H

#include "protocol/suite.h"

enum block_limits {
    BLOCK_LEN = 16384,
    BLOCK_PAYLOAD_LEN = BLOCK_LEN - XAEAD_NONCE_LEN - AEAD_TAG_LEN, /* 16,344 */
    BLOCK_VERSION = 1,                                              /* first byte of a payload */
    BLOCK_WHOLE_MAX = BLOCK_PAYLOAD_LEN - 1 - 1 - 2,              /* longest message in one record: 16,340 */
    BLOCK_PIECE_MAX = BLOCK_PAYLOAD_LEN - 1 - 1 - 16 - 2 - 2 - 2, /* longest piece of a fragment: 16,320 */
    BLOCK_FRAGMENTS_MAX = 64,                                 /* a message may have 1 MiB less 64 headers: */
    BLOCK_MESSAGE_MAX = BLOCK_FRAGMENTS_MAX * BLOCK_PIECE_MAX /* several times 256 KiB of evidence */
};

struct message_id { /* random; one a fragmented message */
    uint8_t b[16];
};

enum block_record_kind { BLOCK_WHOLE = 1, BLOCK_FRAGMENT = 2 };

struct block_record {
    enum block_record_kind kind;
    struct span bytes;         /* the message, or one piece of it; borrows from the payload */
    struct message_id message; /* fragments only, as are the next two */
    uint16_t index, count;
};

/* ---- writing ---- */

struct block_builder { /* the caller's storage; holds plaintext: wipe it */
    uint8_t payload[BLOCK_PAYLOAD_LEN];
    size_t used;
};

void block_builder_init(struct block_builder *b);
void block_builder_wipe(struct block_builder *b);
bool block_builder_empty(const struct block_builder *b);
/* Length of the longest whole message that still fits; 0: none. */
size_t block_builder_room(const struct block_builder *b);
/* Adds a record. ST_BLOCK_FULL: it does not fit, and the builder is unchanged. ST_USAGE: the record breaks a
 * rule above. */
enum status block_builder_add(struct block_builder *b, const struct block_record *record) MUST_USE;
/* Seals what was added (nothing is fine) under a fresh nonce from `e`; the builder stays as it is. */
enum status block_seal(const struct block_builder *b, const struct secret *key, struct entropy *e,
                       uint8_t out[static BLOCK_LEN]) MUST_USE;

/* How a message of `len` bytes is cut: number of records that it needs (1: whole, else fragments); 0 when it
 * is empty or longer than BLOCK_MESSAGE_MAX. */
size_t block_pieces(size_t len);
/* Record `index` of the cut; `id` is used for fragments only. `out` borrows from the message. Every fragment
 * but the last has BLOCK_PIECE_MAX bytes and so fills a block of its own. ST_USAGE: index is not below
 * block_pieces(message.len). */
enum status block_piece(struct span message, const struct message_id *id, size_t index,
                        struct block_record *out) MUST_USE;

/* ---- reading ---- */

struct block_payload { /* the caller's storage; holds plaintext: wipe it */
    uint8_t b[BLOCK_PAYLOAD_LEN];
    size_t at; /* the next record */
};

/* Opens a block and checks all of its records and the padding, so that block_payload_next cannot fail later.
 * ST_CRYPTO_OPEN: not under this key. ST_BLOCK_PADDING: a byte of the padding is not zero. ST_WIRE_*: version
 * or records. On failure `out` is zeroed. ST_WIRE_SHORT also when block.len is not BLOCK_LEN. */
enum status block_open(struct block_payload *out, const struct secret *key, struct span block) MUST_USE;
/* The next record, false at the end. `out` borrows until the payload is wiped. */
bool block_payload_next(struct block_payload *p, struct block_record *out);
void block_payload_wipe(struct block_payload *p);

#endif
