/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/letterbox.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("letterbox");
    sample_check_decoder("invite");
    sample_check_decoder("card");
    sample_check_decoder("letterbox_message");
}

static void a_flipped_bit_breaks_the_signature(void **state)
{
    (void)state;
    sample_check_signed("invite");
    sample_check_signed("card");
    sample_check_signed("letterbox_message");
}

struct fixture {
    struct test_entropy random;
    struct sample_key sender;
    struct buffer certificate, sealed, plain;
    struct dh_private hpke_private;
    struct letterbox box;
    struct letterbox_owner owner;
    struct letterbox_message message;
};

static void setup(struct fixture *f)
{
    uint8_t ikm[32] = {7};
    memset(f, 0, sizeof *f);
    test_entropy_init(&f->random, 1);
    buffer_init(&f->certificate, 1024);
    buffer_init(&f->sealed, 1 << 20);
    buffer_init(&f->plain, 1 << 20);
    f->sender = sample_key(2); /* whose device the sample certificate is */
    sample_encode("device_certificate", &f->certificate);
    assert_ok(dh_derive(SPAN(ikm), &f->hpke_private, &f->box.hpke_public));
    f->box.write_token.b[0] = 1;
    f->owner.hpke_private = &f->hpke_private;
    f->owner.hpke_public = f->box.hpke_public;
    f->owner.who = sample_person(5, 6);
    assert_ok(letterbox_log_id(&f->box, &f->owner.log));
    f->message = (struct letterbox_message){.type = LETTERBOX_CONTACT_REQUEST,
                                            .certificate = buffer_span(&f->certificate),
                                            .body = span_text("hello")};
    assert_ok(
        letterbox_seal(&f->message, &f->box, &f->owner.who, &f->sender.key, &f->random.entropy, &f->sealed));
}

static void teardown(struct fixture *f)
{
    buffer_wipe(&f->certificate);
    buffer_wipe(&f->sealed);
    buffer_wipe(&f->plain);
}

static void the_owner_reads_what_was_put_in(void **state)
{
    (void)state;
    struct fixture f;
    struct letterbox_message got;
    setup(&f);
    assert_ok(letterbox_open(&f.owner, buffer_span(&f.sealed), &f.plain, &got));
    assert_true(span_equal(got.body, span_text("hello")));
    assert_int_equal(got.type, LETTERBOX_CONTACT_REQUEST);
    teardown(&f);
}

/* T11: only the holder of the box's HPKE key reads a request; neither the write token nor the block key do.
 */
static void T11_nobody_else_opens_it(void **state)
{
    (void)state;
    struct fixture f;
    struct letterbox_message got;
    struct dh_private other = {{9}};
    setup(&f);
    f.owner.hpke_private = &other;
    assert_status(letterbox_open(&f.owner, buffer_span(&f.sealed), &f.plain, &got), ST_CRYPTO_OPEN);
    assert_int_equal(f.plain.len, 0);
    teardown(&f);
}

/* T12: who receives a request cannot reseal it to somebody else's child. */
static void T12_a_request_resealed_to_another_box_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct letterbox_message got;
    struct dh_private second_private;
    struct dh_public second_public;
    struct buffer resealed;
    uint8_t ikm[32] = {8}, enc[HPKE_ENC_LEN];
    setup(&f);
    assert_ok(letterbox_open(&f.owner, buffer_span(&f.sealed), &f.plain, &got));
    assert_ok(dh_derive(SPAN(ikm), &second_private, &second_public));
    struct letterbox_owner second = f.owner;
    second.hpke_private = &second_private;
    second.hpke_public = second_public;
    buffer_init(&resealed, 1 << 20);
    assert_ok(buffer_append(&resealed, SPAN(enc)));
    assert_ok(hpke_seal_label(LABELS_KITH, &second_public, span_text(label_text(LABEL_LETTERBOX_SEAL)),
                              SPAN_ID(&second.log), buffer_span(&f.plain), &f.random.entropy, enc,
                              &resealed));
    memcpy(resealed.ptr, enc, sizeof enc);
    struct buffer plain;
    buffer_init(&plain, 1 << 20);
    assert_status(letterbox_open(&second, buffer_span(&resealed), &plain, &got), ST_LETTERBOX_ADDRESS);
    /* nor to another person who has the same box */
    second = f.owner;
    second.who = sample_person(5, 7);
    assert_status(letterbox_open(&second, buffer_span(&f.sealed), &plain, &got), ST_LETTERBOX_ADDRESS);
    buffer_wipe(&plain);
    buffer_wipe(&resealed);
    teardown(&f);
}

static void a_sender_who_does_not_hold_the_certified_key_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct letterbox_message got;
    setup(&f);
    buffer_wipe(&f.sealed);
    struct sample_key thief = sample_key(3);
    assert_ok(letterbox_seal(&f.message, &f.box, &f.owner.who, &thief.key, &f.random.entropy, &f.sealed));
    assert_status(letterbox_open(&f.owner, buffer_span(&f.sealed), &f.plain, &got), ST_CRYPTO_SIGNATURE);
    teardown(&f);
}

/* T10: a log's address says nothing without its token, and no two tokens share one. */
static void T10_the_log_id_depends_on_every_capability(void **state)
{
    (void)state;
    struct letterbox l = {0};
    struct log_id a, b;
    assert_ok(letterbox_log_id(&l, &a));
    l.write_token.b[31] = 1;
    assert_ok(letterbox_log_id(&l, &b));
    assert_false(ID_EQUAL(&a, &b));
    l.write_token.b[31] = 0;
    l.trim_hash[0] = 1;
    assert_ok(letterbox_log_id(&l, &b));
    assert_false(ID_EQUAL(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_flipped_bit_breaks_the_signature),
        cmocka_unit_test(the_owner_reads_what_was_put_in),
        cmocka_unit_test(T11_nobody_else_opens_it),
        cmocka_unit_test(T12_a_request_resealed_to_another_box_is_refused),
        cmocka_unit_test(a_sender_who_does_not_hold_the_certified_key_is_refused),
        cmocka_unit_test(T10_the_log_id_depends_on_every_capability),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
