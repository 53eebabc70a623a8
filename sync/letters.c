/* SPDX-License-Identifier: Apache-2.0 */
/* Letterboxes of ours, and letters to others' (protocol.md §7.1). */
#include "sync/letters.h"

#include "sync/family.h"
#include "sync/logs.h"

/* ---- boxes ---- */

static enum status box_relay(struct node *n, const struct box_args *a, char out[static WIRE_RELAY_MAX + 1])
{
    enum status st = ST_OK;
    if (a->relay) {
        sqlite3_snprintf(WIRE_RELAY_MAX + 1, out, "%s", a->relay);
    } else {
        st = family_relay(n, out);
    }
    return st == ST_OK && out[0] == '\0' ? ST_RELAY_MISSING : st;
}

static enum status encode_box(const struct log_keys *k, const struct dh_public *hpke,
                              const struct box_args *a, const char *relay, struct buffer *out)
{
    struct writer w;
    struct letterbox box = {.relay = span_text(relay),
                            .hpke_public = *hpke,
                            .block_key = k->block_key,
                            .expires_ms = a->expires_ms,
                            .uses = a->uses};
    memcpy(box.write_token.b, k->write.b, sizeof(box.write_token.b));
    memcpy(box.read_hash, k->hashes.of[LOG_READ].b, HASH_LEN);
    memcpy(box.trim_hash, k->hashes.of[LOG_TRIM].b, HASH_LEN);
    writer_init(&w, out);
    enum status st = letterbox_encode(&w, &box);
    bytes_wipe(&box, sizeof(box));
    return st;
}

static enum status insert_box(struct node *n, const struct box_args *a, const struct log_keys *keys,
                              const struct dh_private *hpke, struct span box, const char *relay, int64_t *id)
{
    struct log_id log_id;
    int64_t log = 0;
    static const struct person_ref nobody;
    bool peer = !person_ref_equal(&a->peer, &nobody);
    log_id_of(&keys->hashes, &log_id);
    enum status st =
        sql_number(&n->sql, id, 0, "SELECT id FROM letterbox WHERE key_id = ?", "b", SPAN_ID(&log_id));
    if (st != ST_OK || *id != 0) {
        return st;
    }
    st = sql_run(
        &n->sql,
        "INSERT INTO letterbox(kind, box, hpke_private, owner_family, owner_person, peer_family, peer_person,"
        " expires_at, uses, key_id) VALUES(?,?,?,?,?,?,?,?,?,?)",
        "ibbbbooiib", (int64_t)a->kind, box, SPAN_ID(hpke), SPAN_ID(&a->owner.family),
        SPAN_ID(&a->owner.person), peer ? SPAN_ID(&a->peer.family) : SPAN_EMPTY,
        peer ? SPAN_ID(&a->peer.person) : SPAN_EMPTY, a->expires_ms, (int64_t)a->uses, SPAN_ID(&log_id));
    *id = sql_last_id(&n->sql);
    if (st == ST_OK) {
        struct log_args args = {
            .kind = LOG_OF_LETTERBOX, .owner = *id, .relay = relay, .keys = keys, .listen = true};
        st = logs_add(n, &args, &log);
    }
    return st == ST_OK ? sql_run(&n->sql, "UPDATE letterbox SET log = ? WHERE id = ?", "ii", log, *id) : st;
}

enum status box_new(struct node *n, const struct box_args *a, struct buffer *box, struct box_secrets *secrets,
                    int64_t *id)
{
    struct log_keys keys;
    struct secret ikm;
    struct dh_private private;
    struct dh_public public;
    char relay[WIRE_RELAY_MAX + 1];
    *id = 0;
    log_keys_new(n, true, &keys);
    entropy_fill(&n->entropy, ikm.b, sizeof(ikm.b));
    enum status st = box_relay(n, a, relay);
    if (st == ST_OK) {
        st = dh_derive(SPAN_ID(&ikm), &private, &public);
    }
    if (st == ST_OK) {
        st = encode_box(&keys, &public, a, relay, box);
    }
    if (st == ST_OK) {
        st = insert_box(n, a, &keys, &private, buffer_span(box), relay, id);
    }
    if (st == ST_OK && secrets) {
        struct letterbox view;
        st = letterbox_decode(&view, buffer_span(box));
        secrets->relay = view.relay;
        memcpy(secrets->write_token.b, keys.write.b, 32);
        memcpy(secrets->read_token.b, keys.read.b, 32);
        memcpy(secrets->trim_token.b, keys.trim.b, 32);
        secrets->block_key = keys.block_key;
        secrets->hpke_private = private;
        bytes_wipe(&view, sizeof(view));
    }
    log_keys_wipe(&keys);
    secret_wipe(&ikm);
    dh_private_wipe(&private);
    return st;
}

