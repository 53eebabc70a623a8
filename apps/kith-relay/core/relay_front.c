/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants: (1) a session is in `sessions`, in `by_use` (least lately used first) and in its source's list;
 * (2) a session or source with pending commands stays; (3) a source stays while it has sessions or
 * SOURCE_KEEP_MS have not passed since its last message, so that closing a session does not refill its purse.
 */
#include "apps/kith-relay/core/relay_front.h"

#include <string.h>

#include "apps/kith-relay/core/id_map.h"
#include "protocol/mem.h"

enum front_limits {
    SWEEP_MS = 10 * 1000,
    SOURCE_KEEP_MS = 60 * 60 * 1000,
    SOURCES_MAX = 1 << 17, /* 30 MiB */
    EVICT_LOOKS_MAX = 64   /* sessions to look at when one must go */
};

struct source {
    struct map_id id;
    struct relay_party party;
    struct link sessions; /* least lately used first */
    uint32_t session_count;
    int64_t last_mono_ms;
};

struct session {
    struct channel_session channel;
    struct relay_party party;
    struct source *source;
    struct link in_use, in_source;
};

struct clear { /* an answer in the clear */
    struct relay_ticket ticket;
    bool key; /* the relay's key; else "unknown session" */
};

struct relay_front {
    struct relay_core *core;
    struct relay_limits limits;
    struct channel_relay channel;
    struct entropy *entropy;
    struct id_map sessions, sources;
    struct link by_use;
    size_t clear_count, clear_sent, batch;
    struct clear clear[RELAY_BATCH_MAX];
    struct relay_watch watches[RELAY_WATCHES_MAX];
    struct buffer request, out;
    int64_t sweep_at_mono_ms;
    struct relay_front_counts counts;
};

enum status relay_front_new(struct relay_front **out, const struct relay_front_args *args)
{
    *out = NULL;
    if (args->access.len != 0 && args->access.len != CHANNEL_ACCESS_LEN) {
        return ST_USAGE;
    }
    struct relay_front *f = mem_alloc(1, sizeof(*f));
    if (f == NULL) {
        return ST_NO_MEMORY;
    }
    f->limits = *args->limits;
    f->entropy = args->entropy;
    f->channel.signer = *args->signer;
    f->channel.has_access = args->access.len != 0;
    if (f->channel.has_access) {
        memcpy(f->channel.access, args->access.ptr, CHANNEL_ACCESS_LEN);
    }
    link_init(&f->by_use);
    id_map_init(&f->sessions, f->entropy);
    id_map_init(&f->sources, f->entropy);
    buffer_init(&f->request, CHANNEL_MESSAGE_MAX);
    buffer_init(&f->out, CHANNEL_ANSWER_MAX);
    enum status st = channel_relay_rotate(&f->channel, f->entropy, args->now.wall_ms);
    if (st == ST_OK) {
        st = relay_core_new(&f->core, args->store, args->limits, f->entropy);
    }
    if (st != ST_OK) {
        relay_front_free(f);
        return st;
    }
    *out = f;
    return ST_OK;
}

static void session_drop(struct relay_front *f, struct session *s)
{
    (void)id_map_remove(&f->sessions, s->channel.enc.b);
    link_leave(&s->in_use);
    link_leave(&s->in_source);
    s->source->session_count--;
    channel_session_wipe(&s->channel);
    mem_free(s, sizeof(*s));
}

void relay_front_free(struct relay_front *f)
{
    if (f == NULL) {
        return;
    }
    relay_core_free(f->core);
    while (!link_alone(&f->by_use)) {
        session_drop(f, LINK_OWNER(f->by_use.next, struct session, in_use));
    }
    size_t at = 0;
    for (struct source *s = id_map_next(&f->sources, &at); s != NULL; s = id_map_next(&f->sources, &at)) {
        mem_free(s, sizeof(*s));
    }
    id_map_wipe(&f->sources);
    id_map_wipe(&f->sessions);
    channel_relay_wipe(&f->channel);
    buffer_wipe(&f->request);
    buffer_wipe(&f->out);
    mem_free(f, sizeof(*f));
}

/* ---- sources ---- */

static struct source *source_of(struct relay_front *f, const struct relay_source *id, int64_t mono_ms)
{
    struct map_id key = {{0}};
    memcpy(key.b, id->b, sizeof(id->b));
    struct source *s = id_map_get(&f->sources, key.b);
    if (s == NULL && f->sources.count < SOURCES_MAX) {
        s = mem_alloc(1, sizeof(*s));
        if (s == NULL) {
            return NULL;
        }
        s->id = key;
        relay_party_init(&s->party, s);
        link_init(&s->sessions);
        if (id_map_put(&f->sources, key.b, s) != ST_OK) {
            mem_free(s, sizeof(*s));
            return NULL;
        }
    }
    if (s != NULL) {
        s->last_mono_ms = mono_ms;
    }
    return s;
}

