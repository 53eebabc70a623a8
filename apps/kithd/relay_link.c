/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kithd/relay_link.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdlib.h>

#include "protocol/channel.h"
#include "protocol/mem.h"
#include "protocol/relay_address.h"

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_BUSY, SLOT_DONE };
enum session_state { SESSION_NONE, SESSION_KEY, SESSION_OPENING, SESSION_OPEN };

enum {
    OWN_SLOT = 0,
    FIRST_SLOT = 1
};                      /* the link's own exchanges: the relay's key, a session's first request */
enum { SP_HEADER = 4 }; /* the request id before each body: nng counts it in NNG_OPT_RECVMAXSZ */

struct slot {
    struct relay_link *link;
    size_t index;
    enum slot_state state;
    bool has_ctx;
    nng_ctx ctx;
    nng_aio *aio;
    nng_duration answer_ms;
    bool sent;  /* the callback's while BUSY: the operation under way is the receive */
    bool stop;  /* under the link's turn: the receive must not begin any more */
    int failed; /* nng's error of the last operation; 0: `message` came */
    nng_msg *message;
    /* of the request */
    uint64_t id;
    struct buffer request, plain; /* encoded relay_request; the encoded answer */
    uint64_t number;              /* in the session it was sealed in */
    uint64_t session;             /* which session that was */
    unsigned tries;
    bool cancelled, answered, forgotten;
};

struct relay_link {
    char text[RELAY_ADDRESS_MAX + 1];
    struct relay_address address;
    struct entropy *entropy;
    struct inbox *inbox;
    nng_socket socket;
    bool has_socket;
    /* Between nng's sending and its receiving there is nothing that nng_aio_cancel could end: whoever holds
     * the turn either begins the receive before the cancel or sees `stop`. */
    pthread_mutex_t turn;
    enum session_state state;
    struct channel_client client;
    struct relay_key key;
    int64_t key_until_ms; /* wall clock; 0: no key */
    uint64_t session;     /* counts sessions */
    struct slot slots[LINK_SLOTS_MAX];
    struct slot *lent; /* slot whose answer relay_link_next lent out */
    struct relay_answer answer;
    struct relay_watch watches[RELAY_WATCHES_MAX];
};

/* ---- nng's side ---- */

static void slot_ended(struct slot *s, int failed, nng_msg *message)
{
    struct inbox_item item = {INBOX_RELAY, s->link, s->index};
    s->failed = failed;
    s->message = message;
    inbox_put(s->link->inbox, &item);
}

/* False: the request was cancelled before. */
static bool slot_receive(struct slot *s)
{
    pthread_mutex_lock(&s->link->turn);
    bool go = !s->stop;
    s->sent = true;
    if (go) {
        nng_aio_set_timeout(s->aio, s->answer_ms);
        nng_ctx_recv(s->ctx, s->aio);
    }
    pthread_mutex_unlock(&s->link->turn);
    return go;
}

/* From the agent's thread: ends the operation under way; its callback still comes. */
static void slot_stop(struct slot *s)
{
    pthread_mutex_lock(&s->link->turn);
    s->stop = true;
    nng_aio_cancel(s->aio);
    pthread_mutex_unlock(&s->link->turn);
}

/* Runs on a thread of nng: strictly send, then receive. */
static void slot_callback(void *arg)
{
    struct slot *s = arg;
    int rv = nng_aio_result(s->aio);
    if (rv == 0 && !s->sent) {
        if (slot_receive(s))
            return;
        rv = NNG_ECANCELED;
    }
    if (rv != 0 && !s->sent) {
        nng_msg_free(nng_aio_get_msg(s->aio)); /* not sent: still ours */
        nng_aio_set_msg(s->aio, NULL);
    }
    slot_ended(s, rv, rv == 0 ? nng_aio_get_msg(s->aio) : NULL);
}

static enum status slot_ready(struct slot *s)
{
    if (s->aio == NULL && nng_aio_alloc(&s->aio, slot_callback, s) != 0)
        return ST_NO_MEMORY;
    if (s->has_ctx)
        return ST_OK;
    if (nng_ctx_open(&s->ctx, s->link->socket) != 0)
        return ST_NO_MEMORY;
    s->has_ctx = true;
    /* nng would send a request again by itself; ours are sealed once. */
    return nng_ctx_set_ms(s->ctx, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE) == 0 ? ST_OK : ST_INTERNAL;
}

/* A failed context is closed: what it still expects must not meet the slot's next request. */
static void slot_close_ctx(struct slot *s)
{
    if (s->has_ctx)
        nng_ctx_close(s->ctx);
    s->has_ctx = false;
}

