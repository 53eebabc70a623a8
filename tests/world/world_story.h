/* SPDX-License-Identifier: Apache-2.0 */
/* The main job in steps that tests put together: found, pair, meet, decide, talk. Each step ends when what it
 * is about is seen on every device concerned, or fails the test after virtual minutes. */
#ifndef KITH_TESTS_WORLD_STORY_H
#define KITH_TESTS_WORLD_STORY_H

#include "tests/world/world.h"

enum story_limits {
    STORY_WAIT_MS =
        10 * 60 * 1000 /* for one thing to become true: with losses a request is tried many times */
};

/* `device` founds a family. */
void story_found(struct world *w, size_t device, const char *family, const char *person);
/* A parent's device pairs `device` as `person`'s ("parent" or "child"). For another device of a person who
 * has one, `signer` is that person's first device, else SIZE_MAX. */
void story_pair(struct world *w, size_t parent, size_t device, const char *person, const char *role,
                size_t signer);
/* The same with a device that is new in the world; its number. */
size_t story_add(struct world *w, size_t parent, const char *device, const char *person, const char *role,
                 size_t signer);
/* The link of an invite that this device makes for that child; NULL: for its own person. */
void story_invite(struct world *w, size_t inviter, const char *child, char link[static WORLD_TEXT_MAX]);
/* `asker` uses the link. */
void story_meet(struct world *w, size_t asker, const char *link, const char *note);
/* Both of them: `asker` asks by a new link of the inviter's. */
void story_ask(struct world *w, size_t asker, size_t inviter, const char *child, const char *note);
/* Waits until the device has a request that it can decide, and decides it. */
void story_decide(struct world *w, size_t device, bool yes);
void story_wait_contact(struct world *w, size_t device, const char *name, const char *state);
/* Sends a text and waits until `to` has it, from `from`'s person. */
void story_say(struct world *w, size_t from, const char *whom, const char *text, size_t to);
/* Does this device have any request that it can decide? */
bool story_has_request(struct world *w, size_t device);

/* Two families whose children are contacts: what most tests begin with. */
struct story {
    size_t ana, ben, maya, rosa, leo;
};
/* Ana and Ben, parents, and Maya, their child. */
void story_family_of_three(struct world *w, struct story *s);
void story_children_meet(struct world *w, struct story *s);

#endif