static void sources_sweep(struct relay_front *f, int64_t mono_ms)
{
    size_t at = 0;
    struct source *old[32]; /* so many a sweep: the map may not change while it is walked */
    size_t count = 0;
    for (struct source *s = id_map_next(&f->sources, &at); s != NULL && count < 32;
         s = id_map_next(&f->sources, &at)) {
        if (s->session_count == 0 && s->party.pending == 0 && mono_ms - s->last_mono_ms > SOURCE_KEEP_MS) {
            old[count++] = s;
        }
    }
    for (size_t i = 0; i < count; i++) {
        (void)id_map_remove(&f->sources, old[i]->id.b);
        mem_free(old[i], sizeof(*old[i]));
    }
}

/* ---- sessions ---- */

static void session_used(struct relay_front *f, struct session *s)
{
    link_leave(&s->in_use);
    link_leave(&s->in_source);
    link_last(&f->by_use, &s->in_use);
    link_last(&s->source->sessions, &s->in_source);
}

/* Drops the least lately used session of the list that nobody waits for; false: there is none near. */
static bool evict(struct relay_front *f, const struct link *list, bool of_source)
{
    size_t looks = 0;
    for (struct link *l = list->next; l != list && looks < EVICT_LOOKS_MAX; l = l->next, looks++) {
        struct session *s =
            of_source ? LINK_OWNER(l, struct session, in_source) : LINK_OWNER(l, struct session, in_use);
        if (s->party.pending == 0) {
            session_drop(f, s);
            return true;
        }
    }
    return false;
}

static bool make_room(struct relay_front *f, struct source *source)
{
    if (source->session_count >= f->limits.source_sessions_max && !evict(f, &source->sessions, true)) {
        return false;
    }
    return f->sessions.count < f->limits.sessions_max || evict(f, &f->by_use, false);
}

/* Begins a session; f->request is its first request. */
static enum status session_begin(struct relay_front *f, const struct channel_message *m,
                                 struct source *source, int64_t mono_ms, struct session **out)
{
    *out = NULL;
    /* T07: a first request that comes again is not served again */
    if (id_map_get(&f->sessions, m->enc.b) != NULL) {
        return ST_CHANNEL_REPLAY;
    }
    struct session *s = mem_alloc(1, sizeof(*s));
    if (s == NULL) {
        return ST_NO_MEMORY;
    }
    enum status st = channel_session_begin(&s->channel, &f->channel, m, mono_ms, &f->request);
    if (st == ST_OK && !make_room(f, source)) {
        st = ST_CHANNEL_UNKNOWN;
    }
    if (st == ST_OK) {
        st = id_map_put(&f->sessions, m->enc.b, s);
    }
    if (st != ST_OK) {
        channel_session_wipe(&s->channel);
        mem_free(s, sizeof(*s));
        return st;
    }
    s->source = source;
    source->session_count++;
    relay_party_init(&s->party, s);
    link_init(&s->in_use);
    link_init(&s->in_source);
    f->counts.sessions_begun++;
    *out = s;
    return ST_OK;
}

static enum status session_find(struct relay_front *f, const struct channel_message *m, int64_t mono_ms,
                                struct session **out)
{
    struct session *s = id_map_get(&f->sessions, m->enc.b);
    *out = NULL;
    if (s == NULL || mono_ms >= s->channel.forget_at_mono_ms) {
        return ST_CHANNEL_UNKNOWN;
    }
    enum status st = channel_session_open(&s->channel, m, &f->request);
    *out = st == ST_OK ? s : NULL;
    return st;
}

static void sessions_sweep(struct relay_front *f, int64_t mono_ms)
{
    struct link *next;
    for (struct link *l = f->by_use.next; l != &f->by_use; l = next) {
        struct session *s = LINK_OWNER(l, struct session, in_use);
        next = l->next;
        if (s->party.pending == 0 && mono_ms >= s->channel.forget_at_mono_ms) {
            session_drop(f, s);
        }
    }
}

/* ---- messages ---- */

static void answer_clear(struct relay_front *f, struct relay_ticket ticket, bool key)
{
    f->clear[f->clear_count++] = (struct clear){ticket, key};
    f->batch++;
}

