/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: approaches from outside, a child's asks, and what was decided about them. A row's state is worked
 * out from the decisions and the rules each time one of them changes, so that the order in which entries come
 * does not matter. */
#include "protocol/hlc.h"
#include "sync/contact_internal.h"

void text_copy(char *to, size_t cap, struct span from)
{
    size_t len = from.len < cap ? from.len : cap - 1;
    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
}

/* ---- rows ---- */

void request_init(struct request *r)
{
    memset(r, 0, sizeof(*r));
    buffer_init(&r->note, WIRE_NOTE_MAX + 1);
    buffer_init(&r->body, LETTERBOX_MESSAGE_MAX);
    buffer_init(&r->extra, CARD_MAX);
}

void request_free(struct request *r)
{
    buffer_wipe(&r->note);
    buffer_wipe(&r->body);
    buffer_wipe(&r->extra);
}

static enum status read_row(struct query *q, struct request *r)
{
    const char *note = query_text(q, 10);
    query_fixed(q, 0, r->id, sizeof(r->id));
    r->kind = (enum request_kind)query_int(q, 1);
    QUERY_ID(q, 2, &r->person);
    QUERY_ID(q, 3, &r->other.family);
    QUERY_ID(q, 4, &r->other.person);
    text_copy(r->other_name, sizeof(r->other_name), span_text(query_text(q, 5)));
    r->other_supervised = query_int(q, 6) != 0;
    r->how = (enum how_met)query_int(q, 7);
    r->state = (enum request_state)query_int(q, 8);
    r->at_ms = query_int(q, 9);
    enum status st = buffer_copy(&r->note, span_text(note));
    if (st == ST_OK)
        st = buffer_copy(&r->body, query_blob(q, 11));
    return st == ST_OK ? buffer_copy(&r->extra, query_blob(q, 12)) : st;
}

#define REQUEST_COLUMNS                                                                                     \
    "SELECT id, kind, person, other_family, other_person, other_name, other_supervised, how, state, at_ms," \
    " note, body, extra FROM request "

enum status request_load(struct node *n, const uint8_t id[static HASH_LEN], struct request *r, bool *found)
{
    struct query q;
    query_start(&q, &n->sql, REQUEST_COLUMNS "WHERE id = ?", "b", SPAN_OF(id, HASH_LEN));
    *found = query_next(&q);
    if (*found)
        query_fail(&q, read_row(&q, r));
    return query_end(&q);
}

enum status request_find(struct node *n, enum request_kind kind, const struct person_id *person,
                         const struct person_ref *other, struct request *r, bool *found)
{
    struct query q;
    query_start(&q, &n->sql,
                REQUEST_COLUMNS "WHERE kind = ? AND person = ? AND other_family = ? AND other_person = ?"
                                " ORDER BY at_ms DESC LIMIT 1",
                "ibbb", (int64_t)kind, SPAN_ID(person), SPAN_ID(&other->family), SPAN_ID(&other->person));
    *found = query_next(&q);
    if (*found)
        query_fail(&q, read_row(&q, r));
    return query_end(&q);
}

enum status request_insert(struct node *n, const struct request *r, bool *fresh)
{
    char note[WIRE_NOTE_MAX + 1];
    text_copy(note, sizeof(note), buffer_span(&r->note));
    enum status st = sql_run(
        &n->sql,
        "INSERT OR IGNORE INTO request(id, kind, person, other_family, other_person, other_name,"
        " other_supervised, note, how, state, at_ms, body, extra) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
        "bibbbtitiiibo", SPAN(r->id), (int64_t)r->kind, SPAN_ID(&r->person), SPAN_ID(&r->other.family),
        SPAN_ID(&r->other.person), r->other_name, (int64_t)r->other_supervised, note, (int64_t)r->how,
        (int64_t)r->state, r->at_ms, buffer_span(&r->body), buffer_span(&r->extra));
    *fresh = st == ST_OK && sql_changes(&n->sql) > 0;
    return st;
}

enum status request_set_state(struct node *n, const uint8_t id[static HASH_LEN], enum request_state state)
{
    return sql_run(&n->sql, "UPDATE request SET state = ? WHERE id = ?", "ib", (int64_t)state,
                   SPAN_OF(id, HASH_LEN));
}

/* ---- what is decided ---- */

enum status request_judge(struct node *n, const struct request *r, struct facts_answer *out)
{
    struct facts_ask ask = {.kind = r->kind == REQUEST_ASK ? MAY_SEND_REQUEST : MAY_RECEIVE_APPROACH,
                            .subject = {n->self.family, r->person},
                            .peer = r->other,
                            .request = r->id};
    return facts_decide(n, &ask, out);
}

