/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith-relay/relay_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_LEN = 2 * SECRET_LEN + 1 }; /* with the line's end */

static enum status fail(int why)
{
    errno = why;
    return ST_RELAY_DATA;
}

enum status relay_data_dir(const char *dir)
{
    struct stat info;
    if (mkdir(dir, 0700) == 0) {
        return ST_OK;
    }
    if (errno != EEXIST) {
        return ST_RELAY_DATA;
    }
    return stat(dir, &info) == 0 && S_ISDIR(info.st_mode) ? ST_OK : fail(ENOTDIR);
}

static enum status read_secret(int fd, struct secret *out)
{
    char text[TEXT_LEN + 1];
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return ST_RELAY_DATA;
    }
    if ((info.st_mode & 077) != 0) {
        return fail(EPERM);
    }
    ssize_t len = read(fd, text, sizeof(text));
    if (len < 0) {
        return ST_RELAY_DATA;
    }
    bool good = len == TEXT_LEN && text[TEXT_LEN - 1] == '\n' &&
                hex_decode(out->b, sizeof(out->b), text, TEXT_LEN - 1) == ST_OK;
    bytes_wipe(text, sizeof(text));
    return good ? ST_OK : fail(EINVAL);
}

/* Under another name first, so that a crash leaves no half a key. */
static enum status make_secret(const char *dir, const char *path, const struct secret *secret)
{
    char text[TEXT_LEN + 1], fresh[RELAY_PATH_MAX + 8];
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    hex_encode(text, SPAN_ID(secret));
    text[TEXT_LEN - 1] = '\n';
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text, TEXT_LEN) == TEXT_LEN && fsync(fd) == 0;
    good = fd >= 0 && close(fd) == 0 && good && rename(fresh, path) == 0;
    int folder = good ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder >= 0) {
        good = fsync(folder) == 0;
        (void)close(folder);
    }
    bytes_wipe(text, sizeof(text));
    return good ? ST_OK : ST_RELAY_DATA;
}

enum status relay_secret_file(const char *dir, const char *name, struct entropy *e, struct secret *out)
{
    char path[RELAY_PATH_MAX];
    *out = (struct secret){{0}};
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
        return fail(ENAMETOOLONG);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        enum status st = read_secret(fd, out);
        int why = errno;
        (void)close(fd);
        errno = why;
        return st;
    }
    if (errno != ENOENT) {
        return ST_RELAY_DATA;
    }
    struct secret made;
    entropy_fill(e, made.b, sizeof(made.b));
    enum status st = make_secret(dir, path, &made);
    if (st == ST_OK) {
        *out = made;
    }
    secret_wipe(&made);
    return st;
}
