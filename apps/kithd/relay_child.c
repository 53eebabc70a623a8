/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* close_range */
#include "apps/kithd/relay_child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apps/local/say.h"
#include "protocol/mem.h"

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

static const char cannot_run[] = "kith-relay: cannot be run: is it beside kithd, or in the PATH?\n";

/* Other threads may be in the middle of anything: only what may be called then. Nothing of the agent's stays
 * open. */
static _Noreturn void run_child(int out, pid_t parent, const char *program, const char *url,
                                const char *data_dir)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent && dup2(out, STDOUT_FILENO) >= 0 &&
        close_range(STDERR_FILENO + 1, ~0U, 0) == 0)
        execlp(program, "kith-relay", "--listen", url, "--data", data_dir, (char *)NULL);
    (void)!write(STDERR_FILENO, cannot_run, sizeof(cannot_run) - 1);
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

static const int pauses_ms[RELAY_CHILD_TRIES] = {100, 400, 2000, 7000, 20000};

int relay_child_pause_ms(unsigned try)
{
    return try < RELAY_CHILD_TRIES ? pauses_ms[try] : -1;
}

/* The pid of a new child, and in *out where its first line comes from; 0 when there is none. */
static pid_t spawn(const char *url, const char *data_dir, int *out)
{
    int fds[2];
    char program[PATH_MAX];
    pid_t parent = getpid(), pid;
    if (pipe(fds) != 0)
        return 0;
    program_path(program);
    pid = fork();
    if (pid == 0)
        run_child(fds[1], parent, program, url, data_dir);
    close(fds[1]);
    if (pid < 0)
        close(fds[0]);
    *out = fds[0];
    return pid > 0 ? pid : 0;
}

/* Reads the child's address from its first line and closes `out`. */
static bool read_address(int out, char address[static RELAY_ADDRESS_MAX + 1])
{
    struct relay_address checked;
    bool ok =
        read_line(out, address, RELAY_ADDRESS_MAX + 1) && relay_address_parse(&checked, address) == ST_OK;
    close(out);
    bytes_wipe(&checked, sizeof(checked));
    return ok;
}

/* Ends a child that nobody else waits for. */
static void end_child(pid_t pid)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 100 * 1000 * 1000};
    kill(pid, SIGTERM);
    for (int i = 0; i < STOP_TRIES_MAX; i++) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return;
        nanosleep(&pause, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

enum status relay_child_start(struct relay_child *c, const char *url, const char *data_dir)
{
    int out = -1;
    memset(c, 0, sizeof(*c));
    c->pid = spawn(url, data_dir, &out);
    if (c->pid > 0 && read_address(out, c->address))
        return ST_OK;
    if (c->pid > 0)
        end_child(c->pid);
    memset(c, 0, sizeof(*c));
    return ST_APP_RELAY_START;
}

/* ---- the keeper ---- */

struct relay_keeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    pid_t pid; /* 0: none now. Is reaped under the lock, so that nobody kills a stranger */
    bool stopping;
    /* of its thread */
    unsigned tries; /* starts in a row that did not last */
    char url[RELAY_ADDRESS_MAX + 1], data_dir[PATH_MAX], address[RELAY_ADDRESS_MAX + 1];
};

