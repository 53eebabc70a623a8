/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "device/vault.h"
#include "sync/schema.h"

static void open_memory(struct sql *s)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    sql_init(s, db);
}

static int64_t number(struct sql *s, const char *sql)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), SQLITE_OK);
    int64_t out = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
    sqlite3_finalize(st);
    return out;
}

static void run(struct sql *s, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(s->db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
}

static void make(struct sql *s, int version)
{
    assert_ok(vault_prepare(s->db, SCHEMA_VERSION));
    assert_ok(schema_make(s, version));
}

static void shape(struct sql *s, char *out, size_t cap)
{
    sqlite3_stmt *st;
    size_t at = 0;
    assert_int_equal(sqlite3_prepare_v2(s->db,
                                        "SELECT name || coalesce(sql, '') FROM sqlite_schema ORDER BY name",
                                        -1, &st, NULL),
                     SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        at += (size_t)snprintf(out + at, cap - at, "%s\n", (const char *)sqlite3_column_text(st, 0));
    assert_true(at > 0 && at < cap);
    sqlite3_finalize(st);
}

static void a_database_of_any_earlier_version_becomes_what_a_new_one_is(void **state)
{
    (void)state;
    static char fresh[1 << 16], old[1 << 16];
    struct sql s;
    open_memory(&s);
    assert_ok(schema_open(&s));
    shape(&s, fresh, sizeof(fresh));
    sql_close(&s);
    for (int version = 1; version < SCHEMA_VERSION; version++) {
        open_memory(&s);
        make(&s, version);
        run(&s, "INSERT INTO meta VALUES('kept', 7)");
        assert_ok(schema_open(&s));
        assert_int_equal(number(&s, "PRAGMA user_version"), SCHEMA_VERSION);
        assert_int_equal(number(&s, "SELECT value FROM meta WHERE key = 'kept'"), 7);
        shape(&s, old, sizeof(old));
        assert_string_equal(old, fresh);
        sql_close(&s);
    }
}

static void logs_of_history_offered_in_the_old_way_are_let_go_and_others_kept(void **state)
{
    (void)state;
    struct sql s;
    open_memory(&s);
    make(&s, 9);
    run(&s, "INSERT INTO relay(id, address) VALUES(1, 'r')");
    run(&s, "INSERT INTO log(id, relay, log_id, kind, owner, epoch, hashes, block_key, listening)"
            " VALUES(1, 1, x'01', 5, 0, 0, x'', x'', 1), (2, 1, x'02', 1, 0, 0, x'', x'', 1)");
    assert_ok(schema_open(&s));
    assert_int_equal(number(&s, "SELECT count(*) FROM log"), 1);
    assert_int_equal(number(&s, "SELECT id + trimming FROM log"), 2);
    sql_close(&s);
}

/* What an older version took for void because it knew no such form is judged by this one. */
static void leaves_that_were_void_are_judged_again(void **state)
{
    (void)state;
    struct sql s;
    open_memory(&s);
    make(&s, 33);
    run(&s,
        "INSERT INTO entry(scope, author, seq, hash, prev, hlc, kind, has_body, entry, attested, applied,"
        " arrived_at) VALUES(x'01', x'02', 1, x'03', x'', 7, 23, 1, x'', 1, 2, 0), (x'01', x'02', 2, x'04',"
        " x'', 8, 23, 1, x'', 1, 1, 0), (x'01', x'02', 3, x'05', x'', 9, 1, 1, x'', 1, 2, 0)");
    assert_ok(schema_open(&s));
    assert_int_equal(number(&s, "SELECT seq FROM entry WHERE applied = 0"), 1);
    assert_int_equal(number(&s, "SELECT count(*) FROM entry WHERE applied = 0"), 1);
    sql_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_of_any_earlier_version_becomes_what_a_new_one_is),
        cmocka_unit_test(logs_of_history_offered_in_the_old_way_are_let_go_and_others_kept),
        cmocka_unit_test(leaves_that_were_void_are_judged_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
