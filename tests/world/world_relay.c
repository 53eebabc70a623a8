/* SPDX-License-Identifier: Apache-2.0 */
/* The network and the relay of a world, and what goes wrong with them. */
#include "apps/kith-relay/core/store_memory.h"
#include "tests/world/world_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- several relays ---- */

struct relay_core *core_of(struct world *w, size_t relay)
{
    assert_true(relay < w->relay_count);
    return relay == 0 ? w->core : w->more[relay]->core;
}

size_t world_add_relay(struct world *w)
{
    struct relay_address address = {.port = 7447};
    struct sign_private private;
    size_t relay = w->relay_count;
    assert_true(relay < WORLD_RELAYS_MAX);
    struct world_relay *r = w->more[relay] = calloc(1, sizeof(*r));
    assert_non_null(r);
    snprintf(address.host, sizeof(address.host), "relay%zu.example", relay + 1);
    sign_keypair(&w->entropy.entropy, &private, &address.key);
    assert_ok(relay_address_format(&address, r->address));
    assert_ok(store_memory_open(&r->store, &w->entropy.entropy));
    assert_ok(relay_core_new(&r->core, &r->store, &relay_limits_default, &w->entropy.entropy));
    for (size_t i = 0; i < WORLD_DEVICES_MAX; i++) {
        relay_party_init(&r->sessions[i], &r->sessions[i]);
        relay_party_init(&r->sources[i], &r->sources[i]);
    }
    w->relay_count++;
    return relay;
}

size_t world_add_impostor(struct world *w, size_t of)
{
    struct relay_address address, own;
    size_t relay = world_add_relay(w);
    assert_ok(relay_address_parse(&own, w->more[relay]->address));
    assert_ok(relay_address_parse(&address, world_relay_at(w, of)));
    own.key = address.key;
    assert_ok(relay_address_format(&own, w->more[relay]->address));
    return relay;
}

void more_relays_free(struct world *w)
{
    for (size_t i = 1; i < w->relay_count; i++) {
        relay_core_free(w->more[i]->core);
        w->more[i]->store.ops->close(w->more[i]->store.s);
        free(w->more[i]);
    }
}

const char *world_relay_at(const struct world *w, size_t relay)
{
    assert_true(relay < w->relay_count);
    return relay == 0 ? w->relay : w->more[relay]->address;
}

static size_t relay_called(const struct world *w, const char *address)
{
    size_t relay = 0;
    while (relay < w->relay_count && strcmp(world_relay_at(w, relay), address) != 0)
        relay++;
    return relay;
}

void world_relay_down(struct world *w, size_t relay, bool down)
{
    assert_true(relay < w->relay_count);
    w->down[relay] = down;
}

void world_cut_from(struct world *w, size_t device, size_t relay, bool cut)
{
    assert_true(relay < w->relay_count);
    w->devices[device].cut_from[relay] = cut;
}

/* ---- faults ---- */

void world_hide_one(struct world *w, size_t device)
{
    w->devices[device].hide_one = true;
}

void world_lose(struct world *w, unsigned percent)
{
    w->lose_percent = percent;
}

void world_repeat(struct world *w, unsigned percent)
{
    w->repeat_percent = percent;
}

void world_delay(struct world *w, int64_t ms)
{
    w->delay_ms = ms;
}

void world_mute(struct world *w, size_t device, bool mute)
{
    w->devices[device].mute = mute;
}

void world_cut(struct world *w, size_t device, bool cut)
{
    w->devices[device].cut = cut;
}

void world_relay_clock(struct world *w, int64_t ahead_ms)
{
    w->relay_ahead_ms = ahead_ms;
}

void world_watch(struct world *w, world_see_request see, void *ctx)
{
    w->see = see;
    w->see_ctx = ctx;
}

void world_hostile(struct world *w, const struct world_hostile *h)
{
    w->hostile = h;
}

/* A relay reads the incarnation when it opens its store; this one goes on under another store. */
static void store_opened(struct world *w)
{
    relay_core_commit(w->core, w->now);
    take_answers(w);
}

void world_wipe_relay(struct world *w)
{
    store_memory_wipe(&w->store, &w->entropy.entropy);
    store_opened(w);
}

void world_rename_relay(struct world *w)
{
    store_memory_rename(&w->store, &w->entropy.entropy);
    store_opened(w);
}

void world_keep_store(struct world *w)
{
    store_memory_keep(&w->store);
}

