/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/said.h"

#include "protocol/hlc.h"
#include "sync/family.h"
#include "sync/files.h"
#include "sync/held.h"
#include "sync/journal_internal.h"
#include "sync/receipts.h"
#include "sync/receive.h"
#include "sync/search.h"

/* ---- what it says is found ---- */

/* Before an edit by this person comes to it or goes from it: its words as they were leave the index. */
static enum status text_changes(struct node *n, const struct scope_id *scope, const struct entry_hash *target,
                                const struct person_ref *who)
{
    int64_t id = 0;
    enum status st =
        sql_number(&n->sql, &id, 0,
                   "SELECT e.id FROM entry e JOIN certificate c ON c.device = e.author WHERE e.scope = ?"
                   " AND e.hash = ? AND e.kind = 1 AND e.has_body = 1 AND c.family = ? AND c.person = ?",
                   "bbbb", SPAN_ID(scope), SPAN_ID(target), SPAN_ID(&who->family), SPAN_ID(&who->person));
    return st == ST_OK && id != 0 ? search_forget(n, id) : st;
}

static enum status edit_goes(struct node *n, int64_t edit)
{
    struct scope_id scope;
    struct entry_hash target;
    struct person_ref who;
    struct query q;
    bool found = false;
    query_start(
        &q, &n->sql,
        "SELECT s.scope, s.target, s.family, s.person FROM entry e JOIN said_edit s ON s.scope = e.scope AND"
        " s.entry = e.id WHERE e.id = ? AND e.kind = 28",
        "i", edit);
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &scope);
        QUERY_ID(&q, 1, &target);
        QUERY_ID(&q, 2, &who.family);
        QUERY_ID(&q, 3, &who.person);
        found = true;
    }
    enum status st = query_end(&q);
    return st == ST_OK && found ? text_changes(n, &scope, &target, &who) : st;
}

/* ---- erasing ---- */

/* The row keeps its header alone; after COMMIT the WAL is emptied. */
static enum status empty(struct node *n, int64_t id)
{
    struct query q;
    struct buffer header;
    bool found = false;
    enum status st = ST_OK;
    buffer_init(&header, GROUP_MESSAGE_MAX);
    query_start(&q, &n->sql, "SELECT entry FROM entry WHERE id = ? AND has_body = 1", "i", id);
    if (query_next(&q)) {
        found = true;
        query_fail(&q, text_header(query_blob(&q, 0), &header));
    }
    st = query_end(&q);
    if (st == ST_OK && found) {
        st = sql_run(&n->sql, "UPDATE entry SET entry = ?, has_body = 0 WHERE id = ?", "bi",
                     buffer_span(&header), id);
        n->scrub = true;
    }
    buffer_wipe(&header);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE entry SET erased = 1 WHERE id = ?", "i", id) : st;
}

/* Every reaction to it that came, also those that a later one has replaced. */
static enum status reactions_go(struct node *n, int64_t id)
{
    int64_t reaction = 0;
    enum status st = ST_OK;
    do {
        st = sql_number(&n->sql, &reaction, 0,
                        "SELECT s.entry FROM entry e JOIN said_reacted s ON s.scope = e.scope AND s.target ="
                        " e.hash WHERE e.id = ? LIMIT 1",
                        "i", id);
        if (st == ST_OK && reaction != 0) {
            st = empty(n, reaction);
        }
        if (st == ST_OK && reaction != 0) {
            st = sql_run(&n->sql,
                         "DELETE FROM said_reacted WHERE entry = ?1 AND (scope, target) = (SELECT scope, hash"
                         " FROM entry WHERE id = ?2)",
                         "ii", reaction, id);
        }
    } while (st == ST_OK && reaction != 0);
    return st == ST_OK ? sql_run(&n->sql,
                                 "DELETE FROM said_reaction WHERE (scope, target) = (SELECT scope, hash FROM"
                                 " entry WHERE id = ?)",
                                 "i", id)
                       : st;
}

/* The words leave the index first; what was said about them goes along. */
static enum status erase(struct node *n, int64_t id)
{
    enum status st = edit_goes(n, id);
    if (st == ST_OK) {
        st = search_forget(n, id);
    }
    if (st == ST_OK) {
        st = empty(n, id);
    }
    if (st == ST_OK) {
        st = files_forget(n, id);
    }
    return st == ST_OK ? reactions_go(n, id) : st;
}

