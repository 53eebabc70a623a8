/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/contact_request.h: whatever decodes must encode to the same bytes. */
#include "tests/support/test_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample_fuzz("contact_request", data, size);
    return 0;
}
