/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's front door: a request as `kith` or a page sends it, read, given to a real node on a database in
 * memory, and its reply written. The node is in a family of one; every so many inputs it is a new one. */
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "apps/kithd/rpc.h"
#include "protocol/mem.h"
#include "protocol/suite.h"
#include "sync/node.h"
#include "tests/support/test_entropy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS_A_NODE = 256 }; /* to found a family costs more than an input */

static const char relay[] = "kith-relay://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@127.0.0.1:1";

struct door {
    struct test_entropy entropy;
    struct node *node;
    struct now now;
    enum status last; /* of the newest command */
};

static void check_reply(json_t *reply, bool may_be_none)
{
    invariant(reply != NULL || may_be_none);
    if (reply != NULL) {
        char *text = json_dumps(reply, JSON_COMPACT);
        invariant(text != NULL);
        free(text);
    }
    json_decref(reply);
}

/* Every command has one result; what it asks of a relay stays without an answer. */
static void run_command(struct door *d, const struct rpc_call *c)
{
    struct event e = {.kind = EV_COMMAND, .now = d->now, .id = 7, .u.command = c->command};
    const struct effect *fx;
    int results = 0;
    enum status st = node_step(d->node, &e, 1);
    invariant(st == ST_OK);
    while ((fx = node_next(d->node)) != NULL) {
        if (fx->kind == FX_RESULT) {
            results++;
            d->last = fx->u.result.status;
            check_reply(rpc_reply_result(c, &fx->u.result), false);
        }
    }
    invariant(results == 1);
}

static void knock(struct door *d, struct span request)
{
    struct rpc_call c;
    json_t *error = NULL;
    bool empty = false;
    d->now.wall_ms++;
    d->now.mono_ms++;
    if (!rpc_read(&c, request, &error)) {
        check_reply(error, false);
        return;
    }
    if (rpc_is_view(c.command.kind))
        check_reply(rpc_reply_view(&c, d->node, &empty), empty);
    else
        run_command(d, &c);
    rpc_call_free(&c);
}

static void open_door(struct door *d)
{
    static const char init[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"init\",\"params\":{\"family\":\"Berg\","
        "\"as\":\"Ana\"}}";
    memset(d, 0, sizeof(*d));
    test_entropy_init(&d->entropy, 1);
    d->now = (struct now){INT64_C(1790000000000), 1000};
    struct node_args args = {.entropy = d->entropy.entropy, .now = d->now, .relay = relay};
    invariant(sqlite3_open(":memory:", &args.db) == SQLITE_OK);
    invariant(node_open(&d->node, &args) == ST_OK);
    d->last = ST_INTERNAL;
    knock(d, span_text(init));
    invariant(d->last == ST_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct door d;
    static size_t inputs, live;
    if (inputs++ % INPUTS_A_NODE == 0) {
        invariant(suite_start() == ST_OK);
        live = mem_live();
        open_door(&d);
    }
    knock(&d, SPAN_OF(data, size));
    if (inputs % INPUTS_A_NODE == 0) {
        node_free(d.node);
        invariant(mem_live() == live);
    }
    return 0;
}
