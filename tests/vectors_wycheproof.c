/* SPDX-License-Identifier: Apache-2.0 */
/* Wycheproof (C2SP): AEAD, HKDF, X25519, Ed25519. Cases of other algorithms and curves are skipped. */
#include <string.h>

#include "tests/vectors_case.h"

static bool text_is(const json_t *from, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(from, key));
    return value && strcmp(value, text) == 0;
}

enum verdict { VERDICT_VALID, VERDICT_INVALID, VERDICT_ACCEPTABLE };

static enum verdict get_verdict(struct vec_case *c)
{
    static const char *const names[] = {"valid", "invalid", "acceptable"};
    struct span text = vec_text(c, c->one, "result");
    for (size_t i = 0; i < 3; i++) {
        if (span_equal(text, span_text(names[i])))
            return (enum verdict)i;
    }
    vec_fail(c, "no known result");
    return VERDICT_INVALID;
}

/* Did it work exactly if it should? What may be refused or not says so by `acceptable`. */
static void check_verdict(struct vec_case *c, const char *what, bool worked)
{
    enum verdict v = get_verdict(c);
    if (v == VERDICT_VALID)
        vec_true(c, what, worked);
    else if (v == VERDICT_INVALID && worked)
        vec_fail(c, "%s: should fail", what);
}

/* ---- AEAD ---- */

struct aead_algorithm {
    const char *name;
    size_t nonce_len;
    enum status (*seal)(const uint8_t *key, const uint8_t *nonce, struct span aad, struct span in,
                        uint8_t *out);
    enum status (*open)(const uint8_t *key, const uint8_t *nonce, struct span aad, struct span in,
                        uint8_t *out);
};
static const struct aead_algorithm algorithms[] = {
    {"CHACHA20-POLY1305", AEAD_NONCE_LEN, aead_seal, aead_open},
    {"XCHACHA20-POLY1305", XAEAD_NONCE_LEN, xaead_seal, xaead_open},
};

static void check_aead(struct vec_case *c, const struct aead_algorithm *a)
{
    struct span key = vec_bytes(c, c->one, "key"), nonce = vec_bytes(c, c->one, "iv"),
                aad = vec_bytes(c, c->one, "aad"), msg = vec_bytes(c, c->one, "msg"),
                ct = vec_bytes(c, c->one, "ct"), tag = vec_bytes(c, c->one, "tag");
    if (!vec_going(c))
        return;
    /* Our functions take keys, nonces and tags of one length: for others there is no call to make. */
    if (key.len != AEAD_KEY_LEN || nonce.len != a->nonce_len || tag.len != AEAD_TAG_LEN) {
        check_verdict(c, "a length that does not exist", false);
        return;
    }
    uint8_t *sealed = vec_room(c, ct.len + tag.len), *again = vec_room(c, msg.len + AEAD_TAG_LEN),
            *opened = vec_room(c, ct.len);
    memcpy(sealed, ct.ptr, ct.len);
    memcpy(sealed + ct.len, tag.ptr, tag.len);
    bool worked = a->open(key.ptr, nonce.ptr, aad, SPAN_OF(sealed, ct.len + tag.len), opened) == ST_OK;
    check_verdict(c, "opening", worked);
    vec_ok(c, "sealing", a->seal(key.ptr, nonce.ptr, aad, msg, again));
    bool same = span_equal(SPAN_OF(again, msg.len + AEAD_TAG_LEN), SPAN_OF(sealed, ct.len + tag.len));
    vec_true(c, "sealing gives other bytes", same == worked);
    if (worked)
        vec_expect(c, c->one, "msg", SPAN_OF(opened, ct.len));
}

static void run_aead(struct vec_case *c)
{
    (void)vec_text(c, c->root, "algorithm");
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (text_is(c->root, "algorithm", algorithms[i].name)) {
            check_aead(c, &algorithms[i]);
            return;
        }
    }
    vec_skip(c);
}

