/* SPDX-License-Identifier: Apache-2.0 */
/* Asking to meet somebody: link → card → (a child: ask in the ward → permit) → request into their letterbox.
 */
#include "protocol/link.h"
#include "sync/commands.h"
#include "sync/contact_internal.h"

/* ---- meet: the card is read first ---- */

/* The log of a card, as whoever holds the invite sees it. */
static enum status read_keys(const struct invite *i, struct log_keys *k,
                             char relay[static WIRE_RELAY_MAX + 1])
{
    struct letterbox box;
    memset(k, 0, sizeof(*k));
    enum status st = letterbox_decode(&box, i->letterbox);
    text_copy(relay, WIRE_RELAY_MAX + 1, st == ST_OK ? box.relay : SPAN_EMPTY);
    k->can_read = true;
    memcpy(k->read.b, i->card_read_token.b, sizeof(k->read.b));
    memcpy(k->hashes.of[LOG_WRITE].b, i->card_write_hash, HASH_LEN);
    memcpy(k->hashes.of[LOG_TRIM].b, i->card_trim_hash, HASH_LEN);
    k->block_key = i->card_key;
    log_keys_hash(k);
    bytes_wipe(&box, sizeof(box));
    return st;
}

static enum status judge_link(struct node *n, const struct invite *i)
{
    struct letterbox box;
    struct person_ref self = self_person(n);
    enum contact_state state;
    bool known;
    enum status st = invite_verify(i);
    if (st == ST_OK)
        st = letterbox_decode(&box, i->letterbox);
    if (st != ST_OK)
        return st;
    bool over = box.expires_ms <= n->now.wall_ms;
    bytes_wipe(&box, sizeof(box));
    if (ID_EQUAL(&i->who.family, &n->self.family))
        return ST_LINK_OWN;
    if (over)
        return ST_LINK_EXPIRED;
    st = contact_row(n, &self, &i->who, &state, NULL, &known);
    return st == ST_OK && known && state == CONTACT_ACTIVE ? ST_CONTACT_ALREADY : st;
}

static enum status ask_policy(struct node *n, const struct person_ref *other, struct reply *r)
{
    struct facts_ask ask = {.kind = MAY_SEND_REQUEST, .subject = self_person(n), .peer = *other};
    struct facts_answer answer;
    enum status st = facts_decide(n, &ask, &answer);
    if (st != ST_OK || answer.kind == VERDICT_ASK) /* a parent is asked in the ward: that is what meet does */
        return st;
    r->rule = answer.rule;
    return facts_status(&answer);
}

static enum status listen_for_card(struct node *n, const struct invite *i)
{
    char relay[WIRE_RELAY_MAX + 1];
    struct log_keys k;
    int64_t log;
    enum status st = read_keys(i, &k, relay);
    if (st == ST_OK) {
        struct log_args a = {.kind = LOG_OF_CARD, .relay = relay, .keys = &k, .listen = true};
        st = logs_add(n, &a, &log);
    }
    if (st == ST_OK)
        st = logs_listen(n, log, true);
    if (st == ST_OK) /* who asks again by the same link has read the card before */
        st = logs_reread(n, log);
    log_keys_wipe(&k);
    return st;
}

static enum status remember(struct node *n, const struct invite *i, struct span encoded, struct span note,
                            struct reply *r)
{
    struct request q, before;
    bool found = false, fresh;
    request_init(&q);
    request_init(&before);
    hash_bytes(encoded, q.id);
    q.kind = REQUEST_SENT;
    q.person = n->self.person;
    q.other = i->who;
    q.other_supervised = i->supervised;
    q.how = MET_INVITE;
    q.state = REQUEST_READING;
    q.at_ms = n->now.wall_ms;
    enum status st = request_load(n, q.id, &before, &found);
    if (st == ST_OK && found && before.state <= REQUEST_WAITING)
        st = ST_CONTACT_ALREADY;
    if (st == ST_OK && found) /* asked once more, after an end */
        st = sql_run(&n->sql, "DELETE FROM request WHERE id = ?", "b", SPAN(q.id));
    if (st == ST_OK)
        st = buffer_copy(&q.note, note);
    if (st == ST_OK)
        st = buffer_copy(&q.body, encoded);
    if (st == ST_OK)
        st = request_insert(n, &q, &fresh);
    if (st == ST_OK)
        st = reply_id(r, SPAN(q.id));
    request_free(&q);
    request_free(&before);
    return st;
}

