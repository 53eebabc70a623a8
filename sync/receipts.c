/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/receipts.h"

#include <stdio.h>

#include "protocol/hlc.h"
#include "sync/family.h"
#include "sync/messages.h"
#include "sync/receive.h"

/* ---- what the person lets be told ---- */

static const char *const tells[] = {
    [RECEIPTS_OFF] = "off", [RECEIPTS_HERE] = "delivered", [RECEIPTS_READ] = "read"};
static const char setting_key[] = "receipts";

static enum receipts_tell tell_of(struct span value)
{
    for (size_t i = 0; i < sizeof(tells) / sizeof(tells[0]); i++) {
        if (span_equal(value, span_text(tells[i]))) {
            return (enum receipts_tell)i;
        }
    }
    return RECEIPTS_OFF; /* a word of a later version: less is told */
}

static enum status tell_now(struct node *n, enum receipts_tell *tell)
{
    struct buffer value;
    bool found = false;
    buffer_init(&value, ENTRY_SETTING_MAX);
    enum status st =
        sql_bytes(&n->sql, &value, &found, "SELECT value FROM setting WHERE key = ?", "t", setting_key);
    *tell = found ? tell_of(buffer_span(&value)) : RECEIPTS_HERE;
    buffer_wipe(&value);
    return st;
}

enum status apply_setting(struct node *n, const struct applied_entry *e)
{
    char key[WIRE_NAME_MAX + 1];
    const struct entry_setting *s = &e->body->u.setting;
    sqlite3_snprintf((int)sizeof(key), key, "%.*s", (int)s->key.len, (const char *)s->key.ptr);
    return sql_run(&n->sql,
                   "INSERT INTO setting(key, hlc, hash, value) VALUES(?1,?2,?3,?4) ON CONFLICT(key) DO UPDATE"
                   " SET hlc = ?2, hash = ?3, value = ?4 WHERE hlc < ?2 OR (hlc = ?2 AND hash < ?3)",
                   "tibb", key, (int64_t)e->hlc, SPAN_ID(&e->hash), s->value);
}

enum status run_receipts(struct node *n, const struct command *c, struct reply *r)
{
    struct scope_id own;
    enum receipts_tell tell = RECEIPTS_HERE;
    struct entry_body body = {.kind = ENTRY_SETTING};
    const struct command_value *v = &c->value[CMD_RECEIPTS_TELL];
    enum status st = ST_OK;
    if (v->given) {
        tell = tell_of(v->text);
        body.u.setting.key = span_text(setting_key);
        body.u.setting.value = v->text;
        st = span_equal(v->text, span_text(tells[tell]))
                 ? scope_id_of_person(SCOPE_OWN, &n->self.person, &own)
                 : ST_COMMAND_FIELD;
        if (st == ST_OK) {
            st = journal_append(n, SCOPE_OWN, &own, &body, NULL);
        }
    } else {
        st = tell_now(n, &tell);
    }
    sqlite3_snprintf((int)sizeof(r->name), r->name, "%s", tells[tell]);
    return st;
}

/* ---- receipts that come ---- */

static enum status judge(struct node *n, const struct applied_entry *e)
{
    struct person_ref self = self_person(n);
    if (e->closes_only) {
        return ST_JOURNAL_AUTHOR;
    }
    if (e->own || person_ref_equal(&self, &e->who) || e->scope_kind != SCOPE_CONVERSATION) {
        return ST_OK;
    }
    enum status st = receive_text(n, e->id, &e->scope, &e->who);
    return st == ST_JOURNAL_AUTHOR ? ST_OK : st; /* an overseer's counts (§5.3) */
}

/* Of what a device that nobody knows wrote nothing is here, and so nothing is kept: there is no end of keys.
 */
static enum status is_known(struct node *n, const struct device_id *device, bool *known)
{
    int64_t count = 0;
    enum status st = sql_number(&n->sql, &count, 0, "SELECT count(*) FROM certificate WHERE device = ?", "b",
                                SPAN_ID(device));
    *known = count != 0;
    return st;
}

