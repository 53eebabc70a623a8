/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of the channel share (channel.h has the formats). Only for protocol/channel*.c. */
#ifndef KITH_PROTOCOL_CHANNEL_INTERNAL_H
#define KITH_PROTOCOL_CHANNEL_INTERNAL_H

#include "protocol/channel.h"

#define CHANNEL_LABEL_KEY "relay key"
#define CHANNEL_LABEL_DELEGATE "relay delegate"
#define CHANNEL_PSK_ID "Kith 1 relay access"
#define CHANNEL_EXPORT "Kith 1 relay answer"

enum channel_internal_limits {
    CHANNEL_INFO_LEN = 12 + SIGN_PUBLIC_LEN + 8,
    CHANNEL_KEY_TBS_LEN = SIGN_PUBLIC_LEN + 8 + DH_LEN + 8 + 8,
    CHANNEL_DELEGATE_TBS_LEN = SIGN_PUBLIC_LEN + 8 + 8
};

/* A seal for one answer: both sides derive it. */
struct channel_answer_key {
    uint8_t key[AEAD_KEY_LEN], nonce[XAEAD_NONCE_LEN];
};

/* The HPKE info: "Kith 1 relay" ‖ relay key ‖ key_id. */
void channel_info(const struct sign_public *relay, uint64_t key_id, uint8_t out[static CHANNEL_INFO_LEN]);
/* HPKE's psk: mode psk with an access secret, else base. */
struct hpke_psk channel_psk(struct span access);
enum status channel_exporter(const struct hpke_context *hpke, struct secret *out) MUST_USE;
/* key = HKDF(salt = enc ‖ nonce, exporter secret). */
enum status channel_answer_derive(const struct secret *exporter, const uint8_t enc[static HPKE_ENC_LEN],
                                  const uint8_t nonce[static CHANNEL_NONCE_LEN],
                                  struct channel_answer_key *out) MUST_USE;
/* An answer's associated data. */
void channel_answer_aad(uint64_t number, uint8_t out[static 8]);
/* What is signed. */
void channel_key_tbs(const struct sign_public *relay, const struct relay_key *key,
                     uint8_t out[static CHANNEL_KEY_TBS_LEN]);
void channel_delegate_tbs(const struct relay_delegate *d, uint8_t out[static CHANNEL_DELEGATE_TBS_LEN]);

#endif
