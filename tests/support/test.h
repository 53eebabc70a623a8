/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers that it wants before it, and the one check that every test makes. */
#ifndef KITH_TESTS_SUPPORT_TEST_H
#define KITH_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/status.h"

/* Fails the test, showing both by name, unless the status `got` is `want`. */
#define assert_status(got, want)                                                          \
    do {                                                                                  \
        enum status got_ = (got), want_ = (want);                                         \
        if (got_ != want_)                                                                \
            fail_msg("%s: got %s, want %s", #got, status_name(got_), status_name(want_)); \
    } while (0)
#define assert_ok(got) assert_status(got, ST_OK)

#endif
