/* SPDX-License-Identifier: Apache-2.0 */
/* The chains of this family and of contacts'. */
#include "sync/family.h"

#include <stdlib.h>

#include "device/certificates.h"
#include "device/roster.h"
#include "sync/journal.h"

enum { REPLAYED_MAX = 24 }; /* 6 KB each: the families at both ends of a dozen conversations */

struct replayed { /* a state of somebody's authority chain, as it came out of its entries */
    bool used;
    uint64_t height; /* as asked: UINT64_MAX is the newest */
    struct authority authority;
};

struct family_state {
    bool known; /* both states of the own family, at the newest heads */
    struct authority authority;
    struct roster roster;
    size_t next; /* the place that is taken next */
    struct replayed replayed[REPLAYED_MAX];
};

void family_forget(struct node *n)
{
    mem_free(n->family, sizeof(*n->family));
    n->family = NULL;
    sql_all_stale(&n->sql.watches);
}

static enum status memory_of(struct node *n, struct family_state **out)
{
    if (!n->family) {
        n->family = mem_alloc(1, sizeof(*n->family));
    }
    *out = n->family;
    return *out ? ST_OK : ST_NO_MEMORY;
}

/* ---- replaying ---- */

static enum status replay(struct node *n, const struct family_id *family, uint64_t height,
                          struct authority *out)
{
    struct query q;
    int64_t up_to = height > INT64_MAX ? INT64_MAX : (int64_t)height;
    query_start(&q, &n->sql,
                "SELECT entry FROM chain WHERE family = ? AND chain = 1 AND height <= ? ORDER BY height",
                "bi", SPAN_ID(family), up_to);
    while (query_next(&q)) {
        enum status st = authority_apply_bytes(out, query_blob(&q, 0));
        query_fail(&q, st == ST_OK || status_is_fatal(st) ? st : ST_STORE_ROW);
    }
    enum status st = query_end(&q);
    if (st == ST_OK && height != UINT64_MAX && (!out->founded || out->head.height != height)) {
        st = ST_CHAIN_GAP;
    }
    return st;
}

/* Every signature of a chain is checked when it is replayed, and every message that comes asks for the chains
 * of its group: so what came out is kept until a chain changes, or a rollback may have taken an entry back.
 */
enum status family_authority_at(struct node *n, const struct family_id *family, uint64_t height,
                                struct authority **out)
{
    struct family_state *f;
    *out = NULL;
    struct authority *a = mem_alloc(1, sizeof(*a));
    enum status st = a ? memory_of(n, &f) : ST_NO_MEMORY;
    struct replayed *kept = NULL;
    for (size_t i = 0; st == ST_OK && i < REPLAYED_MAX; i++) {
        struct replayed *r = &f->replayed[i];
        kept = r->used && r->height == height && ID_EQUAL(&r->authority.family, family) ? r : kept;
    }
    if (kept) {
        *a = kept->authority;
    } else if (st == ST_OK) {
        st = replay(n, family, height, a);
    }
    if (st != ST_OK) {
        mem_free(a, sizeof(*a));
        return st;
    }
    if (!kept && a->founded && ID_EQUAL(&a->family, family)) {
        f->replayed[f->next] = (struct replayed){true, height, *a};
        f->next = (f->next + 1) % REPLAYED_MAX;
    }
    *out = a;
    return ST_OK;
}

enum status family_authority_with(struct node *n, const struct family_id *family,
                                  const struct device_id *device, struct authority **out)
{
    struct query q;
    bool stood = false;
    *out = NULL;
    struct authority *a = mem_alloc(1, sizeof(*a));
    struct authority *found = mem_alloc(1, sizeof(*found));
    if (!a || !found) {
        mem_free(a, sizeof(*a));
        mem_free(found, sizeof(*found));
        return ST_NO_MEMORY;
    }
    query_start(&q, &n->sql, "SELECT entry FROM chain WHERE family = ? AND chain = 1 ORDER BY height", "b",
                SPAN_ID(family));
    while (query_next(&q)) {
        enum status st = authority_apply_bytes(a, query_blob(&q, 0));
        query_fail(&q, st == ST_OK || status_is_fatal(st) ? st : ST_STORE_ROW);
        if (authority_parent_of(a, device)) {
            *found = *a;
            stood = true;
        }
    }
    mem_free(a, sizeof(*a));
    enum status st = query_end(&q);
    if (st != ST_OK || !stood) {
        mem_free(found, sizeof(*found));
        return st == ST_OK ? ST_CHAIN_GAP : st;
    }
    *out = found;
    return ST_OK;
}

