/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/kith-relay/core/relay_core.h"
#include "apps/kith-relay/core/store_memory.h"
#include "device/vault.h"
#include "protocol/relay_address.h"
#include "sync/schema.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"

enum { FLIGHTS_MAX = 4096 };
#define START_WALL_MS INT64_C(1800000000000) /* January 2027 */

enum flight_state { FLIGHT_FREE, FLIGHT_TO_RELAY, FLIGHT_AT_RELAY, FLIGHT_TO_DEVICE };

struct flight { /* one relay request, from FX_RELAY_REQUEST to EV_RELAY_ANSWER */
    enum flight_state state;
    size_t device;
    unsigned life; /* of the device: what a process asked for dies with it */
    uint64_t id, order;
    size_t bent_count; /* of the device, when the relay got it */
    int64_t at_ms;     /* mono: when it arrives where it goes */
    bool answered;
    struct buffer request, answer;
};

enum { BENT_MAX = 8 };
struct bent { /* a log that the relay shows to one device otherwise than to the rest */
    bool withheld;
    struct log_id log;
    uint64_t after;
};

struct world_device {
    bool hide_one, mute; /* world_hide_one, world_mute */
    struct bent bent[BENT_MAX];
    size_t bent_count;
    char name[64], home[256];
    struct node *node; /* NULL: off */
    unsigned life, steps;
    int64_t ahead_ms; /* of its clock */
    struct relay_party session, source;
};

struct world {
    struct test_entropy entropy;
    struct now now;
    char folder[128], relay[RELAY_ADDRESS_MAX + 1];
    struct relay_store store;
    struct relay_core *core;
    size_t device_count;
    struct world_device devices[WORLD_DEVICES_MAX];
    struct flight flights[FLIGHTS_MAX];
    uint64_t order;
    unsigned lose_percent, repeat_percent, restart_every;
    const struct world_hostile *hostile;
    struct relay_party attacker, attackers_source; /* for what a hostile relay adds */
    struct world_result result;
    bool got_result, trace;
    struct relay_watch watches[RELAY_WATCHES_MAX];
    struct relay_answer answer;
};

/* ---- making and ending ---- */

struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));
    struct relay_address address = {.host = "127.0.0.1", .port = 7447};
    struct sign_private private;
    assert_non_null(w);
    assert_ok(suite_start());
    test_entropy_init(&w->entropy, seed);
    w->trace = getenv("KITH_TRACE") != NULL;
    w->now = (struct now){.wall_ms = START_WALL_MS, .mono_ms = 1000};
    snprintf(w->folder, sizeof(w->folder), "%s/kith-world-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(w->folder));
    sign_keypair(&w->entropy.entropy, &private, &address.key);
    assert_ok(relay_address_format(&address, w->relay));
    assert_ok(store_memory_open(&w->store, &w->entropy.entropy));
    assert_ok(relay_core_new(&w->core, &w->store, &relay_limits_default, &w->entropy.entropy));
    return w;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < w->device_count; i++)
        node_free(w->devices[i].node);
    relay_core_free(w->core);
    w->store.ops->close(w->store.s);
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        buffer_wipe(&w->flights[i].request);
        buffer_wipe(&w->flights[i].answer);
    }
    nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
}

struct now world_now(const struct world *w)
{
    return w->now;
}

const char *world_relay(const struct world *w)
{
    return w->relay;
}

struct node *world_node(struct world *w, size_t device)
{
    assert_true(device < w->device_count && w->devices[device].node != NULL);
    return w->devices[device].node;
}

const char *world_home(const struct world *w, size_t device)
{
    return w->devices[device].home;
}

const char *world_device_name(const struct world *w, size_t device)
{
    return w->devices[device].name;
}

static void take_effects(struct world *w, size_t device);

static struct now device_now(const struct world *w, const struct world_device *d)
{
    return (struct now){w->now.wall_ms + d->ahead_ms, w->now.mono_ms};
}

void world_clock(struct world *w, size_t device, int64_t ahead_ms)
{
    w->devices[device].ahead_ms = ahead_ms;
}

void world_on(struct world *w, size_t device)
{
    struct world_device *d = &w->devices[device];
    struct node_args args = {.entropy = w->entropy.entropy, .now = device_now(w, d), .relay = w->relay};
    assert_null(d->node);
    assert_ok(vault_open(&args.db, d->home, SCHEMA_VERSION));
    assert_ok(node_open(&d->node, &args));
    d->life++;
    take_effects(w, device);
}

