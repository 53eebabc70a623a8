/* SPDX-License-Identifier: Apache-2.0 */
/* What was said, and what happened: view_history, view_events. */
#include <stdio.h>

#include "protocol/entry_body.h"
#include "sync/family.h"
#include "sync/held.h"
#include "sync/history_view.h"
#include "sync/names.h"
#include "sync/receipts.h"
#include "sync/search.h"

enum { VIEW_NAME_MAX = NODE_NAME_MAX + 20, REACTIONS_TEXT_MAX = 512 };

/* ---- history ---- */

struct said { /* one row on its way to the visitor */
    struct history_row row;
    struct scope_id scope;
    struct device_id author;
    char id[2 * ID_LEN + 1], with[VIEW_NAME_MAX], from[VIEW_NAME_MAX], via[VIEW_NAME_MAX];
    struct buffer text;
    char reactions[REACTIONS_TEXT_MAX];
    struct file_view file;
    struct entry_header header;
    struct receipts_told told;
};

enum status history_scope(struct node *n, const char *with, struct scope_id *out)
{
    struct named who;
    enum status s = name_to_talk(n, with, true, &who);
    if (s != ST_OK)
        return s;
    if (who.kind == NAME_OF_FAMILY)
        return scope_id_of_family(SCOPE_FAMILY, &n->self.family, out);
    return scope_id_of_pair(&who.of, &who.person, out);
}

enum status history_scope_name(struct node *n, const struct scope_id *scope, char *out, size_t cap)
{
    struct scope_id family;
    struct person_ref who;
    struct query q;
    bool found = false;
    enum status s = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &family);
    if (s != ST_OK)
        return s;
    if (ID_EQUAL(&family, scope))
        return family_name(n, out, cap);
    query_start(&q, &n->sql, "SELECT family, other FROM contact WHERE scope = ?", "b", SPAN_ID(scope));
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &who.family);
        QUERY_ID(&q, 1, &who.person);
        found = true;
    }
    s = query_end(&q);
    if (s == ST_OK)
        s = found ? person_name(n, &who, out, cap) : ST_OK;
    if (s == ST_OK && !found)
        snprintf(out, cap, "?");
    return s;
}

static enum status author_name(struct node *n, const struct device_id *device, char *out, size_t cap,
                               bool *mine)
{
    struct device_certificate c;
    struct buffer bytes;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    enum status s = family_certificate(n, device, &bytes, &c);
    const struct person_ref self = self_person(n);
    *mine = s == ST_OK && person_ref_equal(&c.who, &self);
    if (s == ST_OK) {
        s = person_name(n, &c.who, out, cap);
    } else if (s == ST_NAME_UNKNOWN) {
        snprintf(out, cap, "?");
        s = ST_OK;
    }
    buffer_wipe(&bytes);
    return s;
}

/* Fills what a row shows from an entry's bytes; false in *shown when the entry holds no text (any more). */
static enum status said_read(struct said *said, struct span entry, bool *shown)
{
    struct journal_entry e;
    struct entry_body body;
    enum status s = journal_entry_decode(&e, entry);
    *shown = false;
    if (s != ST_OK)
        return ST_STORE_ROW;
    if (!e.has_body || (e.kind != ENTRY_TEXT && e.kind != ENTRY_ATTACHMENT))
        return ST_OK;
    s = entry_body_decode(&body, e.kind, e.body);
    if (s != ST_OK) /* passed on by somebody, and no text at all */
        return status_is_fatal(s) ? s : ST_OK;
    said->text.len = 0;
    s = buffer_append(&said->text, e.kind == ENTRY_TEXT ? body.u.text.text : body.u.attachment.name);
    entry_body_wipe(&body);
    if (s == ST_OK)
        s = buffer_append(&said->text, SPAN_OF((const uint8_t *)"", 1));
    said->header = e.header;
    said->author = e.header.author;
    said->scope = e.header.scope;
    said->row.at_ms = (int64_t)(e.header.hlc >> 16);
    *shown = s == ST_OK;
    return s;
}

static enum status said_name(struct node *n, struct said *said, bool has_via, const struct device_id *via)
{
    bool mine;
    enum status s = history_scope_name(n, &said->scope, said->with, sizeof(said->with));
    said->via[0] = '\0';
    if (s == ST_OK && has_via)
        s = author_name(n, via, said->via, sizeof(said->via), &mine);
    if (s == ST_OK)
        s = author_name(n, &said->author, said->from, sizeof(said->from), &said->row.mine);
    said->row.id = said->id;
    said->row.with = said->with;
    said->row.from = said->from;
    said->row.via = said->via;
    said->row.text = (const char *)said->text.ptr;
    said->row.scope = said->scope;
    return s;
}

