/* SPDX-License-Identifier: Apache-2.0 */
/* The request to meet somebody (protocol.md §7.2). Travels in a struct letterbox_message, which names
 * addressee and sender. Pure. */
#ifndef KITH_PROTOCOL_CONTACT_REQUEST_H
#define KITH_PROTOCOL_CONTACT_REQUEST_H

#include "protocol/wire.h"

enum how_met { MET_INVITE = 1, MET_CIRCLE = 2, MET_INTRODUCTION = 3, HOW_MET_LAST = MET_INTRODUCTION };

struct contact_request {
    struct span card; /* struct card of who asks */
    struct span note; /* text; empty is fine */
    enum how_met how_met;
    bool has_permit;
    struct span permit;          /* struct permit for who asks and the addressee, if who asks is supervised */
    struct span key_package;     /* one, of the asking device */
    struct span reply_letterbox; /* struct letterbox */
};

enum status contact_request_decode(struct contact_request *out, struct span in) MUST_USE;
enum status contact_request_encode(struct writer *w, const struct contact_request *c) MUST_USE;

#endif