enum status box_adopt(struct node *n, const struct box_args *a, const struct box_secrets *secrets,
                      int64_t *id)
{
    struct log_keys keys;
    struct dh_public public;
    struct buffer box;
    char relay[WIRE_RELAY_MAX + 1];
    *id = 0;
    memset(&keys, 0, sizeof(keys));
    keys.can_write = keys.can_read = keys.can_trim = true;
    memcpy(keys.write.b, secrets->write_token.b, 32);
    memcpy(keys.read.b, secrets->read_token.b, 32);
    memcpy(keys.trim.b, secrets->trim_token.b, 32);
    keys.block_key = secrets->block_key;
    log_keys_hash(&keys);
    dh_public_of(&secrets->hpke_private, &public);
    sqlite3_snprintf(sizeof(relay), relay, "%.*s", (int)secrets->relay.len, (const char *)secrets->relay.ptr);
    buffer_init(&box, LETTERBOX_MAX);
    enum status st = encode_box(&keys, &public, a, relay, &box);
    if (st == ST_OK) {
        st = insert_box(n, a, &keys, &secrets->hpke_private, buffer_span(&box), relay, id);
    }
    buffer_wipe(&box);
    log_keys_wipe(&keys);
    return st;
}

/* Its log is another thing's: the keys that it was made of are no letterbox's. */
enum status box_log_lost(struct node *n, int64_t log)
{
    return sql_run(&n->sql, "UPDATE letterbox SET void = 1, hpke_private = NULL, log = NULL WHERE log = ?",
                   "i", log);
}

enum status box_void(struct node *n, int64_t id)
{
    int64_t log = 0;
    enum status st = sql_number(&n->sql, &log, 0, "SELECT log FROM letterbox WHERE id = ?", "i", id);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE letterbox SET void = 1, hpke_private = NULL, log = NULL WHERE id = ?",
                     "i", id);
    }
    return st == ST_OK && log != 0 ? logs_drop(n, log) : st;
}

/* ---- sending ---- */

/* The log of somebody else's box, as one that is written only. */
static enum status outward_log(struct node *n, const struct letterbox *box, int64_t *log)
{
    struct log_keys keys;
    char relay[WIRE_RELAY_MAX + 1];
    memset(&keys, 0, sizeof(keys));
    keys.can_write = true;
    memcpy(keys.write.b, box->write_token.b, 32);
    memcpy(keys.hashes.of[LOG_READ].b, box->read_hash, HASH_LEN);
    memcpy(keys.hashes.of[LOG_TRIM].b, box->trim_hash, HASH_LEN);
    keys.block_key = box->block_key;
    log_keys_hash(&keys);
    sqlite3_snprintf(sizeof(relay), relay, "%.*s", (int)box->relay.len, (const char *)box->relay.ptr);
    struct log_args a = {.kind = LOG_OUTWARD, .relay = relay, .keys = &keys};
    enum status st = logs_add(n, &a, log);
    log_keys_wipe(&keys);
    return st;
}

enum status letter_send(struct node *n, const struct letter *l)
{
    struct letterbox box;
    struct buffer certificate, sealed;
    int64_t log = 0;
    buffer_init(&certificate, WIRE_CERTIFICATE_MAX);
    buffer_init(&sealed, LETTERBOX_MESSAGE_MAX + LETTERBOX_SEAL_OVERHEAD);
    enum status st = letterbox_decode(&box, l->box);
    if (st == ST_OK) {
        st = family_own_certificate(n, &certificate);
    }
    if (st == ST_OK) {
        struct letterbox_message m = {
            .type = l->type, .certificate = buffer_span(&certificate), .body = l->body};
        st = letterbox_seal(&m, &box, &l->to, &n->self.key, &n->entropy, &sealed);
    }
    if (st == ST_OK) {
        st = outward_log(n, &box, &log);
    }
    if (st == ST_OK) {
        struct span message = buffer_span(&sealed);
        st = logs_append(n, log, &message, 1, OUTBOX_PLAIN, 0, NULL);
    }
    bytes_wipe(&box, sizeof(box));
    buffer_wipe(&certificate);
    buffer_wipe(&sealed);
    return st;
}

/* ---- receiving ---- */

struct opened_box {
    struct received_letter letter;
    struct letterbox_owner owner;
    struct dh_private private;
    int64_t expires_at, uses, taken;
};

