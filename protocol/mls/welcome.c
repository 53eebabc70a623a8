/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/welcome.h"

#include <string.h>

#include "protocol/hpke.h"
#include "protocol/mls/key_schedule.h"
#include "protocol/mls/limits.h"

enum {
    SECRETS_MAX = 65536, /* of one GroupSecrets: MLS_PSKS_MAX ids */
    WELCOME_INFO_MAX = MLS_MESSAGE_MAX
};

/* ---- GroupSecrets ---- */

void group_secrets_read(struct reader *r, struct group_secrets *out)
{
    struct group_secrets s = {0};
    s.joiner_secret = reader_vec(r, MLS_HASH_MAX);
    s.has_path_secret = reader_optional(r);
    if (s.has_path_secret) {
        s.path_secret = reader_vec(r, MLS_HASH_MAX);
    }
    struct reader list = reader_enter(r, SECRETS_MAX);
    s.psks = SPAN_OF(list.at, reader_left(&list));
    while (reader_more(&list)) {
        struct psk_id id;
        psk_id_read(&list, &id);
        if (++s.psk_count > MLS_PSKS_MAX) {
            reader_fail(&list, ST_WIRE_LIMIT);
        }
    }
    reader_leave(r, &list);
    *out = r->failed == ST_OK ? s : (struct group_secrets){0};
}

enum status group_secrets_decode(struct group_secrets *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    group_secrets_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct group_secrets){0};
    }
    return s;
}

void group_secrets_write(struct writer *w, const struct group_secrets *s)
{
    writer_vec(w, s->joiner_secret);
    writer_optional(w, s->has_path_secret);
    if (s->has_path_secret) {
        writer_vec(w, s->path_secret);
    }
    writer_vec(w, s->psks);
}

/* ---- Welcome ---- */

void encrypted_group_secrets_read(struct reader *r, struct encrypted_group_secrets *out)
{
    struct encrypted_group_secrets s = {0};
    s.new_member = reader_vec(r, MLS_HASH_MAX);
    s.secrets.kem_output = reader_vec(r, MLS_PUBLIC_KEY_MAX);
    s.secrets.ciphertext = reader_vec(r, SECRETS_MAX);
    *out = r->failed == ST_OK ? s : (struct encrypted_group_secrets){0};
}

void encrypted_group_secrets_write(struct writer *w, const struct encrypted_group_secrets *s)
{
    writer_vec(w, s->new_member);
    hpke_ciphertext_write(w, &s->secrets);
}

void welcome_read(struct reader *r, struct welcome *out)
{
    struct welcome m = {.cipher_suite = reader_u16(r)};
    struct reader list = reader_enter(r, MLS_MESSAGE_MAX);
    m.secrets = SPAN_OF(list.at, reader_left(&list));
    while (reader_more(&list)) {
        struct encrypted_group_secrets s;
        encrypted_group_secrets_read(&list, &s);
        if (++m.secret_count > MLS_PROPOSALS_MAX) {
            reader_fail(&list, ST_WIRE_LIMIT);
        }
    }
    reader_leave(r, &list);
    m.encrypted_group_info = reader_vec(r, WELCOME_INFO_MAX);
    *out = r->failed == ST_OK ? m : (struct welcome){0};
}

enum status welcome_decode(struct welcome *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    welcome_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct welcome){0};
    }
    return s;
}

void welcome_write(struct writer *w, const struct welcome *m)
{
    writer_u16(w, m->cipher_suite);
    writer_vec(w, m->secrets);
    writer_vec(w, m->encrypted_group_info);
}

/* ---- open ---- */

enum status welcome_find(const struct welcome *w, const uint8_t ref[static HASH_LEN],
                         struct hpke_ciphertext *out)
{
    struct reader r;
    reader_init(&r, w->secrets);
    while (reader_more(&r)) {
        struct encrypted_group_secrets s;
        encrypted_group_secrets_read(&r, &s);
        if (span_equal(s.new_member, SPAN_OF(ref, HASH_LEN))) {
            *out = s.secrets;
            return ST_OK;
        }
    }
    *out = (struct hpke_ciphertext){0};
    return ST_MLS_NOT_FOR_US;
}

