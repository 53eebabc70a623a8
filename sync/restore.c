/* SPDX-License-Identifier: Apache-2.0 */
/* Leaving everything, asking, coming back. */
#include "sync/restore.h"
#include "sync/relay_away.h"

#include "sync/contact.h"
#include "sync/conversation.h"
#include "sync/family.h"
#include "sync/journal_internal.h"
#include "sync/letters.h"
#include "sync/readd.h"
#include "sync/removal.h"
#include "sync/succession.h"

enum restore_limits {
    AT_ONCE = 16,
    ASK_AGAIN_MS = 10 * 60 * 1000,
    ASK_SLOWLY_MS = 6 * 3600 * 1000, /* after a day without an answer */
    DAY_MS = 24 * 3600 * 1000,
    ASK_DAYS = 30,             /* then a conversation is over, and a key package too old */
    FOUNDING_MS = 3600 * 1000, /* a conversation that nobody knows of after that was not founded yet */
    TOLD_AGAIN_MS = 10 * 1000, /* so often is a member's word about our leaf acted upon */
    ADDER_MS = 10 * 60 * 1000  /* so long the one who added us is waited for */
};

enum old_copy { /* meta `old_copy` */
                OLD_COPY_NO = 0,
                OLD_COPY_FOUND = 1, /* in this batch */
                OLD_COPY_KNOWN = 2
};

enum recover_state { RECOVER_OUT = 1, RECOVER_IN = 2, RECOVER_GIVEN_UP = 3 };

/* ---- out ---- */

enum status restore_found(struct node *n)
{
    return meta_set_number(n, "old_copy", OLD_COPY_FOUND);
}

static enum status note_scope(struct node *n, const struct group *g)
{
    const struct person_ref *p = g->has_peer ? &g->peer : NULL;
    int64_t before = 0;
    enum status st = meta_number(n, "old_copy_at", 0, &before);
    /* Two that run from one database take each other's place: not faster than this. */
    bool again = before > n->now.wall_ms - ASK_AGAIN_MS;
    if (st != ST_OK) {
        return st;
    }
    return sql_run(&n->sql,
                   "INSERT OR REPLACE INTO recover(scope, kind, generation, subject_family, subject_person,"
                   " peer_family, peer_person, began_at, asked_at) VALUES(?,?,?,?,?,?,?,?,?)",
                   "biibbooii", SPAN_ID(&g->scope), (int64_t)g->kind, (int64_t)g->generation,
                   SPAN_ID(&g->subject.family), SPAN_ID(&g->subject.person),
                   p ? SPAN_ID(&p->family) : SPAN_EMPTY, p ? SPAN_ID(&p->person) : SPAN_EMPTY, n->now.wall_ms,
                   again ? n->now.wall_ms : 0);
}

enum status restore_leave(struct node *n, struct group *g)
{
    enum status st = note_scope(n, g);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM pending_letter WHERE grp = ?", "i", g->id);
    }
    n->scrub = true;
    if (st == ST_OK) {
        st = group_leave(n, g);
    }
    return st == ST_OK ? journal_park(n, &g->scope) : st;
}

static enum status next_group(struct node *n, int64_t *id)
{
    const int64_t after = *id;
    return sql_number(&n->sql, id, 0, "SELECT min(id) FROM mls_group WHERE state IN (1, 2) AND id > ?", "i",
                      after);
}

/* A group of this device alone is kept: nobody ever had a message of it. */
static enum status leave_groups(struct node *n)
{
    int64_t id = 0;
    enum status st = next_group(n, &id);
    while (st == ST_OK && id != 0) { /* ends: the id rises */
        struct group *g = NULL;
        st = group_get(n, id, &g);
        if (st == ST_OK && (g->state == GROUP_STUCK || mls_group_member_count(g->mls) > 1)) {
            st = restore_leave(n, g);
        }
        if (st == ST_OK) {
            st = next_group(n, &id);
        }
    }
    return st;
}

