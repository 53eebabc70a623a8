/* SPDX-License-Identifier: Apache-2.0 */
/* Is a ratchet tree what honest members could have made? (RFC 9420 §7.3, §12.4.3.1.) Pure.
 *
 * Lifetimes are not looked at: they are the adder's to judge, and a leaf may outlive its key package. Nor is
 * what credentials say: that is judged above the engine. */
#ifndef KITH_PROTOCOL_MLS_TREE_VALIDATE_H
#define KITH_PROTOCOL_MLS_TREE_VALIDATE_H

#include "protocol/mls/ratchet_tree.h"

struct tree_context { /* of the GroupContext that the tree belongs to */
    struct span group_id;
    const struct extensions *extensions;
};

/* Everything that a joiner checks. In order: key lengths and unmerged leaves, uniqueness of keys,
 * capabilities of all leaves, tree hash, parent hashes, signatures of all leaves. ST_MLS_KEY_LENGTH,
 * ST_CRYPTO_BAD_KEY, ST_MLS_UNMERGED, ST_MLS_KEY_TWICE, ST_MLS_CAPABILITIES, ST_MLS_TREE_HASH,
 * ST_MLS_PARENT_HASH, ST_MLS_LEAF_SIGNATURE, ST_MLS_TREE_FORMAT (no members), ST_NO_MEMORY. */
enum status tree_validate(const struct ratchet_tree *t, const struct tree_context *c,
                          struct span tree_hash) MUST_USE;

/* One member's leaf, new in a tree whose other leaves were checked before: everything in §7.3 but signature
 * and source: key lengths, capabilities, both keys used by nobody else, credential types understood by all.
 * ST_MLS_KEY_LENGTH, ST_CRYPTO_BAD_KEY, ST_MLS_KEY_TWICE, ST_MLS_CAPABILITIES. */
enum status tree_validate_leaf(const struct ratchet_tree *t, const struct tree_context *c,
                               uint32_t leaf) MUST_USE;
/* Do all members have what the context requires, and understand each other's credentials? For a change of the
 * context's extensions. ST_MLS_CAPABILITIES. */
enum status tree_validate_capabilities(const struct ratchet_tree *t, const struct extensions *group) MUST_USE;

#endif
