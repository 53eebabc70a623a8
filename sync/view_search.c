/* SPDX-License-Identifier: Apache-2.0 */
/* What was said with these words: view_search. */
#include "sync/history_view.h"
#include "sync/names.h"
#include "sync/search.h"

/* All devices that ever were this person's. */
static enum status devices_of(struct node *n, const struct person_ref *who,
                              struct device_id out[static SEARCH_AUTHORS_MAX], size_t *count)
{
    struct query q;
    *count = 0;
    query_start(&q, &n->sql, "SELECT device FROM certificate WHERE family = ? AND person = ?", "bb",
                SPAN_ID(&who->family), SPAN_ID(&who->person));
    while (*count < SEARCH_AUTHORS_MAX && query_next(&q)) {
        QUERY_ID(&q, 0, &out[(*count)++]);
    }
    return query_end(&q);
}

static enum status find(struct node *n, struct buffer *expression, int64_t limit,
                        int64_t ids[static NODE_ROWS_MAX], size_t *count)
{
    struct query q;
    *count = 0;
    query_start(
        &q, &n->sql,
        "SELECT entry.id FROM search CROSS JOIN entry ON entry.found = search.rowid WHERE search MATCH ? AND"
        " entry.found > 0 AND " SEARCH_SHOWN " ORDER BY search.rowid DESC LIMIT ?",
        "ti", (const char *)expression->ptr, limit);
    while (*count < NODE_ROWS_MAX && query_next(&q)) {
        ids[(*count)++] = query_int(&q, 0);
    }
    return query_end(&q);
}

enum status view_search(struct node *n, const struct search_args *args, history_visit visit, void *ctx)
{
    struct device_id authors[SEARCH_AUTHORS_MAX];
    struct search_terms t = {.words = span_text(args->words),
                             .has_scope = args->with != NULL,
                             .has_author = args->from != NULL,
                             .authors = authors};
    struct named from;
    struct buffer expression;
    int64_t ids[NODE_ROWS_MAX], limit = args->limit == 0 ? SEARCH_ROWS : (int64_t)args->limit;
    size_t count = 0;
    bool none = false;
    enum status st = args->with ? history_scope(n, args->with, &t.scope) : ST_OK;
    if (st == ST_OK && args->from) {
        st = name_resolve(n, args->from, NAME_OF_PERSON | NAME_OF_CONTACT, NULL, &from);
        st = st == ST_OK ? devices_of(n, &from.person, authors, &t.author_count) : st;
    }
    if (st != ST_OK) {
        return st;
    }
    buffer_init(&expression, SEARCH_EXPRESSION_MAX);
    st = search_expression(&t, &expression, &none);
    if (st == ST_OK && !none) {
        st = find(n, &expression, limit < NODE_ROWS_MAX ? limit : NODE_ROWS_MAX, ids, &count);
    }
    while (st == ST_OK && count > 0) { /* the newest are found first, and told last */
        st = history_show(n, ids[--count], visit, ctx);
    }
    buffer_wipe(&expression);
    return st;
}
