/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's side of the channel. Invariants: (1) keys.at is newest first; (2) in a session, bit i of `seen`
 * (bit i % 64 of word i / 64) stands for the number newest - i, and bit 0 is set; (3) `seen` and `newest`
 * change only for a message that opened. */
#include "protocol/channel.h"

#include <string.h>

#include "protocol/channel_internal.h"

/* ---- keys ---- */

enum status channel_delegate_sign(struct relay_delegate *d, const struct sign_private *relay)
{
    uint8_t tbs[CHANNEL_DELEGATE_TBS_LEN];
    channel_delegate_tbs(d, tbs);
    return sign_with_label(LABELS_KITH, relay, span_text(CHANNEL_LABEL_DELEGATE), SPAN(tbs), d->signature);
}

static void drop_last_key(struct channel_keys *k)
{
    k->count--;
    bytes_wipe(&k->at[k->count], sizeof(k->at[0]));
}

static enum status make_key(struct channel_relay *r, struct entropy *e, int64_t wall_ms)
{
    struct relay_key key = {.not_before_ms = wall_ms,
                            .not_after_ms = wall_ms + CHANNEL_KEY_KEEP_MS,
                            .has_delegate = r->signer.has_delegate,
                            .delegate = r->signer.delegate};
    struct dh_private private = {0};
    uint8_t ikm[SECRET_LEN], id[8], tbs[CHANNEL_KEY_TBS_LEN];
    entropy_fill(e, id, sizeof(id));
    for (size_t i = 0; i < sizeof(id); i++) {
        key.key_id = key.key_id << 8 | id[i];
    }
    entropy_fill(e, ikm, sizeof(ikm));
    enum status st = dh_derive(SPAN(ikm), &private, &key.key);
    if (st == ST_OK) {
        channel_key_tbs(&r->signer.relay, &key, tbs);
        st = sign_with_label(LABELS_KITH, &r->signer.private, span_text(CHANNEL_LABEL_KEY), SPAN(tbs),
                             key.signature);
    }
    if (st == ST_OK) {
        struct channel_keys *k = &r->keys;
        if (k->count == CHANNEL_KEYS_MAX) {
            drop_last_key(k);
        }
        memmove(&k->at[1], &k->at[0], k->count * sizeof(k->at[0]));
        k->at[0].public = key;
        k->at[0].private = private;
        k->count++;
    }
    bytes_wipe(ikm, sizeof(ikm));
    dh_private_wipe(&private);
    return st;
}

enum status channel_relay_rotate(struct channel_relay *r, struct entropy *e, int64_t wall_ms)
{
    if (wall_ms < 0 || wall_ms > INT64_MAX - CHANNEL_KEY_KEEP_MS) {
        return ST_USAGE;
    }
    struct channel_keys *k = &r->keys;
    int64_t made = k->count > 0 ? k->at[0].public.not_before_ms : 0;
    if (k->count == 0 || wall_ms < made || wall_ms - made >= CHANNEL_KEY_ROTATE_MS) {
        enum status st = make_key(r, e, wall_ms);
        if (st != ST_OK) {
            return st;
        }
    }
    while (k->count > 1 && k->at[k->count - 1].public.not_after_ms <= wall_ms) {
        drop_last_key(k);
    }
    return ST_OK;
}

void channel_relay_wipe(struct channel_relay *r)
{
    bytes_wipe(r, sizeof(*r));
}

enum status channel_key_tell(const struct channel_relay *r, struct buffer *out)
{
    if (r->keys.count == 0) {
        return ST_USAGE;
    }
    const struct relay_key *key = &r->keys.at[0].public;
    struct writer w;
    writer_init(&w, out);
    writer_u8(&w, CHANNEL_VERSION);
    writer_u8(&w, CHANNEL_KEY);
    writer_u64(&w, key->key_id);
    writer_bytes(&w, SPAN_ID(&key->key));
    writer_time(&w, key->not_before_ms);
    writer_time(&w, key->not_after_ms);
    writer_optional(&w, key->has_delegate);
    if (key->has_delegate) {
        writer_bytes(&w, SPAN_ID(&key->delegate.key));
        writer_time(&w, key->delegate.not_before_ms);
        writer_time(&w, key->delegate.not_after_ms);
        writer_bytes(&w, SPAN(key->delegate.signature));
    }
    writer_bytes(&w, SPAN(key->signature));
    return writer_done(&w);
}

enum status channel_unknown_tell(struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_u8(&w, CHANNEL_VERSION);
    writer_u8(&w, CHANNEL_UNKNOWN);
    return writer_done(&w);
}

/* ---- sessions ---- */

enum status channel_message_decode(struct channel_message *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    *out = (struct channel_message){0};
    if (reader_u8(&r) != CHANNEL_VERSION) {
        reader_fail(&r, ST_WIRE_VERSION);
    }
    uint8_t kind = reader_u8(&r);
    if (r.failed == ST_OK && (kind < CHANNEL_KEY || kind > CHANNEL_SEALED)) {
        reader_fail(&r, ST_WIRE_ENUM);
    }
    out->kind = (enum channel_kind)kind;
    if (kind == CHANNEL_UNKNOWN) {
        out->key_id = reader_u64(&r);
    }
    if (kind != CHANNEL_KEY) {
        reader_fixed(&r, out->enc.b, sizeof(out->enc.b));
        out->number = reader_u64(&r);
        out->header = SPAN_OF(in.ptr, in.len - reader_left(&r));
        out->sealed = reader_take(&r, reader_left(&r));
        bool first = kind == CHANNEL_UNKNOWN;
        if (r.failed == ST_OK && (first != (out->number == 0) || out->number == UINT64_MAX)) {
            reader_fail(&r, ST_WIRE_VALUE);
        }
        if (r.failed == ST_OK && out->sealed.len < AEAD_TAG_LEN) {
            reader_fail(&r, ST_WIRE_SHORT);
        }
    }
    enum status st = reader_done(&r);
    if (st != ST_OK) {
        *out = (struct channel_message){0};
    }
    return st;
}

