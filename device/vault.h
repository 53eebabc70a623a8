/* SPDX-License-Identifier: Apache-2.0 */
/* A device's home on disk: a folder (mode 0700) with the database `kith.db` (0600), held by one process at a
 * time.
 *
 * Secrets in it are protected by these modes alone in this version: whoever can read the files can act as the
 * device. Not pure: opens files. The connection belongs to one thread. */
#ifndef KITH_DEVICE_VAULT_H
#define KITH_DEVICE_VAULT_H

#include <sqlite3.h>
#include <stddef.h>

#include "protocol/status.h"

enum vault_limits {
    VAULT_APPLICATION_ID = 0x4b697468, /* "Kith", in the database's header */
    VAULT_PATH_MAX = 4096
};

struct vault_step { /* one step of the schema; versions rise by one from 1 */
    int version;
    const char *sql;
};

/* Opens the home's database, making folder and file where there are none. Nothing but the file modes is
 * changed in what is there already. ST_STORE_BUSY: another process holds it. ST_STORE_MODE: the folder or
 * file is somebody else's, or cannot be made private. ST_STORE_FOREIGN: another program's database.
 * ST_STORE_NEWER: of a version over version_max; the file is untouched. ST_STORE_FULL, ST_STORE_OPEN. */
enum status vault_open(sqlite3 **out, const char *home, int version_max) MUST_USE;
/* Checks the header and sets the pragmas (interfaces.md) on any connection, also one in memory: the caller's
 * db stays open on failure. vault_open has done it. */
enum status vault_prepare(sqlite3 *db, int version_max) MUST_USE;
/* Runs the steps over the database's version, each in a transaction with its version number. A step that
 * fails leaves the database at the one before: ST_STORE_*. */
enum status vault_migrate(sqlite3 *db, const struct vault_step *steps, size_t count) MUST_USE;
/* Of an SQLite result code: ST_OK for OK, ROW and DONE; ST_STORE_FULL, ST_STORE_BUSY, ST_STORE_OPEN,
 * ST_NO_MEMORY, ST_STORE_FAILED. */
enum status vault_status(int rc);

#endif
