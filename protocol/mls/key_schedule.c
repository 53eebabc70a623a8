/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/key_schedule.h"

#include <stddef.h>

static enum status expand(const struct secret *from, const char *label, struct span context,
                          struct secret *out)
{
    return expand_with_label(LABELS_MLS, SPAN_ID(from), span_text(label), context, out->b, sizeof(out->b));
}

enum status key_schedule_joiner(const struct secret *init_before, const struct secret *commit_secret,
                                struct span context, struct secret *joiner)
{
    struct secret extracted;
    hkdf_extract(SPAN_ID(init_before), SPAN_ID(commit_secret), &extracted);
    enum status st = expand(&extracted, "joiner", context, joiner);
    secret_wipe(&extracted);
    return st;
}

enum status key_schedule_welcome(const struct secret *joiner, const struct secret *psk_secret,
                                 struct secret *welcome)
{
    struct secret extracted;
    hkdf_extract(SPAN_ID(joiner), SPAN_ID(psk_secret), &extracted);
    enum status st = derive_secret(LABELS_MLS, SPAN_ID(&extracted), "welcome", welcome);
    secret_wipe(&extracted);
    return st;
}

/* RFC 9420 §8, table 4 */
static const struct {
    const char *label;
    size_t offset;
} epoch_rows[] = {
    {"sender data", offsetof(struct epoch_secrets, sender_data)},
    {"encryption", offsetof(struct epoch_secrets, encryption)},
    {"exporter", offsetof(struct epoch_secrets, exporter)},
    {"external", offsetof(struct epoch_secrets, external)},
    {"confirm", offsetof(struct epoch_secrets, confirmation_key)},
    {"membership", offsetof(struct epoch_secrets, membership_key)},
    {"resumption", offsetof(struct epoch_secrets, resumption_psk)},
    {"authentication", offsetof(struct epoch_secrets, authenticator)},
    {"init", offsetof(struct epoch_secrets, init)},
};

static enum status derive_rows(const struct secret *epoch_secret, struct epoch_secrets *out)
{
    for (size_t i = 0; i < sizeof(epoch_rows) / sizeof(epoch_rows[0]); i++) {
        struct secret *to = (struct secret *)(void *)((uint8_t *)out + epoch_rows[i].offset);
        enum status st = derive_secret(LABELS_MLS, SPAN_ID(epoch_secret), epoch_rows[i].label, to);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

enum status key_schedule_epoch(const struct secret *joiner, const struct secret *psk_secret,
                               struct span context, struct epoch_secrets *out)
{
    struct secret extracted, epoch_secret;
    hkdf_extract(SPAN_ID(joiner), SPAN_ID(psk_secret), &extracted);
    enum status st = expand(&extracted, "epoch", context, &epoch_secret);
    if (st == ST_OK)
        st = derive_rows(&epoch_secret, out);
    if (st != ST_OK)
        epoch_secrets_wipe(out);
    secret_wipe(&extracted);
    secret_wipe(&epoch_secret);
    return st;
}

void epoch_secrets_wipe(struct epoch_secrets *s)
{
    bytes_wipe(s, sizeof(*s));
}

enum status key_schedule_welcome_key(const struct secret *welcome, uint8_t key[static AEAD_KEY_LEN],
                                     uint8_t nonce[static AEAD_NONCE_LEN])
{
    enum status st =
        expand_with_label(LABELS_MLS, SPAN_ID(welcome), span_text("key"), SPAN_EMPTY, key, AEAD_KEY_LEN);
    if (st == ST_OK)
        st = expand_with_label(LABELS_MLS, SPAN_ID(welcome), span_text("nonce"), SPAN_EMPTY, nonce,
                               AEAD_NONCE_LEN);
    if (st != ST_OK) {
        bytes_wipe(key, AEAD_KEY_LEN);
        bytes_wipe(nonce, AEAD_NONCE_LEN);
    }
    return st;
}

enum status key_schedule_export(const struct secret *exporter, struct span label, struct span context,
                                uint8_t *out, size_t out_len)
{
    struct secret derived;
    uint8_t hash[HASH_LEN];
    hash_bytes(context, hash);
    enum status st =
        expand_with_label(LABELS_MLS, SPAN_ID(exporter), label, SPAN_EMPTY, derived.b, sizeof(derived.b));
    if (st == ST_OK)
        st =
            expand_with_label(LABELS_MLS, SPAN_ID(&derived), span_text("exported"), SPAN(hash), out, out_len);
    if (st != ST_OK)
        bytes_wipe(out, out_len);
    secret_wipe(&derived);
    return st;
}

enum status key_schedule_external(const struct secret *external, struct dh_private *private,
                                  struct dh_public *public)
{
    return dh_derive(SPAN_ID(external), private, public);
}

void confirmation_tag_compute(const struct secret *confirmation_key, struct span confirmed_hash,
                              uint8_t tag[static CONFIRMATION_TAG_LEN])
{
    hmac_bytes(SPAN_ID(confirmation_key), confirmed_hash, tag);
}
