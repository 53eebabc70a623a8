/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/relay_command.h"

#include <string.h>

#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_decoder.h"
#include "tests/support/test_hex.h"

static uint8_t block[BLOCK_LEN];
static struct relay_watch watches[RELAY_WATCHES_MAX], decoded[RELAY_WATCHES_MAX];
static const struct log_claim claim = {{{1}}, {{{2}}, {{3}}}};

static enum status request_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    (void)ctx;
    struct relay_request q;
    enum status st = relay_request_decode(&q, decoded, in);
    if (st != ST_OK) {
        static const struct relay_request zero;
        assert_memory_equal(&q, &zero, sizeof(zero));
        return st;
    }
    struct writer w;
    writer_init(&w, again);
    return relay_request_encode(&w, &q);
}

/* The encoding, in memory that the next call reuses. */
static struct span encode(const struct relay_request *q)
{
    static struct buffer b;
    buffer_wipe(&b);
    buffer_init(&b, RELAY_REQUEST_MAX);
    struct writer w;
    writer_init(&w, &b);
    if (relay_request_encode(&w, q) != ST_OK) {
        buffer_wipe(&b);
    }
    return buffer_span(&b);
}

static void every_command_is_decoded_whole_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        watches[i] = (struct relay_watch){.log = claim, .after_seq = i};
    }
    const struct relay_request small[] = {
        {.command = RELAY_READ, .log = claim, .after_seq = 5, .max = 32},
        {.command = RELAY_WAIT, .timeout_ms = 300000, .watches = watches, .watch_count = 3},
        {.command = RELAY_TRIM, .log = claim, .incarnation = {{4}}, .up_to_seq = UINT64_MAX},
        {.command = RELAY_INFO},
    };
    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
        check_decoder(request_roundtrip, NULL, encode(&small[i]));
    }
    const struct relay_request append = {
        .command = RELAY_APPEND, .log = claim, .incarnation = {{4}}, .block_id = {{5}}, .block = SPAN(block)};
    struct span in = encode(&append);
    assert_int_equal(in.len, 1 + 96 + 16 + 16 + BLOCK_LEN);
    check_round_trip(request_roundtrip, NULL, in);
    check_truncations(request_roundtrip, NULL, in);
}

static void the_longest_request_is_a_full_wait(void **state)
{
    (void)state;
    struct relay_request q = {
        .command = RELAY_WAIT, .watches = watches, .watch_count = RELAY_WATCHES_MAX, .timeout_ms = 0};
    struct span in = encode(&q);
    assert_int_equal(in.len, RELAY_REQUEST_MAX);
    check_round_trip(request_roundtrip, NULL, in);
}

static void requests_beyond_a_limit_are_not_made_and_not_read(void **state)
{
    (void)state;
    const struct relay_request bad[] = {
        {.command = RELAY_READ, .max = 0},
        {.command = RELAY_READ, .max = RELAY_READ_MAX + 1},
        {.command = RELAY_WAIT, .watches = watches, .watch_count = 0},
        {.command = RELAY_WAIT, .watches = watches, .watch_count = RELAY_WATCHES_MAX + 1},
        {.command = RELAY_WAIT, .watches = watches, .watch_count = 1, .timeout_ms = RELAY_WAIT_MAX_MS + 1},
        {.command = RELAY_APPEND, .block = SPAN_OF(block, BLOCK_LEN - 1)},
        {.command = (enum relay_command)0},
        {.command = (enum relay_command)6},
    };
    struct writer w;
    struct buffer b;
    buffer_init(&b, RELAY_REQUEST_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        writer_init(&w, &b);
        assert_status(relay_request_encode(&w, &bad[i]), ST_USAGE);
    }
    struct relay_request q = {.command = RELAY_READ, .log = claim, .max = 1};
    struct span in = encode(&q);
    uint8_t bytes[200];
    memcpy(bytes, in.ptr, in.len);
    bytes[in.len - 1] = RELAY_READ_MAX + 1;
    assert_status(relay_request_decode(&q, decoded, SPAN_OF(bytes, in.len)), ST_WIRE_VALUE);
    bytes[in.len - 1] = 0;
    assert_status(relay_request_decode(&q, decoded, SPAN_OF(bytes, in.len)), ST_WIRE_VALUE);
    buffer_wipe(&b);
}

