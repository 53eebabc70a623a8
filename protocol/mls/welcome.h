/* SPDX-License-Identifier: Apache-2.0 */
/* Welcome and GroupSecrets (RFC 9420 §12.4.3.1): how a new member gets an epoch's secrets. Pure; spans borrow
 * from the input. */
#ifndef KITH_PROTOCOL_MLS_WELCOME_H
#define KITH_PROTOCOL_MLS_WELCOME_H

#include "protocol/entropy.h"
#include "protocol/mls/group_info.h"
#include "protocol/mls/psk.h"
#include "protocol/mls/update_path.h"

struct group_secrets {
    struct span joiner_secret; /* secret */
    bool has_path_secret;
    struct span path_secret; /* secret */
    struct span psks;        /* encoded PreSharedKeyIDs */
    uint32_t psk_count;
};

struct encrypted_group_secrets {
    struct span new_member; /* a KeyPackageRef */
    struct hpke_ciphertext secrets;
};

struct welcome {
    uint16_t cipher_suite;
    struct span secrets; /* encoded EncryptedGroupSecrets */
    uint32_t secret_count;
    struct span encrypted_group_info;
};

enum status group_secrets_decode(struct group_secrets *out, struct span in) MUST_USE;
void group_secrets_read(struct reader *r, struct group_secrets *out);
void group_secrets_write(struct writer *w, const struct group_secrets *s);
void encrypted_group_secrets_read(struct reader *r, struct encrypted_group_secrets *out);
void encrypted_group_secrets_write(struct writer *w, const struct encrypted_group_secrets *s);
enum status welcome_decode(struct welcome *out, struct span in) MUST_USE;
void welcome_read(struct reader *r, struct welcome *out);
void welcome_write(struct writer *w, const struct welcome *m);

/* The secrets for the key package of that ref: ST_MLS_NOT_FOR_US. */
enum status welcome_find(const struct welcome *w, const uint8_t ref[static HASH_LEN],
                         struct hpke_ciphertext *out) MUST_USE;
/* Opens them with the key package's init key. *out borrows from `plain`, which its owner wipes.
 * ST_CRYPTO_OPEN, ST_CRYPTO_BAD_KEY, ST_MLS_SUITE, ST_WIRE_*. */
enum status welcome_open_secrets(const struct welcome *w, const struct hpke_ciphertext *mine,
                                 const struct dh_private *init, struct buffer *plain,
                                 struct group_secrets *out) MUST_USE;
/* Opens the GroupInfo, whose signature is for the caller to verify. *out borrows from `plain`. */
enum status welcome_open_info(const struct welcome *w, const struct secret *joiner,
                              const struct secret *psk_secret, struct buffer *plain,
                              struct group_info *out) MUST_USE;

/* The reverse: appends the encrypted GroupInfo, and one EncryptedGroupSecrets for a key package. */
enum status welcome_seal_info(struct span group_info, const struct secret *joiner,
                              const struct secret *psk_secret, struct buffer *out) MUST_USE;
struct welcome_recipient {
    struct span ref;      /* KeyPackageRef */
    struct span init_key; /* of 32 bytes: else ST_MLS_KEY_LENGTH */
};
enum status welcome_seal_secrets(const struct group_secrets *s, const struct welcome_recipient *to,
                                 struct span encrypted_group_info, struct entropy *e,
                                 struct buffer *out) MUST_USE;

#endif
