/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: RFC 9180's vectors for DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and both AEADs, modes base
 * and psk (the first three messages each; the vector runner goes through all), and MLS's crypto-basics. */
#include "protocol/hpke.h"

#include <string.h>

#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_hex.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct known {
    const char *mode;
    enum hpke_aead aead;
    const char *info, *ikm_e, *private_r, *public_r, *psk, *psk_id, *enc, *exporter;
    struct {
        const char *aad, *ciphertext;
    } sealed[3];
    struct {
        const char *context, *value;
    } exports[3];
} rows[] = {
    {
        .mode = "base",
        .aead = HPKE_CHACHA20POLY1305,
        .info = "4f6465206f6e2061204772656369616e2055726e",
        .ikm_e = "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b",
        .private_r = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
        .public_r = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
        .psk = "",
        .psk_id = "",
        .enc = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
        .exporter = "a3b010d4994890e2c6968a36f64470d3c824c8f5029942feb11e7a74b2921922",
        .sealed =
            {{"436f756e742d30",
              "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"},
             {"436f756e742d31",
              "6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c"},
             {"436f756e742d32",
              "71146bd6795ccc9c49ce25dda112a48f202ad220559502cef1f34271e0cb4b02b4f10ecac6f48c32f878fae86b"}},
        .exports = {{"", "4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e"},
                    {"00", "8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69"},
                    {"54657374436f6e74657874",
                     "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53"}},
    },
    {
        .mode = "psk",
        .aead = HPKE_CHACHA20POLY1305,
        .info = "4f6465206f6e2061204772656369616e2055726e",
        .ikm_e = "35706a0b09fb26fb45c39c2f5079c709c7cf98e43afa973f14d88ece7e29c2e3",
        .private_r = "77d114e0212be51cb1d76fa99dd41cfd4d0166b08caa09074430a6c59ef17879",
        .public_r = "13640af826b722fc04feaa4de2f28fbd5ecc03623b317834e7ff4120dbe73062",
        .psk = "0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82",
        .psk_id = "456e6e796e20447572696e206172616e204d6f726961",
        .enc = "2261299c3f40a9afc133b969a97f05e95be2c514e54f3de26cbe5644ac735b04",
        .exporter = "73b506dc8b6b4269027f80b0362def5cbb57ee50eed0c2873dac9181f453c5ac",
        .sealed =
            {{"436f756e742d30",
              "4a177f9c0d6f15cfdf533fb65bf84aecdc6ab16b8b85b4cf65a370e07fc1d78d28fb073214525276f4a89608ff"},
             {"436f756e742d31",
              "5c3cabae2f0b3e124d8d864c116fd8f20f3f56fda988c3573b40b09997fd6c769e77c8eda6cda4f947f5b704a8"},
             {"436f756e742d32",
              "14958900b44bdae9cbe5a528bf933c5c990dbb8e282e6e495adf8205d19da9eb270e3a6f1e0613ab7e757962a4"}},
        .exports = {{"", "813c1bfc516c99076ae0f466671f0ba5ff244a41699f7b2417e4c59d46d39f40"},
                    {"00", "2745cf3d5bb65c333658732954ee7af49eb895ce77f8022873a62a13c94cb4e1"},
                    {"54657374436f6e74657874",
                     "ad40e3ae14f21c99bfdebc20ae14ab86f4ca2dc9a4799d200f43a25f99fa78ae"}},
    },
    {
        .mode = "base",
        .aead = HPKE_EXPORT_ONLY,
        .info = "4f6465206f6e2061204772656369616e2055726e",
        .ikm_e = "55bc245ee4efda25d38f2d54d5bb6665291b99f8108a8c4b686c2b14893ea5d9",
        .private_r = "33d196c830a12f9ac65d6e565a590d80f04ee9b19c83c87f2c170d972a812848",
        .public_r = "194141ca6c3c3beb4792cd97ba0ea1faff09d98435012345766ee33aae2d7664",
        .psk = "",
        .psk_id = "",
        .enc = "e5e8f9bfff6c2f29791fc351d2c25ce1299aa5eaca78a757c0b4fb4bcd830918",
        .exporter = "79dc8e0509cf4a3364ca027e5a0138235281611ca910e435e8ed58167c72f79b",
        .exports = {{"", "7a36221bd56d50fb51ee65edfd98d06a23c4dc87085aa5866cb7087244bd2a36"},
                    {"00", "d5535b87099c6c3ce80dc112a2671c6ec8e811a2f284f948cec6dd1708ee33f0"},
                    {"54657374436f6e74657874",
                     "ffaabc85a776136ca0c378e5d084c9140ab552b78f039d2e8775f26efff4c70e"}},
    },
    {
        .mode = "psk",
        .aead = HPKE_EXPORT_ONLY,
        .info = "4f6465206f6e2061204772656369616e2055726e",
        .ikm_e = "c51211a8799f6b8a0021fcba673d9c4067a98ebc6794232e5b06cb9febcbbdf5",
        .private_r = "98f304d4ecb312689690b113973c61ffe0aa7c13f2fbe365e48f3ed09e5a6a0c",
        .public_r = "d53af36ea5f58f8868bb4a1333ed4cc47e7a63b0040eb54c77b9c8ec456da824",
        .psk = "0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82",
        .psk_id = "456e6e796e20447572696e206172616e204d6f726961",
        .enc = "d3805a97cbcd5f08babd21221d3e6b362a700572d14f9bbeb94ec078d051ae3d",
        .exporter = "04261818aeae99d6aba5101bd35ddf3271d909a756adcef0d41389d9ed9ab153",
        .exports = {{"", "be6c76955334376aa23e936be013ba8bbae90ae74ed995c1c6157e6f08dd5316"},
                    {"00", "1721ed2aa852f84d44ad020c2e2be4e2e6375098bf48775a533505fd56a3f416"},
                    {"54657374436f6e74657874",
                     "7c9d79876a288507b81a5a52365a7d39cc0fa3f07e34172984f96fec07c44cba"}},
    },
};

