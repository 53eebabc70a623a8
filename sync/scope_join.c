/* SPDX-License-Identifier: Apache-2.0 */
/* Admissions: made for those whom a commit adds, judged by those who join (§5.3). */
#include "sync/admission_wait.h"
#include "sync/apart.h"
#include "sync/conversation.h"
#include "sync/family.h"
#include "sync/held.h"
#include "sync/journal.h"
#include "sync/pair.h"
#include "sync/readd.h"
#include "sync/removal.h"
#include "sync/restore.h"
#include "sync/scope_internal.h"
#include "sync/succession.h"

enum join_limits {
    ADMISSIONS_AT_ONCE = 8,
    ADMISSION_KEPT_MS = 7 * 24 * 3600 * 1000 /* what they wait for comes within days, or not at all */
};

/* ---- making ---- */

struct lists { /* the bytes that an admission borrows while it is encoded */
    struct buffer chains[KITH_CONTEXT_FAMILIES_MAX], roster, certificates, permits, permit_bytes[2];
};

/* A chain as stored up to the context's head, which the commit's own evidence may carry further. */
static enum status list_chain(struct node *n, const struct family_id *family, enum chain_kind chain,
                              uint64_t height, struct buffer *bytes, struct wire_list *out)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT entry FROM chain WHERE family = ? AND chain = ? AND height <= ? ORDER BY height",
                "bii", SPAN_ID(family), (int64_t)chain, (int64_t)height);
    while (query_next(&q)) {
        query_fail(&q, wire_list_append(bytes, out, query_blob(&q, 0)));
    }
    return query_end(&q);
}

static enum status list_evidence(const struct group_commit_args *a, const struct family_id *family,
                                 enum chain_kind chain, struct buffer *bytes, struct wire_list *out)
{
    struct evidence_record r;
    struct chain_entry e;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < a->evidence_count; i++) {
        st = evidence_record_decode(&r, a->evidence[i]);
        if (st != ST_OK || r.kind != EVIDENCE_CHAIN_ENTRY || !ID_EQUAL(&r.family, family)) {
            continue;
        }
        st = chain_entry_decode(&e, r.body);
        if (st == ST_OK && e.chain == chain && e.height >= out->count) {
            st = wire_list_append(bytes, out, r.body);
        }
    }
    return st;
}

static enum status fill_chains(struct node *n, const struct kith_context *context,
                               const struct group_commit_args *a, struct lists *l, struct admission *out)
{
    enum status st = ST_OK;
    out->chain_count = context->family_count;
    for (size_t i = 0; st == ST_OK && i < context->family_count; i++) {
        const struct family_head *f = &context->families[i];
        out->chains[i].family = f->family;
        st = list_chain(n, &f->family, CHAIN_AUTHORITY, f->head.height, &l->chains[i],
                        &out->chains[i].entries);
        if (st == ST_OK) {
            st = list_evidence(a, &f->family, CHAIN_AUTHORITY, &l->chains[i], &out->chains[i].entries);
        }
    }
    if (st == ST_OK && context->kind != SCOPE_CONVERSATION) {
        const struct family_id *own = &context->families[0].family;
        st = list_chain(n, own, CHAIN_ROSTER, context->roster.height, &l->roster, &out->roster);
        if (st == ST_OK) {
            st = list_evidence(a, own, CHAIN_ROSTER, &l->roster, &out->roster);
        }
    }
    return st;
}

static enum status fill_conversation(struct node *n, const struct group *g, struct lists *l,
                                     struct admission *out)
{
    size_t permits = 0, heads = 0;
    enum status st = ST_OK;
    if (g->kind != SCOPE_CONVERSATION) {
        return ST_OK;
    }
    if (g->has_peer) {
        st = pair_permits(n, &g->subject, &g->peer, l->permit_bytes, &permits);
    }
    for (size_t i = 0; st == ST_OK && i < permits; i++) {
        struct evidence_record r;
        st = evidence_record_decode(&r, buffer_span(&l->permit_bytes[i]));
        if (st == ST_OK) {
            st = wire_list_append(&l->permits, &out->permits, r.body);
        }
    }
    if (st == ST_OK) {
        st = journal_heads(n, g, out->heads, &heads);
        out->head_count = (uint16_t)heads;
    }
    return st;
}

