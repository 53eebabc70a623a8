/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_structures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_again(again_welcome, data, size);
    fuzz_again(again_group_secrets, data, size);
    return 0;
}
