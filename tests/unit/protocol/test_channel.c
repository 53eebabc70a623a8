/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/channel.h"

#include <string.h>

#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_decoder.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_hex.h"

static const int64_t T0 = INT64_C(1900000000000); /* some day in 2030 */

struct fixture {
    struct test_entropy relay_entropy, client_entropy;
    struct sign_private relay_private;
    struct channel_relay relay;
    struct relay_key key; /* as the client verified it */
    struct channel_client client;
    struct channel_session session;
    struct buffer a, b, c;
};

static void ask_key(struct fixture *f)
{
    buffer_wipe(&f->a);
    assert_ok(channel_key_tell(&f->relay, &f->a));
    assert_ok(channel_key_verify(&f->key, &f->relay.signer.relay, T0, buffer_span(&f->a)));
}

static void client_begin(struct fixture *f, struct span access)
{
    channel_client_wipe(&f->client);
    const struct channel_client_args args = {&f->relay.signer.relay, &f->key, access,
                                             &f->client_entropy.entropy, 0};
    assert_ok(channel_client_init(&f->client, &args));
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture){0};
    test_entropy_init(&f->relay_entropy, 1);
    test_entropy_init(&f->client_entropy, 2);
    buffer_init(&f->a, SIZE_MAX / 2);
    buffer_init(&f->b, SIZE_MAX / 2);
    buffer_init(&f->c, SIZE_MAX / 2);
    sign_keypair(&f->relay_entropy.entropy, &f->relay_private, &f->relay.signer.relay);
    f->relay.signer.private = f->relay_private;
    assert_ok(channel_relay_rotate(&f->relay, &f->relay_entropy.entropy, T0));
    ask_key(f);
    client_begin(f, SPAN_EMPTY);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    buffer_wipe(&f->a);
    buffer_wipe(&f->b);
    buffer_wipe(&f->c);
    channel_client_wipe(&f->client);
    channel_session_wipe(&f->session);
    channel_relay_wipe(&f->relay);
    return 0;
}

/* Seals `text` as the next request into f->a. */
static uint64_t send_text(struct fixture *f, const char *text)
{
    uint64_t number;
    buffer_wipe(&f->a);
    assert_ok(channel_client_seal(&f->client, span_text(text), &number, &f->a));
    return number;
}

static struct channel_message header_of(struct span in)
{
    struct channel_message m;
    assert_ok(channel_message_decode(&m, in));
    return m;
}

/* Feeds f->a to the relay's session; f->b is the request. */
static enum status take(struct fixture *f)
{
    struct channel_message m = header_of(buffer_span(&f->a));
    buffer_wipe(&f->b);
    return m.kind == CHANNEL_UNKNOWN ? channel_session_begin(&f->session, &f->relay, &m, 0, &f->b)
                                     : channel_session_open(&f->session, &m, &f->b);
}

/* Seals `text` as the answer to `number` into f->c. */
static void answer(struct fixture *f, uint64_t number, const char *text)
{
    buffer_wipe(&f->c);
    assert_ok(channel_session_seal(&f->session, number, span_text(text), &f->relay_entropy.entropy, &f->c));
}

/* Opens f->c as the answer to `number` into f->b. */
static enum status get(struct fixture *f, uint64_t number)
{
    buffer_wipe(&f->b);
    return channel_client_open(&f->client, number, buffer_span(&f->c), &f->b);
}

static void open_session(struct fixture *f)
{
    uint64_t n = send_text(f, "first");
    assert_ok(take(f));
    assert_span(buffer_span(&f->b), span_text("first"));
    answer(f, n, "first answer");
    assert_ok(get(f, n));
    assert_span(buffer_span(&f->b), span_text("first answer"));
}

static void a_session_carries_requests_and_answers(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    for (int i = 0; i < 5; i++) {
        uint64_t n = send_text(f, "more");
        assert_int_equal(n, i + 1);
        assert_ok(take(f));
        assert_span(buffer_span(&f->b), span_text("more"));
        answer(f, n, "");
        assert_ok(get(f, n));
        assert_int_equal(f->b.len, 0);
    }
}

