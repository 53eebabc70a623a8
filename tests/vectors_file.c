/* SPDX-License-Identifier: Apache-2.0 */
/* Which kind of vectors a file holds, and its cases in order. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/mem.h"
#include "tests/vectors_case.h"

static const struct vec_kind *const kinds[] = {
    &vec_crypto_basics, &vec_key_schedule,       &vec_psk_secret,      &vec_transcript_hashes,
    &vec_secret_tree,   &vec_tree_math,          &vec_deserialization, &vec_messages,
    &vec_welcome,       &vec_message_protection, &vec_tree_operations, &vec_tree_validation,
    &vec_treekem,       &vec_passive_commit,     &vec_passive_random,  &vec_passive_welcome,
    &vec_hpke,
};
static const struct vec_kind *const wycheproof_kinds[] = {
    &vec_wp_aead,
    &vec_wp_hkdf,
    &vec_wp_xdh,
    &vec_wp_eddsa,
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* By its name; a file with another name by a field of its first case. */
static const struct vec_kind *kind_of_array(const char *path, const json_t *root)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t len = strlen(kinds[i]->name);
        if (strncmp(name, kinds[i]->name, len) == 0 && strcmp(name + len, ".json") == 0)
            return kinds[i];
    }
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (vec_has(json_array_get(root, 0), kinds[i]->marker))
            return kinds[i];
    }
    return NULL;
}

static const struct vec_kind *kind_of_wycheproof(const json_t *root)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    for (size_t i = 0; schema && i < COUNT(wycheproof_kinds); i++) {
        if (strncmp(schema, wycheproof_kinds[i]->name, strlen(wycheproof_kinds[i]->name)) == 0)
            return wycheproof_kinds[i];
    }
    return NULL;
}

static size_t wycheproof_count(const json_t *root)
{
    const json_t *groups = json_object_get(root, "testGroups");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(groups); i++)
        count += json_array_size(json_object_get(json_array_get(groups, i), "tests"));
    return count;
}

bool vec_file_open(struct vec_file *f, const char *path, char *broken, size_t broken_len)
{
    json_error_t error;
    memset(f, 0, sizeof(*f));
    broken[0] = 0;
    f->root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!f->root) {
        snprintf(broken, broken_len, "line %d: %s", error.line, error.text);
        return true;
    }
    f->kind = kind_of_wycheproof(f->root);
    bool wycheproof = f->kind != NULL;
    if (!wycheproof)
        f->kind = kind_of_array(path, f->root);
    if (!f->kind) {
        vec_file_close(f);
        return false;
    }
    f->case_count = wycheproof ? wycheproof_count(f->root) : json_array_size(f->root);
    if (!wycheproof && !json_is_array(f->root))
        snprintf(broken, broken_len, "not a list of cases");
    else if (f->case_count == 0)
        snprintf(broken, broken_len, "has no case");
    else if (wycheproof &&
             json_integer_value(json_object_get(f->root, "numberOfTests")) != (json_int_t)f->case_count)
        snprintf(broken, broken_len, "numberOfTests is not the number of its tests");
    return true;
}

void vec_file_close(struct vec_file *f)
{
    json_decref(f->root);
    memset(f, 0, sizeof(*f));
}

static void point_at(const struct vec_file *f, size_t i, struct vec_case *c)
{
    c->root = f->root;
    if (json_is_array(f->root)) {
        c->one = json_array_get(f->root, i);
        return;
    }
    const json_t *groups = json_object_get(f->root, "testGroups");
    for (size_t g = 0; g < json_array_size(groups) && !c->one; g++) {
        c->group = json_array_get(groups, g);
        const json_t *tests = json_object_get(c->group, "tests");
        c->one = json_array_get(tests, i);
        i -= json_array_size(tests);
    }
}

void vec_file_run(const struct vec_file *f, size_t i, struct vec_case *c)
{
    size_t live = mem_live();
    vec_case_init(c);
    point_at(f, i, c);
    if (!json_is_object(c->one))
        vec_fail(c, "not an object");
    if (f->kind->has_suite) {
        uint64_t suite = vec_number(c, c->one, "cipher_suite", UINT16_MAX);
        if (suite != SUITE_ID && suite != f->kind->also_suite)
            vec_skip(c);
    }
    if (vec_going(c))
        f->kind->run(c);
    vec_case_wipe(c);
    if (mem_live() != live) {
        c->result = VEC_FAILED;
        snprintf(c->why, sizeof(c->why), "memory leaked");
    }
}

/* ---- finding files ---- */

struct list {
    char **at;
    size_t count;
};

static void list_push(struct list *l, char *path)
{
    l->at = realloc(l->at, (l->count + 1) * sizeof(*l->at));
    if (!l->at)
        abort();
    l->at[l->count++] = path;
}

static bool ends_in_json(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && strcmp(name + len - 5, ".json") == 0;
}

/* Folders go to `folders`, files to `files`. */
static void list_folder(const char *dir, struct list *folders, struct list *files)
{
    DIR *d = opendir(dir);
    if (!d) {
        fprintf(stderr, "vectors: %s: %s\n", dir, strerror(errno));
        exit(1);
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (e->d_name[0] == '.')
            continue;
        size_t len = strlen(dir) + strlen(e->d_name) + 2;
        char *path = malloc(len);
        struct stat st;
        if (!path)
            abort();
        snprintf(path, len, "%s/%s", dir, e->d_name);
        bool there = stat(path, &st) == 0;
        if (there && S_ISDIR(st.st_mode))
            list_push(folders, path);
        else if (there && ends_in_json(path))
            list_push(files, path);
        else
            free(path);
    }
    closedir(d);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **vec_list(const char *dir, size_t *count)
{
    struct list folders = {0}, files = {0};
    list_folder(dir, &folders, &files);
    for (size_t i = 0; i < folders.count; i++) { /* grows while it is walked */
        list_folder(folders.at[i], &folders, &files);
        free(folders.at[i]);
    }
    free(folders.at);
    if (files.count > 0)
        qsort(files.at, files.count, sizeof(*files.at), compare_paths);
    *count = files.count;
    return files.at;
}
