/* SPDX-License-Identifier: Apache-2.0 */
/* LeafNode (RFC 9420 §7.2, §7.3): a member's public face in the tree. Pure; spans borrow from the input. */
#ifndef KITH_PROTOCOL_MLS_LEAF_NODE_H
#define KITH_PROTOCOL_MLS_LEAF_NODE_H

#include "protocol/mls/credential.h"
#include "protocol/mls/extension.h"
#include "protocol/suite.h"

enum leaf_source { LEAF_KEY_PACKAGE = 1, LEAF_UPDATE = 2, LEAF_COMMIT = 3 };

struct capabilities {
    struct codes versions, cipher_suites, extensions, proposals, credentials;
};

struct lifetime { /* seconds of Unix time, inclusive; key_package leaves only */
    uint64_t not_before, not_after;
};

struct leaf_node {
    struct span encryption_key, signature_key; /* of any suite: leaf_node_check_suite before use */
    struct credential credential;
    struct capabilities capabilities;
    enum leaf_source source;
    struct lifetime lifetime; /* LEAF_KEY_PACKAGE */
    struct span parent_hash;  /* LEAF_COMMIT */
    struct extensions extensions;
    struct span signature;
    struct span encoded; /* after decoding: the whole encoding; not used by leaf_node_write */
};

/* Where a leaf stands: signed with it unless its source is key_package (RFC 9420 §7.2, LeafNodeTBS). */
struct leaf_place {
    struct span group_id;
    uint32_t leaf;
};

enum status leaf_node_decode(struct leaf_node *out, struct span in) MUST_USE;
void leaf_node_read(struct reader *r, struct leaf_node *out);
void leaf_node_write(struct writer *w, const struct leaf_node *n);

/* The keys have this suite's lengths (ST_MLS_KEY_LENGTH) and one can be sealed to (ST_CRYPTO_BAD_KEY). */
enum status leaf_node_check_suite(const struct leaf_node *n) MUST_USE;
/* Signs n (its signature is not read) and appends the whole encoded leaf to `out`. `place` may be NULL for
 * LEAF_KEY_PACKAGE. */
enum status leaf_node_sign(const struct leaf_node *n, const struct leaf_place *place,
                           const struct sign_private *key, struct buffer *out) MUST_USE;
/* ST_MLS_LEAF_SIGNATURE, or as leaf_node_check_suite. */
enum status leaf_node_verify(const struct leaf_node *n, const struct leaf_place *place) MUST_USE;
/* What §7.3 asks of a leaf by itself and against the group's context: own extensions and credential listed in
 * its capabilities, version and suite supported, required capabilities met. Neither signature nor lifetime.
 * ST_MLS_CAPABILITIES. `group` may be NULL: only the leaf by itself. */
enum status leaf_node_check(const struct leaf_node *n, const struct extensions *group) MUST_USE;
/* True for the extension and proposal types that every client knows (§7.2: default, need not be listed). */
bool extension_type_is_default(uint16_t type);
bool proposal_type_is_default(uint16_t type);
bool leaf_node_supports_extension(const struct leaf_node *n, uint16_t type);

#endif