static const char plaintext[] = "4265617574792069732074727574682c20747275746820626561757479";

/* Hands out the bytes of a span once. */
static void fill_from_span(void *ctx, uint8_t *out, size_t len)
{
    struct span *from = ctx;
    assert_int_equal(len, from->len);
    memcpy(out, from->ptr, len);
    from->len = 0;
}

static struct hpke_psk row_psk(const struct known *row)
{
    return (struct hpke_psk){test_hex(row->psk), test_hex(row->psk_id)};
}

static void set_up(const struct known *row, struct hpke_context *sender, struct hpke_context *receiver)
{
    struct hpke_psk psk = row_psk(row);
    struct span ikm = test_hex(row->ikm_e);
    struct entropy ephemeral = {&ikm, fill_from_span};
    struct dh_private private;
    struct dh_public public;
    uint8_t enc[HPKE_ENC_LEN];
    memcpy(private.b, test_hex(row->private_r).ptr, DH_LEN);
    memcpy(public.b, test_hex(row->public_r).ptr, DH_LEN);
    assert_ok(hpke_setup_sender(sender, enc, row->aead, &public, test_hex(row->info), &psk, &ephemeral));
    assert_hex(SPAN(enc), row->enc);
    assert_ok(hpke_setup_receiver(receiver, row->aead, &private, SPAN(enc), test_hex(row->info), &psk));
    assert_hex(SPAN_ID(&sender->exporter), row->exporter);
    assert_true(secret_equal(&sender->exporter, &receiver->exporter));
}