static const char *const notes[] = {"comment", "flags", "tcId", NULL};
const struct vec_kind vec_wp_aead = {.name = "aead_test_schema", .run = run_aead, .optional = notes};

/* ---- HKDF ---- */

static void run_hkdf(struct vec_case *c)
{
    (void)vec_text(c, c->root, "algorithm");
    if (!text_is(c->root, "algorithm", "HKDF-SHA-256"))
        vec_skip(c);
    size_t size = (size_t)vec_number(c, c->one, "size", UINT32_MAX);
    struct span ikm = vec_bytes(c, c->one, "ikm"), salt = vec_bytes(c, c->one, "salt"),
                info = vec_bytes(c, c->one, "info"), okm = vec_bytes(c, c->one, "okm");
    if (!vec_going(c))
        return;
    uint8_t *out = vec_room(c, size <= HKDF_OUT_MAX ? size : 0);
    struct secret prk;
    hkdf_extract(salt, ikm, &prk);
    bool worked = hkdf_expand(SPAN_ID(&prk), info, out, size) == ST_OK;
    check_verdict(c, "HKDF", worked);
    if (worked)
        vec_equal(c, "okm", SPAN_OF(out, size), okm);
    else
        vec_true(c, "output of what must fail", okm.len == 0);
}

const struct vec_kind vec_wp_hkdf = {.name = "hkdf_test_schema", .run = run_hkdf, .optional = notes};

/* ---- X25519 ---- */

static bool is_zero(struct span s)
{
    uint8_t any = 0;
    for (size_t i = 0; i < s.len; i++)
        any |= s.ptr[i];
    return any == 0;
}

static void run_xdh(struct vec_case *c)
{
    (void)vec_text(c, c->group, "curve");
    if (!text_is(c->group, "curve", "curve25519"))
        vec_skip(c);
    struct span public = vec_bytes(c, c->one, "public"), private = vec_bytes(c, c->one, "private"),
                shared = vec_bytes(c, c->one, "shared");
    if (!vec_going(c))
        return;
    if (public.len != DH_LEN || private.len != DH_LEN) {
        check_verdict(c, "a length that does not exist", false);
        return;
    }
    struct dh_private mine;
    struct dh_public theirs;
    struct secret got;
    memcpy(mine.b, private.ptr, DH_LEN);
    memcpy(theirs.b, public.ptr, DH_LEN);
    bool worked = dh_agree(&mine, &theirs, &got) == ST_OK;
    check_verdict(c, "X25519", worked);
    /* RFC 7748 §6.1: an all-zero secret is refused, and nothing else is. */
    vec_true(c, "zero shared secret", worked == !is_zero(shared));
    vec_true(c, "weak public key", worked == !dh_public_is_weak(public));
    if (worked)
        vec_equal(c, "shared", SPAN_ID(&got), shared);
    else
        vec_true(c, "length of shared", shared.len == DH_LEN);
}

/* RFC 7748 §5 masks bits of both inputs. */
static const char *const masked[] = {"public", "private", NULL};
const struct vec_kind vec_wp_xdh = {
    .name = "xdh_comp_schema", .run = run_xdh, .loose = masked, .optional = notes};

/* ---- Ed25519 ---- */

static void run_eddsa(struct vec_case *c)
{
    const json_t *key = vec_object(c, c->group, "publicKey");
    (void)vec_text(c, key, "curve");
    if (!text_is(key, "curve", "edwards25519"))
        vec_skip(c);
    struct span pk = vec_bytes(c, key, "pk"), msg = vec_bytes(c, c->one, "msg"),
                sig = vec_bytes(c, c->one, "sig");
    if (vec_going(c))
        check_verdict(c, "the signature", verify_bytes(pk, msg, sig) == ST_OK);
}

const struct vec_kind vec_wp_eddsa = {.name = "eddsa_verify_schema", .run = run_eddsa, .optional = notes};
