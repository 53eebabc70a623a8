/* SPDX-License-Identifier: Apache-2.0 */
/* Chain changes on their way: from a wish over proposals and signatures to a commit of `family` that has won.
 */
#include "sync/chain_wish.h"

#include "device/certificates.h"
#include "device/roster.h"
#include "sync/contact.h"
#include "sync/family.h"
#include "sync/removal.h"
#include "sync/wish_internal.h"

/* ---- a wish as bytes ---- */

static void write_wish(struct writer *w, const struct wish *x)
{
    WRITE_ID(w, &x->d.person);
    writer_u8(w, (uint8_t)x->d.role);
    writer_vec(w, x->d.person_name);
    writer_vec(w, x->d.device_name);
    WRITE_ID(w, &x->d.device);
    writer_optional(w, x->d.has_recovery);
    writer_bytes(w, SPAN(x->d.recovery.b));
    writer_vec(w, x->d.certificate);
    writer_vec(w, x->d.letterbox);
    wire_write_list(w, &x->d.key_packages);
    for (size_t i = 0; i < 2; i++) {
        writer_vec(w, x->body[i]);
        writer_vec(w, x->proposal[i]);
    }
}

enum status wish_decode(struct wish *x, struct span in)
{
    struct reader r;
    memset(x, 0, sizeof(*x));
    reader_init(&r, in);
    READ_ID(&r, &x->d.person);
    x->d.role = (enum person_role)reader_u8(&r);
    x->d.person_name = reader_vec(&r, WIRE_NAME_MAX);
    x->d.device_name = reader_vec(&r, WIRE_NAME_MAX);
    READ_ID(&r, &x->d.device);
    x->d.has_recovery = reader_optional(&r);
    reader_fixed(&r, x->d.recovery.b, sizeof(x->d.recovery.b));
    x->d.certificate = reader_vec(&r, WIRE_CERTIFICATE_MAX);
    x->d.letterbox = reader_vec(&r, 4096);
    x->d.key_packages = wire_read_list(&r, PAIRING_KEY_PACKAGES_MAX, WIRE_KEY_PACKAGE_MAX);
    for (size_t i = 0; i < 2; i++) {
        x->body[i] = reader_vec(&r, WIRE_ENTRY_MAX);
        x->proposal[i] = reader_vec(&r, WIRE_ENTRY_MAX);
    }
    return reader_done(&r) == ST_OK ? ST_OK : ST_STORE_ROW;
}

static enum status store_wish(struct node *n, enum wish_kind kind, const struct wish *x)
{
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, WISH_MAX);
    writer_init(&w, &bytes);
    write_wish(&w, x);
    enum status st = writer_done(&w);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT INTO chain_wish(kind, body, state, at_ms) VALUES(?,?,1,?)", "ibi",
                     (int64_t)kind, buffer_span(&bytes), n->now.wall_ms);
    }
    buffer_wipe(&bytes);
    return st == ST_OK ? groups_dirty(n) : st;
}

/* ---- proposals: where somebody else has to sign too (§6.1) ---- */

static enum status propose(struct node *n, enum chain_kind chain, struct span body,
                           const struct person_id *child, struct buffer *out)
{
    struct chain_head head;
    struct writer w;
    struct entry_body entry = {.kind = ENTRY_PROPOSAL};
    struct scope_id scope;
    bool known = false;
    enum scope_kind kind = child ? SCOPE_WARD : SCOPE_PARENTS;
    enum status st = family_head(n, &n->self.family, chain, &head, &known);
    struct chain_proposal p = {.family = n->self.family,
                               .chain = chain,
                               .based_on = head.height,
                               .body = body,
                               .expires_ms = n->now.wall_ms + WISH_SIGN_DAYS * INT64_C(86400000)};
    if (st == ST_OK) {
        writer_init(&w, out);
        st = chain_proposal_encode(&w, &p);
    }
    if (st == ST_OK) {
        st = chain_proposal_sign(&p, &n->self.key, &entry.u.proposal.signature);
    }
    if (st == ST_OK) {
        st = child ? scope_id_of_person(SCOPE_WARD, child, &scope)
                   : scope_id_of_family(SCOPE_PARENTS, &n->self.family, &scope);
    }
    entry.u.proposal.proposal = buffer_span(out);
    entry.u.proposal.by = n->self.device;
    return st == ST_OK ? journal_append(n, kind, &scope, &entry, NULL) : st;
}

static enum status encode_roster(const struct roster_body *b, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    return roster_body_encode(&w, b);
}

static enum status encode_authority(const struct authority_body *b, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    return authority_body_encode(&w, b);
}

struct wish_buffers {
    struct buffer body[2], proposal[2];
};

static void buffers_init(struct wish_buffers *b)
{
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&b->body[i], WIRE_ENTRY_MAX);
        buffer_init(&b->proposal[i], WIRE_ENTRY_MAX);
    }
}

static void buffers_wipe(struct wish_buffers *b)
{
    for (size_t i = 0; i < 2; i++) {
        buffer_wipe(&b->body[i]);
        buffer_wipe(&b->proposal[i]);
    }
}

