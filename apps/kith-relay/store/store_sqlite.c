/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants: (1) in_batch says that a transaction is open; it is begun by the first write of a batch and
 * ended by commit; (2) `touched` are the rows of logs that the open transaction appended to, each once; (3)
 * read and head run outside a transaction only, so they see what is durable. A log's row stays for
 * LOG_KEEP_MS after its last block came: were it to go with the blocks, the log would be numbered from 1
 * again under the same incarnation. */
#include "apps/kith-relay/store/store_sqlite.h"

#include <sqlite3.h>
#include <string.h>

#include "protocol/mem.h"

enum sqlite_limits {
    APPLICATION_ID = 0x4b724c79, /* "KrLy" */
    USER_VERSION = 1,
    HOUR_MS = 60 * 60 * 1000
};
#define LOG_KEEP_MS (INT64_C(400) * 24 * HOUR_MS)

static const char schema[] =
    "CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), incarnation BLOB NOT NULL) STRICT;"
    "CREATE TABLE log (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, head INTEGER NOT NULL,"
    " blocks INTEGER NOT NULL, last_hour INTEGER NOT NULL) STRICT;"
    "CREATE TABLE block (row INTEGER PRIMARY KEY, log INTEGER NOT NULL REFERENCES log (row), seq INTEGER NOT "
    "NULL,"
    " id BLOB NOT NULL, hour INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (log, seq), UNIQUE (log, id)) "
    "STRICT;";

enum query {
    Q_BEGIN,
    Q_COMMIT,
    Q_ROLLBACK,
    Q_LOG_FIND,
    Q_LOG_ADD,
    Q_LOG_GROW,
    Q_LOG_HEAD,
    Q_BLOCK_FIND,
    Q_BLOCK_ADD,
    Q_READ,
    Q_TRIM,
    Q_LOG_SHRINK,
    Q_OLDEST,
    Q_BLOCK_DROP,
    Q_LOGS_OLD,
    Q_COUNT
};

static const char *const sql[Q_COUNT] = {
    [Q_BEGIN] = "BEGIN IMMEDIATE",
    [Q_COMMIT] = "COMMIT",
    [Q_ROLLBACK] = "ROLLBACK",
    [Q_LOG_FIND] = "SELECT row, head, blocks FROM log WHERE id = ?1",
    [Q_LOG_ADD] = "INSERT INTO log (id, head, blocks, last_hour) VALUES (?1, 0, 0, 0)",
    [Q_LOG_GROW] = "UPDATE log SET head = ?2, blocks = blocks + 1, last_hour = ?3 WHERE row = ?1",
    [Q_LOG_HEAD] = "SELECT id, head FROM log WHERE row = ?1",
    [Q_BLOCK_FIND] = "SELECT seq FROM block WHERE log = ?1 AND id = ?2",
    [Q_BLOCK_ADD] = "INSERT INTO block (log, seq, id, hour, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
    [Q_READ] = ("SELECT b.seq, b.bytes FROM block b JOIN log l ON b.log = l.row"
                " WHERE l.id = ?1 AND b.seq > ?2 ORDER BY b.seq LIMIT ?3"),
    [Q_TRIM] = "DELETE FROM block WHERE log = ?1 AND seq <= ?2",
    [Q_LOG_SHRINK] = "UPDATE log SET blocks = blocks - ?2 WHERE row = ?1",
    [Q_OLDEST] = "SELECT row, log FROM block WHERE hour < ?1 AND row = (SELECT min(row) FROM block)",
    [Q_BLOCK_DROP] = "DELETE FROM block WHERE row = ?1",
    [Q_LOGS_OLD] = "DELETE FROM log WHERE blocks = 0 AND last_hour < ?1",
};

struct sqlite_store {
    sqlite3 *db;
    sqlite3_stmt *query[Q_COUNT];
    struct relay_incarnation incarnation;
    uint64_t logs, blocks;               /* with the open transaction's */
    uint64_t logs_before, blocks_before; /* without */
    bool in_batch, broken;               /* broken: a write of the batch failed, so the commit will undo it */
    size_t touched_count;
    int64_t touched[RELAY_BATCH_MAX];
    int64_t logs_swept_hour;
};

static enum status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_NOMEM:
        return ST_NO_MEMORY;
    default:
        return ST_RELAY_STORE_FAILED;
    }
}

/* ---- small steps ---- */

