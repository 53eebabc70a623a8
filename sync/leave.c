/* SPDX-License-Identifier: Apache-2.0 */
/* A person's own no to a contact: told in the conversation, to the person's other devices, and of a child to
 * its parents. What their yes has to do with it: leave_yes.c; how the group ends, and what is told again:
 * leave_due.c. */
#include "protocol/beacon.h"
#include "protocol/hlc.h"
#include "sync/contact_internal.h"
#include "sync/readd.h"
#include "sync/scope_group.h"

/* Of a contact that was no conversation yet: no group has this generation. */
#define LEFT_NO_GROUP UINT32_MAX

/* ---- what was heard ---- */

enum status leave_hear(struct span in, uint64_t hlc, struct heard *out)
{
    struct leave_heard h = {.hlc = hlc, .note = in};
    *out = (struct heard){.told = leave_is_heard(in)};
    enum status st = out->told ? leave_heard_decode(&h, in) : ST_OK;
    out->hlc = h.hlc < hlc ? h.hlc : hlc; /* nobody hears of it before it was said */
    out->certificate = h.certificate;
    out->encoded = h.note;
    return st == ST_OK ? leave_note_decode(&out->note, h.note) : st;
}

enum status leave_is_proven(struct node *n, const struct heard *h, bool *proven)
{
    struct device_certificate c;
    struct buffer bytes;
    enum status st = h->certificate.len != 0 ? family_keep_certificate(n, h->certificate) : ST_OK;
    *proven = false;
    if (status_is_fatal(st))
        return st;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    st = family_certificate(n, &h->note.device, &bytes, &c);
    *proven = st == ST_OK && person_ref_equal(&c.who, &h->note.who) && leave_note_verify(&h->note) == ST_OK;
    buffer_wipe(&bytes);
    return status_is_fatal(st) ? st : ST_OK;
}

/* ---- what was told ---- */

/* Where a leave is told besides the conversation: a child's in the ward, where the parents read it, too. */
static enum status told_scope(const struct node *n, struct scope_id *scope)
{
    return scope_id_of_person(n->self.supervised ? SCOPE_WARD : SCOPE_OWN, &n->self.person, scope);
}

static enum status told_append(struct node *n, const struct entry_body *body)
{
    return n->self.supervised ? ward_append(n, &n->self.person, body) : own_append(n, body);
}

struct told { /* of the leaves of one conversation, by this person or by the other */
    struct scope_id pair;
    struct person_ref who;
    struct span note;             /* is this one among them? */
    uint64_t own_hlc, others_hlc; /* of the last */
    int64_t own_left, left;       /* the highest generation that this person, that anybody left; -1: none */
    bool same;
};

static enum status see_leave(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct told *t = ctx;
    struct heard h;
    (void)n;
    if (leave_hear(e->body->u.leave.note, e->hlc, &h) != ST_OK || !ID_EQUAL(&h.note.scope, &t->pair))
        return ST_OK;
    bool own = person_ref_equal(&h.note.who, &t->who);
    int64_t left = h.note.generation == LEFT_NO_GROUP ? -1 : (int64_t)h.note.generation;
    t->same = t->same || span_equal(h.encoded, t->note);
    t->left = left > t->left ? left : t->left;
    t->own_left = own && left > t->own_left ? left : t->own_left;
    t->own_hlc = own && h.hlc > t->own_hlc ? h.hlc : t->own_hlc;
    /* Without its hlc it was passed on by an earlier version, and that whenever it was read. */
    bool dated = h.told || person_ref_equal(&h.note.who, &e->who);
    t->others_hlc = !own && dated && h.hlc > t->others_hlc ? h.hlc : t->others_hlc;
    return ST_OK;
}

