/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_samples.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/admission.h"
#include "protocol/contact_request.h"
#include "protocol/entry_body.h"
#include "protocol/evidence.h"
#include "protocol/group_message.h"
#include "protocol/history_part.h"
#include "protocol/kith_context.h"
#include "protocol/letterbox.h"
#include "protocol/mem.h"
#include "protocol/pairing_message.h"
#include "protocol/permit.h"
#include "protocol/successor.h"

#define MUST(call) invariant((call) == ST_OK)

/* ---- parts ---- */

struct sample_key sample_key(unsigned n)
{
    struct sample_key k;
    struct sign_public public;
    uint8_t seed[SIGN_SEED_LEN];
    memset(seed, (int)n, sizeof seed);
    sign_keypair_from_seed(seed, &k.key, &public);
    memcpy(k.device.b, public.b, ID_LEN);
    return k;
}

struct person_id sample_person_id(unsigned n)
{
    struct person_id p;
    memset(p.b, (int)n, sizeof p.b);
    return p;
}

struct person_ref sample_person(unsigned family, unsigned person)
{
    struct person_ref p;
    memset(p.family.b, (int)family, sizeof p.family.b);
    p.person = sample_person_id(person);
    return p;
}

static void fill(void *out, size_t len, int n)
{
    memset(out, n, len);
}

/* A list of two short items. */
static struct wire_list two_items(struct buffer *bytes)
{
    struct wire_list list = {SPAN_EMPTY, 0};
    buffer_init(bytes, 4096);
    MUST(wire_list_append(bytes, &list, span_text("first item")));
    MUST(wire_list_append(bytes, &list, span_text("second")));
    return list;
}

static struct pins one_pin(void)
{
    struct pins p = {.count = 1};
    fill(p.at[0].scope.b, SHORT_ID_LEN, 1);
    p.at[0].seq = 77;
    fill(p.at[0].hash.b, ID_LEN, 2);
    return p;
}

/* ---- samples, in the order of the table ---- */

static void certificate_sample(struct writer *w)
{
    struct sample_key parent = sample_key(1);
    struct device_certificate c = {.who = sample_person(3, 4),
                                   .supervised = true,
                                   .device = sample_key(2).device,
                                   .authority_height = 5,
                                   .not_after_ms = 1700000000000,
                                   .issuer = parent.device};
    MUST(device_certificate_sign(&c, &parent.key));
    MUST(device_certificate_encode(w, &c));
}

static void revocation_sample(struct writer *w)
{
    struct sample_key parent = sample_key(1);
    struct revocation v = {.who = sample_person(3, 4),
                           .device = sample_key(2).device,
                           .authority_height = 5,
                           .pins = one_pin(),
                           .replaced = true,
                           .certificate = span_text("a certificate"),
                           .key_package = span_text("a key package"),
                           .issuer = parent.device};
    MUST(revocation_sign(&v, &parent.key));
    MUST(revocation_encode(w, &v));
}

static void chain_entry_sample(struct writer *w)
{
    struct sample_key author = sample_key(1);
    struct chain_entry e = {.chain = CHAIN_ROSTER,
                            .height = 9,
                            .authority_height = 4,
                            .body = span_text("a body"),
                            .author = author.device,
                            .proposed = true,
                            .based_on = 7,
                            .expires_ms = 1700000000000,
                            .cosigner_count = 1};
    fill(e.prev.b, ID_LEN, 6);
    e.cosigners[0].device = sample_key(2).device;
    fill(e.cosigners[0].signature.b, SIGNATURE_LEN, 8);
    MUST(chain_entry_sign(&e, &author.key));
    MUST(chain_entry_encode(w, &e));
}

static void chain_proposal_sample(struct writer *w)
{
    struct chain_proposal p = {.family = sample_person(3, 0).family,
                               .chain = CHAIN_AUTHORITY,
                               .based_on = 7,
                               .body = span_text("a body"),
                               .expires_ms = 1700000000000};
    MUST(chain_proposal_encode(w, &p));
}

static void authority_body_sample(struct writer *w)
{
    struct authority_body b = {
        .kind = AUTHORITY_FOUND, .person = sample_person_id(4), .device = sample_key(1).device};
    fill(b.random, sizeof b.random, 9);
    fill(b.recovery.b, sizeof b.recovery.b, 10);
    MUST(authority_body_encode(w, &b));
}

