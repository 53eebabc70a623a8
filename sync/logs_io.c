/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in flight: what to ask of the relays next, and what becomes of the answers. */
#include <stdlib.h>

#include "protocol/wire.h"
#include "sync/logs_internal.h"

/* ---- memory ---- */

/* Logs that are known to have more than was read. */
static enum status remember_grown(struct node *n)
{
    struct log_memory *m = n->log_memory;
    struct query q;
    query_start(&q, &n->sql, "SELECT id, grown FROM log WHERE listening = 1 AND grown > cursor", "");
    while (m->grown_count < RELAY_WATCHES_MAX && query_next(&q)) {
        m->grown[m->grown_count].log = query_int(&q, 0);
        m->grown[m->grown_count++].seq = (uint64_t)query_int(&q, 1);
    }
    return query_end(&q);
}

static void flight_free(struct flight *f)
{
    mem_free(f->block, BLOCK_LEN);
    mem_free(f->watches, f->watch_count * sizeof(*f->watches));
    mem_free(f->watched, f->watch_count * sizeof(*f->watched));
    bytes_wipe(f, sizeof(*f));
}

void logs_forget_memory(struct node *n)
{
    if (!n->log_memory) {
        return;
    }
    for (size_t i = 0; i < LOGS_REASSEMBLIES_MAX; i++) {
        reassembly_free(n->log_memory->open[i].parts);
        n->log_memory->open[i].parts = NULL;
        n->log_memory->open[i].log = 0;
    }
}

/* What is under way, and what was heard of relays. */
static void logs_forget(struct node *n)
{
    logs_forget_memory(n);
    for (size_t i = 0; n->flights && i < NODE_FLIGHTS_MAX; i++) {
        flight_free(&n->flights[i]);
    }
    for (size_t i = 0; n->relays && i < NODE_RELAYS_MAX; i++) {
        free(n->relays[i].address);
        n->relays[i] = (struct relay_state){.id = 0};
    }
    if (n->log_memory) {
        n->log_memory->grown_count = n->log_memory->quiet_count = 0;
        n->log_memory->version++;
    }
}

static enum status logs_new(struct node *n)
{
    n->relays = mem_alloc(NODE_RELAYS_MAX, sizeof(*n->relays));
    n->flights = mem_alloc(NODE_FLIGHTS_MAX, sizeof(*n->flights));
    n->log_memory = mem_alloc(1, sizeof(*n->log_memory));
    if (!n->relays || !n->flights || !n->log_memory) {
        return ST_NO_MEMORY;
    }
    sql_watch_add(&n->sql.watches, &n->log_memory->to_send);
    return ST_OK;
}

enum status logs_open(struct node *n)
{
    uint32_t first = 0;
    if (n->relays) {
        logs_forget(n);
    } else if (logs_new(n) != ST_OK) {
        return ST_NO_MEMORY;
    }
    entropy_fill(&n->entropy, (uint8_t *)&first, sizeof(first));
    n->next_request = (uint64_t)first + 1; /* no answer to an earlier request fits a new one */
    enum status st = sql_run(&n->sql, "UPDATE log SET cursor = safe", "");
    return st == ST_OK ? remember_grown(n) : st;
}

void logs_free(struct node *n)
{
    logs_forget(n);
    mem_free(n->flights, NODE_FLIGHTS_MAX * sizeof(*n->flights));
    mem_free(n->relays, NODE_RELAYS_MAX * sizeof(*n->relays));
    mem_free(n->log_memory, sizeof(*n->log_memory));
}

void logs_changed(struct node *n)
{
    n->log_memory->version++;
}

/* ---- asking ---- */

struct flight *logs_flight(struct node *n, struct relay_state *r)
{
    for (size_t i = 0; r->in_flight < NODE_IN_FLIGHT_MAX && i < NODE_FLIGHTS_MAX; i++) {
        struct flight *f = &n->flights[i];
        if (f->id == 0) {
            memset(f, 0, sizeof(*f));
            f->id = n->next_request++;
            f->relay = r->id;
            f->sent_mono_ms = n->now.mono_ms;
            r->in_flight++;
            return f;
        }
    }
    return NULL;
}

