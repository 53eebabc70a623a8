/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/hpke.h"

#include <string.h>

enum hpke_ids { KEM_X25519_SHA256 = 0x0020, KDF_HKDF_SHA256 = 0x0001 };
enum hpke_mode { MODE_BASE = 0x00, MODE_PSK = 0x01 };
enum hpke_limits_private { PSK_LEN_MIN = 32 }; /* RFC 9180 §5.1.2 */

static const uint8_t kem_suite_id[5] = {'K', 'E', 'M', 0x00, KEM_X25519_SHA256};

/* LabeledExtract and LabeledExpand (RFC 9180 §4) */

static void labeled_extract(struct span suite_id, struct span salt, const char *label, struct span ikm,
                            struct secret *out)
{
    const struct span parts[] = {span_text("HPKE-v1"), suite_id, span_text(label), ikm};
    hkdf_extract_parts(salt, parts, 4, out);
}

struct expand_args {
    struct span suite_id;
    const struct secret *prk;
    const char *label;
    struct span info;
};

static enum status labeled_expand(const struct expand_args *a, uint8_t *out, size_t out_len)
{
    if (out_len > HKDF_OUT_MAX)
        return ST_CRYPTO_LENGTH;
    const uint8_t length[2] = {(uint8_t)(out_len >> 8), (uint8_t)out_len};
    const struct span parts[] = {SPAN(length), span_text("HPKE-v1"), a->suite_id, span_text(a->label),
                                 a->info};
    return hkdf_expand_parts(SPAN_ID(a->prk), parts, 5, out, out_len);
}

/* ExtractAndExpand (§4.1): the KEM's shared secret from the Diffie-Hellman one. */
static enum status kem_shared(const struct secret *dh, struct span enc, const struct dh_public *receiver,
                              struct secret *out)
{
    uint8_t context[2 * DH_LEN];
    memcpy(context, enc.ptr, DH_LEN);
    memcpy(context + DH_LEN, receiver->b, DH_LEN);
    struct secret prk;
    labeled_extract(SPAN(kem_suite_id), SPAN_EMPTY, "eae_prk", SPAN_ID(dh), &prk);
    const struct expand_args a = {SPAN(kem_suite_id), &prk, "shared_secret", SPAN(context)};
    enum status st = labeled_expand(&a, out->b, sizeof(out->b));
    secret_wipe(&prk);
    return st;
}

static void hpke_suite_id(enum hpke_aead aead, uint8_t out[static 10])
{
    const uint8_t id[10] = {
        'H', 'P', 'K', 'E', 0, KEM_X25519_SHA256, 0, KDF_HKDF_SHA256, (uint8_t)(aead >> 8), (uint8_t)aead};
    memcpy(out, id, sizeof(id));
}

/* RFC 9180 §5.1, VerifyPSKInputs: both or neither, and then of full strength. */
static enum status psk_mode(const struct hpke_psk *psk, enum hpke_mode *mode)
{
    *mode = MODE_BASE;
    if (!psk || (psk->psk.len == 0 && psk->id.len == 0))
        return ST_OK;
    *mode = MODE_PSK;
    return psk->psk.len >= PSK_LEN_MIN && psk->id.len > 0 ? ST_OK : ST_USAGE;
}

/* KeySchedule (§5.1) */
static enum status key_schedule(struct hpke_context *out, enum hpke_aead aead, const struct secret *shared,
                                struct span info, const struct hpke_psk *psk)
{
    enum hpke_mode mode;
    enum status st = psk_mode(psk, &mode);
    if (st != ST_OK)
        return st;
    uint8_t suite_id[10], context[1 + 2 * HASH_LEN];
    struct secret id_hash, info_hash, secret;
    hpke_suite_id(aead, suite_id);
    labeled_extract(SPAN(suite_id), SPAN_EMPTY, "psk_id_hash", psk ? psk->id : SPAN_EMPTY, &id_hash);
    labeled_extract(SPAN(suite_id), SPAN_EMPTY, "info_hash", info, &info_hash);
    context[0] = (uint8_t)mode;
    memcpy(context + 1, id_hash.b, HASH_LEN);
    memcpy(context + 1 + HASH_LEN, info_hash.b, HASH_LEN);
    labeled_extract(SPAN(suite_id), SPAN_ID(shared), "secret", psk ? psk->psk : SPAN_EMPTY, &secret);

