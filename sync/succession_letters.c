/* SPDX-License-Identifier: Apache-2.0 */
/* Letters about successors: key packages asked for and given, and where a later group is (protocol.md §5.4).
 */
#include "sync/family.h"
#include "sync/readd.h"
#include "sync/removal.h"
#include "sync/succession.h"

enum letter_limits {
    ASK_AGAIN_MS = 10 * 60 * 1000,
    PACKAGE_AGAIN_MS = 24 * 3600 * 1000,
    TOLD_MAX = 1024 /* leaves in later groups of one scope that others told of, and that were asked for */
};

/* ---- key packages by letter ---- */

enum status succession_keep_package(struct node *n, const struct group *g, const struct readd_request *q)
{
    struct buffer message;
    uint8_t ref[HASH_LEN];
    struct sign_public key;
    if (!group_has_device(g, &q->device, NULL) || revocation_known(n, &q->device)) {
        return ST_LETTERBOX_SENDER;
    }
    buffer_init(&message, WIRE_KEY_PACKAGE_MAX + 16);
    enum status st = key_package_message(q->key_package, &message);
    if (st == ST_OK) {
        st = mls_key_package_read(buffer_span(&message), ref, NULL, &key);
    }
    if (st == ST_OK && memcmp(key.b, q->device.b, sizeof(key.b)) != 0) {
        st = ST_JOURNAL_AUTHOR;
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT OR REPLACE INTO succession_package VALUES(?,?,?,?)", "bbbi",
                     SPAN_ID(&g->scope), SPAN_ID(&q->device), buffer_span(&message), n->now.wall_ms);
    }
    buffer_wipe(&message);
    return st == ST_OK ? sql_run(&n->sql,
                                 "UPDATE succession SET due_at = min(due_at, ?) WHERE scope = ? AND asked_at"
                                 " != 0",
                                 "ib", n->now.wall_ms, SPAN_ID(&g->scope))
                       : st;
}

/* One of ours for whoever is about to found: the same for a day. It is for anybody, so its private part stays
 * for a week after it was used: of two successors that use it the one that stands may come second. */
static enum status own_package(struct node *n, const struct scope_id *scope, struct buffer *out)
{
    static const struct device_id anybody;
    bool found = false;
    enum status st =
        sql_bytes(&n->sql, out, &found,
                  "SELECT package FROM succession_package WHERE scope = ? AND device = ? AND at_ms"
                  " > ?",
                  "bbi", SPAN_ID(scope), SPAN_ID(&n->self.device), n->now.wall_ms - PACKAGE_AGAIN_MS);
    if (st != ST_OK || found) {
        return st;
    }
    st = key_package_make(n, &anybody, false, out);
    return st == ST_OK ? sql_run(&n->sql, "INSERT OR REPLACE INTO succession_package VALUES(?,?,?,?)", "bbbi",
                                 SPAN_ID(scope), SPAN_ID(&n->self.device), buffer_span(out), n->now.wall_ms)
                       : st;
}

/* "Replace my leaf by this one", to one member. */
static enum status send_request(struct node *n, struct readd_request *q, const struct device_certificate *to)
{
    struct buffer box, package, body;
    bool found = false;
    buffer_init(&box, LETTERBOX_MAX);
    buffer_init(&package, WIRE_KEY_PACKAGE_MAX);
    buffer_init(&body, EVIDENCE_RECORD_MAX);
    enum status st = readd_box_of(n, to, &box, &found);
    found = st == ST_OK && found && box.len != 0;
    if (found) {
        st = own_package(n, &q->scope, &package);
    }
    q->key_package = buffer_span(&package);
    if (st == ST_OK && found) {
        st = readd_request_make(n, q, &body);
    }
    if (st == ST_OK && found) {
        struct letter l = {LETTERBOX_READD, buffer_span(&box), to->who, buffer_span(&body)};
        st = letter_send(n, &l);
    }
    buffer_wipe(&box);
    buffer_wipe(&package);
    buffer_wipe(&body);
    return st;
}

/* It names no leaf: this device is well where it is, and a request that named its leaf would let the asker
 * replace that in a commit, which looks from here as if the database were an old copy. */
static enum status answer(struct node *n, const struct group *g, uint32_t generation,
                          const struct device_certificate *to)
{
    struct readd_request q = {.scope = g->scope, .generation = generation};
    return send_request(n, &q, to);
}

static bool find_member(const struct group *g, const struct device_id *device, struct device_certificate *out)
{
    for (uint32_t at = 0; group_next(g, &at, out);) {
        if (ID_EQUAL(&out->device, device)) {
            return true;
        }
    }
    return false;
}

/* A member wants to found: it gets a key package, or hears that there is a later group already. */
enum status letter_successor_ask(struct node *n, const struct received_letter *l)
{
    struct beacon b;
    struct group *g = NULL;
    struct device_certificate c;
    enum status st = beacon_decode(&b, l->m->body);
    if (st == ST_OK) {
        st = group_of_scope(n, &b.scope, &g);
    }
    if (st == ST_OK && (!find_member(g, &l->from.device, &c) || revocation_known(n, &c.device))) {
        st = ST_LETTERBOX_SENDER;
    }
    if (st == ST_OK && b.generation < g->generation) {
        st = readd_tell_leaf(n, g, &c.device);
    }
    /* Also where it knows of the later one and refuses that: what it founds goes before it, for its reason.
     * Also where it is in another of this generation: what it founds is to bring the two together. */
    return st == ST_OK && b.generation <= g->generation ? answer(n, g, b.generation, &c) : st;
}