static enum status told_of(struct node *n, const struct scope_id *pair, struct span note, struct told *out)
{
    struct scope_id scope;
    *out = (struct told){.pair = *pair, .who = self_person(n), .note = note, .own_left = -1, .left = -1};
    enum status st = told_scope(n, &scope);
    if (st == ST_OK)
        st = journal_each(n, &scope, ENTRY_LEAVE, see_leave, out);
    out->note = SPAN_EMPTY; /* in the conversation itself it is not told to the others */
    return st == ST_OK ? journal_each(n, pair, ENTRY_LEAVE, see_leave, out) : st;
}

enum status leave_is_of(struct node *n, const struct scope_id *pair, uint32_t generation, bool *left)
{
    struct told t;
    enum status st = told_of(n, pair, SPAN_EMPTY, &t);
    *left = st == ST_OK && t.own_left >= (int64_t)generation;
    return st;
}

enum status leave_generation(struct node *n, const struct scope_id *pair, int64_t *out)
{
    struct told t;
    enum status st = told_of(n, pair, SPAN_EMPTY, &t);
    *out = t.left;
    return st;
}

enum status leave_since(struct node *n, const struct scope_id *pair, uint64_t hlc, enum contact_state *state)
{
    struct told t;
    enum status st = told_of(n, pair, SPAN_EMPTY, &t);
    *state = t.own_hlc > hlc ? CONTACT_LEFT : t.others_hlc > hlc ? CONTACT_WITHDRAWN : CONTACT_FOUNDING;
    return st;
}

/* ---- leaving ---- */

static enum status set_left(struct node *n, const struct person_ref *other)
{
    return sql_run(&n->sql,
                   "UPDATE contact SET state = ? WHERE person = ? AND family = ? AND other = ? AND state < ?",
                   "ibbbi", (int64_t)CONTACT_LEFT, SPAN_ID(&n->self.person), SPAN_ID(&other->family),
                   SPAN_ID(&other->person), (int64_t)CONTACT_WITHDRAWN);
}

/* The others stop, then nobody needs the group: leaves_due. Without one there is nobody to tell there. */
static enum status tell(struct node *n, const struct leave_note *note, const struct group *g,
                        struct span encoded)
{
    struct entry_body body = {.kind = ENTRY_LEAVE, .u.leave.note = encoded};
    enum status st = g ? journal_append(n, SCOPE_CONVERSATION, &note->scope, &body, NULL) : ST_OK;
    if (st == ST_OK && g)
        st = sql_run(&n->sql, "UPDATE mls_group SET left_at = ? WHERE id = ?", "ii", n->now.wall_ms, g->id);
    return st == ST_OK ? told_append(n, &body) : st;
}

enum status contact_leave(struct node *n, const struct person_ref *other)
{
    struct person_ref self = self_person(n);
    struct leave_note note = {.who = self, .device = n->self.device, .generation = LEFT_NO_GROUP};
    struct buffer encoded;
    struct writer w;
    struct group *g = NULL;
    buffer_init(&encoded, LEAVE_NOTE_MAX);
    writer_init(&w, &encoded);
    enum status st = scope_id_of_pair(&self, other, &note.scope);
    if (st == ST_OK)
        st = group_of_scope(n, &note.scope, &g);
    if (st == ST_OK) {
        note.generation = g->generation;
        note.has_leaf = readd_own_leaf(g, note.leaf_hash);
    }
    if (st == ST_OK || st == ST_GROUP_NOT_HERE)
        st = leave_note_sign(&note, &n->self.key);
    if (st == ST_OK)
        st = leave_note_encode(&w, &note);
    if (st == ST_OK)
        st = tell(n, &note, g, buffer_span(&encoded));
    if (st == ST_OK && g)
        st = leave_keep_letter(n, other, &note, buffer_span(&encoded));
    buffer_wipe(&encoded);
    if (st == ST_OK)
        st = requests_over(n, &self, other, n->now.wall_ms);
    if (st == ST_OK)
        st = conversation_unwant(n, &self, other);
    if (st == ST_OK)
        st = set_left(n, other);
    return st == ST_OK && !g ? contact_close(n, &self, other) : st;
}

/* ---- what ended, and what began since ---- */

