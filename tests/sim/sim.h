/* SPDX-License-Identifier: Apache-2.0 */
/* Random stories of whole families under faults, each from one seed (docs/reliability.md).
 *
 * A run (sim_story.c): people found families, pair devices, meet, decide, talk, lose things and go away
 * (sim_acts.h; what they do when their device shows them something: sim_react.c), while faults come and go
 * (sim_faults.c). Then the faults stop, everything has a bounded time to come to rest, and what must hold is
 * looked at (sim_check.c). What happened is kept in words (sim_trace.c).
 *
 * A run ends the process with exit code 1 when something does not hold. */
#ifndef KITH_TESTS_SIM_H
#define KITH_TESTS_SIM_H

#include "protocol/entry_body.h"
#include "sync/node.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world.h"

enum sim_limits {
    SIM_FAMILIES_MAX = 6,
    SIM_PERSONS_MAX = 30,
    SIM_TEXTS_MAX = 1024,
    SIM_DEVICES_MAX = 40, /* of one story */
    SIM_MINUTE_MS = 60 * 1000,
    SIM_HOUR_MS = 60 * SIM_MINUTE_MS,
    SIM_DAY_MS = 24 * SIM_HOUR_MS
};
#define SIM_NOBODY SIZE_MAX

/* ---- faults ---- */

enum sim_fault {
#define SIM_FAULT(id, name, usual, text) SIM_##id,
#include "tests/sim/sim_faults.def"
    SIM_FAULT_COUNT
};
const char *sim_fault_name(enum sim_fault f);
/* "all" (that are on by default), "none", or names separated by commas, as a bit set; false: one is unknown.
 */
bool sim_faults_parse(const char *list, unsigned *out);
/* Those of them that may come in this seed. */
unsigned sim_faults_of(unsigned faults, uint64_t seed);

/* ---- counts over many seeds ---- */

struct sim_counts {
    uint64_t seeds, devices, texts, known, anew; /* anew: devices that people have to pair again */
    uint64_t files, fetched, lost; /* sent; there on another device at the end, or with nobody any more */
    uint64_t blocks, messages, unopened; /* looked at by sim_keys.c */
    uint64_t faults[SIM_FAULT_COUNT];    /* times that each came */
    uint64_t done[SIM_FAULT_COUNT];      /* what a hostile relay did */
    uint64_t actions[32], refused[32];
    /* Entries by scope and kind, and those that were written while a fault was on. */
    uint64_t kinds[8][ENTRY_KIND_END], met[8][ENTRY_KIND_END];
};

/* ---- a run ---- */

enum sim_device_state {
    SIM_NEW,     /* in no family */
    SIM_PAIRING, /* a link was used on it */
    SIM_MEMBER,
    SIM_LOST,   /* in a river; its family may not know yet */
    SIM_REMOVED /* somebody removed it; it may still be on */
};

struct sim_person {
    char name[16];
    size_t family;
    bool child;
};

struct sim_family {
    char name[16];
    bool founded;
};

struct sim_device {      /* the same numbers as in the world */
    struct device_id id; /* once it is a member */
    enum sim_device_state state;
    size_t person, by; /* by: the parent's device that pairs it */
    bool said_yes, copied;
    bool liar; /* sim_liars.c: nobody acts on it or waits for it any more */
    unsigned lies;
    size_t texts_before;       /* its copy was made */
    int64_t since_ms, back_ms; /* back_ms: off until then, 0: on; mono */
};

struct sim_text {                   /* what somebody said; its text, or its file's name, is "t<number>" */
    uint64_t size;                  /* of the file; 0: it is a text */
    bool image;                     /* the file is one */
    size_t author, family, contact; /* device; family or person that it is for, else SIM_NOBODY */
    uint64_t barred;                /* devices that the author knew to be removed; one bit each */
    uint64_t due;                   /* devices that could read it when it was said; 0: taken back */
    size_t gone_by;                 /* 1 + the device that took it back; 0: nobody */
    int64_t entry, generation;      /* the author's row; of the group in which it was said */
};

