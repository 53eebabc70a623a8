/* SPDX-License-Identifier: Apache-2.0 */
/* A group as records (record.h): a message writes the one ratchet that it moved, a commit what it changed in
 * the tree and the secrets of its epoch. */
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/group_internal.h"
#include "protocol/mls/record_key.h"
#include "protocol/mls/tree_hash.h"

enum { STORE_VERSION = 1, VALUE_MAX = MLS_EXTENSIONS_MAX + MLS_MESSAGE_MAX };

/* ---- save ---- */

static enum status put(const struct record_sink *to, const struct record_key *k, struct writer *w)
{
    enum status s = writer_done(w);
    s = s == ST_OK ? to->put(to->ctx, record_key_span(k), buffer_span(w->to)) : s;
    buffer_wipe(w->to);
    return s;
}

static enum status save_epoch(const struct mls_group *g, const struct record_sink *to)
{
    const struct epoch *now = g->now;
    struct buffer value;
    struct writer w;
    buffer_init(&value, VALUE_MAX);
    writer_init(&w, &value);
    writer_u8(&w, STORE_VERSION);
    writer_u8(&w, g->removed);
    writer_u32(&w, now->keys.leaf);
    writer_u32(&w, now->tree.leaf_count);
    writer_bytes(&w, SPAN(now->confirmation_tag));
    writer_bytes(&w, SPAN(now->interim));
    epoch_secrets_write(&w, &now->secrets);
    writer_vec(&w, buffer_span(&now->context_bytes));
    const struct record_key staged = record_key_of(RECORD_STAGED), key = record_key_of(RECORD_GROUP);
    enum status s = put(to, &key, &w);
    /* whatever waited to be read back belonged to the epoch that ended */
    return s == ST_OK ? to->remove(to->ctx, record_key_span(&staged)) : s;
}

static uint32_t node_count(const struct ratchet_tree *t)
{
    return t->leaf_count == 0 ? 0 : 2 * t->leaf_count - 1;
}

static enum status save_node(const struct mls_group *g, uint32_t node, const struct record_sink *to)
{
    bool is_leaf = node % 2 == 0;
    struct record_key k = record_key_of(is_leaf ? RECORD_LEAF : RECORD_NODE);
    record_key_add_u32(&k, is_leaf ? node / 2 : node);
    if (ratchet_tree_shares(&g->now->tree, &g->stored.tree, node)) {
        return ST_OK;
    }
    struct span encoded = ratchet_tree_encoded(&g->now->tree, node);
    return encoded.len > 0 ? to->put(to->ctx, record_key_span(&k), encoded)
                           : to->remove(to->ctx, record_key_span(&k));
}

static enum status save_tree(const struct mls_group *g, const struct record_sink *to)
{
    uint32_t now = node_count(&g->now->tree), old = node_count(&g->stored.tree);
    enum status s = ST_OK;
    for (uint32_t node = 0; node < (now > old ? now : old) && s == ST_OK; node++) {
        s = save_node(g, node, to);
    }
    return s;
}

static enum status save_keys(const struct mls_group *g, const struct record_sink *to)
{
    const struct treekem_keys *now = &g->now->keys, *old = &g->stored.keys;
    enum status s = ST_OK;
    for (uint32_t level = 0; level <= MLS_DEPTH_MAX && s == ST_OK; level++) {
        struct record_key k = record_key_of(RECORD_PRIVATE);
        bool is = now->present >> level & 1, was = old->present >> level & 1;
        record_key_add_u32(&k, level);
        bool same = is && was && bytes_equal_secret(SPAN_ID(&now->at[level]), SPAN_ID(&old->at[level]));
        if (is && !same) {
            s = to->put(to->ctx, record_key_span(&k), SPAN_ID(&now->at[level]));
        } else if (!is && was) {
            s = to->remove(to->ctx, record_key_span(&k));
        }
    }
    return s;
}

