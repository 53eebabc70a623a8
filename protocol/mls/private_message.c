/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/private_message.h"

#include <string.h>

#include "protocol/mls/limits.h"

enum {
    REUSE_GUARD_LEN = 4,
    SENDER_DATA_LEN = 4 + 4 + REUSE_GUARD_LEN,
    SEALED_SENDER_LEN = SENDER_DATA_LEN + AEAD_TAG_LEN,
    SEALED_SENDER_MAX = 256, /* of any suite */
    AAD_MAX = MLS_AUTHENTICATED_MAX + MLS_GROUP_ID_MAX + 64,
    CONTENT_MAX = MLS_MESSAGE_MAX + AEAD_TAG_LEN
};

struct sender_data { /* RFC 9420 §6.3.2 */
    uint32_t leaf, generation;
    uint8_t reuse_guard[REUSE_GUARD_LEN];
};

/* ---- decode and encode ---- */

void private_message_read(struct reader *r, struct private_message *out)
{
    struct private_message m = {0};
    m.group_id = reader_vec(r, MLS_GROUP_ID_MAX);
    m.epoch = reader_u64(r);
    uint8_t type = reader_u8(r);
    if (type < CONTENT_APPLICATION || type > CONTENT_COMMIT) {
        reader_fail(r, ST_WIRE_ENUM);
    }
    m.type = (enum content_type)type;
    m.authenticated_data = reader_vec(r, MLS_AUTHENTICATED_MAX);
    m.encrypted_sender_data = reader_vec(r, SEALED_SENDER_MAX);
    m.ciphertext = reader_vec(r, CONTENT_MAX);
    *out = r->failed == ST_OK ? m : (struct private_message){0};
}

void private_message_write(struct writer *w, const struct private_message *m)
{
    writer_vec(w, m->group_id);
    writer_u64(w, m->epoch);
    writer_u8(w, (uint8_t)m->type);
    writer_vec(w, m->authenticated_data);
    writer_vec(w, m->encrypted_sender_data);
    writer_vec(w, m->ciphertext);
}

/* SenderDataAAD (§6.3.2), and with the authenticated data PrivateContentAAD (§6.3.1). */
static enum status write_aad(const struct private_message *m, bool content, struct buffer *out)
{
    struct writer w;
    buffer_init(out, AAD_MAX);
    writer_init(&w, out);
    writer_vec(&w, m->group_id);
    writer_u64(&w, m->epoch);
    writer_u8(&w, (uint8_t)m->type);
    if (content) {
        writer_vec(&w, m->authenticated_data);
    }
    return writer_done(&w);
}

static enum ratchet_kind ratchet_of(enum content_type type)
{
    return type == CONTENT_APPLICATION ? RATCHET_APPLICATION : RATCHET_HANDSHAKE;
}

/* §6.3.1: the reuse guard makes nonces differ even when a restored backup repeats a generation. */
static void guard_nonce(struct message_key *k, const uint8_t guard[static REUSE_GUARD_LEN])
{
    for (size_t i = 0; i < REUSE_GUARD_LEN; i++) {
        k->nonce[i] ^= guard[i];
    }
}

/* ---- seal ---- */

/* PrivateMessageContent (§6.3.1) */
static enum status write_content(const struct authenticated_content *a, size_t padding, struct buffer *out)
{
    struct writer w;
    buffer_init(out, MLS_MESSAGE_MAX);
    writer_init(&w, out);
    content_body_write(&w, &a->content);
    content_auth_write(&w, a->content.type, &a->auth);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = buffer_reserve(out, padding + AEAD_TAG_LEN);
    }
    if (s == ST_OK && padding > 0) {
        memset(out->ptr + out->len, 0, padding);
        out->len += padding;
    }
    return s;
}

static enum status seal_content(const struct private_message *m, const struct message_key *k,
                                struct span plain, struct buffer *out)
{
    struct buffer aad;
    buffer_init(out, CONTENT_MAX);
    enum status s = write_aad(m, true, &aad);
    if (s == ST_OK) {
        s = buffer_reserve(out, plain.len + AEAD_TAG_LEN);
    }
    if (s == ST_OK) {
        s = aead_seal(k->key, k->nonce, buffer_span(&aad), plain, out->ptr);
        out->len = s == ST_OK ? plain.len + AEAD_TAG_LEN : 0;
    }
    buffer_wipe(&aad);
    return s;
}

static enum status seal_sender(const struct private_message *m, const struct secret *secret,
                               const struct sender_data *d, uint8_t out[static SEALED_SENDER_LEN])
{
    uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN], plain[SENDER_DATA_LEN];
    struct buffer aad;
    for (size_t i = 0; i < 4; i++) {
        plain[i] = (uint8_t)(d->leaf >> (24 - 8 * i));
        plain[4 + i] = (uint8_t)(d->generation >> (24 - 8 * i));
    }
    memcpy(plain + 8, d->reuse_guard, REUSE_GUARD_LEN);
    enum status s = write_aad(m, false, &aad);
    if (s == ST_OK) {
        s = sender_data_key(secret, m->ciphertext, key, nonce);
    }
    if (s == ST_OK) {
        s = aead_seal(key, nonce, buffer_span(&aad), SPAN(plain), out);
    }
    buffer_wipe(&aad);
    bytes_wipe(key, sizeof(key));
    bytes_wipe(nonce, sizeof(nonce));
    return s;
}

