/* SPDX-License-Identifier: Apache-2.0 */
/* One part of a history as bytes: entries and their authors' certificates, compressed. Bounded: a part is at
 * most HISTORY_RAW_MAX unpacked, and says so before a byte of it is unpacked. */
#ifndef KITH_SYNC_HISTORY_PACK_H
#define KITH_SYNC_HISTORY_PACK_H

#include "protocol/history_part.h"

struct history_pack { /* one part under construction; buffers own */
    struct buffer certificates, entries;
    uint32_t count;
};

void history_pack_init(struct history_pack *p);
void history_pack_free(struct history_pack *p);
enum status history_pack_certificate(struct history_pack *p, struct span certificate) MUST_USE;
enum status history_pack_entry(struct history_pack *p, struct span entry) MUST_USE;
/* Compresses into `out` and fills sizes, count and hash of `range` (not scope and hlc). */
enum status history_pack_close(const struct history_pack *p, struct buffer *out,
                               struct history_range *range) MUST_USE;

struct history_unpacked { /* lists borrow from raw */
    struct buffer raw;
    struct span certificates, entries; /* walk with wire_list_next */
};
/* ST_HISTORY_PART: not the bytes that `range` promises; ST_HISTORY_SIZE: they would unpack to another size.
 * Nothing is unpacked before hash and sizes were compared. */
enum status history_unpack(const struct history_range *range, struct span packed,
                           struct history_unpacked *out) MUST_USE;
void history_unpacked_free(struct history_unpacked *u);

#endif
