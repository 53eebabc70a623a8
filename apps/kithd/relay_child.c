/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kithd/relay_child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    START_MS = 10000,    /* until its first line */
    STOP_TRIES_MAX = 50, /* of 100 ms */
};

/* "…/kith-relay" beside this program, so that a build tree and an installed tree both work. */
static void program_path(char out[static PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 16);
    char *slash;
    out[n > 0 ? n : 0] = '\0';
    slash = strrchr(out, '/');
    if (slash != NULL)
        memcpy(slash + 1, "kith-relay", sizeof("kith-relay"));
    if (slash == NULL || access(out, X_OK) != 0)
        memcpy(out, "kith-relay", sizeof("kith-relay"));
}

static _Noreturn void run_child(int out, pid_t parent, const char *url, const char *data_dir)
{
    char program[PATH_MAX];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    program_path(program);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent && dup2(out, STDOUT_FILENO) >= 0)
        execlp(program, "kith-relay", "--listen", url, "--data", data_dir, (char *)NULL);
    _exit(127);
}

/* The first line, without its end; false when none comes in time. */
static bool read_line(int fd, char *out, size_t size)
{
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (len + 1 < size && poll(&p, 1, START_MS) == 1) {
        ssize_t n = read(fd, out + len, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != 1)
            return false;
        if (out[len] == '\n') {
            out[len] = '\0';
            return true;
        }
        len++;
    }
    return false;
}

enum status relay_child_start(struct relay_child *c, const char *url, const char *data_dir)
{
    int fds[2];
    pid_t parent = getpid();
    struct relay_address checked;
    memset(c, 0, sizeof(*c));
    if (pipe(fds) != 0)
        return ST_APP_RELAY_START;
    c->pid = fork();
    if (c->pid == 0) {
        close(fds[0]);
        run_child(fds[1], parent, url, data_dir);
    }
    close(fds[1]);
    bool ok = c->pid > 0 && read_line(fds[0], c->address, sizeof(c->address)) &&
              relay_address_parse(&checked, c->address) == ST_OK;
    close(fds[0]);
    if (ok)
        return ST_OK;
    if (c->pid > 0)
        relay_child_stop(c);
    memset(c, 0, sizeof(*c));
    return ST_APP_RELAY_START;
}

void relay_child_stop(struct relay_child *c)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 100 * 1000 * 1000};
    if (c->pid <= 0)
        return;
    kill(c->pid, SIGTERM);
    for (int i = 0; i < STOP_TRIES_MAX; i++) {
        if (waitpid(c->pid, NULL, WNOHANG) != 0) {
            c->pid = 0;
            return;
        }
        nanosleep(&pause, NULL);
    }
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    c->pid = 0;
}
