/* SPDX-License-Identifier: Apache-2.0 */
/* HPKE (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305 or export-only, in modes
 * base and psk. Pure. The auth modes are left out: Kith signs instead. */
#ifndef KITH_PROTOCOL_HPKE_H
#define KITH_PROTOCOL_HPKE_H

#include "protocol/suite.h"

enum hpke_limits { HPKE_ENC_LEN = DH_LEN };

enum hpke_aead { HPKE_CHACHA20POLY1305 = 0x0003, HPKE_EXPORT_ONLY = 0xffff };

struct hpke_psk { /* both empty: mode base; both not: mode psk, at least 32 bytes of psk; else ST_USAGE */
    struct span psk, id;
};

/* One direction's context (RFC 9180 §5.2): its owner wipes it. Not safe from two threads at once. */
struct hpke_context {
    enum hpke_aead aead;
    uint8_t key[AEAD_KEY_LEN], base_nonce[AEAD_NONCE_LEN];
    struct secret exporter;
    uint64_t seq;
};

/* §5.1: `ephemeral` fills 32 bytes of ikmE once. psk may be NULL (mode base). Errors: ST_CRYPTO_BAD_KEY,
 * ST_USAGE. */
enum status hpke_setup_sender(struct hpke_context *out, uint8_t enc[static HPKE_ENC_LEN], enum hpke_aead aead,
                              const struct dh_public *to, struct span info, const struct hpke_psk *psk,
                              struct entropy *ephemeral) MUST_USE;
enum status hpke_setup_receiver(struct hpke_context *out, enum hpke_aead aead, const struct dh_private *mine,
                                struct span enc, struct span info, const struct hpke_psk *psk) MUST_USE;
/* §5.2: the nonce is base_nonce xor seq, and seq goes up after success. Appends to out. ST_USAGE on
 * export-only. */
enum status hpke_context_seal(struct hpke_context *c, struct span aad, struct span plaintext,
                              struct buffer *out) MUST_USE;
enum status hpke_context_open(struct hpke_context *c, struct span aad, struct span ciphertext,
                              struct buffer *out) MUST_USE;
/* §5.3 */
enum status hpke_context_export(const struct hpke_context *c, struct span exporter_context, uint8_t *out,
                                size_t out_len) MUST_USE;
void hpke_context_wipe(struct hpke_context *c);

/* §6.1, single shot in mode base: appends plaintext.len + AEAD_TAG_LEN bytes to out. */
enum status hpke_seal(const struct dh_public *to, struct span info, struct span aad, struct span plaintext,
                      struct entropy *e, uint8_t enc[static HPKE_ENC_LEN], struct buffer *out) MUST_USE;
enum status hpke_open(const struct dh_private *mine, struct span enc, struct span info, struct span aad,
                      struct span ciphertext, struct buffer *out) MUST_USE;

struct dh_pair { /* borrows both halves of one key */
    const struct dh_private *private;
    const struct dh_public *public;
};

/* EncryptWithLabel, DecryptWithLabel (RFC 9420 §5.1.3): info is the label and context, aad is empty. */
enum status hpke_seal_label(enum label_space space, const struct dh_public *to, struct span label,
                            struct span context, struct span plaintext, struct entropy *e,
                            uint8_t enc[static HPKE_ENC_LEN], struct buffer *out) MUST_USE;
enum status hpke_open_label(enum label_space space, const struct dh_private *mine, struct span label,
                            struct span context, struct span enc, struct span ciphertext,
                            struct buffer *out) MUST_USE;
/* The same for a receiver who knows its public key, as every member of a tree does: one scalar multiplication
 * less. Of halves that do not belong together: ST_CRYPTO_OPEN. */
enum status hpke_open_label_pair(enum label_space space, const struct dh_pair *mine, struct span label,
                                 struct span context, struct span enc, struct span ciphertext,
                                 struct buffer *out) MUST_USE;

#endif
