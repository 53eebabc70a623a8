/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim.h"

static const char usage[] =
    "usage: sim [--seed N | --seeds A..B | --minutes M] [--faults LIST] [--devices N] [--trace] "
    "[--keep-going] [--strict]\n"
    "  --seed N       one run in this process; --trace prints what happens as it happens\n"
    "  --seeds A..B   a run each\n"
    "  --minutes M    seeds from 1 (or A) on, for so long\n"
    "  --faults LIST  all (default), none, or names separated by commas\n"
    "  --devices N    a family with many devices: so many in all, at most 40\n"
    "  --keep-going   after a failure too\n"
    "  --strict       what is known to be open (tests/sim/sim_known.def) fails as well\n";

enum { HANGS_S = 120 }; /* of CPU time: other processes do not make a run hang */

struct options {
    uint64_t first, last;
    double minutes;
    unsigned faults;
    size_t devices;
    bool trace, keep_going, one, strict;
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool parse_option(struct options *o, const char *option, const char *value)
{
    char *end = NULL;
    if (strcmp(option, "--seed") == 0) {
        o->first = o->last = strtoull(value, &end, 10);
        o->one = true;
    } else if (strcmp(option, "--seeds") == 0) {
        o->first = strtoull(value, &end, 10);
        if (strncmp(end, "..", 2) != 0)
            return false;
        o->last = strtoull(end + 2, &end, 10);
    } else if (strcmp(option, "--minutes") == 0) {
        o->minutes = strtod(value, &end);
    } else if (strcmp(option, "--faults") == 0) {
        return sim_faults_parse(value, &o->faults);
    } else if (strcmp(option, "--devices") == 0) {
        o->devices = (size_t)strtoull(value, &end, 10);
        if (o->devices > SIM_DEVICES_MAX)
            return false;
    } else {
        return false;
    }
    return *value != '\0' && *end == '\0';
}

static bool parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            o->trace = true;
        else if (strcmp(argv[i], "--strict") == 0)
            o->strict = true;
        else if (strcmp(argv[i], "--keep-going") == 0)
            o->keep_going = true;
        else if (i + 1 >= argc || !parse_option(o, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    if (o->minutes > 0)
        o->last = UINT64_MAX;
    return o->last >= o->first;
}

/* A seed in a process of its own, so that a crash ends one run only. The counts are shared with it. */
static bool run_apart(const struct sim_args *a, struct sim_counts *counts)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        const struct itimerval hangs = {.it_value = {.tv_sec = HANGS_S}};
        setitimer(ITIMER_PROF, &hangs, NULL); /* of its own time: the machine may be busy otherwise */
        sim_run(a, counts);
        fflush(stdout);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void report(const struct sim_counts *c, double took_s, uint64_t failed)
{
    printf("%llu seeds (%.0f a minute), %llu end as is known to be open, %llu failed; %llu devices, %llu of "
           "them to be paired anew, %llu texts\n",
           (unsigned long long)c->seeds, (double)c->seeds * 60 / took_s, (unsigned long long)c->known,
           (unsigned long long)failed, (unsigned long long)c->devices, (unsigned long long)c->anew,
           (unsigned long long)c->texts);
    printf(
        "%llu blocks and %llu group messages left under keys of their own; %llu could not be opened again\n",
        (unsigned long long)c->blocks, (unsigned long long)c->messages, (unsigned long long)c->unopened);
    printf("%llu files were sent; %llu times somebody else has one; %llu are with nobody any more\n",
           (unsigned long long)c->files, (unsigned long long)c->fetched, (unsigned long long)c->lost);
    printf("faults:");
    for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++)
        printf(" %s %llu", sim_fault_name(f), (unsigned long long)(c->faults[f] + c->done[f]));
    printf("\ndone (refused):");
    for (size_t i = 0; sim_action_name(i) != NULL; i++)
        printf(" %s %llu (%llu)", sim_action_name(i), (unsigned long long)c->actions[i],
               (unsigned long long)c->refused[i]);
    printf("\n");
    sim_cover_report(c);
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1, .last = 1};
    uint64_t failed = 0;
    (void)sim_faults_parse("all", &o.faults);
    struct sim_counts *counts =
        mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED || !parse(&o, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    double began_s = seconds();
    for (uint64_t seed = o.first; seed <= o.last && (failed == 0 || o.keep_going); seed++) {
        const struct sim_args a = {
            .seed = seed, .faults = o.faults, .devices = o.devices, .trace = o.trace, .strict = o.strict};
        if (o.one)
            sim_run(&a, counts);
        else if (!run_apart(&a, counts))
            failed++;
        if (o.minutes > 0 && seconds() - began_s > o.minutes * 60)
            break;
    }
    report(counts, seconds() - began_s, failed);
    return failed == 0 ? 0 : 1;
}