    *out = (struct hpke_context){.aead = aead};
    struct expand_args a = {SPAN(suite_id), &secret, "exp", SPAN(context)};
    st = labeled_expand(&a, out->exporter.b, sizeof(out->exporter.b));
    if (st == ST_OK && aead != HPKE_EXPORT_ONLY) {
        a.label = "key";
        st = labeled_expand(&a, out->key, sizeof(out->key));
    }
    if (st == ST_OK && aead != HPKE_EXPORT_ONLY) {
        a.label = "base_nonce";
        st = labeled_expand(&a, out->base_nonce, sizeof(out->base_nonce));
    }
    secret_wipe(&secret);
    return st;
}

enum status hpke_setup_sender(struct hpke_context *out, uint8_t enc[static HPKE_ENC_LEN], enum hpke_aead aead,
                              const struct dh_public *to, struct span info, const struct hpke_psk *psk,
                              struct entropy *ephemeral)
{
    uint8_t ikm[DH_LEN];
    struct dh_private private;
    struct dh_public public;
    struct secret dh = {0}, shared = {0};
    entropy_fill(ephemeral, ikm, sizeof(ikm));
    enum status st = dh_derive(SPAN(ikm), &private, &public);
    if (st == ST_OK)
        st = dh_agree(&private, to, &dh);
    if (st == ST_OK)
        st = kem_shared(&dh, SPAN_ID(&public), to, &shared);
    if (st == ST_OK)
        st = key_schedule(out, aead, &shared, info, psk);
    if (st == ST_OK) {
        memcpy(enc, public.b, HPKE_ENC_LEN);
    } else {
        hpke_context_wipe(out);
        bytes_wipe(enc, HPKE_ENC_LEN);
    }
    bytes_wipe(ikm, sizeof(ikm));
    dh_private_wipe(&private);
    secret_wipe(&dh);
    secret_wipe(&shared);
    return st;
}

/* Of a receiver who knows both halves of its key. */
static enum status setup_receiver(struct hpke_context *out, enum hpke_aead aead, const struct dh_pair *mine,
                                  struct span enc, struct span info, const struct hpke_psk *psk)
{
    struct dh_public theirs;
    struct secret dh = {0}, shared = {0};
    enum status st = enc.len == HPKE_ENC_LEN ? ST_OK : ST_CRYPTO_BAD_KEY;
    if (st == ST_OK) {
        memcpy(theirs.b, enc.ptr, sizeof(theirs.b));
        st = dh_agree(mine->private, &theirs, &dh);
    }
    if (st == ST_OK)
        st = kem_shared(&dh, enc, mine->public, &shared);
    if (st == ST_OK)
        st = key_schedule(out, aead, &shared, info, psk);
    if (st != ST_OK)
        hpke_context_wipe(out);
    secret_wipe(&dh);
    secret_wipe(&shared);
    return st;
}

enum status hpke_setup_receiver(struct hpke_context *out, enum hpke_aead aead, const struct dh_private *mine,
                                struct span enc, struct span info, const struct hpke_psk *psk)
{
    struct dh_public own;
    dh_public_of(mine, &own);
    return setup_receiver(out, aead, &(struct dh_pair){mine, &own}, enc, info, psk);
}

/* ComputeNonce (§5.2). The last number is never used, so that seq cannot wrap. */
static enum status next_nonce(const struct hpke_context *c, uint8_t out[static AEAD_NONCE_LEN])
{
    if (c->aead == HPKE_EXPORT_ONLY || c->seq == UINT64_MAX)
        return ST_USAGE;
    memcpy(out, c->base_nonce, AEAD_NONCE_LEN);
    for (size_t i = 0; i < sizeof(c->seq); i++)
        out[AEAD_NONCE_LEN - 1 - i] ^= (uint8_t)(c->seq >> 8 * i);
    return ST_OK;
}

enum status hpke_context_seal(struct hpke_context *c, struct span aad, struct span plaintext,
                              struct buffer *out)
{
    uint8_t nonce[AEAD_NONCE_LEN];
    enum status st = next_nonce(c, nonce);
    if (st == ST_OK)
        st = plaintext.len <= SIZE_MAX - AEAD_TAG_LEN ? buffer_reserve(out, plaintext.len + AEAD_TAG_LEN)
                                                      : ST_NO_SPACE;
    if (st == ST_OK)
        st = aead_seal(c->key, nonce, aad, plaintext, out->ptr + out->len);
    if (st == ST_OK) {
        out->len += plaintext.len + AEAD_TAG_LEN;
        c->seq++;
    }
    return st;
}

