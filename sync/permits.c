/* SPDX-License-Identifier: Apache-2.0 */
/* Permits and withdrawals: given, acted upon. Kept and counted: permit_rows.c. Signed again: permit_again.c.
 */
#include "protocol/hlc.h"
#include "sync/contact_internal.h"

/* ---- for conversations ---- */

enum status pair_allowed(struct node *n, const struct person_ref *mine, const struct person_ref *other)
{
    struct facts_ask ask = {.kind = MAY_OPEN_CONVERSATION, .subject = *mine, .peer = *other};
    struct facts_answer answer;
    enum status st = facts_decide(n, &ask, &answer);
    return st == ST_OK ? facts_status(&answer) : st;
}

static enum status as_evidence(struct span permit, struct buffer *out)
{
    struct evidence_record e = {.kind = EVIDENCE_PERMIT, .body = permit};
    struct writer w;
    buffer_init(out, EVIDENCE_RECORD_MAX);
    writer_init(&w, out);
    return evidence_record_encode(&w, &e);
}

enum status pair_permits(struct node *n, const struct person_ref *a, const struct person_ref *b,
                         struct buffer out[2], size_t *count)
{
    enum status st = ST_OK;
    *count = 0;
    for (int side = 0; st == ST_OK && side < 2; side++) {
        struct buffer permit;
        bool found = false;
        buffer_init(&permit, WIRE_PERMIT_MAX);
        st = permit_newest(n, side == 0 ? a : b, side == 0 ? b : a, &permit, &found);
        if (st == ST_OK && found)
            st = as_evidence(buffer_span(&permit), &out[(*count)++]);
        buffer_wipe(&permit);
    }
    for (size_t i = 0; st != ST_OK && i < *count; i++)
        buffer_wipe(&out[i]);
    if (st != ST_OK)
        *count = 0;
    return st;
}

/* ---- a permit in the ward ---- */

struct granted { /* what came with a permit: the request of the other side, judged again */
    struct contact_request request;
    struct card card;
    struct device_certificate from;
};

static enum status judge_request(const struct entry_permit *k, const struct permit *p, struct granted *g)
{
    struct authority *at = mem_alloc(1, sizeof(*at));
    enum status st = at == NULL ? ST_NO_MEMORY : contact_request_decode(&g->request, k->request);
    if (st == ST_OK)
        st = card_decode(&g->card, g->request.card);
    if (st == ST_OK)
        st = card_check(&g->card, at);
    if (st == ST_OK)
        st = device_certificate_decode(&g->from, k->certificate);
    if (st == ST_OK)
        st = certificate_check(at, &g->from);
    if (st == ST_OK &&
        (!person_ref_equal(&g->card.who, &p->contact) || !person_ref_equal(&g->from.who, &p->contact)))
        st = ST_APPROACH_SENDER;
    mem_free(at, sizeof(*at));
    return st;
}

/* A contact that ended before its permit was here: listed as ended and by name, as where they came in turn. A
 * device that was added meanwhile may have the row already, from the conversation, which says no names. */
static enum status put_ended(struct node *n, struct contact_set *set)
{
    enum contact_state state;
    bool known = false;
    set->state = CONTACT_WITHDRAWN;
    enum status st = contact_row(n, &set->mine, &set->other, &state, NULL, &known);
    if (st == ST_OK && !known)
        return contact_put(n, set);
    return st == ST_OK ? sql_run(&n->sql,
                                 "UPDATE contact SET name = ?, supervised = ? WHERE person = ? AND family = ?"
                                 " AND other = ?",
                                 "tibbb", set->name, (int64_t)set->supervised, SPAN_ID(&set->mine.person),
                                 SPAN_ID(&set->other.family), SPAN_ID(&set->other.person))
                       : st;
}