static enum status slot_send(struct slot *s, struct span bytes)
{
    nng_msg *m;
    enum status st = slot_ready(s);
    if (st != ST_OK)
        return st;
    if (nng_msg_alloc(&m, 0) != 0)
        return ST_NO_MEMORY;
    if (nng_msg_append(m, bytes.ptr, bytes.len) != 0) {
        nng_msg_free(m);
        return ST_NO_MEMORY;
    }
    s->state = SLOT_BUSY;
    s->sent = s->stop = false;
    nng_aio_set_msg(s->aio, m);
    nng_aio_set_timeout(s->aio, LINK_CONNECT_MS);
    nng_ctx_send(s->ctx, s->aio);
    return ST_OK;
}

/* ---- sessions ---- */

static void slot_done(struct slot *s, bool answered)
{
    s->answered = answered;
    s->state = SLOT_DONE;
}

static void fail_waiting(struct relay_link *l)
{
    for (size_t i = FIRST_SLOT; i < LINK_SLOTS_MAX; i++) {
        if (l->slots[i].state == SLOT_WAITING)
            slot_done(&l->slots[i], false);
    }
}

static void session_end(struct relay_link *l, bool key_too)
{
    channel_client_wipe(&l->client);
    l->state = SESSION_NONE;
    if (key_too)
        l->key_until_ms = 0;
}

static enum status session_ask_key(struct relay_link *l)
{
    struct slot *s = &l->slots[OWN_SLOT];
    struct buffer out;
    buffer_init(&out, CHANNEL_MESSAGE_MAX);
    s->answer_ms = LINK_ANSWER_MS;
    enum status st = channel_key_ask(&out);
    if (st == ST_OK)
        st = slot_send(s, buffer_span(&out));
    if (st == ST_OK)
        l->state = SESSION_KEY;
    buffer_wipe(&out);
    return st;
}

static enum status slot_seal_and_send(struct slot *s)
{
    struct relay_link *l = s->link;
    struct buffer out;
    buffer_init(&out, CHANNEL_MESSAGE_MAX);
    enum status st = channel_client_seal(&l->client, buffer_span(&s->request), &s->number, &out);
    s->session = l->session;
    if (st == ST_OK)
        st = slot_send(s, buffer_span(&out));
    buffer_wipe(&out);
    return st;
}

/* Opens with `info`, which is answered at once: a session's other requests wait for its first answer, and the
 * first of them may be one that the relay holds for minutes. */
static enum status session_begin(struct relay_link *l, struct now now)
{
    static const struct relay_request info = {.command = RELAY_INFO};
    struct channel_client_args args = {
        .relay = &l->address.key, .key = &l->key, .entropy = l->entropy, .mono_ms = now.mono_ms};
    struct slot *s = &l->slots[OWN_SLOT];
    struct writer w;
    if (l->address.has_access)
        args.access = SPAN(l->address.access);
    enum status st = channel_client_init(&l->client, &args);
    if (st != ST_OK)
        return st;
    l->session++;
    l->state = SESSION_OPENING;
    s->answer_ms = LINK_ANSWER_MS;
    s->request.len = 0;
    writer_init(&w, &s->request);
    st = relay_request_encode(&w, &info);
    if (st == ST_OK)
        st = slot_seal_and_send(s);
    if (st != ST_OK)
        session_end(l, false);
    return st;
}

/* Brings the session forward and sends what waits, as far as its state lets it. */
static void pump(struct relay_link *l, struct now now)
{
    bool any = false;
    enum status st = ST_OK;
    for (size_t i = FIRST_SLOT; i < LINK_SLOTS_MAX; i++)
        any = any || l->slots[i].state == SLOT_WAITING;
    if (!any || l->slots[OWN_SLOT].state != SLOT_FREE)
        return;
    if (l->state == SESSION_OPEN && channel_client_expired(&l->client, now.mono_ms))
        session_end(l, false);
    if (l->state == SESSION_NONE)
        st = l->key_until_ms <= now.wall_ms ? session_ask_key(l) : session_begin(l, now);
    if (st != ST_OK)
        fail_waiting(l);
    if (l->state != SESSION_OPEN)
        return;
    for (size_t i = FIRST_SLOT; i < LINK_SLOTS_MAX; i++) {
        struct slot *s = &l->slots[i];
        if (s->state == SLOT_WAITING && slot_seal_and_send(s) != ST_OK)
            slot_done(s, false);
    }
}

/* ---- what arrives ---- */

static struct span message_span(nng_msg *m)
{
    return SPAN_OF(nng_msg_body(m), nng_msg_len(m));
}