static enum status erase_all(struct node *n, const char *sql_ids, const struct scope_id *scope,
                             const struct entry_hash *target, const struct person_ref *who)
{
    enum { AT_ONCE = 32 };
    int64_t ids[AT_ONCE];
    size_t count = AT_ONCE;
    enum status st = ST_OK;
    while (st == ST_OK && count == AT_ONCE) {
        struct query q;
        count = 0;
        query_start(&q, &n->sql, sql_ids, "bbbb", SPAN_ID(scope), SPAN_ID(target), SPAN_ID(&who->family),
                    SPAN_ID(&who->person));
        while (count < AT_ONCE && query_next(&q)) {
            ids[count++] = query_int(&q, 0);
        }
        st = query_end(&q);
        for (size_t i = 0; st == ST_OK && i < count; i++) {
            st = erase(n, ids[i]);
        }
    }
    return st;
}

/* The text, where it is this person's, and every edit of it. */
static enum status erase_said(struct node *n, const struct scope_id *scope, const struct entry_hash *target,
                              const struct person_ref *who)
{
    enum status st =
        erase_all(n,
                  "SELECT e.id FROM entry e JOIN certificate c ON c.device = e.author WHERE e.scope = ?"
                  " AND e.hash = ? AND c.family = ? AND c.person = ? AND e.erased = 0 LIMIT 32",
                  scope, target, who);
    return st == ST_OK
               ? erase_all(n,
                           "SELECT s.entry FROM said_edit s JOIN entry e ON e.id = s.entry WHERE s.scope = ?"
                           " AND s.target = ? AND s.family = ? AND s.person = ? AND e.erased = 0 LIMIT 32",
                           scope, target, who)
               : st;
}

static enum status is_erased(struct node *n, const struct scope_id *scope, const struct entry_hash *target,
                             const struct person_ref *who, bool *erased)
{
    int64_t count = 0;
    enum status st =
        sql_number(&n->sql, &count, 0,
                   "SELECT count(*) FROM said_erased WHERE scope = ? AND target = ? AND family = ?"
                   " AND person = ?",
                   "bbbb", SPAN_ID(scope), SPAN_ID(target), SPAN_ID(&who->family), SPAN_ID(&who->person));
    *erased = count != 0;
    return st;
}

/* ---- timers ---- */

/* When that runs out: so long after it was written as the newest timer of its writer's person before it says.
 */
#define GONE_AT_SQL                                                                                        \
    "coalesce((SELECT CASE WHEN t.ms = 0 THEN 0 ELSE (entry.hlc >> 16) + t.ms END FROM said_timer t WHERE" \
    " t.scope = ?1 AND t.family = ?2 AND t.person = ?3 AND t.hlc < entry.hlc ORDER BY t.hlc DESC, t.hash"  \
    " DESC LIMIT 1), 0)"

static enum status set_end(struct node *n, const struct applied_entry *e)
{
    enum status st = sql_run(
        &n->sql,
        "UPDATE entry SET gone_at = " GONE_AT_SQL " WHERE id = ?4 AND kind IN (1, 28, 32) AND has_body = 1",
        "bbbi", SPAN_ID(&e->scope), SPAN_ID(&e->who.family), SPAN_ID(&e->who.person), e->id);
    node_wake_mono(n, n->now.mono_ms); /* it may be over */
    return st;
}

/* A timer comes or goes: what this person wrote from its moment on, up to their next one. */
static enum status set_ends(struct node *n, const struct applied_entry *timer)
{
    enum status st = sql_run(
        &n->sql,
        "UPDATE entry SET gone_at = " GONE_AT_SQL
        " WHERE scope = ?1 AND hlc > ?4 AND hlc <= coalesce((SELECT min(n.hlc) FROM said_timer n WHERE"
        " n.scope = ?1 AND n.family = ?2 AND n.person = ?3 AND n.hlc > ?4), 9223372036854775807) AND kind IN"
        " (1, 28, 32) AND has_body = 1 AND author IN (SELECT device FROM certificate WHERE family = ?2 AND"
        " person = ?3)",
        "bbbi", SPAN_ID(&timer->scope), SPAN_ID(&timer->who.family), SPAN_ID(&timer->who.person),
        (int64_t)timer->hlc);
    node_wake_mono(n, n->now.mono_ms);
    return st;
}

enum status said_follow_timer(struct node *n, enum scope_kind kind, const struct scope_id *scope)
{
    struct entry_body body = {.kind = ENTRY_TIMER};
    bool found = false, mine = false;
    int64_t own = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT ms, family = ?2 AND person = ?3 FROM said_timer WHERE scope = ?1 ORDER BY hlc DESC,"
                " hash DESC LIMIT 1",
                "bbb", SPAN_ID(scope), SPAN_ID(&n->self.family), SPAN_ID(&n->self.person));
    if (query_next(&q)) {
        found = true;
        body.u.timer.ms = query_int(&q, 0);
        mine = query_int(&q, 1) != 0;
    }
    enum status st = query_end(&q);
    if (st != ST_OK || !found || mine) {
        return st;
    }
    st = sql_number(&n->sql, &own, 0,
                    "SELECT ms FROM said_timer WHERE scope = ? AND family = ? AND person = ? ORDER BY hlc"
                    " DESC, hash DESC LIMIT 1",
                    "bbb", SPAN_ID(scope), SPAN_ID(&n->self.family), SPAN_ID(&n->self.person));
    return st == ST_OK && own != body.u.timer.ms ? journal_append(n, kind, scope, &body, NULL) : st;
}

