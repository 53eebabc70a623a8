/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the channel. States: init → (seal number 0) → (open its answer) opened → any number of
 * requests at once. */
#include "protocol/channel.h"

#include <string.h>

#include "protocol/channel_internal.h"

enum status channel_key_ask(struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_u8(&w, CHANNEL_VERSION);
    writer_u8(&w, CHANNEL_KEY);
    return writer_done(&w);
}

static void read_header(struct reader *r, uint8_t *kind)
{
    if (reader_u8(r) != CHANNEL_VERSION) {
        reader_fail(r, ST_WIRE_VERSION);
    }
    *kind = reader_u8(r);
}

static void read_key(struct reader *r, struct relay_key *out)
{
    out->key_id = reader_u64(r);
    reader_fixed(r, out->key.b, sizeof(out->key.b));
    out->not_before_ms = reader_time(r);
    out->not_after_ms = reader_time(r);
    out->has_delegate = reader_optional(r);
    if (out->has_delegate) {
        reader_fixed(r, out->delegate.key.b, sizeof(out->delegate.key.b));
        out->delegate.not_before_ms = reader_time(r);
        out->delegate.not_after_ms = reader_time(r);
        reader_fixed(r, out->delegate.signature, sizeof(out->delegate.signature));
    }
    reader_fixed(r, out->signature, sizeof(out->signature));
}

static bool valid_at(int64_t not_before_ms, int64_t not_after_ms, int64_t wall_ms)
{
    /* times on the wire are below 2^63, so the differences must not be formed with them */
    return wall_ms >= 0 && wall_ms < INT64_MAX - CHANNEL_CLOCK_SLACK_MS &&
           not_before_ms <= wall_ms + CHANNEL_CLOCK_SLACK_MS &&
           not_after_ms >= wall_ms - CHANNEL_CLOCK_SLACK_MS;
}

static enum status key_signed(const struct relay_key *key, const struct sign_public *relay)
{
    uint8_t tbs[CHANNEL_KEY_TBS_LEN];
    enum status st = key->has_delegate ? channel_delegate_verify(&key->delegate, relay) : ST_OK;
    if (st == ST_OK) {
        const struct sign_public *signer = key->has_delegate ? &key->delegate.key : relay;
        channel_key_tbs(relay, key, tbs);
        st = verify_with_label(LABELS_KITH, SPAN_ID(signer), span_text(CHANNEL_LABEL_KEY), SPAN(tbs),
                               SPAN(key->signature));
    }
    return st == ST_CRYPTO_SIGNATURE ? ST_CHANNEL_KEY_SIGNATURE : st;
}

enum status channel_key_verify(struct relay_key *out, const struct sign_public *relay, int64_t wall_ms,
                               struct span message)
{
    struct reader r;
    uint8_t kind;
    struct relay_key key = {0};
    *out = key;
    reader_init(&r, message);
    read_header(&r, &kind);
    if (r.failed == ST_OK && kind != CHANNEL_KEY) {
        reader_fail(&r, ST_WIRE_ENUM);
    }
    read_key(&r, &key);
    enum status st = reader_done(&r);
    if (st == ST_OK) {
        st = key_signed(&key, relay);
    }
    if (st == ST_OK &&
        (!valid_at(key.not_before_ms, key.not_after_ms, wall_ms) ||
         (key.has_delegate && !valid_at(key.delegate.not_before_ms, key.delegate.not_after_ms, wall_ms)))) {
        st = ST_CHANNEL_KEY_EXPIRED;
    }
    if (st == ST_OK) {
        *out = key;
    }
    return st;
}

