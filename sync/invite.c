/* SPDX-License-Identifier: Apache-2.0 */
/* Invites: a letterbox and a card, as a link. A child's are made and read by parents' devices only. */
#include "protocol/link.h"
#include "sync/commands.h"
#include "sync/contact_internal.h"
#include "sync/names.h"

struct card_tokens { /* what only the card's owner has. Wipe */
    struct log_token write, trim;
};

/* ---- cards ---- */

static enum status add_certificate(struct node *n, const struct device_id *device, struct buffer *bytes,
                                   struct wire_list *list)
{
    struct buffer one;
    struct device_certificate c;
    buffer_init(&one, WIRE_CERTIFICATE_MAX);
    enum status st = family_certificate(n, device, &one, &c);
    if (st == ST_OK)
        st = wire_list_append(bytes, list, buffer_span(&one));
    buffer_wipe(&one);
    return st == ST_NAME_UNKNOWN ? ST_OK : st; /* a device that is still on its way in */
}

static enum status add_certificates(struct node *n, const struct person_id *who, struct buffer *bytes,
                                    struct wire_list *list)
{
    struct family_device devices[WIRE_DEVICES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, who, devices, WIRE_DEVICES_MAX, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++)
        st = add_certificate(n, &devices[i].device, bytes, list);
    return st;
}

enum status card_make(struct node *n, const struct person_id *who, struct buffer *out)
{
    char name[NODE_NAME_MAX + 20];
    struct buffer chain, certificates;
    struct writer w;
    struct card c = {.who = {n->self.family, *who},
                     .made_ms = n->now.wall_ms,
                     .expires_ms = n->now.wall_ms + CONTACT_CARD_DAYS * CONTACT_DAY_MS,
                     .signer = n->self.device};
    buffer_init(&chain, WIRE_LIST_MAX);
    buffer_init(&certificates, WIRE_LIST_MAX);
    enum status st = person_name(n, &c.who, name, sizeof(name));
    if (st == ST_OK)
        st = family_chain_list(n, &n->self.family, CHAIN_AUTHORITY, 0, &chain, &c.authority_chain);
    if (st == ST_OK)
        st = add_certificates(n, who, &certificates, &c.certificates);
    if (st == ST_OK) {
        c.name = span_text(name);
        st = card_sign(&c, &n->self.key);
    }
    if (st == ST_OK) {
        writer_init(&w, out);
        st = card_encode(&w, &c);
    }
    buffer_wipe(&chain);
    buffer_wipe(&certificates);
    return st;
}

/* The log of an invite's card, as its owner sees it. */
static enum status card_log(struct node *n, const struct invite *i, const struct card_tokens *t, int64_t *log)
{
    struct letterbox box;
    struct log_keys k;
    char relay[WIRE_RELAY_MAX + 1];
    memset(&k, 0, sizeof(k));
    enum status st = letterbox_decode(&box, i->letterbox);
    if (st == ST_OK) {
        text_copy(relay, sizeof(relay), box.relay);
        k.can_write = k.can_read = k.can_trim = true;
        k.write = t->write;
        k.trim = t->trim;
        memcpy(k.read.b, i->card_read_token.b, sizeof(k.read.b));
        k.block_key = i->card_key;
        log_keys_hash(&k);
        struct log_args a = {.kind = LOG_OF_CARD, .relay = relay, .keys = &k};
        st = logs_add(n, &a, log);
    }
    log_keys_wipe(&k);
    bytes_wipe(&box, sizeof(box));
    return st;
}

static enum status card_publish(struct node *n, const struct invite *i, const struct card_tokens *t)
{
    struct buffer card;
    int64_t log = 0, last;
    buffer_init(&card, CARD_MAX);
    enum status st = card_make(n, &i->who.person, &card);
    if (st == ST_OK)
        st = card_log(n, i, t, &log);
    if (st == ST_OK) {
        struct span message = buffer_span(&card);
        st = logs_append(n, log, &message, 1, OUTBOX_PLAIN, 0, &last);
    }
    buffer_wipe(&card);
    return st;
}

/* ---- rows ---- */

