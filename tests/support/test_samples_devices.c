/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of what devices say: journals, pairing, groups, history. */
#include <string.h>

#include "protocol/admission.h"
#include "protocol/entry_body.h"
#include "protocol/evidence.h"
#include "protocol/group_message.h"
#include "protocol/history_part.h"
#include "protocol/kith_context.h"
#include "protocol/pairing_message.h"
#include "protocol/successor.h"
#include "tests/support/test_sample_rows.h"

static void journal_entry_sample(struct writer *w)
{
    struct sample_key author = sample_key(1);
    struct journal_entry e = {
        .header = {.author = author.device, .seq = 3, .generation = 1, .epoch = 12, .hlc = 99},
        .has_body = true,
        .kind = ENTRY_TEXT,
        .body = span_text("a body")};
    memset(e.header.scope.b, 1, SHORT_ID_LEN);
    memset(e.header.prev.b, 2, ID_LEN);
    memset(e.salt, 3, sizeof e.salt);
    MUST(journal_entry_hash_body(&e));
    MUST(journal_entry_sign(&e, &author.key));
    MUST(journal_entry_encode(w, &e));
}

static void have_sample(struct writer *w)
{
    struct have h = {.beacon = span_text("a beacon"), .author_count = 2};
    for (size_t i = 0; i < h.author_count; i++) {
        memset(h.authors[i].author.b, (int)i + 1, ID_LEN);
        h.authors[i].seq = 5 + i;
        memset(h.authors[i].hash.b, 7, ID_LEN);
    }
    MUST(have_encode(w, &h));
}

static void pairing_link_sample(struct writer *w)
{
    struct pairing_link l = {.relay = span_text("kith-relay://key@relay.example:4433"),
                             .expires_ms = 1700000000000};
    memset(l.secret.b, 1, SECRET_LEN);
    memset(l.authority_head.b, 2, ID_LEN);
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
                                             .authority_chain = sample_two_items(&chain)}};
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
    struct pairing_message m = {.kind = PAIRING_CONFIRM,
                                .u.confirm = {.key_packages = sample_two_items(&packages)}};
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
    memset(c.scope.b, 1, SHORT_ID_LEN);
    c.relays[0] = span_text("kith-relay://key@relay.example:4433");
    c.families[0].family = sample_person(3, 0).family;
    c.families[0].head.height = 4;
    memset(c.families[0].head.hash.b, 2, ID_LEN);
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
    memset(hashes, 5, sizeof hashes);
    struct commit_data d = {.count = 3, .hashes = SPAN(hashes)};
    MUST(commit_data_encode(w, &d));
}

static void beacon_sample(struct writer *w)
{
    struct beacon b = {.generation = 1, .epoch = 12, .answers = true, .asks = true};
    memset(b.scope.b, 1, SHORT_ID_LEN);
    memset(b.founding_hash, 2, HASH_LEN);
    memset(b.authenticator_hash, 3, HASH_LEN);
    memset(b.incarnation.b, 4, sizeof b.incarnation.b);
    memset(b.nonce, 5, sizeof b.nonce);
    memset(b.asked, 6, sizeof b.asked);
    MUST(beacon_encode(w, &b));
}

static void readd_sample(struct writer *w)
{
    struct sample_key mine = sample_key(2);
    struct readd_request q = {.generation = 1, .device = mine.device};
    memset(q.old_leaf_hash, 2, HASH_LEN);
    memset(q.key_package_hash, 3, HASH_LEN);
    MUST(readd_request_sign(&q, &mine.key));
    MUST(readd_request_encode(w, &q));
}

static void leaf_told_sample(struct writer *w)
{
    struct leaf_told l = {.generation = 2};
    memset(l.scope.b, 1, sizeof l.scope.b);
    memset(l.device.b, 3, sizeof l.device.b);
    memset(l.leaf_hash, 2, HASH_LEN);
    MUST(leaf_told_encode(w, &l));
}

static void leave_sample(struct writer *w)
{
    struct sample_key mine = sample_key(2);
    struct leave_note n = {.who = sample_person(3, 4), .device = mine.device, .has_leaf = true};
    MUST(leave_note_sign(&n, &mine.key));
    MUST(leave_note_encode(w, &n));
}

static void leave_heard_sample(struct writer *w)
{
    struct leave_heard h = {.hlc = 77, .certificate = span_text("certificate"), .note = span_text("note")};
    MUST(leave_heard_encode(w, &h));
}

static void successor_sample(struct writer *w)
{
    struct buffer evidence;
    struct successor s = {.generation = 3, .epoch = 9, .founder = 4, .reason = SUCCESSOR_SILENT};
    s.evidence = sample_two_items(&evidence);
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
                          .roster = sample_two_items(&roster),
                          .permits = sample_two_items(&permits),
                          .author_count = 2,
                          .authors = {sample_person(3, 4), sample_person(5, 6)},
                          .head_count = 1};
    a.chains[0].family = sample_person(3, 0).family;
    a.chains[0].entries = sample_two_items(&chain);
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
ROUNDTRIP(leave_heard)
ROUNDTRIP(admission)
ROUNDTRIP(successor)
ROUNDTRIP(group_message)
ROUNDTRIP(history_manifest)
ROUNDTRIP(history_part)

SIGNED(leave_note)

static enum status readd_request_checked(void *ctx, struct span in, struct buffer *again)
{
    struct readd_request q;
    enum status st = readd_request_decode(&q, in);
    if (st == ST_OK)
        st = readd_request_verify(&q);
    return st == ST_OK ? readd_request_roundtrip(ctx, in, again) : st;
}

static enum status journal_entry_checked(void *ctx, struct span in, struct buffer *again)
{
    struct journal_entry e;
    enum status st = journal_entry_decode(&e, in);
    if (st == ST_OK)
        st = e.has_signature && e.has_body ? entry_signature_verify(&e.header, &e.signature) : ST_WIRE_VALUE;
    return st == ST_OK ? journal_entry_roundtrip(ctx, in, again) : st;
}

/* ---- the table ---- */

const struct sample_row sample_rows_devices[] = {
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
    {"leave_heard", leave_heard_sample, leave_heard_roundtrip, NULL},
    {"admission", admission_sample, admission_roundtrip, NULL},
    {"successor", successor_sample, successor_roundtrip, NULL},
    {"group_message", group_message_sample, group_message_roundtrip, NULL},
    {"history_manifest", manifest_sample, history_manifest_roundtrip, NULL},
    {"history_part", part_sample, history_part_roundtrip, NULL},
    {"entry_body", entry_body_sample, entry_body_roundtrip, NULL},
    {NULL, NULL, NULL, NULL},
};