size_t world_add(struct world *w, const char *name)
{
    size_t device = w->device_count++;
    struct world_device *d = &w->devices[device];
    assert_true(device < WORLD_DEVICES_MAX);
    snprintf(d->name, sizeof(d->name), "%s", name);
    snprintf(d->home, sizeof(d->home), "%s/%zu", w->folder, device);
    relay_party_init(&d->session, d);
    relay_party_init(&d->source, d);
    world_on(w, device);
    return device;
}

static void flight_end(struct flight *f)
{
    f->state = FLIGHT_FREE;
    f->request.len = f->answer.len = 0;
}

void world_off(struct world *w, size_t device)
{
    node_free(w->devices[device].node);
    w->devices[device].node = NULL;
    relay_core_pipe_gone(w->core, (uint32_t)device + 1);
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        if (w->flights[i].device == device)
            flight_end(&w->flights[i]);
    }
}

void world_restart(struct world *w, size_t device)
{
    world_off(w, device);
    world_on(w, device);
}

void world_hide_one(struct world *w, size_t device)
{
    w->devices[device].hide_one = true;
}

void world_mute(struct world *w, size_t device, bool mute)
{
    w->devices[device].mute = mute;
}

void world_lose(struct world *w, unsigned percent)
{
    w->lose_percent = percent;
}

void world_repeat(struct world *w, unsigned percent)
{
    w->repeat_percent = percent;
}

void world_restart_every(struct world *w, unsigned steps)
{
    w->restart_every = steps;
}

void world_hostile(struct world *w, const struct world_hostile *h)
{
    w->hostile = h;
}

void world_wipe_relay(struct world *w)
{
    store_memory_wipe(&w->store, &w->entropy.entropy);
}

void world_rename_relay(struct world *w)
{
    store_memory_rename(&w->store, &w->entropy.entropy);
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

/* ---- effects ---- */

static bool lost(struct world *w)
{
    return w->lose_percent > 0 && test_entropy_below(&w->entropy, 100) < w->lose_percent;
}

static int64_t latency(struct world *w)
{
    return 1 + (int64_t)test_entropy_below(&w->entropy, WORLD_LATENCY_MS);
}

static void give_up_later(struct world *w, struct flight *f)
{
    f->state = FLIGHT_TO_DEVICE;
    f->answered = false;
    f->at_ms = w->now.mono_ms + WORLD_LOST_MS;
}

static void request_begins(struct world *w, size_t device, const struct effect *fx)
{
    struct flight *f = w->flights;
    struct writer out;
    while (f < w->flights + FLIGHTS_MAX && f->state != FLIGHT_FREE)
        f++;
    assert_true(f < w->flights + FLIGHTS_MAX);
    assert_string_equal(fx->u.request.relay, w->relay);
    if (f->request.max == 0) {
        buffer_init(&f->request, RELAY_REQUEST_MAX);
        buffer_init(&f->answer, RELAY_ANSWER_MAX);
    }
    f->device = device;
    f->life = w->devices[device].life;
    f->id = fx->id;
    f->order = ++w->order;
    f->state = FLIGHT_TO_RELAY;
    f->at_ms = w->now.mono_ms + latency(w);
    writer_init(&out, &f->request);
    assert_ok(relay_request_encode(&out, fx->u.request.what));
    if (lost(w) || (w->devices[device].mute && fx->u.request.what->command == RELAY_APPEND))
        give_up_later(w, f);
}

static void request_cancelled(struct world *w, size_t device, uint64_t id)
{
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *f = &w->flights[i];
        if (f->state == FLIGHT_FREE || f->device != device || f->id != id ||
            f->life != w->devices[device].life)
            continue;
        if (f->state == FLIGHT_AT_RELAY) { /* the relay keeps a place for it; the device has its answer */
            f->life = 0;
            f = w->flights;
            while (f->state != FLIGHT_FREE)
                f++;
            f->device = device;
            f->life = w->devices[device].life;
            f->id = id;
            f->order = ++w->order;
        }
        f->state = FLIGHT_TO_DEVICE;
        f->answered = false;
        f->at_ms = w->now.mono_ms + 1;
        return;
    }
}

static void copy_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from != NULL ? from : "");
}