static void roster_body_sample(struct writer *w)
{
    struct roster_body b = {.kind = ROSTER_ADD_PERSON,
                            .person = sample_person_id(4),
                            .role = ROLE_CHILD,
                            .name = span_text("Maya"),
                            .device = sample_key(2).device,
                            .device_name = span_text("Maya's tablet")};
    MUST(roster_body_encode(w, &b));
}

static void permit_sample(struct writer *w)
{
    struct sample_key ana = sample_key(1), ben = sample_key(2);
    struct permit p = {.child = sample_person(3, 4),
                       .has_contact = true,
                       .contact = sample_person(5, 6),
                       .kinds = PERMIT_TEXT | PERMIT_IMAGES,
                       .oversight = OVERSIGHT_CONTACTS,
                       .not_before_ms = 1600000000000,
                       .not_after_ms = 1700000000000,
                       .serial = 42};
    struct person_id a = sample_person_id(1), b = sample_person_id(2);
    MUST(permit_approve(&p, &b, &ben.device, &ben.key));
    MUST(permit_approve(&p, &a, &ana.device, &ana.key));
    MUST(permit_encode(w, &p));
}

static void withdrawal_sample(struct writer *w)
{
    struct sample_key ana = sample_key(1);
    struct permit_withdrawal p = {
        .child = sample_person(3, 4), .contact = sample_person(5, 6), .serial = 42, .issuer = ana.device};
    MUST(permit_withdrawal_sign(&p, &ana.key));
    MUST(permit_withdrawal_encode(w, &p));
}

static void letterbox_sample(struct writer *w)
{
    struct letterbox l = {
        .relay = span_text("kith-relay://key@relay.example:4433"), .expires_ms = 1700000000000, .uses = 3};
    fill(l.write_token.b, SECRET_LEN, 1);
    fill(l.read_hash, HASH_LEN, 2);
    fill(l.trim_hash, HASH_LEN, 3);
    fill(l.block_key.b, SECRET_LEN, 4);
    fill(l.hpke_public.b, DH_LEN, 5);
    MUST(letterbox_encode(w, &l));
}

static void invite_sample(struct writer *w)
{
    struct sample_key ana = sample_key(1);
    struct invite i = {.letterbox = span_text("a letterbox"),
                       .who = sample_person(3, 4),
                       .supervised = true,
                       .signer = ana.device};
    fill(i.card_read_token.b, SECRET_LEN, 1);
    fill(i.card_write_hash, HASH_LEN, 2);
    fill(i.card_trim_hash, HASH_LEN, 3);
    fill(i.card_key.b, SECRET_LEN, 4);
    MUST(invite_sign(&i, &ana.key));
    MUST(invite_encode(w, &i));
}

static void card_sample(struct writer *w)
{
    struct sample_key ana = sample_key(1);
    struct buffer certificates, chain;
    struct card c = {.who = sample_person(3, 4),
                     .name = span_text("Maya"),
                     .certificates = two_items(&certificates),
                     .authority_chain = two_items(&chain),
                     .made_ms = 1600000000000,
                     .expires_ms = 1700000000000,
                     .signer = ana.device};
    MUST(card_sign(&c, &ana.key));
    MUST(card_encode(w, &c));
    buffer_wipe(&certificates);
    buffer_wipe(&chain);
}

static void letterbox_message_sample(struct writer *w)
{
    struct sample_key sender = sample_key(2);
    struct buffer certificate;
    buffer_init(&certificate, 1024);
    sample_encode("device_certificate", &certificate); /* its device is key 2 */
    struct letterbox_message m = {.type = LETTERBOX_CONTACT_REQUEST,
                                  .to = sample_person(5, 6),
                                  .certificate = buffer_span(&certificate),
                                  .body = span_text("a request")};
    fill(m.log.b, ID_LEN, 7);
    fill(m.hpke_public.b, DH_LEN, 8);
    MUST(letterbox_message_sign(&m, &sender.key));
    MUST(letterbox_message_encode(w, &m));
    buffer_wipe(&certificate);
}

static void contact_request_sample(struct writer *w)
{
    struct contact_request c = {.card = span_text("a card"),
                                .note = span_text("We met at football.\nLeo"),
                                .how_met = MET_INVITE,
                                .has_permit = true,
                                .permit = span_text("a permit"),
                                .key_package = span_text("a key package"),
                                .reply_letterbox = span_text("a letterbox")};
    MUST(contact_request_encode(w, &c));
}