/* ---- a successor that did not come here ---- */

/* `asked_at` of a group is free for it: who stopped asks by it as well, and hears the same. */
static enum status note_asked(struct node *n, const struct group *g, int64_t at)
{
    return sql_run(&n->sql, "UPDATE mls_group SET asked_at = ? WHERE id = ?", "ii", at, g->id);
}

static enum status asked_lately(struct node *n, const struct group *g, bool *lately)
{
    int64_t at = 0;
    enum status st = sql_number(&n->sql, &at, 0, "SELECT asked_at FROM mls_group WHERE id = ?", "i", g->id);
    *lately = at > n->now.wall_ms - ASK_AGAIN_MS;
    return st;
}

enum status succession_elsewhere(struct node *n, struct group *g, const struct device_id *from,
                                 uint32_t generation)
{
    struct device_certificate c;
    struct readd_request q = {.scope = g->scope, .generation = generation}; /* its leaf there: not known */
    bool lately = false;
    enum status st = asked_lately(n, g, &lately);
    if (st != ST_OK || lately || !find_member(g, from, &c) || revocation_known(n, from)) {
        return st;
    }
    st = note_asked(n, g, n->now.wall_ms);
    return st == ST_OK ? send_request(n, &q, &c) : st;
}

enum status succession_leaf_told(struct node *n, const struct leaf_told *told, const struct device_id *from)
{
    struct device_certificate c;
    struct group *g = NULL;
    int64_t asked = 0;
    bool lately = false;
    struct readd_request q = {.scope = told->scope, .generation = told->generation};
    enum status st = group_of_scope(n, &told->scope, &g);
    if (st == ST_OK) {
        st = asked_lately(n, g, &lately);
    }
    bool later = st == ST_OK && lately && told->generation > g->generation;
    if (!later || !find_member(g, from, &c) || revocation_known(n, from)) {
        return st == ST_GROUP_NOT_HERE ? ST_OK : st;
    }
    st = sql_number(&n->sql, &asked, 0, "SELECT count(*) FROM asked_leaf WHERE scope = ?", "b",
                    SPAN_ID(&g->scope));
    if (st != ST_OK || asked >= TOLD_MAX) {
        return st;
    }
    memcpy(q.old_leaf_hash, told->leaf_hash, HASH_LEN);
    if (g->state == GROUP_ACTIVE) { /* one answer to one question; who stopped would ask at once again */
        st = note_asked(n, g, n->now.wall_ms - ASK_AGAIN_MS);
    }
    return st == ST_OK ? send_request(n, &q, &c) : st;
}

/* ---- asking for key packages ---- */

static bool asked_before(struct person_ref *asked, size_t *count, const struct node *n,
                         const struct person_ref *who)
{
    for (size_t i = 0; i < *count; i++) {
        if (person_ref_equal(&asked[i], who) && !ID_EQUAL(&who->family, &n->self.family)) {
            return true; /* a contact's devices share a letterbox */
        }
    }
    asked[(*count)++] = *who;
    return false;
}

static enum status has_package(struct node *n, const struct group *g, const struct device_id *device,
                               bool *has)
{
    int64_t count = 0;
    enum status st = sql_number(
        &n->sql, &count, 0,
        "SELECT (SELECT count(*) FROM succession_package WHERE scope = ?1 AND device = ?2 AND at_ms > ?3) +"
        " (SELECT count(*) FROM peer_key_package WHERE device = ?2)",
        "bbi", SPAN_ID(&g->scope), SPAN_ID(device), n->now.wall_ms - SUCCESSION_PACKAGE_MS);
    *has = st == ST_OK && count != 0;
    return st;
}

static enum status ask_one(struct node *n, const struct group *g, const struct device_certificate *c,
                           struct span beacon)
{
    struct buffer box;
    bool found = false;
    buffer_init(&box, LETTERBOX_MAX);
    (void)g;
    enum status st = readd_box_of(n, c, &box, &found);
    if (st == ST_OK && found && box.len != 0) {
        struct letter l = {LETTERBOX_SUCCESSOR_ASK, buffer_span(&box), c->who, beacon};
        st = letter_send(n, &l);
    }
    buffer_wipe(&box);
    return st;
}

enum status succession_ask(struct node *n, struct group *g)
{
    struct device_certificate c;
    struct person_ref asked[WIRE_LEAVES_MAX];
    struct buffer beacon;
    size_t count = 0;
    buffer_init(&beacon, 1024);
    enum status st = group_beacon(n, g, NULL, &beacon);
    for (uint32_t at = 0; st == ST_OK && group_next(g, &at, &c);) {
        bool has = false, gone = false;
        st = succession_gone(n, g, &c, &gone);
        if (st == ST_OK) {
            st = has_package(n, g, &c.device, &has);
        }
        if (st == ST_OK && !has && !gone && !ID_EQUAL(&c.device, &n->self.device) &&
            !asked_before(asked, &count, n, &c.who)) {
            st = ask_one(n, g, &c, buffer_span(&beacon));
        }
    }
    buffer_wipe(&beacon);
    return st;
}