/* All first bytes but the five commands are refused, and none of the five answers with what was not named. */
static void T10_no_command_lists_logs(void **state)
{
    (void)state;
    struct relay_request q;
    size_t known = 0;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t byte = (uint8_t)first;
        enum status st = relay_request_decode(&q, decoded, SPAN_OF(&byte, 1));
        known += st != ST_WIRE_ENUM;
        assert_true(st == ST_WIRE_ENUM || (first >= RELAY_APPEND && first <= RELAY_INFO));
    }
    assert_int_equal(known, 5);
    /* append, read, wait and trim name each log by its capabilities; info has no argument and no log in its
     * answer */
    q = (struct relay_request){.command = RELAY_INFO};
    assert_int_equal(encode(&q).len, 1);
}

static void T10_a_wrong_token_names_another_log(void **state)
{
    (void)state;
    struct log_token tokens[3] = {{{1}}, {{2}}, {{3}}};
    struct log_hashes hashes;
    struct log_id owner, got;
    struct log_claim made;
    for (int i = 0; i < 3; i++) {
        log_token_hash_of(&tokens[i], &hashes.of[i]);
    }
    log_id_of(&hashes, &owner);
    for (int right = LOG_WRITE; right <= LOG_TRIM; right++) {
        log_claim_make((enum log_right)right, &tokens[right], &hashes, &made);
        log_claim_id((enum log_right)right, &made, &got);
        assert_true(ID_EQUAL(&got, &owner));
        made.token.b[31] ^= 1;
        log_claim_id((enum log_right)right, &made, &got);
        assert_false(ID_EQUAL(&got, &owner));
        /* a token of one right does not serve for another */
        log_claim_make((enum log_right)right, &tokens[(right + 1) % 3], &hashes, &made);
        log_claim_id((enum log_right)right, &made, &got);
        assert_false(ID_EQUAL(&got, &owner));
    }
}

static void log_addresses_are_as_documented(void **state)
{
    (void)state;
    struct log_token tokens[3] = {{{0}}, {{0}}, {{0}}};
    struct log_hashes hashes = {0};
    struct log_id id;
    uint8_t joined[10 + 96];
    memset(tokens[0].b, 0x11, 32);
    memset(tokens[1].b, 0x22, 32);
    log_token_hash_of(&tokens[0], &hashes.of[LOG_WRITE]);
    log_token_hash_of(&tokens[1], &hashes.of[LOG_READ]);
    memcpy(joined, "Kith 1 log", 10);
    hash_bytes(SPAN(tokens[0].b), joined + 10);
    hash_bytes(SPAN(tokens[1].b), joined + 42);
    memset(joined + 74, 0, 32); /* nobody may trim */
    uint8_t want[32];
    hash_bytes(SPAN(joined), want);
    log_id_of(&hashes, &id);
    assert_memory_equal(id.b, want, 32);
}

/* ---- answers ---- */

static enum status answer_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    static struct relay_answer a;
    enum status st = relay_answer_decode(&a, ctx, in);
    if (st != ST_OK) {
        assert_int_equal(a.count, 0);
        assert_int_equal(a.command, 0);
        return st;
    }
    struct writer w;
    writer_init(&w, again);
    return relay_answer_encode(&w, &a);
}

static struct span encode_answer(const struct relay_answer *a)
{
    static struct buffer b;
    buffer_wipe(&b);
    buffer_init(&b, RELAY_ANSWER_MAX);
    struct writer w;
    writer_init(&w, &b);
    assert_ok(relay_answer_encode(&w, a));
    return buffer_span(&b);
}

static void every_answer_is_decoded_whole_or_refused(void **state)
{
    (void)state;
    static struct relay_answer a;
    struct relay_request asked = {.command = RELAY_APPEND, .watches = watches};
    a = (struct relay_answer){.command = RELAY_APPEND, .incarnation = {{8}}, .seq = 77};
    check_decoder(answer_roundtrip, &asked, encode_answer(&a));
    a = (struct relay_answer){.command = RELAY_APPEND, .result = RELAY_LOG_FULL, .retry_after_ms = 5};
    check_decoder(answer_roundtrip, &asked, encode_answer(&a));
    asked.command = a.command = RELAY_TRIM;
    a = (struct relay_answer){.command = RELAY_TRIM};
    check_decoder(answer_roundtrip, &asked, encode_answer(&a));
    asked.command = RELAY_INFO;
    a = (struct relay_answer){.command = RELAY_INFO, .info = {1, 2, 3, 4, 5, 6}};
    check_decoder(answer_roundtrip, &asked, encode_answer(&a));
    asked.command = RELAY_WAIT;
    asked.watch_count = 9;
    memset(watches, 0, sizeof(watches));
    a = (struct relay_answer){.command = RELAY_WAIT, .count = 2, .grown = {{3, 9}, {8, 1}}};
    check_decoder(answer_roundtrip, &asked, encode_answer(&a));
    asked.command = RELAY_READ;
    asked.max = 32;
    a = (struct relay_answer){
        .command = RELAY_READ, .count = 2, .blocks = {{3, SPAN(block)}, {9, SPAN(block)}}};
    check_round_trip(answer_roundtrip, &asked, encode_answer(&a));
    check_truncations(answer_roundtrip, &asked, encode_answer(&a));
    a.count = RELAY_READ_MAX;
    for (size_t i = 0; i < RELAY_READ_MAX; i++) {
        a.blocks[i] = (struct relay_block){i + 1, SPAN(block)};
    }
    assert_int_equal(encode_answer(&a).len, RELAY_ANSWER_MAX);
    check_round_trip(answer_roundtrip, &asked, encode_answer(&a));
}