enum status leave_contact_of(struct node *n, const struct person_id *person, const struct scope_id *scope,
                             struct person_ref *other, bool *found)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT family, other FROM contact WHERE person = ? AND scope = ?", "bb",
                SPAN_ID(person), SPAN_ID(scope));
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, &other->family);
        QUERY_ID(&q, 1, &other->person);
    }
    return query_end(&q);
}

struct since { /* was the contact asked, or said yes to, after a moment? */
    struct person_ref other;
    uint64_t hlc;
    bool any;
};

static enum status see_card(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct since *s = ctx;
    const struct entry_contact_card *k = &e->body->u.contact_card;
    (void)n;
    s->any = s->any || (e->hlc > s->hlc && k->card.len != 0 && person_ref_equal(&k->who, &s->other));
    return ST_OK;
}

/* An adult's devices tell each other by a card; for a child its parents said yes. */
static enum status began_since(struct node *n, const struct person_ref *other, uint64_t hlc, bool *since)
{
    struct person_ref self = self_person(n);
    struct since s = {.other = *other, .hlc = hlc};
    struct scope_id own;
    struct permit p;
    uint64_t given = 0;
    enum status st;
    if (n->self.supervised) {
        st = leave_yes_newest(n, &self, other, &p, &given);
        *since = st == ST_OK && given > hlc;
        return st;
    }
    st = scope_id_of_person(SCOPE_OWN, &n->self.person, &own);
    if (st == ST_OK)
        st = journal_each(n, &own, ENTRY_CONTACT_CARD, see_card, &s);
    *since = s.any;
    return st;
}

/* Talking again, under a later generation, is not ended by a leave from before. */
static enum status talks_again(struct node *n, const struct leave_note *note, bool *again)
{
    struct group *g = NULL;
    enum status st = group_of_scope(n, &note->scope, &g);
    *again = st == ST_OK && note->generation != LEFT_NO_GROUP && g->generation > note->generation;
    return st == ST_GROUP_NOT_HERE ? ST_OK : st;
}

/* ---- on this person's other devices ---- */

/* One that this device is in, and was in when the leave was said where it was not known yet: nobody has told
 * the other side. */
static enum status was_in(struct node *n, const struct leave_note *note, uint64_t hlc, bool *in)
{
    int64_t groups = 0;
    *in = false;
    if (note->generation != LEFT_NO_GROUP)
        return ST_OK;
    enum status st = sql_number(
        &n->sql, &groups, 0,
        "SELECT count(*) FROM mls_group WHERE scope = ? AND state != ? AND founded_at < ? AND left_at = 0",
        "bii", SPAN_ID(&note->scope), (int64_t)GROUP_LEFT, hlc_ms(hlc));
    *in = groups != 0;
    return st;
}

/* Another device of the person has nothing to say in that group, and goes at once. */
static enum status forget_left(struct node *n, const struct leave_note *note)
{
    struct group *g = NULL;
    enum status st = group_of_scope(n, &note->scope, &g);
    if (st == ST_OK && note->generation != LEFT_NO_GROUP && g->generation <= note->generation)
        st = group_leave(n, g);
    return st == ST_GROUP_NOT_HERE ? ST_OK : st;
}

static enum status left_elsewhere(struct node *n, const struct heard *h)
{
    struct person_ref self = self_person(n), other;
    bool found = false, again = false, since = false, in = false;
    enum status st = leave_contact_of(n, &self.person, &h->note.scope, &other, &found);
    if (st == ST_OK && found)
        st = requests_over(n, &self, &other, hlc_ms(h->hlc));
    if (st == ST_OK && found)
        st = began_since(n, &other, h->hlc, &since);
    if (st == ST_OK && found && !since)
        st = conversation_unwant(n, &self, &other);
    if (st == ST_OK && !since)
        st = was_in(n, &h->note, h->hlc, &in);
    if (st == ST_OK && found && in)
        return contact_leave(n, &other);
    if (st == ST_OK)
        st = talks_again(n, &h->note, &again);
    if (st == ST_OK && !again)
        st = forget_left(n, &h->note);
    if (st != ST_OK || !found || again || since)
        return st;
    st = set_left(n, &other);
    return st == ST_OK ? contact_void_boxes(n, &self, &other, true) : st;
}

