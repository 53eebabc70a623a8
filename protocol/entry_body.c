/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/entry_body.h"

#include <assert.h>

#include "protocol/certificate.h"
#include "protocol/evidence.h"
#include "protocol/letterbox.h"

/* One row a kind: a reader and a writer of the member of the union, side by side below. */
typedef void (*body_read_fn)(struct reader *r, struct entry_body *b);
typedef void (*body_write_fn)(struct writer *w, const struct entry_body *b);

/* ---- parts that several kinds have ---- */

static void based_on_read(struct reader *r, struct based_on *out)
{
    struct reader items = reader_enter(r, (size_t)ENTRY_BASED_ON_MAX * ID_LEN);
    while (reader_more(&items)) { /* the vector's limit bounds the count */
        READ_ID(&items, &out->at[out->count]);
        out->count++;
    }
    reader_leave(r, &items);
}

static void based_on_write(struct writer *w, const struct based_on *b)
{
    size_t mark = writer_open(w);
    if (b->count > ENTRY_BASED_ON_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    for (size_t i = 0; i < b->count && w->failed == ST_OK; i++)
        WRITE_ID(w, &b->at[i]);
    writer_close(w, mark);
}

static void box_read(struct reader *r, struct box_secrets *out)
{
    out->relay = reader_vec(r, WIRE_RELAY_MAX);
    READ_ID(r, &out->write_token);
    READ_ID(r, &out->read_token);
    READ_ID(r, &out->trim_token);
    READ_ID(r, &out->block_key);
    READ_ID(r, &out->hpke_private);
}

static void box_write(struct writer *w, const struct box_secrets *b)
{
    wire_write_vec(w, b->relay, WIRE_RELAY_MAX);
    WRITE_ID(w, &b->write_token);
    WRITE_ID(w, &b->read_token);
    WRITE_ID(w, &b->trim_token);
    WRITE_ID(w, &b->block_key);
    WRITE_ID(w, &b->hpke_private);
}

/* ---- text and notes ---- */

static void text_read(struct reader *r, struct entry_body *b)
{
    b->u.text.text = wire_read_text(r, ENTRY_TEXT_MAX);
}

static void text_write(struct writer *w, const struct entry_body *b)
{
    wire_write_text(w, b->u.text.text, ENTRY_TEXT_MAX);
}

static void note_read(struct reader *r, struct entry_body *b)
{
    b->u.note.text = wire_read_text(r, ENTRY_TEXT_MAX);
}

static void note_write(struct writer *w, const struct entry_body *b)
{
    wire_write_text(w, b->u.note.text, ENTRY_TEXT_MAX);
}

/* ---- chains and their proposals ---- */

static void chain_read(struct reader *r, struct entry_body *b)
{
    b->u.chain.entry = reader_vec(r, WIRE_ENTRY_MAX);
}

static void chain_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.chain.entry, WIRE_ENTRY_MAX);
}

static void proposal_read(struct reader *r, struct entry_body *b)
{
    b->u.proposal.proposal = reader_vec(r, WIRE_ENTRY_MAX);
    READ_ID(r, &b->u.proposal.by);
    READ_ID(r, &b->u.proposal.signature);
}

static void proposal_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.proposal.proposal, WIRE_ENTRY_MAX);
    WRITE_ID(w, &b->u.proposal.by);
    WRITE_ID(w, &b->u.proposal.signature);
}

static void signature_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.signature.proposal);
    READ_ID(r, &b->u.signature.by);
    READ_ID(r, &b->u.signature.signature);
}

static void signature_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.signature.proposal);
    WRITE_ID(w, &b->u.signature.by);
    WRITE_ID(w, &b->u.signature.signature);
}

/* ---- keys and boxes ---- */

static void key_packages_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.key_packages.adder);
    b->u.key_packages.packages = wire_read_list(r, ENTRY_KEY_PACKAGES_MAX, WIRE_KEY_PACKAGE_MAX);
    b->u.key_packages.last_resort = reader_vec(r, WIRE_KEY_PACKAGE_MAX);
}

