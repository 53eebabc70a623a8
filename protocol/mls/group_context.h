/* SPDX-License-Identifier: Apache-2.0 */
/* GroupContext (RFC 9420 §8.1): what all members of an epoch agree on. Pure; spans borrow from the input. */
#ifndef KITH_PROTOCOL_MLS_GROUP_CONTEXT_H
#define KITH_PROTOCOL_MLS_GROUP_CONTEXT_H

#include "protocol/mls/extension.h"

enum mls_version { MLS_VERSION_10 = 1 };

struct group_context {
    uint16_t version, cipher_suite;
    struct span group_id;
    uint64_t epoch;
    struct span tree_hash, confirmed_transcript_hash;
    struct extensions extensions;
};

enum status group_context_decode(struct group_context *out, struct span in) MUST_USE;
void group_context_read(struct reader *r, struct group_context *out);
void group_context_write(struct writer *w, const struct group_context *c);

#endif
