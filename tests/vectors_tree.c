/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of the ratchet tree: tree-operations, tree-validation, treekem. What they check is written in
 * test-vectors.md of github.com/mlswg/mls-implementations. */
#include <stdlib.h>
#include <string.h>

#include "protocol/mls/group_context.h"
#include "protocol/mls/proposal.h"
#include "protocol/mls/tree_hash.h"
#include "protocol/mls/tree_validate.h"
#include "protocol/mls/treekem.h"
#include "tests/vectors_case.h"

enum { SUITE_1 = 0x0001 /* the same hash, KEM and signature as suite 3 */ };

static void check_tree_hash(struct vec_case *c, const char *key, const json_t *from,
                            const struct ratchet_tree *t)
{
    uint8_t hash[HASH_LEN];
    tree_hash_root(t, hash);
    vec_expect(c, from, key, SPAN(hash));
}

static void check_encoding(struct vec_case *c, const char *key, const struct ratchet_tree *t)
{
    struct buffer *bytes = vec_buffer(c);
    struct writer w;
    writer_init(&w, bytes);
    ratchet_tree_write(&w, t);
    vec_ok(c, "encoding the tree", writer_done(&w));
    vec_expect(c, c->one, key, buffer_span(bytes));
}

/* ---- tree-operations ---- */

static enum status apply(struct ratchet_tree *t, const struct proposal *p, uint32_t sender)
{
    uint32_t leaf;
    if (p->type == PROPOSAL_ADD)
        return ratchet_tree_add(t, &p->u.add.leaf, &leaf);
    if (p->type == PROPOSAL_UPDATE)
        return ratchet_tree_update(t, sender, &p->u.update);
    return p->type == PROPOSAL_REMOVE ? ratchet_tree_remove(t, p->u.remove) : ST_MLS_PROPOSAL_TYPE;
}

static void check_proposal(struct vec_case *c, struct span encoded, const struct proposal *p)
{
    struct buffer *again = vec_buffer(c);
    struct writer w;
    writer_init(&w, again);
    proposal_write(&w, p);
    vec_ok(c, "encoding the proposal", writer_done(&w));
    vec_equal(c, "proposal encoded again", buffer_span(again), encoded);
}

static void check_operation(struct vec_case *c, struct ratchet_tree *t)
{
    struct span encoded = vec_bytes(c, c->one, "proposal");
    struct proposal p;
    uint32_t sender = (uint32_t)vec_number(c, c->one, "proposal_sender", UINT32_MAX);
    vec_true(c, "proposal_sender is no member", ratchet_tree_leaf(t, sender) != NULL);
    check_encoding(c, "tree_before", t);
    check_tree_hash(c, "tree_hash_before", c->one, t);
    vec_ok(c, "proposal", proposal_decode(&p, encoded));
    if (!vec_going(c))
        return;
    check_proposal(c, encoded, &p);
    vec_ok(c, "applying the proposal", apply(t, &p, sender));
    check_encoding(c, "tree_after", t);
    check_tree_hash(c, "tree_hash_after", c->one, t);
}

static void run_tree_operations(struct vec_case *c)
{
    struct ratchet_tree t = {0};
    struct span before = vec_bytes(c, c->one, "tree_before");
    vec_ok(c, "tree_before", ratchet_tree_decode(&t, before));
    if (vec_going(c))
        check_operation(c, &t);
    ratchet_tree_wipe(&t);
}

/* The sender matters to updates only; signatures in a proposal are not looked at when it is applied. */
static const char *const loose_inputs[] = {"proposal_sender", "proposal", NULL};
const struct vec_kind vec_tree_operations = {.name = "tree-operations",
                                             .marker = "tree_before",
                                             .has_suite = true,
                                             .also_suite = SUITE_1,
                                             .run = run_tree_operations,
                                             .loose = loose_inputs};

/* ---- tree-validation ---- */

static void check_resolution(struct vec_case *c, const struct ratchet_tree *t, uint32_t node,
                             const json_t *want)
{
    struct resolution r;
    uint32_t x;
    size_t count = 0;
    resolution_start(&r, t, node);
    while (resolution_next(&r, &x) && vec_going(c)) {
        const json_t *entry = json_array_get(want, count++);
        if (!json_is_integer(entry) || json_integer_value(entry) != (json_int_t)x)
            vec_fail(c, "resolution of node %u", node);
    }
    vec_true(c, "length of a resolution", json_is_array(want) && json_array_size(want) == count);
}

