/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_hex.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <sodium.h>

enum { KEPT_MAX = 4096 };

static uint8_t *kept[KEPT_MAX];
static size_t kept_count;

struct span test_hex(const char *hex)
{
    size_t room = strlen(hex) / 2 + 1, len = 0;
    uint8_t *bytes = malloc(room);
    assert_non_null(bytes);
    assert_true(kept_count < KEPT_MAX);
    kept[kept_count++] = bytes;
    assert_int_equal(sodium_hex2bin(bytes, room, hex, strlen(hex), " \n", &len, NULL), 0);
    return (struct span){bytes, len};
}

void test_hex_free(void)
{
    while (kept_count > 0)
        free(kept[--kept_count]);
}

void assert_span(struct span got, struct span want)
{
    if (span_equal(got, want))
        return;
    char *a = calloc(2, got.len + 1), *b = calloc(2, want.len + 1);
    assert_non_null(a);
    assert_non_null(b);
    hex_encode(a, got);
    hex_encode(b, want);
    print_error("got  %s\nwant %s\n", a, b);
    free(a);
    free(b);
    fail();
}

void assert_hex(struct span got, const char *want_hex)
{
    assert_span(got, test_hex(want_hex));
}