enum status logs_flight_send(struct node *n, const struct relay_state *r, struct flight *f)
{
    struct effect_slot *e = node_effect(n, FX_RELAY_REQUEST, f->id);
    if (!e) {
        return ST_NO_MEMORY;
    }
    e->effect.u.request.relay = effect_text(e, r->address);
    e->effect.u.request.what = &f->request;
    return e->effect.u.request.relay ? ST_OK : ST_NO_MEMORY;
}

bool logs_busy(const struct node *n, int64_t log, enum relay_command command)
{
    for (size_t i = 0; i < NODE_FLIGHTS_MAX; i++) {
        const struct flight *f = &n->flights[i];
        if (f->id != 0 && f->log == log && f->request.command == command) {
            return true;
        }
    }
    return false;
}

static bool info_in_flight(const struct node *n, const struct relay_state *r)
{
    for (size_t i = 0; i < NODE_FLIGHTS_MAX; i++) {
        const struct flight *f = &n->flights[i];
        if (f->id != 0 && f->relay == r->id && f->request.command == RELAY_INFO) {
            return true;
        }
    }
    return false;
}

void logs_claim(struct query *q, int token_column, int hashes_column, enum log_right right,
                struct log_claim *out)
{
    struct log_token token;
    struct log_hashes hashes;
    QUERY_ID(q, token_column, &token);
    query_fixed(q, hashes_column, (uint8_t *)&hashes, sizeof(hashes));
    log_claim_make(right, &token, &hashes, out);
    bytes_wipe(&token, sizeof(token));
}

enum status logs_send_append(struct node *n, struct relay_state *r, int64_t outbox, bool bulk)
{
    struct query q;
    struct flight *f = logs_flight(n, r);
    if (!f) {
        return ST_OK;
    }
    f->block = mem_alloc(1, BLOCK_LEN);
    if (!f->block) {
        return ST_NO_MEMORY;
    }
    query_start(&q, &n->sql,
                "SELECT o.block_id, o.block, l.write_token, l.hashes, r.incarnation, l.id FROM outbox o"
                " JOIN log l ON l.id = o.log JOIN relay r ON r.id = l.relay WHERE o.id = ?",
                "i", outbox);
    f->outbox = outbox;
    f->bulk = bulk;
    f->request.command = RELAY_APPEND;
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &f->request.block_id);
        query_fixed(&q, 1, f->block, BLOCK_LEN);
        logs_claim(&q, 2, 3, LOG_WRITE, &f->request.log);
        QUERY_ID(&q, 4, &f->request.incarnation);
        f->log = query_int(&q, 5);
        f->request.block = SPAN_OF(f->block, BLOCK_LEN);
    }
    enum status st = query_end(&q);
    return st == ST_OK ? logs_flight_send(n, r, f) : st;
}

enum {
    APPENDS_AT_ONCE = NODE_IN_FLIGHT_MAX - LOGS_READ_AT_ONCE - 2
}; /* one wait, and one that is cancelled */

static enum status pump_appends(struct node *n, struct relay_state *r)
{
    int64_t ids[APPENDS_AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT min(o.id), o.log FROM outbox o JOIN log l ON l.id = o.log WHERE l.relay = ?"
                " AND l.kind NOT IN (7, 9) AND (l.kind != 1 OR l.echoed = 1) GROUP BY o.log ORDER BY 1",
                "i", r->id);
    while (count < APPENDS_AT_ONCE && query_next(&q)) {
        if (!logs_busy(n, query_int(&q, 1), RELAY_APPEND)) {
            ids[count++] = query_int(&q, 0);
        }
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count && r->in_flight < NODE_IN_FLIGHT_MAX - 2; i++) {
        st = logs_send_append(n, r, ids[i], false);
    }
    if (st == ST_OK) {
        st = logs_pump_bulk(n, r, APPENDS_AT_ONCE - 2); /* others always have room beside them */
    }
    return st == ST_OK ? logs_pump_trims(n, r) : st;
}

/* Most batches leave nothing in the outbox, and no log that is to be trimmed. */
static enum status is_there_to_send(struct node *n, bool *any)
{
    struct log_memory *m = n->log_memory;
    bool kept = !m->to_send.stale;
    int64_t found = m->anything_to_send;
    enum status st = ST_OK;
    if (!kept || n->doubt) {
        sql_watch_open(&n->sql.watches, &m->to_send);
        st = sql_number(
            &n->sql, &found, 0,
            "SELECT EXISTS (SELECT 1 FROM outbox) OR EXISTS (SELECT 1 FROM log WHERE trimming = 1)", "");
        sql_watch_close(&n->sql.watches);
        m->to_send.stale = m->to_send.stale || st != ST_OK;
        invariant(!kept || st != ST_OK || m->anything_to_send == (found != 0));
    }
    *any = m->anything_to_send = found != 0;
    return st;
}