static sqlite3_stmt *start(struct sqlite_store *s, enum query q)
{
    sqlite3_stmt *stmt = s->query[q];
    (void)sqlite3_reset(stmt);
    return stmt;
}

static int bind_blob(sqlite3_stmt *stmt, int at, struct span bytes)
{
    return sqlite3_bind_blob(stmt, at, bytes.ptr, (int)bytes.len, SQLITE_STATIC);
}

/* One step; *row says whether there is a row, which is valid until the query's next start. */
static enum status step(sqlite3_stmt *stmt, bool *row)
{
    int rc = sqlite3_step(stmt);
    *row = rc == SQLITE_ROW;
    if (rc != SQLITE_ROW) {
        (void)sqlite3_reset(stmt);
    }
    return status_of(rc);
}

static enum status run(sqlite3_stmt *stmt)
{
    bool row;
    enum status st = step(stmt, &row);
    (void)sqlite3_reset(stmt);
    return st;
}

static enum status begin(struct sqlite_store *s)
{
    if (s->in_batch) {
        return s->broken ? ST_RELAY_STORE_FAILED : ST_OK;
    }
    enum status st = run(start(s, Q_BEGIN));
    if (st == ST_OK) {
        s->in_batch = true;
        s->broken = false;
        s->logs_before = s->logs;
        s->blocks_before = s->blocks;
        s->touched_count = 0;
    }
    return st;
}

static void undo(struct sqlite_store *s)
{
    if (!sqlite3_get_autocommit(s->db)) { /* some failures roll back by themselves */
        (void)sqlite3_step(start(s, Q_ROLLBACK));
        (void)sqlite3_reset(s->query[Q_ROLLBACK]);
    }
    s->in_batch = s->broken = false;
    s->logs = s->logs_before;
    s->blocks = s->blocks_before;
    s->touched_count = 0;
}

/* A failed write may have been half done, or have rolled back what was done before it: nothing of the batch
 * counts. */
static enum status breaks(struct sqlite_store *s, enum status st)
{
    s->broken = st != ST_OK;
    return st;
}

/* ---- append ---- */

struct log_row {
    int64_t row, head, blocks;
};

static enum status log_find(struct sqlite_store *s, const struct log_id *id, struct log_row *out)
{
    sqlite3_stmt *q = start(s, Q_LOG_FIND);
    bool row;
    *out = (struct log_row){0};
    (void)bind_blob(q, 1, SPAN_ID(id));
    enum status st = step(q, &row);
    if (row) {
        *out = (struct log_row){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                                sqlite3_column_int64(q, 2)};
        (void)sqlite3_reset(q);
    }
    return st;
}

static enum status block_find(struct sqlite_store *s, int64_t log, const struct block_id *id, uint64_t *seq)
{
    sqlite3_stmt *q = start(s, Q_BLOCK_FIND);
    bool row;
    *seq = 0;
    (void)sqlite3_bind_int64(q, 1, log);
    (void)bind_blob(q, 2, SPAN_ID(id));
    enum status st = step(q, &row);
    if (row) {
        *seq = (uint64_t)sqlite3_column_int64(q, 0);
        (void)sqlite3_reset(q);
    }
    return st;
}

static enum status block_add(struct sqlite_store *s, const struct store_append *a, const struct log_row *log)
{
    int64_t hour = a->wall_ms / HOUR_MS; /* no finer: retention needs no more */
    sqlite3_stmt *q = start(s, Q_BLOCK_ADD);
    (void)sqlite3_bind_int64(q, 1, log->row);
    (void)sqlite3_bind_int64(q, 2, log->head + 1);
    (void)bind_blob(q, 3, SPAN_ID(&a->id));
    (void)sqlite3_bind_int64(q, 4, hour);
    (void)bind_blob(q, 5, a->block);
    enum status st = run(q);
    if (st == ST_OK) {
        q = start(s, Q_LOG_GROW);
        (void)sqlite3_bind_int64(q, 1, log->row);
        (void)sqlite3_bind_int64(q, 2, log->head + 1);
        (void)sqlite3_bind_int64(q, 3, hour);
        st = run(q);
    }
    return st;
}

static void touch(struct sqlite_store *s, int64_t row)
{
    for (size_t i = 0; i < s->touched_count; i++) {
        if (s->touched[i] == row) {
            return;
        }
    }
    invariant(s->touched_count < RELAY_BATCH_MAX);
    s->touched[s->touched_count++] = row;
}

