/* SPDX-License-Identifier: Apache-2.0 */
/* What the files*.c share. */
#ifndef KITH_SYNC_FILES_INTERNAL_H
#define KITH_SYNC_FILES_INTERNAL_H

#include "sync/files.h"
#include "sync/logs.h"

enum file_state { /* the SQL has the numbers */
                  FILE_READING = 1,
                  FILE_OFFERED = 2,
                  FILE_FETCHING = 3,
                  FILE_HERE = 4,
                  FILE_FAILED = 5,
                  FILE_ERASING = 6,
                  FILE_DROPPING = 7
};
/* Who wants its bytes; what is wanted more has its turn first. */
enum file_asked { FILE_UNASKED = 0, FILE_OF_HISTORY = 1, FILE_ASKED = 2 };
enum file_put_state { PUT_RUNS = 1, PUT_DONE = 2, PUT_FAILED = 3 };

struct file { /* a row of table file */
    int64_t id, entry, log, cursor, progress_at, wants, wanted_at, have, parts;
    uint64_t size;
    enum file_state state;
    enum file_asked asked;
    bool outgoing, image;
    struct scope_id scope;
    struct entry_hash hash; /* zeros: none yet */
    uint8_t list_hash[HASH_LEN];
    struct secret block_key; /* wipe */
    char name[FILE_NAME_MAX + 1];
};

/* out->id is 0 when there is none. The caller wipes `out`. */
enum status file_load(struct node *n, int64_t id, struct file *out) MUST_USE;
/* By the message's id or the token, or its first digits. ST_NAME_UNKNOWN, ST_NAME_AMBIGUOUS. */
enum status file_find(struct node *n, const char *id, int64_t *out) MUST_USE;
enum status file_of_hash(struct node *n, const struct scope_id *scope, const struct entry_hash *hash,
                         int64_t *out) MUST_USE; /* 0: none */
enum status file_set_state(struct node *n, int64_t id, enum file_state state, enum status why) MUST_USE;
/* May its bytes be taken in now? ST_FILE_RULES: the rules say no, for good. */
enum status file_judge(struct node *n, const struct file *f) MUST_USE;
/* So many bytes moved on: for the rate. */
enum status file_moved(struct node *n, int64_t id, int64_t bytes) MUST_USE;
/* Is there room for so many bytes more? */
bool file_room(const struct node *n, uint64_t bytes);
enum status file_list_ids(struct node *n, enum file_state state, int64_t ids[static FILES_JOBS_MAX],
                          size_t *count) MUST_USE;
/* Where bytes lie, as it is kept in a row. */
enum status file_log_pack(const struct file_log *l, struct buffer *out) MUST_USE;
enum status file_log_unpack(struct span in, struct file_log *out) MUST_USE;

/* ---- files_send.c ---- */

/* The relay that all readers know: that of the conversation. */
enum status file_relay(struct node *n, const struct scope_id *scope,
                       char relay[static WIRE_RELAY_MAX + 1]) MUST_USE;
/* A new log for the file, into which its bytes go; *log borrows from `relay`. */
enum status file_put_begin(struct node *n, const struct file *f, char relay[static WIRE_RELAY_MAX + 1],
                           struct file_log *log) MUST_USE;
/* Stops putting up, and takes back what is there. */
enum status file_put_end(struct node *n, int64_t file) MUST_USE;
/* Stops for good, for this reason. */
enum status file_put_stop(struct node *n, int64_t file, enum status why) MUST_USE;
enum status files_send_due(struct node *n) MUST_USE;

/* ---- files_fetch.c ---- */

/* ST_FILE_LOG, ST_FILE_NO_ROOM: it stays as it is. */
enum status file_fetch(struct node *n, int64_t id, enum file_asked asked) MUST_USE;
/* Stops reading its log. What is here stays. */
enum status file_fetch_end(struct node *n, const struct file *f) MUST_USE;
/* … and does so for good, for this reason; what is here goes. */
enum status file_fetch_stop(struct node *n, const struct file *f, enum status why) MUST_USE;
enum status files_fetch_due(struct node *n) MUST_USE;

/* ---- files_again.c ---- */

enum status file_want(struct node *n, const struct file *f) MUST_USE;
enum status files_again_due(struct node *n) MUST_USE;

#endif