/* ---- the other's ---- */

/* To this person's devices that are not in the conversation, or come later; and a child's parents hear of it.
 */
static enum status pass_on(struct node *n, const struct heard *h)
{
    struct leave_heard told = {.hlc = h->hlc, .note = h->encoded};
    struct entry_body body = {.kind = ENTRY_LEAVE};
    struct device_certificate c;
    struct buffer certificate, encoded;
    struct writer w;
    struct told t;
    enum status st = told_of(n, &h->note.scope, h->encoded, &t);
    if (st != ST_OK || t.same)
        return st;
    buffer_init(&certificate, WIRE_CERTIFICATE_MAX);
    buffer_init(&encoded, LEAVE_HEARD_MAX);
    writer_init(&w, &encoded);
    st = family_certificate(n, &h->note.device, &certificate, &c);
    told.certificate = buffer_span(&certificate);
    if (st == ST_OK)
        st = leave_heard_encode(&w, &told);
    body.u.leave.note = buffer_span(&encoded);
    if (st == ST_OK)
        st = told_append(n, &body);
    buffer_wipe(&certificate);
    buffer_wipe(&encoded);
    return st;
}

/* What was said stays, nothing more is sent. */
static enum status other_ended(struct node *n, const struct heard *h)
{
    struct person_ref self = self_person(n);
    const struct person_ref *other = &h->note.who;
    enum contact_state state;
    char name[WIRE_NAME_MAX + 1];
    bool known = false, since = false;
    enum status st = person_name(n, other, name, sizeof(name));
    if (st == ST_OK)
        st = contact_row(n, &self, other, &state, NULL, &known);
    if (st == ST_OK && known && state < CONTACT_WITHDRAWN)
        st = pass_on(n, h);
    if (st == ST_OK)
        st = began_since(n, other, h->hlc, &since);
    if (st == ST_OK && !since)
        st = conversation_unwant(n, &self, other);
    if (st == ST_OK)
        st = requests_over(n, &self, other, hlc_ms(h->hlc));
    return st == ST_OK ? contact_end(n, &self, other, name) : st;
}

/* Is it of the conversation that is here, or was, and of none that began since? */
static enum status other_left(struct node *n, const struct applied_entry *e, const struct heard *h)
{
    int64_t newest = 0;
    struct person_ref self = self_person(n);
    struct scope_id pair;
    bool proven = false, again = false;
    enum status st = scope_id_of_pair(&self, &h->note.who, &pair);
    if (st != ST_OK || !ID_EQUAL(&pair, &e->scope)) /* of who reads along, or where this person does */
        return st;
    st = leave_is_proven(n, h, &proven);
    if (st == ST_OK)
        st = sql_number(&n->sql, &newest, UINT32_MAX, "SELECT max(generation) FROM mls_group WHERE scope = ?",
                        "b", SPAN_ID(&e->scope));
    if (st == ST_OK &&
        (!proven || (int64_t)h->note.generation > newest || h->note.generation == LEFT_NO_GROUP))
        st = ST_JOURNAL_AUTHOR;
    if (st == ST_OK)
        st = talks_again(n, &h->note, &again);
    return st == ST_OK && !again ? other_ended(n, h) : st;
}

/* Another device of this person heard it. */
static enum status other_left_elsewhere(struct node *n, const struct heard *h)
{
    struct person_ref self = self_person(n), other;
    bool found = false, proven = false, again = false, since = false;
    enum status st = leave_contact_of(n, &self.person, &h->note.scope, &other, &found);
    if (st != ST_OK || !found || !h->told || !person_ref_equal(&other, &h->note.who))
        return st;
    st = leave_is_proven(n, h, &proven);
    if (st == ST_OK)
        st = talks_again(n, &h->note, &again);
    if (st == ST_OK)
        st = began_since(n, &other, h->hlc, &since);
    return st == ST_OK && proven && !again && !since ? other_ended(n, h) : st;
}

