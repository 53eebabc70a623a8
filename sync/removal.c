/* SPDX-License-Identifier: Apache-2.0 */
/* Revocations: made, judged, told; and the evidence that commits bring with them. */
#include "sync/removal.h"

#include "device/certificates.h"
#include "device/roster.h"
#include "sync/chain_wish.h"
#include "sync/commands.h"
#include "sync/contact.h"
#include "sync/conversation.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/names.h"
#include "sync/readd.h"
#include "sync/scope_internal.h"

enum removal_limits { REVOCATIONS_UNMET_MAX = 128 }; /* of one family: as many as it has devices */

bool revocation_known(struct node *n, const struct device_id *device)
{
    int64_t known = 0;
    enum status st = sql_number(&n->sql, &known, 0, "SELECT count(*) FROM revocation WHERE device = ?", "b",
                                SPAN_ID(device));
    return st == ST_OK && known != 0;
}

/* The issuer's family says whose device it is, and any family can name any key: of a device that is known as
 * somebody else's it says nothing. (Of one that is not known yet: family_keep_certificate.) */
static enum status judge_whose(struct node *n, const struct revocation *v)
{
    int64_t other = 0;
    enum status st =
        sql_number(&n->sql, &other, 0,
                   "SELECT count(*) FROM certificate WHERE device = ? AND (family != ? OR person != ?)",
                   "bbb", SPAN_ID(&v->device), SPAN_ID(&v->who.family), SPAN_ID(&v->who.person));
    return st == ST_OK && other != 0 ? ST_REVOCATION_ISSUER : st;
}

/* A family can name any number of keys; more than that of devices that nobody has met here are not kept. */
static enum status judge_count(struct node *n, const struct revocation *v)
{
    int64_t met = 0, others = 0;
    enum status st = sql_number(&n->sql, &met, 0, "SELECT count(*) FROM certificate WHERE device = ?", "b",
                                SPAN_ID(&v->device));
    if (st == ST_OK && met == 0) {
        st = sql_number(&n->sql, &others, 0,
                        "SELECT count(*) FROM revocation r WHERE r.family = ? AND NOT EXISTS (SELECT 1 FROM"
                        " certificate c WHERE c.device = r.device)",
                        "b", SPAN_ID(&v->who.family));
    }
    return st == ST_OK && others >= REVOCATIONS_UNMET_MAX ? ST_REVOCATION_ISSUER : st;
}

/* The family's scopes have the pins of its chain (family.c). */
static enum status set_pins(struct node *n, const struct revocation *v)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < v->pins.count; i++) {
        int64_t chains = 0;
        st = sql_number(&n->sql, &chains, 0,
                        "SELECT count(*) FROM mls_group WHERE scope = ? AND kind IN (1, 2, 3)", "b",
                        SPAN_ID(&v->pins.at[i].scope));
        if (st == ST_OK && chains == 0) {
            st = journal_set_pin(n, &v->device, &v->pins.at[i]);
        }
    }
    return st;
}

/* At the newest head known, not at the one that it names: a device that was removed since has no say,
 * whatever date it writes on it. `once`: one that came as an entry within its author's pin; that its issuer
 * was removed since does not matter, for it closes, and is to hold whatever came first (§6.1). */
static enum status judge(struct node *n, const struct revocation *v, bool once)
{
    struct authority *a = NULL;
    enum status st = once ? family_authority_with(n, &v->who.family, &v->issuer, &a)
                          : family_authority_at(n, &v->who.family, UINT64_MAX, &a);
    if (st == ST_OK && v->authority_height > a->head.height) {
        st = ST_CHAIN_GAP;
    }
    if (st == ST_OK) {
        st = revocation_check(a, v);
    }
    mem_free(a, sizeof(*a));
    if (st == ST_OK) {
        st = judge_whose(n, v);
    }
    return st == ST_OK ? judge_count(n, v) : st;
}