static enum status append_new(struct sqlite_store *s, const struct store_append *a, struct log_row *log,
                              bool *created)
{
    enum status st = ST_OK;
    *created = log->row == 0;
    if (*created) {
        sqlite3_stmt *q = start(s, Q_LOG_ADD);
        (void)bind_blob(q, 1, SPAN_ID(&a->log));
        st = run(q);
        log->row = sqlite3_last_insert_rowid(s->db);
    }
    return st == ST_OK ? block_add(s, a, log) : st;
}

static enum status store_append(void *store, const struct store_append *a, struct store_appended *out)
{
    struct sqlite_store *s = store;
    struct log_row log;
    uint64_t seq = 0;
    *out = (struct store_appended){0};
    enum status st = begin(s);
    if (st == ST_OK) {
        st = log_find(s, &a->log, &log);
    }
    if (st == ST_OK && log.row != 0) {
        st = block_find(s, log.row, &a->id, &seq);
    }
    if (st != ST_OK) {
        return st;
    }
    if (seq != 0) {
        *out = (struct store_appended){.seq = seq, .duplicate = true};
        return ST_OK;
    }
    if (log.row == 0 && !a->may_create) {
        return ST_RELAY_LOGS_LIMIT;
    }
    if (log.blocks >= a->log_blocks_max) {
        return ST_RELAY_LOG_FULL;
    }
    bool created;
    st = append_new(s, a, &log, &created);
    if (st != ST_OK) {
        return breaks(s, st);
    }
    touch(s, log.row);
    s->logs += created;
    s->blocks++;
    *out = (struct store_appended){.seq = (uint64_t)log.head + 1, .created = created};
    return ST_OK;
}

/* ---- commit ---- */

static enum status collect(struct sqlite_store *s, struct log_heads *grown)
{
    for (size_t i = 0; i < s->touched_count; i++) {
        sqlite3_stmt *q = start(s, Q_LOG_HEAD);
        bool row;
        (void)sqlite3_bind_int64(q, 1, s->touched[i]);
        enum status st = step(q, &row);
        if (st != ST_OK || !row || sqlite3_column_bytes(q, 0) != ID_LEN) {
            return st != ST_OK ? st : ST_RELAY_STORE_FAILED;
        }
        struct log_head *head = &grown->at[grown->count++];
        memcpy(head->log.b, sqlite3_column_blob(q, 0), ID_LEN);
        head->seq = (uint64_t)sqlite3_column_int64(q, 1);
        (void)sqlite3_reset(q);
    }
    return ST_OK;
}

static enum status store_commit(void *store, struct log_heads *grown)
{
    struct sqlite_store *s = store;
    grown->count = 0;
    if (!s->in_batch) {
        return ST_OK;
    }
    enum status st = s->broken ? ST_RELAY_STORE_FAILED : collect(s, grown);
    if (st == ST_OK) {
        st = run(start(s, Q_COMMIT));
    }
    if (st != ST_OK) {
        grown->count = 0;
        undo(s);
        return st;
    }
    s->in_batch = false;
    s->touched_count = 0;
    return ST_OK;
}

/* ---- reading ---- */

static enum status store_read(void *store, const struct log_id *l, uint64_t after_seq, struct block_list *out)
{
    struct sqlite_store *s = store;
    sqlite3_stmt *q = start(s, Q_READ);
    bool row;
    out->count = 0;
    out->bytes.len = 0;
    if (after_seq > INT64_MAX) {
        return ST_OK;
    }
    (void)bind_blob(q, 1, SPAN_ID(l));
    (void)sqlite3_bind_int64(q, 2, (int64_t)after_seq);
    (void)sqlite3_bind_int64(q, 3, (int64_t)out->max);
    enum status st = step(q, &row);
    while (st == ST_OK && row && out->count < RELAY_READ_MAX) {
        const void *bytes = sqlite3_column_blob(q, 1);
        bool whole = bytes != NULL && sqlite3_column_bytes(q, 1) == BLOCK_LEN;
        st = whole ? buffer_append(&out->bytes, SPAN_OF(bytes, BLOCK_LEN)) : ST_RELAY_STORE_FAILED;
        if (st == ST_OK) {
            out->seq[out->count++] = (uint64_t)sqlite3_column_int64(q, 0);
            st = step(q, &row);
        }
    }
    (void)sqlite3_reset(q);
    if (st != ST_OK) {
        out->count = 0;
        out->bytes.len = 0;
    }
    return st;
}

