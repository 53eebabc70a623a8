/* SPDX-License-Identifier: Apache-2.0 */
/* Full-text search in what was said: an FTS5 index of the texts that this device shows, and of no others.
 *
 * Of a file its name is indexed. The index holds words only (a contentless table); column `found` of `entry`
 * says which rowid a text has there: 0 for none yet, -1 for never. Rowids grow with the time that the author
 * wrote, so the newest are found first without sorting. Each text has two columns: its words, and as words of
 * another kind its scope and its author.
 *
 * Words are cut as unicode61 does, case and diacritics do not count. What a person types is words and never
 * syntax: all must be there, the last one may be the beginning of a word.
 *
 * Erasing. FTS5 marks a row as deleted and keeps its words until segments are merged. So whatever stops being
 * shown is taken out at once (search_due sees it, or search_forget is called), and within SEARCH_ERASE_MS the
 * whole index is merged into one segment and the WAL is emptied: pages that are let go are zeroed
 * (secure_delete). A text whose body went without search_forget cannot be taken out word by word: then the
 * index is made anew. */
#ifndef KITH_SYNC_SEARCH_H
#define KITH_SYNC_SEARCH_H

#include "sync/node_internal.h"

enum search_limits {
    SEARCH_WORDS_MAX = 32,       /* of a query; further ones are left out */
    SEARCH_AUTHORS_MAX = 64,     /* devices of whoever is meant by `from` */
    SEARCH_BATCH = 200,          /* texts that one pass puts in */
    SEARCH_ERASE_MS = 10 * 1000, /* so long may a forgotten word stay on the disk */
    SEARCH_ROWS = 50,            /* without a limit */
    SEARCH_EXPRESSION_MAX = 64 * 1024
};

/* What a text, or a file by its name, must be to be shown, and so to be found: columns of `entry`. The same
 * words stand in the schema's indexes. */
#define SEARCH_SHOWN                                                                             \
    "kind IN (1, 32) AND has_body = 1 AND fork = 0 AND (own = 1 OR applied = 1 OR (kind = 1 AND" \
    " applied = 0 AND attested = 0))"

/* Puts in what is shown and not there yet, takes out what is not shown any more, erases. Called after every
 * batch; wants a tick while something is left to do. */
enum status search_due(struct node *n) MUST_USE;
/* Before an entry's text goes (deleted, run out) or says something else (changed): none of its words is found
 * any more, and they are erased soon; what it says then is put in with the next pass. ST_OK also when it was
 * never put in. */
enum status search_forget(struct node *n, int64_t entry) MUST_USE;

struct search_terms {
    struct span words; /* as typed */
    bool has_scope;
    struct scope_id scope;
    bool has_author;
    const struct device_id *authors; /* any of these */
    size_t author_count;
};
/* The FTS5 expression that means that, NUL-terminated; *none: nothing can be found by it (no word in it).
 * Pure. */
enum status search_expression(const struct search_terms *t, struct buffer *out, bool *none) MUST_USE;

#endif
