/* SPDX-License-Identifier: Apache-2.0 */
/* What entries do: each kind's handler, and the conditions under which it runs. */
#include "sync/family.h"
#include "sync/journal_internal.h"
#include "sync/receive.h"
#include "sync/said.h"

typedef enum status (*apply_fn)(struct node *n, const struct applied_entry *e);

static enum status apply_nothing(struct node *n, const struct applied_entry *e)
{
    (void)n;
    (void)e;
    return ST_OK;
}

static apply_fn handler_of(enum entry_kind kind)
{
    static const apply_fn handlers[ENTRY_KIND_END] = {
        [ENTRY_TEXT] = apply_text,
        [ENTRY_CHAIN] = apply_chain,
        [ENTRY_KEY_PACKAGES] = apply_key_packages,
        [ENTRY_LETTERBOX] = apply_letterbox,
        [ENTRY_APPROACH] = apply_approach,
        [ENTRY_INVITE_KEY] = apply_invite_key,
        [ENTRY_NOTE] = apply_nothing,
        [ENTRY_PROPOSAL] = apply_proposal,
        [ENTRY_SIGNATURE] = apply_signature,
        [ENTRY_POLICY] = apply_policy,
        [ENTRY_ASK] = apply_ask,
        [ENTRY_REQUEST_TOLD] = apply_request_told,
        [ENTRY_DECISION] = apply_decision,
        [ENTRY_PERMIT] = apply_permit,
        [ENTRY_WITHDRAWAL] = apply_withdrawal,
        [ENTRY_CONTACT_CARD] = apply_contact_card,
        [ENTRY_DEVICE_STATUS] = apply_nothing,
        [ENTRY_READ_MARKER] = apply_read_marker,
        [ENTRY_SETTING] = apply_setting,
        [ENTRY_LETTERBOX_KEY] = apply_letterbox_key,
        [ENTRY_HISTORY_OFFER] = apply_history_offer,
        [ENTRY_RECEIPT] = apply_receipt,
        [ENTRY_LEAVE] = apply_leave,
        [ENTRY_REVOCATION] = apply_revocation,
        [ENTRY_HISTORY_WANT] = apply_history_want,
        [ENTRY_HISTORY_DONE] = apply_history_done,
        [ENTRY_CERTIFICATE] = apply_certificate,
        [ENTRY_EDIT] = apply_edit,
        [ENTRY_DELETE] = apply_delete,
        [ENTRY_REACTION] = apply_reaction,
        [ENTRY_TIMER] = apply_timer,
        [ENTRY_ATTACHMENT] = apply_attachment,
        [ENTRY_FILE_WANT] = apply_file_want,
        [ENTRY_FILE_AGAIN] = apply_file_again,
    };
    return (unsigned)kind < ENTRY_KIND_END ? handlers[kind] : NULL;
}

/* The kinds that open something, and how that is taken back. What closes stands beyond a pin, and what
 * carries its own proof counts whoever wrote it: of those nothing changes when a pin comes. */
static apply_fn retraction_of(enum entry_kind kind)
{
    static const apply_fn retractions[ENTRY_KIND_END] = {
        [ENTRY_TEXT] = apply_nothing,
        [ENTRY_APPROACH] = retract_approach,
        [ENTRY_INVITE_KEY] = retract_invite,
        [ENTRY_PROPOSAL] = retract_proposal,
        [ENTRY_ASK] = retract_ask,
        [ENTRY_DECISION] = retract_decision,
        [ENTRY_EDIT] = retract_edit,
        [ENTRY_REACTION] = retract_reaction,
        [ENTRY_TIMER] = retract_timer,
        [ENTRY_RECEIPT] = retract_receipt,
        [ENTRY_PERMIT] = retract_permit,
        [ENTRY_ATTACHMENT] = retract_attachment,
        [ENTRY_FILE_WANT] = apply_nothing,
        [ENTRY_FILE_AGAIN] = apply_nothing,
        [ENTRY_REVOCATION] = retract_revocation,
    };
    return (unsigned)kind < ENTRY_KIND_END ? retractions[kind] : NULL;
}

/* How far an author's entries open something: their pin in the scope (table `head` as h). Whoever has a pin
 * anywhere has left the family, and is pinned at nothing in its other scopes. */
