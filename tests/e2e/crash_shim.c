/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded into an agent by LD_PRELOAD: ends the process with SIGKILL at its n-th write to a write-ahead log, which is in
 * the middle of a transaction: after BEGIN, before its COMMIT is on disk. Of that write only the first half reaches the
 * file, as when the power goes.
 *
 * Whoever runs the agent shares a file with it, KITH_CRASH_FILE, of three numbers (struct shared), and may aim at any
 * time (tests/e2e/killer.py). Without that file nothing happens. */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

typedef ssize_t write_fn(int, const void *, size_t, off64_t);

struct shared {
    _Atomic long left;    /* the process ends at the write that takes this from 1 to 0; 0: it goes on */
    _Atomic long written; /* writes to write-ahead logs, ever */
    _Atomic long died;    /* 1 once this shim has ended a process */
};

static struct shared *shared;

__attribute__((constructor)) static void open_shared(void)
{
    const char *path = getenv("KITH_CRASH_FILE");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p = fd >= 0 ? mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    shared = p != MAP_FAILED ? p : NULL;
}

static int is_wal(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    return n > 4 && memcmp(path + n - 4, "-wal", 4) == 0;
}

/* Whether this write is the one that was aimed at. */
static int is_last(void)
{
    long left = atomic_load(&shared->left);
    while (left > 0 && !atomic_compare_exchange_weak(&shared->left, &left, left - 1))
        ;
    return left == 1;
}

static ssize_t write_or_die(write_fn *real, int fd, const void *bytes, size_t len, off64_t at)
{
    if (shared == NULL || !is_wal(fd))
        return real(fd, bytes, len, at);
    atomic_fetch_add(&shared->written, 1);
    if (is_last()) {
        (void)!real(fd, bytes, len / 2, at);
        atomic_store(&shared->died, 1);
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
