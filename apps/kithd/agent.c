/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants:
 *   1. Only this thread touches the node, the links and the calls' tables.
 *   2. Effects are taken out after each step, before the next.
 *   3. A held call ends in exactly one reply. */
#include "apps/kithd/agent.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/kithd/home_files.h"
#include "apps/kithd/inbox.h"
#include "apps/kithd/local_api.h"
#include "apps/kithd/relay_child.h"
#include "apps/kithd/relay_link.h"
#include "apps/kithd/rpc.h"
#include "apps/local/say.h"
#include "device/vault.h"
#include "protocol/mem.h"
#include "sync/schema.h"

enum agent_limits {
    CLOSE_MAX_S = 5,         /* the watchdog over the end */
    LINKS_MAX = 24,          /* relays: the own family's, once and now, and those of contacts' letterboxes */
    WAITING_MAX = 32,        /* long polls: half of the calls, so that others always get through */
    WAIT_MAX_MS = 60 * 1000, /* of one long poll */
    UNANSWERED_MAX = LINKS_MAX * NODE_IN_FLIGHT_MAX,
    REOPEN_MAX = 3,       /* times in a row that the node may fail before the agent gives up */
    ROOM_AGAIN_MS = 2000, /* a full disk is looked at again */
};

struct held { /* a call that is under way */
    bool used, waiting;
    struct rpc_call rpc;
    int64_t until_mono_ms; /* of a long poll */
};

struct agent {
    struct agent_args args;
    struct inbox *inbox;
    struct local_api *api;
    struct node *node;
    struct entropy entropy;
    struct relay_child child; /* --with-relay */
    struct relay_link *links[LINKS_MAX];
    struct held held[API_CALLS_MAX];
    pthread_t signals;
    bool has_signals, noticed;
    bool full;  /* nothing can be written: the node only answers (node_resume) */
    bool fresh; /* the node was opened: what it asks for has not been taken yet */
    unsigned reopened;
    uint8_t witness[NODE_WITNESS_LEN]; /* as written last */
};

static void fill_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

/* ---- calls ---- */

static void reply(struct agent *a, size_t call, json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    local_api_reply(a->api, call, span_text(text != NULL ? text : "{}"));
    if (text != NULL)
        bytes_wipe(text, strlen(text)); /* may hold a recovery kit or a message */
    free(text);
    json_decref(json);
    if (a->held[call].used)
        rpc_call_free(&a->held[call].rpc);
    a->held[call] = (struct held){.used = false};
}

static size_t waiting_count(const struct agent *a)
{
    size_t n = 0;
    for (size_t i = 0; i < API_CALLS_MAX; i++)
        n += a->held[i].waiting ? 1 : 0;
    return n;
}

static void answer_view(struct agent *a, size_t call, int64_t mono_ms)
{
    struct held *h = &a->held[call];
    bool empty, again = h->waiting && h->until_mono_ms > mono_ms;
    json_t *json = rpc_reply_view(&h->rpc, a->node, &empty);
    if (empty && again)
        json_decref(json);
    else
        reply(a, call, json);
}

static void begin_view(struct agent *a, size_t call, int64_t mono_ms)
{
    struct held *h = &a->held[call];
    int64_t timeout_ms =
        h->rpc.command.kind == CMD_EVENTS ? h->rpc.command.value[CMD_EVENTS_TIMEOUT].number : 0;
    if (timeout_ms > 0 && waiting_count(a) >= WAITING_MAX) {
        reply(a, call, rpc_reply_status(h->rpc.id, ST_APP_AGENT_BUSY));
        return;
    }
    h->waiting = timeout_ms > 0;
    h->until_mono_ms = mono_ms + (timeout_ms < WAIT_MAX_MS ? timeout_ms : WAIT_MAX_MS);
    answer_view(a, call, mono_ms);
}

static void answer_waiting(struct agent *a, int64_t mono_ms)
{
    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        struct held *h = &a->held[i];
        if (h->waiting && (a->noticed || h->until_mono_ms <= mono_ms))
            answer_view(a, i, mono_ms);
    }
    a->noticed = false;
}

static int64_t waiting_deadline(const struct agent *a)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        if (a->held[i].waiting && a->held[i].until_mono_ms < first)
            first = a->held[i].until_mono_ms;
    }
    return first;
}

/* ---- relays ---- */