enum status family_roster_at(struct node *n, const struct family_id *family, uint64_t height,
                             struct roster *out)
{
    struct query q;
    struct chain_entry e;
    struct authority *a = mem_alloc(1, sizeof(*a));
    enum status st = a ? ST_OK : ST_NO_MEMORY;
    memset(out, 0, sizeof(*out));
    query_start(&q, &n->sql,
                "SELECT entry FROM chain WHERE family = ? AND chain = 2 AND height <= ? ORDER BY height",
                "bi", SPAN_ID(family), height > INT64_MAX ? INT64_MAX : (int64_t)height);
    while (st == ST_OK && query_next(&q)) {
        st = chain_entry_decode(&e, query_blob(&q, 0));
        if (st == ST_OK && (!a->founded || a->head.height != e.authority_height)) {
            mem_free(a, sizeof(*a));
            a = NULL;
            st = family_authority_at(n, family, e.authority_height, &a);
        }
        if (st == ST_OK) {
            st = roster_apply(out, a, &e);
        }
    }
    mem_free(a, sizeof(*a));
    enum status end = query_end(&q);
    st = end != ST_OK ? end : st == ST_OK || status_is_fatal(st) ? st : ST_STORE_ROW;
    if (st == ST_OK && height != UINT64_MAX && (!out->founded || out->head.height != height)) {
        st = ST_CHAIN_GAP;
    }
    return st;
}

enum status family_states(struct node *n, const struct authority **authority, const struct roster **roster)
{
    struct authority *a = NULL;
    *authority = NULL;
    *roster = NULL;
    if (!n->self.in_family) {
        return ST_COMMAND_NOT_IN_FAMILY;
    }
    struct family_state *f;
    enum status st = memory_of(n, &f);
    if (st == ST_OK && !f->known) {
        st = family_authority_at(n, &n->self.family, UINT64_MAX, &a);
        if (st == ST_OK) {
            st = family_roster_at(n, &n->self.family, UINT64_MAX, &f->roster);
        }
        if (st == ST_OK) {
            f->authority = *a;
            f->known = true;
        }
        mem_free(a, sizeof(*a));
    }
    if (st != ST_OK) {
        return st;
    }
    *authority = &f->authority;
    *roster = &f->roster;
    return ST_OK;
}

/* ---- taking entries ---- */

static enum status keep_rival(struct node *n, const struct family_id *family, const struct chain_entry *e,
                              struct span entry)
{
    enum status st = sql_run(&n->sql, "INSERT INTO chain_rival VALUES(?,?,?,?,?)", "biibi", SPAN_ID(family),
                             (int64_t)e->chain, (int64_t)e->height, entry, n->now.wall_ms);
    if (st == ST_OK) {
        st = node_alarm(n, "", "two different entries of a family's chain: it is frozen until people meet",
                        NULL);
    }
    return st;
}

/* Known at its height: the same (*known), or a rival. */
static enum status compare_known(struct node *n, const struct family_id *family, const struct chain_entry *e,
                                 struct span entry, bool *known)
{
    struct query q;
    struct entry_hash pinned;
    *known = false;
    query_start(&q, &n->sql, "SELECT hash FROM chain WHERE family = ? AND chain = ? AND height = ?", "bii",
                SPAN_ID(family), (int64_t)e->chain, (int64_t)e->height);
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &pinned);
        *known = true;
    }
    enum status st = query_end(&q);
    if (st != ST_OK || !*known) {
        return st;
    }
    st = chain_entry_compare(&pinned, e);
    if (st == ST_CHAIN_KNOWN) {
        return ST_OK;
    }
    if (st == ST_CHAIN_FORK) {
        enum status kept = keep_rival(n, family, e, entry);
        return kept == ST_OK ? ST_CHAIN_FORK : kept;
    }
    return st;
}

static enum status apply_authority(struct node *n, const struct family_id *family,
                                   const struct chain_entry *e)
{
    struct authority *a = NULL;
    enum status st = family_authority_at(n, family, UINT64_MAX, &a);
    if (st == ST_OK) {
        st = authority_apply(a, e);
    }
    if (st == ST_OK && !ID_EQUAL(&a->family, family)) {
        st = ST_CHAIN_KIND;
    }
    mem_free(a, sizeof(*a));
    return st;
}

