/* SPDX-License-Identifier: Apache-2.0 */
/* Wishes made into chain entries on the heads of the moment, as evidence of a commit of `family`. */
#include "device/roster.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/pair.h"
#include "sync/reconcile.h"
#include "sync/removal.h"
#include "sync/wish_internal.h"

/* ---- signatures gathered from the journals ---- */

struct gathering {
    struct entry_hash proposal;
    struct cosigner at[WIRE_PARENTS_MAX];
    size_t count;
};

static enum status gather(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct gathering *g = ctx;
    const struct entry_signature *s = &e->body->u.signature;
    bool fits = ID_EQUAL(&s->proposal, &g->proposal) && ID_EQUAL(&s->by, &e->author) && !e->closes_only &&
                g->count < WIRE_PARENTS_MAX;
    (void)n;
    for (size_t i = 0; fits && i < g->count; i++) {
        fits = !ID_EQUAL(&g->at[i].device, &s->by);
    }
    if (fits) {
        g->at[g->count++] = (struct cosigner){s->by, s->signature};
    }
    return ST_OK;
}

static enum status gather_signatures(struct node *n, const struct wish *x, const struct chain_proposal *p,
                                     struct gathering *g)
{
    struct scope_id scope;
    enum status st = chain_proposal_hash(p, &g->proposal);
    if (st == ST_OK) {
        st = scope_id_of_family(SCOPE_PARENTS, &n->self.family, &scope);
    }
    if (st == ST_OK) {
        st = journal_each(n, &scope, ENTRY_SIGNATURE, gather, g);
    }
    if (st == ST_OK && x->d.role == ROLE_CHILD) {
        st = scope_id_of_person(SCOPE_WARD, &x->d.person, &scope);
        if (st == ST_OK) {
            st = journal_each(n, &scope, ENTRY_SIGNATURE, gather, g);
        }
    }
    return st;
}

/* ---- entries ---- */

struct drafts { /* the two entries of one wish, and the states after them */
    struct authority authority;
    struct roster roster;
    struct buffer entry[2], record[2];
    struct span records[2];
    size_t count;
};

static enum status draft_entry(struct node *n, const struct wish *x, size_t which, struct drafts *d)
{
    struct chain_proposal p;
    struct gathering g = {.count = 0};
    struct chain_draft draft = {
        .chain = which == 0 ? CHAIN_AUTHORITY : CHAIN_ROSTER,
        .head = which == 0 ? &d->authority.head : &d->roster.head,
        .authority_height = d->authority.head.height,
        .body = x->body[which],
        .author = &n->self.device,
        .key = &n->self.key,
    };
    enum status st = ST_OK;
    if (x->proposal[which].len != 0) {
        st = chain_proposal_decode(&p, x->proposal[which]);
        if (st == ST_OK && p.expires_ms <= n->now.wall_ms) {
            st = ST_CHAIN_EXPIRED; /* here alone: the judges of a commit have no clock (§5.3) */
        }
        if (st == ST_OK) {
            st = gather_signatures(n, x, &p, &g);
        }
        draft.proposal = &p;
        draft.cosigners = g.at;
        draft.cosigner_count = g.count;
    }
    return st == ST_OK ? chain_draft_encode(&draft, &d->entry[which]) : st;
}

static enum status draft_record(struct node *n, size_t which, struct drafts *d)
{
    struct writer w;
    struct evidence_record r = {EVIDENCE_CHAIN_ENTRY, n->self.family, buffer_span(&d->entry[which])};
    writer_init(&w, &d->record[which]);
    enum status st = evidence_record_encode(&w, &r);
    if (st == ST_OK) {
        d->records[d->count++] = buffer_span(&d->record[which]);
    }
    return st;
}