static void contexts_give_the_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hpke_context sender, receiver;
        set_up(&rows[i], &sender, &receiver);
        for (size_t n = 0; rows[i].aead == HPKE_CHACHA20POLY1305 && n < 3; n++) {
            struct buffer sealed, opened;
            buffer_init(&sealed, 1000);
            buffer_init(&opened, 1000);
            struct span aad = test_hex(rows[i].sealed[n].aad);
            assert_ok(hpke_context_seal(&sender, aad, test_hex(plaintext), &sealed));
            assert_hex(buffer_span(&sealed), rows[i].sealed[n].ciphertext);
            assert_ok(hpke_context_open(&receiver, aad, buffer_span(&sealed), &opened));
            assert_hex(buffer_span(&opened), plaintext);
            buffer_wipe(&sealed);
            buffer_wipe(&opened);
        }
        for (size_t n = 0; n < 3; n++) {
            uint8_t out[32];
            struct span context = test_hex(rows[i].exports[n].context);
            assert_ok(hpke_context_export(&sender, context, out, sizeof(out)));
            assert_hex(SPAN(out), rows[i].exports[n].value);
            assert_ok(hpke_context_export(&receiver, context, out, sizeof(out)));
            assert_hex(SPAN(out), rows[i].exports[n].value);
        }
    }
}

static void export_only_seals_and_opens_nothing(void **state)
{
    (void)state;
    struct hpke_context sender, receiver;
    struct buffer out;
    uint8_t sealed[32] = {0};
    set_up(&rows[2], &sender, &receiver);
    buffer_init(&out, 1000);
    assert_status(hpke_context_seal(&sender, SPAN_EMPTY, span_text("x"), &out), ST_USAGE);
    assert_status(hpke_context_open(&receiver, SPAN_EMPTY, SPAN(sealed), &out), ST_USAGE);
    assert_int_equal(out.len, 0);
    buffer_wipe(&out);
}

/* A wrong ciphertext must not spend the number: the next right one still opens. */
static void a_failed_open_leaves_the_context_as_it_was(void **state)
{
    (void)state;
    struct hpke_context sender, receiver;
    struct buffer sealed, out;
    set_up(&rows[0], &sender, &receiver);
    buffer_init(&sealed, 1000);
    buffer_init(&out, 1000);
    assert_ok(hpke_context_seal(&sender, SPAN_EMPTY, span_text("text"), &sealed));
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_status(hpke_context_open(&receiver, SPAN_EMPTY, buffer_span(&sealed), &out), ST_CRYPTO_OPEN);
        sealed.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_status(hpke_context_open(&receiver, SPAN_EMPTY, SPAN_OF(sealed.ptr, len), &out),
                      ST_CRYPTO_OPEN);
    assert_status(hpke_context_open(&receiver, span_text("aad"), buffer_span(&sealed), &out), ST_CRYPTO_OPEN);
    assert_int_equal(out.len, 0);
    assert_ok(hpke_context_open(&receiver, SPAN_EMPTY, buffer_span(&sealed), &out));
    assert_span(buffer_span(&out), span_text("text"));
    assert_status(hpke_context_open(&receiver, SPAN_EMPTY, buffer_span(&sealed), &out), ST_CRYPTO_OPEN);
    buffer_wipe(&sealed);
    buffer_wipe(&out);
}

static void the_last_number_is_never_used(void **state)
{
    (void)state;
    struct hpke_context sender, receiver;
    struct buffer out;
    set_up(&rows[0], &sender, &receiver);
    buffer_init(&out, 1000);
    sender.seq = UINT64_MAX - 1;
    assert_ok(hpke_context_seal(&sender, SPAN_EMPTY, span_text("x"), &out));
    assert_status(hpke_context_seal(&sender, SPAN_EMPTY, span_text("x"), &out), ST_USAGE);
    assert_true(sender.seq == UINT64_MAX);
    buffer_wipe(&out);
}

