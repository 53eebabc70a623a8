/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/search.h"

#include <string.h>

#include "protocol/entry_body.h"
#include "protocol/hlc.h"
#include "protocol/journal_entry.h"

enum {
    MINUTE_MS = 60 * 1000,
    MINUTE_ROWS =
        65536, /* rowids of one minute: who claims more texts for it than that is not found by them */
    PLACE_WORD = 2 * ID_LEN + 2, /* a mark and an id in hex */
    PLACE_MAX = 2 * PLACE_WORD
};

/* ---- what the index holds of an entry ---- */

struct indexed {
    bool unreadable; /* its body is none: nothing of it is found */
    int64_t id;
    uint64_t hlc;
    struct buffer text;    /* NUL-terminated */
    char place[PLACE_MAX]; /* scope and author, each one word */
    int64_t newest;        /* the last rowid of the minute of the one before; -1: none */
};

/* An id as one word, with a mark that says of which kind. */
static size_t put_word(char out[static PLACE_WORD], char mark, struct span id)
{
    out[0] = mark;
    hex_encode(out + 1, id);
    return 1 + 2 * id.len;
}

static enum status read_entry(struct indexed *x, struct span bytes)
{
    struct journal_entry e;
    struct entry_body body;
    enum status st = journal_entry_decode(&e, bytes);
    if (st == ST_OK) {
        st = entry_body_decode(&body, e.kind, e.body);
    }
    /* What somebody else passed on may be no text at all: it is not found, and stops nothing. */
    x->unreadable = st != ST_OK || (e.kind != ENTRY_TEXT && e.kind != ENTRY_ATTACHMENT);
    if (x->unreadable) {
        return status_is_fatal(st) ? st : ST_OK;
    }
    x->hlc = e.header.hlc;
    x->text.len = 0;
    st = buffer_append(&x->text, e.kind == ENTRY_TEXT ? body.u.text.text : body.u.attachment.name);
    entry_body_wipe(&body); /* a file's key */
    if (st == ST_OK) {
        st = buffer_append(&x->text, SPAN_OF((const uint8_t *)"", 1));
    }
    size_t at = put_word(x->place, 's', SPAN_ID(&e.header.scope));
    x->place[at] = ' ';
    put_word(x->place + at + 1, 'a', SPAN_ID(&e.header.author));
    return st;
}

/* ---- putting in ---- */

/* A rowid that grows with the time of writing: the minute, then the first that is free. 0: the minute is
 * full. */
static enum status place_in_time(struct node *n, struct indexed *x, int64_t *rowid)
{
    int64_t first = hlc_ms(x->hlc) / MINUTE_MS * MINUTE_ROWS, last = first + MINUTE_ROWS - 1;
    enum status st = ST_OK;
    if (x->newest < first || x->newest > last) {
        st = sql_number(&n->sql, &x->newest, first,
                        "SELECT max(found) FROM entry WHERE found > 0 AND found BETWEEN ? AND ?", "ii", first,
                        last);
    }
    *rowid = x->newest < last ? ++x->newest : 0;
    return st;
}

static enum status put_in(struct node *n, struct indexed *x)
{
    int64_t rowid = 0;
    enum status st = x->unreadable ? ST_OK : place_in_time(n, x, &rowid);
    if (st == ST_OK && rowid != 0) {
        st = sql_run(&n->sql, "INSERT INTO search(rowid, text, place) VALUES(?,?,?)", "itt", rowid,
                     (const char *)x->text.ptr, x->place);
    }
    return st == ST_OK ? sql_run(&n->sql, "UPDATE entry SET found = ? WHERE id = ?", "ii",
                                 rowid != 0 ? rowid : -1, x->id)
                       : st;
}

/* The next ids of a list of entries; the SQL has one column and a limit. */
static enum status next_ids(struct node *n, const char *sql, int64_t ids[static SEARCH_BATCH], size_t *count)
{
    struct query q;
    *count = 0;
    query_start(&q, &n->sql, sql, "i", (int64_t)SEARCH_BATCH);
    while (*count < SEARCH_BATCH && query_next(&q)) {
        ids[(*count)++] = query_int(&q, 0);
    }
    return query_end(&q);
}

