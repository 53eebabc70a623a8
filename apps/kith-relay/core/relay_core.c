/* SPDX-License-Identifier: Apache-2.0 */
/* States of a batch: gathering (submit fills `queue`) → relay_core_commit → answering (next empties first the
 * fired waits, then `queue`) → gathering. Invariants: (1) every queued command and every wait, parked or
 * fired, counts in `pending` of both its parties; (2) reads and looks for waits run while answering, after
 * the commit. */
#include "apps/kith-relay/core/relay_core.h"

#include "apps/kith-relay/core/relay_quota.h"
#include "apps/kith-relay/core/relay_waits.h"
#include "protocol/mem.h"

enum core_limits {
    EXPIRE_EVERY_MS = 60 * 1000, /* look for old blocks this often */
    EXPIRE_BLOCKS_MAX = 512,     /* and let so many go at once: 8 MiB, a few tens of ms */
    EXPIRE_AGAIN_MS = 200,       /* sooner while there are more */
    RETRY_BUSY_MS = 5 * 1000,
    RETRY_STORE_MS = 60 * 1000
};

const struct relay_limits relay_limits_default = {
    .log_blocks_max = 131072,              /* 2 GiB: a file of 1 GiB with its headers, a long history */
    .store_blocks_max = UINT64_C(1) << 22, /* 64 GiB */
    .retention_ms = INT64_C(45) * 24 * 60 * 60 * 1000,
    .watches_max = 1 << 20,    /* 100 MiB */
    .session_waits_max = 8,    /* one a scope of work, and some that a client gave up */
    .source_waits_max = 4096,  /* many devices behind one address */
    .session_logs_day = 20000, /* a letterbox a contact, a log an epoch: hundreds */
    .source_logs_day = 200000,
    .session_bytes_day = UINT64_C(8) << 30, /* a history of some GiB to a new device */
    .source_bytes_day = UINT64_C(64) << 30,
    .sessions_max = 65536,
    .source_sessions_max = 4096,
};

struct queued {
    struct relay_ask ask;
    enum relay_command command;
    enum relay_result result;
    uint32_t retry_after_ms;
    uint64_t seq;      /* append: the answer; read: after */
    struct log_id log; /* read */
    uint8_t max;       /* read */
    struct wait *wait;
};

struct relay_core {
    struct relay_store store;
    struct relay_limits limits;
    struct relay_waits waits;
    struct relay_counts counts;
    struct store_stat stat; /* as of the last submit or commit */
    struct now now;         /* as of the last call that had it */
    size_t queued, answered;
    bool answering, busy;
    struct queued queue[RELAY_BATCH_MAX];
    int64_t expire_at_mono_ms;
    struct log_heads grown;
    struct relay_answer answer;
    struct block_list blocks;
    struct buffer encoded;
};

enum status relay_core_new(struct relay_core **out, const struct relay_store *store,
                           const struct relay_limits *limits, struct entropy *e)
{
    struct relay_core *c = mem_alloc(1, sizeof(*c));
    *out = NULL;
    if (c == NULL) {
        return ST_NO_MEMORY;
    }
    c->store = *store;
    c->limits = *limits;
    relay_waits_init(&c->waits, e);
    buffer_init(&c->blocks.bytes, (size_t)RELAY_READ_MAX * BLOCK_LEN);
    buffer_init(&c->encoded, RELAY_ANSWER_MAX);
    store->ops->stat(store->s, &c->stat);
    *out = c;
    return ST_OK;
}

void relay_core_free(struct relay_core *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = c->answered; i < c->queued; i++) {
        if (c->queue[i].wait != NULL) {
            relay_wait_free(&c->waits, c->queue[i].wait);
        }
    }
    relay_waits_wipe(&c->waits);
    buffer_wipe(&c->blocks.bytes);
    buffer_wipe(&c->encoded);
    mem_free(c, sizeof(*c));
}

/* ---- gathering ---- */

static void refuse(struct queued *q, enum relay_result result, uint32_t retry_after_ms)
{
    q->result = result;
    q->retry_after_ms = retry_after_ms;
}

