/* SPDX-License-Identifier: Apache-2.0 */
/* PublicMessage (RFC 9420 §6.2): signed, not encrypted. Application data never travels in one. Pure; spans
 * borrow from the input. */
#ifndef KITH_PROTOCOL_MLS_PUBLIC_MESSAGE_H
#define KITH_PROTOCOL_MLS_PUBLIC_MESSAGE_H

#include "protocol/mls/content.h"

struct public_message {
    struct authenticated_content signed_content;
    struct span membership_tag; /* SENDER_MEMBER; else empty */
};

void public_message_read(struct reader *r, struct public_message *out);
void public_message_write(struct writer *w, const struct public_message *m);

/* Appends the PublicMessage (without MLSMessage header) of signed content by a member, with its membership
 * tag. `context` is the encoded GroupContext. ST_MLS_PUBLIC_APPLICATION. */
enum status public_message_seal(const struct authenticated_content *a, const struct secret *membership_key,
                                struct span context, struct buffer *out) MUST_USE;
/* The tag of a member's message: ST_MLS_MEMBERSHIP_TAG. Application data: ST_MLS_PUBLIC_APPLICATION. A sender
 * that is not a member: ST_MLS_EXTERNAL. The signature is the caller's to verify. */
enum status public_message_check(const struct public_message *m, const struct secret *membership_key,
                                 struct span context) MUST_USE;

#endif
