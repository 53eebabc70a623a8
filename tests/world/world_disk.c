/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/vault.h"
#include "sync/schema.h"
#include "tests/support/test.h"

struct bytes {
    uint8_t *at;
    size_t len, cap;
};

struct change { /* since the last sync: bytes written at `from`, or a truncation to `from` */
    bool truncation;
    size_t from, len, data; /* data: where its bytes are in `written` */
};

struct file {
    char name[64];
    bool there, was_there; /* now; when the power goes */
    struct bytes now, synced, written;
    struct change *changes;
    size_t change_count, change_cap;
};

struct world_disk {
    size_t number;
    struct file files[WORLD_DISK_FILES_MAX];
    unsigned fail_at, full_after;
    bool failed, full, grows_only;
    uint64_t operations;
};

static struct world_disk *disks[WORLD_DISKS_MAX];

/* ---- bytes and changes ---- */

static void bytes_resize(struct bytes *b, size_t len)
{
    if (len > b->cap) {
        b->cap = len * 2 > 4096 ? len * 2 : 4096;
        b->at = realloc(b->at, b->cap);
        assert_non_null(b->at);
    }
    if (len > b->len)
        memset(b->at + b->len, 0, len - b->len);
    b->len = len;
}

static void bytes_put(struct bytes *b, size_t at, const void *from, size_t len)
{
    if (at + len > b->len)
        bytes_resize(b, at + len);
    memcpy(b->at + at, from, len);
}

static void bytes_set(struct bytes *b, const struct bytes *from)
{
    b->len = 0;
    if (from->len > 0)
        bytes_put(b, 0, from->at, from->len);
}

static void change_add(struct file *f, const struct change *c, const void *from)
{
    if (f->change_count == f->change_cap) {
        f->change_cap = f->change_cap * 2 + 16;
        f->changes = realloc(f->changes, f->change_cap * sizeof(*f->changes));
        assert_non_null(f->changes);
    }
    struct change *kept = &f->changes[f->change_count++];
    *kept = *c;
    kept->data = f->written.len;
    if (!c->truncation)
        bytes_put(&f->written, f->written.len, from, c->len);
}

static void change_make(struct file *f, const struct change *c, size_t from, size_t to)
{
    if (c->truncation)
        bytes_resize(&f->synced, c->from);
    else if (to > from)
        bytes_put(&f->synced, c->from + from, f->written.at + c->data + from, to - from);
}

static void changes_forget(struct file *f)
{
    f->change_count = f->written.len = 0;
}

/* ---- operations that the power may interrupt ---- */

static int operation(struct world_disk *d)
{
    d->operations++;
    if (d->fail_at > 0 && --d->fail_at == 0)
        d->failed = true;
    return d->failed ? SQLITE_IOERR : SQLITE_OK;
}

static bool has_room(struct world_disk *d, const struct file *f, const struct change *c)
{
    if (d->full && d->full_after > 0 && d->full_after-- > 0)
        return true;
    return !d->full || (d->grows_only && c->from + c->len <= f->now.len);
}

/* The folder is synced: what is in it now is in it when the power goes. */
static void sync_folder(struct world_disk *d)
{
    for (size_t i = 0; i < WORLD_DISK_FILES_MAX; i++)
        d->files[i].was_there = d->files[i].there;
}

/* ---- an open file ---- */

struct handle {
    sqlite3_file base;
    struct world_disk *disk;
    struct file *file;
};

static int file_close(sqlite3_file *h)
{
    (void)h;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *to, int len, sqlite3_int64 at)
{
    const struct handle *h = (const struct handle *)base;
    const struct bytes *b = &h->file->now;
    size_t want = (size_t)len, from = (size_t)at, have = from < b->len ? b->len - from : 0;
    if (h->disk->failed)
        return SQLITE_IOERR_READ;
    if (have >= want) {
        memcpy(to, b->at + from, want);
        return SQLITE_OK;
    }
    if (have > 0)
        memcpy(to, b->at + from, have);
    memset((uint8_t *)to + have, 0, want - have);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *from, int len, sqlite3_int64 at)
{
    const struct handle *h = (const struct handle *)base;
    struct change c = {.from = (size_t)at, .len = (size_t)len};
    bool alive = !h->disk->failed;
    int rc = operation(h->disk);
    if (rc == SQLITE_OK && !has_room(h->disk, h->file, &c)) {
        c.len = c.len / 2 / WORLD_DISK_SECTOR * WORLD_DISK_SECTOR;
        bytes_put(&h->file->now, c.from, from, c.len);
        change_add(h->file, &c, from);
        return SQLITE_FULL;
    }
    if (rc == SQLITE_OK || (alive && h->disk->failed)) { /* the write in which the power goes may be there */
        bytes_put(&h->file->now, c.from, from, c.len);
        change_add(h->file, &c, from);
    }
    return rc;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 len)
{
    const struct handle *h = (const struct handle *)base;
    const struct change c = {.truncation = true, .from = (size_t)len};
    int rc = operation(h->disk);
    if (rc == SQLITE_OK) {
        bytes_resize(&h->file->now, c.from);
        change_add(h->file, &c, NULL);
    }
    return rc;
}

