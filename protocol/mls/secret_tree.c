/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/secret_tree.h"

#include <assert.h>
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/limits.h"
#include "protocol/mls/secret_tree_internal.h"

static_assert(SECRET_TREE_PATH_MAX == MLS_DEPTH_MAX + 1, "a path fits");
static_assert(1 << MLS_DEPTH_MAX == MLS_LEAVES_MAX, "a path fits");

void message_key_wipe(struct message_key *k)
{
    bytes_wipe(k, sizeof(*k));
}

/* ---- making and freeing ---- */

enum status secret_tree_new_empty(struct secret_tree **out, uint32_t leaf_count)
{
    *out = NULL;
    if (leaf_count == 0 || leaf_count > MLS_LEAVES_MAX)
        return ST_USAGE;
    struct secret_tree *t = mem_alloc(1, sizeof(*t));
    if (!t)
        return ST_NO_MEMORY;
    t->leaf_count = leaf_count;
    t->width = 1;
    while (t->width < leaf_count)
        t->width *= 2;
    t->nodes = mem_alloc(secret_tree_node_count(t), sizeof(*t->nodes));
    t->ratchets = mem_alloc(RATCHET_KINDS * (size_t)t->width, sizeof(*t->ratchets));
    if (!t->nodes || !t->ratchets) {
        secret_tree_free(t);
        return ST_NO_MEMORY;
    }
    *out = t;
    return ST_OK;
}

enum status secret_tree_new(struct secret_tree **out, uint32_t leaf_count, struct secret *encryption_secret)
{
    enum status st = secret_tree_new_empty(out, leaf_count);
    if (st == ST_OK) {
        struct tree_secret *root = &(*out)->nodes[(*out)->width - 1];
        root->secret = *encryption_secret;
        root->kept.here = root->kept.changed = (*out)->unsaved = true;
    }
    secret_wipe(encryption_secret);
    return st;
}

void secret_tree_free(struct secret_tree *t)
{
    if (!t)
        return;
    mem_free(t->nodes, secret_tree_node_count(t) * sizeof(*t->nodes));
    mem_free(t->ratchets, RATCHET_KINDS * (size_t)t->width * sizeof(*t->ratchets));
    mem_free(t->skipped, t->skipped_cap * sizeof(*t->skipped));
    mem_free(t, sizeof(*t));
}

uint32_t secret_tree_leaf_count(const struct secret_tree *t)
{
    return t->leaf_count;
}

/* ---- from the root to a leaf ---- */

size_t secret_tree_path(const struct secret_tree *t, uint32_t leaf, uint32_t *path)
{
    uint32_t node = t->width - 1;
    size_t len = 0;
    path[len++] = node;
    for (uint32_t step = t->width / 2; step > 0; step /= 2) {
        node = 2 * leaf < node ? node - step : node + step;
        path[len++] = node;
    }
    return len;
}

/* Every length below is a constant that the suite allows: deriving cannot fail. */
static void derive(const struct secret *from, const char *label, const char *context, struct secret *to)
{
    enum status st = expand_with_label(LABELS_MLS, SPAN_ID(from), span_text(label), span_text(context), to->b,
                                       sizeof(to->b));
    invariant(st == ST_OK);
}

static void derive_at(const struct secret *from, const char *label, uint32_t generation, uint8_t *to,
                      size_t len)
{
    enum status st = derive_tree_secret(SPAN_ID(from), label, generation, to, len);
    invariant(st == ST_OK);
}

static void consume_node(struct tree_secret *n) /* RFC 9420 §9.2 */
{
    secret_wipe(&n->secret);
    n->kept.here = false;
}

/* `step` is the distance of the children in the array. */
static void split_node(struct secret_tree *t, uint32_t parent, uint32_t step)
{
    struct tree_secret *from = &t->nodes[parent];
    struct tree_secret *left = &t->nodes[parent - step], *right = &t->nodes[parent + step];
    derive(&from->secret, "tree", "left", &left->secret);
    derive(&from->secret, "tree", "right", &right->secret);
    left->kept.here = left->kept.changed = true;
    right->kept.here = right->kept.changed = true;
    t->unsaved = true;
    consume_node(from);
}

static void start_ratchets(struct secret_tree *t, uint32_t leaf)
{
    static const char *const labels[RATCHET_KINDS] = {"handshake", "application"};
    struct tree_secret *from = &t->nodes[2 * (size_t)leaf];
    for (unsigned kind = 0; kind < RATCHET_KINDS; kind++) {
        struct ratchet *r = secret_tree_ratchet(t, leaf, kind);
        derive(&from->secret, labels[kind], "", &r->next);
        r->kept.here = r->kept.changed = true;
    }
    t->unsaved = true;
    consume_node(from);
}

