/* SPDX-License-Identifier: Apache-2.0 */
#include "device/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* After locking_mode = EXCLUSIVE (vault_prepare): then WAL brings the lock of the home, and no -shm file. */
static const char *const pragmas =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA trusted_schema "
    "= OFF;";

enum status vault_status(int rc)
{
    switch (rc & 0xff) { /* the primary code of an extended one */
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ST_STORE_BUSY;
    case SQLITE_FULL:
        return ST_STORE_FULL;
    case SQLITE_NOTADB:
        return ST_STORE_FOREIGN;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
        return ST_STORE_OPEN;
    case SQLITE_NOMEM:
        return ST_NO_MEMORY;
    default:
        return ST_STORE_FAILED;
    }
}

static enum status run(sqlite3 *db, const char *sql)
{
    return vault_status(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static enum status number(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    *out = 0;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return vault_status(rc);
}

static enum status check_header(sqlite3 *db, int version_max)
{
    int64_t application, version, tables;
    enum status st = number(db, "PRAGMA application_id", &application);
    if (st == ST_OK)
        st = number(db, "PRAGMA user_version", &version);
    if (st == ST_OK)
        st = number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (st != ST_OK)
        return st;
    if (application != VAULT_APPLICATION_ID && (application != 0 || version != 0 || tables != 0))
        return ST_STORE_FOREIGN;
    return version > version_max ? ST_STORE_NEWER : ST_OK;
}

enum status vault_prepare(sqlite3 *db, int version_max)
{
    /* Reading takes the lock already and must not write: no checkpoint if we turn away. */
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    enum status st = run(db, "PRAGMA locking_mode = EXCLUSIVE");
    if (st == ST_OK)
        st = check_header(db, version_max);
    if (st == ST_OK)
        st = run(db, pragmas);
    if (st == ST_OK)
        st =
            run(db, "BEGIN IMMEDIATE; COMMIT"); /* holds the home from now on, also when nothing is written */
    if (st == ST_OK)
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return st;
}

/* ---- the home ---- */

/* Ours, of this type, and private: repairs the mode if it has to. */
static enum status make_private(const char *path, mode_t type, mode_t mode)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return errno == EACCES ? ST_STORE_MODE : ST_STORE_OPEN;
    if ((info.st_mode & S_IFMT) != type || info.st_uid != geteuid())
        return ST_STORE_MODE;
    if ((info.st_mode & 07777) == mode)
        return ST_OK;
    return chmod(path, mode) == 0 ? ST_OK : ST_STORE_MODE;
}

static enum status errno_status(int error)
{
    return error == ENOSPC || error == EDQUOT ? ST_STORE_FULL : ST_STORE_OPEN;
}

static enum status make_home(const char *home)
{
    if (mkdir(home, 0700) != 0 && errno != EEXIST)
        return errno_status(errno);
    return make_private(home, S_IFDIR, 0700);
}

/* Made here, not by SQLite, so that it is never readable by others, not even for a moment. An existing file
 * is not opened: closing it again would drop the locks of a connection in this process. */
static enum status make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno != EEXIST)
        return errno_status(errno);
    if (fd >= 0)
        close(fd);
    return make_private(path, S_IFREG, 0600);
}

enum status vault_open(sqlite3 **out, const char *home, int version_max)
{
    char path[VAULT_PATH_MAX];
    sqlite3 *db = NULL;
    *out = NULL;
    int len = snprintf(path, sizeof(path), "%s/kith.db", home);
    if (len < 0 || (size_t)len >= sizeof(path))
        return ST_STORE_OPEN;
    enum status st = make_home(home);
    if (st == ST_OK)
        st = make_file(path);
    if (st == ST_OK)
        st = vault_status(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    if (st == ST_OK)
        st = vault_prepare(db, version_max);
    if (st != ST_OK) {
        sqlite3_close(db);
        return st;
    }
    *out = db;
    return ST_OK;
}

/* ---- schema ---- */

static enum status run_step(sqlite3 *db, const struct vault_step *step)
{
    char mark[96];
    snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             VAULT_APPLICATION_ID, step->version);
    enum status st = run(db, "BEGIN IMMEDIATE");
    if (st == ST_OK)
        st = run(db, step->sql);
    if (st == ST_OK)
        st = run(db, mark);
    if (st == ST_OK)
        st = run(db, "COMMIT");
    /* After a full disk SQLite may have rolled back by itself. */
    if (st != ST_OK && !sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

enum status vault_migrate(sqlite3 *db, const struct vault_step *steps, size_t count)
{
    int64_t version;
    enum status st = number(db, "PRAGMA user_version", &version);
    for (size_t i = 0; st == ST_OK && i < count; i++)
        if (steps[i].version > version)
            st = run_step(db, &steps[i]);
    return st;
}