enum status run_meet(struct node *n, const struct command *c, struct reply *r)
{
    struct span note = c->value[CMD_MEET_NOTE].given ? c->value[CMD_MEET_NOTE].text : SPAN_EMPTY;
    struct buffer payload;
    struct invite i;
    if (note.len > WIRE_NOTE_MAX)
        return ST_COMMAND_TEXT;
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    enum status st = link_parse(LINK_MEET, c->value[CMD_MEET_LINK].text, &payload);
    if (st == ST_OK)
        st = invite_decode(&i, buffer_span(&payload));
    if (st == ST_OK)
        st = judge_link(n, &i);
    if (st == ST_OK)
        st = ask_policy(n, &i.who, r);
    if (st == ST_OK)
        st = remember(n, &i, buffer_span(&payload), note, r);
    if (st == ST_OK)
        st = listen_for_card(n, &i);
    bytes_wipe(&i, sizeof(i));
    buffer_wipe(&payload);
    return st;
}

/* ---- the card is here ---- */

/* The card is its signer's word for the signer's own key. Another of that person's devices may be known as
 * somebody else's: that is no reason to refuse the person, and ends when the device is met. */
static enum status keep_listed(struct node *n, const struct card *c, struct span certificate)
{
    struct device_certificate d;
    enum status st = device_certificate_decode(&d, certificate);
    if (st == ST_OK && ID_EQUAL(&d.device, &c->signer))
        return family_keep_proven(n, certificate);
    if (st == ST_OK)
        st = family_keep_certificate(n, certificate);
    return st == ST_CERTIFICATE_PERSON ? ST_OK : st;
}

enum status card_keep(struct node *n, const struct card *c)
{
    struct span rest = c->certificates.bytes, item;
    enum status st = family_take_chain(n, &c->who.family, &c->authority_chain);
    while (st == ST_OK && wire_list_next(&rest, &item))
        st = keep_listed(n, c, item);
    return st;
}

/* The row whose invite names this log. */
static enum status row_of_log(struct node *n, const struct log_id *log, struct request *r, bool *found)
{
    struct query q;
    uint8_t id[HASH_LEN];
    *found = false;
    query_start(&q, &n->sql, "SELECT id, body FROM request WHERE kind = ? AND state = ?", "ii",
                (int64_t)REQUEST_SENT, (int64_t)REQUEST_READING);
    while (!*found && query_next(&q)) {
        struct invite i;
        struct log_keys k;
        struct log_id one;
        char relay[WIRE_RELAY_MAX + 1];
        if (invite_decode(&i, query_blob(&q, 1)) != ST_OK || read_keys(&i, &k, relay) != ST_OK)
            continue;
        log_id_of(&k.hashes, &one);
        *found = ID_EQUAL(&one, log);
        query_fixed(&q, 0, id, sizeof(id));
        log_keys_wipe(&k);
        bytes_wipe(&i, sizeof(i));
    }
    enum status st = query_end(&q);
    return st == ST_OK && *found ? request_load(n, id, r, found) : st;
}

static enum status go_on_as_adult(struct node *n, const struct request *r, const struct card *c,
                                  struct span card)
{
    char name[WIRE_NAME_MAX + 1];
    text_copy(name, sizeof(name), c->name);
    struct contact_ask a = {.invite = buffer_span(&r->body),
                            .note = buffer_span(&r->note),
                            .name = name,
                            .supervised = r->other_supervised};
    enum status st = sql_run(&n->sql, "UPDATE request SET other_name = ?, state = ? WHERE id = ?", "tib",
                             name, (int64_t)REQUEST_WAITING, SPAN(r->id));
    if (st == ST_OK) /* before the letterbox for the answer: that is for a contact that is not left */
        st = contact_tell_own(n, &c->who, card);
    return st == ST_OK ? contact_ask(n, &a) : st;
}

/* The row becomes the ask in the ward, which every device of the child and the parents' see. */
static enum status go_on_as_child(struct node *n, const struct request *r, struct span card)
{
    struct entry_body body = {
        .kind = ENTRY_ASK,
        .u.ask = {.invite = buffer_span(&r->body), .card = card, .note = buffer_span(&r->note)}};
    enum status st = sql_run(&n->sql, "DELETE FROM request WHERE id = ?", "b", SPAN(r->id));
    return st == ST_OK ? ward_append(n, &n->self.person, &body) : st;
}

static enum status take_card(struct node *n, const struct request *r, struct span message)
{
    struct card c;
    struct invite i;
    struct authority *at = mem_alloc(1, sizeof(*at));
    enum status st = at == NULL ? ST_NO_MEMORY : card_decode(&c, message);
    if (st == ST_OK)
        st = invite_decode(&i, buffer_span(&r->body));
    if (st == ST_OK)
        st = card_check_for_invite(&c, &i, at);
    if (st == ST_OK && c.expires_ms <= n->now.wall_ms)
        st = ST_LINK_EXPIRED;
    if (st == ST_OK)
        st = card_keep(n, &c);
    if (st == ST_OK)
        st = n->self.supervised ? go_on_as_child(n, r, message) : go_on_as_adult(n, r, &c, message);
    bytes_wipe(&i, sizeof(i));
    mem_free(at, sizeof(*at));
    return st;
}

