/* SPDX-License-Identifier: Apache-2.0 */
/* Meeting people outside the family: invites, cards, requests, decisions, permits, withdrawals (protocol.md
 * §7).
 *
 * Rows: table invite (ours), request (approaches, asks, what we sent), decision, permit, withdrawal, contact.
 * A request's id is the SHA-256 of the struct letterbox_message that carried it (approach), or the hash of
 * the ask's journal entry (ask), or of the invite (sent by an adult): 32 bytes, and what entry_decision.about
 * names.
 *
 * Flow, by who runs what:
 *   run_invite            invite + card; INVITE_KEY into `own`, or into `parents` for a child (parents'
 * devices only: on a child's device ST_POLICY_ASK) apply_invite_key      box_adopt on the owner's other
 * devices, or the other parents' run_meet              LOG_OF_CARD is read; row request, state
 * REQUEST_READING card_record           the card is judged against the invite; an adult sends the request
 * (contact_ask); a child writes ASK into its ward apply_ask             row on parents' devices; run_approve:
 * PERMIT and DECISION into the ward apply_permit          enough approvals under the chain's rule: own ask,
 * contact_ask; with a request, the contact is founded by conversation_want letter_contact_request judged
 * (chain, certificate, card, permit for this very pair), asked of policy; an adult's own: a row; a child's:
 * APPROACH into `parents` run_approve/run_deny  DECISION into `parents` (or ward, for asks); PERMIT into the
 * ward. An adult's own approach: conversation_want run_withdraw          PermitWithdrawal into the ward and
 * to the contact's letterbox; contact_end letter_withdrawal     kept by CONTACT_CARD in ward or own;
 * contact_end */
#ifndef KITH_SYNC_CONTACT_H
#define KITH_SYNC_CONTACT_H

#include "protocol/contact_request.h"
#include "protocol/permit.h"
#include "sync/journal.h"
#include "sync/letters.h"

enum request_state {                      /* in the database */
                     REQUEST_READING = 1, /* sent: the card is being read */
                     REQUEST_WAITING = 2,
                     REQUEST_YES = 3,
                     REQUEST_NO = 4,
                     REQUEST_OVER = 5 /* expired, or answered by a conversation */
};

enum contact_state {                       /* in the database */
                     CONTACT_FOUNDING = 1, /* decided; the conversation is not here yet */
                     CONTACT_ACTIVE = 2,
                     CONTACT_WITHDRAWN = 3,
                     CONTACT_LEFT = 4
};

/* ---- contact.c, permits.c: for who takes contact ---- */

/* Keeps a permit after checking its signatures and counting persons at the head known of the child's chain.
 */
enum status permit_keep(struct node *n, struct span permit) MUST_USE;
enum status withdrawal_keep(struct node *n, struct span withdrawal) MUST_USE;
/* Does this pair have what it needs, both ways, now (policy_decide asked by facts.h)? What is missing is a
 * status. */
enum status pair_allowed(struct node *n, const struct person_ref *mine,
                         const struct person_ref *other) MUST_USE;
/* The newest permits of a pair as evidence records: 0 to 2. */
enum status pair_permits(struct node *n, const struct person_ref *a, const struct person_ref *b,
                         struct buffer out[2], size_t *count) MUST_USE;
/* Row of a contact. Letters to them go to their_box (empty: none yet). */
struct contact_set {
    struct person_ref mine, other;
    const char *name;
    bool supervised;
    enum contact_state state;
    struct scope_id scope;
    struct span their_box;
};
enum status contact_put(struct node *n, const struct contact_set *c) MUST_USE;
/* Ends it on this device: state, group forgotten if this device's person is in it; told to the person. */
enum status contact_end(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                        const char *by) MUST_USE;
/* A leave of the other that came by letter (leave.c): `body`, a struct leave_heard, of an evidence record. */
enum status letter_leave(struct node *n, const struct received_letter *l, struct span body) MUST_USE;
/* Requests between the two from before that moment need no answer any more. */
enum status requests_over(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                          int64_t until_ms) MUST_USE;
/* Permits that count since the chain has grown are acted upon. Called by reconcile. */
enum status permits_due(struct node *n) MUST_USE;
/* This device's person removes another device of theirs: permits that it signed for them are signed again by
 * this one, with the same serial and dates, into the wards. */
enum status permits_sign_again(struct node *n, const struct device_id *gone) MUST_USE;
/* Requests that ran out, and those that a contact has answered. */
enum status requests_due(struct node *n) MUST_USE;

/* ---- conversation.c ---- */

struct conversation_wish { /* an accepted request: borrows */
    struct person_ref mine, other;
    struct span name;        /* from the card */
    bool supervised;         /* the other */
    struct span key_package; /* of the asking device, without MLSMessage header */
    struct span certificate; /* of the asking device */
    struct span box;         /* reply letterbox */
};
/* Remembers that the pair's conversation is to be founded; this person's device with the lowest id founds it,
 * the next after an hour. Reconcile does it, when policy says so at that moment. */
enum status conversation_want(struct node *n, const struct conversation_wish *w) MUST_USE;
/* Nothing is to be founded any more: what was wished for has ended. */
enum status conversation_unwant(struct node *n, const struct person_ref *mine,
                                const struct person_ref *other) MUST_USE;

#endif
