/* SPDX-License-Identifier: Apache-2.0 */
/* What the local API takes and what it refuses, by the table of sync/command.def. */
#include "apps/kithd/rpc.h"

#include <string.h>

#include "tests/support/test.h"

static bool read_text(struct rpc_call *out, const char *request, json_t **error)
{
    return rpc_read(out, span_text(request), error);
}

static void a_good_request_becomes_its_command(void **state)
{
    struct rpc_call c;
    json_t *error;
    (void)state;
    assert_true(read_text(&c,
                          "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"approve\","
                          "\"params\":{\"id\":\"a1\",\"days\":30}}",
                          &error));
    assert_null(error);
    assert_int_equal(c.command.kind, CMD_APPROVE);
    assert_true(span_equal(c.command.value[CMD_APPROVE_ID].text, span_text("a1")));
    assert_int_equal(c.command.value[CMD_APPROVE_DAYS].number, 30);
    rpc_call_free(&c);
}

static void what_is_no_request_is_refused_with_its_code(void **state)
{
    static const struct {
        int code;
        const char *text;
    } rows[] = {
        {-32700, ""},
        {-32700, "{"},
        {-32700, "[]"},
        {-32700, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}]"},
        {-32700, "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"status\"}"},
        {-32700, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"} x"},
        {-32600, "{}"},
        {-32600, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"status\"}"},
        {-32600, "{\"jsonrpc\":\"2.0\",\"id\":1}"},
        {-32600, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}"},
        {-32600, "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"status\"}"},
        {-32601, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status.delete\"}"},
        {-32602, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[]}"},
        {-32602, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{\"verbose\":true}}"},
        {-32602, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\",\"params\":{\"to\":\"Leo\"}}"},
        {-32602, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\"}"},
        {-32602, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\",\"params\":{\"to\":1,\"text\":\"x\"}}"},
        {-32602,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"approve\",\"params\":{\"id\":\"a\",\"days\":\"3\"}}"},
        {-32602,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"approve\",\"params\":{\"id\":\"a\",\"days\":1.5}}"},
        {-32001,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\",\"params\":{\"to\":\"Leo\",\"text\":\"\"}}"},
        {-32001, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\",\"params\":{\"to\":\"Leo\",\"text\":"
                 "\"\\u001b[2J\"}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rpc_call c;
        json_t *error = NULL;
        if (read_text(&c, rows[i].text, &error))
            fail_msg("taken: %s", rows[i].text);
        const json_t *e = json_object_get(error, "error");
        json_int_t code = json_integer_value(json_object_get(e, "code"));
        if (code != rows[i].code)
            fail_msg("%s: code %d", rows[i].text, (int)code);
        assert_non_null(json_string_value(json_object_get(json_object_get(e, "data"), "status")));
        assert_null(c.root);
        json_decref(error);
    }
}

/* What is quoted back is cut, and the cut falls into a character of two bytes. */
static void a_long_name_is_refused_wherever_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char name[160] = "a", request[256];
        struct rpc_call c;
        json_t *error = NULL;
        for (size_t at = i % 2; at < 120; at += 2)
            memcpy(name + at, "\u00e9", 3);
        snprintf(request, sizeof(request),
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"%s\":1}}",
                 i < 2 ? name : "send", i < 2 ? "to" : name);
        assert_false(read_text(&c, request, &error));
        assert_non_null(error);
        assert_non_null(json_string_value(json_object_get(json_object_get(error, "error"), "message")));
        json_decref(error);
    }
}

static void a_refusal_answers_the_id_that_asked(void **state)
{
    struct rpc_call c;
    json_t *error;
    (void)state;
    assert_false(read_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":\"abc\",\"method\":\"nothing\"}", &error));
    assert_string_equal(json_string_value(json_object_get(error, "id")), "abc");
    json_decref(error);
}

/* Every prefix and every flipped bit: an answer or a command, never a crash (ASan watches). */
static void damaged_requests_are_answered(void **state)
{
    static const char good[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"send\","
                               "\"params\":{\"to\":\"Leo\",\"text\":\"h\\u00e9llo\"}}";
    uint8_t bytes[sizeof(good)];
    (void)state;
    for (size_t i = 0; i < 9 * (sizeof(good) - 1); i++) {
        size_t len = i < sizeof(good) - 1 ? i : sizeof(good) - 1;
        size_t bit = i < sizeof(good) - 1 ? SIZE_MAX : i - (sizeof(good) - 1);
        memcpy(bytes, good, sizeof(good));
        if (bit != SIZE_MAX)
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct rpc_call c;
        json_t *error = NULL;
        bool taken = rpc_read(&c, SPAN_OF(bytes, len), &error);
        assert_true(taken == (error == NULL));
        if (bit == SIZE_MAX)
            assert_false(taken);
        if (taken)
            rpc_call_free(&c);
        json_decref(error);
    }
}

static void a_result_says_what_the_command_has_and_no_more(void **state)
{
    const struct result r = {.kind = CMD_SEND, .status = ST_OK, .id = "ab", .name = "Leo"};
    const struct rpc_call c = {0};
    json_t *reply = rpc_reply_result(&c, &r);
    (void)state;
    const json_t *result = json_object_get(reply, "result");
    assert_int_equal(json_object_size(result), 2);
    assert_string_equal(json_string_value(json_object_get(result, "name")), "Leo");
    json_decref(reply);
}

static void an_ambiguous_name_comes_with_its_candidates(void **state)
{
    const struct result r = {
        .status = ST_NAME_AMBIGUOUS, .candidate_count = 2, .candidates = {"Leo@a", "Leo@b"}};
    const struct rpc_call c = {0};
    json_t *reply = rpc_reply_result(&c, &r);
    (void)state;
    const json_t *error = json_object_get(reply, "error"), *data = json_object_get(error, "data");
    assert_int_equal(json_integer_value(json_object_get(error, "code")), -32000 - CLASS_USAGE);
    assert_string_equal(json_string_value(json_object_get(data, "status")), "NAME_AMBIGUOUS");
    assert_int_equal(json_array_size(json_object_get(data, "candidates")), 2);
    assert_non_null(json_string_value(json_object_get(data, "next")));
    json_decref(reply);
}

static void a_reason_that_says_the_same_is_left_out(void **state)
{
    const struct result same = {.status = ST_PAIRING_CODE, .why = ST_PAIRING_CODE};
    const struct result other = {.status = ST_POLICY_DENIED, .why = ST_POLICY_VALUE};
    const struct rpc_call c = {0};
    json_t *a = rpc_reply_result(&c, &same), *b = rpc_reply_result(&c, &other);
    (void)state;
    assert_null(json_object_get(json_object_get(json_object_get(a, "error"), "data"), "why"));
    assert_non_null(json_object_get(json_object_get(json_object_get(b, "error"), "data"), "why"));
    json_decref(a);
    json_decref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_request_becomes_its_command),
        cmocka_unit_test(what_is_no_request_is_refused_with_its_code),
        cmocka_unit_test(a_long_name_is_refused_wherever_it_is_cut),
        cmocka_unit_test(a_refusal_answers_the_id_that_asked),
        cmocka_unit_test(damaged_requests_are_answered),
        cmocka_unit_test(a_result_says_what_the_command_has_and_no_more),
        cmocka_unit_test(an_ambiguous_name_comes_with_its_candidates),
        cmocka_unit_test(a_reason_that_says_the_same_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