static enum status send_read(struct node *n, struct relay_state *r, int64_t log)
{
    struct query q;
    struct flight *f = logs_flight(n, r);
    if (!f) {
        return ST_OK;
    }
    query_start(&q, &n->sql, "SELECT read_token, hashes, cursor, log_id FROM log WHERE id = ?", "i", log);
    f->log = log;
    f->request.command = RELAY_READ;
    f->request.max = RELAY_READ_MAX;
    if (query_next(&q)) {
        logs_claim(&q, 0, 1, LOG_READ, &f->request.log);
        f->request.after_seq = (uint64_t)query_int(&q, 2);
        QUERY_ID(&q, 3, &f->log_id);
    }
    enum status st = query_end(&q);
    r->reads++;
    return st == ST_OK ? logs_flight_send(n, r, f) : st;
}

/* A log that grew and is still there, listened to and behind; -1 when it is of another relay. */
static enum status still_behind(struct node *n, const struct relay_state *r, size_t at, int *out)
{
    struct query q;
    *out = 0;
    query_start(&q, &n->sql, "SELECT relay, cursor FROM log WHERE id = ? AND listening = 1", "i",
                n->log_memory->grown[at].log);
    if (query_next(&q)) {
        bool behind = (uint64_t)query_int(&q, 1) < n->log_memory->grown[at].seq;
        *out = query_int(&q, 0) != r->id ? -1 : behind ? 1 : 0;
    }
    return query_end(&q);
}

static enum status pump_reads(struct node *n, struct relay_state *r, bool *anything)
{
    struct log_memory *m = n->log_memory;
    size_t at = 0;
    while (at < m->grown_count) {
        int behind = 0;
        enum status st = still_behind(n, r, at, &behind);
        if (st != ST_OK) {
            return st;
        }
        if (behind == 0) {
            m->grown[at] = m->grown[--m->grown_count];
            continue;
        }
        if (behind > 0) {
            *anything = true;
            if (r->reads < LOGS_READ_AT_ONCE && !logs_busy(n, m->grown[at].log, RELAY_READ)) {
                st = send_read(n, r, m->grown[at].log);
            }
        }
        if (st != ST_OK) {
            return st;
        }
        at++;
    }
    return ST_OK;
}

/* Logs of present epochs that were not read to their end (invariant 6). */
static enum status pump_echoes(struct node *n, struct relay_state *r, bool *anything)
{
    int64_t ids[LOGS_READ_AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT l.id FROM log l JOIN mls_group g ON g.log = l.id WHERE l.relay = ? AND l.echoed = 0"
                " AND l.listening = 1 AND g.state = 1",
                "i", r->id);
    while (r->reads + count < LOGS_READ_AT_ONCE && query_next(&q)) {
        *anything = true;
        if (!logs_busy(n, query_int(&q, 0), RELAY_READ)) {
            ids[count++] = query_int(&q, 0);
        }
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = send_read(n, r, ids[i]);
    }
    return st;
}

static enum status fill_wait(struct node *n, struct relay_state *r, struct flight *f)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT id, read_token, hashes, cursor FROM log WHERE relay = ? AND listening = 1"
                " ORDER BY kind IN (4, 5, 8), id DESC LIMIT 512", /* those that others name come last */
                "i", r->id);
    size_t count = 0;
    while (count < f->watch_count && query_next(&q)) {
        if (logs_is_quiet(n, query_int(&q, 0))) {
            continue;
        }
        f->watched[count] = query_int(&q, 0);
        logs_claim(&q, 1, 2, LOG_READ, &f->watches[count].log);
        f->watches[count].after_seq = (uint64_t)query_int(&q, 3);
        count++;
    }
    f->request.watch_count = count;
    return query_end(&q);
}

static enum status cancel_wait(struct node *n, struct relay_state *r)
{
    for (size_t i = 0; i < NODE_FLIGHTS_MAX; i++) {
        if (n->flights[i].id == r->wait_id) {
            n->flights[i].cancelled = true;
        }
    }
    struct effect_slot *e = node_effect(n, FX_RELAY_CANCEL, r->wait_id);
    r->wait_id = 0;
    return e ? ST_OK : ST_NO_MEMORY;
}