static void only_one_request_goes_out_before_the_first_answer(void **state)
{
    struct fixture *f = *state;
    uint64_t number, first = send_text(f, "first");
    assert_status(channel_client_seal(&f->client, span_text("x"), &number, &f->b), ST_CHANNEL_OPENING);
    assert_int_equal(f->b.len, 0);
    assert_ok(take(f));
    answer(f, first, "yes");
    assert_ok(get(f, first));
    assert_int_equal(send_text(f, "second"), 1);
}

static void T07_a_key_that_another_relay_signed_is_refused(void **state)
{
    struct fixture *f = *state;
    struct sign_private private;
    struct sign_public other;
    struct relay_key key;
    sign_keypair(&f->client_entropy.entropy, &private, &other);
    buffer_wipe(&f->a);
    assert_ok(channel_key_tell(&f->relay, &f->a));
    assert_status(channel_key_verify(&key, &other, T0, buffer_span(&f->a)), ST_CHANNEL_KEY_SIGNATURE);
    assert_int_equal(key.key_id, 0);
    /* one who stands between signs with a key of its own, in the relay's name */
    struct channel_relay between = {.signer = {.relay = f->relay.signer.relay, .private = private}};
    assert_ok(channel_relay_rotate(&between, &f->client_entropy.entropy, T0));
    buffer_wipe(&f->a);
    assert_ok(channel_key_tell(&between, &f->a));
    assert_status(channel_key_verify(&key, &f->relay.signer.relay, T0, buffer_span(&f->a)),
                  ST_CHANNEL_KEY_SIGNATURE);
}

static enum status key_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    struct fixture *f = ctx;
    struct channel_relay copy = {.keys.count = 1};
    enum status st = channel_key_verify(&copy.keys.at[0].public, &f->relay.signer.relay, T0, in);
    return st == ST_OK ? channel_key_tell(&copy, again) : st;
}

static void T07_every_bit_of_a_key_is_signed(void **state)
{
    struct fixture *f = *state;
    buffer_wipe(&f->a);
    assert_ok(channel_key_tell(&f->relay, &f->a));
    check_decoder(key_roundtrip, f, buffer_span(&f->a));
    check_flips_refused(key_roundtrip, f, buffer_span(&f->a));
}

static void T07_an_expired_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct relay_key key;
    static const struct {
        int64_t at;
        enum status want;
    } cases[] = {
        {0, ST_OK},
        {CHANNEL_KEY_KEEP_MS, ST_OK},
        {CHANNEL_KEY_KEEP_MS + CHANNEL_CLOCK_SLACK_MS, ST_OK},
        {CHANNEL_KEY_KEEP_MS + CHANNEL_CLOCK_SLACK_MS + 1, ST_CHANNEL_KEY_EXPIRED},
        {-CHANNEL_CLOCK_SLACK_MS, ST_OK},
        {-CHANNEL_CLOCK_SLACK_MS - 1, ST_CHANNEL_KEY_EXPIRED},
    };
    buffer_wipe(&f->a);
    assert_ok(channel_key_tell(&f->relay, &f->a));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_status(channel_key_verify(&key, &f->relay.signer.relay, T0 + cases[i].at, buffer_span(&f->a)),
                      cases[i].want);
    }
    assert_status(channel_key_verify(&key, &f->relay.signer.relay, INT64_MAX, buffer_span(&f->a)),
                  ST_CHANNEL_KEY_EXPIRED);
}

static void use_delegate(struct fixture *f, int64_t from, int64_t to)
{
    struct relay_delegate d = {.not_before_ms = from, .not_after_ms = to};
    sign_keypair(&f->relay_entropy.entropy, &f->relay.signer.private, &d.key);
    assert_ok(channel_delegate_sign(&d, &f->relay_private));
    f->relay.signer.has_delegate = true;
    f->relay.signer.delegate = d;
    f->relay.keys.count = 0;
    assert_ok(channel_relay_rotate(&f->relay, &f->relay_entropy.entropy, T0));
    buffer_wipe(&f->a);
    assert_ok(channel_key_tell(&f->relay, &f->a));
}