enum status said_due(struct node *n)
{
    int64_t ids[SAID_ERASE_BATCH], soonest = 0;
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT id FROM entry WHERE gone_at > 0 AND gone_at <= ? AND has_body = 1 LIMIT 64", "i",
                n->now.wall_ms);
    while (count < SAID_ERASE_BATCH && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = erase(n, ids[i]);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &soonest, 0,
                        "SELECT min(gone_at) FROM entry WHERE gone_at > 0 AND has_body = 1", "");
    }
    if (st == ST_OK && soonest != 0) {
        node_wake_wall(n, soonest);
    }
    return st;
}

enum status said_waits(struct node *n, const struct scope_id *scope, bool *waits)
{
    int64_t any = 0;
    enum status st = sql_number(&n->sql, &any, 0,
                                "SELECT EXISTS (SELECT 1 FROM said_erased WHERE scope = ?1)"
                                " OR EXISTS (SELECT 1 FROM said_timer WHERE scope = ?1)",
                                "b", SPAN_ID(scope));
    *waits = any != 0;
    return st;
}

enum status said_arrived(struct node *n, const struct applied_entry *e)
{
    bool waits = false, erased = false;
    enum status st = said_waits(n, &e->scope, &waits);
    if (st == ST_OK && waits) {
        st = is_erased(n, &e->scope, &e->hash, &e->who, &erased);
    }
    if (st == ST_OK && erased) {
        return erase(n, e->id);
    }
    return st == ST_OK && waits ? set_end(n, e) : st;
}

/* ---- entries ---- */

/* May what this person says take effect here, as a text of theirs would? */
static enum status judge(struct node *n, const struct applied_entry *e)
{
    struct person_ref self = self_person(n);
    if (e->closes_only) {
        return ST_JOURNAL_AUTHOR;
    }
    bool inside = e->own || person_ref_equal(&self, &e->who) || e->scope_kind != SCOPE_CONVERSATION;
    return inside ? ST_OK : receive_text(n, e->id, &e->scope, &e->who);
}

enum status apply_edit(struct node *n, const struct applied_entry *e)
{
    bool erased = false;
    const struct entry_hash *target = &e->body->u.edit.target;
    enum status st = judge(n, e);
    if (st == ST_OK) {
        st = text_changes(n, &e->scope, target, &e->who);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "INSERT OR IGNORE INTO said_edit(scope, target, family, person, hlc, hash, entry)"
                     " VALUES(?,?,?,?,?,?,?)",
                     "bbbbibi", SPAN_ID(&e->scope), SPAN_ID(target), SPAN_ID(&e->who.family),
                     SPAN_ID(&e->who.person), (int64_t)e->hlc, SPAN_ID(&e->hash), e->id);
    }
    if (st == ST_OK) {
        st = is_erased(n, &e->scope, target, &e->who, &erased);
    }
    if (st == ST_OK && erased) {
        return erase(n, e->id);
    }
    return st == ST_OK ? set_end(n, e) : st;
}

/* ---- taken back ---- */

enum status retract_edit(struct node *n, const struct applied_entry *e)
{
    enum status st = edit_goes(n, e->id);
    return st == ST_OK ? sql_run(&n->sql, "DELETE FROM said_edit WHERE scope = ? AND hash = ?", "bb",
                                 SPAN_ID(&e->scope), SPAN_ID(&e->hash))
                       : st;
}

/* The one before it counts again: all of that person's in the scope are looked at anew (journal_due). */
enum status retract_reaction(struct node *n, const struct applied_entry *e)
{
    enum status st = sql_run(&n->sql, "DELETE FROM said_reaction WHERE scope = ? AND hash = ?", "bb",
                             SPAN_ID(&e->scope), SPAN_ID(&e->hash));
    if (st != ST_OK || sql_changes(&n->sql) == 0) {
        return st;
    }
    node_wake_mono(n, n->now.mono_ms);
    return sql_run(
        &n->sql,
        "UPDATE entry SET applied = 0 WHERE scope = ? AND kind = ? AND applied = 1 AND fork = 0 AND"
        " author IN (SELECT device FROM certificate WHERE family = ? AND person = ?)",
        "bibb", SPAN_ID(&e->scope), (int64_t)ENTRY_REACTION, SPAN_ID(&e->who.family),
        SPAN_ID(&e->who.person));
}