static void key_packages_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.key_packages.adder);
    wire_write_list(w, &b->u.key_packages.packages);
    wire_write_vec(w, b->u.key_packages.last_resort, WIRE_KEY_PACKAGE_MAX);
}

static void letterbox_read(struct reader *r, struct entry_body *b)
{
    b->u.letterbox.letterbox = reader_vec(r, LETTERBOX_MAX);
}

static void letterbox_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.letterbox.letterbox, LETTERBOX_MAX);
}

static void letterbox_key_read(struct reader *r, struct entry_body *b)
{
    wire_read_person(r, &b->u.letterbox_key.peer);
    box_read(r, &b->u.letterbox_key.box);
}

static void letterbox_key_write(struct writer *w, const struct entry_body *b)
{
    wire_write_person(w, &b->u.letterbox_key.peer);
    box_write(w, &b->u.letterbox_key.box);
}

static void invite_key_read(struct reader *r, struct entry_body *b)
{
    struct entry_invite_key *k = &b->u.invite_key;
    READ_ID(r, &k->person);
    box_read(r, &k->box);
    k->invite = reader_vec(r, ENTRY_INVITE_MAX);
    READ_ID(r, &k->card_write_token);
    READ_ID(r, &k->card_trim_token);
}

static void invite_key_write(struct writer *w, const struct entry_body *b)
{
    const struct entry_invite_key *k = &b->u.invite_key;
    WRITE_ID(w, &k->person);
    box_write(w, &k->box);
    wire_write_vec(w, k->invite, ENTRY_INVITE_MAX);
    WRITE_ID(w, &k->card_write_token);
    WRITE_ID(w, &k->card_trim_token);
}

/* ---- approaches, asks, decisions ---- */

static void approach_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.approach.log);
    READ_ID(r, &b->u.approach.to);
    b->u.approach.received_ms = reader_time(r);
    b->u.approach.message = reader_vec(r, ENTRY_BODY_MAX);
}

static void approach_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.approach.log);
    WRITE_ID(w, &b->u.approach.to);
    writer_time(w, b->u.approach.received_ms);
    wire_write_vec(w, b->u.approach.message, ENTRY_BODY_MAX);
}

static void ask_read(struct reader *r, struct entry_body *b)
{
    b->u.ask.invite = reader_vec(r, ENTRY_INVITE_MAX);
    b->u.ask.card = reader_vec(r, CARD_MAX);
    b->u.ask.note = wire_read_text(r, WIRE_NOTE_MAX);
}

static void ask_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.ask.invite, ENTRY_INVITE_MAX);
    wire_write_vec(w, b->u.ask.card, CARD_MAX);
    wire_write_text(w, b->u.ask.note, WIRE_NOTE_MAX);
}

static void request_told_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.request_told.request);
    wire_read_person(r, &b->u.request_told.from);
    b->u.request_told.name = wire_read_name(r);
}

static void request_told_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.request_told.request);
    wire_write_person(w, &b->u.request_told.from);
    wire_write_name(w, b->u.request_told.name);
}

static void decision_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.decision.about);
    b->u.decision.yes = wire_read_bool(r);
    based_on_read(r, &b->u.decision.based_on);
    b->u.decision.reason = wire_read_text(r, WIRE_NOTE_MAX);
}

static void decision_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.decision.about);
    writer_u8(w, b->u.decision.yes);
    based_on_write(w, &b->u.decision.based_on);
    wire_write_text(w, b->u.decision.reason, WIRE_NOTE_MAX);
}

/* ---- what a ward holds ---- */

static void policy_read(struct reader *r, struct entry_body *b)
{
    based_on_read(r, &b->u.policy.based_on);
    b->u.policy.document = reader_vec(r, ENTRY_POLICY_MAX);
}

