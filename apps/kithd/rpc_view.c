/* SPDX-License-Identifier: Apache-2.0 */
/* The node's views as JSON: one function a row, side by side with sync/node.h. */
#include "apps/kithd/rpc.h"

#include "apps/local/say.h"
#include "protocol/file_part.h"

enum { EVENTS_MAX = 100 }; /* of one events.wait */

struct rows { /* what a visit adds to */
    json_t *list;
    int64_t cursor;
};

static void add(struct rows *rows, json_t *row)
{
    json_array_append_new(rows->list, row);
}

static json_t *scope_hex(const struct scope_id *id)
{
    char text[2 * SHORT_ID_LEN + 1];
    hex_encode(text, SPAN_ID(id));
    return json_string(text);
}

static const char *role_name(enum person_role r)
{
    if (r == ROLE_CHILD)
        return "child";
    return r == ROLE_PARENT ? "parent" : "adult";
}

static void visit_request(void *ctx, const struct request_row *r)
{
    add(ctx, json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:I, s:I}", "id", r->id, "kind",
                       request_kind_name(r->kind), "can_decide", r->can_decide, "person", r->person, "other",
                       r->other, "other_family", r->other_family, "other_supervised", r->other_supervised,
                       "note", r->note, "how", r->how, "state", r->state, "at_ms", (json_int_t)r->at_ms,
                       "lapses_at_ms", (json_int_t)r->lapses_at_ms));
}

static void visit_contact(void *ctx, const struct contact_row *r)
{
    add(ctx,
        json_pack("{s:s, s:s, s:b, s:s, s:s, s:b, s:b, s:s, s:s, s:I, s:I}", "id", r->id, "name", r->name,
                  "unanswered", r->unanswered, "family", r->family, "person", r->person, "supervised",
                  r->supervised, "mine", r->mine, "state", r->state, "overseers", r->overseers, "until_at_ms",
                  (json_int_t)r->until_at_ms, "since_at_ms", (json_int_t)r->since_at_ms));
}

static json_t *file_json(const struct file_row *r)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "id",
                     r->id, "token", r->token, "name", r->name, "media", r->media, "with", r->with, "way",
                     r->outgoing ? "out" : "in", "state", r->state, "why", r->why, "bytes",
                     (json_int_t)r->bytes, "size", (json_int_t)r->size, "bytes_per_s",
                     (json_int_t)r->bytes_per_s, "left_ms", (json_int_t)r->left_ms, "parts",
                     (json_int_t)r->parts, "at_ms", (json_int_t)r->at_ms, "scope", scope_hex(&r->scope));
}

static void visit_file(void *ctx, const struct file_row *r)
{
    add(ctx, file_json(r));
}

static void visit_file_part(void *ctx, struct span bytes)
{
    struct buffer text;
    json_t **out = ctx;
    buffer_init(&text, bytes.len / 3 * 4 + 8);
    if (base64url_encode(&text, bytes) == ST_OK)
        *out = json_pack("{s:s}", "bytes", bytes.len != 0 ? (const char *)text.ptr : "");
    buffer_wipe(&text);
}

static void visit_history(void *ctx, const struct history_row *r)
{
    if (r->gap != 0) {
        add(ctx, json_pack("{s:I, s:s, s:I, s:o}", "gap", (json_int_t)r->gap, "with", r->with, "at_ms",
                           (json_int_t)r->at_ms, "scope", scope_hex(&r->scope)));
        return;
    }
    json_t *row = json_pack(
        "{s:I, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:s, s:I, s:b, s:b, s:s, s:I, s:o, s:s, s:s, s:s}",
        "cursor", (json_int_t)r->cursor, "id", r->id, "with", r->with, "from", r->from, "mine", r->mine,
        "waiting", r->waiting, "held", r->held, "passed_on", r->passed_on, "via", r->via, "text", r->text,
        "at_ms", (json_int_t)r->at_ms, "edited", r->edited, "unread", r->unread, "reactions", r->reactions,
        "gone_at_ms", (json_int_t)r->gone_at_ms, "scope", scope_hex(&r->scope), "state", r->state,
        "delivered", r->delivered, "read", r->read);
    if (r->file != NULL)
        json_object_set_new(row, "file", file_json(r->file));
    add(ctx, row);
}

static json_t *transfer_json(const struct transfer_row *t)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "way",
                     t->giving ? "out" : "in", "state", t->state, "with", t->with, "parts",
                     (json_int_t)t->parts, "parts_total", (json_int_t)t->parts_total, "entries",
                     (json_int_t)t->entries, "entries_total", (json_int_t)t->entries_total, "bytes",
                     (json_int_t)t->bytes, "bytes_total", (json_int_t)t->bytes_total, "refused",
                     (json_int_t)t->refused, "bytes_per_s", (json_int_t)t->bytes_per_s, "left_ms",
                     (json_int_t)t->left_ms);
}

static json_t *files_progress_json(const struct files_row *f)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "state", f->done ? "done" : "running",
                     "files", (json_int_t)f->files, "files_total", (json_int_t)f->files_total, "parts",
                     (json_int_t)f->parts, "parts_total", (json_int_t)f->parts_total, "bytes",
                     (json_int_t)f->bytes, "bytes_total", (json_int_t)f->bytes_total, "bytes_per_s",
                     (json_int_t)f->bytes_per_s, "left_ms", (json_int_t)f->left_ms);
}