static const struct dh_private *find_key(const struct channel_keys *k, uint64_t key_id)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->at[i].public.key_id == key_id) {
            return &k->at[i].private;
        }
    }
    return NULL;
}

static enum status open_request(struct channel_session *s, const struct channel_message *m,
                                struct buffer *out)
{
    s->hpke.seq = m->number;
    return hpke_context_open(&s->hpke, m->header, m->sealed, out);
}

enum status channel_session_begin(struct channel_session *s, const struct channel_relay *r,
                                  const struct channel_message *m, int64_t mono_ms, struct buffer *out)
{
    *s = (struct channel_session){0};
    const struct dh_private *key = find_key(&r->keys, m->key_id);
    if (m->kind != CHANNEL_UNKNOWN || key == NULL) {
        return ST_CHANNEL_UNKNOWN;
    }
    uint8_t info[CHANNEL_INFO_LEN];
    channel_info(&r->signer.relay, m->key_id, info);
    struct hpke_psk psk = channel_psk(r->has_access ? SPAN(r->access) : SPAN_EMPTY);
    enum status st =
        hpke_setup_receiver(&s->hpke, HPKE_CHACHA20POLY1305, key, SPAN_ID(&m->enc), SPAN(info), &psk);
    if (st == ST_OK) {
        st = open_request(s, m, out);
    }
    if (st == ST_OK) {
        st = channel_exporter(&s->hpke, &s->exporter);
    }
    if (st != ST_OK) {
        channel_session_wipe(s);
        return status_class(st) == CLASS_CRYPTO ? ST_CHANNEL_UNKNOWN : st;
    }
    s->enc = m->enc;
    s->seen[0] = 1;
    s->forget_at_mono_ms = mono_ms + CHANNEL_SESSION_MS;
    return ST_OK;
}

static bool window_seen(const struct channel_session *s, uint64_t number)
{
    if (number > s->newest) {
        return false;
    }
    uint64_t back = s->newest - number;
    return back >= CHANNEL_WINDOW || (s->seen[back / 64] >> (back % 64) & 1) != 0;
}

/* Moves the window so that `newest` is `by` higher. */
static void window_slide(struct channel_session *s, uint64_t by)
{
    enum { WORDS = CHANNEL_WINDOW / 64 };
    size_t words = by >= CHANNEL_WINDOW ? WORDS : (size_t)(by / 64);
    unsigned bits = words == WORDS ? 0 : (unsigned)(by % 64);
    for (size_t i = WORDS; i-- > 0;) {
        uint64_t low = i >= words ? s->seen[i - words] : 0;
        uint64_t below = i >= words + 1 ? s->seen[i - words - 1] : 0;
        s->seen[i] = low << bits | (bits != 0 ? below >> (64 - bits) : 0);
    }
    s->newest += by;
}

enum status channel_session_open(struct channel_session *s, const struct channel_message *m,
                                 struct buffer *out)
{
    if (m->kind != CHANNEL_SEALED || !ID_EQUAL(&m->enc, &s->enc)) {
        return ST_CHANNEL_UNKNOWN;
    }
    if (window_seen(s, m->number)) {
        return ST_CHANNEL_REPLAY;
    }
    enum status st = open_request(s, m, out);
    if (st != ST_OK) {
        return status_class(st) == CLASS_CRYPTO ? ST_CHANNEL_UNKNOWN : st;
    }
    if (m->number > s->newest) {
        window_slide(s, m->number - s->newest);
    }
    uint64_t back = s->newest - m->number;
    s->seen[back / 64] |= UINT64_C(1) << (back % 64);
    return ST_OK;
}

enum status channel_session_seal(const struct channel_session *s, uint64_t number, struct span answer,
                                 struct entropy *e, struct buffer *out)
{
    struct channel_answer_key seal = {0};
    uint8_t nonce[CHANNEL_NONCE_LEN], aad[8];
    size_t start = out->len;
    entropy_fill(e, nonce, sizeof(nonce));
    channel_answer_aad(number, aad);
    struct writer w;
    writer_init(&w, out);
    writer_u8(&w, CHANNEL_VERSION);
    writer_u8(&w, CHANNEL_SEALED);
    writer_bytes(&w, SPAN(nonce));
    enum status st = writer_done(&w);
    if (st == ST_OK) {
        st = buffer_reserve(out, answer.len + AEAD_TAG_LEN);
    }
    if (st == ST_OK) {
        st = channel_answer_derive(&s->exporter, s->enc.b, nonce, &seal);
    }
    if (st == ST_OK) {
        st = xaead_seal(seal.key, seal.nonce, SPAN(aad), answer, out->ptr + out->len);
    }
    bytes_wipe(&seal, sizeof(seal));
    if (st != ST_OK) {
        out->len = start;
        return st;
    }
    out->len += answer.len + AEAD_TAG_LEN;
    return ST_OK;
}

void channel_session_wipe(struct channel_session *s)
{
    hpke_context_wipe(&s->hpke);
    bytes_wipe(s, sizeof(*s));
}