static enum status add_certificate(struct node *n, struct span identity, struct lists *l,
                                   struct admission *out)
{
    struct buffer one;
    bool fresher = false;
    buffer_init(&one, WIRE_CERTIFICATE_MAX);
    enum status st = certificate_if_fresher(n, identity, &one, &fresher);
    if (st == ST_OK && fresher && out->certificates.count < WIRE_LEAVES_MAX) {
        st = wire_list_append(&l->certificates, &out->certificates, buffer_span(&one));
    }
    buffer_wipe(&one);
    return st;
}

/* In the family's scopes also those of devices that are gone, whose entries a joiner still has to read: a
 * rule or a no of theirs goes on. */
static enum status add_past_authors(struct node *n, const struct group *g, struct lists *l,
                                    struct admission *out)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT c.device, c.certificate FROM certificate c JOIN head h ON h.author = c.device"
                " WHERE h.scope = ? AND h.cont_seq > 0 ORDER BY c.not_after_ms DESC",
                "b", SPAN_ID(&g->scope));
    while (out->certificates.count < WIRE_LEAVES_MAX && query_next(&q)) {
        struct device_id device;
        QUERY_ID(&q, 0, &device);
        if (!group_has_device(g, &device, NULL)) {
            query_fail(&q, wire_list_append(&l->certificates, &out->certificates, query_blob(&q, 1)));
        }
    }
    return query_end(&q);
}

/* Renewed ones of members whose leaves, or key packages, still have the old. */
static enum status fill_certificates(struct node *n, const struct group *g, const struct mls_staged *staged,
                                     struct lists *l, struct admission *out)
{
    const struct mls_change *changes;
    struct mls_member m;
    size_t count = mls_staged_changes(staged, &changes);
    enum status st = ST_OK;
    for (uint32_t at = 0; st == ST_OK && mls_group_next_member(g->mls, &at, &m);) {
        st = add_certificate(n, m.identity, l, out);
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        if (changes[i].kind == MLS_CHANGE_ADD) {
            st = add_certificate(n, changes[i].identity_new, l, out);
        }
    }
    return st == ST_OK && g->kind != SCOPE_CONVERSATION ? add_past_authors(n, g, l, out) : st;
}

/* Of the relay whose log the joiner will read: the commit may move the group. */
static enum status incarnation_of(struct node *n, const struct kith_context *c, struct relay_incarnation *out)
{
    char relay[WIRE_RELAY_MAX + 1];
    sqlite3_snprintf(sizeof(relay), relay, "%.*s", (int)c->relays[0].len, (const char *)c->relays[0].ptr);
    return logs_incarnation(n, relay, out);
}

