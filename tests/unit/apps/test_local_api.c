/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's door: real sockets, calls held and answered, and who may come in. */
#include "apps/kithd/local_api.h"
#include "apps/local/agent_address.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/kithd/inbox.h"
#include "tests/support/test.h"
#include "tests/support/test_folder.h"

enum { ANSWER_MS = 5000, SILENCE_MS = 700, NOBODY = 65534 };

struct door {
    char folder[TEST_FOLDER_MAX], path[TEST_FOLDER_MAX + 16], url[128];
    struct inbox *inbox;
    struct local_api *api;
};

static struct door door;

static int open_door(void **state)
{
    (void)state;
    memset(&door, 0, sizeof(door));
    door.inbox = inbox_new();
    if (!door.inbox)
        return -1;
    test_folder_make(door.folder);
    snprintf(door.path, sizeof(door.path), "%s/s", door.folder);
    snprintf(door.url, sizeof(door.url), "ipc://%s", door.path);
    return local_api_new(&door.api, door.url, door.path, door.inbox) == ST_OK ? 0 : -1;
}

static int shut_door(void **state)
{
    (void)state;
    local_api_free(door.api);
    inbox_free(door.inbox);
    int gone = access(door.path, F_OK) != 0; /* the socket is taken away */
    return rmdir(door.folder) == 0 && gone ? 0 : -1;
}

static nng_socket knock(void)
{
    nng_socket s;
    assert_int_equal(nng_req0_open(&s), 0);
    assert_int_equal(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, ANSWER_MS), 0);
    assert_int_equal(nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, ANSWER_MS), 0);
    assert_int_equal(nng_dial(s, door.url, NULL, 0), 0);
    return s;
}

static void ask(nng_socket s, const char *text)
{
    char copy[64];
    size_t len = (size_t)snprintf(copy, sizeof(copy), "%s", text);
    assert_int_equal(nng_send(s, copy, len, 0), 0);
}

/* The next call that came in, within the time. */
static bool take(struct inbox_item *out, int64_t within_ms)
{
    struct inbox_item items[INBOX_BATCH_MAX];
    size_t count = inbox_take(door.inbox, items, inbox_now().mono_ms + within_ms);
    assert_true(count <= 1); /* these tests ask one thing at a time */
    if (count == 1)
        *out = items[0];
    return count == 1;
}

/* The call that comes next, which must ask for `text`. */
static size_t held(const char *text)
{
    struct inbox_item item;
    struct span request;
    assert_true(take(&item, ANSWER_MS));
    assert_int_equal(item.kind, INBOX_API);
    assert_true(local_api_request(door.api, item.slot, &request));
    assert_true(span_equal(request, span_text(text)));
    return item.slot;
}

static void hears(nng_socket s, const char *text)
{
    char got[64] = {0};
    size_t len = sizeof(got);
    assert_int_equal(nng_recv(s, got, &len, 0), 0);
    assert_true(span_equal(SPAN_OF((uint8_t *)got, len), span_text(text)));
}

static void calls_are_held_and_answered_in_any_order(void **state)
{
    nng_socket a = knock(), b = knock();
    (void)state;
    ask(a, "first");
    size_t first = held("first");
    ask(b, "second");
    size_t second = held("second");
    local_api_reply(door.api, second, span_text("two"));
    hears(b, "two");
    local_api_reply(door.api, first, span_text("one"));
    hears(a, "one");
    ask(a, "again");
    local_api_reply(door.api, held("again"), span_text("yes"));
    hears(a, "yes");
    nng_close(a);
    nng_close(b);
}

static void a_caller_that_goes_away_does_not_wear_out_the_door(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * API_CALLS_MAX; i++) {
        nng_socket s = knock();
        ask(s, "x");
        size_t call = held("x");
        nng_close(s);
        local_api_reply(door.api, call, span_text("late"));
    }
    nng_socket s = knock();
    ask(s, "still there");
    local_api_reply(door.api, held("still there"), span_text("yes"));
    hears(s, "yes");
    nng_close(s);
}

static void a_request_that_is_too_long_is_not_taken(void **state)
{
    nng_socket s = knock();
    struct inbox_item item;
    void *big = calloc(1, API_REQUEST_MAX + 1);
    (void)state;
    assert_non_null(big);
    assert_int_equal(nng_send(s, big, API_REQUEST_MAX + 1, 0), 0);
    assert_false(take(&item, SILENCE_MS));
    free(big);
    nng_close(s);
}

static void the_socket_is_the_users_own(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(stat(door.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_uid, geteuid());
}

/* As root: even where the file modes let another user in, the agent does not listen to them. */
static void another_user_is_not_heard(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(door.folder, 0777), 0);
    assert_int_equal(chmod(door.path, 0666), 0);
    char text[16];
    snprintf(text, sizeof(text), "%d", NOBODY);
    pid_t child = fork(); /* nng's threads do not come along: the child only connects and writes */
    assert_true(child >= 0);
    if (child == 0) {
        char *const argv[] = {"test_local_api", "--knock-as", text, door.url, NULL};
        execv("/proc/self/exe", argv);
        _exit(99);
    }
    struct inbox_item item;
    assert_false(take(&item, SILENCE_MS));
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    nng_socket s = knock(); /* and the own user still is */
    ask(s, "me");
    local_api_reply(door.api, held("me"), span_text("yes"));
    hears(s, "yes");
    nng_close(s);
}

/* The other user's side: 0 when it reached the socket and got no answer. */
static int knock_as(const char *uid, const char *url)
{
    nng_socket s;
    char got[16];
    size_t len = sizeof(got);
    if (setgid(NOBODY) != 0 || setuid((uid_t)atoi(uid)) != 0 || nng_req0_open(&s) != 0)
        return 90;
    nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, SILENCE_MS / 2);
    nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, SILENCE_MS / 2);
    if (nng_dial(s, url, NULL, NNG_FLAG_NONBLOCK) != 0)
        return 91;
    char text[] = "it is me";
    if (nng_send(s, text, strlen(text), 0) != 0)
        return 0; /* turned away at once */
    return nng_recv(s, got, &len, 0) == 0 ? 92 : 0;
}

#define AT_THE_DOOR(test) cmocka_unit_test_setup_teardown(test, open_door, shut_door)

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--knock-as") == 0)
        return knock_as(argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        AT_THE_DOOR(calls_are_held_and_answered_in_any_order),
        AT_THE_DOOR(a_caller_that_goes_away_does_not_wear_out_the_door),
        AT_THE_DOOR(a_request_that_is_too_long_is_not_taken),
        AT_THE_DOOR(the_socket_is_the_users_own),
        AT_THE_DOOR(another_user_is_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
