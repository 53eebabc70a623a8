/* SPDX-License-Identifier: Apache-2.0 */
/* Letterboxes: one mechanism for all kinds. Ours are read here; letters to others' are sealed and queued
 * here. */
#ifndef KITH_SYNC_LETTERS_H
#define KITH_SYNC_LETTERS_H

#include "protocol/entry_body.h"
#include "protocol/letterbox.h"
#include "sync/node_internal.h"

enum letterbox_kind {                  /* whose letters these are; numbers are in the database */
                      BOX_FAMILY = 1,  /* this device's, for its own family */
                      BOX_INVITE = 2,  /* of an invite; a child's is on parents' devices only */
                      BOX_REPLY = 3,   /* for the answer to a request of ours */
                      BOX_CONTACT = 4, /* for one contact of ours */
                      BOX_RECOVERY = 5
};

/* A letterbox without an invite's end lives so long; a device's own is made anew half a year before. */
#define LETTERBOX_LIFE_MS (INT64_C(3650) * 86400000)
#define LETTERBOX_RENEW_MS (INT64_C(180) * 86400000)

struct box_args {
    enum letterbox_kind kind;
    struct person_ref owner, peer; /* peer zero: nobody in particular */
    const char *relay;             /* NULL: the family's */
    int64_t expires_ms;
    uint16_t uses;
};
/* A fresh letterbox at the family's relay, listened to. `box` gets struct letterbox; `secrets` (may be NULL)
 * what other devices of its owner need; wipe it. secrets->relay borrows from `box`. */
enum status box_new(struct node *n, const struct box_args *a, struct buffer *box, struct box_secrets *secrets,
                    int64_t *id) MUST_USE;
/* One that another device of the owner made. Idempotent. */
enum status box_adopt(struct node *n, const struct box_args *a, const struct box_secrets *secrets,
                      int64_t *id) MUST_USE;
enum status box_void(struct node *n, int64_t id) MUST_USE; /* no longer read */

struct letter {
    enum letterbox_message_type type;
    struct span box; /* struct letterbox of the addressee */
    struct person_ref to;
    struct span body;
};
/* Signs, seals, queues. */
enum status letter_send(struct node *n, const struct letter *l) MUST_USE;

/* ---- receivers: one a type, in the modules; `m` is verified against its certificate, the certificate not
 * yet ---- */

struct received_letter {
    int64_t box;
    enum letterbox_kind kind;
    struct person_ref owner, peer;
    const struct letterbox_message *m;
    struct span whole; /* the letterbox_message, for passing on */
    struct device_certificate from;
};
enum status letter_contact_request(struct node *n, const struct received_letter *l) MUST_USE; /* contact.c */
enum status letter_admission(struct node *n, const struct received_letter *l) MUST_USE;     /* scope_join.c */
enum status letter_revocation(struct node *n, const struct received_letter *l) MUST_USE;    /* removal.c */
enum status letter_withdrawal(struct node *n, const struct received_letter *l) MUST_USE;    /* contact.c */
enum status letter_beacon(struct node *n, const struct received_letter *l) MUST_USE;        /* journal.c */
enum status letter_readd(struct node *n, const struct received_letter *l) MUST_USE;         /* reconcile.c */
enum status letter_leaf(struct node *n, const struct received_letter *l) MUST_USE;          /* restore.c */
enum status letter_box(struct node *n, const struct received_letter *l) MUST_USE;           /* restore.c */
enum status letter_successor(struct node *n, const struct received_letter *l) MUST_USE;     /* scope_join.c */
enum status letter_relay(struct node *n, const struct received_letter *l) MUST_USE;         /* relay_away.c */
enum status letter_successor_ask(struct node *n, const struct received_letter *l) MUST_USE; /* succession.c */
enum status letter_evidence(struct node *n, const struct received_letter *l) MUST_USE;      /* removal.c */
enum status letter_have(struct node *n, const struct received_letter *l) MUST_USE;          /* apart.c */
enum status letter_apart(struct node *n, const struct received_letter *l) MUST_USE;         /* apart.c */

#endif