/* RFC 9180 §5.1: a PSK and its id come together, and the PSK has at least 32 bytes. */
static void psk_must_be_whole_and_strong(void **state)
{
    (void)state;
    struct test_entropy e;
    struct dh_private private;
    struct dh_public public;
    uint8_t enc[HPKE_ENC_LEN], key[32] = {1};
    const struct hpke_psk wrong[] = {
        {SPAN(key), SPAN_EMPTY}, {SPAN_EMPTY, span_text("id")}, {SPAN_OF(key, 31), span_text("id")}};
    test_entropy_init(&e, 1);
    assert_ok(dh_derive(SPAN(key), &private, &public));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct hpke_context c, zero = {0};
        assert_status(
            hpke_setup_sender(&c, enc, HPKE_CHACHA20POLY1305, &public, SPAN_EMPTY, &wrong[i], &e.entropy),
            ST_USAGE);
        assert_memory_equal(&c, &zero, sizeof(c));
        assert_status(
            hpke_setup_receiver(&c, HPKE_CHACHA20POLY1305, &private, SPAN_ID(&public), SPAN_EMPTY, &wrong[i]),
            ST_USAGE);
    }
}

static void a_key_of_small_order_is_refused_by_both_sides(void **state)
{
    (void)state;
    struct test_entropy e;
    struct dh_private private = {{5}};
    struct dh_public weak = {{1}};
    struct hpke_context c;
    struct buffer out;
    uint8_t enc[HPKE_ENC_LEN] = {7}, zero[HPKE_ENC_LEN] = {0};
    test_entropy_init(&e, 1);
    buffer_init(&out, 100);
    assert_status(hpke_seal(&weak, SPAN_EMPTY, SPAN_EMPTY, span_text("x"), &e.entropy, enc, &out),
                  ST_CRYPTO_BAD_KEY);
    assert_span(SPAN(enc), SPAN(zero));
    assert_int_equal(out.len, 0);
    assert_status(hpke_setup_receiver(&c, HPKE_CHACHA20POLY1305, &private, SPAN_ID(&weak), SPAN_EMPTY, NULL),
                  ST_CRYPTO_BAD_KEY);
    assert_status(
        hpke_setup_receiver(&c, HPKE_CHACHA20POLY1305, &private, SPAN_OF(weak.b, 31), SPAN_EMPTY, NULL),
        ST_CRYPTO_BAD_KEY);
    buffer_wipe(&out);
}

static void a_message_opens_for_its_receiver_info_and_aad_only(void **state)
{
    (void)state;
    struct test_entropy e;
    struct dh_private mine, other;
    struct dh_public public, other_public;
    struct buffer sealed, out;
    uint8_t enc[HPKE_ENC_LEN];
    struct span info = span_text("info"), aad = span_text("aad");
    test_entropy_init(&e, 1);
    buffer_init(&sealed, 100);
    buffer_init(&out, 100);
    assert_ok(dh_derive(span_text("one"), &mine, &public));
    assert_ok(dh_derive(span_text("two"), &other, &other_public));
    assert_ok(hpke_seal(&public, info, aad, span_text("text"), &e.entropy, enc, &sealed));
    struct span s = buffer_span(&sealed);
    assert_status(hpke_open(&other, SPAN(enc), info, aad, s, &out), ST_CRYPTO_OPEN);
    assert_status(hpke_open(&mine, SPAN(enc), span_text("Info"), aad, s, &out), ST_CRYPTO_OPEN);
    assert_status(hpke_open(&mine, SPAN(enc), info, span_text("Aad"), s, &out), ST_CRYPTO_OPEN);
    enc[3] ^= 1;
    assert_status(hpke_open(&mine, SPAN(enc), info, aad, s, &out), ST_CRYPTO_OPEN);
    enc[3] ^= 1;
    assert_int_equal(out.len, 0);
    assert_ok(hpke_open(&mine, SPAN(enc), info, aad, s, &out));
    assert_span(buffer_span(&out), span_text("text"));
    buffer_wipe(&sealed);
    buffer_wipe(&out);
}

static void an_empty_message_goes_through(void **state)
{
    (void)state;
    struct test_entropy e;
    struct dh_private mine;
    struct dh_public public;
    struct buffer sealed, out;
    uint8_t enc[HPKE_ENC_LEN];
    test_entropy_init(&e, 1);
    buffer_init(&sealed, 100);
    buffer_init(&out, 0);
    assert_ok(dh_derive(span_text("one"), &mine, &public));
    assert_ok(hpke_seal(&public, SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY, &e.entropy, enc, &sealed));
    assert_int_equal(sealed.len, AEAD_TAG_LEN);
    assert_ok(hpke_open(&mine, SPAN(enc), SPAN_EMPTY, SPAN_EMPTY, buffer_span(&sealed), &out));
    assert_int_equal(out.len, 0);
    buffer_wipe(&sealed);
}

