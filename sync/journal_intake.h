/* SPDX-License-Identifier: Apache-2.0 */
/* How much a device takes in a scope from one other device, and how much it sends again to one in an
 * hour: so that nobody fills the others' disks, or keeps them busy for ever. Both are counted in units: one a
 * message and one for each KiB of it that is begun beyond the first. By the wall clock.
 *
 * A unit uses up a while of its sender's time; what a sender did not use is saved up, for two weeks, so that
 * a device that was off for long takes what came meanwhile. One that is heard for the first time has a day's,
 * and so has everybody when the clock was put back. What is over that is refused by name and not kept,
 * whoever wrote it: it is charged to who sent it. An honest device's comes later, for whoever lacks it says
 * so in its `have`. What was here already is not charged, for anybody can make an honest device send it
 * again; nor are `have`s and vouches, which fill nothing. */
#ifndef KITH_SYNC_JOURNAL_INTAKE_H
#define KITH_SYNC_JOURNAL_INTAKE_H

#include "protocol/group_message.h"
#include "sync/node_internal.h"

#define INTAKE_DAY_MS INT64_C(86400000)
#define INTAKE_SAVED_MS (14 * INTAKE_DAY_MS)
#define INTAKE_UNIT_MS (INTAKE_DAY_MS / INTAKE_DAY_UNITS)

enum journal_intake_limits {
    INTAKE_DAY_UNITS = 32768, /* 32 MiB, or as many small entries; one every 2.6 seconds */
    REPAIR_HOUR_UNITS = 4096, /* 4 MiB */
    REPAIR_HAVE_UNITS = 8     /* a `have` of ours that somebody's brought about */
};

int64_t journal_units(size_t len);

/* ST_JOURNAL_MANY: its sender has used its measure up; the first time a day there is an alarm. Call it
 * outside of the guard that undoes what a refused message did. */
enum status intake_take(struct node *n, const struct scope_id *scope, const struct device_id *sender,
                        const struct group_message *m) MUST_USE;

/* Nothing of what was taken was new. */
enum status intake_give_back(struct node *n, const struct scope_id *scope, const struct device_id *sender,
                             const struct group_message *m) MUST_USE;

/* Until when nothing is sent again to this device; 0: it may be. */
enum status repair_room(struct node *n, const struct scope_id *scope, const struct device_id *asker,
                        int64_t *until_ms) MUST_USE;
enum status repair_charge(struct node *n, const struct scope_id *scope, const struct device_id *asker,
                          int64_t units) MUST_USE;

#endif
