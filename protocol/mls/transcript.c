/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/transcript.h"

#include <assert.h>

static_assert(HASH_LEN < 64, "the length of a MAC is one byte");

void transcript_confirmed(struct span interim_before, struct span input, uint8_t out[static HASH_LEN])
{
    const struct span parts[] = {interim_before, input};
    hash_parts(parts, 2, out);
}

void transcript_interim(struct span confirmed, const uint8_t confirmation_tag[static HASH_LEN],
                        uint8_t out[static HASH_LEN])
{
    static const uint8_t length[1] = {HASH_LEN};
    const struct span parts[] = {confirmed, SPAN(length), SPAN_OF(confirmation_tag, HASH_LEN)};
    hash_parts(parts, 3, out);
}
