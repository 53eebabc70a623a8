/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/relay_address.h"

#include <stdio.h>
#include <string.h>

static const char scheme[] = "kith-relay://";
enum { KEY_CHARS = 43 }; /* 32 bytes in base64url */

static bool decode_32(uint8_t out[static 32], const char *text, size_t len)
{
    return len == KEY_CHARS && base64url_decode_fixed(out, 32, text, len) == ST_OK;
}

/* "host:port" with the rest of the text at *end. */
static bool decode_host(struct relay_address *a, const char *text, const char **end)
{
    bool v6 = text[0] == '[';
    size_t len = v6 ? strcspn(text + 1, "]") : strcspn(text, ":?");
    const char *host = v6 ? text + 1 : text;
    if (len == 0 || len > RELAY_HOST_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = host[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == '-';
        if (!word && !(v6 && c == ':')) {
            return false;
        }
    }
    if (v6 != (memchr(host, ':', len) != NULL)) { /* so that an address has one spelling */
        return false;
    }
    const char *at = host + len;
    if ((v6 && *at++ != ']') || *at++ != ':') {
        return false;
    }
    memcpy(a->host, host, len);
    uint32_t port = 0;
    size_t digits = 0;
    for (; at[digits] >= '0' && at[digits] <= '9' && digits < 5; digits++) {
        port = port * 10 + (uint32_t)(at[digits] - '0');
    }
    *end = at + digits;
    a->port = (uint16_t)port;
    return digits > 0 && at[0] != '0' && port <= UINT16_MAX;
}

static bool decode(struct relay_address *a, const char *text)
{
    size_t skip = sizeof(scheme) - 1;
    if (strncmp(text, scheme, skip) != 0) {
        return false;
    }
    text += skip;
    size_t key_len = strcspn(text, "@");
    if (text[key_len] != '@' || !decode_32(a->key.b, text, key_len) ||
        !decode_host(a, text + key_len + 1, &text)) {
        return false;
    }
    if (*text == '\0') {
        return true;
    }
    a->has_access = *text == '?' && decode_32(a->access, text + 1, strlen(text + 1));
    return a->has_access;
}

enum status relay_address_parse(struct relay_address *out, const char *text)
{
    *out = (struct relay_address){0};
    if (text != NULL && strnlen(text, RELAY_ADDRESS_MAX + 1) <= RELAY_ADDRESS_MAX && decode(out, text)) {
        return ST_OK;
    }
    bytes_wipe(out, sizeof(*out));
    return ST_RELAY_ADDRESS;
}

static enum status put_32(char *out, struct span in)
{
    struct buffer text;
    buffer_init(&text, KEY_CHARS + 1);
    enum status st = base64url_encode(&text, in);
    if (st == ST_OK) {
        memcpy(out, text.ptr, KEY_CHARS);
        out[KEY_CHARS] = '\0';
    }
    buffer_wipe(&text);
    return st;
}

enum status relay_address_format(const struct relay_address *a, char out[static RELAY_ADDRESS_MAX + 1])
{
    out[0] = '\0';
    if (a->host[0] == '\0') {
        return ST_USAGE;
    }
    char key[KEY_CHARS + 1], access[KEY_CHARS + 1] = "";
    enum status st = put_32(key, SPAN_ID(&a->key));
    if (st == ST_OK && a->has_access) {
        st = put_32(access, SPAN(a->access));
    }
    if (st == ST_OK) {
        bool v6 = strchr(a->host, ':') != NULL;
        (void)snprintf(out, RELAY_ADDRESS_MAX + 1, "%s%s@%s%s%s:%u%s%s", scheme, key, v6 ? "[" : "", a->host,
                       v6 ? "]" : "", (unsigned)a->port, a->has_access ? "?" : "", access);
    }
    bytes_wipe(access, sizeof(access));
    return st;
}

enum status relay_address_url(const struct relay_address *a, char out[static RELAY_HOST_MAX + 16])
{
    out[0] = '\0';
    if (a->host[0] == '\0') {
        return ST_USAGE;
    }
    bool v6 = strchr(a->host, ':') != NULL;
    (void)snprintf(out, RELAY_HOST_MAX + 16, "tcp://%s%s%s:%u", v6 ? "[" : "", a->host, v6 ? "]" : "",
                   (unsigned)a->port);
    return ST_OK;
}
