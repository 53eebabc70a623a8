/* SPDX-License-Identifier: Apache-2.0 */
/* Hex in tests. A mistake in it fails the test that uses it. */
#ifndef KITH_TESTS_SUPPORT_TEST_HEX_H
#define KITH_TESTS_SUPPORT_TEST_HEX_H

#include "protocol/bytes.h"

/* The bytes of `hex` (spaces are skipped) in memory that lives until the program ends or test_hex_free. */
struct span test_hex(const char *hex);
/* Frees everything that test_hex gave. */
void test_hex_free(void);
/* Fails the test, showing both in hex, unless `got` is exactly the bytes of `want_hex`. */
void assert_hex(struct span got, const char *want_hex);
/* The same for two spans. */
void assert_span(struct span got, struct span want);

#endif
