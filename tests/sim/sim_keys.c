/* SPDX-License-Identifier: Apache-2.0 */
/* No key is used twice: every block that leaves a device is looked into with that device's own state. Two
 * layers: (block key, nonce), and the MLS message key, which (epoch secret, leaf, ratchet, generation) names.
 * The same one with other bytes is the failure; the same bytes again are a repetition. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/mls/group_internal.h"
#include "protocol/reassembly.h"
#include "sync/scope_group.h"
#include "tests/sim/sim.h"
#include "tests/support/test.h"

enum { SLOTS = 1 << 16, SENDER_LEN = 12 };

struct used { /* what a key was used for: both are hashes */
    uint8_t key[16], bytes[16];
    bool taken;
};

static struct {
    struct used slots[SLOTS];
    size_t count;
    struct reassembly *parts[WORLD_DEVICES_MAX];
    uint64_t blocks;
} keys;

void sim_keys_begin(void)
{
    for (size_t i = 0; i < WORLD_DEVICES_MAX; i++)
        reassembly_free(keys.parts[i]);
    memset(&keys, 0, sizeof(keys));
}

/* False: this key has sealed other bytes. */
static bool note_use(const uint8_t key[static 32], struct span bytes)
{
    uint8_t hash[32];
    uint32_t at;
    crypto_hash_sha256(hash, bytes.ptr, bytes.len);
    memcpy(&at, key, sizeof(at));
    while (keys.slots[at % SLOTS].taken && memcmp(keys.slots[at % SLOTS].key, key, 16) != 0)
        at++;
    struct used *u = &keys.slots[at % SLOTS];
    if (u->taken)
        return memcmp(u->bytes, hash, 16) == 0;
    assert_true(keys.count++ < SLOTS / 2);
    u->taken = true;
    memcpy(u->key, key, 16);
    memcpy(u->bytes, hash, 16);
    return true;
}

/* ---- MLS ---- */

static const struct secret *sender_data_of(const struct group *g, uint64_t epoch)
{
    if (g->mls->now->context.epoch == epoch)
        return &g->mls->now->secrets.sender_data;
    const struct past_epoch *p = group_past(g->mls, epoch);
    return p != NULL ? &p->sender_data : NULL;
}

/* Leaf and generation, which stand sealed beside the message (RFC 9420 §6.3.2). */
static bool open_sender(const struct private_message *m, const struct secret *sender_data,
                        uint8_t out[static SENDER_LEN])
{
    uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN];
    struct buffer aad;
    struct writer w;
    buffer_init(&aad, 1024);
    writer_init(&w, &aad);
    writer_vec(&w, m->group_id);
    writer_u64(&w, m->epoch);
    writer_u8(&w, (uint8_t)m->type);
    enum status st = m->encrypted_sender_data.len == SENDER_LEN + AEAD_TAG_LEN ? writer_done(&w) : ST_USAGE;
    if (st == ST_OK)
        st = sender_data_key(sender_data, m->ciphertext, key, nonce);
    if (st == ST_OK)
        st = aead_open(key, nonce, buffer_span(&aad), m->encrypted_sender_data, out);
    buffer_wipe(&aad);
    return st == ST_OK;
}

/* What names the key: the epoch's secret, leaf, ratchet, generation. */
static void message_key_name(const struct secret *sender_data, const uint8_t sender[static SENDER_LEN],
                             bool handshake, uint8_t out[static 32])
{
    crypto_hash_sha256_state h;
    const uint8_t ratchet = handshake;
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, sender_data->b, sizeof(sender_data->b));
    crypto_hash_sha256_update(&h, sender, 8); /* without the reuse guard: it is no excuse */
    crypto_hash_sha256_update(&h, &ratchet, 1);
    crypto_hash_sha256_final(&h, out);
}

static void look_at_message(struct sim *s, size_t device, int64_t group, struct span bytes)
{
    struct message m;
    struct group *g = NULL;
    uint8_t sender[SENDER_LEN], key[32];
    if (message_decode(&m, bytes) != ST_OK || m.format != WIRE_PRIVATE_MESSAGE)
        return; /* evidence travels as it is */
    const struct private_message *p = &m.u.private_message;
    bool here = group_get(world_node(s->w, device), group, &g) == ST_OK && g->mls->now != NULL;
    const struct secret *sender_data = here && !g->mls->removed ? sender_data_of(g, p->epoch) : NULL;
    if (sender_data == NULL || !open_sender(p, sender_data, sender)) {
        s->counts->unopened++; /* of an epoch whose secrets are gone: it was looked at when it left first */
        return;
    }
    message_key_name(sender_data, sender, p->type != CONTENT_APPLICATION, key);
    s->counts->messages++;
    if (!note_use(key, bytes))
        sim_fail(s, "%s seals two messages of a group under one key", world_device_name(s->w, device));
}

/* ---- blocks ---- */

static void look_into_block(struct sim *s, size_t device, int64_t group, const struct secret *block_key,
                            struct span block)
{
    static struct block_payload payload;
    struct block_record record;
    struct buffer whole;
    bool complete = false;
    if (block_open(&payload, block_key, block) != ST_OK)
        sim_fail(s, "%s sends a block that it cannot open", world_device_name(s->w, device));
    buffer_init(&whole, BLOCK_MESSAGE_MAX);
    while (block_payload_next(&payload, &record)) {
        if (record.kind == BLOCK_WHOLE) {
            look_at_message(s, device, group, record.bytes);
            continue;
        }
        if (keys.parts[device] == NULL)
            assert_ok(reassembly_new(&keys.parts[device]));
        if (reassembly_add(keys.parts[device], &record, ++keys.blocks, &whole, &complete) == ST_OK &&
            complete)
            look_at_message(s, device, group, buffer_span(&whole));
    }
    buffer_wipe(&whole);
}

void sim_keys_look(void *ctx, size_t device, const struct relay_request *request)
{
    struct sim *s = ctx;
    struct log_id log;
    struct secret block_key;
    struct query q;
    uint8_t name[32];
    int64_t group = 0;
    if (request->command != RELAY_APPEND || s->devices[device].liar)
        return;
    crypto_hash_sha256(name, request->block.ptr, XAEAD_NONCE_LEN);
    if (!note_use(name, request->block))
        sim_fail(s, "%s seals two blocks under one nonce", world_device_name(s->w, device));
    s->counts->blocks++;
    log_claim_id(LOG_WRITE, &request->log, &log);
    query_start(&q, &world_node(s->w, device)->sql,
                "SELECT owner, block_key FROM log WHERE log_id = ? AND kind = 1", "b", SPAN_ID(&log));
    if (query_next(&q)) {
        group = query_int(&q, 0);
        query_fixed(&q, 1, block_key.b, sizeof(block_key.b));
    }
    enum status st = query_end(&q);
    if (st != ST_OK && world_disk_failed(world_disk_of(s->w, device))) {
        s->counts->unopened++; /* it left, and then the power went: the state cannot be read */
        return;
    }
    assert_ok(st);
    if (group != 0)
        look_into_block(s, device, group, &block_key, request->block);
}