/* The child's device opens the conversation; the parents' list the contact. */
static enum status grant_approach(struct node *n, const struct entry_permit *k, const struct permit *p,
                                  bool stands)
{
    struct granted g;
    char name[WIRE_NAME_MAX + 1];
    bool mine = ID_EQUAL(&p->child.person, &n->self.person);
    enum status st = judge_request(k, p, &g);
    if (st == ST_OK)
        st = card_keep(n, &g.card);
    if (st == ST_OK && g.request.has_permit && g.from.supervised)
        st = permit_keep(n, g.request.permit);
    if (st != ST_OK)
        return st;
    text_copy(name, sizeof(name), g.card.name);
    struct contact_set set = {.mine = p->child,
                              .other = p->contact,
                              .name = name,
                              .supervised = g.from.supervised,
                              .state = mine ? CONTACT_FOUNDING : CONTACT_ACTIVE,
                              .their_box = g.request.reply_letterbox};
    st = stands ? contact_put(n, &set) : put_ended(n, &set);
    if (st != ST_OK || !mine || !stands)
        return st;
    struct conversation_wish w = {.mine = p->child,
                                  .other = p->contact,
                                  .name = g.card.name,
                                  .supervised = g.from.supervised,
                                  .key_package = g.request.key_package,
                                  .certificate = k->certificate,
                                  .box = g.request.reply_letterbox};
    return conversation_want(n, &w);
}

/* The child's own ask: the device that asked sends the request now; the parents list the contact. */
static enum status grant_ask(struct node *n, const struct person_ref *child, const struct person_ref *contact,
                             bool stands)
{
    struct request r;
    struct invite i;
    bool found = false;
    if (ID_EQUAL(&child->person, &n->self.person) && stands)
        return meet_go_on(n, contact);
    request_init(&r);
    enum status st = request_find(n, REQUEST_ASK, &child->person, contact, &r, &found);
    if (st == ST_OK && found)
        st = invite_decode(&i, buffer_span(&r.body));
    if (st == ST_OK && found) {
        struct contact_set set = {.mine = *child,
                                  .other = *contact,
                                  .name = r.other_name,
                                  .supervised = r.other_supervised,
                                  .state = CONTACT_ACTIVE,
                                  .their_box = i.letterbox};
        st = stands ? contact_put(n, &set) : put_ended(n, &set);
        bytes_wipe(&i, sizeof(i));
    }
    request_free(&r);
    return st;
}

/* Only parents of the child's family, in that child's ward; beyond the author's pin it opens nothing. */
static enum status judge_author(struct node *n, const struct applied_entry *e, const struct person_ref *child)
{
    struct person_id ward;
    bool parent = false;
    enum status st = family_is_parent(n, &e->who, &parent);
    if (st == ST_OK)
        st = family_ward_of_scope(n, &e->scope, &ward);
    if (st != ST_OK)
        return st;
    bool good = parent && ID_EQUAL(&ward, &child->person) && ID_EQUAL(&child->family, &n->self.family);
    return good ? ST_OK : ST_JOURNAL_AUTHOR;
}

/* Was one given that has enough signatures, and stands no more? */
static enum status permit_ended(struct node *n, const struct person_ref *child,
                                const struct person_ref *contact, bool *ended)
{
    int64_t given = 0;
    enum status st = sql_number(&n->sql, &given, 0,
                                "SELECT count(*) FROM permit WHERE child_family = ? AND child = ? AND"
                                " contact_family = ? AND contact = ? AND enough = 1",
                                "bbbb", SPAN_ID(&child->family), SPAN_ID(&child->person),
                                SPAN_ID(&contact->family), SPAN_ID(&contact->person));
    *ended = given != 0;
    return st;
}

/* Does the newest permit for the pair stand; and if none does, did one end? */
static enum status permit_state(struct node *n, const struct person_ref *child,
                                const struct person_ref *contact, bool *stands, bool *ended)
{
    struct buffer newest;
    *ended = false;
    buffer_init(&newest, WIRE_PERMIT_MAX);
    enum status st = permit_newest(n, child, contact, &newest, stands);
    buffer_wipe(&newest);
    return st == ST_OK && !*stands ? permit_ended(n, child, contact, ended) : st;
}

enum status permit_of_ask(struct node *n, const struct person_ref *child, const struct person_ref *contact)
{
    bool stands = false, ended = false;
    enum status st = permit_state(n, child, contact, &stands, &ended);
    return st == ST_OK && (stands || ended) ? grant_ask(n, child, contact, stands) : st;
}