static void visit_device(void *ctx, const struct device_row *r)
{
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:I, s:b}", "id", r->id, "name", r->name, "person",
                  r->person, "role", role_name(r->role), "mine", r->mine, "this_device", r->this_device,
                  "state", r->state, "seen_at_ms", (json_int_t)r->seen_at_ms, "overdue", r->overdue);
    if (r->history != NULL)
        json_object_set_new(row, "history", transfer_json(r->history));
    if (r->files != NULL)
        json_object_set_new(row, "files", files_progress_json(r->files));
    add(ctx, row);
}

static void visit_policy(void *ctx, const struct policy_row *r)
{
    add(ctx, json_pack("{s:s, s:s, s:s}", "field", r->field, "value", r->value, "meaning", r->meaning));
}

static void visit_relay(void *ctx, const struct relay_row *r)
{
    add(ctx,
        json_pack("{s:s, s:I, s:s, s:b, s:I}", "address", r->address, "place", (json_int_t)r->place, "state",
                  r->state, "reached", r->reached, "away_since_ms", (json_int_t)r->away_since_ms));
}

static void visit_event(void *ctx, const struct notice *r)
{
    struct rows *rows = ctx;
    rows->cursor = (int64_t)r->seq;
    add(rows, json_pack("{s:I, s:s, s:I, s:s, s:s, s:o}", "seq", (json_int_t)r->seq, "kind",
                        notice_name(r->kind), "at_ms", (json_int_t)r->at_ms, "who", r->who, "what", r->what,
                        "scope", scope_hex(&r->scope)));
}

static void visit_pairing(void *ctx, const struct pairing_row *r)
{
    struct say say = say_of(r->failed);
    bool failed = r->failed != ST_OK;
    json_t **out = ctx;
    *out = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "state",
                     pairing_state_name(r->state), "failed", failed ? status_name(r->failed) : "", "say",
                     failed ? say.what : "", "next", failed ? say.next : "", "new_device", r->new_device,
                     "needs_co_signature", r->needs_co_signature, "code", r->code, "family", r->family,
                     "mark", r->mark, "relay", r->relay, "person", r->person, "device", r->device, "role",
                     role_name(r->role), "expires_at_ms", (json_int_t)r->expires_at_ms);
}

static void visit_status(void *ctx, const struct status_row *r)
{
    json_t **out = ctx, *groups = json_array(), *refused = json_object();
    for (size_t i = 0; i < r->refused_count; i++)
        json_object_set_new(refused, r->refused[i].name, json_integer((json_int_t)r->refused[i].count));
    for (size_t i = 0; i < r->group_count; i++) {
        const struct status_group_row *g = &r->groups[i];
        json_array_append_new(
            groups, json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "kind", g->kind, "about", g->about,
                              "generation", (json_int_t)g->generation, "epoch", (json_int_t)g->epoch,
                              "devices", (json_int_t)g->devices, "state", g->state, "overdue", g->overdue));
    }
    *out = json_pack("{s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:b, s:b, s:b, s:I, s:I, s:I, "
                     "s:I, s:I, s:o, s:o}",
                     "in_family", r->in_family, "removed", r->removed, "family", r->family, "mark", r->mark,
                     "person", r->person, "device", r->device, "device_id", r->device_id, "relay", r->relay,
                     "role", role_name(r->role), "supervised", r->supervised, "oversight", r->oversight,
                     "heads_held", r->heads_held, "disk_full", r->disk_full, "relay_reached",
                     r->relay_reached, "relay_skew_ms", (json_int_t)r->relay_skew_ms, "waiting_to_send",
                     (json_int_t)r->waiting_to_send, "texts_held", (json_int_t)r->texts_held,
                     "blocks_skipped", (json_int_t)r->blocks_skipped, "alarms", (json_int_t)r->alarms,
                     "refused", refused, "groups", groups);
}

/* ---- the commands ---- */

static const char *text_of(const struct command *c, size_t place)
{
    return c->value[place].given ? (const char *)c->value[place].text.ptr
                                 : NULL; /* jansson ends it with a NUL */
}

