/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/treekem.h"

#include <string.h>

#include "protocol/hpke.h"
#include "protocol/mem.h"
#include "protocol/mls/parent_hash.h"

static const char path_label[] = "UpdatePathNode"; /* RFC 9420 §7.6 */

/* ---- private keys ---- */

void treekem_keys_init(struct treekem_keys *k, uint32_t leaf, const struct dh_private *leaf_key)
{
    *k = (struct treekem_keys){.leaf = leaf};
    treekem_keys_set(k, 0, leaf_key);
}

void treekem_keys_wipe(struct treekem_keys *k)
{
    bytes_wipe(k, sizeof(*k));
}

void treekem_keys_set(struct treekem_keys *k, uint32_t level, const struct dh_private *key)
{
    invariant(level <= MLS_DEPTH_MAX);
    k->at[level] = *key;
    k->present |= UINT32_C(1) << level;
}

static bool keys_have(const struct treekem_keys *k, uint32_t level)
{
    return level <= MLS_DEPTH_MAX && (k->present >> level & 1) == 1;
}

static uint32_t node_at(const struct treekem_keys *k, uint32_t level)
{
    return tree_ancestor(tree_leaf_to_node(k->leaf), level);
}

void treekem_keys_prune(struct treekem_keys *k, const struct ratchet_tree *t)
{
    for (uint32_t level = 0; level <= MLS_DEPTH_MAX; level++) {
        if (!keys_have(k, level) || !ratchet_tree_is_blank(t, node_at(k, level)))
            continue;
        dh_private_wipe(&k->at[level]);
        k->present &= ~(UINT32_C(1) << level);
    }
}

enum status treekem_keys_check(const struct treekem_keys *k, const struct ratchet_tree *t)
{
    for (uint32_t level = 0; level <= MLS_DEPTH_MAX; level++) {
        if (!keys_have(k, level))
            continue;
        struct dh_public public;
        dh_public_of(&k->at[level], &public);
        if (!span_equal(SPAN_ID(&public), ratchet_tree_key(t, node_at(k, level))))
            return ST_MLS_PATH_KEY;
    }
    return ST_OK;
}

/* ---- what maker and taker share ---- */

/* node_priv, node_pub of a path secret (RFC 9420 §7.4). */
static enum status node_keys(const struct secret *path_secret, struct dh_private *private,
                             struct dh_public *public)
{
    struct secret node_secret;
    enum status st = derive_secret(LABELS_MLS, SPAN_ID(path_secret), "node", &node_secret);
    if (st == ST_OK)
        st = dh_derive(SPAN_ID(&node_secret), private, public);
    secret_wipe(&node_secret);
    return st;
}

/* The parent hash that belongs into the path's node[i], or with i = count into the node above it: that of its
 * upper neighbour. Empty at the top. */
static struct span upper_hash(const struct ratchet_tree *t, const struct filtered_path *path, uint32_t above,
                              uint8_t hash[static HASH_LEN])
{
    if (above >= path->count)
        return SPAN_EMPTY;
    parent_hash_of(t, path->node[above], path->copath[above], hash);
    return SPAN_OF(hash, HASH_LEN);
}

/* Blanks the leaf's path and puts the new keys into its filtered part, from the root down (RFC 9420 §7.5).
 * The leaf's own parent hash goes to `leaf_hash`; *len is 0 for a path without nodes. */
static enum status put_path(struct ratchet_tree *t, uint32_t leaf, const struct filtered_path *path,
                            const struct dh_public *keys, uint8_t leaf_hash[static HASH_LEN], size_t *len)
{
    struct buffer encoded;
    struct writer w;
    enum status st = ST_OK;
    buffer_init(&encoded, MLS_LEAF_MAX);
    ratchet_tree_blank_path(t, leaf);
    for (uint32_t i = path->count; i > 0 && st == ST_OK; i--) {
        uint8_t hash[HASH_LEN];
        const struct parent_node p = {.encryption_key = SPAN_ID(&keys[i - 1]),
                                      .parent_hash = upper_hash(t, path, i, hash)};
        encoded.len = 0;
        writer_init(&w, &encoded);
        parent_node_write(&w, &p);
        st = writer_done(&w);
        if (st == ST_OK)
            st = ratchet_tree_put_parent(t, path->node[i - 1], buffer_span(&encoded));
    }
    buffer_wipe(&encoded);
    *len = st == ST_OK ? upper_hash(t, path, 0, leaf_hash).len : 0;
    return st;
}

