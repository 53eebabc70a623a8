/* SPDX-License-Identifier: Apache-2.0 */
/* Storage by records: a group is a set of small (key, value) pairs which its holder keeps, in one transaction
 * with whatever else it does. Values hold secrets. Pure: what a sink does with them is the caller's.
 *
 * The first byte of a key says what the record is (enum record_kind); numbers in keys are big-endian, so that
 * the order of the bytes is the order of the numbers. */
#ifndef KITH_PROTOCOL_MLS_RECORD_H
#define KITH_PROTOCOL_MLS_RECORD_H

#include "protocol/bytes.h"

enum record_limits { RECORD_KEY_MAX = 18 /* a RECORD_SKIPPED */ };

enum record_kind {                     /* ascending: a source gives them in this order */
                   RECORD_GROUP = 1,   /* [kind]: version, own leaf, context, secrets of the epoch */
                   RECORD_LEAF = 2,    /* [kind, leaf u32]: an encoded LeafNode */
                   RECORD_NODE = 3,    /* [kind, node u32]: an encoded ParentNode */
                   RECORD_PRIVATE = 4, /* [kind, node u32]: a private key on the own direct path */
                   RECORD_EPOCH = 5,   /* [kind, epoch u64]: what remains of a past epoch */
                   RECORD_SECRET = 6,  /* [kind, epoch u64, node u32]: a node of a secret tree */
                   RECORD_RATCHET = 7, /* [kind, epoch u64, leaf u32, ratchet u8]: one ratchet's next step */
                   RECORD_PENDING =
                       8, /* [kind, number u32]: a by-reference proposal that waits for a commit */
                   RECORD_STAGED = 9, /* [kind]: the own commit that waits to be read back */
                   RECORD_SKIPPED =
                       10 /* [kind, epoch u64, leaf u32, ratchet u8, generation u32]: a key kept */
};

struct record_sink {
    void *ctx;
    enum status (*put)(void *ctx, struct span key,
                       struct span value);             /* replaces; borrows both for the call */
    enum status (*remove)(void *ctx, struct span key); /* absent: ST_OK */
};

struct record_source { /* all records of one group in ascending order of key */
    void *ctx;
    /* The next record; key->len is 0 at the end. The spans live until the next call. */
    enum status (*next)(void *ctx, struct span *key, struct span *value);
};

#endif
