/* SPDX-License-Identifier: Apache-2.0 */
/* What logs.c and logs_io.c share. */
#ifndef KITH_SYNC_LOGS_INTERNAL_H
#define KITH_SYNC_LOGS_INTERNAL_H

#include "protocol/reassembly.h"
#include "sync/logs.h"

enum logs_internal_limits {
    LOGS_BACKOFF_MIN_MS = 500,
    LOGS_BACKOFF_MAX_MS = 30 * 1000, /* a relay that comes back is found within half a minute */
    LOGS_QUIET_MAX = 64,
    LOGS_QUIET_MS = 60 * 1000, /* until a log that had nothing of what it said is watched again */
    LOGS_READ_AT_ONCE = 8,     /* reads in flight a relay: 4 MiB of answers */
    LOGS_PROBE_MS =
        10 * 60 * 1000, /* a relay of the family's where nothing is waited for is asked how it is */
    LOGS_AWAY_NOTED_MS = 30 * 1000,
    LOGS_AWAY_STEP_MS =
        2 * 60 * 1000,         /* asked twice a minute: more between two is time in which this device slept */
    LOGS_REASSEMBLIES_MAX = 32 /* logs with unfinished messages in memory; each is bounded itself */
};

struct flight {  /* a request without an answer */
    uint64_t id; /* 0: free */
    int64_t relay, log, outbox;
    struct log_id log_id; /* of a read: a row's number may be another log's by now */
    int64_t sent_mono_ms;
    bool cancelled, bulk;
    struct relay_request request;
    uint8_t *block;              /* of an append */
    struct relay_watch *watches; /* of a wait */
    int64_t *watched;            /* log ids, by watch */
    size_t watch_count;
};

struct relay_state {
    int64_t id; /* 0: free */
    char *address;
    size_t in_flight, reads;
    uint64_t wait_id;               /* 0: none */
    uint64_t wait_version;          /* logs_version when it was asked */
    bool reached, lost, asked_info; /* lost: nothing but `info` is asked until it answers */
    bool ours;                      /* in the family's list */
    int64_t backoff_ms, retry_at_mono_ms, answered_mono_ms;
    int64_t away_mono_ms; /* it does not answer, and that was noted up to here; 0: it does */
};

struct log_memory {
    uint64_t version;         /* grows when the set of logs or a cursor changes */
    struct sql_watch to_send; /* the outbox, and logs to be trimmed */
    bool anything_to_send;
    struct {
        int64_t log;
        struct reassembly *parts;
    } open[LOGS_REASSEMBLIES_MAX];
    struct { /* logs that a wait told to have grown */
        int64_t log;
        uint64_t seq;
    } grown[RELAY_WATCHES_MAX * 2];
    size_t grown_count;
    struct { /* logs that a wait told to have grown and a read gave nothing of */
        int64_t log, until_mono_ms;
    } quiet[LOGS_QUIET_MAX];
    size_t quiet_count;
    bool reread; /* logs_reread was called while an answer is taken in; it may have been undone */
};

/* Such a log is left out of the waits for a minute, or a relay would be asked as fast as it answers: a reader
 * that is behind what was trimmed, or an old copy of one, can do nothing else. */
void logs_quiet(struct node *n, int64_t log);
bool logs_is_quiet(const struct node *n, int64_t log);
/* Those whose minute is over are watched again; wants a tick for the others. */
void logs_quiet_due(struct node *n);

void logs_changed(struct node *n);
/* Takes in the blocks of an answer to a read, each record under node_guard. */
enum status logs_answer_read(struct node *n, const struct flight *f, const struct relay_answer *a) MUST_USE;
/* This block of the outbox is at the relay. */
enum status logs_appended(struct node *n, int64_t outbox) MUST_USE;

/* The relay has taken our block. Where we have read another under its number the log is shorter than it was.
 */
enum status logs_answer_append(struct node *n, const struct flight *f, const struct relay_answer *a) MUST_USE;
/* This relay's logs are not those that were read (`older`: they are, as they were some time ago). */
enum status logs_begin_anew(struct node *n, int64_t relay, bool older) MUST_USE;

/* A new request to this relay; NULL: as many as may be are under way. */
struct flight *logs_flight(struct node *n, struct relay_state *r);
enum status logs_flight_send(struct node *n, const struct relay_state *r, struct flight *f) MUST_USE;
bool logs_busy(const struct node *n, int64_t log, enum relay_command command);
/* From a row's columns of token and hashes. */
void logs_claim(struct query *q, int token_column, int hashes_column, enum log_right right,
                struct log_claim *out);
enum status logs_send_append(struct node *n, struct relay_state *r, int64_t outbox, bool bulk) MUST_USE;
enum status logs_load(struct node *n, int64_t id, struct log_row *out, struct secret *key,
                      int64_t *cursor) MUST_USE;

/* ---- logs_bulk.c ---- */

enum status logs_pump_bulk(struct node *n, struct relay_state *r, size_t at_once) MUST_USE;
enum status logs_pump_trims(struct node *n, struct relay_state *r) MUST_USE;
enum status logs_full(struct node *n, const struct flight *f) MUST_USE;
enum status logs_answer_full(struct node *n, const struct flight *f) MUST_USE;

#endif