/* Makes the leaf's ratchets if they are not there yet. No secret is lost by it, so it is not a change that a
 * caller could notice. */
static enum status find_ratchet(struct secret_tree *t, uint32_t leaf, enum ratchet_kind kind,
                                struct ratchet **out)
{
    *out = NULL;
    if (leaf >= t->leaf_count)
        return ST_MLS_LEAF_RANGE;
    struct ratchet *r = secret_tree_ratchet(t, leaf, kind);
    uint32_t path[SECRET_TREE_PATH_MAX];
    size_t len = secret_tree_path(t, leaf, path), at = 0;
    if (!r->kept.here) {
        while (at < len && !t->nodes[path[at]].kept.here)
            at++;
        invariant(at < len);
    }
    for (; !r->kept.here && at + 1 < len; at++)
        split_node(t, path[at], t->width >> (at + 1));
    if (!r->kept.here)
        start_ratchets(t, leaf);
    *out = r;
    return ST_OK;
}

/* ---- one ratchet ---- */

static void step_secret(struct secret *s, uint32_t generation)
{
    struct secret next;
    derive_at(s, "secret", generation, next.b, sizeof(next.b));
    *s = next;
    secret_wipe(&next);
}

/* Key and nonce of a generation from its ratchet secret. */
static void derive_key(const struct secret *s, uint32_t generation, uint8_t *key, uint8_t *nonce)
{
    derive_at(s, "key", generation, key, AEAD_KEY_LEN);
    derive_at(s, "nonce", generation, nonce, AEAD_NONCE_LEN);
}

static struct skipped_key *find_skipped(const struct secret_tree *t, const struct message_key *k)
{
    for (size_t i = 0; i < t->skipped_len; i++) {
        struct skipped_key *s = &t->skipped[i];
        if (s->kept.here && s->leaf == k->leaf && s->kind == k->kind && s->generation == k->generation)
            return s;
    }
    return NULL;
}

static enum status peek_skipped(const struct secret_tree *t, struct message_key *out)
{
    const struct skipped_key *s = find_skipped(t, out);
    if (!s)
        return ST_MLS_GENERATION_USED;
    memcpy(out->key, s->key, sizeof(out->key));
    memcpy(out->nonce, s->nonce, sizeof(out->nonce));
    return ST_OK;
}

static enum status peek_ahead(const struct ratchet *r, struct message_key *out)
{
    if (out->generation - r->generation > SECRET_TREE_AHEAD_MAX)
        return ST_MLS_GENERATION_AHEAD;
    if (out->generation == UINT32_MAX) /* so that the next generation is always a number */
        return ST_MLS_RATCHET_END;
    out->next = r->next;
    for (uint32_t g = r->generation; g < out->generation; g++)
        step_secret(&out->next, g);
    derive_key(&out->next, out->generation, out->key, out->nonce);
    step_secret(&out->next, out->generation);
    return ST_OK;
}

enum status secret_tree_peek(struct secret_tree *t, uint32_t leaf, enum ratchet_kind kind,
                             uint32_t generation, struct message_key *out)
{
    *out = (struct message_key){.leaf = leaf, .kind = kind, .generation = generation};
    struct ratchet *r;
    enum status st = find_ratchet(t, leaf, kind, &r);
    if (st == ST_OK)
        st = generation < r->generation ? peek_skipped(t, out) : peek_ahead(r, out);
    if (st != ST_OK)
        message_key_wipe(out);
    return st;
}

/* ---- skipped keys ---- */

enum status secret_tree_reserve(struct secret_tree *t, size_t more)
{
    size_t need = t->skipped_len + more;
    if (need <= t->skipped_cap)
        return ST_OK;
    size_t cap = need > 2 * t->skipped_cap ? need : 2 * t->skipped_cap;
    struct skipped_key *grown = mem_alloc(cap, sizeof(*grown));
    if (!grown)
        return ST_NO_MEMORY;
    if (t->skipped_len > 0)
        memcpy(grown, t->skipped, t->skipped_len * sizeof(*grown));
    mem_free(t->skipped, t->skipped_cap * sizeof(*grown));
    t->skipped = grown;
    t->skipped_cap = cap;
    return ST_OK;
}

