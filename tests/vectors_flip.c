/* SPDX-License-Identifier: Apache-2.0 */
/* Proof that the runner can fail: in some cases of each file, one bit of one value at a time is flipped, and
 * one field at a time is taken out or made null, and the case must not pass any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vectors_case.h"

enum { CHANGES_MAX = 400 /* values of one case that are tried, evenly chosen */ };

struct slot { /* a value of a case, changed in place */
    json_t *value;
    const char *key; /* of the nearest object above */
    json_t *owner;   /* that object, if the value is directly in it */
};

struct slots {
    struct slot *at;
    size_t len;
};

static void push(struct slots *s, json_t *value, const char *key, json_t *owner)
{
    s->at = realloc(s->at, (s->len + 1) * sizeof(*s->at));
    if (!s->at)
        abort();
    s->at[s->len++] = (struct slot){value, key, owner};
}

static bool is_in(const char *const *list, const char *key)
{
    for (const char *const *k = list; k && *k; k++) {
        if (strcmp(*k, "*") == 0 || strcmp(*k, key) == 0)
            return true;
    }
    return false;
}

/* Wycheproof's verdict; a case that is not valid is invalid with other inputs, too. */
static bool is_verdict(const char *text)
{
    return strcmp(text, "valid") == 0 || strcmp(text, "invalid") == 0;
}

static bool is_hex(const char *text)
{
    return *text && strlen(text) % 2 == 0 && strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

/* Everything in a case, breadth first. */
static void walk(json_t *root, struct slots *out)
{
    push(out, root, "", NULL);
    for (size_t i = 0; i < out->len; i++) {
        json_t *at = out->at[i].value, *value;
        const char *key = out->at[i].key, *name;
        size_t index;
        json_object_foreach(at, name, value) push(out, value, name, at);
        json_array_foreach(at, index, value) push(out, value, key, NULL);
    }
}

/* Hex strings, numbers, and verdicts; null has no bit. */
static bool can_flip(const struct vec_kind *kind, const struct slot *s, bool is_valid)
{
    const char *text = json_is_string(s->value) ? json_string_value(s->value) : "";
    if (is_in(kind->loose, s->key) || is_in(kind->optional, s->key))
        return false;
    return is_verdict(text) || (is_valid && (json_is_integer(s->value) || is_hex(text)));
}

/* One bit, chosen by `turn`; the same call again takes it back. */
static void flip(json_t *value, size_t turn)
{
    if (json_is_integer(value)) {
        json_integer_set(value, json_integer_value(value) ^ 1);
        return;
    }
    if (is_verdict(json_string_value(value))) {
        json_string_set(value, strcmp(json_string_value(value), "valid") == 0 ? "invalid" : "valid");
        return;
    }
    size_t len = strlen(json_string_value(value)) / 2, at = turn * 7919 % len;
    char *text = strdup(json_string_value(value));
    uint8_t byte;
    if (!text || hex_decode(&byte, 1, text + 2 * at, 2) != ST_OK)
        abort();
    byte ^= (uint8_t)(1 << turn % 8);
    char digits[3];
    hex_encode(digits, SPAN_OF(&byte, 1));
    memcpy(text + 2 * at, digits, 2);
    json_string_set(value, text);
    free(text);
}

static enum vec_result result_of(const struct vec_file *f, size_t i)
{
    struct vec_case c;
    vec_file_run(f, i, &c);
    return c.result;
}

static json_t *case_at(const struct vec_file *f, size_t i)
{
    json_t *groups = json_object_get(f->root, "testGroups");
    if (!groups)
        return json_array_get(f->root, i);
    for (size_t g = 0; g < json_array_size(groups); g++) {
        json_t *tests = json_object_get(json_array_get(groups, g), "tests");
        if (i < json_array_size(tests))
            return json_array_get(tests, i);
        i -= json_array_size(tests);
    }
    return NULL;
}

struct tally {
    const char *path;
    size_t changes, survived;
};

static void judge(const struct vec_file *f, size_t i, struct tally *t, const char *what, const char *key)
{
    t->changes++;
    if (result_of(f, i) != VEC_PASSED)
        return;
    t->survived++;
    fprintf(stderr, "%s: case %zu passes with %s %s\n", t->path, i, what, key);
}

static void flip_one(const struct vec_file *f, size_t i, struct slot *s, size_t turn, struct tally *t)
{
    flip(s->value, turn);
    judge(f, i, t, "another", s->key);
    flip(s->value, turn);
}

static void drop_one(const struct vec_file *f, size_t i, struct slot *s, struct tally *t)
{
    char *key = strdup(s->key); /* the object's own copy goes with the field */
    if (!key)
        abort();
    json_incref(s->value);
    json_object_del(s->owner, key);
    judge(f, i, t, "no", key);
    json_object_set_new(s->owner, key, json_null());
    judge(f, i, t, "null for", key);
    json_object_set_new(s->owner, key, s->value);
    free(key);
}

static void change_case(const struct vec_file *f, size_t i, struct tally *t)
{
    struct slots s = {0};
    json_t *one = case_at(f, i);
    const char *verdict = json_string_value(json_object_get(one, "result"));
    bool is_valid = !verdict || strcmp(verdict, "valid") == 0;
    walk(one, &s);
    size_t step = s.len > CHANGES_MAX ? s.len / CHANGES_MAX : 1;
    for (size_t n = 0; n < s.len; n += step) {
        if (can_flip(f->kind, &s.at[n], is_valid))
            flip_one(f, i, &s.at[n], n, t);
    }
    for (size_t n = s.len; n > 0; n--) { /* from the inside out: what is put back is a new last field */
        struct slot *at = &s.at[n - 1];
        if (n % step == 0 && at->owner && !is_in(f->kind->optional, at->key))
            drop_one(f, i, at, t);
    }
    free(s.at);
}

/* Up to `want` cases that pass, spread over the file. */
static void change_file(const struct vec_file *f, size_t want, struct tally *t)
{
    size_t step = f->case_count > want ? f->case_count / want : 1, done = 0;
    for (size_t i = 0; i < f->case_count && done < want; i += step) {
        for (size_t k = i; k < f->case_count && k < i + step; k++) {
            if (result_of(f, k) != VEC_PASSED)
                continue;
            change_case(f, k, t);
            done++;
            break;
        }
    }
}

int vec_flip_main(const char *dir, size_t per_file)
{
    size_t count;
    char **paths = vec_list(dir, &count);
    struct tally all = {0};
    for (size_t i = 0; i < count; i++) {
        struct vec_file f;
        char broken[160];
        struct tally t = {.path = paths[i] + strlen(dir) + 1};
        if (vec_file_open(&f, paths[i], broken, sizeof(broken)) && !broken[0])
            change_file(&f, per_file, &t);
        printf("%s: %zu changes, %zu unnoticed\n", t.path, t.changes, t.survived);
        all.changes += t.changes;
        all.survived += t.survived;
        vec_file_close(&f);
        free(paths[i]);
    }
    free(paths);
    return all.survived > 0 || all.changes == 0;
}
