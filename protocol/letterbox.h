/* SPDX-License-Identifier: Apache-2.0 */
/* Letterboxes, invites, cards, and what is put into a letterbox (protocol.md §7.1). Pure.
 *
 * A letterbox is a log that outsiders can write and only its owner can read. What goes in is a
 * struct letterbox_message: signed inside by the sender's device for exactly this box and addressee, then
 * sealed with HPKE to the box's key; the sealed bytes travel as one record in blocks under the box's block
 * key. */
#ifndef KITH_PROTOCOL_LETTERBOX_H
#define KITH_PROTOCOL_LETTERBOX_H

#include "protocol/certificate.h"
#include "protocol/hpke.h"

enum letterbox_limits {
    LETTERBOX_MAX = 1024,            /* one encoded letterbox */
    LETTERBOX_BODY_MAX = 512 * 1024, /* an Admission with all evidence of a group */
    LETTERBOX_SEAL_OVERHEAD = HPKE_ENC_LEN + AEAD_TAG_LEN,
    LETTERBOX_MESSAGE_MAX = LETTERBOX_BODY_MAX + 1024,
    CARD_MAX = 160 * 1024 /* chain and certificates of one person */
};

struct letterbox {                /* holds secrets: the write token and block key. Wipe */
    struct span relay;            /* text, kith-relay://… */
    struct secret write_token;    /* hands out the right to write */
    uint8_t read_hash[HASH_LEN];  /* SHA-256 of the owner's read token */
    uint8_t trim_hash[HASH_LEN];  /* SHA-256 of the owner's trim token */
    struct secret block_key;      /* of the blocks in this log */
    struct dh_public hpke_public; /* messages are sealed to it */
    int64_t expires_ms;
    uint16_t uses; /* how many messages the owner takes; 0: any number until it expires */
};

enum status letterbox_decode(struct letterbox *out, struct span in) MUST_USE;
enum status letterbox_encode(struct writer *w, const struct letterbox *l) MUST_USE;
/* log_id (§3.3) that the relay computes from the write token and the two hashes. */
enum status letterbox_log_id(const struct letterbox *l, struct log_id *out) MUST_USE;

/* What kith-meet: carries. A supervised person's is made and signed by a parent's device. */
struct invite {
    struct span letterbox; /* struct letterbox */
    struct person_ref who;
    bool supervised;
    struct secret card_read_token; /* reads the card's log */
    uint8_t card_write_hash[HASH_LEN];
    uint8_t card_trim_hash[HASH_LEN];
    struct secret card_key;  /* block key of the card's log */
    struct device_id signer; /* of the family in `who`; a parent's if supervised */
    struct signature signature;
};

enum status invite_decode(struct invite *out, struct span in) MUST_USE;
enum status invite_encode(struct writer *w, const struct invite *i) MUST_USE;
enum status invite_sign(struct invite *i, const struct sign_private *key) MUST_USE;
enum status invite_verify(const struct invite *i) MUST_USE; /* by i->signer */

/* Who a person is, for somebody who holds an invite or gets a request: name, certificates, authority chain.
 */
struct card {
    struct person_ref who;
    struct span name;
    struct wire_list certificates;    /* struct device_certificate of who's devices */
    struct wire_list authority_chain; /* struct chain_entry, from height 0 */
    int64_t made_ms;
    int64_t expires_ms;      /* 30 days on */
    struct device_id signer; /* one of the certificates' devices, or a parent's */
    struct signature signature;
};

enum status card_decode(struct card *out, struct span in) MUST_USE;
enum status card_encode(struct writer *w, const struct card *c) MUST_USE;
enum status card_sign(struct card *c, const struct sign_private *key) MUST_USE;
enum status card_verify(const struct card *c) MUST_USE; /* by c->signer */

enum letterbox_message_type {
    LETTERBOX_CONTACT_REQUEST = 1, /* struct contact_request */
    LETTERBOX_ADMISSION = 2,       /* struct admission */
    LETTERBOX_REVOCATION = 3,      /* struct revocation */
    LETTERBOX_WITHDRAWAL = 4,      /* struct permit_withdrawal */
    LETTERBOX_BEACON = 5,          /* struct beacon */
    LETTERBOX_READD = 6,           /* struct readd_request */
    LETTERBOX_EVIDENCE = 7,        /* struct evidence_record: of a removal, before its commit */
    LETTERBOX_LEAF = 8,            /* struct leaf_told: answers a ReaddRequest that names another leaf */
    LETTERBOX_BOX = 9,        /* struct letterbox: where the sender's person has letters of this contact */
    LETTERBOX_SUCCESSOR = 10, /* struct successor: the scope's next generation, with the Admission to it */
    LETTERBOX_SUCCESSOR_ASK =
        11,               /* struct beacon: the sender is about to found one and needs a key package */
    LETTERBOX_HAVE = 12,  /* struct have: once a day, beside the group's log */
    LETTERBOX_APART = 13, /* struct beacon: the sender does not get what the addressee writes there */
    LETTERBOX_RELAY = 14, /* struct relay_told: who reaches this relay of the family's? */
    LETTERBOX_MESSAGE_TYPE_LAST = LETTERBOX_RELAY
};

struct letterbox_message {
    enum letterbox_message_type type;
    struct log_id log;            /* the box's */
    struct dh_public hpke_public; /* the box's */
    struct person_ref to;         /* the box's owner, as the sender knows them */
    struct span certificate;      /* struct device_certificate of the sender: its device signs */
    struct span body;
    struct signature signature;
};

enum status letterbox_message_decode(struct letterbox_message *out, struct span in) MUST_USE;
enum status letterbox_message_encode(struct writer *w, const struct letterbox_message *m) MUST_USE;
enum status letterbox_message_sign(struct letterbox_message *m, const struct sign_private *key) MUST_USE;
/* The signature by the certificate's device. The certificate itself is judged by whoever knows the chain. */
enum status letterbox_message_verify(const struct letterbox_message *m) MUST_USE;

/* Signs m (whose log, hpke_public and to are set from `box` and `to` here), encodes and seals it to the box:
 * enc ‖ ciphertext is appended to out. */
enum status letterbox_seal(struct letterbox_message *m, const struct letterbox *box,
                           const struct person_ref *to, const struct sign_private *key, struct entropy *e,
                           struct buffer *out) MUST_USE;

struct letterbox_owner { /* what the owner needs to read its box */
    struct log_id log;
    const struct dh_private *hpke_private; /* borrows */
    struct dh_public hpke_public;
    struct person_ref who;
};

/* Opens, decodes and verifies; `plain` is replaced and `out` borrows from it until it changes.
 * ST_LETTERBOX_ADDRESS when it was made for another box or person: somebody resealed it. */
enum status letterbox_open(const struct letterbox_owner *owner, struct span sealed, struct buffer *plain,
                           struct letterbox_message *out) MUST_USE;

#endif