/* ST_CHAIN_SIGNERS: somebody still has to sign. */
static enum status make_drafts(struct node *n, const struct wish *x, struct drafts *d)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < 2; i++) {
        if (x->body[i].len == 0) {
            continue;
        }
        st = draft_entry(n, x, i, d);
        if (st == ST_OK) {
            st = i == 0 ? authority_apply_bytes(&d->authority, buffer_span(&d->entry[0]))
                        : roster_apply_bytes(&d->roster, &d->authority, buffer_span(&d->entry[1]));
        }
        if (st == ST_OK) {
            st = draft_record(n, i, d);
        }
    }
    return st;
}

/* ---- the commit ---- */

static enum status first_package(struct node *n, const struct wish *x, struct buffer *out)
{
    struct span rest = x->d.key_packages.bytes, package;
    (void)n;
    if (!wire_list_next(&rest, &package)) {
        return ST_USAGE;
    }
    return key_package_message(package, out);
}

static enum status commit_wish(struct node *n, struct group *family, enum wish_kind kind,
                               const struct wish *x, const struct drafts *d)
{
    struct kith_context context;
    struct buffer package;
    uint32_t leaf = 0;
    struct group_add add = {.who = {n->self.family, x->d.person}, .box = x->d.letterbox};
    struct group_commit_args a = {.evidence = d->records, .evidence_count = d->count, .context = &context};
    buffer_init(&package, WIRE_KEY_PACKAGE_MAX + 16);
    enum status st = group_context(family, &context);
    if (st == ST_OK) {
        context.families[0].head = d->authority.head;
        context.roster = d->roster.head;
        if (kind == WISH_ADD) {
            st = first_package(n, x, &package);
            add.key_package = buffer_span(&package);
            a.adds = &add;
            a.add_count = 1;
        } else if (group_has_device(family, &x->d.device, &leaf)) {
            a.removes = &leaf;
            a.remove_count = 1;
        }
    }
    if (st == ST_OK && kind == WISH_REMOVE) {
        st = removal_tell_members(n, family, &x->d.device, d->records, d->count);
    }
    if (st == ST_OK) {
        st = group_commit(n, family, &a);
    }
    buffer_wipe(&package);
    return st;
}

static enum status try_wish(struct node *n, struct group *family, enum wish_kind kind, const struct wish *x)
{
    const struct authority *a;
    const struct roster *r;
    struct drafts *d = mem_alloc(1, sizeof(*d));
    enum status st = d ? family_states(n, &a, &r) : ST_NO_MEMORY;
    for (size_t i = 0; d && i < 2; i++) {
        buffer_init(&d->entry[i], WIRE_ENTRY_MAX);
        buffer_init(&d->record[i], EVIDENCE_RECORD_MAX);
    }
    if (st == ST_OK) {
        d->authority = *a;
        d->roster = *r;
        st = make_drafts(n, x, d);
    }
    if (st == ST_OK) {
        st = commit_wish(n, family, kind, x, d);
    }
    for (size_t i = 0; d && i < 2; i++) {
        buffer_wipe(&d->entry[i]);
        buffer_wipe(&d->record[i]);
    }
    mem_free(d, sizeof(*d));
    return st;
}

struct wish_row {
    int64_t id;
    enum wish_kind kind;
    struct buffer body;
};

/* The next wish after `after`, oldest first. */
static enum status next_wish(struct node *n, int64_t after, struct wish_row *row, struct wish *x, bool *found)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT id, kind, body FROM chain_wish WHERE id > ? ORDER BY id LIMIT 1", "i",
                after);
    *found = query_next(&q);
    if (*found) {
        row->id = query_int(&q, 0);
        row->kind = (enum wish_kind)query_int(&q, 1);
        query_fail(&q, buffer_copy(&row->body, query_blob(&q, 2)));
    }
    enum status st = query_end(&q);
    return st == ST_OK && *found ? wish_decode(x, buffer_span(&row->body)) : st;
}