static void T07_a_delegate_signs_while_its_dates_allow(void **state)
{
    struct fixture *f = *state;
    struct relay_key key;
    const struct sign_public *relay = &f->relay.signer.relay;
    use_delegate(f, T0, T0 + 1000);
    check_decoder(key_roundtrip, f, buffer_span(&f->a));
    check_flips_refused(key_roundtrip, f, buffer_span(&f->a));
    ask_key(f);
    client_begin(f, SPAN_EMPTY);
    open_session(f);
    use_delegate(f, 0, T0 - CHANNEL_CLOCK_SLACK_MS - 1);
    assert_status(channel_key_verify(&key, relay, T0, buffer_span(&f->a)), ST_CHANNEL_KEY_EXPIRED);
    /* a delegate that nobody signed */
    use_delegate(f, T0, T0 + 1000);
    assert_ok(channel_delegate_verify(&f->relay.signer.delegate, relay));
    f->relay.signer.delegate.signature[5] ^= 1;
    assert_status(channel_delegate_verify(&f->relay.signer.delegate, relay), ST_CHANNEL_KEY_SIGNATURE);
    f->relay.keys.count = 0;
    assert_ok(channel_relay_rotate(&f->relay, &f->relay_entropy.entropy, T0));
    buffer_wipe(&f->a);
    assert_ok(channel_key_tell(&f->relay, &f->a));
    assert_status(channel_key_verify(&key, relay, T0, buffer_span(&f->a)), ST_CHANNEL_KEY_SIGNATURE);
}

static void T07_keys_are_rotated_daily_and_kept_two_days(void **state)
{
    struct fixture *f = *state;
    struct entropy *e = &f->relay_entropy.entropy;
    uint64_t first = f->relay.keys.at[0].public.key_id;
    assert_ok(channel_relay_rotate(&f->relay, e, T0 + CHANNEL_KEY_ROTATE_MS - 1));
    assert_int_equal(f->relay.keys.count, 1);
    assert_ok(channel_relay_rotate(&f->relay, e, T0 + CHANNEL_KEY_ROTATE_MS));
    assert_int_equal(f->relay.keys.count, 2);
    assert_true(f->relay.keys.at[0].public.key_id != first);
    assert_true(f->relay.keys.at[1].public.key_id == first);
    open_session(f); /* under the older key */
    assert_ok(channel_relay_rotate(&f->relay, e, T0 + CHANNEL_KEY_KEEP_MS));
    assert_int_equal(f->relay.keys.count, 2);
    client_begin(f, SPAN_EMPTY);
    send_text(f, "late");
    assert_status(take(f), ST_CHANNEL_UNKNOWN);
    static const uint8_t zeros[sizeof(f->relay.keys.at[0])];
    assert_memory_equal(&f->relay.keys.at[2], zeros, sizeof(zeros));
}

static void T07_a_session_to_another_relay_does_not_open(void **state)
{
    struct fixture *f = *state;
    struct channel_relay other = f->relay; /* the same X25519 keys, another name */
    other.signer.relay.b[0] ^= 1;
    send_text(f, "token");
    struct channel_message m = header_of(buffer_span(&f->a));
    assert_status(channel_session_begin(&f->session, &other, &m, 0, &f->b), ST_CHANNEL_UNKNOWN);
    assert_int_equal(f->b.len, 0);
    m.key_id++;
    assert_status(channel_session_begin(&f->session, &f->relay, &m, 0, &f->b), ST_CHANNEL_UNKNOWN);
}

static enum status begin_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    struct fixture *f = ctx;
    struct channel_message m;
    enum status st = channel_message_decode(&m, in);
    if (st != ST_OK) {
        return st;
    }
    struct buffer request;
    buffer_init(&request, CHANNEL_MESSAGE_MAX);
    st = channel_session_begin(&f->session, &f->relay, &m, 0, &request);
    buffer_wipe(&request);
    return st == ST_OK ? buffer_append(again, in) : st;
}

static void T07_a_changed_first_request_is_refused(void **state)
{
    struct fixture *f = *state;
    send_text(f, "x");
    check_flips_refused(begin_roundtrip, f, buffer_span(&f->a));
}