#define PIN_SQL                                                                                \
    "CASE WHEN h.pin_seq IS NOT NULL THEN h.pin_seq"                                           \
    " WHEN EXISTS (SELECT 1 FROM mls_group g WHERE g.scope = e.scope AND g.kind IN (1, 2, 3))" \
    " AND EXISTS (SELECT 1 FROM head p WHERE p.author = e.author AND p.pin_seq IS NOT NULL) THEN 0 END"

static bool beyond_pin(struct query *q, int column, int64_t seq)
{
    return !query_null(q, column) && seq > query_int(q, column);
}

struct apply_row {
    struct applied_entry e;
    uint64_t seq;
    struct buffer bytes; /* the encoded entry, which body borrows */
};

static enum status load_row(struct node *n, int64_t id, const char *sql_row, struct apply_row *row,
                            bool *found)
{
    struct query q;
    query_start(&q, &n->sql, sql_row, "i", id);
    *found = query_next(&q);
    if (*found) {
        row->e.id = id;
        QUERY_ID(&q, 0, &row->e.scope);
        QUERY_ID(&q, 1, &row->e.author);
        row->seq = (uint64_t)query_int(&q, 2);
        QUERY_ID(&q, 3, &row->e.hash);
        row->e.hlc = (uint64_t)query_int(&q, 4);
        query_fail(&q, buffer_copy(&row->bytes, query_blob(&q, 5)));
        row->e.own = query_int(&q, 6) != 0;
        row->e.closes_only = beyond_pin(&q, 9, (int64_t)row->seq);
        if (query_null(&q, 7)) {
            *found = false; /* whose device that is, is not known yet: journal_due looks again */
        } else {
            QUERY_ID(&q, 7, &row->e.who.family);
            QUERY_ID(&q, 8, &row->e.who.person);
        }
    }
    return query_end(&q);
}

static enum status run(struct node *n, struct apply_row *row, apply_fn (*fn_of)(enum entry_kind))
{
    struct journal_entry decoded;
    struct entry_body body;
    enum status st = journal_entry_decode(&decoded, buffer_span(&row->bytes));
    if (st == ST_OK) {
        st = entry_body_decode(&body, decoded.kind, decoded.body);
    }
    if (st != ST_OK) {
        return st;
    }
    row->e.body = &body;
    apply_fn fn = fn_of(body.kind);
    bool before = sql_set_aside(&n->sql.watches, false); /* what an entry does may well be a fact */
    st = fn ? fn(n, &row->e) : ST_RECORD_UNKNOWN;
    sql_set_aside(&n->sql.watches, before);
    entry_body_wipe(&body);
    return st;
}

static enum status run_handler(struct node *n, void *arg)
{
    const struct apply_row *row = arg; /* it may have come before its author was known */
    return journal_writes_in(n, row->e.scope_kind, &row->e.who) ? run(n, arg, handler_of) : ST_JOURNAL_AUTHOR;
}

static enum status run_retraction(struct node *n, void *arg)
{
    return run(n, arg, retraction_of);
}

enum entry_applied journal_outcome_of(enum status why)
{
    if (why == ST_JOURNAL_WITHHELD) {
        return ENTRY_WITHHELD;
    }
    return why == ST_OK ? ENTRY_APPLIED : ENTRY_VOID;
}

/* What people should hear of by name, beyond that an entry was void. */
static bool counted(enum status why)
{
    return why == ST_FILE_RULES || why == ST_HISTORY_LOG || why == ST_LOG_TAKEN;
}

#define ROW_SQL(applied)                                                                           \
    "SELECT e.scope, e.author, e.seq, e.hash, e.hlc, e.entry, e.own, c.family, c.person, " PIN_SQL \
    " FROM entry e LEFT JOIN certificate c ON c.device = e.author"                                 \
    " LEFT JOIN head h ON h.scope = e.scope AND h.author = e.author"                               \
    " WHERE e.id = ? AND e.applied = " applied " AND e.attested = 1 AND e.fork = 0 AND e.has_body = 1"

/* §10: an entry that is dated ahead waits, and journal_due runs it then. But not a parent's no: it is in
 * order by its serial, and its clock may have been wrong. */
