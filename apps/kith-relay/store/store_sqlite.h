/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's store on SQLite: one file, WAL, one transaction a batch, on disk before the answer goes out. */
#ifndef KITH_RELAY_STORE_SQLITE_H
#define KITH_RELAY_STORE_SQLITE_H

#include "apps/kith-relay/core/relay_store.h"
#include "protocol/entropy.h"

/* Opens or makes the file. `e` gives a new file its incarnation. ST_STORE_BUSY: another process has it;
 * ST_STORE_NEWER, ST_STORE_FOREIGN: untouched; ST_STORE_OPEN: anything else. */
enum status store_sqlite_open(struct relay_store *out, const char *path, struct entropy *e) MUST_USE;

#endif