static enum status tell_person(struct node *n)
{
    struct family_device devices[WIRE_LEAVES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, NULL, devices, WIRE_LEAVES_MAX, &count);
    const char *what = count > 1 ? "this device's database is an old copy: it sends nothing until another"
                                   " device of the family has added it again"
                                 : "this device's database is an old copy, and it knows no other device of"
                                   " the family that could add it again: what it sent since is lost to it";
    return st == ST_OK ? node_alarm(n, "", what, NULL) : st;
}

static enum status leave_all(struct node *n)
{
    enum status st = leave_groups(n);
    /* What they open may have been opened already. */
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM own_key_package", "");
    }
    /* Strangers' requests wait at the relay: an answer now would be written under a number that is taken. */
    if (st == ST_OK) {
        st =
            sql_run(&n->sql,
                    "UPDATE log SET listening = 0 WHERE kind = 2 AND owner IN (SELECT id FROM letterbox WHERE"
                    " kind = ?)",
                    "i", (int64_t)BOX_INVITE);
    }
    if (st == ST_OK) {
        st = meta_set_number(n, "old_copy", OLD_COPY_KNOWN);
    }
    if (st == ST_OK) {
        st = meta_set_number(n, "old_copy_at", n->now.wall_ms);
    }
    return st == ST_OK ? tell_person(n) : st;
}

enum status restore_out(struct node *n, bool *out)
{
    int64_t rows = 0;
    enum status st =
        sql_number(&n->sql, &rows, 0, "SELECT count(*) FROM recover WHERE kind < 5 AND state IN (1, 2)", "");
    *out = st == ST_OK && rows != 0;
    return st;
}

enum status restore_holds(struct node *n, const struct scope_id *scope, bool *holds)
{
    int64_t rows = 0;
    enum status st =
        sql_number(&n->sql, &rows, 0, "SELECT count(*) FROM recover WHERE scope = ? AND state IN (1, 2)", "b",
                   SPAN_ID(scope));
    *holds = st == ST_OK && rows != 0;
    return st;
}

/* ---- scopes that came after the copy was made ---- */

static enum status want_scope(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                              const struct person_ref *subject, const struct person_ref *peer)
{
    int64_t here = 0;
    enum status st = group_id_of_scope(n, scope, &here);
    if (st != ST_OK || here != 0) {
        return st;
    }
    return sql_run(&n->sql,
                   "INSERT OR IGNORE INTO recover(scope, kind, generation, subject_family, subject_person,"
                   " peer_family, peer_person, began_at) VALUES(?,?,0,?,?,?,?,?)",
                   "bibbooi", SPAN_ID(scope), (int64_t)kind, SPAN_ID(&subject->family),
                   SPAN_ID(&subject->person), peer ? SPAN_ID(&peer->family) : SPAN_EMPTY,
                   peer ? SPAN_ID(&peer->person) : SPAN_EMPTY, n->now.wall_ms);
}

static enum status want_family_scopes(struct node *n)
{
    struct family_person persons[WIRE_PERSONS_MAX];
    struct scope_id scope;
    struct person_ref self = self_person(n);
    size_t count = 0;
    bool parent = n->self.role == ROLE_PARENT;
    enum status st = family_persons(n, persons, WIRE_PERSONS_MAX, &count);
    if (st == ST_OK && parent) {
        st = scope_id_of_family(SCOPE_PARENTS, &n->self.family, &scope);
    }
    if (st == ST_OK && parent) {
        st = want_scope(n, SCOPE_PARENTS, &scope, &self, NULL);
    }
    if (st == ST_OK) {
        st = scope_id_of_person(SCOPE_OWN, &self.person, &scope);
    }
    if (st == ST_OK) {
        st = want_scope(n, SCOPE_OWN, &scope, &self, NULL);
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct person_ref child = {n->self.family, persons[i].person};
        if (persons[i].role != ROLE_CHILD || !(parent || ID_EQUAL(&child.person, &self.person))) {
            continue;
        }
        st = scope_id_of_person(SCOPE_WARD, &child.person, &scope);
        if (st == ST_OK) {
            st = want_scope(n, SCOPE_WARD, &scope, &child, NULL);
        }
    }
    return st;
}