/* Erases the key. Its entry stays until its record is removed, if it has one. */
static void drop_skipped(struct secret_tree *t, struct skipped_key *s)
{
    secret_tree_ratchet(t, s->leaf, s->kind)->skipped--;
    t->skipped_here--;
    bytes_wipe(s->key, sizeof(s->key));
    bytes_wipe(s->nonce, sizeof(s->nonce));
    s->kept.here = false;
    t->unsaved = true;
    if (s->kept.stored)
        return;
    size_t after = t->skipped_len - (size_t)(s - t->skipped) - 1;
    memmove(s, s + 1, after * sizeof(*s));
    t->skipped_len--;
    bytes_wipe(&t->skipped[t->skipped_len], sizeof(*s));
}

/* The oldest key of the ratchet that has most of them: whoever leaves gaps pays for them. */
static void evict_skipped(struct secret_tree *t)
{
    size_t fullest = 0;
    for (size_t i = 1; i < RATCHET_KINDS * (size_t)t->width; i++) {
        if (t->ratchets[i].skipped > t->ratchets[fullest].skipped)
            fullest = i;
    }
    for (size_t i = 0; i < t->skipped_len; i++) {
        struct skipped_key *s = &t->skipped[i];
        if (s->kept.here && RATCHET_KINDS * (size_t)s->leaf + s->kind == fullest) {
            drop_skipped(t, s);
            return;
        }
    }
}

static void add_skipped(struct secret_tree *t, const struct skipped_key *s)
{
    if (t->skipped_here == SECRET_TREE_SKIPPED_MAX)
        evict_skipped(t);
    t->skipped[t->skipped_len++] = *s;
    t->skipped_here++;
    secret_tree_ratchet(t, s->leaf, s->kind)->skipped++;
}

/* Keeps the keys from the ratchet's generation up to that of `k`. Room was made before. */
static void keep_skipped(struct secret_tree *t, const struct ratchet *r, const struct message_key *k)
{
    struct secret at = r->next;
    struct skipped_key s = {
        .leaf = k->leaf, .kind = (uint8_t)k->kind, .kept = {.here = true, .changed = true}};
    for (uint32_t g = r->generation; g < k->generation; g++) {
        s.generation = g;
        derive_key(&at, g, s.key, s.nonce);
        step_secret(&at, g);
        add_skipped(t, &s);
    }
    secret_wipe(&at);
    bytes_wipe(&s, sizeof(s));
}

/* ---- spending ---- */

static void move_ratchet(struct secret_tree *t, struct ratchet *r, const struct message_key *k)
{
    r->next = k->next;
    r->generation = k->generation + 1;
    r->kept.changed = t->unsaved = true;
}

enum status secret_tree_commit(struct secret_tree *t, const struct message_key *k)
{
    struct ratchet *r;
    enum status st = find_ratchet(t, k->leaf, k->kind, &r);
    if (st != ST_OK)
        return st;
    if (k->generation < r->generation) {
        struct skipped_key *s = find_skipped(t, k);
        if (!s)
            return ST_MLS_GENERATION_USED;
        drop_skipped(t, s);
        return ST_OK;
    }
    st = secret_tree_reserve(t, k->generation - r->generation);
    if (st != ST_OK)
        return st;
    keep_skipped(t, r, k);
    move_ratchet(t, r, k);
    return ST_OK;
}

enum status secret_tree_send(struct secret_tree *t, uint32_t leaf, enum ratchet_kind kind,
                             struct message_key *out)
{
    struct ratchet *r;
    message_key_wipe(out);
    enum status st = find_ratchet(t, leaf, kind, &r);
    if (st == ST_OK)
        st = secret_tree_peek(t, leaf, kind, r->generation, out);
    if (st == ST_OK)
        move_ratchet(t, r, out);
    return st;
}

/* ---- sender data ---- */

enum status sender_data_key(const struct secret *sender_data_secret, struct span ciphertext,
                            uint8_t key[static AEAD_KEY_LEN], uint8_t nonce[static AEAD_NONCE_LEN])
{
    struct span sample = {ciphertext.ptr, ciphertext.len < HASH_LEN ? ciphertext.len : HASH_LEN};
    enum status st = expand_with_label(LABELS_MLS, SPAN_ID(sender_data_secret), span_text("key"), sample, key,
                                       AEAD_KEY_LEN);
    if (st == ST_OK)
        st = expand_with_label(LABELS_MLS, SPAN_ID(sender_data_secret), span_text("nonce"), sample, nonce,
                               AEAD_NONCE_LEN);
    if (st != ST_OK) {
        bytes_wipe(key, AEAD_KEY_LEN);
        bytes_wipe(nonce, AEAD_NONCE_LEN);
    }
    return st;
}