static void policy_write(struct writer *w, const struct entry_body *b)
{
    based_on_write(w, &b->u.policy.based_on);
    wire_write_vec(w, b->u.policy.document, ENTRY_POLICY_MAX);
}

static void permit_read(struct reader *r, struct entry_body *b)
{
    b->u.permit.permit = reader_vec(r, WIRE_PERMIT_MAX);
    b->u.permit.request = reader_vec(r, ENTRY_BODY_MAX);
    b->u.permit.certificate = reader_vec(r, WIRE_CERTIFICATE_MAX);
}

static void permit_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.permit.permit, WIRE_PERMIT_MAX);
    wire_write_vec(w, b->u.permit.request, ENTRY_BODY_MAX);
    wire_write_vec(w, b->u.permit.certificate, WIRE_CERTIFICATE_MAX);
}

static void withdrawal_read(struct reader *r, struct entry_body *b)
{
    b->u.withdrawal.withdrawal = reader_vec(r, WIRE_PERMIT_MAX);
}

static void withdrawal_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.withdrawal.withdrawal, WIRE_PERMIT_MAX);
}

static void contact_card_read(struct reader *r, struct entry_body *b)
{
    wire_read_person(r, &b->u.contact_card.who);
    b->u.contact_card.card = reader_vec(r, CARD_MAX);
    b->u.contact_card.withdrawal = reader_vec(r, WIRE_PERMIT_MAX);
    b->u.contact_card.chain = wire_read_list(r, WIRE_CHAIN_ENTRIES_MAX, WIRE_ENTRY_MAX);
}

static void contact_card_write(struct writer *w, const struct entry_body *b)
{
    wire_write_person(w, &b->u.contact_card.who);
    wire_write_vec(w, b->u.contact_card.card, CARD_MAX);
    wire_write_vec(w, b->u.contact_card.withdrawal, WIRE_PERMIT_MAX);
    wire_write_list(w, &b->u.contact_card.chain);
}

static void device_status_read(struct reader *r, struct entry_body *b)
{
    based_on_read(r, &b->u.device_status.policy_heads);
    b->u.device_status.authority_height = reader_u64(r);
    b->u.device_status.clock_skew_ms_abs = reader_time(r);
}

static void device_status_write(struct writer *w, const struct entry_body *b)
{
    based_on_write(w, &b->u.device_status.policy_heads);
    writer_u64(w, b->u.device_status.authority_height);
    writer_time(w, b->u.device_status.clock_skew_ms_abs);
}

/* ---- what a person's own devices share ---- */

static void read_marker_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.read_marker.scope);
    b->u.read_marker.hlc = reader_u64(r);
}

static void read_marker_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.read_marker.scope);
    writer_u64(w, b->u.read_marker.hlc);
}

static void setting_read(struct reader *r, struct entry_body *b)
{
    b->u.setting.key = wire_read_name(r);
    b->u.setting.value = wire_read_text(r, ENTRY_SETTING_MAX);
}

static void setting_write(struct writer *w, const struct entry_body *b)
{
    wire_write_name(w, b->u.setting.key);
    wire_write_text(w, b->u.setting.value, ENTRY_SETTING_MAX);
}

static void history_offer_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.history_offer.to);
    b->u.history_offer.manifest = reader_vec(r, ENTRY_BODY_MAX);
}

static void history_offer_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.history_offer.to);
    wire_write_vec(w, b->u.history_offer.manifest, ENTRY_BODY_MAX);
}

static void history_want_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.history_want.instead_of);
    history_held_read(r, &b->u.history_want.held);
}

static void history_want_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.history_want.instead_of);
    history_held_write(w, &b->u.history_want.held);
}

static void history_done_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.history_done.log);
}

static void history_done_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.history_done.log);
}

/* ---- receipts and endings ---- */