static void check_nodes(struct vec_case *c, const struct ratchet_tree *t)
{
    const json_t *hashes = vec_array(c, c->one, "tree_hashes"), *lists = vec_array(c, c->one, "resolutions");
    uint32_t nodes = tree_node_count(t->leaf_count);
    vec_true(c, "number of tree_hashes", json_array_size(hashes) == nodes);
    vec_true(c, "number of resolutions", json_array_size(lists) == nodes);
    for (uint32_t x = 0; x < nodes && vec_going(c); x++) {
        uint8_t hash[HASH_LEN];
        tree_hash_of(t, x, hash);
        vec_equal(c, "tree hash of a node", SPAN(hash),
                  vec_bytes_of(c, json_array_get(hashes, x), "a tree hash"));
        check_resolution(c, t, x, json_array_get(lists, x));
    }
}

static void run_tree_validation(struct vec_case *c)
{
    struct ratchet_tree t = {0};
    struct span tree = vec_bytes(c, c->one, "tree");
    const struct tree_context context = {.group_id = vec_bytes(c, c->one, "group_id")};
    vec_ok(c, "tree", ratchet_tree_decode(&t, tree));
    if (vec_going(c)) {
        uint8_t root[HASH_LEN];
        check_encoding(c, "tree", &t);
        check_nodes(c, &t);
        tree_hash_root(&t, root);
        vec_ok(c, "the tree", tree_validate(&t, &context, SPAN(root)));
    }
    ratchet_tree_wipe(&t);
}

const struct vec_kind vec_tree_validation = {
    .name = "tree-validation", .marker = "resolutions", .has_suite = true, .run = run_tree_validation};

/* ---- treekem ---- */

struct treekem_case {
    struct vec_case *c;
    struct ratchet_tree tree;
    struct treekem_keys keys[MLS_LEAVES_MAX]; /* by leaf */
    struct sign_private signers[MLS_LEAVES_MAX];
    bool known[MLS_LEAVES_MAX];
};

/* The private key that a path secret gives (RFC 9420 §7.4). */
static void node_private(struct vec_case *c, struct span path_secret, struct dh_private *out)
{
    struct secret node_secret;
    struct dh_public public;
    memset(out, 0, sizeof(*out));
    vec_true(c, "length of a path secret", path_secret.len == SECRET_LEN);
    if (!vec_going(c))
        return;
    vec_ok(c, "node secret", derive_secret(LABELS_MLS, path_secret, "node", &node_secret));
    vec_ok(c, "node key", dh_derive(SPAN_ID(&node_secret), out, &public));
}

static void load_path_secrets(struct treekem_case *tc, uint32_t leaf, const json_t *secrets)
{
    for (size_t i = 0; i < json_array_size(secrets) && vec_going(tc->c); i++) {
        const json_t *entry = json_array_get(secrets, i);
        uint32_t node = (uint32_t)vec_number(tc->c, entry, "node", MLS_NODES_MAX - 1);
        struct dh_private key;
        node_private(tc->c, vec_bytes(tc->c, entry, "path_secret"), &key);
        vec_true(tc->c, "a path secret of a node that is not above the leaf",
                 tree_covers(node, tree_leaf_to_node(leaf)) && !ratchet_tree_is_blank(&tc->tree, node));
        if (vec_going(tc->c))
            treekem_keys_set(&tc->keys[leaf], tree_level(node), &key);
    }
}

