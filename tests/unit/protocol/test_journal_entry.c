/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/journal_entry.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("journal_entry");
    sample_check_decoder("have");
}

static void a_flipped_bit_breaks_the_signature(void **state)
{
    (void)state;
    sample_check_signed("journal_entry");
}

static void sample_entry(struct buffer *b, struct journal_entry *e)
{
    buffer_init(b, 4096);
    sample_encode("journal_entry", b);
    assert_ok(journal_entry_decode(e, buffer_span(b)));
}

static void a_withheld_body_leaves_the_hash_as_it_was(void **state)
{
    (void)state;
    struct buffer b, c;
    struct writer w;
    struct journal_entry e, header_only;
    struct entry_hash one, two;
    sample_entry(&b, &e);
    assert_ok(entry_header_hash(&e.header, &one));
    e.has_body = false;
    buffer_init(&c, 4096);
    writer_init(&w, &c);
    assert_ok(journal_entry_encode(&w, &e));
    assert_ok(journal_entry_decode(&header_only, buffer_span(&c)));
    assert_ok(entry_header_hash(&header_only.header, &two));
    assert_true(ID_EQUAL(&one, &two));
    assert_ok(entry_signature_verify(&header_only.header, &header_only.signature));
    buffer_wipe(&b);
    buffer_wipe(&c);
}

/* T24: no other body, kind or salt can be put under a header. */
static void T24_another_body_under_a_header_is_refused(void **state)
{
    (void)state;
    struct buffer b, c;
    struct writer w;
    struct journal_entry e, got;
    sample_entry(&b, &e);
    for (int which = 0; which < 3; which++) {
        struct journal_entry forged = e;
        if (which == 0)
            forged.body = span_text("b body");
        else if (which == 1)
            forged.kind++;
        else
            forged.salt[0] ^= 1;
        buffer_init(&c, 4096);
        writer_init(&w, &c);
        assert_ok(journal_entry_encode(&w, &forged));
        assert_status(journal_entry_decode(&got, buffer_span(&c)), ST_ENTRY_BODY_HASH);
        buffer_wipe(&c);
    }
    buffer_wipe(&b);
}

static void the_first_entry_has_nothing_before_it(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    struct journal_entry e = {.header = {.seq = 0}};
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(journal_entry_encode(&w, &e));
    assert_status(journal_entry_decode(&e, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&b);
    e = (struct journal_entry){.header = {.seq = 1}};
    e.header.prev.b[0] = 1;
    assert_ok(journal_entry_encode(&w, &e));
    assert_status(journal_entry_decode(&e, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&b);
}

/* Encodes with a number that may be, and puts another one in its place. */
static void put_seq(struct buffer *b, uint64_t seq)
{
    const struct journal_entry e = {.header = {.seq = 1}};
    enum { AT = 1 + sizeof(struct scope_id) + ID_LEN };
    struct writer w;
    buffer_init(b, 4096);
    writer_init(&w, b);
    assert_ok(journal_entry_encode(&w, &e));
    for (int i = 0; i < 8; i++)
        b->ptr[AT + i] = (uint8_t)(seq >> (56 - 8 * i));
}

static void T15_numbers_end_at_their_limit(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    struct have h = {.author_count = 1, .authors = {{.seq = ENTRY_SEQ_MAX + 1}}};
    struct journal_entry e = {.header = {.seq = ENTRY_SEQ_MAX + 1}};
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_status(journal_entry_encode(&w, &e), ST_ENTRY_SEQ);
    buffer_wipe(&b);
    put_seq(&b, ENTRY_SEQ_MAX);
    assert_ok(journal_entry_decode(&e, buffer_span(&b)));
    buffer_wipe(&b);
    put_seq(&b, ENTRY_SEQ_MAX + 1);
    assert_status(journal_entry_decode(&e, buffer_span(&b)), ST_ENTRY_SEQ);
    buffer_wipe(&b);
    put_seq(&b, UINT64_MAX);
    assert_status(journal_entry_decode(&e, buffer_span(&b)), ST_ENTRY_SEQ);
    buffer_wipe(&b);
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(have_encode(&w, &h));
    assert_status(have_decode(&h, buffer_span(&b)), ST_ENTRY_SEQ);
    buffer_wipe(&b);
}

static void have_names_an_author_once(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    struct have h = {.author_count = 2};
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(have_encode(&w, &h));
    assert_status(have_decode(&h, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_flipped_bit_breaks_the_signature),
        cmocka_unit_test(a_withheld_body_leaves_the_hash_as_it_was),
        cmocka_unit_test(T24_another_body_under_a_header_is_refused),
        cmocka_unit_test(the_first_entry_has_nothing_before_it),
        cmocka_unit_test(T15_numbers_end_at_their_limit),
        cmocka_unit_test(have_names_an_author_once),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