static enum status last_reason(struct node *n, const struct request *r, char *out, size_t cap)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT reason FROM decision WHERE request = ? AND yes = 0 ORDER BY hlc DESC LIMIT 1", "b",
                SPAN(r->id));
    text_copy(out, cap, query_next(&q) ? span_text(query_text(&q, 0)) : SPAN_EMPTY);
    return query_end(&q);
}

static bool ward_of_own_child(const struct node *n, const struct request *r)
{
    return !ID_EQUAL(&r->person, &n->self.person);
}

/* A no that comes when the permit is out already: the first parents' device that sees both takes it back. */
static enum status take_back(struct node *n, const struct request *r)
{
    struct person_ref child = {n->self.family, r->person};
    struct buffer permit;
    bool found = false;
    if (n->self.role != ROLE_PARENT || !ward_of_own_child(n, r))
        return ST_OK;
    buffer_init(&permit, WIRE_PERMIT_MAX);
    enum status st = permit_newest(n, &child, &r->other, &permit, &found);
    buffer_wipe(&permit);
    return st == ST_OK && found ? withdrawal_make(n, &child, &r->other) : st;
}

static enum status changed(struct node *n, const struct request *r, enum request_state to)
{
    char reason[WIRE_NOTE_MAX + 1];
    enum status st = request_set_state(n, r->id, to);
    if (st == ST_OK)
        st = node_notice(n, NOTICE_REQUESTS, r->other_name, NULL, NULL);
    if (st != ST_OK || to != REQUEST_NO)
        return st;
    st = last_reason(n, r, reason, sizeof(reason));
    if (st == ST_OK)
        st = node_notice(n, NOTICE_DENIED, r->other_name, reason, NULL);
    return st == ST_OK ? take_back(n, r) : st;
}

/* Has a parent of either side ended this contact since it was asked for? */
static enum status ended_since(struct node *n, const struct request *r, bool *ended)
{
    int64_t later = 0;
    enum status st = sql_number(
        &n->sql, &later, 0,
        "SELECT count(*) FROM withdrawal WHERE at_ms >= ?4 AND ((child = ?1 AND"
        " contact_family = ?2 AND contact = ?3) OR (child_family = ?2 AND child = ?3 AND"
        " contact = ?1))",
        "bbbi", SPAN_ID(&r->person), SPAN_ID(&r->other.family), SPAN_ID(&r->other.person), r->at_ms);
    *ended = later != 0;
    return st;
}

/* What the answers and rules make of a row. Only answers decide: where policy denies for another reason
 * (heads that are missing, a full day) a row just waits. What is over stays over, but for a no. */
static enum status settle_row(struct node *n, const struct request *r)
{
    struct facts_answer answer;
    int64_t answers = 0;
    enum request_state to = r->state;
    bool ended = false;
    if (r->kind != REQUEST_APPROACH && r->kind != REQUEST_ASK)
        return ST_OK;
    enum status st =
        sql_number(&n->sql, &answers, 0, "SELECT count(*) FROM decision WHERE request = ?", "b", SPAN(r->id));
    if (st == ST_OK)
        st = ended_since(n, r, &ended);
    if (st == ST_OK && answers != 0) {
        st = request_judge(n, r, &answer);
        to = answer.kind == VERDICT_ALLOW  ? REQUEST_YES
             : answer.kind == VERDICT_DENY ? REQUEST_NO
                                           : REQUEST_WAITING;
    }
    if (st != ST_OK)
        return st;
    if (to != REQUEST_NO && (ended || r->state == REQUEST_OVER))
        return request_set_state(n, r->id, REQUEST_OVER);
    return to != r->state ? changed(n, r, to) : ST_OK;
}

enum status request_settle(struct node *n, const uint8_t id[static HASH_LEN])
{
    struct request r;
    bool found;
    request_init(&r);
    enum status st = request_load(n, id, &r, &found);
    if (st == ST_OK && found)
        st = settle_row(n, &r);
    request_free(&r);
    return st;
}

/* ---- approaches ---- */

struct judged { /* an approach that was found good; everything borrows from the message */
    struct letterbox_message m;
    struct approach a;
};

static enum status judge(struct span message, struct judged *j)
{
    enum status st = letterbox_message_decode(&j->m, message);
    return st == ST_OK ? approach_check(&j->m, &j->a) : st;
}