static void load_leaf(struct treekem_case *tc, const json_t *private)
{
    struct vec_case *c = tc->c;
    uint32_t leaf = (uint32_t)vec_number(c, private, "index", MLS_LEAVES_MAX - 1);
    struct dh_private key;
    vec_fixed(c, private, "encryption_priv", key.b, sizeof(key.b));
    struct span seed = vec_bytes(c, private, "signature_priv");
    const json_t *secrets = vec_array(c, private, "path_secrets");
    const struct leaf_node *n = ratchet_tree_leaf(&tc->tree, leaf);
    vec_true(c, "private keys of nobody, or twice", n && !tc->known[leaf]);
    if (!vec_going(c))
        return;
    vec_sign_key(c, seed, n->signature_key, &tc->signers[leaf]);
    treekem_keys_init(&tc->keys[leaf], leaf, &key);
    tc->known[leaf] = true;
    load_path_secrets(tc, leaf, secrets);
    vec_ok(c, "private keys of a leaf", treekem_keys_check(&tc->keys[leaf], &tc->tree));
}

static struct span write_context(const struct treekem_case *tc, const struct ratchet_tree *t)
{
    uint8_t hash[HASH_LEN];
    struct vec_case *c = tc->c;
    struct buffer *out = vec_buffer(c);
    struct writer w;
    tree_hash_root(t, hash);
    const struct group_context g = {.version = MLS_VERSION_10,
                                    .cipher_suite = SUITE_ID,
                                    .group_id = vec_bytes(c, c->one, "group_id"),
                                    .epoch = vec_number(c, c->one, "epoch", UINT64_MAX),
                                    .tree_hash = SPAN(hash),
                                    .confirmed_transcript_hash =
                                        vec_bytes(c, c->one, "confirmed_transcript_hash")};
    writer_init(&w, out);
    group_context_write(&w, &g);
    vec_ok(c, "GroupContext", writer_done(&w));
    return buffer_span(out);
}

/* Is the key that the member now has where the path meets its own the one of this path secret? */
static void check_path_secret(struct treekem_case *tc, const struct ratchet_tree *after, uint32_t sender,
                              const struct treekem_keys *keys, const json_t *path_secret)
{
    struct filtered_path path;
    struct dh_private want;
    filtered_path_of(after, sender, &path);
    uint32_t i = 0;
    while (i < path.count && !tree_covers(path.copath[i], tree_leaf_to_node(keys->leaf)))
        i++;
    node_private(tc->c, vec_bytes_of(tc->c, path_secret, "a path secret"), &want);
    vec_true(tc->c, "a decrypted path secret",
             i < path.count && memcmp(&want, &keys->at[tree_level(path.node[i])], sizeof(want)) == 0);
}

struct path_case {
    const struct treekem_take_args *take;
    const struct secret *commit;
    const json_t *expected; /* entry of the file; NULL for a path of our own */
};

static void open_as_all(struct treekem_case *tc, const struct ratchet_tree *after, const struct path_case *p)
{
    struct vec_case *c = tc->c;
    struct span context = write_context(tc, after);
    const json_t *secrets = p->expected ? vec_array(c, p->expected, "path_secrets") : NULL;
    for (uint32_t leaf = 0; leaf < after->leaf_count && vec_going(c); leaf++) {
        const json_t *secret = json_array_get(secrets, leaf);
        if (leaf == p->take->sender || !ratchet_tree_leaf(after, leaf)) {
            vec_true(c, "a path secret for nobody", !secret || json_is_null(secret));
            continue;
        }
        vec_true(c, "no private keys for a leaf", tc->known[leaf]);
        struct treekem_keys keys = tc->keys[leaf];
        struct secret got = {{0}};
        vec_ok(c, "opening the path", treekem_open(after, &keys, p->take, context, &got));
        vec_true(c, "commit_secret", secret_equal(&got, p->commit));
        vec_ok(c, "the keys of the path", treekem_keys_check(&keys, after));
        if (p->expected)
            check_path_secret(tc, after, p->take->sender, &keys, secret);
    }
    vec_true(c, "more path secrets than leaves", json_array_size(secrets) <= after->leaf_count);
}

/* Merges a path into a copy of the tree and opens it as everybody else. */
static void check_path(struct treekem_case *tc, const struct path_case *p)
{
    struct ratchet_tree after = {0};
    const struct tree_context context = {.group_id = vec_bytes(tc->c, tc->c->one, "group_id")};
    vec_ok(tc->c, "copy", ratchet_tree_copy(&after, &tc->tree));
    if (vec_going(tc->c))
        vec_ok(tc->c, "merging the path", treekem_merge(&after, &context, p->take));
    if (vec_going(tc->c) && p->expected)
        check_tree_hash(tc->c, "tree_hash_after", p->expected, &after);
    if (vec_going(tc->c))
        open_as_all(tc, &after, p);
    ratchet_tree_wipe(&after);
}

