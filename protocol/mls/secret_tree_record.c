/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/secret_tree_internal.h"

enum {
    NODE_VALUE_LEN = SECRET_LEN,
    RATCHET_VALUE_LEN = 4 + SECRET_LEN,
    SKIPPED_VALUE_LEN = AEAD_KEY_LEN + AEAD_NONCE_LEN,
    VALUE_MAX = SKIPPED_VALUE_LEN
};

/* One record on its way: fixed room, because a record has at most 18 + 44 bytes. */
struct record {
    uint8_t key[RECORD_KEY_MAX], value[VALUE_MAX];
    size_t key_len, value_len;
};

static void put_number(struct record *r, uint64_t v, size_t len)
{
    for (size_t i = len; i > 0; i--)
        r->key[r->key_len++] = (uint8_t)(v >> (8 * (i - 1)));
}

static void put_value(struct record *r, const uint8_t *p, size_t len)
{
    memcpy(r->value + r->value_len, p, len);
    r->value_len += len;
}

static void record_start(struct record *r, enum record_kind kind, uint64_t epoch)
{
    r->key_len = r->value_len = 0;
    put_number(r, kind, 1);
    put_number(r, epoch, 8);
}

static void node_record(struct record *r, const struct secret_tree *t, uint64_t epoch, size_t node)
{
    record_start(r, RECORD_SECRET, epoch);
    put_number(r, node, 4);
    put_value(r, t->nodes[node].secret.b, SECRET_LEN);
}

static void ratchet_record(struct record *r, const struct secret_tree *t, uint64_t epoch, size_t at)
{
    const struct ratchet *from = &t->ratchets[at];
    const uint8_t generation[4] = {(uint8_t)(from->generation >> 24), (uint8_t)(from->generation >> 16),
                                   (uint8_t)(from->generation >> 8), (uint8_t)from->generation};
    record_start(r, RECORD_RATCHET, epoch);
    put_number(r, at / RATCHET_KINDS, 4);
    put_number(r, at % RATCHET_KINDS, 1);
    put_value(r, generation, sizeof(generation));
    put_value(r, from->next.b, SECRET_LEN);
}

static void skipped_record(struct record *r, const struct secret_tree *t, uint64_t epoch, size_t at)
{
    const struct skipped_key *from = &t->skipped[at];
    record_start(r, RECORD_SKIPPED, epoch);
    put_number(r, from->leaf, 4);
    put_number(r, from->kind, 1);
    put_number(r, from->generation, 4);
    put_value(r, from->key, sizeof(from->key));
    put_value(r, from->nonce, sizeof(from->nonce));
}

/* The three families of records: how many there may be, what is known of each, and its bytes. */
static size_t node_total(const struct secret_tree *t)
{
    return secret_tree_node_count(t);
}
static size_t ratchet_total(const struct secret_tree *t)
{
    return RATCHET_KINDS * (size_t)t->width;
}
static size_t skipped_total(const struct secret_tree *t)
{
    return t->skipped_len;
}
static struct kept *node_kept(const struct secret_tree *t, size_t at)
{
    return &t->nodes[at].kept;
}
static struct kept *ratchet_kept(const struct secret_tree *t, size_t at)
{
    return &t->ratchets[at].kept;
}
static struct kept *skipped_kept(const struct secret_tree *t, size_t at)
{
    return &t->skipped[at].kept;
}

static const struct family {
    size_t (*total)(const struct secret_tree *t);
    struct kept *(*kept)(const struct secret_tree *t, size_t at);
    void (*record)(struct record *r, const struct secret_tree *t, uint64_t epoch, size_t at);
} families[] = {
    {node_total, node_kept, node_record},
    {ratchet_total, ratchet_kept, ratchet_record},
    {skipped_total, skipped_kept, skipped_record},
};
enum { FAMILY_COUNT = sizeof(families) / sizeof(families[0]) };

/* ---- saving ---- */

static enum status save_one(const struct kept *kept, const struct record *r, const struct record_sink *to)
{
    struct span key = {r->key, r->key_len};
    if (kept->here && kept->changed)
        return to->put(to->ctx, key, SPAN_OF(r->value, r->value_len));
    if (!kept->here && kept->stored)
        return to->remove(to->ctx, key);
    return ST_OK;
}

static enum status save_family(const struct secret_tree *t, const struct family *f, uint64_t epoch,
                               const struct record_sink *to)
{
    struct record r;
    enum status st = ST_OK;
    for (size_t i = 0; i < f->total(t) && st == ST_OK; i++) {
        const struct kept *kept = f->kept(t, i);
        if (!kept->changed && kept->here == kept->stored)
            continue;
        f->record(&r, t, epoch, i);
        st = save_one(kept, &r, to);
    }
    bytes_wipe(&r, sizeof(r));
    return st;
}

static void forget_gone(struct secret_tree *t) /* whose records are removed by now */
{
    size_t len = 0;
    for (size_t i = 0; i < t->skipped_len; i++) {
        if (t->skipped[i].kept.here)
            t->skipped[len++] = t->skipped[i];
    }
    bytes_wipe(t->skipped + len, (t->skipped_len - len) * sizeof(*t->skipped));
    t->skipped_len = len;
}

enum status secret_tree_save(struct secret_tree *t, uint64_t epoch, const struct record_sink *to)
{
    if (!t->unsaved) /* as past epochs nearly always are */
        return ST_OK;
    for (size_t f = 0; f < FAMILY_COUNT; f++) {
        enum status st = save_family(t, &families[f], epoch, to);
        if (st != ST_OK)
            return st;
    }
    for (size_t f = 0; f < FAMILY_COUNT; f++) {
        for (size_t i = 0; i < families[f].total(t); i++) {
            struct kept *kept = families[f].kept(t, i);
            kept->stored = kept->here;
            kept->changed = false;
        }
    }
    if (t->skipped_len > 0)
        forget_gone(t);
    t->unsaved = false;
    return ST_OK;
}

