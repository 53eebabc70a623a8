/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded into an agent by LD_PRELOAD: ends the process with SIGKILL at its n-th write to a write-ahead log
 * (KITH_CRASH_WRITE=n), which is in the middle of a transaction: after BEGIN, before its COMMIT is on disk. Of that
 * write only the first half reaches the file, as when the power goes. */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef ssize_t write_fn(int, const void *, size_t, off64_t);

static long writes_left = -1;

static int is_wal(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    return n > 4 && memcmp(path + n - 4, "-wal", 4) == 0;
}

static ssize_t write_or_die(write_fn *real, int fd, const void *bytes, size_t len, off64_t at)
{
    if (writes_left < 0) {
        const char *n = getenv("KITH_CRASH_WRITE");
        writes_left = n != NULL ? strtol(n, NULL, 10) : 0;
    }
    if (writes_left > 0 && is_wal(fd) && --writes_left == 0) {
        (void)!real(fd, bytes, len / 2, at);
        kill(getpid(), SIGKILL);
    }
    return real(fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at);
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    static write_fn *real;
    if (real == NULL) {
        void *f = dlsym(RTLD_NEXT, "pwrite64");
        memcpy(&real, &f, sizeof(real));
    }
    return write_or_die(real, fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite64(fd, bytes, len, at);
}
