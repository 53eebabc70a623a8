/* SPDX-License-Identifier: Apache-2.0 */
/* A staged epoch: the next one, worked out in full beside the present one (group.h). The steps that a
 * committer and a receiver share. Pure. */
#ifndef KITH_PROTOCOL_MLS_STAGED_H
#define KITH_PROTOCOL_MLS_STAGED_H

#include "protocol/mls/group_internal.h"

struct mls_staged {
    struct epoch *next; /* tree and context are final after the public part; secrets and keys once open */
    struct past_epoch
        *past; /* what the present epoch becomes; made beforehand, so that merging cannot fail */
    struct ratchet_tree before; /* the present tree: the changes borrow its leaves */
    struct proposal_list list;
    struct buffer commit_bytes;          /* the encoded AuthenticatedContent … */
    struct authenticated_content commit; /* … and its view */
    struct buffer provisional;           /* the encoded GroupContext that path secrets are sealed for */
    struct extensions extensions;        /* of the new context, before it is encoded */
    struct mls_change *changes;
    size_t change_count;
    uint32_t *added; /* leaves of the Adds */
    size_t added_count;
    uint64_t base_epoch;
    uint32_t committer;
    bool own, open, removes_us;
    bool has_update_key;
    struct dh_private update_key; /* of our own Update, when the commit takes it */
    uint8_t message_hash[HASH_LEN];
};

/* A staged epoch on g by `committer`, with everything else still empty. */
enum status staged_new(struct mls_staged **out, const struct mls_group *g, uint32_t committer) MUST_USE;
/* Judges the list (complete, owned) and applies it to a copy of the tree. */
enum status staged_apply(struct mls_staged *s, const struct mls_group *g) MUST_USE;
/* The GroupContext of the new epoch with the tree as it is now and `confirmed`; encoded, replaces out. */
enum status staged_encode_context(const struct mls_staged *s, const struct mls_group *g,
                                  struct span confirmed, struct buffer *out) MUST_USE;
/* The path secrets' context, once the tree is final. */
enum status staged_set_provisional(struct mls_staged *s, const struct mls_group *g) MUST_USE;
/* The new context, from s->commit's content and signature. */
enum status staged_set_context(struct mls_staged *s, const struct mls_group *g) MUST_USE;
/* The list of changes, once tree and commit are final. */
enum status staged_describe(struct mls_staged *s) MUST_USE;
/* The epoch's secrets from the two that a commit brings; sets `open` and makes s->past. */
enum status staged_derive(struct mls_staged *s, const struct mls_group *g, const struct secret *commit_secret,
                          const struct secret *psk_secret, struct secret *joiner) MUST_USE;
/* The ids of the list's PSKs, encoded one after the other, in order. */
enum status staged_psk_ids(const struct mls_staged *s, struct buffer *out) MUST_USE;

#endif