void world_put_back_store(struct world *w)
{
    store_memory_put_back(&w->store);
    store_opened(w);
}

static void bend_log(struct world *w, size_t device, const struct bent *b)
{
    struct world_device *d = &w->devices[device];
    assert_true(d->bent_count < BENT_MAX);
    d->bent[d->bent_count++] = *b;
}

void world_fork_log(struct world *w, size_t device, const struct log_id *log, uint64_t after)
{
    bend_log(w, device, &(struct bent){.log = *log, .after = after});
}

void world_withhold_log(struct world *w, size_t device, const struct log_id *log)
{
    bend_log(w, device, &(struct bent){.withheld = true, .log = *log});
}

void world_fill_log(struct world *w, const struct log_id *log)
{
    for (size_t i = 0; i < world_count(w); i++)
        bend_log(w, i, &(struct bent){.full = true, .log = *log});
}

void world_show_log(struct world *w, size_t device, const struct log_id *log)
{
    struct world_device *d = &w->devices[device];
    for (size_t i = 0; i < d->bent_count; i++) /* its place stays: requests under way count them */
        if (memcmp(log->b, d->bent[i].log.b, sizeof(log->b)) == 0)
            memset(&d->bent[i].log, 0, sizeof(d->bent[i].log));
}

/* ---- under way ---- */

void flight_end(struct flight *f)
{
    f->state = FLIGHT_FREE;
    f->request.len = f->answer.len = 0;
}

/* An address that is no relay's is one that is not there. */
static bool lost(struct world *w, size_t device, size_t relay)
{
    return w->devices[device].cut || relay >= w->relay_count || w->down[relay] ||
           w->devices[device].cut_from[relay] ||
           (w->lose_percent > 0 && test_entropy_below(&w->entropy, 100) < w->lose_percent);
}

static int64_t latency(struct world *w)
{
    int64_t most = w->delay_ms > 0 ? w->delay_ms : WORLD_LATENCY_MS;
    return 1 + (int64_t)test_entropy_below(&w->entropy, (uint64_t)most);
}

static struct flight *flight_begin(struct world *w, size_t device, uint64_t id)
{
    struct flight *f = w->flights;
    while (f < w->flights + FLIGHTS_MAX && f->state != FLIGHT_FREE)
        f++;
    assert_true(f < w->flights + FLIGHTS_MAX);
    if ((size_t)(f - w->flights) >= w->flights_used)
        w->flights_used = (size_t)(f - w->flights) + 1;
    f->device = device;
    f->life = w->devices[device].life;
    f->id = id;
    f->order = ++w->order;
    return f;
}

static void give_up_later(struct world *w, struct flight *f)
{
    f->state = FLIGHT_TO_DEVICE;
    f->answered = false;
    f->at_ms = w->now.mono_ms + WORLD_LOST_MS;
}

void request_begins(struct world *w, size_t device, const struct effect *fx)
{
    struct flight *f = flight_begin(w, device, fx->id);
    struct writer out;
    f->relay = relay_called(w, fx->u.request.relay);
    if (f->request.max == 0) {
        buffer_init(&f->request, RELAY_REQUEST_MAX);
        buffer_init(&f->answer, RELAY_ANSWER_MAX);
    }
    f->state = FLIGHT_TO_RELAY;
    f->at_ms = w->now.mono_ms + latency(w);
    if (w->see != NULL)
        w->see(w->see_ctx, device, fx->u.request.what);
    writer_init(&out, &f->request);
    assert_ok(relay_request_encode(&out, fx->u.request.what));
    w->devices[device].cost.requests++;
    w->devices[device].cost.bytes_out += f->request.len;
    if (lost(w, device, f->relay) || (w->devices[device].mute && fx->u.request.what->command == RELAY_APPEND))
        give_up_later(w, f);
}

void request_cancelled(struct world *w, size_t device, uint64_t id)
{
    for (size_t i = 0; i < w->flights_used; i++) {
        struct flight *f = &w->flights[i];
        if (f->state == FLIGHT_FREE || f->device != device || f->id != id ||
            f->life != w->devices[device].life)
            continue;
        if (f->state == FLIGHT_AT_RELAY) { /* the relay keeps a place for it; the device has its answer */
            f->life = 0;
            f = flight_begin(w, device, id);
        }
        f->state = FLIGHT_TO_DEVICE;
        f->answered = false;
        f->at_ms = w->now.mono_ms + 1;
        return;
    }
}