enum status group_make_admission(struct node *n, struct group *g, const struct mls_staged *staged,
                                 const struct group_commit_args *a, struct span welcome, struct buffer *out)
{
    struct kith_context context;
    struct relay_incarnation incarnation;
    struct writer w;
    struct span data;
    size_t authors = 0;
    struct lists *l = mem_alloc(1, sizeof(*l));
    struct admission *ad = mem_alloc(1, sizeof(*ad));
    enum status st = l && ad ? ST_OK : ST_NO_MEMORY;
    for (size_t i = 0; l && i < KITH_CONTEXT_FAMILIES_MAX; i++) {
        buffer_init(&l->chains[i], WIRE_LIST_MAX);
    }
    if (st == ST_OK) {
        buffer_init(&l->roster, WIRE_LIST_MAX);
        buffer_init(&l->certificates, WIRE_LIST_MAX);
        buffer_init(&l->permits, WIRE_LIST_MAX);
        buffer_init(&l->permit_bytes[0], EVIDENCE_RECORD_MAX);
        buffer_init(&l->permit_bytes[1], EVIDENCE_RECORD_MAX);
        st = mls_staged_extension(staged, KITH_CONTEXT_EXTENSION, &data) ? kith_context_decode(&context, data)
                                                                         : ST_INTERNAL;
    }
    if (st == ST_OK) {
        ad->scope = g->scope;
        ad->generation = g->generation;
        memcpy(ad->founding_hash, g->founding, HASH_LEN);
        ad->welcome = welcome;
        st = incarnation_of(n, &context, &incarnation);
        memcpy(ad->incarnation.b, incarnation.b, sizeof(ad->incarnation.b));
    }
    if (st == ST_OK) {
        st = group_authors(n, g, ad->authors, &authors);
        ad->author_count = (uint8_t)authors;
    }
    if (st == ST_OK) {
        st = fill_chains(n, &context, a, l, ad);
    }
    if (st == ST_OK) {
        st = fill_conversation(n, g, l, ad);
    }
    if (st == ST_OK) {
        st = fill_certificates(n, g, staged, l, ad);
    }
    if (st == ST_OK) {
        writer_init(&w, out);
        st = admission_encode(&w, ad);
    }
    for (size_t i = 0; l && i < KITH_CONTEXT_FAMILIES_MAX; i++) {
        buffer_wipe(&l->chains[i]);
    }
    if (l) {
        buffer_wipe(&l->roster);
        buffer_wipe(&l->certificates);
        buffer_wipe(&l->permits);
        buffer_wipe(&l->permit_bytes[0]);
        buffer_wipe(&l->permit_bytes[1]);
    }
    mem_free(l, sizeof(*l));
    mem_free(ad, sizeof(*ad));
    return st;
}

/* ---- joining ---- */

/* The private record of the key package that a Welcome names. */
static enum status find_key_package(struct node *n, struct span welcome, uint8_t ref[static HASH_LEN],
                                    struct buffer *record, bool *last_resort)
{
    struct query q;
    bool found = false;
    query_start(&q, &n->sql, "SELECT ref, record, last_resort FROM own_key_package", "");
    while (!found && query_next(&q)) {
        query_fixed(&q, 0, ref, HASH_LEN);
        if (mls_welcome_names(welcome, ref)) {
            found = true;
            *last_resort = query_int(&q, 2) != 0;
            query_fail(&q, buffer_append(record, query_blob(&q, 1)));
        }
    }
    enum status st = query_end(&q);
    return st == ST_OK && !found ? ST_MLS_NOT_FOR_US : st;
}

/* May this device be in such a group at all? Scopes of the family: only of its own family and person; a
 * conversation: with a person that this one asked or may talk to. `who`: persons of the conversation of two.
 */
static enum status judge_place(struct node *n, const struct kith_context *c, const struct group *view,
                               struct group_row_args *row)
{
    struct person_ref persons[WIRE_LEAVES_MAX], self = self_person(n);
    struct scope_id expected;
    row->subject = self;
    if (c->kind != SCOPE_CONVERSATION) {
        bool own = c->family_count == 1 && ID_EQUAL(&c->families[0].family, &n->self.family);
        enum status st = own ? ST_OK : ST_CERTIFICATE_FAMILY;
        if (st == ST_OK && c->kind == SCOPE_WARD && n->self.role == ROLE_PARENT) {
            return family_ward_of_scope(n, &c->scope, &row->subject.person);
        }
        return st;
    }
    size_t count = group_persons(view, persons, WIRE_LEAVES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (scope_id_of_pair(&self, &persons[i], &expected) == ST_OK && ID_EQUAL(&expected, &c->scope) &&
            !person_ref_equal(&self, &persons[i])) {
            row->has_peer = true;
            row->peer = persons[i];
            return pair_allowed(n, &self, &row->peer);
        }
    }
    return conversation_judge_overseen(n, c, persons, count, row);
}

