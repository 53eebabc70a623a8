/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/chain_entry.h: whatever decodes must encode to the same bytes. */
#include "tests/support/test_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample_fuzz("chain_entry", data, size);
    sample_fuzz("chain_proposal", data, size);
    sample_fuzz("authority_body", data, size);
    sample_fuzz("roster_body", data, size);
    return 0;
}
