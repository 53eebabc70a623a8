/* SPDX-License-Identifier: Apache-2.0 */
/* Journals: entries, gaps, repair (protocol.md §8). One mechanism for all scopes; what an entry does is its
 * kind's handler, named in journal_apply.c.
 *
 * Invariants: 1. Own entries are dense and linked; an entry's row is written in the transaction that seals
 * it. 2. An entry takes effect (applied) once, only when attested: its author sent it, signed it, or
 * announced a head that it chains to. 3. A set of entries gives one state, in whatever order it came:
 * handlers are written for any order. 4. Of two entries with one number none that came second takes effect.
 */
#ifndef KITH_SYNC_JOURNAL_H
#define KITH_SYNC_JOURNAL_H

#include "protocol/beacon.h"
#include "protocol/entry_body.h"
#include "sync/scope_group.h"

enum journal_limits {
    JOURNAL_AHEAD_MS = 10 * 60 * 1000,   /* entries further ahead of the clock wait (§10) */
    JOURNAL_HAVE_GAP_MS = 5 * 60 * 1000, /* … and so often while everybody waits for everybody */
    JOURNAL_GAP_LASTS_MS = 3600 * 1000,
    JOURNAL_HAVE_LONG_GAP_MS = 30 * 60 * 1000, /* … for longer than an hour already */
    JOURNAL_HAVE_MS = 4 * 3600 * 1000,         /* a `have` so often without other cause */
    JOURNAL_REPAIR_MS = 3000,                  /* whoever holds what another lacks waits up to this long */
    JOURNAL_ATTEST_BATCH = 512,                /* entries attested by one that came later, in one step */
    JOURNAL_RIVALS_MAX = 8,   /* entries under a number that is taken: kept of one author in a scope */
    JOURNAL_REPAIR_BATCH = 64 /* entries sent again at once to a group */
};

/* Writes an own entry into a scope; it goes out when the scope has a group here. `hash` may be NULL. */
enum status journal_append(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                           const struct entry_body *body, struct entry_hash *hash) MUST_USE;

struct applied_entry { /* what a handler is given */
    int64_t id;        /* row */
    enum scope_kind scope_kind;
    struct scope_id scope;
    struct entry_hash hash;
    struct device_id author;
    struct person_ref who; /* the author's person */
    bool own;
    bool closes_only; /* beyond the author's pin: only what closes counts */
    uint64_t hlc;
    const struct entry_body *body;
};

/* Handlers by kind. A failure that is not fatal makes the entry void. */
enum status apply_text(struct node *n, const struct applied_entry *e) MUST_USE;          /* conversation.c */
enum status apply_chain(struct node *n, const struct applied_entry *e) MUST_USE;         /* family.c */
enum status apply_key_packages(struct node *n, const struct applied_entry *e) MUST_USE;  /* key_packages.c */
enum status apply_letterbox(struct node *n, const struct applied_entry *e) MUST_USE;     /* conversation.c */
enum status apply_approach(struct node *n, const struct applied_entry *e) MUST_USE;      /* request.c */
enum status apply_invite_key(struct node *n, const struct applied_entry *e) MUST_USE;    /* contact.c */
enum status apply_proposal(struct node *n, const struct applied_entry *e) MUST_USE;      /* chain_wish.c */
enum status apply_signature(struct node *n, const struct applied_entry *e) MUST_USE;     /* chain_wish.c */
enum status apply_policy(struct node *n, const struct applied_entry *e) MUST_USE;        /* facts.c */
enum status apply_ask(struct node *n, const struct applied_entry *e) MUST_USE;           /* request.c */
enum status apply_request_told(struct node *n, const struct applied_entry *e) MUST_USE;  /* request.c */
enum status apply_decision(struct node *n, const struct applied_entry *e) MUST_USE;      /* request.c */
enum status apply_permit(struct node *n, const struct applied_entry *e) MUST_USE;        /* contact.c */
enum status apply_withdrawal(struct node *n, const struct applied_entry *e) MUST_USE;    /* contact.c */
enum status apply_contact_card(struct node *n, const struct applied_entry *e) MUST_USE;  /* contact.c */
enum status apply_letterbox_key(struct node *n, const struct applied_entry *e) MUST_USE; /* contact.c */
enum status apply_history_offer(struct node *n, const struct applied_entry *e) MUST_USE; /* history_take.c */
enum status apply_leave(struct node *n, const struct applied_entry *e) MUST_USE;         /* conversation.c */
enum status apply_revocation(struct node *n, const struct applied_entry *e) MUST_USE;    /* removal.c */
enum status apply_certificate(struct node *n,
                              const struct applied_entry *e) MUST_USE; /* certificate_renew.c */

/* What an entry beyond its author's pin had opened is taken back, when the pin comes later (journal_pinned).
 */
