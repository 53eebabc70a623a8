/* SPDX-License-Identifier: Apache-2.0 */
/* Contacts: who they are, how they end, and what comes from them. */
#include "protocol/hlc.h"
#include "sync/commands.h"
#include "sync/contact_internal.h"
#include "sync/names.h"
#include "sync/scope_group.h"

/* ---- entries into this family's scopes ---- */

enum status ward_append(struct node *n, const struct person_id *child, const struct entry_body *body)
{
    struct scope_id scope;
    enum status st = scope_id_of_person(SCOPE_WARD, child, &scope);
    return st == ST_OK ? journal_append(n, SCOPE_WARD, &scope, body, NULL) : st;
}

enum status parents_append(struct node *n, const struct entry_body *body)
{
    struct scope_id scope;
    enum status st = scope_id_of_family(SCOPE_PARENTS, &n->self.family, &scope);
    return st == ST_OK ? journal_append(n, SCOPE_PARENTS, &scope, body, NULL) : st;
}

enum status own_append(struct node *n, const struct entry_body *body)
{
    struct scope_id scope;
    enum status st = scope_id_of_person(SCOPE_OWN, &n->self.person, &scope);
    return st == ST_OK ? journal_append(n, SCOPE_OWN, &scope, body, NULL) : st;
}

/* ---- rows ---- */

enum status contact_row(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                        enum contact_state *state, struct buffer *their_box, bool *found)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT state, their_box FROM contact WHERE person = ? AND family = ? AND other = ?", "bbb",
                SPAN_ID(&mine->person), SPAN_ID(&other->family), SPAN_ID(&other->person));
    *found = query_next(&q);
    *state = *found ? (enum contact_state)query_int(&q, 0) : CONTACT_LEFT;
    if (*found && their_box != NULL)
        query_fail(&q, buffer_copy(their_box, query_blob(&q, 1)));
    return query_end(&q);
}

/* A contact that talks already is not founded again by a permit that is renewed. */
enum status contact_put(struct node *n, const struct contact_set *c)
{
    struct scope_id scope;
    enum status st = scope_id_of_pair(&c->mine, &c->other, &scope);
    if (st != ST_OK)
        return st;
    return sql_run(
        &n->sql,
        "INSERT INTO contact(person, family, other, name, supervised, state, scope, their_box, since_at)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT DO UPDATE SET name = ?4, supervised = ?5,"
        " state = CASE WHEN state = ?10 AND ?6 = ?11 THEN state ELSE ?6 END,"
        " their_box = coalesce(?8, their_box)",
        "bbbtiiboiii", SPAN_ID(&c->mine.person), SPAN_ID(&c->other.family), SPAN_ID(&c->other.person),
        c->name, (int64_t)c->supervised, (int64_t)c->state, SPAN_ID(&scope),
        c->their_box.len > 0 ? c->their_box : SPAN_EMPTY, n->now.wall_ms, (int64_t)CONTACT_ACTIVE,
        (int64_t)CONTACT_FOUNDING);
}

enum status contact_unanswered(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                               bool *unanswered)
{
    int64_t count = 0;
    enum status st = sql_number(
        &n->sql, &count, 0,
        "SELECT count(*) FROM contact c WHERE person = ?1 AND family = ?2 AND other = ?3 AND state = ?4 AND"
        " NOT EXISTS (SELECT 1 FROM conversation_wish w WHERE w.person = ?1 AND w.family = ?2 AND"
        " w.other = ?3) AND NOT EXISTS (SELECT 1 FROM mls_group g WHERE g.scope = c.scope AND g.state < 3)",
        "bbbi", SPAN_ID(&mine->person), SPAN_ID(&other->family), SPAN_ID(&other->person),
        (int64_t)CONTACT_FOUNDING);
    *unanswered = count != 0;
    return st;
}

enum status contact_named(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                          const char *name)
{
    return sql_run(&n->sql,
                   "UPDATE contact SET name = ? WHERE person = ? AND family = ? AND other = ? AND name = '?'",
                   "tbbb", name, SPAN_ID(&mine->person), SPAN_ID(&other->family), SPAN_ID(&other->person));
}

enum status contact_notice(struct node *n, enum notice_kind kind, const struct person_ref *mine,
                           const struct person_ref *other, const char *what)
{
    char name[NODE_NAME_MAX + 20];
    struct scope_id scope;
    enum status st = scope_id_of_pair(mine, other, &scope);
    if (st == ST_OK)
        st = person_name(n, other, name, sizeof(name));
    return st == ST_OK ? node_notice(n, kind, name, what, &scope) : st;
}