static enum status apply_roster(struct node *n, const struct family_id *family, const struct chain_entry *e)
{
    struct authority *a = NULL;
    struct roster *r = mem_alloc(1, sizeof(*r));
    enum status st = r ? family_authority_at(n, family, e->authority_height, &a) : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = family_roster_at(n, family, UINT64_MAX, r);
    }
    if (st == ST_OK) {
        st = roster_apply(r, a, e);
    }
    mem_free(a, sizeof(*a));
    mem_free(r, sizeof(*r));
    return st;
}

/* What a removed device wrote beyond these opens nothing here (§6.1). Whoever is pinned anywhere is pinned at
 * nothing where no pin is named (journal_apply.c), so there is always one: in the family's scope. */
static enum status set_pins(struct node *n, const struct family_id *family, const struct chain_entry *e)
{
    struct roster_body b;
    struct pin none;
    if (e->chain != CHAIN_ROSTER) {
        return ST_OK;
    }
    memset(&none, 0, sizeof(none));
    enum status st = roster_body_decode(&b, e->body);
    if (st != ST_OK || b.kind != ROSTER_REMOVE_DEVICE) {
        return st;
    }
    st = scope_id_of_family(SCOPE_FAMILY, family, &none.scope);
    if (st == ST_OK) {
        st = journal_set_pin(n, &b.device, &none);
    }
    for (size_t i = 0; st == ST_OK && i < b.pins.count; i++) {
        st = journal_set_pin(n, &b.device, &b.pins.at[i]);
    }
    return st == ST_OK ? journal_pinned(n) : st;
}

enum status family_take_entry(struct node *n, const struct family_id *family, struct span entry)
{
    struct chain_entry e;
    struct entry_hash hash;
    bool known = false;
    enum status st = chain_entry_decode(&e, entry);
    if (st == ST_OK) {
        st = compare_known(n, family, &e, entry, &known);
    }
    if (st != ST_OK || known) {
        return st;
    }
    st = e.chain == CHAIN_AUTHORITY ? apply_authority(n, family, &e) : apply_roster(n, family, &e);
    if (st == ST_OK) {
        st = chain_entry_hash(&e, &hash);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT INTO chain VALUES(?,?,?,?,?)", "biibb", SPAN_ID(family),
                     (int64_t)e.chain, (int64_t)e.height, SPAN_ID(&hash), entry);
    }
    if (st == ST_OK) {
        n->family_touched = true;
        family_forget(n);
        st = groups_dirty(n);
    }
    if (st == ST_OK) {
        st = set_pins(n, family, &e);
    }
    if (st == ST_OK && e.chain == CHAIN_AUTHORITY) {
        st = family_chain_grew(n, family);
    }
    if (st == ST_OK && n->self.in_family && ID_EQUAL(family, &n->self.family)) {
        st = meta_set_number(n, "certificates_at", 0); /* an issuer may be gone */
    }
    return st;
}

enum status family_take_chain(struct node *n, const struct family_id *family, const struct wire_list *entries)
{
    struct span rest = entries->bytes, entry;
    enum status st = ST_OK;
    while (st == ST_OK && wire_list_next(&rest, &entry)) {
        st = family_take_entry(n, family, entry);
    }
    return st;
}

enum status apply_chain(struct node *n, const struct applied_entry *e)
{
    return family_take_entry(n, &n->self.family, e->body->u.chain.entry);
}

enum status family_chain_list(struct node *n, const struct family_id *family, enum chain_kind chain,
                              uint64_t from, struct buffer *bytes, struct wire_list *out)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT entry FROM chain WHERE family = ? AND chain = ? AND height >= ? ORDER BY height",
                "bii", SPAN_ID(family), (int64_t)chain, (int64_t)from);
    while (query_next(&q)) {
        query_fail(&q, wire_list_append(bytes, out, query_blob(&q, 0)));
    }
    return query_end(&q);
}

