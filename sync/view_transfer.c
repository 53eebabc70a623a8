/* SPDX-License-Identifier: Apache-2.0 */
/* How far history is: history_progress, for view_devices. */
#include <stdio.h>

#include "sync/family.h"
#include "sync/history_internal.h"

enum { RATE_STALE_MS = 10 * 1000 };

static void estimate(struct transfer_row *t, bool all_known)
{
    if (t->entries_total < t->entries || all_known) {
        t->entries_total = all_known ? t->entries_total : t->entries;
    }
    if (!all_known && t->entries != 0) {
        t->bytes_total = t->bytes / t->entries * t->entries_total;
        t->parts_total = (t->parts * t->entries_total + t->entries - 1) / t->entries;
    }
    t->bytes_total = t->bytes_total < t->bytes ? t->bytes : t->bytes_total;
    t->parts_total = t->parts_total < t->parts ? t->parts : t->parts_total;
}

static enum status rate(struct node *n, struct transfer_row *t)
{
    int64_t at = 0, rate = 0;
    enum status st = meta_number(n, "history_mark_at", 0, &at);
    if (st == ST_OK) {
        st = meta_number(n, "history_rate", 0, &rate);
    }
    bool fresh = rate > 0 && n->now.wall_ms - at <= RATE_STALE_MS;
    t->bytes_per_s = fresh ? (uint64_t)rate : 0;
    t->left_ms = fresh ? (int64_t)((t->bytes_total - t->bytes) * 1000 / (uint64_t)rate) : -1;
    return st;
}

/* Of all offers together: what was taken by one counts when another goes on. */
static enum status read_taken(struct node *n, struct transfer_row *t, uint64_t *awaited,
                              uint64_t *awaited_bytes)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT state, count(*), sum(entries), sum(packed_size) FROM history_part GROUP BY state",
                "");
    while (query_next(&q)) {
        uint64_t count = (uint64_t)query_int(&q, 1);
        if (query_int(&q, 0) == PART_TAKEN) {
            t->parts = count;
            t->entries = (uint64_t)query_int(&q, 2);
            t->bytes = (uint64_t)query_int(&q, 3);
        } else if (query_int(&q, 0) == PART_REFUSED) {
            t->refused = count;
        } else {
            *awaited = count;
            *awaited_bytes = (uint64_t)query_int(&q, 3);
        }
    }
    return query_end(&q);
}

struct standing { /* the newest offer */
    int64_t id;
    bool open, whole;
    struct device_id via;
};

static enum status read_offer(struct node *n, struct standing *s)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT id, state, parts_total, via FROM history_offer ORDER BY id DESC LIMIT 1",
                "");
    if (query_next(&q)) {
        s->id = query_int(&q, 0);
        s->open = query_int(&q, 1) == OFFER_OPEN;
        s->whole = !query_null(&q, 2);
        QUERY_ID(&q, 3, &s->via);
    }
    return query_end(&q);
}

static enum status taking(struct node *n, struct transfer_row *t, char *with, size_t cap, bool *any)
{
    struct standing s = {.id = 0};
    int64_t joined = 0, before = 0, total = 0;
    uint64_t awaited = 0, awaited_bytes = 0;
    enum status st = meta_number(n, "history_joined", 0, &joined);
    if (st == ST_OK) {
        st = read_offer(n, &s);
    }
    if (st == ST_OK) {
        st = read_taken(n, t, &awaited, &awaited_bytes);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &before, 0,
                        "SELECT sum(entries) FROM history_part WHERE state = 1 AND offer != ?", "i", s.id);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &total, 0, "SELECT sum(entries) FROM history_total WHERE offer = ?", "i",
                        s.id);
    }
    *any = s.id != 0 || joined > 0;
    if (st != ST_OK || !*any) {
        return st;
    }
    bool done = !s.open && joined == 0;
    t->state = done ? "done" : s.open ? "running" : "waiting";
    t->entries_total = done ? t->entries : (uint64_t)(before + total);
    t->parts_total = t->parts + awaited;
    t->bytes_total = t->bytes + awaited_bytes;
    estimate(t, done || (s.open && s.whole));
    with[0] = '\0';
    if (s.open) {
        st = device_name(n, &s.via, with, cap);
    }
    return st == ST_OK ? rate(n, t) : st;
}

static enum status giving(struct node *n, const struct device_id *device, struct transfer_row *t, bool *any)
{
    static const char *const states[] = {"", "running", "waiting", "done", "failed"};
    struct query q;
    query_start(&q, &n->sql,
                "SELECT state, part, entries, entries_total, bytes FROM history_give WHERE device = ?"
                " ORDER BY id DESC LIMIT 1",
                "b", SPAN_ID(device));
    *any = query_next(&q);
    if (*any) {
        int64_t state = query_int(&q, 0);
        t->state = state >= GIVE_RUNS && state <= GIVE_FAILED ? states[state] : "failed";
        t->parts = t->parts_total = (uint64_t)query_int(&q, 1);
        t->entries = (uint64_t)query_int(&q, 2);
        t->entries_total = (uint64_t)query_int(&q, 3);
        t->bytes = t->bytes_total = (uint64_t)query_int(&q, 4);
        estimate(t, state != GIVE_RUNS);
    }
    t->left_ms = -1;
    return query_end(&q);
}

enum status history_progress(struct node *n, const struct device_id *device, struct transfer_row *out,
                             char *with, size_t cap, bool *any)
{
    memset(out, 0, sizeof(*out));
    out->giving = !ID_EQUAL(device, &n->self.device);
    out->with = with;
    with[0] = '\0';
    if (!out->giving) {
        return taking(n, out, with, cap, any);
    }
    enum status st = giving(n, device, out, any);
    return st == ST_OK && *any ? device_name(n, device, with, cap) : st;
}
