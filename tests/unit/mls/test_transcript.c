/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/transcript.h"

#include <string.h>

#include "tests/support/test.h"
#include "tests/support/test_hex.h"

static void transcript_chains_the_interim_hash_and_the_commit(void **state)
{
    (void)state;
    uint8_t out[HASH_LEN], plain[HASH_LEN];
    transcript_confirmed(span_text("before"), span_text("input"), out);
    assert_hex(SPAN(out), "21b6d9fddd0dca9564e7354aaa4d28e2f280e7e8c7321624ee6b9ead11e34c0c");
    transcript_confirmed(SPAN_EMPTY, span_text("input"), out); /* epoch 0: nothing is before */
    hash_bytes(span_text("input"), plain);
    assert_span(SPAN(out), SPAN(plain));
}

static void transcript_chains_the_tag_as_a_mac_with_its_length(void **state)
{
    (void)state;
    uint8_t tag[HASH_LEN], out[HASH_LEN];
    memset(tag, 7, sizeof(tag));
    transcript_interim(span_text("confirmed"), tag, out);
    assert_hex(SPAN(out), "2acbfc46accb5b234640050e7f6a6b934aa17b6122ff2f0a494a9a8b98d48c56");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transcript_chains_the_interim_hash_and_the_commit),
        cmocka_unit_test(transcript_chains_the_tag_as_a_mac_with_its_length),
    };
    return suite_start() == ST_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