static enum status keep(struct node *n, struct span revocation, bool once)
{
    struct revocation v;
    enum status st = revocation_decode(&v, revocation);
    if (st == ST_OK && revocation_known(n, &v.device)) {
        return ST_OK;
    }
    if (st == ST_OK) {
        st = judge(n, &v, once);
    }
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "INSERT OR IGNORE INTO revocation(device, family, person, revocation, at_ms) VALUES(?,?,?,?,?)",
            "bbbbi", SPAN_ID(&v.device), SPAN_ID(&v.who.family), SPAN_ID(&v.who.person), revocation,
            n->now.wall_ms);
    }
    if (st == ST_OK) {
        st = set_pins(n, &v);
    }
    return st == ST_OK ? groups_dirty(n) : st;
}

enum status revocation_keep(struct node *n, struct span revocation)
{
    return keep(n, revocation, false);
}

/* ---- telling ---- */

/* To every contact of the person whose device it was, by their letterboxes. */
static enum status tell_contacts(struct node *n, const struct person_ref *who, struct span revocation)
{
    struct query q;
    enum status st = ST_OK;
    query_start(&q, &n->sql,
                "SELECT family, other, their_box FROM contact WHERE person = ? AND their_box IS NOT NULL",
                "b", SPAN_ID(&who->person));
    while (st == ST_OK && query_next(&q)) {
        struct letter l = {.type = LETTERBOX_REVOCATION, .box = query_blob(&q, 2), .body = revocation};
        QUERY_ID(&q, 0, &l.to.family);
        QUERY_ID(&q, 1, &l.to.person);
        st = l.box.len != 0 ? letter_send(n, &l) : ST_OK;
    }
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}

/* Into the journals: the whole family's. */
static enum status tell_family(struct node *n, struct span revocation)
{
    struct scope_id scope;
    struct entry_body body = {.kind = ENTRY_REVOCATION};
    body.u.revocation.revocation = revocation;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    return st == ST_OK ? journal_append(n, SCOPE_FAMILY, &scope, &body, NULL) : st;
}

enum status revocation_issue(struct node *n, const struct device_id *device, const struct person_ref *who)
{
    struct chain_head head;
    struct buffer bytes;
    struct writer w;
    bool known = false;
    struct revocation v = {.who = *who, .device = *device, .issuer = n->self.device};
    enum status st = family_head(n, &n->self.family, CHAIN_AUTHORITY, &head, &known);
    v.authority_height = head.height;
    buffer_init(&bytes, WIRE_ENTRY_MAX);
    if (st == ST_OK) {
        st = revocation_sign(&v, &n->self.key);
    }
    if (st == ST_OK) {
        writer_init(&w, &bytes);
        st = revocation_encode(&w, &v);
    }
    if (st == ST_OK) {
        st = tell_family(n, buffer_span(&bytes)); /* its handler keeps it */
    }
    if (st == ST_OK) {
        st = tell_contacts(n, who, buffer_span(&bytes));
    }
    buffer_wipe(&bytes);
    return st;
}

enum status apply_revocation(struct node *n, const struct applied_entry *e)
{
    struct span revocation = e->body->u.revocation.revocation;
    struct revocation v;
    enum status st = revocation_decode(&v, revocation);
    bool once = e->scope_kind == SCOPE_FAMILY && st == ST_OK && ID_EQUAL(&v.who.family, &n->self.family);
    if (st == ST_OK && e->closes_only) {
        st = ST_JOURNAL_AUTHOR;
    }
    return st == ST_OK ? keep(n, revocation, once) : st;
}

enum status retract_revocation(struct node *n, const struct applied_entry *e)
{
    struct span revocation = e->body->u.revocation.revocation;
    struct revocation v;
    enum status st = revocation_decode(&v, revocation);
    return st == ST_OK ? sql_run(&n->sql, "DELETE FROM revocation WHERE device = ? AND revocation = ?", "bb",
                                 SPAN_ID(&v.device), revocation)
                       : st;
}

enum status letter_revocation(struct node *n, const struct received_letter *l)
{
    return revocation_keep(n, l->m->body);
}

enum status letter_evidence(struct node *n, const struct received_letter *l)
{
    struct evidence_record r;
    enum status st = evidence_record_decode(&r, l->m->body);
    if (st == ST_OK && r.kind == EVIDENCE_CHAIN_ENTRY) {
        return removal_told(n, &r, l->m->body);
    }
    if (st == ST_OK && r.kind == EVIDENCE_LEAVE) {
        return letter_leave(n, l, r.body);
    }
    return st == ST_OK && r.kind == EVIDENCE_REVOCATION ? revocation_keep(n, r.body) : st;
}

