/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of the ratchet tree: tree-math, tree-operations, tree-validation, treekem. What they check is
 * written in test-vectors.md of github.com/mlswg/mls-implementations. */
#include "tests/vectors.h"

#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/group_context.h"
#include "protocol/mls/proposal.h"
#include "protocol/mls/tree_hash.h"
#include "protocol/mls/tree_validate.h"
#include "protocol/mls/treekem.h"
#include "tests/support/test_entropy.h"

enum { SUITE_1 = 0x0001 /* the same hash, KEM and signature as suite 3 */ };

/* ---- tree-math ---- */

/* Is entry x of a list what `want` says: a number, or null? */
static bool entry_is(const json_t *c, const char *key, uint32_t x, bool present, uint32_t want)
{
    const json_t *entry = json_array_get(vector_array(c, key), x);
    if (!present)
        return json_is_null(entry);
    return json_is_integer(entry) && json_integer_value(entry) == (json_int_t)want;
}

enum verdict vector_tree_math(const json_t *c)
{
    uint32_t leaves = (uint32_t)vector_number(c, "n_leaves");
    if (leaves == 0 || leaves > UINT32_MAX / 4 || tree_full_leaf_count(leaves) != leaves)
        return VERDICT_FAILED; /* RFC 9420 §4.1: trees are full */
    uint32_t nodes = tree_node_count(leaves), root = tree_root(leaves);
    bool same = vector_number(c, "n_nodes") == nodes && vector_number(c, "root") == root;
    static const char *const lists[] = {"left", "right", "parent", "sibling"};
    for (size_t i = 0; i < 4; i++)
        same = same && json_array_size(vector_array(c, lists[i])) == nodes;
    for (uint32_t x = 0; same && x < nodes; x++) {
        bool inner = !tree_is_leaf(x), below = x != root;
        same = entry_is(c, "left", x, inner, inner ? tree_left(x) : 0) &&
               entry_is(c, "right", x, inner, inner ? tree_right(x) : 0) &&
               entry_is(c, "parent", x, below, below ? tree_parent(x) : 0) &&
               entry_is(c, "sibling", x, below, below ? tree_sibling(x) : 0);
    }
    return same ? VERDICT_PASSED : VERDICT_FAILED;
}

/* ---- tree-operations ---- */

static bool tree_hash_is(const struct ratchet_tree *t, struct span want)
{
    uint8_t hash[HASH_LEN];
    tree_hash_root(t, hash);
    return span_equal(SPAN(hash), want);
}

static bool tree_encodes_to(const struct ratchet_tree *t, struct span want)
{
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, MLS_TREE_MAX + 4);
    writer_init(&w, &bytes);
    ratchet_tree_write(&w, t);
    bool same = writer_done(&w) == ST_OK && span_equal(buffer_span(&bytes), want);
    buffer_wipe(&bytes);
    return same;
}

static enum status apply(struct ratchet_tree *t, const struct proposal *p, uint32_t sender)
{
    uint32_t leaf;
    if (p->type == PROPOSAL_ADD)
        return ratchet_tree_add(t, &p->u.add.leaf, &leaf);
    if (p->type == PROPOSAL_UPDATE)
        return ratchet_tree_update(t, sender, &p->u.update);
    return p->type == PROPOSAL_REMOVE ? ratchet_tree_remove(t, p->u.remove) : ST_MLS_PROPOSAL_TYPE;
}

enum verdict vector_tree_operations(const json_t *c)
{
    uint64_t suite = vector_number(c, "cipher_suite");
    if (suite != SUITE_ID && suite != SUITE_1)
        return VERDICT_SKIPPED;
    struct ratchet_tree t;
    struct proposal p;
    struct span before = vector_bytes(c, "tree_before");
    bool same = ratchet_tree_decode(&t, before) == ST_OK && tree_encodes_to(&t, before) &&
                tree_hash_is(&t, vector_bytes(c, "tree_hash_before")) &&
                proposal_decode(&p, vector_bytes(c, "proposal")) == ST_OK &&
                apply(&t, &p, (uint32_t)vector_number(c, "proposal_sender")) == ST_OK &&
                tree_encodes_to(&t, vector_bytes(c, "tree_after")) &&
                tree_hash_is(&t, vector_bytes(c, "tree_hash_after"));
    ratchet_tree_wipe(&t);
    return same ? VERDICT_PASSED : VERDICT_FAILED;
}

/* ---- tree-validation ---- */

static bool resolution_is(const struct ratchet_tree *t, uint32_t node, const json_t *want)
{
    struct resolution r;
    uint32_t x;
    size_t count = 0;
    resolution_start(&r, t, node);
    while (resolution_next(&r, &x)) {
        const json_t *entry = json_array_get(want, count++);
        if (!json_is_integer(entry) || json_integer_value(entry) != (json_int_t)x)
            return false;
    }
    return json_is_array(want) && json_array_size(want) == count;
}