static void journal_entry_sample(struct writer *w)
{
    struct sample_key author = sample_key(1);
    struct journal_entry e = {
        .header = {.author = author.device, .seq = 3, .generation = 1, .epoch = 12, .hlc = 99},
        .has_body = true,
        .kind = ENTRY_TEXT,
        .body = span_text("a body")};
    fill(e.header.scope.b, SHORT_ID_LEN, 1);
    fill(e.header.prev.b, ID_LEN, 2);
    fill(e.salt, sizeof e.salt, 3);
    MUST(journal_entry_hash_body(&e));
    MUST(journal_entry_sign(&e, &author.key));
    MUST(journal_entry_encode(w, &e));
}

static void have_sample(struct writer *w)
{
    struct have h = {.beacon = span_text("a beacon"), .author_count = 2};
    for (size_t i = 0; i < h.author_count; i++) {
        fill(h.authors[i].author.b, ID_LEN, (int)i + 1);
        h.authors[i].seq = 5 + i;
        fill(h.authors[i].hash.b, ID_LEN, 7);
    }
    MUST(have_encode(w, &h));
}

static void pairing_link_sample(struct writer *w)
{
    struct pairing_link l = {.relay = span_text("kith-relay://key@relay.example:4433"),
                             .expires_ms = 1700000000000};
    fill(l.secret.b, SECRET_LEN, 1);
    fill(l.authority_head.b, ID_LEN, 2);
    MUST(pairing_link_encode(w, &l));
}

static void pairing_answer_sample(struct writer *w)
{
    struct buffer chain;
    struct pairing_message m = {.kind = PAIRING_ANSWER,
                                .u.answer = {.device = sample_key(1).device,
                                             .family = sample_person(3, 0).family,
                                             .person = sample_person_id(4),
                                             .role = ROLE_CHILD,
                                             .family_name = span_text("Berg"),
                                             .person_name = span_text("Maya"),
                                             .authority_chain = two_items(&chain)}};
    MUST(pairing_message_encode(w, &m));
    buffer_wipe(&chain);
}

static void pairing_open_sample(struct writer *w)
{
    struct pairing_message m = {.kind = PAIRING_OPEN,
                                .u.open = {.device = sample_key(2).device,
                                           .device_name = span_text("tablet"),
                                           .letterbox = span_text("a letterbox"),
                                           .has_recovery = true}};
    MUST(pairing_message_encode(w, &m));
}

static void pairing_accept_sample(struct writer *w)
{
    struct pairing_message m = {.kind = PAIRING_ACCEPT,
                                .u.accept = {.certificate = span_text("a certificate")}};
    MUST(pairing_message_encode(w, &m));
}

static void pairing_confirm_sample(struct writer *w)
{
    struct buffer packages;
    struct pairing_message m = {.kind = PAIRING_CONFIRM, .u.confirm = {.key_packages = two_items(&packages)}};
    MUST(pairing_message_encode(w, &m));
    buffer_wipe(&packages);
}

static void pairing_void_sample(struct writer *w)
{
    struct pairing_message m = {.kind = PAIRING_VOID, .u.voided = {.reason = VOID_WRONG_CODE}};
    MUST(pairing_message_encode(w, &m));
}

static void kith_context_sample(struct writer *w)
{
    struct kith_context c = {.kind = SCOPE_WARD, .generation = 1, .relay_count = 1, .family_count = 1};
    fill(c.scope.b, SHORT_ID_LEN, 1);
    c.relays[0] = span_text("kith-relay://key@relay.example:4433");
    c.families[0].family = sample_person(3, 0).family;
    c.families[0].head.height = 4;
    fill(c.families[0].head.hash.b, ID_LEN, 2);
    c.roster.height = 6;
    MUST(kith_context_encode(w, &c));
}

static void conversation_context_sample(struct writer *w)
{
    struct kith_context c = {.kind = SCOPE_CONVERSATION, .relay_count = 2, .family_count = 2};
    c.relays[0] = span_text("kith-relay://key@relay.example:4433");
    c.relays[1] = span_text("kith-relay://key@second.example:4433");
    c.families[0].family = sample_person(3, 0).family;
    c.families[1].family = sample_person(5, 0).family;
    MUST(kith_context_encode(w, &c));
}

static void evidence_sample(struct writer *w)
{
    struct evidence_record e = {
        .kind = EVIDENCE_CHAIN_ENTRY, .family = sample_person(3, 0).family, .body = span_text("an entry")};
    MUST(evidence_record_encode(w, &e));
}

static void commit_data_sample(struct writer *w)
{
    uint8_t hashes[3 * ID_LEN];
    fill(hashes, sizeof hashes, 5);
    struct commit_data d = {.count = 3, .hashes = SPAN(hashes)};
    MUST(commit_data_encode(w, &d));
}