static bool waits_for_clock(struct node *n, const struct apply_row *row)
{
    struct journal_entry e;
    int64_t due = hlc_ms(row->e.hlc) - JOURNAL_AHEAD_MS;
    if (row->e.own || due <= n->now.wall_ms) {
        return false;
    }
    if (journal_entry_decode(&e, buffer_span(&row->bytes)) == ST_OK && e.kind == ENTRY_WITHDRAWAL) {
        return false;
    }
    node_wake_wall(n, due);
    return true;
}

enum status journal_apply(struct node *n, enum scope_kind kind, int64_t id)
{
    struct apply_row row = {.e = {.scope_kind = kind}};
    bool found = false;
    enum status why = ST_OK;
    buffer_init(&row.bytes, GROUP_MESSAGE_MAX);
    enum status st = load_row(n, id, ROW_SQL("0"), &row, &found);
    if (st == ST_OK && !found && kind == SCOPE_CONVERSATION) {
        st = receive_unattested(n, id);
    }
    if (st == ST_OK && found && !waits_for_clock(n, &row)) {
        node_hlc_seen(n, row.e.hlc); /* what this device says from now on is later, also where it waited */
        st = node_guard(n, run_handler, &row, &why);
        if (st == ST_OK) {
            st = sql_run(&n->sql, "UPDATE entry SET applied = ? WHERE id = ?", "ii",
                         (int64_t)journal_outcome_of(why), id);
        }
        if (st == ST_OK && why != ST_OK && why != ST_JOURNAL_WITHHELD) {
            st = row.e.own ? why : node_skipped(n);
        }
        if (st == ST_OK && counted(why)) {
            st = node_refused(n, why);
        }
    }
    buffer_wipe(&row.bytes);
    return st;
}

/* ---- a pin that comes later than what is beyond it ---- */

/* Takes back what it opened, and judges it as if the pin had been there: so what came first does not matter.
 */
static enum status judge_again(struct node *n, enum scope_kind kind, int64_t id)
{
    struct apply_row row = {.e = {.scope_kind = kind}};
    bool found = false;
    enum status why = ST_OK;
    buffer_init(&row.bytes, GROUP_MESSAGE_MAX);
    enum status st = load_row(n, id, ROW_SQL("1"), &row, &found);
    if (st == ST_OK && found) {
        st = node_guard(n, run_retraction, &row, &why);
    }
    buffer_wipe(&row.bytes);
    if (st != ST_OK || !found || why != ST_OK) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE entry SET applied = 0 WHERE id = ?", "i", id);
    if (st == ST_OK) {
        st = journal_apply(n, kind, id);
    }
    return status_is_fatal(st) ? st : ST_OK; /* also one of our own, who are removed, is void from now on */
}

/* The first one of others after row `id` that opened something and lies beyond its author's pin. Who is
 * removed itself takes nothing back: what it wrote is void for the others. */
static enum status next_beyond(struct node *n, int64_t *id, enum scope_kind *kind, bool *found)
{
    struct query q;
    *found = false;
    query_start(
        &q, &n->sql,
        "SELECT e.id, g.kind, e.kind, e.seq, " PIN_SQL " FROM entry e JOIN mls_group g ON g.scope ="
        " e.scope AND g.kind IN (1, 2, 3) LEFT JOIN head h ON h.scope = e.scope AND h.author = e.author"
        " WHERE e.author IN (SELECT author FROM head WHERE pin_seq IS NOT NULL) AND e.id > ? AND"
        " e.applied = 1 AND e.own = 0 AND e.fork = 0 AND e.has_body = 1 ORDER BY e.id",
        "i", *id);
    while (!*found && query_next(&q)) {
        *found = beyond_pin(&q, 4, query_int(&q, 3)) && retraction_of((enum entry_kind)query_int(&q, 2));
        *id = query_int(&q, 0);
        *kind = (enum scope_kind)query_int(&q, 1);
    }
    return query_end(&q);
}

enum status journal_pinned(struct node *n)
{
    node_wake_mono(n, n->now.mono_ms);
    return meta_set_number(n, "pins_due", 1);
}

