/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/commit.h"

#include "protocol/mls/limits.h"

void commit_read(struct reader *r, struct commit *out)
{
    struct commit c = {0};
    struct reader list = reader_enter(r, MLS_MESSAGE_MAX);
    c.proposals = SPAN_OF(list.at, reader_left(&list));
    while (reader_more(&list)) {
        struct proposal_or_ref p;
        proposal_or_ref_read(&list, &p);
        if (++c.proposal_count > MLS_PROPOSALS_MAX) {
            reader_fail(&list, ST_WIRE_LIMIT);
        }
    }
    reader_leave(r, &list);
    c.has_path = reader_optional(r);
    if (c.has_path) {
        update_path_read(r, &c.path);
    }
    *out = r->failed == ST_OK ? c : (struct commit){0};
}

enum status commit_decode(struct commit *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    commit_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct commit){0};
    }
    return s;
}

void commit_write(struct writer *w, const struct commit *c)
{
    writer_vec(w, c->proposals);
    writer_optional(w, c->has_path);
    if (c->has_path) {
        update_path_write(w, &c->path);
    }
}