static void result_came(struct world *w, const struct result *r)
{
    struct world_result *to = &w->result;
    to->status = r->status;
    to->why = r->why;
    to->expires_at_ms = r->expires_at_ms;
    copy_text(to->link, sizeof(to->link), r->link);
    copy_text(to->kit, sizeof(to->kit), r->kit);
    copy_text(to->id, sizeof(to->id), r->id);
    copy_text(to->name, sizeof(to->name), r->name);
    copy_text(to->rule, sizeof(to->rule), r->rule);
    w->got_result = true;
}

static void take_effects(struct world *w, size_t device)
{
    const struct effect *fx;
    while ((fx = node_next(w->devices[device].node)) != NULL) {
        if (fx->kind == FX_RELAY_REQUEST)
            request_begins(w, device, fx);
        else if (fx->kind == FX_RELAY_CANCEL)
            request_cancelled(w, device, fx->id);
        else if (fx->kind == FX_RESULT)
            result_came(w, &fx->u.result);
    }
}

/* KITH_TRACE=1 prints what happens, as it happens. */
static void trace(const struct world *w, size_t device, const struct event *e)
{
    static const char *const kinds[] = {"tick", "answer", "command"};
    if (w->trace)
        printf("%8.3f  %-14s %-8s %llu %s\n", (double)w->now.mono_ms / 1000, w->devices[device].name,
               kinds[e->kind], (unsigned long long)e->id,
               e->kind == EV_RELAY_ANSWER && e->u.answer == NULL ? "lost" : "");
}

static void step(struct world *w, size_t device, const struct event *event)
{
    struct world_device *d = &w->devices[device];
    struct event e = *event;
    e.now = device_now(w, d);
    trace(w, device, event);
    assert_ok(node_step(d->node, &e, 1));
    take_effects(w, device);
    if (w->restart_every > 0 && ++d->steps % w->restart_every == 0) {
        world_restart(w, device);
        take_effects(w, device); /* what node_open asks of the relay anew */
    }
}

/* ---- the relay ---- */

