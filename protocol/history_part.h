/* SPDX-License-Identifier: Apache-2.0 */
/* History for a person's new device (protocol.md §9): the manifest, handed over in scope own, and the parts
 * in a bulk log of its own. Pure: compression happens in sync/. */
#ifndef KITH_PROTOCOL_HISTORY_PART_H
#define KITH_PROTOCOL_HISTORY_PART_H

#include "protocol/wire.h"

enum history_limits {
    HISTORY_PARTS_MAX = 512,
    HISTORY_RAW_MAX = 4 * 1024 * 1024,   /* one part, unpacked: bounds the joiner's memory */
    HISTORY_PACKED_MAX = HISTORY_RAW_MAX /* one part as it travels */
};

struct history_range { /* one part: a run of one conversation */
    struct scope_id scope;
    uint64_t first_hlc, last_hlc;
    uint32_t entry_count;
    uint32_t raw_size, packed_size;
    uint8_t sha256[HASH_LEN]; /* of the packed bytes */
};

struct history_manifest { /* holds the bulk log's keys: wipe */
    struct span relay;
    struct secret read_token;
    uint8_t write_hash[HASH_LEN], trim_hash[HASH_LEN];
    struct secret block_key;
    size_t part_count;
    struct span parts; /* encoded ranges: history_manifest_part reads one */
};

enum status history_manifest_decode(struct history_manifest *out, struct span in) MUST_USE;
enum status history_manifest_encode(struct writer *w, const struct history_manifest *m) MUST_USE;
void history_manifest_part(const struct history_manifest *m, size_t index,
                           struct history_range *out); /* < part_count */
/* Builds m->parts in `bytes` (borrows until its next change). */
enum status history_manifest_add(struct history_manifest *m, struct buffer *bytes,
                                 const struct history_range *range) MUST_USE;

struct history_part {
    uint32_t index;
    /* zstd of two vectors of opaque<V>: the certificates of the entries' authors (a new device has not met
     * them all), then the journal entries, oldest first. */
    struct span packed;
};

enum status history_part_decode(struct history_part *out, struct span in) MUST_USE;
enum status history_part_encode(struct writer *w, const struct history_part *p) MUST_USE;

#endif