static void take_buffers(struct wish *x, const struct wish_buffers *b)
{
    for (size_t i = 0; i < 2; i++) {
        x->body[i] = buffer_span(&b->body[i]);
        x->proposal[i] = buffer_span(&b->proposal[i]);
    }
}

/* The authority chain's part of adding a device; nothing for a child's further devices. */
static enum status authority_part(const struct wish_device *d, bool new_person, struct buffer *out)
{
    struct authority_body a = {.person = d->person};
    if (d->role == ROLE_PARENT) {
        a.kind = new_person ? AUTHORITY_ADD_PARENT : AUTHORITY_ADD_DEVICE;
        a.device = d->device;
        if (new_person) {
            a.recovery = d->recovery;
        }
    } else if (new_person) {
        a.kind = AUTHORITY_ADD_CHILD;
    } else {
        return ST_OK;
    }
    return encode_authority(&a, out);
}

static enum status roster_part(const struct wish_device *d, bool new_person, struct buffer *out)
{
    struct roster_body r = {.kind = new_person ? ROSTER_ADD_PERSON : ROSTER_ADD_DEVICE,
                            .person = d->person,
                            .device = d->device,
                            .device_name = d->device_name};
    if (new_person) {
        r.role = d->role;
        r.name = d->person_name;
    }
    return encode_roster(&r, out);
}

/* Asks the others for their signatures where a parent's alone is not enough. */
static enum status ask_signatures(struct node *n, const struct wish_device *d, bool new_person,
                                  const struct authority *a, struct wish_buffers *b)
{
    bool others = authority_parent_count(a) > 1;
    bool mine = ID_EQUAL(&d->person, &n->self.person);
    enum status st = ST_OK;
    if (new_person && d->role == ROLE_PARENT && others) {
        return propose(n, CHAIN_AUTHORITY, buffer_span(&b->body[0]), NULL, &b->proposal[0]);
    }
    if (new_person || mine) {
        return ST_OK;
    }
    if (d->role == ROLE_CHILD) {
        return propose(n, CHAIN_ROSTER, buffer_span(&b->body[1]), &d->person, &b->proposal[1]);
    }
    st = propose(n, CHAIN_AUTHORITY, buffer_span(&b->body[0]), NULL, &b->proposal[0]);
    return st == ST_OK ? propose(n, CHAIN_ROSTER, buffer_span(&b->body[1]), NULL, &b->proposal[1]) : st;
}

enum status wish_add_device(struct node *n, const struct wish_device *d)
{
    const struct authority *a;
    const struct roster *r;
    struct wish x = {.d = *d};
    struct wish_buffers b;
    buffers_init(&b);
    enum status st = family_states(n, &a, &r);
    bool new_person = st == ST_OK && !roster_find(r, &d->person);
    if (st == ST_OK) {
        st = authority_part(d, new_person, &b.body[0]);
    }
    if (st == ST_OK) {
        st = roster_part(d, new_person, &b.body[1]);
    }
    if (st == ST_OK) {
        st = ask_signatures(n, d, new_person, a, &b);
    }
    if (st == ST_OK) {
        take_buffers(&x, &b);
        st = store_wish(n, WISH_ADD, &x);
    }
    buffers_wipe(&b);
    return st;
}

/* Heads of the device's journals as accepted here: what comes later opens nothing (§6.1). */
static enum status pins_of(struct node *n, const struct device_id *device, struct pins *out)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(&q, &n->sql,
                "SELECT h.scope, h.cont_seq, h.cont_hash FROM head h WHERE h.author = ? AND h.cont_seq > 0"
                " AND h.scope IN (SELECT scope FROM mls_group WHERE kind IN (1, 2, 3)) ORDER BY h.scope",
                "b", SPAN_ID(device));
    while (out->count < WIRE_PINS_MAX && query_next(&q)) {
        struct pin *p = &out->at[out->count++];
        QUERY_ID(&q, 0, &p->scope);
        p->seq = (uint64_t)query_int(&q, 1);
        QUERY_ID(&q, 2, &p->hash);
    }
    return query_end(&q);
}

enum status wish_remove_device(struct node *n, const struct device_id *device)
{
    const struct authority *a;
    const struct roster *r;
    struct wish x;
    struct wish_buffers b;
    struct roster_body body = {.kind = ROSTER_REMOVE_DEVICE, .device = *device};
    memset(&x, 0, sizeof(x));
    buffers_init(&b);
    enum status st = family_states(n, &a, &r);
    const struct roster_person *p = st == ST_OK ? roster_person_of(r, device) : NULL;
    if (st == ST_OK && !p) {
        st = ST_NAME_UNKNOWN;
    }
    if (st == ST_OK) {
        x.d.person = body.person = p->person;
        x.d.role = p->role;
        x.d.device = *device;
        st = pins_of(n, device, &body.pins);
    }
    if (st == ST_OK) {
        st = encode_roster(&body, &b.body[1]);
    }
    if (st == ST_OK && x.d.role == ROLE_PARENT) {
        struct authority_body ab = {.kind = AUTHORITY_REMOVE_DEVICE, .person = x.d.person, .device = *device};
        st = encode_authority(&ab, &b.body[0]);
    }
    if (st == ST_OK) {
        take_buffers(&x, &b);
        st = store_wish(n, WISH_REMOVE, &x);
    }
    if (st == ST_OK && x.d.role == ROLE_PARENT && ID_EQUAL(&x.d.person, &n->self.person)) {
        st = permits_sign_again(n, device);
    }
    buffers_wipe(&b);
    return st;
}