enum status private_message_seal(const struct authenticated_content *a, const struct private_message_keys *k,
                                 size_t padding, struct entropy *e, struct buffer *out)
{
    struct message_key key = {0};
    struct buffer plain, sealed;
    struct private_message m = {.group_id = a->content.group_id,
                                .epoch = a->content.epoch,
                                .type = a->content.type,
                                .authenticated_data = a->content.authenticated_data};
    struct sender_data d = {.leaf = a->content.sender.index};
    uint8_t sealed_sender[SEALED_SENDER_LEN];
    struct writer w;
    buffer_init(&sealed, CONTENT_MAX);
    enum status s = write_content(a, padding, &plain);
    if (s == ST_OK) {
        s = secret_tree_send(k->tree, d.leaf, ratchet_of(m.type), &key);
    }
    if (s != ST_OK) {
        goto out;
    }
    d.generation = key.generation;
    entropy_fill(e, d.reuse_guard, sizeof(d.reuse_guard));
    guard_nonce(&key, d.reuse_guard);
    s = seal_content(&m, &key, buffer_span(&plain), &sealed);
    if (s != ST_OK) {
        goto out;
    }
    m.ciphertext = buffer_span(&sealed);
    s = seal_sender(&m, k->sender_data, &d, sealed_sender);
    if (s != ST_OK) {
        goto out;
    }
    m.encrypted_sender_data = SPAN(sealed_sender);
    writer_init(&w, out);
    private_message_write(&w, &m);
    s = writer_done(&w);
out:
    buffer_wipe(&plain);
    buffer_wipe(&sealed);
    message_key_wipe(&key);
    return s;
}

/* ---- open ---- */

static enum status open_sender(const struct private_message *m, const struct secret *secret,
                               struct sender_data *out)
{
    uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN], plain[SENDER_DATA_LEN];
    struct buffer aad;
    struct reader r;
    if (m->encrypted_sender_data.len != SEALED_SENDER_LEN) {
        return ST_MLS_SENDER_DATA;
    }
    enum status s = write_aad(m, false, &aad);
    if (s == ST_OK) {
        s = sender_data_key(secret, m->ciphertext, key, nonce);
    }
    if (s == ST_OK) {
        s = aead_open(key, nonce, buffer_span(&aad), m->encrypted_sender_data, plain);
        s = s == ST_CRYPTO_OPEN ? ST_MLS_SENDER_DATA : s;
    }
    if (s == ST_OK) {
        reader_init(&r, SPAN(plain));
        out->leaf = reader_u32(&r);
        out->generation = reader_u32(&r);
        reader_fixed(&r, out->reuse_guard, sizeof(out->reuse_guard));
        s = reader_done(&r);
    }
    buffer_wipe(&aad);
    bytes_wipe(key, sizeof(key));
    bytes_wipe(nonce, sizeof(nonce));
    return s;
}

enum status private_message_sender(const struct private_message *m, const struct secret *sender_data,
                                   uint32_t *leaf, uint32_t *generation)
{
    struct sender_data d = {0};
    enum status s = open_sender(m, sender_data, &d);
    *leaf = s == ST_OK ? d.leaf : 0;
    if (generation) {
        *generation = s == ST_OK ? d.generation : 0;
    }
    return s;
}

static enum status open_content(const struct private_message *m, const struct message_key *k,
                                struct buffer *plain)
{
    struct buffer aad;
    if (m->ciphertext.len < AEAD_TAG_LEN) {
        return ST_CRYPTO_OPEN;
    }
    size_t len = m->ciphertext.len - AEAD_TAG_LEN;
    enum status s = write_aad(m, true, &aad);
    if (s == ST_OK) {
        plain->len = 0;
        s = buffer_reserve(plain, len + 1); /* one more, so that an empty content has an address too */
    }
    if (s == ST_OK) {
        s = aead_open(k->key, k->nonce, buffer_span(&aad), m->ciphertext, plain->ptr);
        plain->len = s == ST_OK ? len : 0;
    }
    buffer_wipe(&aad);
    return s;
}

static enum status read_content(const struct private_message *m, uint32_t leaf, struct span plain,
                                struct authenticated_content *out)
{
    struct reader r;
    out->wire_format = WIRE_PRIVATE_MESSAGE;
    out->content = (struct framed_content){.group_id = m->group_id,
                                           .epoch = m->epoch,
                                           .sender = {SENDER_MEMBER, leaf},
                                           .authenticated_data = m->authenticated_data,
                                           .type = m->type};
    reader_init(&r, plain);
    content_body_read(&r, &out->content);
    content_auth_read(&r, m->type, &out->auth);
    if (r.failed != ST_OK) {
        return r.failed;
    }
    uint8_t any = 0;
    struct span padding = reader_take(&r, reader_left(&r));
    for (size_t i = 0; i < padding.len; i++) {
        any |= padding.ptr[i];
    }
    return any == 0 ? ST_OK : ST_MLS_PADDING; /* RFC 9420 §6.3.1: MUST be all zero */
}

enum status private_message_open(const struct private_message *m, const struct private_message_keys *k,
                                 struct buffer *plain, struct authenticated_content *out,
                                 struct message_key *spend)
{
    struct sender_data d = {0};
    *out = (struct authenticated_content){0};
    *spend = (struct message_key){0};
    enum status s = open_sender(m, k->sender_data, &d);
    if (s != ST_OK) {
        return s;
    }
    s = secret_tree_peek(k->tree, d.leaf, ratchet_of(m->type), d.generation, spend);
    if (s != ST_OK) {
        goto out;
    }
    guard_nonce(spend, d.reuse_guard);
    s = open_content(m, spend, plain);
    guard_nonce(spend, d.reuse_guard); /* back to what the tree gave */
    if (s != ST_OK) {
        goto out;
    }
    s = read_content(m, d.leaf, buffer_span(plain), out);
out:
    if (s != ST_OK) {
        message_key_wipe(spend);
        *out = (struct authenticated_content){0};
    }
    return s;
}