static enum status open_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    struct fixture *f = ctx;
    struct channel_session copy = f->session;
    struct channel_message m;
    enum status st = channel_message_decode(&m, in);
    if (st != ST_OK) {
        return st;
    }
    struct buffer request;
    buffer_init(&request, CHANNEL_MESSAGE_MAX);
    st = channel_session_open(&copy, &m, &request);
    buffer_wipe(&request);
    if (st != ST_OK) {
        assert_memory_equal(copy.seen, f->session.seen, sizeof(copy.seen));
        assert_true(copy.newest == f->session.newest);
    }
    return st == ST_OK ? buffer_append(again, in) : st;
}

static void T07_a_changed_request_is_refused_and_moves_nothing(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_text(f, "x");
    check_flips_refused(open_roundtrip, f, buffer_span(&f->a));
    assert_ok(take(f));
}

static enum status answer_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    struct fixture *f = ctx;
    struct buffer opened;
    buffer_init(&opened, CHANNEL_ANSWER_MAX);
    enum status st = channel_client_open(&f->client, 1, in, &opened);
    buffer_wipe(&opened);
    return st == ST_OK ? buffer_append(again, in) : st;
}

static void T07_a_changed_answer_is_refused(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_text(f, "x");
    assert_ok(take(f));
    answer(f, 1, "short");
    check_flips_refused(answer_roundtrip, f, buffer_span(&f->c));
    assert_ok(get(f, 1));
}

static void T07_a_request_is_served_once(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_text(f, "once");
    assert_ok(take(f));
    assert_status(take(f), ST_CHANNEL_REPLAY);
    assert_int_equal(f->b.len, 0);
}

static void T07_numbers_may_come_in_any_order_once_each_within_the_window(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    enum { COUNT = 3 * CHANNEL_WINDOW };
    static struct buffer sent[COUNT + 1];
    for (size_t i = 1; i <= COUNT; i++) {
        assert_int_equal(send_text(f, "n"), i);
        buffer_init(&sent[i], 1000);
        assert_ok(buffer_copy(&sent[i], buffer_span(&f->a)));
    }
    /* in each stretch the last comes first, then the others at random, each twice */
    for (size_t end = CHANNEL_WINDOW / 2; end <= COUNT; end += CHANNEL_WINDOW / 2) {
        for (size_t k = 0; k < CHANNEL_WINDOW / 2; k++) {
            size_t i = end - (k * 77) % (CHANNEL_WINDOW / 2);
            assert_ok(buffer_copy(&f->a, buffer_span(&sent[i])));
            assert_ok(take(f));
            assert_status(take(f), ST_CHANNEL_REPLAY);
        }
    }
    for (size_t i = 1; i <= COUNT; i++) {
        assert_ok(buffer_copy(&f->a, buffer_span(&sent[i])));
        assert_status(take(f), ST_CHANNEL_REPLAY);
        buffer_wipe(&sent[i]);
    }
}

static void T07_a_number_behind_the_window_is_refused_though_it_never_came(void **state)
{
    struct fixture *f = *state;
    static struct buffer early, edge;
    open_session(f);
    buffer_init(&early, 1000);
    buffer_init(&edge, 1000);
    send_text(f, "early");
    assert_ok(buffer_copy(&early, buffer_span(&f->a)));
    send_text(f, "edge");
    assert_ok(buffer_copy(&edge, buffer_span(&f->a)));
    f->client.next = CHANNEL_WINDOW + 1;
    send_text(f, "late");
    assert_ok(take(f));
    assert_ok(buffer_copy(&f->a, buffer_span(&early)));
    assert_status(take(f), ST_CHANNEL_REPLAY);
    assert_ok(buffer_copy(&f->a, buffer_span(&edge)));
    assert_ok(take(f));
    f->client.next = UINT64_C(1) << 60; /* a leap clears the window */
    send_text(f, "leap");
    assert_ok(take(f));
    assert_status(take(f), ST_CHANNEL_REPLAY);
    assert_ok(buffer_copy(&f->a, buffer_span(&edge)));
    assert_status(take(f), ST_CHANNEL_REPLAY);
    buffer_wipe(&early);
    buffer_wipe(&edge);
}