/* ---- signatures of others ---- */

static enum status proposal_hash(struct span proposal, struct chain_proposal *p, struct entry_hash *hash)
{
    enum status st = chain_proposal_decode(p, proposal);
    return st == ST_OK ? chain_proposal_hash(p, hash) : st;
}

enum status apply_proposal(struct node *n, const struct applied_entry *e)
{
    struct chain_proposal p;
    struct entry_hash hash;
    struct roster_body roster;
    struct authority_body authority;
    struct person_id subject;
    bool everybody = false; /* all parents sign for a further one */
    char name[WIRE_NAME_MAX + 1] = "";
    enum status st = proposal_hash(e->body->u.proposal.proposal, &p, &hash);
    if (st == ST_OK && e->closes_only) {
        st = ST_JOURNAL_AUTHOR;
    }
    if (st == ST_OK && !ID_EQUAL(&p.family, &n->self.family)) {
        st = ST_CHAIN_KIND;
    }
    if (st == ST_OK && p.chain == CHAIN_ROSTER) {
        st = roster_body_decode(&roster, p.body);
        subject = roster.person;
        sqlite3_snprintf(sizeof(name), name, "%.*s", (int)roster.device_name.len,
                         (const char *)roster.device_name.ptr);
    } else if (st == ST_OK) {
        st = authority_body_decode(&authority, p.body);
        subject = authority.person;
        everybody = st == ST_OK && e->scope_kind == SCOPE_PARENTS && authority.kind == AUTHORITY_ADD_PARENT;
    }
    if (st == ST_OK && (e->own || ID_EQUAL(&e->who.person, &n->self.person))) {
        return ST_OK; /* this person has signed already */
    }
    if (st == ST_OK && !everybody && !ID_EQUAL(&subject, &n->self.person)) {
        return ST_OK; /* theirs to sign */
    }
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "INSERT OR IGNORE INTO request(id, kind, person, other_family, other_person, other_name,"
            " other_supervised, note, how, state, at_ms, body, extra) VALUES(?,?,?,?,?,?,0,'',0,?,?,?,?)",
            "bibbbtiibb", SPAN_ID(&hash), (int64_t)REQUEST_SIGN, SPAN_ID(&subject), SPAN_ID(&n->self.family),
            SPAN_ID(&subject), name, (int64_t)REQUEST_WAITING, n->now.wall_ms, e->body->u.proposal.proposal,
            SPAN_ID(&e->scope));
    }
    return st == ST_OK ? node_notice(n, NOTICE_REQUESTS, "", name, &e->scope) : st;
}

enum status apply_signature(struct node *n, const struct applied_entry *e)
{
    (void)e; /* gathered when the wish is made into entries */
    return groups_dirty(n);
}

enum status wish_sign(struct node *n, const uint8_t request[static 32], bool yes)
{
    struct buffer proposal;
    struct chain_proposal p;
    struct entry_body body = {.kind = ENTRY_SIGNATURE};
    struct scope_id scope, parents;
    struct query q;
    bool found = false;
    buffer_init(&proposal, WIRE_ENTRY_MAX);
    query_start(&q, &n->sql, "SELECT body, extra FROM request WHERE id = ? AND kind = ? AND state = ?", "bii",
                SPAN_OF(request, 32), (int64_t)REQUEST_SIGN, (int64_t)REQUEST_WAITING);
    if (query_next(&q)) {
        query_fail(&q, buffer_append(&proposal, query_blob(&q, 0)));
        QUERY_ID(&q, 1, &scope);
        found = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !found) {
        st = ST_REQUEST_DECIDED;
    }
    if (st == ST_OK && yes) {
        st = proposal_hash(buffer_span(&proposal), &p, &body.u.signature.proposal);
        if (st == ST_OK && p.expires_ms <= n->now.wall_ms) {
            st = ST_CHAIN_EXPIRED;
        }
        if (st == ST_OK) {
            st = chain_proposal_sign(&p, &n->self.key, &body.u.signature.signature);
        }
        if (st == ST_OK) {
            st = scope_id_of_family(SCOPE_PARENTS, &n->self.family, &parents);
        }
        body.u.signature.by = n->self.device;
        if (st == ST_OK) {
            st = journal_append(n, ID_EQUAL(&scope, &parents) ? SCOPE_PARENTS : SCOPE_WARD, &scope, &body,
                                NULL);
        }
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE request SET state = ? WHERE id = ?", "ib",
                     (int64_t)(yes ? REQUEST_YES : REQUEST_NO), SPAN_OF(request, 32));
    }
    buffer_wipe(&proposal);
    return st;
}
