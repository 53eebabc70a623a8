/* SPDX-License-Identifier: Apache-2.0 */
/* The key schedule (RFC 9420 §8): from the secrets that a commit brings to all secrets of an epoch, the
 * exporter and the confirmation tag. Pure; safe from any thread; keeps nothing.
 *
 *     init_secret[n-1], commit_secret, GroupContext[n] --> joiner_secret
 *     joiner_secret, psk_secret                        --> welcome_secret
 *     joiner_secret, psk_secret, GroupContext[n]       --> struct epoch_secrets
 *
 * `context` is always the encoded GroupContext. Whoever calls erases the secrets that were consumed (§9.2):
 * commit_secret, joiner_secret, psk_secret and the previous init_secret. */
#ifndef KITH_PROTOCOL_MLS_KEY_SCHEDULE_H
#define KITH_PROTOCOL_MLS_KEY_SCHEDULE_H

#include "protocol/suite.h"

enum key_schedule_limits {
    CONFIRMATION_TAG_LEN = HASH_LEN, /* a MAC is an HMAC-SHA-256 (§5.1) */
    MEMBERSHIP_TAG_LEN = HASH_LEN
};

struct epoch_secrets { /* §8, table 4; wiped by epoch_secrets_wipe */
    struct secret sender_data;
    struct secret encryption; /* secret_tree_new takes it */
    struct secret exporter;
    struct secret external;
    struct secret confirmation_key;
    struct secret membership_key;
    struct secret resumption_psk;
    struct secret authenticator; /* epoch_authenticator: members compare it, it is no secret to them */
    struct secret init;          /* init_secret[n], the input of the next epoch */
};

/* Every function below: no error but ST_CRYPTO_LENGTH (an exporter length over HKDF_OUT_MAX) and what
 * protocol/suite.h can fail with; outputs are zeroed on failure. */

enum status key_schedule_joiner(const struct secret *init_before, const struct secret *commit_secret,
                                struct span context, struct secret *joiner) MUST_USE;
/* psk_secret without any PSK is all zero (psk_secret.h). */
enum status key_schedule_welcome(const struct secret *joiner, const struct secret *psk_secret,
                                 struct secret *welcome) MUST_USE;
enum status key_schedule_epoch(const struct secret *joiner, const struct secret *psk_secret,
                               struct span context, struct epoch_secrets *out) MUST_USE;
void epoch_secrets_wipe(struct epoch_secrets *s);

/* §12.4.3.1: the key and nonce that seal the GroupInfo of a Welcome. */
enum status key_schedule_welcome_key(const struct secret *welcome, uint8_t key[static AEAD_KEY_LEN],
                                     uint8_t nonce[static AEAD_NONCE_LEN]) MUST_USE;
/* §8.5 MLS-Exporter(label, context, out_len). */
enum status key_schedule_export(const struct secret *exporter, struct span label, struct span context,
                                uint8_t *out, size_t out_len) MUST_USE;
/* §8: external_pub and its private key. */
enum status key_schedule_external(const struct secret *external, struct dh_private *private,
                                  struct dh_public *public) MUST_USE;
/* §6.1: MAC(confirmation_key, confirmed_transcript_hash). Compare tags with bytes_equal_secret. */
void confirmation_tag_compute(const struct secret *confirmation_key, struct span confirmed_hash,
                              uint8_t tag[static CONFIRMATION_TAG_LEN]);

#endif