static enum status submit(struct relay_front *f, const struct relay_ask *ask, struct now now)
{
    struct relay_request request;
    enum status st = relay_request_decode(&request, f->watches, buffer_span(&f->request));
    if (st == ST_OK) {
        st = relay_core_submit(f->core, ask, &request, now);
        log_claim_wipe(&request.log);
        bytes_wipe(f->watches, request.watch_count * sizeof(f->watches[0]));
    } else {
        f->counts.malformed++;
        st = relay_core_refuse(f->core, ask, f->request.len > 0 ? f->request.ptr[0] : 0);
    }
    if (st == ST_OK) {
        f->batch++;
    }
    return st;
}

enum status relay_front_receive(struct relay_front *f, struct relay_ticket ticket,
                                const struct relay_source *source_id, struct span message, struct now now)
{
    if (f->batch >= RELAY_BATCH_MAX) {
        return ST_RELAY_BUSY;
    }
    f->counts.messages++;
    struct channel_message m;
    enum status st = channel_message_decode(&m, message);
    if (st != ST_OK) {
        f->counts.malformed++;
        return st;
    }
    if (m.kind == CHANNEL_KEY) {
        answer_clear(f, ticket, true);
        return ST_OK;
    }
    struct source *source = source_of(f, source_id, now.mono_ms);
    struct session *session = NULL;
    f->request.len = 0;
    if (source == NULL) {
        st = ST_CHANNEL_UNKNOWN;
    } else if (m.kind == CHANNEL_UNKNOWN) {
        st = session_begin(f, &m, source, now.mono_ms, &session);
    } else {
        st = session_find(f, &m, now.mono_ms, &session);
    }
    if (st == ST_CHANNEL_UNKNOWN) {
        f->counts.unknown++;
        answer_clear(f, ticket, false);
        return ST_OK;
    }
    if (st != ST_OK) {
        f->counts.replayed += st == ST_CHANNEL_REPLAY;
        return st;
    }
    session_used(f, session);
    const struct relay_ask ask = {ticket, &session->party, &source->party, m.number};
    st = submit(f, &ask, now);
    bytes_wipe(f->request.ptr, f->request.len); /* it held a token */
    f->request.len = 0;
    return st;
}

void relay_front_commit(struct relay_front *f, struct now now)
{
    relay_core_commit(f->core, now);
    f->batch = 0;
}

static bool next_clear(struct relay_front *f, struct relay_out *out)
{
    while (f->clear_sent < f->clear_count) {
        const struct clear *c = &f->clear[f->clear_sent++];
        f->out.len = 0;
        enum status st = c->key ? channel_key_tell(&f->channel, &f->out) : channel_unknown_tell(&f->out);
        if (st == ST_OK) {
            *out = (struct relay_out){c->ticket, buffer_span(&f->out)};
            return true;
        }
    }
    f->clear_sent = f->clear_count = 0;
    return false;
}

bool relay_front_next(struct relay_front *f, struct relay_out *out)
{
    struct relay_reply reply;
    *out = (struct relay_out){0};
    f->out.len = 0;
    if (next_clear(f, out)) {
        return true;
    }
    while (relay_core_next(f->core, &reply)) {
        const struct session *s = reply.ask.session->owner;
        if (channel_session_seal(&s->channel, reply.ask.number, reply.answer, f->entropy, &f->out) == ST_OK) {
            *out = (struct relay_out){reply.ask.ticket, buffer_span(&f->out)};
            return true;
        }
    }
    return false;
}

void relay_front_busy(struct relay_front *f, bool busy)
{
    relay_core_busy(f->core, busy);
}

void relay_front_pipe_gone(struct relay_front *f, uint32_t pipe)
{
    relay_core_pipe_gone(f->core, pipe);
}

void relay_front_tick(struct relay_front *f, struct now now)
{
    relay_core_tick(f->core, now);
    if (now.mono_ms < f->sweep_at_mono_ms) {
        return;
    }
    f->sweep_at_mono_ms = now.mono_ms + SWEEP_MS;
    sessions_sweep(f, now.mono_ms);
    sources_sweep(f, now.mono_ms);
    if (channel_relay_rotate(&f->channel, f->entropy, now.wall_ms) != ST_OK) {
        f->sweep_at_mono_ms = now.mono_ms + 1000; /* no memory: soon again */
    }
}

int64_t relay_front_deadline(const struct relay_front *f)
{
    int64_t core = relay_core_deadline(f->core);
    return core < f->sweep_at_mono_ms ? core : f->sweep_at_mono_ms;
}

struct relay_counts relay_front_core_counts(const struct relay_front *f)
{
    return relay_core_counts(f->core);
}

struct relay_front_counts relay_front_counts(const struct relay_front *f)
{
    struct relay_front_counts counts = f->counts;
    counts.sessions = f->sessions.count;
    counts.sources = f->sources.count;
    return counts;
}
