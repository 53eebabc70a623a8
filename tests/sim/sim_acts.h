/* SPDX-License-Identifier: Apache-2.0 */
/* What people do in a run, one function each (sim_acts.def): it gives the status of its command, or
 * SIM_NOT_TRIED when there is nobody to do it. They draw from one stream of dice: the order counts. */
#ifndef KITH_TESTS_SIM_ACTS_H
#define KITH_TESTS_SIM_ACTS_H

#include "tests/sim/sim.h"

enum { SIM_NOT_TRIED = -1 };

#define SIM_ACT(fn, weight, name) int act_##fn(struct sim *s);
#include "tests/sim/sim_acts.def"

/* ---- sim_people.c ---- */

/* devices: so many in the first family and a few guests; 0: a small world. */
void sim_draw_people(struct sim *s, size_t devices);
void sim_found_families(struct sim *s);
/* A new device for this person, by a parent who may. */
int sim_pair(struct sim *s, size_t person);
/* A device that is in a family, on, and does not lie. */
bool sim_is_here(const struct sim *s, size_t device);
/* One of these, SIM_NOBODY of none. */
size_t sim_any_of(struct sim *s, const size_t *list, size_t count);
/* A device that is here: of this person, of a parent of this family, or of anybody (SIM_NOBODY). */
size_t sim_any_device(struct sim *s, size_t family, size_t person, bool parents);

/* ---- sim_words.c ---- */

/* Says it to the family or contact that it is for: who can read it is noted. */
int sim_send(struct sim *s, const struct sim_text *what);

/* ---- sim_contacts.c ---- */

/* Somebody whom this device's person may write to outside of the family. */
size_t sim_any_contact(struct sim *s, size_t device);

#endif