enum status retract_timer(struct node *n, const struct applied_entry *e)
{
    enum status st = sql_run(&n->sql, "DELETE FROM said_timer WHERE scope = ? AND hash = ?", "bb",
                             SPAN_ID(&e->scope), SPAN_ID(&e->hash));
    return st == ST_OK ? set_ends(n, e) : st;
}

/* ---- deletions ---- */

enum status apply_delete(struct node *n, const struct applied_entry *e)
{
    const struct entry_hash *target = &e->body->u.delete.target;
    enum status st = sql_run(
        &n->sql, "INSERT OR IGNORE INTO said_erased(scope, target, family, person) VALUES(?,?,?,?)", "bbbb",
        SPAN_ID(&e->scope), SPAN_ID(target), SPAN_ID(&e->who.family), SPAN_ID(&e->who.person));
    return st == ST_OK ? erase_said(n, &e->scope, target, &e->who) : st;
}

/* Is the text that this is about here, and erased? */
static enum status target_gone(struct node *n, const struct scope_id *scope, const struct entry_hash *target,
                               bool *gone)
{
    int64_t count = 0;
    enum status st = sql_number(&n->sql, &count, 0,
                                "SELECT count(*) FROM entry WHERE scope = ? AND hash = ? AND erased = 1",
                                "bb", SPAN_ID(scope), SPAN_ID(target));
    *gone = count != 0;
    return st;
}

enum status apply_reaction(struct node *n, const struct applied_entry *e)
{
    char text[ENTRY_REACTION_MAX + 1];
    const struct entry_hash *target = &e->body->u.reaction.target;
    struct span said = e->body->u.reaction.text;
    bool gone = false;
    enum status st = judge(n, e);
    sqlite3_snprintf((int)sizeof(text), text, "%.*s", (int)said.len,
                     said.len != 0 ? (const char *)said.ptr : "");
    if (st == ST_OK) {
        st = target_gone(n, &e->scope, target, &gone);
    }
    if (st != ST_OK || gone) {
        return st == ST_OK ? empty(n, e->id) : st;
    }
    st = sql_run(&n->sql, "INSERT OR IGNORE INTO said_reacted(scope, target, entry) VALUES(?,?,?)", "bbi",
                 SPAN_ID(&e->scope), SPAN_ID(target), e->id);
    return st == ST_OK
               ? sql_run(&n->sql,
                         "INSERT INTO said_reaction(scope, target, family, person, hlc, hash, text)"
                         " VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(scope, target, family, person) DO UPDATE"
                         " SET hlc = ?5, hash = ?6, text = ?7 WHERE hlc < ?5 OR (hlc = ?5 AND hash < ?6)",
                         "bbbbibt", SPAN_ID(&e->scope), SPAN_ID(target), SPAN_ID(&e->who.family),
                         SPAN_ID(&e->who.person), (int64_t)e->hlc, SPAN_ID(&e->hash), text)
               : st;
}

enum status apply_timer(struct node *n, const struct applied_entry *e)
{
    enum status st = judge(n, e);
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "INSERT OR IGNORE INTO said_timer(scope, hlc, hash, ms, family, person)"
                     " VALUES(?,?,?,?,?,?)",
                     "bibibb", SPAN_ID(&e->scope), (int64_t)e->hlc, SPAN_ID(&e->hash), e->body->u.timer.ms,
                     SPAN_ID(&e->who.family), SPAN_ID(&e->who.person));
    }
    return st == ST_OK ? set_ends(n, e) : st;
}

enum status apply_read_marker(struct node *n, const struct applied_entry *e)
{
    const struct entry_read_marker *m = &e->body->u.read_marker;
    int64_t before = 0;
    if (m->hlc > INT64_MAX) {
        return ST_WIRE_VALUE;
    }
    enum status st =
        sql_number(&n->sql, &before, 0, "SELECT hlc FROM read_mark WHERE scope = ?", "b", SPAN_ID(&m->scope));
    if (st != ST_OK || (int64_t)m->hlc <= before) {
        return st;
    }
    st = sql_run(&n->sql, "INSERT OR REPLACE INTO read_mark(scope, hlc) VALUES(?, ?)", "bi",
                 SPAN_ID(&m->scope), (int64_t)m->hlc);
    bool fresh = hlc_ms(e->hlc) > n->now.wall_ms - RECEIPTS_FRESH_MS; /* not what a new device is told */
    return st == ST_OK && fresh ? receipts_read(n, &m->scope, before, (int64_t)m->hlc) : st;
}
