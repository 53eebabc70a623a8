/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/commands.h"

#include "protocol/name.h"
#include "sync/letters.h"
#include "sync/names.h"
#include "sync/restore.h"

typedef enum status (*run_fn)(struct node *n, const struct command *c, struct reply *r);

/* Commands that only ask are views: the agent calls those of node.h itself. */
static enum status run_view(struct node *n, const struct command *c, struct reply *r)
{
    (void)n;
    (void)c;
    (void)r;
    return ST_OK;
}

static const run_fn runners[COMMAND_COUNT] = {
    [CMD_INIT] = run_init,
    [CMD_PAIR_INVITE] = run_pair_invite,
    [CMD_PAIR_ACCEPT] = run_pair_accept,
    [CMD_PAIR_CONFIRM] = run_pair_confirm,
    [CMD_PAIR_YES] = run_pair_yes,
    [CMD_PAIR_CANCEL] = run_pair_cancel,
    [CMD_PAIR_NO] = run_pair_no,
    [CMD_INVITE] = run_invite,
    [CMD_MEET] = run_meet,
    [CMD_REQUESTS] = run_view,
    [CMD_APPROVE] = run_approve,
    [CMD_DENY] = run_deny,
    [CMD_CONTACTS] = run_view,
    [CMD_WITHDRAW] = run_withdraw,
    [CMD_SEND] = run_send,
    [CMD_SEND_FILE] = run_send_file,
    [CMD_GET] = run_get,
    [CMD_FILES] = run_view,
    [CMD_FILE_PART] = run_view,
    [CMD_CANCEL] = run_cancel,
    [CMD_EDIT] = run_edit,
    [CMD_DELETE] = run_delete,
    [CMD_REACT] = run_react,
    [CMD_TIMER] = run_timer,
    [CMD_READ] = run_read,
    [CMD_WAITING_SEND] = run_waiting_send,
    [CMD_WAITING_DROP] = run_waiting_drop,
    [CMD_RECEIPTS] = run_receipts,
    [CMD_HISTORY] = run_view,
    [CMD_SEARCH] = run_view,
    [CMD_DEVICES] = run_view,
    [CMD_DEVICES_REMOVE] = run_devices_remove,
    [CMD_POLICY_SHOW] = run_view,
    [CMD_POLICY_SET] = run_policy_set,
    [CMD_RELAY_LIST] = run_view,
    [CMD_RELAY_ADD] = run_relay_add,
    [CMD_RELAY_USE] = run_relay_use,
    [CMD_RELAY_REMOVE] = run_relay_remove,
    [CMD_STATUS] = run_view,
    [CMD_PAIRING] = run_view,
    [CMD_EVENTS] = run_view,
};

const char *command_text(const struct command *c, size_t place, char *buf, size_t cap)
{
    const struct command_value *v = &c->value[place];
    size_t len = v->given ? (v->text.len < cap ? v->text.len : cap - 1) : 0;
    memcpy(buf, len != 0 ? v->text.ptr : (const uint8_t *)"", len);
    buf[len] = '\0';
    return buf;
}

enum status command_name(const struct command *c, size_t place, char buf[static NODE_NAME_MAX + 1])
{
    struct span text = c->value[place].text;
    command_text(c, place, buf, NODE_NAME_MAX + 1);
    if (text.len == 0 || text.len > NODE_NAME_MAX || !wire_text_ok(text, false))
        return ST_COMMAND_TEXT;
    return name_shows(text) ? wire_text_ok(text, true) ? ST_OK : ST_COMMAND_TEXT : ST_COMMAND_NAME;
}

static enum status judge_who(struct node *n, const struct command *c)
{
    bool out = false;
    enum command_who who = command_def(c->kind)->who;
    if (who == WHO_NOBODY_YET) {
        return n->self.in_family ? ST_COMMAND_IN_FAMILY : ST_OK;
    }
    if (n->self.removed) {
        return ST_REMOVED;
    }
    if (runners[c->kind] != run_view && !n->self.in_family) {
        return ST_COMMAND_NOT_IN_FAMILY;
    }
    if (runners[c->kind] != run_view) {
        enum status st = restore_out(n, &out);
        if (st != ST_OK || out) {
            return st == ST_OK ? ST_DEVICE_RESTORED : st;
        }
    }
    return who == WHO_PARENT && n->self.role != ROLE_PARENT ? ST_COMMAND_NOT_PARENT : ST_OK;
}

struct command_call {
    const struct command *c;
    struct reply *r;
};

static enum status run(struct node *n, void *arg)
{
    struct command_call *call = arg;
    return runners[call->c->kind](n, call->c, call->r);
}

static const char *text_or_null(struct effect_slot *e, const char *text)
{
    return text && text[0] ? effect_text(e, text) : NULL;
}

static enum status answer(struct node *n, uint64_t id, const struct command *c, enum status status,
                          struct reply *r)
{
    struct effect_slot *e = node_effect(n, FX_RESULT, id);
    if (!e) {
        return ST_NO_MEMORY;
    }
    struct result *out = &e->effect.u.result;
    *out =
        (struct result){.kind = c->kind, .status = status, .why = r->why, .expires_at_ms = r->expires_at_ms};
    out->rule = r->rule;
    if (status == ST_OK) {
        out->link = text_or_null(e, (const char *)r->link.ptr);
        out->id = text_or_null(e, (const char *)r->id.ptr);
        out->kit = text_or_null(e, r->kit);
    }
    out->of = text_or_null(e, r->of);
    out->name = text_or_null(e, status == ST_NAME_UNKNOWN ? n->unknown : r->name);
    for (size_t i = 0; status == ST_NAME_AMBIGUOUS && i < n->candidate_count; i++) {
        out->candidates[out->candidate_count++] = effect_text(e, n->candidates[i]);
    }
    return ST_OK;
}

enum status commands_run(struct node *n, uint64_t id, const struct command *c)
{
    struct reply r;
    enum status why = ST_OK, st = ST_OK;
    memset(&r, 0, sizeof(r));
    n->unknown[0] = '\0';
    buffer_init(&r.link, NODE_LINK_MAX + 1);
    buffer_init(&r.id, 2 * HASH_LEN + 1);
    if ((unsigned)c->kind >= COMMAND_COUNT) {
        why = ST_COMMAND_FIELD;
    } else {
        why = command_check(c);
    }
    if (why == ST_OK) {
        why = judge_who(n, c);
    }
    if (why == ST_OK) {
        struct command_call call = {c, &r};
        st = node_guard(n, run, &call, &why);
        /* What took effect and is kept can be a failure to who asked: a wrong code has voided the link. */
        why = why == ST_OK ? r.why : why;
    }
    if (st == ST_OK) {
        st = answer(n, id, c, why, &r);
    }
    buffer_wipe(&r.link);
    buffer_wipe(&r.id);
    bytes_wipe(r.kit, sizeof(r.kit));
    return st;
}

enum status reply_id(struct reply *r, struct span id)
{
    char hex[2 * HASH_LEN + 1];
    hex_encode(hex, SPAN_OF(id.ptr, id.len < HASH_LEN ? id.len : HASH_LEN));
    return buffer_copy(&r->id, SPAN_OF((const uint8_t *)hex, strlen(hex) + 1));
}