enum status secret_tree_remove(const struct secret_tree *t, uint64_t epoch, const struct record_sink *from)
{
    struct record r;
    enum status st = ST_OK;
    for (size_t f = 0; f < FAMILY_COUNT; f++) {
        for (size_t i = 0; i < families[f].total(t) && st == ST_OK; i++) {
            if (!families[f].kept(t, i)->stored)
                continue;
            families[f].record(&r, t, epoch, i);
            st = from->remove(from->ctx, SPAN_OF(r.key, r.key_len));
        }
    }
    bytes_wipe(&r, sizeof(r));
    return st;
}

/* ---- loading ---- */

static const struct kept as_stored = {.here = true, .stored = true};

static enum status load_node(struct secret_tree *t, struct reader *key, struct span value)
{
    uint32_t node = reader_u32(key);
    if (reader_done(key) != ST_OK || node >= secret_tree_node_count(t) || value.len != NODE_VALUE_LEN ||
        t->nodes[node].kept.here)
        return ST_MLS_RECORD;
    memcpy(t->nodes[node].secret.b, value.ptr, SECRET_LEN);
    t->nodes[node].kept = as_stored;
    return ST_OK;
}

static enum status load_ratchet(struct secret_tree *t, struct reader *key, struct span value)
{
    uint32_t leaf = reader_u32(key);
    uint8_t kind = reader_u8(key);
    if (reader_done(key) != ST_OK || leaf >= t->width || kind >= RATCHET_KINDS ||
        value.len != RATCHET_VALUE_LEN)
        return ST_MLS_RECORD;
    struct ratchet *r = secret_tree_ratchet(t, leaf, kind);
    if (r->kept.here)
        return ST_MLS_RECORD;
    struct reader body;
    reader_init(&body, value);
    r->generation = reader_u32(&body);
    reader_fixed(&body, r->next.b, SECRET_LEN);
    r->kept = as_stored;
    return reader_done(&body);
}

/* Looks at every key: they are few where messages come in order. */
static bool has_skipped(const struct secret_tree *t, const struct skipped_key *s)
{
    for (size_t i = 0; i < t->skipped_len; i++) {
        const struct skipped_key *x = &t->skipped[i];
        if (x->leaf == s->leaf && x->kind == s->kind && x->generation == s->generation)
            return true;
    }
    return false;
}

static enum status load_skipped(struct secret_tree *t, struct reader *key, struct span value)
{
    struct skipped_key s = {.kept = as_stored};
    s.leaf = reader_u32(key);
    s.kind = reader_u8(key);
    s.generation = reader_u32(key);
    if (reader_done(key) != ST_OK || s.leaf >= t->width || s.kind >= RATCHET_KINDS ||
        value.len != SKIPPED_VALUE_LEN || t->skipped_here == SECRET_TREE_SKIPPED_MAX || has_skipped(t, &s))
        return ST_MLS_RECORD;
    enum status st = secret_tree_reserve(t, 1);
    if (st == ST_OK) {
        memcpy(s.key, value.ptr, AEAD_KEY_LEN);
        memcpy(s.nonce, value.ptr + AEAD_KEY_LEN, AEAD_NONCE_LEN);
        t->skipped[t->skipped_len++] = s;
        t->skipped_here++;
        secret_tree_ratchet(t, s.leaf, s.kind)->skipped++;
    }
    bytes_wipe(&s, sizeof(s));
    return st;
}

enum status secret_tree_load(struct secret_tree *t, struct span key, struct span value)
{
    struct reader r;
    reader_init(&r, key);
    uint8_t kind = reader_u8(&r);
    (void)reader_u64(&r); /* the epoch */
    switch (kind) {
    case RECORD_SECRET:
        return load_node(t, &r, value);
    case RECORD_RATCHET:
        return load_ratchet(t, &r, value);
    case RECORD_SKIPPED:
        return load_skipped(t, &r, value);
    default:
        return ST_MLS_RECORD;
    }
}

/* Invariant 1: secrets for each leaf, and no two ways to the same key. */
static bool leaf_is_whole(const struct secret_tree *t, uint32_t leaf)
{
    uint32_t path[SECRET_TREE_PATH_MAX];
    size_t len = secret_tree_path(t, leaf, path), above = 0, ratchets = 0;
    for (size_t i = 0; i < len; i++)
        above += t->nodes[path[i]].kept.here;
    for (unsigned kind = 0; kind < RATCHET_KINDS; kind++)
        ratchets += secret_tree_ratchet(t, leaf, kind)->kept.here;
    return (above == 1 && ratchets == 0) || (above == 0 && ratchets == RATCHET_KINDS);
}

enum status secret_tree_load_done(const struct secret_tree *t)
{
    for (uint32_t leaf = 0; leaf < t->width; leaf++) {
        if (!leaf_is_whole(t, leaf))
            return ST_MLS_RECORD;
    }
    for (size_t i = 0; i < t->skipped_len; i++) { /* invariant 2 */
        const struct skipped_key *s = &t->skipped[i];
        const struct ratchet *r = secret_tree_ratchet(t, s->leaf, s->kind);
        if (!r->kept.here || s->generation >= r->generation)
            return ST_MLS_RECORD;
    }
    return ST_OK;
}
