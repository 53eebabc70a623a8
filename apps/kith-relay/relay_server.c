/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants: (1) each receiver is in exactly one place: posted to nng, or parked in the queue with a
 * message; (2) the queue never has more than RECEIVERS messages and as many lost pipes as fit, so nothing in
 * a callback waits; (3) what is in `gone` is worked off before the messages, so a pipe id that nng gives
 * again is not mistaken. */
#include "apps/kith-relay/relay_server.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/mem.h"

enum server_limits {
    RECEIVERS = RELAY_BATCH_MAX, /* receives posted at once: one batch */
    SEND_QUEUE = 8192,           /* NNG_OPT_SENDBUF, its maximum */
    MESSAGE_MAX = 64 * 1024,     /* NNG_OPT_RECVMAXSZ, and above CHANNEL_MESSAGE_MAX */
    GONE_MAX = 65536,            /* lost pipes not worked off yet */
    TICK_MAX_MS = 1000,
    MEMORY_LOOK_MS = 50, /* one small read of /proc each */
    CLOSE_MAX_S = 10,    /* the watchdog over nng_close */
    HEADER_LEN = 8       /* pipe id, request id: no devices between */
};

struct receiver {
    struct relay_server *server;
    nng_aio *aio;
    nng_msg *message; /* parked */
};

struct relay_server {
    struct relay_server_args args;
    nng_socket socket;
    nng_listener listener;
    bool socket_open;
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool stop;
    size_t parked_count, gone_count;
    struct receiver receivers[RECEIVERS];
    struct receiver *parked[RECEIVERS];
    uint32_t gone[GONE_MAX];
    bool gone_lost;                    /* more than fit: their waits end by their own deadline */
    struct receiver *batch[RECEIVERS]; /* the serving thread's, as is what follows */
    uint32_t batch_gone[GONE_MAX];
    int64_t memory_at_mono_ms;
};

struct now relay_now(void)
{
    struct timespec wall, mono;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_MONOTONIC, &mono);
    return (struct now){.wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000,
                        .mono_ms = (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000};
}

/* ---- nng's threads ---- */

static void on_receive(void *arg)
{
    struct receiver *r = arg;
    struct relay_server *s = r->server;
    int rv = nng_aio_result(r->aio);
    if (rv == NNG_ECLOSED || rv == NNG_ECANCELED) {
        return;
    }
    if (rv != 0) {
        nng_recv_aio(s->socket, r->aio);
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    r->message = nng_aio_get_msg(r->aio);
    s->parked[s->parked_count++] = r;
    (void)pthread_cond_signal(&s->work);
    (void)pthread_mutex_unlock(&s->lock);
}

/* Where a pipe comes from; an IPv6 client may have a whole /64. */
static struct relay_source source_of(nng_pipe pipe)
{
    nng_sockaddr sa;
    struct relay_source source = {{0}};
    if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &sa) != 0) {
        return source;
    }
    if (sa.s_family == NNG_AF_INET) {
        source.b[10] = source.b[11] = 0xff;
        memcpy(source.b + 12, &sa.s_in.sa_addr, 4);
    } else if (sa.s_family == NNG_AF_INET6) {
        memcpy(source.b, sa.s_in6.sa_addr, 8);
    }
    return source;
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct relay_server *s = arg;
    uint32_t id = (uint32_t)nng_pipe_id(pipe);
    if (event == NNG_PIPE_EV_ADD_PRE) {
        struct relay_source source = source_of(pipe);
        if (!relay_pipes_add(s->args.pipes, id, &source)) {
            nng_pipe_close(pipe); /* here it is safe */
        }
        return;
    }
    if (event != NNG_PIPE_EV_REM_POST || !relay_pipes_remove(s->args.pipes, id)) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    if (s->gone_count < GONE_MAX) {
        s->gone[s->gone_count++] = id;
    } else {
        s->gone_lost = true;
    }
    (void)pthread_cond_signal(&s->work);
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- the serving thread ---- */

static bool header_of(nng_msg *message, struct relay_ticket *out)
{
    const uint8_t *h = nng_msg_header(message);
    if (nng_msg_header_len(message) != HEADER_LEN) {
        return false;
    }
    uint32_t words[2];
    for (int i = 0; i < 2; i++, h += 4) {
        words[i] = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
    }
    *out = (struct relay_ticket){words[0], words[1]};
    return true;
}

