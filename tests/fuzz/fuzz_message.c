/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_structures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_again(again_message, data, size);
    return 0;
}
