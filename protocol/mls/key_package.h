/* SPDX-License-Identifier: Apache-2.0 */
/* KeyPackage (RFC 9420 §10): what lets others add a device while it is away. Pure; spans borrow from the
 * input. */
#ifndef KITH_PROTOCOL_MLS_KEY_PACKAGE_H
#define KITH_PROTOCOL_MLS_KEY_PACKAGE_H

#include "protocol/mls/leaf_node.h"

struct key_package {
    uint16_t version, cipher_suite;
    struct span init_key;
    struct leaf_node leaf;
    struct extensions extensions;
    struct span signature;
    struct span encoded; /* after decoding: the whole encoding; not used by key_package_write */
};

enum status key_package_decode(struct key_package *out,
                               struct span in) MUST_USE; /* without MLSMessage header */
void key_package_read(struct reader *r, struct key_package *out);
void key_package_write(struct writer *w, const struct key_package *p);

/* Signs p (its leaf must be signed already) and appends its whole encoding to `out`. */
enum status key_package_sign(const struct key_package *p, const struct sign_private *key,
                             struct buffer *out) MUST_USE;
/* §10.1: version and suite, signatures of leaf and package, source, init_key unlike the leaf's key, key
 * lengths. Not the lifetime: that is its adder's to judge (key_package_check_lifetime). ST_MLS_KEY_PACKAGE,
 * ST_MLS_LEAF_SIGNATURE, ST_MLS_KEY_LENGTH, ST_CRYPTO_BAD_KEY, ST_MLS_CAPABILITIES. */
enum status key_package_verify(const struct key_package *p) MUST_USE;
/* ST_MLS_LIFETIME when now_ms (wall clock) is outside the leaf's lifetime. */
enum status key_package_check_lifetime(const struct key_package *p, int64_t now_ms) MUST_USE;
/* KeyPackageRef of an encoded KeyPackage (§5.2). */
enum status key_package_ref(struct span encoded, uint8_t out[static HASH_LEN]) MUST_USE;

#endif