struct before { /* who was in the group that gives way */
    struct person_ref persons[WIRE_LEAVES_MAX];
    size_t count;
    bool there;
    struct succession_since since;
};

struct joining {
    const struct admission *a;
    const struct successor *successor; /* its founding, or NULL */
    const struct device_certificate *from;
    struct buffer record;
    uint8_t ref[HASH_LEN];
    bool last_resort;
    struct mls_group *mls;
    struct kith_context context;
};

/* Both are first groups of their generation, and neither follows the other. */
static bool is_rival(const struct group *old, const struct joining *j)
{
    return old->generation == j->a->generation && !j->successor &&
           !successor_is_name(mls_group_id(old->mls)) && !successor_is_name(mls_group_id(j->mls));
}

/* A group of this scope that is here already gives way to one that is newer, or to a re-adding. */
static enum status make_room(struct node *n, const struct joining *j, struct before *before)
{
    struct group *old = NULL;
    enum status st = group_of_scope(n, &j->a->scope, &old);
    if (st == ST_GROUP_NOT_HERE) {
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    bool left = false;
    st = conversation_was_left(n, old, j->a->generation, &left);
    bool same =
        old->generation == j->a->generation && memcmp(old->founding, j->a->founding_hash, HASH_LEN) == 0;
    if (st != ST_OK || left) {
        return st == ST_OK ? group_leave(n, old) : st;
    }
    if (same) {
        st = apart_gives_way(n, old, j->mls) ? ST_OK : ST_GROUP_EPOCH_OVER;
        st = st == ST_OK ? readd_was_behind(n, old, mls_group_epoch(j->mls)) : st;
    } else if (is_rival(old, j)) { /* two foundings: the lower one stands (§5.2) */
        st = conversation_founding_gives_way(n, old, j->a) ? ST_OK : ST_GROUP_EPOCH_OVER;
    } else {
        st = succession_judge(n, old, j->mls, j->a, j->successor, &j->from->device);
    }
    if (st == ST_OK) {
        st = succession_since(n, old, &before->since);
    }
    if (st != ST_OK) {
        return st;
    }
    before->there = true;
    before->count = group_persons(old, before->persons, WIRE_LEAVES_MAX);
    return group_leave(n, old);
}

/* Who came while this device could not follow: what it has not sent yet was not written for them, and what
 * was said before is not repaired to them: somebody came in this epoch, as far as it knows. A device that is
 * new to the family has what was said before from its person's others, and does not know who was there. */
static enum status hold_for_newcomers(struct node *n, struct group *g, const struct before *before)
{
    struct person_ref now[WIRE_LEAVES_MAX];
    size_t count = before->there ? group_persons(g, now, WIRE_LEAVES_MAX) : 0;
    bool came = !before->there && g->kind == SCOPE_FAMILY;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        bool known = false;
        for (size_t j = 0; j < before->count; j++) {
            known = known || person_ref_equal(&before->persons[j], &now[i]);
        }
        came = came || !known;
        st = known ? ST_OK : texts_hold(n, g, &now[i]);
        if (st == ST_OK && !known) {
            st = texts_came(n, g, &now[i]);
        }
    }
    return st == ST_OK && came
               ? sql_run(&n->sql, "UPDATE epoch SET new_person = 1 WHERE grp = ? AND epoch = ?", "ii", g->id,
                         (int64_t)g->epoch)
               : st;
}

static enum status adopt_chains(struct node *n, const struct admission *a)
{
    struct span rest = a->permits.bytes, item;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < a->chain_count; i++) {
        st = family_take_chain(n, &a->chains[i].family, &a->chains[i].entries);
    }
    if (st == ST_OK && a->roster.count != 0) {
        st = family_take_chain(n, &a->chains[0].family, &a->roster);
    }
    while (st == ST_OK && wire_list_next(&rest, &item)) {
        /* One that counted where the Admission was made and not here, where more of its chain is known, does
         * not keep this device out: judge_place asks what holds now. */
        st = permit_keep(n, item);
        st = status_is_fatal(st) ? st : ST_OK;
    }
    return st;
}

