/* SPDX-License-Identifier: Apache-2.0 */
/* The input is the start of a payload: it is sealed, opened, and its records go through reassembly. What
 * opens must build to the same payload. */
#include <string.h>

#include "protocol/mem.h"
#include "protocol/reassembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nonce_fill(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 7, len);
}

static void reassemble(struct reassembly *r, const struct block_record *record, uint64_t seq)
{
    struct buffer message;
    bool complete;
    buffer_init(&message, BLOCK_MESSAGE_MAX);
    enum status st = reassembly_add(r, record, seq, &message, &complete);
    invariant(st == ST_OK || st == ST_BLOCK_FRAGMENT);
    invariant(complete == (message.len > 0));
    buffer_wipe(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct block_builder in, again;
    static struct block_payload payload;
    static uint8_t block[BLOCK_LEN];
    static const struct secret key;
    struct entropy e = {NULL, nonce_fill};
    struct block_record record;
    struct reassembly *r;
    memset(&in, 0, sizeof(in));
    memcpy(in.payload, data, size < BLOCK_PAYLOAD_LEN ? size : BLOCK_PAYLOAD_LEN);
    invariant(suite_start() == ST_OK && block_seal(&in, &key, &e, block) == ST_OK);
    if (block_open(&payload, &key, SPAN(block)) != ST_OK) {
        return 0;
    }
    invariant(reassembly_new(&r) == ST_OK);
    block_builder_init(&again);
    for (uint64_t seq = 1; block_payload_next(&payload, &record); seq++) {
        invariant(block_builder_add(&again, &record) == ST_OK);
        if (record.kind == BLOCK_FRAGMENT) {
            reassemble(r, &record, seq);
        }
    }
    invariant(memcmp(in.payload, again.payload, BLOCK_PAYLOAD_LEN) == 0);
    reassembly_free(r);
    return 0;
}
