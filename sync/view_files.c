/* SPDX-License-Identifier: Apache-2.0 */
/* Files that were sent, how far they are, and the bytes of those that are here. */
#include <stdio.h>

#include "sync/files_internal.h"
#include "sync/history_view.h"

enum { RATE_STALE_MS = 10 * 1000 };

struct file_counts { /* as numbers of a row */
    int64_t state, have, parts, put_state, put_next, waiting, mark_at, rate;
};

static const char *state_name(const struct file_row *row, const struct file_counts *c)
{
    static const char *const names[] = {
        [FILE_READING] = "reading", [FILE_OFFERED] = "offered", [FILE_FETCHING] = "fetching",
        [FILE_HERE] = "here",       [FILE_FAILED] = "failed",   [FILE_ERASING] = "failed",
        [FILE_DROPPING] = "offered"};
    if (c->put_state == PUT_RUNS)
        return "sending";
    if (c->put_state == PUT_FAILED)
        return "failed";
    if (row->outgoing && c->state == FILE_HERE)
        return "sent";
    return c->state >= FILE_READING && c->state <= FILE_DROPPING ? names[c->state] : "failed";
}

static uint64_t bytes_of_parts(uint64_t size, int64_t parts)
{
    uint64_t bytes = (uint64_t)(parts < 0 ? 0 : parts) * FILE_PART_LEN;
    return bytes < size ? bytes : size;
}

static void count(struct node *n, struct file_row *row, const struct file_counts *c)
{
    int64_t put = c->put_next - (c->waiting + FILE_BLOCKS_A_PART - 1) / FILE_BLOCKS_A_PART;
    row->bytes = bytes_of_parts(row->size, c->put_state == PUT_RUNS ? put : c->have);
    bool fresh = c->rate > 0 && n->now.wall_ms - c->mark_at <= RATE_STALE_MS;
    row->bytes_per_s = fresh ? (uint64_t)c->rate : 0;
    row->left_ms = fresh ? (int64_t)((row->size - row->bytes) * 1000 / (uint64_t)c->rate) : -1;
    row->parts = (uint32_t)c->parts;
}

/* The columns of the query in file_view_read. */
static void read_row(const struct query *q, struct file_view *v, struct file_counts *c)
{
    struct file_row *row = &v->row;
    hex_encode(v->token, query_blob(q, 0));
    v->id[0] = '\0';
    if (query_blob(q, 1).len == ID_LEN)
        hex_encode(v->id, query_blob(q, 1));
    memcpy(row->scope.b, query_blob(q, 2).ptr, sizeof(row->scope.b));
    row->outgoing = query_int(q, 3) != 0;
    snprintf(v->name, sizeof(v->name), "%s", query_text(q, 4));
    snprintf(v->media, sizeof(v->media), "%s", query_text(q, 5));
    row->size = (uint64_t)query_int(q, 6);
    snprintf(v->why, sizeof(v->why), "%s", query_text(q, 7));
    row->at_ms = query_int(q, 8);
    c->parts = query_int(q, 9);
    c->state = query_int(q, 10);
    c->have = query_int(q, 11);
    c->mark_at = query_int(q, 12);
    c->rate = query_int(q, 13);
    c->put_state = query_int(q, 14);
    c->put_next = query_int(q, 15);
    c->waiting = query_int(q, 16);
}

enum status file_view_read(struct node *n, int64_t id, int64_t entry, struct file_view *out, bool *any)
{
    struct file_counts c;
    struct query q;
    memset(out, 0, sizeof(*out));
    memset(&c, 0, sizeof(c));
    query_start(
        &q, &n->sql,
        "SELECT f.token, f.hash, f.scope, f.outgoing, f.name, f.media, f.size, f.why, f.at_ms, f.parts,"
        " f.state, f.have, f.mark_at, f.rate, p.state, p.next,"
        " CASE WHEN p.state = 1 THEN (SELECT count(*) FROM outbox o WHERE o.log = p.log) END"
        " FROM file f LEFT JOIN file_put p ON p.file = f.id WHERE f.state != 6 AND"
        " f.id = CASE WHEN ?1 != 0 THEN ?1 ELSE (SELECT id FROM file WHERE entry = ?2) END",
        "ii", id, entry);
    *any = query_next(&q);
    if (*any && query_blob(&q, 0).len == SHORT_ID_LEN && query_blob(&q, 2).len == SHORT_ID_LEN)
        read_row(&q, out, &c);
    enum status s = query_end(&q);
    if (s != ST_OK || !*any)
        return s;
    struct file_row *row = &out->row;
    count(n, row, &c);
    row->state = state_name(row, &c);
    row->id = out->id;
    row->token = out->token;
    row->name = out->name;
    row->media = out->media;
    row->with = out->with;
    row->why = out->why;
    return history_scope_name(n, &row->scope, out->with, sizeof(out->with));
}

