/* SPDX-License-Identifier: Apache-2.0 */
/* History for a person's new device (protocol.md §9): the manifest, told page by page in scope own, and the
 * parts in a bulk log of its own. Pure: compression happens in sync/. */
#ifndef KITH_PROTOCOL_HISTORY_PART_H
#define KITH_PROTOCOL_HISTORY_PART_H

#include "protocol/wire.h"

enum history_limits {
    HISTORY_PARTS_MAX = 65536,       /* of one offer: 16 GiB as they travel */
    HISTORY_PAGE_MAX = 64,           /* parts that one page tells of */
    HISTORY_SCOPES_MAX = 1024,       /* conversations */
    HISTORY_HELD_MAX = 4096,         /* stretches that a device has already */
    HISTORY_RAW_MAX = 1024 * 1024,   /* one part, unpacked: bounds the joiner's memory */
    HISTORY_PACKED_MAX = 256 * 1024, /* one part as it travels */
    HISTORY_MESSAGE_MAX = HISTORY_PACKED_MAX + 16
};

struct history_range { /* one part: a run of one conversation */
    struct scope_id scope;
    uint64_t first_hlc, last_hlc;
    uint32_t entry_count;
    uint32_t raw_size, packed_size;
    uint8_t sha256[HASH_LEN]; /* of the packed bytes */
};

struct history_total { /* what an offer will bring of one conversation */
    struct scope_id scope;
    uint32_t entry_count;
};

struct history_manifest { /* one page of it; holds the bulk log's keys: wipe */
    struct span relay;
    struct secret read_token;
    uint8_t write_hash[HASH_LEN], trim_hash[HASH_LEN];
    struct secret block_key;
    struct entry_hash answers; /* the history_want that is answered; zeros: offered unasked */
    uint32_t first_part;       /* number of the first part that this page tells of */
    bool last;                 /* there are no parts after this page's */
    size_t total_count, part_count;
    struct span totals; /* on page 0: encoded totals, by history_manifest_total */
    struct span parts;  /* encoded ranges, by history_manifest_part */
};

/* ST_WIRE_VALUE also where numbers of parts run beyond HISTORY_PARTS_MAX. */
enum status history_manifest_decode(struct history_manifest *out, struct span in) MUST_USE;
enum status history_manifest_encode(struct writer *w, const struct history_manifest *m) MUST_USE;
void history_manifest_part(const struct history_manifest *m, size_t index,
                           struct history_range *out); /* < part_count */
void history_manifest_total(const struct history_manifest *m, size_t index,
                            struct history_total *out); /* < total_count */
/* Build m->parts and m->totals in `bytes` (which they borrow until its next change); one buffer each.
 * ST_NO_SPACE: the page is full. */
enum status history_manifest_add(struct history_manifest *m, struct buffer *bytes,
                                 const struct history_range *range) MUST_USE;
enum status history_manifest_add_total(struct history_manifest *m, struct buffer *bytes,
                                       const struct history_total *total) MUST_USE;

struct history_part {
    uint32_t index;
    /* zstd of two vectors of opaque<V>: the certificates of the entries' authors (a new device has not met
     * them all), then the journal entries, newest first. */
    struct span packed;
};

enum status history_part_decode(struct history_part *out, struct span in) MUST_USE;
enum status history_part_encode(struct writer *w, const struct history_part *p) MUST_USE;

struct history_held { /* a stretch of a conversation that is here, both ends included */
    struct scope_id scope;
    uint64_t first_hlc, last_hlc;
};

/* The list of them in a history_want: a vector. */
struct history_held_list {
    struct span bytes;
    size_t count;
};
void history_held_read(struct reader *r, struct history_held_list *out);
void history_held_write(struct writer *w, const struct history_held_list *list);
void history_held_at(const struct history_held_list *list, size_t index, struct history_held *out);
enum status history_held_add(struct history_held_list *list, struct buffer *bytes,
                             const struct history_held *one) MUST_USE; /* borrows as above */

#endif
