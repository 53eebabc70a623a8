/* SPDX-License-Identifier: Apache-2.0 */
/* What sync costs: build/tests/bench/sync [history|apply|away|idle|small] prints `name value unit` lines;
 * without a word all of it at full size, and `small` all of it in a second or two. `away CONVERSATIONS
 * MESSAGES` is one line of its table. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/sync_bench.h"

double bench_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The number that was typed, else what is usual. */
static size_t size_of(int argc, char **argv, bool small, size_t little, size_t usual)
{
    return argc > 2 ? strtoul(argv[2], NULL, 10) : small ? little : usual;
}

/* More conversations with the same past, and more past in the same conversations. */
static void away(size_t conversations)
{
    static const size_t counts[] = {10, 100, 200}, pasts[] = {10000, 100000};
    size_t least = conversations < counts[0] ? conversations : counts[0];
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]) && counts[i] <= conversations; i++)
        bench_sync_away(counts[i], 1000);
    for (size_t i = 0; i < sizeof(pasts) / sizeof(pasts[0]); i++)
        bench_sync_away(least, conversations < counts[0] ? pasts[i] / 100 : pasts[i]);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "all";
    bool small = strcmp(what, "small") == 0, all = small || strcmp(what, "all") == 0, any = all;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (all || strcmp(what, "apply") == 0) {
        any = true;
        bench_sync_apply(size_of(argc, argv, small, 10, 1000));
    }
    if (all || strcmp(what, "history") == 0) {
        any = true;
        bench_sync_history(size_of(argc, argv, small, 2000, 100000));
    }
    if (all || strcmp(what, "away") == 0) {
        any = true;
        if (small)
            bench_sync_away(1, 100);
        else if (argc > 3)
            bench_sync_away(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
        else
            away(size_of(argc, argv, small, 3, 200));
    }
    if (all || strcmp(what, "idle") == 0) {
        any = true;
        bench_sync_idle(size_of(argc, argv, small, 3, 200), small ? 1 : 24);
    }
    if (!any)
        fprintf(stderr, "usage: sync [apply|history|away|idle|small] [NUMBER [MESSAGES]]\n");
    return any ? 0 : 2;
}
