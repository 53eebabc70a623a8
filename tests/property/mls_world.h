/* SPDX-License-Identifier: Apache-2.0 */
/* One MLS group with all of its members in one process, driven through protocol/mls/group.h. Whatever goes
 * wrong ends the program with seed, step and place. Everything random comes from the seed. */
#ifndef KITH_TESTS_PROPERTY_MLS_WORLD_H
#define KITH_TESTS_PROPERTY_MLS_WORLD_H

#include "protocol/mls/group.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_records.h"

enum { WORLD_MEMBERS_MAX = 20, WORLD_DEVICES = WORLD_MEMBERS_MAX + 4, WORLD_PSKS = 4 };

struct world_device {
    struct mls_group *group; /* NULL: not in it */
    struct sign_private key;
    uint8_t identity[8];
    struct test_records records;
    uint8_t ref[HASH_LEN]; /* of the key package that it offers */
    struct buffer package, package_record;
};

struct world {
    uint64_t seed, step;
    struct test_entropy entropy;
    struct world_device device[WORLD_DEVICES], stranger;
    struct mls_psk psk[WORLD_PSKS];
    uint8_t psk_value[WORLD_PSKS][32], psk_id[WORLD_PSKS];
    struct buffer late; /* an application message that one device has not read yet … */
    size_t late_for;    /* … this one; WORLD_DEVICES: none */
    uint64_t late_epoch;
    uint64_t name_count, reloads, late_read, joins;
};

/* Ends the program unless the call succeeds. */
#define WORLD_OK(w, call) world_expect((w), (call), ST_OK, __FILE__, __LINE__, #call)
#define WORLD_TRUE(w, what) ((what) ? (void)0 : world_fail((w), __FILE__, __LINE__, #what))
void world_expect(const struct world *w, enum status got, enum status want, const char *file, int line,
                  const char *what);
_Noreturn void world_fail(const struct world *w, const char *file, int line, const char *what);

void world_start(struct world *w, uint64_t seed); /* device 0 founds the group */
void world_end(struct world *w);

uint64_t world_below(struct world *w, uint64_t bound);
bool world_chance(struct world *w, uint64_t percent);
struct mls_psk_list world_psks(const struct world *w);

size_t world_member_count(const struct world *w);
size_t world_random_member(struct world *w, size_t but);   /* a device in the group other than `but` */
size_t world_random_outsider(struct world *w, size_t but); /* WORLD_DEVICES: there is none */

/* A new person at an outsider's device, with a fresh key package. */
void world_offer(struct world *w, size_t device);
/* [save] of group.h; sometimes the device is then switched off and loads what it saved. */
void world_save(struct world *w, size_t device);

/* A proposal of one member reaches all others. */
void world_propose(struct world *w, size_t device, struct mls_propose_args *a);

struct world_commit {
    struct mls_staged *staged;
    struct buffer message, welcome;
};

void world_commit(struct world *w, size_t device, struct mls_commit_args *a, struct world_commit *out);
void world_commit_wipe(struct world_commit *c);
/* Everybody takes the commit of `device` (its staged epoch, too); joiners join, the removed leave. */
void world_apply(struct world *w, size_t device, struct world_commit *c);

/* All members agree, and a stranger who joins finds their tree good. */
void world_check(struct world *w);
/* An application message that everybody reads, and perhaps one that one of them gets only in a later epoch.
 */
void world_chat(struct world *w);
/* The late message arrives, perhaps; at the latest when its epoch is the oldest that is kept. */
void world_read_late(struct world *w);

#endif
