/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include "sync/sql.h"

static struct sql *open_tables(struct sql_watch *watch)
{
    static struct sql s;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "PRAGMA foreign_keys = ON; CREATE TABLE a(id INTEGER PRIMARY KEY, x INTEGER UNIQUE, y);"
                     "CREATE TABLE b(a INTEGER REFERENCES a ON DELETE CASCADE, z);"
                     "CREATE TABLE entry(id INTEGER PRIMARY KEY, x); CREATE TABLE mls_record(value);"
                     "INSERT INTO a VALUES(1, 1, 1), (2, 2, 2); INSERT INTO b VALUES(1, 1);"
                     "INSERT INTO entry VALUES(1, 1); INSERT INTO mls_record VALUES(1)",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sql_init(&s, db);
    assert_ok(sql_run(&s, "SELECT 1", "")); /* what was written before is seen */
    sql_watch_add(&s.watches, watch);
    assert_true(watch->stale);
    return &s;
}

static void read_under(struct sql *s, struct sql_watch *watch, const char *text)
{
    sql_watch_open(&s->watches, watch);
    assert_ok(sql_run(s, text, ""));
    sql_watch_close(&s->watches);
}

/* Whether a watch of what `read` reads is stale after `then`. */
static bool ends(const char *read, const char *then)
{
    struct sql_watch watch = {.stale = false};
    struct sql *s = open_tables(&watch);
    read_under(s, &watch, read);
    assert_false(watch.stale);
    assert_ok(sql_run(s, then, ""));
    bool stale = watch.stale;
    sql_close(s);
    return stale;
}

static void what_was_read_and_changes_is_noticed(void **state)
{
    (void)state;
    assert_true(ends("SELECT y FROM a WHERE x = 1", "UPDATE a SET y = 5"));
    assert_true(ends("SELECT y FROM a WHERE x = 1", "UPDATE a SET x = 5 WHERE id = 1"));
    assert_true(ends("SELECT count(*) FROM a", "INSERT INTO a VALUES(3, 3, 3)"));
    assert_true(ends("SELECT max(y) FROM a", "DELETE FROM a WHERE id = 2"));
    assert_true(ends("SELECT z FROM b", "DELETE FROM a WHERE id = 1"));
    assert_true(ends("SELECT 1 WHERE EXISTS (SELECT 1 FROM b WHERE z = 2)", "UPDATE b SET z = 2"));
    assert_true(ends("SELECT y FROM a", "INSERT OR REPLACE INTO a VALUES(1, 7, 7)"));
    assert_true(ends("SELECT y FROM a", "INSERT INTO a VALUES(1, 1, 1) ON CONFLICT(id) DO UPDATE SET y = 9"));
    assert_true(ends("SELECT y FROM a", "UPDATE a SET y = 9 RETURNING x"));
}

static void a_statement_that_wrote_nothing_may_write_another_time(void **state)
{
    (void)state;
    assert_true(ends("INSERT OR IGNORE INTO a(x) VALUES(1)", "DELETE FROM a WHERE id = 1"));
    assert_true(ends("INSERT OR IGNORE INTO a(x) VALUES(1)", "UPDATE a SET x = 9 WHERE id = 1"));
    assert_true(ends("DELETE FROM a WHERE y > 5", "UPDATE a SET y = 6"));
    assert_true(ends("DELETE FROM b WHERE z > 5", "INSERT INTO b VALUES(2, 6)"));
    assert_true(ends("UPDATE a SET y = 3 WHERE x > 5", "UPDATE a SET x = 6 WHERE id = 1"));
}

static void what_was_not_read_is_not(void **state)
{
    (void)state;
    assert_false(ends("SELECT y FROM a WHERE id = 1", "UPDATE a SET x = 9 WHERE id = 1"));
    assert_false(ends("SELECT y FROM a", "INSERT INTO b VALUES(2, 2)"));
    assert_false(ends("SELECT y FROM a", "UPDATE a SET y = 3 WHERE id = 77"));
    assert_false(ends("SELECT y FROM a", "DELETE FROM a WHERE id = 77"));
    assert_false(ends("SELECT value FROM mls_record", "UPDATE mls_record SET value = 2"));
}

static void what_one_row_of_a_returning_shows_is_a_change(void **state)
{
    struct sql_watch watch = {.stale = false};
    struct sql *s = open_tables(&watch);
    int64_t x = 0;
    (void)state;
    read_under(s, &watch, "SELECT y FROM a");
    assert_ok(sql_number(s, &x, 0, "UPDATE a SET y = y + 1 RETURNING x", ""));
    assert_true(watch.stale);
    sql_close(s);
}

static void what_comes_past_the_module_ends_everything(void **state)
{
    struct sql_watch watch = {.stale = false};
    struct sql *s = open_tables(&watch);
    (void)state;
    read_under(s, &watch, "SELECT y FROM a");
    assert_int_equal(sqlite3_exec(s->db, "UPDATE b SET z = 3", NULL, NULL, NULL), SQLITE_OK);
    assert_ok(sql_run(s, "SELECT 1", ""));
    assert_true(watch.stale);
    read_under(s, &watch, "SELECT y FROM a");
    assert_false(watch.stale);
    sql_all_stale(&s->watches);
    assert_true(watch.stale);
    sql_close(s);
}

static void what_is_set_aside_is_no_fact(void **state)
{
    struct sql_watch all = {.stale = false}, facts = {.of_facts = true};
    struct sql *s = open_tables(&all);
    (void)state;
    sql_watch_add(&s->watches, &facts);
    read_under(s, &all, "SELECT x, z FROM entry, b");
    read_under(s, &facts, "SELECT x, z FROM entry, b");
    assert_false(sql_set_unwatched(&s->watches, true));
    assert_ok(sql_run(s, "UPDATE entry SET x = 2", ""));
    assert_true(sql_set_unwatched(&s->watches, false));
    assert_false(all.stale || facts.stale);
    assert_false(sql_set_aside(&s->watches, true));
    assert_ok(sql_run(s, "UPDATE entry SET x = 3", ""));
    assert_true(all.stale && !facts.stale);
    assert_ok(sql_run(s, "UPDATE b SET z = 3", ""));
    assert_true(facts.stale);
    sql_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_and_changes_is_noticed),
        cmocka_unit_test(a_statement_that_wrote_nothing_may_write_another_time),
        cmocka_unit_test(what_was_not_read_is_not),
        cmocka_unit_test(what_one_row_of_a_returning_shows_is_a_change),
        cmocka_unit_test(what_comes_past_the_module_ends_everything),
        cmocka_unit_test(what_is_set_aside_is_no_fact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
