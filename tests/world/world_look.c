/* SPDX-License-Identifier: Apache-2.0 */
/* What tests want to see of a device, through the views that people have. */
#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"
#include "tests/world/world.h"

struct look {
    const char *name, *from;
    char *out;
    size_t cap, count;
    enum pairing_state state;
    enum status failed;
    uint64_t number;
    bool found;
};

static void see_pairing(void *ctx, const struct pairing_row *row)
{
    struct look *l = ctx;
    l->state = row->state;
    l->failed = row->failed;
    snprintf(l->out, l->cap, "%s", row->code);
}

enum pairing_state world_pairing(struct world *w, size_t device, char code[static NODE_CODE_LEN + 1])
{
    struct look l = {.out = code, .cap = NODE_CODE_LEN + 1};
    assert_ok(view_pairing(world_node(w, device), see_pairing, &l));
    return l.state;
}

enum status world_pairing_failed(struct world *w, size_t device)
{
    char code[NODE_CODE_LEN + 1];
    struct look l = {.out = code, .cap = sizeof(code)};
    assert_ok(view_pairing(world_node(w, device), see_pairing, &l));
    return l.failed;
}

static void see_request(void *ctx, const struct request_row *row)
{
    struct look *l = ctx;
    if (row->can_decide && l->out[0] == '\0')
        snprintf(l->out, l->cap, "%s", row->id);
}

void world_request(struct world *w, size_t device, char id[static 80])
{
    struct look l = {.out = id, .cap = 80};
    id[0] = '\0';
    assert_ok(view_requests(world_node(w, device), false, see_request, &l));
}

static void see_contact(void *ctx, const struct contact_row *row)
{
    struct look *l = ctx;
    if (strcmp(row->name, l->name) == 0)
        snprintf(l->out, l->cap, "%s", row->state);
}

void world_contact(struct world *w, size_t device, const char *name, char state[static 32])
{
    struct look l = {.name = name, .out = state, .cap = 32};
    state[0] = '\0';
    assert_ok(view_contacts(world_node(w, device), see_contact, &l));
}

static void see_text(void *ctx, const struct history_row *row)
{
    struct look *l = ctx;
    l->count += row->gap == 0;
    if (l->name != NULL && strcmp(row->text, l->name) == 0 &&
        (l->from == NULL || strcmp(row->from, l->from) == 0))
        l->found = true;
}

bool world_has_text(struct world *w, size_t device, const char *text, const char *from)
{
    struct look l = {.name = text, .from = from};
    const struct history_args args = {.with = NULL};
    assert_ok(view_history(world_node(w, device), &args, see_text, &l));
    return l.found;
}

size_t world_text_count(struct world *w, size_t device)
{
    struct look l = {.count = 0};
    const struct history_args args = {.with = NULL};
    assert_ok(view_history(world_node(w, device), &args, see_text, &l));
    return l.count;
}

static void see_status(void *ctx, const struct status_row *row)
{
    struct look *l = ctx;
    l->number = row->alarms;
}

uint64_t world_alarms(struct world *w, size_t device)
{
    struct look l = {.number = 0};
    assert_ok(view_status(world_node(w, device), see_status, &l));
    return l.number;
}