static enum status pump_wait(struct node *n, struct relay_state *r)
{
    int64_t logs = 0;
    enum status st = ST_OK;
    if (r->wait_id != 0 && r->wait_version == n->log_memory->version) {
        return ST_OK;
    }
    if (r->wait_id != 0) {
        st = cancel_wait(n, r);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &logs, 0, "SELECT count(*) FROM log WHERE relay = ? AND listening = 1", "i",
                        r->id);
    }
    struct flight *f = st == ST_OK && logs != 0 ? logs_flight(n, r) : NULL;
    if (!f) {
        return st;
    }
    f->watch_count = logs < RELAY_WATCHES_MAX ? (size_t)logs : RELAY_WATCHES_MAX;
    f->watches = mem_alloc(f->watch_count, sizeof(*f->watches));
    f->watched = mem_alloc(f->watch_count, sizeof(*f->watched));
    if (!f->watches || !f->watched) {
        return ST_NO_MEMORY;
    }
    f->request =
        (struct relay_request){.command = RELAY_WAIT, .timeout_ms = RELAY_WAIT_MAX_MS, .watches = f->watches};
    r->wait_id = f->id;
    r->wait_version = n->log_memory->version;
    st = fill_wait(n, r, f);
    if (st == ST_OK && f->request.watch_count == 0) { /* all of them are quiet */
        r->wait_id = 0;
        r->in_flight--;
        flight_free(f);
        return ST_OK;
    }
    return st == ST_OK ? logs_flight_send(n, r, f) : st;
}

/* A relay that stands by is asked now and then: when it is needed, it should be known whether it is there. */
static bool probe_due(struct node *n, const struct relay_state *r)
{
    int64_t due = r->answered_mono_ms + LOGS_PROBE_MS;
    if (!r->ours || r->wait_id != 0) {
        return false;
    }
    if (due > n->now.mono_ms) {
        node_wake_mono(n, due);
    }
    return due <= n->now.mono_ms;
}

static enum status pump_relay(struct node *n, struct relay_state *r)
{
    int64_t known = 0;
    bool reading = false, send = false;
    if (r->retry_at_mono_ms > n->now.mono_ms) {
        node_wake_mono(n, r->retry_at_mono_ms);
        return ST_OK;
    }
    enum status st =
        sql_number(&n->sql, &known, 0, "SELECT incarnation IS NOT NULL FROM relay WHERE id = ?", "i", r->id);
    if (st == ST_OK && (!r->asked_info || r->lost || known == 0 || probe_due(n, r)) &&
        !info_in_flight(n, r)) {
        struct flight *f = logs_flight(n, r);
        if (f) {
            f->request.command = RELAY_INFO;
            r->asked_info = true;
            st = logs_flight_send(n, r, f);
        }
    }
    if (st != ST_OK || known == 0 || r->lost) {
        return st;
    }
    st = is_there_to_send(n, &send);
    if (st == ST_OK && send) {
        st = pump_appends(n, r);
    }
    if (st == ST_OK) {
        st = pump_reads(n, r, &reading);
    }
    if (st == ST_OK) {
        st = pump_echoes(n, r, &reading);
    }
    return st == ST_OK && !reading ? pump_wait(n, r) : st;
}

/* logs_reached tells it, and a database does not. */
static void set_reached(struct node *n, struct relay_state *r, bool reached)
{
    if (r->reached != reached) {
        sql_all_stale(&n->sql.watches);
    }
    r->reached = reached;
}

struct known_relays { /* whom this device talks to: its family's first, then those that ever answered */
    int64_t id[NODE_RELAYS_MAX];
    bool ours[NODE_RELAYS_MAX];
    char address[NODE_RELAYS_MAX][WIRE_RELAY_MAX + 1];
    size_t count;
};

static enum status list_relays(struct node *n, struct known_relays *k)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT id, address, place FROM relay ORDER BY place = 0, incarnation IS NULL, id LIMIT ?",
                "i", (int64_t)NODE_RELAYS_MAX);
    while (k->count < NODE_RELAYS_MAX && query_next(&q)) {
        k->id[k->count] = query_int(&q, 0);
        k->ours[k->count] = query_int(&q, 2) != 0;
        sqlite3_snprintf(sizeof(k->address[0]), k->address[k->count++], "%s", query_text(&q, 1));
    }
    return query_end(&q);
}

