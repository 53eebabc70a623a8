/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/evidence.h"

enum status evidence_record_encode(struct writer *w, const struct evidence_record *e)
{
    wire_write_version(w);
    writer_u8(w, (uint8_t)e->kind);
    if (e->kind == EVIDENCE_CHAIN_ENTRY)
        WRITE_ID(w, &e->family);
    wire_write_vec(w, e->body, EVIDENCE_RECORD_MAX);
    return writer_done(w);
}

enum status evidence_record_decode(struct evidence_record *out, struct span in)
{
    struct reader r;
    struct evidence_record e = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    e.kind = wire_read_enum(&r, EVIDENCE_CHAIN_ENTRY, EVIDENCE_KIND_LAST);
    if (e.kind == EVIDENCE_CHAIN_ENTRY)
        READ_ID(&r, &e.family);
    e.body = reader_vec(&r, EVIDENCE_RECORD_MAX);
    return wire_finish(&r, out, &e, sizeof e);
}

enum status evidence_record_hash(struct span encoded, struct entry_hash *out)
{
    return wire_hash_bytes(LABEL_EVIDENCE_HASH, encoded, out->b);
}

enum status commit_data_encode(struct writer *w, const struct commit_data *d)
{
    wire_write_version(w);
    wire_write_vec(w, d->hashes, (size_t)EVIDENCE_COUNT_MAX * ID_LEN);
    return writer_done(w);
}

enum status commit_data_decode(struct commit_data *out, struct span in)
{
    struct reader r;
    struct commit_data d = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    d.hashes = reader_vec(&r, (size_t)EVIDENCE_COUNT_MAX * ID_LEN);
    if (d.hashes.len % ID_LEN != 0)
        reader_fail(&r, ST_WIRE_VALUE);
    d.count = d.hashes.len / ID_LEN;
    return wire_finish(&r, out, &d, sizeof d);
}

void commit_data_hash_at(const struct commit_data *d, size_t index, struct entry_hash *out)
{
    memcpy(out->b, d->hashes.ptr + index * ID_LEN, ID_LEN);
}