/* Not where the pins are set: that is in the midst of a commit, and what is taken back may look at groups. */
static enum status pins_due(struct node *n)
{
    int64_t id = 0, due = 0;
    enum scope_kind kind = SCOPE_FAMILY;
    bool found = true;
    enum status st = meta_number(n, "pins_due", 0, &due);
    while (st == ST_OK && due != 0 && found) {
        st = next_beyond(n, &id, &kind, &found);
        if (st == ST_OK && found) {
            st = judge_again(n, kind, id);
        }
    }
    return st == ST_OK && due != 0 ? meta_set_number(n, "pins_due", 0) : st;
}

/* The newest hlc of that millisecond. */
static int64_t hlc_last_of(int64_t ms)
{
    return ms * 65536 + 65535;
}

/* When the next entry that is dated ahead is due. */
static enum status wake_for_next(struct node *n)
{
    int64_t next = 0;
    enum status st =
        sql_number(&n->sql, &next, 0,
                   "SELECT min(hlc) FROM entry WHERE applied = 0 AND attested = 1 AND fork = 0 AND own = 0"
                   " AND has_body = 1 AND hlc > ?",
                   "i", hlc_last_of(n->now.wall_ms + JOURNAL_AHEAD_MS));
    if (st == ST_OK && next != 0)
        node_wake_wall(n, hlc_ms((uint64_t)next) - JOURNAL_AHEAD_MS);
    return st;
}

enum status journal_due(struct node *n)
{
    enum { BATCH = 64 };
    int64_t ids[BATCH], kinds[BATCH];
    size_t count = 0;
    struct query q;
    enum status st = receive_due(n);
    if (st == ST_OK) {
        st = journal_attest_due(n);
    }
    if (st == ST_OK) {
        st = pins_due(n);
    }
    if (st != ST_OK) {
        return st;
    }
    /* Those that still wait are passed over: anybody can send entries that wait for long, and then what is
     * due would never have its turn. */
    query_start(
        &q, &n->sql,
        "SELECT e.id, g.kind FROM entry e JOIN mls_group g ON g.scope = e.scope JOIN certificate c ON"
        " c.device = e.author WHERE e.applied = 0 AND e.attested = 1 AND e.fork = 0 AND e.has_body = 1"
        " AND (e.own = 1 OR e.kind = 15 OR e.hlc BETWEEN 0 AND ?) GROUP BY e.id LIMIT 64",
        "i", hlc_last_of(n->now.wall_ms + JOURNAL_AHEAD_MS));
    while (count < BATCH && query_next(&q)) {
        ids[count] = query_int(&q, 0);
        kinds[count++] = query_int(&q, 1);
    }
    st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = journal_apply(n, (enum scope_kind)kinds[i], ids[i]);
    }
    return st == ST_OK ? wake_for_next(n) : st;
}

enum status journal_each(struct node *n, const struct scope_id *scope, enum entry_kind kind, entry_fn fn,
                         void *ctx)
{
    struct query q;
    enum status st = ST_OK;
    query_start(&q, &n->sql,
                "SELECT e.id, e.author, e.hash, e.hlc, e.entry, e.own, c.family, c.person, e.seq, " PIN_SQL
                " FROM entry e JOIN certificate c ON c.device = e.author"
                " LEFT JOIN head h ON h.scope = e.scope AND h.author = e.author WHERE e.scope = ? AND e.kind "
                "= +? AND e.applied = 1 ORDER BY e.hlc, e.hash",
                "bi", SPAN_ID(scope), (int64_t)kind);
    while (st == ST_OK && query_next(&q)) {
        struct journal_entry decoded;
        struct entry_body body;
        struct applied_entry e = {.id = query_int(&q, 0), .scope = *scope, .hlc = (uint64_t)query_int(&q, 3)};
        QUERY_ID(&q, 1, &e.author);
        QUERY_ID(&q, 2, &e.hash);
        e.own = query_int(&q, 5) != 0;
        QUERY_ID(&q, 6, &e.who.family);
        QUERY_ID(&q, 7, &e.who.person);
        e.closes_only = beyond_pin(&q, 9, query_int(&q, 8));
        st = journal_entry_decode(&decoded, query_blob(&q, 4));
        if (st == ST_OK) {
            st = entry_body_decode(&body, decoded.kind, decoded.body);
        }
        if (st == ST_OK) {
            e.body = &body;
            st = fn(n, &e, ctx);
            entry_body_wipe(&body);
        }
    }
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}