/* Each counts what it has; the rates of those that move now are one rate. */
enum status files_progress(struct node *n, struct files_row *out, bool *any)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(
        &q, &n->sql,
        "SELECT count(*), sum(state = 4), sum(parts), sum(have), sum(size), sum(min(size, have * ?1)),"
        " sum(iif(state = 3 AND ?2 - mark_at BETWEEN 0 AND ?3, rate, 0)) FROM file WHERE asked = 1 AND"
        " state IN (3, 4)",
        "iii", (int64_t)FILE_PART_LEN, n->now.wall_ms, (int64_t)RATE_STALE_MS);
    if (query_next(&q)) {
        out->files_total = (uint64_t)query_int(&q, 0);
        out->files = (uint64_t)query_int(&q, 1);
        out->parts_total = (uint64_t)query_int(&q, 2);
        out->parts = (uint64_t)query_int(&q, 3);
        out->bytes_total = (uint64_t)query_int(&q, 4);
        out->bytes = (uint64_t)query_int(&q, 5);
        out->bytes_per_s = (uint64_t)query_int(&q, 6);
    }
    *any = out->files_total != 0;
    out->done = out->files == out->files_total;
    out->left_ms = out->bytes_per_s != 0 && !out->done
                       ? (int64_t)((out->bytes_total - out->bytes) * 1000 / out->bytes_per_s)
                       : -1;
    return query_end(&q);
}

enum status view_files(struct node *n, const char *id, size_t limit, file_visit visit, void *ctx)
{
    int64_t one = 0, max = limit == 0 || limit > NODE_ROWS_MAX ? NODE_ROWS_MAX : (int64_t)limit;
    struct file_view *v = mem_alloc(1, sizeof(*v));
    struct query q;
    enum status s = v == NULL ? ST_NO_MEMORY : id != NULL ? file_find(n, id, &one) : ST_OK;
    if (s == ST_OK) {
        query_start(&q, &n->sql,
                    "SELECT id FROM (SELECT id FROM file WHERE state != 6 AND (?1 = 0 OR id = ?1)"
                    " ORDER BY id DESC LIMIT ?2) ORDER BY id",
                    "ii", one, max);
        while (query_next(&q)) {
            bool any = false;
            s = file_view_read(n, query_int(&q, 0), 0, v, &any);
            query_fail(&q, s);
            if (s == ST_OK && any)
                visit(ctx, &v->row);
        }
        s = query_end(&q);
    }
    mem_free(v, sizeof(*v));
    return s;
}

enum status view_file_part(struct node *n, const char *id, uint32_t part, file_part_visit visit, void *ctx)
{
    struct file f;
    struct query q;
    int64_t file = 0;
    bool found = false;
    enum status s = file_find(n, id, &file);
    if (s == ST_OK)
        s = file_load(n, file, &f);
    if (s != ST_OK)
        return s;
    s = f.state != FILE_HERE ? ST_FILE_NOT_HERE : part >= (uint64_t)f.parts ? ST_COMMAND_FIELD : ST_OK;
    bytes_wipe(&f, sizeof(f));
    if (s != ST_OK)
        return s;
    query_start(&q, &n->sql, "SELECT bytes FROM file_part WHERE file = ? AND part = ?", "ii", file,
                (int64_t)part);
    if (query_next(&q)) {
        found = true;
        visit(ctx, query_blob(&q, 0));
    }
    s = query_end(&q);
    return s == ST_OK && !found ? ST_STORE_ROW : s;
}
