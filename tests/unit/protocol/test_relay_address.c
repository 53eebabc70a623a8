/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/relay_address.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void addresses_come_out_as_they_went_in(void **state)
{
    (void)state;
    static const struct {
        const char *text, *url;
    } good[] = {
        {"kith-relay://" KEY "@localhost:7010", "tcp://localhost:7010"},
        {"kith-relay://" KEY "@192.0.2.7:1", "tcp://192.0.2.7:1"},
        {"kith-relay://" KEY "@[2001:db8::1]:65535", "tcp://[2001:db8::1]:65535"},
        {"kith-relay://" KEY "@relay.example.org:7010?" KEY, "tcp://relay.example.org:7010"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct relay_address a;
        char text[RELAY_ADDRESS_MAX + 1], url[RELAY_HOST_MAX + 16];
        assert_ok(relay_address_parse(&a, good[i].text));
        assert_int_equal(a.key.b[31], 31);
        assert_ok(relay_address_format(&a, text));
        assert_string_equal(text, good[i].text);
        assert_ok(relay_address_url(&a, url));
        assert_string_equal(url, good[i].url);
        assert_true(a.has_access == (strchr(good[i].text, '?') != NULL));
    }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "kith-relay://",
        "kith-pair://" KEY "@localhost:7010",
        "kith-relay://" KEY,
        "kith-relay://" KEY "@",
        "kith-relay://" KEY "@localhost",
        "kith-relay://" KEY "@localhost:",
        "kith-relay://" KEY "@:7010",
        "kith-relay://" KEY "@localhost:0",
        "kith-relay://" KEY "@localhost:07010",
        "kith-relay://" KEY "@localhost:65536",
        "kith-relay://" KEY "@localhost:123456",
        "kith-relay://" KEY "@local host:7010",
        "kith-relay://" KEY "@local/host:7010",
        "kith-relay://" KEY "@[::1:7010",
        "kith-relay://" KEY "@[::1]7010",
        "kith-relay://" KEY "@[localhost]:7010",
        "kith-relay://" KEY "@[]:7010",
        "kith-relay://" KEY "@localhost:7010 ",
        "kith-relay://" KEY "@localhost:7010?",
        "kith-relay://" KEY "@localhost:7010?abc",
        "kith-relay://" KEY "@localhost:7010?" KEY "A",
        "kith-relay://A" KEY "@localhost:7010",
        "kith-relay://+AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8@localhost:7010",
        "KITH-RELAY://" KEY "@localhost:7010",
    };
    struct relay_address a;
    static const struct relay_address zero;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_status(relay_address_parse(&a, bad[i]), ST_RELAY_ADDRESS);
        assert_memory_equal(&a, &zero, sizeof(a));
    }
    assert_status(relay_address_parse(&a, NULL), ST_RELAY_ADDRESS);
}

static void the_longest_address_fits_and_one_more_does_not(void **state)
{
    (void)state;
    char text[2000], again[RELAY_ADDRESS_MAX + 1];
    struct relay_address a;
    char host[RELAY_HOST_MAX + 2];
    memset(host, 'h', sizeof(host));
    host[RELAY_HOST_MAX] = '\0';
    (void)snprintf(text, sizeof(text), "kith-relay://%s@%s:65535?%s", KEY, host, KEY);
    assert_ok(relay_address_parse(&a, text));
    assert_ok(relay_address_format(&a, again));
    assert_string_equal(again, text);
    host[RELAY_HOST_MAX] = 'h';
    host[RELAY_HOST_MAX + 1] = '\0';
    (void)snprintf(text, sizeof(text), "kith-relay://%s@%s:6?%s", KEY, host, KEY);
    assert_status(relay_address_parse(&a, text), ST_RELAY_ADDRESS);
    a = (struct relay_address){.port = 5};
    assert_status(relay_address_format(&a, again), ST_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_come_out_as_they_went_in),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(the_longest_address_fits_and_one_more_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
