/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLite does for a message: nothing is prepared anew. */
#include <stdio.h>

#include "tests/world/world_test.h"

enum { TEXTS = 40 };

/* A statement is prepared again when the schema has changed, which it does not while a device runs, and each
 * time it runs when SQLite looks at the value of a parameter to choose an index (sync/sql.h). */
static void look_at_statements(struct world *w, size_t device)
{
    sqlite3 *db = world_node(w, device)->sql.db;
    size_t statements = 0;
    for (sqlite3_stmt *st = sqlite3_next_stmt(db, NULL); st != NULL; st = sqlite3_next_stmt(db, st)) {
        int again = sqlite3_stmt_status(st, SQLITE_STMTSTATUS_REPREPARE, 0);
        if (again > 2)
            fail_msg("%s: prepared %d times in %d runs: %s", world_device_name(w, device), again,
                     sqlite3_stmt_status(st, SQLITE_STMTSTATUS_RUN, 0), sqlite3_sql(st));
        statements++;
    }
    assert_true(statements > 100);
    assert_true(statements < SQL_CACHE);
}

static void no_statement_is_prepared_again_and_again(void **state)
{
    struct world *w = world_new(1);
    struct story s;
    (void)state;
    story_children_meet(w, &s);
    for (int i = 0; i < TEXTS; i++) {
        char text[32];
        snprintf(text, sizeof(text), "number %d", i);
        story_say(w, s.leo, "Maya", text, s.maya);
        snprintf(text, sizeof(text), "answer %d", i);
        story_say(w, s.maya, "Leo", text, s.leo);
    }
    look_at_statements(w, s.ana);
    look_at_statements(w, s.maya);
    look_at_statements(w, s.leo);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_statement_is_prepared_again_and_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