static enum status invite_store(struct node *n, const struct invite *i, struct span encoded,
                                const struct card_tokens *t, bool own)
{
    uint8_t id[HASH_LEN], tokens[sizeof(*t)];
    struct letterbox box;
    hash_bytes(encoded, id);
    memcpy(tokens, t, sizeof(tokens));
    enum status st = letterbox_decode(&box, i->letterbox);
    if (st == ST_OK)
        st = sql_run(&n->sql,
                     "INSERT OR IGNORE INTO invite(id, person, invite, card_write_token, own, expires_at)"
                     " VALUES(?,?,?,?,?,?)",
                     "bbbbii", SPAN(id), SPAN_ID(&i->who.person), encoded, SPAN(tokens), (int64_t)own,
                     box.expires_ms);
    bytes_wipe(tokens, sizeof(tokens));
    bytes_wipe(&box, sizeof(box));
    return st;
}

/* When this device last put a card for this invite. */
static const char *card_key(struct span id, char out[static 16 + 2 * HASH_LEN])
{
    memcpy(out, "card:", 5);
    hex_encode(out + 5, id);
    return out;
}

static enum status card_put_now(struct node *n, const struct invite *i, struct span encoded,
                                const struct card_tokens *t)
{
    char key[16 + 2 * HASH_LEN];
    uint8_t id[HASH_LEN];
    hash_bytes(encoded, id);
    enum status st = card_publish(n, i, t);
    return st == ST_OK ? meta_set_number(n, card_key(SPAN(id), key), n->now.wall_ms) : st;
}

/* ---- making one ---- */

struct making { /* an invite under construction. Wipe */
    struct invite invite;
    struct box_secrets secrets;
    struct card_tokens tokens;
    struct buffer box, encoded;
};

static void making_free(struct making *m)
{
    buffer_wipe(&m->box);
    buffer_wipe(&m->encoded);
    bytes_wipe(m, sizeof(*m));
}

/* Random tokens for the card's log. */
static void card_tokens_new(struct node *n, struct making *m)
{
    struct log_keys k;
    log_keys_new(n, true, &k);
    m->tokens = (struct card_tokens){k.write, k.trim};
    memcpy(m->invite.card_read_token.b, k.read.b, sizeof(k.read.b));
    memcpy(m->invite.card_write_hash, k.hashes.of[LOG_WRITE].b, HASH_LEN);
    memcpy(m->invite.card_trim_hash, k.hashes.of[LOG_TRIM].b, HASH_LEN);
    m->invite.card_key = k.block_key;
    log_keys_wipe(&k);
}

static enum status make(struct node *n, const struct person_id *who, bool supervised, struct making *m)
{
    struct writer w;
    int64_t id;
    struct box_args args = {.kind = BOX_INVITE,
                            .owner = {n->self.family, *who},
                            .expires_ms = n->now.wall_ms + CONTACT_INVITE_DAYS * CONTACT_DAY_MS,
                            .uses = CONTACT_INVITE_USES};
    enum status st = box_new(n, &args, &m->box, &m->secrets, &id);
    if (st != ST_OK)
        return st;
    m->invite.letterbox = buffer_span(&m->box);
    m->invite.who = args.owner;
    m->invite.supervised = supervised;
    m->invite.signer = n->self.device;
    card_tokens_new(n, m);
    st = invite_sign(&m->invite, &n->self.key);
    writer_init(&w, &m->encoded);
    return st == ST_OK ? invite_encode(&w, &m->invite) : st;
}

/* Parents' other devices, or one's own, can read what comes. */
static enum status share(struct node *n, const struct making *m)
{
    struct entry_body body = {.kind = ENTRY_INVITE_KEY};
    struct entry_invite_key *k = &body.u.invite_key;
    k->person = m->invite.who.person;
    k->box = m->secrets;
    k->invite = buffer_span(&m->encoded);
    memcpy(k->card_write_token.b, m->tokens.write.b, SECRET_LEN);
    memcpy(k->card_trim_token.b, m->tokens.trim.b, SECRET_LEN);
    enum status st = m->invite.supervised ? parents_append(n, &body) : own_append(n, &body);
    entry_body_wipe(&body);
    return st;
}

