/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by secret_tree.c and secret_tree_record.c only.
 *
 * Invariants:
 * 1. Every leaf has either both its ratchets or exactly one node with a secret on its path to the root.
 * 2. A skipped key is of a ratchet that is there, and its generation is below that ratchet's.
 * 3. At most SECRET_TREE_SKIPPED_MAX skipped keys are there; what else is in the array are entries that are
 * gone and whose record is still to be removed. Entries of one ratchet stand in the order of their
 * generations. */
#ifndef KITH_PROTOCOL_MLS_SECRET_TREE_INTERNAL_H
#define KITH_PROTOCOL_MLS_SECRET_TREE_INTERNAL_H

#include "protocol/mls/secret_tree.h"

enum { RATCHET_KINDS = 2 };

struct kept {     /* what memory and storage know of one secret */
    bool here;    /* in memory; else its bytes are zero */
    bool stored;  /* a record of it exists */
    bool changed; /* memory has something newer than the record */
};

struct tree_secret {
    struct secret secret;
    struct kept kept;
};

struct ratchet {
    struct secret next; /* ratchet_secret of `generation` */
    uint32_t generation;
    uint32_t skipped; /* how many keys of it are kept */
    struct kept kept;
};

struct skipped_key {
    uint32_t leaf, generation;
    uint8_t kind;
    uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN];
    struct kept kept;
};

struct secret_tree {
    uint32_t leaf_count;       /* as asked for */
    uint32_t width;            /* leaves of the full tree: a power of two */
    struct tree_secret *nodes; /* 2 * width - 1, in the array order of RFC 9420 appendix C */
    struct ratchet *ratchets;  /* RATCHET_KINDS * width */
    struct skipped_key *skipped;
    size_t skipped_len, skipped_cap;
    size_t skipped_here; /* those of skipped_len that are not gone */
    bool unsaved;        /* false: no `kept` says `changed`, nor is a record left to remove */
};

static inline size_t secret_tree_node_count(const struct secret_tree *t)
{
    return 2 * (size_t)t->width - 1;
}

static inline struct ratchet *secret_tree_ratchet(const struct secret_tree *t, uint32_t leaf, unsigned kind)
{
    return &t->ratchets[RATCHET_KINDS * (size_t)leaf + kind];
}

/* Room for `more` skipped keys; ST_NO_MEMORY: unchanged. */
enum status secret_tree_reserve(struct secret_tree *t, size_t more) MUST_USE;
/* The path of a leaf from the root down, both included; gives its length. */
size_t secret_tree_path(const struct secret_tree *t, uint32_t leaf, uint32_t *path);

enum { SECRET_TREE_PATH_MAX = 11 /* MLS_DEPTH_MAX and the leaf itself */ };

#endif
