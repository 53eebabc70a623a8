/* SPDX-License-Identifier: Apache-2.0 */
/* A family's relays in the order in which they are used (docs/protocol.md §6.1): the first orders the groups'
 * commits, the others stand by. Pure. */
#ifndef KITH_PROTOCOL_FAMILY_RELAYS_H
#define KITH_PROTOCOL_FAMILY_RELAYS_H

#include "protocol/kith_context.h"

/* 1 to WIRE_RELAYS_MAX addresses (§3.1), no two with one key: a relay has its key for a name. */
void family_relays_write(struct writer *w, const struct family_relays *l);
/* Fails the reader: ST_WIRE_LIMIT, ST_WIRE_VALUE, ST_RELAY_ADDRESS. */
void family_relays_read(struct reader *r, struct family_relays *out);

/* Place of the relay with this address's key; `l->count` when it is not there, or when it is no address. */
size_t family_relays_find(const struct family_relays *l, const char *address);
bool family_relays_equal(const struct family_relays *a, const struct family_relays *b);
/* Have they a relay in common? */
bool family_relays_meet(const struct family_relays *a, const struct family_relays *b);

/* Those of a group's context. ST_RELAY_ADDRESS, ST_WIRE_VALUE: one of them is none, or twice there. */
enum status family_relays_of(const struct kith_context *c, struct family_relays *out) MUST_USE;
void family_relays_put(struct kith_context *c, const struct family_relays *l); /* borrows the list */

#endif