static enum status save_past_one(const struct past_epoch *p, const struct record_sink *to)
{
    struct record_key k = record_key_of(RECORD_EPOCH);
    struct buffer value;
    struct writer w;
    record_key_add_u64(&k, p->epoch);
    if (p->stored) {
        return ST_OK;
    }
    buffer_init(&value, VALUE_MAX);
    writer_init(&w, &value);
    writer_bytes(&w, SPAN_ID(&p->sender_data));
    writer_bytes(&w, SPAN_ID(&p->resumption_psk));
    writer_vec(&w, buffer_span(&p->context_bytes));
    writer_vec(&w, buffer_span(&p->signers));
    return put(to, &k, &w);
}

static enum status remove_past(const struct past_epoch *p, const struct record_sink *to)
{
    struct record_key k = record_key_of(RECORD_EPOCH);
    record_key_add_u64(&k, p->epoch);
    enum status s = to->remove(to->ctx, record_key_span(&k));
    return s == ST_OK ? secret_tree_remove(p->messages, p->epoch, to) : s;
}

static enum status save_past(const struct mls_group *g, const struct record_sink *to)
{
    enum status s = ST_OK;
    for (const struct past_epoch *p = g->past; p != NULL && s == ST_OK; p = p->next) {
        s = save_past_one(p, to);
        if (s == ST_OK) {
            s = secret_tree_save(p->messages, p->epoch, to);
        }
    }
    for (const struct past_epoch *p = g->dropped; p != NULL && s == ST_OK; p = p->next) {
        s = remove_past(p, to);
    }
    if (s == ST_OK && g->now->messages != NULL) {
        s = secret_tree_save(g->now->messages, g->now->context.epoch, to);
    }
    return s;
}

static enum status put_pending(const struct pending_proposal *p, const struct record_key *k,
                               const struct record_sink *to)
{
    struct buffer value;
    struct writer w;
    buffer_init(&value, VALUE_MAX);
    writer_init(&w, &value);
    writer_optional(&w, p->has_key);
    if (p->has_key) {
        writer_bytes(&w, SPAN_ID(&p->key));
    }
    writer_bytes(&w, buffer_span(&p->bytes));
    return put(to, k, &w);
}

static enum status save_pending(const struct mls_group *g, const struct record_sink *to)
{
    uint32_t have = g->stored.pending_stale ? 0 : g->stored.pending_count;
    uint32_t old = g->stored.pending_count;
    enum status s = ST_OK;
    for (uint32_t i = have; i < (old > g->pending_count ? old : g->pending_count) && s == ST_OK; i++) {
        struct record_key k = record_key_of(RECORD_PENDING);
        record_key_add_u32(&k, i);
        s = i < g->pending_count ? put_pending(g->pending[i], &k, to)
                                 : to->remove(to->ctx, record_key_span(&k));
    }
    return s;
}

/* Does the store have this epoch's context, secrets, tree and own keys? They change with the epoch only. */
static bool epoch_is_stored(const struct mls_group *g)
{
    const struct stored_state *old = &g->stored;
    return old->any && old->epoch == g->now->context.epoch && old->removed == g->removed;
}

/* The store has everything now. */
static void note_saved(struct mls_group *g)
{
    struct stored_state *st = &g->stored;
    st->any = true;
    st->epoch = g->now->context.epoch;
    st->removed = g->removed;
    st->keys = g->now->keys;
    st->pending_count = g->pending_count;
    st->pending_stale = false;
    for (struct past_epoch *p = g->past; p != NULL; p = p->next) {
        p->stored = true;
    }
    while (g->dropped != NULL) {
        struct past_epoch *next = g->dropped->next;
        past_epoch_free(g->dropped);
        g->dropped = next;
    }
    g->changed = false;
}

