/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "protocol/mem.h"

/* A quota that is used up is a full disk, too: SQLite knows ENOSPC only. */
static enum status status_of(const struct sql *s, int rc)
{
    bool quota = (rc & 0xff) == SQLITE_IOERR && sqlite3_system_errno(s->db) == EDQUOT;
    return quota ? ST_STORE_FULL : sql_status(rc);
}

enum status sql_status(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_NOMEM:
        return ST_NO_MEMORY;
    case SQLITE_FULL:
        return ST_STORE_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ST_STORE_BUSY;
    case SQLITE_NOTADB:
        return ST_STORE_FOREIGN;
    case SQLITE_CANTOPEN:
        return ST_STORE_OPEN;
    default:
        return ST_STORE_FAILED;
    }
}

/* ---- what a statement reads and writes ---- */

/* SQLite tells it of everything that a statement does, when it is prepared. */
static int note_action(void *ctx, int action, const char *a, const char *b, const char *database,
                       const char *inside)
{
    struct sql *s = ctx;
    (void)database;
    (void)inside;
    sql_watch_action(&s->watches, &s->preparing, action, a, b);
    return SQLITE_OK;
}

void sql_init(struct sql *s, sqlite3 *db)
{
    memset(s, 0, sizeof(*s));
    s->db = db;
    int rc = sqlite3_set_authorizer(db, note_action, s);
    invariant(rc == SQLITE_OK);
}

void sql_close(struct sql *s)
{
    for (size_t i = 0; i < SQL_CACHE; i++) {
        sqlite3_finalize(s->slots[i].st);
    }
    int rc = sqlite3_close(s->db);
    invariant(rc == SQLITE_OK); /* a query was left open */
    memset(s, 0, sizeof(*s));
}

int64_t sql_last_id(const struct sql *s)
{
    return sqlite3_last_insert_rowid(s->db);
}

int64_t sql_changes(const struct sql *s)
{
    return sqlite3_changes64(s->db);
}

static sqlite3_stmt *prepare(struct query *q, const char *text)
{
    sqlite3_stmt *st = NULL;
    memset(&q->sql->preparing, 0, sizeof(q->sql->preparing));
    int rc = sqlite3_prepare_v3(q->sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK) {
        q->failed = status_of(q->sql, rc);
    }
    return st;
}

/* A statement of the cache, or one of the query's own when that of the cache is in use further up. */
static void take_statement(struct query *q, const char *text)
{
    size_t at = ((uintptr_t)text >> 3) % SQL_CACHE;
    for (size_t step = 0; step < SQL_CACHE; step++, at = (at + 1) % SQL_CACHE) {
        struct sql_slot *slot = &q->sql->slots[at];
        if (slot->text == text && sqlite3_stmt_busy(slot->st) == 0) {
            q->st = slot->st;
            q->touched = &slot->touched;
            return;
        }
        if (slot->text == text) {
            break;
        }
        if (!slot->text) {
            slot->st = prepare(q, text);
            slot->text = slot->st ? text : NULL;
            slot->touched = q->sql->preparing;
            q->st = slot->st;
            q->touched = &slot->touched;
            return;
        }
    }
    invariant(q->sql->slots[at].text == text); /* else there are more texts than places */
    q->st = prepare(q, text);
    q->touched = &q->sql->slots[at].touched;
    q->own = true;
}

/* How long what is bound stays where it is: to the end of a query that is over within the call, or else it is
 * copied. */
enum bound { BOUND_HERE, BOUND_COPIED };

static int bind_span(sqlite3_stmt *st, int at, struct span b, bool nullable, enum bound bound)
{
    if (!b.ptr) {
        return nullable ? sqlite3_bind_null(st, at) : sqlite3_bind_zeroblob(st, at, 0);
    }
    return sqlite3_bind_blob64(st, at, b.ptr, b.len,
                               bound == BOUND_COPIED ? SQLITE_TRANSIENT : SQLITE_STATIC);
}