/* A place that is free, or that of a relay which is not among them any more and has nothing in flight. */
static struct relay_state *relay_place(struct node *n, const struct known_relays *k)
{
    for (size_t i = 0; i < NODE_RELAYS_MAX; i++) {
        struct relay_state *r = &n->relays[i];
        bool known = false;
        for (size_t j = 0; j < k->count; j++) {
            known = known || k->id[j] == r->id;
        }
        if (r->id == 0 || (!known && r->in_flight == 0)) {
            set_reached(n, r, false);
            free(r->address);
            memset(r, 0, sizeof(*r));
            return r;
        }
    }
    return NULL;
}

static enum status know_relays(struct node *n)
{
    struct known_relays *k = mem_alloc(1, sizeof(*k));
    enum status st = k ? list_relays(n, k) : ST_NO_MEMORY;
    for (size_t i = 0; st == ST_OK && i < k->count; i++) {
        bool there = false;
        for (size_t j = 0; j < NODE_RELAYS_MAX; j++) {
            bool same = n->relays[j].id == k->id[i];
            n->relays[j].ours = same ? k->ours[i] : n->relays[j].ours;
            there = there || same;
        }
        struct relay_state *r = there ? NULL : relay_place(n, k);
        if (r) {
            r->address = strdup(k->address[i]);
            r->id = r->address ? k->id[i] : 0;
            r->ours = k->ours[i];
            st = r->address ? ST_OK : ST_NO_MEMORY;
        }
    }
    mem_free(k, sizeof(*k));
    return st;
}

enum status logs_pump(struct node *n)
{
    enum status st = know_relays(n);
    logs_quiet_due(n);
    for (size_t i = 0; st == ST_OK && i < NODE_RELAYS_MAX; i++) {
        if (n->relays[i].id != 0) {
            st = pump_relay(n, &n->relays[i]);
        }
    }
    return st;
}

static enum status answer_wait(struct node *n, const struct flight *f, const struct relay_answer *a)
{
    struct log_memory *m = n->log_memory;
    enum status st = group_read_to_end(n, f->watched, f->watch_count, a);
    for (size_t i = 0; st == ST_OK && i < a->count; i++) {
        size_t at = 0;
        invariant(f->watched);
        int64_t log = f->watched[a->grown[i].index];
        while (at < m->grown_count && m->grown[at].log != log) {
            at++;
        }
        if (at == sizeof(m->grown) / sizeof(m->grown[0])) {
            break; /* the next wait tells again */
        }
        m->grown[at].log = log;
        m->grown[at].seq = a->grown[i].seq;
        m->grown_count += at == m->grown_count;
        st = sql_run(&n->sql, "UPDATE log SET grown = ? WHERE id = ?", "ii", (int64_t)a->grown[i].seq, log);
    }
    logs_changed(n);
    return st;
}

/* True in *wiped when the relay's store is another one than before: seqs start again (protocol.md §3.3). */
static enum status note_incarnation(struct node *n, int64_t relay, const struct relay_incarnation *seen,
                                    bool *wiped)
{
    struct relay_incarnation before;
    struct query q;
    bool known = false;
    *wiped = false;
    query_start(&q, &n->sql, "SELECT incarnation FROM relay WHERE id = ?", "i", relay);
    if (query_next(&q) && !query_null(&q, 0)) {
        QUERY_ID(&q, 0, &before);
        known = true;
    }
    enum status st = query_end(&q);
    if (st != ST_OK || (known && ID_EQUAL(&before, seen))) {
        return st;
    }
    *wiped = known;
    st = sql_run(&n->sql, "UPDATE relay SET incarnation = ? WHERE id = ?", "bi", SPAN_ID(seen), relay);
    return st == ST_OK && known ? logs_begin_anew(n, relay, false) : st;
}

