/* SPDX-License-Identifier: Apache-2.0 */
/* Families and groups for the tests of device/: persons and devices by name, chains that are extended entry
 * by entry, and commits as plain structures, without an MLS group. */
#ifndef KITH_TESTS_UNIT_DEVICE_FAMILY_FIXTURE_H
#define KITH_TESTS_UNIT_DEVICE_FAMILY_FIXTURE_H

#include "device/authorize.h"
#include "device/certificates.h"
#include "protocol/mls/leaf_node.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

/* ---- a family: Ana and Ben are parents, Maya and Tim children ---- */

enum { ANA = 1, BEN, MAYA, TIM, EVE }; /* EVE is nobody in it */

struct family {
    unsigned base; /* of its keys and ids */
    struct authority at;
    struct roster roster;
    struct buffer authority_bytes, roster_bytes;
    struct wire_list authority, entries;
    struct sample_key ana, ben, maya, tim, ana_laptop, maya_laptop, ben_laptop, eve;
};

static inline struct person_id person_of(const struct family *f, unsigned who)
{
    return sample_person_id(f->base + who);
}

static inline struct person_ref ref_of(const struct family *f, unsigned who)
{
    return (struct person_ref){f->at.family, person_of(f, who)};
}

struct signing { /* who commits an entry, and who signs its proposal besides */
    const struct sample_key *author;
    const struct sample_key *others[4];
};
#define BY(...) (&(struct signing){__VA_ARGS__})

/* Makes an entry of the chain; the encoded bytes are appended to out. */
static inline void make_entry(const struct family *f, enum chain_kind chain, struct span body,
                              const struct signing *s, struct buffer *out)
{
    bool roster = chain == CHAIN_ROSTER;
    bool founded = roster ? f->roster.founded : f->at.founded;
    const struct chain_head *head = roster ? &f->roster.head : &f->at.head;
    struct chain_proposal p = {.family = f->at.family, .chain = chain, .body = body, .expires_ms = 1};
    struct cosigner cosigners[4];
    size_t count = 0;
    p.based_on = head->height;
    for (; count < 4 && s->others[count]; count++) {
        cosigners[count].device = s->others[count]->device;
        assert_ok(chain_proposal_sign(&p, &s->others[count]->key, &cosigners[count].signature));
    }
    struct chain_draft d = {.chain = chain,
                            .head = founded ? head : NULL,
                            .authority_height = f->at.head.height,
                            .body = body,
                            .author = &s->author->device,
                            .key = &s->author->key,
                            .proposal = count > 0 ? &p : NULL,
                            .cosigners = cosigners,
                            .cosigner_count = count};
    assert_ok(chain_draft_encode(&d, out));
}

static inline enum status extend_authority(struct family *f, const struct authority_body *body,
                                           const struct signing *s)
{
    struct buffer b, entry;
    struct writer w;
    buffer_init(&b, 4096);
    buffer_init(&entry, 8192);
    writer_init(&w, &b);
    assert_ok(authority_body_encode(&w, body));
    make_entry(f, CHAIN_AUTHORITY, buffer_span(&b), s, &entry);
    enum status st = authority_apply_bytes(&f->at, buffer_span(&entry));
    if (st == ST_OK)
        assert_ok(wire_list_append(&f->authority_bytes, &f->authority, buffer_span(&entry)));
    buffer_wipe(&b);
    buffer_wipe(&entry);
    return st;
}

static inline enum status extend_roster(struct family *f, const struct roster_body *body,
                                        const struct signing *s)
{
    struct buffer b, entry;
    struct writer w;
    buffer_init(&b, 8192);
    buffer_init(&entry, 16384);
    writer_init(&w, &b);
    assert_ok(roster_body_encode(&w, body));
    make_entry(f, CHAIN_ROSTER, buffer_span(&b), s, &entry);
    enum status st = roster_apply_bytes(&f->roster, &f->at, buffer_span(&entry));
    if (st == ST_OK)
        assert_ok(wire_list_append(&f->roster_bytes, &f->entries, buffer_span(&entry)));
    buffer_wipe(&b);
    buffer_wipe(&entry);
    return st;
}

static inline enum status add_person(struct family *f, unsigned who, enum person_role role, const char *name,
                                     const struct sample_key *device, const struct signing *s)
{
    struct authority_body a = {.kind = role == ROLE_PARENT ? AUTHORITY_ADD_PARENT : AUTHORITY_ADD_CHILD,
                               .person = person_of(f, who)};
    struct roster_body r = {.kind = ROSTER_ADD_PERSON,
                            .person = a.person,
                            .role = role,
                            .name = span_text(name),
                            .device = device->device,
                            .device_name = span_text("phone")};
    if (role == ROLE_PARENT)
        a.device = device->device;
    enum status st = extend_authority(f, &a, s);
    return st == ST_OK ? extend_roster(f, &r, &(struct signing){s->author, {0}}) : st;
}

