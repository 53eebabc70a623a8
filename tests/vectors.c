/* SPDX-License-Identifier: Apache-2.0 */
/* Runs public test vectors: every file below DIR of a kind that it knows (MLS: mlswg/mls-implementations,
 * test-vectors.md; HPKE: the JSON of RFC 9180; Wycheproof: by "schema").
 *
 *     vectors DIR                 prints `name: N passed, M failed, K skipped` for each file
 *     vectors --flip DIR [CASES]  flips one bit in every value of some cases and wants each of them to fail
 *     --optional                  a DIR that is not there is "skipped" (status 77), unless CI is "true"
 *
 * N + M + K is the number of cases in the file. Skipped are cases of another cipher suite or algorithm only.
 * Exit status 1 when a case failed, a file is broken, or no file is known.
 *
 * No case is known by heart, and a field that is missing is a failure. The one exception are
 * message-protection cases without any of the three commit fields: the commits there are left out of some
 * copies of the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/vectors_case.h"

enum { EXIT_SKIPPED = 77, FLIP_CASES = 3 };

static bool run_file(const struct vec_file *f, const char *name)
{
    size_t count[3] = {0};
    for (size_t i = 0; i < f->case_count; i++) {
        struct vec_case c;
        vec_file_run(f, i, &c);
        count[c.result]++;
        if (c.result == VEC_FAILED)
            fprintf(stderr, "%s: case %zu: %s\n", name, i, c.why);
    }
    printf("%s: %zu passed, %zu failed, %zu skipped\n", name, count[VEC_PASSED], count[VEC_FAILED],
           count[VEC_SKIPPED]);
    return count[VEC_FAILED] == 0;
}

static int run_all(const char *dir)
{
    size_t count, known = 0, bad = 0;
    char **paths = vec_list(dir, &count);
    for (size_t i = 0; i < count; i++) {
        struct vec_file f;
        char broken[160];
        const char *name = paths[i] + strlen(dir) + 1;
        if (!vec_file_open(&f, paths[i], broken, sizeof(broken))) {
            fprintf(stderr, "%s: not a kind of vectors known here\n", name);
        } else {
            known++;
            if (broken[0])
                fprintf(stderr, "%s: %s\n", name, broken);
            bad += !run_file(&f, name) || broken[0];
            vec_file_close(&f);
        }
        free(paths[i]);
    }
    free(paths);
    if (known == 0)
        fprintf(stderr, "vectors: no file of test vectors below %s\n", dir);
    return known == 0 || bad > 0;
}

/* `--flip` and `--optional`, in any order; gives the first argument that is no option. */
static int read_options(int argc, char **argv, bool *flip, bool *optional)
{
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--flip") == 0)
            *flip = true;
        else if (strcmp(argv[at], "--optional") == 0)
            *optional = true;
        else
            return argc;
    }
    return at;
}

int main(int argc, char **argv)
{
    bool flip = false, optional = false;
    int at = read_options(argc, argv, &flip, &optional);
    if (argc - at < 1 || argc - at > (flip ? 2 : 1)) {
        fprintf(stderr, "usage: vectors [--optional] DIR | vectors [--optional] --flip DIR [CASES]\n");
        return 2;
    }
    char *dir = argv[at];
    for (size_t len = strlen(dir); len > 1 && dir[len - 1] == '/'; len--)
        dir[len - 1] = 0;
    struct stat st;
    const char *ci = getenv("CI");
    if (optional && stat(dir, &st) != 0 && !(ci && strcmp(ci, "true") == 0)) {
        printf("skipped: there are no test vectors at %s (set KITH_VECTORS_DIR)\n", dir);
        return EXIT_SKIPPED;
    }
    if (suite_start() != ST_OK)
        return 1;
    if (flip)
        return vec_flip_main(dir, argc - at > 1 ? strtoul(argv[at + 1], NULL, 10) : FLIP_CASES);
    return run_all(dir);
}
