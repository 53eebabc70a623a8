/* SPDX-License-Identifier: Apache-2.0 */
/* What a read brought: blocks, records, the end of a log. */
#include "sync/logs_internal.h"
#include "sync/scope_group.h"

/* ---- one record ---- */

struct record_call {
    const struct log_row *log;
    uint64_t seq;
    struct span message;
};

static enum status dispatch_record(struct node *n, void *arg)
{
    struct record_call *c = arg;
    switch (c->log->kind) {
    case LOG_OF_GROUP:
        return group_record(n, c->log, c->seq, c->message);
    case LOG_OF_LETTERBOX:
        return letter_record(n, c->log, c->message);
    case LOG_OF_PAIRING:
        return pair_record(n, c->log, c->message);
    case LOG_OF_CARD:
        return card_record(n, c->log, c->message);
    case LOG_OF_HISTORY:
        return history_record(n, c->log, c->message);
    case LOG_OF_FILE:
        return file_record(n, c->log, c->message);
    case LOG_OUTWARD:
    case LOG_HISTORY_OUT:
    case LOG_FILE_OUT:
    default:
        return ST_INTERNAL;
    }
}

static enum status deliver(struct node *n, const struct log_row *log, uint64_t seq, struct span message)
{
    struct record_call c = {log, seq, message};
    enum status why = ST_OK, st = node_guard(n, dispatch_record, &c, &why);
    if (st == ST_OK && why != ST_OK) {
        st = node_skipped(n);
    }
    return st;
}

static struct reassembly **parts_of(struct node *n, int64_t log)
{
    size_t free_at = LOGS_REASSEMBLIES_MAX;
    for (size_t i = 0; i < LOGS_REASSEMBLIES_MAX; i++) {
        if (n->log_memory->open[i].log == log) {
            return &n->log_memory->open[i].parts;
        }
        if (n->log_memory->open[i].log == 0) {
            free_at = i;
        }
    }
    if (free_at == LOGS_REASSEMBLIES_MAX) { /* many logs with unfinished messages: the first makes room */
        free_at = 0;
        reassembly_free(n->log_memory->open[0].parts);
    }
    n->log_memory->open[free_at].log = log;
    n->log_memory->open[free_at].parts = NULL;
    return &n->log_memory->open[free_at].parts;
}

static enum status take_fragment(struct node *n, const struct log_row *log, uint64_t seq,
                                 const struct block_record *record)
{
    struct buffer whole;
    bool complete = false;
    struct reassembly **parts = parts_of(n, log->id);
    enum status st = *parts ? ST_OK : reassembly_new(parts);
    buffer_init(&whole, BLOCK_MESSAGE_MAX);
    if (st == ST_OK) {
        st = reassembly_add(*parts, record, seq, &whole, &complete);
    }
    if (st != ST_OK && !status_is_fatal(st)) {
        st = node_skipped(n);
    }
    if (st == ST_OK && complete) {
        st = deliver(n, log, seq, buffer_span(&whole));
    }
    buffer_wipe(&whole);
    return st;
}

/* What has just been read ended a gap: the log is read again from its start, and nothing of it counts before
 * what stands there. While an answer is taken in, the row's cursor is not 0 otherwise. */
static enum status is_reread(struct node *n, int64_t log, bool *out)
{
    int64_t cursor = 0;
    *out = false;
    if (!n->log_memory->reread) {
        return ST_OK;
    }
    enum status st = sql_number(&n->sql, &cursor, 0, "SELECT cursor FROM log WHERE id = ?", "i", log);
    *out = st == ST_OK && cursor == 0;
    n->log_memory->reread = *out;
    return st;
}

struct block_call {
    const struct log_row *log;
    uint64_t seq;
    struct block_payload *payload;
    size_t first; /* where its records begin */
};

static enum status take_records(struct node *n, void *arg)
{
    struct block_call *c = arg;
    struct block_record record;
    enum status st = ST_OK;
    bool over = false;
    c->payload->at = c->first;
    while (st == ST_OK && !over && block_payload_next(c->payload, &record)) {
        st = record.kind == BLOCK_WHOLE ? deliver(n, c->log, c->seq, record.bytes)
                                        : take_fragment(n, c->log, c->seq, &record);
        if (st == ST_OK) {
            st = is_reread(n, c->log->id, &over);
        }
    }
    return st == ST_OK ? groups_save_due(n) : st;
}

