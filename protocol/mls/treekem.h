/* SPDX-License-Identifier: Apache-2.0 */
/* TreeKEM (RFC 9420 §7.4 to §7.6): fresh keys along a member's path to the root, and the secret at its top
 * for everybody who is still in the tree. Pure.
 *
 * A commit's path is made in two steps, since the secrets are sealed for a group context that holds the hash
 * of the finished tree: treekem_generate, then treekem_seal. It is judged in two as well: treekem_merge looks
 * at what everybody can see, treekem_open at what is sealed for this member. */
#ifndef KITH_PROTOCOL_MLS_TREEKEM_H
#define KITH_PROTOCOL_MLS_TREEKEM_H

#include "protocol/entropy.h"
#include "protocol/mls/tree_validate.h"
#include "protocol/mls/update_path.h"

/* ---- a member's private keys: of its leaf and of parents above it, by level. Secret: wipe. ---- */

struct treekem_keys {
    uint32_t leaf;    /* whose they are */
    uint32_t present; /* bit k: at[k] is known */
    struct dh_private at[MLS_DEPTH_MAX + 1];
};

void treekem_keys_init(struct treekem_keys *k, uint32_t leaf, const struct dh_private *leaf_key);
void treekem_keys_wipe(struct treekem_keys *k);
void treekem_keys_set(struct treekem_keys *k, uint32_t level, const struct dh_private *key);
/* Forgets the keys of nodes that are blank or gone (§7.5: outdated keys MUST be deleted). After proposals. */
void treekem_keys_prune(struct treekem_keys *k, const struct ratchet_tree *t);
/* Each known key belongs to its node's public key: ST_MLS_PATH_KEY. For keys that were stored. */
enum status treekem_keys_check(const struct treekem_keys *k, const struct ratchet_tree *t) MUST_USE;

/* ---- making a path ---- */

struct treekem_path { /* secret: wipe */
    uint32_t leaf;    /* the committer's */
    struct filtered_path path;
    struct secret secrets[MLS_DEPTH_MAX]; /* path_secret[i], of path.node[i] */
    struct secret commit_secret;
};

struct treekem_generate_args {
    uint32_t leaf;                     /* the committer's */
    const struct leaf_node *content;   /* its credential, signature key, capabilities and extensions */
    const struct sign_private *signer; /* of content->signature_key */
    struct span group_id;
    struct entropy *entropy;
};

/* Puts fresh keys into the tree (proposals applied), the signed leaf with its parent hash, and the private
 * keys into `keys`. On failure drop tree and keys: they are copies of the epoch that is being staged. */
enum status treekem_generate(struct ratchet_tree *t, struct treekem_keys *keys,
                             const struct treekem_generate_args *a, struct treekem_path *out) MUST_USE;

struct leaf_list {
    const uint32_t *at;
    size_t count;
};

struct treekem_seal_args {
    struct span context;    /* the provisional GroupContext, encoded */
    struct leaf_list added; /* by this commit: they get their secret in the Welcome */
    struct entropy *entropy;
};

/* Seals the secrets: appends UpdatePathNodes to `nodes` and describes the whole path in *out, which borrows
 * from `nodes` and from the tree's leaf. */
enum status treekem_seal(const struct ratchet_tree *t, const struct treekem_path *p,
                         const struct treekem_seal_args *a, struct buffer *nodes,
                         struct update_path *out) MUST_USE;
/* The path secret for a new member's Welcome: of the lowest node that is above both. ST_MLS_NOT_A_MEMBER when
 * no node of the path is. */
enum status treekem_path_secret_for(const struct treekem_path *p, uint32_t new_leaf,
                                    struct secret *out) MUST_USE;
void treekem_path_wipe(struct treekem_path *p);

/* ---- taking a path ---- */

struct treekem_take_args {
    uint32_t sender;
    const struct update_path *path;
    struct leaf_list added; /* by this commit */
};

/* The public half (§12.4.2): checks the leaf (source, signature, §7.3, a fresh key), the number of nodes and
 * of ciphertexts, that all keys are new to the tree, and the parent hash; merges them into the tree
 * (proposals applied). On failure drop the tree. ST_MLS_NOT_A_MEMBER, ST_MLS_LEAF_SOURCE,
 * ST_MLS_LEAF_SIGNATURE, ST_MLS_PATH_SHAPE, ST_MLS_KEY_TWICE, ST_MLS_KEY_LENGTH, ST_CRYPTO_BAD_KEY,
 * ST_MLS_PARENT_HASH, ST_MLS_CAPABILITIES, ST_NO_MEMORY. */
enum status treekem_merge(struct ratchet_tree *t, const struct tree_context *c,
                          const struct treekem_take_args *a) MUST_USE;

/* The private half, after the public one: opens the secret that is sealed for this member (`context`: the
 * provisional GroupContext, encoded), checks that it gives the keys of the path, keeps them in `keys`
 * (unchanged on failure) and returns the commit secret. ST_MLS_PATH_SECRET (no key of ours fits),
 * ST_MLS_PATH_KEY, ST_CRYPTO_OPEN, ST_CRYPTO_BAD_KEY. */
enum status treekem_open(const struct ratchet_tree *t, struct treekem_keys *keys,
                         const struct treekem_take_args *a, struct span context,
                         struct secret *commit_secret) MUST_USE;

/* A joiner's keys from the path secret in its Welcome (§12.4.3.1); `keys` holds its leaf's. ST_MLS_PATH_KEY,
 * ST_MLS_NOT_A_MEMBER. */
enum status treekem_join(const struct ratchet_tree *t, struct treekem_keys *keys, uint32_t committer,
                         const struct secret *path_secret) MUST_USE;

#endif
