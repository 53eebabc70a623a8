/* SPDX-License-Identifier: Apache-2.0 */
/* approve and deny: a parent about a child, everybody else about themselves. */
#include "protocol/hlc.h"
#include "sync/chain_wish.h"
#include "sync/commands.h"
#include "sync/contact_internal.h"
#include "sync/names.h"

/* ---- which request ---- */

static enum status find(struct node *n, const struct command *c, size_t place, struct request *r)
{
    struct named named;
    char text[2 * HASH_LEN + 1];
    bool found;
    command_text(c, place, text, sizeof(text));
    enum status st = name_resolve(n, text, NAME_OF_REQUEST, NULL, &named);
    if (st == ST_OK)
        st = request_load(n, named.request, r, &found);
    return st == ST_OK && !found ? ST_NAME_UNKNOWN : st;
}

/* Does it wait, and for this device's person? */
static enum status may_decide(struct node *n, const struct request *r, struct reply *reply)
{
    struct facts_answer answer;
    if (r->kind != REQUEST_APPROACH && r->kind != REQUEST_ASK)
        return ST_REQUEST_NOT_YOURS;
    if (r->state != REQUEST_WAITING)
        return ST_REQUEST_DECIDED;
    enum status st = request_judge(n, r, &answer);
    if (st != ST_OK)
        return st;
    if (answer.kind == VERDICT_ASK)
        return answer.may_answer ? ST_OK : ST_REQUEST_NOT_YOURS;
    /* Allowed without a row of its own (a permit from before): a yes is harmless, and a parent's to give. */
    if (answer.kind == VERDICT_ALLOW)
        return n->self.role == ROLE_PARENT ? ST_OK : ST_REQUEST_NOT_YOURS;
    reply->rule = answer.rule;
    return facts_status(&answer);
}

static bool of_child(const struct node *n, const struct request *r)
{
    return !ID_EQUAL(&r->person, &n->self.person);
}

/* ---- decisions ---- */

static enum status known_decisions(struct node *n, const struct request *r, struct based_on *out)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(&q, &n->sql, "SELECT entry FROM decision WHERE request = ? ORDER BY hlc DESC LIMIT 8", "b",
                SPAN(r->id));
    while (out->count < ENTRY_BASED_ON_MAX && query_next(&q))
        QUERY_ID(&q, 0, &out->at[out->count++]);
    return query_end(&q);
}

/* Where the request stands: an approach among the parents, an ask in the ward. */
static enum status decide(struct node *n, const struct request *r, bool yes, struct span reason)
{
    struct entry_body body = {.kind = ENTRY_DECISION, .u.decision = {.yes = yes, .reason = reason}};
    memcpy(body.u.decision.about.b, r->id, HASH_LEN);
    enum status st = known_decisions(n, r, &body.u.decision.based_on);
    if (st != ST_OK)
        return st;
    return r->kind == REQUEST_ASK ? ward_append(n, &r->person, &body) : parents_append(n, &body);
}

/* ---- permits ---- */

static uint16_t kinds_of(const struct policy *p)
{
    unsigned kinds = PERMIT_TEXT;
    if (p->attachments >= POLICY_ATTACHMENTS_IMAGES)
        kinds |= PERMIT_IMAGES;
    if (p->attachments >= POLICY_ATTACHMENTS_ALL)
        kinds |= PERMIT_FILES;
    if (p->groups == POLICY_GROUPS_EVERY_PAIR)
        kinds |= PERMIT_GROUPS;
    return (uint16_t)kinds;
}

