/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of RFC 9180's vectors: modes base and psk with our KEM, KDF and AEAD or export-only. What the API
 * does not show (shared secret, key schedule context, secret) is computed here once more from the suite. */
#include <string.h>

#include "protocol/hpke.h"
#include "tests/vectors_case.h"

enum { KEM_X25519 = 0x0020, KDF_SHA256 = 0x0001, MODE_BASE = 0, MODE_PSK = 1 };

/* Gives out the bytes of ikmE. */
static void fill_ikm(void *ctx, uint8_t *out, size_t len)
{
    const struct span *ikm = ctx;
    memset(out, 0, len);
    memcpy(out, ikm->ptr, len < ikm->len ? len : ikm->len);
}

static struct span join(struct vec_case *c, const struct span *parts, size_t count)
{
    struct buffer *b = vec_buffer(c);
    for (size_t i = 0; i < count; i++)
        vec_ok(c, "memory", buffer_append(b, parts[i]));
    return buffer_span(b);
}

struct labels { /* LabeledExtract, LabeledExpand (RFC 9180 §4) */
    struct vec_case *c;
    struct span suite_id;
};

static void labeled_extract(const struct labels *l, struct span salt, const char *label, struct span ikm,
                            struct secret *out)
{
    const struct span parts[] = {span_text("HPKE-v1"), l->suite_id, span_text(label), ikm};
    hkdf_extract(salt, join(l->c, parts, 4), out);
}

static void labeled_expand(const struct labels *l, const struct secret *prk, const char *label,
                           struct span info, struct secret *out)
{
    static const uint8_t length[2] = {0, SECRET_LEN};
    const struct span parts[] = {SPAN(length), span_text("HPKE-v1"), l->suite_id, span_text(label), info};
    vec_ok(l->c, "HKDF", hkdf_expand(SPAN_ID(prk), join(l->c, parts, 5), out->b, sizeof(out->b)));
}

static void check_keys(struct vec_case *c, const char *ikm, const char *sk, const char *pk,
                       struct dh_private *out)
{
    struct dh_public public;
    vec_ok(c, "DeriveKeyPair", dh_derive(vec_bytes(c, c->one, ikm), out, &public));
    vec_expect(c, c->one, sk, SPAN_ID(out));
    vec_expect(c, c->one, pk, SPAN_ID(&public));
}

/* RFC 9180 §4.1 */
static void check_shared_secret(struct vec_case *c, const struct dh_private *receiver, struct secret *shared)
{
    static const uint8_t kem_id[] = {'K', 'E', 'M', 0x00, KEM_X25519};
    const struct labels l = {c, SPAN(kem_id)};
    struct dh_public enc;
    struct secret dh, prk;
    vec_fixed(c, c->one, "enc", enc.b, sizeof(enc.b));
    if (!vec_going(c))
        return;
    vec_ok(c, "DH", dh_agree(receiver, &enc, &dh));
    const struct span context[] = {SPAN_ID(&enc), vec_bytes(c, c->one, "pkRm")};
    labeled_extract(&l, SPAN_EMPTY, "eae_prk", SPAN_ID(&dh), &prk);
    labeled_expand(&l, &prk, "shared_secret", join(c, context, 2), shared);
    vec_expect(c, c->one, "shared_secret", SPAN_ID(shared));
}

/* RFC 9180 §5.1 */
static void check_schedule(struct vec_case *c, uint8_t mode, uint16_t aead, const struct secret *shared,
                           const struct hpke_psk *psk)
{
    const uint8_t suite_id[] = {
        'H', 'P', 'K', 'E', 0, KEM_X25519, 0, KDF_SHA256, (uint8_t)(aead >> 8), (uint8_t)aead};
    const struct labels l = {c, SPAN(suite_id)};
    struct secret id_hash, info_hash, secret, exporter;
    labeled_extract(&l, SPAN_EMPTY, "psk_id_hash", psk->id, &id_hash);
    labeled_extract(&l, SPAN_EMPTY, "info_hash", vec_bytes(c, c->one, "info"), &info_hash);
    const struct span parts[] = {SPAN_OF(&mode, 1), SPAN_ID(&id_hash), SPAN_ID(&info_hash)};
    struct span context = join(c, parts, 3);
    vec_expect(c, c->one, "key_schedule_context", context);
    labeled_extract(&l, SPAN_ID(shared), "secret", psk->psk, &secret);
    vec_expect(c, c->one, "secret", SPAN_ID(&secret));
    labeled_expand(&l, &secret, "exp", context, &exporter);
    vec_expect(c, c->one, "exporter_secret", SPAN_ID(&exporter));
}

static void check_context(struct vec_case *c, const struct hpke_context *x)
{
    vec_expect(c, c->one, "exporter_secret", SPAN_ID(&x->exporter));
    bool seals = x->aead == HPKE_CHACHA20POLY1305;
    vec_expect(c, c->one, "key", seals ? SPAN(x->key) : SPAN_EMPTY);
    vec_expect(c, c->one, "base_nonce", seals ? SPAN(x->base_nonce) : SPAN_EMPTY);
}