static bool leaf_list_has(const struct leaf_list *list, uint32_t node)
{
    for (size_t i = 0; i < list->count; i++) {
        if (tree_leaf_to_node(list->at[i]) == node)
            return true;
    }
    return false;
}

/* The next node of a resolution that gets a ciphertext: new leaves are excluded (RFC 9420 §7.6). */
static bool next_recipient(struct resolution *r, const struct leaf_list *added, uint32_t *node)
{
    while (resolution_next(r, node)) {
        if (!leaf_list_has(added, *node))
            return true;
    }
    return false;
}

/* ---- making a path ---- */

/* Fresh secrets and keys for the nodes of out->path; private keys go to `keys`. */
static enum status fresh_keys(struct treekem_path *out, struct treekem_keys *keys, struct entropy *e,
                              struct dh_public *publics)
{
    struct secret next;
    struct dh_private private;
    enum status st = ST_OK;
    entropy_fill(e, next.b, sizeof(next.b)); /* path_secret[0] */
    for (uint32_t i = 0; i < out->path.count && st == ST_OK; i++) {
        out->secrets[i] = next;
        st = node_keys(&out->secrets[i], &private, &publics[i]);
        if (st != ST_OK)
            break;
        treekem_keys_set(keys, tree_level(out->path.node[i]), &private);
        st = derive_secret(LABELS_MLS, SPAN_ID(&out->secrets[i]), "path", &next);
    }
    out->commit_secret = next; /* path_secret[n + 1] */
    secret_wipe(&next);
    dh_private_wipe(&private);
    return st;
}

/* Signs the committer's new leaf and puts it into the tree. */
static enum status put_own_leaf(struct ratchet_tree *t, const struct treekem_generate_args *a,
                                const struct dh_public *key, struct span parent_hash)
{
    struct buffer encoded;
    struct leaf_node leaf = *a->content;
    leaf.encryption_key = SPAN_ID(key);
    leaf.source = LEAF_COMMIT;
    leaf.parent_hash = parent_hash;
    const struct leaf_place place = {.group_id = a->group_id, .leaf = a->leaf};
    buffer_init(&encoded, MLS_LEAF_MAX);
    enum status st = leaf_node_sign(&leaf, &place, a->signer, &encoded);
    if (st == ST_OK)
        st = ratchet_tree_put_leaf(t, a->leaf, buffer_span(&encoded));
    buffer_wipe(&encoded);
    return st;
}

enum status treekem_generate(struct ratchet_tree *t, struct treekem_keys *keys,
                             const struct treekem_generate_args *a, struct treekem_path *out)
{
    struct secret seed;
    struct dh_private leaf_private;
    struct dh_public leaf_public, publics[MLS_DEPTH_MAX];
    uint8_t leaf_hash[HASH_LEN];
    size_t leaf_hash_len;
    *out = (struct treekem_path){.leaf = a->leaf};
    if (!ratchet_tree_leaf(t, a->leaf))
        return ST_MLS_NOT_A_MEMBER;
    filtered_path_of(t, a->leaf, &out->path);
    entropy_fill(a->entropy, seed.b, sizeof(seed.b));
    enum status st = dh_derive(SPAN_ID(&seed), &leaf_private, &leaf_public);
    if (st == ST_OK) {
        treekem_keys_wipe(keys); /* every older key of the path is outdated */
        treekem_keys_init(keys, a->leaf, &leaf_private);
        st = fresh_keys(out, keys, a->entropy, publics);
    }
    if (st == ST_OK)
        st = put_path(t, a->leaf, &out->path, publics, leaf_hash, &leaf_hash_len);
    if (st == ST_OK)
        st = put_own_leaf(t, a, &leaf_public, SPAN_OF(leaf_hash, leaf_hash_len));
    if (st != ST_OK)
        treekem_path_wipe(out);
    secret_wipe(&seed);
    dh_private_wipe(&leaf_private);
    return st;
}

