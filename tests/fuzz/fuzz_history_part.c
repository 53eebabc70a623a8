/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/history_part.h: whatever decodes must encode to the same bytes. */
#include "tests/support/test_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample_fuzz("history_manifest", data, size);
    sample_fuzz("history_part", data, size);
    return 0;
}
