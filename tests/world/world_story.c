/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_story.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

/* ---- waiting for something ---- */

struct wanted {
    size_t device;
    const char *text, *state;
    enum pairing_state pairing;
};

static bool pairing_is(struct world *w, void *ctx)
{
    const struct wanted *x = ctx;
    char code[NODE_CODE_LEN + 1];
    enum pairing_state s = world_pairing(w, x->device, code);
    if (s == PAIRING_FAILED && x->pairing != PAIRING_FAILED)
        fail_msg("pairing failed on %s: %s", world_device_name(w, x->device),
                 status_name(world_pairing_failed(w, x->device)));
    return s == x->pairing;
}

static bool contact_is(struct world *w, void *ctx)
{
    const struct wanted *x = ctx;
    char state[32];
    world_contact(w, x->device, x->text, state);
    return strcmp(state, x->state) == 0;
}

static bool text_is_there(struct world *w, void *ctx)
{
    const struct wanted *x = ctx;
    return world_has_text(w, x->device, x->text, NULL);
}

static bool request_is_there(struct world *w, void *ctx)
{
    return story_has_request(w, ((const struct wanted *)ctx)->device);
}

bool story_has_request(struct world *w, size_t device)
{
    char id[80];
    world_request(w, device, id);
    return id[0] != '\0';
}

static void wait_for(struct world *w, world_condition condition, struct wanted *x, const char *what)
{
    if (!world_until(w, condition, x, STORY_WAIT_MS))
        fail_msg("%s: %s %s %s never came", world_device_name(w, x->device), what, x->text ? x->text : "",
                 x->state ? x->state : "");
}

/* ---- steps ---- */

void story_found(struct world *w, size_t device, const char *family, const char *person)
{
    const struct world_result *r =
        world_ok(w, device, CMD_INIT, family, person, world_device_name(w, device), NULL);
    assert_true(strlen(r->kit) > 24 * 3);
}

void story_pair(struct world *w, size_t parent, size_t device, const char *person, const char *role,
                size_t signer)
{
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    struct wanted x = {.device = device, .pairing = PAIRING_CODE};
    snprintf(link, sizeof(link), "%s", world_ok(w, parent, CMD_PAIR_INVITE, person, role, NULL, NULL)->link);
    world_ok(w, device, CMD_PAIR_ACCEPT, link, world_device_name(w, device), NULL, NULL);
    wait_for(w, pairing_is, &x, "the short code");
    assert_int_equal(world_pairing(w, device, code), PAIRING_CODE);
    assert_int_equal(strlen(code), NODE_CODE_LEN);
    struct wanted p = {.device = parent, .pairing = PAIRING_CODE};
    wait_for(w, pairing_is, &p, "the other device's opening");
    world_ok(w, parent, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL);
    x.pairing = PAIRING_ACCEPTED;
    wait_for(w, pairing_is, &x, "the other side's yes");
    world_ok(w, device, CMD_PAIR_YES, NULL, NULL, NULL, NULL);
    if (signer != SIZE_MAX)
        story_decide(w, signer, true);
    x.pairing = PAIRING_DONE;
    wait_for(w, pairing_is, &x, "the end of pairing");
}

size_t story_add(struct world *w, size_t parent, const char *device, const char *person, const char *role,
                 size_t signer)
{
    size_t added = world_add(w, device);
    story_pair(w, parent, added, person, role, signer);
    return added;
}

void story_invite(struct world *w, size_t inviter, const char *child, char link[static WORLD_TEXT_MAX])
{
    snprintf(link, WORLD_TEXT_MAX, "%s", world_ok(w, inviter, CMD_INVITE, child, NULL, NULL, NULL)->link);
}

void story_meet(struct world *w, size_t asker, const char *link, const char *note)
{
    char copy[WORLD_TEXT_MAX];
    snprintf(copy, sizeof(copy), "%s", link);
    world_ok(w, asker, CMD_MEET, copy, note, NULL, NULL);
}

void story_ask(struct world *w, size_t asker, size_t inviter, const char *child, const char *note)
{
    char link[WORLD_TEXT_MAX];
    story_invite(w, inviter, child, link);
    story_meet(w, asker, link, note);
}

void story_decide(struct world *w, size_t device, bool yes)
{
    char id[80];
    struct wanted x = {.device = device};
    wait_for(w, request_is_there, &x, "a request to decide");
    world_request(w, device, id);
    world_ok(w, device, yes ? CMD_APPROVE : CMD_DENY, id, NULL, NULL, NULL);
}

void story_wait_contact(struct world *w, size_t device, const char *name, const char *state)
{
    struct wanted x = {.device = device, .text = name, .state = state};
    wait_for(w, contact_is, &x, "contact");
}

void story_say(struct world *w, size_t from, const char *whom, const char *text, size_t to)
{
    struct wanted x = {.device = to, .text = text};
    world_ok(w, from, CMD_SEND, whom, text, NULL, NULL);
    wait_for(w, text_is_there, &x, "the text");
}

static void add_three(struct world *w, struct story *s)
{
    s->ana = world_add(w, "Ana's phone");
    s->ben = world_add(w, "Ben's phone");
    s->maya = world_add(w, "Maya's tablet");
}

static void pair_three(struct world *w, const struct story *s)
{
    story_found(w, s->ana, "Berg", "Ana");
    story_pair(w, s->ana, s->ben, "Ben", "parent", SIZE_MAX);
    story_pair(w, s->ana, s->maya, "Maya", "child", SIZE_MAX);
}

void story_family_of_three(struct world *w, struct story *s)
{
    add_three(w, s);
    pair_three(w, s);
}

void story_children_meet(struct world *w, struct story *s)
{
    add_three(w, s);
    s->rosa = world_add(w, "Rosa's phone");
    s->leo = world_add(w, "Leo's tablet");
    pair_three(w, s);
    story_found(w, s->rosa, "Sol", "Rosa");
    story_pair(w, s->rosa, s->leo, "Leo", "child", SIZE_MAX);
    story_ask(w, s->leo, s->ana, "Maya", "It is me, Leo from school");
    story_decide(w, s->rosa, true);
    story_decide(w, s->ben, true);
    story_wait_contact(w, s->leo, "Maya", "active");
    story_wait_contact(w, s->maya, "Leo", "active");
}
