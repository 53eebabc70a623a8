/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/kith_context.h: whatever decodes must encode to the same bytes. */
#include "tests/support/test_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample_fuzz("kith_context", data, size);
    return 0;
}