static void take(struct relay_server *s, nng_msg *message, struct now now)
{
    struct relay_ticket ticket;
    struct relay_source source;
    if (!header_of(message, &ticket) || !relay_pipes_take(s->args.pipes, ticket.pipe, &source)) {
        return;
    }
    struct span body = SPAN_OF(nng_msg_body(message), nng_msg_len(message));
    enum status st = relay_front_receive(s->args.front, ticket, &source, body, now);
    if (st != ST_OK) {
        relay_pipes_done(s->args.pipes, ticket.pipe, status_class(st) == CLASS_PROTOCOL);
    }
    bytes_wipe(nng_msg_body(message), nng_msg_len(message));
}

static void send_one(struct relay_server *s, const struct relay_out *out)
{
    nng_msg *message;
    relay_pipes_done(s->args.pipes, out->ticket.pipe, false);
    if (nng_msg_alloc(&message, 0) != 0) {
        return;
    }
    /* A reply that cannot go out is dropped: the client asks again, and every command is idempotent. */
    if (nng_msg_append(message, out->message.ptr, out->message.len) != 0 ||
        nng_msg_header_append_u32(message, out->ticket.pipe) != 0 ||
        nng_msg_header_append_u32(message, out->ticket.request) != 0 ||
        nng_sendmsg(s->socket, message, NNG_FLAG_NONBLOCK) != 0) {
        nng_msg_free(message);
    }
}

static void send_all(struct relay_server *s)
{
    struct relay_out out;
    while (relay_front_next(s->args.front, &out)) {
        send_one(s, &out);
    }
}

