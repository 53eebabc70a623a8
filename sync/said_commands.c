/* SPDX-License-Identifier: Apache-2.0 */
/* edit, delete, react, timer, read: what a person does to what was said. */
#include "sync/commands.h"
#include "sync/family.h"
#include "sync/history_view.h"
#include "sync/journal.h"
#include "sync/messages.h"
#include "sync/names.h"
#include "sync/said.h"

enum { PREFIX_MIN = 6 };

struct said_target {
    struct scope_id scope;
    struct entry_hash hash;
    bool mine;
};

/* The text, or with `files` the file, whose id begins with these digits. */
static enum status find_said(struct node *n, const struct command *c, size_t place, bool files,
                             struct said_target *out)
{
    char prefix[2 * ID_LEN + 2];
    struct query q;
    size_t found = 0;
    command_text(c, place, prefix, sizeof(prefix));
    size_t len = strlen(prefix);
    if (len < PREFIX_MIN || len > 2 * ID_LEN || strspn(prefix, "0123456789abcdefABCDEF") != len) {
        return ST_SAID_UNKNOWN;
    }
    query_start(&q, &n->sql,
                "SELECT e.scope, e.hash, c.family = ?1 AND c.person = ?2 FROM entry e LEFT JOIN certificate c"
                " ON c.device = e.author WHERE (e.kind = 1 OR (?4 = 1 AND e.kind = 32)) AND e.has_body = 1"
                " AND e.fork = 0 AND substr(hex(e.hash), 1, length(?3)) = upper(?3) LIMIT 2",
                "bbti", SPAN_ID(&n->self.family), SPAN_ID(&n->self.person), prefix, (int64_t)files);
    while (query_next(&q)) {
        found++;
        QUERY_ID(&q, 0, &out->scope);
        QUERY_ID(&q, 1, &out->hash);
        out->mine = query_int(&q, 2) != 0;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && found != 1) {
        return ST_SAID_UNKNOWN;
    }
    return st;
}

static enum status say(struct node *n, const struct scope_id *scope, const struct entry_body *body,
                       bool judged, struct reply *r)
{
    enum scope_kind kind = SCOPE_CONVERSATION;
    struct entry_hash hash;
    enum status st = message_scope(n, scope, judged, &kind, r);
    if (st == ST_OK) {
        st = message_append(n, kind, scope, body, &hash);
    }
    return st == ST_OK ? reply_id(r, SPAN_ID(&hash)) : st;
}

enum status run_edit(struct node *n, const struct command *c, struct reply *r)
{
    struct said_target t;
    struct entry_body body = {.kind = ENTRY_EDIT};
    body.u.edit.text = c->value[CMD_EDIT_TEXT].text;
    enum status st = text_ok(body.u.edit.text) ? find_said(n, c, CMD_EDIT_ID, false, &t) : ST_COMMAND_TEXT;
    if (st == ST_OK && !t.mine) {
        st = ST_SAID_NOT_YOURS;
    }
    body.u.edit.target = t.hash;
    return st == ST_OK ? say(n, &t.scope, &body, true, r) : st;
}

enum status said_take_back(struct node *n, const struct scope_id *scope, const struct entry_hash *target,
                           struct reply *r)
{
    struct entry_body body = {.kind = ENTRY_DELETE, .u.delete.target = *target};
    return say(n, scope, &body, false, r);
}

/* Taking back is open also where nothing may be said any more, as long as somebody is there to hear it. */
enum status run_delete(struct node *n, const struct command *c, struct reply *r)
{
    struct said_target t;
    enum status st = find_said(n, c, CMD_DELETE_ID, true, &t);
    if (st == ST_OK && !t.mine) {
        st = ST_SAID_NOT_YOURS;
    }
    return st == ST_OK ? said_take_back(n, &t.scope, &t.hash, r) : st;
}

enum status run_react(struct node *n, const struct command *c, struct reply *r)
{
    struct said_target t;
    struct entry_body body = {.kind = ENTRY_REACTION};
    struct span text = c->value[CMD_REACT_WITH].given ? c->value[CMD_REACT_WITH].text : SPAN_EMPTY;
    bool fits = text.len <= ENTRY_REACTION_MAX && wire_text_ok(text, text.len != 0);
    enum status st = fits ? find_said(n, c, CMD_REACT_ID, true, &t) : ST_COMMAND_TEXT;
    body.u.reaction.target = t.hash;
    body.u.reaction.text = text;
    return st == ST_OK ? say(n, &t.scope, &body, true, r) : st;
}

static enum status named_scope(struct node *n, const struct command *c, size_t place, struct scope_id *scope)
{
    char with[NODE_NAME_MAX * 2];
    return history_scope(n, command_text(c, place, with, sizeof(with)), scope);
}

enum status run_timer(struct node *n, const struct command *c, struct reply *r)
{
    struct scope_id scope;
    struct entry_body body = {.kind = ENTRY_TIMER};
    int64_t seconds = c->value[CMD_TIMER_SECONDS].number;
    if (seconds < 0 || seconds > ENTRY_TIMER_MAX_MS / 1000) {
        return ST_COMMAND_FIELD;
    }
    body.u.timer.ms = seconds * 1000;
    enum status st = named_scope(n, c, CMD_TIMER_WITH, &scope);
    return st == ST_OK ? say(n, &scope, &body, true, r) : st;
}

enum status run_read(struct node *n, const struct command *c, struct reply *r)
{
    struct scope_id own;
    struct entry_body body = {.kind = ENTRY_READ_MARKER};
    int64_t newest = 0, before = 0;
    (void)r;
    enum status st = named_scope(n, c, CMD_READ_WITH, &body.u.read_marker.scope);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &newest, 0, "SELECT max(hlc) FROM entry WHERE scope = ?", "b",
                        SPAN_ID(&body.u.read_marker.scope));
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &before, 0, "SELECT hlc FROM read_mark WHERE scope = ?", "b",
                        SPAN_ID(&body.u.read_marker.scope));
    }
    if (st != ST_OK || newest <= before) {
        return st; /* nothing new was read */
    }
    body.u.read_marker.hlc = (uint64_t)newest;
    st = scope_id_of_person(SCOPE_OWN, &n->self.person, &own);
    return st == ST_OK ? journal_append(n, SCOPE_OWN, &own, &body, NULL) : st;
}
