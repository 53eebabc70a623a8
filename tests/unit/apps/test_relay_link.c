/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's way to a relay, against a real kith-relay process on loopback (found on PATH, or beside this
 * program's folder). Links stay open until the program ends: nng 1.5.2 can hang in closing a socket that is
 * in use (docs/decisions/0002). */
#include "apps/kithd/relay_link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/kithd/relay_child.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_folder.h"

enum { PATIENCE_MS = 15000, AT_ONCE = 32 };

struct place { /* one log and its capabilities */
    struct log_token write, read;
    struct log_hashes hashes;
};

static struct test_entropy entropy;
static struct inbox *inbox;
static struct relay_child relay;
static char folder[TEST_FOLDER_MAX], url[64];

static void start_relay(void)
{
    assert_ok(relay_child_start(&relay, url, folder));
}

static int set_up(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) != 0 ||
        getsockname(s, (struct sockaddr *)&a, &len) != 0)
        return -1;
    close(s);
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", ntohs(a.sin_port));
    test_folder_make(folder);
    start_relay();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    relay_child_stop(&relay);
    return test_folder_remove(folder);
}

static struct relay_link *open_link(const char *address)
{
    struct relay_link *l;
    assert_ok(relay_link_new(&l, address, &entropy.entropy, inbox));
    return l;
}

static void make_place(struct place *p)
{
    memset(p, 0, sizeof(*p));
    entropy_fill(&entropy.entropy, p->write.b, sizeof(p->write.b));
    entropy_fill(&entropy.entropy, p->read.b, sizeof(p->read.b));
    log_token_hash_of(&p->write, &p->hashes.of[LOG_WRITE]);
    log_token_hash_of(&p->read, &p->hashes.of[LOG_READ]);
}

/* Waits until a request ends; false when the time is over. */
static bool next(struct relay_link *l, struct relay_link_done *out, int64_t within_ms)
{
    int64_t end = inbox_now().mono_ms + within_ms;
    while (!relay_link_next(l, out)) {
        struct inbox_item items[INBOX_BATCH_MAX];
        size_t count = inbox_take(inbox, items, end);
        for (size_t i = 0; i < count; i++)
            relay_link_arrived(items[i].source, items[i].slot, inbox_now());
        if (count == 0 && inbox_now().mono_ms >= end)
            return false;
    }
    return true;
}

static const struct relay_answer *answer_of(struct relay_link *l, uint64_t id)
{
    struct relay_link_done done;
    assert_true(next(l, &done, PATIENCE_MS));
    assert_true(done.id == id);
    assert_non_null(done.answer);
    return done.answer;
}

static struct relay_incarnation ask_incarnation(struct relay_link *l)
{
    const struct relay_request info = {.command = RELAY_INFO};
    relay_link_ask(l, 1, &info, inbox_now());
    return answer_of(l, 1)->incarnation;
}

static void ask_append(struct relay_link *l, uint64_t id, const struct place *p, uint8_t fill)
{
    static uint8_t block[BLOCK_LEN];
    struct relay_request r = {
        .command = RELAY_APPEND, .incarnation = ask_incarnation(l), .block = SPAN(block)};
    memset(block, fill, sizeof(block));
    memset(r.block_id.b, fill, sizeof(r.block_id.b));
    log_claim_make(LOG_WRITE, &p->write, &p->hashes, &r.log);
    relay_link_ask(l, id, &r, inbox_now());
}

static void ask_read(struct relay_link *l, uint64_t id, const struct place *p)
{
    struct relay_request r = {.command = RELAY_READ, .max = RELAY_READ_MAX};
    log_claim_make(LOG_READ, &p->read, &p->hashes, &r.log);
    relay_link_ask(l, id, &r, inbox_now());
}

static void ask_wait(struct relay_link *l, uint64_t id, const struct place *p)
{
    struct relay_watch watch = {0};
    struct relay_request r = {
        .command = RELAY_WAIT, .timeout_ms = 60000, .watches = &watch, .watch_count = 1};
    log_claim_make(LOG_READ, &p->read, &p->hashes, &watch.log);
    relay_link_ask(l, id, &r, inbox_now());
}