/* A permit that another parent signed and that still lacks ours is signed once more; else it is a new one. */
static enum status unfinished(struct node *n, const struct request *r, struct buffer *bytes, struct permit *p,
                              bool *found)
{
    enum status st =
        sql_bytes(&n->sql, bytes, found,
                  "SELECT permit FROM permit WHERE child_family = ? AND child = ? AND contact_family = ?"
                  " AND contact = ? AND enough = 0 AND not_after_ms > ? AND serial > (SELECT"
                  " coalesce(max(serial), 0) FROM withdrawal WHERE child = permit.child AND contact ="
                  " permit.contact) ORDER BY serial DESC LIMIT 1",
                  "bbbbi", SPAN_ID(&n->self.family), SPAN_ID(&r->person), SPAN_ID(&r->other.family),
                  SPAN_ID(&r->other.person), n->now.wall_ms);
    if (st != ST_OK || !*found)
        return st;
    const struct authority *authority;
    const struct roster *roster;
    st = family_states(n, &authority, &roster);
    if (st == ST_OK)
        st = permit_decode(p, buffer_span(bytes));
    if (st == ST_OK)
        permit_drop_fallen(authority, p);
    *found = st == ST_OK && p->approval_count > 0; /* all its signers are gone: it is asked anew */
    return st;
}

static enum status fresh_permit(struct node *n, const struct request *r, int64_t days, struct permit *p)
{
    struct policy *rules = mem_alloc(1, sizeof(*rules));
    enum status st = rules == NULL ? ST_NO_MEMORY : facts_policy(n, &r->person, rules);
    memset(p, 0, sizeof(*p));
    const struct person_ref child = {n->self.family, r->person};
    if (st == ST_OK)
        st = permit_next_serial(n, &child, &r->other, &p->serial);
    if (st == ST_OK) {
        int64_t most = rules->permit_days;
        p->child = child;
        p->has_contact = true;
        p->contact = r->other;
        p->kinds = kinds_of(rules);
        p->oversight = (enum oversight)(rules->oversight + 1);
        p->not_before_ms = n->now.wall_ms - POLICY_SKEW_MS; /* the other side's clock may be behind */
        p->not_after_ms = n->now.wall_ms + (days > 0 && days < most ? days : most) * CONTACT_DAY_MS;
    }
    mem_free(rules, sizeof(*rules));
    return st;
}

static enum status make_permit(struct node *n, const struct request *r, int64_t days, struct buffer *out)
{
    struct permit p;
    struct buffer before;
    struct writer w;
    bool found = false;
    buffer_init(&before, WIRE_PERMIT_MAX);
    enum status st = unfinished(n, r, &before, &p, &found);
    if (st == ST_OK && !found)
        st = fresh_permit(n, r, days, &p);
    if (st == ST_OK)
        st = permit_approve(&p, &n->self.person, &n->self.device, &n->self.key);
    writer_init(&w, out);
    if (st == ST_OK)
        st = permit_encode(&w, &p);
    buffer_wipe(&before);
    return st;
}

/* What the child's device needs to open the conversation: the request without its note. */
static enum status put_request(const struct request *r, struct buffer *bytes, struct entry_permit *out)
{
    struct letterbox_message m;
    struct contact_request q;
    struct writer w;
    if (r->kind != REQUEST_APPROACH)
        return ST_OK;
    enum status st = letterbox_message_decode(&m, buffer_span(&r->body));
    if (st == ST_OK)
        st = contact_request_decode(&q, m.body);
    if (st != ST_OK)
        return st;
    q.note = SPAN_EMPTY;
    writer_init(&w, bytes);
    st = contact_request_encode(&w, &q);
    out->request = buffer_span(bytes);
    out->certificate = m.certificate;
    return st;
}

static enum status approve_for_child(struct node *n, const struct request *r, int64_t days)
{
    struct buffer permit, stripped;
    struct entry_body body = {.kind = ENTRY_PERMIT};
    buffer_init(&permit, WIRE_PERMIT_MAX);
    buffer_init(&stripped, LETTERBOX_BODY_MAX);
    enum status st = make_permit(n, r, days, &permit);
    if (st == ST_OK)
        st = put_request(r, &stripped, &body.u.permit);
    if (st == ST_OK)
        st = decide(n, r, true, SPAN_EMPTY);
    body.u.permit.permit = buffer_span(&permit);
    if (st == ST_OK)
        st = ward_append(n, &r->person, &body);
    buffer_wipe(&permit);
    buffer_wipe(&stripped);
    return st;
}