/* On the child's own device: a leave since, which the parents' devices may not know yet, ends it. */
static enum status left_since(struct node *n, const struct permit *p, uint64_t brought, bool *left)
{
    enum contact_state state = CONTACT_FOUNDING;
    struct scope_id pair;
    uint64_t given = 0;
    if (!ID_EQUAL(&p->child.person, &n->self.person))
        return ST_OK;
    enum status st = leave_yes_given(n, p, brought, &given);
    if (st == ST_OK)
        st = scope_id_of_pair(&p->child, &p->contact, &pair);
    if (st == ST_OK)
        st = leave_since(n, &pair, given, &state);
    *left = state != CONTACT_FOUNDING;
    return st;
}

/* Once for each serial: what is signed again, or co-signed, is the same yes. */
static enum status grant(struct node *n, const struct applied_entry *e, const struct permit *p)
{
    const struct entry_permit *k = &e->body->u.permit;
    bool done = false, stands = false, ended = false, left = false;
    enum status st = permit_is_granted(n, p, &done);
    if (st == ST_OK && !done)
        st = permit_state(n, &p->child, &p->contact, &stands, &ended);
    if (st != ST_OK || (!stands && !ended)) /* it has not enough signatures yet */
        return st;
    st = left_since(n, p, e->hlc, &left);
    bool opens = stands && !left;
    if (st == ST_OK)
        st =
            k->request.len > 0 ? grant_approach(n, k, p, opens) : grant_ask(n, &p->child, &p->contact, opens);
    if (st == ST_OK)
        st = permit_granted(n, p);
    return st == ST_OK && stands ? leave_ends_permit(n, p, e->hlc) : st;
}

/* A permit bears its signatures, and counts by those whose devices stand in the chain now. What came up to
 * its author's pin is kept all the same: so it is, where it came before the removal. */
enum status apply_permit(struct node *n, const struct applied_entry *e)
{
    const struct entry_permit *k = &e->body->u.permit;
    struct permit p;
    enum status st = permit_decode(&p, k->permit);
    if (st == ST_OK)
        st = judge_author(n, e, &p.child);
    if (st == ST_OK && e->closes_only)
        st = ST_JOURNAL_AUTHOR;
    if (st == ST_OK)
        st = permit_keep_entry(n, k->permit);
    if (st == ST_OK)
        st = grant(n, e, &p);
    return st == ST_OK ? groups_dirty(n) : st; /* a conversation may have waited for it */
}

/* The parents' devices listed the contact by it, and do not where the pin came first. */
enum status retract_permit(struct node *n, const struct applied_entry *e)
{
    struct span encoded = e->body->u.permit.permit;
    struct permit p;
    int64_t others = 0;
    enum status st = permit_decode(&p, encoded);
    if (st == ST_OK)
        st = sql_number(
            &n->sql, &others, 0,
            "SELECT count(*) FROM entry WHERE scope = ? AND kind = ? AND applied = 1 AND id != ? AND"
            " has_body = 1 AND instr(entry, ?) > 0",
            "biib", SPAN_ID(&e->scope), (int64_t)ENTRY_PERMIT, e->id, encoded);
    if (st != ST_OK || others != 0)
        return st;
    st = permit_forget(n, &p, encoded);
    if (st == ST_OK && !ID_EQUAL(&p.child.person, &n->self.person))
        st = sql_run(
            &n->sql,
            "DELETE FROM contact WHERE person = ?1 AND family = ?2 AND other = ?3 AND NOT EXISTS"
            " (SELECT 1 FROM permit WHERE child_family = ?4 AND child = ?1 AND contact_family = ?2 AND"
            " contact = ?3)",
            "bbbb", SPAN_ID(&p.child.person), SPAN_ID(&p.contact.family), SPAN_ID(&p.contact.person),
            SPAN_ID(&p.child.family));
    return st;
}

/* ---- permits that came to count later than they came ---- */

static enum status grant_entry(struct node *n, const struct applied_entry *e, void *ctx)
{
    const struct permit *wanted = ctx;
    struct permit p;
    if (e->closes_only || permit_decode(&p, e->body->u.permit.permit) != ST_OK ||
        p.serial != wanted->serial || !person_ref_equal(&p.child, &wanted->child) ||
        !person_ref_equal(&p.contact, &wanted->contact))
        return ST_OK;
    return grant(n, e, &p);
}

static enum status grant_late(struct node *n, void *arg)
{
    struct permit *p = arg;
    struct scope_id ward;
    enum status st = scope_id_of_person(SCOPE_WARD, &p->child.person, &ward);
    if (st == ST_OK)
        st = journal_each(n, &ward, ENTRY_PERMIT, grant_entry, p);
    return st;
}