struct flight *flight_first(struct world *w)
{
    struct flight *first = NULL;
    for (size_t i = 0; i < w->flights_used; i++) {
        struct flight *f = &w->flights[i];
        if (f->state != FLIGHT_TO_RELAY && f->state != FLIGHT_TO_DEVICE)
            continue;
        if (first == NULL || f->at_ms < first->at_ms || (f->at_ms == first->at_ms && f->order < first->order))
            first = f;
    }
    return first;
}

/* ---- the relay ---- */

static void take_answers_of(struct world *w, struct relay_core *core)
{
    struct relay_reply reply;
    while (relay_core_next(core, &reply)) {
        if (reply.ask.ticket.request == UINT32_MAX)
            continue; /* take_unheard */
        struct flight *f = &w->flights[reply.ask.ticket.request];
        assert_true(reply.ask.ticket.request < FLIGHTS_MAX);
        if (f->state != FLIGHT_AT_RELAY)
            continue;
        if (f->life != w->devices[f->device].life) {
            flight_end(f);
            continue;
        }
        f->state = FLIGHT_TO_DEVICE;
        f->answered = true;
        f->at_ms = w->now.mono_ms + latency(w);
        assert_ok(buffer_copy(&f->answer, reply.answer));
        if (lost(w, f->device, f->relay))
            give_up_later(w, f);
    }
}

void take_answers(struct world *w)
{
    for (size_t i = 0; i < w->relay_count; i++)
        take_answers_of(w, core_of(w, i));
}

static const struct bent *bent_of(const struct world_device *d, size_t count, enum log_right right,
                                  const struct log_claim *claim)
{
    struct log_id id;
    log_claim_id(right, claim, &id);
    for (size_t i = 0; i < count; i++) {
        if (memcmp(id.b, d->bent[i].log.b, sizeof(id.b)) == 0)
            return &d->bent[i];
    }
    return NULL;
}

/* A branch is a log of its own: its trim hash is another, and its seqs begin where it branched off. */
static void bend_claim(const struct bent *b, struct log_claim *claim, uint64_t *after_seq)
{
    if (!b->withheld)
        claim->others[1].b[0] ^= 0x55;
    if (after_seq != NULL)
        *after_seq = b->withheld ? UINT32_MAX : *after_seq > b->after ? *after_seq - b->after : 0;
}

static void bend_request(const struct world_device *d, size_t count, struct relay_request *q,
                         struct relay_watch *watches)
{
    const struct bent *b;
    if (q->command == RELAY_APPEND && (b = bent_of(d, count, LOG_WRITE, &q->log)) != NULL)
        bend_claim(b, &q->log, NULL);
    if (q->command == RELAY_READ && (b = bent_of(d, count, LOG_READ, &q->log)) != NULL && !b->full)
        bend_claim(b, &q->log, &q->after_seq);
    for (size_t i = 0; q->command == RELAY_WAIT && i < q->watch_count; i++) {
        if ((b = bent_of(d, count, LOG_READ, &watches[i].log)) != NULL && !b->full)
            bend_claim(b, &watches[i].log, &watches[i].after_seq);
    }
}

/* `asked` is the request as the device made it. */
static void unbend_answer(const struct world_device *d, size_t count, const struct relay_request *asked,
                          struct relay_answer *a)
{
    const struct bent *b = asked->command == RELAY_READ     ? bent_of(d, count, LOG_READ, &asked->log)
                           : asked->command == RELAY_APPEND ? bent_of(d, count, LOG_WRITE, &asked->log)
                                                            : NULL;
    for (size_t i = 0; a->command == RELAY_READ && b != NULL && i < a->count; i++)
        a->blocks[i].seq += b->after;
    if (a->command == RELAY_APPEND && b != NULL && b->full)
        *a = (struct relay_answer){
            .command = RELAY_APPEND, .result = RELAY_LOG_FULL, .incarnation = a->incarnation};
    else if (a->command == RELAY_APPEND && b != NULL)
        a->seq += b->after;
    for (size_t i = 0; a->command == RELAY_WAIT && i < a->count; i++) {
        b = bent_of(d, count, LOG_READ, &asked->watches[a->grown[i].index].log);
        a->grown[i].seq += b != NULL ? b->after : 0;
    }
}

