/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite with less to get wrong: values go in by type letters, statements are kept prepared, errors stick to
 * the query and become a status of class STORE or INTERNAL.
 *
 *   struct query q;
 *   query_start(&q, db, "SELECT a, b FROM t WHERE c = ? AND d = ?", "bi", SPAN_ID(&id), (int64_t)7);
 *   while (query_next(&q)) { … query_int(&q, 0) … query_blob(&q, 1) … }
 *   return query_end(&q);
 *
 * Type letters: b struct span (NULL pointer: an empty BLOB), o struct span (NULL pointer: SQL NULL), i
 * int64_t, t const char * (NULL: SQL NULL). SQL texts are literals: their address is the key of the cache.
 *
 * What is worked out of the database and kept is kept with a watch: sql_watch.h. */
#ifndef KITH_SYNC_SQL_H
#define KITH_SYNC_SQL_H

#include <sqlite3.h>

#include "protocol/bytes.h"
#include "sync/sql_watch.h"

enum sql_limits {
    SQL_CACHE = 1024 /* slots for prepared statements; more than there are literals in sync/ */
};

struct sql {
    sqlite3 *db;
    struct sql_watches watches;
    struct sql_touched preparing; /* by the statement that is being prepared */
    int64_t changes_seen;         /* rows that were changed by way of this module */
    struct sql_slot {
        const char *text;
        sqlite3_stmt *st;
        struct sql_touched touched;
    } slots[SQL_CACHE];
};

/* A text is prepared once. In a condition on a column that a partial index names with a number (`kind`,
 * `own`, `applied`, …: schema.c) write the number, or `= +?`: with `= ?` SQLite looks whether the value of
 * the moment makes the index fit, and prepares the statement anew each time it runs. */
struct query {
    struct sql *sql;
    sqlite3_stmt *st;
    bool own; /* not from the cache: finalised at the end */
    struct sql_touched *touched;
    int64_t changes_before;
    enum status failed;
};

void sql_init(struct sql *s, sqlite3 *db); /* takes db; s stays where it is */
void sql_close(struct sql *s);
enum status sql_status(int rc); /* of an SQLite result code; ST_OK for OK, ROW and DONE */

/* Runs a statement that gives no rows. */
enum status sql_run(struct sql *s, const char *text, const char *types, ...) MUST_USE;
/* The first column of the first row as a number; `missing` when there is no row or it is NULL. */
enum status sql_number(struct sql *s, int64_t *out, int64_t missing, const char *text, const char *types,
                       ...) MUST_USE;
/* The first column of the first row appended to out; *found tells whether there was a row. */
enum status sql_bytes(struct sql *s, struct buffer *out, bool *found, const char *text, const char *types,
                      ...) MUST_USE;
int64_t sql_last_id(const struct sql *s);
int64_t sql_changes(const struct sql *s);

void query_start(struct query *q, struct sql *s, const char *text, const char *types, ...);
bool query_next(struct query *q); /* true: a row is there */
int64_t query_int(const struct query *q, int column);
bool query_null(const struct query *q, int column);
struct span query_blob(const struct query *q, int column); /* borrows until query_next or query_end */
const char *query_text(const struct query *q, int column); /* the same; "" for NULL */
/* Exactly len bytes, else the query fails with ST_STORE_ROW and out is zeroed. */
void query_fixed(struct query *q, int column, uint8_t *out, size_t len);
void query_fail(struct query *q, enum status why); /* keeps an earlier failure; stops query_next */
enum status query_end(struct query *q) MUST_USE;

#define QUERY_ID(q, column, id) query_fixed((q), (column), (id)->b, sizeof((id)->b))

#endif
