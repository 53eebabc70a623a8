/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/message.h"

#include "protocol/mls/group.h"
#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static struct buffer store, encoded;

static int wipe(void **state)
{
    (void)state;
    buffer_wipe(&store);
    buffer_wipe(&encoded);
    return 0;
}

static struct message sample(enum wire_format format)
{
    static const uint8_t bytes[64] = {1};
    struct message m = {.version = MLS_VERSION_10, .format = format};
    buffer_wipe(&store);
    switch (format) {
    case WIRE_PUBLIC_MESSAGE:
        m.u.public_message = (struct public_message){.membership_tag = SPAN(bytes)};
        m.u.public_message.signed_content =
            (struct authenticated_content){.wire_format = format,
                                           .content = test_framed_content(CONTENT_COMMIT, &store),
                                           .auth = {SPAN(bytes), SPAN_OF(bytes, 32)}};
        break;
    case WIRE_PRIVATE_MESSAGE:
        m.u.private_message = (struct private_message){
            span_text("g"), 5, CONTENT_COMMIT, span_text("data"), SPAN_OF(bytes, 28), SPAN(bytes)};
        break;
    case WIRE_WELCOME:
        m.u.welcome = test_welcome(&store);
        break;
    case WIRE_GROUP_INFO:
        m.u.group_info = test_group_info();
        break;
    case WIRE_KEY_PACKAGE:
        m.u.key_package = test_key_package();
        break;
    }
    return m;
}

static struct span encode(const struct message *m)
{
    struct writer w;
    buffer_wipe(&encoded);
    buffer_init(&encoded, 1 << 20);
    writer_init(&w, &encoded);
    message_write(&w, m);
    assert_ok(writer_done(&w));
    return buffer_span(&encoded);
}

static void every_format_decodes_and_encodes(void **state)
{
    (void)state;
    for (enum wire_format f = WIRE_PUBLIC_MESSAGE; f <= WIRE_KEY_PACKAGE; f++) {
        struct message m = sample(f);
        check_decoder(again_message, NULL, encode(&m));
    }
}

static void other_versions_and_formats_are_refused(void **state)
{
    (void)state;
    struct message m = sample(WIRE_KEY_PACKAGE), back;
    struct span in = encode(&m);
    encoded.ptr[1] = 2;
    assert_status(message_decode(&back, in), ST_WIRE_VERSION);
    encoded.ptr[1] = 1;
    encoded.ptr[3] = 6;
    assert_status(message_decode(&back, in), ST_WIRE_ENUM);
    encoded.ptr[3] = 0;
    assert_status(message_decode(&back, in), ST_WIRE_ENUM);
}

static void a_message_says_where_it_belongs(void **state)
{
    (void)state;
    struct mls_message_info info;
    struct message m = sample(WIRE_PRIVATE_MESSAGE);
    assert_ok(mls_message_info(encode(&m), &info));
    assert_int_equal(info.kind, MLS_MESSAGE_PRIVATE);
    assert_span(info.group_id, span_text("g"));
    assert_int_equal(info.epoch, 5);
    assert_true(info.handshake && info.commit);
    m = sample(WIRE_PUBLIC_MESSAGE);
    assert_ok(mls_message_info(encode(&m), &info));
    assert_span(info.group_id, span_text("group"));
    assert_true(info.commit);
    m = sample(WIRE_WELCOME);
    assert_ok(mls_message_info(encode(&m), &info));
    assert_int_equal(info.kind, MLS_MESSAGE_WELCOME);
    assert_false(info.handshake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_format_decodes_and_encodes, NULL, wipe),
        cmocka_unit_test_setup_teardown(other_versions_and_formats_are_refused, NULL, wipe),
        cmocka_unit_test_setup_teardown(a_message_says_where_it_belongs, NULL, wipe),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