static void T07_answers_that_were_swapped_do_not_open(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    uint64_t one = send_text(f, "one");
    assert_ok(take(f));
    uint64_t two = send_text(f, "two");
    assert_ok(take(f));
    answer(f, one, "to one");
    assert_status(get(f, two), ST_CRYPTO_OPEN);
    assert_ok(get(f, one));
    answer(f, two, "to two");
    assert_status(get(f, one), ST_CRYPTO_OPEN);
    assert_status(get(f, 0), ST_CRYPTO_OPEN);
    assert_ok(get(f, two));
}

static void T07_an_answer_of_another_session_does_not_open(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    uint64_t n = send_text(f, "mine");
    assert_ok(take(f));
    struct channel_session other = f->session;
    other.enc.b[3] ^= 1;
    buffer_wipe(&f->c);
    assert_ok(channel_session_seal(&other, n, span_text("x"), &f->relay_entropy.entropy, &f->c));
    assert_status(get(f, n), ST_CRYPTO_OPEN);
}

/* The sealed bytes of two answers of equal length, xored, are not the answers xored: they have two keys. */
static void assert_two_keys(struct fixture *f, const struct channel_session *s1, uint64_t n1,
                            const struct channel_session *s2, uint64_t n2)
{
    struct buffer x, y;
    buffer_init(&x, 1000);
    buffer_init(&y, 1000);
    static const char one[] = "answer number one", two[] = "another answer 2.";
    assert_ok(channel_session_seal(s1, n1, span_text(one), &f->relay_entropy.entropy, &x));
    assert_ok(channel_session_seal(s2, n2, span_text(two), &f->relay_entropy.entropy, &y));
    size_t same = 0, skip = 2 + CHANNEL_NONCE_LEN;
    for (size_t i = 0; i < sizeof(one) - 1; i++) {
        same += (x.ptr[skip + i] ^ y.ptr[skip + i]) == (one[i] ^ two[i]);
    }
    assert_true(same < sizeof(one) / 2);
    buffer_wipe(&x);
    buffer_wipe(&y);
}

static void T07_a_first_request_replayed_after_a_restart_gets_an_answer_under_another_key(void **state)
{
    struct fixture *f = *state;
    send_text(f, "first");
    struct channel_relay again = f->relay; /* another process that has the same keys: it knows no session */
    struct channel_session second;
    struct channel_message m = header_of(buffer_span(&f->a));
    assert_ok(take(f));
    buffer_wipe(&f->b);
    assert_ok(channel_session_begin(&second, &again, &m, 0, &f->b));
    assert_two_keys(f, &f->session, 0, &second, 0);
    channel_session_wipe(&second);
}

static void T07_every_answer_has_a_key_of_its_own(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    assert_two_keys(f, &f->session, 1, &f->session, 2);
    assert_two_keys(f, &f->session, 1, &f->session, 1);
}

static void T07_unknown_session_is_said_in_the_clear_and_named(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    uint64_t n = send_text(f, "x");
    buffer_wipe(&f->c);
    assert_ok(channel_unknown_tell(&f->c));
    assert_int_equal(f->c.len, 2);
    assert_status(get(f, n), ST_CHANNEL_UNKNOWN);
    assert_ok(buffer_append(&f->c, span_text("!")));
    assert_status(get(f, n), ST_WIRE_TRAILING);
}

static void a_private_relay_opens_only_what_its_secret_sealed(void **state)
{
    struct fixture *f = *state;
    static const uint8_t secret[CHANNEL_ACCESS_LEN] = {7, 7}, wrong[CHANNEL_ACCESS_LEN] = {7, 8};
    f->relay.has_access = true;
    memcpy(f->relay.access, secret, sizeof(secret));
    send_text(f, "without");
    assert_status(take(f), ST_CHANNEL_UNKNOWN);
    client_begin(f, SPAN(wrong));
    send_text(f, "wrong");
    assert_status(take(f), ST_CHANNEL_UNKNOWN);
    client_begin(f, SPAN(secret));
    open_session(f);
    f->relay.has_access = false;
    client_begin(f, SPAN(secret));
    send_text(f, "a secret where none is wanted");
    assert_status(take(f), ST_CHANNEL_UNKNOWN);
    const struct channel_client_args args = {&f->relay.signer.relay, &f->key, SPAN_OF(secret, 31),
                                             &f->client_entropy.entropy, 0};
    assert_status(channel_client_init(&f->client, &args), ST_USAGE);
}

