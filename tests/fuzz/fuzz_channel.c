/* SPDX-License-Identifier: Apache-2.0 */
/* What comes to the relay, and what comes from it: decoded, verified and opened, or refused. */
#include <string.h>

#include "protocol/channel.h"
#include "protocol/mem.h"
#include "protocol/relay_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_address(const uint8_t *data, size_t size)
{
    char text[RELAY_ADDRESS_MAX + 20], again[RELAY_ADDRESS_MAX + 1];
    struct relay_address a;
    size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
    memcpy(text, data, len);
    text[len] = '\0';
    if (relay_address_parse(&a, text) == ST_OK) {
        invariant(relay_address_format(&a, again) == ST_OK && strcmp(text, again) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct channel_client client;
    static struct channel_session session;
    static struct channel_relay relay;
    struct span in = SPAN_OF(data, size);
    struct channel_message m;
    struct relay_key key;
    struct buffer out;
    invariant(suite_start() == ST_OK);
    fuzz_address(data, size);
    buffer_init(&out, CHANNEL_ANSWER_MAX);
    invariant(channel_key_verify(&key, &relay.signer.relay, 0, in) != ST_OK);
    invariant(channel_client_open(&client, 1, in, &out) != ST_OK);
    if (channel_message_decode(&m, in) == ST_OK) {
        invariant(m.header.len + m.sealed.len == size || m.kind == CHANNEL_KEY);
        invariant(channel_session_begin(&session, &relay, &m, 0, &out) != ST_OK);
        invariant(channel_session_open(&session, &m, &out) != ST_OK);
    }
    invariant(out.len == 0);
    buffer_wipe(&out);
    return 0;
}