static struct relay_link *link_to(struct agent *a, const char *address)
{
    size_t i = 0;
    for (; i < LINKS_MAX && a->links[i] != NULL; i++) {
        if (strcmp(relay_link_address(a->links[i]), address) == 0)
            return a->links[i];
    }
    if (i == LINKS_MAX)
        return NULL;
    enum status s = relay_link_new(&a->links[i], address, &a->entropy, a->inbox);
    if (s != ST_OK)
        fprintf(stderr, "kithd: cannot use the relay %.80s: %s\n", address, status_text(s));
    return s == ST_OK ? a->links[i] : NULL;
}

/* ---- effects ---- */

struct unanswered { /* requests that no link could take: they end at once, without an answer */
    size_t count;
    uint64_t id[UNANSWERED_MAX];
};

static void do_effect(struct agent *a, const struct effect *fx, struct now now, struct unanswered *none)
{
    switch (fx->kind) {
    case FX_RELAY_REQUEST: {
        struct relay_link *l = link_to(a, fx->u.request.relay);
        if (l != NULL)
            relay_link_ask(l, fx->id, fx->u.request.what, now);
        else if (none->count < UNANSWERED_MAX)
            none->id[none->count++] = fx->id;
        return;
    }
    case FX_RELAY_CANCEL:
        for (size_t i = 0; i < LINKS_MAX && a->links[i] != NULL; i++)
            relay_link_cancel(a->links[i], fx->id);
        return;
    case FX_RESULT:
        if (fx->id < API_CALLS_MAX && a->held[fx->id].used)
            reply(a, (size_t)fx->id, rpc_reply_result(&a->held[fx->id].rpc, &fx->u.result));
        return;
    case FX_NOTIFY:
        a->noticed = true;
        return;
    }
}

/* ---- the node ---- */

static enum status start_child(struct agent *a)
{
    char data_dir[AGENT_HOME_MAX + 8];
    snprintf(data_dir, sizeof(data_dir), "%s/relay", a->args.address->home);
    return relay_child_start(&a->child, a->args.with_relay, data_dir);
}

/* After the signals are blocked: its thread takes none. */
static enum status keep_child(struct agent *a)
{
    char data_dir[AGENT_HOME_MAX + 8];
    snprintf(data_dir, sizeof(data_dir), "%s/relay", a->args.address->home);
    return a->child.pid != 0 ? relay_child_keep(&a->child, a->args.with_relay, data_dir) : ST_OK;
}

/* The witness (sync/witness.h) lies beside the socket, where it does not survive the machine's end. Where the
 * socket has to lie in the home itself, a backup would take it along: then there is none. */
static bool witness_path(const struct agent *a, char path[static AGENT_SOCKET_MAX + 16])
{
    snprintf(path, AGENT_SOCKET_MAX + 16, "%s.witness", a->args.address->socket);
    return strcmp(a->args.address->folder, a->args.address->home) != 0;
}

static bool read_witness(const struct agent *a, uint8_t out[static NODE_WITNESS_LEN])
{
    char path[AGENT_SOCKET_MAX + 16];
    FILE *f = witness_path(a, path) ? fopen(path, "rb") : NULL;
    bool whole = f != NULL && fread(out, 1, NODE_WITNESS_LEN, f) == NODE_WITNESS_LEN;
    if (f != NULL)
        fclose(f);
    return whole;
}

/* One that cannot be written is one that is missing. */
static void write_witness(struct agent *a)
{
    uint8_t now[NODE_WITNESS_LEN];
    char path[AGENT_SOCKET_MAX + 16];
    node_witness(a->node, now);
    if (memcmp(now, a->witness, sizeof(now)) == 0 || !witness_path(a, path))
        return;
    memcpy(a->witness, now, sizeof(now));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && pwrite(fd, now, sizeof(now), 0) != (ssize_t)sizeof(now))
        (void)unlink(path);
    if (fd >= 0)
        close(fd);
}

static enum status open_node(struct agent *a)
{
    uint8_t witness[NODE_WITNESS_LEN];
    struct node_files files;
    struct sqlite3 *db;
    enum status s = vault_open(&db, a->args.address->home, SCHEMA_VERSION);
    if (s == ST_OK && a->args.with_relay != NULL && a->child.pid == 0) {
        s = start_child(a); /* once the home is ours: its relay is too */
        if (s != ST_OK)
            sqlite3_close(db);
    }
    if (s != ST_OK)
        return s;
    home_files(&files, a->args.address->home);
    const struct node_args args = {.db = db,
                                   .files = &files,
                                   .entropy = a->entropy,
                                   .now = inbox_now(),
                                   .relay = a->child.pid != 0 ? a->child.address : a->args.relay,
                                   .witness = read_witness(a, witness) ? witness : NULL};
    a->fresh = true;
    s = node_open(&a->node, &args);
    if (s == ST_OK)
        write_witness(a);
    return s;
}

