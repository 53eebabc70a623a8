/* SPDX-License-Identifier: Apache-2.0 */
/* The worked example of docs/protocol.md, made by the code and compared with the document's text.
 * `test_worked_example --print` prints it for pasting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/channel.h"
#include "protocol/channel_internal.h"
#include "tests/support/test.h"

enum { HEX_A_LINE = 32 };

static struct buffer text;

static void put(const char *s)
{
    assert_ok(buffer_append(&text, span_text(s)));
}

/* "name" on a line, then the bytes, 32 a line. */
static void show(const char *name, struct span bytes)
{
    char hex[2 * HEX_A_LINE + 1];
    put(name);
    put(":\n");
    for (size_t at = 0; at < bytes.len; at += HEX_A_LINE) {
        size_t len = bytes.len - at < HEX_A_LINE ? bytes.len - at : HEX_A_LINE;
        hex_encode(hex, SPAN_OF(bytes.ptr + at, len));
        put("    ");
        put(hex);
        put("\n");
    }
}

/* "Randomness" that says whose it is: all bytes equal to the counter, one more each call. */
static void fill(void *ctx, uint8_t *out, size_t len)
{
    uint8_t *n = ctx;
    memset(out, (*n)++, len);
}

static void show_log(void)
{
    struct log_token write, read;
    struct log_hashes hashes = {0};
    struct log_claim claim;
    struct log_id id;
    memset(write.b, 0x11, sizeof(write.b));
    memset(read.b, 0x22, sizeof(read.b));
    log_token_hash_of(&write, &hashes.of[LOG_WRITE]);
    log_token_hash_of(&read, &hashes.of[LOG_READ]);
    log_id_of(&hashes, &id);
    log_claim_make(LOG_READ, &read, &hashes, &claim);
    show("write_token", SPAN(write.b));
    show("read_token", SPAN(read.b));
    show("log_id (nobody may trim)", SPAN(id.b));
    struct buffer b;
    struct writer w;
    struct relay_request request = {.command = RELAY_READ, .log = claim, .after_seq = 7, .max = 32};
    buffer_init(&b, RELAY_REQUEST_MAX);
    writer_init(&w, &b);
    assert_ok(relay_request_encode(&w, &request));
    show("request: read, after_seq 7, max 32", buffer_span(&b));
    buffer_wipe(&b);
}

static void show_block(struct entropy *e)
{
    static struct block_builder builder;
    static uint8_t block[BLOCK_LEN];
    struct secret key;
    uint8_t hash[HASH_LEN];
    struct block_record record = {.kind = BLOCK_WHOLE, .bytes = span_text("hello")};
    memset(key.b, 0x33, sizeof(key.b));
    block_builder_init(&builder);
    assert_ok(block_builder_add(&builder, &record));
    assert_ok(block_seal(&builder, &key, e, block));
    show("block key", SPAN(key.b));
    show("payload, without its 16,336 zeros", SPAN_OF(builder.payload, builder.used));
    show("first 64 bytes of the block: nonce and ciphertext", SPAN_OF(block, 64));
    hash_bytes(SPAN(block), hash);
    show("SHA-256 of the block", SPAN(hash));
}

static void show_session(struct entropy *of_relay, struct entropy *of_client)
{
    static struct channel_relay relay;
    static struct channel_client client;
    static struct channel_session session;
    static struct relay_answer answer;
    struct relay_key key;
    struct channel_message m;
    struct buffer bytes, opened, plain;
    uint8_t seed[SIGN_SEED_LEN];
    uint64_t number;
    buffer_init(&bytes, 100000);
    buffer_init(&opened, 100000);
    buffer_init(&plain, 100000);
    memset(seed, 0x44, sizeof(seed));
    sign_keypair_from_seed(seed, &relay.signer.private, &relay.signer.relay);
    show("seed of the relay key (Ed25519)", SPAN(seed));
    show("relay key", SPAN(relay.signer.relay.b));
    assert_ok(channel_relay_rotate(&relay, of_relay, INT64_C(1900000000000)));
    assert_ok(channel_key_tell(&relay, &bytes));
    show("private key to RelayKey.public_key", SPAN(relay.keys.at[0].private.b));
    show("message from the relay: key", buffer_span(&bytes));
    assert_ok(channel_key_verify(&key, &relay.signer.relay, INT64_C(1900000000000), buffer_span(&bytes)));
    const struct channel_client_args args = {&relay.signer.relay, &key, SPAN_EMPTY, of_client, 0};
    assert_ok(channel_client_init(&client, &args));
    bytes.len = 0;
    uint8_t info = RELAY_INFO;
    assert_ok(channel_client_seal(&client, SPAN_OF(&info, 1), &number, &bytes));
    show("message to the relay: open, request info", buffer_span(&bytes));
    show("exporter secret", SPAN(client.exporter.b));
    assert_ok(channel_message_decode(&m, buffer_span(&bytes)));
    assert_ok(channel_session_begin(&session, &relay, &m, 0, &opened));
    answer = (struct relay_answer){
        .command = RELAY_INFO,
        .incarnation = {{0x55, 0x55}},
        .info = {RELAY_VERSION, INT64_C(1900000000000), UINT64_C(3888000000), 65536, 8, RELAY_WAIT_MAX_MS}};
    struct writer w;
    writer_init(&w, &plain);
    assert_ok(relay_answer_encode(&w, &answer));
    show("answer", buffer_span(&plain));
    bytes.len = 0;
    assert_ok(channel_session_seal(&session, number, buffer_span(&plain), of_relay, &bytes));
    struct channel_answer_key seal;
    assert_ok(channel_answer_derive(&client.exporter, client.enc, bytes.ptr + 2, &seal));
    show("answer key", SPAN(seal.key));
    show("answer nonce", SPAN(seal.nonce));
    show("message from the relay: answer", buffer_span(&bytes));
    buffer_wipe(&bytes);
    buffer_wipe(&opened);
    buffer_wipe(&plain);
}

static void make(void)
{
    uint8_t relay_count = 0x80, client_count = 0xc0;
    struct entropy of_relay = {&relay_count, fill}, of_client = {&client_count, fill};
    buffer_init(&text, 1 << 20);
    put("```\n");
    show_log();
    show_block(&of_client);
    show_session(&of_relay, &of_client);
    put("```\n");
    assert_ok(buffer_append(&text, SPAN_OF((const uint8_t *)"", 1)));
}

static void the_documents_worked_example_is_what_the_code_does(void **state)
{
    (void)state;
    static char document[1 << 20];
    FILE *f = fopen(KITH_SOURCE_DIR "/docs/protocol.md", "rb");
    assert_non_null(f);
    size_t len = fread(document, 1, sizeof(document) - 1, f);
    (void)fclose(f);
    document[len] = '\0';
    assert_non_null(strstr(document, (const char *)text.ptr));
}

int main(int argc, char **argv)
{
    assert_ok(suite_start());
    make();
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        (void)fputs((const char *)text.ptr, stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_documents_worked_example_is_what_the_code_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
