/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing a new device with a family (protocol.md §6.3): the link's content, the messages of the two logs,
 * the transcript and the short code. Pure; who shows what when is device/pairing.h.
 *
 *   new device                         parent's device
 *   commit(H(key_n, nonce_n))    →
 *                                ←     answer(key_p, nonce_p, person, role, chain)
 *   open(key_n, nonce_n, …)      →
 *   shows the code                     takes the code, one try
 *                                ←     accept(certificate)        or void(reason)
 *   confirm(key packages)        →
 *                                ←     Admission, to the letterbox in open
 *
 * The key packages come last because a leaf's identity is the device's certificate, which a parent can only
 * sign once the code has shown whose key it is. They are signed by the committed key over the transcript, and
 * the Welcome uses no others. */
#ifndef KITH_PROTOCOL_PAIRING_MESSAGE_H
#define KITH_PROTOCOL_PAIRING_MESSAGE_H

#include "protocol/chain_entry.h"

enum pairing_limits {
    PAIRING_NONCE_LEN = 32,
    PAIRING_LINK_MS = 10 * 60 * 1000, /* a link lives for 10 minutes */
    PAIRING_KEY_PACKAGES_MAX = 16,    /* for family, parents, wards and conversations at once */
    PAIRING_CODE_DIGITS = 6,
    PAIRING_MESSAGE_MAX = WIRE_LIST_MAX + 4096
};

struct pairing_link { /* what kith-pair: carries. Holds a secret: wipe */
    struct span relay;
    struct secret secret;
    int64_t expires_ms;
    struct entry_hash authority_head; /* of the family's chain: the answer's chain must end in it */
};

enum status pairing_link_decode(struct pairing_link *out, struct span in) MUST_USE;
enum status pairing_link_encode(struct writer *w, const struct pairing_link *l) MUST_USE;
enum status pairing_link_hash(const struct pairing_link *l, uint8_t out[static HASH_LEN]) MUST_USE;

struct pairing_log { /* one direction's log; nobody may trim it. Wipe */
    struct secret write_token, read_token, block_key;
};
enum pairing_direction { PAIRING_TO_PARENT = 1, PAIRING_TO_DEVICE = 2 };
enum status pairing_log_derive(const struct pairing_link *l, enum pairing_direction direction,
                               struct pairing_log *out) MUST_USE;

enum pairing_kind {
    PAIRING_COMMIT = 1,
    PAIRING_ANSWER = 2,
    PAIRING_OPEN = 3,
    PAIRING_ACCEPT = 4,
    PAIRING_CONFIRM = 5,
    PAIRING_VOID = 6,
    PAIRING_KIND_LAST = PAIRING_VOID
};

enum pairing_void_reason {
    VOID_WRONG_CODE = 1,
    VOID_SECOND_REQUEST = 2,
    VOID_DECLINED = 3,
    VOID_EXPIRED = 4,
    VOID_BROKEN = 5
};

struct pairing_commit {
    uint8_t commitment[HASH_LEN]; /* pairing_commitment(device, nonce) */
};
struct pairing_answer {
    struct device_id device; /* a parent's, as the chain says */
    uint8_t nonce[PAIRING_NONCE_LEN];
    struct family_id family;
    struct person_id person; /* who the new device will be */
    enum person_role role;
    struct span family_name, person_name;
    struct wire_list authority_chain; /* whole, from height 0 */
};
struct pairing_open {
    struct device_id device;
    uint8_t nonce[PAIRING_NONCE_LEN];
    struct span device_name;
    struct span letterbox;       /* struct letterbox: the device's own for its family */
    bool has_recovery;           /* for a parent */
    struct sign_public recovery; /* if has_recovery */
    struct signature signature;  /* by `device`, over the transcript hash and all of this */
};
struct pairing_accept {
    struct span certificate;    /* struct device_certificate: of the new device */
    struct signature signature; /* by the answering device, over the transcript hash and the certificate */
};
struct pairing_confirm {
    struct wire_list key_packages; /* MLS KeyPackages with that certificate as identity */
    struct signature signature;    /* by the new device, over the transcript hash and all of this */
};
struct pairing_void {
    enum pairing_void_reason reason;
};

struct pairing_message {
    enum pairing_kind kind;
    union {
        struct pairing_commit commit;
        struct pairing_answer answer;
        struct pairing_open open;
        struct pairing_accept accept;
        struct pairing_confirm confirm;
        struct pairing_void voided;
    } u;
};

enum status pairing_message_decode(struct pairing_message *out, struct span in) MUST_USE;
enum status pairing_message_encode(struct writer *w, const struct pairing_message *m) MUST_USE;

enum status pairing_commitment(const struct device_id *device, const uint8_t nonce[static PAIRING_NONCE_LEN],
                               uint8_t out[static HASH_LEN]) MUST_USE;

/* All that both sides fix before the opening. Its hash goes under every signature and the code. */
struct pairing_transcript {
    uint8_t link_hash[HASH_LEN];
    struct family_id family;
    struct person_id person;
    enum person_role role;
    struct device_id new_device, parent_device;
    uint8_t new_nonce[PAIRING_NONCE_LEN], parent_nonce[PAIRING_NONCE_LEN];
};

enum status pairing_transcript_hash(const struct pairing_transcript *t,
                                    uint8_t out[static HASH_LEN]) MUST_USE;
/* Six decimal digits and a NUL: the transcript hash, expanded, modulo 10^6. */
enum status pairing_code(const struct pairing_transcript *t,
                         char out[static PAIRING_CODE_DIGITS + 1]) MUST_USE;

enum status pairing_open_sign(struct pairing_open *o, const struct pairing_transcript *t,
                              const struct sign_private *key) MUST_USE;
enum status pairing_open_verify(const struct pairing_open *o, const struct pairing_transcript *t) MUST_USE;
enum status pairing_accept_sign(struct pairing_accept *a, const struct pairing_transcript *t,
                                const struct sign_private *key) MUST_USE;
enum status pairing_accept_verify(const struct pairing_accept *a,
                                  const struct pairing_transcript *t) MUST_USE;
enum status pairing_confirm_sign(struct pairing_confirm *c, const struct pairing_transcript *t,
                                 const struct sign_private *key) MUST_USE;
enum status pairing_confirm_verify(const struct pairing_confirm *c,
                                   const struct pairing_transcript *t) MUST_USE;

#endif
