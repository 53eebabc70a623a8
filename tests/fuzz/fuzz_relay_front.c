/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's front door, over the store in memory. The input is a list of steps: a byte says what comes (a
 * bare message, a sealed request, a tick, a lost pipe), the next how long it is. */
#include <string.h>

#include "apps/kith-relay/core/relay_front.h"
#include "apps/kith-relay/core/store_memory.h"
#include "protocol/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_fill(void *ctx, uint8_t *out, size_t len)
{
    uint8_t *n = ctx;
    memset(out, ++*n, len);
}

struct world {
    struct relay_store store;
    struct relay_front *front;
    struct channel_client client;
    struct entropy entropy;
    struct relay_source source;
    struct now now;
    struct buffer message;
    uint8_t count;
    size_t asked, answered;
};

static void flush(struct world *w)
{
    struct relay_out out;
    relay_front_commit(w->front, w->now);
    while (relay_front_next(w->front, &out)) {
        invariant(out.message.len >= 2 && out.message.len <= CHANNEL_ANSWER_MAX);
        w->answered++;
    }
}

static void give(struct world *w, struct span message)
{
    const struct relay_ticket ticket = {1, 2};
    w->asked += relay_front_receive(w->front, ticket, &w->source, message, w->now) == ST_OK;
}

static void step(struct world *w, uint8_t kind, struct span in)
{
    uint64_t number;
    w->message.len = 0;
    if (kind % 4 == 0) {
        give(w, in);
    } else if (kind % 4 == 1 && channel_client_seal(&w->client, in, &number, &w->message) == ST_OK) {
        w->client.opened = true;
        give(w, buffer_span(&w->message));
    } else if (kind % 4 == 2) {
        w->now.mono_ms += kind * 100;
        relay_front_tick(w->front, w->now);
    } else if (kind == 3) {
        relay_front_pipe_gone(w->front, 1);
    }
    flush(w);
}

static void world_open(struct world *w)
{
    struct channel_signer signer = {0};
    struct relay_key key;
    struct relay_out out;
    *w = (struct world){.now = {1000000, 1000000}};
    w->entropy = (struct entropy){&w->count, count_fill};
    buffer_init(&w->message, CHANNEL_ANSWER_MAX);
    sign_keypair(&w->entropy, &signer.private, &signer.relay);
    invariant(store_memory_open(&w->store, &w->entropy) == ST_OK);
    const struct relay_front_args args = {.store = &w->store,
                                          .limits = &relay_limits_default,
                                          .signer = &signer,
                                          .entropy = &w->entropy,
                                          .now = w->now};
    invariant(relay_front_new(&w->front, &args) == ST_OK);
    static const uint8_t ask[] = {CHANNEL_VERSION, CHANNEL_KEY};
    give(w, SPAN(ask));
    relay_front_commit(w->front, w->now);
    invariant(relay_front_next(w->front, &out));
    invariant(channel_key_verify(&key, &signer.relay, w->now.wall_ms, out.message) == ST_OK);
    invariant(!relay_front_next(w->front, &out));
    const struct channel_client_args client = {&signer.relay, &key, SPAN_EMPTY, &w->entropy, 0};
    invariant(channel_client_init(&w->client, &client) == ST_OK);
    w->asked = 0;
}

static void world_close(struct world *w)
{
    invariant(w->answered <= w->asked);
    relay_front_free(w->front);
    w->store.ops->close(w->store.s);
    buffer_wipe(&w->message);
    channel_client_wipe(&w->client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { INPUTS_A_WORLD = 32 }; /* to make one costs more than an input: a relay goes on anyway */
    static struct world w;
    static size_t inputs, live;
    if (inputs++ % INPUTS_A_WORLD == 0) {
        invariant(suite_start() == ST_OK);
        live = mem_live();
        world_open(&w);
    }
    for (size_t at = 0; at + 2 <= size;) {
        uint8_t kind = data[at];
        size_t len = data[at + 1];
        at += 2;
        len = len < size - at ? len : size - at;
        step(&w, kind, SPAN_OF(data + at, len));
        at += len;
    }
    if (inputs % INPUTS_A_WORLD == 0) {
        world_close(&w);
        invariant(mem_live() == live);
    }
    return 0;
}