/* The first contact behind `other`, which it becomes. */
static enum status next_contact(struct node *n, const struct person_ref *self, struct person_ref *other,
                                struct scope_id *scope, bool *found)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT family, other, scope FROM contact WHERE person = ? AND state IN (1, 2) AND (family,"
                " other) > (?, ?) ORDER BY family, other LIMIT 1",
                "bbb", SPAN_ID(&self->person), SPAN_ID(&other->family), SPAN_ID(&other->person));
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, &other->family);
        QUERY_ID(&q, 1, &other->person);
        QUERY_ID(&q, 2, scope);
    }
    return query_end(&q);
}

static enum status want_conversations(struct node *n)
{
    struct person_ref other, self = self_person(n);
    struct scope_id scope;
    bool found = false;
    memset(&other, 0, sizeof(other));
    enum status st = next_contact(n, &self, &other, &scope, &found);
    while (st == ST_OK && found) { /* ends: family and person rise */
        st = want_scope(n, SCOPE_CONVERSATION, &scope, &self, &other);
        if (st == ST_OK) {
            st = next_contact(n, &self, &other, &scope, &found);
        }
    }
    return st;
}

/* ---- asking ---- */

struct wanted_scope {
    struct scope_id scope;
    enum scope_kind kind;
    struct person_ref subject, peer;
    bool has_peer;
    struct readd_request request;
    struct buffer package; /* empty: a new one is made */
};

static enum status load_due(struct node *n, struct wanted_scope *w, bool *found)
{
    struct query q;
    memset(w, 0, sizeof(*w));
    buffer_init(&w->package, WIRE_KEY_PACKAGE_MAX);
    query_start(
        &q, &n->sql,
        "SELECT scope, kind, generation, subject_family, subject_person, peer_family, peer_person, leaf,"
        " CASE WHEN package_at > ?1 - ?5 THEN package END FROM recover WHERE state = 1 AND asked_at <= ?1 - "
        "CASE WHEN began_at > ?1 - ?2 THEN"
        " ?3 ELSE ?4 END ORDER BY kind, scope LIMIT 1",
        "iiiii", n->now.wall_ms, (int64_t)DAY_MS, (int64_t)ASK_AGAIN_MS, (int64_t)ASK_SLOWLY_MS,
        (int64_t)DAY_MS * ASK_DAYS);
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, &w->scope);
        w->kind = (enum scope_kind)query_int(&q, 1);
        w->request.generation = (uint32_t)query_int(&q, 2);
        QUERY_ID(&q, 3, &w->subject.family);
        QUERY_ID(&q, 4, &w->subject.person);
        w->has_peer = !query_null(&q, 5);
        if (w->has_peer) {
            QUERY_ID(&q, 5, &w->peer.family);
            QUERY_ID(&q, 6, &w->peer.person);
        }
        if (!query_null(&q, 7)) { /* else zeros: nobody has told yet which leaf it is */
            query_fixed(&q, 7, w->request.old_leaf_hash, HASH_LEN);
        }
        if (!query_null(&q, 8)) {
            query_fail(&q, buffer_append(&w->package, query_blob(&q, 8)));
        }
    }
    w->request.scope = w->scope;
    return query_end(&q);
}

/* The same key package in every letter about a scope, for a month. */
static enum status fill_package(struct node *n, struct wanted_scope *w)
{
    static const struct device_id anybody;
    if (w->package.len != 0) {
        return ST_OK;
    }
    enum status st = key_package_make(n, &anybody, false, &w->package);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE recover SET package = ?, package_at = ? WHERE scope = ?",
                                 "bib", buffer_span(&w->package), n->now.wall_ms, SPAN_ID(&w->scope))
                       : st;
}

