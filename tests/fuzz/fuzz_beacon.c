/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/beacon.h: whatever decodes must encode to the same bytes. */
#include "tests/support/test_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample_fuzz("beacon", data, size);
    sample_fuzz("readd_request", data, size);
    sample_fuzz("leaf_told", data, size);
    sample_fuzz("leave_note", data, size);
    sample_fuzz("leave_heard", data, size);
    return 0;
}
