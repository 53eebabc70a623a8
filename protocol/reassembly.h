/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments back into messages (docs/protocol.md §4), in whatever order and however often they come, within
 * fixed bounds: whoever can write to a log can send fragments that never end. Pure.
 *
 * One reassembly a log. It keeps at most REASSEMBLY_MESSAGES_MAX messages and REASSEMBLY_BYTES_MAX bytes; to
 * make room it drops the message that was begun first. It is only memory: after a restart the blocks since
 * reassembly_oldest_seq are read again. */
#ifndef KITH_PROTOCOL_REASSEMBLY_H
#define KITH_PROTOCOL_REASSEMBLY_H

#include "protocol/block.h"

enum reassembly_limits {
    REASSEMBLY_MESSAGES_MAX = 8,                 /* open at once: a few writers of a log cut a message each */
    REASSEMBLY_BYTES_MAX = 2 * BLOCK_MESSAGE_MAX /* about 2 MiB a log */
};

struct reassembly;

enum status reassembly_new(struct reassembly **out) MUST_USE;
void reassembly_free(struct reassembly *r); /* erases; NULL is fine */

/* Takes one fragment, found in the block with number `seq`. When it was the last one missing, `message` gets
 * the whole and *complete is true, else `message` is emptied. A piece that is here already is not an error.
 * ST_USAGE: not a fragment. ST_BLOCK_FRAGMENT: another count than its siblings, an index out of it, another
 * content for an index that is here; the message is dropped then. ST_NO_MEMORY. */
enum status reassembly_add(struct reassembly *r, const struct block_record *fragment, uint64_t seq,
                           struct buffer *message, bool *complete) MUST_USE;
/* The lowest seq that a message still incomplete was found in; 0: nothing is incomplete. A cursor that is
 * stored stays below it. */
uint64_t reassembly_oldest_seq(const struct reassembly *r);
/* Messages dropped since the start, to make room or for ST_BLOCK_FRAGMENT: for statistics. */
uint64_t reassembly_dropped(const struct reassembly *r);

#endif