/* ---- the end ---- */

/* The pair's group is destroyed on this device; what was said stays. */
static enum status forget_group(struct node *n, const struct person_ref *mine, const struct person_ref *other)
{
    struct scope_id scope;
    struct group *g;
    enum status st = scope_id_of_pair(mine, other, &scope);
    if (st == ST_OK)
        st = group_of_scope(n, &scope, &g);
    if (st == ST_OK)
        st = group_leave(n, g);
    return st == ST_GROUP_NOT_HERE ? ST_OK : st;
}

enum status contact_void_boxes(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                               bool replies)
{
    int64_t ids[CONTACT_WALK_MAX];
    size_t count = 0;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT id FROM letterbox WHERE void = 0 AND kind IN (?, ?) AND owner_person = ? AND peer_family = ?"
        " AND peer_person = ? LIMIT 64",
        "iibbb", (int64_t)(replies ? BOX_REPLY : BOX_CONTACT), (int64_t)BOX_CONTACT, SPAN_ID(&mine->person),
        SPAN_ID(&other->family), SPAN_ID(&other->person));
    while (count < CONTACT_WALK_MAX && query_next(&q))
        ids[count++] = query_int(&q, 0);
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++)
        st = box_void(n, ids[i]);
    return st;
}

enum status contact_close(struct node *n, const struct person_ref *mine, const struct person_ref *other)
{
    enum status st = forget_group(n, mine, other);
    return st == ST_OK ? contact_void_boxes(n, mine, other, true) : st;
}

enum status requests_over(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                          int64_t until_ms)
{
    int64_t latest = n->now.wall_ms + JOURNAL_AHEAD_MS; /* of a clock that was ahead */
    return sql_run(
        &n->sql,
        "UPDATE request SET state = ? WHERE person = ? AND other_family = ? AND other_person = ? AND"
        " state IN (?, ?, ?) AND at_ms <= ?",
        "ibbbiiii", (int64_t)REQUEST_OVER, SPAN_ID(&mine->person), SPAN_ID(&other->family),
        SPAN_ID(&other->person), (int64_t)REQUEST_READING, (int64_t)REQUEST_WAITING, (int64_t)REQUEST_YES,
        until_ms < latest ? until_ms : latest);
}

enum status contact_end(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                        const char *by)
{
    bool self = ID_EQUAL(&mine->person, &n->self.person);
    enum contact_state state;
    bool known;
    enum status st = contact_row(n, mine, other, &state, NULL, &known);
    if (st != ST_OK || !known || state == CONTACT_WITHDRAWN)
        return st;
    st = sql_run(&n->sql, "UPDATE contact SET state = ? WHERE person = ? AND family = ? AND other = ?",
                 "ibbb", (int64_t)CONTACT_WITHDRAWN, SPAN_ID(&mine->person), SPAN_ID(&other->family),
                 SPAN_ID(&other->person));
    if (st == ST_OK && self)
        st = contact_close(n, mine, other);
    return st == ST_OK && state != CONTACT_LEFT ? contact_notice(n, NOTICE_WITHDRAWN, mine, other, by) : st;
}

/* ---- withdraw ---- */

/* Of several persons' contacts of one name none goes before the others: who ends one is told of each. What
 * has ended already is not ended once more, and is said to have ended where nothing else fits. */
static enum status contact_to_end(struct node *n, const char *text, const struct person_id *of,
                                  struct named *out)
{
    enum status st = name_resolve(n, text, (unsigned)NAME_OF_CONTACT | (unsigned)NAME_TO_END, of, out);
    if (st != ST_NAME_UNKNOWN)
        return st;
    st = name_resolve(n, text, NAME_OF_CONTACT, of, out);
    return st == ST_OK || st == ST_NAME_AMBIGUOUS ? ST_CONTACT_ENDED : st;
}