/* Seals one path secret for everybody below `copath` but the new. */
static enum status seal_node(const struct ratchet_tree *t, uint32_t copath, const struct secret *path_secret,
                             const struct treekem_seal_args *a, struct writer *w)
{
    struct buffer ciphertext;
    struct resolution r;
    uint32_t x;
    enum status st = ST_OK;
    buffer_init(&ciphertext, SECRET_LEN + AEAD_TAG_LEN);
    resolution_start(&r, t, copath);
    while (st == ST_OK && next_recipient(&r, &a->added, &x)) {
        struct dh_public to;
        uint8_t enc[HPKE_ENC_LEN];
        struct span key = ratchet_tree_key(t, x);
        if (key.len != sizeof(to.b)) {
            st = ST_MLS_KEY_LENGTH;
            break;
        }
        memcpy(to.b, key.ptr, sizeof(to.b));
        ciphertext.len = 0;
        st = hpke_seal_label(LABELS_MLS, &to, span_text(path_label), a->context, SPAN_ID(path_secret),
                             a->entropy, enc, &ciphertext);
        if (st == ST_OK)
            hpke_ciphertext_write(w, &(struct hpke_ciphertext){SPAN(enc), buffer_span(&ciphertext)});
    }
    buffer_wipe(&ciphertext);
    return st;
}

enum status treekem_seal(const struct ratchet_tree *t, const struct treekem_path *p,
                         const struct treekem_seal_args *a, struct buffer *nodes, struct update_path *out)
{
    const struct leaf_node *leaf = ratchet_tree_leaf(t, p->leaf);
    enum status st = ST_OK;
    struct writer w;
    size_t start = nodes->len;
    *out = (struct update_path){0};
    invariant(leaf);
    writer_init(&w, nodes);
    for (uint32_t i = 0; i < p->path.count && st == ST_OK; i++) {
        writer_vec(&w, ratchet_tree_key(t, p->path.node[i]));
        size_t mark = writer_open(&w);
        st = seal_node(t, p->path.copath[i], &p->secrets[i], a, &w);
        writer_close(&w, mark);
    }
    if (st == ST_OK)
        st = writer_done(&w);
    if (st != ST_OK) {
        nodes->len = start;
        return st;
    }
    *out = (struct update_path){.leaf = *leaf, .node_count = p->path.count};
    if (nodes->len > start) /* a group of one has a path without nodes, and the buffer may have no bytes */
        out->nodes = SPAN_OF(nodes->ptr + start, nodes->len - start);
    return ST_OK;
}

enum status treekem_path_secret_for(const struct treekem_path *p, uint32_t new_leaf, struct secret *out)
{
    for (uint32_t i = 0; i < p->path.count; i++) {
        if (tree_covers(p->path.node[i], tree_leaf_to_node(new_leaf))) {
            *out = p->secrets[i];
            return ST_OK;
        }
    }
    secret_wipe(out);
    return ST_MLS_NOT_A_MEMBER;
}

void treekem_path_wipe(struct treekem_path *p)
{
    bytes_wipe(p, sizeof(*p));
}

/* ---- taking a path ---- */

static uint32_t recipient_count(const struct ratchet_tree *t, uint32_t copath, const struct leaf_list *added)
{
    struct resolution r;
    uint32_t x, count = 0;
    resolution_start(&r, t, copath);
    while (next_recipient(&r, added, &x))
        count++;
    return count;
}

static bool tree_has_key(const struct ratchet_tree *t, struct span key)
{
    for (uint32_t x = 0; x < tree_node_count(t->leaf_count); x++) {
        if (!ratchet_tree_is_blank(t, x) && span_equal(ratchet_tree_key(t, x), key))
            return true;
    }
    return false;
}

/* Reads the keys of the path's nodes, which must be as many as the tree wants, each with as many ciphertexts.
 */