/* Founds the family with Ana alone. */
static inline void family_found(struct family *f, unsigned base)
{
    memset(f, 0, sizeof *f);
    assert_ok(suite_start());
    f->base = base;
    buffer_init(&f->authority_bytes, 1 << 20);
    buffer_init(&f->roster_bytes, 1 << 20);
    struct sample_key *const keys[] = {&f->ana,        &f->ben,         &f->maya,       &f->tim,
                                       &f->ana_laptop, &f->maya_laptop, &f->ben_laptop, &f->eve};
    for (unsigned i = 0; i < 8; i++)
        *keys[i] = sample_key(base + i);
    struct authority_body a = {.kind = AUTHORITY_FOUND, .person = person_of(f, ANA), .device = f->ana.device};
    a.random[0] = (uint8_t)base;
    assert_ok(extend_authority(f, &a, &(struct signing){&f->ana, {0}}));
    struct roster_body r = {.kind = ROSTER_FOUND,
                            .family = f->at.family,
                            .family_name = span_text("Berg"),
                            .person = a.person,
                            .name = span_text("Ana"),
                            .device = f->ana.device,
                            .device_name = span_text("phone")};
    assert_ok(extend_roster(f, &r, &(struct signing){&f->ana, {0}}));
}

/* Ana, Ben, Maya, Tim: one device each. */
static inline void family_of_four(struct family *f, unsigned base)
{
    family_found(f, base);
    struct signing by_ana = {&f->ana, {0}};
    assert_ok(add_person(f, BEN, ROLE_PARENT, "Ben", &f->ben, &by_ana));
    assert_ok(add_person(f, MAYA, ROLE_CHILD, "Maya", &f->maya, &by_ana));
    assert_ok(add_person(f, TIM, ROLE_CHILD, "Tim", &f->tim, &by_ana));
    assert_ok(roster_agrees(&f->roster, &f->at));
}

static inline void family_wipe(struct family *f)
{
    buffer_wipe(&f->authority_bytes);
    buffer_wipe(&f->roster_bytes);
}

/* A second device of a parent: in both chains. */
static inline enum status add_parent_device(struct family *f, unsigned who, const struct sample_key *device,
                                            const struct sample_key *signer)
{
    struct signing s = {signer, {0}};
    struct authority_body a = {
        .kind = AUTHORITY_ADD_DEVICE, .person = person_of(f, who), .device = device->device};
    struct roster_body r = {.kind = ROSTER_ADD_DEVICE,
                            .person = a.person,
                            .device = device->device,
                            .device_name = span_text("laptop")};
    enum status st = extend_authority(f, &a, &s);
    return st == ST_OK ? extend_roster(f, &r, &s) : st;
}

static inline struct device_certificate certificate_of(const struct family *f, unsigned who,
                                                       const struct sample_key *device)
{
    struct device_certificate c;
    struct certificate_args a = {.at = &f->at,
                                 .person = person_of(f, who),
                                 .device = device->device,
                                 .now_ms = 1700000000000,
                                 .issuer = f->ana.device,
                                 .key = &f->ana.key};
    assert_ok(certificate_issue(&c, &a));
    return c;
}

/* Child of f, contact of g; signed by Ana of f. */
static inline struct permit permit_for(const struct family *f, unsigned child, const struct family *g,
                                       unsigned contact)
{
    struct person_id ana = person_of(f, ANA);
    struct permit p = {.child = ref_of(f, child),
                       .has_contact = true,
                       .contact = ref_of(g, contact),
                       .kinds = PERMIT_TEXT | PERMIT_IMAGES,
                       .oversight = OVERSIGHT_CONTACTS,
                       .not_after_ms = 1800000000000,
                       .serial = 10};
    assert_ok(permit_approve(&p, &ana, &f->ana.device, &f->ana.key));
    return p;
}

/* ---- a group and one commit ---- */

enum { SLOTS = 24, SLOT_LEN = 4096 };

struct commit {
    struct kith_context before, after;
    struct chains *at, *out;
    struct authorize_leaf leaves[SLOTS];
    size_t leaf_count;
    struct mls_change changes[SLOTS];
    size_t change_count;
    struct span evidence[256];
    struct entry_hash hashes[256];
    size_t evidence_count;
    struct person_ref authors[2];
    size_t author_count;
    uint32_t committer;
    struct buffer arena[512]; /* whatever the spans borrow */
    size_t arena_count;
    unsigned fresh; /* makes every leaf and key package different */
    bool corrupt_data;
};

