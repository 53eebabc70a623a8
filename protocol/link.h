/* SPDX-License-Identifier: Apache-2.0 */
/* Links as people see them (protocol.md §1, §3.1, §6.3, §7.1): kith-pair:, kith-meet: and kith-relay://.
 * Pure.
 *
 * kith-pair: and kith-meet: are followed by base64url of payload ‖ 4 bytes of a hash of the payload under the
 * link's own label: a slip in typing, and a link of one kind under the other's scheme, are refused before the
 * payload is looked at. What was pasted may have line breaks, spaces and one full stop too many. */
#ifndef KITH_PROTOCOL_LINK_H
#define KITH_PROTOCOL_LINK_H

#include "protocol/relay_address.h"
#include "protocol/wire.h"

enum link_limits {
    LINK_TEXT_MAX = 4096, /* with line breaks; a QR code of version 40 holds 4,296 characters */
    LINK_PAYLOAD_MAX = 2048,
    LINK_CHECK_LEN = 4
};

enum link_kind { LINK_PAIR = 1, LINK_MEET = 2, LINK_RELAY = 3 };

/* Which link a text is, by its scheme; ST_LINK_SCHEME for none. */
enum status link_kind_of(struct span text, enum link_kind *out) MUST_USE;

/* Appends the link and a NUL (not counted in out->len). `kind` is LINK_PAIR or LINK_MEET. */
enum status link_print(enum link_kind kind, struct span payload, struct buffer *out) MUST_USE;
/* Replaces `payload` with the decoded bytes: struct pairing_link or struct invite. ST_LINK_OTHER_KIND for a
 * good scheme that is not `expected`, ST_LINK_SCHEME for none, ST_LINK_DAMAGED. */
enum status link_parse(enum link_kind expected, struct span text, struct buffer *payload) MUST_USE;

/* A relay's address as pasted: tidied, then relay_address_parse. ST_LINK_SCHEME, ST_LINK_OTHER_KIND,
 * ST_RELAY_ADDRESS. */
enum status link_relay_parse(struct relay_address *out, struct span text) MUST_USE;

#endif
