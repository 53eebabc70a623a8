/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target without libFuzzer, so that no target rots: the files of its corpus, then seeded random
 * inputs and mutations of both, FUZZ_RUNS in all. Arguments: files or folders of inputs; none is fine. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/suite.h"
#include "tests/support/test_entropy.h"

enum { FUZZ_RUNS = 20000, INPUT_MAX = 64 * 1024, SEEDS_MAX = 512, RANDOM_MAX = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

struct input {
    uint8_t *ptr;
    size_t len;
};

static struct input seeds[SEEDS_MAX];
static size_t seed_count;

/* On a copy of exactly the size, so that a sanitizer sees a read past the end. */
static void run(const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    if (!exact)
        abort();
    if (len > 0)
        memcpy(exact, data, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static void add_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || seed_count == SEEDS_MAX) {
        if (f)
            fclose(f);
        return;
    }
    uint8_t *bytes = malloc(INPUT_MAX);
    if (!bytes)
        abort();
    size_t len = fread(bytes, 1, INPUT_MAX, f);
    fclose(f);
    seeds[seed_count++] = (struct input){bytes, len};
    run(bytes, len);
}

static void add(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        add_file(path);
        return;
    }
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        char name[4096];
        if (d->d_name[0] != '.' && snprintf(name, sizeof(name), "%s/%s", path, d->d_name) < (int)sizeof(name))
            add_file(name);
    }
    closedir(dir);
}

/* Changes up to eight places, then perhaps the length. */
static size_t mutate(struct test_entropy *e, uint8_t *bytes, size_t len)
{
    uint64_t changes = test_entropy_below(e, 8);
    for (uint64_t i = 0; len > 0 && i <= changes; i++) {
        size_t at = test_entropy_below(e, len);
        static const uint8_t odd[] = {0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xff};
        if (test_entropy_below(e, 2))
            bytes[at] ^= (uint8_t)(1u << test_entropy_below(e, 8));
        else
            bytes[at] = odd[test_entropy_below(e, sizeof(odd))];
    }
    if (len > 0 && test_entropy_below(e, 4) == 0)
        len = test_entropy_below(e, len);
    return len;
}

static void run_random(struct test_entropy *e)
{
    static uint8_t bytes[INPUT_MAX];
    size_t len;
    if (seed_count > 0 && test_entropy_below(e, 4) != 0) {
        const struct input *from = &seeds[test_entropy_below(e, seed_count)];
        memcpy(bytes, from->ptr, from->len);
        len = mutate(e, bytes, from->len);
    } else {
        len = test_entropy_below(e, RANDOM_MAX);
        entropy_fill(&e->entropy, bytes, len);
    }
    run(bytes, len);
}

int main(int argc, char **argv)
{
    struct test_entropy e;
    if (suite_start() != ST_OK)
        return 1;
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    test_entropy_init(&e, test_seed(1));
    for (int i = 1; i < argc; i++)
        add(argv[i]);
    for (size_t i = 0; i < FUZZ_RUNS; i++)
        run_random(&e);
    printf("%zu inputs of the corpus, %d random ones\n", seed_count, FUZZ_RUNS);
    while (seed_count > 0)
        free(seeds[--seed_count].ptr);
    return 0;
}
