/* SPDX-License-Identifier: Apache-2.0 */
/* What world.c (devices, time, commands) and world_relay.c (what is under way, and the relay) share. */
#ifndef KITH_TESTS_WORLD_INTERNAL_H
#define KITH_TESTS_WORLD_INTERNAL_H

#include "apps/kith-relay/core/relay_core.h"
#include "protocol/relay_address.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world.h"
#include "tests/world/world_source.h"

enum { FLIGHTS_MAX = 4096, BENT_MAX = 8 };

enum flight_state { FLIGHT_FREE, FLIGHT_TO_RELAY, FLIGHT_AT_RELAY, FLIGHT_TO_DEVICE };

struct flight { /* one relay request, from FX_RELAY_REQUEST to EV_RELAY_ANSWER */
    enum flight_state state;
    size_t device, relay;
    unsigned life; /* of the device: what a process asked for dies with it */
    uint64_t id, order;
    size_t bent_count; /* of the device, when the relay got it */
    int64_t at_ms;     /* mono: when it arrives where it goes */
    bool answered;
    struct buffer request, answer;
};

struct bent { /* a log that the relay shows to one device otherwise than to the rest */
    bool withheld;
    bool full; /* reads are as everybody's, appends are refused */
    struct log_id log;
    uint64_t after;
};

struct world_relay { /* one besides the first, which has its place in struct world */
    char address[RELAY_ADDRESS_MAX + 1];
    struct relay_store store;
    struct relay_core *core;
    struct relay_party sessions[WORLD_DEVICES_MAX], sources[WORLD_DEVICES_MAX];
};

struct world_device {
    bool cut_from[WORLD_RELAYS_MAX];
    bool hide_one; /* world_hide_one */
    struct bent bent[BENT_MAX];
    size_t bent_count;
    bool cut, mute; /* world_cut, world_mute */
    unsigned notices, power_cuts;
    char name[64];
    struct world_disk *disk, *kept[WORLD_KEPT_MAX];
    struct node *node;     /* NULL: off */
    struct node *resting;  /* its disk is full; NULL: it is not, or the device is off */
    int64_t again_mono_ms; /* not 0: its disk is full, and is looked at again then */
    bool may_be_full;      /* world_fill_disk */
    unsigned life, steps;
    struct world_cost cost;
    int64_t ahead_ms;                  /* of its clock */
    uint8_t witness[NODE_WITNESS_LEN]; /* outside of its home */
    bool has_witness;
    struct relay_party session, source;
    struct world_source files;
};

struct world {
    struct test_entropy entropy;
    struct now now;
    char relay[RELAY_ADDRESS_MAX + 1];
    struct relay_store store;
    struct relay_core *core;
    struct world_relay *more[WORLD_RELAYS_MAX]; /* by number; none at 0 */
    size_t relay_count;
    bool down[WORLD_RELAYS_MAX];
    size_t device_count;
    struct world_device devices[WORLD_DEVICES_MAX];
    struct flight flights[FLIGHTS_MAX];
    size_t flights_used; /* those above never were */
    int64_t delay_ms;
    uint64_t order;
    unsigned lose_percent, repeat_percent, restart_every;
    int64_t relay_ahead_ms;
    world_see_request see;
    void *see_ctx;
    const struct world_hostile *hostile;
    struct relay_party attacker, attackers_source; /* for what a hostile relay adds */
    struct world_result result;
    bool got_result, trace, doubt;
    world_append_fn on_append;
    void *on_append_ctx;
    struct relay_watch watches[RELAY_WATCHES_MAX];
    struct relay_answer answer;
};

/* ---- world.c ---- */

void world_step(struct world *w, size_t device, const struct event *event);

/* ---- world_relay.c ---- */

void flight_end(struct flight *f);
struct flight *flight_first(struct world *w); /* the next to arrive; NULL: none */
void request_begins(struct world *w, size_t device, const struct effect *fx);
void request_cancelled(struct world *w, size_t device, uint64_t id);
void arrive_at_relay(struct world *w, struct flight *f);
void arrive_at_device(struct world *w, struct flight *f);
void take_answers(struct world *w);
struct relay_core *core_of(struct world *w, size_t relay);
void more_relays_free(struct world *w);

#endif
