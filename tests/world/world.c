/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "apps/kith-relay/core/store_memory.h"
#include "tests/world/world_internal.h"

#define START_WALL_MS INT64_C(1800000000000) /* January 2027 */

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
    w->doubt = getenv("KITH_DOUBT") != NULL;
    w->now = (struct now){.wall_ms = START_WALL_MS, .mono_ms = 1000};
    sign_keypair(&w->entropy.entropy, &private, &address.key);
    assert_ok(relay_address_format(&address, w->relay));
    assert_ok(store_memory_open(&w->store, &w->entropy.entropy));
    assert_ok(relay_core_new(&w->core, &w->store, &relay_limits_default, &w->entropy.entropy));
    w->relay_count = 1;
    return w;
}

static void device_free(struct world_device *d)
{
    node_free(d->node);
    node_free(d->resting);
    world_disk_free(d->disk);
    for (size_t i = 0; i < WORLD_KEPT_MAX; i++)
        world_disk_free(d->kept[i]);
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < w->device_count; i++)
        device_free(&w->devices[i]);
    relay_core_free(w->core);
    w->store.ops->close(w->store.s);
    more_relays_free(w);
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        buffer_wipe(&w->flights[i].request);
        buffer_wipe(&w->flights[i].answer);
    }
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

struct world_disk *world_disk_of(struct world *w, size_t device)
{
    return w->devices[device].disk;
}

void world_keep_home(struct world *w, size_t device, unsigned slot)
{
    struct world_device *d = &w->devices[device];
    assert_true(slot < WORLD_KEPT_MAX);
    if (d->kept[slot] == NULL)
        d->kept[slot] = world_disk_new();
    world_off(w, device);
    world_disk_copy(d->kept[slot], d->disk);
    world_on(w, device);
}

void world_put_back_home(struct world *w, size_t device, unsigned slot)
{
    struct world_device *d = &w->devices[device];
    assert_true(slot < WORLD_KEPT_MAX && d->kept[slot] != NULL);
    world_off(w, device);
    world_disk_copy(d->disk, d->kept[slot]);
    world_on(w, device);
}

unsigned world_power_cuts(const struct world *w, size_t device)
{
    return w->devices[device].power_cuts;
}

unsigned world_notices(struct world *w, size_t device)
{
    unsigned notices = w->devices[device].notices;
    w->devices[device].notices = 0;
    return notices;
}

bool world_noticed(const struct world *w, unsigned kinds)
{
    for (size_t i = 0; i < w->device_count; i++) {
        if ((w->devices[i].notices & kinds) != 0)
            return true;
    }
    return false;
}

bool world_is_on(const struct world *w, size_t device)
{
    return w->devices[device].node != NULL;
}

size_t world_count(const struct world *w)
{
    return w->device_count;
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

static enum status open_device(struct world *w, struct world_device *d)
{
    struct node_files files;
    world_source_files(&d->files, &files);
    struct node_args args = {.entropy = w->entropy.entropy,
                             .files = &files,
                             .now = device_now(w, d),
                             .relay = w->relay,
                             .doubt = w->doubt,
                             .witness = d->has_witness ? d->witness : NULL};
    enum status st = world_disk_open(d->disk, &args.db);
    return st == ST_OK ? node_open(&d->node, &args) : st;
}

/* A device whose disk is full goes on where it rests, when there is room. */
static enum status resume(struct world *w, struct world_device *d)
{
    enum status st = node_resume(d->resting, device_now(w, d), d->has_witness ? d->witness : NULL);
    if (st == ST_OK) {
        d->node = d->resting;
        d->resting = NULL;
    }
    return st;
}

void world_on(struct world *w, size_t device)
{
    struct world_device *d = &w->devices[device];
    assert_null(d->node);
    enum status st = d->resting != NULL ? resume(w, d) : open_device(w, d);
    if (st != ST_OK && world_disk_failed(d->disk)) { /* the power went again */
        node_free(d->resting);
        d->resting = NULL;
        world_disk_power_back(d->disk, &w->entropy);
        st = open_device(w, d);
    }
    if (st == ST_STORE_FULL && d->may_be_full) {
        d->node = NULL;
        d->again_mono_ms = w->now.mono_ms + WORLD_FULL_MS;
        return;
    }
    assert_ok(st);
    d->again_mono_ms = 0;
    d->life++;
    take_effects(w, device);
}

size_t world_add(struct world *w, const char *name)
{
    size_t device = w->device_count++;
    struct world_device *d = &w->devices[device];
    assert_true(device < WORLD_DEVICES_MAX);
    snprintf(d->name, sizeof(d->name), "%s", name);
    d->disk = world_disk_new();
    relay_party_init(&d->session, d);
    relay_party_init(&d->source, d);
    world_on(w, device);
    return device;
}

static void cut_off(struct world *w, size_t device)
{
    w->devices[device].node = NULL;
    for (size_t i = 0; i < w->relay_count; i++)
        relay_core_pipe_gone(core_of(w, i), (uint32_t)device + 1);
    for (size_t i = 0; i < w->flights_used; i++) {
        if (w->flights[i].device == device)
            flight_end(&w->flights[i]);
    }
}

void world_off(struct world *w, size_t device)
{
    struct world_device *d = &w->devices[device];
    node_free(d->node);
    node_free(d->resting);
    d->resting = NULL;
    d->again_mono_ms = 0;
    cut_off(w, device);
}

/* On a full disk nothing is done, and what is there can be looked at (node_resume). */
static void rest(struct world *w, size_t device)
{
    struct world_device *d = &w->devices[device];
    d->resting = d->node;
    cut_off(w, device);
    d->again_mono_ms = w->now.mono_ms + WORLD_FULL_MS;
}

void world_lose_witness(struct world *w, size_t device)
{
    w->devices[device].has_witness = false;
}

void world_restart(struct world *w, size_t device)
{
    world_off(w, device);
    world_on(w, device);
}

void world_fail_disk(struct world *w, size_t device, unsigned nth)
{
    world_disk_fail_at(w->devices[device].disk, nth);
}

void world_fill_disk(struct world *w, size_t device, unsigned after, bool grows_only)
{
    w->devices[device].may_be_full = true;
    world_disk_fill(w->devices[device].disk, after, grows_only);
}

void world_room(struct world *w, size_t device)
{
    world_disk_room(w->devices[device].disk);
}

struct node *world_resting(struct world *w, size_t device)
{
    return w->devices[device].resting;
}

bool world_waits_for_room(const struct world *w, size_t device)
{
    return w->devices[device].again_mono_ms != 0;
}

void world_restart_every(struct world *w, unsigned steps)
{
    w->restart_every = steps;
}

void world_on_append(struct world *w, world_append_fn fn, void *ctx)
{
    w->on_append = fn;
    w->on_append_ctx = ctx;
}

/* ---- effects ---- */

static void copy_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from != NULL ? from : "");
}

