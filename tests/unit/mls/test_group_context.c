/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/group_context.h"

#include "tests/support/test.h"
#include "tests/support/test_structures.h"

static void decodes_and_encodes(void **state)
{
    (void)state;
    struct group_context c = test_group_context();
    struct buffer b;
    struct writer w;
    buffer_init(&b, 1000);
    writer_init(&w, &b);
    group_context_write(&w, &c);
    assert_ok(writer_done(&w));
    check_decoder(again_group_context, NULL, buffer_span(&b));
    buffer_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_and_encodes),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
