/* SPDX-License-Identifier: Apache-2.0 */
/* What people do about what their devices show them: the code of a pairing, requests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"
#include "tests/support/test.h"

enum { GIVES_UP_MS = 12 * SIM_MINUTE_MS };

/* ---- pairing ---- */

static void pairing_over(struct sim *s, size_t device, bool done)
{
    struct sim_device *d = &s->devices[device];
    d->state = SIM_NEW;
    if (done)
        sim_is_member(s, device);
    sim_say(s, device, done ? "is in the family" : "is not paired: it came to nothing");
}

static void type_code(struct sim *s, size_t device, const char *code)
{
    struct sim_device *d = &s->devices[device];
    char other[NODE_CODE_LEN + 1];
    if (world_is_on(s->w, d->by) && world_pairing(s->w, d->by, other) == PAIRING_CODE)
        (void)world_do(s->w, d->by, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL);
}

/* They stand side by side: when the other device says that it came to nothing, or nothing happens for long;
 * after a yes only when the other device is gone. */
static bool gives_up(struct sim *s, size_t device)
{
    const struct sim_device *d = &s->devices[device];
    char code[NODE_CODE_LEN + 1];
    bool gone = s->devices[d->by].state == SIM_LOST || s->devices[d->by].state == SIM_REMOVED;
    if (!d->said_yes || gone)
        return world_now(s->w).mono_ms - d->since_ms > GIVES_UP_MS;
    return world_is_on(s->w, d->by) && world_pairing(s->w, d->by, code) == PAIRING_FAILED;
}

static void react_to_pairing(struct sim *s, size_t device)
{
    struct sim_device *d = &s->devices[device];
    char code[NODE_CODE_LEN + 1];
    enum pairing_state state = world_pairing(s->w, device, code);
    if (state == PAIRING_CODE)
        type_code(s, device, code);
    else if (state == PAIRING_ACCEPTED && !d->said_yes)
        d->said_yes = world_do(s->w, device, CMD_PAIR_YES, NULL, NULL, NULL, NULL)->status == ST_OK;
    else if (state == PAIRING_DONE || state == PAIRING_FAILED)
        pairing_over(s, device, state == PAIRING_DONE);
    else if (gives_up(s, device) &&
             (d->said_yes || world_do(s->w, device, CMD_PAIR_NO, NULL, NULL, NULL, NULL)->status == ST_OK))
        pairing_over(s, device, false); /* after a yes a new link is just used */
}

/* ---- requests ---- */

struct deciding {
    char id[80], who[64];
    enum request_kind kind;
};

static void see_request(void *ctx, const struct request_row *row)
{
    struct deciding *d = ctx;
    if (!row->can_decide || d->id[0] != '\0')
        return;
    snprintf(d->id, sizeof(d->id), "%s", row->id);
    snprintf(d->who, sizeof(d->who), "%s", row->other);
    d->kind = row->kind;
}

static void decide(struct sim *s, size_t device)
{
    struct deciding d = {.id = ""};
    assert_ok(view_requests(world_node(s->w, device), false, see_request, &d));
    if (d.id[0] == '\0')
        return;
    bool yes = d.kind == REQUEST_SIGN || sim_chance(s, 85);
    const struct world_result *r =
        world_do(s->w, device, yes ? CMD_APPROVE : CMD_DENY, d.id, NULL, NULL, NULL);
    sim_say(s, device, "%s to %s of %s: %s %s", yes ? "yes" : "no", request_kind_name(d.kind), d.who,
            status_name(r->status), r->why != ST_OK ? status_name(r->why) : "");
}

void sim_react(struct sim *s, size_t device)
{
    struct sim_device *d = &s->devices[device];
    if (!world_is_on(s->w, device))
        return;
    (void)world_notices(s->w, device);
    if (d->liar)
        return;
    if (d->state == SIM_PAIRING)
        react_to_pairing(s, device);
    else if (d->state == SIM_MEMBER)
        decide(s, device);
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].state == SIM_PAIRING && s->devices[i].by == device && world_is_on(s->w, i))
            react_to_pairing(s, i);
    }
}

size_t sim_text_number(const struct sim *s, const char *text)
{
    char *end = NULL;
    if (text[0] != 't' || text[1] < '0' || text[1] > '9')
        return SIM_NOBODY;
    unsigned long number = strtoul(text + 1, &end, 10);
    end += strspn(end, "+"); /* as it was edited */
    return *end == '\0' && number < s->text_count ? (size_t)number : SIM_NOBODY;
}

size_t sim_said_number(const struct sim *s, const struct history_row *row)
{
    size_t number = sim_text_number(s, row->file != NULL ? row->file->name : row->text);
    return number != SIM_NOBODY && (s->texts[number].size != 0) == (row->file != NULL) ? number : SIM_NOBODY;
}