static enum status read_path(const struct ratchet_tree *t, const struct filtered_path *path,
                             const struct treekem_take_args *a, struct dh_public *keys)
{
    struct reader r;
    if (a->path->node_count != path->count)
        return ST_MLS_PATH_SHAPE;
    reader_init(&r, a->path->nodes);
    for (uint32_t i = 0; i < path->count; i++) {
        struct update_path_node n;
        update_path_node_read(&r, &n);
        if (r.failed != ST_OK)
            return r.failed;
        if (n.encryption_key.len != DH_LEN)
            return ST_MLS_KEY_LENGTH;
        if (dh_public_is_weak(n.encryption_key))
            return ST_CRYPTO_BAD_KEY;
        if (n.secret_count != recipient_count(t, path->copath[i], &a->added))
            return ST_MLS_PATH_SHAPE;
        memcpy(keys[i].b, n.encryption_key.ptr, DH_LEN);
    }
    return reader_done(&r);
}

/* RFC 9420 §12.4.2: none of the path's keys is in the tree, and (§12.4.3.1) none is in the path twice. That
 * the leaf's is not among the others, tree_validate_leaf finds. */
static enum status check_keys_new(const struct ratchet_tree *t, const struct update_path *p,
                                  const struct dh_public *keys)
{
    if (tree_has_key(t, p->leaf.encryption_key))
        return ST_MLS_KEY_TWICE;
    for (uint32_t i = 0; i < p->node_count; i++) {
        if (tree_has_key(t, SPAN_ID(&keys[i])))
            return ST_MLS_KEY_TWICE;
        for (uint32_t k = 0; k < i; k++) {
            if (span_equal(SPAN_ID(&keys[i]), SPAN_ID(&keys[k])))
                return ST_MLS_KEY_TWICE;
        }
    }
    return ST_OK;
}

enum status treekem_merge(struct ratchet_tree *t, const struct tree_context *c,
                          const struct treekem_take_args *a)
{
    const struct leaf_node *leaf = &a->path->leaf;
    const struct leaf_place place = {.group_id = c->group_id, .leaf = a->sender};
    struct filtered_path path;
    struct dh_public keys[MLS_DEPTH_MAX];
    uint8_t leaf_hash[HASH_LEN];
    size_t leaf_hash_len;
    if (!ratchet_tree_leaf(t, a->sender))
        return ST_MLS_NOT_A_MEMBER;
    if (leaf->source != LEAF_COMMIT) /* RFC 9420 §7.3 */
        return ST_MLS_LEAF_SOURCE;
    filtered_path_of(t, a->sender, &path);
    enum status st = read_path(t, &path, a, keys);
    if (st == ST_OK)
        st = check_keys_new(t, a->path, keys);
    if (st == ST_OK)
        st = put_path(t, a->sender, &path, keys, leaf_hash, &leaf_hash_len);
    if (st == ST_OK && !span_equal(leaf->parent_hash, SPAN_OF(leaf_hash, leaf_hash_len)))
        st = ST_MLS_PARENT_HASH; /* RFC 9420 §7.9.2: MUST */
    if (st == ST_OK)
        st = ratchet_tree_put_leaf(t, a->sender, leaf->encoded);
    if (st == ST_OK)
        st = tree_validate_leaf(t, c, a->sender);
    return st == ST_OK ? leaf_node_verify(leaf, &place) : st;
}

/* Sets the private keys of path.node[from] and those above from the path secret of the first, checking each
 * against the tree. `commit_secret` gets the secret after the last. */
static enum status climb(const struct ratchet_tree *t, const struct filtered_path *path, uint32_t from,
                         struct treekem_keys *keys, struct secret *commit_secret)
{
    enum status st = ST_OK;
    struct dh_private private;
    struct dh_public public;
    struct secret here;
    for (uint32_t i = from; i < path->count && st == ST_OK; i++) {
        st = node_keys(commit_secret, &private, &public);
        if (st == ST_OK && !span_equal(SPAN_ID(&public), ratchet_tree_key(t, path->node[i])))
            st = ST_MLS_PATH_KEY;
        if (st != ST_OK)
            break;
        treekem_keys_set(keys, tree_level(path->node[i]), &private);
        here = *commit_secret;
        st = derive_secret(LABELS_MLS, SPAN_ID(&here), "path", commit_secret);
    }
    secret_wipe(&here);
    dh_private_wipe(&private);
    return st;
}

struct place {      /* of the ciphertext that is for us */
    uint32_t node;  /* in the path */
    uint32_t at;    /* among the ciphertexts of that node */
    uint32_t level; /* of our key that opens it */
};

