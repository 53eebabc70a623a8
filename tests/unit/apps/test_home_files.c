/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of a file is what it was when it was first looked at, or it is refused. */
#include "apps/kithd/home_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/test_folder.h"

static char folder[TEST_FOLDER_MAX], path[TEST_FOLDER_MAX + 16];
static struct node_files files;

static int setup(void **state)
{
    (void)state;
    test_folder_make(folder);
    snprintf(path, sizeof(path), "%s/thing", folder);
    home_files(&files, folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); /* nothing else is left in it */
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void a_file_is_read_where_and_as_long_as_is_asked(void **state)
{
    struct node_file same;
    uint8_t out[4];
    (void)state;
    put(path, "0123456789");
    assert_ok(files.look(files.ctx, path, &same));
    assert_int_equal(same.size, 10);
    assert_ok(files.read(files.ctx, path, &same, 6, out, 4));
    assert_memory_equal(out, "6789", 4);
    assert_status(files.read(files.ctx, path, &same, 7, out, 4), ST_FILE_CHANGED);
    assert_true(files.room(files.ctx) > 0);
}

static void a_file_that_was_written_since_is_refused_by_name(void **state)
{
    struct node_file same;
    struct timespec soon = {.tv_nsec = 20 * 1000 * 1000}; /* a file system's clock has steps */
    uint8_t out[4];
    char other[160];
    (void)state;
    put(path, "0123456789");
    assert_ok(files.look(files.ctx, path, &same));
    nanosleep(&soon, NULL);
    put(path, "0123456780"); /* as long as before */
    assert_status(files.read(files.ctx, path, &same, 0, out, 4), ST_FILE_CHANGED);
    assert_ok(files.look(files.ctx, path, &same));
    snprintf(other, sizeof(other), "%s.other", path);
    put(other, "0123456780");
    assert_int_equal(rename(other, path), 0); /* another one in its place */
    assert_status(files.read(files.ctx, path, &same, 0, out, 4), ST_FILE_CHANGED);
}

static void what_is_no_plain_file_is_refused_at_once(void **state)
{
    struct node_file same;
    (void)state;
    assert_status(files.look(files.ctx, folder, &same), ST_FILE_SOURCE);
    assert_status(files.look(files.ctx, path, &same), ST_FILE_SOURCE);
    assert_status(files.look(files.ctx, "thing", &same), ST_FILE_SOURCE); /* relative to what? */
    assert_status(files.look(files.ctx, "/dev/zero", &same), ST_FILE_SOURCE);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_status(files.look(files.ctx, path, &same), ST_FILE_SOURCE); /* and does not wait for a writer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_read_where_and_as_long_as_is_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_written_since_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_plain_file_is_refused_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
