/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/relay_told.h"

#include <string.h>

#include "tests/support/test.h"
#include "tests/support/test_decoder.h"

static enum status again(void *ctx, struct span in, struct buffer *out)
{
    struct relay_told t;
    struct writer w;
    (void)ctx;
    enum status st = relay_told_decode(&t, in);
    writer_init(&w, out);
    return st == ST_OK ? relay_told_encode(&w, &t) : st;
}

static void a_word_decodes_whole_or_not_at_all(void **state)
{
    (void)state;
    struct relay_told t = {span_text("kith-relay://somewhere"), true};
    struct buffer bytes;
    struct writer w;
    for (int reached = 0; reached < 2; reached++) {
        t.reached = reached != 0;
        buffer_init(&bytes, 1024);
        writer_init(&w, &bytes);
        assert_ok(relay_told_encode(&w, &t));
        check_decoder(again, NULL, buffer_span(&bytes));
        buffer_wipe(&bytes);
    }
}

static void an_address_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[WIRE_RELAY_MAX + 2];
    struct relay_told t;
    struct buffer bytes;
    struct writer w;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    buffer_init(&bytes, 1024);
    writer_init(&w, &bytes);
    wire_write_version(&w);
    writer_vec(&w, span_text(text));
    writer_u8(&w, 1);
    assert_ok(writer_done(&w));
    assert_status(relay_told_decode(&t, buffer_span(&bytes)), ST_WIRE_LIMIT);
    buffer_wipe(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_decodes_whole_or_not_at_all),
        cmocka_unit_test(an_address_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
