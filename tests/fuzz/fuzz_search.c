/* SPDX-License-Identifier: Apache-2.0 */
/* sync/search.h: whatever a person types becomes an expression that FTS5 takes. Some inputs are put into the
 * index first. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "sync/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sqlite3 *open_index(void)
{
    static sqlite3 *db;
    if (!db &&
        (sqlite3_open(":memory:", &db) != SQLITE_OK ||
         sqlite3_exec(db,
                      "CREATE VIRTUAL TABLE search USING fts5(text, place, content = '', detail = full,"
                      " tokenize = 'unicode61 remove_diacritics 2');",
                      NULL, NULL, NULL) != SQLITE_OK))
        abort();
    return db;
}

static void run(sqlite3 *db, const char *sql, const char *text)
{
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK ||
        (text && sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC) != SQLITE_OK))
        abort();
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        abort();
    sqlite3_finalize(st);
}

/* Texts come without control characters, as command_check has it: FTS5 is given C strings. */
static size_t clean(char *out, const uint8_t *data, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < size && len < COMMAND_TEXT_MAX; i++)
        if (data[i] >= 0x20 || data[i] == '\n' || data[i] == '\t')
            out[len++] = (char)data[i];
    out[len] = '\0';
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char words[COMMAND_TEXT_MAX + 1];
    struct device_id author = {{0}};
    struct buffer expression;
    bool none = false;
    if (size == 0)
        return 0;
    size_t len = clean(words, data + 1, size - 1);
    struct search_terms t = {.words = SPAN_OF((const uint8_t *)words, len),
                             .has_scope = (data[0] & 1) != 0,
                             .has_author = (data[0] & 2) != 0,
                             .authors = &author,
                             .author_count = (data[0] & 4) != 0};
    buffer_init(&expression, SEARCH_EXPRESSION_MAX);
    if (search_expression(&t, &expression, &none) != ST_OK)
        abort();
    sqlite3 *db = open_index();
    static unsigned kept;
    if (++kept % 64 == 0)
        run(db, "INSERT INTO search(search) VALUES('delete-all')", NULL);
    if ((data[0] & 8) != 0)
        run(db, "INSERT INTO search(rowid, text, place) VALUES(1 + abs(random() % 1000000000), ?, 'x')",
            words);
    if (!none)
        run(db, "SELECT rowid FROM search WHERE search MATCH ?", (const char *)expression.ptr);
    buffer_wipe(&expression);
    return 0;
}