static int file_sync(sqlite3_file *base, int flags)
{
    const struct handle *h = (const struct handle *)base;
    struct file *f = h->file;
    int rc = operation(h->disk);
    (void)flags;
    if (rc != SQLITE_OK)
        return rc;
    for (size_t i = 0; i < f->change_count; i++)
        change_make(f, &f->changes[i], 0, f->changes[i].len);
    changes_forget(f);
    if (!f->was_there) /* SQLite's own VFS syncs the folder with a new file */
        sync_folder(h->disk);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const struct handle *)base)->file->now.len;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level)
{
    (void)base;
    (void)level;
    return SQLITE_OK;
}

static int file_reserved(sqlite3_file *base, int *out)
{
    (void)base;
    *out = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

static int file_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* no shared memory: WAL works in exclusive mode only, as the vault has it */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_characteristics,
};

/* ---- the disks: "/<number>/<name>" ---- */

static struct file *find_file(struct world_disk *d, const char *name, bool make)
{
    struct file *room = NULL;
    for (size_t i = 0; i < WORLD_DISK_FILES_MAX; i++) {
        struct file *f = &d->files[i];
        if (strcmp(f->name, name) == 0)
            return f;
        if (room == NULL && f->name[0] == '\0')
            room = f;
    }
    if (!make)
        return NULL;
    assert_non_null(room);
    snprintf(room->name, sizeof(room->name), "%s", name);
    return room;
}

static struct world_disk *find_disk(const char *path, const char **name)
{
    char *end = NULL;
    assert_true(path != NULL && path[0] == '/');
    size_t number = strtoul(path + 1, &end, 10);
    assert_true(number < WORLD_DISKS_MAX && *end == '/' && disks[number] != NULL);
    *name = end + 1;
    return disks[number];
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags)
{
    struct handle *h = (struct handle *)base;
    const char *name;
    (void)vfs;
    h->base.pMethods = NULL;
    struct world_disk *d = find_disk(path, &name);
    struct file *f = find_file(d, name, (flags & SQLITE_OPEN_CREATE) != 0);
    if (d->failed || f == NULL || (!f->there && (flags & SQLITE_OPEN_CREATE) == 0))
        return SQLITE_CANTOPEN;
    if (!f->there) {
        f->now.len = 0;
        changes_forget(f);
        f->synced.len = 0;
        f->was_there = false;
    }
    f->there = true;
    *h = (struct handle){{&methods}, d, f};
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int folder_too)
{
    const char *name;
    (void)vfs;
    struct world_disk *d = find_disk(path, &name);
    struct file *f = find_file(d, name, false);
    int rc = operation(d);
    if (rc != SQLITE_OK)
        return rc;
    if (f == NULL || !f->there)
        return SQLITE_IOERR_DELETE_NOENT;
    f->there = false;
    if (folder_too != 0)
        sync_folder(d);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    const char *name;
    (void)vfs;
    (void)flags;
    struct world_disk *d = find_disk(path, &name);
    const struct file *f = find_file(d, name, false);
    *out = f != NULL && f->there;
    return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *path, int cap, char *out)
{
    (void)vfs;
    snprintf(out, (size_t)cap, "%s", path);
    return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    for (int i = 0; i < len; i++)
        out[i] = (char)(i * 7 + 1); /* seeds SQLite's own generator: the same in every run */
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    *out = 2461407.5; /* nothing in a node asks SQLite for the time */
    return SQLITE_OK;
}

static sqlite3_vfs world_vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct handle),
    .mxPathname = 128,
    .zName = "world disk",
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_name,
    .xRandomness = vfs_random,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_time,
};

/* ---- a disk ---- */

