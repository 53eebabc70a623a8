/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kithd/home_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Not blocking: a pipe or a device must not hold up the agent before it is refused. */
static enum status open_plain(const char *path, int *fd, struct node_file *out)
{
    struct stat s;
    memset(out, 0, sizeof(*out));
    *fd = path[0] == '/' ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    if (*fd >= 0 && fstat(*fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size >= 0) {
        out->size = (uint64_t)s.st_size;
        out->device = (uint64_t)s.st_dev;
        out->inode = (uint64_t)s.st_ino;
        out->modified_ns = ns_of(s.st_mtim);
        out->changed_ns = ns_of(s.st_ctim);
        return ST_OK;
    }
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return ST_FILE_SOURCE;
}

static enum status look(void *ctx, const char *path, struct node_file *out)
{
    int fd;
    (void)ctx;
    enum status s = open_plain(path, &fd, out);
    if (s == ST_OK)
        close(fd);
    return s;
}

static bool same_file(const struct node_file *a, const struct node_file *b)
{
    return a->size == b->size && a->device == b->device && a->inode == b->inode &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static bool read_all(int fd, uint64_t at, uint8_t *out, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, out + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* Looked at before and after: what was written meanwhile shows. */
static enum status read_part(void *ctx, const char *path, const struct node_file *same, uint64_t at,
                             uint8_t *out, size_t len)
{
    struct node_file before, after;
    int fd, again;
    (void)ctx;
    enum status s = open_plain(path, &fd, &before);
    if (s != ST_OK)
        return s;
    bool good = same_file(&before, same) && read_all(fd, at, out, len);
    close(fd);
    good = good && open_plain(path, &again, &after) == ST_OK;
    if (good)
        close(again);
    return good && same_file(&after, same) ? ST_OK : ST_FILE_CHANGED;
}

static uint64_t room(void *ctx)
{
    struct statvfs v;
    return statvfs(ctx, &v) == 0 ? (uint64_t)v.f_bavail * v.f_frsize : UINT64_MAX / 2;
}

void home_files(struct node_files *out, const char *home)
{
    *out = (struct node_files){.ctx = (void *)(uintptr_t)home, .look = look, .read = read_part, .room = room};
}
