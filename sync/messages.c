/* SPDX-License-Identifier: Apache-2.0 */
/* What people say: sent, arrived, left. */
#include "sync/messages.h"
#include "protocol/hlc.h"
#include "sync/commands.h"
#include "sync/contact_internal.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/files.h"
#include "sync/journal.h"
#include "sync/journal_internal.h"
#include "sync/names.h"
#include "sync/receipts.h"
#include "sync/receive.h"
#include "sync/relay_away.h"
#include "sync/said.h"

/* ---- arriving ---- */

enum status apply_text(struct node *n, const struct applied_entry *e)
{
    char name[WIRE_NAME_MAX + 1];
    int64_t via = 0;
    if (e->closes_only) {
        return ST_JOURNAL_AUTHOR;
    }
    if (e->own || (ID_EQUAL(&e->who.family, &n->self.family) && ID_EQUAL(&e->who.person, &n->self.person))) {
        return said_arrived(n, e);
    }
    enum status st = e->scope_kind == SCOPE_CONVERSATION ? receive_text(n, e->id, &e->scope, &e->who) : ST_OK;
    if (st == ST_OK) {
        st = said_arrived(n, e);
    }
    if (st == ST_OK) {
        st = receipts_arrived(n, e);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &via, 0, "SELECT via IS NOT NULL FROM entry WHERE id = ?", "i", e->id);
    }
    if (st == ST_OK && via == 0) { /* what comes by history is no news */
        st = person_name(n, &e->who, name, sizeof(name));
        return st == ST_OK ? node_notice(n, NOTICE_TEXT, name, "", &e->scope) : st;
    }
    return st;
}

/* One that this contact, or in `family` this device, told later is here already, and stays: entries come in
 * any order. */
static enum status is_older_box(struct node *n, const struct applied_entry *e, bool *older)
{
    int64_t later = 0;
    bool one_device = e->scope_kind == SCOPE_FAMILY;
    enum status st = sql_number(
        &n->sql, &later, 0,
        "SELECT count(*) FROM entry e JOIN certificate c ON c.device = e.author"
        " WHERE e.scope = ? AND e.kind = +? AND e.applied = +? AND e.fork = 0 AND"
        " (e.hlc, e.author) > (?4, ?5) AND c.family = ? AND c.person = ? AND (?8 = 0 OR e.author = ?5)",
        "biiibbbi", SPAN_ID(&e->scope), (int64_t)ENTRY_LETTERBOX, (int64_t)ENTRY_APPLIED, (int64_t)e->hlc,
        SPAN_ID(&e->author), SPAN_ID(&e->who.family), SPAN_ID(&e->who.person), (int64_t)one_device);
    *older = later != 0;
    return st;
}

enum status apply_letterbox(struct node *n, const struct applied_entry *e)
{
    bool older = false;
    struct letterbox box;
    enum status st = letterbox_decode(&box, e->body->u.letterbox.letterbox);
    bytes_wipe(&box, sizeof(box));
    if (st != ST_OK || e->own || e->closes_only) {
        return st;
    }
    if (e->scope_kind == SCOPE_FAMILY) {
        st = is_older_box(n, e, &older);
        if (st != ST_OK || older) {
            return st;
        }
        st = sql_run(&n->sql,
                     "INSERT INTO device(device, letterbox) VALUES(?1, ?2) ON CONFLICT(device) DO UPDATE SET "
                     "letterbox = ?2",
                     "bb", SPAN_ID(&e->author), e->body->u.letterbox.letterbox);
        if (st == ST_OK) {
            st = device_box_keep(n, &e->author, e->body->u.letterbox.letterbox);
        }
        return st == ST_OK ? groups_dirty(n) : st;
    }
    if (ID_EQUAL(&e->who.family, &n->self.family)) {
        return ST_OK;
    }
    st = is_older_box(n, e, &older);
    if (st != ST_OK || older) {
        return st;
    }
    return sql_run(&n->sql, "UPDATE contact SET their_box = ? WHERE scope = ? AND family = ? AND other = ?",
                   "bbbb", e->body->u.letterbox.letterbox, SPAN_ID(&e->scope), SPAN_ID(&e->who.family),
                   SPAN_ID(&e->who.person));
}

/* ---- sending ---- */

enum message_kind { MESSAGE_UNJUDGED, MESSAGE_TEXT, MESSAGE_IMAGE, MESSAGE_FILE };

/* What a family and its rules say to this in that conversation, now. */
static enum status judge_send(struct node *n, enum message_kind what, const struct person_ref *to,
                              const struct scope_id *scope, struct reply *r)
{
    struct facts_ask ask = {.kind = what == MESSAGE_TEXT ? MAY_SEND : MAY_SEND_ATTACHMENT,
                            .subject = self_person(n),
                            .peer = *to,
                            .attachment =
                                what == MESSAGE_IMAGE ? POLICY_ATTACHMENTS_IMAGES : POLICY_ATTACHMENTS_ALL,
                            .scope = scope};
    struct facts_answer answer;
    enum status st = facts_decide(n, &ask, &answer);
    if (st != ST_OK) {
        return st;
    }
    r->rule = answer.rule;
    r->expires_at_ms = answer.kind == VERDICT_WAIT ? answer.until_at_ms : 0;
    return facts_status(&answer);
}