static void result_came(struct world *w, const struct result *r)
{
    struct world_result *to = &w->result;
    to->power_cut = false;
    to->status = r->status;
    to->why = r->why;
    to->expires_at_ms = r->expires_at_ms;
    copy_text(to->link, sizeof(to->link), r->link);
    copy_text(to->kit, sizeof(to->kit), r->kit);
    copy_text(to->id, sizeof(to->id), r->id);
    copy_text(to->name, sizeof(to->name), r->name);
    copy_text(to->of, sizeof(to->of), r->of);
    copy_text(to->rule, sizeof(to->rule), r->rule);
    w->got_result = true;
}

static void take_effects(struct world *w, size_t device)
{
    const struct effect *fx;
    node_witness(w->devices[device].node, w->devices[device].witness);
    w->devices[device].has_witness = true;
    while ((fx = node_next(w->devices[device].node)) != NULL) {
        if (fx->kind == FX_RELAY_REQUEST)
            request_begins(w, device, fx);
        else if (fx->kind == FX_RELAY_CANCEL)
            request_cancelled(w, device, fx->id);
        else if (fx->kind == FX_RESULT)
            result_came(w, &fx->u.result);
        else
            w->devices[device].notices |= 1u << fx->u.notice.kind;
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

/* ---- what it costs ---- */

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note_cost(struct world_cost *c, const struct event *e, double took_s)
{
    bool read = e->kind == EV_RELAY_ANSWER && e->u.answer != NULL && e->u.answer->command == RELAY_READ;
    c->step_s += took_s;
    c->read_s += read ? took_s : 0;
    c->steps++;
    c->ticks += e->kind == EV_TICK;
}

struct world_cost world_cost(const struct world *w, size_t device)
{
    return w->devices[device].cost;
}

/* And comes back at once. */
static void power_goes(struct world *w, size_t device)
{
    struct world_device *d = &w->devices[device];
    world_off(w, device);
    world_disk_power_back(d->disk, &w->entropy);
    d->power_cuts++;
    world_on(w, device);
}

void world_step(struct world *w, size_t device, const struct event *event)
{
    struct world_device *d = &w->devices[device];
    struct event e = *event;
    e.now = device_now(w, d);
    trace(w, device, event);
    double began = cpu_s();
    enum status st = node_step(d->node, &e, 1);
    note_cost(&d->cost, &e, cpu_s() - began);
    if (world_disk_failed(d->disk)) {
        if (st == ST_OK)
            take_effects(w, device); /* it was done before the power went */
        power_goes(w, device);
        return;
    }
    if (st == ST_STORE_FULL && d->may_be_full) {
        rest(w, device);
        return;
    }
    assert_ok(st);
    take_effects(w, device);
    if (w->restart_every > 0 && ++d->steps % w->restart_every == 0) {
        world_restart(w, device);
        take_effects(w, device); /* what node_open asks of the relay anew */
    }
}

/* ---- time ---- */

static size_t first_deadline(struct world *w, int64_t *at_ms)
{
    size_t first = WORLD_DEVICES_MAX;
    *at_ms = INT64_MAX;
    for (size_t i = 0; i < w->device_count; i++) {
        const struct world_device *d = &w->devices[i];
        int64_t ms = d->again_mono_ms != 0 ? d->again_mono_ms : INT64_MAX;
        ms = d->node != NULL ? node_deadline(d->node) : ms;
        if (ms >= *at_ms)
            continue;
        *at_ms = ms;
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
    int64_t device_ms, relay_ms = INT64_MAX;
    for (size_t i = 0; i < w->relay_count; i++)
        relay_ms =
            relay_core_deadline(core_of(w, i)) < relay_ms ? relay_core_deadline(core_of(w, i)) : relay_ms;
    size_t device = first_deadline(w, &device_ms);
    struct flight *f = flight_first(w);
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
        if (world_waits_for_room(w, device))
            world_on(w, device);
        else
            world_step(w, device, &tick);
    } else {
        for (size_t i = 0; i < w->relay_count; i++) {
            relay_core_tick(core_of(w, i), w->now);
            relay_core_commit(core_of(w, i), w->now);
        }
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
    world_step(w, device, &tick);
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
    unsigned cuts = w->devices[device].power_cuts;
    world_step(w, device, &e);
    if (!w->got_result && w->devices[device].power_cuts != cuts)
        w->result = (struct world_result){.status = ST_STORE_FAILED, .power_cut = true};
    else if (!w->got_result && w->devices[device].may_be_full)
        w->result = (struct world_result){.status = ST_STORE_FULL};
    else
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
