/* SPDX-License-Identifier: Apache-2.0 */
/* Logs at relays: which ones this device knows, what waits to be appended to them, what is in flight.
 *
 * Invariants: 1. A block in the outbox is sent with the same bytes and block id until it is answered. 2. At
 * most one append and one read a log are in flight, so a log gets our blocks in the order of the outbox; bulk
 * logs, whose parts have numbers, have several appends under way and so no order. 3.
 * At most NODE_IN_FLIGHT_MAX requests a relay, one `wait` among them, which runs only while nothing is left
 * to read. 4. What is in flight is memory only: node_open asks again for everything. 5. A log's cursor moves
 * in the transaction that takes in its blocks. 6. Nothing is appended to a group's log before it was
 * read to its end, unless sync/witness.h vouches for the database: what an earlier life of this device sent
 * there would show that the database is an old copy (protocol.md §5.4). */
#ifndef KITH_SYNC_LOGS_H
#define KITH_SYNC_LOGS_H

#include "protocol/relay_command.h"
#include "sync/node_internal.h"

enum log_kind {                       /* whose record_received is called; numbers are in the database */
                LOG_OF_GROUP = 1,     /* owner: mls_group.id, with its epoch */
                LOG_OF_LETTERBOX = 2, /* owner: letterbox.id */
                LOG_OF_PAIRING = 3,   /* owner: pairing.id */
                LOG_OF_CARD = 4,      /* owner: 0; found by log id */
                LOG_OF_HISTORY = 5,   /* owner: history_offer.id */
                LOG_OUTWARD = 6,      /* somebody else's letterbox: written only */
                LOG_HISTORY_OUT = 7,  /* owner: history_give.id; a bulk log of our own */
                LOG_OF_FILE = 8,      /* owner: file.id */
                LOG_FILE_OUT = 9      /* owner: file.id; a bulk log of our own */
};

enum outbox_purpose {
    OUTBOX_PLAIN = 0,   /* nothing happens when it is answered */
    OUTBOX_ENTRIES = 1, /* entries with entry.outbox = this id are at the relay */
    OUTBOX_PAIRING = 2
};

struct log_keys { /* secrets: wipe */
    struct log_hashes hashes;
    bool can_write, can_read, can_trim;
    struct log_token write, read, trim;
    struct secret block_key;
};

struct log_row { /* handed to the receivers */
    int64_t id, owner, epoch;
    enum log_kind kind;
    struct log_id log;
};

struct log_args {
    enum log_kind kind;
    int64_t owner, epoch;
    const char *relay; /* address */
    const struct log_keys *keys;
    bool listen;
};

enum status logs_open(struct node *n); /* at node_open: relays */
void logs_free(struct node *n);
/* Drops what memory holds of unfinished messages; after a rollback. */
void logs_forget_memory(struct node *n);

/* Random tokens and block key; trim as well when `trimmable`. */
void log_keys_new(struct node *n, bool trimmable, struct log_keys *out);
/* Works out the hashes from the tokens that are known; those of unknown tokens must be in `hashes` already.
 */
void log_keys_hash(struct log_keys *k);
void log_keys_wipe(struct log_keys *k);

/* Finds the log by its id, or makes its row: anew where it was another's word that it is a file's or a
 * history's, or where it is a group's. ST_LOG_TAKEN: it is here as something else, or somebody else's. A
 * letterbox of others' (LOG_OUTWARD) is whatever row has its id. */
enum status logs_add(struct node *n, const struct log_args *a, int64_t *log) MUST_USE;
/* Before a log that somebody names is listened to: no row has its id, and its relay is one that this device
 * uses anyhow; with `family`, one of the family's list, or where a group of the family lies. */
enum status logs_may_listen(struct node *n, const struct log_keys *k, const char *relay, bool family,
                            bool *may) MUST_USE;
