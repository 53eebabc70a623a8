/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/family_relays.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/sample_relays.h"
#include "tests/support/test.h"
#include "tests/support/test_decoder.h"
#include "tests/support/test_samples.h"

static enum status again(void *ctx, struct span in, struct buffer *out)
{
    struct authority_body b;
    struct writer w;
    (void)ctx;
    enum status st = authority_body_decode(&b, in);
    writer_init(&w, out);
    return st == ST_OK ? authority_body_encode(&w, &b) : st;
}

static void an_entry_decodes_whole_or_not_at_all(void **state)
{
    (void)state;
    struct authority_body b = {.kind = AUTHORITY_RELAYS, .relays = sample_relays(1)};
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, 4096);
    writer_init(&w, &bytes);
    assert_ok(authority_body_encode(&w, &b));
    check_decoder(again, NULL, buffer_span(&bytes));
    buffer_wipe(&bytes);
}

/* What the decoder says to a list of these texts. */
static enum status read_list(const char *const *texts, size_t count)
{
    struct family_relays l;
    struct buffer bytes;
    struct writer w;
    struct reader r;
    buffer_init(&bytes, 1 << 16);
    writer_init(&w, &bytes);
    size_t mark = writer_open(&w);
    for (size_t i = 0; i < count; i++)
        writer_vec(&w, span_text(texts[i]));
    writer_close(&w, mark);
    assert_ok(writer_done(&w));
    reader_init(&r, buffer_span(&bytes));
    family_relays_read(&r, &l);
    enum status st = reader_done(&r);
    buffer_wipe(&bytes);
    return st;
}

/* T15: an entry of a parent's device gone mad leaves no family without a relay, and none with a hundred. */
static void T15_a_list_has_one_to_four_relays_each_once_by_an_address(void **state)
{
    (void)state;
    struct family_relays some[3] = {sample_relays(1), sample_relays(3), sample_relays(5)};
    char same_key[WIRE_RELAY_MAX + 1], long_text[WIRE_RELAY_MAX + 2];
    const char *texts[5] = {some[0].at[0], some[0].at[1], some[1].at[0], some[1].at[1], some[2].at[0]};
    assert_ok(read_list(texts, 1));
    assert_ok(read_list(texts, 4));
    assert_status(read_list(texts, 0), ST_WIRE_VALUE);
    assert_status(read_list(texts, 5), ST_WIRE_LIMIT);
    texts[1] = some[0].at[0];
    assert_status(read_list(texts, 2), ST_WIRE_VALUE);
    snprintf(same_key, sizeof same_key, "%.56s@elsewhere.example:1", some[0].at[0]);
    texts[1] = same_key; /* one relay under two names */
    assert_status(read_list(texts, 2), ST_WIRE_VALUE);
    texts[1] = "http://relay.example";
    assert_status(read_list(texts, 2), ST_RELAY_ADDRESS);
    texts[1] = "";
    assert_status(read_list(texts, 2), ST_RELAY_ADDRESS);
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    texts[1] = long_text;
    assert_status(read_list(texts, 2), ST_WIRE_LIMIT);
}

static void nobody_encodes_what_nobody_decodes(void **state)
{
    (void)state;
    struct authority_body b = {.kind = AUTHORITY_RELAYS};
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, 4096);
    writer_init(&w, &bytes);
    assert_status(authority_body_encode(&w, &b), ST_WIRE_VALUE);
    b.relays = sample_relays(1);
    memcpy(b.relays.at[1], b.relays.at[0], sizeof b.relays.at[1]);
    buffer_wipe(&bytes);
    writer_init(&w, &bytes);
    assert_status(authority_body_encode(&w, &b), ST_WIRE_VALUE);
    buffer_wipe(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_decodes_whole_or_not_at_all),
        cmocka_unit_test(T15_a_list_has_one_to_four_relays_each_once_by_an_address),
        cmocka_unit_test(nobody_encodes_what_nobody_decodes),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
