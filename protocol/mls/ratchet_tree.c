/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants of a tree:
 * 1. leaf_count is 0 or a power of two; cells beyond the last node are zero.
 * 2. A leaf's node is in an even cell, a parent's in an odd one.
 * 3. A hashed cell has only hashed cells below it; so an unhashed one has only unhashed ones above. */
#include "protocol/mls/ratchet_tree.h"

#include <string.h>

#include "protocol/mem.h"

enum node_type { NODE_LEAF = 1, NODE_PARENT = 2 }; /* RFC 9420 §7.8 */

enum { UNMERGED_LEN = 4, UNMERGED_MAX = UNMERGED_LEN * MLS_LEAVES_MAX };

struct tree_node {
    size_t refs, size; /* size: of the allocation */
    union {
        struct leaf_node leaf;
        struct parent_node parent;
    } u;
    uint8_t bytes[]; /* the encoding; the spans above point into it */
};

/* ---- ParentNode ---- */

void parent_node_read(struct reader *r, struct parent_node *out)
{
    const uint8_t *start = r->at;
    *out = (struct parent_node){0};
    struct parent_node n = {.encryption_key = reader_vec(r, MLS_PUBLIC_KEY_MAX),
                            .parent_hash = reader_vec(r, MLS_HASH_MAX),
                            .unmerged = reader_vec(r, UNMERGED_MAX)};
    if (n.unmerged.len % UNMERGED_LEN != 0)
        reader_fail(r, ST_WIRE_VALUE);
    if (r->failed != ST_OK)
        return;
    uint32_t least = 0;
    for (uint32_t i = 0; i < parent_node_unmerged_count(&n); i++) { /* RFC 9420 §7.1: sorted */
        uint32_t leaf = parent_node_unmerged_at(&n, i);
        if (leaf < least || leaf >= MLS_LEAVES_MAX) {
            reader_fail(r, ST_MLS_UNMERGED);
            return;
        }
        least = leaf + 1;
    }
    n.encoded = SPAN_OF(start, (size_t)(r->at - start));
    *out = n;
}

void parent_node_write(struct writer *w, const struct parent_node *n)
{
    writer_vec(w, n->encryption_key);
    writer_vec(w, n->parent_hash);
    writer_vec(w, n->unmerged);
}

uint32_t parent_node_unmerged_count(const struct parent_node *n)
{
    return (uint32_t)(n->unmerged.len / UNMERGED_LEN);
}