enum status card_record(struct node *n, const struct log_row *log, struct span message)
{
    struct request r;
    bool found;
    request_init(&r);
    enum status st = row_of_log(n, &log->log, &r, &found);
    if (st == ST_OK && found)
        st = take_card(n, &r, message);
    if (st == ST_OK && found)
        st = logs_listen(n, log->id, false);
    if (st == ST_OK && found)
        st = node_notice(n, NOTICE_REQUESTS, NULL, NULL, NULL);
    request_free(&r);
    return st;
}

/* ---- the request ---- */

/* A letterbox of its own for the answer, known to all devices of this person. */
static enum status reply_box(struct node *n, const struct person_ref *peer, struct buffer *box)
{
    struct box_args args = {.kind = BOX_REPLY,
                            .owner = self_person(n),
                            .peer = *peer,
                            .expires_ms = n->now.wall_ms + CONTACT_BOX_DAYS * CONTACT_DAY_MS};
    struct entry_body body = {.kind = ENTRY_LETTERBOX_KEY};
    int64_t id;
    enum status st = box_new(n, &args, box, &body.u.letterbox_key.box, &id);
    body.u.letterbox_key.peer = *peer;
    if (st == ST_OK)
        st = own_append(n, &body);
    entry_body_wipe(&body);
    return st;
}

struct asking { /* what a request is made of */
    struct buffer card, package, box, body;
};

static enum status build(struct node *n, const struct contact_ask *a, const struct invite *i,
                         struct asking *m)
{
    static const struct device_id anybody;
    struct writer w;
    struct contact_request r = {.note = a->note, .how_met = MET_INVITE, .has_permit = a->permit.len > 0};
    enum status st = card_make(n, &n->self.person, &m->card);
    if (st == ST_OK)
        st = key_package_make(n, &anybody, false, &m->package);
    if (st == ST_OK)
        st = reply_box(n, &i->who, &m->box);
    r.card = buffer_span(&m->card);
    r.permit = a->permit;
    r.key_package = buffer_span(&m->package);
    r.reply_letterbox = buffer_span(&m->box);
    writer_init(&w, &m->body);
    return st == ST_OK ? contact_request_encode(&w, &r) : st;
}

enum status contact_ask(struct node *n, const struct contact_ask *a)
{
    struct invite i;
    struct asking m;
    struct person_ref self = self_person(n);
    struct contact_set set = {
        .mine = self, .name = a->name, .supervised = a->supervised, .state = CONTACT_FOUNDING};
    buffer_init(&m.card, CARD_MAX);
    buffer_init(&m.package, WIRE_KEY_PACKAGE_MAX);
    buffer_init(&m.box, LETTERBOX_MAX);
    buffer_init(&m.body, LETTERBOX_BODY_MAX);
    enum status st = invite_decode(&i, a->invite);
    if (st == ST_OK)
        st = build(n, a, &i, &m);
    if (st == ST_OK) {
        struct letter l = {LETTERBOX_CONTACT_REQUEST, i.letterbox, i.who, buffer_span(&m.body)};
        st = letter_send(n, &l);
    }
    if (st == ST_OK) {
        set.other = i.who;
        set.their_box = i.letterbox;
        st = contact_put(n, &set);
    }
    bytes_wipe(&i, sizeof(i));
    buffer_wipe(&m.card);
    buffer_wipe(&m.package);
    buffer_wipe(&m.box);
    buffer_wipe(&m.body);
    return st;
}

/* Only the device that wrote the ask sends the request, and once for each contact that is to be. */
static enum status ask_is_ours(struct node *n, const struct request *r, bool *ours)
{
    struct person_ref self = self_person(n);
    enum contact_state state;
    bool known = false;
    int64_t own = 0;
    enum status st = sql_number(&n->sql, &own, 0, "SELECT own FROM entry WHERE hash = ?", "b", SPAN(r->id));
    if (st == ST_OK)
        st = contact_row(n, &self, &r->other, &state, NULL, &known);
    *ours = own != 0 && (!known || state == CONTACT_WITHDRAWN || state == CONTACT_LEFT);
    return st;
}

enum status meet_go_on(struct node *n, const struct person_ref *other)
{
    struct person_ref self = self_person(n);
    struct request r;
    struct buffer permit;
    bool found = false, ours = false, permitted = false;
    request_init(&r);
    buffer_init(&permit, WIRE_PERMIT_MAX);
    enum status st = request_find(n, REQUEST_ASK, &self.person, other, &r, &found);
    if (st == ST_OK && found)
        st = ask_is_ours(n, &r, &ours);
    if (st == ST_OK && ours)
        st = permit_newest(n, &self, other, &permit, &permitted);
    if (st == ST_OK && permitted) {
        struct contact_ask a = {.invite = buffer_span(&r.body),
                                .note = buffer_span(&r.note),
                                .permit = buffer_span(&permit),
                                .name = r.other_name,
                                .supervised = r.other_supervised};
        st = contact_ask(n, &a);
    }
    request_free(&r);
    buffer_wipe(&permit);
    return st;
}