static void close_links(struct agent *a)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        relay_link_free(a->links[i]);
        a->links[i] = NULL;
    }
}

/* Nothing of the batch happened: tell who asked, and start again from what is on disk. */
static enum status reopen_node(struct agent *a, enum status why)
{
    fprintf(stderr, "kithd: %s. %s. (%s)\n", say_of(why).what, say_of(why).next, status_name(why));
    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        if (a->held[i].used && !a->held[i].waiting)
            reply(a, i, rpc_reply_status(a->held[i].rpc.id, why));
    }
    for (size_t i = 0; i < LINKS_MAX && a->links[i] != NULL; i++)
        relay_link_forget(a->links[i]);
    a->full = why == ST_STORE_FULL;
    if (a->full)
        return ST_OK;
    node_free(a->node);
    a->node = NULL;
    return ++a->reopened > REOPEN_MAX ? why : open_node(a);
}

static enum status resume_node(struct agent *a)
{
    uint8_t witness[NODE_WITNESS_LEN];
    enum status s = node_resume(a->node, inbox_now(), read_witness(a, witness) ? witness : NULL);
    if (s == ST_STORE_FULL)
        return ST_OK;
    if (s != ST_OK)
        return reopen_node(a, s);
    a->full = false;
    a->fresh = true;
    write_witness(a);
    fprintf(stderr, "kithd: there is room on the disk again\n");
    return ST_OK;
}

static void take_effects(struct agent *a, struct now now, struct unanswered *none)
{
    const struct effect *fx;
    none->count = 0;
    write_witness(a);
    while ((fx = node_next(a->node)) != NULL)
        do_effect(a, fx, now, none);
}

static enum status step(struct agent *a, const struct event *events, size_t count)
{
    struct event none[UNANSWERED_MAX];
    struct unanswered unanswered;
    struct now now = inbox_now();
    a->fresh = false;
    enum status s = node_step(a->node, events, count);
    if (s == ST_OK)
        take_effects(a, now, &unanswered);
    if (s == ST_OK && unanswered.count > 0) {
        for (size_t i = 0; i < unanswered.count; i++)
            none[i] = (struct event){.kind = EV_RELAY_ANSWER, .now = now, .id = unanswered.id[i]};
        s = node_step(a->node, none, unanswered.count);
    }
    if (s != ST_OK)
        return reopen_node(a, s);
    a->reopened = 0;
    return ST_OK;
}

/* ---- what comes in ---- */

static bool read_call(struct agent *a, size_t call, struct event *out, struct now now)
{
    struct held *h = &a->held[call];
    struct span request;
    json_t *error;
    if (!local_api_request(a->api, call, &request))
        return false;
    if (!rpc_read(&h->rpc, request, &error)) {
        reply(a, call, error);
        return false;
    }
    h->used = true;
    if (rpc_is_view(h->rpc.command.kind)) {
        begin_view(a, call, now.mono_ms);
        return false;
    }
    *out = (struct event){.kind = EV_COMMAND, .now = now, .id = call};
    out->u.command = h->rpc.command;
    return true;
}

static bool is_link(const struct agent *a, const void *source)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (a->links[i] != NULL && a->links[i] == source)
            return true;
    }
    return false;
}

static bool next_answer(struct agent *a, struct relay_link_done *out)
{
    for (size_t i = 0; i < LINKS_MAX && a->links[i] != NULL; i++) {
        if (relay_link_next(a->links[i], out))
            return true;
    }
    return false;
}

/* Hands every ended request to the node, one step each: an answer borrows from its link. A step can end
 * requests of any link at once (by a cancel), so each time all are asked. */
static enum status step_answers(struct agent *a, struct now now)
{
    struct relay_link_done done;
    enum status s = ST_OK;
    while (s == ST_OK && !a->full && next_answer(a, &done)) {
        struct event e = {.kind = EV_RELAY_ANSWER, .now = now, .id = done.id};
        e.u.answer = done.answer;
        s = step(a, &e, 1);
    }
    return s;
}

static enum status handle(struct agent *a, const struct inbox_item *items, size_t count, bool *stop)
{
    struct now now = inbox_now();
    struct event events[INBOX_BATCH_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].kind == INBOX_STOP)
            *stop = true;
        else if (items[i].kind == INBOX_API)
            n += read_call(a, items[i].slot, &events[n], now) ? 1 : 0;
        else if (is_link(a, items[i].source))
            relay_link_arrived(items[i].source, items[i].slot, now);
    }
    if (a->fresh || node_deadline(a->node) <= now.mono_ms)
        events[n++] = (struct event){.kind = EV_TICK, .now = now};
    enum status s = n > 0 ? step(a, events, n) : ST_OK;
    if (s == ST_OK)
        s = step_answers(a, now);
    return s;
}

