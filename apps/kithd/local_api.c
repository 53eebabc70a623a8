/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kithd/local_api.h"
#include "apps/local/agent_address.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/transport/ipc/ipc.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/mem.h"

enum call_state { CALL_LISTENING, CALL_HELD, CALL_REPLYING, CALL_CLOSED };

struct call {
    struct local_api *api;
    size_t index;
    enum call_state state; /* the callback's while LISTENING or REPLYING, the agent's while HELD */
    bool has_ctx;
    nng_ctx ctx;
    nng_aio *aio;
    nng_msg *request;
};

struct local_api {
    struct inbox *inbox;
    nng_socket socket;
    bool has_socket;
    char path[128];
    struct call calls[API_CALLS_MAX];
};

static void call_listen(struct call *c)
{
    c->state = CALL_LISTENING;
    nng_ctx_recv(c->ctx, c->aio);
}

/* Runs on a thread of nng. */
static void call_callback(void *arg)
{
    struct call *c = arg;
    struct inbox_item item = {INBOX_API, c->api, c->index};
    int rv = nng_aio_result(c->aio);
    if (c->state == CALL_REPLYING) {
        if (rv != 0)
            nng_msg_free(nng_aio_get_msg(c->aio)); /* the caller went away */
        if (rv == NNG_ECLOSED || rv == NNG_ECANCELED)
            c->state = CALL_CLOSED;
        else
            call_listen(c);
        return;
    }
    if (rv != 0) {
        c->state = CALL_CLOSED;
        return;
    }
    c->request = nng_aio_get_msg(c->aio);
    c->state = CALL_HELD;
    inbox_put(c->api->inbox, &item);
}

/* Only the own user (and root) may speak. */
static void check_peer(nng_pipe pipe, nng_pipe_ev ev, void *arg)
{
    uint64_t uid;
    (void)ev;
    (void)arg;
    if (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) != 0 || (uid != geteuid() && uid != 0))
        nng_pipe_close(pipe);
}

static enum status api_listen(struct local_api *a, const char *url)
{
    nng_listener listener;
    if (nng_rep0_open(&a->socket) != 0)
        return ST_NO_MEMORY;
    a->has_socket = true;
    if (nng_socket_set_size(a->socket, NNG_OPT_RECVMAXSZ, API_REQUEST_MAX) != 0 ||
        nng_pipe_notify(a->socket, NNG_PIPE_EV_ADD_PRE, check_peer, NULL) != 0 ||
        nng_listener_create(&listener, a->socket, url) != 0)
        return ST_APP_LISTEN;
    if (nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, S_IRUSR | S_IWUSR) != 0 ||
        nng_listener_start(listener, 0) != 0)
        return ST_APP_LISTEN;
    return ST_OK;
}

static enum status api_open_calls(struct local_api *a)
{
    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        struct call *c = &a->calls[i];
        if (nng_aio_alloc(&c->aio, call_callback, c) != 0 || nng_ctx_open(&c->ctx, a->socket) != 0)
            return ST_NO_MEMORY;
        c->has_ctx = true;
    }
    for (size_t i = 0; i < API_CALLS_MAX; i++)
        call_listen(&a->calls[i]);
    return ST_OK;
}

enum status local_api_new(struct local_api **out, const char *url, const char *socket_path,
                          struct inbox *inbox)
{
    struct local_api *a = calloc(1, sizeof(*a));
    size_t len = strlen(socket_path);
    enum status st;
    *out = NULL;
    if (a == NULL)
        return ST_NO_MEMORY;
    a->inbox = inbox;
    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        a->calls[i].api = a;
        a->calls[i].index = i;
        a->calls[i].state = CALL_CLOSED;
    }
    invariant(len < sizeof(a->path));
    memcpy(a->path, socket_path, len + 1);
    (void)unlink(a->path);
    st = api_listen(a, url);
    if (st == ST_OK)
        st = api_open_calls(a);
    if (st != ST_OK) {
        local_api_free(a);
        return st;
    }
    *out = a;
    return ST_OK;
}

void local_api_free(struct local_api *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        if (a->calls[i].aio != NULL)
            nng_aio_stop(a->calls[i].aio);
        if (a->calls[i].has_ctx)
            nng_ctx_close(a->calls[i].ctx);
    }
    if (a->has_socket)
        nng_close(a->socket);
    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        if (a->calls[i].request != NULL)
            nng_msg_free(a->calls[i].request);
        if (a->calls[i].aio != NULL)
            nng_aio_free(a->calls[i].aio);
    }
    (void)unlink(a->path);
    free(a);
}

bool local_api_request(struct local_api *a, size_t call, struct span *out)
{
    invariant(call < API_CALLS_MAX);
    struct call *c = &a->calls[call];
    *out = SPAN_EMPTY;
    if (c->state != CALL_HELD)
        return false;
    *out = SPAN_OF(nng_msg_body(c->request), nng_msg_len(c->request));
    return true;
}

void local_api_reply(struct local_api *a, size_t call, struct span text)
{
    invariant(call < API_CALLS_MAX);
    struct call *c = &a->calls[call];
    nng_msg *reply;
    invariant(c->state == CALL_HELD);
    if (c->request != NULL)
        nng_msg_free(c->request);
    c->request = NULL;
    if (nng_msg_alloc(&reply, 0) != 0 || nng_msg_append(reply, text.ptr, text.len) != 0) {
        call_listen(c); /* no memory for an answer: the caller's own time-out tells it */
        return;
    }
    c->state = CALL_REPLYING;
    nng_aio_set_msg(c->aio, reply);
    nng_ctx_send(c->ctx, c->aio);
}
