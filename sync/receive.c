/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/receive.h"

#include "sync/facts.h"
#include "sync/family.h"
#include "sync/journal_internal.h"

/* ---- judging ---- */

/* What a refusal means for an entry that is here already: some end the matter, the others may pass. */
static enum status outcome(struct node *n, const struct facts_answer *a)
{
    static const enum trace_code final[] = {
        TRACE_PERMIT_EXPIRED,      TRACE_PERMIT_WITHDRAWN,   TRACE_PERMIT_KIND,    TRACE_GROUPS_NEVER,
        TRACE_OVERSEER_READS_ONLY, TRACE_OVERSEER_OF_NOBODY, TRACE_ATTACHMENTS_OFF};
    if (a->kind == VERDICT_ALLOW) {
        return ST_OK;
    }
    if (a->kind == VERDICT_WAIT) {
        node_wake_wall(n, a->until_at_ms);
        return ST_JOURNAL_WITHHELD;
    }
    for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
        if (a->code == final[i]) {
            return ST_POLICY_DENIED;
        }
    }
    return ST_JOURNAL_WITHHELD;
}

/* Does this device's person look on in this conversation? They see what its ends say to each other. */
static enum status judge_as_overseer(struct node *n, const struct scope_id *scope)
{
    struct person_ref self = self_person(n);
    struct group *g = NULL;
    enum status st = group_of_scope(n, scope, &g);
    if (st != ST_OK) {
        return st == ST_GROUP_NOT_HERE ? ST_JOURNAL_WITHHELD : st;
    }
    bool end = !g->has_peer || person_ref_equal(&g->subject, &self) || person_ref_equal(&g->peer, &self);
    return end ? ST_JOURNAL_AUTHOR : ST_OK;
}

static enum status judge_as(struct node *n, const struct facts_ask *as, const struct scope_id *scope,
                            const struct person_ref *who)
{
    struct person_ref self = self_person(n);
    struct scope_id pair;
    struct facts_answer answer;
    if (person_ref_equal(&self, who)) {
        return ST_OK;
    }
    enum status st = scope_id_of_pair(&self, who, &pair);
    if (st != ST_OK) {
        return st;
    }
    if (!ID_EQUAL(&pair, scope)) {
        return judge_as_overseer(n, scope);
    }
    struct facts_ask ask = {
        .kind = as->kind, .attachment = as->attachment, .subject = self, .peer = *who, .scope = scope};
    st = facts_decide(n, &ask, &answer);
    return st == ST_OK ? outcome(n, &answer) : st;
}

static enum status judge(struct node *n, const struct scope_id *scope, const struct person_ref *who)
{
    static const struct facts_ask text = {.kind = MAY_RECEIVE};
    return judge_as(n, &text, scope, who);
}

enum status receive_from_author(struct node *n, const struct scope_id *scope, const struct person_ref *who)
{
    return judge(n, scope, who);
}

enum status receive_handed_over(struct node *n, int64_t id, bool *yes)
{
    int64_t count = 0;
    enum status st = sql_number(&n->sql, &count, 0,
                                "SELECT count(*) FROM entry e JOIN certificate c ON c.device = e.via"
                                " WHERE e.id = ? AND c.family = ? AND c.person = ?",
                                "ibb", id, SPAN_ID(&n->self.family), SPAN_ID(&n->self.person));
    *yes = count != 0;
    return st;
}

enum status receive_text(struct node *n, int64_t id, const struct scope_id *scope,
                         const struct person_ref *who)
{
    bool handed_over = false;
    enum status st = receive_handed_over(n, id, &handed_over);
    return st == ST_OK && !handed_over ? judge(n, scope, who) : st;
}