struct sim {
    uint64_t seed;
    struct world *w;
    struct test_entropy dice;
    unsigned faults; /* bits of those that may come */
    unsigned active; /* of those that are on */
    unsigned met;    /* of those that were on at some time */
    bool strict;     /* what is known to be open fails too */
    bool fresh;      /* nothing went wrong yet */
    bool calm;       /* no faults any more */
    bool relay_gone; /* the first one, for good */
    size_t bent;     /* logs that the relay shows otherwise to somebody */
    size_t liar_count;
    unsigned lying; /* faults of liars that are on; when the next lie is told */
    int64_t lie_ms;
    int64_t fault_ms; /* when the next one begins or ends */
    size_t person_count, family_count, text_count, wanted_devices;
    struct sim_person persons[SIM_PERSONS_MAX];
    struct sim_family families[SIM_FAMILIES_MAX];
    struct sim_device devices[WORLD_DEVICES_MAX];
    uint64_t ended[SIM_PERSONS_MAX]; /* with whom a contact of theirs was ended at some time; one bit each */
    bool no_files[SIM_PERSONS_MAX];  /* files to or from them were forbidden at some time */
    struct sim_text texts[SIM_TEXTS_MAX];
    struct sim_counts *counts;
};

struct sim_args {
    uint64_t seed;
    unsigned faults;
    size_t devices;     /* of a big family; 0: as the seed says */
    bool strict, trace; /* trace: print what happens as it happens */
};
void sim_run(const struct sim_args *a, struct sim_counts *counts);

/* ---- sim_story.c ---- */

/* Lets time pass: people react, devices come back, faults begin and end. */
void sim_pass(struct sim *s, int64_t ms);
uint64_t sim_below(struct sim *s, uint64_t bound);
bool sim_chance(struct sim *s, unsigned percent);
const char *sim_action_name(size_t action); /* NULL: there is none */

/* ---- sim_people.c ---- */

/* Somebody who may and can removes the device. */
void sim_remove(struct sim *s, size_t device);
/* Notes that the device is in a family now. */
void sim_is_member(struct sim *s, size_t device);

/* ---- sim_react.c ---- */

/* What the person at this device does about what it shows. */
void sim_react(struct sim *s, size_t device);
/* The number of what was said, SIM_NOBODY when it is nothing that anybody wrote: by its text, or a file's
 * name. */
size_t sim_text_number(const struct sim *s, const char *text);
size_t sim_said_number(const struct sim *s, const struct history_row *row);

/* ---- sim_faults.c ---- */

void sim_faults_due(struct sim *s);
void sim_faults_end(struct sim *s);

/* ---- sim_liars.c ---- */

unsigned sim_liar_faults(void); /* a bit set */
void sim_liars_turn(struct sim *s, enum sim_fault f, bool on);
void sim_liars_due(struct sim *s);
/* People remove the liars, who race that for a while and are gone then. */
void sim_liars_end(struct sim *s);

/* ---- sim_relay.c ---- */

void sim_relay_begin(struct sim *s);
/* From now on the relay withholds a log from somebody, or forks it. */
void sim_relay_bend(struct sim *s, bool fork);

/* ---- sim_relays.c ---- */

/* The first family has a relay more in its list, the others live at one of their own; with SIM_GONE only. */
void sim_relays_begin(struct sim *s);
const char *sim_relay_of(const struct sim *s, size_t family); /* where it is founded; NULL: where all are */
void sim_relays_listed(struct sim *s, size_t device);         /* it has founded its family */
void sim_relays_turn(struct sim *s, bool on);
/* The relay is gone once more, for longer than a family waits; people go on. */
void sim_relays_lose(struct sim *s);

/* ---- sim_keys.c ---- */

void sim_keys_begin(void);
void sim_keys_look(void *ctx, size_t device, const struct relay_request *request);

/* ---- sim_files.c ---- */

/* Asks for every file that a device could have and has not. */
void sim_get_files(struct sim *s);

/* ---- sim_check.c ---- */

/* Gives everything time to come to rest; fails the run when it does not. */
void sim_converge(struct sim *s);

/* ---- sim_cover.c ---- */

/* A time in which a fault was on begins or ends. */
void sim_cover_fault(struct sim *s, bool on);
/* Counts what was written, by scope and kind. */
void sim_cover(struct sim *s);
void sim_cover_report(const struct sim_counts *c);

/* ---- sim_trace.c ---- */

void sim_trace_begin(struct sim *s, bool live);
/* Something happened on this device (SIM_NOBODY: on none), in words. */
void sim_say(struct sim *s, size_t device, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Something does not hold: prints the seed, this and the end of the story; exit code 1. */
_Noreturn void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