static enum status load_box(struct node *n, int64_t id, struct opened_box *b, bool *usable)
{
    struct query q;
    *usable = false;
    query_start(&q, &n->sql,
                "SELECT kind, hpke_private, owner_family, owner_person, peer_family, peer_person, "
                "expires_at, uses, taken"
                " FROM letterbox WHERE id = ? AND void = 0 AND hpke_private IS NOT NULL",
                "i", id);
    if (query_next(&q)) {
        b->letter.box = id;
        b->letter.kind = (enum letterbox_kind)query_int(&q, 0);
        QUERY_ID(&q, 1, &b->private);
        QUERY_ID(&q, 2, &b->letter.owner.family);
        QUERY_ID(&q, 3, &b->letter.owner.person);
        if (!query_null(&q, 4)) {
            QUERY_ID(&q, 4, &b->letter.peer.family);
            QUERY_ID(&q, 5, &b->letter.peer.person);
        }
        b->expires_at = query_int(&q, 6);
        b->uses = query_int(&q, 7);
        b->taken = query_int(&q, 8);
        *usable = n->now.wall_ms < b->expires_at && (b->uses == 0 || b->taken < b->uses);
    }
    return query_end(&q);
}

static enum status dispatch(struct node *n, const struct received_letter *l)
{
    switch (l->m->type) {
    case LETTERBOX_CONTACT_REQUEST:
        return l->kind == BOX_INVITE ? letter_contact_request(n, l) : ST_RECORD_UNKNOWN;
    case LETTERBOX_ADMISSION:
        return letter_admission(n, l);
    case LETTERBOX_REVOCATION:
        return letter_revocation(n, l);
    case LETTERBOX_WITHDRAWAL:
        return letter_withdrawal(n, l);
    case LETTERBOX_BEACON:
        return letter_beacon(n, l);
    case LETTERBOX_READD:
        return letter_readd(n, l);
    case LETTERBOX_EVIDENCE:
        return letter_evidence(n, l);
    case LETTERBOX_LEAF:
        return letter_leaf(n, l);
    case LETTERBOX_SUCCESSOR:
        return letter_successor(n, l);
    case LETTERBOX_SUCCESSOR_ASK:
        return letter_successor_ask(n, l);
    case LETTERBOX_RELAY:
        return letter_relay(n, l);
    case LETTERBOX_BOX:
        return l->kind == BOX_CONTACT || l->kind == BOX_REPLY ? letter_box(n, l) : ST_RECORD_UNKNOWN;
    case LETTERBOX_HAVE:
        return letter_have(n, l);
    case LETTERBOX_APART:
        return letter_apart(n, l);
    default:
        return ST_RECORD_UNKNOWN;
    }
}

/* The same sealed bytes a second time do nothing: a relay may repeat what it has. */
static enum status seen_before(struct node *n, struct span sealed, enum letterbox_message_type type,
                               bool *seen)
{
    uint8_t hash[HASH_LEN];
    hash_bytes(sealed, hash);
    enum status st = sql_run(&n->sql, "INSERT OR IGNORE INTO letter_seen(hash, at_ms, type) VALUES(?,?,?)",
                             "bii", SPAN(hash), n->now.wall_ms, (int64_t)type);
    *seen = st == ST_OK && sql_changes(&n->sql) == 0;
    return st;
}

enum status letter_record(struct node *n, const struct log_row *log, struct span message)
{
    struct opened_box *b = mem_alloc(1, sizeof(*b));
    struct letterbox_message m;
    struct buffer plain;
    bool usable = false, seen = false;
    buffer_init(&plain, LETTERBOX_MESSAGE_MAX);
    enum status st = b ? load_box(n, log->owner, b, &usable) : ST_NO_MEMORY;
    if (st == ST_OK && !usable) {
        st = ST_LINK_EXPIRED;
    }
    if (st == ST_OK) {
        b->owner =
            (struct letterbox_owner){.log = log->log, .hpke_private = &b->private, .who = b->letter.owner};
        dh_public_of(&b->private, &b->owner.hpke_public);
        st = letterbox_open(&b->owner, message, &plain, &m);
    }
    if (st == ST_OK) {
        st = seen_before(n, message, m.type, &seen);
    }
    if (st == ST_OK && !seen) {
        st = device_certificate_decode(&b->letter.from, m.certificate);
    }
    if (st == ST_OK && !seen) {
        b->letter.m = &m;
        b->letter.whole = buffer_span(&plain);
        st = dispatch(n, &b->letter);
    }
    if (st == ST_OK && !seen) {
        st = sql_run(&n->sql, "UPDATE letterbox SET taken = taken + 1 WHERE id = ?", "i", b->letter.box);
    }
    if (b) {
        dh_private_wipe(&b->private);
    }
    mem_free(b, sizeof(*b));
    buffer_wipe(&plain);
    return st;
}