static bool is_asked(const struct node *n, const struct wanted_scope *w, const struct family_device *d)
{
    bool subject = ID_EQUAL(&d->person, &w->subject.person), parent = d->role == ROLE_PARENT;
    switch (w->kind) {
    case SCOPE_FAMILY:
        return true;
    case SCOPE_PARENTS:
        return parent;
    case SCOPE_OWN:
        return subject;
    case SCOPE_WARD:
    case SCOPE_CONVERSATION:
    default:
        return parent || subject || ID_EQUAL(&d->person, &n->self.person);
    }
}

static enum status ask_family(struct node *n, const struct wanted_scope *w, struct span body)
{
    struct family_device devices[WIRE_LEAVES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, NULL, devices, WIRE_LEAVES_MAX, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct buffer box;
        bool found = false;
        if (ID_EQUAL(&devices[i].device, &n->self.device) || !is_asked(n, w, &devices[i])) {
            continue;
        }
        buffer_init(&box, LETTERBOX_MAX);
        st = device_box_of(n, &devices[i].device, NULL, &box, &found);
        if (st == ST_OK && found) {
            struct letter l = {LETTERBOX_READD, buffer_span(&box), {n->self.family, devices[i].person}, body};
            st = letter_send(n, &l);
        }
        buffer_wipe(&box);
    }
    return st;
}

/* Answers go to our letterbox for the contact. The keys of the one that they know may be lost. */
enum status restore_tell_box(struct node *n, const struct person_ref *peer, const struct scope_id *scope)
{
    struct buffer box, theirs;
    bool found = false, known = false;
    buffer_init(&box, LETTERBOX_MAX);
    buffer_init(&theirs, LETTERBOX_MAX);
    enum status st = conversation_hand_over_box(n, peer, scope);
    if (st == ST_OK) {
        st = sql_bytes(
            &n->sql, &box, &found,
            "SELECT box FROM letterbox WHERE kind = ? AND peer_family = ? AND peer_person = ? AND void ="
            " 0 ORDER BY id DESC",
            "ibb", (int64_t)BOX_CONTACT, SPAN_ID(&peer->family), SPAN_ID(&peer->person));
    }
    if (st == ST_OK) {
        st = sql_bytes(&n->sql, &theirs, &known,
                       "SELECT their_box FROM contact WHERE person = ? AND family = ? AND other = ? AND"
                       " length(their_box) > 0",
                       "bbb", SPAN_ID(&n->self.person), SPAN_ID(&peer->family), SPAN_ID(&peer->person));
    }
    if (st == ST_OK && found && known) {
        struct letter l = {LETTERBOX_BOX, buffer_span(&theirs), *peer, buffer_span(&box)};
        st = letter_send(n, &l);
    }
    buffer_wipe(&box);
    buffer_wipe(&theirs);
    return st;
}

/* By letter from a device that was added again and had to make a new one. */
enum status letter_box(struct node *n, const struct received_letter *l)
{
    struct letterbox box;
    int64_t known = 0;
    enum status st = letterbox_decode(&box, l->m->body);
    bytes_wipe(&box, sizeof(box));
    if (st == ST_OK) {
        st = sql_number(&n->sql, &known, 0,
                        "SELECT count(*) FROM certificate WHERE device = ? AND family = ? AND person = ?",
                        "bbb", SPAN_ID(&l->from.device), SPAN_ID(&l->from.who.family),
                        SPAN_ID(&l->from.who.person));
    }
    if (st != ST_OK || known == 0 || revocation_known(n, &l->from.device)) {
        return st == ST_OK ? ST_LETTERBOX_SENDER : st;
    }
    st = sql_run(
        &n->sql,
        "UPDATE contact SET their_box = ?1 WHERE person = ?2 AND family = ?3 AND other = ?4 AND state IN"
        " (1, 2) AND their_box IS NOT ?1",
        "bbbb", l->m->body, SPAN_ID(&l->owner.person), SPAN_ID(&l->from.who.family),
        SPAN_ID(&l->from.who.person));
    if (st != ST_OK || sql_changes(&n->sql) == 0) {
        return st;
    }
    struct person_ref self = self_person(n);
    struct scope_id scope;
    struct group *g = NULL;
    st = scope_id_of_pair(&self, &l->from.who, &scope);
    if (st == ST_OK) {
        st = group_of_scope(n, &scope, &g);
    }
    if (st == ST_OK) {
        st = readd_tell_leaf(n, g, &l->from.device);
    }
    return st == ST_GROUP_NOT_HERE ? ST_OK : st;
}

