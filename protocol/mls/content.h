/* SPDX-License-Identifier: Apache-2.0 */
/* FramedContent and what authenticates it (RFC 9420 §6, §6.1): the message itself, before either framing.
 * Pure; spans borrow from the input. */
#ifndef KITH_PROTOCOL_MLS_CONTENT_H
#define KITH_PROTOCOL_MLS_CONTENT_H

#include "protocol/mls/commit.h"

enum wire_format {
    WIRE_PUBLIC_MESSAGE = 1,
    WIRE_PRIVATE_MESSAGE = 2,
    WIRE_WELCOME = 3,
    WIRE_GROUP_INFO = 4,
    WIRE_KEY_PACKAGE = 5
};
enum content_type { CONTENT_APPLICATION = 1, CONTENT_PROPOSAL = 2, CONTENT_COMMIT = 3 };
enum sender_type {
    SENDER_MEMBER = 1,
    SENDER_EXTERNAL = 2,
    SENDER_NEW_MEMBER_PROPOSAL = 3,
    SENDER_NEW_MEMBER_COMMIT = 4
};

struct sender {
    enum sender_type type;
    uint32_t index; /* SENDER_MEMBER: leaf index; SENDER_EXTERNAL: sender index; else 0 */
};

struct framed_content {
    struct span group_id;
    uint64_t epoch;
    struct sender sender;
    struct span authenticated_data;
    enum content_type type;
    /* application: the data. proposal, commit: their encoding, of known extent because it was decoded once;
     * `proposal` and `commit` below are its decoded form. */
    struct span body;
    union {
        struct proposal proposal;
        struct commit commit;
    } u;
};

struct content_auth { /* FramedContentAuthData */
    struct span signature;
    struct span confirmation_tag; /* CONTENT_COMMIT; else empty */
};

struct authenticated_content {
    enum wire_format wire_format; /* WIRE_PUBLIC_MESSAGE or WIRE_PRIVATE_MESSAGE */
    struct framed_content content;
    struct content_auth auth;
};

void framed_content_read(struct reader *r, struct framed_content *out);
/* Writes group_id … body. Only `body` is read for the content, not the union. */
void framed_content_write(struct writer *w, const struct framed_content *c);
/* The part that differs by content type, as in FramedContent and PrivateMessageContent: fills body and union.
 */
void content_body_read(struct reader *r, struct framed_content *c);
void content_body_write(struct writer *w, const struct framed_content *c);
void content_auth_read(struct reader *r, enum content_type type, struct content_auth *out);
void content_auth_write(struct writer *w, enum content_type type, const struct content_auth *a);

enum status authenticated_content_decode(struct authenticated_content *out, struct span in) MUST_USE;
void authenticated_content_write(struct writer *w, const struct authenticated_content *a);

/* §6.1, label "FramedContentTBS". `context`: the encoded GroupContext of content.epoch (members and
 * new_member senders). verify: ST_CRYPTO_SIGNATURE. */
enum status content_sign(const struct authenticated_content *a, struct span context,
                         const struct sign_private *key, uint8_t signature[static SIGNATURE_LEN]) MUST_USE;
enum status content_verify(const struct authenticated_content *a, struct span context,
                           struct span public_key) MUST_USE;
/* ProposalRef (§5.2): of a whole AuthenticatedContent that carries a proposal. */
enum status proposal_ref(const struct authenticated_content *a, uint8_t out[static HASH_LEN]) MUST_USE;
/* FramedContentTBM is FramedContentTBS ‖ auth (§6.2): what the membership tag is computed over. */
enum status content_tbm(const struct authenticated_content *a, struct span context,
                        struct buffer *out) MUST_USE;

#endif