struct world_disk *world_disk_new(void)
{
    struct world_disk *d = calloc(1, sizeof(*d));
    assert_non_null(d);
    assert_int_equal(sqlite3_vfs_register(&world_vfs, 1), SQLITE_OK);
    while (d->number < WORLD_DISKS_MAX && disks[d->number] != NULL)
        d->number++;
    assert_true(d->number < WORLD_DISKS_MAX);
    disks[d->number] = d;
    return d;
}

void world_disk_free(struct world_disk *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < WORLD_DISK_FILES_MAX; i++) {
        free(d->files[i].now.at);
        free(d->files[i].synced.at);
        free(d->files[i].written.at);
        free(d->files[i].changes);
    }
    disks[d->number] = NULL;
    free(d);
}

void world_disk_path(const struct world_disk *d, char out[static WORLD_DISK_PATH_MAX])
{
    snprintf(out, WORLD_DISK_PATH_MAX, "/%zu/kith.db", d->number);
}

size_t world_disk_find(const struct world_disk *d, const void *what, size_t len)
{
    size_t found = 0;
    for (size_t i = 0; i < WORLD_DISK_FILES_MAX; i++) {
        const struct bytes *b = &d->files[i].now;
        for (size_t at = 0; d->files[i].there && at + len <= b->len; at++)
            found += memcmp(b->at + at, what, len) == 0;
    }
    return found;
}

enum status world_disk_open(struct world_disk *d, sqlite3 **out)
{
    char path[WORLD_DISK_PATH_MAX];
    sqlite3 *db = NULL;
    *out = NULL;
    world_disk_path(d, path);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    enum status st = vault_status(sqlite3_open_v2(path, &db, flags, world_vfs.zName));
    if (st == ST_OK)
        st = vault_prepare(db, SCHEMA_VERSION);
    if (st != ST_OK) {
        sqlite3_close(db);
        return st;
    }
    *out = db;
    return ST_OK;
}

void world_disk_copy(struct world_disk *to, const struct world_disk *from)
{
    for (size_t i = 0; i < WORLD_DISK_FILES_MAX; i++) {
        struct file *f = &to->files[i];
        memcpy(f->name, from->files[i].name, sizeof(f->name));
        f->there = f->was_there = from->files[i].there;
        bytes_set(&f->now, &from->files[i].now);
        bytes_set(&f->synced, &from->files[i].now);
        changes_forget(f);
    }
}

void world_disk_fail_at(struct world_disk *d, unsigned nth)
{
    d->fail_at = nth;
}

void world_disk_fill(struct world_disk *d, unsigned after, bool grows_only)
{
    d->full = true;
    d->full_after = after;
    d->grows_only = grows_only;
}

void world_disk_room(struct world_disk *d)
{
    d->full = false;
}

bool world_disk_failed(const struct world_disk *d)
{
    return d->failed;
}

/* A write that was under way: kept, lost, or only from or up to some sector. */
static void make_by_chance(struct file *f, const struct change *c, struct test_entropy *e)
{
    uint64_t fate = test_entropy_below(e, 4);
    size_t cut = c->len / WORLD_DISK_SECTOR;
    cut = cut > 0 ? (size_t)test_entropy_below(e, cut + 1) * WORLD_DISK_SECTOR : 0;
    if (fate == 0 || (fate > 1 && c->truncation))
        return;
    if (fate == 1)
        change_make(f, c, 0, c->len);
    else if (fate == 2)
        change_make(f, c, 0, cut);
    else
        change_make(f, c, cut, c->len);
}

void world_disk_power_back(struct world_disk *d, struct test_entropy *e)
{
    for (size_t i = 0; i < WORLD_DISK_FILES_MAX; i++) {
        struct file *f = &d->files[i];
        for (size_t k = 0; k < f->change_count; k++)
            make_by_chance(f, &f->changes[k], e);
        changes_forget(f);
        if (f->there != f->was_there && f->name[0] != '\0')
            f->there = test_entropy_below(e, 2) == 0;
        f->was_there = f->there;
        bytes_set(&f->now, &f->synced);
    }
    d->failed = false;
    d->fail_at = 0;
}

uint64_t world_disk_operations(const struct world_disk *d)
{
    return d->operations;
}

void world_disk_files(const struct world_disk *d, world_see_file see, void *ctx)
{
    for (size_t i = 0; i < WORLD_DISK_FILES_MAX; i++) {
        if (d->files[i].there)
            see(ctx, d->files[i].name, d->files[i].now.at, d->files[i].now.len);
    }
}