static enum status contact_scope(struct node *n, const struct named *to, struct scope_id *scope)
{
    struct query q;
    int64_t state = 0, group = 0;
    struct person_ref self = self_person(n);
    bool found = false, unanswered = false;
    query_start(&q, &n->sql, "SELECT scope, state FROM contact WHERE person = ? AND family = ? AND other = ?",
                "bbb", SPAN_ID(&n->self.person), SPAN_ID(&to->person.family), SPAN_ID(&to->person.person));
    if (query_next(&q)) {
        QUERY_ID(&q, 0, scope);
        state = query_int(&q, 1);
        found = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !found) {
        return ST_NAME_UNKNOWN;
    }
    if (st == ST_OK && state != CONTACT_ACTIVE && state != CONTACT_FOUNDING) {
        return ST_CONTACT_ENDED;
    }
    if (st == ST_OK) {
        st = group_id_of_scope(n, scope, &group);
    }
    if (st != ST_OK || (group != 0 && state == CONTACT_ACTIVE)) {
        return st;
    }
    st = contact_unanswered(n, &self, &to->person, &unanswered);
    return st != ST_OK ? st : unanswered ? ST_CONTACT_UNANSWERED : ST_CONTACT_NOT_READY;
}

static enum status open_scope(struct node *n, const struct scope_id *scope, enum message_kind what,
                              enum scope_kind *kind, struct reply *r)
{
    struct scope_id family, same;
    struct named to = {.kind = NAME_OF_CONTACT};
    struct query q;
    bool found = false;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &family);
    *kind = st == ST_OK && ID_EQUAL(&family, scope) ? SCOPE_FAMILY : SCOPE_CONVERSATION;
    if (st != ST_OK || *kind == SCOPE_FAMILY) {
        return st;
    }
    query_start(&q, &n->sql, "SELECT family, other FROM contact WHERE person = ? AND scope = ?", "bb",
                SPAN_ID(&n->self.person), SPAN_ID(scope));
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &to.person.family);
        QUERY_ID(&q, 1, &to.person.person);
        found = true;
    }
    st = query_end(&q);
    if (st == ST_OK) {
        st = found ? contact_scope(n, &to, &same) : ST_NAME_UNKNOWN;
    }
    return st == ST_OK && what != MESSAGE_UNJUDGED ? judge_send(n, what, &to.person, scope, r) : st;
}

enum status message_scope(struct node *n, const struct scope_id *scope, bool judged, enum scope_kind *kind,
                          struct reply *r)
{
    return open_scope(n, scope, judged ? MESSAGE_TEXT : MESSAGE_UNJUDGED, kind, r);
}

enum status message_scope_of_file(struct node *n, const struct scope_id *scope, bool image,
                                  enum scope_kind *kind, struct reply *r)
{
    return open_scope(n, scope, image ? MESSAGE_IMAGE : MESSAGE_FILE, kind, r);
}

/* The conversation that a name means, with whom, and of which kind it is. */
static enum status scope_named(struct node *n, const struct command *c, size_t place, struct named *whom,
                               struct scope_id *scope, struct reply *r)
{
    char to[NODE_NAME_MAX * 2];
    enum status st = name_to_talk(n, command_text(c, place, to, sizeof(to)), false, whom);
    if (st != ST_OK) {
        return st;
    }
    sqlite3_snprintf(sizeof(r->name), r->name, "%s", whom->name);
    return whom->kind == NAME_OF_FAMILY ? scope_id_of_family(SCOPE_FAMILY, &n->self.family, scope)
                                        : contact_scope(n, whom, scope);
}

bool text_ok(struct span text)
{
    return text.len > 0 && text.len <= ENTRY_TEXT_MAX && wire_text_ok(text, false);
}

enum status message_append(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                           const struct entry_body *body, struct entry_hash *hash)
{
    bool words = body->kind == ENTRY_TEXT || body->kind == ENTRY_EDIT || body->kind == ENTRY_ATTACHMENT;
    enum status st = words ? said_follow_timer(n, kind, scope) : ST_OK;
    return st == ST_OK ? journal_append(n, kind, scope, body, hash) : st;
}

enum status run_send(struct node *n, const struct command *c, struct reply *r)
{
    struct named whom;
    struct scope_id scope;
    struct entry_hash hash;
    struct entry_body body = {.kind = ENTRY_TEXT};
    body.u.text.text = c->value[CMD_SEND_TEXT].text;
    if (!text_ok(body.u.text.text)) {
        return ST_COMMAND_TEXT;
    }
    enum status st = scope_named(n, c, CMD_SEND_TO, &whom, &scope, r);
    enum scope_kind kind = st == ST_OK && whom.kind == NAME_OF_FAMILY ? SCOPE_FAMILY : SCOPE_CONVERSATION;
    if (st == ST_OK && kind == SCOPE_CONVERSATION) {
        st = judge_send(n, MESSAGE_TEXT, &whom.person, &scope, r);
    }
    if (st == ST_OK) {
        st = message_append(n, kind, &scope, &body, &hash);
    }
    return st == ST_OK ? reply_id(r, SPAN_ID(&hash)) : st;
}

enum status run_send_file(struct node *n, const struct command *c, struct reply *r)
{
    struct named whom;
    struct scope_id scope;
    char *path = mem_alloc(1, COMMAND_TEXT_MAX + 1);
    enum status st = path != NULL ? ST_OK : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = scope_named(n, c, CMD_SEND_FILE_TO, &whom, &scope, r);
    }
    if (st == ST_OK) {
        st = files_send(n, &scope, command_text(c, CMD_SEND_FILE_FILE, path, COMMAND_TEXT_MAX + 1), r);
    }
    mem_free(path, COMMAND_TEXT_MAX + 1);
    return st;
}