enum status run_withdraw(struct node *n, const struct command *c, struct reply *r)
{
    struct named who, contact;
    char text[NODE_NAME_MAX + 20];
    bool narrowed = c->value[CMD_WITHDRAW_FOR].given;
    enum status st = ST_OK;
    if (narrowed)
        st = name_resolve(n, command_text(c, CMD_WITHDRAW_FOR, text, sizeof(text)), NAME_OF_PERSON, NULL,
                          &who);
    if (st == ST_OK)
        st = contact_to_end(n, command_text(c, CMD_WITHDRAW_CONTACT, text, sizeof(text)),
                            narrowed ? &who.person.person : NULL, &contact);
    if (st != ST_OK)
        return st;
    text_copy(r->name, sizeof(r->name), span_text(contact.name));
    if (ID_EQUAL(&contact.of.person, &n->self.person))
        return contact_leave(n, &contact.person);
    if (n->self.role != ROLE_PARENT)
        return ST_COMMAND_NOT_PARENT;
    st = person_name(n, &contact.of, r->of, sizeof(r->of));
    return st == ST_OK ? withdrawal_make(n, &contact.of, &contact.person) : st;
}

/* ---- from the other side ---- */

/* Their parents have ended it: told to all devices of this person, and a child's parents. The chain goes with
 * it: some of those do not have that family's, and are to judge the same. */
static enum status pass_on(struct node *n, const struct permit_withdrawal *w, struct span encoded)
{
    struct entry_body body = {.kind = ENTRY_CONTACT_CARD,
                              .u.contact_card = {.who = w->child, .withdrawal = encoded}};
    const struct authority *authority;
    const struct roster *roster;
    struct buffer chain;
    buffer_init(&chain, WIRE_LIST_MAX);
    enum status st = family_states(n, &authority, &roster);
    if (st == ST_OK)
        st = family_chain_list(n, &w->child.family, CHAIN_AUTHORITY, 0, &chain, &body.u.contact_card.chain);
    if (st == ST_OK)
        st = authority_is_supervised(authority, &w->contact.person)
                 ? ward_append(n, &w->contact.person, &body)
                 : own_append(n, &body);
    buffer_wipe(&chain);
    return st;
}

/* A withdrawal of their child's permit for one of ours; whoever brings it, their chain says who may sign it.
 */
enum status letter_withdrawal(struct node *n, const struct received_letter *l)
{
    struct permit_withdrawal w;
    int64_t known = 0;
    enum status st = permit_withdrawal_decode(&w, l->m->body);
    if (st == ST_OK && !person_ref_equal(&w.contact, &l->owner))
        st = ST_WITHDRAWAL_ISSUER;
    if (st == ST_OK)
        st = sql_number(&n->sql, &known, 0,
                        "SELECT count(*) FROM withdrawal WHERE child = ? AND contact = ? AND serial = ?",
                        "bbi", SPAN_ID(&w.child.person), SPAN_ID(&w.contact.person), (int64_t)w.serial);
    if (st == ST_OK && known == 0)
        st = withdrawal_keep(n, l->m->body);
    return st == ST_OK && known == 0 ? pass_on(n, &w, l->m->body) : st;
}

/* In a ward by anybody of it, in `own` by oneself: the withdrawal carries its own proof. */
static enum status take_withdrawal(struct node *n, const struct entry_contact_card *k)
{
    struct permit_withdrawal w;
    struct buffer newest;
    bool stands = false;
    enum status st = permit_withdrawal_decode(&w, k->withdrawal);
    if (st == ST_OK &&
        (!person_ref_equal(&w.child, &k->who) || !ID_EQUAL(&w.contact.family, &n->self.family)))
        st = ST_WITHDRAWAL_ISSUER;
    if (st == ST_OK && !ID_EQUAL(&w.child.family, &n->self.family))
        st = family_take_chain(n, &w.child.family, &k->chain);
    if (st == ST_OK)
        st = withdrawal_keep_entry(n, k->withdrawal);
    buffer_init(&newest, WIRE_PERMIT_MAX);
    if (st == ST_OK)
        st = permit_newest(n, &w.child, &w.contact, &newest, &stands);
    buffer_wipe(&newest);
    if (st == ST_OK)
        st = requests_over(n, &w.contact, &w.child, hlc_ms(w.serial));
    if (st == ST_OK && !stands)
        st = conversation_unwant(n, &w.contact, &w.child);
    return st == ST_OK && !stands ? contact_end(n, &w.contact, &w.child, "the other family") : st;
}

enum status contact_tell_own(struct node *n, const struct person_ref *who, struct span card)
{
    struct entry_body body = {.kind = ENTRY_CONTACT_CARD, .u.contact_card = {.who = *who, .card = card}};
    return own_append(n, &body);
}

