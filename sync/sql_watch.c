/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/sql_watch.h"

#include <sqlite3.h>
#include <string.h>

#include "protocol/mem.h"

enum { WORDS = SQL_COLUMNS_MAX / 64 };

/* What stands for the rows of a table, and for all of it. */
#define ROWS ""
#define ALL "*"

static uint64_t hash_on(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3); /* FNV-1a */
    }
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static size_t number_of(struct sql_watches *w, const char *table, const char *column)
{
    uint64_t name = hash_on(hash_on(UINT64_C(0xcbf29ce484222325), table), column) | 1;
    size_t at = name / 2 % SQL_COLUMNS_MAX;
    for (size_t step = 0; step < SQL_COLUMNS_MAX && w->names[at] != name && w->names[at] != 0; step++) {
        at = (at + 1) % SQL_COLUMNS_MAX;
    }
    w->names[at] = w->names[at] == 0 ? name : w->names[at];
    return at;
}

static void put(struct sql_watches *w, struct sql_columns *set, const char *table, const char *column)
{
    size_t number = number_of(w, table, column);
    set->bits[number / 64] |= UINT64_C(1) << number % 64;
}

static bool is_watched(const char *table)
{
    return strcmp(table, "mls_record") != 0 && strncmp(table, "search", strlen("search")) != 0 &&
           strncmp(table, "sqlite_", strlen("sqlite_")) != 0;
}

void sql_watch_action(struct sql_watches *w, struct sql_touched *t, int action, const char *table,
                      const char *column)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_PRAGMA:
        return;
    case SQLITE_READ:
    case SQLITE_UPDATE:
    case SQLITE_INSERT:
    case SQLITE_DELETE:
        break;
    default: /* nothing of that kind while a device runs */
        memset(&t->reads, 0xff, sizeof(t->reads));
        memset(&t->writes, 0xff, sizeof(t->writes));
        t->writes_more = true;
        return;
    }
    if (!table || !is_watched(table)) {
        return;
    }
    bool rows = action == SQLITE_INSERT || action == SQLITE_DELETE;
    put(w, &t->reads, table, action == SQLITE_INSERT ? ALL : ROWS); /* one that is there forbids another */
    if (!rows) {
        put(w, &t->reads, table, column ? column : ALL);
    }
    if (action != SQLITE_READ) {
        put(w, &t->writes, table, rows || !column ? ROWS : column);
        put(w, &t->writes, table, ALL);
        t->writes_more = t->writes_more || (strcmp(table, "entry") != 0 && strcmp(table, "head") != 0);
    }
}

void sql_watch_add(struct sql_watches *w, struct sql_watch *watch)
{
    invariant(w->count < SQL_WATCHES_MAX);
    watch->stale = true;
    w->at[w->count++] = watch;
}

void sql_watch_open(struct sql_watches *w, struct sql_watch *watch)
{
    invariant(!w->open);
    memset(&watch->reads, 0, sizeof(watch->reads));
    watch->stale = false;
    w->open = watch;
    w->opened++;
}

void sql_watch_close(struct sql_watches *w)
{
    w->open = NULL;
}

bool sql_is_watched(const struct sql_watches *w)
{
    return w->open != NULL;
}

void sql_all_stale(struct sql_watches *w)
{
    for (size_t i = 0; i < w->count; i++) {
        w->at[i]->stale = true;
    }
}

void sql_reads(struct sql_watches *w, const struct sql_columns *columns)
{
    for (size_t i = 0; w->open && !w->unwatched && i < WORDS; i++) {
        w->open->reads.bits[i] |= columns->bits[i];
    }
}

static bool meet(const struct sql_columns *a, const struct sql_columns *b)
{
    uint64_t both = 0;
    for (size_t i = 0; i < WORDS; i++) {
        both |= a->bits[i] & b->bits[i];
    }
    return both != 0;
}

void sql_written(struct sql_watches *w, struct sql_touched *t)
{
    if (w->unwatched || (!w->open && t->swept[w->aside] == w->opened)) {
        return;
    }
    t->swept[w->aside] = w->open ? 0 : w->opened;
    for (size_t i = 0; i < w->count; i++) {
        struct sql_watch *watch = w->at[i];
        bool heeds = !watch->of_facts || !w->aside || t->writes_more;
        watch->stale = watch->stale || (heeds && meet(&watch->reads, &t->writes));
    }
}

bool sql_set_aside(struct sql_watches *w, bool aside)
{
    bool before = w->aside;
    w->aside = aside;
    return before;
}

bool sql_set_unwatched(struct sql_watches *w, bool unwatched)
{
    bool before = w->unwatched;
    w->unwatched = unwatched;
    return before;
}
