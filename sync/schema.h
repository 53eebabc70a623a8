/* SPDX-License-Identifier: Apache-2.0 */
/* The device's database: its tables, and the steps from one version to the next. */
#ifndef KITH_SYNC_SCHEMA_H
#define KITH_SYNC_SCHEMA_H

#include "sync/sql.h"

enum schema_limits {
    SCHEMA_VERSION = 34,     /* the number of steps */
    SCHEMA_BEFORE_SEARCH = 8 /* that does not know sync/search.h yet */
};

/* Prepares the connection (vault_prepare) and brings the file to SCHEMA_VERSION. ST_STORE_NEWER
 * and ST_STORE_FOREIGN leave the file untouched. */
enum status schema_open(struct sql *s) MUST_USE;
/* Only the steps up to `version`, of a database that is prepared: so tests get one of an older version. */
enum status schema_make(struct sql *s, int version) MUST_USE;

#endif
