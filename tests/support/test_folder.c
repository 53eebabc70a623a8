/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700 /* nftw */
#include "tests/support/test_folder.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

enum { OPEN_FOLDERS_MAX = 8 };

void test_folder_make(char out[static TEST_FOLDER_MAX])
{
    const char *top = getenv("TMPDIR");
    char path[PATH_MAX], made[PATH_MAX];
    int len =
        snprintf(path, sizeof(path), "%s/kith-test-XXXXXX", top != NULL && top[0] != '\0' ? top : "/tmp");
    if (len < 0 || (size_t)len >= sizeof(path) || mkdtemp(path) == NULL || realpath(path, made) == NULL)
        fail_msg("no folder %s: %s", path, strerror(errno));
    if (strlen(made) >= TEST_FOLDER_MAX) {
        (void)test_folder_remove(made);
        fail_msg("%s: too long for a test, set TMPDIR to something shorter", made);
    }
    memcpy(out, made, strlen(made) + 1);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

int test_folder_remove(const char *folder)
{
    return nftw(folder, remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
}