static void what_is_appended_is_read(void **state)
{
    struct relay_link *l = open_link(relay.address);
    struct place p;
    (void)state;
    make_place(&p);
    ask_append(l, 10, &p, 0x5a);
    assert_true(answer_of(l, 10)->seq == 1);
    ask_read(l, 11, &p);
    const struct relay_answer *a = answer_of(l, 11);
    assert_int_equal(a->count, 1);
    assert_int_equal(a->blocks[0].block.len, BLOCK_LEN);
    assert_int_equal(a->blocks[0].block.ptr[BLOCK_LEN - 1], 0x5a);
}

/* The longest message that there is: whoever refuses it never reads a log that has as many blocks. */
static void the_longest_answer_arrives(void **state)
{
    struct relay_link *l = open_link(relay.address);
    struct place p;
    (void)state;
    make_place(&p);
    for (uint64_t i = 0; i < RELAY_READ_MAX + 1; i++) {
        ask_append(l, 200 + i, &p, (uint8_t)(i + 1));
        assert_true(answer_of(l, 200 + i)->seq == i + 1);
    }
    ask_read(l, 300, &p);
    assert_int_equal(answer_of(l, 300)->count, RELAY_READ_MAX);
}

static void many_at_once_end_once_each(void **state)
{
    struct relay_link *l = open_link(relay.address);
    struct place p;
    bool ended[AT_ONCE] = {false};
    (void)state;
    make_place(&p);
    for (uint64_t i = 0; i < AT_ONCE; i++) /* all wait for the first session */
        ask_read(l, 100 + i, &p);
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct relay_link_done done;
        assert_true(next(l, &done, PATIENCE_MS));
        assert_non_null(done.answer);
        assert_true(done.id >= 100 && done.id < 100 + AT_ONCE && !ended[done.id - 100]);
        ended[done.id - 100] = true;
    }
    struct relay_link_done more;
    assert_false(next(l, &more, 100));
}

static void a_wait_ends_when_its_log_grows(void **state)
{
    struct relay_link *waiter = open_link(relay.address);
    struct place p;
    (void)state;
    make_place(&p);
    ask_incarnation(waiter);
    ask_wait(waiter, 21, &p);
    struct relay_link_done done;
    assert_false(next(waiter, &done, 300)); /* nothing yet */
    /* On the same link: a wait does not hold up what comes after it. */
    static uint8_t block[BLOCK_LEN];
    struct relay_request append = {.command = RELAY_APPEND, .incarnation = {{0}}, .block = SPAN(block)};
    const struct relay_request info = {.command = RELAY_INFO};
    relay_link_ask(waiter, 22, &info, inbox_now());
    append.incarnation = answer_of(waiter, 22)->incarnation;
    log_claim_make(LOG_WRITE, &p.write, &p.hashes, &append.log);
    relay_link_ask(waiter, 23, &append, inbox_now());
    bool grown = false, appended = false;
    while (!grown || !appended) {
        assert_true(next(waiter, &done, PATIENCE_MS));
        assert_non_null(done.answer);
        grown = grown || (done.id == 21 && done.answer->count == 1 && done.answer->grown[0].seq == 1);
        appended = appended || done.id == 23;
    }
}

static void a_cancelled_wait_ends_without_an_answer_and_the_link_goes_on(void **state)
{
    struct relay_link *l = open_link(relay.address);
    struct relay_link_done done;
    struct place p;
    (void)state;
    make_place(&p);
    ask_incarnation(l);
    ask_wait(l, 30, &p);
    assert_false(next(l, &done, 200));
    relay_link_cancel(l, 99); /* nobody's */
    relay_link_cancel(l, 30);
    assert_true(next(l, &done, PATIENCE_MS));
    assert_true(done.id == 30);
    assert_null(done.answer);
    ask_read(l, 31, &p);
    assert_int_equal(answer_of(l, 31)->count, 0);
}

/* Also between nng's sending and its receiving, when there is nothing that nng could cancel. */
static void a_wait_ends_at_once_at_whatever_moment_it_is_cancelled(void **state)
{
    struct relay_link *l = open_link(relay.address);
    struct relay_link_done done;
    struct place p;
    (void)state;
    make_place(&p);
    ask_incarnation(l);
    for (uint64_t i = 0; i < 3000; i++) {
        ask_wait(l, 1000 + i, &p);
        for (uint64_t spin = test_entropy_below(&entropy, 60000); spin > 0; spin--)
            atomic_signal_fence(memory_order_seq_cst); /* up to some hundred microseconds */
        relay_link_cancel(l, 1000 + i);
        if (!next(l, &done, 2000))
            fail_msg("wait %d goes on", (int)i);
        assert_true(done.id == 1000 + i);
        assert_null(done.answer);
    }
}

