/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/public_message.h"

#include "tests/support/test.h"
#include "tests/support/test_structures.h"

static struct buffer store, encoded;

static int wipe(void **state)
{
    (void)state;
    buffer_wipe(&store);
    buffer_wipe(&encoded);
    return 0;
}

static struct public_message sample(enum content_type type)
{
    static const uint8_t signature[64] = {1}, tag[32] = {2};
    buffer_wipe(&store);
    struct public_message m = {.membership_tag = SPAN(tag)};
    m.signed_content = (struct authenticated_content){.wire_format = WIRE_PUBLIC_MESSAGE,
                                                      .content = test_framed_content(type, &store),
                                                      .auth = {SPAN(signature), SPAN_EMPTY}};
    if (type == CONTENT_COMMIT)
        m.signed_content.auth.confirmation_tag = SPAN(tag);
    return m;
}

static struct span encode(const struct public_message *m)
{
    struct writer w;
    buffer_wipe(&encoded);
    buffer_init(&encoded, 1 << 20);
    writer_init(&w, &encoded);
    public_message_write(&w, m);
    assert_ok(writer_done(&w));
    return buffer_span(&encoded);
}

static void every_type_decodes_and_encodes(void **state)
{
    (void)state;
    for (enum content_type t = CONTENT_APPLICATION; t <= CONTENT_COMMIT; t++) {
        struct public_message m = sample(t);
        check_decoder(again_public_message, NULL, encode(&m));
    }
}

static void only_members_have_a_membership_tag(void **state)
{
    (void)state;
    struct public_message m = sample(CONTENT_PROPOSAL), back;
    struct reader r;
    m.signed_content.content.sender = (struct sender){SENDER_NEW_MEMBER_PROPOSAL, 0};
    reader_init(&r, encode(&m));
    public_message_read(&r, &back);
    assert_ok(reader_done(&r));
    assert_int_equal(back.membership_tag.len, 0);
    const struct secret key = {{1}};
    assert_status(public_message_check(&back, &key, SPAN_EMPTY), ST_MLS_EXTERNAL);
}

static void the_tag_covers_context_signature_and_content(void **state)
{
    (void)state;
    const struct secret key = {{1}}, wrong = {{2}};
    struct public_message m = sample(CONTENT_COMMIT), back;
    struct reader r;
    buffer_init(&encoded, 1 << 20);
    assert_ok(public_message_seal(&m.signed_content, &key, span_text("context"), &encoded));
    reader_init(&r, buffer_span(&encoded));
    public_message_read(&r, &back);
    assert_ok(reader_done(&r));
    assert_ok(public_message_check(&back, &key, span_text("context")));
    assert_status(public_message_check(&back, &wrong, span_text("context")), ST_MLS_MEMBERSHIP_TAG);
    assert_status(public_message_check(&back, &key, span_text("other")), ST_MLS_MEMBERSHIP_TAG);
    back.signed_content.auth.confirmation_tag.len--;
    assert_status(public_message_check(&back, &key, span_text("context")), ST_MLS_MEMBERSHIP_TAG);
    back.signed_content.auth.confirmation_tag.len++;
    back.membership_tag.len--;
    assert_status(public_message_check(&back, &key, span_text("context")), ST_MLS_MEMBERSHIP_TAG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_type_decodes_and_encodes, NULL, wipe),
        cmocka_unit_test_setup_teardown(only_members_have_a_membership_tag, NULL, wipe),
        cmocka_unit_test_setup_teardown(the_tag_covers_context_signature_and_content, NULL, wipe),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