static enum status approach_row(struct node *n, const struct judged *j, struct span message, int64_t at_ms,
                                bool *fresh)
{
    struct request r;
    request_init(&r);
    hash_bytes(message, r.id);
    r.kind = REQUEST_APPROACH;
    r.person = j->m.to.person;
    r.other = j->a.sender.who;
    text_copy(r.other_name, sizeof(r.other_name), j->a.card.name);
    r.other_supervised = j->a.sender.supervised;
    r.how = j->a.request.how_met;
    r.state = REQUEST_WAITING;
    r.at_ms = at_ms;
    enum status st = buffer_copy(&r.note, j->a.request.note);
    if (st == ST_OK)
        st = buffer_copy(&r.body, message);
    if (st == ST_OK)
        st = request_insert(n, &r, fresh);
    if (st == ST_OK && !*fresh) /* told by several: when it came first */
        st = sql_run(&n->sql, "UPDATE request SET at_ms = min(at_ms, ?) WHERE id = ?", "ib", at_ms,
                     SPAN(r.id));
    if (st == ST_OK && *fresh)
        st = card_keep(n, &j->a.card);
    if (st == ST_OK && *fresh)
        st = node_notice(n, NOTICE_REQUESTS, r.other_name, NULL, NULL);
    if (st == ST_OK)
        st = request_settle(n, r.id);
    request_free(&r);
    return st;
}

/* Whole into `parents`; the child hears of it only where the rules say so. */
static enum status tell_parents(struct node *n, const struct received_letter *l, const struct judged *j)
{
    struct entry_body body = {
        .kind = ENTRY_APPROACH,
        .u.approach = {
            .log = l->m->log, .to = l->owner.person, .received_ms = n->now.wall_ms, .message = l->whole}};
    struct entry_body told = {.kind = ENTRY_REQUEST_TOLD,
                              .u.request_told = {.from = j->a.sender.who, .name = j->a.card.name}};
    struct policy *p = mem_alloc(1, sizeof(*p));
    enum status st = p == NULL ? ST_NO_MEMORY : parents_append(n, &body);
    if (st == ST_OK)
        st = facts_policy(n, &l->owner.person, p);
    if (st == ST_OK && p->approach_notice == POLICY_NOTICE_TOLD) {
        hash_bytes(l->whole, told.u.request_told.request.b);
        st = ward_append(n, &l->owner.person, &told);
    }
    mem_free(p, sizeof(*p));
    return st;
}

/* Is it kept? One that a rule turns away (a full day) is counted and forgotten. */
static enum status may_keep(struct node *n, const struct received_letter *l, const struct judged *j,
                            bool *keep)
{
    struct facts_ask ask = {.kind = MAY_RECEIVE_APPROACH, .subject = l->owner, .peer = j->a.sender.who};
    struct facts_answer answer;
    enum status st = facts_decide(n, &ask, &answer);
    *keep = st == ST_OK && answer.kind != VERDICT_DENY;
    return st == ST_OK && !*keep ? meta_add(n, "approaches_turned_away", 1) : st;
}

static enum status take_approach(struct node *n, const struct received_letter *l, const struct judged *j)
{
    uint8_t id[HASH_LEN];
    int64_t known = 0;
    bool keep = false, fresh;
    bool own = ID_EQUAL(&l->owner.person, &n->self.person);
    hash_bytes(l->whole, id);
    enum status st =
        sql_number(&n->sql, &known, 0, "SELECT count(*) FROM request WHERE id = ?", "b", SPAN(id));
    if (st == ST_OK && known == 0)
        st = may_keep(n, l, j, &keep);
    if (st != ST_OK || !keep)
        return st;
    return own ? approach_row(n, j, l->whole, n->now.wall_ms, &fresh) : tell_parents(n, l, j);
}

enum status letter_contact_request(struct node *n, const struct received_letter *l)
{
    struct judged *j = mem_alloc(1, sizeof(*j));
    enum status st = j == NULL ? ST_NO_MEMORY : judge(l->whole, j);
    if (st == ST_OK && (l->kind != BOX_INVITE || !person_ref_equal(&j->m.to, &l->owner) ||
                        ID_EQUAL(&j->a.sender.who.family, &n->self.family)))
        st = ST_APPROACH_SENDER;
    if (st == ST_OK)
        st = take_approach(n, l, j);
    mem_free(j, sizeof(*j));
    return st;
}

/* Passed on by another parent's device: judged here again. */
enum status apply_approach(struct node *n, const struct applied_entry *e)
{
    const struct entry_approach *a = &e->body->u.approach;
    int64_t when = a->received_ms > hlc_ms(e->hlc) ? a->received_ms : hlc_ms(e->hlc);
    struct judged *j = mem_alloc(1, sizeof(*j));
    bool fresh;
    enum status st = j == NULL ? ST_NO_MEMORY : judge(a->message, j);
    if (st == ST_OK && e->closes_only)
        st = ST_JOURNAL_AUTHOR;
    if (st == ST_OK && (!ID_EQUAL(&j->m.to.family, &n->self.family) || !ID_EQUAL(&j->m.to.person, &a->to) ||
                        ID_EQUAL(&j->a.sender.who.family, &n->self.family)))
        st = ST_APPROACH_SENDER;
    if (st == ST_OK)
        st = approach_row(n, j, a->message, when, &fresh);
    mem_free(j, sizeof(*j));
    return st;
}

