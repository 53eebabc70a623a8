/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/local/agent_address.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/test_folder.h"

static char scratch[TEST_FOLDER_MAX]; /* a folder of this run */
static char start[PATH_MAX];

static int enter_scratch(void **state)
{
    (void)state;
    unsetenv("KITH_HOME");
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_RUNTIME_DIR");
    if (!getcwd(start, sizeof(start)))
        return -1;
    test_folder_make(scratch);
    return chdir(scratch);
}

static int leave_scratch(void **state)
{
    (void)state;
    return chdir(start) == 0 ? test_folder_remove(scratch) : -1;
}

static const char *below(const char *name)
{
    static char path[2 * PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", scratch, name);
    return path;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void socket_lies_in_the_runtime_folder(void **state)
{
    struct agent_address a;
    (void)state;
    setenv("XDG_RUNTIME_DIR", below("run"), 1);
    assert_ok(agent_address_find(&a, "home", 1));
    assert_string_equal(a.home, below("home"));
    assert_string_equal(a.folder, below("run/kith"));
    assert_memory_equal(a.socket, a.folder, strlen(a.folder));
    assert_memory_equal(a.url, "ipc:///", 7);
    assert_int_equal(mode_of(a.folder), 0700);
    assert_int_equal(mode_of(a.home), 0700);
}

static void socket_lies_in_the_home_without_a_runtime_folder(void **state)
{
    struct agent_address a;
    (void)state;
    assert_ok(agent_address_find(&a, "home", 1));
    assert_string_equal(a.folder, a.home);
    setenv("XDG_RUNTIME_DIR", "relative", 1); /* the specification says: ignore it */
    assert_ok(agent_address_find(&a, "home", 1));
    assert_string_equal(a.folder, a.home);
}

static void one_home_has_one_socket_by_whatever_path(void **state)
{
    struct agent_address a, b, other;
    (void)state;
    setenv("XDG_RUNTIME_DIR", below("run"), 1);
    assert_ok(agent_address_find(&a, "home", 1));
    assert_int_equal(symlink("home", "link"), 0);
    assert_ok(agent_address_find(&b, "./link/../link/", 0));
    assert_string_equal(a.url, b.url);
    assert_ok(agent_address_find(&other, "other", 1));
    assert_string_not_equal(a.url, other.url);
}

static void a_path_too_long_for_a_socket_is_named(void **state)
{
    struct agent_address a, zero = {0};
    char name[AGENT_SOCKET_MAX + 1];
    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_status(agent_address_find(&a, name, 1), ST_APP_SOCKET_PATH);
    assert_memory_equal(&a, &zero, sizeof(a));
    setenv("XDG_RUNTIME_DIR", below("run"), 1); /* a short one helps */
    assert_ok(agent_address_find(&a, name, 1));
}

/* The longest path that fits is taken, one byte more is not. */
static void the_longest_socket_path_is_exactly_that_of_sun_path(void **state)
{
    struct agent_address a;
    (void)state;
    assert_ok(agent_address_find(&a, "h", 1));
    size_t rest = AGENT_SOCKET_MAX - (strlen(a.socket) - 1); /* for the home's name */
    char name[AGENT_SOCKET_MAX + 2];
    memset(name, 'y', sizeof(name));
    name[rest] = '\0';
    assert_ok(agent_address_find(&a, name, 1));
    assert_int_equal(strlen(a.socket), AGENT_SOCKET_MAX);
    memset(name, 'y', sizeof(name));
    name[rest + 1] = '\0';
    assert_status(agent_address_find(&a, name, 1), ST_APP_SOCKET_PATH);
}

static void a_home_that_is_missing_or_a_file_is_named(void **state)
{
    struct agent_address a;
    (void)state;
    assert_status(agent_address_find(&a, "missing", 0), ST_APP_HOME);
    FILE *f = fopen("file", "w");
    assert_non_null(f);
    fclose(f);
    assert_status(agent_address_find(&a, "file", 1), ST_APP_HOME);
    assert_status(agent_address_find(&a, "file/below", 1), ST_APP_HOME);
    assert_status(agent_address_find(&a, "", 1), ST_APP_HOME);
}

static void the_home_comes_from_the_environment_in_order(void **state)
{
    struct agent_address a;
    (void)state;
    setenv("HOME", scratch, 1);
    assert_ok(agent_address_find(&a, NULL, 1));
    assert_string_equal(a.home, below(".local/share/kith"));
    setenv("XDG_DATA_HOME", below("data"), 1);
    assert_ok(agent_address_find(&a, NULL, 1));
    assert_string_equal(a.home, below("data/kith"));
    setenv("KITH_HOME", below("own"), 1);
    assert_ok(agent_address_find(&a, NULL, 1));
    assert_string_equal(a.home, below("own"));
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(socket_lies_in_the_runtime_folder),
        IN_SCRATCH(socket_lies_in_the_home_without_a_runtime_folder),
        IN_SCRATCH(one_home_has_one_socket_by_whatever_path),
        IN_SCRATCH(a_path_too_long_for_a_socket_is_named),
        IN_SCRATCH(the_longest_socket_path_is_exactly_that_of_sun_path),
        IN_SCRATCH(a_home_that_is_missing_or_a_file_is_named),
        IN_SCRATCH(the_home_comes_from_the_environment_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