/* By letter, where the entry may have been lost: of the conversation that is here. Where that has ended, or
 * is a later one, it says nothing new. */
enum status letter_leave(struct node *n, const struct received_letter *l, struct span body)
{
    struct person_ref self = self_person(n);
    struct group *g = NULL;
    struct heard h;
    struct scope_id pair;
    uint64_t now = 0;
    bool proven = false;
    enum status st = node_hlc(n, &now);
    if (st == ST_OK)
        st = leave_hear(body, now, &h);
    if (st == ST_OK)
        st = scope_id_of_pair(&self, &h.note.who, &pair);
    if (st == ST_OK && (!h.told || !ID_EQUAL(&pair, &h.note.scope) || !person_ref_equal(&l->owner, &self) ||
                        !ID_EQUAL(&l->from.device, &h.note.device)))
        st = ST_LETTERBOX_SENDER;
    if (st != ST_OK)
        return st;
    h.certificate = l->m->certificate;
    st = leave_is_proven(n, &h, &proven);
    if (st == ST_OK && !proven)
        st = ST_LETTERBOX_SENDER;
    if (st == ST_OK)
        st = group_of_scope(n, &pair, &g);
    if (st != ST_OK)
        return st == ST_GROUP_NOT_HERE ? ST_OK : st;
    return g->generation == h.note.generation ? other_ended(n, &h) : ST_OK;
}

/* ---- arriving ---- */

static enum status told_in_ward(struct node *n, const struct applied_entry *e, const struct heard *h)
{
    struct person_ref child = {.family = n->self.family};
    enum status st = family_ward_of_scope(n, &e->scope, &child.person);
    if (st == ST_OK &&
        (!person_ref_equal(&e->who, &child) || (h->told && person_ref_equal(&h->note.who, &child))))
        st = ST_JOURNAL_AUTHOR;
    if (st != ST_OK || !ID_EQUAL(&child.person, &n->self.person))
        return st == ST_OK && n->self.role == ROLE_PARENT ? leave_ends_yes(n, &child, &e->scope, h) : st;
    if (e->own)
        return ST_OK;
    return person_ref_equal(&h->note.who, &child) ? left_elsewhere(n, h) : other_left_elsewhere(n, h);
}

static enum status told_in_own(struct node *n, const struct applied_entry *e, const struct heard *h)
{
    struct person_ref self = self_person(n);
    bool own = person_ref_equal(&h->note.who, &self);
    if (own == h->told)
        return ST_JOURNAL_AUTHOR;
    if (e->own)
        return ST_OK;
    return own ? left_elsewhere(n, h) : other_left_elsewhere(n, h);
}

static enum status told_in_conversation(struct node *n, const struct applied_entry *e, const struct heard *h)
{
    struct person_ref self = self_person(n);
    if (h->told || !ID_EQUAL(&h->note.scope, &e->scope) || !person_ref_equal(&h->note.who, &e->who))
        return ST_JOURNAL_AUTHOR;
    if (!person_ref_equal(&h->note.who, &self))
        return other_left(n, e, h);
    return e->own ? ST_OK : left_elsewhere(n, h);
}

enum status apply_leave(struct node *n, const struct applied_entry *e)
{
    struct heard h;
    enum status st = leave_hear(e->body->u.leave.note, e->hlc, &h);
    if (st == ST_OK)
        st = leave_note_verify(&h.note);
    if (st != ST_OK)
        return st;
    return e->scope_kind == SCOPE_WARD  ? told_in_ward(n, e, &h)
           : e->scope_kind == SCOPE_OWN ? told_in_own(n, e, &h)
                                        : told_in_conversation(n, e, &h);
}
