/* SPDX-License-Identifier: Apache-2.0 */
/* Files that people send each other (docs/protocol.md §8.4): what a file may be called, and the records of
 * the bulk log in which its bytes lie, sealed once for everybody who may read the entry that tells of them.
 * Pure.
 *
 * A file is cut into parts of FILE_PART_LEN bytes, the last of which may be shorter. The list of the SHA-256
 * of all parts goes first; the entry names the SHA-256 of that list, and so every byte of the file. */
#ifndef KITH_PROTOCOL_FILE_PART_H
#define KITH_PROTOCOL_FILE_PART_H

#include "protocol/wire.h"

enum file_limits {
    FILE_SIZE_MAX = 1 << 30,   /* bytes: 1 GiB */
    FILE_PART_LEN = 254 << 10, /* with its header exactly 16 blocks */
    FILE_PARTS_MAX = (FILE_SIZE_MAX + FILE_PART_LEN - 1) / FILE_PART_LEN, /* 4,129 */
    FILE_LIST_MAX = FILE_PARTS_MAX * HASH_LEN,
    FILE_NAME_MAX = 255, /* bytes of UTF-8: what file systems take */
    FILE_MEDIA_MAX = 64, /* "image/png" */
    FILE_SNIFF_LEN = 16, /* bytes at the beginning that say what an image is */
    FILE_BLOCKS_A_PART = 16
};

/* How many parts a file of so many bytes has, and how long one of them is. */
uint32_t file_parts(uint64_t size);
size_t file_part_len(uint64_t size, uint32_t index);

/* ---- names ---- */

/* One name on one line that shows as what it is, and that stays in its folder: no slash of either kind, no
 * dot at its beginning, no colon. */
bool file_name_ok(struct span name);
/* Makes such a name of any bytes: what stands after the last slash, with '_' for what may not be, not longer
 * than FILE_NAME_MAX, its ending kept. Never empty. */
void file_name_defuse(struct span in, char out[static FILE_NAME_MAX + 1]);

/* What kind of file begins with these bytes: "image/png", "image/jpeg", "image/gif", "image/webp", else
 * "application/octet-stream". */
const char *file_media_of(struct span first);
/* One of those four. */
bool file_media_is_image(struct span media);
bool file_media_ok(struct span media); /* lower-case letters, digits, and / + . - */

/* ---- records ---- */

enum file_record_kind { FILE_RECORD_LIST = 1, FILE_RECORD_PART = 2 };

struct file_record {
    enum file_record_kind kind;
    uint32_t index;    /* of a part */
    struct span bytes; /* the list: HASH_LEN for each part; or a part's bytes */
};

enum status file_record_decode(struct file_record *out, struct span in) MUST_USE;
enum status file_record_encode(struct writer *w, const struct file_record *p) MUST_USE;

#endif