enum status family_head(struct node *n, const struct family_id *family, enum chain_kind chain,
                        struct chain_head *out, bool *known)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(&q, &n->sql,
                "SELECT height, hash FROM chain WHERE family = ? AND chain = ? ORDER BY height DESC LIMIT 1",
                "bi", SPAN_ID(family), (int64_t)chain);
    *known = query_next(&q);
    if (*known) {
        out->height = (uint64_t)query_int(&q, 0);
        QUERY_ID(&q, 1, &out->hash);
    }
    return query_end(&q);
}

/* ---- certificates ---- */

/* Is it what the chain of its family says, at its newest head or at an earlier one? (An issuer may have left
 * since, or the device itself, whose entries are still read; and a first device's person comes into the chain
 * after the certificate was made.) */
static enum status certificate_stands(struct node *n, const struct device_certificate *c)
{
    struct query q;
    bool stood = false;
    struct authority *a = mem_alloc(1, sizeof(*a));
    if (!a) {
        return ST_NO_MEMORY;
    }
    query_start(&q, &n->sql, "SELECT entry FROM chain WHERE family = ? AND chain = 1 ORDER BY height", "b",
                SPAN_ID(&c->who.family));
    while (!stood && query_next(&q)) {
        enum status st = authority_apply_bytes(a, query_blob(&q, 0));
        query_fail(&q, st == ST_OK || status_is_fatal(st) ? st : ST_STORE_ROW);
        stood = certificate_check(a, c) == ST_OK;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !stood) {
        st = certificate_check(a, c);
    }
    mem_free(a, sizeof(*a));
    return st;
}

struct claim { /* that this device acts for that person */
    struct device_certificate c;
    bool proven;  /* by the device's own signature */
    bool instead; /* of what another family has said of the key */
};

/* A device is one person's for good: whoever could change that here could put words into another's mouth. But
 * any family can name any key, and whose the key is its own signature says. (Of its own devices a family
 * speaks.) */
static enum status compare_claims(struct node *n, struct claim *x)
{
    struct query q;
    enum status why = ST_OK;
    query_start(&q, &n->sql, "SELECT family, person, proven FROM certificate WHERE device = ?", "b",
                SPAN_ID(&x->c.device));
    if (query_next(&q)) {
        struct person_ref known;
        QUERY_ID(&q, 0, &known.family);
        QUERY_ID(&q, 1, &known.person);
        bool yields = query_int(&q, 2) == 0 && !ID_EQUAL(&known.family, &n->self.family);
        x->instead = !person_ref_equal(&known, &x->c.who);
        why = x->instead && !(x->proven && yields) ? ST_CERTIFICATE_PERSON : ST_OK;
    }
    enum status st = query_end(&q);
    return st == ST_OK ? why : st;
}

static enum status certificate_judge(struct node *n, struct claim *x)
{
    enum status st = compare_claims(n, x);
    /* This device's first one comes before the chain does, by pairing, which has judged who gave it. */
    if (st != ST_OK || (!n->self.in_family && ID_EQUAL(&x->c.device, &n->self.device))) {
        return st;
    }
    return certificate_stands(n, &x->c);
}

/* Of two of one device the one stays that holds at the newest head; of equals the one that lasts longer. (A
 * removed issuer must not put its own in the place of what was renewed since, whatever dates it writes.) */
static enum status is_better(struct node *n, const struct device_certificate *c, bool *better)
{
    struct authority *at = NULL;
    struct device_certificate known;
    struct buffer bytes;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    enum status st = family_certificate(n, &c->device, &bytes, &known);
    *better = st == ST_NAME_UNKNOWN;
    if (st == ST_OK) {
        st = family_authority_at(n, &c->who.family, UINT64_MAX, &at);
    }
    if (st == ST_OK) {
        bool holds = certificate_check(at, c) == ST_OK, held = certificate_check(at, &known) == ST_OK;
        *better = holds != held ? holds : known.not_after_ms <= c->not_after_ms;
    }
    mem_free(at, sizeof(*at));
    buffer_wipe(&bytes);
    return st == ST_NAME_UNKNOWN ? ST_OK : st;
}

/* What another family said of this key, before it was known whose it is, and the pins with it. (Where the
 * family's own chain has pinned the device, in its scope too, they stay.) */