static void T04_an_answer_that_does_not_fit_the_question_is_refused(void **state)
{
    (void)state;
    static struct relay_answer a, out;
    struct relay_request asked = {.command = RELAY_READ, .after_seq = 5, .max = 2};
    static const uint64_t bad_seqs[][3] = {{5, 6, 0}, {7, 7, 0}, {8, 7, 0}, {6, 7, 8}};
    for (size_t i = 0; i < sizeof(bad_seqs) / sizeof(bad_seqs[0]); i++) {
        a = (struct relay_answer){.command = RELAY_READ, .count = bad_seqs[i][2] != 0 ? 3 : 2};
        for (size_t k = 0; k < a.count; k++) {
            a.blocks[k] = (struct relay_block){bad_seqs[i][k], SPAN(block)};
        }
        assert_status(relay_answer_decode(&out, &asked, encode_answer(&a)), ST_RELAY_ANSWER);
    }
    a = (struct relay_answer){.command = RELAY_APPEND, .seq = 1};
    assert_status(relay_answer_decode(&out, &asked, encode_answer(&a)), ST_RELAY_ANSWER);
    asked.command = (enum relay_command)0;
    assert_status(relay_answer_decode(&out, &asked, SPAN_OF(block, 22)), ST_WIRE_ENUM);
    asked.command = RELAY_APPEND;
    a.seq = 0;
    assert_status(relay_answer_decode(&out, &asked, encode_answer(&a)), ST_RELAY_ANSWER);
    watches[0].after_seq = 4;
    watches[1].after_seq = 0;
    asked = (struct relay_request){.command = RELAY_WAIT, .watches = watches, .watch_count = 2};
    static const struct relay_grown bad_grown[][2] = {
        {{0, 4}, {1, 1}}, {{0, 5}, {0, 5}}, {{1, 1}, {0, 5}}, {{0, 5}, {2, 5}}};
    for (size_t i = 0; i < sizeof(bad_grown) / sizeof(bad_grown[0]); i++) {
        a = (struct relay_answer){.command = RELAY_WAIT, .count = 2};
        memcpy(a.grown, bad_grown[i], sizeof(bad_grown[i]));
        assert_status(relay_answer_decode(&out, &asked, encode_answer(&a)), ST_RELAY_ANSWER);
    }
}

static void every_refusal_has_a_status(void **state)
{
    (void)state;
    assert_ok(relay_result_status(RELAY_OK));
    for (int i = RELAY_BAD_REQUEST; i <= RELAY_STORE_FAILED; i++) {
        enum status st = relay_result_status((enum relay_result)i);
        assert_true(st != ST_OK && st != ST_RELAY_ANSWER);
    }
    assert_status(relay_result_status((enum relay_result)(RELAY_STORE_FAILED + 1)), ST_RELAY_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_decoded_whole_or_refused),
        cmocka_unit_test(the_longest_request_is_a_full_wait),
        cmocka_unit_test(requests_beyond_a_limit_are_not_made_and_not_read),
        cmocka_unit_test(T10_no_command_lists_logs),
        cmocka_unit_test(T10_a_wrong_token_names_another_log),
        cmocka_unit_test(log_addresses_are_as_documented),
        cmocka_unit_test(every_answer_is_decoded_whole_or_refused),
        cmocka_unit_test(T04_an_answer_that_does_not_fit_the_question_is_refused),
        cmocka_unit_test(every_refusal_has_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