/* What the text says now, where its author has changed it: what view_history shows. */
static enum status load_edited(struct node *n, int64_t id, struct indexed *x)
{
    struct journal_entry e;
    struct entry_body body;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT d.entry FROM entry e JOIN certificate c ON c.device = e.author JOIN said_edit s ON s.scope ="
        " e.scope AND s.target = e.hash AND s.family = c.family AND s.person = c.person JOIN entry d ON d.id"
        " = s.entry WHERE e.id = ? AND e.kind = 1 AND d.has_body = 1 AND d.applied = 1 ORDER BY s.hlc DESC, "
        "s.hash DESC"
        " LIMIT 1",
        "i", id);
    if (query_next(&q)) {
        enum status st = journal_entry_decode(&e, query_blob(&q, 0));
        st = st == ST_OK ? entry_body_decode(&body, e.kind, e.body) : st;
        st = st == ST_OK && body.kind == ENTRY_EDIT ? buffer_copy(&x->text, body.u.edit.text) : ST_STORE_ROW;
        query_fail(&q, st == ST_OK ? buffer_append(&x->text, SPAN_OF((const uint8_t *)"", 1)) : st);
    }
    return query_end(&q);
}

static enum status load(struct node *n, int64_t id, struct indexed *x)
{
    struct query q;
    bool found = false, edited = false;
    x->id = id;
    query_start(
        &q, &n->sql,
        "SELECT entry, EXISTS (SELECT 1 FROM said_edit s WHERE s.scope = e.scope AND s.target = e.hash)"
        " FROM entry e WHERE id = ?",
        "i", id);
    if (query_next(&q)) {
        found = true;
        edited = query_int(&q, 1) != 0;
        query_fail(&q, read_entry(x, query_blob(&q, 0)));
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !found) {
        st = ST_STORE_ROW;
    }
    return st == ST_OK && edited ? load_edited(n, id, x) : st;
}

static enum status put_in_new(struct node *n, bool *more)
{
    int64_t ids[SEARCH_BATCH];
    size_t count = 0;
    struct indexed x = {.newest = -1};
    enum status st =
        next_ids(n,
                 "SELECT id FROM entry INDEXED BY entry_unfound WHERE found = 0 AND " SEARCH_SHOWN
                 " ORDER BY id DESC LIMIT ?",
                 ids, &count);
    buffer_init(&x.text, ENTRY_TEXT_MAX + 1);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = load(n, ids[i], &x);
        if (st == ST_OK) {
            st = put_in(n, &x);
        }
    }
    buffer_wipe(&x.text);
    *more = count == SEARCH_BATCH;
    return st;
}

/* ---- taking out ---- */

static enum status erase_soon(struct node *n)
{
    int64_t at = 0;
    enum status st = meta_number(n, "search_erase_at", 0, &at);
    return st == ST_OK && at == 0 ? meta_set_number(n, "search_erase_at", n->now.wall_ms + SEARCH_ERASE_MS)
                                  : st;
}

enum status search_forget(struct node *n, int64_t entry)
{
    struct indexed x = {.newest = -1};
    int64_t rowid = 0;
    buffer_init(&x.text, ENTRY_TEXT_MAX + 1);
    enum status st = sql_number(&n->sql, &rowid, 0, "SELECT found FROM entry WHERE id = ?", "i", entry);
    if (st == ST_OK && rowid > 0) {
        st = load(n, entry, &x);
        if (st == ST_OK) {
            st = sql_run(&n->sql, "INSERT INTO search(search, rowid, text, place) VALUES('delete',?,?,?)",
                         "itt", rowid, (const char *)x.text.ptr, x.place);
        }
        if (st == ST_OK) {
            st = sql_run(&n->sql, "UPDATE entry SET found = 0 WHERE id = ?", "i", entry);
        }
        if (st == ST_OK) {
            st = erase_soon(n);
        }
    }
    buffer_wipe(&x.text);
    return st;
}

static enum status take_out_hidden(struct node *n, bool *more)
{
    int64_t ids[SEARCH_BATCH];
    size_t count = 0;
    enum status st = next_ids(
        n,
        "SELECT id FROM entry INDEXED BY entry_hidden WHERE found > 0 AND has_body = 1 AND NOT (" SEARCH_SHOWN
        ") LIMIT ?",
        ids, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = search_forget(n, ids[i]);
    }
    *more = *more || count == SEARCH_BATCH;
    return st;
}