/* Sessions live in the relay's memory only: after a restart the same link has to begin another by itself. */
static void a_killed_relay_ends_its_requests_and_a_new_one_is_found(void **state)
{
    struct relay_link *l = open_link(relay.address);
    struct relay_link_done done;
    struct place p;
    int how;
    (void)state;
    make_place(&p);
    ask_append(l, 40, &p, 0x11);
    assert_true(answer_of(l, 40)->seq == 1);
    ask_wait(l, 41, &p);
    struct place quiet;
    make_place(&quiet);
    assert_true(next(l, &done, PATIENCE_MS)); /* grown above 0 at once */
    ask_wait(l, 42, &quiet);
    assert_false(next(l, &done, 200));
    assert_int_equal(kill(relay.pid, SIGKILL), 0);
    assert_int_equal(waitpid(relay.pid, &how, 0), relay.pid);
    assert_true(next(l, &done, PATIENCE_MS));
    assert_true(done.id == 42);
    assert_null(done.answer);

    start_relay();
    ask_read(l, 43, &p);
    const struct relay_answer *a = answer_of(l, 43);
    assert_int_equal(a->count, 1); /* acknowledged means durable */
    assert_int_equal(a->blocks[0].block.ptr[0], 0x11);
}

static void T07_a_relay_with_another_key_is_not_believed(void **state)
{
    struct relay_address address;
    struct relay_link_done done;
    struct sign_private private;
    char text[RELAY_ADDRESS_MAX + 1];
    const struct relay_request info = {.command = RELAY_INFO};
    (void)state;
    assert_ok(relay_address_parse(&address, relay.address));
    sign_keypair(&entropy.entropy, &private, &address.key);
    assert_ok(relay_address_format(&address, text));
    struct relay_link *l = open_link(text);
    relay_link_ask(l, 50, &info, inbox_now());
    assert_true(next(l, &done, PATIENCE_MS));
    assert_true(done.id == 50);
    assert_null(done.answer);
}

/* As when the node starts again from disk: the old requests end nowhere, the new ones as ever. */
static void forgotten_requests_end_nowhere_and_the_link_goes_on(void **state)
{
    struct relay_link *l = open_link(relay.address);
    struct relay_link_done done;
    struct place p;
    (void)state;
    make_place(&p);
    ask_read(l, 60, &p); /* waits for the session */
    relay_link_forget(l);
    assert_false(next(l, &done, 300));
    for (uint64_t round = 0; round < 8; round++) {
        ask_incarnation(l);
        for (uint64_t i = 0; i < 8; i++)
            ask_wait(l, 61 + i, &p); /* on their way */
        relay_link_forget(l);
        ask_read(l, 61, &p); /* an id again, as the node counts anew */
        assert_int_equal(answer_of(l, 61)->command, RELAY_READ);
    }
    assert_false(next(l, &done, 300));
}

#define WITH_RELAY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RELAY(what_is_appended_is_read),
        WITH_RELAY(the_longest_answer_arrives),
        WITH_RELAY(many_at_once_end_once_each),
        WITH_RELAY(a_wait_ends_when_its_log_grows),
        WITH_RELAY(a_cancelled_wait_ends_without_an_answer_and_the_link_goes_on),
        WITH_RELAY(a_wait_ends_at_once_at_whatever_moment_it_is_cancelled),
        WITH_RELAY(a_killed_relay_ends_its_requests_and_a_new_one_is_found),
        WITH_RELAY(T07_a_relay_with_another_key_is_not_believed),
        WITH_RELAY(forgotten_requests_end_nowhere_and_the_link_goes_on),
    };
    if (suite_start() != ST_OK)
        return 1;
    test_entropy_init(&entropy, test_seed(7));
    inbox = inbox_new();
    int failed = inbox ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    fflush(NULL);
    _exit(failed);
}