static bool nodes_are(const struct ratchet_tree *t, const json_t *c)
{
    const json_t *hashes = vector_array(c, "tree_hashes"), *resolutions = vector_array(c, "resolutions");
    uint32_t nodes = tree_node_count(t->leaf_count);
    bool same = json_array_size(hashes) == nodes && json_array_size(resolutions) == nodes;
    for (uint32_t x = 0; same && x < nodes; x++) {
        uint8_t hash[HASH_LEN];
        tree_hash_of(t, x, hash);
        same = span_equal(SPAN(hash), vector_hex(json_array_get(hashes, x))) &&
               resolution_is(t, x, json_array_get(resolutions, x));
    }
    return same;
}

enum verdict vector_tree_validation(const json_t *c)
{
    if (vector_number(c, "cipher_suite") != SUITE_ID)
        return VERDICT_SKIPPED;
    struct ratchet_tree t;
    struct span bytes = vector_bytes(c, "tree");
    const struct tree_context context = {.group_id = vector_bytes(c, "group_id")};
    bool same = ratchet_tree_decode(&t, bytes) == ST_OK && tree_encodes_to(&t, bytes) && nodes_are(&t, c);
    if (same) {
        uint8_t root[HASH_LEN];
        tree_hash_root(&t, root);
        same = tree_validate(&t, &context, SPAN(root)) == ST_OK;
    }
    ratchet_tree_wipe(&t);
    return same ? VERDICT_PASSED : VERDICT_FAILED;
}

/* ---- treekem ---- */

struct treekem_case {
    const json_t *json;
    struct ratchet_tree tree;
    struct treekem_keys keys[MLS_LEAVES_MAX]; /* by leaf */
    struct sign_private signers[MLS_LEAVES_MAX];
    bool known[MLS_LEAVES_MAX];
    struct test_entropy entropy;
};

static bool secret_of(struct span bytes, struct secret *out)
{
    if (bytes.len == SECRET_LEN)
        memcpy(out->b, bytes.ptr, SECRET_LEN);
    return bytes.len == SECRET_LEN;
}

/* The private key that a path secret gives (RFC 9420 §7.4). */
static bool node_private(struct span path_secret, struct dh_private *out)
{
    struct secret node_secret;
    struct dh_public public;
    return path_secret.len == SECRET_LEN &&
           derive_secret(LABELS_MLS, path_secret, "node", &node_secret) == ST_OK &&
           dh_derive(SPAN_ID(&node_secret), out, &public) == ST_OK;
}

static bool load_leaf(struct treekem_case *tc, const json_t *private)
{
    uint64_t leaf = vector_number(private, "index");
    const json_t *secrets = vector_array(private, "path_secrets");
    struct span key = vector_bytes(private, "encryption_priv"),
                seed = vector_bytes(private, "signature_priv");
    const struct leaf_node *n = ratchet_tree_leaf(&tc->tree, leaf < MLS_LEAVES_MAX ? (uint32_t)leaf : 0);
    struct dh_private node_key;
    struct sign_public public;
    if (leaf >= MLS_LEAVES_MAX || key.len != DH_LEN || seed.len != SIGN_SEED_LEN || !n)
        return false;
    memcpy(node_key.b, key.ptr, DH_LEN);
    treekem_keys_init(&tc->keys[leaf], (uint32_t)leaf, &node_key);
    sign_keypair_from_seed(seed.ptr, &tc->signers[leaf], &public);
    tc->known[leaf] = true;
    for (size_t i = 0; i < json_array_size(secrets); i++) {
        const json_t *entry = json_array_get(secrets, i);
        uint64_t node = vector_number(entry, "node");
        if (node >= MLS_NODES_MAX || !tree_covers((uint32_t)node, tree_leaf_to_node((uint32_t)leaf)) ||
            !node_private(vector_bytes(entry, "path_secret"), &node_key))
            return false;
        treekem_keys_set(&tc->keys[leaf], tree_level((uint32_t)node), &node_key);
    }
    return span_equal(SPAN_ID(&public), n->signature_key) &&
           treekem_keys_check(&tc->keys[leaf], &tc->tree) == ST_OK;
}

static bool context_of(const struct treekem_case *tc, const struct ratchet_tree *t, struct buffer *out)
{
    uint8_t hash[HASH_LEN];
    struct writer w;
    tree_hash_root(t, hash);
    const struct group_context g = {.version = MLS_VERSION_10,
                                    .cipher_suite = SUITE_ID,
                                    .group_id = vector_bytes(tc->json, "group_id"),
                                    .epoch = vector_number(tc->json, "epoch"),
                                    .tree_hash = SPAN(hash),
                                    .confirmed_transcript_hash =
                                        vector_bytes(tc->json, "confirmed_transcript_hash")};
    buffer_init(out, 4096);
    writer_init(&w, out);
    group_context_write(&w, &g);
    return writer_done(&w) == ST_OK;
}

