/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence: records in an epoch's log that a commit names by hash in its authenticated data (protocol.md
 * §5.3). Pure. */
#ifndef KITH_PROTOCOL_EVIDENCE_H
#define KITH_PROTOCOL_EVIDENCE_H

#include "protocol/wire.h"

enum evidence_limits {
    EVIDENCE_RECORD_MAX = 16 * 1024,  /* one record: larger than any of the kinds below */
    EVIDENCE_COMMIT_MAX = 256 * 1024, /* all records of one commit */
    EVIDENCE_COUNT_MAX = 1024         /* hashes in one commit: two whole chains */
};

enum evidence_kind {
    EVIDENCE_CHAIN_ENTRY = 1, /* struct chain_entry; of the family in `family` */
    EVIDENCE_CERTIFICATE = 2, /* struct device_certificate: fresher than the one in a leaf */
    EVIDENCE_PERMIT = 3,
    EVIDENCE_WITHDRAWAL = 4,
    EVIDENCE_REVOCATION = 5,
    EVIDENCE_LEAVE = 6, /* struct leave_note */
    EVIDENCE_READD = 7, /* struct readd_request */
    EVIDENCE_KIND_LAST = EVIDENCE_READD
};

struct evidence_record {
    enum evidence_kind kind;
    struct family_id family; /* whose chain; zero for the other kinds */
    struct span body;
};

enum status evidence_record_decode(struct evidence_record *out, struct span in) MUST_USE;
enum status evidence_record_encode(struct writer *w, const struct evidence_record *e) MUST_USE;
/* Hash of the encoded record: what a commit names. */
enum status evidence_record_hash(struct span encoded, struct entry_hash *out) MUST_USE;

/* The authenticated data of a commit. */
struct commit_data {
    size_t count;
    struct span hashes; /* count * 32 bytes, in the order in which they are to be read */
};

enum status commit_data_decode(struct commit_data *out, struct span in) MUST_USE;
enum status commit_data_encode(struct writer *w, const struct commit_data *d) MUST_USE;
void commit_data_hash_at(const struct commit_data *d, size_t index,
                         struct entry_hash *out); /* index < count */

#endif