/* This person's other devices list the contact by name, too. Where the conversation came first, the row is
 * there and has none. */
static enum status take_card(struct node *n, const struct entry_contact_card *k, uint64_t hlc)
{
    struct card c;
    char name[WIRE_NAME_MAX + 1];
    struct person_ref self = self_person(n);
    struct scope_id pair;
    enum contact_state state, ended = CONTACT_FOUNDING;
    bool known = false;
    struct authority *at = mem_alloc(1, sizeof(*at));
    enum status st = at == NULL ? ST_NO_MEMORY : card_decode(&c, k->card);
    if (st == ST_OK)
        st = card_check(&c, at);
    if (st == ST_OK && (!person_ref_equal(&c.who, &k->who) || ID_EQUAL(&c.who.family, &n->self.family)))
        st = ST_APPROACH_SENDER;
    if (st == ST_OK)
        st = card_keep(n, &c);
    if (st == ST_OK)
        st = contact_row(n, &self, &k->who, &state, NULL, &known);
    if (st == ST_OK)
        st = scope_id_of_pair(&self, &k->who, &pair);
    if (st == ST_OK)
        st = leave_since(n, &pair, hlc, &ended);
    if (st == ST_OK) {
        const struct authority_person *p = authority_find(at, &k->who.person);
        struct contact_set set = {.mine = self,
                                  .other = k->who,
                                  .name = name,
                                  .supervised = p == NULL || p->role == ROLE_CHILD,
                                  .state = ended};
        bool anew = !known || (state == CONTACT_LEFT && ended == CONTACT_FOUNDING); /* asked once more */
        text_copy(name, sizeof(name), c.name);
        st = !anew ? contact_named(n, &self, &k->who, name) : contact_put(n, &set);
    }
    mem_free(at, sizeof(*at));
    return st;
}

enum status apply_contact_card(struct node *n, const struct applied_entry *e)
{
    const struct entry_contact_card *k = &e->body->u.contact_card;
    enum status st = k->withdrawal.len != 0 ? take_withdrawal(n, k) : ST_OK;
    return st == ST_OK && k->card.len != 0 && e->scope_kind == SCOPE_OWN && !e->own ? take_card(n, k, e->hlc)
                                                                                    : st;
}

enum status apply_letterbox_key(struct node *n, const struct applied_entry *e)
{
    const struct entry_letterbox_key *k = &e->body->u.letterbox_key;
    struct box_args a = {.kind = BOX_CONTACT,
                         .owner = self_person(n),
                         .peer = k->peer,
                         .expires_ms = n->now.wall_ms + LETTERBOX_LIFE_MS};
    enum contact_state state;
    bool known = false;
    int64_t id;
    enum status st = contact_row(n, &a.owner, &k->peer, &state, NULL, &known);
    if (st != ST_OK || e->own || (known && state == CONTACT_LEFT)) /* for nobody any more */
        return st;
    return box_adopt(n, &a, &k->box, &id);
}

/* ---- the clock ---- */

enum status requests_due(struct node *n)
{
    enum status st = sql_run(&n->sql, "UPDATE request SET state = ? WHERE state = ? AND at_ms < ?", "iii",
                             (int64_t)REQUEST_OVER, (int64_t)REQUEST_READING,
                             n->now.wall_ms - CONTACT_READ_DAYS * CONTACT_DAY_MS);
    if (st == ST_OK)
        st = sql_run(&n->sql, "UPDATE request SET state = ? WHERE state = ? AND at_ms < ?", "iii",
                     (int64_t)REQUEST_OVER, (int64_t)REQUEST_WAITING,
                     n->now.wall_ms - CONTACT_ASK_DAYS * CONTACT_DAY_MS);
    if (st != ST_OK)
        return st;
    /* What was sent is answered when the two talk. */
    return sql_run(
        &n->sql,
        "UPDATE request SET state = ?1 WHERE kind = ?2 AND state = ?3 AND EXISTS (SELECT 1 FROM contact c"
        " WHERE c.person = request.person AND c.family = request.other_family AND c.other ="
        " request.other_person AND c.state = ?4)",
        "iiii", (int64_t)REQUEST_OVER, (int64_t)REQUEST_SENT, (int64_t)REQUEST_WAITING,
        (int64_t)CONTACT_ACTIVE);
}
