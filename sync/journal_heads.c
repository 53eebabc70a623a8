/* SPDX-License-Identifier: Apache-2.0 */
/* Which authors' heads are told of in a `have` and an Admission. */
#include <stdlib.h>

#include "sync/journal_internal.h"

enum rank { RANK_MEMBER, RANK_OURS, RANK_OTHER, RANK_END };

struct heads {
    struct device_id members[WIRE_LEAVES_MAX];
    size_t member_count;
    struct have_author *out;
    size_t count;
};

static void find_members(const struct group *g, struct heads *h)
{
    struct device_certificate c;
    for (uint32_t at = 0; h->member_count < WIRE_LEAVES_MAX && group_next(g, &at, &c);) {
        h->members[h->member_count++] = c.device;
    }
}

static enum rank rank_of(const struct heads *h, const struct device_id *author, bool ours)
{
    for (size_t i = 0; i < h->member_count; i++) {
        if (ID_EQUAL(&h->members[i], author)) {
            return RANK_MEMBER;
        }
    }
    return ours ? RANK_OURS : RANK_OTHER;
}

/* Those of one rank, as many as there is room for. */
static enum status add_rank(struct node *n, const struct scope_id *scope, enum rank rank, struct heads *h)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT h.author, h.cont_seq, h.cont_hash, h.pin_seq IS NOT NULL OR c.family IS ? FROM head h"
                " LEFT JOIN certificate c ON c.device = h.author WHERE h.scope = ? AND h.cont_seq > 0 ORDER"
                " BY h.author",
                "bb", SPAN_ID(&n->self.family), SPAN_ID(scope));
    while (h->count < HAVE_AUTHORS_MAX && query_next(&q)) {
        struct have_author line = {.seq = (uint64_t)query_int(&q, 1)};
        QUERY_ID(&q, 0, &line.author);
        QUERY_ID(&q, 2, &line.hash);
        if (rank_of(h, &line.author, query_int(&q, 3) != 0) == rank) {
            h->out[h->count++] = line;
        }
    }
    return query_end(&q);
}

static int by_author(const void *a, const void *b)
{
    const struct have_author *one = a, *other = b;
    return memcmp(one->author.b, other->author.b, sizeof(one->author.b));
}

enum status journal_heads(struct node *n, const struct group *g, struct have_author *out, size_t *count)
{
    struct heads h = {.out = out};
    enum status st = ST_OK;
    find_members(g, &h);
    for (int rank = RANK_MEMBER; st == ST_OK && rank < RANK_END; rank++) {
        st = add_rank(n, &g->scope, (enum rank)rank, &h);
    }
    qsort(out, h.count, sizeof(*out), by_author);
    *count = st == ST_OK ? h.count : 0;
    return st;
}
