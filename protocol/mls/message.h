/* SPDX-License-Identifier: Apache-2.0 */
/* MLSMessage (RFC 9420 §6): the outermost structure of everything that MLS sends. Pure; spans borrow from the
 * input. */
#ifndef KITH_PROTOCOL_MLS_MESSAGE_H
#define KITH_PROTOCOL_MLS_MESSAGE_H

#include "protocol/mls/private_message.h"
#include "protocol/mls/public_message.h"
#include "protocol/mls/welcome.h"

struct message {
    uint16_t version; /* MLS_VERSION_10 */
    enum wire_format format;
    union {
        struct public_message public_message;
        struct private_message private_message;
        struct welcome welcome;
        struct group_info group_info;
        struct key_package key_package;
    } u;
};

enum status message_decode(struct message *out, struct span in) MUST_USE;
void message_read(struct reader *r, struct message *out);
void message_write(struct writer *w, const struct message *m);
/* Version and wire format: what stands before the bytes of a message that is sealed already. */
void message_write_header(struct writer *w, enum wire_format format);

#endif
