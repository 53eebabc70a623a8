/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own relay: a real kith-relay process (found on PATH). */
#include "apps/kithd/relay_child.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/test_folder.h"

enum { PATIENCE_TRIES = 600 /* of 100 ms */ };

static char folder[TEST_FOLDER_MAX];
static const char any_port[] = "tcp://127.0.0.1:0";

static void pause_100_ms(void)
{
    const struct timespec t = {.tv_sec = 0, .tv_nsec = 100 * 1000 * 1000};
    nanosleep(&t, NULL);
}

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return test_folder_remove(folder);
}

static bool listens(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) == 0;
    if (s >= 0)
        close(s);
    return ok;
}

static bool comes_to_listen(uint16_t port, bool wanted)
{
    for (int i = 0; i < PATIENCE_TRIES; i++) {
        if (listens(port) == wanted)
            return true;
        pause_100_ms();
    }
    return false;
}

static void a_relay_that_is_killed_listens_again_where_it_was(void **state)
{
    struct relay_child c;
    struct relay_address a;
    (void)state;
    assert_ok(relay_child_start(&c, any_port, folder));
    assert_ok(relay_address_parse(&a, c.address));
    assert_ok(relay_child_keep(&c, any_port, folder));
    assert_true(listens(a.port));
    assert_int_equal(kill(c.pid, SIGKILL), 0);
    for (int i = 0; i < PATIENCE_TRIES && kill(c.pid, 0) == 0; i++)
        pause_100_ms();
    assert_true(comes_to_listen(a.port, true));
    relay_child_stop(&c);
    assert_false(listens(a.port));
}

static void pauses_grow_and_end(void **state)
{
    int last = 0;
    (void)state;
    for (unsigned i = 0; i < RELAY_CHILD_TRIES; i++) {
        int ms = relay_child_pause_ms(i);
        assert_true(ms > last);
        last = ms;
    }
    assert_int_equal(relay_child_pause_ms(RELAY_CHILD_TRIES), -1);
    assert_int_equal(relay_child_pause_ms(~0U), -1);
}

static void a_relay_that_does_not_start_is_named(void **state)
{
    struct relay_child c;
    (void)state;
    assert_status(relay_child_start(&c, "http://127.0.0.1:0", folder), ST_APP_RELAY_START);
    assert_int_equal(c.pid, 0);
    relay_child_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_relay_that_is_killed_listens_again_where_it_was, set_up, tear_down),
        cmocka_unit_test(pauses_grow_and_end),
        cmocka_unit_test_setup_teardown(a_relay_that_does_not_start_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