enum status apply_receipt(struct node *n, const struct applied_entry *e)
{
    const struct entry_receipt *r = &e->body->u.receipt;
    bool known = false;
    enum status st = judge(n, e);
    if (st == ST_OK) {
        st = is_known(n, &r->author, &known);
    }
    if (st != ST_OK || !known) {
        return st;
    }
    st = sql_run(&n->sql,
                 "INSERT INTO receipt(scope, author, device, what, seq, hlc) VALUES(?1,?2,?3,?4,?5,?6) ON"
                 " CONFLICT(scope, author, device, what) DO UPDATE SET seq = ?5, hlc = ?6 WHERE seq < ?5 OR"
                 " (seq = ?5 AND hlc < ?6)",
                 "bbbiii", SPAN_ID(&e->scope), SPAN_ID(&r->author), SPAN_ID(&e->author), (int64_t)r->what,
                 (int64_t)r->seq, (int64_t)e->hlc);
    return st;
}

/* What that device told before counts again: all of its receipts in the scope are looked at anew. */
enum status retract_receipt(struct node *n, const struct applied_entry *e)
{
    enum status st = sql_run(&n->sql, "DELETE FROM receipt WHERE scope = ? AND device = ?", "bb",
                             SPAN_ID(&e->scope), SPAN_ID(&e->author));
    node_wake_mono(n, n->now.mono_ms);
    return st == ST_OK ? sql_run(&n->sql,
                                 "UPDATE entry SET applied = 0 WHERE scope = ? AND kind = ? AND applied = 1"
                                 " AND fork = 0 AND author = ?",
                                 "bib", SPAN_ID(&e->scope), (int64_t)ENTRY_RECEIPT, SPAN_ID(&e->author))
                       : st;
}

/* ---- what is to be told ---- */

/* Differs from device to device and from time to time; nobody need be kept from guessing it. */
static int64_t spread(const struct node *n, const struct scope_id *scope, int64_t seq)
{
    uint64_t v = (uint64_t)seq;
    for (size_t i = 0; i < sizeof(v); i++) {
        v = v * 31 + (n->self.device.b[i] ^ scope->b[i]);
    }
    return (int64_t)(v % RECEIPTS_SPREAD_MS);
}

static enum status note(struct node *n, const struct scope_id *scope, const struct device_id *author,
                        enum receipt_what what, int64_t seq)
{
    int64_t due = n->now.wall_ms + RECEIPTS_DELAY_MS + spread(n, scope, seq);
    node_wake_wall(n, due);
    return sql_run(&n->sql,
                   "INSERT INTO receipt_wait(scope, author, what, seq, due_at) VALUES(?1,?2,?3,?4,?5) ON"
                   " CONFLICT(scope, author, what) DO UPDATE SET seq = ?4, due_at = iif(due_at = 0, max(?5,"
                   " told_at + ?6), due_at) WHERE seq < ?4",
                   "bbiiii", SPAN_ID(scope), SPAN_ID(author), (int64_t)what, seq, due,
                   (int64_t)RECEIPTS_GAP_MS);
}

enum status receipts_arrived(struct node *n, const struct applied_entry *e)
{
    struct person_ref self = self_person(n);
    int64_t seq = 0;
    bool old = true;
    if (e->own || person_ref_equal(&self, &e->who)) {
        return ST_OK;
    }
    /* then it has told, or somebody did when it was new */
    enum status st = receive_handed_over(n, e->id, &old);
    if (st == ST_OK && !old) {
        st = sql_number(&n->sql, &seq, 0, "SELECT seq FROM entry WHERE id = ?", "i", e->id);
    }
    return st == ST_OK && !old ? note(n, &e->scope, &e->author, RECEIPT_HERE, seq) : st;
}

enum status receipts_text_arrived(struct node *n, const struct entry_header *h)
{
    return note(n, &h->scope, &h->author, RECEIPT_HERE, (int64_t)h->seq);
}