static void beacon_sample(struct writer *w)
{
    struct beacon b = {.generation = 1, .epoch = 12, .answers = true, .asks = true};
    fill(b.scope.b, SHORT_ID_LEN, 1);
    fill(b.founding_hash, HASH_LEN, 2);
    fill(b.authenticator_hash, HASH_LEN, 3);
    fill(b.incarnation.b, sizeof b.incarnation.b, 4);
    fill(b.nonce, sizeof b.nonce, 5);
    fill(b.asked, sizeof b.asked, 6);
    MUST(beacon_encode(w, &b));
}

static void readd_sample(struct writer *w)
{
    struct sample_key mine = sample_key(2);
    struct readd_request q = {.generation = 1, .device = mine.device};
    fill(q.old_leaf_hash, HASH_LEN, 2);
    fill(q.key_package_hash, HASH_LEN, 3);
    MUST(readd_request_sign(&q, &mine.key));
    MUST(readd_request_encode(w, &q));
}

static void leaf_told_sample(struct writer *w)
{
    struct leaf_told l = {.generation = 2};
    fill(l.scope.b, sizeof l.scope.b, 1);
    fill(l.device.b, sizeof l.device.b, 3);
    fill(l.leaf_hash, HASH_LEN, 2);
    MUST(leaf_told_encode(w, &l));
}

static void leave_sample(struct writer *w)
{
    struct sample_key mine = sample_key(2);
    struct leave_note n = {.who = sample_person(3, 4), .device = mine.device, .has_leaf = true};
    MUST(leave_note_sign(&n, &mine.key));
    MUST(leave_note_encode(w, &n));
}

static void successor_sample(struct writer *w)
{
    struct buffer evidence;
    struct successor s = {.generation = 3, .epoch = 9, .founder = 4, .reason = SUCCESSOR_SILENT};
    s.evidence = two_items(&evidence);
    s.admission = span_text("an admission");
    MUST(successor_encode(w, &s));
    buffer_wipe(&evidence);
}

static void admission_sample(struct writer *w)
{
    struct buffer chain, roster, permits;
    struct admission a = {.generation = 1,
                          .welcome = span_text("a welcome"),
                          .chain_count = 1,
                          .roster = two_items(&roster),
                          .permits = two_items(&permits),
                          .author_count = 2,
                          .authors = {sample_person(3, 4), sample_person(5, 6)},
                          .head_count = 1};
    a.chains[0].family = sample_person(3, 0).family;
    a.chains[0].entries = two_items(&chain);
    a.heads[0].seq = 8;
    MUST(admission_encode(w, &a));
    buffer_wipe(&chain);
    buffer_wipe(&roster);
    buffer_wipe(&permits);
}

static void group_message_sample(struct writer *w)
{
    struct group_message m = {.kind = GROUP_PASSED_ON, .body = span_text("an entry")};
    MUST(group_message_encode(w, &m));
}

static void manifest_sample(struct writer *w)
{
    struct buffer parts;
    struct history_manifest m = {.relay = span_text("kith-relay://key@relay.example:4433")};
    struct history_range range = {
        .first_hlc = 4, .last_hlc = 9, .entry_count = 2, .raw_size = 100, .packed_size = 60};
    struct history_total total = {.entry_count = 7};
    struct buffer totals;
    m.first_part = 3;
    m.last = true;
    buffer_init(&parts, 4096);
    buffer_init(&totals, 4096);
    MUST(history_manifest_add(&m, &parts, &range));
    MUST(history_manifest_add(&m, &parts, &range));
    MUST(history_manifest_add_total(&m, &totals, &total));
    MUST(history_manifest_encode(w, &m));
    buffer_wipe(&parts);
    buffer_wipe(&totals);
}

static void part_sample(struct writer *w)
{
    struct history_part p = {.index = 1, .packed = span_text("packed")};
    MUST(history_part_encode(w, &p));
}

/* ---- entry bodies: their kind goes before them here, as two bytes ---- */

static void entry_body_sample(struct writer *w)
{
    struct entry_body b = {
        .kind = ENTRY_DECISION,
        .u.decision = {.yes = true, .based_on = {.count = 1}, .reason = span_text("we know them")}};
    writer_u16(w, (uint16_t)b.kind);
    MUST(entry_body_encode(w, &b));
}