/* What is there can be asked for; whoever wants to change anything is told why not. */
static void answer_or_refuse(struct agent *a, size_t call)
{
    struct now now = inbox_now();
    struct event e;
    if (read_call(a, call, &e, now))
        reply(a, call, rpc_reply_status(a->held[call].rpc.id, ST_STORE_FULL));
}

/* Nothing can be written, so nothing is done; relays' answers are asked for again. */
static enum status wait_for_room(struct agent *a, bool *stop)
{
    struct inbox_item items[INBOX_BATCH_MAX];
    struct relay_link_done done;
    int64_t until = inbox_now().mono_ms + ROOM_AGAIN_MS;
    while (!*stop && inbox_now().mono_ms < until) {
        size_t n = inbox_take(a->inbox, items, until);
        for (size_t i = 0; i < n; i++) {
            if (items[i].kind == INBOX_STOP)
                *stop = true;
            else if (items[i].kind == INBOX_API)
                answer_or_refuse(a, items[i].slot);
            else if (is_link(a, items[i].source))
                relay_link_arrived(items[i].source, items[i].slot, inbox_now());
        }
        while (next_answer(a, &done)) { /* ends: each ended request is told once */
        }
        answer_waiting(a, inbox_now().mono_ms);
    }
    return *stop ? ST_OK : resume_node(a);
}

enum status agent_run(struct agent *a)
{
    struct inbox_item items[INBOX_BATCH_MAX];
    bool stop = false;
    enum status s = ST_OK;
    while (!stop && s == ST_OK) {
        if (a->full) {
            s = wait_for_room(a, &stop);
            continue;
        }
        int64_t node_ms = a->fresh ? 0 : node_deadline(a->node), wait_ms = waiting_deadline(a);
        size_t n = inbox_take(a->inbox, items, node_ms < wait_ms ? node_ms : wait_ms);
        s = handle(a, items, n, &stop);
        if (s == ST_OK && !a->full)
            answer_waiting(a, inbox_now().mono_ms);
    }
    return s;
}

/* ---- begin and end ---- */

static void *wait_for_signal(void *arg)
{
    const struct inbox_item item = {INBOX_STOP, NULL, 0};
    sigset_t set;
    int got;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigwait(&set, &got);
    inbox_put(arg, &item);
    return NULL;
}

static enum status start_signals(struct agent *a)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 ||
        pthread_create(&a->signals, NULL, wait_for_signal, a->inbox) != 0)
        return ST_NO_MEMORY;
    a->has_signals = true;
    return ST_OK;
}

const char *agent_relay(const struct agent *a)
{
    return a->child.pid != 0 ? a->child.address : "";
}

enum status agent_new(struct agent **out, const struct agent_args *args)
{
    struct agent *a = calloc(1, sizeof(*a));
    enum status s;
    *out = NULL;
    if (a == NULL)
        return ST_NO_MEMORY;
    a->args = *args;
    a->entropy = (struct entropy){NULL, fill_random};
    a->inbox = inbox_new();
    s = a->inbox != NULL ? open_node(a) : ST_NO_MEMORY;
    if (s == ST_OK)
        s = start_signals(a);
    if (s == ST_OK)
        s = keep_child(a);
    if (s == ST_OK)
        s = local_api_new(&a->api, args->address->url, args->address->socket, a->inbox);
    if (s != ST_OK) {
        agent_free(a, 1);
        return s;
    }
    *out = a;
    return ST_OK;
}

/* nng_close can hang for good in 1.5.2 (docs/decisions/0002). What SQLite has committed is on disk, and the
 * kernel ends the relay: nothing is lost by leaving. */
static void *watchdog(void *exit_status)
{
    sleep(CLOSE_MAX_S);
    _exit((int)(intptr_t)exit_status);
}

void agent_free(struct agent *a, int exit_status)
{
    pthread_t dog;
    if (a == NULL)
        return;
    if (pthread_create(&dog, NULL, watchdog, (void *)(intptr_t)exit_status) == 0)
        pthread_detach(dog);
    local_api_free(a->api);
    close_links(a);
    node_free(a->node);
    for (size_t i = 0; i < API_CALLS_MAX; i++)
        rpc_call_free(&a->held[i].rpc);
    if (a->has_signals) {
        pthread_cancel(a->signals); /* sigwait is a cancellation point */
        pthread_join(a->signals, NULL);
    }
    relay_child_stop(&a->child);
    inbox_free(a->inbox);
    free(a);
}