static void key_arrived(struct relay_link *l, struct slot *s, struct now now)
{
    enum status st = ST_APP_AGENT_SILENT;
    if (s->failed == 0)
        st = channel_key_verify(&l->key, &l->address.key, now.wall_ms, message_span(s->message));
    session_end(l, true);
    if (st != ST_OK) {
        fail_waiting(l);
        return;
    }
    /* A clock that is off must not make us ask for a key at every request. */
    l->key_until_ms = now.wall_ms + LINK_KEY_MIN_MS;
    if (l->key.not_after_ms > l->key_until_ms)
        l->key_until_ms = l->key.not_after_ms;
}

static void first_answer_arrived(struct relay_link *l, struct slot *s)
{
    enum status st = ST_APP_AGENT_SILENT;
    s->plain.len = 0;
    if (s->failed == 0)
        st = channel_client_open(&l->client, s->number, message_span(s->message), &s->plain);
    if (st == ST_OK) {
        l->state = SESSION_OPEN;
        return;
    }
    /* "Unknown session" here means that our key is not the relay's any more, or that access is refused. */
    session_end(l, true);
    if (st != ST_CHANNEL_UNKNOWN || ++s->tries >= LINK_TRIES_MAX) {
        s->tries = 0;
        fail_waiting(l);
    }
}

static void own_arrived(struct relay_link *l, struct slot *s, struct now now)
{
    s->state = SLOT_FREE;
    if (l->state == SESSION_KEY)
        key_arrived(l, s, now);
    else if (l->state == SESSION_OPENING)
        first_answer_arrived(l, s);
    if (l->state == SESSION_OPEN)
        s->tries = 0;
}

static void answer_arrived(struct relay_link *l, struct slot *s)
{
    enum status st;
    if (s->forgotten) {
        s->state = SLOT_FREE;
        return;
    }
    if (s->failed != 0 || s->cancelled) {
        slot_done(s, false);
        return;
    }
    s->plain.len = 0;
    st = ST_CHANNEL_UNKNOWN;
    if (l->state == SESSION_OPEN && s->session == l->session)
        st = channel_client_open(&l->client, s->number, message_span(s->message), &s->plain);
    if (st != ST_CHANNEL_UNKNOWN) {
        slot_done(s, st == ST_OK);
        return;
    }
    /* The relay forgot the session, or somebody between says so: once more, in a new one. */
    if (l->state == SESSION_OPEN && s->session == l->session)
        session_end(l, true);
    if (++s->tries < LINK_TRIES_MAX)
        s->state = SLOT_WAITING;
    else
        slot_done(s, false);
}

void relay_link_arrived(struct relay_link *l, size_t slot, struct now now)
{
    invariant(slot < LINK_SLOTS_MAX);
    struct slot *s = &l->slots[slot];
    if (slot == OWN_SLOT)
        own_arrived(l, s, now);
    else
        answer_arrived(l, s);
    if (s->message != NULL)
        nng_msg_free(s->message);
    s->message = NULL;
    if (s->failed != 0)
        slot_close_ctx(s);
    pump(l, now);
}

/* ---- the agent's side ---- */

static struct slot *free_slot(struct relay_link *l)
{
    for (size_t i = FIRST_SLOT; i < LINK_SLOTS_MAX; i++) {
        if (l->slots[i].state == SLOT_FREE)
            return &l->slots[i];
    }
    return NULL;
}

void relay_link_ask(struct relay_link *l, uint64_t id, const struct relay_request *request, struct now now)
{
    struct slot *s = free_slot(l);
    struct writer w;
    invariant(s != NULL); /* node.h: at most NODE_IN_FLIGHT_MAX, each ended before the next */
    s->id = id;
    s->tries = 0;
    s->cancelled = s->forgotten = false;
    s->request.len = 0;
    s->answer_ms = LINK_ANSWER_MS;
    if (request->command == RELAY_WAIT)
        s->answer_ms += (nng_duration)request->timeout_ms;
    writer_init(&w, &s->request);
    s->state = SLOT_WAITING;
    if (relay_request_encode(&w, request) != ST_OK)
        slot_done(s, false);
    pump(l, now);
}

void relay_link_cancel(struct relay_link *l, uint64_t id)
{
    for (size_t i = FIRST_SLOT; i < LINK_SLOTS_MAX; i++) {
        struct slot *s = &l->slots[i];
        if (s->state == SLOT_FREE || s->state == SLOT_DONE || s->id != id)
            continue;
        s->cancelled = true;
        if (s->state == SLOT_WAITING)
            slot_done(s, false);
        else
            slot_stop(s);
    }
}