static enum status ask_contact(struct node *n, const struct wanted_scope *w, struct span body)
{
    struct buffer box;
    bool found = false;
    if (!w->has_peer) {
        return ST_OK;
    }
    buffer_init(&box, LETTERBOX_MAX);
    enum status st =
        sql_bytes(&n->sql, &box, &found,
                  "SELECT their_box FROM contact WHERE person = ? AND family = ? AND other = ? AND"
                  " length(their_box) > 0",
                  "bbb", SPAN_ID(&w->subject.person), SPAN_ID(&w->peer.family), SPAN_ID(&w->peer.person));
    if (st == ST_OK && found) {
        st = ID_EQUAL(&w->subject.person, &n->self.person) ? restore_tell_box(n, &w->peer, &w->scope) : ST_OK;
    }
    if (st == ST_OK && found) {
        struct letter l = {LETTERBOX_READD, buffer_span(&box), w->peer, body};
        st = letter_send(n, &l);
    }
    buffer_wipe(&box);
    return st;
}

static enum status ask(struct node *n, struct wanted_scope *w)
{
    struct buffer body;
    buffer_init(&body, EVIDENCE_RECORD_MAX);
    enum status st = fill_package(n, w);
    w->request.key_package = buffer_span(&w->package);
    if (st == ST_OK) {
        st = readd_request_make(n, &w->request, &body);
    }
    if (st == ST_OK) {
        st = ask_family(n, w, buffer_span(&body));
    }
    if (st == ST_OK) {
        st = ask_contact(n, w, buffer_span(&body));
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE recover SET asked_at = ? WHERE scope = ?", "ib", n->now.wall_ms,
                     SPAN_ID(&w->scope));
    }
    buffer_wipe(&body);
    return st;
}

static enum status ask_all(struct node *n)
{
    enum status st = ST_OK;
    bool found = true;
    int64_t next = 0;
    for (int i = 0; st == ST_OK && found && i < AT_ONCE; i++) {
        struct wanted_scope w;
        st = load_due(n, &w, &found);
        if (st == ST_OK && found) {
            st = ask(n, &w);
        }
        buffer_wipe(&w.package);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &next, 0,
                        "SELECT min(asked_at + CASE WHEN began_at > ?1 - ?2 THEN ?3 ELSE ?4 END) FROM recover"
                        " WHERE state = 1",
                        "iiii", n->now.wall_ms, (int64_t)DAY_MS, (int64_t)ASK_AGAIN_MS,
                        (int64_t)ASK_SLOWLY_MS);
    }
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next);
    }
    return st;
}

/* We hold another leaf than the one that a member has of us, and nobody ever answered in our group: this
 * device founded the scope's group twice, the second time not knowing of the first. */
