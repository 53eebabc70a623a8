/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: RFC 4231, 5869, 8032, 8439, Wycheproof and the MLS working group's crypto-basics for
 * suite 3. The vector runner goes through many more; these few say at once which function is broken. */
#include "protocol/suite.h"

#include <string.h>

#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_hex.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- hash and key derivation ---- */

static void hash_of_parts_is_the_hash_of_the_whole(void **state)
{
    (void)state;
    uint8_t whole[HASH_LEN], parts[HASH_LEN];
    hash_bytes(span_text("abc"), whole);
    assert_hex(SPAN(whole), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const struct span three[] = {span_text("a"), SPAN_EMPTY, span_text("bc")};
    hash_parts(three, 3, parts);
    assert_span(SPAN(parts), SPAN(whole));
    hash_parts(NULL, 0, parts);
    assert_hex(SPAN(parts), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231 §4.2, §4.3, §4.7 (a key longer than a block) */
static void hmac_gives_the_known_answers(void **state)
{
    (void)state;
    uint8_t out[HASH_LEN], key[131];
    memset(key, 0x0b, 20);
    hmac_bytes(SPAN_OF(key, 20), span_text("Hi There"), out);
    assert_hex(SPAN(out), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_bytes(span_text("Jefe"), span_text("what do ya want for nothing?"), out);
    assert_hex(SPAN(out), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    hmac_bytes(SPAN(key), span_text("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    assert_hex(SPAN(out), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 5869 appendix A.1 and A.3 */
static void hkdf_gives_the_known_answers(void **state)
{
    (void)state;
    struct secret prk;
    uint8_t okm[42];
    struct span ikm = test_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
    hkdf_extract(test_hex("000102030405060708090a0b0c"), ikm, &prk);
    assert_hex(SPAN_ID(&prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    assert_ok(hkdf_expand(SPAN_ID(&prk), test_hex("f0f1f2f3f4f5f6f7f8f9"), okm, sizeof(okm)));
    assert_hex(SPAN(okm), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                          "34007208d5b887185865");
    hkdf_extract(SPAN_EMPTY, ikm, &prk);
    assert_hex(SPAN_ID(&prk), "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    assert_ok(hkdf_expand(SPAN_ID(&prk), SPAN_EMPTY, okm, sizeof(okm)));
    assert_hex(SPAN(okm), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
                          "9d201395faa4b61a96c8");
}

static void hkdf_expands_to_its_limit_and_not_further(void **state)
{
    (void)state;
    static uint8_t out[HKDF_OUT_MAX + 1];
    const struct secret prk = {{1}};
    assert_ok(hkdf_expand(SPAN_ID(&prk), SPAN_EMPTY, out, 0));
    assert_ok(hkdf_expand(SPAN_ID(&prk), SPAN_EMPTY, out, HKDF_OUT_MAX));
    assert_status(hkdf_expand(SPAN_ID(&prk), SPAN_EMPTY, out, HKDF_OUT_MAX + 1), ST_CRYPTO_LENGTH);
    assert_status(expand_with_label(LABELS_MLS, SPAN_ID(&prk), SPAN_EMPTY, SPAN_EMPTY, out, sizeof(out)),
                  ST_CRYPTO_LENGTH);
    assert_int_equal(out[0], 0); /* zeroed on failure */
}

static void labels_give_the_known_answers(void **state)
{
    (void)state;
    struct secret out;
    assert_ok(expand_with_label(
        LABELS_MLS, test_hex("55aa3ae5242564782567ce097beafe19510230660008b2cc064a78387fa16f36"),
        span_text("ExpandWithLabel"),
        test_hex("2e07148f4340c62a55e7608c20d73fddf1f3b8dafb2c7ef24eceb70e136c0d8c"), out.b, sizeof(out.b)));
    assert_hex(SPAN_ID(&out), "1df5ba7996a34f75d717916a094a14083c03a75e80f0330a8095f5f11cfe1e1f");
    assert_ok(derive_secret(LABELS_MLS,
                            test_hex("cae460c779ebaa3e81c061a371486dff1ed1ff273bea369cc0fc46550b83c407"),
                            "DeriveSecret", &out));
    assert_hex(SPAN_ID(&out), "aad859818ca5f2a9896d4d3ee2dccc0cefcd69b666bdb16b52f1de15fb1a5567");
    assert_ok(derive_tree_secret(test_hex("c994e257b53f726087ddd7121876f558f1fbd6f807e5ff010830d618d7bab6f2"),
                                 "DeriveTreeSecret", 2694881440u, out.b, sizeof(out.b)));
    assert_hex(SPAN_ID(&out), "2095d6a81ab87095d1df26f6bdf012ec06f197e418381c1795a7b758603c936d");
    assert_ok(ref_hash("RefHash",
                       test_hex("4f0c86f9c82fba0a896bd7eecf79a29856e98a7e4f13b9f841ae285d70ed8b68"), out.b));
    assert_hex(SPAN_ID(&out), "f11019703c8b630060839b12a475fd39c6a30f8a866790ff46a35f9c65e1df3c");
}

static void label_spaces_and_labels_are_apart(void **state)
{
    (void)state;
    const struct secret secret = {{7}};
    struct secret mls, kith, other;
    assert_ok(derive_secret(LABELS_MLS, SPAN_ID(&secret), "x", &mls));
    assert_ok(derive_secret(LABELS_KITH, SPAN_ID(&secret), "x", &kith));
    assert_ok(derive_secret(LABELS_KITH, SPAN_ID(&secret), "y", &other));
    assert_false(secret_equal(&mls, &kith));
    assert_false(secret_equal(&kith, &other));
}

/* A byte moved from the context into the label must not give the same output: both have lengths. */
static void label_and_context_do_not_run_together(void **state)
{
    (void)state;
    const struct secret secret = {{7}};
    struct secret a, b;
    assert_ok(expand_with_label(LABELS_KITH, SPAN_ID(&secret), span_text("ab"), span_text("c"), a.b, 32));
    assert_ok(expand_with_label(LABELS_KITH, SPAN_ID(&secret), span_text("a"), span_text("bc"), b.b, 32));
    assert_false(secret_equal(&a, &b));
}

/* ---- signatures ---- */

/* RFC 8032 §7.1, test 2 */
static void signature_gives_the_known_answer(void **state)
{
    (void)state;
    struct span seed = test_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    struct sign_private private;
    struct sign_public public;
    sign_keypair_from_seed(seed.ptr, &private, &public);
    assert_hex(SPAN_ID(&public), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    assert_ok(verify_bytes(SPAN_ID(&public), test_hex("72"),
                           test_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")));
}

static void signature_with_label_gives_the_known_answer(void **state)
{
    (void)state;
    struct sign_private private;
    struct sign_public public;
    uint8_t signature[SIGNATURE_LEN];
    struct span content = test_hex("df308cf2dbf471edf2c29d30e3daf161b5b87d350ee3b2c715c298ec3d10d432");
    sign_keypair_from_seed(test_hex("4e312160ee4981358db479aa877412847abc7f7054b5605511256c395404d054").ptr,
                           &private, &public);
    assert_hex(SPAN_ID(&public), "18275f892ee0ca6f4687ff26c990776387502646ff658c3f572b324faecb05c5");
    assert_ok(sign_with_label(LABELS_MLS, &private, span_text("SignWithLabel"), content, signature));
    assert_hex(SPAN(signature), "4f56851c2c47f5115a61ff0ab6121b4a4732d4e94805fc7135a5132f87d5ca5f"
                                "1dc7408816c1ea4f25887725cf5914b48c427a52cabcfeb746a2b8a12e821f08");
    assert_ok(verify_with_label(LABELS_MLS, SPAN_ID(&public), span_text("SignWithLabel"), content,
                                SPAN(signature)));
}

static void signature_holds_for_its_own_label_content_and_key_only(void **state)
{
    (void)state;
    struct test_entropy e;
    struct sign_private private, other_private;
    struct sign_public public, other;
    uint8_t signature[SIGNATURE_LEN];
    struct span label = span_text("permit"), content = span_text("yes");
    test_entropy_init(&e, 1);
    sign_keypair(&e.entropy, &private, &public);
    sign_keypair(&e.entropy, &other_private, &other);
    assert_ok(sign_with_label(LABELS_KITH, &private, label, content, signature));
    assert_ok(verify_with_label(LABELS_KITH, SPAN_ID(&public), label, content, SPAN(signature)));

    const struct {
        enum label_space space;
        struct span key, label, content, signature;
    } rows[] = {
        {LABELS_MLS, SPAN_ID(&public), label, content, SPAN(signature)},
        {LABELS_KITH, SPAN_ID(&other), label, content, SPAN(signature)},
        {LABELS_KITH, SPAN_ID(&public), span_text("permi"), span_text("tyes"), SPAN(signature)},
        {LABELS_KITH, SPAN_ID(&public), label, span_text("yes "), SPAN(signature)},
        {LABELS_KITH, SPAN_ID(&public), label, content, SPAN_OF(signature, SIGNATURE_LEN - 1)},
        {LABELS_KITH, SPAN_ID(&public), label, content, SPAN_EMPTY},
        {LABELS_KITH, SPAN_OF(public.b, SIGN_PUBLIC_LEN - 1), label, content, SPAN(signature)},
        {LABELS_KITH, SPAN_EMPTY, label, content, SPAN(signature)},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_status(
            verify_with_label(rows[i].space, rows[i].key, rows[i].label, rows[i].content, rows[i].signature),
            ST_CRYPTO_SIGNATURE);
    for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_status(verify_with_label(LABELS_KITH, SPAN_ID(&public), label, content, SPAN(signature)),
                      ST_CRYPTO_SIGNATURE);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* A key of small order would verify anything. */
static void signature_under_a_weak_key_is_refused(void **state)
{
    (void)state;
    uint8_t signature[SIGNATURE_LEN] = {1};
    const uint8_t key[SIGN_PUBLIC_LEN] = {1};
    assert_status(verify_bytes(SPAN(key), span_text("x"), SPAN(signature)), ST_CRYPTO_SIGNATURE);
}

static void signing_without_memory_fails_with_zeros(void **state)
{
    (void)state;
    struct sign_private private;
    struct sign_public public;
    sign_keypair_from_seed((const uint8_t[32]){3}, &private, &public);
    enum status st = ST_NO_MEMORY;
    for (size_t n = 1; st != ST_OK && n < 100; n++) {
        uint8_t signature[SIGNATURE_LEN] = {9}, zero[SIGNATURE_LEN] = {0};
        uint8_t content[1000] = {0};
        mem_fail_after(n);
        st = sign_with_label(LABELS_KITH, &private, span_text("l"), SPAN(content), signature);
        mem_fail_after(0);
        assert_int_equal(mem_live(), 0);
        if (st != ST_OK) {
            assert_status(st, ST_NO_MEMORY);
            assert_span(SPAN(signature), SPAN(zero));
        }
    }
    assert_ok(st);
}

/* ---- X25519 ---- */

/* Wycheproof, x25519, case 1 */
static void agreement_gives_the_known_answer(void **state)
{
    (void)state;
    struct dh_private mine;
    struct dh_public theirs;
    struct secret shared;
    memcpy(mine.b, test_hex("c8a9d5a91091ad851c668b0736c1c9a02936c0d3ad62670858088047ba057475").ptr, DH_LEN);
    memcpy(theirs.b, test_hex("504a36999f489cd2fdbc08baff3d88fa00569ba986cba22548ffde80f9806829").ptr,
           DH_LEN);
    assert_ok(dh_agree(&mine, &theirs, &shared));
    assert_hex(SPAN_ID(&shared), "436a2c040cf45fea9b29a0cb81b1f41458f863d0d61b453d0a982720d6d61320");
}

/* RFC 7748 §6.1: the points of small order, of which each gives a shared secret of zeros. */
static void agreement_with_a_point_of_small_order_is_refused(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    };
    const struct dh_private mine = {{9}};
    for (size_t i = 0; i < COUNT(points); i++) {
        struct dh_public theirs;
        struct secret out = {{1}}, zero = {{0}};
        memcpy(theirs.b, test_hex(points[i]).ptr, sizeof(theirs.b));
        assert_status(dh_agree(&mine, &theirs, &out), ST_CRYPTO_BAD_KEY);
        assert_true(dh_public_is_weak(SPAN_ID(&theirs))); /* and it is known beforehand */
        theirs.b[DH_LEN - 1] ^= 0x80;
        assert_status(dh_agree(&mine, &theirs, &out), ST_CRYPTO_BAD_KEY);
        assert_true(dh_public_is_weak(SPAN_ID(&theirs)));
        theirs.b[0] ^= 0x10;
        assert_ok(dh_agree(&mine, &theirs, &out));
        assert_false(dh_public_is_weak(SPAN_ID(&theirs)));
        out = zero;
        assert_true(secret_equal(&out, &zero));
    }
}

/* RFC 9180 appendix A.2.1: skRm from ikmR */
static void key_pair_derivation_gives_the_known_answer(void **state)
{
    (void)state;
    struct dh_private private;
    struct dh_public public;
    assert_ok(dh_derive(test_hex("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df"),
                        &private, &public));
    assert_hex(SPAN_ID(&private), "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
    assert_hex(SPAN_ID(&public), "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
}

/* ---- AEAD ---- */

/* RFC 8439 §2.8.2 */
static void aead_gives_the_known_answer(void **state)
{
    (void)state;
    struct span key = test_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    struct span nonce = test_hex("070000004041424344454647"), aad = test_hex("50515253c0c1c2c3c4c5c6c7");
    struct span text =
        span_text("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
                  "future, sunscreen would be it.");
    uint8_t out[114 + AEAD_TAG_LEN], back[114];
    assert_int_equal(text.len, 114);
    assert_ok(aead_seal(key.ptr, nonce.ptr, aad, text, out));
    assert_hex(SPAN_OF(out, 16), "d31a8d34648e60db7b86afbc53ef7ec2");
    assert_hex(SPAN_OF(out + 114, AEAD_TAG_LEN), "1ae10b594f09e26a7e902ecbd0600691");
    assert_ok(aead_open(key.ptr, nonce.ptr, aad, SPAN(out), back));
    assert_span(SPAN(back), text);
}

/* draft-irtf-cfrg-xchacha-03 appendix A.3.1 */
static void xaead_gives_the_known_answer(void **state)
{
    (void)state;
    struct span key = test_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    struct span nonce = test_hex("404142434445464748494a4b4c4d4e4f5051525354555657");
    struct span aad = test_hex("50515253c0c1c2c3c4c5c6c7");
    struct span text =
        span_text("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
                  "future, sunscreen would be it.");
    uint8_t out[114 + AEAD_TAG_LEN], back[114];
    assert_ok(xaead_seal(key.ptr, nonce.ptr, aad, text, out));
    assert_hex(SPAN_OF(out, 16), "bd6d179d3e83d43b9576579493c0e939");
    assert_hex(SPAN_OF(out + 114, AEAD_TAG_LEN), "c0875924c1c7987947deafd8780acf49");
    assert_ok(xaead_open(key.ptr, nonce.ptr, aad, SPAN(out), back));
    assert_span(SPAN(back), text);
}

static void aead_opens_nothing_that_was_changed(void **state)
{
    (void)state;
    uint8_t key[AEAD_KEY_LEN] = {1}, nonce[XAEAD_NONCE_LEN] = {2}, out[3 + AEAD_TAG_LEN], back[3];
    struct span aad = span_text("aad");
    for (int extended = 0; extended < 2; extended++) {
        if (extended)
            assert_ok(xaead_seal(key, nonce, aad, span_text("abc"), out));
        else
            assert_ok(aead_seal(key, nonce, aad, span_text("abc"), out));
        for (size_t bit = 0; bit <= 8 * sizeof(out); bit++) {
            size_t len = sizeof(out);
            if (bit == 8 * sizeof(out))
                len = AEAD_TAG_LEN - 1; /* last: shorter than a tag */
            else
                out[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum status st = extended ? xaead_open(key, nonce, aad, SPAN_OF(out, len), back)
                                      : aead_open(key, nonce, aad, SPAN_OF(out, len), back);
            assert_status(st, ST_CRYPTO_OPEN);
            if (bit < 8 * sizeof(out))
                out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        enum status st = extended ? xaead_open(key, nonce, span_text("aaD"), SPAN(out), back)
                                  : aead_open(key, nonce, span_text("aaD"), SPAN(out), back);
        assert_status(st, ST_CRYPTO_OPEN);
    }
}

/* ---- secrets ---- */

static void secrets_are_compared_whole_and_wiped(void **state)
{
    (void)state;
    struct secret a = {{1}}, b = {{1}}, zero = {{0}};
    assert_true(secret_equal(&a, &b));
    b.b[SECRET_LEN - 1] = 1;
    assert_false(secret_equal(&a, &b));
    assert_true(bytes_equal_secret(span_text("ab"), span_text("ab")));
    assert_false(bytes_equal_secret(span_text("ab"), span_text("abc")));
    assert_false(bytes_equal_secret(span_text("ab"), span_text("ac")));
    assert_true(bytes_equal_secret(SPAN_EMPTY, SPAN_EMPTY));
    secret_wipe(&a);
    assert_true(secret_equal(&a, &zero));
    struct sign_private sign = {{1}};
    struct dh_private dh = {{1}};
    sign_private_wipe(&sign);
    dh_private_wipe(&dh);
    assert_int_equal(sign.b[0] | dh.b[0], 0);
    bytes_wipe(NULL, 0);
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
        cmocka_unit_test(hash_of_parts_is_the_hash_of_the_whole),
        cmocka_unit_test(hmac_gives_the_known_answers),
        cmocka_unit_test(hkdf_gives_the_known_answers),
        cmocka_unit_test(hkdf_expands_to_its_limit_and_not_further),
        cmocka_unit_test(labels_give_the_known_answers),
        cmocka_unit_test(label_spaces_and_labels_are_apart),
        cmocka_unit_test(label_and_context_do_not_run_together),
        cmocka_unit_test(signature_gives_the_known_answer),
        cmocka_unit_test(signature_with_label_gives_the_known_answer),
        cmocka_unit_test(signature_holds_for_its_own_label_content_and_key_only),
        cmocka_unit_test(signature_under_a_weak_key_is_refused),
        cmocka_unit_test(signing_without_memory_fails_with_zeros),
        cmocka_unit_test(agreement_gives_the_known_answer),
        cmocka_unit_test(agreement_with_a_point_of_small_order_is_refused),
        cmocka_unit_test(key_pair_derivation_gives_the_known_answer),
        cmocka_unit_test(aead_gives_the_known_answer),
        cmocka_unit_test(xaead_gives_the_known_answer),
        cmocka_unit_test(aead_opens_nothing_that_was_changed),
        cmocka_unit_test(secrets_are_compared_whole_and_wiped),
    };
    return cmocka_run_group_tests(tests, start, no_block_is_left);
}