static enum status find_for(struct node *n, const struct command *c, struct person_id *who, char *name,
                            size_t cap)
{
    struct named named;
    char text[NODE_NAME_MAX + 20];
    struct person_ref self = self_person(n);
    *who = n->self.person;
    command_text(c, CMD_INVITE_FOR, text, sizeof(text));
    if (text[0] == '\0')
        return person_name(n, &self, name, cap);
    enum status st = name_resolve(n, text, NAME_OF_PERSON, NULL, &named);
    if (st == ST_OK) {
        *who = named.person.person;
        sqlite3_snprintf((int)cap, name, "%s", named.name);
    }
    return st;
}

static enum status is_child(struct node *n, const struct person_id *who, bool *child)
{
    const struct authority *authority;
    const struct roster *roster;
    enum status st = family_states(n, &authority, &roster);
    *child = st != ST_OK || authority_is_supervised(authority, who);
    return st;
}

enum status run_invite(struct node *n, const struct command *c, struct reply *r)
{
    struct facts_ask ask = {.kind = MAY_MAKE_INVITE, .subject = {.family = n->self.family}};
    struct facts_answer answer;
    struct making m;
    bool child = true;
    memset(&m, 0, sizeof(m));
    buffer_init(&m.box, LETTERBOX_MAX);
    buffer_init(&m.encoded, ENTRY_INVITE_MAX);
    enum status st = find_for(n, c, &ask.subject.person, r->name, sizeof(r->name));
    if (st == ST_OK)
        st = facts_decide(n, &ask, &answer);
    if (st == ST_OK) {
        r->rule = answer.rule;
        st = facts_status(&answer);
    }
    if (st == ST_OK)
        st = is_child(n, &ask.subject.person, &child);
    if (st == ST_OK)
        st = make(n, &ask.subject.person, child, &m);
    if (st == ST_OK)
        st = invite_store(n, &m.invite, buffer_span(&m.encoded), &m.tokens, true);
    if (st == ST_OK)
        st = card_put_now(n, &m.invite, buffer_span(&m.encoded), &m.tokens);
    if (st == ST_OK)
        st = share(n, &m);
    if (st == ST_OK)
        st = link_print(LINK_MEET, buffer_span(&m.encoded), &r->link);
    r->expires_at_ms = n->now.wall_ms + CONTACT_INVITE_DAYS * CONTACT_DAY_MS;
    making_free(&m);
    return st;
}

/* ---- from one's other devices, or the other parents' ---- */

/* A key in `parents` is for a child, one in `own` for oneself; anything else is void. Its signer is a
 * parent's device or once was: what is void for a removal is what lies beyond the pin, whatever came first.
 * Others do not go on with the invite of a signer who is gone (§7.1). */
static enum status judge_key(struct node *n, const struct applied_entry *e, const struct invite *i)
{
    const struct authority *authority;
    const struct roster *roster;
    struct authority *then = NULL;
    enum status st = family_states(n, &authority, &roster);
    if (st != ST_OK)
        return st;
    bool mine = e->scope_kind == SCOPE_OWN && ID_EQUAL(&i->who.person, &n->self.person);
    bool childs = e->scope_kind == SCOPE_PARENTS && authority_is_supervised(authority, &i->who.person);
    if ((!mine && !childs) || e->closes_only)
        return ST_INVITE_SIGNER;
    st = family_authority_with(n, &n->self.family, &i->signer, &then);
    if (st == ST_OK)
        st = invite_check(then, i);
    mem_free(then, sizeof(*then));
    return st == ST_CHAIN_GAP ? ST_INVITE_SIGNER : st; /* never a parent's device */
}