enum status mls_group_save(struct mls_group *g, struct record_sink *to)
{
    enum status (*const steps[])(const struct mls_group *, const struct record_sink *) = {
        save_epoch, save_tree, save_keys, save_past, save_pending};
    enum { STEPS = sizeof(steps) / sizeof(steps[0]), AFTER_EPOCH = 3 };
    bool same_epoch = epoch_is_stored(g);
    struct ratchet_tree tree = {0};
    if (!g->changed) {
        return ST_OK;
    }
    enum status s = same_epoch ? ST_OK : ratchet_tree_copy(&tree, &g->now->tree);
    if (s != ST_OK) {
        return s;
    }
    for (size_t i = same_epoch ? AFTER_EPOCH : 0; i < STEPS && s == ST_OK; i++) {
        s = steps[i](g, to);
    }
    if (s == ST_OK && !same_epoch) {
        ratchet_tree_wipe(&g->stored.tree);
        g->stored.tree = tree;
    } else {
        ratchet_tree_wipe(&tree);
    }
    if (s == ST_OK) {
        note_saved(g);
    }
    return s;
}

/* ---- load ---- */

static enum status load_epoch(struct mls_group *g, struct reader *r)
{
    struct epoch *now = g->now;
    uint8_t version = reader_u8(r), removed = reader_u8(r);
    now->keys.leaf = reader_u32(r);
    uint32_t leaf_count = reader_u32(r);
    reader_fixed(r, now->confirmation_tag, HASH_LEN);
    reader_fixed(r, now->interim, HASH_LEN);
    epoch_secrets_read(r, &now->secrets);
    struct span context = reader_vec(r, MLS_EXTENSIONS_MAX + 1024);
    enum status s = reader_done(r);
    if (s != ST_OK || version != STORE_VERSION || removed > 1 || now->context_bytes.len > 0) {
        return ST_MLS_RECORD;
    }
    g->removed = removed == 1;
    s = buffer_copy(&now->context_bytes, context);
    if (s == ST_OK) {
        s = group_context_decode(&now->context, buffer_span(&now->context_bytes));
    }
    if (s == ST_OK && !g->removed) {
        s = secret_tree_new_empty(&now->messages, leaf_count);
    }
    return s;
}

static enum status load_past(struct mls_group *g, uint64_t epoch, struct reader *r)
{
    struct past_epoch *p = mem_alloc(1, sizeof(*p));
    if (p == NULL) {
        return ST_NO_MEMORY;
    }
    p->next = g->past; /* records ascend: the newest comes last and stands first */
    g->past = p;
    p->epoch = epoch;
    p->stored = true;
    buffer_init(&p->context_bytes, MLS_EXTENSIONS_MAX + 1024);
    buffer_init(&p->signers, MLS_LEAVES_MAX * SIGN_PUBLIC_LEN);
    reader_fixed(r, p->sender_data.b, SECRET_LEN);
    reader_fixed(r, p->resumption_psk.b, SECRET_LEN);
    struct span context = reader_vec(r, MLS_EXTENSIONS_MAX + 1024);
    struct span signers = reader_vec(r, MLS_LEAVES_MAX * SIGN_PUBLIC_LEN);
    enum status s = reader_done(r);
    if (s == ST_OK) {
        s = buffer_append(&p->context_bytes, context);
    }
    if (s == ST_OK) {
        s = buffer_append(&p->signers, signers);
    }
    return s == ST_OK ? secret_tree_new_empty(&p->messages, (uint32_t)(signers.len / SIGN_PUBLIC_LEN)) : s;
}

static enum status load_pending(struct mls_group *g, struct span value)
{
    struct reader r;
    struct authenticated_content a;
    struct dh_private key = {0};
    reader_init(&r, value);
    bool has_key = reader_optional(&r);
    if (has_key) {
        reader_fixed(&r, key.b, sizeof(key.b));
    }
    struct span bytes = reader_take(&r, reader_left(&r));
    enum status s = reader_done(&r);
    if (s == ST_OK) {
        s = authenticated_content_decode(&a, bytes);
    }
    if (s == ST_OK && a.content.type != CONTENT_PROPOSAL) {
        s = ST_MLS_RECORD;
    }
    if (s == ST_OK) {
        s = group_add_pending(g, &a, has_key ? &key : NULL);
    }
    dh_private_wipe(&key);
    return s;
}

static enum status load_private(struct mls_group *g, uint32_t level, struct span value)
{
    struct dh_private key;
    if (level > MLS_DEPTH_MAX || value.len != sizeof(key.b)) {
        return ST_MLS_RECORD;
    }
    memcpy(key.b, value.ptr, sizeof(key.b));
    treekem_keys_set(&g->now->keys, level, &key);
    dh_private_wipe(&key);
    return ST_OK;
}