static enum status leave_double(struct node *n, const struct leaf_told *told, const struct device_id *from)
{
    struct group *g = NULL;
    struct mls_member m;
    int64_t heard = 0;
    uint8_t own[HASH_LEN];
    enum status st = group_of_scope(n, &told->scope, &g);
    if (st != ST_OK) {
        return st;
    }
    uint32_t at = mls_group_own_leaf(g->mls);
    st = sql_number(&n->sql, &heard, 0, "SELECT count(*) FROM beacon WHERE grp = ? AND epoch >= 0", "i",
                    g->id);
    /* A successor is of another generation, or goes by its own order (succession.h). */
    if (st != ST_OK || heard != 0 || told->generation != g->generation ||
        successor_is_name(mls_group_id(g->mls)) || g->state != GROUP_ACTIVE ||
        !group_has_device(g, from, NULL) || !mls_group_next_member(g->mls, &at, &m)) {
        return st;
    }
    hash_bytes(m.leaf_node, own);
    return memcmp(own, told->leaf_hash, HASH_LEN) == 0 ? ST_OK : restore_leave(n, g);
}

enum status letter_leaf(struct node *n, const struct received_letter *l)
{
    struct leaf_told told;
    int64_t wanted = 0;
    enum status st = leaf_told_decode(&told, l->m->body);
    if (st == ST_OK && !ID_EQUAL(&told.device, &n->self.device)) {
        return ST_OK; /* of another device of this person */
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &wanted, 0, "SELECT count(*) FROM recover WHERE scope = ?", "b",
                        SPAN_ID(&told.scope));
    }
    if (st == ST_OK && wanted == 0) {
        st = succession_leaf_told(n, &told, &l->from.device);
    }
    if (st == ST_OK && wanted == 0) {
        st = leave_double(n, &told, &l->from.device);
    }
    if (st == ST_OK && wanted == 0) {
        st = readd_leaf_told(n, &told, &l->from.device);
    }
    if (st != ST_OK) {
        return st;
    }
    /* Of a scope of the family only its devices know; of a conversation its ends and those who look on. */
    return sql_run(
        &n->sql,
        "UPDATE recover SET generation = ?1, leaf = ?2, told_at = ?4, asked_at = CASE WHEN told_at < ?4"
        " - ?5 THEN 0 ELSE asked_at END WHERE scope = ?3 AND state = 1 AND (leaf IS NOT ?2 OR"
        " generation != ?1) AND (?6 = ?7 OR peer_family = ?6)",
        "ibbiibb", (int64_t)told.generation, SPAN(told.leaf_hash), SPAN_ID(&told.scope), n->now.wall_ms,
        (int64_t)TOLD_AGAIN_MS, SPAN_ID(&l->from.who.family), SPAN_ID(&n->self.family));
}

/* ---- in again ---- */

enum status restore_entered(struct node *n, const struct scope_id *scope, const struct admission *a,
                            const struct device_certificate *from)
{
    int64_t seq = 0;
    for (size_t i = 0; i < a->head_count; i++) {
        if (ID_EQUAL(&a->heads[i].author, &n->self.device)) {
            seq = (int64_t)a->heads[i].seq;
        }
    }
    return sql_run(
        &n->sql,
        "UPDATE recover SET state = 2, joined_at = ?, by = ?, head_seq = ?, heard = 0, package = NULL"
        " WHERE scope = ? AND state IN (1, 2)",
        "ibib", n->now.wall_ms, SPAN_ID(&from->device), seq, SPAN_ID(scope));
}

enum status restore_check(struct node *n, const struct scope_id *scope)
{
    int64_t ready = 0;
    enum status st = sql_number(&n->sql, &ready, 0,
                                "SELECT count(*) FROM recover r WHERE r.scope = ?1 AND r.state = 2 AND "
                                "(r.heard = 2 OR (r.heard = 1 AND"
                                " r.joined_at < ?3)) AND r.head_seq <= coalesce((SELECT cont_seq FROM head "
                                "WHERE scope = ?1 AND author ="
                                " ?2), 0)",
                                "bbi", SPAN_ID(scope), SPAN_ID(&n->self.device), n->now.wall_ms - ADDER_MS);
    if (st != ST_OK || ready == 0) {
        return st;
    }
    st = journal_unpark(n, scope);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM recover WHERE scope = ?", "b", SPAN_ID(scope));
    }
    return st == ST_OK ? groups_dirty(n) : st;
}