enum status hpke_context_open(struct hpke_context *c, struct span aad, struct span ciphertext,
                              struct buffer *out)
{
    uint8_t nonce[AEAD_NONCE_LEN];
    enum status st = next_nonce(c, nonce);
    if (st == ST_OK && ciphertext.len < AEAD_TAG_LEN)
        st = ST_CRYPTO_OPEN;
    if (st != ST_OK)
        return st;
    size_t len = ciphertext.len - AEAD_TAG_LEN;
    uint8_t nothing[1];
    st = buffer_reserve(out, len);
    if (st == ST_OK)
        st = aead_open(c->key, nonce, aad, ciphertext, len > 0 ? out->ptr + out->len : nothing);
    if (st == ST_OK) {
        out->len += len;
        c->seq++;
    }
    return st;
}

enum status hpke_context_export(const struct hpke_context *c, struct span exporter_context, uint8_t *out,
                                size_t out_len)
{
    uint8_t suite_id[10];
    hpke_suite_id(c->aead, suite_id);
    const struct expand_args a = {SPAN(suite_id), &c->exporter, "sec", exporter_context};
    return labeled_expand(&a, out, out_len);
}

void hpke_context_wipe(struct hpke_context *c)
{
    bytes_wipe(c, sizeof(*c));
}

enum status hpke_seal(const struct dh_public *to, struct span info, struct span aad, struct span plaintext,
                      struct entropy *e, uint8_t enc[static HPKE_ENC_LEN], struct buffer *out)
{
    struct hpke_context c;
    enum status st = hpke_setup_sender(&c, enc, HPKE_CHACHA20POLY1305, to, info, NULL, e);
    if (st == ST_OK)
        st = hpke_context_seal(&c, aad, plaintext, out);
    if (st != ST_OK)
        bytes_wipe(enc, HPKE_ENC_LEN);
    hpke_context_wipe(&c);
    return st;
}

static enum status open_pair(const struct dh_pair *mine, struct span enc, struct span info, struct span aad,
                             struct span ciphertext, struct buffer *out)
{
    struct hpke_context c;
    enum status st = setup_receiver(&c, HPKE_CHACHA20POLY1305, mine, enc, info, NULL);
    if (st == ST_OK)
        st = hpke_context_open(&c, aad, ciphertext, out);
    hpke_context_wipe(&c);
    return st;
}

enum status hpke_open(const struct dh_private *mine, struct span enc, struct span info, struct span aad,
                      struct span ciphertext, struct buffer *out)
{
    struct dh_public own;
    dh_public_of(mine, &own);
    return open_pair(&(struct dh_pair){mine, &own}, enc, info, aad, ciphertext, out);
}

enum status hpke_seal_label(enum label_space space, const struct dh_public *to, struct span label,
                            struct span context, struct span plaintext, struct entropy *e,
                            uint8_t enc[static HPKE_ENC_LEN], struct buffer *out)
{
    struct buffer info;
    enum status st = labeled_content(space, label, context, &info);
    if (st == ST_OK)
        st = hpke_seal(to, buffer_span(&info), SPAN_EMPTY, plaintext, e, enc, out);
    else
        bytes_wipe(enc, HPKE_ENC_LEN);
    buffer_wipe(&info);
    return st;
}

enum status hpke_open_label_pair(enum label_space space, const struct dh_pair *mine, struct span label,
                                 struct span context, struct span enc, struct span ciphertext,
                                 struct buffer *out)
{
    struct buffer info;
    enum status st = labeled_content(space, label, context, &info);
    if (st == ST_OK)
        st = open_pair(mine, enc, buffer_span(&info), SPAN_EMPTY, ciphertext, out);
    buffer_wipe(&info);
    return st;
}

enum status hpke_open_label(enum label_space space, const struct dh_private *mine, struct span label,
                            struct span context, struct span enc, struct span ciphertext, struct buffer *out)
{
    struct dh_public own;
    dh_public_of(mine, &own);
    return hpke_open_label_pair(space, &(struct dh_pair){mine, &own}, label, context, enc, ciphertext, out);
}
