/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal_*.c files share. */
#ifndef KITH_SYNC_JOURNAL_INTERNAL_H
#define KITH_SYNC_JOURNAL_INTERNAL_H

#include "protocol/hlc.h"
#include "sync/journal.h"
#include "sync/letters.h"

enum entry_applied { /* the column `applied`; the SQL has the numbers */
                     ENTRY_DUE = 0,
                     ENTRY_APPLIED = 1,
                     ENTRY_VOID = 2,
                     ENTRY_WITHHELD =
                         3 /* the rules do not let it be seen yet (receive.h); asked again with every pass */
};

struct take_args {
    bool attested; /* its author itself sent it, over MLS */
    bool own;
    const struct device_id *via; /* who passed it on; NULL: nobody */
    bool parked;                 /* own, written while the journal's end is not known */
    bool returned;               /* an entry of this device that its old database does not know */
    enum entry_applied applied;  /* what became of it, where that is known when it is put in */
};

enum entry_fork { /* the column `fork`; the SQL has the numbers */
                  ENTRY_CHAINED = 0,
                  ENTRY_RIVAL = 1, /* another stands under its number, or before it: void */
                  ENTRY_PARKED = 2 /* own and not sent, on a database that is an old copy: not yet in the
                                      chain (restore.h) */
};

struct decoded_entry { /* borrows from `bytes`, as it travels and is stored */
    struct journal_entry e;
    struct entry_hash hash;
    struct span bytes;
};
enum status decoded_entry_of(struct span encoded, struct decoded_entry *out) MUST_USE;

bool journal_scope_signs(enum scope_kind kind);
/* May this person's devices write in such a scope at all? In those of a family nobody else's may, whoever
 * passes it on. */
bool journal_writes_in(const struct node *n, enum scope_kind kind, const struct person_ref *who);
enum status journal_take(struct node *n, enum scope_kind kind, struct span encoded,
                         const struct take_args *a) MUST_USE;
/* A row of its own; moves the end of what is held. */
enum status journal_insert(struct node *n, const struct decoded_entry *d, const struct take_args *a,
                           int64_t *id) MUST_USE;
struct entry_author {
    struct person_ref who;
    bool known;  /* its certificate is here; else `who` is zero */
    bool pinned; /* has a pin in this scope: it is gone from the family */
    bool waits;  /* said_waits of the scope */
    char name[WIRE_NAME_MAX + 1];
};
/* ---- journal_text.c ---- */
/* Who wrote it. That of the last entry is kept as long as nothing changes on which it rests (sql.h). */
enum status journal_author(struct node *n, const struct entry_header *h, struct entry_author *by) MUST_USE;
void journal_author_free(struct node *n);
/* Is this a text that journal_take_text may take in? It came for the first time, and nothing is special. */
bool journal_text_is_plain(const struct node *n, enum scope_kind kind, const struct decoded_entry *d,
                           const struct take_args *a, const struct entry_author *by);
enum status journal_take_text(struct node *n, const struct decoded_entry *d, const struct take_args *a,
                              const struct entry_author *by) MUST_USE;

enum status journal_take_decoded(struct node *n, enum scope_kind kind, const struct decoded_entry *d,
                                 const struct take_args *a) MUST_USE;
/* Entries of an author were put in without journal_take (history_keep.c): moves the end of what is held, and
 * lets row `attested` (0: none) attest what it chains to. */
enum status journal_moved(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                          const struct device_id *author, int64_t attested) MUST_USE;
/* This header's entry is attested, and so is what it chains to. */
enum status journal_attest_prev(struct node *n, enum scope_kind kind, const struct entry_header *h) MUST_USE;
/* Goes on where a long chain was left. */
enum status journal_attest_due(struct node *n) MUST_USE;
/* Its author announced this head: the entry and all that it chains to count. */
enum status journal_attest(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                           const struct entry_hash *hash) MUST_USE;
/* Its author says that `hash` is what stands under this number: another one there that somebody passed on
 * never counted, and is put aside; alarm. */
enum status journal_put_aside(struct node *n, const struct scope_id *scope, const struct device_id *author,
                              uint64_t seq, const struct entry_hash *hash) MUST_USE;
/* What a handler's answer says of the entry. */
enum entry_applied journal_outcome_of(enum status why);
/* Runs the handler of a row's kind, once, when the entry is attested, not a fork, has its body and its time
 * has come. */
enum status journal_apply(struct node *n, enum scope_kind kind, int64_t id) MUST_USE;
/* Somebody passes on an entry of ours: one that is not here says that our database is older than it was
 * (§5.4), where it is signed or the scope is this person's own; in a conversation there is an alarm. While
 * the device is being added again it is taken back. */
enum status journal_take_back(struct node *n, enum scope_kind kind, struct span entry,
                              const struct device_id *via) MUST_USE;
/* Takes own entries that were not sent out of the chain, until it is known where that ends. */
enum status journal_park(struct node *n, const struct scope_id *scope) MUST_USE;
/* It is known now: those that follow go on, the others are void, with an alarm. */
enum status journal_unpark(struct node *n, const struct scope_id *scope) MUST_USE;
/* ---- journal_gone.c ---- */

enum { JOURNAL_VOUCHED_MAX = 32 }; /* devices of one person that are gone from a scope */
/* The certificate of an author that is no member, as a record of evidence; *needed false: it is a member, or
 * not known here either. */
enum status journal_certificate_of(struct node *n, const struct group *g, const struct device_id *author,
                                   struct buffer *record, bool *needed) MUST_USE;
enum status journal_take_certificate(struct node *n, struct span record) MUST_USE;
/* What is to be said with a `have` of this person's devices that are gone from the scope; empty where there
 * is none, or where entries are signed. */
enum status journal_vouch(struct node *n, const struct group *g, struct buffer *out) MUST_USE;
enum status journal_take_vouch(struct node *n, struct group *g, const struct device_id *sender,
                               struct span body) MUST_USE;
/* Moves the end of what is held without a gap over the entries that follow it. */
enum status journal_follow(struct node *n, const struct scope_id *scope,
                           const struct device_id *author) MUST_USE;

#endif