/* A record of a secret tree: of the present epoch or of one that is kept. */
static enum status load_message_key(struct mls_group *g, uint64_t epoch, struct span key, struct span value)
{
    const struct past_epoch *p = group_past(g, epoch);
    struct secret_tree *t = epoch == g->now->context.epoch ? g->now->messages : NULL;
    t = p != NULL ? p->messages : t;
    return t != NULL ? secret_tree_load(t, key, value) : ST_MLS_RECORD;
}

static enum status load_record(struct mls_group *g, struct span key, struct span value)
{
    struct reader k, v;
    reader_init(&k, key);
    reader_init(&v, value);
    uint8_t kind = reader_u8(&k);
    if (kind != RECORD_GROUP && g->now->context_bytes.len == 0) {
        return ST_MLS_RECORD; /* the group's own record comes first, or is missing */
    }
    switch (kind) {
    case RECORD_GROUP:
        return load_epoch(g, &v);
    case RECORD_LEAF:
        return ratchet_tree_put_leaf(&g->now->tree, reader_u32(&k), value);
    case RECORD_NODE:
        return ratchet_tree_put_parent(&g->now->tree, reader_u32(&k), value);
    case RECORD_PRIVATE:
        return load_private(g, reader_u32(&k), value);
    case RECORD_EPOCH:
        return load_past(g, reader_u64(&k), &v);
    case RECORD_SECRET:
    case RECORD_RATCHET:
    case RECORD_SKIPPED:
        return load_message_key(g, reader_u64(&k), key, value);
    case RECORD_PENDING:
        return load_pending(g, value);
    case RECORD_STAGED:
        return ST_OK; /* mls_staged_load's */
    default:
        return ST_MLS_RECORD;
    }
}

/* Is it a whole group, and one that agrees with itself? */
static enum status check_loaded(const struct mls_group *g)
{
    const struct epoch *now = g->now;
    uint8_t tree_hash[HASH_LEN];
    if (now->context_bytes.len == 0 || now->tree.leaf_count == 0) {
        return ST_MLS_RECORD;
    }
    tree_hash_root(&now->tree, tree_hash);
    if (!span_equal(SPAN(tree_hash), now->context.tree_hash) ||
        ratchet_tree_leaf(&now->tree, now->keys.leaf) == NULL) {
        return ST_MLS_RECORD;
    }
    if (now->messages != NULL && (secret_tree_leaf_count(now->messages) != now->tree.leaf_count ||
                                  secret_tree_load_done(now->messages) != ST_OK)) {
        return ST_MLS_RECORD;
    }
    for (const struct past_epoch *p = g->past; p != NULL; p = p->next) {
        if (secret_tree_load_done(p->messages) != ST_OK) {
            return ST_MLS_RECORD;
        }
    }
    return ST_OK;
}

static enum status load_all(struct mls_group *g, struct record_source *from)
{
    struct span key, value;
    enum status s = from->next(from->ctx, &key, &value);
    while (s == ST_OK && key.len > 0) {
        s = load_record(g, key, value);
        if (status_class(s) == CLASS_PROTOCOL) {
            s = ST_MLS_RECORD;
        }
        if (s == ST_OK) {
            s = from->next(from->ctx, &key, &value);
        }
    }
    return s == ST_OK ? check_loaded(g) : s;
}

enum status mls_group_load(struct mls_group **out, struct record_source *from)
{
    struct epoch *first;
    struct mls_group *g = NULL;
    *out = NULL;
    enum status s = epoch_new(&first);
    if (s == ST_OK) {
        s = group_new(&g, first);
    }
    if (s == ST_OK) {
        s = load_all(g, from);
    }
    if (s == ST_OK) {
        s = ratchet_tree_copy(&g->stored.tree, &g->now->tree);
    }
    if (s != ST_OK) {
        mls_group_free(g);
        return s;
    }
    note_saved(g);
    *out = g;
    return ST_OK;
}