uint32_t parent_node_unmerged_at(const struct parent_node *n, uint32_t i)
{
    const uint8_t *p = n->unmerged.ptr + (size_t)i * UNMERGED_LEN;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The first place whose leaf is not below `leaf`. */
static uint32_t unmerged_place(const struct parent_node *n, uint32_t leaf)
{
    uint32_t low = 0, high = parent_node_unmerged_count(n);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (parent_node_unmerged_at(n, middle) < leaf)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool parent_node_has_unmerged(const struct parent_node *n, uint32_t leaf)
{
    uint32_t i = unmerged_place(n, leaf);
    return i < parent_node_unmerged_count(n) && parent_node_unmerged_at(n, i) == leaf;
}

uint32_t parent_node_unmerged_below(const struct parent_node *n, uint32_t node)
{
    return unmerged_place(n, tree_last_leaf(node) + 1) - unmerged_place(n, tree_first_leaf(node));
}

/* ---- counted nodes ---- */

static void node_release(struct tree_node *n)
{
    if (n && --n->refs == 0)
        mem_free(n, n->size);
}

static enum status node_new(struct span encoded, enum node_type type, struct tree_node **out)
{
    *out = NULL;
    if (encoded.len > MLS_LEAF_MAX)
        return ST_WIRE_LIMIT;
    size_t size = sizeof(struct tree_node) + encoded.len;
    struct tree_node *n = mem_alloc(1, size);
    if (!n)
        return ST_NO_MEMORY;
    n->refs = 1;
    n->size = size;
    if (encoded.len > 0)
        memcpy(n->bytes, encoded.ptr, encoded.len);
    struct reader r;
    reader_init(&r, SPAN_OF(n->bytes, encoded.len));
    if (type == NODE_LEAF)
        leaf_node_read(&r, &n->u.leaf);
    else
        parent_node_read(&r, &n->u.parent);
    enum status st = reader_done(&r);
    if (st != ST_OK)
        node_release(n);
    else
        *out = n;
    return st;
}

/* The parent with one more unmerged leaf, which it does not have yet. */
static enum status node_with_unmerged(const struct parent_node *p, uint32_t leaf, struct tree_node **out)
{
    struct buffer bytes, list;
    struct writer w;
    buffer_init(&list, UNMERGED_MAX);
    buffer_init(&bytes, MLS_LEAF_MAX);
    size_t before = (size_t)unmerged_place(p, leaf) * UNMERGED_LEN;
    writer_init(&w, &list);
    if (p->unmerged.len > 0)
        writer_bytes(&w, SPAN_OF(p->unmerged.ptr, before));
    writer_u32(&w, leaf);
    if (p->unmerged.len > 0)
        writer_bytes(&w, SPAN_OF(p->unmerged.ptr + before, p->unmerged.len - before));
    enum status st = writer_done(&w);
    if (st == ST_OK) {
        struct parent_node grown = *p;
        grown.unmerged = buffer_span(&list);
        writer_init(&w, &bytes);
        parent_node_write(&w, &grown);
        st = writer_done(&w);
    }
    if (st == ST_OK)
        st = node_new(buffer_span(&bytes), NODE_PARENT, out);
    buffer_wipe(&bytes);
    buffer_wipe(&list);
    return st;
}

/* ---- the tree as a whole ---- */

static uint32_t node_count(const struct ratchet_tree *t)
{
    return t->leaf_count == 0 ? 0 : tree_node_count(t->leaf_count);
}

void ratchet_tree_init(struct ratchet_tree *t)
{
    *t = (struct ratchet_tree){0};
}

void ratchet_tree_wipe(struct ratchet_tree *t)
{
    for (uint32_t x = 0; x < node_count(t); x++)
        node_release(t->cells[x].node);
    mem_free(t->cells, t->cell_cap * sizeof(*t->cells));
    *t = (struct ratchet_tree){0};
}

enum status ratchet_tree_copy(struct ratchet_tree *out, const struct ratchet_tree *from)
{
    *out = (struct ratchet_tree){0};
    uint32_t count = node_count(from);
    if (count == 0)
        return ST_OK;
    struct tree_cell *cells = mem_alloc(count, sizeof(*cells));
    if (!cells)
        return ST_NO_MEMORY;
    memcpy(cells, from->cells, count * sizeof(*cells));
    for (uint32_t x = 0; x < count; x++) {
        if (cells[x].node)
            cells[x].node->refs++;
    }
    *out = (struct ratchet_tree){.leaf_count = from->leaf_count, .cell_cap = count, .cells = cells};
    return ST_OK;
}

/* Room for at least `leaf_count` leaves; a larger tree gets new blank roots (RFC 9420 §7.7). */
static enum status extend(struct ratchet_tree *t, uint32_t leaf_count)
{
    if (leaf_count > MLS_LEAVES_MAX)
        return ST_MLS_TREE_FULL;
    if (leaf_count <= t->leaf_count)
        return ST_OK;
    uint32_t full = tree_full_leaf_count(leaf_count), cap = tree_node_count(full);
    if (cap > t->cell_cap) {
        struct tree_cell *cells = mem_alloc(cap, sizeof(*cells));
        if (!cells)
            return ST_NO_MEMORY;
        if (t->cells)
            memcpy(cells, t->cells, node_count(t) * sizeof(*cells));
        mem_free(t->cells, t->cell_cap * sizeof(*cells));
        t->cells = cells;
        t->cell_cap = cap;
    }
    t->leaf_count = full;
    return ST_OK;
}

/* Drops right halves in which no leaf is left (RFC 9420 §7.7, §12.1.3). */
static void drop_empty_halves(struct ratchet_tree *t)
{
    uint32_t used = t->leaf_count;
    while (used > 0 && !t->cells[tree_leaf_to_node(used - 1)].node)
        used--;
    uint32_t full = used == 0 ? 0 : tree_full_leaf_count(used);
    uint32_t keep = full == 0 ? 0 : tree_node_count(full);
    for (uint32_t x = keep; x < node_count(t); x++) {
        node_release(t->cells[x].node);
        t->cells[x] = (struct tree_cell){0};
    }
    t->leaf_count = full;
}

/* Puts a node (takes; NULL blanks) into its cell and forgets the hashes that it was part of. */
static void cell_set(struct ratchet_tree *t, uint32_t node, struct tree_node *n)
{
    node_release(t->cells[node].node);
    t->cells[node].node = n;
    uint32_t root = tree_root(t->leaf_count);
    for (uint32_t x = node; t->cells[x].hashed; x = tree_parent(x)) { /* invariant 3 */
        t->cells[x].hashed = false;
        if (x == root)
            break;
    }
}

/* ---- looking ---- */

const struct leaf_node *ratchet_tree_leaf(const struct ratchet_tree *t, uint32_t leaf)
{
    if (leaf >= t->leaf_count)
        return NULL;
    const struct tree_node *n = t->cells[tree_leaf_to_node(leaf)].node;
    return n ? &n->u.leaf : NULL;
}

const struct parent_node *ratchet_tree_parent(const struct ratchet_tree *t, uint32_t node)
{
    if (tree_is_leaf(node) || node >= node_count(t))
        return NULL;
    const struct tree_node *n = t->cells[node].node;
    return n ? &n->u.parent : NULL;
}

bool ratchet_tree_is_blank(const struct ratchet_tree *t, uint32_t node)
{
    return node >= node_count(t) || !t->cells[node].node;
}

struct span ratchet_tree_key(const struct ratchet_tree *t, uint32_t node)
{
    if (ratchet_tree_is_blank(t, node))
        return SPAN_EMPTY;
    const struct tree_node *n = t->cells[node].node;
    return tree_is_leaf(node) ? n->u.leaf.encryption_key : n->u.parent.encryption_key;
}

struct span ratchet_tree_encoded(const struct ratchet_tree *t, uint32_t node)
{
    if (ratchet_tree_is_blank(t, node))
        return SPAN_EMPTY;
    const struct tree_node *n = t->cells[node].node;
    return SPAN_OF(n->bytes, n->size - sizeof(*n));
}

bool ratchet_tree_shares(const struct ratchet_tree *a, const struct ratchet_tree *b, uint32_t node)
{
    const struct tree_node *in_a = node < node_count(a) ? a->cells[node].node : NULL;
    const struct tree_node *in_b = node < node_count(b) ? b->cells[node].node : NULL;
    return in_a == in_b;
}

uint32_t ratchet_tree_member_count(const struct ratchet_tree *t)
{
    uint32_t count = 0;
    for (uint32_t leaf = 0; leaf < t->leaf_count; leaf++)
        count += t->cells[tree_leaf_to_node(leaf)].node != NULL;
    return count;
}

/* ---- changes ---- */

enum status ratchet_tree_add(struct ratchet_tree *t, const struct leaf_node *n, uint32_t *leaf)
{
    uint32_t free_leaf = 0;
    *leaf = 0;
    while (ratchet_tree_leaf(t, free_leaf))
        free_leaf++;
    uint32_t place = tree_leaf_to_node(free_leaf);
    struct tree_node *fresh, *above[MLS_DEPTH_MAX + 1] = {NULL}; /* by level */
    enum status st = node_new(n->encoded, NODE_LEAF, &fresh);
    for (uint32_t level = 1; level <= MLS_DEPTH_MAX && st == ST_OK; level++) {
        const struct parent_node *p = ratchet_tree_parent(t, tree_ancestor(place, level));
        if (p)
            st = node_with_unmerged(p, free_leaf, &above[level]);
    }
    if (st == ST_OK)
        st = extend(t, free_leaf + 1); /* the last that can fail */
    if (st != ST_OK) {
        node_release(fresh);
        for (uint32_t level = 1; level <= MLS_DEPTH_MAX; level++)
            node_release(above[level]);
        return st;
    }
    cell_set(t, place, fresh);
    for (uint32_t level = 1; level <= MLS_DEPTH_MAX; level++) {
        if (above[level])
            cell_set(t, tree_ancestor(place, level), above[level]);
    }
    *leaf = free_leaf;
    return ST_OK;
}

enum status ratchet_tree_update(struct ratchet_tree *t, uint32_t leaf, const struct leaf_node *n)
{
    if (!ratchet_tree_leaf(t, leaf))
        return ST_MLS_NOT_A_MEMBER;
    struct tree_node *fresh;
    enum status st = node_new(n->encoded, NODE_LEAF, &fresh);
    if (st != ST_OK)
        return st;
    cell_set(t, tree_leaf_to_node(leaf), fresh);
    ratchet_tree_blank_path(t, leaf);
    return ST_OK;
}

enum status ratchet_tree_remove(struct ratchet_tree *t, uint32_t leaf)
{
    if (!ratchet_tree_leaf(t, leaf))
        return ST_MLS_NOT_A_MEMBER;
    cell_set(t, tree_leaf_to_node(leaf), NULL);
    ratchet_tree_blank_path(t, leaf);
    drop_empty_halves(t);
    return ST_OK;
}

static enum status put(struct ratchet_tree *t, uint32_t node, enum node_type type, struct span encoded)
{
    if (node >= MLS_NODES_MAX)
        return ST_MLS_TREE_FULL;
    struct tree_node *fresh;
    enum status st = node_new(encoded, type, &fresh);
    if (st != ST_OK)
        return st;
    st = extend(t, tree_last_leaf(node) + 1);
    if (st != ST_OK)
        node_release(fresh);
    else
        cell_set(t, node, fresh);
    return st;
}

enum status ratchet_tree_put_leaf(struct ratchet_tree *t, uint32_t leaf, struct span encoded)
{
    return leaf < MLS_LEAVES_MAX ? put(t, tree_leaf_to_node(leaf), NODE_LEAF, encoded) : ST_MLS_TREE_FULL;
}

enum status ratchet_tree_put_parent(struct ratchet_tree *t, uint32_t node, struct span encoded)
{
    return tree_is_leaf(node) ? ST_MLS_TREE_FORMAT : put(t, node, NODE_PARENT, encoded);
}

void ratchet_tree_blank_path(struct ratchet_tree *t, uint32_t leaf)
{
    invariant(leaf < t->leaf_count);
    uint32_t root = tree_root(t->leaf_count);
    for (uint32_t x = tree_leaf_to_node(leaf); x != root;) {
        x = tree_parent(x);
        if (t->cells[x].node)
            cell_set(t, x, NULL);
    }
}

/* ---- the ratchet_tree extension ---- */

/* One Node of the extension: its type, then as much of the input as it takes. */
static void node_read(struct reader *r, struct ratchet_tree *t, uint32_t node)
{
    enum node_type type = tree_is_leaf(node) ? NODE_LEAF : NODE_PARENT;
    if (reader_u8(r) != type)
        reader_fail(r, ST_MLS_TREE_FORMAT);
    struct span encoded;
    if (type == NODE_LEAF) {
        struct leaf_node leaf;
        leaf_node_read(r, &leaf);
        encoded = leaf.encoded;
    } else {
        struct parent_node parent;
        parent_node_read(r, &parent);
        encoded = parent.encoded;
    }
    if (r->failed != ST_OK)
        return;
    enum status st = put(t, node, type, encoded);
    if (st != ST_OK)
        reader_fail(r, st);
}

enum status ratchet_tree_decode(struct ratchet_tree *out, struct span in)
{
    struct reader r;
    bool blank_end = true; /* RFC 9420 §12.4.3.3: MUST check that the last node is non-blank */
    ratchet_tree_init(out);
    reader_init(&r, in);
    struct reader nodes = reader_enter(&r, MLS_TREE_MAX);
    for (uint32_t node = 0; reader_more(&nodes); node++) {
        if (node >= MLS_NODES_MAX)
            reader_fail(&nodes, ST_MLS_TREE_FULL);
        blank_end = !reader_optional(&nodes);
        if (!blank_end)
            node_read(&nodes, out, node);
    }
    reader_leave(&r, &nodes);
    enum status st = reader_done(&r);
    if (st == ST_OK && blank_end)
        st = ST_MLS_TREE_FORMAT;
    if (st != ST_OK)
        ratchet_tree_wipe(out);
    return st;
}

void ratchet_tree_write(struct writer *w, const struct ratchet_tree *t)
{
    uint32_t count = node_count(t);
    while (count > 0 && !t->cells[count - 1].node)
        count--;
    size_t mark = writer_open(w);
    for (uint32_t x = 0; x < count; x++) {
        writer_optional(w, t->cells[x].node != NULL);
        if (!t->cells[x].node)
            continue;
        writer_u8(w, tree_is_leaf(x) ? NODE_LEAF : NODE_PARENT);
        writer_bytes(w, ratchet_tree_encoded(t, x));
    }
    writer_close(w, mark);
}

/* ---- resolution, filtered direct path ---- */

void resolution_start(struct resolution *r, const struct ratchet_tree *t, uint32_t node)
{
    *r = (struct resolution){.tree = t, .top = node, .at = node};
}

/* To the subtree right of r->at, inside r->top. */
static void resolution_go_right(struct resolution *r)
{
    while (r->at != r->top && tree_is_right(r->at))
        r->at = tree_parent(r->at);
    if (r->at == r->top)
        r->done = true;
    else
        r->at = tree_sibling(r->at);
}

bool resolution_next(struct resolution *r, uint32_t *node)
{
    if (r->parent && r->unmerged_at < parent_node_unmerged_count(r->parent)) {
        *node = tree_leaf_to_node(parent_node_unmerged_at(r->parent, r->unmerged_at++));
        return true;
    }
    if (r->parent) {
        r->parent = NULL;
        resolution_go_right(r);
    }
    while (!r->done) {
        uint32_t x = r->at;
        bool blank = ratchet_tree_is_blank(r->tree, x);
        if (blank && !tree_is_leaf(x)) {
            r->at = tree_left(x);
            continue;
        }
        r->parent = ratchet_tree_parent(r->tree, x);
        r->unmerged_at = 0;
        if (!r->parent)
            resolution_go_right(r);
        if (!blank) {
            *node = x;
            return true;
        }
    }
    return false;
}

bool resolution_is_empty(const struct ratchet_tree *t, uint32_t node)
{
    struct resolution r;
    uint32_t first;
    resolution_start(&r, t, node);
    return !resolution_next(&r, &first);
}

void filtered_path_of(const struct ratchet_tree *t, uint32_t leaf, struct filtered_path *out)
{
    invariant(leaf < t->leaf_count);
    *out = (struct filtered_path){0};
    uint32_t root = tree_root(t->leaf_count);
    for (uint32_t x = tree_leaf_to_node(leaf); x != root; x = tree_parent(x)) {
        if (resolution_is_empty(t, tree_sibling(x)))
            continue;
        out->node[out->count] = tree_parent(x);
        out->copath[out->count] = tree_sibling(x);
        out->count++;
    }
}