/* The relay takes a request whose answer nobody hears; waits that it ends hear theirs. */
static void take_unheard(struct world *w, const struct relay_ask *ask, const struct relay_request *request)
{
    struct relay_ask unheard = *ask;
    unheard.ticket.request = UINT32_MAX;
    assert_ok(relay_core_submit(w->core, &unheard, request, w->now));
    relay_core_commit(w->core, w->now);
    take_answers(w);
}

/* A network repeats a request: the relay takes the second as it took the first, nobody hears the answer. */
static void arrive_again(struct world *w, const struct relay_ask *ask, const struct relay_request *request)
{
    if (request->command == RELAY_WAIT || test_entropy_below(&w->entropy, 100) >= w->repeat_percent)
        return;
    take_unheard(w, ask, request);
}

/* What a hostile relay puts into a log before the block of a device. */
static void add_first(struct world *w, const struct relay_request *append)
{
    static uint8_t block[BLOCK_LEN];
    struct relay_request mine = *append;
    const struct relay_ask ask = {
        .ticket = {UINT32_MAX, 0}, .session = &w->attacker, .source = &w->attackers_source};
    if (append->command != RELAY_APPEND || !w->hostile->add(w->hostile->ctx, append, block))
        return;
    relay_party_init(&w->attacker, NULL);
    relay_party_init(&w->attackers_source, NULL);
    entropy_fill(&w->entropy.entropy, mine.block_id.b, sizeof(mine.block_id.b));
    mine.block = SPAN(block);
    take_unheard(w, &ask, &mine);
}

void arrive_at_relay(struct world *w, struct flight *f)
{
    struct relay_request request;
    struct world_device *d = &w->devices[f->device];
    struct world_relay *r = w->more[f->relay];
    const struct relay_ask ask = {.ticket = {(uint32_t)f->device + 1, (uint32_t)(f - w->flights)},
                                  .session = r != NULL ? &r->sessions[f->device] : &d->session,
                                  .source = r != NULL ? &r->sources[f->device] : &d->source};
    assert_ok(relay_request_decode(&request, w->watches, buffer_span(&f->request)));
    f->bent_count = d->bent_count;
    bend_request(d, f->bent_count, &request, w->watches);
    if (w->hostile != NULL && f->relay == 0)
        add_first(w, &request);
    f->state = FLIGHT_AT_RELAY;
    if (w->on_append != NULL && request.command == RELAY_APPEND)
        w->on_append(w->on_append_ctx, w, f->device, &request);
    assert_ok(relay_core_submit(core_of(w, f->relay), &ask, &request, w->now));
    relay_core_commit(core_of(w, f->relay), w->now);
    take_answers(w);
    if (w->repeat_percent > 0 && f->relay == 0)
        arrive_again(w, &ask, &request);
}

void arrive_at_device(struct world *w, struct flight *f)
{
    struct relay_request asked;
    size_t device = f->device;
    struct event e = {.kind = EV_RELAY_ANSWER, .now = w->now, .id = f->id};
    struct buffer answer = f->answer;
    if (f->answered) {
        w->devices[device].cost.bytes_in += answer.len;
        assert_ok(relay_request_decode(&asked, w->watches, buffer_span(&f->request)));
        bend_request(&w->devices[device], f->bent_count, &asked, w->watches);
        assert_ok(relay_answer_decode(&w->answer, &asked, buffer_span(&answer)));
        assert_ok(relay_request_decode(&asked, w->watches, buffer_span(&f->request)));
        unbend_answer(&w->devices[device], f->bent_count, &asked, &w->answer);
        if (w->devices[device].hide_one && w->answer.command == RELAY_READ && w->answer.count > 1) {
            w->devices[device].hide_one = false;
            w->answer.count--;
            memmove(&w->answer.blocks[0], &w->answer.blocks[1],
                    w->answer.count * sizeof(w->answer.blocks[0]));
        }
        if (w->hostile != NULL && w->answer.command == RELAY_READ)
            w->hostile->change(w->hostile->ctx, &asked, &w->answer);
        if (w->answer.command == RELAY_INFO)
            w->answer.info.time_ms += w->relay_ahead_ms;
        e.u.answer = &w->answer;
    }
    /* The flight is free for what the node asks next; its bytes stay until the step is over. */
    buffer_init(&f->answer, RELAY_ANSWER_MAX);
    flight_end(f);
    world_step(w, device, &e);
    buffer_wipe(&answer);
}