enum status permits_due(struct node *n)
{
    struct permit late[CONTACT_WALK_MAX];
    size_t count = 0;
    struct query q;
    int64_t counted = 0;
    enum status st = meta_number(n, "permits_counted", 0, &counted);
    if (st != ST_OK || counted == 0)
        return st;
    query_start(&q, &n->sql,
                "SELECT permit FROM permit WHERE child_family = ? AND enough = 1 AND granted = 0 LIMIT 64",
                "b", SPAN_ID(&n->self.family));
    while (count < CONTACT_WALK_MAX && query_next(&q)) {
        query_fail(&q, permit_decode(&late[count++], query_blob(&q, 0)));
    }
    st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++)
        st = node_guard(n, grant_late, &late[i], NULL); /* one that cannot be acted on holds up no other */
    return st == ST_OK ? meta_set_number(n, "permits_counted", 0) : st;
}

/* ---- withdrawals ---- */

/* To the contact's letterbox; a contact without one hears it from others. */
static enum status send_withdrawal(struct node *n, const struct permit_withdrawal *w, struct span encoded)
{
    struct buffer box;
    enum contact_state state;
    bool known = false;
    buffer_init(&box, LETTERBOX_MAX);
    enum status st = contact_row(n, &w->child, &w->contact, &state, &box, &known);
    if (st == ST_OK && known && box.len > 0) {
        struct letter l = {LETTERBOX_WITHDRAWAL, buffer_span(&box), w->contact, encoded};
        st = letter_send(n, &l);
    }
    buffer_wipe(&box);
    return st;
}

enum status withdrawal_make(struct node *n, const struct person_ref *child, const struct person_ref *contact)
{
    uint64_t serial;
    enum status st = withdrawal_next_serial(n, child, contact, &serial);
    return st == ST_OK ? withdrawal_of(n, child, contact, serial) : st;
}

enum status withdrawal_of(struct node *n, const struct person_ref *child, const struct person_ref *contact,
                          uint64_t serial)
{
    struct permit_withdrawal w = {
        .child = *child, .contact = *contact, .serial = serial, .issuer = n->self.device};
    struct entry_body body = {.kind = ENTRY_WITHDRAWAL};
    struct buffer encoded;
    struct writer wr;
    buffer_init(&encoded, WIRE_PERMIT_MAX);
    writer_init(&wr, &encoded);
    enum status st = permit_withdrawal_sign(&w, &n->self.key);
    if (st == ST_OK)
        st = permit_withdrawal_encode(&wr, &w);
    if (st == ST_OK)
        st = send_withdrawal(n, &w, buffer_span(&encoded));
    body.u.withdrawal.withdrawal = buffer_span(&encoded);
    if (st == ST_OK)
        st = ward_append(n, &child->person, &body);
    buffer_wipe(&encoded);
    return st;
}

/* A parent's no closes also beyond its author's pin. A permit given later, knowingly, stands. */
enum status apply_withdrawal(struct node *n, const struct applied_entry *e)
{
    struct span encoded = e->body->u.withdrawal.withdrawal;
    struct permit_withdrawal w;
    struct buffer newest;
    char by[NODE_NAME_MAX + 20];
    bool stands = false;
    enum status st = permit_withdrawal_decode(&w, encoded);
    if (st == ST_OK)
        st = judge_author(n, e, &w.child);
    if (st == ST_OK)
        st = withdrawal_keep_entry(n, encoded);
    buffer_init(&newest, WIRE_PERMIT_MAX);
    if (st == ST_OK)
        st = permit_newest(n, &w.child, &w.contact, &newest, &stands);
    if (st == ST_OK)
        st = person_name(n, &e->who, by, sizeof(by));
    if (st == ST_OK && !stands && ID_EQUAL(&w.child.person, &n->self.person))
        st =
            send_withdrawal(n, &w, encoded); /* the child's own device knows the contact's newest letterbox */
    if (st == ST_OK)
        st = requests_over(n, &w.child, &w.contact, hlc_ms(w.serial));
    if (st == ST_OK && !stands)
        st = conversation_unwant(n, &w.child, &w.contact);
    if (st == ST_OK && !stands)
        st = contact_end(n, &w.child, &w.contact, by);
    buffer_wipe(&newest);
    return st;
}
