/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith/agent_call.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>
#include <string.h>

struct agent_line {
    nng_socket socket;
    int next_id;
};

enum status agent_line_open(struct agent_line **out, const struct agent_address *address)
{
    struct agent_line *l = calloc(1, sizeof(*l));
    *out = NULL;
    if (l == NULL || nng_req0_open(&l->socket) != 0) {
        free(l);
        return ST_NO_MEMORY;
    }
    if (nng_socket_set_ms(l->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE) != 0 ||
        nng_dial(l->socket, address->url, NULL, 0) != 0) {
        agent_line_close(l);
        return ST_APP_NO_AGENT;
    }
    *out = l;
    return ST_OK;
}

void agent_line_close(struct agent_line *l)
{
    if (l == NULL)
        return;
    nng_close(l->socket);
    free(l);
}

static enum status exchange(struct agent_line *l, char *text, int wait_ms, json_t **reply)
{
    char *in = NULL;
    size_t len = 0;
    if (nng_socket_set_ms(l->socket, NNG_OPT_SENDTIMEO, 5000) != 0 ||
        nng_socket_set_ms(l->socket, NNG_OPT_RECVTIMEO, wait_ms) != 0)
        return ST_INTERNAL;
    if (nng_send(l->socket, text, strlen(text), 0) != 0)
        return ST_APP_NO_AGENT;
    int rv = nng_recv(l->socket, &in, &len, NNG_FLAG_ALLOC);
    if (rv != 0)
        return rv == NNG_ETIMEDOUT ? ST_APP_AGENT_SILENT : ST_APP_NO_AGENT;
    *reply = json_loadb(in, len, 0, NULL);
    nng_free(in, len);
    return *reply != NULL ? ST_OK : ST_APP_AGENT_SILENT;
}

enum status agent_call(struct agent_line *l, const char *method, json_t *params, int wait_ms, json_t **reply)
{
    json_t *request = json_pack("{s:s, s:i, s:s, s:O*}", "jsonrpc", "2.0", "id", ++l->next_id, "method",
                                method, "params", params);
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    enum status s = text != NULL ? ST_OK : ST_NO_MEMORY;
    *reply = NULL;
    if (s == ST_OK && strlen(text) > API_REQUEST_MAX)
        s = ST_COMMAND_TEXT; /* the agent would not listen to the end */
    if (s == ST_OK)
        s = exchange(l, text, wait_ms, reply);
    free(text);
    json_decref(request);
    return s;
}