/* RFC 9420 §5.1.3, known answer of the MLS working group */
static void decryption_with_label_gives_the_known_answer(void **state)
{
    (void)state;
    struct dh_private private;
    struct buffer out;
    buffer_init(&out, 100);
    memcpy(private.b, test_hex("9d122ad4638fcb301b6eb5f4073414afb44bb34d37b4ddee9975b2941d700edb").ptr,
           DH_LEN);
    struct span context = test_hex("0d6a5cf9ee88b1f8c79d8512477d9bfc5496c207c8173f8dcac0368b4dba7407"),
                enc = test_hex("f26e9e5a94396a90f85a5f72eedf3dacfb1b7f4164e0573edeb9c6c912e1cb49");
    struct span ciphertext = test_hex("40dd09ad4c5dc29d373f814bf054c9359cb75a468bc4d2c8bbcffb072a73105c"
                                      "4d9416ebd4fafeb62e59a9dea55da3cd");
    assert_ok(
        hpke_open_label(LABELS_MLS, &private, span_text("EncryptWithLabel"), context, enc, ciphertext, &out));
    assert_hex(buffer_span(&out), "1dd4c1904996ce7d42cee7de68881459fa7a345da59a02040ade37103505baf6");
    out.len = 0;
    assert_status(
        hpke_open_label(LABELS_KITH, &private, span_text("EncryptWithLabel"), context, enc, ciphertext, &out),
        ST_CRYPTO_OPEN);
    assert_status(hpke_open_label(LABELS_MLS, &private, span_text("other"), context, enc, ciphertext, &out),
                  ST_CRYPTO_OPEN);
    buffer_wipe(&out);
}

static void sealing_without_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    struct dh_private mine;
    struct dh_public public;
    assert_ok(dh_derive(span_text("one"), &mine, &public));
    enum status st = ST_NO_MEMORY;
    for (size_t n = 1; st != ST_OK && n < 100; n++) {
        struct test_entropy e;
        struct buffer sealed;
        uint8_t enc[HPKE_ENC_LEN] = {1}, zero[HPKE_ENC_LEN] = {0};
        test_entropy_init(&e, 1);
        buffer_init(&sealed, 1000);
        mem_fail_after(n);
        st = hpke_seal_label(LABELS_KITH, &public, span_text("l"), span_text("c"), span_text("text"),
                             &e.entropy, enc, &sealed);
        mem_fail_after(0);
        if (st != ST_OK) {
            assert_status(st, ST_NO_MEMORY);
            assert_span(SPAN(enc), SPAN(zero));
            assert_int_equal(sealed.len, 0);
        }
        buffer_wipe(&sealed);
        assert_int_equal(mem_live(), 0);
    }
    assert_ok(st);
}

static int start(void **state)
{
    (void)state;
    return suite_start() == ST_OK ? 0 : -1;
}

static int no_block_is_left(void **state)
{
    (void)state;
    test_hex_free();
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_give_the_known_answers),
        cmocka_unit_test(export_only_seals_and_opens_nothing),
        cmocka_unit_test(a_failed_open_leaves_the_context_as_it_was),
        cmocka_unit_test(the_last_number_is_never_used),
        cmocka_unit_test(psk_must_be_whole_and_strong),
        cmocka_unit_test(a_key_of_small_order_is_refused_by_both_sides),
        cmocka_unit_test(a_message_opens_for_its_receiver_info_and_aad_only),
        cmocka_unit_test(an_empty_message_goes_through),
        cmocka_unit_test(decryption_with_label_gives_the_known_answer),
        cmocka_unit_test(sealing_without_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, start, no_block_is_left);
}