/* ---- an adult about themself ---- */

static enum status want_conversation(struct node *n, const struct request *r)
{
    struct letterbox_message m;
    struct approach *a = mem_alloc(1, sizeof(*a));
    enum status st = a == NULL ? ST_NO_MEMORY : letterbox_message_decode(&m, buffer_span(&r->body));
    if (st == ST_OK)
        st = approach_check(&m, a);
    if (st == ST_OK && a->request.has_permit && a->sender.supervised)
        st = permit_keep(n, a->request.permit);
    if (st == ST_OK) {
        struct contact_set set = {.mine = self_person(n),
                                  .other = r->other,
                                  .name = r->other_name,
                                  .supervised = r->other_supervised,
                                  .state = CONTACT_FOUNDING,
                                  .their_box = a->request.reply_letterbox};
        st = contact_put(n, &set);
    }
    if (st == ST_OK)
        st = contact_tell_own(n, &r->other, a->request.card);
    if (st == ST_OK) {
        struct conversation_wish w = {.mine = self_person(n),
                                      .other = r->other,
                                      .name = a->card.name,
                                      .supervised = r->other_supervised,
                                      .key_package = a->request.key_package,
                                      .certificate = m.certificate,
                                      .box = a->request.reply_letterbox};
        st = conversation_want(n, &w);
    }
    mem_free(a, sizeof(*a));
    return st;
}

/* ---- the commands ---- */

static enum status approve(struct node *n, const struct command *c, const struct request *r)
{
    int64_t days = c->value[CMD_APPROVE_DAYS].given ? c->value[CMD_APPROVE_DAYS].number : 0;
    if (c->value[CMD_APPROVE_DAYS].given && (days < 1 || days > POLICY_PERMIT_DAYS_MAX))
        return ST_COMMAND_FIELD;
    if (of_child(n, r))
        return approve_for_child(n, r, days);
    enum status st = want_conversation(n, r);
    return st == ST_OK ? request_set_state(n, r->id, REQUEST_YES) : st;
}

static enum status deny(struct node *n, const struct command *c, const struct request *r)
{
    struct span reason = c->value[CMD_DENY_REASON].given ? c->value[CMD_DENY_REASON].text : SPAN_EMPTY;
    if (reason.len > WIRE_NOTE_MAX)
        return ST_COMMAND_TEXT;
    return of_child(n, r) ? decide(n, r, false, reason) : request_set_state(n, r->id, REQUEST_NO);
}

enum status run_approve(struct node *n, const struct command *c, struct reply *reply)
{
    struct request r;
    request_init(&r);
    enum status st = find(n, c, CMD_APPROVE_ID, &r);
    if (st == ST_OK && r.kind == REQUEST_SIGN) {
        st = wish_sign(n, r.id, true);
    } else if (st == ST_OK) {
        st = may_decide(n, &r, reply);
        if (st == ST_OK)
            st = approve(n, c, &r);
    }
    if (st == ST_OK)
        st = reply_id(reply, SPAN(r.id));
    text_copy(reply->name, sizeof(reply->name), span_text(r.other_name));
    request_free(&r);
    return st;
}

enum status run_deny(struct node *n, const struct command *c, struct reply *reply)
{
    struct request r;
    request_init(&r);
    enum status st = find(n, c, CMD_DENY_ID, &r);
    if (st == ST_OK && r.kind == REQUEST_SIGN) {
        st = wish_sign(n, r.id, false);
    } else if (st == ST_OK) {
        st = may_decide(n, &r, reply);
        if (st == ST_OK)
            st = deny(n, c, &r);
    }
    if (st == ST_OK)
        st = reply_id(reply, SPAN(r.id));
    text_copy(reply->name, sizeof(reply->name), span_text(r.other_name));
    request_free(&r);
    return st;
}
