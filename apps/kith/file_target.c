/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* O_TMPFILE, renameat2 */
#include "apps/kith/file_target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool split(struct file_target *t, const char *to, const char *sent_as, char folder[static PATH_MAX])
{
    char own[FILE_NAME_MAX + 1];
    struct stat s;
    const char *slash = strrchr(to, '/');
    bool into = stat(to, &s) == 0 && S_ISDIR(s.st_mode);
    file_name_defuse(span_text(sent_as), own);
    const char *name = into ? own : slash != NULL ? slash + 1 : to;
    if (name[0] == '\0' || strlen(name) > FILE_NAME_MAX || strlen(to) >= PATH_MAX) {
        errno = EINVAL;
        return false;
    }
    if (into)
        snprintf(folder, PATH_MAX, "%s", to);
    else if (slash != NULL)
        snprintf(folder, PATH_MAX, "%.*s", (int)(slash == to ? 1 : slash - to), to);
    else
        snprintf(folder, PATH_MAX, ".");
    snprintf(t->name, sizeof(t->name), "%s", name);
    return true;
}

/* Without a name where that can be done and undone, else with one of its own. */
static int open_meanwhile(struct file_target *t)
{
    int fd = access("/proc/self/fd", X_OK) == 0
                 ? openat(t->folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600)
                 : -1;
    if (fd >= 0)
        return fd;
    snprintf(t->meanwhile, sizeof(t->meanwhile), ".kith-get-%ld", (long)getpid());
    fd = openat(t->folder, t->meanwhile, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        t->meanwhile[0] = '\0'; /* whatever is there is not ours */
    return fd;
}

bool file_target_open(struct file_target *t, const char *to, const char *sent_as)
{
    char folder[PATH_MAX];
    struct stat s;
    *t = (struct file_target){.folder = -1, .fd = -1};
    if (!split(t, to, sent_as, folder))
        return false;
    t->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->folder < 0)
        return false;
    if (fstatat(t->folder, t->name, &s, AT_SYMLINK_NOFOLLOW) == 0) { /* said before anything is fetched */
        errno = EEXIST;
        return false;
    }
    t->fd = open_meanwhile(t);
    return t->fd >= 0;
}

bool file_target_write(struct file_target *t, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(t->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

bool file_target_name(struct file_target *t)
{
    char self[64];
    bool good;
    if (fsync(t->fd) != 0)
        return false;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", t->fd);
    if (t->meanwhile[0] == '\0') {
        good = linkat(AT_FDCWD, self, t->folder, t->name, AT_SYMLINK_FOLLOW) == 0;
    } else {
        good = renameat2(t->folder, t->meanwhile, t->folder, t->name, RENAME_NOREPLACE) == 0;
        if (!good && (errno == EINVAL || errno == ENOSYS))
            good = linkat(t->folder, t->meanwhile, t->folder, t->name, 0) == 0;
    }
    return good && fsync(t->folder) == 0;
}

void file_target_close(struct file_target *t)
{
    int why = errno;
    if (t->meanwhile[0] != '\0')
        unlinkat(t->folder, t->meanwhile, 0);
    if (t->fd >= 0)
        close(t->fd);
    if (t->folder >= 0)
        close(t->folder);
    errno = why;
}
