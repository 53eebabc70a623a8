/* SPDX-License-Identifier: Apache-2.0 */
/* What was worked out of the database, and whether anything of it has changed since.
 *
 * SQLite tells of each statement, when it is prepared, which columns it reads and writes
 * (sqlite3_set_authorizer; with what triggers and foreign keys do). While a watch is open, it collects what
 * is read; when a statement changes a row of what a watch has collected, that watch is stale. So nobody has
 * to say what something rests on, and nobody can forget to.
 *
 * Errs on the safe side only: a new or deleted row changes all columns of its table; what an INSERT, UPDATE
 * or DELETE would have found is taken for read; a change that came past sync/sql.h, a rollback, and whatever
 * sql_all_stale is called for makes all watches stale. Not watched: mls_record, where each message moves a
 * ratchet (what matters of a group is in mls_group, and changes with it), the index of sync/search.h, and
 * what is done under sql_set_unwatched. */
#ifndef KITH_SYNC_SQL_WATCH_H
#define KITH_SYNC_SQL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sql_watch_limits {
    SQL_COLUMNS_MAX = 1024, /* more than the schema has; beyond, some would share a place */
    SQL_WATCHES_MAX = 48
};

struct sql_columns { /* a set of columns */
    uint64_t bits[SQL_COLUMNS_MAX / 64];
};

struct sql_touched { /* by one statement */
    struct sql_columns reads, writes;
    bool writes_more; /* than rows of entry and head */
    uint64_t
        swept[2]; /* what it makes stale is stale: as often as watches were opened then; set aside or not */
};

struct sql_watch {
    struct sql_columns reads;
    bool of_facts; /* does not heed what is set aside (sql_set_aside) */
    bool stale;    /* at first, too */
};

struct sql_watches {
    uint64_t names[SQL_COLUMNS_MAX]; /* hashes; the place is the column's bit */
    struct sql_watch *at[SQL_WATCHES_MAX], *open;
    size_t count;
    uint64_t opened; /* so often */
    bool aside, unwatched;
};

/* A new watch is stale; it stays where it is. When it is opened it forgets what it has collected, and is not
 * stale any more; one is open at a time. */
void sql_watch_add(struct sql_watches *w, struct sql_watch *watch);
void sql_watch_open(struct sql_watches *w, struct sql_watch *watch);
void sql_watch_close(struct sql_watches *w);
bool sql_is_watched(const struct sql_watches *w); /* one is open */
/* Something changed, or may have been taken back, of which SQLite does not tell. */
void sql_all_stale(struct sql_watches *w);
/* What was kept of these columns is used. */
void sql_reads(struct sql_watches *w, const struct sql_columns *columns);
/* Each returns how it was before, for whoever puts it back.
 * Aside: what is written of rows of entry and head belongs to a conversation, and no fact rests on that.
 * Unwatched: nothing that is read or written counts for any watch. */
bool sql_set_aside(struct sql_watches *w, bool aside);
bool sql_set_unwatched(struct sql_watches *w, bool unwatched);

/* For sql.c: one action of sqlite3_set_authorizer; and what a statement that changed something wrote. */
void sql_watch_action(struct sql_watches *w, struct sql_touched *t, int action, const char *table,
                      const char *column);
void sql_written(struct sql_watches *w, struct sql_touched *t);

#endif
