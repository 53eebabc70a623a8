/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/proposal.h"

#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static void every_type_decodes_and_encodes(void **state)
{
    (void)state;
    for (enum proposal_type t = PROPOSAL_ADD; t <= PROPOSAL_EXTENSIONS; t++) {
        struct proposal p = test_proposal(t);
        struct buffer b;
        struct writer w;
        buffer_init(&b, 10000);
        writer_init(&w, &b);
        proposal_write(&w, &p);
        assert_ok(writer_done(&w));
        check_decoder(again_proposal, NULL, buffer_span(&b));
        buffer_wipe(&b);
    }
}

static void an_unknown_type_is_refused_by_name(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    assert_status(again_proposal(NULL, test_hex("0a0a 00"), &b), ST_MLS_PROPOSAL_TYPE);
    assert_status(again_proposal(NULL, test_hex("0000"), &b), ST_MLS_PROPOSAL_TYPE);
    assert_status(again_proposal(NULL, test_hex("0008 00"), &b), ST_MLS_PROPOSAL_TYPE);
    buffer_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_decodes_and_encodes),
        cmocka_unit_test(an_unknown_type_is_refused_by_name),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
