/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/evidence.h: whatever decodes must encode to the same bytes. */
#include "tests/support/test_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample_fuzz("evidence_record", data, size);
    sample_fuzz("commit_data", data, size);
    return 0;
}
