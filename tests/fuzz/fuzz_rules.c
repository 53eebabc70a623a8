/* SPDX-License-Identifier: Apache-2.0 */
/* policy/rules.h: whatever decodes encodes to the same bytes, and its merge with anything is a document, no
 * looser than either. */
#include "policy/rules.h"
#include "protocol/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy p, other, both;
    struct buffer again;
    struct writer w;
    if (policy_decode(&p, SPAN_OF(data, size)) != ST_OK)
        return 0;
    buffer_init(&again, POLICY_ENCODED_MAX);
    writer_init(&w, &again);
    invariant(policy_encode(&w, &p) == ST_OK);
    invariant(span_equal(buffer_span(&again), SPAN_OF(data, size)));
    buffer_wipe(&again);
    policy_defaults(&other);
    invariant(policy_quiet_add(&other, "Europe/Berlin", 0, 15) == ST_OK);
    policy_merge(&p, &other, &both);
    invariant(policy_check(&both) == ST_OK && policy_at_most(&both, &p) && policy_at_most(&both, &other));
    return 0;
}