static enum status ask_list(struct node *n, const struct command *c, struct rows *rows)
{
    switch ((int)c->kind) {
    case CMD_REQUESTS:
        return view_requests(n, false, visit_request, rows);
    case CMD_CONTACTS:
        return view_contacts(n, visit_contact, rows);
    case CMD_DEVICES:
        return view_devices(n, visit_device, rows);
    case CMD_RELAY_LIST:
        return view_relays(n, visit_relay, rows);
    case CMD_POLICY_SHOW:
        return view_policy(n, text_of(c, CMD_POLICY_SHOW_PERSON), visit_policy, rows);
    case CMD_EVENTS:
        rows->cursor = c->value[CMD_EVENTS_AFTER].number;
        return view_events(n, (uint64_t)rows->cursor, EVENTS_MAX, visit_event, rows);
    case CMD_HISTORY: {
        const struct history_args args = {.with = text_of(c, CMD_HISTORY_WITH),
                                          .after = c->value[CMD_HISTORY_AFTER].number,
                                          .limit = (size_t)c->value[CMD_HISTORY_LIMIT].number};
        return view_history(n, &args, visit_history, rows);
    }
    case CMD_FILES:
        return view_files(n, text_of(c, CMD_FILES_ID), (size_t)c->value[CMD_FILES_LIMIT].number, visit_file,
                          rows);
    case CMD_SEARCH: {
        const struct search_args args = {.words = text_of(c, CMD_SEARCH_WORDS),
                                         .with = text_of(c, CMD_SEARCH_WITH),
                                         .from = text_of(c, CMD_SEARCH_FROM),
                                         .limit = (size_t)c->value[CMD_SEARCH_LIMIT].number};
        return view_search(n, &args, visit_history, rows);
    }
    default:
        return ST_INTERNAL;
    }
}

static const char *list_name(enum command_kind kind)
{
    switch ((int)kind) {
    case CMD_REQUESTS:
        return "requests";
    case CMD_CONTACTS:
        return "contacts";
    case CMD_DEVICES:
        return "devices";
    case CMD_RELAY_LIST:
        return "relays";
    case CMD_POLICY_SHOW:
        return "rules";
    case CMD_EVENTS:
        return "events";
    case CMD_FILES:
        return "files";
    default:
        return "messages";
    }
}

bool rpc_is_view(enum command_kind kind)
{
    return kind == CMD_REQUESTS || kind == CMD_CONTACTS || kind == CMD_DEVICES || kind == CMD_POLICY_SHOW ||
           kind == CMD_EVENTS || kind == CMD_HISTORY || kind == CMD_SEARCH || kind == CMD_FILES ||
           kind == CMD_FILE_PART || kind == CMD_STATUS || kind == CMD_PAIRING || kind == CMD_RELAY_LIST;
}

/* policy.show's first row names the person. */
static void lift_person(json_t *result)
{
    json_t *rules = json_object_get(result, "rules"), *first = json_array_get(rules, 0);
    if (first == NULL)
        return;
    json_object_set(result, "person", json_object_get(first, "value"));
    json_array_remove(rules, 0);
}

static enum status ask_status(struct node *n, json_t **result)
{
    struct rows rows = {.list = json_array()};
    enum status s = view_status(n, visit_status, result);
    if (s == ST_OK)
        s = view_relays(n, visit_relay, &rows);
    json_object_set_new(*result, "relays", rows.list);
    return s;
}

static enum status ask_part(struct node *n, const struct command *c, json_t **result)
{
    int64_t part = c->value[CMD_FILE_PART_PART].number;
    if (part < 0 || part >= FILE_PARTS_MAX)
        return ST_COMMAND_FIELD;
    enum status s = view_file_part(n, text_of(c, CMD_FILE_PART_ID), (uint32_t)part, visit_file_part, result);
    return s == ST_OK && *result == NULL ? ST_NO_MEMORY : s;
}

static enum status ask(struct node *n, const struct command *c, json_t **result, bool *empty)
{
    struct rows rows = {.list = NULL, .cursor = 0};
    enum status s;
    if (c->kind == CMD_STATUS)
        return ask_status(n, result);
    if (c->kind == CMD_PAIRING)
        return view_pairing(n, visit_pairing, result);
    if (c->kind == CMD_FILE_PART)
        return ask_part(n, c, result);
    if (c->kind == CMD_FILES && c->value[CMD_FILES_LIMIT].number < 0)
        return ST_COMMAND_FIELD;
    if (c->kind == CMD_HISTORY && c->value[CMD_HISTORY_LIMIT].number < 0)
        return ST_COMMAND_FIELD;
    if (c->kind == CMD_SEARCH && c->value[CMD_SEARCH_LIMIT].number < 0)
        return ST_COMMAND_FIELD;
    rows.list = json_array();
    s = ask_list(n, c, &rows);
    *empty = json_array_size(rows.list) == 0;
    *result = json_pack("{s:o}", list_name(c->kind), rows.list);
    if (c->kind == CMD_EVENTS)
        json_object_set_new(*result, "cursor", json_integer(rows.cursor));
    if (c->kind == CMD_POLICY_SHOW)
        lift_person(*result);
    return s;
}

json_t *rpc_reply_view(const struct rpc_call *c, struct node *n, bool *empty)
{
    json_t *result = NULL;
    *empty = false;
    enum status s = ask(n, &c->command, &result, empty);
    if (s == ST_OK)
        return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", c->id != NULL ? c->id : json_null(),
                         "result", result);
    json_decref(result);
    struct result refused = {.kind = c->command.kind, .status = s};
    const char *const *names = NULL;
    if (s == ST_NAME_AMBIGUOUS)
        refused.candidate_count = view_candidates(n, &names);
    if (s == ST_NAME_UNKNOWN)
        refused.name = view_unknown(n);
    for (size_t i = 0; i < refused.candidate_count; i++)
        refused.candidates[i] = names[i];
    return rpc_reply_result(c, &refused);
}