/* Of a group's messages nearly none is refused. Fragments are kept in memory, which no rollback undoes. */
static bool goes_at_once(const struct block_call *c)
{
    struct block_record record;
    bool whole = c->log->kind == LOG_OF_GROUP;
    c->payload->at = c->first;
    while (whole && block_payload_next(c->payload, &record)) {
        whole = record.kind == BLOCK_WHOLE;
    }
    return whole;
}

static enum status take_block(struct node *n, const struct log_row *log, const struct secret *key,
                              const struct relay_block *block)
{
    struct block_payload *payload = mem_alloc(1, sizeof(*payload));
    if (!payload) {
        return ST_NO_MEMORY;
    }
    struct block_call c = {.log = log, .seq = block->seq, .payload = payload};
    enum status st = block_open(payload, key, block->block);
    c.first = payload->at;
    if (st != ST_OK) {
        st = status_is_fatal(st) ? st : node_skipped(n);
    } else {
        st = goes_at_once(&c) ? node_guard_once(n, take_records, &c) : take_records(n, &c);
    }
    mem_free(payload, sizeof(*payload));
    return st;
}

/* ---- one answer ---- */

static uint64_t safe_cursor(struct node *n, int64_t log, uint64_t cursor)
{
    for (size_t i = 0; i < LOGS_REASSEMBLIES_MAX; i++) {
        if (n->log_memory->open[i].log == log && n->log_memory->open[i].parts) {
            uint64_t oldest = reassembly_oldest_seq(n->log_memory->open[i].parts);
            return oldest != 0 && oldest <= cursor ? oldest - 1 : cursor;
        }
    }
    return cursor;
}

enum status logs_load(struct node *n, int64_t id, struct log_row *out, struct secret *key, int64_t *cursor)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(&q, &n->sql, "SELECT id, owner, epoch, kind, log_id, block_key, cursor FROM log WHERE id = ?",
                "i", id);
    if (query_next(&q)) {
        out->id = query_int(&q, 0);
        out->owner = query_int(&q, 1);
        out->epoch = query_int(&q, 2);
        out->kind = (enum log_kind)query_int(&q, 3);
        QUERY_ID(&q, 4, &out->log);
        QUERY_ID(&q, 5, key);
        *cursor = query_int(&q, 6);
    }
    return query_end(&q);
}

/* Seqs of a group's log are dense: one that is missing may have been the first commit (§5.3). A hole that was
 * waited out once is let be when the log is read again. */
static enum status note_hole(struct node *n, const struct log_row *log, int64_t seq)
{
    int64_t known = 0;
    enum status st = sql_number(&n->sql, &known, 0, "SELECT gap_to FROM log WHERE id = ?", "i", log->id);
    if (st != ST_OK || seq <= known) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE log SET gap_to = ? WHERE id = ?", "ii", seq, log->id);
    return st == ST_OK ? group_hole(n, log) : st;
}

/* The block that ends them is at the relay: entries that it carried need not be sent again. */
enum status logs_appended(struct node *n, int64_t outbox)
{
    enum status st = sql_run(&n->sql, "UPDATE entry SET acked = 1 WHERE outbox = ?", "i", outbox);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM outbox WHERE id = ?", "i", outbox);
    }
    return st;
}

enum status logs_begin_anew(struct node *n, int64_t relay, bool older)
{
    logs_forget_memory(n);
    n->log_memory->grown_count = 0;
    logs_changed(n);
    enum status st = sql_run(
        &n->sql, "UPDATE log SET cursor = 0, safe = 0, grown = 0, gap_to = 0 WHERE relay = ?", "i", relay);
    if (st == ST_OK) {
        st = relay_trouble(n, relay);
    }
    return st == ST_OK ? group_gap(n, relay, older) : st;
}

/* A block of ours that was read left the outbox (note_own_block): what is still there was not at that number.
 */
enum status logs_answer_append(struct node *n, const struct flight *f, const struct relay_answer *a)
{
    int64_t relay = 0;
    enum status st =
        sql_number(&n->sql, &relay, 0,
                   "SELECT l.relay FROM log l JOIN outbox o ON o.log = l.id WHERE o.id = ? AND l.kind ="
                   " 1 AND l.cursor >= ?",
                   "ii", f->outbox, (int64_t)a->seq);
    if (st == ST_OK) {
        st = logs_appended(n, f->outbox);
    }
    return st == ST_OK && relay != 0 ? logs_begin_anew(n, relay, true) : st;
}

