/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_keys.h"

#include "protocol/block.h"
#include "protocol/mls/group_internal.h"
#include "protocol/relay_command.h"
#include "sync/scope_group.h"
#include "tests/support/test.h"
#include "tests/world/world_inside.h"

struct log_view { /* what a device that is in the group knows of one of its epochs */
    bool found;
    int64_t group;
    uint64_t epoch;
    struct secret block_key;
};

static void find_log(struct world *w, size_t device, const struct log_id *log, struct log_view *out)
{
    struct query q;
    query_start(&q, &world_node(w, device)->sql,
                "SELECT owner, epoch, block_key FROM log WHERE log_id = ? AND kind = 1", "b", SPAN_ID(log));
    out->found = query_next(&q);
    if (out->found) {
        out->group = query_int(&q, 0);
        out->epoch = (uint64_t)query_int(&q, 1);
        QUERY_ID(&q, 2, &out->block_key);
    }
    assert_ok(query_end(&q));
}

static const struct secret *sender_data(const struct group *g, uint64_t epoch)
{
    struct past_epoch *past = group_past(g->mls, epoch);
    if (g->epoch == epoch)
        return &g->mls->now->secrets.sender_data;
    return past != NULL ? &past->sender_data : NULL;
}

static void note(struct world_keys *k, const struct spent_key *key)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct spent_key *s = &k->spent[i];
        if (!ID_EQUAL(&s->log, &key->log) || s->handshake != key->handshake || s->leaf != key->leaf ||
            s->generation != key->generation)
            continue;
        k->twice += memcmp(s->message, key->message, HASH_LEN) != 0;
        return;
    }
    assert_true(k->count < WORLD_KEYS_MAX);
    k->spent[k->count++] = *key;
}

static void see_message(struct world_keys *k, size_t device, const struct log_id *log, struct span bytes,
                        const struct secret *secret)
{
    struct message m;
    struct spent_key key = {.log = *log};
    if (bytes.len == 0 || bytes.ptr[0] == WIRE_VERSION) /* evidence */
        return;
    assert_ok(message_decode(&m, bytes));
    assert_int_equal(m.format, WIRE_PRIVATE_MESSAGE);
    key.handshake = m.u.private_message.type != CONTENT_APPLICATION;
    assert_ok(private_message_sender(&m.u.private_message, secret, &key.leaf, &key.generation));
    hash_bytes(bytes, key.message);
    k->by_device[device]++;
    note(k, &key);
}

/* Messages in several blocks are commits with much evidence: their keys are those of one message an epoch. */
static void see_append(void *ctx, struct world *w, size_t device, const struct relay_request *append)
{
    struct block_payload payload;
    struct block_record record;
    struct log_view view = {.found = false};
    struct group *g = NULL;
    struct log_id log;
    log_claim_id(LOG_WRITE, &append->log, &log);
    for (size_t i = 0; i < WORLD_DEVICES_MAX; i++) {
        size_t at = (device + i) % WORLD_DEVICES_MAX;
        if (!world_is_on(w, at))
            continue;
        find_log(w, at, &log, &view);
        if (view.found && group_get(world_node(w, at), view.group, &g) == ST_OK &&
            sender_data(g, view.epoch) != NULL)
            break;
        view.found = false;
    }
    if (!view.found) /* a letterbox, or another log that is no group's */
        return;
    assert_ok(block_open(&payload, &view.block_key, append->block));
    while (block_payload_next(&payload, &record)) {
        if (record.kind == BLOCK_WHOLE)
            see_message(ctx, device, &log, record.bytes, sender_data(g, view.epoch));
    }
    block_payload_wipe(&payload);
}

void world_watch_keys(struct world *w, struct world_keys *k)
{
    world_on_append(w, see_append, k);
}