static void give_back(struct relay_link *l)
{
    if (l->lent == NULL)
        return;
    l->lent->state = SLOT_FREE;
    bytes_wipe(l->lent->plain.ptr, l->lent->plain.len);
    l->lent->plain.len = 0;
    l->lent = NULL;
}

void relay_link_forget(struct relay_link *l)
{
    give_back(l);
    for (size_t i = FIRST_SLOT; i < LINK_SLOTS_MAX; i++) {
        struct slot *s = &l->slots[i];
        if (s->state == SLOT_BUSY) {
            s->forgotten = true;
            slot_stop(s); /* its end frees the slot */
        } else {
            s->state = SLOT_FREE;
        }
    }
}

static bool decode_answer(struct relay_link *l, const struct slot *s)
{
    struct relay_request asked;
    return relay_request_decode(&asked, l->watches, buffer_span(&s->request)) == ST_OK &&
           relay_answer_decode(&l->answer, &asked, buffer_span(&s->plain)) == ST_OK;
}

bool relay_link_next(struct relay_link *l, struct relay_link_done *out)
{
    give_back(l);
    for (size_t i = FIRST_SLOT; i < LINK_SLOTS_MAX; i++) {
        struct slot *s = &l->slots[i];
        if (s->state != SLOT_DONE)
            continue;
        l->lent = s;
        out->id = s->id;
        out->answer = s->answered && decode_answer(l, s) ? &l->answer : NULL;
        return true;
    }
    return false;
}

const char *relay_link_address(const struct relay_link *l)
{
    return l->text;
}

static enum status link_dial(struct relay_link *l)
{
    char url[RELAY_HOST_MAX + 16];
    if (relay_address_url(&l->address, url) != ST_OK)
        return ST_RELAY_ADDRESS;
    if (nng_req0_open(&l->socket) != 0)
        return ST_NO_MEMORY;
    l->has_socket = true;
    if (nng_socket_set_size(l->socket, NNG_OPT_RECVMAXSZ, CHANNEL_ANSWER_MAX + SP_HEADER) != 0 ||
        nng_socket_set_ms(l->socket, NNG_OPT_RECONNMINT, LINK_RECONNECT_MIN_MS) != 0 ||
        nng_socket_set_ms(l->socket, NNG_OPT_RECONNMAXT, LINK_RECONNECT_MAX_MS) != 0)
        return ST_INTERNAL;
    return nng_dial(l->socket, url, NULL, NNG_FLAG_NONBLOCK) == 0 ? ST_OK : ST_RELAY_ADDRESS;
}

enum status relay_link_new(struct relay_link **out, const char *address, struct entropy *entropy,
                           struct inbox *inbox)
{
    struct relay_link *l = calloc(1, sizeof(*l));
    *out = NULL;
    if (l == NULL)
        return ST_NO_MEMORY;
    l->entropy = entropy;
    l->inbox = inbox;
    invariant(pthread_mutex_init(&l->turn, NULL) == 0);
    for (size_t i = 0; i < LINK_SLOTS_MAX; i++) {
        l->slots[i].link = l;
        l->slots[i].index = i;
        buffer_init(&l->slots[i].request, RELAY_REQUEST_MAX);
        buffer_init(&l->slots[i].plain, RELAY_ANSWER_MAX + 1); /* channel_client_open wants one byte more */
    }
    enum status st = relay_address_parse(&l->address, address);
    if (st == ST_OK)
        st = relay_address_format(&l->address, l->text);
    if (st == ST_OK)
        st = link_dial(l);
    if (st != ST_OK) {
        relay_link_free(l);
        return st;
    }
    *out = l;
    return ST_OK;
}

/* docs: aios first, then contexts, then the socket. */
void relay_link_free(struct relay_link *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < LINK_SLOTS_MAX; i++) {
        struct slot *s = &l->slots[i];
        if (s->aio != NULL)
            nng_aio_stop(s->aio);
        slot_close_ctx(s);
    }
    if (l->has_socket)
        nng_close(l->socket);
    for (size_t i = 0; i < LINK_SLOTS_MAX; i++) {
        struct slot *s = &l->slots[i];
        if (s->aio != NULL)
            nng_aio_free(s->aio);
        if (s->message != NULL)
            nng_msg_free(s->message);
        buffer_wipe(&s->request);
        buffer_wipe(&s->plain);
    }
    pthread_mutex_destroy(&l->turn);
    channel_client_wipe(&l->client);
    bytes_wipe(&l->address, sizeof(l->address));
    bytes_wipe(l->text, sizeof(l->text));
    free(l);
}