/* A block of ours that is read back was appended, though its answer got lost. */
static enum status note_own_block(struct node *n, const struct log_row *log, struct span block)
{
    int64_t outbox = 0;
    enum status st = sql_number(&n->sql, &outbox, 0, "SELECT id FROM outbox WHERE log = ? AND block = ?",
                                "ib", log->id, block);
    return st == ST_OK && outbox != 0 ? logs_appended(n, outbox) : st;
}

/* The log's end, as far as this relay shows it: whatever an earlier life of this device sent was seen. */
static enum status note_end(struct node *n, const struct log_row *log, size_t count)
{
    bool echoed = true;
    enum status st = ST_OK;
    if (log->kind == LOG_OF_GROUP && count < RELAY_READ_MAX) {
        st = group_log_end(n, log);
    }
    if (log->kind == LOG_OF_GROUP && count < RELAY_READ_MAX && st == ST_OK) {
        st = logs_echoed(n, log->id, &echoed);
    }
    return st == ST_OK && !echoed ? logs_set_echoed(n, log->id) : st;
}

/* ---- logs that have nothing of what they say ---- */

void logs_quiet(struct node *n, int64_t log)
{
    struct log_memory *m = n->log_memory;
    size_t at = 0;
    while (at < m->quiet_count && m->quiet[at].log != log) {
        at++;
    }
    at = at < LOGS_QUIET_MAX ? at : 0; /* so many at once: the first is asked again sooner */
    m->quiet_count += at == m->quiet_count;
    m->quiet[at].log = log;
    m->quiet[at].until_mono_ms = n->now.mono_ms + LOGS_QUIET_MS;
}

bool logs_is_quiet(const struct node *n, int64_t log)
{
    for (size_t i = 0; i < n->log_memory->quiet_count; i++) {
        if (n->log_memory->quiet[i].log == log) {
            return true;
        }
    }
    return false;
}

void logs_quiet_due(struct node *n)
{
    struct log_memory *m = n->log_memory;
    for (size_t i = 0; i < m->quiet_count;) {
        if (m->quiet[i].until_mono_ms > n->now.mono_ms) {
            node_wake_mono(n, m->quiet[i++].until_mono_ms);
            continue;
        }
        m->quiet[i] = m->quiet[--m->quiet_count];
        logs_changed(n);
    }
}

enum status logs_answer_read(struct node *n, const struct flight *f, const struct relay_answer *a)
{
    struct log_row log;
    struct secret key;
    int64_t cursor = 0;
    enum status st = logs_load(n, f->log, &log, &key, &cursor);
    bool usable = st == ST_OK && log.id != 0 && ID_EQUAL(&log.log, &f->log_id) &&
                  (uint64_t)cursor == f->request.after_seq;
    bool over = false;
    n->log_memory->reread = false;
    if (usable && a->count != 0) {
        st = sql_run(&n->sql, "UPDATE log SET cursor = max(cursor, 1) WHERE id = ?", "i", f->log);
    }
    for (size_t i = 0; usable && st == ST_OK && !over && i < a->count; i++) {
        if (log.kind == LOG_OF_GROUP && a->blocks[i].seq != (uint64_t)cursor + 1) {
            st = note_hole(n, &log, (int64_t)a->blocks[i].seq);
        }
        if (st != ST_OK) {
            break;
        }
        st = note_own_block(n, &log, a->blocks[i].block);
        if (st == ST_OK) {
            st = take_block(n, &log, &key, &a->blocks[i]);
        }
        if (st == ST_OK) {
            st = is_reread(n, log.id, &over);
        }
        cursor = (int64_t)a->blocks[i].seq;
    }
    secret_wipe(&key);
    for (size_t i = 0; i < n->log_memory->grown_count; i++) {
        if (usable && a->count == 0 && n->log_memory->grown[i].log == f->log) {
            n->log_memory->grown[i].seq = 0; /* a log that was trimmed, a relay that was wiped or lies */
            logs_quiet(n, f->log);
        }
    }
    if (st == ST_OK && usable && !over) {
        st = sql_run(&n->sql, "UPDATE log SET cursor = ?, safe = ? WHERE id = ?", "iii", cursor,
                     (int64_t)safe_cursor(n, f->log, (uint64_t)cursor), f->log);
        logs_changed(n);
    }
    return st == ST_OK && usable && !over ? note_end(n, &log, a->count) : st;
}