static int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the child has ended, and says how. */
static void wait_for_end(struct relay_keeper *k, pid_t pid)
{
    siginfo_t info = {.si_code = 0};
    int how = 0;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&k->lock);
    waitpid(pid, &how, 0);
    k->pid = 0;
    if (!k->stopping)
        fprintf(stderr, "kithd: the relay has ended (%s %d).\n", WIFSIGNALED(how) ? "signal" : "status",
                WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

/* False when the agent ends meanwhile. */
static bool pause_before_start(struct relay_keeper *k, int ms)
{
    struct timespec end;
    int rv = 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += (long)(ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&k->lock);
    while (!k->stopping && rv == 0)
        rv = pthread_cond_timedwait(&k->changed, &k->lock, &end);
    bool go_on = !k->stopping;
    pthread_mutex_unlock(&k->lock);
    return go_on;
}

/* One start; the child's pid, which can be ended from now on, or 0. */
static pid_t start_again(struct relay_keeper *k)
{
    char address[RELAY_ADDRESS_MAX + 1] = "";
    int out = -1;
    pthread_mutex_lock(&k->lock);
    pid_t pid = k->stopping ? 0 : spawn(k->url, k->data_dir, &out);
    k->pid = pid;
    pthread_mutex_unlock(&k->lock);
    if (pid == 0)
        return 0;
    bool same = read_address(out, address) && strcmp(address, k->address) == 0;
    if (same)
        fprintf(stderr, "kithd: the relay runs again.\n");
    else
        kill(pid, SIGKILL); /* ours: only this thread reaps it */
    return pid;
}

static void *keep(void *arg)
{
    struct relay_keeper *k = arg;
    pid_t pid = k->pid;
    int64_t began = mono_ms();
    while (true) {
        if (pid != 0)
            wait_for_end(k, pid);
        if (mono_ms() - began >= RELAY_CHILD_WELL_MS)
            k->tries = 0;
        int ms = relay_child_pause_ms(k->tries++);
        if (ms < 0)
            break;
        if (!pause_before_start(k, ms))
            return NULL;
        began = mono_ms();
        pid = start_again(k);
    }
    struct say say = say_of(ST_APP_RELAY_GONE);
    fprintf(stderr, "kithd: %s. %s. (%s)\n", say.what, say.next, status_name(ST_APP_RELAY_GONE));
    return NULL;
}

/* The URL with the port that the relay had got: the family knows its address. */
static bool same_place(struct relay_keeper *k, const char *url)
{
    struct relay_address a;
    const char *colon = strrchr(url, ':');
    bool ok = colon != NULL && relay_address_parse(&a, k->address) == ST_OK;
    int n = ok ? snprintf(k->url, sizeof(k->url), "%.*s:%u", (int)(colon - url), url, (unsigned)a.port) : -1;
    if (ok && strcmp(colon, ":0") != 0)
        n = snprintf(k->url, sizeof(k->url), "%s", url);
    bytes_wipe(&a, sizeof(a));
    return n > 0 && n < (int)sizeof(k->url);
}

static bool keeper_begin(struct relay_keeper *k)
{
    pthread_condattr_t attr;
    bool ok = pthread_mutex_init(&k->lock, NULL) == 0 && pthread_condattr_init(&attr) == 0 &&
              pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&k->changed, &attr) == 0;
    return ok && pthread_create(&k->thread, NULL, keep, k) == 0;
}

enum status relay_child_keep(struct relay_child *c, const char *url, const char *data_dir)
{
    struct relay_keeper *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return ST_NO_MEMORY;
    k->pid = c->pid;
    memcpy(k->address, c->address, sizeof(k->address));
    int n = snprintf(k->data_dir, sizeof(k->data_dir), "%s", data_dir);
    if (n < 0 || n >= (int)sizeof(k->data_dir) || !same_place(k, url) || !keeper_begin(k)) {
        free(k);
        return ST_NO_MEMORY;
    }
    c->keeper = k;
    return ST_OK;
}

/* Asks the child to end, kills it after 5 s, and waits for the thread. */
static void keeper_end(struct relay_keeper *k)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += STOP_TRIES_MAX / 10;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    if (k->pid > 0)
        kill(k->pid, SIGTERM);
    pthread_cond_broadcast(&k->changed);
    for (int rv = 0; k->pid > 0 && rv == 0;)
        rv = pthread_cond_timedwait(&k->changed, &k->lock, &end);
    if (k->pid > 0)
        kill(k->pid, SIGKILL);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

void relay_child_stop(struct relay_child *c)
{
    if (c->keeper != NULL)
        keeper_end(c->keeper);
    else if (c->pid > 0)
        end_child(c->pid);
    c->keeper = NULL;
    c->pid = 0;
}
