/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/link.h"

static const char scheme_pair[] = "kith-pair:", scheme_meet[] = "kith-meet:",
                  scheme_relay[] = "kith-relay://";

/* ---- what people paste ---- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The text without any white space and without one full stop (or comma) at its end, appended to out. */
static enum status tidy(struct span text, struct buffer *out)
{
    if (text.len > LINK_TEXT_MAX)
        return ST_LINK_DAMAGED;
    for (size_t i = 0; i < text.len; i++) {
        if (is_space(text.ptr[i]))
            continue;
        enum status st = buffer_append(out, SPAN_OF(text.ptr + i, 1));
        if (st != ST_OK)
            return st;
    }
    if (out->len > 0 && (out->ptr[out->len - 1] == '.' || out->ptr[out->len - 1] == ','))
        out->len--;
    return ST_OK;
}

static bool starts_with(struct span text, const char *scheme)
{
    struct span s = span_text(scheme);
    return text.len >= s.len && memcmp(text.ptr, s.ptr, s.len) == 0;
}

static enum status kind_of_tidy(struct span text, enum link_kind *out)
{
    if (starts_with(text, scheme_pair))
        *out = LINK_PAIR;
    else if (starts_with(text, scheme_meet))
        *out = LINK_MEET;
    else if (starts_with(text, scheme_relay))
        *out = LINK_RELAY;
    else
        return ST_LINK_SCHEME;
    return ST_OK;
}

enum status link_kind_of(struct span text, enum link_kind *out)
{
    struct buffer b;
    buffer_init(&b, LINK_TEXT_MAX);
    enum status st = tidy(text, &b);
    if (st == ST_OK)
        st = kind_of_tidy(buffer_span(&b), out);
    buffer_wipe(&b);
    return st;
}

/* ---- kith-pair: and kith-meet: ---- */

static enum status link_check(enum link_kind kind, struct span payload, uint8_t out[static LINK_CHECK_LEN])
{
    uint8_t hash[HASH_LEN];
    enum status st = wire_hash_bytes(kind == LINK_PAIR ? LABEL_LINK_PAIR : LABEL_LINK_MEET, payload, hash);
    memcpy(out, hash, LINK_CHECK_LEN);
    return st;
}

enum status link_print(enum link_kind kind, struct span payload, struct buffer *out)
{
    uint8_t check[LINK_CHECK_LEN];
    struct buffer whole;
    size_t before = out->len;
    if ((kind != LINK_PAIR && kind != LINK_MEET) || payload.len > LINK_PAYLOAD_MAX)
        return ST_USAGE;
    buffer_init(&whole, LINK_PAYLOAD_MAX + LINK_CHECK_LEN);
    enum status st = link_check(kind, payload, check);
    if (st == ST_OK)
        st = buffer_append(&whole, payload);
    if (st == ST_OK)
        st = buffer_append(&whole, SPAN(check));
    if (st == ST_OK)
        st = buffer_append(out, span_text(kind == LINK_PAIR ? scheme_pair : scheme_meet));
    if (st == ST_OK)
        st = base64url_encode(out, buffer_span(&whole));
    if (st != ST_OK)
        out->len = before;
    buffer_wipe(&whole);
    return st;
}

/* The payload of a tidy link whose scheme is `scheme` long. */
static enum status payload_of(enum link_kind kind, struct span text, size_t scheme, struct buffer *payload)
{
    uint8_t check[LINK_CHECK_LEN];
    const uint8_t *digits = text.ptr + scheme;
    if (base64url_decode(payload, (const char *)digits, text.len - scheme) != ST_OK ||
        payload->len < LINK_CHECK_LEN)
        return ST_LINK_DAMAGED;
    payload->len -= LINK_CHECK_LEN;
    enum status st = link_check(kind, buffer_span(payload), check);
    if (st == ST_OK && memcmp(check, payload->ptr + payload->len, LINK_CHECK_LEN) != 0)
        st = ST_LINK_DAMAGED;
    return st;
}

enum status link_parse(enum link_kind expected, struct span text, struct buffer *payload)
{
    struct buffer b;
    enum link_kind kind = 0;
    buffer_wipe(payload);
    if (expected != LINK_PAIR && expected != LINK_MEET)
        return ST_USAGE;
    buffer_init(&b, LINK_TEXT_MAX);
    enum status st = tidy(text, &b);
    if (st == ST_OK)
        st = kind_of_tidy(buffer_span(&b), &kind);
    if (st == ST_OK && kind != expected)
        st = ST_LINK_OTHER_KIND;
    if (st == ST_OK)
        st = payload_of(kind, buffer_span(&b), sizeof scheme_pair - 1, payload);
    if (st != ST_OK)
        buffer_wipe(payload);
    buffer_wipe(&b);
    return st;
}

/* ---- kith-relay:// ---- */

enum status link_relay_parse(struct relay_address *out, struct span text)
{
    struct buffer b;
    enum link_kind kind = 0;
    *out = (struct relay_address){0};
    buffer_init(&b, LINK_TEXT_MAX + 1);
    enum status st = tidy(text, &b);
    if (st == ST_OK)
        st = kind_of_tidy(buffer_span(&b), &kind);
    if (st == ST_OK && kind != LINK_RELAY)
        st = ST_LINK_OTHER_KIND;
    if (st == ST_OK && memchr(b.ptr, 0, b.len))
        st = ST_LINK_DAMAGED;
    if (st == ST_OK)
        st = buffer_append(&b, SPAN_OF((const uint8_t *)"", 1));
    if (st == ST_OK)
        st = relay_address_parse(out, (const char *)b.ptr);
    buffer_wipe(&b);
    return st;
}