/* Opens the path as member `leaf`: does it give the commit secret, and (if known) that path secret? */
static bool member_opens(const struct treekem_case *tc, const struct ratchet_tree *after, uint32_t leaf,
                         const struct treekem_take_args *a, struct span context, const struct secret *commit,
                         const json_t *path_secret)
{
    struct treekem_keys keys = tc->keys[leaf];
    struct secret got;
    if (treekem_open(after, &keys, a, context, &got) != ST_OK || !secret_equal(&got, commit) ||
        treekem_keys_check(&keys, after) != ST_OK)
        return false;
    if (!path_secret)
        return true;
    struct filtered_path path;
    struct dh_private want;
    filtered_path_of(after, a->sender, &path);
    uint32_t i = 0;
    while (i < path.count && !tree_covers(path.copath[i], tree_leaf_to_node(leaf)))
        i++;
    return i < path.count && node_private(vector_hex(path_secret), &want) &&
           memcmp(&want, &keys.at[tree_level(path.node[i])], sizeof(want)) == 0;
}

/* Merges a path into a copy of the tree and opens it as everybody else. `expected` is the entry of the file,
 * or NULL for a path of our own. */
static bool path_works(const struct treekem_case *tc, const struct treekem_take_args *a,
                       const struct secret *commit, const json_t *expected)
{
    struct ratchet_tree after;
    struct buffer context = {0};
    const struct tree_context c = {.group_id = vector_bytes(tc->json, "group_id")};
    const json_t *secrets = expected ? vector_array(expected, "path_secrets") : NULL;
    bool good = ratchet_tree_copy(&after, &tc->tree) == ST_OK && treekem_merge(&after, &c, a) == ST_OK &&
                context_of(tc, &after, &context);
    if (good && expected)
        good = tree_hash_is(&after, vector_bytes(expected, "tree_hash_after"));
    for (uint32_t leaf = 0; good && leaf < after.leaf_count; leaf++) {
        if (leaf == a->sender || !ratchet_tree_leaf(&after, leaf))
            continue;
        good = tc->known[leaf] && member_opens(tc, &after, leaf, a, buffer_span(&context), commit,
                                               json_array_get(secrets, leaf));
    }
    buffer_wipe(&context);
    ratchet_tree_wipe(&after);
    return good;
}

/* A new path of the same sender, made by us. */
static bool own_path_works(struct treekem_case *tc, uint32_t sender)
{
    struct ratchet_tree after;
    struct treekem_path made;
    struct update_path path;
    struct treekem_keys keys = tc->keys[sender];
    struct buffer context = {0}, nodes;
    buffer_init(&nodes, MLS_MESSAGE_MAX);
    const struct treekem_generate_args a = {.leaf = sender,
                                            .content = ratchet_tree_leaf(&tc->tree, sender),
                                            .signer = &tc->signers[sender],
                                            .group_id = vector_bytes(tc->json, "group_id"),
                                            .entropy = &tc->entropy.entropy};
    bool good = ratchet_tree_copy(&after, &tc->tree) == ST_OK &&
                treekem_generate(&after, &keys, &a, &made) == ST_OK && context_of(tc, &after, &context) &&
                treekem_keys_check(&keys, &after) == ST_OK;
    if (good) {
        const struct treekem_seal_args s = {.context = buffer_span(&context),
                                            .entropy = &tc->entropy.entropy};
        good = treekem_seal(&after, &made, &s, &nodes, &path) == ST_OK;
    }
    if (good) {
        const struct treekem_take_args take = {.sender = sender, .path = &path};
        good = path_works(tc, &take, &made.commit_secret, NULL);
    }
    treekem_path_wipe(&made);
    buffer_wipe(&nodes);
    buffer_wipe(&context);
    ratchet_tree_wipe(&after);
    return good;
}

static bool update_path_works(struct treekem_case *tc, const json_t *entry)
{
    struct update_path path;
    struct secret commit;
    uint64_t sender = vector_number(entry, "sender");
    if (sender >= MLS_LEAVES_MAX || !tc->known[sender] ||
        update_path_decode(&path, vector_bytes(entry, "update_path")) != ST_OK ||
        !secret_of(vector_bytes(entry, "commit_secret"), &commit))
        return false;
    const struct treekem_take_args a = {.sender = (uint32_t)sender, .path = &path};
    return path_works(tc, &a, &commit, entry) && own_path_works(tc, (uint32_t)sender);
}

enum verdict vector_treekem(const json_t *c)
{
    static struct treekem_case tc;
    const json_t *privates = vector_array(c, "leaves_private"), *paths = vector_array(c, "update_paths");
    if (vector_number(c, "cipher_suite") != SUITE_ID)
        return VERDICT_SKIPPED;
    memset(&tc, 0, sizeof(tc));
    tc.json = c;
    test_entropy_init(&tc.entropy, 1);
    bool good = ratchet_tree_decode(&tc.tree, vector_bytes(c, "ratchet_tree")) == ST_OK;
    for (size_t i = 0; good && i < json_array_size(privates); i++)
        good = load_leaf(&tc, json_array_get(privates, i));
    for (size_t i = 0; good && i < json_array_size(paths); i++)
        good = update_path_works(&tc, json_array_get(paths, i));
    ratchet_tree_wipe(&tc.tree);
    return good ? VERDICT_PASSED : VERDICT_FAILED;
}