static void receipt_read(struct reader *r, struct entry_body *b)
{
    b->u.receipt.what = (enum receipt_what)wire_read_enum(r, RECEIPT_HERE, RECEIPT_READ);
    READ_ID(r, &b->u.receipt.author);
    b->u.receipt.seq = reader_u64(r);
    if (r->failed == ST_OK && b->u.receipt.seq > INT64_MAX)
        reader_fail(r, ST_WIRE_VALUE);
}

static void receipt_write(struct writer *w, const struct entry_body *b)
{
    if (b->u.receipt.what < RECEIPT_HERE || b->u.receipt.what > RECEIPT_READ || b->u.receipt.seq > INT64_MAX)
        writer_fail(w, ST_WIRE_VALUE);
    writer_u8(w, (uint8_t)b->u.receipt.what);
    WRITE_ID(w, &b->u.receipt.author);
    writer_u64(w, b->u.receipt.seq);
}

static void leave_read(struct reader *r, struct entry_body *b)
{
    b->u.leave.note = reader_vec(r, LEAVE_HEARD_MAX);
}

static void leave_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.leave.note, LEAVE_HEARD_MAX);
}

static void revocation_read(struct reader *r, struct entry_body *b)
{
    b->u.revocation.revocation = reader_vec(r, EVIDENCE_RECORD_MAX);
}

static void revocation_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.revocation.revocation, EVIDENCE_RECORD_MAX);
}

static void certificate_read(struct reader *r, struct entry_body *b)
{
    b->u.certificate.certificate = reader_vec(r, WIRE_CERTIFICATE_MAX);
}

static void certificate_write(struct writer *w, const struct entry_body *b)
{
    wire_write_vec(w, b->u.certificate.certificate, WIRE_CERTIFICATE_MAX);
}

/* ---- what becomes of what was said ---- */

static void edit_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.edit.target);
    b->u.edit.text = wire_read_text(r, ENTRY_TEXT_MAX);
}

static void edit_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.edit.target);
    wire_write_text(w, b->u.edit.text, ENTRY_TEXT_MAX);
}

static void delete_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.delete.target);
}

static void delete_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.delete.target);
}

static void reaction_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.reaction.target);
    b->u.reaction.text = wire_read_text(r, ENTRY_REACTION_MAX);
    if (!wire_text_ok(b->u.reaction.text, b->u.reaction.text.len != 0))
        reader_fail(r, ST_WIRE_VALUE);
}

static void reaction_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.reaction.target);
    if (!wire_text_ok(b->u.reaction.text, b->u.reaction.text.len != 0))
        writer_fail(w, ST_WIRE_VALUE);
    wire_write_text(w, b->u.reaction.text, ENTRY_REACTION_MAX);
}

static void timer_read(struct reader *r, struct entry_body *b)
{
    b->u.timer.ms = reader_time(r);
    if (b->u.timer.ms > ENTRY_TIMER_MAX_MS)
        reader_fail(r, ST_WIRE_VALUE);
}

static void timer_write(struct writer *w, const struct entry_body *b)
{
    if (b->u.timer.ms > ENTRY_TIMER_MAX_MS)
        writer_fail(w, ST_WIRE_VALUE);
    writer_time(w, b->u.timer.ms);
}

/* ---- files ---- */

static void file_log_read(struct reader *r, struct file_log *out)
{
    out->relay = reader_vec(r, WIRE_RELAY_MAX);
    READ_ID(r, &out->read_token);
    reader_fixed(r, out->write_hash, sizeof out->write_hash);
    reader_fixed(r, out->trim_hash, sizeof out->trim_hash);
}

static void file_log_write(struct writer *w, const struct file_log *l)
{
    wire_write_vec(w, l->relay, WIRE_RELAY_MAX);
    WRITE_ID(w, &l->read_token);
    writer_bytes(w, SPAN(l->write_hash));
    writer_bytes(w, SPAN(l->trim_hash));
}