/* ---- evidence that a commit brought ---- */

/* A device that is added again to its family has none of its key packages' secrets any more, or gives them up
 * (scope_join.c): it sends new ones. */
static enum status forget_packages(struct node *n, struct group *g, struct span body)
{
    struct readd_request q;
    struct person_ref who;
    uint32_t leaf = 0;
    enum status st = readd_request_decode(&q, body);
    if (st == ST_OK) {
        st = readd_request_verify(&q);
    }
    return st == ST_OK && readd_names_leaf(n, g, &q, &leaf, &who)
               ? sql_run(&n->sql, "DELETE FROM peer_key_package WHERE device = ?", "b", SPAN_ID(&q.device))
               : st;
}

static enum status take_record(struct node *n, struct group *g, const struct evidence_record *r)
{
    switch (r->kind) {
    case EVIDENCE_CHAIN_ENTRY:
        return family_take_entry(n, &r->family, r->body);
    case EVIDENCE_PERMIT:
        return permit_keep(n, r->body);
    case EVIDENCE_WITHDRAWAL:
        return withdrawal_keep(n, r->body);
    case EVIDENCE_REVOCATION:
        return revocation_keep(n, r->body);
    case EVIDENCE_CERTIFICATE:
        return family_keep_certificate(n, r->body);
    case EVIDENCE_READD:
        return g->kind == SCOPE_FAMILY ? forget_packages(n, g, r->body) : ST_OK;
    case EVIDENCE_LEAVE:
    default:
        return ST_OK;
    }
}

/* The chains first: the rest is judged by them. */
enum status epoch_evidence(struct node *n, struct group *g, const struct span *records, size_t count)
{
    struct evidence_record r;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < 2 * count; i++) {
        bool chains = i < count;
        if (evidence_record_decode(&r, records[chains ? i : i - count]) != ST_OK ||
            chains != (r.kind == EVIDENCE_CHAIN_ENTRY)) {
            continue;
        }
        st = take_record(n, g, &r);
        /* The commit is valid whatever this device can make of its evidence: all members must agree on it. */
        st = status_is_fatal(st) ? st : ST_OK;
    }
    return st;
}

/* ---- holding and telling ---- */

enum status removal_holds_sending(struct node *n, struct group *g, bool *held)
{
    struct device_certificate c;
    int64_t any = 0;
    *held = false;
    enum status st = sql_number(&n->sql, &any, 0, "SELECT count(*) FROM revocation", "");
    for (uint32_t at = 0; st == ST_OK && any != 0 && !*held && group_next(g, &at, &c);) {
        *held = revocation_known(n, &c.device);
    }
    return st;
}

/* Has every other member of the group told that it stands where we stand, without the device? */
static enum status group_passed(struct node *n, int64_t id, const struct device_id *device, bool *passed)
{
    struct group *g = NULL;
    struct device_certificate c;
    enum status st = group_get(n, id, &g);
    if (st != ST_OK) {
        return st;
    }
    *passed = !group_has_device(g, device, NULL);
    for (uint32_t at = 0; st == ST_OK && *passed && group_next(g, &at, &c);) {
        int64_t epoch = -1;
        if (ID_EQUAL(&c.device, &n->self.device)) {
            continue;
        }
        st = sql_number(&n->sql, &epoch, -1, "SELECT epoch FROM beacon WHERE grp = ? AND device = ?", "ib",
                        g->id, SPAN_ID(&c.device));
        *passed = epoch >= (int64_t)g->epoch;
    }
    return st;
}

enum status removal_passed(struct node *n, const struct device_id *device, bool *passed)
{
    enum { AT_ONCE = 64 };
    int64_t ids[AT_ONCE];
    size_t count = 0;
    struct query q;
    *passed = true;
    query_start(&q, &n->sql,
                "SELECT g.id FROM mls_group g WHERE g.state = 1 AND (g.kind < 5 OR EXISTS (SELECT 1 FROM "
                "certificate c"
                " WHERE c.device = ? AND c.person IN (g.subject_person, g.peer_person))) LIMIT 64",
                "b", SPAN_ID(device));
    while (count < AT_ONCE && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && *passed && i < count; i++) {
        st = group_passed(n, ids[i], device, passed);
    }
    return st;
}