static inline struct buffer *commit_buffer(struct commit *c)
{
    assert_true(c->arena_count < 512);
    struct buffer *b = &c->arena[c->arena_count++];
    buffer_init(b, 1 << 20);
    return b;
}

#define COMMIT_ENCODE(c, type, value)           \
    __extension__({                             \
        struct buffer *b_ = commit_buffer(c);   \
        struct writer w_;                       \
        writer_init(&w_, b_);                   \
        assert_ok(type##_encode(&w_, (value))); \
        buffer_span(b_);                        \
    })

/* The chain heads of these families, in the order of family ids. */
static inline void set_heads(struct kith_context *k, const struct family *const *families, size_t count)
{
    k->family_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = k->family_count++;
        for (; at > 0 && ID_COMPARE(&k->families[at - 1].family, &families[i]->at.family) > 0; at--)
            k->families[at] = k->families[at - 1];
        k->families[at] = (struct family_head){families[i]->at.family, families[i]->at.head};
    }
    if (k->kind != SCOPE_CONVERSATION)
        k->roster = families[0]->roster.head;
}

/* A group whose context names the families as they stand now. */
static inline void commit_init(struct commit *c, enum scope_kind kind, const struct family *const *families,
                               size_t count)
{
    memset(c, 0, sizeof *c);
    c->at = chains_new();
    c->out = chains_new();
    assert_non_null(c->at);
    assert_non_null(c->out);
    c->before = (struct kith_context){.kind = kind, .relay_count = 1};
    c->before.relays[0] = span_text("kith-relay://somewhere");
    for (size_t i = 0; i < count; i++)
        c->at->families[c->at->family_count++] = families[i]->at;
    if (kind != SCOPE_CONVERSATION) {
        c->at->has_roster = true;
        c->at->roster = families[0]->roster;
    }
    set_heads(&c->before, families, count);
    c->after = c->before;
}

static inline void commit_wipe(struct commit *c)
{
    for (size_t i = 0; i < c->arena_count; i++)
        buffer_wipe(&c->arena[i]);
    chains_free(c->at);
    chains_free(c->out);
}

/* Forgets the changes and the evidence; the tree stays. */
static inline void commit_again(struct commit *c)
{
    c->change_count = c->evidence_count = c->author_count = 0;
    c->after = c->before;
    c->committer = 0;
}

/* No leaf that a group would take, but one that decodes. */
static inline struct span fake_leaf(struct commit *c, const struct device_id *key, enum leaf_source source)
{
    struct buffer *b = commit_buffer(c);
    struct writer w;
    uint8_t fresh[DH_LEN] = {(uint8_t)++c->fresh, (uint8_t)(c->fresh >> 8)};
    struct leaf_node n = {.encryption_key = SPAN(fresh),
                          .signature_key = SPAN_ID(key),
                          .credential = {.type = CREDENTIAL_BASIC},
                          .source = source};
    writer_init(&w, b);
    leaf_node_write(&w, &n);
    assert_ok(writer_done(&w));
    return buffer_span(b);
}

static inline uint32_t commit_member_with(struct commit *c, const struct device_certificate *certificate)
{
    uint32_t leaf = (uint32_t)c->leaf_count;
    c->leaves[c->leaf_count++] =
        (struct authorize_leaf){.leaf = leaf,
                                .identity = COMMIT_ENCODE(c, device_certificate, certificate),
                                .leaf_node = fake_leaf(c, &certificate->device, LEAF_COMMIT)};
    return leaf;
}

static inline uint32_t commit_member(struct commit *c, const struct family *f, unsigned who,
                                     const struct sample_key *device)
{
    struct device_certificate certificate = certificate_of(f, who, device);
    return commit_member_with(c, &certificate);
}

static inline struct mls_change *commit_add_with(struct commit *c,
                                                 const struct device_certificate *certificate)
{
    struct mls_change *change = &c->changes[c->change_count++];
    *change = (struct mls_change){.kind = MLS_CHANGE_ADD,
                                  .proposer = c->committer,
                                  .leaf = (uint32_t)(c->leaf_count + c->change_count + 100),
                                  .identity_new = COMMIT_ENCODE(c, device_certificate, certificate),
                                  .leaf_new = fake_leaf(c, &certificate->device, LEAF_KEY_PACKAGE)};
    change->key_package = change->leaf_new; /* any bytes of its own */
    return change;
}

static inline struct mls_change *commit_add(struct commit *c, const struct family *f, unsigned who,
                                            const struct sample_key *device)
{
    struct device_certificate certificate = certificate_of(f, who, device);
    return commit_add_with(c, &certificate);
}

