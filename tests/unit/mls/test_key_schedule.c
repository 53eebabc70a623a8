/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9420 §8 against values from a script that has only HMAC and the RFC's text in common with the engine.
 */
#include "protocol/mls/key_schedule.h"

#include <string.h>

#include "tests/support/test.h"
#include "tests/support/test_hex.h"

static const struct secret init_before = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
static struct secret commit_secret, psk_secret, joiner;
static struct epoch_secrets epoch;
#define CONTEXT span_text("group context")

static int setup(void **state)
{
    (void)state;
    memset(commit_secret.b, 2, sizeof(commit_secret.b));
    memset(psk_secret.b, 3, sizeof(psk_secret.b));
    if (key_schedule_joiner(&init_before, &commit_secret, CONTEXT, &joiner) != ST_OK)
        return -1;
    return key_schedule_epoch(&joiner, &psk_secret, CONTEXT, &epoch) == ST_OK ? 0 : -1;
}

static void key_schedule_derives_the_joiner_and_welcome_secrets(void **state)
{
    (void)state;
    assert_hex(SPAN_ID(&joiner), "4d1ed9ab920d3c79802af6a136a3dcbc00755849489361217057a392f1af76ed");
    struct secret welcome;
    assert_ok(key_schedule_welcome(&joiner, &psk_secret, &welcome));
    assert_hex(SPAN_ID(&welcome), "f2e99726b0ccb233fe455f576d5a763d8cece5778d26d7dd7ca7866132725db9");
    uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN];
    assert_ok(key_schedule_welcome_key(&welcome, key, nonce));
    assert_hex(SPAN(key), "4a80b02cc5d189c5ff4af3ebe3ad84dfe5b3f0623f68ba4cfcd73a57f5b74039");
    assert_hex(SPAN(nonce), "03e070460bf8aba4bd9fbd81");
}

static void key_schedule_derives_every_secret_of_an_epoch(void **state)
{
    (void)state;
    const struct {
        const struct secret *got;
        const char *want;
    } rows[] = {
        {&epoch.sender_data, "f98685e49070d02c0ce0767a25753a95295e41cf10c7686e07e7488c711cc4f6"},
        {&epoch.encryption, "30987ba123d5f506fbe0bc51191e2df7f69521a332fb513d02fb4ac1a193c108"},
        {&epoch.exporter, "7e8d7d3b97c59b0d14f8f2a24b455b28574bd14fb3d593c034263879f83addd7"},
        {&epoch.external, "42ad6cbdc265fded5aa86f5695d6abd555d4007bc98b864d5608063ab471ec5e"},
        {&epoch.confirmation_key, "1a0aac51a61c621dcb966848abb702912292320bd00faa0c1fa8ae498313205d"},
        {&epoch.membership_key, "a1d979a88623ac9a7f12d80943b6c710dc2071b4fb2ac28ab1fc93f93d41340c"},
        {&epoch.resumption_psk, "8d0e24c37b027cd389e441307aee7b9a102ff0fefbe026ec7a97e7ae3f144fbf"},
        {&epoch.authenticator, "07a02fae48970db23b8590ec6e2ef72800a820d8e4d7ca3f274ec01f81211876"},
        {&epoch.init, "9fcd9e1fdf99dd97930eb7b2260fbf43d7ebecfce828b1e2de082c4d08163d9a"},
    };
    assert_int_equal(sizeof(rows) / sizeof(rows[0]), sizeof(epoch) / sizeof(struct secret));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_hex(SPAN_ID(rows[i].got), rows[i].want);
}

static void key_schedule_exports_by_label_and_context(void **state)
{
    (void)state;
    uint8_t out[40];
    assert_ok(key_schedule_export(&epoch.exporter, span_text("some label"), span_text("some context"), out,
                                  sizeof(out)));
    assert_hex(SPAN(out), "d872e9849d112dde3fe1664f1edb570f01bb8ac7dd303f7fd5e3873c329f252a1f58afc6044da5bc");
    assert_ok(key_schedule_export(&epoch.exporter, SPAN_EMPTY, SPAN_EMPTY, out, 0));
}

static void key_schedule_refuses_an_export_that_hkdf_cannot_give(void **state)
{
    (void)state;
    static uint8_t out[HKDF_OUT_MAX + 1];
    out[0] = out[HKDF_OUT_MAX] = 0xaa;
    assert_status(key_schedule_export(&epoch.exporter, span_text("l"), SPAN_EMPTY, out, sizeof(out)),
                  ST_CRYPTO_LENGTH);
    assert_int_equal(out[0] | out[HKDF_OUT_MAX], 0);
}

static void key_schedule_gives_another_epoch_for_every_changed_input(void **state)
{
    (void)state;
    struct secret other = joiner, none = {{0}};
    struct epoch_secrets changed;
    other.b[31] ^= 1;
    assert_ok(key_schedule_epoch(&other, &psk_secret, CONTEXT, &changed));
    assert_false(secret_equal(&changed.authenticator, &epoch.authenticator));
    assert_ok(key_schedule_epoch(&joiner, &none, CONTEXT, &changed));
    assert_false(secret_equal(&changed.authenticator, &epoch.authenticator));
    assert_ok(key_schedule_epoch(&joiner, &psk_secret, span_text("group contexu"), &changed));
    assert_false(secret_equal(&changed.authenticator, &epoch.authenticator));
    epoch_secrets_wipe(&changed);
    assert_true(secret_equal(&changed.init, &none));
}

static void key_schedule_confirms_the_transcript(void **state)
{
    (void)state;
    uint8_t tag[CONFIRMATION_TAG_LEN];
    confirmation_tag_compute(&epoch.confirmation_key, span_text("confirmed"), tag);
    assert_hex(SPAN(tag), "055b54982ca64f63cfda7509086ef932485b5c864b8329da1ac615d2f9e8f672");
}

static void key_schedule_derives_an_external_key_pair_that_fits(void **state)
{
    (void)state;
    struct dh_private private;
    struct dh_public public, again;
    assert_ok(key_schedule_external(&epoch.external, &private, &public));
    dh_public_of(&private, &again);
    assert_span(SPAN_ID(&public), SPAN_ID(&again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_schedule_derives_the_joiner_and_welcome_secrets),
        cmocka_unit_test(key_schedule_derives_every_secret_of_an_epoch),
        cmocka_unit_test(key_schedule_exports_by_label_and_context),
        cmocka_unit_test(key_schedule_refuses_an_export_that_hkdf_cannot_give),
        cmocka_unit_test(key_schedule_gives_another_epoch_for_every_changed_input),
        cmocka_unit_test(key_schedule_confirms_the_transcript),
        cmocka_unit_test(key_schedule_derives_an_external_key_pair_that_fits),
    };
    return suite_start() == ST_OK ? cmocka_run_group_tests(tests, setup, NULL) : 1;
}
