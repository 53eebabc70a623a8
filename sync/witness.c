/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/witness.h"

/* id: of this database, random. count: grows. nonce: tells two databases apart that counted alike. */
enum { ID_AT = 0, COUNT_AT = 16, NONCE_AT = 24 };

static uint64_t count_of(const uint8_t *witness)
{
    struct reader r;
    reader_init(&r, SPAN_OF(witness + COUNT_AT, 8));
    return reader_u64(&r);
}

static enum status store(struct node *n, uint64_t count)
{
    for (size_t i = 0; i < 8; i++) {
        n->witness[COUNT_AT + i] = (uint8_t)(count >> (56 - 8 * i));
    }
    entropy_fill(&n->entropy, n->witness + NONCE_AT, NODE_WITNESS_LEN - NONCE_AT);
    bool watched = sql_set_unwatched(&n->sql.watches, true);
    enum status st = meta_set_bytes(n, "witness", SPAN(n->witness));
    sql_set_unwatched(&n->sql.watches, watched);
    return st;
}

static enum status load(struct node *n)
{
    struct query q;
    bool found = false;
    query_start(&q, &n->sql, "SELECT value FROM meta WHERE key = 'witness'", "");
    if (query_next(&q)) {
        query_fixed(&q, 0, n->witness, sizeof(n->witness));
        found = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !found) {
        entropy_fill(&n->entropy, n->witness + ID_AT, COUNT_AT);
        st = store(n, 1);
    }
    return st;
}

enum status witness_open(struct node *n, const uint8_t *kept)
{
    enum status st = load(n);
    bool same = st == ST_OK && kept && memcmp(kept, n->witness, NODE_WITNESS_LEN) == 0;
    bool ours = st == ST_OK && kept && memcmp(kept, n->witness, COUNT_AT) == 0;
    if (st == ST_OK && !same) {
        st = sql_run(&n->sql, "UPDATE log SET echoed = 0", "");
    }
    if (st == ST_OK && ours && !same && count_of(kept) >= count_of(n->witness)) {
        st = meta_set_number(n, "old_copy", 1);
    }
    return st;
}

enum status witness_advance(struct node *n)
{
    if (!n->sealed) {
        return ST_OK;
    }
    n->sealed = false;
    return store(n, count_of(n->witness) + 1);
}

void node_witness(const struct node *n, uint8_t out[static NODE_WITNESS_LEN])
{
    memcpy(out, n->witness, NODE_WITNESS_LEN);
}
