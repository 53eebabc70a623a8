/* SPDX-License-Identifier: Apache-2.0 */
/* Several devices and a relay in one process: real nodes on SQLite files in memory (world_disk.h), the
 * relay's real core on a store in memory, one virtual clock, one seed. The same seed gives the same run. It
 * plugs in at the decoded relay command; the channel is left out here (tests of protocol/channel and the e2e
 * tests have it).
 *
 * Every function fails the running cmocka test when something happens that it cannot go on from. */
#ifndef KITH_TESTS_WORLD_H
#define KITH_TESTS_WORLD_H

#include "protocol/relay_command.h"
#include "protocol/relay_log.h"
#include "sync/node.h"
#include "tests/world/world_disk.h"

enum world_limits {
    WORLD_DEVICES_MAX = 256,
    WORLD_RELAYS_MAX = 4,
    WORLD_TEXT_MAX = 4096,
    WORLD_KEPT_MAX = 4,
    WORLD_LATENCY_MS = 20,     /* each way at most; at least 1 */
    WORLD_LOST_MS = 30 * 1000, /* until a lost request is given up by its sender */
    WORLD_FULL_MS = 30 * 1000, /* until a full disk is looked at again; kithd: 2 s */
    WORLD_STILL_MAX =
        20 * 1000 /* things that may happen in one millisecond: more is a loop that does not end */
};

struct world;

struct world *world_new(uint64_t seed);
void world_free(struct world *w);
struct now world_now(const struct world *w);
const char *world_relay(const struct world *w); /* its address */

/* A new device with an empty disk, switched on. */
size_t world_add(struct world *w, const char *name);
struct node *world_node(struct world *w, size_t device);
struct world_disk *world_disk_of(struct world *w, size_t device);
const char *world_device_name(const struct world *w, size_t device);
/* Off: its process is gone, whatever is under way is lost. On: opened again from its file. */
void world_off(struct world *w, size_t device);
void world_on(struct world *w, size_t device);
void world_restart(struct world *w, size_t device);
/* The machine itself starts again: what sync/witness.h kept outside of the home is gone. */
void world_lose_witness(struct world *w, size_t device);

/* The home as it is on disk, kept and put back; the device is off meanwhile. Slots are below WORLD_KEPT_MAX.
 */
void world_keep_home(struct world *w, size_t device, unsigned slot);
void world_put_back_home(struct world *w, size_t device, unsigned slot);

/* One relay more, of another key and store; its number. The first is 0, and what is said below of "the relay"
 * is said of that one, but for what gets lost on the way. */
size_t world_add_relay(struct world *w);
/* One at a host of its own whose address names the key of another. */
size_t world_add_impostor(struct world *w, size_t of);
const char *world_relay_at(const struct world *w, size_t relay);

/* ---- faults ---- */

/* Nobody gets an answer from this relay (any number), or they do again; its store stays. */
void world_relay_down(struct world *w, size_t relay, bool down);
/* Nothing goes between this device and this relay. */
void world_cut_from(struct world *w, size_t device, size_t relay, bool cut);
/* So many of a hundred requests or answers get lost. */
void world_lose(struct world *w, unsigned percent);
/* So many of a hundred requests reach the relay twice. */
void world_repeat(struct world *w, unsigned percent);
/* What is under way takes up to so long each way, so that it overtakes; 0: WORLD_LATENCY_MS. */
void world_delay(struct world *w, int64_t ms);
/* Nothing goes between this device and the relay. */
void world_cut(struct world *w, size_t device, bool cut);
/* Whether what the device appends gets lost on its way; what it reads does not. */
void world_mute(struct world *w, size_t device, bool mute);
/* Each device is restarted after this many of its steps; 0: never. */
void world_restart_every(struct world *w, unsigned steps);
/* The power of this device goes at its disk's nth write or sync from now, and comes back at once
 * (world_disk.h); 0: not any more. */
void world_fail_disk(struct world *w, size_t device, unsigned nth);
/* The device's disk is full after so many writes (world_disk.h), until it has room. As kithd does it, a node
 * that meets that rests, and is to resume every WORLD_FULL_MS; until it does the device is not on. */
void world_fill_disk(struct world *w, size_t device, unsigned after, bool grows_only);
void world_room(struct world *w, size_t device);
bool world_waits_for_room(const struct world *w, size_t device);
struct node *world_resting(struct world *w, size_t device);      /* the one that waits; NULL: none */
unsigned world_power_cuts(const struct world *w, size_t device); /* so far */
/* The relay hides a block: the next answer to this device with several blocks lacks its first. */
void world_hide_one(struct world *w, size_t device);
/* A relay of an attacker's making; NULL: honest again. */
struct world_hostile {
    void *ctx;
    /* Before a device's append is taken: true puts `block` into the same log first. */
    bool (*add)(void *ctx, const struct relay_request *append, uint8_t block[static BLOCK_LEN]);
    /* Before a device gets an answer to a read: may change it. What it points to must stay a while. */
    void (*change)(void *ctx, const struct relay_request *read, struct relay_answer *answer);
};
void world_hostile(struct world *w, const struct world_hostile *h);
/* What a new disk does to the relay, and what a copy of an old one that was put back does: all is there,
 * under another incarnation. */
