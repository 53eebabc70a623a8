/* SPDX-License-Identifier: Apache-2.0 */
/* The one cipher suite: MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519 (0x0003, RFC 9420 §17.1), from
 * libsodium. HKDF is composed of HMAC-SHA-256 (RFC 5869), since libsodium 1.0.18 has none. Pure: keys and
 * randomness are handed in. All functions are safe from any thread after suite_start. */
#ifndef KITH_PROTOCOL_SUITE_H
#define KITH_PROTOCOL_SUITE_H

#include "protocol/bytes.h"
#include "protocol/entropy.h"

enum suite_limits {
    SUITE_ID = 0x0003,
    HASH_LEN = 32,   /* Nh */
    SECRET_LEN = 32, /* KDF.Nh */
    DH_LEN = 32,     /* X25519 public and private keys, shared secret */
    SIGN_PUBLIC_LEN = 32,
    SIGN_SEED_LEN = 32, /* an Ed25519 private key is its seed (RFC 8032) */
    SIGNATURE_LEN = 64,
    AEAD_KEY_LEN = 32,
    AEAD_NONCE_LEN = 12,  /* ChaCha20-Poly1305 (RFC 8439) */
    XAEAD_NONCE_LEN = 24, /* XChaCha20-Poly1305 */
    AEAD_TAG_LEN = 16,
    HKDF_OUT_MAX = 255 * 32 /* RFC 5869 §2.3 */
};

struct secret { /* 32 secret bytes: wipe with secret_wipe on every path, compare with secret_equal */
    uint8_t b[SECRET_LEN];
};
struct dh_public {
    uint8_t b[DH_LEN];
};
struct dh_private {
    uint8_t b[DH_LEN];
};
struct sign_public {
    uint8_t b[SIGN_PUBLIC_LEN];
};
struct sign_private { /* libsodium's form: seed ‖ public key */
    uint8_t b[64];
};

/* Whose labels: nothing signed or derived for MLS parses for Kith's own structures, nor the reverse. */
enum label_space {
    LABELS_MLS, /* "MLS 1.0 " (RFC 9420 §5.1) */
    LABELS_KITH /* "Kith 1 " */
};

/* Once a process, before anything else here. ST_INTERNAL when libsodium cannot start. */
enum status suite_start(void) MUST_USE;

void secret_wipe(struct secret *s);
bool secret_equal(const struct secret *a, const struct secret *b); /* constant-time */
void bytes_wipe(void *p, size_t len);                              /* is not optimised away */
bool bytes_equal_secret(struct span a, struct span b);             /* constant-time in the content */

/* ---- hash and key derivation ---- */

void hash_bytes(struct span in, uint8_t out[static HASH_LEN]);
/* SHA-256 of the parts one after the other. */
void hash_parts(const struct span *parts, size_t count, uint8_t out[static HASH_LEN]);
void hmac_bytes(struct span key, struct span in, uint8_t out[static HASH_LEN]);
void hkdf_extract(struct span salt, struct span ikm, struct secret *out);
/* ST_CRYPTO_LENGTH when out_len is over HKDF_OUT_MAX (0 is fine). */
enum status hkdf_expand(struct span prk, struct span info, uint8_t *out, size_t out_len) MUST_USE;
/* The same over parts one after the other. */
void hkdf_extract_parts(struct span salt, const struct span *parts, size_t count, struct secret *out);
enum status hkdf_expand_parts(struct span prk, const struct span *parts, size_t count, uint8_t *out,
                              size_t out_len) MUST_USE;
/* RFC 9420 §8. ExpandWithLabel, DeriveSecret, DeriveTreeSecret (§9). `label` goes without the prefix. */
enum status expand_with_label(enum label_space space, struct span secret, struct span label,
                              struct span context, uint8_t *out, size_t out_len) MUST_USE;
enum status derive_secret(enum label_space space, struct span secret, const char *label,
                          struct secret *out) MUST_USE;
enum status derive_tree_secret(struct span secret, const char *label, uint32_t generation, uint8_t *out,
                               size_t out_len) MUST_USE;
/* RFC 9420 §5.2 RefHash; `label` whole, for example "MLS 1.0 KeyPackage Reference". */
enum status ref_hash(const char *label, struct span value, uint8_t out[static HASH_LEN]) MUST_USE;

/* struct { opaque label<V>; opaque content<V> }, the label with its space's prefix: what RFC 9420 calls
 * SignContent (§5.1.2) and EncryptContext (§5.1.3). Inits `out`, which the caller wipes, also on failure. */
enum status labeled_content(enum label_space space, struct span label, struct span content,
                            struct buffer *out) MUST_USE;

/* ---- signatures ---- */

void sign_keypair(struct entropy *e, struct sign_private *private, struct sign_public *public);
void sign_keypair_from_seed(const uint8_t seed[static SIGN_SEED_LEN], struct sign_private *private,
                            struct sign_public *public);
void sign_private_wipe(struct sign_private *k);
/* RFC 9420 §5.1.2 SignWithLabel, VerifyWithLabel. Verify: ST_CRYPTO_SIGNATURE for any reason. */
enum status sign_with_label(enum label_space space, const struct sign_private *key, struct span label,
                            struct span content, uint8_t out[static SIGNATURE_LEN]) MUST_USE;
enum status verify_with_label(enum label_space space, struct span public_key, struct span label,
                              struct span content, struct span signature) MUST_USE;
/* Bare Ed25519, for test vectors. */
enum status verify_bytes(struct span public_key, struct span message, struct span signature) MUST_USE;

/* ---- X25519 ---- */

/* DeriveKeyPair of RFC 9180 §7.1.3 (DHKEM(X25519, HKDF-SHA256)). */
enum status dh_derive(struct span ikm, struct dh_private *private, struct dh_public *public) MUST_USE;
void dh_public_of(const struct dh_private *private, struct dh_public *public);
/* ST_CRYPTO_BAD_KEY when the result is all zero (RFC 7748 §6.1). */
enum status dh_agree(const struct dh_private *mine, const struct dh_public *theirs,
                     struct secret *out) MUST_USE;
void dh_private_wipe(struct dh_private *k);
/* Is it one of the few public keys with which every agreement is all zero? Nobody can seal to such a key, so
 * whoever takes keys in for others to use refuses them. Any length but DH_LEN: true. */
bool dh_public_is_weak(struct span key);

/* ---- AEAD: `out` gets plaintext.len + AEAD_TAG_LEN (seal) or ciphertext.len - AEAD_TAG_LEN (open) bytes
 * ---- */

enum status aead_seal(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static AEAD_NONCE_LEN],
                      struct span aad, struct span plaintext, uint8_t *out) MUST_USE;
enum status aead_open(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static AEAD_NONCE_LEN],
                      struct span aad, struct span ciphertext,
                      uint8_t *out) MUST_USE; /* ST_CRYPTO_OPEN: out untouched or zeroed */
enum status xaead_seal(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static XAEAD_NONCE_LEN],
                       struct span aad, struct span plaintext, uint8_t *out) MUST_USE;
enum status xaead_open(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static XAEAD_NONCE_LEN],
                       struct span aad, struct span ciphertext, uint8_t *out) MUST_USE;

#endif