static enum status store_head(void *store, const struct log_id *l, uint64_t *seq)
{
    struct log_row log;
    enum status st = log_find(store, l, &log);
    *seq = (uint64_t)log.head;
    return st;
}

/* ---- what goes ---- */

static enum status shrink(struct sqlite_store *s, int64_t row, int64_t gone)
{
    sqlite3_stmt *q = start(s, Q_LOG_SHRINK);
    (void)sqlite3_bind_int64(q, 1, row);
    (void)sqlite3_bind_int64(q, 2, gone);
    enum status st = run(q);
    if (st == ST_OK) {
        s->blocks -= (uint64_t)gone;
    }
    return st;
}

static enum status store_trim(void *store, const struct log_id *l, uint64_t up_to_seq)
{
    struct sqlite_store *s = store;
    struct log_row log;
    enum status st = begin(s);
    if (st == ST_OK) {
        st = log_find(s, l, &log);
    }
    if (st != ST_OK || log.row == 0) {
        return st;
    }
    sqlite3_stmt *q = start(s, Q_TRIM);
    (void)sqlite3_bind_int64(q, 1, log.row);
    (void)sqlite3_bind_int64(q, 2, up_to_seq > INT64_MAX ? INT64_MAX : (int64_t)up_to_seq);
    st = run(q);
    return breaks(s, st == ST_OK ? shrink(s, log.row, sqlite3_changes(s->db)) : st);
}

static enum status drop_oldest(struct sqlite_store *s, int64_t before_hour, bool *gone)
{
    sqlite3_stmt *q = start(s, Q_OLDEST);
    (void)sqlite3_bind_int64(q, 1, before_hour);
    enum status st = step(q, gone);
    if (st != ST_OK || !*gone) {
        return st;
    }
    int64_t block = sqlite3_column_int64(q, 0), log = sqlite3_column_int64(q, 1);
    (void)sqlite3_reset(q);
    q = start(s, Q_BLOCK_DROP);
    (void)sqlite3_bind_int64(q, 1, block);
    st = run(q);
    return st == ST_OK ? shrink(s, log, 1) : st;
}

/* Once an hour: rows of logs that have been empty for long. */
static enum status drop_logs(struct sqlite_store *s, int64_t hour)
{
    if (hour == s->logs_swept_hour) {
        return ST_OK;
    }
    sqlite3_stmt *q = start(s, Q_LOGS_OLD);
    (void)sqlite3_bind_int64(q, 1, hour - LOG_KEEP_MS / HOUR_MS);
    enum status st = run(q);
    if (st == ST_OK) {
        s->logs -= (uint64_t)sqlite3_changes(s->db);
        s->logs_swept_hour = hour;
    }
    return st;
}

static enum status store_expire(void *store, int64_t before_ms, size_t blocks_max, size_t *gone)
{
    struct sqlite_store *s = store;
    bool more = true;
    *gone = 0;
    enum status st = begin(s);
    if (st == ST_OK) {
        st = drop_logs(s, before_ms / HOUR_MS);
    }
    while (st == ST_OK && more && *gone < blocks_max) {
        st = drop_oldest(s, before_ms / HOUR_MS, &more);
        *gone += st == ST_OK && more;
    }
    return breaks(s, st);
}

static void store_stat(void *store, struct store_stat *out)
{
    const struct sqlite_store *s = store;
    *out = (struct store_stat){s->incarnation, s->logs, s->blocks};
}

static void store_close(void *store)
{
    struct sqlite_store *s = store;
    if (s->in_batch) {
        undo(s);
    }
    for (int q = 0; q < Q_COUNT; q++) {
        (void)sqlite3_finalize(s->query[q]);
    }
    (void)sqlite3_close(s->db);
    mem_free(s, sizeof(*s));
}

static const struct relay_store_ops sqlite_ops = {
    .append = store_append,
    .commit = store_commit,
    .read = store_read,
    .head = store_head,
    .trim = store_trim,
    .expire = store_expire,
    .stat = store_stat,
    .close = store_close,
};

/* ---- opening ---- */

static enum status get_int(sqlite3 *db, const char *text, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    enum status st = status_of(sqlite3_prepare_v2(db, text, -1, &q, NULL));
    if (st == ST_OK) {
        st = step(q, &row);
    }
    *out = row ? sqlite3_column_int64(q, 0) : 0;
    (void)sqlite3_finalize(q);
    return st;
}