static enum status adopt_rest(struct node *n, struct group *g, const struct joining *j, bool was_in)
{
    const struct admission *a = j->a;
    const struct device_certificate *from = j->from;
    struct device_certificate c;
    struct mls_member m;
    enum status st = ST_OK;
    for (uint32_t at = 0; st == ST_OK && mls_group_next_member(g->mls, &at, &m);) {
        st = device_certificate_decode(&c, m.identity);
        if (st == ST_OK) {
            st = family_keep_proven(n, m.identity); /* the leaf's signature is the key's */
        }
    }
    struct span rest = a->certificates.bytes, item;
    while (st == ST_OK && wire_list_next(&rest, &item)) {
        st = family_keep_certificate(n, item);
        st = status_is_fatal(st) ? st : ST_OK;
    }
    int64_t known = 0; /* a device that was here before lacks what it missed: no base, repair brings it */
    if (st == ST_OK) {
        st =
            sql_number(&n->sql, &known, 0,
                       "SELECT ?2 + (SELECT count(*) FROM head WHERE scope = ?1 AND cont_seq > 0) + (SELECT "
                       "count(*) FROM"
                       " mls_group g JOIN recover r ON r.scope = g.scope WHERE g.scope = ?1 AND g.state = 3)",
                       "bi", SPAN_ID(&g->scope), (int64_t)was_in);
    }
    for (size_t i = 0; st == ST_OK && known == 0 && i < a->head_count; i++) {
        st = journal_set_base(n, &g->scope, &a->heads[i]);
    }
    if (st == ST_OK) {
        st = restore_entered(n, &g->scope, a, from);
    }
    for (size_t i = a->author_count; st == ST_OK && i > 0; i--) {
        if (g->epoch >= i) {
            st = sql_run(&n->sql,
                         "INSERT OR IGNORE INTO epoch(grp, epoch, authenticator, author_family, "
                         "author_person, began_at)"
                         " VALUES(?,?,?,?,?,?)",
                         "iibbbi", g->id, (int64_t)(g->epoch - i), SPAN_EMPTY,
                         SPAN_ID(&a->authors[i - 1].family), SPAN_ID(&a->authors[i - 1].person),
                         n->now.wall_ms);
        }
    }
    return st == ST_OK ? group_note_epoch(n, g, &from->who) : st;
}

/* A relay that was wiped since the Admission was made: what this device would read first need not be first.
 */
static enum status judge_incarnation(struct node *n, struct group *g, const struct admission *a)
{
    struct relay_incarnation seen;
    static const struct relay_incarnation unknown;
    enum status st = logs_incarnation(n, g->relay, &seen);
    if (st == ST_OK && ID_EQUAL(&seen, &unknown)) {
        /* A relay that this device has not met: it is to be the one that the Admission was made under. */
        return sql_run(&n->sql, "UPDATE relay SET incarnation = ? WHERE address = ?", "bt",
                       SPAN_ID(&a->incarnation), g->relay);
    }
    if (st == ST_OK && memcmp(seen.b, a->incarnation.b, sizeof(seen.b)) != 0) {
        st = group_begin_gap(n, g, GAP_NEW_STORE);
    }
    return st;
}

static enum status open_welcome(struct node *n, struct joining *j)
{
    struct span data;
    enum status st = find_key_package(n, j->a->welcome, j->ref, &j->record, &j->last_resort);
    if (st == ST_OK) {
        struct mls_join_args args = {.welcome = j->a->welcome, .key_package_record = buffer_span(&j->record)};
        st = mls_group_join(&j->mls, &args);
    }
    if (st == ST_OK) {
        st = mls_group_extension(j->mls, KITH_CONTEXT_EXTENSION, &data)
                 ? kith_context_decode(&j->context, data)
                 : ST_AUTHORIZE_CONTEXT;
    }
    if (st == ST_OK &&
        (!ID_EQUAL(&j->context.scope, &j->a->scope) || j->context.generation != j->a->generation)) {
        st = ST_AUTHORIZE_CONTEXT;
    }
    struct group view = {.mls = j->mls};
    if (st == ST_OK && !group_has_device(&view, &j->from->device, NULL)) {
        st = ST_LETTERBOX_SENDER;
    }
    return st == ST_OK ? group_judge_joined(n, j->mls, &j->context, j->a) : st;
}