static enum status entry_body_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    (void)ctx;
    struct entry_body b;
    struct reader r;
    struct writer w;
    reader_init(&r, in);
    uint16_t kind = reader_u16(&r);
    if (r.failed != ST_OK)
        return r.failed;
    enum status st = entry_body_decode(&b, kind, SPAN_OF(r.at, reader_left(&r)));
    if (st != ST_OK)
        return st;
    writer_init(&w, again);
    writer_u16(&w, kind);
    st = entry_body_encode(&w, &b);
    entry_body_wipe(&b);
    return st;
}

/* ---- round trips ---- */

#define ROUNDTRIP(type)                                                                  \
    static enum status type##_roundtrip(void *ctx, struct span in, struct buffer *again) \
    {                                                                                    \
        (void)ctx;                                                                       \
        struct type x;                                                                   \
        struct writer w;                                                                 \
        enum status st = type##_decode(&x, in);                                          \
        if (st != ST_OK)                                                                 \
            return st;                                                                   \
        writer_init(&w, again);                                                          \
        return type##_encode(&w, &x);                                                    \
    }

#define SIGNED(type)                                                                   \
    static enum status type##_checked(void *ctx, struct span in, struct buffer *again) \
    {                                                                                  \
        struct type x;                                                                 \
        enum status st = type##_decode(&x, in);                                        \
        if (st == ST_OK)                                                               \
            st = type##_verify(&x);                                                    \
        return st == ST_OK ? type##_roundtrip(ctx, in, again) : st;                    \
    }

ROUNDTRIP(device_certificate)
ROUNDTRIP(revocation)
ROUNDTRIP(chain_entry)
ROUNDTRIP(chain_proposal)
ROUNDTRIP(authority_body)
ROUNDTRIP(roster_body)
ROUNDTRIP(permit)
ROUNDTRIP(permit_withdrawal)
ROUNDTRIP(letterbox)
ROUNDTRIP(invite)
ROUNDTRIP(card)
ROUNDTRIP(letterbox_message)
ROUNDTRIP(contact_request)
ROUNDTRIP(journal_entry)
ROUNDTRIP(have)
ROUNDTRIP(pairing_link)
ROUNDTRIP(pairing_message)
ROUNDTRIP(kith_context)
ROUNDTRIP(evidence_record)
ROUNDTRIP(commit_data)
ROUNDTRIP(beacon)
ROUNDTRIP(readd_request)
ROUNDTRIP(leaf_told)
ROUNDTRIP(leave_note)
ROUNDTRIP(admission)
ROUNDTRIP(successor)
ROUNDTRIP(group_message)
ROUNDTRIP(history_manifest)
ROUNDTRIP(history_part)

SIGNED(device_certificate)
SIGNED(revocation)
SIGNED(chain_entry)
SIGNED(permit_withdrawal)
SIGNED(invite)
SIGNED(card)
SIGNED(leave_note)

static enum status readd_request_checked(void *ctx, struct span in, struct buffer *again)
{
    struct readd_request q;
    enum status st = readd_request_decode(&q, in);
    if (st == ST_OK)
        st = readd_request_verify(&q);
    return st == ST_OK ? readd_request_roundtrip(ctx, in, again) : st;
}

static enum status permit_checked(void *ctx, struct span in, struct buffer *again)
{
    struct permit p;
    enum status st = permit_decode(&p, in);
    /* whose approval it is said to be is compared with the chain, not signed: set it back to the sample's */
    if (st == ST_OK && p.approval_count != 2)
        return ST_WIRE_VALUE;
    for (size_t i = 0; st == ST_OK && i < p.approval_count; i++) {
        struct person_id person = sample_person_id((unsigned)i + 1);
        st = ID_EQUAL(&p.approvals[i].person, &person) ? permit_verify_approval(&p, i) : ST_WIRE_VALUE;
    }
    return st == ST_OK ? permit_roundtrip(ctx, in, again) : st;
}

static enum status journal_entry_checked(void *ctx, struct span in, struct buffer *again)
{
    struct journal_entry e;
    enum status st = journal_entry_decode(&e, in);
    if (st == ST_OK)
        st = e.has_signature && e.has_body ? entry_signature_verify(&e.header, &e.signature) : ST_WIRE_VALUE;
    return st == ST_OK ? journal_entry_roundtrip(ctx, in, again) : st;
}

static enum status letterbox_message_checked(void *ctx, struct span in, struct buffer *again)
{
    struct letterbox_message m;
    enum status st = letterbox_message_decode(&m, in);
    if (st == ST_OK)
        st = letterbox_message_verify(&m);
    return st == ST_OK ? letterbox_message_roundtrip(ctx, in, again) : st;
}