/* The newest of what its author made of the text. */
static enum status said_edited(struct node *n, struct said *said, const struct entry_hash *hash)
{
    struct journal_entry e;
    struct entry_body body;
    struct query q;
    enum status s = ST_OK;
    said->row.edited = false;
    query_start(
        &q, &n->sql,
        "SELECT e.entry FROM said_edit s JOIN entry e ON e.id = s.entry JOIN certificate c ON c.family ="
        " s.family AND c.person = s.person WHERE s.scope = ? AND s.target = ? AND c.device = ? AND e.has_body"
        " = 1 AND e.applied = 1 ORDER BY s.hlc DESC, s.hash DESC LIMIT 1",
        "bbb", SPAN_ID(&said->scope), SPAN_ID(hash), SPAN_ID(&said->author));
    if (query_next(&q)) {
        s = journal_entry_decode(&e, query_blob(&q, 0));
        s = s == ST_OK ? entry_body_decode(&body, e.kind, e.body) : s;
        s = s == ST_OK && body.kind == ENTRY_EDIT ? buffer_copy(&said->text, body.u.edit.text) : ST_STORE_ROW;
        s = s == ST_OK ? buffer_append(&said->text, SPAN_OF((const uint8_t *)"", 1)) : s;
        said->row.edited = s == ST_OK;
    }
    enum status end = query_end(&q);
    return s == ST_OK ? end : s;
}

static enum status said_reactions(struct node *n, struct said *said, const struct entry_hash *hash)
{
    struct query q;
    size_t at = 0;
    said->reactions[0] = '\0';
    query_start(&q, &n->sql,
                "SELECT text, family, person FROM said_reaction WHERE scope = ? AND target = ? AND text != ''"
                " ORDER BY hlc, hash LIMIT 16",
                "bb", SPAN_ID(&said->scope), SPAN_ID(hash));
    while (query_next(&q)) {
        char name[VIEW_NAME_MAX];
        struct person_ref who;
        QUERY_ID(&q, 1, &who.family);
        QUERY_ID(&q, 2, &who.person);
        query_fail(&q, person_name(n, &who, name, sizeof(name)));
        if (at < sizeof(said->reactions))
            at += (size_t)snprintf(said->reactions + at, sizeof(said->reactions) - at, "%s%s %s",
                                   at != 0 ? ", " : "", query_text(&q, 0), name);
    }
    return query_end(&q);
}

/* What became of the text since. */
static enum status said_since(struct node *n, struct said *said, struct span hash)
{
    struct entry_hash id;
    int64_t read = 0;
    memcpy(id.b, hash.ptr, sizeof(id.b));
    said->row.edited = false;
    enum status s = said->row.file == NULL ? said_edited(n, said, &id) : ST_OK; /* files are not edited */
    if (s == ST_OK)
        s = said_reactions(n, said, &id);
    if (s == ST_OK)
        s = sql_number(&n->sql, &read, 0, "SELECT hlc FROM read_mark WHERE scope = ?", "b",
                       SPAN_ID(&said->scope));
    if (s == ST_OK)
        s = sql_number(&n->sql, &said->row.gone_at_ms, 0, "SELECT gone_at FROM entry WHERE id = ?", "i",
                       said->row.cursor);
    said->row.unread = !said->row.mine && said->row.at_ms > (read >> 16);
    said->row.reactions = said->reactions;
    said->row.text = (const char *)said->text.ptr;
    return s;
}

/* How far it is, as far as others let it be told. */
static enum status said_told(struct node *n, struct said *said)
{
    struct history_row *row = &said->row;
    enum status s = ST_OK;
    memset(&said->told, 0, sizeof(said->told));
    if (row->mine && !row->waiting)
        s = receipts_of(n, &said->header, &said->told);
    row->delivered = said->told.here;
    row->read = said->told.read;
    row->state = !row->mine                   ? ""
                 : row->waiting               ? "waiting"
                 : said->told.read[0] != '\0' ? "read"
                 : said->told.here[0] != '\0' ? "delivered"
                                              : "sent";
    return s;
}

static enum status said_file(struct node *n, struct said *said)
{
    bool any;
    enum status s = file_view_read(n, 0, said->row.cursor, &said->file, &any);
    said->row.file = s == ST_OK && any ? &said->file.row : NULL;
    return s;
}