static inline struct mls_change *commit_remove(struct commit *c, uint32_t leaf)
{
    struct mls_change *change = &c->changes[c->change_count++];
    *change = (struct mls_change){.kind = MLS_CHANGE_REMOVE,
                                  .proposer = c->committer,
                                  .leaf = leaf,
                                  .identity_old = c->leaves[leaf].identity,
                                  .leaf_old = c->leaves[leaf].leaf_node};
    return change;
}

static inline void commit_evidence(struct commit *c, enum evidence_kind kind, const struct family *f,
                                   struct span body)
{
    struct evidence_record r = {.kind = kind, .body = body};
    if (f)
        r.family = f->at.family;
    struct span bytes = COMMIT_ENCODE(c, evidence_record, &r);
    assert_ok(evidence_record_hash(bytes, &c->hashes[c->evidence_count]));
    c->evidence[c->evidence_count++] = bytes;
}

static inline void commit_permit(struct commit *c, const struct permit *p)
{
    commit_evidence(c, EVIDENCE_PERMIT, NULL, COMMIT_ENCODE(c, permit, p));
}

/* Both chains of f above the heights that the group knows, in the order in which they were made, and the new
 * heads into the new context. */
static inline void commit_chain(struct commit *c, const struct family *f)
{
    const struct authority *known = chains_family_const(c->at, &f->at.family);
    struct span a_rest = f->authority.bytes, r_rest = f->entries.bytes, item;
    struct chain_entry e;
    uint64_t height = 0;
    struct buffer *spare = commit_buffer(c);
    (void)spare;
    bool more_roster = wire_list_next(&r_rest, &item);
    struct span roster_item = item;
    while (wire_list_next(&a_rest, &item)) {
        if (!known || height > known->head.height)
            commit_evidence(c, EVIDENCE_CHAIN_ENTRY, f, item);
        for (; more_roster; more_roster = wire_list_next(&r_rest, &roster_item)) {
            assert_ok(chain_entry_decode(&e, roster_item));
            if (e.authority_height != height)
                break;
            if (c->at->has_roster && e.height > c->at->roster.head.height)
                commit_evidence(c, EVIDENCE_CHAIN_ENTRY, f, roster_item);
        }
        height++;
    }
    const struct family *const one[] = {f};
    struct kith_context k = c->after;
    set_heads(&k, one, 1);
    bool there = false;
    for (size_t i = 0; i < c->after.family_count; i++) {
        if (!ID_EQUAL(&c->after.families[i].family, &f->at.family))
            continue;
        c->after.families[i] = k.families[0];
        there = true;
    }
    if (!there) {
        size_t at = c->after.family_count++;
        for (; at > 0 && ID_COMPARE(&c->after.families[at - 1].family, &f->at.family) > 0; at--)
            c->after.families[at] = c->after.families[at - 1];
        c->after.families[at] = k.families[0];
    }
    if (c->after.kind != SCOPE_CONVERSATION)
        c->after.roster = f->roster.head;
}

/* The request of a device to be added again, for the two changes of one commit. */
static inline void commit_readd(struct commit *c, const struct mls_change *removed,
                                const struct mls_change *added, const struct sample_key *device)
{
    struct readd_request q = {
        .scope = c->before.scope, .generation = c->before.generation, .device = device->device};
    hash_bytes(removed->leaf_old, q.old_leaf_hash);
    hash_bytes(added->key_package, q.key_package_hash);
    assert_ok(readd_request_sign(&q, &device->key));
    commit_evidence(c, EVIDENCE_READD, NULL, COMMIT_ENCODE(c, readd_request, &q));
}

static inline enum status commit_judge(struct commit *c, uint32_t committer)
{
    struct commit_data d = {.count = c->evidence_count,
                            .hashes = SPAN_OF(&c->hashes[0].b[0], c->evidence_count * ID_LEN)};
    struct authorize_args a = {.before = &c->before,
                               .after = &c->after,
                               .at = c->at,
                               .leaves = c->leaves,
                               .leaf_count = c->leaf_count,
                               .changes = c->changes,
                               .change_count = c->change_count,
                               .committer = committer,
                               .evidence = c->evidence,
                               .evidence_count = c->evidence_count,
                               .authors = c->authors,
                               .author_count = c->author_count};
    for (size_t i = 0; i < c->change_count; i++)
        if (c->changes[i].proposer == c->committer)
            c->changes[i].proposer = committer;
    c->committer = committer;
    if (c->evidence_count > 0)
        a.authenticated_data = COMMIT_ENCODE(c, commit_data, &d);
    return authorize_commit(&a, c->out);
}

#endif