/* ---- a child's asks ---- */

static enum status ask_row(struct node *n, const struct applied_entry *e, const struct invite *i,
                           const struct card *c)
{
    const struct entry_ask *a = &e->body->u.ask;
    struct request r;
    bool fresh = false;
    request_init(&r);
    memcpy(r.id, e->hash.b, sizeof(r.id));
    r.kind = REQUEST_ASK;
    r.person = e->who.person;
    r.other = i->who;
    text_copy(r.other_name, sizeof(r.other_name), c->name);
    r.other_supervised = i->supervised;
    r.how = MET_INVITE;
    r.state = REQUEST_WAITING;
    r.at_ms = hlc_ms(e->hlc);
    enum status st = buffer_copy(&r.note, a->note);
    if (st == ST_OK)
        st = buffer_copy(&r.body, a->invite);
    if (st == ST_OK)
        st = buffer_copy(&r.extra, a->card);
    if (st == ST_OK)
        st = request_insert(n, &r, &fresh);
    if (st == ST_OK && fresh)
        st = node_notice(n, NOTICE_REQUESTS, r.other_name, NULL, NULL);
    if (st == ST_OK) /* the conversation came first, on a further device of the child */
        st = contact_named(n, &e->who, &r.other, r.other_name);
    if (st == ST_OK)
        st = request_settle(n, r.id);
    if (st == ST_OK && ward_of_own_child(n, &r))
        st = permit_of_ask(n, &e->who, &r.other);
    request_free(&r);
    return st;
}

/* Only by the child of that ward: nobody asks in another's name. */
static enum status judge_ask(struct node *n, const struct applied_entry *e)
{
    struct person_id child;
    enum status st = family_ward_of_scope(n, &e->scope, &child);
    return st == ST_OK && (!ID_EQUAL(&child, &e->who.person) || e->closes_only) ? ST_JOURNAL_AUTHOR : st;
}

enum status apply_ask(struct node *n, const struct applied_entry *e)
{
    const struct entry_ask *a = &e->body->u.ask;
    struct invite i;
    struct card c;
    struct authority *at = mem_alloc(1, sizeof(*at));
    enum status st = at == NULL ? ST_NO_MEMORY : judge_ask(n, e);
    if (st == ST_OK)
        st = invite_decode(&i, a->invite);
    if (st == ST_OK)
        st = card_decode(&c, a->card);
    if (st == ST_OK)
        st = card_check_for_invite(&c, &i, at);
    if (st == ST_OK && ID_EQUAL(&i.who.family, &n->self.family))
        st = ST_LINK_OWN;
    if (st == ST_OK)
        st = card_keep(n, &c);
    if (st == ST_OK)
        st = ask_row(n, e, &i, &c);
    if (st == ST_OK && ID_EQUAL(&e->who.person, &n->self.person))
        st = meet_go_on(n, &i.who); /* a permit may be there from before */
    bytes_wipe(&i, sizeof(i));
    mem_free(at, sizeof(*at));
    return st;
}

enum status apply_request_told(struct node *n, const struct applied_entry *e)
{
    char name[WIRE_NAME_MAX + 1];
    text_copy(name, sizeof(name), e->body->u.request_told.name);
    return n->self.supervised ? node_notice(n, NOTICE_REQUESTS, name, NULL, NULL) : ST_OK;
}

/* ---- decisions ---- */

enum status apply_decision(struct node *n, const struct applied_entry *e)
{
    const struct entry_decision *d = &e->body->u.decision;
    char reason[WIRE_NOTE_MAX + 1];
    bool parent = false;
    enum status st = family_is_parent(n, &e->who, &parent);
    if (st != ST_OK)
        return st;
    /* Law 8; and beyond its author's pin a decision only closes (§6.1). */
    if (!parent || (e->closes_only && d->yes))
        return ST_JOURNAL_AUTHOR;
    text_copy(reason, sizeof(reason), d->reason);
    st = sql_run(&n->sql, "INSERT OR IGNORE INTO decision VALUES(?,?,?,?,?,?,?)", "bbbiitb",
                 SPAN_ID(&d->about), SPAN_ID(&e->hash), SPAN_ID(&e->who.person), (int64_t)d->yes,
                 (int64_t)e->hlc, reason,
                 SPAN_OF((const uint8_t *)d->based_on.at, d->based_on.count * sizeof(d->based_on.at[0])));
    return st == ST_OK ? request_settle(n, d->about.b) : st;
}
