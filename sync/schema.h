/* SPDX-License-Identifier: Apache-2.0 */
/* The device's database: its tables, and the steps from one version to the next. */
#ifndef KITH_SYNC_SCHEMA_H
#define KITH_SYNC_SCHEMA_H

#include "sync/sql.h"

enum schema_limits {
    SCHEMA_APPLICATION_ID = 0x4b697468, /* "Kith": tells our files from others' */
    SCHEMA_VERSION = 1
};

/* Sets the connection's pragmas and brings the file to SCHEMA_VERSION, one transaction a step. ST_STORE_NEWER
 * and ST_STORE_FOREIGN leave the file untouched. */
enum status schema_open(struct sql *s) MUST_USE;

#endif