enum status receipts_read(struct node *n, const struct scope_id *scope, int64_t after_hlc, int64_t up_to_hlc)
{
    enum { AUTHORS_MAX = 64 };
    struct {
        struct device_id author;
        int64_t seq;
    } all[AUTHORS_MAX];
    size_t count = 0;
    struct query q;
    enum receipts_tell tell = RECEIPTS_OFF;
    enum status st = tell_now(n, &tell);
    if (st != ST_OK || tell != RECEIPTS_READ) {
        return st;
    }
    query_start(&q, &n->sql,
                "SELECT e.author, max(e.seq) FROM entry e JOIN certificate c ON c.device = e.author WHERE"
                " e.scope = ? AND e.hlc > ? AND e.hlc <= ? AND +e.kind IN (1, 32) AND e.applied = 1 AND NOT"
                " (c.family = ? AND c.person = ?) GROUP BY e.author LIMIT 64",
                "biibb", SPAN_ID(scope), after_hlc, up_to_hlc, SPAN_ID(&n->self.family),
                SPAN_ID(&n->self.person));
    while (count < AUTHORS_MAX && query_next(&q)) {
        QUERY_ID(&q, 0, &all[count].author);
        all[count++].seq = query_int(&q, 1);
    }
    st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = note(n, scope, &all[i].author, RECEIPT_READ, all[i].seq);
    }
    return st;
}

/* ---- telling ---- */

struct waiting { /* a row of receipt_wait */
    struct device_id author;
    enum receipt_what what;
    int64_t seq;
};

/* Has another device of this person told it? What was read is here. */
static enum status is_told(struct node *n, const struct scope_id *scope, const struct waiting *w, bool *told)
{
    int64_t seq = 0;
    enum status st = sql_number(&n->sql, &seq, 0,
                                "SELECT max(r.seq) FROM receipt r JOIN certificate c ON c.device = r.device"
                                " WHERE r.scope = ? AND r.author = ? AND r.what >= ? AND c.family = ? AND"
                                " c.person = ?",
                                "bbibb", SPAN_ID(scope), SPAN_ID(&w->author), (int64_t)w->what,
                                SPAN_ID(&n->self.family), SPAN_ID(&n->self.person));
    *told = seq >= w->seq;
    return st;
}

static enum status tell_one(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                            const struct waiting *w, enum receipts_tell tell)
{
    struct entry_body body = {.kind = ENTRY_RECEIPT};
    bool told = (int)w->what > (int)tell;
    enum status st = told ? ST_OK : is_told(n, scope, w, &told);
    body.u.receipt.what = w->what;
    body.u.receipt.author = w->author;
    body.u.receipt.seq = (uint64_t)w->seq;
    if (st == ST_OK && !told) {
        st = journal_append(n, kind, scope, &body, NULL);
    }
    return st == ST_OK
               ? sql_run(&n->sql,
                         "UPDATE receipt_wait SET due_at = 0, told_at = ? WHERE scope = ? AND author ="
                         " ? AND what = ?",
                         "ibbi", n->now.wall_ms, SPAN_ID(scope), SPAN_ID(&w->author), (int64_t)w->what)
               : st;
}

/* All that waits in this conversation, of which something is due: what was read first, for that is here. */
static enum status tell_scope(struct node *n, enum scope_kind kind, const struct scope_id *scope)
{
    struct waiting all[RECEIPTS_AT_ONCE];
    size_t count = 0;
    struct query q;
    enum receipts_tell tell = RECEIPTS_OFF;
    enum status st = tell_now(n, &tell);
    if (st != ST_OK) {
        return st;
    }
    query_start(&q, &n->sql,
                "SELECT author, what, seq FROM receipt_wait WHERE scope = ? AND due_at > 0"
                " ORDER BY what DESC, due_at LIMIT 16",
                "b", SPAN_ID(scope));
    while (count < RECEIPTS_AT_ONCE && query_next(&q)) {
        QUERY_ID(&q, 0, &all[count].author);
        all[count].what = (enum receipt_what)query_int(&q, 1);
        all[count++].seq = query_int(&q, 2);
    }
    st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = tell_one(n, kind, scope, &all[i], tell);
    }
    return st;
}