static enum status make_schema(sqlite3 *db, struct entropy *e)
{
    struct relay_incarnation incarnation;
    sqlite3_stmt *q = NULL;
    char *pragmas =
        sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID, USER_VERSION);
    if (pragmas == NULL) {
        return ST_NO_MEMORY;
    }
    entropy_fill(e, incarnation.b, sizeof(incarnation.b));
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    rc = rc == SQLITE_OK ? sqlite3_exec(db, schema, NULL, NULL, NULL) : rc;
    rc = rc == SQLITE_OK ? sqlite3_prepare_v2(db, "INSERT INTO store VALUES (1, ?1)", -1, &q, NULL) : rc;
    if (rc == SQLITE_OK) {
        (void)bind_blob(q, 1, SPAN(incarnation.b));
        rc = sqlite3_step(q) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(db);
    }
    (void)sqlite3_finalize(q);
    rc = rc == SQLITE_OK ? sqlite3_exec(db, pragmas, NULL, NULL, NULL) : rc;
    rc = rc == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : rc;
    sqlite3_free(pragmas);
    return status_of(rc);
}

static enum status check_schema(sqlite3 *db, struct entropy *e)
{
    int64_t application, version, tables;
    enum status st = get_int(db, "PRAGMA application_id", &application);
    st = st == ST_OK ? get_int(db, "PRAGMA user_version", &version) : st;
    st = st == ST_OK ? get_int(db, "SELECT count(*) FROM sqlite_schema", &tables) : st;
    if (st != ST_OK) {
        return st;
    }
    if (application == 0 && version == 0 && tables == 0) {
        return make_schema(db, e);
    }
    if (application != APPLICATION_ID) {
        return ST_STORE_FOREIGN;
    }
    return version > USER_VERSION ? ST_STORE_NEWER : ST_OK;
}

static enum status load(struct sqlite_store *s)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    int64_t logs = 0, blocks = 0;
    for (int i = 0; i < Q_COUNT; i++) {
        if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->query[i], NULL) !=
            SQLITE_OK) {
            return ST_STORE_OPEN;
        }
    }
    enum status st = get_int(s->db, "SELECT count(*) FROM log", &logs);
    st = st == ST_OK ? get_int(s->db, "SELECT total(blocks) FROM log", &blocks) : st;
    s->logs = (uint64_t)logs;
    s->blocks = (uint64_t)blocks;
    if (st == ST_OK) {
        st = status_of(sqlite3_prepare_v2(s->db, "SELECT incarnation FROM store", -1, &q, NULL));
    }
    if (st == ST_OK) {
        st = step(q, &row);
    }
    bool whole = row && sqlite3_column_bytes(q, 0) == (int)sizeof(s->incarnation.b);
    if (whole) {
        memcpy(s->incarnation.b, sqlite3_column_blob(q, 0), sizeof(s->incarnation.b));
    }
    (void)sqlite3_finalize(q);
    return st == ST_OK && !whole ? ST_STORE_OPEN : st;
}

static enum status open_db(struct sqlite_store *s, const char *path, struct entropy *e)
{
    static const char pragmas[] =
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
        "PRAGMA cache_size = -16384; PRAGMA foreign_keys = OFF";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
        return ST_STORE_OPEN;
    }
    int64_t unused;
    /* look before anything is written: a foreign or newer file stays as it is */
    (void)sqlite3_exec(s->db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
    int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL);
    if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED) {
        return ST_STORE_BUSY;
    }
    if ((rc & 0xff) == SQLITE_NOTADB) {
        return ST_STORE_FOREIGN;
    }
    if (rc != SQLITE_OK || get_int(s->db, "SELECT count(*) FROM sqlite_schema", &unused) != ST_OK) {
        return ST_STORE_OPEN;
    }
    enum status st = check_schema(s->db, e);
    if (st == ST_OK && sqlite3_exec(s->db, pragmas, NULL, NULL, NULL) != SQLITE_OK) {
        st = ST_STORE_OPEN;
    }
    st = st == ST_OK ? load(s) : st;
    return st == ST_RELAY_STORE_FAILED ? ST_STORE_OPEN : st;
}

enum status store_sqlite_open(struct relay_store *out, const char *path, struct entropy *e)
{
    *out = (struct relay_store){0};
    struct sqlite_store *s = mem_alloc(1, sizeof(*s));
    if (s == NULL) {
        return ST_NO_MEMORY;
    }
    enum status st = open_db(s, path, e);
    if (st != ST_OK) {
        store_close(s);
        return st;
    }
    *out = (struct relay_store){&sqlite_ops, s};
    return ST_OK;
}
