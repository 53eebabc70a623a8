/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of the channel share. */
#include "protocol/channel.h"

#include <assert.h>
#include <string.h>

#include "protocol/channel_internal.h"

static_assert(CHANNEL_MESSAGE_MAX < 64 * 1024, "a relay takes messages of 64 KiB");
static_assert(CHANNEL_WINDOW % 64 == 0 && CHANNEL_WINDOW >= 128,
              "the window is whole words, see window_slide");

static void put_u64(uint8_t out[static 8], uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(v >> (56 - 8 * i));
    }
}

void channel_info(const struct sign_public *relay, uint64_t key_id, uint8_t out[static CHANNEL_INFO_LEN])
{
    memcpy(out, "Kith 1 relay", 12);
    memcpy(out + 12, relay->b, SIGN_PUBLIC_LEN);
    put_u64(out + 12 + SIGN_PUBLIC_LEN, key_id);
}

struct hpke_psk channel_psk(struct span access)
{
    return access.len == 0 ? (struct hpke_psk){SPAN_EMPTY, SPAN_EMPTY}
                           : (struct hpke_psk){access, span_text(CHANNEL_PSK_ID)};
}

enum status channel_exporter(const struct hpke_context *hpke, struct secret *out)
{
    return hpke_context_export(hpke, span_text(CHANNEL_EXPORT), out->b, sizeof(out->b));
}

enum status channel_answer_derive(const struct secret *exporter, const uint8_t enc[static HPKE_ENC_LEN],
                                  const uint8_t nonce[static CHANNEL_NONCE_LEN],
                                  struct channel_answer_key *out)
{
    uint8_t salt[HPKE_ENC_LEN + CHANNEL_NONCE_LEN];
    struct secret prk;
    memcpy(salt, enc, HPKE_ENC_LEN);
    memcpy(salt + HPKE_ENC_LEN, nonce, CHANNEL_NONCE_LEN);
    hkdf_extract(SPAN(salt), SPAN_ID(exporter), &prk);
    enum status st = expand_with_label(LABELS_KITH, SPAN_ID(&prk), span_text("answer key"), SPAN_EMPTY,
                                       out->key, sizeof(out->key));
    if (st == ST_OK) {
        st = expand_with_label(LABELS_KITH, SPAN_ID(&prk), span_text("answer nonce"), SPAN_EMPTY, out->nonce,
                               sizeof(out->nonce));
    }
    secret_wipe(&prk);
    return st;
}

void channel_answer_aad(uint64_t number, uint8_t out[static 8])
{
    put_u64(out, number);
}

void channel_key_tbs(const struct sign_public *relay, const struct relay_key *key,
                     uint8_t out[static CHANNEL_KEY_TBS_LEN])
{
    memcpy(out, relay->b, SIGN_PUBLIC_LEN);
    out += SIGN_PUBLIC_LEN;
    put_u64(out, key->key_id);
    memcpy(out + 8, key->key.b, DH_LEN);
    put_u64(out + 8 + DH_LEN, (uint64_t)key->not_before_ms);
    put_u64(out + 8 + DH_LEN + 8, (uint64_t)key->not_after_ms);
}

void channel_delegate_tbs(const struct relay_delegate *d, uint8_t out[static CHANNEL_DELEGATE_TBS_LEN])
{
    memcpy(out, d->key.b, SIGN_PUBLIC_LEN);
    put_u64(out + SIGN_PUBLIC_LEN, (uint64_t)d->not_before_ms);
    put_u64(out + SIGN_PUBLIC_LEN + 8, (uint64_t)d->not_after_ms);
}

enum status channel_delegate_verify(const struct relay_delegate *d, const struct sign_public *relay)
{
    uint8_t tbs[CHANNEL_DELEGATE_TBS_LEN];
    channel_delegate_tbs(d, tbs);
    enum status st = verify_with_label(LABELS_KITH, SPAN_ID(relay), span_text(CHANNEL_LABEL_DELEGATE),
                                       SPAN(tbs), SPAN(d->signature));
    return st == ST_CRYPTO_SIGNATURE ? ST_CHANNEL_KEY_SIGNATURE : st;
}