static uint64_t resident(void)
{
    char line[128], *at = line; /* "size resident …", in pages */
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL) {
        return 0;
    }
    bool got = fgets(line, sizeof(line), f) != NULL;
    (void)fclose(f);
    if (!got) {
        return 0;
    }
    (void)strtoul(line, &at, 10);
    return (uint64_t)strtoul(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Answers that a client does not read stay in nng, out of our sight: so look at the whole, often: a fast
 * client takes hundreds of MiB a second. */
static void watch_memory(struct relay_server *s, int64_t mono_ms)
{
    if (mono_ms < s->memory_at_mono_ms) {
        return;
    }
    s->memory_at_mono_ms = mono_ms + MEMORY_LOOK_MS;
    bool full = resident() > s->args.memory_max;
    relay_front_busy(s->args.front, full);
    relay_pipes_close_door(s->args.pipes, full);
}

static void wait_for_work(struct relay_server *s, int64_t wait_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (wait_ms % 1000) * 1000000;
    until.tv_sec += wait_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    int rv = 0;
    while (rv == 0 && !s->stop && s->parked_count == 0 && s->gone_count == 0) {
        rv = pthread_cond_timedwait(&s->work, &s->lock, &until);
    }
}

/* Waits for work, at most until the front wants its tick, and takes it off the queue. False: stop. */
static bool next_batch(struct relay_server *s, size_t *messages, size_t *gone)
{
    int64_t wait_ms = relay_front_deadline(s->args.front) - relay_now().mono_ms;
    wait_ms = wait_ms < 0 ? 0 : wait_ms > TICK_MAX_MS ? TICK_MAX_MS : wait_ms;
    (void)pthread_mutex_lock(&s->lock);
    wait_for_work(s, wait_ms);
    *messages = s->parked_count;
    *gone = s->gone_count;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    memcpy(s->batch, s->parked, s->parked_count * sizeof(s->parked[0]));
    memcpy(s->batch_gone, s->gone, s->gone_count * sizeof(s->gone[0]));
    s->parked_count = s->gone_count = 0;
    bool go_on = !s->stop;
    (void)pthread_mutex_unlock(&s->lock);
    return go_on;
}

void relay_server_run(struct relay_server *s)
{
    size_t messages, gone;
    while (next_batch(s, &messages, &gone)) {
        struct now now = relay_now();
        watch_memory(s, now.mono_ms);
        for (size_t i = 0; i < gone; i++) {
            relay_front_pipe_gone(s->args.front, s->batch_gone[i]);
        }
        for (size_t i = 0; i < messages; i++) {
            struct receiver *r = s->batch[i];
            take(s, r->message, now);
            nng_msg_free(r->message);
            r->message = NULL;
            nng_recv_aio(s->socket, r->aio);
        }
        relay_front_tick(s->args.front, now);
        relay_front_commit(s->args.front, now);
        send_all(s);
    }
    for (size_t i = 0; i < messages; i++) {
        nng_msg_free(s->batch[i]->message); /* not served: no answer, the client asks again */
        s->batch[i]->message = NULL;
    }
}

void relay_server_stop(struct relay_server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_cond_signal(&s->work);
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- up and down ---- */

static int listen_on(struct relay_server *s)
{
    int rv = nng_rep0_open_raw(&s->socket);
    if (rv != 0) {
        return rv;
    }
    s->socket_open = true;
    static const nng_pipe_ev events[] = {NNG_PIPE_EV_ADD_PRE, NNG_PIPE_EV_REM_POST};
    for (size_t i = 0; i < 2 && rv == 0; i++) {
        rv = nng_pipe_notify(s->socket, events[i], on_pipe, s);
    }
    rv = rv == 0 ? nng_socket_set_size(s->socket, NNG_OPT_RECVMAXSZ, MESSAGE_MAX)
                 : rv; /* before the listener */
    rv = rv == 0 ? nng_socket_set_int(s->socket, NNG_OPT_SENDBUF, SEND_QUEUE) : rv;
    rv = rv == 0 ? nng_listener_create(&s->listener, s->socket, s->args.url) : rv;
    rv = rv == 0 ? nng_listener_set_bool(s->listener, NNG_OPT_TCP_KEEPALIVE, true) : rv;
    for (size_t i = 0; i < RECEIVERS && rv == 0; i++) {
        s->receivers[i].server = s;
        rv = nng_aio_alloc(&s->receivers[i].aio, on_receive, &s->receivers[i]);
    }
    for (size_t i = 0; i < RECEIVERS && rv == 0; i++) {
        nng_recv_aio(s->socket, s->receivers[i].aio);
    }
    return rv == 0 ? nng_listener_start(s->listener, 0) : rv;
}

enum status relay_server_open(struct relay_server **out, const struct relay_server_args *args, uint16_t *port,
                              const char **why)
{
    *out = NULL;
    *port = 0;
    *why = "";
    struct relay_server *s = mem_alloc(1, sizeof(*s));
    if (s == NULL) {
        return ST_NO_MEMORY;
    }
    s->args = *args;
    pthread_condattr_t attr;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->work, &attr);
    (void)pthread_condattr_destroy(&attr);
    int bound = 0;
    int rv = listen_on(s);
    if (rv == 0) {
        rv = nng_listener_get_int(s->listener, NNG_OPT_TCP_BOUND_PORT, &bound);
    }
    if (rv != 0) {
        *why = nng_strerror(rv);
        relay_server_close(s);
        return ST_RELAY_LISTEN;
    }
    *port = (uint16_t)bound;
    *out = s;
    return ST_OK;
}

/* nng_close can hang (a lost wakeup in 1.5.2): nothing is left to save then. */
static void *watchdog(void *unused)
{
    (void)unused;
    (void)sleep(CLOSE_MAX_S);
    _exit(0);
}

void relay_server_close(struct relay_server *s)
{
    if (s == NULL) {
        return;
    }
    pthread_t dog;
    if (pthread_create(&dog, NULL, watchdog, NULL) == 0) {
        (void)pthread_detach(dog);
    }
    for (size_t i = 0; i < RECEIVERS; i++) {
        if (s->receivers[i].aio != NULL) {
            nng_aio_stop(s->receivers[i].aio);
        }
    }
    if (s->socket_open) {
        (void)nng_close(s->socket);
    }
    for (size_t i = 0; i < RECEIVERS; i++) {
        if (s->receivers[i].aio != NULL) {
            nng_aio_free(s->receivers[i].aio);
        }
        if (s->receivers[i].message != NULL) {
            nng_msg_free(s->receivers[i].message);
        }
    }
    nng_fini();
    (void)pthread_cond_destroy(&s->work);
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s, sizeof(*s));
}
