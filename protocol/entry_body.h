/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of journal entries, by kind (protocol.md §8). Pure.
 *
 * Spans that are named after another structure hold its encoding. Which scope an entry's kind belongs to is
 * entry_kind_scopes; an entry in a scope that is not its kind's is void. */
#ifndef KITH_PROTOCOL_ENTRY_BODY_H
#define KITH_PROTOCOL_ENTRY_BODY_H

#include "protocol/beacon.h"
#include "protocol/file_part.h"
#include "protocol/history_part.h"
#include "protocol/journal_entry.h"
#include "protocol/kith_context.h"

enum entry_body_limits {
    ENTRY_TEXT_MAX = 8000,      /* bytes of UTF-8 of one message: a block's worth with room */
    ENTRY_POLICY_MAX = 4096,    /* one policy document */
    ENTRY_BASED_ON_MAX = 8,     /* heads that an edit or a decision knew of */
    ENTRY_KEY_PACKAGES_MAX = 8, /* and one last resort (protocol.md §5.1) */
    ENTRY_SETTING_MAX = 1024,   /* one setting's value */
    ENTRY_INVITE_MAX = 2048,    /* one struct invite: what a link can hold */
    ENTRY_REACTION_MAX = 64     /* bytes of UTF-8: an emoji with all its modifiers */
};

#define ENTRY_TIMER_MAX_MS (INT64_C(10) * 365 * 24 * 3600 * 1000) /* ten years */

/* X(NAME, member, number, scopes) */
#define ENTRY_KIND_LIST(X)                                               \
    X(TEXT, text, 1, IN_FAMILY | IN_CONVERSATION)                        \
    X(CHAIN, chain, 2, IN_FAMILY)                                        \
    X(KEY_PACKAGES, key_packages, 3, IN_FAMILY)                          \
    X(LETTERBOX, letterbox, 4, IN_FAMILY | IN_CONVERSATION)              \
    X(APPROACH, approach, 5, IN_PARENTS)                                 \
    X(INVITE_KEY, invite_key, 6, IN_PARENTS | IN_OWN)                    \
    X(NOTE, note, 7, IN_PARENTS)                                         \
    X(PROPOSAL, proposal, 8, IN_PARENTS | IN_WARD)                       \
    X(SIGNATURE, signature, 9, IN_PARENTS | IN_WARD)                     \
    X(POLICY, policy, 10, IN_WARD)                                       \
    X(ASK, ask, 11, IN_WARD)                                             \
    X(REQUEST_TOLD, request_told, 12, IN_WARD)                           \
    X(DECISION, decision, 13, IN_PARENTS | IN_WARD)                      \
    X(PERMIT, permit, 14, IN_WARD)                                       \
    X(WITHDRAWAL, withdrawal, 15, IN_WARD)                               \
    X(CONTACT_CARD, contact_card, 16, IN_WARD | IN_OWN)                  \
    X(DEVICE_STATUS, device_status, 17, IN_WARD)                         \
    X(READ_MARKER, read_marker, 18, IN_OWN)                              \
    X(SETTING, setting, 19, IN_OWN)                                      \
    X(LETTERBOX_KEY, letterbox_key, 20, IN_OWN)                          \
    X(HISTORY_OFFER, history_offer, 21, IN_OWN)                          \
    X(RECEIPT, receipt, 22, IN_FAMILY | IN_CONVERSATION)                 \
    X(LEAVE, leave, 23, IN_WARD | IN_OWN | IN_CONVERSATION)              \
    X(REVOCATION, revocation, 24, IN_FAMILY | IN_WARD | IN_CONVERSATION) \
    X(HISTORY_WANT, history_want, 25, IN_OWN)                            \
    X(HISTORY_DONE, history_done, 26, IN_OWN)                            \
    X(CERTIFICATE, certificate, 27, IN_FAMILY)                           \
    X(EDIT, edit, 28, IN_FAMILY | IN_CONVERSATION)                       \
    X(DELETE, delete, 29, IN_FAMILY | IN_CONVERSATION)                   \
    X(REACTION, reaction, 30, IN_FAMILY | IN_CONVERSATION)               \
    X(TIMER, timer, 31, IN_FAMILY | IN_CONVERSATION)                     \
    X(ATTACHMENT, attachment, 32, IN_FAMILY | IN_CONVERSATION)           \
    X(FILE_WANT, file_want, 33, IN_FAMILY | IN_CONVERSATION)             \
    X(FILE_AGAIN, file_again, 34, IN_FAMILY | IN_CONVERSATION)

#define ENTRY_KIND_ENUM(name, member, number, scopes) ENTRY_##name = number,
enum entry_kind { ENTRY_KIND_LIST(ENTRY_KIND_ENUM) ENTRY_KIND_END };
#undef ENTRY_KIND_ENUM

enum entry_scope_bits { IN_FAMILY = 1, IN_PARENTS = 2, IN_WARD = 4, IN_OWN = 8, IN_CONVERSATION = 16 };

bool entry_kind_known(uint16_t kind);
bool entry_kind_in_scope(enum entry_kind kind, enum scope_kind scope);
const char *entry_kind_name(enum entry_kind kind); /* "TEXT"; "UNKNOWN" outside the list */

struct entry_text {
    struct span text;
};
struct entry_chain { /* an entry of either chain, after its commit has won: for who was away */
    struct span entry;
};
struct entry_key_packages { /* for one adder: refilled at 4 */
    struct device_id adder;
    struct wire_list packages;
    struct span last_resort; /* an MLS KeyPackage; may be empty */
};
struct entry_letterbox { /* in family: the author's own; in a conversation: this contact's own for this person
                          */
    struct span letterbox;
};
struct entry_approach {  /* a request, whole, as it came */
    struct log_id log;   /* the letterbox */
    struct person_id to; /* whose invite it was */
    int64_t received_ms;
    struct span message; /* struct letterbox_message, verified */
};
/* The secrets of one letterbox: an invite's (scope parents or own), or one for a contact (scope own). Wipe.
 */