static enum status forget_others_word(struct node *n, const struct device_certificate *c)
{
    struct scope_id family;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &family);
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "UPDATE head SET pin_seq = NULL, pin_hash = NULL WHERE author = ?1 AND EXISTS (SELECT 1"
                     " FROM revocation WHERE device = ?1 AND (family != ?2 OR person != ?3)) AND NOT EXISTS"
                     " (SELECT 1 FROM head h WHERE h.author = ?1 AND h.scope = ?4 AND h.pin_seq IS NOT NULL)",
                     "bbbb", SPAN_ID(&c->device), SPAN_ID(&c->who.family), SPAN_ID(&c->who.person),
                     SPAN_ID(&family));
    }
    return st == ST_OK
               ? sql_run(&n->sql, "DELETE FROM revocation WHERE device = ? AND (family != ? OR person != ?)",
                         "bbb", SPAN_ID(&c->device), SPAN_ID(&c->who.family), SPAN_ID(&c->who.person))
               : st;
}

static enum status keep_claim(struct node *n, struct claim *x, struct span certificate)
{
    const struct device_certificate *c = &x->c;
    bool better = false;
    enum status st = certificate_judge(n, x);
    if (st == ST_OK && x->instead) {
        st = sql_run(&n->sql, "DELETE FROM certificate WHERE device = ?", "b", SPAN_ID(&c->device));
    }
    if (st == ST_OK) {
        st = is_better(n, c, &better);
    }
    if (st == ST_OK && better) {
        st = sql_run(&n->sql,
                     "INSERT OR REPLACE INTO certificate VALUES(?1, ?2, ?3, ?4, ?5, ?6,"
                     " coalesce((SELECT proven FROM certificate WHERE device = ?1), 0))",
                     "bbbiib", SPAN_ID(&c->device), SPAN_ID(&c->who.family), SPAN_ID(&c->who.person),
                     (int64_t)c->supervised, c->not_after_ms, certificate);
        n->kept++;
    }
    if (st == ST_OK && x->proven) {
        st = sql_run(&n->sql, "UPDATE certificate SET proven = 1 WHERE device = ? AND proven = 0", "b",
                     SPAN_ID(&c->device));
    }
    return st == ST_OK ? forget_others_word(n, c) : st;
}

static enum status keep(struct node *n, struct span certificate, bool proven)
{
    struct claim x = {.proven = proven};
    enum status st = device_certificate_decode(&x.c, certificate);
    return st == ST_OK ? keep_claim(n, &x, certificate) : st;
}

enum status family_keep_certificate(struct node *n, struct span certificate)
{
    return keep(n, certificate, false);
}

enum status family_keep_proven(struct node *n, struct span certificate)
{
    return keep(n, certificate, true);
}

enum status family_certificate(struct node *n, const struct device_id *device, struct buffer *bytes,
                               struct device_certificate *out)
{
    bool found = false;
    memset(out, 0, sizeof(*out));
    enum status st = sql_bytes(&n->sql, bytes, &found, "SELECT certificate FROM certificate WHERE device = ?",
                               "b", SPAN_ID(device));
    if (st == ST_OK && !found) {
        st = ST_NAME_UNKNOWN;
    }
    return st == ST_OK ? device_certificate_decode(out, buffer_span(bytes)) : st;
}

/* ---- who is who ---- */

static int by_device(const void *a, const void *b)
{
    return ID_COMPARE(&((const struct family_device *)a)->device, &((const struct family_device *)b)->device);
}

enum status family_devices(struct node *n, const struct person_id *person, struct family_device *out,
                           size_t max, size_t *count)
{
    const struct authority *a;
    const struct roster *r;
    *count = 0;
    enum status st = family_states(n, &a, &r);
    for (size_t i = 0; st == ST_OK && i < r->person_count; i++) {
        const struct roster_person *p = &r->persons[i];
        for (size_t d = 0; d < p->device_count && *count < max; d++) {
            if (!person || ID_EQUAL(person, &p->person)) {
                out[(*count)++] = (struct family_device){p->devices[d].device, p->person, p->role};
            }
        }
    }
    qsort(out, *count, sizeof(*out), by_device);
    return st;
}

enum status family_persons(struct node *n, struct family_person *out, size_t max, size_t *count)
{
    const struct authority *a;
    const struct roster *r;
    *count = 0;
    enum status st = family_states(n, &a, &r);
    for (size_t i = 0; st == ST_OK && i < r->person_count && *count < max; i++) {
        struct family_person *p = &out[(*count)++];
        p->person = r->persons[i].person;
        p->role = r->persons[i].role;
        sqlite3_snprintf(sizeof(p->name), p->name, "%s", r->persons[i].name.text);
    }
    return st;
}

