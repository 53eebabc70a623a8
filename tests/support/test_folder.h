/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, below $TMPDIR or /tmp. */
#ifndef KITH_TESTS_SUPPORT_TEST_FOLDER_H
#define KITH_TESTS_SUPPORT_TEST_FOLDER_H

enum { TEST_FOLDER_MAX = 80 }; /* with its NUL; leaves room for a socket's name behind it (sun_path) */

/* Makes a new one, empty, for this user alone; `out` is its path without links. Fails the test that cannot
 * have one. */
void test_folder_make(char out[static TEST_FOLDER_MAX]);
/* Removes it with all that is in it; follows no link. Not 0 when something of it stays: a cmocka teardown may
 * return that. */
int test_folder_remove(const char *folder);

#endif
