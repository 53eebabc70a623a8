/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the contact story share: invite.c, meet.c, request.c, request_commands.c, permits.c,
 * contact.c. */
#ifndef KITH_SYNC_CONTACT_INTERNAL_H
#define KITH_SYNC_CONTACT_INTERNAL_H

#include "device/certificates.h"
#include "protocol/beacon.h"
#include "sync/contact.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/logs.h"

enum contact_limits {
    CONTACT_INVITE_DAYS = 90, /* a link that was forgotten in a drawer ends by itself */
    CONTACT_INVITE_USES = 64, /* requests that one invite takes before a new one is made */
    CONTACT_CARD_DAYS = 30,
    CONTACT_CARD_RENEW_DAYS = 15,
    CONTACT_BOX_DAYS = 400, /* a reply box: until a letterbox for the contact takes its place */
    CONTACT_ASK_DAYS = 30,  /* an unanswered request is over then */
    CONTACT_READ_DAYS = 7,  /* a card that does not come is given up then */
    CONTACT_WALK_MAX = 64   /* rows that one walk takes before it changes them */
};

#define CONTACT_DAY_MS INT64_C(86400000)

/* ---- requests (request.c) ---- */

struct request { /* one row; buffers own */
    uint8_t id[HASH_LEN];
    enum request_kind kind;
    struct person_id person; /* of this family */
    struct person_ref other;
    char other_name[WIRE_NAME_MAX + 1];
    bool other_supervised;
    enum how_met how;
    enum request_state state;
    int64_t at_ms;
    struct buffer note, body,
        extra; /* body: letterbox_message (approach) or invite (ask, sent); extra: card */
};

void request_init(struct request *r);
void request_free(struct request *r);
/* found false: no such row, r is empty. */
enum status request_load(struct node *n, const uint8_t id[static HASH_LEN], struct request *r,
                         bool *found) MUST_USE;
/* Inserts; a row that is there already stays as it is, and *fresh is false. */
enum status request_insert(struct node *n, const struct request *r, bool *fresh) MUST_USE;
enum status request_set_state(struct node *n, const uint8_t id[static HASH_LEN],
                              enum request_state state) MUST_USE;
/* Works out the state of a row that waits or was decided, from the decisions and the rules; tells changes. */
enum status request_settle(struct node *n, const uint8_t id[static HASH_LEN]) MUST_USE;
/* What policy says about it now. */
enum status request_judge(struct node *n, const struct request *r, struct facts_answer *out) MUST_USE;
/* The newest row about this pair of that kind. */
enum status request_find(struct node *n, enum request_kind kind, const struct person_id *person,
                         const struct person_ref *other, struct request *r, bool *found) MUST_USE;

/* ---- others ---- */

/* invite.c: the card of a person of this family, signed by this device. */
enum status card_make(struct node *n, const struct person_id *who, struct buffer *out) MUST_USE;
enum status invites_due(struct node *n) MUST_USE; /* renews the cards that this device keeps */

/* contact.c: the pair's group is destroyed on this device, and the letterboxes for it are closed. */
enum status contact_close(struct node *n, const struct person_ref *mine,
                          const struct person_ref *other) MUST_USE;
enum status contact_void_boxes(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                               bool replies) MUST_USE;

/* ---- leaves (leave.c) ---- */

struct heard { /* one, as an entry or a letter brought it; borrows from it */
    struct leave_note note;
    struct span encoded;     /* the note */
    struct span certificate; /* of its device; may be empty */
    uint64_t hlc;            /* when it was said */
    bool told;               /* a struct leave_heard: of somebody else */
};
/* `hlc`: of what brought it. */
enum status leave_hear(struct span in, uint64_t hlc, struct heard *out) MUST_USE;
/* Is it signed by a device of whose it says it is, as far as is known here? */
enum status leave_is_proven(struct node *n, const struct heard *h, bool *proven) MUST_USE;
/* This person's own no. */
enum status contact_leave(struct node *n, const struct person_ref *other) MUST_USE;
/* Has this person left this conversation, of that generation or a later one? */
enum status leave_is_of(struct node *n, const struct scope_id *pair, uint32_t generation,
                        bool *left) MUST_USE;
/* The highest generation that anybody left; -1: none that is known here. */
enum status leave_generation(struct node *n, const struct scope_id *pair, int64_t *out) MUST_USE;
/* What a contact that was asked or allowed at that moment is now: CONTACT_LEFT or CONTACT_WITHDRAWN by a
 * leave since, or CONTACT_FOUNDING. */
enum status leave_since(struct node *n, const struct scope_id *pair, uint64_t hlc,
                        enum contact_state *state) MUST_USE;
/* The contact of that person whose conversation this is. */
enum status leave_contact_of(struct node *n, const struct person_id *person, const struct scope_id *scope,
                             struct person_ref *other, bool *found) MUST_USE;
/* leave_due.c */
enum status leave_keep_letter(struct node *n, const struct person_ref *other, const struct leave_note *note,
                              struct span encoded) MUST_USE;