/* A body that went without search_forget: its words are in the index, and nothing says which. */
static enum status begin_anew(struct node *n, bool *more)
{
    int64_t lost = 0;
    enum status st = sql_number(
        &n->sql, &lost, 0,
        "SELECT id FROM entry INDEXED BY entry_emptied WHERE found > 0 AND has_body = 0 LIMIT 1", "");
    if (st != ST_OK || lost == 0) {
        return st;
    }
    st = sql_run(&n->sql, "INSERT INTO search(search) VALUES('delete-all')", "");
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE entry SET found = 0 WHERE found != 0", "");
    }
    n->scrub = true;
    *more = true;
    return st;
}

/* Deleted rows leave with the merge of everything. */
static enum status erase(struct node *n)
{
    int64_t at = 0;
    enum status st = meta_number(n, "search_erase_at", 0, &at);
    if (st != ST_OK || at == 0) {
        return st;
    }
    if (at > n->now.wall_ms && at <= n->now.wall_ms + SEARCH_ERASE_MS) { /* a clock set back delays nothing */
        node_wake_wall(n, at);
        return ST_OK;
    }
    st = sql_run(&n->sql, "INSERT INTO search(search) VALUES('optimize')", "");
    n->scrub = true;
    return st == ST_OK ? meta_set_number(n, "search_erase_at", 0) : st;
}

enum status search_due(struct node *n)
{
    bool more = false;
    enum status st = begin_anew(n, &more);
    if (st == ST_OK) {
        st = take_out_hidden(n, &more);
    }
    if (st == ST_OK) {
        st = erase(n);
    }
    bool full = false;
    if (st == ST_OK) {
        st = put_in_new(n, &full);
    }
    if (st == ST_OK && (more || full)) {
        node_wake_mono(n, n->now.mono_ms);
    }
    return st;
}

/* ---- asking ---- */

struct expression {
    struct buffer *out;
    enum status failed;
};

static void add(struct expression *x, const char *text, size_t len)
{
    if (x->failed == ST_OK) {
        x->failed = buffer_append(x->out, SPAN_OF((const uint8_t *)text, len));
    }
}

static void add_text(struct expression *x, const char *text)
{
    add(x, text, strlen(text));
}

/* Between quotes FTS5 knows no syntax but the quote, which is doubled. */
static void add_quoted(struct expression *x, struct span word)
{
    add_text(x, "\"");
    for (size_t i = 0; i < word.len; i++) {
        add(x, (const char *)word.ptr + i, 1);
        if (word.ptr[i] == '"') {
            add_text(x, "\"");
        }
    }
    add_text(x, "\"");
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Has it anything that unicode61 may take for part of a word? Letters beyond ASCII may. */
static bool is_word(struct span w)
{
    bool any = false;
    for (size_t i = 0; i < w.len; i++) {
        uint8_t c = w.ptr[i];
        any = any || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }
    return any;
}

static size_t add_words(struct expression *x, struct span words)
{
    size_t count = 0;
    struct span last = SPAN_EMPTY;
    for (size_t at = 0; at < words.len && count < SEARCH_WORDS_MAX;) {
        size_t end = at;
        while (end < words.len && !is_space(words.ptr[end])) {
            end++;
        }
        struct span word = SPAN_OF(words.ptr + at, end - at);
        if (is_word(word)) {
            last = word;
            add_text(x,
                     count++ == 0 ? "text : (" : " "); /* side by side: what has no letter is no condition */
            add_quoted(x, word);
        }
        at = end + 1;
    }
    if (count !=
        0) { /* the last one is the beginning of a word; a single letter or digit would be of too many */
        add_text(x, last.len > 1 ? " *)" : ")");
    }
    return count;
}

static void add_place(struct expression *x, char mark, struct span id)
{
    char word[PLACE_WORD];
    put_word(word, mark, id);
    add_quoted(x, span_text(word));
}

enum status search_expression(const struct search_terms *t, struct buffer *out, bool *none)
{
    struct expression x = {out, ST_OK};
    out->len = 0;
    *none = add_words(&x, t->words) == 0 || (t->has_author && t->author_count == 0);
    if (t->has_scope) {
        add_text(&x, " AND place : ");
        add_place(&x, 's', SPAN_ID(&t->scope));
    }
    for (size_t i = 0; t->has_author && i < t->author_count; i++) {
        add_text(&x, i == 0 ? " AND place : (" : " OR ");
        add_place(&x, 'a', SPAN_ID(&t->authors[i]));
    }
    add_text(&x, t->has_author && t->author_count != 0 ? ")" : "");
    add(&x, "", 1);
    return x.failed;
}