enum status logs_listen(struct node *n, int64_t log, bool on) MUST_USE;
/* Was the log read to its end (invariant 6)? */
enum status logs_echoed(struct node *n, int64_t log, bool *echoed) MUST_USE;
/* It need not be: it was made a moment ago, or by a commit at the end of a log that was. */
enum status logs_set_echoed(struct node *n, int64_t log) MUST_USE;
/* Reads the log again from its start. */
enum status logs_reread(struct node *n, int64_t log) MUST_USE;
/* Has the relay forget all blocks of a log that is ours, then drops the log. */
enum status logs_trim(struct node *n, int64_t log) MUST_USE;
/* Drops the log with what waits for it. */
enum status logs_drop(struct node *n, int64_t log) MUST_USE;
/* Puts whole messages into as few blocks as they need and the blocks into the outbox; *last is the outbox id
 * of the block that ends the last message. */
enum status logs_append(struct node *n, int64_t log, const struct span *messages, size_t count,
                        enum outbox_purpose purpose, int64_t owner, int64_t *last) MUST_USE;
/* Drops what was not sent yet of this purpose. */
enum status logs_unsend(struct node *n, int64_t log, enum outbox_purpose purpose) MUST_USE;
enum status logs_unsend_all(struct node *n, int64_t log) MUST_USE;

/* An answer, or NULL when none came. */
enum status logs_answer(struct node *n, uint64_t id, const struct relay_answer *answer) MUST_USE;
/* Asks for everything that is to be asked for; called once at the end of each batch. */
enum status logs_pump(struct node *n) MUST_USE;

/* Incarnation of a relay as last seen; zeros when it never answered. */
enum status logs_incarnation(struct node *n, const char *relay, struct relay_incarnation *out) MUST_USE;
bool logs_relay_reached(const struct node *n);
/* Did this relay answer last? */
bool logs_reached(const struct node *n, const char *relay);

/* ---- implemented by the modules whose logs they are; each runs under node_guard ---- */

enum status group_record(struct node *n, const struct log_row *log, uint64_t seq,
                         struct span message) MUST_USE;
enum status letter_record(struct node *n, const struct log_row *log, struct span message) MUST_USE;
enum status pair_record(struct node *n, const struct log_row *log, struct span message) MUST_USE;
enum status card_record(struct node *n, const struct log_row *log, struct span message) MUST_USE;
enum status history_record(struct node *n, const struct log_row *log, struct span message) MUST_USE;
enum status file_record(struct node *n, const struct log_row *log, struct span message) MUST_USE;
/* A `wait` for these logs was answered: those that it does not tell of were read to their end. */
enum status group_read_to_end(struct node *n, const int64_t *logs, size_t count,
                              const struct relay_answer *a) MUST_USE;
/* The relay takes no more blocks into a bulk log of ours. */
enum status history_log_full(struct node *n, const struct log_row *log) MUST_USE;
enum status file_log_full(struct node *n, const struct log_row *log) MUST_USE;
/* What was named as such a log is something else, and goes. */
enum status box_log_lost(struct node *n, int64_t log) MUST_USE;
enum status history_log_lost(struct node *n, int64_t log) MUST_USE;
enum status file_log_lost(struct node *n, int64_t log) MUST_USE;
/* A seq of a group's log is missing. */
/* This log has all the blocks that it may have: succession.c. */
enum status group_log_full(struct node *n, const struct log_row *log) MUST_USE;
/* A group's log was read to its end: scope_gap.c looks whether an own commit that waited is still there. */
enum status group_log_end(struct node *n, const struct log_row *log) MUST_USE;
enum status group_hole(struct node *n, const struct log_row *log) MUST_USE;
/* The relay showed something that an honest one with a good disk does not: relay_away.c. */
enum status relay_trouble(struct node *n, int64_t relay) MUST_USE;
enum status relay_trouble_at(struct node *n, const char *address) MUST_USE;
/* A relay started again with another store, or (`older`) with an older copy of the one that it had: every
 * log's cursor is 0 now. */
enum status group_gap(struct node *n, int64_t relay, bool older) MUST_USE;

#endif