struct tell_call {
    struct scope_id scope;
    int64_t until_ms; /* of a POLICY_WAIT: when quiet hours end */
};

static enum status tell_if_allowed(struct node *n, void *arg)
{
    struct tell_call *call = arg;
    struct reply r;
    enum scope_kind kind = SCOPE_CONVERSATION;
    memset(&r, 0, sizeof(r));
    enum status st = message_scope(n, &call->scope, true, &kind, &r);
    call->until_ms = r.expires_at_ms;
    return st == ST_OK ? tell_scope(n, kind, &call->scope) : st;
}

/* In quiet hours, or before the conversation is ready, nothing is told; where nothing may be said for good,
 * never. */
static enum status put_off(struct node *n, const struct scope_id *scope, enum status why, int64_t until_ms)
{
    int64_t due = n->now.wall_ms + RECEIPTS_LATER_MS;
    bool later = why == ST_POLICY_WAIT || why == ST_CONTACT_NOT_READY;
    due = why == ST_POLICY_WAIT && until_ms > n->now.wall_ms && until_ms < due ? until_ms : due;
    if (later) {
        node_wake_wall(n, due);
    }
    return sql_run(&n->sql, "UPDATE receipt_wait SET due_at = ? WHERE scope = ? AND due_at > 0", "ib",
                   later ? due : 0, SPAN_ID(scope));
}

static enum status next_due(struct node *n, struct scope_id *scope, bool *found)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT scope FROM receipt_wait WHERE due_at > 0 AND due_at <= +? ORDER BY due_at LIMIT 1",
                "i", n->now.wall_ms);
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, scope);
    }
    return query_end(&q);
}

enum status receipts_due(struct node *n)
{
    int64_t soonest = 0;
    bool found = true;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && found && i < RECEIPTS_AT_ONCE; i++) {
        struct tell_call call = {.until_ms = 0};
        enum status why = ST_OK;
        st = next_due(n, &call.scope, &found);
        if (st == ST_OK && found) {
            st = node_guard(n, tell_if_allowed, &call, &why);
        }
        if (st == ST_OK && why != ST_OK) {
            st = put_off(n, &call.scope, why, call.until_ms);
        }
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &soonest, 0, "SELECT min(due_at) FROM receipt_wait WHERE due_at > 0", "");
    }
    if (st == ST_OK && soonest != 0) {
        node_wake_wall(n, soonest);
    }
    return st;
}

/* ---- looking ---- */

static void add_name(char names[static RECEIPTS_NAMES_MAX], const char *name)
{
    size_t at = strlen(names);
    if (at + strlen(name) + 3 < RECEIPTS_NAMES_MAX) {
        snprintf(names + at, RECEIPTS_NAMES_MAX - at, "%s%s", at != 0 ? ", " : "", name);
    }
}

/* A receipt says nothing of what was written after it. */
enum status receipts_of(struct node *n, const struct entry_header *h, struct receipts_told *out)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(
        &q, &n->sql,
        "SELECT c.family, c.person, max(r.what) FROM receipt r JOIN certificate c ON c.device ="
        " r.device WHERE r.scope = ? AND r.author = ? AND r.seq >= ? AND r.hlc > ? AND NOT (c.family ="
        " ? AND c.person = ?) GROUP BY c.family, c.person ORDER BY min(r.hlc) LIMIT 16",
        "bbiibb", SPAN_ID(&h->scope), SPAN_ID(&h->author), (int64_t)h->seq, (int64_t)h->hlc,
        SPAN_ID(&n->self.family), SPAN_ID(&n->self.person));
    while (query_next(&q)) {
        struct person_ref who;
        char name[NODE_NAME_MAX + 20];
        QUERY_ID(&q, 0, &who.family);
        QUERY_ID(&q, 1, &who.person);
        query_fail(&q, person_name(n, &who, name, sizeof(name)));
        add_name(out->here, name);
        if (query_int(&q, 2) >= RECEIPT_READ) {
            add_name(out->read, name);
        }
    }
    return query_end(&q);
}
