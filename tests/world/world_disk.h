/* SPDX-License-Identifier: Apache-2.0 */
/* A device's disk in memory: an SQLite VFS that knows which bytes are synced. When the power goes, each write
 * since the last sync of its file is kept, lost or torn (a part of its sectors is there), each by chance; a
 * file that was never synced, or a deletion, may be undone. Bytes outside of a write never change, as SQLite
 * may assume of a disk (SQLITE_IOCAP_POWERSAFE_OVERWRITE).
 *
 * For one connection at a time in WAL mode with locking_mode = EXCLUSIVE, as device/vault.h opens it: there
 * is no shared memory and there are no locks. */
#ifndef KITH_TESTS_WORLD_DISK_H
#define KITH_TESTS_WORLD_DISK_H

#include <sqlite3.h>
#include <stdbool.h>

#include "protocol/status.h"
#include "tests/support/test_entropy.h"

enum world_disk_limits {
    WORLD_DISK_FILES_MAX = 4,
    WORLD_DISK_PATH_MAX = 32,
    WORLD_DISKS_MAX = 256,
    WORLD_DISK_SECTOR = 512 /* what is written as a whole or not at all */
};

struct world_disk;

struct world_disk *world_disk_new(void);
void world_disk_free(struct world_disk *d);
/* Opens `kith.db` on it, made when it is not there, and prepares it as the vault would. */
enum status world_disk_open(struct world_disk *d, sqlite3 **out) MUST_USE;
/* The path of its database, for ATTACH. */
void world_disk_path(const struct world_disk *d, char out[static WORLD_DISK_PATH_MAX]);
/* How often these bytes are in its files, as whoever takes them out of the machine sees them. */
size_t world_disk_find(const struct world_disk *d, const void *what, size_t len);
/* What is on it becomes what is on `from`, all of it synced. No connection may be open on either. */
void world_disk_copy(struct world_disk *to, const struct world_disk *from);

/* The power goes at the nth write, sync, truncation or deletion from now (from 1): it and everything after
 * fails. 0: not. */
void world_disk_fail_at(struct world_disk *d, unsigned nth);
/* After `after` more writes the disk is full until world_disk_room: a write fails, a part of it may be there.
 * With `grows_only` what does not make a file longer still goes, as on most file systems. Stays so when the
 * power goes. */
void world_disk_fill(struct world_disk *d, unsigned after, bool grows_only);
void world_disk_room(struct world_disk *d);
bool world_disk_failed(const struct world_disk *d); /* the power went */
/* After the connection is closed: what is left when the power comes back. */
void world_disk_power_back(struct world_disk *d, struct test_entropy *e);
/* Writes and syncs so far. */
uint64_t world_disk_operations(const struct world_disk *d);

typedef void (*world_see_file)(void *ctx, const char *name, const uint8_t *bytes, size_t len);
void world_disk_files(const struct world_disk *d, world_see_file see, void *ctx);

#endif