enum status welcome_open_secrets(const struct welcome *w, const struct hpke_ciphertext *mine,
                                 const struct dh_private *init, struct buffer *plain,
                                 struct group_secrets *out)
{
    *out = (struct group_secrets){0};
    if (w->cipher_suite != SUITE_ID) {
        return ST_MLS_SUITE;
    }
    plain->len = 0;
    enum status s = hpke_open_label(LABELS_MLS, init, span_text("Welcome"), w->encrypted_group_info,
                                    mine->kem_output, mine->ciphertext, plain);
    if (s == ST_OK) {
        s = group_secrets_decode(out, buffer_span(plain));
    }
    if (s == ST_OK && (out->joiner_secret.len != SECRET_LEN ||
                       (out->has_path_secret && out->path_secret.len != SECRET_LEN))) {
        *out = (struct group_secrets){0};
        s = ST_CRYPTO_LENGTH;
    }
    return s;
}

static enum status info_key(const struct secret *joiner, const struct secret *psk_secret,
                            uint8_t key[static AEAD_KEY_LEN], uint8_t nonce[static AEAD_NONCE_LEN])
{
    struct secret welcome;
    enum status s = key_schedule_welcome(joiner, psk_secret, &welcome);
    if (s == ST_OK) {
        s = key_schedule_welcome_key(&welcome, key, nonce);
    }
    secret_wipe(&welcome);
    return s;
}

enum status welcome_open_info(const struct welcome *w, const struct secret *joiner,
                              const struct secret *psk_secret, struct buffer *plain, struct group_info *out)
{
    uint8_t key[AEAD_KEY_LEN] = {0}, nonce[AEAD_NONCE_LEN] = {0};
    *out = (struct group_info){0};
    if (w->encrypted_group_info.len < AEAD_TAG_LEN) {
        return ST_CRYPTO_OPEN;
    }
    size_t len = w->encrypted_group_info.len - AEAD_TAG_LEN;
    enum status s = info_key(joiner, psk_secret, key, nonce);
    if (s == ST_OK) {
        plain->len = 0;
        s = buffer_reserve(plain, len + 1);
    }
    if (s == ST_OK) {
        s = aead_open(key, nonce, SPAN_EMPTY, w->encrypted_group_info, plain->ptr);
    }
    if (s == ST_OK) {
        plain->len = len;
        s = group_info_decode(out, buffer_span(plain));
    }
    bytes_wipe(key, sizeof(key));
    bytes_wipe(nonce, sizeof(nonce));
    return s;
}

/* ---- seal ---- */

enum status welcome_seal_info(struct span group_info, const struct secret *joiner,
                              const struct secret *psk_secret, struct buffer *out)
{
    uint8_t key[AEAD_KEY_LEN] = {0}, nonce[AEAD_NONCE_LEN] = {0};
    enum status s = info_key(joiner, psk_secret, key, nonce);
    if (s == ST_OK) {
        s = buffer_reserve(out, group_info.len + AEAD_TAG_LEN);
    }
    if (s == ST_OK) {
        s = aead_seal(key, nonce, SPAN_EMPTY, group_info, out->ptr + out->len);
    }
    if (s == ST_OK) {
        out->len += group_info.len + AEAD_TAG_LEN;
    }
    bytes_wipe(key, sizeof(key));
    bytes_wipe(nonce, sizeof(nonce));
    return s;
}

static enum status seal_to(const struct welcome_recipient *to, struct span context, struct span plain,
                           struct entropy *e, struct encrypted_group_secrets *out, struct buffer *sealed,
                           uint8_t enc[static HPKE_ENC_LEN])
{
    struct dh_public key;
    if (to->init_key.len != DH_LEN) {
        return ST_MLS_KEY_LENGTH;
    }
    memcpy(key.b, to->init_key.ptr, DH_LEN);
    enum status s = hpke_seal_label(LABELS_MLS, &key, span_text("Welcome"), context, plain, e, enc, sealed);
    *out = (struct encrypted_group_secrets){.new_member = to->ref,
                                            .secrets = {SPAN_OF(enc, HPKE_ENC_LEN), buffer_span(sealed)}};
    return s;
}

enum status welcome_seal_secrets(const struct group_secrets *secrets, const struct welcome_recipient *to,
                                 struct span encrypted_group_info, struct entropy *e, struct buffer *out)
{
    struct buffer plain, sealed;
    uint8_t enc[HPKE_ENC_LEN];
    struct encrypted_group_secrets done;
    struct writer w;
    buffer_init(&plain, SECRETS_MAX);
    buffer_init(&sealed, SECRETS_MAX);
    writer_init(&w, &plain);
    group_secrets_write(&w, secrets);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = seal_to(to, encrypted_group_info, buffer_span(&plain), e, &done, &sealed, enc);
    }
    if (s == ST_OK) {
        writer_init(&w, out);
        encrypted_group_secrets_write(&w, &done);
        s = writer_done(&w);
    }
    buffer_wipe(&plain);
    buffer_wipe(&sealed);
    return s;
}
