/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/vault.h"
#include "tests/support/test_folder.h"

static char top[TEST_FOLDER_MAX], home[TEST_FOLDER_MAX + 8], file[TEST_FOLDER_MAX + 16];

static int fresh_home(void **state)
{
    (void)state;
    test_folder_make(top);
    snprintf(home, sizeof(home), "%s/home", top);
    snprintf(file, sizeof(file), "%s/kith.db", home);
    return 0;
}

static int drop_home(void **state)
{
    (void)state;
    static const char *const names[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        char path[TEST_FOLDER_MAX + 32];
        snprintf(path, sizeof(path), "%s%s", file, names[i]);
        unlink(path);
    }
    rmdir(home);
    return rmdir(top); /* nothing else was left in either */
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int n = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return n;
}

static const struct vault_step steps[] = {
    {1, "CREATE TABLE a(x INTEGER) STRICT; INSERT INTO a VALUES(1);"},
    {2, "CREATE TABLE b(x BLOB) STRICT; INSERT INTO a VALUES(2);"},
    {3, "INSERT INTO b VALUES(zeroblob(1000000)); INSERT INTO a VALUES(3);"},
};

static void vault_makes_a_private_home(void **state)
{
    (void)state;
    sqlite3 *db;
    umask(0);
    assert_ok(vault_open(&db, home, 3));
    assert_ok(vault_migrate(db, steps, 2));
    assert_int_equal(mode_of(home), 0700);
    assert_int_equal(mode_of(file), 0600);
    char wal[TEST_FOLDER_MAX + 32];
    snprintf(wal, sizeof(wal), "%s-wal", file);
    assert_int_equal(mode_of(wal), 0600);
    snprintf(wal, sizeof(wal), "%s-shm", file);
    assert_int_equal(access(wal, F_OK), -1);
    sqlite3_close(db);
}

static void vault_closes_a_home_that_others_could_read(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_ok(vault_open(&db, home, 3));
    sqlite3_close(db);
    assert_int_equal(chmod(home, 0755), 0);
    assert_int_equal(chmod(file, 0644), 0);
    assert_ok(vault_open(&db, home, 3));
    sqlite3_close(db);
    assert_int_equal(mode_of(home), 0700);
    assert_int_equal(mode_of(file), 0600);
}

static void vault_refuses_a_link_in_place_of_its_file(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_int_equal(mkdir(home, 0700), 0);
    assert_int_equal(symlink("/dev/null", file), 0);
    assert_status(vault_open(&db, home, 3), ST_STORE_MODE);
    assert_null(db);
}

static void vault_refuses_a_home_that_cannot_be(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_status(vault_open(&db, "/dev/null/home", 3), ST_STORE_OPEN);
    assert_status(vault_open(&db, "/tmp/kith-no-such-folder/home", 3), ST_STORE_OPEN);
}

