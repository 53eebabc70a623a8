/* SPDX-License-Identifier: Apache-2.0 */
/* One epoch as one of its members knows it. Everything but the message keys stays as it is once the epoch has
 * begun. Pure. */
#ifndef KITH_PROTOCOL_MLS_EPOCH_H
#define KITH_PROTOCOL_MLS_EPOCH_H

#include "protocol/mls/group_context.h"
#include "protocol/mls/key_schedule.h"
#include "protocol/mls/secret_tree.h"
#include "protocol/mls/treekem.h"

struct epoch {
    struct ratchet_tree tree;
    struct buffer context_bytes;  /* the encoded GroupContext … */
    struct group_context context; /* … and its view */
    uint8_t confirmation_tag[HASH_LEN];
    uint8_t interim[HASH_LEN]; /* interim transcript hash */
    struct treekem_keys keys;  /* own private keys; keys.leaf is the own leaf */
    struct epoch_secrets secrets;
    struct secret_tree *messages; /* NULL before epoch_start */
};

enum status epoch_new(struct epoch **out) MUST_USE; /* all empty */
void epoch_free(struct epoch *e);                   /* NULL is fine; wipes */

/* Encodes c as the epoch's context; c may borrow from anywhere but this epoch. */
enum status epoch_set_context(struct epoch *e, const struct group_context *c) MUST_USE;
/* The epoch's secrets, with context and tree already set (§8), its confirmation tag and interim transcript
 * hash, and its message keys. The encryption secret stays until epoch_forget_encryption. */
enum status epoch_derive(struct epoch *e, const struct secret *joiner,
                         const struct secret *psk_secret) MUST_USE;
/* All nine secrets, 32 bytes each, for storage. */
void epoch_secrets_write(struct writer *w, const struct epoch_secrets *s);
void epoch_secrets_read(struct reader *r, struct epoch_secrets *out);
/* §9.2: once the epoch has begun for good, only the secret tree knows what is left of it. */
void epoch_forget_encryption(struct epoch *e);

/* An epoch that has ended: enough to read late application messages and for resumption PSKs. */
struct past_epoch {
    struct past_epoch *next; /* the one before it */
    uint64_t epoch;
    struct buffer context_bytes;
    struct secret sender_data, resumption_psk;
    struct buffer signers; /* 32 bytes a leaf: its signature key, or zeros */
    struct secret_tree *messages;
    bool stored; /* its records are in the store */
};

/* What e will be as a past epoch, still without `messages`. */
enum status past_epoch_new(struct past_epoch **out, const struct epoch *e) MUST_USE;
void past_epoch_free(struct past_epoch *p);
/* The signature key of a leaf; empty when it was blank. */
struct span past_epoch_signer(const struct past_epoch *p, uint32_t leaf);

#endif