/* A new path of the same sender, made by us. */
static void check_own_path(struct treekem_case *tc, uint32_t sender)
{
    struct vec_case *c = tc->c;
    struct ratchet_tree after = {0};
    struct treekem_path made = {0};
    struct update_path path;
    struct treekem_keys keys = tc->keys[sender];
    struct buffer *nodes = vec_buffer(c);
    const struct treekem_generate_args a = {.leaf = sender,
                                            .content = ratchet_tree_leaf(&tc->tree, sender),
                                            .signer = &tc->signers[sender],
                                            .group_id = vec_bytes(c, c->one, "group_id"),
                                            .entropy = &c->entropy};
    vec_ok(c, "copy", ratchet_tree_copy(&after, &tc->tree));
    if (vec_going(c))
        vec_ok(c, "an own path", treekem_generate(&after, &keys, &a, &made));
    if (vec_going(c)) {
        const struct treekem_seal_args s = {.context = write_context(tc, &after), .entropy = &c->entropy};
        vec_ok(c, "the keys of the own path", treekem_keys_check(&keys, &after));
        vec_ok(c, "sealing the own path", treekem_seal(&after, &made, &s, nodes, &path));
    }
    if (vec_going(c)) {
        const struct treekem_take_args take = {.sender = sender, .path = &path};
        const struct path_case p = {&take, &made.commit_secret, NULL};
        check_path(tc, &p);
    }
    treekem_path_wipe(&made);
    ratchet_tree_wipe(&after);
}

static void check_update_path(struct treekem_case *tc, const json_t *entry)
{
    struct vec_case *c = tc->c;
    struct update_path path;
    struct secret commit;
    uint32_t sender = (uint32_t)vec_number(c, entry, "sender", MLS_LEAVES_MAX - 1);
    struct span encoded = vec_bytes(c, entry, "update_path");
    vec_fixed(c, entry, "commit_secret", commit.b, sizeof(commit.b));
    vec_ok(c, "update_path", update_path_decode(&path, encoded));
    vec_true(c, "sender is no member", tc->known[sender]);
    if (!vec_going(c))
        return;
    struct buffer *again = vec_buffer(c);
    struct writer w;
    writer_init(&w, again);
    update_path_write(&w, &path);
    vec_ok(c, "encoding the path", writer_done(&w));
    vec_equal(c, "update_path encoded again", buffer_span(again), encoded);
    const struct treekem_take_args take = {.sender = sender, .path = &path};
    const struct path_case p = {&take, &commit, entry};
    check_path(tc, &p);
    check_own_path(tc, sender);
}

static void check_treekem(struct treekem_case *tc)
{
    struct vec_case *c = tc->c;
    const json_t *privates = vec_array(c, c->one, "leaves_private"),
                 *paths = vec_array(c, c->one, "update_paths");
    vec_true(c, "no update_paths", json_array_size(paths) > 0);
    check_encoding(c, "ratchet_tree", &tc->tree);
    for (size_t i = 0; i < json_array_size(privates) && vec_going(c); i++)
        load_leaf(tc, json_array_get(privates, i));
    for (size_t i = 0; i < json_array_size(paths) && vec_going(c); i++)
        check_update_path(tc, json_array_get(paths, i));
}

static void run_treekem(struct vec_case *c)
{
    struct treekem_case *tc = calloc(1, sizeof(*tc));
    struct span tree = vec_bytes(c, c->one, "ratchet_tree");
    if (!tc)
        abort();
    tc->c = c;
    vec_ok(c, "ratchet_tree", ratchet_tree_decode(&tc->tree, tree));
    if (vec_going(c))
        check_treekem(tc);
    ratchet_tree_wipe(&tc->tree);
    free(tc);
}

static const char *const clamped[] = {"encryption_priv", NULL}; /* X25519 masks bits of it */
const struct vec_kind vec_treekem = {
    .name = "treekem", .marker = "leaves_private", .has_suite = true, .run = run_treekem, .loose = clamped};
