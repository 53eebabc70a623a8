/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/group_context.h"

#include "protocol/mls/limits.h"

void group_context_read(struct reader *r, struct group_context *out)
{
    struct group_context c = {0};
    c.version = reader_u16(r);
    c.cipher_suite = reader_u16(r);
    c.group_id = reader_vec(r, MLS_GROUP_ID_MAX);
    c.epoch = reader_u64(r);
    c.tree_hash = reader_vec(r, MLS_HASH_MAX);
    c.confirmed_transcript_hash = reader_vec(r, MLS_HASH_MAX);
    extensions_read(r, &c.extensions);
    *out = r->failed == ST_OK ? c : (struct group_context){0};
}

enum status group_context_decode(struct group_context *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    group_context_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct group_context){0};
    }
    return s;
}

void group_context_write(struct writer *w, const struct group_context *c)
{
    writer_u16(w, c->version);
    writer_u16(w, c->cipher_suite);
    writer_vec(w, c->group_id);
    writer_u64(w, c->epoch);
    writer_vec(w, c->tree_hash);
    writer_vec(w, c->confirmed_transcript_hash);
    extensions_write(w, &c->extensions);
}