enum status wishes_commit(struct node *n, struct group *family)
{
    struct wish_row row = {0};
    struct wish x;
    bool found = true;
    enum status st = family->pending ? ST_GROUP_BUSY : ST_OK;
    if (st != ST_OK) {
        return ST_OK;
    }
    buffer_init(&row.body, WISH_MAX);
    while (st == ST_OK && found && !family->pending) {
        st = next_wish(n, row.id, &row, &x, &found);
        if (st != ST_OK || !found) {
            break;
        }
        st = try_wish(n, family, row.kind, &x);
        if (st == ST_CHAIN_SIGNERS) {
            st = ST_OK; /* waits for a signature; the next one may not */
        } else if (st != ST_OK && !status_is_fatal(st)) {
            enum status why = st;
            st = sql_run(&n->sql, "DELETE FROM chain_wish WHERE id = ?", "i", row.id);
            if (st == ST_OK && row.kind == WISH_ADD) {
                st = pair_device_failed(n, &x.d.device, why);
            }
        }
    }
    buffer_wipe(&row.body);
    return st;
}

/* ---- after it has won ---- */

static enum status keep_packages(struct node *n, const struct wish *x)
{
    struct span rest = x->d.key_packages.bytes, package;
    enum status st = ST_OK;
    bool first = true; /* `family` has used it */
    while (st == ST_OK && wire_list_next(&rest, &package)) {
        if (!first) {
            st = key_package_keep(n, &x->d.device, false, package);
        }
        first = false;
    }
    return st;
}

static enum status device_came(struct node *n, const struct wish *x)
{
    const struct authority *a;
    const struct roster *r;
    char person[WIRE_NAME_MAX + 1], device[WIRE_NAME_MAX + 1];
    enum status st = family_keep_certificate(n, x->d.certificate);
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "INSERT INTO device(device, letterbox) VALUES(?1, ?2) ON CONFLICT(device) DO UPDATE SET"
                     " letterbox = ?2",
                     "bb", SPAN_ID(&x->d.device), x->d.letterbox);
    }
    if (st == ST_OK) {
        st = keep_packages(n, x);
    }
    if (st == ST_OK) {
        st = family_states(n, &a, &r);
    }
    const struct roster_person *p = st == ST_OK ? roster_find(r, &x->d.person) : NULL;
    bool first_device = p && p->device_count == 1;
    sqlite3_snprintf(sizeof(person), person, "%s", p ? p->name.text : "?");
    sqlite3_snprintf(sizeof(device), device, "%.*s", (int)x->d.device_name.len,
                     (const char *)x->d.device_name.ptr);
    if (st == ST_OK && first_device) {
        st = node_notice(n, NOTICE_PERSON, person, device, NULL);
    } else if (st == ST_OK) {
        st = node_notice(n, NOTICE_DEVICE_ADDED, person, device, NULL);
    }
    if (st == ST_OK && first_device && x->d.role == ROLE_CHILD) {
        st = reconcile_found_ward(n, &x->d.person);
    }
    return st == ST_OK ? pair_device_joined(n, &x->d.device) : st;
}

enum status wishes_settle(struct node *n)
{
    const struct authority *a;
    const struct roster *r;
    struct wish_row row = {0};
    struct wish x;
    bool found = true;
    enum status st = ST_OK;
    buffer_init(&row.body, WISH_MAX);
    while (st == ST_OK && found) {
        st = next_wish(n, row.id, &row, &x, &found);
        if (st == ST_OK && found) {
            st = family_states(n, &a, &r);
        }
        bool there = st == ST_OK && found && roster_person_of(r, &x.d.device) != NULL;
        if (st != ST_OK || !found || there != (row.kind == WISH_ADD)) {
            continue;
        }
        st = sql_run(&n->sql, "DELETE FROM chain_wish WHERE id = ?", "i", row.id);
        if (st == ST_OK && row.kind == WISH_ADD) {
            st = device_came(n, &x);
        }
    }
    buffer_wipe(&row.body);
    return st;
}
