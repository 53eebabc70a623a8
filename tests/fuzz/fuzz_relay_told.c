/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/relay_told.h and the list of relays in protocol/chain_entry.h: whatever decodes must encode to the
 * same bytes. */
#include <stdlib.h>

#include "protocol/chain_entry.h"
#include "protocol/relay_told.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct buffer *again, enum status st, struct span in)
{
    if (st != ST_OK || !span_equal(buffer_span(again), in))
        abort();
    buffer_wipe(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = SPAN_OF(data, size);
    struct relay_told t;
    struct authority_body b;
    struct buffer again;
    struct writer w;
    buffer_init(&again, 8192);
    writer_init(&w, &again);
    if (relay_told_decode(&t, in) == ST_OK)
        same(&again, relay_told_encode(&w, &t), in);
    writer_init(&w, &again);
    if (authority_body_decode(&b, in) == ST_OK)
        same(&again, authority_body_encode(&w, &b), in);
    return 0;
}