/* The first Admission of all: the one that pairing agreed on. */
static enum status enter_family(struct node *n, const struct admission *a)
{
    struct person_ref who;
    enum person_role role = ROLE_CHILD;
    bool waits = false;
    if (n->self.in_family) {
        return ST_OK;
    }
    enum status st = pair_judges(n, a, &waits, &who, &role);
    if (st == ST_OK && !waits) {
        st = ST_COMMAND_NOT_IN_FAMILY;
    }
    return st == ST_OK ? self_join(n, &who.family, &who.person, role) : st;
}

static enum status join(struct node *n, struct joining *j)
{
    struct group *g = NULL;
    struct before before = {.there = false};
    bool first = !n->self.in_family;
    enum status st = enter_family(n, j->a);
    if (st == ST_OK) {
        st = adopt_chains(n, j->a);
    }
    if (st == ST_OK && j->successor) {
        st = succession_judge_letter(n, j->successor, j->a, j->mls);
    }
    struct group view = {.mls = j->mls};
    struct group_row_args row = {.context = &j->context, .founding = j->a->founding_hash};
    if (st == ST_OK) {
        st = judge_place(n, &j->context, &view, &row);
    }
    if (st == ST_OK) {
        st = make_room(n, j, &before);
    }
    if (st == ST_OK) {
        row.mls = j->mls;
        j->mls = NULL;
        st = group_insert(n, &row, &g);
    }
    if (st == ST_OK) {
        st = adopt_rest(n, g, j, before.there);
    }
    if (st == ST_OK && before.there) {
        st = succession_goes_on(n, g, &before.since);
    }
    if (st == ST_OK && before.there && j->successor) {
        st = succession_entered(n, g);
    }
    if (st == ST_OK) {
        st = judge_incarnation(n, g, j->a);
    }
    if (st == ST_OK) {
        st = hold_for_newcomers(n, g, &before);
    }
    if (st == ST_OK && !j->last_resort) {
        st = key_package_spent(n, j->ref);
    }
    if (st == ST_OK && !first && g->kind == SCOPE_FAMILY &&
        !j->successor) { /* the others forget them too: removal.c */
        st = sql_run(&n->sql, "DELETE FROM own_key_package WHERE for_device != zeroblob(32)", "");
    }
    if (st == ST_OK && first) {
        st = pair_joined(n);
    }
    if (st == ST_OK) {
        st = epoch_began(n, g);
    }
    bool goes_on = before.there && j->successor; /* nobody came, nothing is to be told */
    return st == ST_OK && !goes_on ? scope_joined(n, g) : st;
}

struct admission_call {
    struct span body;
    const struct device_certificate *from;
    bool successor; /* the body is a struct successor, which carries the Admission */
    /* Out, once it is decoded: */
    struct scope_id scope;
    uint32_t generation;
};

static enum status judge_admission(struct node *n, void *arg)
{
    struct admission_call *call = arg;
    struct joining j = {.from = call->from};
    struct successor s;
    struct admission *a = mem_alloc(1, sizeof(*a));
    enum status st = a ? ST_OK : ST_NO_MEMORY;
    if (st == ST_OK && call->successor) {
        st = successor_decode(&s, call->body);
        j.successor = &s;
    }
    if (st == ST_OK) {
        st = admission_decode(a, call->successor ? s.admission : call->body);
    }
    if (st == ST_OK) {
        call->scope = a->scope;
        call->generation = a->generation;
    }
    j.a = a;
    buffer_init(&j.record, 4096);
    if (st == ST_OK) {
        st = open_welcome(n, &j);
    }
    if (st == ST_OK) {
        st = join(n, &j);
    }
    mls_group_free(j.mls);
    buffer_wipe(&j.record);
    mem_free(a, sizeof(*a));
    return st;
}