enum status retract_approach(struct node *n, const struct applied_entry *e) MUST_USE; /* request_retract.c */
enum status retract_ask(struct node *n, const struct applied_entry *e) MUST_USE;      /* request_retract.c */
enum status retract_decision(struct node *n, const struct applied_entry *e) MUST_USE; /* request_retract.c */
enum status retract_proposal(struct node *n, const struct applied_entry *e) MUST_USE; /* request_retract.c */
enum status retract_permit(struct node *n, const struct applied_entry *e) MUST_USE;   /* permits.c */
enum status retract_revocation(struct node *n, const struct applied_entry *e) MUST_USE; /* removal.c */
enum status retract_invite(struct node *n, const struct applied_entry *e) MUST_USE;     /* invite.c */
enum status retract_attachment(struct node *n, const struct applied_entry *e) MUST_USE; /* files.c */
enum status retract_edit(struct node *n, const struct applied_entry *e) MUST_USE;       /* said.c */
enum status retract_reaction(struct node *n, const struct applied_entry *e) MUST_USE;   /* said.c */
enum status retract_timer(struct node *n, const struct applied_entry *e) MUST_USE;      /* said.c */

enum status apply_history_want(struct node *n, const struct applied_entry *e) MUST_USE; /* history_want.c */
enum status apply_history_done(struct node *n, const struct applied_entry *e) MUST_USE; /* history_want.c */

enum status apply_attachment(struct node *n, const struct applied_entry *e) MUST_USE; /* files.c */
enum status apply_file_want(struct node *n, const struct applied_entry *e) MUST_USE;  /* files_again.c */
enum status apply_file_again(struct node *n, const struct applied_entry *e) MUST_USE; /* files_again.c */

enum status apply_receipt(struct node *n, const struct applied_entry *e) MUST_USE;   /* receipts.c */
enum status apply_setting(struct node *n, const struct applied_entry *e) MUST_USE;   /* receipts.c */
enum status retract_receipt(struct node *n, const struct applied_entry *e) MUST_USE; /* receipts.c */

/* Walks the entries of a scope and kind that took effect, in order of hlc; fn runs once each. */
typedef enum status (*entry_fn)(struct node *n, const struct applied_entry *e, void *ctx);
enum status journal_each(struct node *n, const struct scope_id *scope, enum entry_kind kind, entry_fn fn,
                         void *ctx) MUST_USE;

/* An entry that came by history or repair: `via` passed it on. */
enum status journal_take_passed_on(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                                   struct span entry, const struct device_id *via) MUST_USE;
/* Where an author's journal begins here: its head in our Admission. */
enum status journal_set_base(struct node *n, const struct scope_id *scope,
                             const struct have_author *head) MUST_USE;
/* Beyond this the author's entries open nothing (§6.1). */
enum status journal_set_pin(struct node *n, const struct device_id *author, const struct pin *pin) MUST_USE;
/* After the pins of a removed device are set: what it wrote beyond them and took effect before is judged
 * again, by journal_due. */
enum status journal_pinned(struct node *n) MUST_USE;
/* Heads of the authors, as held here without a gap, rising by author; *count <= HAVE_AUTHORS_MAX. Where there
 * are more authors, those that a contact's family may have made up come last: members, then devices of this
 * family and those that have a pin, then all others. */
enum status journal_heads(struct node *n, const struct group *g, struct have_author *out,
                          size_t *count) MUST_USE;
/* Seals what waits to be sent, sends `have`s and repairs that are due; called by reconcile for every active
 * group. */
enum status journal_flush(struct node *n, struct group *g) MUST_USE;
/* Entries whose time has come (§10), or whose handler was not there before. */
enum status journal_due(struct node *n) MUST_USE;
/* The regular `have`, now. */
enum status journal_tell(struct node *n, struct group *g) MUST_USE;
/* A `have` whose beacon names the nonce that a member asked for. */
enum status journal_answer(struct node *n, struct group *g,
                           const uint8_t nonce[static BEACON_NONCE_LEN]) MUST_USE;
/* The same for a letter: our own line ends with what is known to be at the relay. */
enum status journal_have_letter(struct node *n, struct group *g, struct buffer *out) MUST_USE;
/* An author says that this is the newest of its entries. */
enum status journal_announced(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                              const struct have_author *head) MUST_USE;
/* What a `have` says of one author; NULL: nothing. */
const struct have_author *journal_have_line(const struct have *h, const struct device_id *author);
enum status journal_want_have(struct node *n, struct group *g, int64_t within_ms) MUST_USE;
/* Does this device hold, in this scope, all that these authors announced? (§7.2: closed otherwise) */
enum status journal_holds_announced(struct node *n, const struct scope_id *scope, bool *holds) MUST_USE;

#endif