static void refuse_status(struct queued *q, enum status st)
{
    if (st == ST_RELAY_LOG_FULL) {
        refuse(q, RELAY_LOG_FULL, 0);
    } else if (st == ST_NO_MEMORY) {
        refuse(q, RELAY_BUSY, RETRY_BUSY_MS);
    } else {
        refuse(q, RELAY_STORE_FAILED, RETRY_STORE_MS);
    }
}

static uint32_t longer(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void take_append(struct relay_core *c, struct queued *q, const struct relay_request *r)
{
    struct relay_party *session = q->ask.session, *source = q->ask.source;
    const struct relay_quota of_session = relay_quota_session(&c->limits);
    const struct relay_quota of_source = relay_quota_source(&c->limits);
    relay_quota_fill(session, &of_session, c->now.mono_ms);
    relay_quota_fill(source, &of_source, c->now.mono_ms);
    uint32_t bytes_ms = longer(relay_quota_wait_ms(session->bytes, BLOCK_LEN, of_session.bytes_day),
                               relay_quota_wait_ms(source->bytes, BLOCK_LEN, of_source.bytes_day));
    uint32_t logs_ms = longer(relay_quota_wait_ms(session->logs, 1, of_session.logs_day),
                              relay_quota_wait_ms(source->logs, 1, of_source.logs_day));
    if (bytes_ms > 0) {
        refuse(q, RELAY_BYTES_LIMIT, bytes_ms);
        return;
    }
    if (c->stat.blocks >= c->limits.store_blocks_max) {
        refuse(q, RELAY_STORE_FULL, RETRY_STORE_MS);
        return;
    }
    struct store_append a = {.id = r->block_id,
                             .block = r->block,
                             .wall_ms = c->now.wall_ms,
                             .log_blocks_max = c->limits.log_blocks_max,
                             .may_create = logs_ms == 0};
    struct store_appended done = {0};
    log_claim_id(LOG_WRITE, &r->log, &a.log);
    enum status st = c->store.ops->append(c->store.s, &a, &done);
    if (st == ST_RELAY_LOGS_LIMIT) {
        refuse(q, RELAY_LOGS_LIMIT, logs_ms);
        return;
    }
    if (st != ST_OK) {
        refuse_status(q, st);
        return;
    }
    q->seq = done.seq;
    double bytes = done.duplicate ? 0 : BLOCK_LEN, logs = done.created ? 1 : 0;
    session->bytes -= bytes;
    source->bytes -= bytes;
    session->logs -= logs;
    source->logs -= logs;
    c->stat.blocks += done.duplicate ? 0 : 1;
    c->counts.appended += done.duplicate ? 0 : 1;
}

static void take_trim(struct relay_core *c, struct queued *q, const struct relay_request *r)
{
    struct log_id log;
    log_claim_id(LOG_TRIM, &r->log, &log);
    enum status st = c->store.ops->trim(c->store.s, &log, r->up_to_seq);
    if (st != ST_OK) {
        refuse_status(q, st);
    }
}

static enum status take_wait(struct relay_core *c, struct queued *q, const struct relay_request *r)
{
    if (c->waits.watches + r->watch_count > c->limits.watches_max ||
        q->ask.source->wait_count >= c->limits.source_waits_max) {
        refuse(q, RELAY_BUSY, RETRY_BUSY_MS);
        return ST_OK;
    }
    return relay_wait_new(&c->waits, &q->ask, r, c->now.mono_ms, &q->wait);
}

static struct queued *queue_next(struct relay_core *c, const struct relay_ask *ask)
{
    invariant(!c->answering && ask->session != ask->source);
    if (c->queued == RELAY_BATCH_MAX) {
        return NULL;
    }
    struct queued *q = &c->queue[c->queued];
    *q = (struct queued){.ask = *ask};
    return q;
}

static void queue_push(struct relay_core *c, struct queued *q)
{
    q->ask.session->pending++;
    q->ask.source->pending++;
    c->queued++;
    c->counts.commands++;
}

enum status relay_core_submit(struct relay_core *c, const struct relay_ask *ask,
                              const struct relay_request *r, struct now now)
{
    struct queued *q = queue_next(c, ask);
    if (q == NULL) {
        return ST_RELAY_BUSY;
    }
    c->now = now;
    q->command = r->command;
    bool writes = r->command == RELAY_APPEND || r->command == RELAY_TRIM;
    if (writes && !ID_EQUAL(&r->incarnation, &c->stat.incarnation)) {
        refuse(q, RELAY_INCARNATION, 0);
        queue_push(c, q);
        return ST_OK;
    }
    enum status st = ST_OK;
    switch (r->command) {
    case RELAY_APPEND:
        take_append(c, q, r);
        break;
    case RELAY_TRIM:
        take_trim(c, q, r);
        break;
    case RELAY_READ:
        log_claim_id(LOG_READ, &r->log, &q->log);
        q->seq = r->after_seq;
        q->max = r->max;
        if (c->busy) {
            refuse(q, RELAY_BUSY, RETRY_BUSY_MS);
        }
        break;
    case RELAY_WAIT:
        st = take_wait(c, q, r);
        break;
    case RELAY_INFO:
        break;
    }
    if (st == ST_OK) {
        queue_push(c, q);
    }
    return st;
}

enum status relay_core_refuse(struct relay_core *c, const struct relay_ask *ask, uint8_t first_byte)
{
    struct queued *q = queue_next(c, ask);
    if (q == NULL) {
        return ST_RELAY_BUSY;
    }
    bool known = first_byte >= RELAY_APPEND && first_byte <= RELAY_INFO;
    q->command = known ? (enum relay_command)first_byte : RELAY_INFO;
    refuse(q, RELAY_BAD_REQUEST, 0);
    queue_push(c, q);
    return ST_OK;
}

void relay_core_commit(struct relay_core *c, struct now now)
{
    c->now = now;
    enum status st = c->store.ops->commit(c->store.s, &c->grown);
    for (size_t i = 0; i < c->queued && st != ST_OK; i++) {
        struct queued *q = &c->queue[i];
        if (q->result == RELAY_OK && (q->command == RELAY_APPEND || q->command == RELAY_TRIM)) {
            refuse_status(q, st);
        }
    }
    if (st == ST_OK) {
        relay_waits_grow(&c->waits, &c->grown);
    }
    c->store.ops->stat(c->store.s, &c->stat);
    c->answering = true;
    c->counts.batches++;
}

/* ---- answering ---- */

static void answer_read(struct relay_core *c, struct queued *q)
{
    c->blocks.max = q->max;
    enum status st = c->store.ops->read(c->store.s, &q->log, q->seq, &c->blocks);
    if (st != ST_OK) {
        refuse_status(q, st);
        return;
    }
    c->answer.count = c->blocks.count;
    c->counts.read += c->blocks.count;
    for (size_t i = 0; i < c->blocks.count; i++) {
        c->answer.blocks[i].seq = c->blocks.seq[i];
        c->answer.blocks[i].block = SPAN_OF(c->blocks.bytes.ptr + i * BLOCK_LEN, BLOCK_LEN);
    }
}

static void answer_info(const struct relay_core *c, struct relay_info *out)
{
    *out = (struct relay_info){.version = RELAY_VERSION,
                               .time_ms = c->now.wall_ms,
                               .retention_ms = (uint64_t)c->limits.retention_ms,
                               .log_blocks_max = c->limits.log_blocks_max,
                               .session_waits_max = c->limits.session_waits_max,
                               .wait_max_ms = RELAY_WAIT_MAX_MS};
}

static bool encode(struct relay_core *c, const struct relay_ask *ask, struct relay_reply *out)
{
    struct writer w;
    c->answer.incarnation = c->stat.incarnation;
    c->encoded.len = 0;
    writer_init(&w, &c->encoded);
    c->counts.refused += c->answer.result != RELAY_OK;
    ask->session->pending--;
    ask->source->pending--;
    if (relay_answer_encode(&w, &c->answer) != ST_OK) {
        return false; /* no memory: the client hears nothing and asks again */
    }
    *out = (struct relay_reply){*ask, buffer_span(&c->encoded)};
    return true;
}

static void answer_start(struct relay_core *c, enum relay_command command)
{
    c->answer.command = command;
    c->answer.result = RELAY_OK;
    c->answer.retry_after_ms = 0;
    c->answer.seq = 0;
    c->answer.count = 0;
}

/* Parks the wait, true; or leaves in q what its answer is, false. */
static bool park(struct relay_core *c, struct queued *q)
{
    struct relay_party *session = q->ask.session;
    bool any = false;
    enum status st = relay_wait_look(q->wait, &c->store, &any);
    if (st != ST_OK || any || q->wait->until_mono_ms <= c->now.mono_ms) {
        if (st != ST_OK) {
            refuse_status(q, st);
        }
        return false;
    }
    if (session->wait_count >= c->limits.session_waits_max && !link_alone(&session->waits)) {
        relay_wait_fire(&c->waits, LINK_OWNER(session->waits.next, struct wait, in_session));
    }
    st = relay_wait_park(&c->waits, q->wait);
    if (st != ST_OK) {
        refuse_status(q, st);
        return false;
    }
    c->counts.waits_parked++;
    q->wait = NULL;
    return true;
}

static bool answer_queued(struct relay_core *c, struct queued *q, struct relay_reply *out)
{
    answer_start(c, q->command);
    if (q->wait != NULL) {
        if (park(c, q)) {
            return false;
        }
        if (q->result == RELAY_OK) {
            relay_wait_answer(q->wait, &c->answer);
        }
        relay_wait_free(&c->waits, q->wait);
        q->wait = NULL;
    } else if (q->command == RELAY_READ && q->result == RELAY_OK) {
        answer_read(c, q);
    } else if (q->command == RELAY_INFO) {
        answer_info(c, &c->answer.info);
    }
    c->answer.seq = q->seq;
    c->answer.result = q->result;
    c->answer.retry_after_ms = q->retry_after_ms;
    return encode(c, &q->ask, out);
}

bool relay_core_next(struct relay_core *c, struct relay_reply *out)
{
    *out = (struct relay_reply){0};
    /* fired waits last: to park a wait may fire the oldest of its session */
    while (c->answering && c->answered < c->queued) {
        if (answer_queued(c, &c->queue[c->answered++], out)) {
            return true;
        }
    }
    if (c->answering) {
        c->answering = false;
        c->queued = c->answered = 0;
    }
    for (struct wait *wait = relay_waits_fired(&c->waits); wait != NULL;
         wait = relay_waits_fired(&c->waits)) {
        struct relay_ask ask = wait->ask;
        answer_start(c, RELAY_WAIT);
        relay_wait_answer(wait, &c->answer);
        relay_wait_free(&c->waits, wait);
        if (encode(c, &ask, out)) {
            return true;
        }
    }
    return false;
}

void relay_core_busy(struct relay_core *c, bool busy)
{
    c->busy = busy;
}

void relay_core_pipe_gone(struct relay_core *c, uint32_t pipe)
{
    relay_waits_pipe_gone(&c->waits, pipe);
}

/* ---- time ---- */

void relay_core_tick(struct relay_core *c, struct now now)
{
    c->now = now;
    relay_waits_end(&c->waits, now.mono_ms);
    if (now.mono_ms < c->expire_at_mono_ms) {
        return;
    }
    size_t gone = 0;
    enum status st =
        c->store.ops->expire(c->store.s, now.wall_ms - c->limits.retention_ms, EXPIRE_BLOCKS_MAX, &gone);
    bool more = st == ST_OK && gone == EXPIRE_BLOCKS_MAX;
    c->expire_at_mono_ms = now.mono_ms + (more ? EXPIRE_AGAIN_MS : EXPIRE_EVERY_MS);
}

int64_t relay_core_deadline(const struct relay_core *c)
{
    int64_t wait = c->waits.look_at_mono_ms;
    return wait < c->expire_at_mono_ms ? wait : c->expire_at_mono_ms;
}

struct relay_counts relay_core_counts(const struct relay_core *c)
{
    return c->counts;
}