enum status leaves_due(struct node *n) MUST_USE; /* groups of contacts that were left; what is told again */

/* leave_yes.c: when a yes was given, by the entries of the ward that brought it; `brought`: by one that is
 * just being applied, else UINT64_MAX. */
enum status leave_yes_given(struct node *n, const struct permit *p, uint64_t brought, uint64_t *out) MUST_USE;
/* The same of the newest that stands; 0: none. */
enum status leave_yes_newest(struct node *n, const struct person_ref *child, const struct person_ref *other,
                             struct permit *p, uint64_t *given) MUST_USE;
/* A leave in the ward of a child ends the yes from before it. */
enum status leave_ends_yes(struct node *n, const struct person_ref *child, const struct scope_id *ward,
                           const struct heard *h) MUST_USE;
/* The same of one that came to a parent's device before its yes did. */
enum status leave_ends_permit(struct node *n, const struct permit *p, uint64_t brought) MUST_USE;

/* meet.c: keeps chain and certificates of a card that was judged good. */
enum status card_keep(struct node *n, const struct card *c) MUST_USE;
/* meet.c: sends the request to meet. `permit` is empty for an adult. */
struct contact_ask {
    struct span invite, note, permit;
    const char *name; /* of the other, as their card says */
    bool supervised;
};
enum status contact_ask(struct node *n, const struct contact_ask *a) MUST_USE;
/* meet.c: the own ask of this child's device goes on when a permit for the pair is there. */
enum status meet_go_on(struct node *n, const struct person_ref *other) MUST_USE;

/* permit_rows.c: keeps a permit that came as an entry of a ward, whose author is a parent. */
enum status permit_keep_entry(struct node *n, struct span permit) MUST_USE;
enum status permit_forget(struct node *n, const struct permit *p, struct span encoded) MUST_USE;
/* permit_rows.c: a withdrawal out of a journal of this family: by a device that stands as a parent's or once
 * stood. */
enum status withdrawal_keep_entry(struct node *n, struct span withdrawal) MUST_USE;
/* permit_rows.c: has this device acted on one of its serial? After acting: permit_granted. */
enum status permit_is_granted(struct node *n, const struct permit *p, bool *granted) MUST_USE;
enum status permit_granted(struct node *n, const struct permit *p) MUST_USE;
/* permit_rows.c: serials (an hlc): of a new yes, later than every no of the pair that is known here; of a new
 * no, not before a yes. So a clock that was far ahead decides nothing for good. */
enum status permit_next_serial(struct node *n, const struct person_ref *child,
                               const struct person_ref *contact, uint64_t *out) MUST_USE;
enum status withdrawal_next_serial(struct node *n, const struct person_ref *child,
                                   const struct person_ref *contact, uint64_t *out) MUST_USE;
/* permit_rows.c: the newest permit for (child, contact) that has enough signatures and is not withdrawn;
 * *found false: none. */
enum status permit_newest(struct node *n, const struct person_ref *child, const struct person_ref *contact,
                          struct buffer *out, bool *found) MUST_USE;
/* permits.c: an ask that came after its permit: the contact is listed as where they came in turn. */
enum status permit_of_ask(struct node *n, const struct person_ref *child,
                          const struct person_ref *contact) MUST_USE;
/* permits.c: a parent's withdrawal of a child's contact, into the ward and to the contact. */
enum status withdrawal_make(struct node *n, const struct person_ref *child,
                            const struct person_ref *contact) MUST_USE;

/* permits.c: the same as of a moment: later permits stand. */
enum status withdrawal_of(struct node *n, const struct person_ref *child, const struct person_ref *contact,
                          uint64_t serial) MUST_USE;

/* contact.c */
/* They were asked, and the yes has not come; else it is decided, and the conversation is on its way. */
enum status contact_unanswered(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                               bool *unanswered) MUST_USE;
enum status contact_row(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                        enum contact_state *state, struct buffer *their_box, bool *found) MUST_USE;
/* The name that has come for a row which a conversation made without one. */
enum status contact_named(struct node *n, const struct person_ref *mine, const struct person_ref *other,
                          const char *name) MUST_USE;
/* Tells this person's other devices who a new contact is. */
enum status contact_tell_own(struct node *n, const struct person_ref *who, struct span card) MUST_USE;
enum status contact_notice(struct node *n, enum notice_kind kind, const struct person_ref *mine,
                           const struct person_ref *other, const char *what) MUST_USE;

void text_copy(char *to, size_t cap, struct span from); /* cut to cap - 1 bytes, NUL-terminated */
/* Encodes with `write` after `open`: entry bodies of the contact story go through here. */
enum status ward_append(struct node *n, const struct person_id *child,
                        const struct entry_body *body) MUST_USE;
enum status parents_append(struct node *n, const struct entry_body *body) MUST_USE;
enum status own_append(struct node *n, const struct entry_body *body) MUST_USE;

#endif