/* The columns: id, hash, entry, attested, own, acked, via, held. */
static enum status said_row(struct node *n, const struct query *q, struct said *said, bool *shown)
{
    struct span hash = query_blob(q, 1), via = query_blob(q, 6);
    struct device_id via_id;
    enum status s = said_read(said, query_blob(q, 2), shown);
    if (s != ST_OK || !*shown)
        return s;
    if (hash.len != ID_LEN || (via.len != 0 && via.len != ID_LEN))
        return ST_STORE_ROW;
    hex_encode(said->id, hash);
    if (via.len != 0)
        memcpy(via_id.b, via.ptr, ID_LEN);
    said->row.cursor = query_int(q, 0);
    said->row.passed_on = query_int(q, 3) == 0;
    said->row.held = query_int(q, 4) != 0 && (query_int(q, 7) == TEXT_HELD || query_int(q, 7) == TEXT_MISSED);
    said->row.waiting = said->row.held || (query_int(q, 4) != 0 && query_int(q, 5) == 0);
    s = said_name(n, said, via.len != 0, &via_id);
    if (s == ST_OK)
        s = said_file(n, said);
    if (s == ST_OK)
        s = said_told(n, said);
    return s == ST_OK ? said_since(n, said, hash) : s;
}

/* ---- gaps: what an offer of history promised and has not brought ---- */

enum { GAPS_MAX = 64 };

struct gap {
    int64_t last_hlc;
    uint64_t entries;
    struct scope_id scope;
};

struct gaps {
    struct gap at[GAPS_MAX]; /* rising */
    size_t count, told;
    uint64_t below; /* entries older than every part that is known */
    bool began;     /* a row or gap has been shown */
};

static enum status find_gaps(struct node *n, const struct scope_id *scope, struct gaps *out)
{
    struct query q;
    struct span only = scope != NULL ? SPAN_ID(scope) : SPAN_EMPTY;
    query_start(&q, &n->sql,
                "SELECT * FROM (SELECT p.last_hlc, p.entries, p.scope FROM history_part p WHERE p.state != 1"
                " AND (?1 IS NULL OR p.scope = ?1) ORDER BY p.last_hlc DESC LIMIT ?2) ORDER BY 1",
                "oi", only, (int64_t)GAPS_MAX);
    while (out->count < GAPS_MAX && query_next(&q)) {
        struct gap *g = &out->at[out->count++];
        g->last_hlc = query_int(&q, 0);
        g->entries = (uint64_t)query_int(&q, 1);
        QUERY_ID(&q, 2, &g->scope);
    }
    enum status s = query_end(&q);
    int64_t below = 0;
    if (s == ST_OK)
        s = sql_number(
            &n->sql, &below, 0,
            "SELECT sum(max(0, t.entries - (SELECT coalesce(sum(p.entries), 0) FROM history_part p"
            " WHERE p.offer = t.offer AND p.scope = t.scope))) FROM history_total t JOIN history_offer o"
            " ON o.id = t.offer WHERE o.state = 1 AND o.parts_total IS NULL AND (?1 IS NULL OR"
            " t.scope = ?1)",
            "o", only);
    out->below = (uint64_t)below;
    return s;
}

/* Shows the gaps before this moment; those before the first row are one. */
static enum status show_gaps(struct node *n, struct gaps *g, int64_t before_hlc, history_visit visit,
                             void *ctx)
{
    char with[VIEW_NAME_MAX] = "";
    uint64_t older = g->began ? 0 : g->below;
    enum status s = ST_OK;
    struct history_row row = {.id = "",
                              .with = with,
                              .from = "",
                              .via = "",
                              .text = "",
                              .reactions = "",
                              .state = "",
                              .delivered = "",
                              .read = ""};
    for (; s == ST_OK && g->told < g->count && g->at[g->told].last_hlc < before_hlc; g->told++) {
        const struct gap *one = &g->at[g->told];
        if (!g->began) {
            older += one->entries;
            continue;
        }
        s = history_scope_name(n, &one->scope, with, sizeof(with));
        row.scope = one->scope;
        row.gap = one->entries;
        row.at_ms = one->last_hlc >> 16;
        if (s == ST_OK)
            visit(ctx, &row);
    }
    with[0] = '\0';
    if (s == ST_OK && older != 0) {
        row.scope = (struct scope_id){{0}};
        row.gap = older;
        row.at_ms = 0;
        visit(ctx, &row);
    }
    g->began = true;
    return s;
}

/* ---- rows ---- */

/* A file is shown when its entry took effect: what somebody passed on is not fetched. */
#define TEXT_SHOWN "kind = 1 AND has_body = 1 AND " SEARCH_SHOWN
#define FILE_SHOWN "kind = 32 AND has_body = 1 AND " SEARCH_SHOWN
#define SAID_COLUMNS "id, hash, entry, attested, own, acked, via, held, hlc"

