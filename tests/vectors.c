/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every file of public test vectors below a folder that it knows:
 *
 *     vectors DIR
 *
 * prints `name: N passed, M failed, K skipped` for each, where N + M + K is the number of its cases, and
 * exits with 1 when any failed, when a file cannot be read, or when there was none. */
#include "tests/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/mem.h"
#include "protocol/suite.h"

static const struct kind {
    const char *path; /* below the folder */
    vector_fn *run;
} kinds[] = {
    {"mls/tree-math.json", vector_tree_math},
    {"mls/tree-operations.json", vector_tree_operations},
    {"mls/tree-validation.json", vector_tree_validation},
    {"mls/treekem.json", vector_treekem},
};

/* ---- fields of a case ---- */

struct block { /* bytes decoded from hex, until the case ends */
    struct block *next;
    uint8_t bytes[];
};

static struct block *blocks;
static bool malformed;

struct span vector_hex(const json_t *string)
{
    size_t len = json_string_length(string) / 2;
    struct block *b = malloc(sizeof(*b) + len + 1);
    if (!json_is_string(string) || !b ||
        hex_decode(b->bytes, len, json_string_value(string), json_string_length(string)) != ST_OK) {
        free(b);
        malformed = true;
        return SPAN_EMPTY;
    }
    b->next = blocks;
    blocks = b;
    return SPAN_OF(b->bytes, len);
}

struct span vector_bytes(const json_t *object, const char *key)
{
    return vector_hex(json_object_get(object, key));
}

uint64_t vector_number(const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    if (!json_is_integer(number) || json_integer_value(number) < 0)
        malformed = true;
    return (uint64_t)json_integer_value(number);
}

const json_t *vector_array(const json_t *object, const char *key)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array))
        malformed = true;
    return array;
}

static enum verdict run_case(const struct kind *kind, const json_t *c)
{
    size_t live = mem_live();
    malformed = false;
    enum verdict v = kind->run(c);
    while (blocks) {
        struct block *b = blocks;
        blocks = b->next;
        free(b);
    }
    return malformed || mem_live() != live ? VERDICT_FAILED : v;
}

/* ---- files ---- */

/* Returns the number of cases that failed; -1 when the file is there and cannot be read. */
static long run_file(const char *dir, const struct kind *kind, size_t *files)
{
    char path[4096];
    json_error_t why;
    long count[3] = {0};
    int len = snprintf(path, sizeof(path), "%s/%s", dir, kind->path);
    FILE *f = len > 0 && (size_t)len < sizeof(path) ? fopen(path, "r") : NULL;
    if (!f)
        return 0;
    ++*files;
    json_t *all = json_loadf(f, JSON_REJECT_DUPLICATES, &why);
    fclose(f);
    if (!json_is_array(all)) {
        fprintf(stderr, "%s: not a JSON array: %s\n", path, why.text);
        json_decref(all);
        return -1;
    }
    for (size_t i = 0; i < json_array_size(all); i++) {
        enum verdict v = run_case(kind, json_array_get(all, i));
        count[v]++;
        if (v == VERDICT_FAILED)
            fprintf(stderr, "%s: case %zu failed\n", kind->path, i);
    }
    json_decref(all);
    const char *name = strrchr(kind->path, '/') + 1;
    printf("%.*s: %ld passed, %ld failed, %ld skipped\n", (int)strcspn(name, "."), name,
           count[VERDICT_PASSED], count[VERDICT_FAILED], count[VERDICT_SKIPPED]);
    return count[VERDICT_FAILED];
}

int main(int argc, char **argv)
{
    if (argc != 2 || suite_start() != ST_OK) {
        fprintf(stderr, "usage: vectors DIR\n");
        return 1;
    }
    size_t files = 0;
    bool failed = false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        failed = run_file(argv[1], &kinds[i], &files) != 0 || failed;
    if (files == 0)
        fprintf(stderr, "%s: no file of vectors here\n", argv[1]);
    return failed || files == 0;
}
