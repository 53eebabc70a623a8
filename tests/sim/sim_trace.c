/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/sim.h"

enum { LINES_KEPT = 60, LINE_MAX = 200 };

static struct {
    struct sim *s;
    bool live;
    uint64_t count;
    char lines[LINES_KEPT][LINE_MAX];
} story;

static void print_story(const char *why)
{
    fflush(stdout);
    fprintf(stderr, "\nseed %llu: %s\n", (unsigned long long)story.s->seed, why);
    uint64_t first = story.count > LINES_KEPT ? story.count - LINES_KEPT : 0;
    if (first > 0 && !story.live)
        fprintf(stderr, "  … %llu lines before\n", (unsigned long long)first);
    for (uint64_t i = first; i < story.count && !story.live; i++)
        fprintf(stderr, "  %s\n", story.lines[i % LINES_KEPT]);
    fflush(stderr);
}

struct dump {
    const char *folder;
    size_t device;
};

static void write_file(void *ctx, const char *name, const uint8_t *bytes, size_t len)
{
    const struct dump *d = ctx;
    char path[512];
    snprintf(path, sizeof(path), "%s/%zu-%s", d->folder, d->device, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return;
    (void)fwrite(bytes, 1, len, f);
    (void)fclose(f);
}

/* KITH_SIM_DUMP=folder: every device's database, as it is when the run fails. */
static void dump_homes(struct sim *s)
{
    struct dump d = {.folder = getenv("KITH_SIM_DUMP")};
    for (; d.folder != NULL && d.device < world_count(s->w); d.device++)
        world_disk_files(world_disk_of(s->w, d.device), write_file, &d);
}

/* What the world asserts ends in abort(); what crashes, in a signal; what hangs, in the timer. */
static void on_signal(int number)
{
    print_story(number == SIGABRT ? "what is asserted above does not hold"
                                  : (number == SIGPROF ? "it hangs" : "it crashed"));
    dump_homes(story.s);
    _exit(1);
}

void sim_trace_begin(struct sim *s, bool live)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGPROF};
    story.s = s;
    story.live = live;
    story.count = 0;
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        signal(numbers[i], on_signal);
}

void sim_say(struct sim *s, size_t device, const char *format, ...)
{
    char *line = story.lines[story.count++ % LINES_KEPT];
    long long ms = world_now(s->w).mono_ms;
    va_list args;
    int at = snprintf(line, LINE_MAX, "%lldd %02lld:%02lld:%02lld.%03lld  ", ms / SIM_DAY_MS,
                      ms / SIM_HOUR_MS % 24, ms / SIM_MINUTE_MS % 60, ms / 1000 % 60, ms % 1000);
    if (device != SIM_NOBODY)
        at += snprintf(line + at, (size_t)(LINE_MAX - at), "%s ", world_device_name(s->w, device));
    va_start(args, format);
    vsnprintf(line + at, (size_t)(LINE_MAX - at), format, args);
    va_end(args);
    if (story.live)
        printf("%s\n", line);
}

void sim_fail(struct sim *s, const char *format, ...)
{
    char why[512];
    va_list args;
    dump_homes(s);
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    print_story(why);
    _exit(1);
}
