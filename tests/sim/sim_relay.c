/* SPDX-License-Identifier: Apache-2.0 */
/* A relay that loses, repeats and reorders what it stores, or tells devices different things. */
#include <string.h>

#include "sync/node_internal.h"
#include "tests/sim/sim.h"
#include "tests/support/test.h"

enum { DROPPED_MAX = 128, RECORDED_MAX = 16, SPARED = 3 };

static struct {
    struct dropped {
        struct log_id log;
        uint64_t seq;
    } dropped[DROPPED_MAX];
    size_t dropped_count, recorded_count;
    struct recorded {
        struct log_id log;
        uint8_t block[BLOCK_LEN];
    } recorded[RECORDED_MAX];
} relay;

static bool on(const struct sim *s, enum sim_fault f)
{
    return (s->active & 1u << f) != 0;
}

/* ---- old blocks again ---- */

static bool add_old(void *ctx, const struct relay_request *append, uint8_t block[static BLOCK_LEN])
{
    struct sim *s = ctx;
    struct log_id log;
    log_claim_id(LOG_WRITE, &append->log, &log);
    struct recorded *r = &relay.recorded[relay.recorded_count++ % RECORDED_MAX];
    r->log = log;
    memcpy(r->block, append->block.ptr, BLOCK_LEN);
    if (!on(s, SIM_REPLAY) || !sim_chance(s, 20))
        return false;
    for (size_t i = 0; i < RECORDED_MAX; i++) {
        if (ID_EQUAL(&relay.recorded[i].log, &log)) {
            memcpy(block, relay.recorded[i].block, BLOCK_LEN);
            s->counts->done[SIM_REPLAY]++;
            return true;
        }
    }
    return false;
}

/* ---- answers ---- */

static bool is_dropped(const struct log_id *log, uint64_t seq)
{
    for (size_t i = 0; i < relay.dropped_count; i++) {
        if (ID_EQUAL(&relay.dropped[i].log, log) && relay.dropped[i].seq == seq)
            return true;
    }
    return false;
}

/* The newest block of an answer stays: a relay that loses the end of a log says that the log is shorter. */
static void drop_some(struct sim *s, const struct log_id *log, struct relay_answer *a)
{
    size_t kept = 0;
    if (on(s, SIM_DROP) && a->count > 1 && relay.dropped_count < DROPPED_MAX && sim_chance(s, 30)) {
        relay.dropped[relay.dropped_count++] =
            (struct dropped){*log, a->blocks[sim_below(s, a->count - 1)].seq};
        s->counts->done[SIM_DROP]++;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (i + 1 == a->count || !is_dropped(log, a->blocks[i].seq))
            a->blocks[kept++] = a->blocks[i];
    }
    a->count = kept;
}

static void swap_some(struct sim *s, struct relay_answer *a)
{
    if (!on(s, SIM_SWAP) || a->count < 2 || !sim_chance(s, 30))
        return;
    size_t at = (size_t)sim_below(s, a->count - 1);
    struct span first = a->blocks[at].block;
    a->blocks[at].block = a->blocks[at + 1].block;
    a->blocks[at + 1].block = first;
    s->counts->done[SIM_SWAP]++;
}

static void change(void *ctx, const struct relay_request *read, struct relay_answer *answer)
{
    struct sim *s = ctx;
    struct log_id log;
    log_claim_id(LOG_READ, &read->log, &log);
    drop_some(s, &log, answer);
    swap_some(s, answer);
}

void sim_relay_begin(struct sim *s)
{
    static struct world_hostile hostile;
    memset(&relay, 0, sizeof(relay));
    hostile = (struct world_hostile){.ctx = s, .add = add_old, .change = change};
    world_hostile(s->w, &hostile);
}

/* ---- one log, two stories ---- */

/* The log of the present epoch of one of the device's groups. */
static bool pick_log(struct sim *s, size_t device, struct log_id *log, uint64_t *cursor)
{
    struct query q;
    int64_t count = 0;
    struct sql *db = &world_node(s->w, device)->sql;
    assert_ok(sql_number(db, &count, 0, "SELECT count(*) FROM mls_group WHERE state = 1", ""));
    if (count == 0)
        return false;
    query_start(&q, db,
                "SELECT l.log_id, l.cursor FROM mls_group g JOIN log l ON l.id = g.log WHERE g.state = 1"
                " ORDER BY g.id LIMIT 1 OFFSET ?",
                "i", (int64_t)sim_below(s, (uint64_t)count));
    bool found = query_next(&q);
    if (found) {
        QUERY_ID(&q, 0, log);
        *cursor = (uint64_t)query_int(&q, 1);
    }
    assert_ok(query_end(&q));
    return found;
}

void sim_relay_bend(struct sim *s, bool fork)
{
    struct log_id log;
    uint64_t cursor = 0;
    size_t device = (size_t)sim_below(s, world_count(s->w));
    if (s->devices[device].state != SIM_MEMBER || !world_is_on(s->w, device) || s->bent == SPARED ||
        !pick_log(s, device, &log, &cursor))
        return;
    s->bent++;
    if (fork)
        world_fork_log(s->w, device, &log, cursor);
    else
        world_withhold_log(s->w, device, &log);
    s->counts->done[fork ? SIM_FORK : SIM_WITHHOLD]++;
    sim_say(s, device, fork ? "is shown another log" : "is shown nothing new of a log");
}
