/* SPDX-License-Identifier: Apache-2.0 */
/* The floor under an operation: what libsodium alone would take for the X25519 and Ed25519 operations, hashes
 * and AEADs that RFC 9420 and RFC 9180 write down for it. The operations are counted by hand, function by
 * function of the RFCs; they are done, and timed, in the same run. Counted as little as can be argued: no
 * ephemeral key is derived where it may be drawn, nobody computes a public key that stands in the tree,
 * nothing is hashed twice. */
#ifndef KITH_TESTS_BENCH_FLOOR_H
#define KITH_TESTS_BENCH_FLOOR_H

#include <stddef.h>
#include <stdint.h>

struct floor_ops {
    double base, mult;       /* X25519 with the base point, with another */
    double sign, sign_bytes; /* Ed25519: calls, bytes of all messages */
    double verify, verify_bytes;
    double hash, hash_blocks; /* SHA-256: messages begun, blocks of 64 bytes; an HMAC is two messages */
    double aead, aead_bytes;  /* ChaCha20-Poly1305: calls, bytes of all plaintexts */
};

/* Does just these operations with libsodium and nothing else; returns the microseconds of processor time.
 * Called between the runs of what it is the floor of, so that both meet the same clock rate and the same
 * neighbours. */
double floor_run(const struct floor_ops *ops);
/* Prints what each kind of operation costs by itself. */
void floor_print_primitives(void);

/* ---- what the RFCs are made of; lengths in bytes ---- */

size_t floor_vec(size_t len); /* opaque<V> with its prefix */
void floor_hash(struct floor_ops *o, size_t len);
void floor_hmac(struct floor_ops *o, size_t len);                                /* with a key of 32 */
void floor_expand_label(struct floor_ops *o, const char *label, size_t context); /* RFC 9420 §8, 32 out */
void floor_sign(struct floor_ops *o, const char *label, size_t content);         /* §5.1.2 */
void floor_verify(struct floor_ops *o, const char *label, size_t content);
void floor_aead(struct floor_ops *o, size_t plaintext);
void floor_derive_key_pair(struct floor_ops *o); /* RFC 9180 §7.1.3 */
void floor_hpke(struct floor_ops *o, const char *label, size_t context,
                size_t plaintext); /* §6.1, receiver */
void floor_hpke_seal(struct floor_ops *o, const char *label, size_t context, size_t plaintext);

#endif