enum status receive_file(struct node *n, int64_t id, const struct scope_id *scope,
                         const struct person_ref *who, bool image)
{
    bool handed_over = false;
    const struct facts_ask file = {.kind = MAY_RECEIVE_ATTACHMENT,
                                   .attachment = image ? POLICY_ATTACHMENTS_IMAGES : POLICY_ATTACHMENTS_ALL};
    enum status st = receive_handed_over(n, id, &handed_over);
    if (st == ST_OK && !handed_over) {
        st = judge_as(n, &file, scope, who);
    }
    return st == ST_POLICY_DENIED ? ST_FILE_RULES : st;
}

/* ---- what is not attested, what is withheld ---- */

struct said_by {
    struct scope_id scope;
    struct person_ref who;
};

static void read_said_by(struct query *q, struct said_by *out)
{
    QUERY_ID(q, 0, &out->scope);
    QUERY_ID(q, 1, &out->who.family);
    QUERY_ID(q, 2, &out->who.person);
}

/* Its body is one: nobody has looked at what somebody else passed on. */
static bool is_readable(struct span entry)
{
    struct journal_entry e;
    struct entry_body body;
    enum status st = journal_entry_decode(&e, entry);
    if (st == ST_OK) {
        st = entry_body_decode(&body, e.kind, e.body);
    }
    if (st == ST_OK) {
        entry_body_wipe(&body);
    }
    return st == ST_OK;
}

enum status receive_unattested(struct node *n, int64_t id)
{
    struct said_by by;
    struct query q;
    bool readable = false;
    query_start(
        &q, &n->sql,
        "SELECT e.scope, c.family, c.person, e.entry FROM entry e JOIN certificate c ON c.device ="
        " e.author WHERE e.id = ? AND e.kind = 1 AND e.attested = 0 AND e.applied = 0 AND e.has_body = 1"
        " AND e.fork = 0",
        "i", id);
    bool found = query_next(&q);
    if (found) {
        read_said_by(&q, &by);
        readable = is_readable(query_blob(&q, 3));
    }
    enum status st = query_end(&q);
    if (st != ST_OK || !found) {
        return st;
    }
    st = readable ? receive_text(n, id, &by.scope, &by.who) : ST_WIRE_VALUE;
    if (st == ST_OK || status_is_fatal(st)) {
        return st;
    }
    bool withheld = st == ST_JOURNAL_WITHHELD;
    st = sql_run(&n->sql, "UPDATE entry SET applied = ? WHERE id = ?", "ii",
                 (int64_t)(withheld ? ENTRY_WITHHELD : ENTRY_VOID), id);
    return st == ST_OK && !withheld ? node_skipped(n) : st;
}

static enum status ask_again(struct node *n, const struct said_by *by)
{
    enum status st = judge(n, &by->scope, &by->who);
    if (st == ST_JOURNAL_WITHHELD || status_is_fatal(st)) {
        return st == ST_JOURNAL_WITHHELD ? ST_OK : st;
    }
    bool allowed = st == ST_OK; /* then journal_due runs them */
    st = sql_run(&n->sql,
                 "UPDATE entry SET applied = ? WHERE applied = 3 AND scope = ? AND author IN"
                 " (SELECT device FROM certificate WHERE family = ? AND person = ?)",
                 "ibbb", (int64_t)(allowed ? ENTRY_DUE : ENTRY_VOID), SPAN_ID(&by->scope),
                 SPAN_ID(&by->who.family), SPAN_ID(&by->who.person));
    return st == ST_OK && !allowed ? node_skipped(n) : st;
}

enum status receive_due(struct node *n)
{
    enum { BATCH = 64 };
    struct said_by list[BATCH];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT e.scope, c.family, c.person FROM entry e JOIN certificate c ON c.device = e.author"
                " WHERE e.applied = 3 GROUP BY e.scope, c.family, c.person ORDER BY max(e.id) DESC LIMIT 64",
                "");
    while (count < BATCH && query_next(&q)) {
        read_said_by(&q, &list[count++]);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = ask_again(n, &list[i]);
    }
    return st;
}