static void vault_sets_its_pragmas(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_ok(vault_open(&db, home, 3));
    assert_int_equal(number(db, "PRAGMA synchronous"), 2);
    assert_int_equal(number(db, "PRAGMA secure_delete"), 1);
    assert_int_equal(number(db, "PRAGMA temp_store"), 2);
    assert_int_equal(number(db, "PRAGMA foreign_keys"), 1);
    assert_int_equal(number(db, "PRAGMA trusted_schema"), 0);
    assert_int_equal(number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    assert_int_equal(number(db, "SELECT locking_mode = 'exclusive' FROM pragma_locking_mode"), 1);
    sqlite3_close(db);
}

/* In another process: opening the home must give `want`. */
static void expect_from_outside(enum status want)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sqlite3 *db;
        _exit(vault_open(&db, home, 3) == want ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void vault_lets_one_process_in(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_ok(vault_open(&db, home, 3));
    expect_from_outside(ST_STORE_BUSY); /* before anything was written */
    assert_ok(vault_migrate(db, steps, 2));
    expect_from_outside(ST_STORE_BUSY);
    sqlite3_close(db);
    expect_from_outside(ST_OK);
}

static void vault_migrates_step_by_step_and_once(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_ok(vault_open(&db, home, 3));
    assert_ok(vault_migrate(db, steps, 1));
    assert_int_equal(number(db, "PRAGMA user_version"), 1);
    assert_int_equal(number(db, "PRAGMA application_id"), VAULT_APPLICATION_ID);
    sqlite3_close(db);
    assert_ok(vault_open(&db, home, 3));
    assert_ok(vault_migrate(db, steps, 2));
    assert_ok(vault_migrate(db, steps, 2));
    assert_int_equal(number(db, "SELECT count(*) FROM a"), 2);
    sqlite3_close(db);
}

static void vault_step_that_fails_leaves_the_version_before(void **state)
{
    (void)state;
    sqlite3 *db;
    struct vault_step bad = {3, "INSERT INTO a VALUES(9); NO SUCH STATEMENT;"};
    assert_ok(vault_open(&db, home, 3));
    assert_ok(vault_migrate(db, steps, 2));
    assert_status(vault_migrate(db, &bad, 1), ST_STORE_FAILED);
    assert_int_equal(number(db, "SELECT count(*) FROM a"), 2);
    run(db, "PRAGMA max_page_count = 20"); /* a full disk */
    assert_status(vault_migrate(db, steps, 3), ST_STORE_FULL);
    assert_int_equal(number(db, "PRAGMA user_version"), 2);
    assert_int_equal(number(db, "SELECT count(*) FROM a"), 2);
    run(db, "PRAGMA max_page_count = 100000");
    assert_ok(vault_migrate(db, steps, 3));
    assert_int_equal(number(db, "PRAGMA user_version"), 3);
    sqlite3_close(db);
}

static size_t slurp(uint8_t *out, size_t max)
{
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, max, f);
    fclose(f);
    return n;
}

static void vault_leaves_a_newer_database_untouched(void **state)
{
    (void)state;
    static uint8_t before[1 << 16], after[1 << 16];
    sqlite3 *db;
    assert_ok(vault_open(&db, home, 3));
    assert_ok(vault_migrate(db, steps, 2));
    sqlite3_close(db);
    size_t len = slurp(before, sizeof(before));
    assert_status(vault_open(&db, home, 1), ST_STORE_NEWER);
    assert_null(db);
    assert_int_equal(slurp(after, sizeof(after)), len);
    assert_memory_equal(before, after, len);
}

static void vault_does_not_checkpoint_a_newer_databases_wal(void **state)
{
    (void)state;
    static uint8_t before[1 << 16], after[1 << 16];
    sqlite3 *db;
    pid_t child = fork(); /* dies with its changes in the WAL */
    if (child == 0) {
        bool good = vault_open(&db, home, 3) == ST_OK && vault_migrate(db, steps, 2) == ST_OK;
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    size_t len = slurp(before, sizeof(before));
    assert_status(vault_open(&db, home, 1), ST_STORE_NEWER);
    assert_int_equal(slurp(after, sizeof(after)), len);
    assert_memory_equal(before, after, len);
    assert_ok(vault_open(&db, home, 2));
    assert_int_equal(number(db, "SELECT count(*) FROM a"), 2);
    sqlite3_close(db);
}

static void vault_refuses_what_another_program_made(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_int_equal(mkdir(home, 0700), 0);
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    run(db, "CREATE TABLE theirs(x)");
    sqlite3_close(db);
    assert_status(vault_open(&db, home, 3), ST_STORE_FOREIGN);
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    for (int i = 0; i < 5000; i++)
        fputc('x', f);
    fclose(f);
    assert_status(vault_open(&db, home, 3), ST_STORE_FOREIGN);
}

#define VAULT_TEST(name) cmocka_unit_test_setup_teardown(name, fresh_home, drop_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VAULT_TEST(vault_makes_a_private_home),
        VAULT_TEST(vault_closes_a_home_that_others_could_read),
        VAULT_TEST(vault_refuses_a_link_in_place_of_its_file),
        VAULT_TEST(vault_refuses_a_home_that_cannot_be),
        VAULT_TEST(vault_sets_its_pragmas),
        VAULT_TEST(vault_lets_one_process_in),
        VAULT_TEST(vault_migrates_step_by_step_and_once),
        VAULT_TEST(vault_step_that_fails_leaves_the_version_before),
        VAULT_TEST(vault_leaves_a_newer_database_untouched),
        VAULT_TEST(vault_does_not_checkpoint_a_newer_databases_wal),
        VAULT_TEST(vault_refuses_what_another_program_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