struct box_secrets {
    struct span relay;
    struct secret write_token, read_token, trim_token, block_key;
    struct dh_private hpke_private;
};
struct entry_invite_key {
    struct person_id person;
    struct box_secrets box;
    struct span invite; /* struct invite */
    struct secret card_write_token, card_trim_token;
};
struct entry_note {
    struct span text;
};
struct entry_proposal {
    struct span proposal; /* struct chain_proposal */
    struct device_id by;
    struct signature signature;
};
struct entry_signature {
    struct entry_hash proposal; /* chain_proposal_hash */
    struct device_id by;
    struct signature signature;
};
struct based_on { /* hashes of the entries that this one replaces knowingly */
    uint8_t count;
    struct entry_hash at[ENTRY_BASED_ON_MAX];
};
struct entry_policy {
    struct based_on based_on;
    struct span document; /* device/policy_document.h */
};
struct entry_ask { /* a child wants to meet somebody */
    struct span invite;
    struct span card;
    struct span note;
};
struct entry_request_told { /* the child hears that somebody asked (policy approach_notice) */
    struct entry_hash request;
    struct person_ref from;
    struct span name;
};
struct entry_decision {
    struct entry_hash about; /* the approach's or the ask's entry */
    bool yes;
    struct based_on based_on;
    struct span reason;
};
struct entry_permit {
    struct span permit;
    struct span request;     /* struct contact_request without its note; empty for one's own ask */
    struct span certificate; /* of who asked; empty likewise */
};
struct entry_withdrawal {
    struct span withdrawal;
};
struct entry_contact_card { /* a contact as known, and the contact's withdrawal where one came */
    struct person_ref who;
    struct span card;
    struct span withdrawal; /* struct permit_withdrawal from the contact's parents; may be empty */
    struct wire_list chain; /* the authority chain by which it holds, for who does not have it */
};
struct entry_device_status { /* what this device enforces */
    struct based_on policy_heads;
    uint64_t authority_height;
    int64_t clock_skew_ms_abs; /* against the relay */
};
struct entry_read_marker {
    struct scope_id scope;
    uint64_t hlc; /* read up to here */
};
struct entry_setting {
    struct span key; /* one line */
    struct span value;
};
struct entry_letterbox_key {
    struct person_ref peer;
    struct box_secrets box;
};
struct entry_history_offer {
    struct device_id to;
    struct span manifest; /* struct history_manifest: one page */
};
struct entry_history_want {        /* whoever has more is asked to offer it to this entry's author */
    struct device_id instead_of;   /* who offered and fell silent, or lied; zeros: nobody did */
    struct history_held_list held; /* what need not be sent */
};
struct entry_history_done { /* all that came by this log is here: its owner may trim it */
    struct log_id log;
};
enum receipt_what { RECEIPT_HERE = 1, RECEIPT_READ = 2 };
struct entry_receipt { /* what this device wrote, up to here, is on one of this person's, or was read by them
                        */
    enum receipt_what what;
    struct device_id author;
    uint64_t seq;
};
struct entry_leave {
    struct span note; /* struct leave_note: the signed form that serves as evidence; outside of a
                         conversation, of who is not the author, a struct leave_heard */
};
struct entry_revocation {
    struct span revocation;
};

struct entry_certificate { /* of a device of the family, renewed */
    struct span certificate;
};
struct entry_edit { /* this is what the author's text says now */
    struct entry_hash target;
    struct span text;
};
struct entry_delete { /* the author takes a text back */
    struct entry_hash target;
};
struct entry_reaction {
    struct entry_hash target;
    struct span text; /* one line; empty: taken back */
};
struct entry_timer { /* texts written after this run out so long after they were written */
    int64_t ms;      /* 0: they stay */
};

/* Where a file's bytes lie: a bulk log that its readers can read and only its writer can write and trim. */
struct file_log {
    struct span relay;
    struct secret read_token;
    uint8_t write_hash[HASH_LEN], trim_hash[HASH_LEN];
};
struct entry_attachment {        /* a file: who has this entry can fetch and open its bytes. Wipe */
    struct span name, media;     /* protocol/file_part.h */
    uint64_t size;               /* at most FILE_SIZE_MAX */
    uint8_t list_hash[HASH_LEN]; /* SHA-256 of the SHA-256s of all parts */
    struct file_log log;
    struct secret block_key; /* of every log in which these bytes ever lie */
};
struct entry_file_want { /* the author lacks the bytes of this attachment, and its log does not give them */
    struct entry_hash target;
};
struct entry_file_again { /* they were put up once more: opened by the block_key of the attachment's own entry
                           */
    struct entry_hash target;
    struct file_log log;
};

struct entry_body { /* holds secrets in five kinds: entry_body_wipe */
    enum entry_kind kind;
    union {
#define ENTRY_KIND_MEMBER(name, member, number, scopes) struct entry_##member member;
        ENTRY_KIND_LIST(ENTRY_KIND_MEMBER)
#undef ENTRY_KIND_MEMBER
    } u;
};

enum status entry_body_decode(struct entry_body *out, uint16_t kind, struct span in) MUST_USE;
enum status entry_body_encode(struct writer *w, const struct entry_body *b) MUST_USE; /* without the kind */
void entry_body_wipe(struct entry_body *b);

#endif