void world_wipe_relay(struct world *w);
void world_rename_relay(struct world *w);
/* The relay's store as it is now, kept, and put back as a careless operator does: under the same incarnation.
 */
void world_keep_store(struct world *w);
void world_put_back_store(struct world *w);
/* From now on the relay has two logs under this id: one for this device, one for everybody else; they are the
 * same up to and with block `after`. What either appends the other never sees. */
void world_fork_log(struct world *w, size_t device, const struct log_id *log, uint64_t after);
/* From now on the relay shows this device nothing new of this log, and takes what it appends. */
void world_withhold_log(struct world *w, size_t device, const struct log_id *log);
/* From now on this log has all the blocks that it may have. */
void world_fill_log(struct world *w, const struct log_id *log);
void world_show_log(struct world *w, size_t device, const struct log_id *log); /* and now it does again */

/* Calls `fn` with every block that arrives at the relay to be appended. */
struct relay_request;
typedef void (*world_append_fn)(void *ctx, struct world *w, size_t device,
                                const struct relay_request *append);
void world_on_append(struct world *w, world_append_fn fn, void *ctx);

/* The relay's clock is wrong by so much, as it tells it. */
void world_relay_clock(struct world *w, int64_t ahead_ms);
/* Calls `see` with every request that leaves a device, when it leaves. */
typedef void (*world_see_request)(void *ctx, size_t device, const struct relay_request *request);
void world_watch(struct world *w, world_see_request see, void *ctx);

/* ---- files (world_source.h) ---- */

struct world_source;
/* What this device can read from its disk, and how much room it has. */
struct world_source *world_source_of(struct world *w, size_t device);

/* ---- time and commands ---- */

/* A tick for one device, now. */
void world_tick(struct world *w, size_t device);
/* This device's clock is wrong by so much. */
void world_clock(struct world *w, size_t device, int64_t ahead_ms);
/* Lets virtual time pass. */
void world_run(struct world *w, int64_t ms);
typedef bool (*world_condition)(struct world *w, void *ctx);
/* Runs until the condition holds, looked at whenever something happened; false when ms passed before. */
bool world_until(struct world *w, world_condition condition, void *ctx, int64_t ms);

struct world_result { /* copies of struct result */
    enum status status, why;
    bool power_cut; /* the power went meanwhile: done or not, who knows; ST_STORE_FAILED */
    char link[WORLD_TEXT_MAX], kit[WORLD_TEXT_MAX], id[80], name[128], of[128], rule[256];
    int64_t expires_at_ms;
};
/* Gives one command; fields are texts in the order of command.def, NULL for those that are left out; numbers
 * as decimal texts. Borrows until the next command. */
const struct world_result *world_do(struct world *w, size_t device, enum command_kind kind, const char *a,
                                    const char *b, const char *c, const char *d);
/* The same, failing the test unless it is ST_OK. */
const struct world_result *world_ok(struct world *w, size_t device, enum command_kind kind, const char *a,
                                    const char *b, const char *c, const char *d);

/* ---- what it costs ---- */

struct world_cost {        /* of one device, since it was added */
    double step_s, read_s; /* processor time in node_step; of it in steps with the answer to a read */
    uint64_t steps, ticks, requests; /* all, those that a deadline asked for; requests to the relay */
    uint64_t bytes_out, bytes_in;    /* of requests and answers, without the channel around them */
};
struct world_cost world_cost(const struct world *w, size_t device);

/* ---- looking ---- */

/* State and code of the device's newest pairing. */
enum pairing_state world_pairing(struct world *w, size_t device, char code[static NODE_CODE_LEN + 1]);
enum status world_pairing_failed(struct world *w, size_t device); /* why it failed; ST_OK */
/* Id of the newest waiting request that the device can decide; "" for none. */
void world_request(struct world *w, size_t device, char id[static 80]);
/* State of the contact of that name ("" when there is none). */
void world_contact(struct world *w, size_t device, const char *name, char state[static 32]);
/* Is this text in the device's history? From whom, when `from` is not NULL. */
bool world_has_text(struct world *w, size_t device, const char *text, const char *from);
size_t world_text_count(struct world *w, size_t device);
uint64_t world_alarms(struct world *w, size_t device);
/* Kinds of notices that the device gave since this was asked last, one bit each. */
unsigned world_notices(struct world *w, size_t device);
/* Has any device given a notice of these kinds that was not asked for yet? */
bool world_noticed(const struct world *w, unsigned kinds);
bool world_is_on(const struct world *w, size_t device);
size_t world_count(const struct world *w);

#endif
