/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that no log has any more: who lacks them says so where the message was said, and of those who have
 * them one puts them up once more. What is put up again opens by the key in the message's own entry, so
 * whoever came in since cannot read it. */
#include "protocol/hlc.h"
#include "sync/family.h"
#include "sync/files_internal.h"
#include "sync/messages.h"
#include "sync/receive.h"

static enum status judge(struct node *n, const struct applied_entry *e)
{
    struct person_ref self = self_person(n);
    if (e->closes_only) {
        return ST_JOURNAL_AUTHOR;
    }
    bool inside = person_ref_equal(&self, &e->who) || e->scope_kind != SCOPE_CONVERSATION;
    return inside ? ST_OK : receive_text(n, e->id, &e->scope, &e->who);
}

/* ---- asking ---- */

enum status file_want(struct node *n, const struct file *f)
{
    struct entry_body body = {.kind = ENTRY_FILE_WANT, .u.file_want.target = f->hash};
    struct reply r;
    enum scope_kind kind = SCOPE_CONVERSATION;
    memset(&r, 0, sizeof(r));
    enum status st = message_scope(n, &f->scope, false, &kind, &r);
    if (st == ST_OK) {
        st = journal_append(n, kind, &f->scope, &body, NULL);
    }
    if (!status_is_fatal(st)) { /* nobody is there to be asked: the log may still grow */
        st = sql_run(&n->sql, "UPDATE file SET wants = wants + 1, wanted_at = ? WHERE id = ?", "ii",
                     n->now.mono_ms, f->id);
    }
    return st;
}

/* Are its bytes being put up where whoever lacks them can read them? A conversation may have moved since. */
static enum status is_on_its_way(struct node *n, const struct scope_id *scope, int64_t id, bool *yes)
{
    char relay[WIRE_RELAY_MAX + 1];
    int64_t runs = 0;
    enum status st = file_relay(n, scope, relay);
    if (st == ST_OK) {
        st = sql_number(
            &n->sql, &runs, 0,
            "SELECT count(*) FROM file_put p JOIN log l ON l.id = p.log JOIN relay r ON r.id = l.relay"
            " WHERE p.file = ? AND p.state = 1 AND r.address = ?",
            "it", id, relay);
    }
    *yes = runs != 0;
    return st;
}

enum status apply_file_want(struct node *n, const struct applied_entry *e)
{
    struct file f;
    int64_t id = 0;
    bool runs = false;
    enum status st = e->own ? ST_OK : judge(n, e);
    if (st != ST_OK || e->own) {
        return st;
    }
    st = file_of_hash(n, &e->scope, &e->body->u.file_want.target, &id);
    if (st == ST_OK && id != 0) {
        st = is_on_its_way(n, &e->scope, id, &runs);
    }
    if (st != ST_OK || id == 0 || runs) {
        return st;
    }
    st = file_load(n, id, &f);
    int64_t due =
        n->now.wall_ms + 1 + node_random_below(n, FILES_ANSWER_MS) + (f.outgoing ? 0 : FILES_ANSWER_LAST_MS);
    if (st == ST_OK && f.state == FILE_HERE && hlc_ms(e->hlc) <= n->now.wall_ms + JOURNAL_AHEAD_MS) {
        st = sql_run(&n->sql,
                     "UPDATE file SET again_due = max(?1, again_at + ?2) WHERE id = ?3 AND again_due = 0"
                     " AND again_at < ?4",
                     "iiii", due, (int64_t)FILES_AGAIN_MS, id, hlc_ms(e->hlc));
        node_wake_wall(n, due);
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}

/* ---- answering ---- */

static enum status put_again(struct node *n, const struct file *f)
{
    struct entry_body body = {.kind = ENTRY_FILE_AGAIN, .u.file_again.target = f->hash};
    struct reply r;
    char relay[WIRE_RELAY_MAX + 1];
    enum scope_kind kind = SCOPE_CONVERSATION;
    memset(&r, 0, sizeof(r));
    enum status st = message_scope_of_file(n, &f->scope, f->image, &kind, &r);
    if (st == ST_OK) {
        st = file_put_begin(n, f, relay, &body.u.file_again.log);
    }
    if (st == ST_OK) {
        st = journal_append(n, kind, &f->scope, &body, NULL);
    }
    entry_body_wipe(&body);
    return st;
}

static enum status again(struct node *n, void *arg)
{
    return put_again(n, arg);
}

enum status files_again_due(struct node *n)
{
    struct file f;
    int64_t id = 0, soonest = 0;
    enum status why = ST_OK,
                st = sql_number(&n->sql, &id, 0,
                                "SELECT id FROM file WHERE again_due > 0 AND again_due <= ? LIMIT 1", "i",
                                n->now.wall_ms);
    if (st == ST_OK && id != 0) {
        st = file_load(n, id, &f);
        if (st == ST_OK && f.state == FILE_HERE) {
            st = node_guard(n, again, &f, &why); /* where the rules say no, it is not put up */
        }
        if (st == ST_OK) {
            st = sql_run(&n->sql, "UPDATE file SET again_due = 0, again_at = ? WHERE id = ?", "ii",
                         n->now.wall_ms, id);
        }
        bytes_wipe(&f, sizeof(f));
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &soonest, 0, "SELECT min(again_due) FROM file WHERE again_due > 0", "");
    }
    if (st == ST_OK && soonest != 0) {
        node_wake_wall(n, soonest);
    }
    return st;
}

/* ---- somebody did ---- */

static enum status move_source(struct node *n, const struct file *f, const struct file_log *log)
{
    struct buffer source;
    buffer_init(&source, ENTRY_BODY_MAX);
    enum status st = file_log_pack(log, &source);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE file SET source = ? WHERE id = ?", "bi", buffer_span(&source), f->id);
    }
    buffer_wipe(&source);
    return st == ST_OK && f->state == FILE_FETCHING ? file_fetch(n, f->id, FILE_UNASKED) : st;
}

enum status apply_file_again(struct node *n, const struct applied_entry *e)
{
    struct file f;
    int64_t id = 0;
    enum status st = e->own ? ST_OK : judge(n, e);
    if (st == ST_OK && !e->own) {
        st = file_of_hash(n, &e->scope, &e->body->u.file_again.target, &id);
    }
    if (st != ST_OK || id == 0) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE file SET again_due = 0, again_at = max(again_at, ?) WHERE id = ?", "ii",
                 n->now.wall_ms, id);
    if (st == ST_OK) {
        st = file_load(n, id, &f);
    }
    if (st == ST_OK && (f.state == FILE_FETCHING || f.state == FILE_OFFERED)) {
        st = move_source(n, &f, &e->body->u.file_again.log);
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}