static void check_nonce(struct vec_case *c, const struct hpke_context *x, const json_t *o)
{
    uint8_t nonce[AEAD_NONCE_LEN];
    memcpy(nonce, x->base_nonce, sizeof(nonce));
    for (size_t i = 0; i < 8; i++)
        nonce[AEAD_NONCE_LEN - 1 - i] ^= (uint8_t)(x->seq >> (8 * i));
    vec_expect(c, o, "nonce", SPAN(nonce));
}

static void check_encryptions(struct vec_case *c, struct hpke_context *sender, struct hpke_context *receiver)
{
    const json_t *list = vec_array(c, c->one, "encryptions");
    vec_true(c, "number of encryptions",
             (json_array_size(list) > 0) == (sender->aead == HPKE_CHACHA20POLY1305));
    for (size_t i = 0; i < json_array_size(list) && vec_going(c); i++) {
        const json_t *o = json_array_get(list, i);
        struct span aad = vec_bytes(c, o, "aad"), ct = vec_bytes(c, o, "ct");
        struct buffer *sealed = vec_buffer(c), *opened = vec_buffer(c);
        check_nonce(c, sender, o);
        vec_ok(c, "seal", hpke_context_seal(sender, aad, vec_bytes(c, o, "pt"), sealed));
        vec_expect(c, o, "ct", buffer_span(sealed));
        vec_ok(c, "open", hpke_context_open(receiver, aad, ct, opened));
        vec_expect(c, o, "pt", buffer_span(opened));
    }
}

static void check_exports(struct vec_case *c, const struct hpke_context *x)
{
    const json_t *list = vec_array(c, c->one, "exports");
    vec_true(c, "no exports", json_array_size(list) > 0);
    for (size_t i = 0; i < json_array_size(list) && vec_going(c); i++) {
        const json_t *o = json_array_get(list, i);
        size_t len = (size_t)vec_number(c, o, "L", HKDF_OUT_MAX);
        uint8_t *out = vec_room(c, len);
        vec_ok(c, "export", hpke_context_export(x, vec_bytes(c, o, "exporter_context"), out, len));
        vec_expect(c, o, "exported_value", SPAN_OF(out, len));
    }
}

static void check_case(struct vec_case *c, uint8_t mode, enum hpke_aead aead)
{
    struct hpke_psk psk = {SPAN_EMPTY, SPAN_EMPTY};
    if (mode == MODE_PSK)
        psk = (struct hpke_psk){vec_bytes(c, c->one, "psk"), vec_bytes(c, c->one, "psk_id")};
    struct dh_private receiver, ephemeral;
    struct dh_public to;
    struct secret shared = {{0}};
    check_keys(c, "ikmR", "skRm", "pkRm", &receiver);
    check_keys(c, "ikmE", "skEm", "pkEm", &ephemeral);
    check_shared_secret(c, &receiver, &shared);
    check_schedule(c, mode, (uint16_t)aead, &shared, &psk);

    struct span ikm = vec_bytes(c, c->one, "ikmE"), info = vec_bytes(c, c->one, "info");
    struct entropy e = {&ikm, fill_ikm};
    struct hpke_context out, in;
    uint8_t enc[HPKE_ENC_LEN];
    dh_public_of(&receiver, &to);
    if (!vec_going(c))
        return;
    vec_ok(c, "SetupS", hpke_setup_sender(&out, enc, aead, &to, info, &psk, &e));
    vec_expect(c, c->one, "enc", SPAN(enc));
    vec_ok(c, "SetupR", hpke_setup_receiver(&in, aead, &receiver, SPAN(enc), info, &psk));
    if (!vec_going(c))
        return;
    check_context(c, &out);
    check_context(c, &in);
    check_encryptions(c, &out, &in);
    check_exports(c, &out);
    check_exports(c, &in);
}

static void run_hpke(struct vec_case *c)
{
    uint64_t mode = vec_number(c, c->one, "mode", UINT8_MAX),
             kem = vec_number(c, c->one, "kem_id", UINT16_MAX),
             kdf = vec_number(c, c->one, "kdf_id", UINT16_MAX),
             aead = vec_number(c, c->one, "aead_id", UINT16_MAX);
    if (kem != KEM_X25519 || kdf != KDF_SHA256 || (aead != HPKE_CHACHA20POLY1305 && aead != HPKE_EXPORT_ONLY))
        vec_skip(c);
    if (mode != MODE_BASE && mode != MODE_PSK)
        vec_skip(c); /* the auth modes are not part of protocol/hpke.h */
    if (vec_going(c))
        check_case(c, (uint8_t)mode, (enum hpke_aead)aead);
}

const struct vec_kind vec_hpke = {.name = "test-vectors", .marker = "kem_id", .run = run_hpke};