/* A no that may become a yes when what is on its way has come: a permit, a chain entry, the parents'
 * announced heads. */
static bool may_come_later(enum status st)
{
    enum status_class c = status_class(st);
    return (c == CLASS_POLICY || c == CLASS_RETRY) && st != ST_GROUP_EPOCH_OVER;
}

static enum status take_admission(struct node *n, const struct received_letter *l, bool successor)
{
    struct admission_call call = {.body = l->m->body, .from = &l->from, .successor = successor};
    enum status why = ST_OK, st = node_guard(n, judge_admission, &call, &why);
    if (st == ST_OK && why != ST_OK) {
        const struct refused_group r = {&call.scope, call.generation, &l->from.device,
                                        successor ? l->m->body : SPAN_EMPTY};
        st = succession_refused(n, &r, why);
    }
    if (st == ST_OK && succession_is_final(why)) {
        return node_refused(n, why); /* not as a failure: what was wanted on account of it stays */
    }
    if (st == ST_OK && why != ST_OK && n->self.in_family && may_come_later(why)) {
        return admission_keep(n, l, successor, why);
    }
    return st == ST_OK ? why : st;
}

enum status letter_admission(struct node *n, const struct received_letter *l)
{
    return take_admission(n, l, false);
}

enum status letter_successor(struct node *n, const struct received_letter *l)
{
    return take_admission(n, l, true);
}

struct waiting {
    int64_t id, at_ms;
    bool successor;
    struct buffer body, certificate;
};

static enum status try_again(struct node *n, const struct waiting *w)
{
    struct device_certificate from;
    struct admission_call call = {.body = buffer_span(&w->body), .from = &from, .successor = w->successor};
    enum status why = ST_OK, st = device_certificate_decode(&from, buffer_span(&w->certificate));
    if (st == ST_OK) {
        st = node_guard(n, judge_admission, &call, &why);
    }
    bool over = why == ST_OK || !may_come_later(why) || n->now.wall_ms - w->at_ms > ADMISSION_KEPT_MS;
    if (st == ST_OK && over) {
        return sql_run(&n->sql, "DELETE FROM admission_wait WHERE id = ?", "i", w->id);
    }
    int64_t later = (n->now.wall_ms - w->at_ms) / 4 + ADMISSION_AGAIN_MS;
    return st == ST_OK ? sql_run(&n->sql, "UPDATE admission_wait SET next_at = ? WHERE id = ?", "ii",
                                 n->now.wall_ms + later, w->id)
                       : st;
}

enum status admissions_due(struct node *n)
{
    struct waiting w;
    struct query q;
    int64_t next = 0;
    bool found = true;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && found && i < ADMISSIONS_AT_ONCE; i++) {
        buffer_init(&w.body, LETTERBOX_BODY_MAX);
        buffer_init(&w.certificate, WIRE_CERTIFICATE_MAX);
        query_start(
            &q, &n->sql,
            "SELECT id, at_ms, body, certificate, successor FROM admission_wait WHERE next_at <= ? LIMIT 1",
            "i", n->now.wall_ms);
        found = query_next(&q);
        if (found) {
            w.id = query_int(&q, 0);
            w.at_ms = query_int(&q, 1);
            query_fail(&q, buffer_append(&w.body, query_blob(&q, 2)));
            query_fail(&q, buffer_append(&w.certificate, query_blob(&q, 3)));
            w.successor = query_int(&q, 4) != 0;
        }
        st = query_end(&q);
        if (st == ST_OK && found) {
            st = try_again(n, &w);
        }
        buffer_wipe(&w.body);
        buffer_wipe(&w.certificate);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &next, 0, "SELECT min(next_at) FROM admission_wait", "");
    }
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next);
    }
    return st;
}