enum status apply_invite_key(struct node *n, const struct applied_entry *e)
{
    const struct entry_invite_key *k = &e->body->u.invite_key;
    struct invite i;
    struct letterbox box;
    struct card_tokens tokens;
    int64_t id;
    if (e->own)
        return ST_OK;
    enum status st = invite_decode(&i, k->invite);
    if (st == ST_OK)
        st = judge_key(n, e, &i);
    if (st == ST_OK)
        st = letterbox_decode(&box, i.letterbox);
    if (st == ST_OK) {
        struct box_args a = {
            .kind = BOX_INVITE, .owner = i.who, .expires_ms = box.expires_ms, .uses = box.uses};
        st = box_adopt(n, &a, &k->box, &id);
    }
    if (st == ST_OK) {
        memcpy(tokens.write.b, k->card_write_token.b, SECRET_LEN);
        memcpy(tokens.trim.b, k->card_trim_token.b, SECRET_LEN);
        st = invite_store(n, &i, k->invite, &tokens, false);
    }
    bytes_wipe(&tokens, sizeof(tokens));
    bytes_wipe(&box, sizeof(box));
    bytes_wipe(&i, sizeof(i));
    return st;
}

enum status retract_invite(struct node *n, const struct applied_entry *e)
{
    const struct entry_invite_key *k = &e->body->u.invite_key;
    struct log_keys keys;
    struct log_id log;
    uint8_t id[HASH_LEN];
    int64_t box = 0;
    memset(&keys, 0, sizeof(keys));
    memcpy(keys.write.b, k->box.write_token.b, SECRET_LEN);
    memcpy(keys.read.b, k->box.read_token.b, SECRET_LEN);
    memcpy(keys.trim.b, k->box.trim_token.b, SECRET_LEN);
    keys.can_write = keys.can_read = keys.can_trim = true;
    log_keys_hash(&keys);
    log_id_of(&keys.hashes, &log);
    log_keys_wipe(&keys);
    hash_bytes(k->invite, id);
    enum status st =
        sql_run(&n->sql, "DELETE FROM invite WHERE id = ? AND own = 0", "b", SPAN_OF(id, HASH_LEN));
    if (st == ST_OK)
        st = sql_number(&n->sql, &box, 0,
                        "SELECT id FROM letterbox WHERE key_id = ? AND kind = ? AND void = 0", "bi",
                        SPAN_ID(&log), (int64_t)BOX_INVITE);
    return st == ST_OK && box != 0 ? box_void(n, box) : st;
}

/* ---- renewal ---- */

static enum status renew(struct node *n, struct span id)
{
    char key[16 + 2 * HASH_LEN];
    struct buffer encoded, tokens;
    struct invite i;
    struct card_tokens t;
    int64_t put = 0;
    bool found = false;
    buffer_init(&encoded, ENTRY_INVITE_MAX);
    buffer_init(&tokens, sizeof(t));
    enum status st = meta_number(n, card_key(id, key), 0, &put);
    if (st != ST_OK || put + CONTACT_CARD_RENEW_DAYS * CONTACT_DAY_MS > n->now.wall_ms)
        return st;
    st = sql_bytes(&n->sql, &encoded, &found, "SELECT invite FROM invite WHERE id = ?", "b", id);
    if (st == ST_OK)
        st = sql_bytes(&n->sql, &tokens, &found, "SELECT card_write_token FROM invite WHERE id = ?", "b", id);
    if (st == ST_OK)
        st = tokens.len == sizeof(t) ? invite_decode(&i, buffer_span(&encoded)) : ST_STORE_ROW;
    if (st == ST_OK) {
        memcpy(&t, tokens.ptr, sizeof(t));
        st = card_put_now(n, &i, buffer_span(&encoded), &t);
        bytes_wipe(&t, sizeof(t));
    }
    buffer_wipe(&encoded);
    buffer_wipe(&tokens);
    return st;
}

enum status invites_due(struct node *n)
{
    uint8_t ids[CONTACT_WALK_MAX][HASH_LEN];
    size_t count = 0;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT id FROM invite WHERE own = 1 AND void = 0 AND expires_at > ? ORDER BY expires_at LIMIT 64",
        "i", n->now.wall_ms);
    while (count < CONTACT_WALK_MAX && query_next(&q))
        query_fixed(&q, 0, ids[count++], HASH_LEN);
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++)
        st = renew(n, SPAN_OF(ids[i], HASH_LEN));
    return st;
}
