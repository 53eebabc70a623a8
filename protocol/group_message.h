/* SPDX-License-Identifier: Apache-2.0 */
/* What an MLS application message in a scope's group carries (protocol.md §8). Pure. */
#ifndef KITH_PROTOCOL_GROUP_MESSAGE_H
#define KITH_PROTOCOL_GROUP_MESSAGE_H

#include "protocol/wire.h"

enum group_message_limits { GROUP_MESSAGE_MAX = 320 * 1024 /* the largest journal entry and its header */ };

enum group_message_kind {
    GROUP_ENTRY = 1,     /* struct journal_entry of the MLS sender itself */
    GROUP_PASSED_ON = 2, /* struct journal_entry of somebody else: repair */
    GROUP_HAVE = 3,      /* struct have */
    GROUP_EVIDENCE = 4,  /* struct evidence_record */
    GROUP_VOUCH = 5,     /* struct have, without a beacon: of devices of the sender's person that are gone */
    GROUP_MESSAGE_KIND_LAST = GROUP_VOUCH
};

struct group_message {
    enum group_message_kind kind;
    struct span body;
};

enum status group_message_decode(struct group_message *out, struct span in) MUST_USE;
enum status group_message_encode(struct writer *w, const struct group_message *m) MUST_USE;

#endif
