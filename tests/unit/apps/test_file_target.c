/* SPDX-License-Identifier: Apache-2.0 */
/* A fetched file gets its name when all of it is there; nothing is overwritten, and nothing stays of a half.
 */
#include "apps/kith/file_target.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/test_folder.h"

static char folder[TEST_FOLDER_MAX];

static int setup(void **state)
{
    (void)state;
    test_folder_make(folder);
    return 0;
}

static const char *at(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* What is in the folder, itself and its parent left out. */
static size_t count(void)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static int teardown(void **state)
{
    (void)state;
    return test_folder_remove(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void write_some(struct file_target *t, const char *to)
{
    if (!file_target_open(t, to, "../../-rf"))
        fail_msg("%s: %s", to, strerror(errno));
    assert_true(file_target_write(t, span_text("some")));
}

static void assert_holds(const char *name, const char *text)
{
    char got[64] = "";
    FILE *f = fopen(at(name), "r");
    assert_non_null(f);
    assert_non_null(fgets(got, sizeof(got), f));
    fclose(f);
    assert_string_equal(got, text);
}

static void a_file_has_its_name_when_all_of_it_is_there(void **state)
{
    struct file_target t;
    struct stat s;
    (void)state;
    write_some(&t, folder); /* under the name that was sent, made harmless */
    assert_int_equal(stat(at("_rf"), &s), -1);
    assert_true(file_target_name(&t));
    file_target_close(&t);
    assert_holds("_rf", "some");
    assert_int_equal(stat(at("_rf"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    write_some(&t, at("other"));
    assert_true(file_target_name(&t));
    file_target_close(&t);
    assert_holds("other", "some");
    assert_int_equal(count(), 2);
}

static void what_is_there_stays_also_when_it_came_meanwhile(void **state)
{
    struct file_target t;
    (void)state;
    write_some(&t, at("name"));
    assert_int_equal(symlink("/tmp/kith-nowhere", at("name")), 0);
    assert_false(file_target_name(&t));
    assert_int_equal(errno, EEXIST);
    file_target_close(&t);
    assert_int_equal(errno, EEXIST);
    assert_false(file_target_open(&t, at("name"), "x")); /* a link to nowhere is something, too */
    assert_int_equal(errno, EEXIST);
    file_target_close(&t);
    assert_int_equal(count(), 1);
}

static void nothing_stays_of_a_half_also_when_its_writer_dies(void **state)
{
    struct file_target t;
    int how;
    (void)state;
    write_some(&t, at("half"));
    file_target_close(&t);
    assert_int_equal(count(), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)(file_target_open(&t, folder, "half") && file_target_write(&t, span_text("some")));
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(count(), 0);
}

static void a_disk_that_fills_is_told_and_leaves_nothing(void **state)
{
    struct file_target t;
    struct rlimit before, small = {.rlim_cur = 6};
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    write_some(&t, at("big"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool good = file_target_write(&t, span_text("more"));
    int why = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(good);
    assert_int_equal(why, EFBIG);
    file_target_close(&t);
    assert_int_equal(count(), 0);
}

static void what_is_no_place_for_a_file_is_refused(void **state)
{
    struct file_target t;
    char name[300];
    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    const char *const places[] = {at("no/such/folder"), "", name, "/dev/null/x"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        assert_false(file_target_open(&t, places[i], "x"));
        assert_int_not_equal(errno, EEXIST);
        file_target_close(&t);
    }
    assert_int_equal(count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_has_its_name_when_all_of_it_is_there),
        TEST(what_is_there_stays_also_when_it_came_meanwhile),
        TEST(nothing_stays_of_a_half_also_when_its_writer_dies),
        TEST(a_disk_that_fills_is_told_and_leaves_nothing),
        TEST(what_is_no_place_for_a_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
