/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/credential.h"

#include "protocol/mls/limits.h"

/* The certificates stay encoded; each must be a whole opaque<V>. */
static struct span read_certificates(struct reader *r)
{
    struct reader list = reader_enter(r, MLS_CREDENTIAL_MAX);
    struct span all = SPAN_OF(list.at, reader_left(&list));
    while (reader_more(&list)) {
        reader_vec(&list, MLS_CREDENTIAL_MAX);
    }
    reader_leave(r, &list);
    return all;
}

void credential_read(struct reader *r, struct credential *out)
{
    struct credential c = {.type = reader_u16(r)};
    if (c.type == CREDENTIAL_BASIC) {
        c.identity = reader_vec(r, MLS_CREDENTIAL_MAX);
    } else if (c.type == CREDENTIAL_X509) {
        c.identity = read_certificates(r);
    } else {
        reader_fail(r, ST_MLS_CREDENTIAL_TYPE);
    }
    *out = r->failed == ST_OK ? c : (struct credential){0};
}

void credential_write(struct writer *w, const struct credential *c)
{
    writer_u16(w, c->type);
    writer_vec(w, c->identity); /* of both types: bytes behind their length */
}

bool credential_equal(const struct credential *a, const struct credential *b)
{
    return a->type == b->type && span_equal(a->identity, b->identity);
}