/* ---- the table ---- */

static const struct sample_row {
    const char *name;
    void (*write)(struct writer *w);
    decode_fn *roundtrip, *checked;
} rows[] = {
    {"device_certificate", certificate_sample, device_certificate_roundtrip, device_certificate_checked},
    {"revocation", revocation_sample, revocation_roundtrip, revocation_checked},
    {"chain_entry", chain_entry_sample, chain_entry_roundtrip, chain_entry_checked},
    {"chain_proposal", chain_proposal_sample, chain_proposal_roundtrip, NULL},
    {"authority_body", authority_body_sample, authority_body_roundtrip, NULL},
    {"roster_body", roster_body_sample, roster_body_roundtrip, NULL},
    {"permit", permit_sample, permit_roundtrip, permit_checked},
    {"permit_withdrawal", withdrawal_sample, permit_withdrawal_roundtrip, permit_withdrawal_checked},
    {"letterbox", letterbox_sample, letterbox_roundtrip, NULL},
    {"invite", invite_sample, invite_roundtrip, invite_checked},
    {"card", card_sample, card_roundtrip, card_checked},
    {"letterbox_message", letterbox_message_sample, letterbox_message_roundtrip, letterbox_message_checked},
    {"contact_request", contact_request_sample, contact_request_roundtrip, NULL},
    {"journal_entry", journal_entry_sample, journal_entry_roundtrip, journal_entry_checked},
    {"have", have_sample, have_roundtrip, NULL},
    {"pairing_link", pairing_link_sample, pairing_link_roundtrip, NULL},
    {"pairing_answer", pairing_answer_sample, pairing_message_roundtrip, NULL},
    {"pairing_open", pairing_open_sample, pairing_message_roundtrip, NULL},
    {"pairing_accept", pairing_accept_sample, pairing_message_roundtrip, NULL},
    {"pairing_confirm", pairing_confirm_sample, pairing_message_roundtrip, NULL},
    {"pairing_void", pairing_void_sample, pairing_message_roundtrip, NULL},
    {"kith_context", kith_context_sample, kith_context_roundtrip, NULL},
    {"conversation_context", conversation_context_sample, kith_context_roundtrip, NULL},
    {"evidence_record", evidence_sample, evidence_record_roundtrip, NULL},
    {"commit_data", commit_data_sample, commit_data_roundtrip, NULL},
    {"beacon", beacon_sample, beacon_roundtrip, NULL},
    {"readd_request", readd_sample, readd_request_roundtrip, readd_request_checked},
    {"leaf_told", leaf_told_sample, leaf_told_roundtrip, NULL},
    {"leave_note", leave_sample, leave_note_roundtrip, leave_note_checked},
    {"admission", admission_sample, admission_roundtrip, NULL},
    {"successor", successor_sample, successor_roundtrip, NULL},
    {"group_message", group_message_sample, group_message_roundtrip, NULL},
    {"history_manifest", manifest_sample, history_manifest_roundtrip, NULL},
    {"history_part", part_sample, history_part_roundtrip, NULL},
    {"entry_body", entry_body_sample, entry_body_roundtrip, NULL},
};

static const struct sample_row *row_of(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    abort();
}

const char *sample_name(size_t index)
{
    return index < sizeof rows / sizeof rows[0] ? rows[index].name : NULL;
}

void sample_encode(const char *name, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    row_of(name)->write(&w);
    MUST(writer_done(&w));
}

void sample_check_decoder(const char *name)
{
    struct buffer b;
    buffer_init(&b, 1 << 20);
    MUST(suite_start());
    sample_encode(name, &b);
    check_decoder(row_of(name)->roundtrip, NULL, buffer_span(&b));
    buffer_wipe(&b);
}

void sample_check_signed(const char *name)
{
    struct buffer b;
    buffer_init(&b, 1 << 20);
    MUST(suite_start());
    sample_encode(name, &b);
    check_round_trip(row_of(name)->checked, NULL, buffer_span(&b));
    check_flips_refused(row_of(name)->checked, NULL, buffer_span(&b));
    buffer_wipe(&b);
}

void sample_fuzz(const char *name, const uint8_t *data, size_t size)
{
    struct buffer again;
    buffer_init(&again, SIZE_MAX);
    if (row_of(name)->roundtrip(NULL, SPAN_OF(data, size), &again) == ST_OK)
        invariant(span_equal(buffer_span(&again), SPAN_OF(data, size)));
    buffer_wipe(&again);
}