static enum status find_place(const struct ratchet_tree *t, const struct treekem_keys *keys,
                              const struct treekem_take_args *a, const struct filtered_path *path,
                              struct place *out)
{
    struct resolution r;
    uint32_t own = tree_leaf_to_node(keys->leaf), x;
    *out = (struct place){0};
    while (out->node < path->count && !tree_covers(path->copath[out->node], own))
        out->node++;
    if (out->node == path->count)
        return ST_MLS_PATH_SECRET;
    resolution_start(&r, t, path->copath[out->node]);
    for (; next_recipient(&r, &a->added, &x); out->at++) {
        out->level = tree_level(x);
        if (tree_covers(x, own) && keys_have(keys, out->level))
            return ST_OK;
    }
    return ST_MLS_PATH_SECRET;
}

static enum status read_ciphertext(const struct update_path *p, const struct place *at,
                                   struct hpke_ciphertext *out)
{
    struct reader r;
    struct update_path_node n = {0};
    reader_init(&r, p->nodes);
    for (uint32_t i = 0; i <= at->node; i++)
        update_path_node_read(&r, &n);
    reader_init(&r, n.secrets);
    for (uint32_t i = 0; i <= at->at; i++)
        hpke_ciphertext_read(&r, out);
    return r.failed == ST_OK ? ST_OK : ST_MLS_PATH_SHAPE;
}

static enum status open_ciphertext(const struct hpke_ciphertext *c, const struct dh_private *private,
                                   struct span public, struct span context, struct secret *out)
{
    struct dh_public own;
    struct buffer plain;
    if (public.len != sizeof(own.b))
        return ST_MLS_KEY_LENGTH;
    memcpy(own.b, public.ptr, sizeof(own.b));
    const struct dh_pair pair = {private, &own};
    buffer_init(&plain, SECRET_LEN);
    enum status st = hpke_open_label_pair(LABELS_MLS, &pair, span_text(path_label), context, c->kem_output,
                                          c->ciphertext, &plain);
    if (st == ST_OK && plain.len != SECRET_LEN)
        st = ST_MLS_PATH_SECRET;
    if (st == ST_OK)
        memcpy(out->b, plain.ptr, SECRET_LEN);
    buffer_wipe(&plain);
    return st;
}

enum status treekem_open(const struct ratchet_tree *t, struct treekem_keys *keys,
                         const struct treekem_take_args *a, struct span context, struct secret *commit_secret)
{
    struct filtered_path path;
    struct treekem_keys fresh = *keys;
    struct hpke_ciphertext c;
    struct place place;
    memset(commit_secret, 0, sizeof(*commit_secret));
    invariant(a->sender != keys->leaf && ratchet_tree_leaf(t, a->sender));
    filtered_path_of(t, a->sender, &path);
    treekem_keys_prune(&fresh, t);
    enum status st = find_place(t, &fresh, a, &path, &place);
    if (st == ST_OK)
        st = read_ciphertext(a->path, &place, &c);
    if (st == ST_OK)
        st = open_ciphertext(&c, &fresh.at[place.level], ratchet_tree_key(t, node_at(&fresh, place.level)),
                             context, commit_secret);
    if (st == ST_OK)
        st = climb(t, &path, place.node, &fresh, commit_secret);
    if (st == ST_OK)
        *keys = fresh;
    else
        secret_wipe(commit_secret);
    treekem_keys_wipe(&fresh);
    return st;
}

enum status treekem_join(const struct ratchet_tree *t, struct treekem_keys *keys, uint32_t committer,
                         const struct secret *path_secret)
{
    struct filtered_path path;
    struct treekem_keys fresh = *keys;
    struct secret next = *path_secret;
    uint32_t i = 0;
    enum status st = ST_MLS_NOT_A_MEMBER;
    if (committer != keys->leaf && ratchet_tree_leaf(t, committer)) {
        filtered_path_of(t, committer, &path);
        while (i < path.count && !tree_covers(path.copath[i], tree_leaf_to_node(keys->leaf)))
            i++;
        st = i < path.count ? climb(t, &path, i, &fresh, &next) : ST_MLS_NOT_A_MEMBER;
    }
    if (st == ST_OK)
        *keys = fresh;
    secret_wipe(&next);
    treekem_keys_wipe(&fresh);
    return st;
}