static void start(struct query *q, struct sql *s, enum bound bound, const char *text, const char *types,
                  va_list args)
{
    *q = (struct query){.sql = s};
    take_statement(q, text);
    q->changes_before = sqlite3_total_changes64(s->db);
    if (q->changes_before != s->changes_seen) { /* somebody wrote past this module */
        sql_all_stale(&s->watches);
        s->changes_seen = q->changes_before;
    }
    sql_reads(&s->watches, &q->touched->reads);
    for (int at = 1; q->failed == ST_OK && types[at - 1]; at++) {
        int rc = SQLITE_MISUSE;
        switch (types[at - 1]) {
        case 'b':
        case 'o':
            rc = bind_span(q->st, at, va_arg(args, struct span), types[at - 1] == 'o', bound);
            break;
        case 'i':
            rc = sqlite3_bind_int64(q->st, at, va_arg(args, int64_t));
            break;
        case 't':
            rc = sqlite3_bind_text(q->st, at, va_arg(args, const char *), -1,
                                   bound == BOUND_COPIED ? SQLITE_TRANSIENT : SQLITE_STATIC);
            break;
        default:
            break;
        }
        invariant(rc != SQLITE_MISUSE && rc != SQLITE_RANGE);
        if (rc != SQLITE_OK) {
            q->failed = status_of(q->sql, rc);
        }
    }
}

void query_start(struct query *q, struct sql *s, const char *text, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    start(q, s, BOUND_COPIED, text, types, args);
    va_end(args);
}

bool query_next(struct query *q)
{
    if (q->failed != ST_OK) {
        return false;
    }
    int rc = sqlite3_step(q->st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        q->failed = status_of(q->sql, rc);
    }
    return rc == SQLITE_ROW;
}

int64_t query_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->st, column);
}

bool query_null(const struct query *q, int column)
{
    return sqlite3_column_type(q->st, column) == SQLITE_NULL;
}

struct span query_blob(const struct query *q, int column)
{
    const void *p = sqlite3_column_blob(q->st, column);
    return SPAN_OF(p, (size_t)sqlite3_column_bytes(q->st, column));
}

const char *query_text(const struct query *q, int column)
{
    const char *t = (const char *)sqlite3_column_text(q->st, column);
    return t ? t : "";
}

void query_fixed(struct query *q, int column, uint8_t *out, size_t len)
{
    struct span b = query_blob(q, column);
    if (b.len == len) {
        memcpy(out, b.ptr, len);
    } else {
        memset(out, 0, len);
        query_fail(q, ST_STORE_ROW);
    }
}

void query_fail(struct query *q, enum status why)
{
    if (q->failed == ST_OK) {
        q->failed = why;
    }
}

static void note_changes(struct query *q)
{
    struct sql *s = q->sql;
    s->changes_seen = sqlite3_total_changes64(s->db);
    if (s->changes_seen != q->changes_before) {
        sql_written(&s->watches, q->touched);
    }
}

enum status query_end(struct query *q)
{
    if (q->own) {
        sqlite3_finalize(q->st);
    } else if (q->st) {
        sqlite3_reset(q->st);
        sqlite3_clear_bindings(q->st);
    }
    q->st = NULL;
    note_changes(q); /* of a RETURNING they are counted now */
    return q->failed;
}

enum status sql_run(struct sql *s, const char *text, const char *types, ...)
{
    struct query q;
    va_list args;
    va_start(args, types);
    start(&q, s, BOUND_HERE, text, types, args);
    va_end(args);
    while (query_next(&q)) { /* PRAGMA and RETURNING give rows that nobody wants */
    }
    return query_end(&q);
}

enum status sql_number(struct sql *s, int64_t *out, int64_t missing, const char *text, const char *types, ...)
{
    struct query q;
    va_list args;
    va_start(args, types);
    start(&q, s, BOUND_HERE, text, types, args);
    va_end(args);
    *out = missing;
    if (query_next(&q) && !query_null(&q, 0)) {
        *out = query_int(&q, 0);
    }
    return query_end(&q);
}

enum status sql_bytes(struct sql *s, struct buffer *out, bool *found, const char *text, const char *types,
                      ...)
{
    struct query q;
    va_list args;
    va_start(args, types);
    start(&q, s, BOUND_HERE, text, types, args);
    va_end(args);
    *found = query_next(&q);
    if (*found) {
        query_fail(&q, buffer_append(out, query_blob(&q, 0)));
    }
    return query_end(&q);
}
