/* SPDX-License-Identifier: Apache-2.0 */
/* Journal entries and `have` (protocol.md §8). Pure. The kinds of bodies are in protocol/entry_body.h.
 *
 * The hash covers the header alone, and the header holds body_hash = SHA-256(salt ‖ kind ‖ body): a body can
 * be deleted, or withheld, and the chain stays whole. */
#ifndef KITH_PROTOCOL_JOURNAL_ENTRY_H
#define KITH_PROTOCOL_JOURNAL_ENTRY_H

#include "protocol/wire.h"

enum journal_entry_limits {
    ENTRY_SALT_LEN = 16,
    ENTRY_BODY_MAX = 256 * 1024, /* an approach with a whole request in it */
    HAVE_AUTHORS_MAX = 128,      /* the leaves of a group, and as many devices that left it */
    HAVE_BEACON_MAX = 256        /* one encoded beacon */
};
/* Entries of one device in one scope: ST_ENTRY_SEQ beyond. At as many a day as anybody takes from one device
 * (sync/journal_intake.h) it lasts for three and a half centuries. */
#define ENTRY_SEQ_MAX UINT64_C(0xffffffff)

struct entry_header {
    struct scope_id scope;
    struct device_id author;
    uint64_t seq;           /* dense from 1 for each author in each scope, at most ENTRY_SEQ_MAX */
    struct entry_hash prev; /* of the author's entry before; zero at seq 1 */
    uint32_t generation;    /* of the group in which it was first sent */
    uint64_t epoch;
    uint64_t hlc;
    uint8_t body_hash[HASH_LEN];
};

struct journal_entry {
    struct entry_header header;
    bool has_body; /* false: passed on as its header alone */
    uint8_t salt[ENTRY_SALT_LEN];
    uint16_t kind; /* enum entry_kind */
    struct span body;
    bool has_signature; /* in family, parents, ward */
    struct signature signature;
};

/* Decoding a body checks it against body_hash: ST_ENTRY_BODY_HASH. A seq that is too high is neither written
 * nor read: ST_ENTRY_SEQ. */
enum status journal_entry_decode(struct journal_entry *out, struct span in) MUST_USE;
enum status journal_entry_encode(struct writer *w, const struct journal_entry *e) MUST_USE;
/* Fills header.body_hash from salt, kind and body. */
enum status journal_entry_hash_body(struct journal_entry *e) MUST_USE;
enum status entry_header_hash(const struct entry_header *h, struct entry_hash *out) MUST_USE;
/* An entry's signature is over (scope, author, seq, hash), and so covers every entry of that author before
 * it. */
enum status journal_entry_sign(struct journal_entry *e, const struct sign_private *key) MUST_USE;
enum status entry_signature_verify(const struct entry_header *h,
                                   const struct signature *s) MUST_USE; /* by author */

struct have_author { /* the newest entry that the sender holds without a gap */
    struct device_id author;
    uint64_t seq;
    struct entry_hash hash;
};

/* What a member holds of a scope. */
struct have {
    struct scope_id scope;
    struct span beacon; /* struct beacon of the sender's group */
    uint16_t author_count;
    struct have_author authors[HAVE_AUTHORS_MAX]; /* in strictly rising order of author */
};

/* The list of heads, for the structures that hold one: `have` and Admission. */
void have_authors_write(struct writer *w, const struct have_author *authors, size_t count);
uint16_t have_authors_read(struct reader *r, struct have_author out[static HAVE_AUTHORS_MAX]);

enum status have_decode(struct have *out, struct span in) MUST_USE;
enum status have_encode(struct writer *w, const struct have *h) MUST_USE;

#endif
