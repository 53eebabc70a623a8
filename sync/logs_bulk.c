/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk logs, which hold parts with numbers of their own: several appends of one log at once, and a log that
 * is let go whole when it has served. */
#include "sync/logs_internal.h"

static bool append_in_flight(const struct node *n, int64_t outbox)
{
    for (size_t i = 0; i < NODE_FLIGHTS_MAX; i++) {
        const struct flight *f = &n->flights[i];
        if (f->id != 0 && f->request.command == RELAY_APPEND && f->outbox == outbox) {
            return true;
        }
    }
    return false;
}

static size_t bulk_in_flight(const struct node *n, const struct relay_state *r)
{
    size_t count = 0;
    for (size_t i = 0; i < NODE_FLIGHTS_MAX; i++) {
        count += n->flights[i].id != 0 && n->flights[i].relay == r->id && n->flights[i].bulk;
    }
    return count;
}

/* Blocks of bulk logs, the oldest first, several of one log at once. */
enum status logs_pump_bulk(struct node *n, struct relay_state *r, size_t at_once)
{
    int64_t ids[NODE_IN_FLIGHT_MAX];
    size_t count = 0, flying = bulk_in_flight(n, r);
    struct query q;
    if (flying >= at_once) {
        return ST_OK;
    }
    query_start(&q, &n->sql,
                "SELECT o.id FROM log l JOIN outbox o ON o.log = l.id WHERE l.relay = ? AND l.kind IN (7, 9)"
                " AND l.trimming = 0 ORDER BY o.id LIMIT 16",
                "i", r->id);
    while (count + flying < at_once && query_next(&q)) {
        if (!append_in_flight(n, query_int(&q, 0))) {
            ids[count++] = query_int(&q, 0);
        }
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count && r->in_flight < NODE_IN_FLIGHT_MAX - 2; i++) {
        st = logs_send_append(n, r, ids[i], true);
    }
    return st;
}

static enum status send_trim(struct node *n, struct relay_state *r, int64_t log)
{
    struct query q;
    struct flight *f = logs_flight(n, r);
    if (!f) {
        return ST_OK;
    }
    query_start(&q, &n->sql,
                "SELECT l.trim_token, l.hashes, r.incarnation FROM log l JOIN relay r ON r.id = l.relay"
                " WHERE l.id = ?",
                "i", log);
    f->log = log;
    f->request.command = RELAY_TRIM;
    f->request.up_to_seq = UINT64_MAX;
    if (query_next(&q)) {
        logs_claim(&q, 0, 1, LOG_TRIM, &f->request.log);
        QUERY_ID(&q, 2, &f->request.incarnation);
    }
    enum status st = query_end(&q);
    return st == ST_OK ? logs_flight_send(n, r, f) : st;
}

/* A log is trimmed when nothing of ours is on its way into it any more. */
enum status logs_pump_trims(struct node *n, struct relay_state *r)
{
    int64_t log = 0;
    enum status st =
        sql_number(&n->sql, &log, 0,
                   "SELECT id FROM log WHERE relay = ? AND trimming = 1 ORDER BY id LIMIT 1", "i", r->id);
    bool free_now =
        st == ST_OK && log != 0 && !logs_busy(n, log, RELAY_TRIM) && !logs_busy(n, log, RELAY_APPEND);
    return free_now ? send_trim(n, r, log) : st;
}

/* A group's log that is at its limit takes no commit any more. */
enum status logs_full(struct node *n, const struct flight *f)
{
    struct log_row log;
    struct secret key;
    int64_t cursor = 0;
    enum status st = logs_load(n, f->log, &log, &key, &cursor);
    secret_wipe(&key);
    return st == ST_OK && log.id != 0 && log.kind == LOG_OF_GROUP ? group_log_full(n, &log) : st;
}

/* A bulk log that is at its limit ends the job that fills it, and nothing else. */
enum status logs_answer_full(struct node *n, const struct flight *f)
{
    struct log_row log;
    struct secret key;
    int64_t cursor = 0;
    enum status st = logs_load(n, f->log, &log, &key, &cursor);
    secret_wipe(&key);
    if (st == ST_OK && log.id != 0 && log.kind == LOG_FILE_OUT) {
        return file_log_full(n, &log);
    }
    return st == ST_OK && log.id != 0 && log.kind == LOG_HISTORY_OUT ? history_log_full(n, &log) : st;
}
