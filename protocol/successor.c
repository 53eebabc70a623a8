/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/successor.h"

static void name_body(struct writer *w, const void *value)
{
    const struct successor *s = value;
    wire_write_version(w);
    WRITE_ID(w, &s->scope);
    writer_u32(w, s->generation);
    writer_u32(w, s->old_generation);
    writer_bytes(w, SPAN(s->old_founding));
    writer_u64(w, s->epoch);
    writer_bytes(w, SPAN(s->tree_hash));
    writer_u32(w, s->founder);
    writer_u8(w, (uint8_t)s->reason);
    writer_bytes(w, SPAN(s->nonce));
    wire_write_list(w, &s->evidence);
}

enum status successor_encode(struct writer *w, const struct successor *s)
{
    name_body(w, s);
    wire_write_vec(w, s->admission, SUCCESSOR_ADMISSION_MAX);
    return writer_done(w);
}

enum status successor_decode(struct successor *out, struct span in)
{
    struct reader r;
    struct successor s = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    READ_ID(&r, &s.scope);
    s.generation = reader_u32(&r);
    s.old_generation = reader_u32(&r);
    reader_fixed(&r, s.old_founding, sizeof s.old_founding);
    s.epoch = reader_u64(&r);
    reader_fixed(&r, s.tree_hash, sizeof s.tree_hash);
    s.founder = reader_u32(&r);
    s.reason = (enum successor_reason)wire_read_enum(&r, SUCCESSOR_POISONED, SUCCESSOR_REASON_LAST);
    reader_fixed(&r, s.nonce, sizeof s.nonce);
    s.evidence = wire_read_list(&r, SUCCESSOR_EVIDENCE_MAX, SUCCESSOR_RECORD_MAX);
    s.admission = reader_vec(&r, SUCCESSOR_ADMISSION_MAX);
    if (s.founder >= WIRE_LEAVES_MAX || s.generation <= s.old_generation)
        reader_fail(&r, ST_WIRE_VALUE);
    return wire_finish(&r, out, &s, sizeof s);
}

enum status successor_name(const struct successor *s, uint8_t out[static SUCCESSOR_NAME_LEN])
{
    uint8_t hash[HASH_LEN];
    enum status st = wire_hash(LABEL_SUCCESSOR, name_body, s, hash);
    memset(out, 0, SUCCESSOR_NAME_LEN);
    if (st != ST_OK)
        return st;
    out[3] = (uint8_t)s->founder; /* four bytes, the highest first: below 64 */
    memcpy(out + 4, hash, SUCCESSOR_NAME_LEN - 4);
    return ST_OK;
}

bool successor_is_name(struct span group_id)
{
    return group_id.len == SUCCESSOR_NAME_LEN && group_id.ptr[0] == 0 && group_id.ptr[1] == 0 &&
           group_id.ptr[2] == 0 && group_id.ptr[3] < WIRE_LEAVES_MAX;
}
