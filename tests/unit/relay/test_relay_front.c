/* SPDX-License-Identifier: Apache-2.0 */
/* The front with real clients of the channel (protocol/channel.h), in one process. */
#include "apps/kith-relay/core/relay_front.h"

#include <stdlib.h>
#include <string.h>

#include "apps/kith-relay/core/store_memory.h"
#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"

enum { MAX_OUT = 300 };

struct fixture {
    struct test_entropy entropy, client_entropy;
    struct relay_store store;
    struct relay_limits limits;
    struct channel_signer signer;
    struct relay_front *front;
    struct now now;
    struct relay_source source;
    struct relay_key key;
    size_t count;
    struct relay_ticket tickets[MAX_OUT];
    struct buffer out[MAX_OUT];
    struct buffer message, plain;
};

static void start(struct fixture *f)
{
    relay_front_free(f->front);
    const struct relay_front_args args = {.store = &f->store,
                                          .limits = &f->limits,
                                          .signer = &f->signer,
                                          .entropy = &f->entropy.entropy,
                                          .now = f->now};
    assert_ok(relay_front_new(&f->front, &args));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    test_entropy_init(&f->entropy, 3);
    test_entropy_init(&f->client_entropy, 4);
    assert_ok(store_memory_open(&f->store, &f->entropy.entropy));
    sign_keypair(&f->entropy.entropy, &f->signer.private, &f->signer.relay);
    f->limits = relay_limits_default;
    f->now = (struct now){.wall_ms = INT64_C(1900000000000), .mono_ms = 1000};
    f->source.b[15] = 1;
    for (size_t i = 0; i < MAX_OUT; i++) {
        buffer_init(&f->out[i], CHANNEL_ANSWER_MAX);
    }
    buffer_init(&f->message, CHANNEL_MESSAGE_MAX);
    buffer_init(&f->plain, RELAY_ANSWER_MAX);
    start(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    relay_front_free(f->front);
    f->store.ops->close(f->store.s);
    for (size_t i = 0; i < MAX_OUT; i++) {
        buffer_wipe(&f->out[i]);
    }
    buffer_wipe(&f->message);
    buffer_wipe(&f->plain);
    free(f);
    assert_int_equal(mem_live(), 0);
    return 0;
}

/* ---- steps ---- */

static enum status give(struct fixture *f, struct span message)
{
    return relay_front_receive(f->front, (struct relay_ticket){1, 0x80000001}, &f->source, message, f->now);
}

static void flush(struct fixture *f)
{
    struct relay_out out;
    relay_front_commit(f->front, f->now);
    f->count = 0;
    while (relay_front_next(f->front, &out)) {
        f->tickets[f->count] = out.ticket;
        assert_ok(buffer_copy(&f->out[f->count++], out.message));
    }
}

static void fetch_key(struct fixture *f)
{
    f->message.len = 0;
    assert_ok(channel_key_ask(&f->message));
    assert_ok(give(f, buffer_span(&f->message)));
    flush(f);
    assert_int_equal(f->count, 1);
    assert_ok(channel_key_verify(&f->key, &f->signer.relay, f->now.wall_ms, buffer_span(&f->out[0])));
}

static void begin(struct fixture *f, struct channel_client *c)
{
    const struct channel_client_args args = {&f->signer.relay, &f->key, SPAN_EMPTY,
                                             &f->client_entropy.entropy, f->now.mono_ms};
    assert_ok(channel_client_init(c, &args));
}

static uint64_t seal(struct fixture *f, struct channel_client *c, struct span request)
{
    uint64_t number;
    f->message.len = 0;
    assert_ok(channel_client_seal(c, request, &number, &f->message));
    return number;
}

static const uint8_t info = RELAY_INFO;

/* Sends info and opens its answer: ST_OK, or what the client made of it. */
static enum status ask_info(struct fixture *f, struct channel_client *c)
{
    uint64_t number = seal(f, c, SPAN_OF(&info, 1));
    assert_ok(give(f, buffer_span(&f->message)));
    flush(f);
    assert_int_equal(f->count, 1);
    f->plain.len = 0;
    return channel_client_open(c, number, buffer_span(&f->out[0]), &f->plain);
}

static void a_client_gets_a_key_a_session_and_answers(void **state)
{
    struct fixture *f = *state;
    struct channel_client c;
    fetch_key(f);
    begin(f, &c);
    for (int i = 0; i < 3; i++) {
        assert_ok(ask_info(f, &c));
        static struct relay_answer a;
        const struct relay_request asked = {.command = RELAY_INFO};
        assert_ok(relay_answer_decode(&a, &asked, buffer_span(&f->plain)));
        assert_int_equal(a.info.time_ms, f->now.wall_ms);
    }
    assert_int_equal(relay_front_counts(f->front).sessions, 1);
}

static void T07_a_first_request_that_comes_again_is_not_served_again(void **state)
{
    struct fixture *f = *state;
    struct channel_client c;
    fetch_key(f);
    begin(f, &c);
    (void)seal(f, &c, SPAN_OF(&info, 1));
    assert_ok(give(f, buffer_span(&f->message)));
    assert_status(give(f, buffer_span(&f->message)), ST_CHANNEL_REPLAY);
    flush(f);
    assert_int_equal(f->count, 1);
    assert_status(give(f, buffer_span(&f->message)), ST_CHANNEL_REPLAY);
    flush(f);
    assert_int_equal(f->count, 0);
    assert_int_equal(relay_front_counts(f->front).sessions_begun, 1);
}

static void T07_a_request_that_comes_again_is_not_served_again(void **state)
{
    struct fixture *f = *state;
    struct channel_client c;
    fetch_key(f);
    begin(f, &c);
    assert_ok(ask_info(f, &c));
    assert_ok(ask_info(f, &c));
    assert_status(give(f, buffer_span(&f->message)), ST_CHANNEL_REPLAY);
    flush(f);
    assert_int_equal(f->count, 0);
}

static void T07_after_a_restart_recorded_messages_open_nothing(void **state)
{
    struct fixture *f = *state;
    struct channel_client c;
    fetch_key(f);
    begin(f, &c);
    (void)seal(f, &c, SPAN_OF(&info, 1));
    struct buffer first;
    buffer_init(&first, CHANNEL_MESSAGE_MAX);
    assert_ok(buffer_copy(&first, buffer_span(&f->message)));
    assert_ok(give(f, buffer_span(&first)));
    flush(f);
    start(f); /* the keys were in memory only */
    assert_ok(give(f, buffer_span(&first)));
    flush(f);
    assert_int_equal(f->count, 1);
    assert_status(channel_client_open(&c, 0, buffer_span(&f->out[0]), &f->plain), ST_CHANNEL_UNKNOWN);
    assert_int_equal(relay_front_counts(f->front).sessions, 0);
    begin(f, &c);
    assert_status(ask_info(f, &c), ST_CHANNEL_UNKNOWN);
    fetch_key(f);
    begin(f, &c);
    assert_ok(ask_info(f, &c));
    buffer_wipe(&first);
}

static void a_session_is_forgotten_after_a_day(void **state)
{
    struct fixture *f = *state;
    struct channel_client c;
    fetch_key(f);
    begin(f, &c);
    assert_ok(ask_info(f, &c));
    f->now.mono_ms += CHANNEL_SESSION_MS - 1;
    assert_ok(ask_info(f, &c));
    f->now.mono_ms += 1;
    assert_status(ask_info(f, &c), ST_CHANNEL_UNKNOWN);
    relay_front_tick(f->front, f->now);
    flush(f);
    assert_int_equal(relay_front_counts(f->front).sessions, 0);
}

static void T15_sessions_of_a_source_push_out_its_own_oldest(void **state)
{
    struct fixture *f = *state;
    static struct channel_client ours[4], other;
    f->limits.source_sessions_max = 3;
    start(f);
    fetch_key(f);
    f->source.b[15] = 2;
    begin(f, &other);
    assert_ok(ask_info(f, &other));
    f->source.b[15] = 1;
    for (size_t i = 0; i < 3; i++) {
        begin(f, &ours[i]);
        assert_ok(ask_info(f, &ours[i]));
    }
    assert_ok(ask_info(f, &ours[0])); /* so ours[1] is the least lately used */
    begin(f, &ours[3]);
    assert_ok(ask_info(f, &ours[3]));
    assert_int_equal(relay_front_counts(f->front).sessions, 4);
    assert_status(ask_info(f, &ours[1]), ST_CHANNEL_UNKNOWN);
    assert_ok(ask_info(f, &ours[0]));
    assert_ok(ask_info(f, &other));
}

static void T15_sessions_in_all_are_bounded(void **state)
{
    struct fixture *f = *state;
    static struct channel_client clients[40];
    f->limits.sessions_max = 10;
    start(f);
    fetch_key(f);
    for (size_t i = 0; i < 40; i++) {
        f->source.b[14] = (uint8_t)i;
        begin(f, &clients[i]);
        assert_ok(ask_info(f, &clients[i]));
        assert_true(relay_front_counts(f->front).sessions <= 10);
    }
    assert_ok(ask_info(f, &clients[39]));
    assert_status(ask_info(f, &clients[0]), ST_CHANNEL_UNKNOWN);
}

static void T15_a_session_that_waits_is_not_pushed_out(void **state)
{
    struct fixture *f = *state;
    static struct channel_client waiting, next;
    struct relay_watch watch = {0};
    const struct relay_request wait = {
        .command = RELAY_WAIT, .timeout_ms = 1000, .watches = &watch, .watch_count = 1};
    struct writer w;
    f->limits.sessions_max = 1;
    start(f);
    fetch_key(f);
    begin(f, &waiting);
    f->plain.len = 0;
    writer_init(&w, &f->plain);
    assert_ok(relay_request_encode(&w, &wait));
    uint64_t number = seal(f, &waiting, buffer_span(&f->plain));
    assert_ok(give(f, buffer_span(&f->message)));
    flush(f);
    assert_int_equal(f->count, 0);
    begin(f, &next);
    assert_status(ask_info(f, &next), ST_CHANNEL_UNKNOWN); /* there is no room */
    f->now.mono_ms += 1000;
    relay_front_tick(f->front, f->now);
    flush(f);
    assert_int_equal(f->count, 1);
    f->plain.len = 0;
    assert_ok(channel_client_open(&waiting, number, buffer_span(&f->out[0]), &f->plain));
    begin(f, &next);
    assert_ok(ask_info(f, &next));
}

static void T15_a_full_batch_is_refused_until_the_commit(void **state)
{
    struct fixture *f = *state;
    struct channel_client c;
    fetch_key(f);
    begin(f, &c);
    assert_ok(ask_info(f, &c));
    for (size_t i = 0; i < RELAY_BATCH_MAX; i++) {
        (void)seal(f, &c, SPAN_OF(&info, 1));
        assert_ok(give(f, buffer_span(&f->message)));
    }
    (void)seal(f, &c, SPAN_OF(&info, 1));
    assert_status(give(f, buffer_span(&f->message)), ST_RELAY_BUSY);
    flush(f);
    assert_int_equal(f->count, RELAY_BATCH_MAX);
}

static void T53_what_is_no_message_is_refused_and_what_is_no_request_is_told_so(void **state)
{
    struct fixture *f = *state;
    struct channel_client c;
    assert_status(give(f, SPAN_EMPTY), ST_WIRE_SHORT);
    assert_status(give(f, span_text("hello")), ST_WIRE_VERSION);
    assert_status(give(f, span_text("\x01\x09")), ST_WIRE_ENUM);
    flush(f);
    assert_int_equal(f->count, 0);
    fetch_key(f);
    begin(f, &c);
    uint64_t number = seal(f, &c, span_text("\x02 nonsense"));
    assert_ok(give(f, buffer_span(&f->message)));
    flush(f);
    f->plain.len = 0;
    assert_ok(channel_client_open(&c, number, buffer_span(&f->out[0]), &f->plain));
    static struct relay_answer a;
    const struct relay_request asked = {.command = RELAY_READ, .max = 1};
    assert_ok(relay_answer_decode(&a, &asked, buffer_span(&f->plain)));
    assert_int_equal(a.result, RELAY_BAD_REQUEST);
    assert_int_equal(relay_front_counts(f->front).malformed, 4);
}

static void sources_are_forgotten_when_they_have_been_away(void **state)
{
    struct fixture *f = *state;
    static struct channel_client c[40];
    fetch_key(f);
    for (size_t i = 0; i < 40; i++) {
        f->source.b[13] = (uint8_t)i;
        begin(f, &c[i]);
        assert_ok(ask_info(f, &c[i]));
    }
    assert_int_equal(relay_front_counts(f->front).sources, 40);
    f->now.mono_ms += CHANNEL_SESSION_MS + 1;
    for (int i = 0; i < 4; i++) {
        f->now.mono_ms += 60 * 60 * 1000;
        relay_front_tick(f->front, f->now);
        flush(f);
    }
    assert_int_equal(relay_front_counts(f->front).sources, 0);
    assert_int_equal(relay_front_counts(f->front).sessions, 0);
}

static void T53_without_memory_no_session_is_half_there(void **state)
{
    struct fixture *f = *state;
    static struct channel_client c;
    fetch_key(f);
    for (size_t n = 1; n < 12; n++) {
        f->source.b[12] = (uint8_t)n;
        begin(f, &c);
        (void)seal(f, &c, SPAN_OF(&info, 1));
        mem_fail_after(n);
        enum status st = give(f, buffer_span(&f->message));
        mem_fail_after(0);
        assert_true(st == ST_OK || st == ST_NO_MEMORY || st == ST_CHANNEL_REPLAY);
        flush(f);
        f->now.mono_ms += 2 * CHANNEL_SESSION_MS;
        relay_front_tick(f->front, f->now);
        flush(f);
        assert_int_equal(relay_front_counts(f->front).sessions, 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    assert_ok(suite_start());
    const struct CMUnitTest tests[] = {
        T(a_client_gets_a_key_a_session_and_answers),
        T(T07_a_first_request_that_comes_again_is_not_served_again),
        T(T07_a_request_that_comes_again_is_not_served_again),
        T(T07_after_a_restart_recorded_messages_open_nothing),
        T(a_session_is_forgotten_after_a_day),
        T(T15_sessions_of_a_source_push_out_its_own_oldest),
        T(T15_sessions_in_all_are_bounded),
        T(T15_a_session_that_waits_is_not_pushed_out),
        T(T15_a_full_batch_is_refused_until_the_commit),
        T(T53_what_is_no_message_is_refused_and_what_is_no_request_is_told_so),
        T(sources_are_forgotten_when_they_have_been_away),
        T(T53_without_memory_no_session_is_half_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