static enum status message_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    (void)ctx;
    struct channel_message m;
    enum status st = channel_message_decode(&m, in);
    struct writer w;
    writer_init(&w, again);
    if (st != ST_OK) {
        return st;
    }
    if (m.kind == CHANNEL_KEY) {
        return channel_key_ask(again);
    }
    writer_bytes(&w, m.header);
    writer_bytes(&w, m.sealed);
    return writer_done(&w);
}

static void T53_messages_to_the_relay_are_decoded_whole_or_refused(void **state)
{
    struct fixture *f = *state;
    buffer_wipe(&f->a);
    assert_ok(channel_key_ask(&f->a));
    check_decoder(message_roundtrip, NULL, buffer_span(&f->a));
    send_text(f, "");
    check_round_trip(message_roundtrip, NULL, buffer_span(&f->a));
    check_bit_flips(message_roundtrip, NULL, buffer_span(&f->a));
    for (size_t len = 0; len < f->a.len; len++) {
        struct channel_message m;
        assert_true(channel_message_decode(&m, SPAN_OF(f->a.ptr, len)) != ST_OK);
        assert_null(m.sealed.ptr);
    }
}

static void a_client_renews_its_session_before_the_relay_forgets_it(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    assert_false(channel_client_expired(&f->client, CHANNEL_RENEW_MS - 1));
    assert_true(channel_client_expired(&f->client, CHANNEL_RENEW_MS));
    assert_true(CHANNEL_RENEW_MS < f->session.forget_at_mono_ms);
}

static void without_memory_nothing_is_sent_and_nothing_moves(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    buffer_wipe(&f->a);
    uint64_t number;
    for (size_t n = 1; n < 20; n++) {
        mem_fail_after(n);
        enum status st = channel_client_seal(&f->client, span_text("x"), &number, &f->a);
        mem_fail_after(0);
        if (st == ST_OK) {
            assert_int_equal(number, 1);
            return;
        }
        assert_status(st, ST_NO_MEMORY);
        assert_int_equal(f->client.next, 1);
        assert_int_equal(f->a.len, 0);
    }
    fail_msg("never enough memory");
}

static void T54_wiped_sessions_hold_nothing(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    channel_client_wipe(&f->client);
    channel_session_wipe(&f->session);
    const uint8_t *p = (const uint8_t *)&f->client;
    for (size_t i = 0; i < sizeof(f->client); i++) {
        assert_int_equal(p[i], 0);
    }
    p = (const uint8_t *)&f->session;
    for (size_t i = 0; i < sizeof(f->session); i++) {
        assert_int_equal(p[i], 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    assert_ok(suite_start());
    const struct CMUnitTest tests[] = {
        T(a_session_carries_requests_and_answers),
        T(only_one_request_goes_out_before_the_first_answer),
        T(T07_a_key_that_another_relay_signed_is_refused),
        T(T07_every_bit_of_a_key_is_signed),
        T(T07_an_expired_key_is_refused),
        T(T07_a_delegate_signs_while_its_dates_allow),
        T(T07_keys_are_rotated_daily_and_kept_two_days),
        T(T07_a_session_to_another_relay_does_not_open),
        T(T07_a_changed_first_request_is_refused),
        T(T07_a_changed_request_is_refused_and_moves_nothing),
        T(T07_a_changed_answer_is_refused),
        T(T07_a_request_is_served_once),
        T(T07_numbers_may_come_in_any_order_once_each_within_the_window),
        T(T07_a_number_behind_the_window_is_refused_though_it_never_came),
        T(T07_answers_that_were_swapped_do_not_open),
        T(T07_an_answer_of_another_session_does_not_open),
        T(T07_a_first_request_replayed_after_a_restart_gets_an_answer_under_another_key),
        T(T07_every_answer_has_a_key_of_its_own),
        T(T07_unknown_session_is_said_in_the_clear_and_named),
        T(a_private_relay_opens_only_what_its_secret_sealed),
        T(T53_messages_to_the_relay_are_decoded_whole_or_refused),
        T(a_client_renews_its_session_before_the_relay_forgets_it),
        T(without_memory_nothing_is_sent_and_nothing_moves),
        T(T54_wiped_sessions_hold_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