enum status family_ward_of_scope(struct node *n, const struct scope_id *scope, struct person_id *out)
{
    struct family_person persons[WIRE_PERSONS_MAX];
    struct scope_id id;
    size_t count = 0;
    enum status st = family_persons(n, persons, WIRE_PERSONS_MAX, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = scope_id_of_person(SCOPE_WARD, &persons[i].person, &id);
        if (st == ST_OK && ID_EQUAL(&id, scope)) {
            *out = persons[i].person;
            return ST_OK;
        }
    }
    return st == ST_OK ? ST_NAME_UNKNOWN : st;
}

enum status family_is_parent(struct node *n, const struct person_ref *who, bool *parent)
{
    const struct authority *a;
    const struct roster *r;
    enum status st = family_states(n, &a, &r);
    const struct authority_person *p = st == ST_OK ? authority_find(a, &who->person) : NULL;
    *parent = p && p->role == ROLE_PARENT && ID_EQUAL(&who->family, &n->self.family);
    return st;
}

enum status family_name(struct node *n, char *out, size_t cap)
{
    const struct authority *a;
    const struct roster *r;
    enum status st = family_states(n, &a, &r);
    sqlite3_snprintf((int)cap, out, "%s", st == ST_OK ? r->family_name.text : "");
    return st;
}

enum status person_name(struct node *n, const struct person_ref *who, char *out, size_t cap)
{
    const struct authority *a;
    const struct roster *r;
    struct query q;
    sqlite3_snprintf((int)cap, out, "?");
    if (n->self.in_family && ID_EQUAL(&who->family, &n->self.family)) {
        enum status st = family_states(n, &a, &r);
        const struct roster_person *p = st == ST_OK ? roster_find(r, &who->person) : NULL;
        if (p) {
            sqlite3_snprintf((int)cap, out, "%s", p->name.text);
        }
        return st;
    }
    query_start(&q, &n->sql,
                "SELECT name FROM contact WHERE family = ?1 AND other = ?2 UNION ALL"
                " SELECT other_name FROM request WHERE other_family = ?1 AND other_person = ?2 LIMIT 1",
                "bb", SPAN_ID(&who->family), SPAN_ID(&who->person));
    if (query_next(&q)) {
        sqlite3_snprintf((int)cap, out, "%s", query_text(&q, 0));
    }
    return query_end(&q);
}

/* A device that is no longer in the roster keeps the name that the chain gave it when it came. */
static enum status past_device_name(struct node *n, const struct device_id *device, char *out, size_t cap)
{
    struct query q;
    struct chain_entry e;
    struct roster_body b;
    query_start(&q, &n->sql, "SELECT entry FROM chain WHERE family = ? AND chain = 2 ORDER BY height", "b",
                SPAN_ID(&n->self.family));
    while (query_next(&q)) {
        if (chain_entry_decode(&e, query_blob(&q, 0)) == ST_OK && roster_body_decode(&b, e.body) == ST_OK &&
            ID_EQUAL(&b.device, device) && b.device_name.len != 0) {
            sqlite3_snprintf((int)cap, out, "%.*s", (int)b.device_name.len, (const char *)b.device_name.ptr);
        }
    }
    return query_end(&q);
}

enum status device_name(struct node *n, const struct device_id *device, char *out, size_t cap)
{
    const struct authority *a;
    const struct roster *r;
    sqlite3_snprintf((int)cap, out, "?");
    enum status st = n->self.in_family ? family_states(n, &a, &r) : ST_OK;
    const struct roster_person *p = st == ST_OK && n->self.in_family ? roster_person_of(r, device) : NULL;
    for (size_t i = 0; p && i < p->device_count; i++) {
        if (ID_EQUAL(&p->devices[i].device, device)) {
            sqlite3_snprintf((int)cap, out, "%s", p->devices[i].name.text);
        }
    }
    return st == ST_OK && n->self.in_family && !p ? past_device_name(n, device, out, cap) : st;
}

enum status device_alarm(struct node *n, const struct device_id *device, const char *what,
                         const struct scope_id *scope)
{
    char name[WIRE_NAME_MAX + 1];
    enum status st = device_name(n, device, name, sizeof(name));
    return st == ST_OK ? node_alarm(n, name, what, scope) : st;
}