enum status channel_client_init(struct channel_client *c, const struct channel_client_args *a)
{
    *c = (struct channel_client){0};
    if (a->access.len != 0 && a->access.len != CHANNEL_ACCESS_LEN) {
        return ST_USAGE;
    }
    uint8_t info[CHANNEL_INFO_LEN];
    channel_info(a->relay, a->key->key_id, info);
    struct hpke_psk psk = channel_psk(a->access);
    enum status st = hpke_setup_sender(&c->hpke, c->enc, HPKE_CHACHA20POLY1305, &a->key->key, SPAN(info),
                                       &psk, a->entropy);
    if (st == ST_OK) {
        st = channel_exporter(&c->hpke, &c->exporter);
    }
    if (st != ST_OK) {
        channel_client_wipe(c);
        return st;
    }
    c->key_id = a->key->key_id;
    c->renew_at_mono_ms = a->mono_ms + CHANNEL_RENEW_MS;
    return ST_OK;
}

void channel_client_wipe(struct channel_client *c)
{
    hpke_context_wipe(&c->hpke);
    bytes_wipe(c, sizeof(*c));
}

bool channel_client_expired(const struct channel_client *c, int64_t mono_ms)
{
    return mono_ms >= c->renew_at_mono_ms;
}

enum status channel_client_seal(struct channel_client *c, struct span request, uint64_t *number,
                                struct buffer *out)
{
    *number = 0;
    if (c->next > 0 && !c->opened) {
        return ST_CHANNEL_OPENING;
    }
    size_t start = out->len;
    bool open = c->next == 0;
    struct writer w;
    writer_init(&w, out);
    writer_u8(&w, CHANNEL_VERSION);
    writer_u8(&w, open ? CHANNEL_UNKNOWN : CHANNEL_SEALED);
    if (open) {
        writer_u64(&w, c->key_id);
    }
    writer_bytes(&w, SPAN(c->enc));
    writer_u64(&w, c->next);
    enum status st = writer_done(&w);
    uint8_t header[CHANNEL_OPEN_HEADER];
    size_t header_len = out->len - start;
    if (st == ST_OK) {
        memcpy(header, out->ptr + start, header_len);
        c->hpke.seq = c->next;
        st = hpke_context_seal(&c->hpke, SPAN_OF(header, header_len), request, out);
    }
    if (st != ST_OK) {
        out->len = start;
        return st;
    }
    *number = c->next++;
    return ST_OK;
}

enum status channel_client_open(struct channel_client *c, uint64_t number, struct span message,
                                struct buffer *out)
{
    struct reader r;
    uint8_t kind, nonce[CHANNEL_NONCE_LEN];
    reader_init(&r, message);
    read_header(&r, &kind);
    if (r.failed == ST_OK && kind == CHANNEL_UNKNOWN) {
        enum status end = reader_done(&r);
        return end == ST_OK ? ST_CHANNEL_UNKNOWN : end;
    }
    if (r.failed == ST_OK && kind != CHANNEL_SEALED) {
        reader_fail(&r, ST_WIRE_ENUM);
    }
    reader_fixed(&r, nonce, sizeof(nonce));
    struct span sealed = reader_take(&r, reader_left(&r));
    if (r.failed == ST_OK && sealed.len < AEAD_TAG_LEN) {
        reader_fail(&r, ST_WIRE_SHORT);
    }
    enum status st = reader_done(&r);
    if (st != ST_OK) {
        return st;
    }
    struct channel_answer_key seal;
    uint8_t aad[8];
    channel_answer_aad(number, aad);
    st = channel_answer_derive(&c->exporter, c->enc, nonce, &seal);
    if (st == ST_OK) {
        st = buffer_reserve(out, sealed.len - AEAD_TAG_LEN + 1); /* an empty answer needs a pointer too */
    }
    if (st == ST_OK) {
        st = xaead_open(seal.key, seal.nonce, SPAN(aad), sealed, out->ptr + out->len);
    }
    bytes_wipe(&seal, sizeof(seal));
    if (st != ST_OK) {
        return st;
    }
    out->len += sealed.len - AEAD_TAG_LEN;
    c->opened = true;
    return ST_OK;
}