static bool attachment_ok(const struct entry_attachment *a)
{
    return file_name_ok(a->name) && file_media_ok(a->media) && a->size <= FILE_SIZE_MAX;
}

static void attachment_read(struct reader *r, struct entry_body *b)
{
    struct entry_attachment *a = &b->u.attachment;
    a->name = reader_vec(r, FILE_NAME_MAX);
    a->media = reader_vec(r, FILE_MEDIA_MAX);
    a->size = reader_u64(r);
    reader_fixed(r, a->list_hash, sizeof a->list_hash);
    file_log_read(r, &a->log);
    READ_ID(r, &a->block_key);
    if (r->failed == ST_OK && !attachment_ok(a))
        reader_fail(r, ST_WIRE_VALUE);
}

static void attachment_write(struct writer *w, const struct entry_body *b)
{
    const struct entry_attachment *a = &b->u.attachment;
    if (!attachment_ok(a))
        writer_fail(w, ST_WIRE_VALUE);
    wire_write_vec(w, a->name, FILE_NAME_MAX);
    wire_write_vec(w, a->media, FILE_MEDIA_MAX);
    writer_u64(w, a->size);
    writer_bytes(w, SPAN(a->list_hash));
    file_log_write(w, &a->log);
    WRITE_ID(w, &a->block_key);
}

static void file_want_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.file_want.target);
}

static void file_want_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.file_want.target);
}

static void file_again_read(struct reader *r, struct entry_body *b)
{
    READ_ID(r, &b->u.file_again.target);
    file_log_read(r, &b->u.file_again.log);
}

static void file_again_write(struct writer *w, const struct entry_body *b)
{
    WRITE_ID(w, &b->u.file_again.target);
    file_log_write(w, &b->u.file_again.log);
}

/* ---- dispatch ---- */

static const struct kind_row {
    const char *name;
    unsigned scopes;
    body_read_fn read;
    body_write_fn write;
} rows[ENTRY_KIND_END] = {
#define ENTRY_KIND_ROW(name, member, number, scopes) \
    [number] = {#name, scopes, member##_read, member##_write},
    ENTRY_KIND_LIST(ENTRY_KIND_ROW)
#undef ENTRY_KIND_ROW
};

bool entry_kind_known(uint16_t kind)
{
    return kind < ENTRY_KIND_END && rows[kind].read;
}

bool entry_kind_in_scope(enum entry_kind kind, enum scope_kind scope)
{
    static_assert(IN_CONVERSATION == 1u << (SCOPE_CONVERSATION - 1), "one bit a scope kind, in its order");
    if (!entry_kind_known((uint16_t)kind) || scope < SCOPE_FAMILY || scope > SCOPE_CONVERSATION)
        return false;
    return (rows[kind].scopes & 1u << (scope - 1)) != 0;
}

const char *entry_kind_name(enum entry_kind kind)
{
    return entry_kind_known((uint16_t)kind) ? rows[kind].name : "UNKNOWN";
}

enum status entry_body_encode(struct writer *w, const struct entry_body *b)
{
    if (!entry_kind_known((uint16_t)b->kind)) {
        writer_fail(w, ST_WIRE_ENUM);
        return writer_done(w);
    }
    wire_write_version(w);
    rows[b->kind].write(w, b);
    return writer_done(w);
}

enum status entry_body_decode(struct entry_body *out, uint16_t kind, struct span in)
{
    struct reader r;
    struct entry_body b;
    memset(&b, 0, sizeof b);
    reader_init(&r, in);
    if (!entry_kind_known(kind)) {
        *out = b;
        return ST_WIRE_ENUM;
    }
    b.kind = kind;
    wire_read_version(&r);
    rows[kind].read(&r, &b);
    enum status st = wire_finish(&r, out, &b, sizeof b);
    entry_body_wipe(&b);
    return st;
}

void entry_body_wipe(struct entry_body *b)
{
    bytes_wipe(b, sizeof *b);
}
