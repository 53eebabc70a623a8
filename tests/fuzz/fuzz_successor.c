/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/successor.h: whatever decodes must encode to the same bytes. */
#include "tests/support/test_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample_fuzz("successor", data, size);
    return 0;
}
