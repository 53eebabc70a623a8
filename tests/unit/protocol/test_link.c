/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/letterbox.h"
#include "protocol/link.h"
#include "protocol/pairing_message.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void print(enum link_kind kind, const char *sample, struct buffer *text)
{
    struct buffer payload;
    buffer_init(&payload, 4096);
    buffer_init(text, 8192);
    sample_encode(sample, &payload);
    assert_ok(link_print(kind, buffer_span(&payload), text));
    buffer_wipe(&payload);
}

static void a_link_goes_round(void **state)
{
    (void)state;
    struct buffer text, payload;
    struct pairing_link l;
    print(LINK_PAIR, "pairing_link", &text);
    buffer_init(&payload, 4096);
    assert_ok(link_parse(LINK_PAIR, buffer_span(&text), &payload));
    assert_ok(pairing_link_decode(&l, buffer_span(&payload)));
    buffer_wipe(&payload);
    buffer_wipe(&text);
}

/* T14: by its scheme, by its check and by its structure, a link of one kind is none of the other. */
static void T14_a_meeting_link_is_no_pairing_link_nor_the_reverse(void **state)
{
    (void)state;
    struct buffer pair, meet, payload;
    print(LINK_PAIR, "pairing_link", &pair);
    print(LINK_MEET, "invite", &meet);
    buffer_init(&payload, 4096);
    assert_status(link_parse(LINK_MEET, buffer_span(&pair), &payload), ST_LINK_OTHER_KIND);
    assert_status(link_parse(LINK_PAIR, buffer_span(&meet), &payload), ST_LINK_OTHER_KIND);
    /* the scheme exchanged by hand: both schemes are ten characters */
    memcpy(pair.ptr, "kith-meet:", 10);
    memcpy(meet.ptr, "kith-pair:", 10);
    assert_status(link_parse(LINK_MEET, buffer_span(&pair), &payload), ST_LINK_DAMAGED);
    assert_status(link_parse(LINK_PAIR, buffer_span(&meet), &payload), ST_LINK_DAMAGED);
    assert_int_equal(payload.len, 0);
    buffer_wipe(&pair);
    buffer_wipe(&meet);
    buffer_wipe(&payload);
}

/* T14: even a payload printed under the other scheme does not decode as the other structure. */
static void T14_neither_structure_decodes_as_the_other(void **state)
{
    (void)state;
    struct buffer b;
    struct invite i;
    struct pairing_link l;
    buffer_init(&b, 4096);
    sample_encode("pairing_link", &b);
    assert_int_not_equal(invite_decode(&i, buffer_span(&b)), ST_OK);
    buffer_wipe(&b);
    sample_encode("invite", &b);
    assert_int_not_equal(pairing_link_decode(&l, buffer_span(&b)), ST_OK);
    buffer_wipe(&b);
}

static void T14_a_relay_address_is_neither(void **state)
{
    (void)state;
    struct buffer payload;
    struct relay_address relay;
    struct span text = span_text("kith-relay://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@127.0.0.1:4433");
    buffer_init(&payload, 4096);
    assert_status(link_parse(LINK_PAIR, text, &payload), ST_LINK_OTHER_KIND);
    assert_status(link_parse(LINK_MEET, text, &payload), ST_LINK_OTHER_KIND);
    assert_ok(link_relay_parse(&relay, text));
    assert_status(link_relay_parse(&relay, span_text("kith-pair:AAAA")), ST_LINK_OTHER_KIND);
    assert_status(link_relay_parse(&relay, span_text("https://example.org/")), ST_LINK_SCHEME);
    buffer_wipe(&payload);
}

static void what_mail_programs_do_to_a_link_is_forgiven(void **state)
{
    (void)state;
    struct buffer text, payload, pasted;
    print(LINK_MEET, "invite", &text);
    buffer_init(&payload, 4096);
    buffer_init(&pasted, 8192);
    assert_ok(buffer_append(&pasted, span_text("  ")));
    for (size_t i = 0; i < text.len; i++) { /* broken after every 60 characters, quoted by a blank */
        assert_ok(buffer_append(&pasted, SPAN_OF(text.ptr + i, 1)));
        if (i % 60 == 59)
            assert_ok(buffer_append(&pasted, span_text("\r\n ")));
    }
    assert_ok(buffer_append(&pasted, span_text(".\n")));
    assert_ok(link_parse(LINK_MEET, buffer_span(&pasted), &payload));
    buffer_wipe(&text);
    buffer_wipe(&pasted);
    buffer_wipe(&payload);
}

static void every_wrong_or_missing_character_is_noticed(void **state)
{
    (void)state;
    struct buffer text, payload;
    print(LINK_PAIR, "pairing_link", &text);
    buffer_init(&payload, 4096);
    for (size_t len = 0; len < text.len; len++)
        assert_int_not_equal(link_parse(LINK_PAIR, SPAN_OF(text.ptr, len), &payload), ST_OK);
    for (size_t i = 10; i < text.len; i++) {
        uint8_t kept = text.ptr[i];
        text.ptr[i] = kept == 'A' ? 'B' : 'A';
        assert_status(link_parse(LINK_PAIR, buffer_span(&text), &payload), ST_LINK_DAMAGED);
        text.ptr[i] = kept;
    }
    buffer_wipe(&text);
    buffer_wipe(&payload);
}

static void kinds_are_told_by_their_scheme(void **state)
{
    (void)state;
    enum link_kind kind;
    assert_ok(link_kind_of(span_text(" kith-meet:abc"), &kind));
    assert_int_equal(kind, LINK_MEET);
    assert_ok(link_kind_of(span_text("kith-pair:"), &kind));
    assert_int_equal(kind, LINK_PAIR);
    assert_ok(link_kind_of(span_text("kith-relay://x"), &kind));
    assert_int_equal(kind, LINK_RELAY);
    assert_status(link_kind_of(span_text(""), &kind), ST_LINK_SCHEME);
    assert_status(link_kind_of(span_text("kith-pai"), &kind), ST_LINK_SCHEME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_goes_round),
        cmocka_unit_test(T14_a_meeting_link_is_no_pairing_link_nor_the_reverse),
        cmocka_unit_test(T14_neither_structure_decodes_as_the_other),
        cmocka_unit_test(T14_a_relay_address_is_neither),
        cmocka_unit_test(what_mail_programs_do_to_a_link_is_forgiven),
        cmocka_unit_test(every_wrong_or_missing_character_is_noticed),
        cmocka_unit_test(kinds_are_told_by_their_scheme),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
