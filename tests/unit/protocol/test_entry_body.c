/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/entry_body.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("entry_body");
}

/* One body of every kind: filled with what all its fields allow. */
static void fill_body(struct entry_body *b, enum entry_kind kind)
{
    memset(b, 0, sizeof *b);
    b->kind = kind;
    if (kind == ENTRY_REQUEST_TOLD)
        b->u.request_told.name = span_text("Leo");
    if (kind == ENTRY_SETTING)
        b->u.setting.key = span_text("theme");
    if (kind == ENTRY_TEXT)
        b->u.text.text = span_text("hello");
    if (kind == ENTRY_ATTACHMENT) {
        b->u.attachment.name = span_text("holiday.png");
        b->u.attachment.media = span_text("image/png");
        b->u.attachment.size = FILE_SIZE_MAX;
    }
    if (kind == ENTRY_RECEIPT) {
        b->u.receipt.what = RECEIPT_READ;
        b->u.receipt.seq = 7;
    }
    if (kind == ENTRY_INVITE_KEY)
        b->u.invite_key.box.relay = span_text("kith-relay://…");
}

static void every_kind_goes_round(void **state)
{
    (void)state;
    size_t kinds = 0;
    for (uint16_t kind = 0; kind < ENTRY_KIND_END; kind++) {
        struct buffer b, again;
        struct writer w;
        struct entry_body body, got;
        if (!entry_kind_known(kind))
            continue;
        fill_body(&body, kind);
        buffer_init(&b, 1 << 16);
        buffer_init(&again, 1 << 16);
        writer_init(&w, &b);
        assert_ok(entry_body_encode(&w, &body));
        assert_ok(entry_body_decode(&got, kind, buffer_span(&b)));
        writer_init(&w, &again);
        assert_ok(entry_body_encode(&w, &got));
        assert_true(span_equal(buffer_span(&b), buffer_span(&again)));
        for (size_t len = 0; len < b.len; len++)
            assert_int_not_equal(entry_body_decode(&got, kind, SPAN_OF(b.ptr, len)), ST_OK);
        buffer_wipe(&b);
        buffer_wipe(&again);
        kinds++;
    }
    assert_int_equal(kinds, 34);
}

static void unknown_kinds_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[] = {WIRE_VERSION};
    struct entry_body b;
    assert_status(entry_body_decode(&b, 0, SPAN(bytes)), ST_WIRE_ENUM);
    assert_status(entry_body_decode(&b, ENTRY_KIND_END, SPAN(bytes)), ST_WIRE_ENUM);
    assert_status(entry_body_decode(&b, UINT16_MAX, SPAN(bytes)), ST_WIRE_ENUM);
}

/* T23: what only parents hold has no place in a child's scopes. */
static void T23_approaches_and_invite_keys_stay_out_of_a_ward(void **state)
{
    (void)state;
    assert_true(entry_kind_in_scope(ENTRY_APPROACH, SCOPE_PARENTS));
    for (int scope = SCOPE_FAMILY; scope <= SCOPE_CONVERSATION; scope++)
        if (scope != SCOPE_PARENTS)
            assert_false(entry_kind_in_scope(ENTRY_APPROACH, (enum scope_kind)scope));
    assert_false(entry_kind_in_scope(ENTRY_INVITE_KEY, SCOPE_WARD));
    assert_false(entry_kind_in_scope(ENTRY_INVITE_KEY, SCOPE_FAMILY));
    assert_false(entry_kind_in_scope(ENTRY_NOTE, SCOPE_WARD));
}

static void a_conversation_holds_no_authority(void **state)
{
    (void)state;
    static const enum entry_kind kinds[] = {ENTRY_PERMIT, ENTRY_POLICY, ENTRY_DECISION, ENTRY_CHAIN,
                                            ENTRY_PROPOSAL};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_false(entry_kind_in_scope(kinds[i], SCOPE_CONVERSATION));
    assert_true(entry_kind_in_scope(ENTRY_TEXT, SCOPE_CONVERSATION));
    assert_false(entry_kind_in_scope(0, SCOPE_FAMILY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(every_kind_goes_round),
        cmocka_unit_test(unknown_kinds_are_refused),
        cmocka_unit_test(T23_approaches_and_invite_keys_stay_out_of_a_ward),
        cmocka_unit_test(a_conversation_holds_no_authority),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