static void take_answers(struct world *w)
{
    struct relay_reply reply;
    while (relay_core_next(w->core, &reply)) {
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
        if (lost(w))
            give_up_later(w, f);
    }
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
    if (q->command == RELAY_READ && (b = bent_of(d, count, LOG_READ, &q->log)) != NULL)
        bend_claim(b, &q->log, &q->after_seq);
    for (size_t i = 0; q->command == RELAY_WAIT && i < q->watch_count; i++) {
        if ((b = bent_of(d, count, LOG_READ, &watches[i].log)) != NULL)
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
    if (a->command == RELAY_APPEND && b != NULL)
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

static void arrive_at_relay(struct world *w, struct flight *f)
{
    struct relay_request request;
    struct world_device *d = &w->devices[f->device];
    const struct relay_ask ask = {.ticket = {(uint32_t)f->device + 1, (uint32_t)(f - w->flights)},
                                  .session = &d->session,
                                  .source = &d->source};
    assert_ok(relay_request_decode(&request, w->watches, buffer_span(&f->request)));
    f->bent_count = d->bent_count;
    bend_request(d, f->bent_count, &request, w->watches);
    if (w->hostile != NULL)
        add_first(w, &request);
    f->state = FLIGHT_AT_RELAY;
    assert_ok(relay_core_submit(w->core, &ask, &request, w->now));
    relay_core_commit(w->core, w->now);
    take_answers(w);
    if (w->repeat_percent > 0)
        arrive_again(w, &ask, &request);
}

static void arrive_at_device(struct world *w, struct flight *f)
{
    struct relay_request asked;
    size_t device = f->device;
    struct event e = {.kind = EV_RELAY_ANSWER, .now = w->now, .id = f->id};
    struct buffer answer = f->answer;
    if (f->answered) {
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
        e.u.answer = &w->answer;
    }
    /* The flight is free for what the node asks next; its bytes stay until the step is over. */
    buffer_init(&f->answer, RELAY_ANSWER_MAX);
    flight_end(f);
    step(w, device, &e);
    buffer_wipe(&answer);
}

/* ---- time ---- */

static struct flight *first_flight(struct world *w)
{
    struct flight *first = NULL;
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *f = &w->flights[i];
        if (f->state != FLIGHT_TO_RELAY && f->state != FLIGHT_TO_DEVICE)
            continue;
        if (first == NULL || f->at_ms < first->at_ms || (f->at_ms == first->at_ms && f->order < first->order))
            first = f;
    }
    return first;
}

static size_t first_deadline(struct world *w, int64_t *at_ms)
{
    size_t first = WORLD_DEVICES_MAX;
    *at_ms = INT64_MAX;
    for (size_t i = 0; i < w->device_count; i++) {
        if (w->devices[i].node == NULL || node_deadline(w->devices[i].node) >= *at_ms)
            continue;
        *at_ms = node_deadline(w->devices[i].node);
        first = i;
    }
    return first;
}

static void move_to(struct world *w, int64_t mono_ms)
{
    if (mono_ms <= w->now.mono_ms)
        return;
    w->now.wall_ms += mono_ms - w->now.mono_ms;
    w->now.mono_ms = mono_ms;
}

/* The next thing that happens; false when there is none before `until_ms`. */
static bool next_thing(struct world *w, int64_t until_ms)
{
    int64_t device_ms, relay_ms = relay_core_deadline(w->core);
    size_t device = first_deadline(w, &device_ms);
    struct flight *f = first_flight(w);
    int64_t flight_ms = f != NULL ? f->at_ms : INT64_MAX;
    int64_t first_ms = flight_ms < device_ms ? flight_ms : device_ms;
    first_ms = relay_ms < first_ms ? relay_ms : first_ms;
    if (first_ms > until_ms)
        return false;
    move_to(w, first_ms);
    if (first_ms == flight_ms && f->state == FLIGHT_TO_RELAY) {
        arrive_at_relay(w, f);
    } else if (first_ms == flight_ms) {
        arrive_at_device(w, f);
    } else if (first_ms == device_ms) {
        const struct event tick = {.kind = EV_TICK, .now = w->now};
        step(w, device, &tick);
    } else {
        relay_core_tick(w->core, w->now);
        relay_core_commit(w->core, w->now);
        take_answers(w);
    }
    return true;
}

bool world_until(struct world *w, world_condition condition, void *ctx, int64_t ms)
{
    int64_t until_ms = w->now.mono_ms + ms, last_ms = 0;
    for (long still = 0; still < WORLD_STILL_MAX; still++) {
        if (w->now.mono_ms != last_ms)
            still = 0;
        last_ms = w->now.mono_ms;
        if (condition != NULL && condition(w, ctx))
            return true;
        if (!next_thing(w, until_ms)) {
            move_to(w, until_ms);
            return condition != NULL && condition(w, ctx);
        }
    }
    int64_t at_ms;
    size_t device = first_deadline(w, &at_ms);
    fail_msg("the world does not come to rest: %s wants time again and again",
             device < w->device_count ? w->devices[device].name : "somebody");
    return false;
}

void world_run(struct world *w, int64_t ms)
{
    (void)world_until(w, NULL, NULL, ms);
}

void world_tick(struct world *w, size_t device)
{
    const struct event tick = {.kind = EV_TICK, .now = w->now};
    step(w, device, &tick);
}

/* ---- commands ---- */

const struct world_result *world_do(struct world *w, size_t device, enum command_kind kind, const char *a,
                                    const char *b, const char *c, const char *d)
{
    const char *texts[] = {a, b, c, d};
    struct event e = {.kind = EV_COMMAND, .now = w->now, .id = 1};
    e.u.command.kind = kind;
    for (size_t i = 0; i < command_field_count(kind) && i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct command_value *v = &e.u.command.value[i];
        v->given = texts[i] != NULL;
        if (v->given && command_def(kind)->fields[i].type == TYPE_TEXT)
            v->text = span_text(texts[i]);
        else if (v->given)
            v->number = strtoll(texts[i], NULL, 10);
    }
    w->got_result = false;
    assert_non_null(w->devices[device].node);
    step(w, device, &e);
    assert_true(w->got_result);
    return &w->result;
}

const struct world_result *world_ok(struct world *w, size_t device, enum command_kind kind, const char *a,
                                    const char *b, const char *c, const char *d)
{
    const struct world_result *r = world_do(w, device, kind, a, b, c, d);
    if (r->status != ST_OK)
        fail_msg("%s on %s: %s %s %s", command_def(kind)->name, w->devices[device].name,
                 status_name(r->status), r->why != ST_OK ? status_name(r->why) : "", r->rule);
    return r;
}
