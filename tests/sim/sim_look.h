/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at what must hold: each gives false, and says why. */
#ifndef KITH_TESTS_SIM_LOOK_H
#define KITH_TESTS_SIM_LOOK_H

#include "tests/sim/sim.h"

enum { LOOK_WHY_MAX = 400 };

struct look {
    struct sim *s;
    char why[LOOK_WHY_MAX];
};

/* ---- sim_check.c ---- */

bool look_no(struct look *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool look_counts(const struct sim *s, size_t device); /* a member who is on and honest */
const char *look_name(const struct look *l, size_t device);

/* ---- sim_check_said.c ---- */

/* Nothing is shown that nobody said, or that is not for this device: also on those that are out. */
bool look_said_right(struct look *l, size_t device);
/* That, in calm; and what somebody said is there. */
bool look_said_there(struct look *l, size_t device);
bool look_may_read(const struct sim *s, size_t device, const struct sim_text *t);
/* The family, or the contact whom it was said to, is still one of this device's. */
bool look_still_contact(const struct look *l, size_t device, const struct sim_text *t);

/* ---- sim_check_files.c ---- */

/* What each device has of which file: once, before look_files_there. */
bool look_files(struct look *l);
/* The files that this device is told of are there, byte for byte, or nobody has them any more. */
bool look_files_there(struct look *l, size_t device);
/* Did the sender's own device say that it could not be sent? */
bool look_file_failed(const struct sim *s, size_t number);
/* Rules did, at some time, forbid files between the two who talk. */
bool look_forbidden(const struct sim *s, size_t device, const struct sim_text *t);
/* Counts what became of files. */
void look_files_count(struct sim *s);

#endif