enum status removals_passed(struct node *n)
{
    struct device_id device;
    struct person_ref who;
    char person[WIRE_NAME_MAX + 1];
    struct query q;
    bool found = false, passed = false;
    query_start(&q, &n->sql,
                "SELECT device, family, person FROM revocation WHERE told = 0 AND family = ? LIMIT 1", "b",
                SPAN_ID(&n->self.family));
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &device);
        QUERY_ID(&q, 1, &who.family);
        QUERY_ID(&q, 2, &who.person);
        found = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && found) {
        st = removal_passed(n, &device, &passed);
    }
    if (st != ST_OK || !passed) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE revocation SET told = 1 WHERE device = ?", "b", SPAN_ID(&device));
    if (st == ST_OK) {
        st = person_name(n, &who, person, sizeof(person));
    }
    return st == ST_OK ? node_notice(n, NOTICE_DEVICE_REMOVED, person, "", NULL) : st;
}

/* A commit removed this device. From its own family: it is out of everything. */
enum status removed_from_group(struct node *n, struct group *g)
{
    bool family = g->kind == SCOPE_FAMILY;
    struct scope_id scope = g->scope;
    enum status st = group_leave(n, g);
    if (st == ST_OK && family) {
        st = self_removed(n);
    }
    if (st == ST_OK && family) {
        st = sql_run(&n->sql, "UPDATE mls_group SET state = 3", "");
    }
    if (st == ST_OK && family) {
        st = sql_run(&n->sql, "DELETE FROM mls_record", "");
        groups_free(n);
    }
    if (st == ST_OK && family) {
        st = sql_run(&n->sql, "UPDATE log SET listening = 0", "");
    }
    return st == ST_OK ? node_notice(n, NOTICE_DEVICE_REMOVED, "", "this device", &scope) : st;
}

/* ---- the command ---- */

/* Whoever has no device left gets none in this version: that is to be said, by the person's name. */
static enum status judge_last(struct node *n, const struct command *c, const struct roster_person *owner)
{
    char text[COMMAND_TEXT_MAX + 1];
    struct named who;
    if (owner->device_count > 1) {
        return ST_OK;
    }
    if (!c->value[CMD_DEVICES_REMOVE_LAST].given) {
        return ST_DEVICE_LAST;
    }
    enum status st = name_resolve(n, command_text(c, CMD_DEVICES_REMOVE_LAST, text, sizeof(text)),
                                  NAME_OF_PERSON, NULL, &who);
    return st == ST_OK && !ID_EQUAL(&who.person.person, &owner->person) ? ST_DEVICE_LAST : st;
}

enum status run_devices_remove(struct node *n, const struct command *c, struct reply *r)
{
    char text[COMMAND_TEXT_MAX + 1];
    struct named who;
    struct person_ref person;
    enum status st = name_resolve(n, command_text(c, CMD_DEVICES_REMOVE_DEVICE, text, sizeof(text)),
                                  NAME_OF_DEVICE, NULL, &who);
    if (st != ST_OK) {
        return st;
    }
    sqlite3_snprintf(sizeof(r->name), r->name, "%s", who.name);
    if (ID_EQUAL(&who.device, &n->self.device)) {
        return ST_DEVICE_ITSELF;
    }
    const struct authority *a;
    const struct roster *roster;
    st = family_states(n, &a, &roster);
    const struct roster_person *owner = st == ST_OK ? roster_person_of(roster, &who.device) : NULL;
    if (!owner) {
        return st == ST_OK ? ST_NAME_UNKNOWN : st;
    }
    person = (struct person_ref){n->self.family, owner->person};
    struct facts_ask ask = {.kind = MAY_REMOVE_DEVICE, .subject = person};
    struct facts_answer answer;
    st = facts_decide(n, &ask, &answer);
    if (st == ST_OK) {
        r->rule = answer.rule;
        st = facts_status(&answer);
    }
    if (st == ST_OK) {
        st = judge_last(n, c, owner);
    }
    if (st != ST_OK) {
        return st;
    }
    st = wish_remove_device(n, &who.device);
    return st == ST_OK ? revocation_issue(n, &who.device, &person) : st;
}