/* The newest `limit` by when they were written; or, after a cursor, those that arrived since. */
static void start_rows(struct query *q, struct node *n, const struct history_args *args,
                       const struct scope_id *scope, int64_t limit)
{
    struct span only = scope != NULL ? SPAN_ID(scope) : SPAN_EMPTY;
    if (args->after > 0)
        query_start(q, &n->sql,
                    "SELECT * FROM (SELECT " SAID_COLUMNS " FROM entry WHERE (" SEARCH_SHOWN
                    ") AND id > ?1 AND (?2 IS NULL OR scope = ?2) ORDER BY id DESC LIMIT ?3) ORDER BY id",
                    "ioi", args->after, only, limit);
    else if (scope != NULL)
        query_start(q, &n->sql,
                    "SELECT * FROM (SELECT " SAID_COLUMNS " FROM entry WHERE (" SEARCH_SHOWN
                    ") AND scope = ?1 ORDER BY hlc DESC, id DESC LIMIT ?2) ORDER BY hlc, id",
                    "bi", only, limit);
    else /* each by its own index */
        query_start(
            q, &n->sql,
            "SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT " SAID_COLUMNS
            " FROM entry WHERE " TEXT_SHOWN " ORDER BY hlc DESC, id DESC LIMIT ?1)"
            " UNION ALL SELECT * FROM (SELECT " SAID_COLUMNS " FROM entry WHERE " FILE_SHOWN
            " ORDER BY hlc DESC, id DESC LIMIT ?1)) ORDER BY hlc DESC, id DESC LIMIT ?1) ORDER BY hlc, id",
            "i", limit);
}

enum status view_history(struct node *n, const struct history_args *args, history_visit visit, void *ctx)
{
    struct said said = {.row = {.cursor = 0}};
    struct gaps *gaps = mem_alloc(1, sizeof(*gaps));
    struct scope_id scope;
    struct query q;
    int64_t limit = args->limit == 0 || args->limit > NODE_ROWS_MAX ? NODE_ROWS_MAX : (int64_t)args->limit;
    bool shown;
    enum status s = gaps == NULL         ? ST_NO_MEMORY
                    : args->with != NULL ? history_scope(n, args->with, &scope)
                                         : ST_OK;
    if (s == ST_OK && args->after <= 0)
        s = find_gaps(n, args->with != NULL ? &scope : NULL, gaps);
    if (s == ST_OK) {
        buffer_init(&said.text, ENTRY_TEXT_MAX + 1);
        start_rows(&q, n, args, args->with != NULL ? &scope : NULL, limit);
        while (query_next(&q)) {
            s = said_row(n, &q, &said, &shown);
            if (s == ST_OK && shown && args->after <= 0)
                s = show_gaps(n, gaps, query_int(&q, 8), visit, ctx);
            if (s != ST_OK)
                query_fail(&q, s);
            else if (shown)
                visit(ctx, &said.row);
        }
        s = query_end(&q);
        buffer_wipe(&said.text);
    }
    if (s == ST_OK && args->after <= 0)
        s = show_gaps(n, gaps, INT64_MAX, visit, ctx);
    mem_free(gaps, sizeof(*gaps));
    return s;
}

enum status history_show(struct node *n, int64_t entry, history_visit visit, void *ctx)
{
    struct said said = {.row = {.cursor = 0}};
    struct query q;
    bool shown = false;
    enum status s = ST_OK;
    buffer_init(&said.text, ENTRY_TEXT_MAX + 1);
    query_start(&q, &n->sql,
                "SELECT id, hash, entry, attested, own, acked, via, held FROM entry WHERE id = ?", "i",
                entry);
    if (query_next(&q))
        s = said_row(n, &q, &said, &shown);
    if (s == ST_OK && shown)
        visit(ctx, &said.row);
    query_fail(&q, s);
    s = query_end(&q);
    buffer_wipe(&said.text);
    return s;
}

/* ---- events ---- */

enum status view_events(struct node *n, uint64_t after, size_t limit, notice_visit visit, void *ctx)
{
    struct query q;
    int64_t max = limit == 0 || limit > NODE_ROWS_MAX ? NODE_ROWS_MAX : (int64_t)limit;
    query_start(&q, &n->sql,
                "SELECT seq, kind, at_ms, who, what, scope FROM notice WHERE seq > ? ORDER BY seq LIMIT ?",
                "ii", after > INT64_MAX ? INT64_MAX : (int64_t)after, max);
    while (query_next(&q)) {
        struct notice row = {.seq = (uint64_t)query_int(&q, 0),
                             .kind = (enum notice_kind)query_int(&q, 1),
                             .at_ms = query_int(&q, 2),
                             .who = query_text(&q, 3),
                             .what = query_text(&q, 4)};
        QUERY_ID(&q, 5, &row.scope);
        visit(ctx, &row);
    }
    return query_end(&q);
}