/* Only who has read the commit that brought us in writes to the group as it is now: and before that commit it
 * read all that we ever sent there. */
enum status restore_heard(struct node *n, const struct scope_id *scope, const struct device_id *from,
                          const struct have_author *ours)
{
    enum status st =
        sql_run(&n->sql,
                "UPDATE recover SET head_seq = max(head_seq, ?2), heard = max(heard, CASE WHEN by ="
                " ?3 THEN 2 ELSE 1 END) WHERE scope = ?1 AND state = 2",
                "bib", SPAN_ID(scope), ours ? (int64_t)ours->seq : 0, SPAN_ID(from));
    return st == ST_OK ? restore_check(n, scope) : st;
}

/* ---- what reconcile calls ---- */

static enum status check_all(struct node *n)
{
    struct scope_id scopes[AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql, "SELECT scope, joined_at FROM recover WHERE state = 2 LIMIT 16", "");
    while (count < AT_ONCE && query_next(&q)) {
        if (query_int(&q, 1) > n->now.wall_ms - ADDER_MS) {
            node_wake_wall(n, query_int(&q, 1) + ADDER_MS + 1);
        }
        QUERY_ID(&q, 0, &scopes[count++]);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = restore_check(n, &scopes[i]);
    }
    return st;
}

/* Nobody answers: a conversation that was about to be founded is founded now; another is over. What was
 * written there meanwhile goes on. */
static enum status give_up(struct node *n)
{
    struct scope_id scopes[AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT scope FROM recover WHERE state = 1 AND kind = 5 AND leaf IS NULL AND"
        " (began_at < ?1 - ?3 OR (began_at < ?1 - ?2 AND EXISTS (SELECT 1 FROM contact c WHERE c.scope"
        " = recover.scope AND c.state = 1))) LIMIT 16",
        "iii", n->now.wall_ms, (int64_t)FOUNDING_MS, (int64_t)DAY_MS * ASK_DAYS);
    while (count < AT_ONCE && query_next(&q)) {
        QUERY_ID(&q, 0, &scopes[count++]);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = sql_run(&n->sql, "UPDATE recover SET state = 3, package = NULL WHERE scope = ?", "b",
                     SPAN_ID(&scopes[i]));
        if (st == ST_OK) {
            st = journal_unpark(n, &scopes[i]);
        }
    }
    return st;
}

static enum status listen_again(struct node *n)
{
    return sql_run(
        &n->sql,
        "UPDATE log SET listening = 1 WHERE kind = 2 AND listening = 0 AND owner IN (SELECT id FROM"
        " letterbox WHERE kind = ? AND void = 0)",
        "i", (int64_t)BOX_INVITE);
}

enum status restore_due(struct node *n)
{
    int64_t old = OLD_COPY_NO, rows = 0;
    bool out = false;
    enum status st = meta_number(n, "old_copy", OLD_COPY_NO, &old);
    if (st == ST_OK && old == OLD_COPY_FOUND) {
        st = leave_all(n);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &rows, 0, "SELECT count(*) FROM recover", "");
    }
    if (st != ST_OK || (old == OLD_COPY_NO && rows == 0)) {
        return st;
    }
    st = check_all(n);
    if (st == ST_OK) {
        st = restore_out(n, &out);
    }
    if (st == ST_OK && !out && old == OLD_COPY_KNOWN) {
        st = want_family_scopes(n);
    }
    if (st == ST_OK && !out && old == OLD_COPY_KNOWN) {
        st = want_conversations(n);
    }
    if (st == ST_OK && !out) {
        st = listen_again(n);
    }
    if (st == ST_OK) {
        st = give_up(n);
    }
    return st == ST_OK ? ask_all(n) : st;
}
