/* SPDX-License-Identifier: Apache-2.0 */
/* What the group_*.c files share: the group's state, and what every one of them needs of it. They do not call
 * each other.
 *
 * Invariants of struct mls_group:
 *  1. `now` is a whole epoch: tree, context, secrets, own keys and message keys belong together. After our
 * removal
 *     (`removed`) its secrets and message keys are wiped and gone; tree and context stay for the accessors.
 *  2. `past` has at most MLS_EPOCHS_KEPT epochs, newest first, each older than `now`.
 *  3. `pending` holds proposals of the present epoch only, each checked when it came.
 *  4. `changed` is true whenever the store lacks something; `stored` describes what it has.
 * State edges: group_create and group_join and group_load begin it, mls_group_merge moves it on, and nothing
 * but a merge touches `now` (apart from its message keys). */
#ifndef KITH_PROTOCOL_MLS_GROUP_INTERNAL_H
#define KITH_PROTOCOL_MLS_GROUP_INTERNAL_H

#include "protocol/mls/epoch.h"
#include "protocol/mls/group.h"
#include "protocol/mls/message.h"
#include "protocol/mls/proposal_list.h"

struct pending_proposal {
    uint8_t ref[HASH_LEN];
    uint32_t sender;
    struct buffer bytes;      /* the encoded AuthenticatedContent … */
    struct proposal proposal; /* … and the view of its proposal */
    bool has_key;             /* an own Update: */
    struct dh_private key;    /* the new leaf's private key */
};

struct stored_state { /* what the store has; nothing while !any */
    bool any;
    uint64_t epoch;
    bool removed;
    struct ratchet_tree tree; /* shares its nodes with the epoch that was saved */
    struct treekem_keys keys;
    uint32_t pending_count;
    bool pending_stale; /* the stored proposals are of an epoch that has ended, or were dropped */
};

struct mls_group {
    struct epoch *now;
    struct past_epoch *past;    /* newest first */
    struct past_epoch *dropped; /* forgotten, but their records are still in the store */
    struct pending_proposal *pending[MLS_PENDING_MAX];
    uint32_t pending_count;
    bool removed;
    bool changed;
    struct stored_state stored;
};

/* A group around a first epoch, which it takes. */
enum status group_new(struct mls_group **out, struct epoch *first) MUST_USE;
struct past_epoch *group_past(const struct mls_group *g, uint64_t epoch); /* NULL: not kept */
uint32_t group_own_leaf(const struct mls_group *g);
/* The own leaf's signature key is `key`'s public half: ST_MLS_KEY_MISMATCH; ST_MLS_REMOVED. */
enum status group_check_key(const struct mls_group *g, const struct sign_private *key) MUST_USE;
void group_drop_pending(struct mls_group *g);
/* Drops past epochs beyond the newest `keep`. */
void group_trim_past(struct mls_group *g, size_t keep);
/* Keeps a proposal until its epoch ends. `a` is copied; `key` (may be NULL) is the private key of an own
 * Update. ST_MLS_PENDING when too many wait; one that is there already: ST_OK. */
enum status group_add_pending(struct mls_group *g, const struct authenticated_content *a,
                              const struct dh_private *key) MUST_USE;

/* ---- messages ---- */

/* Signed content of this member for the present epoch; its signature goes to `signature`, which *a borrows.
 */
enum status group_sign_content(const struct mls_group *g, const struct sign_private *key,
                               struct authenticated_content *a,
                               uint8_t signature[static SIGNATURE_LEN]) MUST_USE;
/* Frames signed content as an MLSMessage, appended to out: as its wire_format says. */
enum status group_frame(struct mls_group *g, const struct authenticated_content *a, size_t padding,
                        struct entropy *e, struct buffer *out) MUST_USE;

/* ---- encodings ---- */

/* An extension list of a group context from the caller's blobs: with required_capabilities for all types that
 * are not the RFC's own, unless the caller gives one. Appends the items without the length of the whole. */
enum status group_encode_extensions(const struct mls_extension_list *list, struct buffer *out) MUST_USE;
/* The own leaf's content: credential of `identity`, capabilities as `self` says. The spans that it borrows
 * are put into `store`. */
struct leaf_storage {
    struct buffer extensions; /* codes */
    uint8_t versions[2], suites[2], credentials[2];
};
enum status group_leaf_content(const struct mls_self *self, struct leaf_storage *store,
                               struct leaf_node *out) MUST_USE;
void leaf_storage_wipe(struct leaf_storage *s);
uint64_t seconds_floor(int64_t ms);
uint64_t seconds_ceil(int64_t ms);
/* Our own KeyPackage's private record: version, both private keys, the KeyPackage. */
struct key_package_record {
    struct dh_private init, leaf;
    struct key_package package;
};
enum status key_package_record_write(struct buffer *out, const struct dh_private *init,
                                     const struct dh_private *leaf, struct span key_package) MUST_USE;
enum status key_package_record_read(struct key_package_record *out, struct span in) MUST_USE;

#endif
