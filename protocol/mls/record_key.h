/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of records (record.h) in the making. Pure. */
#ifndef KITH_PROTOCOL_MLS_RECORD_KEY_H
#define KITH_PROTOCOL_MLS_RECORD_KEY_H

#include "protocol/mls/record.h"

struct record_key {
    uint8_t b[RECORD_KEY_MAX];
    size_t len;
};

struct record_key record_key_of(enum record_kind kind);
void record_key_add_u32(struct record_key *k, uint32_t v);
void record_key_add_u64(struct record_key *k, uint64_t v);
struct span record_key_span(const struct record_key *k); /* borrows from k */

#endif
