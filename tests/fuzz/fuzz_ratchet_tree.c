/* SPDX-License-Identifier: Apache-2.0 */
/* Ratchet trees: what decodes encodes to the same bytes and can be hashed, resolved, judged and changed
 * without harm, however wrong it is. */
#include "protocol/mem.h"
#include "protocol/mls/tree_hash.h"
#include "protocol/mls/tree_validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encoding(const struct ratchet_tree *t, struct span in)
{
    struct buffer again;
    struct writer w;
    buffer_init(&again, in.len);
    writer_init(&w, &again);
    ratchet_tree_write(&w, t);
    invariant(writer_done(&w) == ST_OK && span_equal(buffer_span(&again), in));
    buffer_wipe(&again);
}

static void walk(const struct ratchet_tree *t)
{
    for (uint32_t x = 0; x < tree_node_count(t->leaf_count); x++) {
        struct resolution r;
        uint32_t node, steps = 0;
        resolution_start(&r, t, x);
        while (resolution_next(&r, &node))
            invariant(++steps <= MLS_LEAVES_MAX * MLS_LEAVES_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ratchet_tree t;
    struct span in = SPAN_OF(data, size);
    if (ratchet_tree_decode(&t, in) != ST_OK)
        return 0;
    uint8_t hash[HASH_LEN];
    const struct extensions none = {SPAN_EMPTY};
    const struct tree_context context = {.group_id = in, .extensions = &none};
    uint32_t leaf = 0;
    check_encoding(&t, in);
    walk(&t);
    tree_hash_root(&t, hash);
    enum status st = tree_validate(&t, &context, SPAN(hash));
    while (leaf < t.leaf_count && !ratchet_tree_leaf(&t, leaf))
        leaf++;
    if (st != ST_MLS_TREE_FORMAT) { /* it has a member */
        st = tree_validate_leaf(&t, &context, leaf);
        st = ratchet_tree_remove(&t, leaf);
        invariant(st == ST_OK);
    }
    ratchet_tree_wipe(&t);
    return 0;
}