static void back_off(struct node *n, struct relay_state *r, uint32_t at_least_ms)
{
    int64_t ms = r->backoff_ms * 2;
    ms = ms < LOGS_BACKOFF_MIN_MS ? LOGS_BACKOFF_MIN_MS : ms > LOGS_BACKOFF_MAX_MS ? LOGS_BACKOFF_MAX_MS : ms;
    r->backoff_ms = ms;
    ms += node_random_below(n, ms / 2);
    r->retry_at_mono_ms = n->now.mono_ms + (ms > (int64_t)at_least_ms ? ms : (int64_t)at_least_ms);
}

/* It does not answer: since when, and for how long this device has been trying, in the time that it ran. */
static enum status note_away(struct node *n, struct relay_state *r)
{
    /* Not the wall clock, which may jump. */
    int64_t more = r->away_mono_ms != 0 ? n->now.mono_ms - r->away_mono_ms : 0;
    if (r->away_mono_ms != 0 && more < LOGS_AWAY_NOTED_MS) {
        return ST_OK;
    }
    more = more < LOGS_AWAY_STEP_MS ? more : LOGS_AWAY_STEP_MS;
    r->away_mono_ms = n->now.mono_ms;
    return sql_run(
        &n->sql,
        "UPDATE relay SET away_at = iif(away_at = 0, ?, away_at), away_ms = away_ms + ? WHERE id = ?", "iii",
        n->now.wall_ms, more, r->id);
}

static enum status note_back(struct node *n, struct relay_state *r)
{
    if (r->reached && r->away_mono_ms == 0) {
        return ST_OK;
    }
    r->away_mono_ms = 0;
    return sql_run(&n->sql, "UPDATE relay SET away_at = 0, away_ms = 0 WHERE id = ? AND away_at != 0", "i",
                   r->id);
}

static enum status answered(struct node *n, struct relay_state *r, const struct flight *f,
                            const struct relay_answer *a)
{
    bool wiped = false;
    enum status st = note_incarnation(n, r->id, &a->incarnation, &wiped);
    if (st == ST_OK) {
        st = note_back(n, r);
    }
    if (st != ST_OK) {
        return st;
    }
    set_reached(n, r, true);
    r->lost = false;
    r->answered_mono_ms = n->now.mono_ms;
    if (a->result == RELAY_LOG_FULL && f->bulk) {
        return logs_answer_full(n, f);
    }
    if (a->result == RELAY_LOG_FULL) {
        st = logs_full(n, f);
    }
    if (a->result != RELAY_OK) {
        if (a->result != RELAY_INCARNATION) {
            back_off(n, r, a->retry_after_ms);
        }
        return st;
    }
    r->backoff_ms = 0;
    if (wiped && a->command != RELAY_APPEND) {
        return ST_OK;
    }
    switch (a->command) {
    case RELAY_APPEND:
        return logs_answer_append(n, f, a);
    case RELAY_READ:
        return logs_answer_read(n, f, a);
    case RELAY_WAIT:
        return f->cancelled ? ST_OK : answer_wait(n, f, a);
    case RELAY_INFO:
        return sql_run(&n->sql, "UPDATE relay SET time_skew_ms = ? WHERE id = ?", "ii",
                       a->info.time_ms - n->now.wall_ms, r->id);
    case RELAY_TRIM:
        return logs_drop(n, f->log);
    default:
        return ST_OK;
    }
}

enum status logs_answer(struct node *n, uint64_t id, const struct relay_answer *answer)
{
    struct flight *f = NULL;
    struct relay_state *r = NULL;
    for (size_t i = 0; id != 0 && i < NODE_FLIGHTS_MAX; i++) {
        f = n->flights[i].id == id ? &n->flights[i] : f;
    }
    for (size_t i = 0; f && i < NODE_RELAYS_MAX; i++) {
        r = n->relays[i].id == f->relay ? &n->relays[i] : r;
    }
    if (!f || !r) {
        return ST_OK; /* asked before a restart, or never */
    }
    r->in_flight--;
    r->reads -= f->request.command == RELAY_READ;
    if (r->wait_id == id) {
        r->wait_id = 0;
    }
    enum status st = ST_OK;
    if (answer && answer->command == f->request.command) {
        st = answered(n, r, f, answer);
    } else if (!f->cancelled && r->answered_mono_ms <= f->sent_mono_ms) {
        /* Nothing came since it was asked: the relay is away. (Else one request got lost, and is asked
         * again.) */
        set_reached(n, r, false);
        r->lost = true;
        back_off(n, r, 0);
        st = note_away(n, r);
    }
    flight_free(f);
    return st;
}
