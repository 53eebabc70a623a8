/* SPDX-License-Identifier: Apache-2.0 */
/* The secret tree and its ratchets (RFC 9420 §9): one key and nonce for every message of every member in one
 * epoch, each of them once. Pure; not safe from two threads at once.
 *
 * Secrets are derived when first needed and erased as soon as they are consumed (§9.2): a node's secret when
 * its children's are derived, a ratchet's when it steps, a key when its message was read.
 *
 * Reading has two halves, so that a ciphertext that is wrong spends nothing: secret_tree_peek gives the key
 * of a generation and leaves the ratchet alone; secret_tree_commit, after the message opened *and its
 * signature verified*, spends that key and keeps those of the generations that it skipped. (Every member can
 * seal under another's ratchet: only the signature tells whose message it was.) Sending spends at once. */
#ifndef KITH_PROTOCOL_MLS_SECRET_TREE_H
#define KITH_PROTOCOL_MLS_SECRET_TREE_H

#include "protocol/mls/record.h"
#include "protocol/suite.h"

enum secret_tree_limits {
    /* How far ahead of a ratchet a message may be. A device refreshes its leaf after 100 messages (so an
     * epoch's gaps are far smaller), and 1,024 steps cost a few ms: what a bogus generation may cost us. */
    SECRET_TREE_AHEAD_MAX = 1024,
    /* Keys of skipped generations kept in a whole tree: four of the widest gaps, about 250 kB. When more
     * come, the ratchet with most of them loses its oldest, so whoever leaves gaps pays for them. */
    SECRET_TREE_SKIPPED_MAX = 4096
};

enum ratchet_kind { RATCHET_HANDSHAKE, RATCHET_APPLICATION };

struct message_key { /* of one message; wipe with message_key_wipe */
    uint32_t leaf;
    enum ratchet_kind kind;
    uint32_t generation;
    uint8_t key[AEAD_KEY_LEN];
    uint8_t nonce[AEAD_NONCE_LEN]; /* before the reuse guard (§6.3.1) */
    struct secret next;            /* of the ratchet after this generation; for secret_tree_commit only */
};
void message_key_wipe(struct message_key *k);

struct secret_tree;

/* A tree for leaves 0 … leaf_count-1, as wide as the ratchet tree of the epoch. Takes the encryption_secret:
 * *encryption_secret is erased, on failure too. Errors: ST_USAGE (no leaf, or over MLS_LEAVES_MAX),
 * ST_NO_MEMORY. */
enum status secret_tree_new(struct secret_tree **out, uint32_t leaf_count,
                            struct secret *encryption_secret) MUST_USE;
void secret_tree_free(struct secret_tree *t); /* NULL is fine */
uint32_t secret_tree_leaf_count(const struct secret_tree *t);

/* The next unused key of an own ratchet, spent at once: save the tree before the ciphertext leaves. Errors:
 * ST_MLS_LEAF_RANGE, ST_MLS_RATCHET_END. */
enum status secret_tree_send(struct secret_tree *t, uint32_t leaf, enum ratchet_kind kind,
                             struct message_key *out) MUST_USE;
/* The key of a received message. Errors: ST_MLS_LEAF_RANGE (no such leaf), ST_MLS_GENERATION_USED (spent, or
 * too long ago), ST_MLS_GENERATION_AHEAD (over SECRET_TREE_AHEAD_MAX), ST_MLS_RATCHET_END. */
enum status secret_tree_peek(struct secret_tree *t, uint32_t leaf, enum ratchet_kind kind,
                             uint32_t generation, struct message_key *out) MUST_USE;
/* Spends what a peek gave, with nothing of this tree changed between the two but other commits. Errors:
 * ST_MLS_GENERATION_USED (spent since), ST_NO_MEMORY: nothing changed. */
enum status secret_tree_commit(struct secret_tree *t, const struct message_key *k) MUST_USE;

/* §6.3.2: key and nonce that seal the sender data, from a sample of the ciphertext. */
enum status sender_data_key(const struct secret *sender_data_secret, struct span ciphertext,
                            uint8_t key[static AEAD_KEY_LEN], uint8_t nonce[static AEAD_NONCE_LEN]) MUST_USE;

/* ---- storage (record.h): RECORD_SECRET: 32 bytes, a node's secret that is not consumed yet. RECORD_RATCHET:
 * uint32 generation and 32 bytes, a ratchet's next step. RECORD_SKIPPED: 32 bytes key, 12 bytes nonce. ----
 */

/* Writes what changed since the last successful save: one record of 36 bytes for a message that came in
 * order. After a failure the tree still counts all of it as unsaved. */
enum status secret_tree_save(struct secret_tree *t, uint64_t epoch, const struct record_sink *to) MUST_USE;
/* Removes every record that saves have written: the end of a past epoch. Then free it. */
enum status secret_tree_remove(const struct secret_tree *t, uint64_t epoch,
                               const struct record_sink *from) MUST_USE;

/* A tree without any secret, for loading. Errors as secret_tree_new. */
enum status secret_tree_new_empty(struct secret_tree **out, uint32_t leaf_count) MUST_USE;
/* Takes one record of the three kinds in, in any order; whose epoch it is is for the caller to tell.
 * ST_MLS_RECORD: no save wrote this. */
enum status secret_tree_load(struct secret_tree *t, struct span key, struct span value) MUST_USE;
/* After the last record: ST_MLS_RECORD unless every leaf has its two ratchets or one node above it, not both.
 */
enum status secret_tree_load_done(const struct secret_tree *t) MUST_USE;

#endif
