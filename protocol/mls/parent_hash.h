/* SPDX-License-Identifier: Apache-2.0 */
/* Parent hashes (RFC 9420 §7.9): what ties the key of a parent node to the signature of the leaf whose owner
 * chose it. Pure. */
#ifndef KITH_PROTOCOL_MLS_PARENT_HASH_H
#define KITH_PROTOCOL_MLS_PARENT_HASH_H

#include "protocol/mls/ratchet_tree.h"

/* The parent hash of `parent` (not blank) with the copath child `sibling`. */
void parent_hash_of(const struct ratchet_tree *t, uint32_t parent, uint32_t sibling,
                    uint8_t out[static HASH_LEN]);
/* §7.9.2: every parent that is not blank is chained to exactly one node below it. ST_MLS_PARENT_HASH. */
enum status parent_hash_verify_tree(const struct ratchet_tree *t) MUST_USE;

#endif
