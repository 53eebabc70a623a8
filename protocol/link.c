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

enum status relay_address_print(const struct relay_address *a, struct buffer *out)
{
    char port[8];
    size_t at = sizeof port, before = out->len;
    unsigned n = a->port;
    port[--at] = '\0';
    do {
        port[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    enum status st = buffer_append(out, span_text(scheme_relay));
    if (st == ST_OK)
        st = base64url_encode(out, SPAN_ID(&a->key));
    if (st == ST_OK)
        st = buffer_append(out, span_text("@"));
    if (st == ST_OK)
        st = buffer_append(out, span_text(a->host));
    if (st == ST_OK)
        st = buffer_append(out, span_text(":"));
    if (st == ST_OK)
        st = buffer_append(out, span_text(port + at));
    if (st == ST_OK && a->has_access)
        st = buffer_append(out, span_text("?"));
    if (st == ST_OK && a->has_access)
        st = base64url_encode(out, SPAN_ID(&a->access));
    if (st == ST_OK)
        st = buffer_append(out, SPAN_OF((const uint8_t *)"", 1));
    if (st == ST_OK)
        out->len--; /* the NUL does not count */
    else
        out->len = before;
    return st;
}

/* Exactly 32 bytes of base64url. */
static enum status key_parse(struct span text, uint8_t out[static 32])
{
    struct buffer b;
    buffer_init(&b, 64);
    enum status st = base64url_decode(&b, (const char *)text.ptr, text.len);
    if (st == ST_OK && b.len != 32)
        st = ST_LINK_DAMAGED;
    if (st == ST_OK)
        memcpy(out, b.ptr, 32);
    buffer_wipe(&b);
    return st == ST_OK ? ST_OK : ST_LINK_DAMAGED;
}

/* Position of c in text, or text.len. */
static size_t find(struct span text, uint8_t c)
{
    const uint8_t *at = text.len ? memchr(text.ptr, c, text.len) : NULL;
    return at ? (size_t)(at - text.ptr) : text.len;
}

static bool host_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static enum status host_parse(struct span text, char out[static RELAY_HOST_MAX + 1])
{
    bool v6 = text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
    if (text.len == 0 || text.len > RELAY_HOST_MAX)
        return ST_LINK_DAMAGED;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 'a' - 'A');
        bool bracket = v6 && (i == 0 || i == text.len - 1);
        if (!bracket && !(v6 && c == ':') && !host_char(c))
            return ST_LINK_DAMAGED;
        out[i] = (char)c;
    }
    out[text.len] = '\0';
    return ST_OK;
}

static enum status port_parse(struct span text, uint16_t *out)
{
    unsigned n = 0;
    if (text.len == 0 || text.len > 5 || text.ptr[0] == '0')
        return ST_LINK_DAMAGED;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return ST_LINK_DAMAGED;
        n = n * 10 + (unsigned)(text.ptr[i] - '0');
    }
    if (n > UINT16_MAX)
        return ST_LINK_DAMAGED;
    *out = (uint16_t)n;
    return ST_OK;
}

/* key@host:port[?access], without the scheme. */
static enum status address_parse(struct span text, struct relay_address *a)
{
    size_t query = find(text, '?');
    if (query < text.len) {
        a->has_access = true;
        if (key_parse(SPAN_OF(text.ptr + query + 1, text.len - query - 1), a->access.b) != ST_OK)
            return ST_LINK_DAMAGED;
    }
    struct span main_part = SPAN_OF(text.ptr, query);
    size_t at = find(main_part, '@'), colon = main_part.len;
    while (colon > 0 && main_part.ptr[colon - 1] != ':')
        colon--;
    if (at == main_part.len || colon <= at + 1)
        return ST_LINK_DAMAGED;
    enum status st = key_parse(SPAN_OF(main_part.ptr, at), a->key.b);
    if (st == ST_OK)
        st = host_parse(SPAN_OF(main_part.ptr + at + 1, colon - 1 - at - 1), a->host);
    if (st == ST_OK)
        st = port_parse(SPAN_OF(main_part.ptr + colon, main_part.len - colon), &a->port);
    return st;
}

enum status relay_address_parse(struct relay_address *out, struct span text)
{
    struct buffer b;
    struct relay_address a = {0};
    enum link_kind kind = 0;
    size_t scheme = sizeof scheme_relay - 1;
    buffer_init(&b, LINK_TEXT_MAX);
    enum status st = tidy(text, &b);
    if (st == ST_OK)
        st = kind_of_tidy(buffer_span(&b), &kind);
    if (st == ST_OK && kind != LINK_RELAY)
        st = ST_LINK_OTHER_KIND;
    if (st == ST_OK)
        st = address_parse(SPAN_OF(b.ptr + scheme, b.len - scheme), &a);
    *out = st == ST_OK ? a : (struct relay_address){0};
    bytes_wipe(&a, sizeof a);
    buffer_wipe(&b);
    return st;
}
