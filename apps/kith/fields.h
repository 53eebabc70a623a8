/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of an answer of the agent, and lines of them. */
#ifndef KITH_APPS_FIELDS_H
#define KITH_APPS_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "apps/kith/terminal.h"

enum { ID_DIGITS = 8 };

static inline const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static inline json_int_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static inline bool yes(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

/* The list `name` of an answer; says `none` when nothing is in it. */
static inline const json_t *rows(const json_t *result, const char *name, const char *none)
{
    const json_t *list = json_object_get(result, name);
    if (json_array_size(list) == 0)
        puts(none);
    return list;
}

/* "label  text" */
static inline void line(const char *label, const char *value)
{
    if (value[0] == '\0')
        return;
    printf("  %-12s ", label);
    put_text(stdout, value);
    putchar('\n');
}

static inline void line_time(const char *label, json_int_t at_ms)
{
    if (at_ms == 0)
        return;
    printf("  %-12s ", label);
    put_time(stdout, at_ms);
    putchar('\n');
}

static inline void put_id(const json_t *o)
{
    printf("%.*s", ID_DIGITS, text(o, "id"));
}

#endif
