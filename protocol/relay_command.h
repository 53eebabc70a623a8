/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may ask of a relay, and the answers (docs/protocol.md §3.3): the plaintext inside the channel
 * (protocol/channel.h). Five commands, and none that lists anything. Pure.
 *
 *     Request: uint8 command, then by command
 *       1 append  claim(write)[96], opaque incarnation[16], opaque block_id[16], opaque block[16384]
 *       2 read    claim(read)[96], uint64 after_seq, uint8 max (1 to 32)
 *       3 wait    uint32 timeout_ms (0 to 300000), Watch watches<V> (1 to 512)
 *                 Watch: claim(read)[96], uint64 after_seq
 *       4 trim    claim(trim)[96], opaque incarnation[16], uint64 up_to_seq
 *       5 info    nothing
 *
 *     Answer: uint8 command (the request's; 5 when that is none), uint8 result, opaque incarnation[16], then
 *       result not ok: uint32 retry_after_ms (0: trying again does not help)
 *       result ok, by command
 *         append  uint64 seq
 *         read    Item items<V>; Item: uint64 seq, opaque block[16384]; seqs rise
 *         wait    Grown grown<V>; Grown: uint16 index of the watch, uint64 seq of the log's newest block;
 *                 indices rise; empty: the time is over
 *         trim    nothing
 *         info    uint16 version, uint64 time_ms, uint64 retention_ms, uint32 log_blocks_max,
 *                 uint16 session_waits_max, uint32 wait_max_ms
 */
#ifndef KITH_PROTOCOL_RELAY_COMMAND_H
#define KITH_PROTOCOL_RELAY_COMMAND_H

#include "protocol/block.h"
#include "protocol/relay_log.h"

enum relay_command_limits {
    RELAY_VERSION = 1,
    RELAY_READ_MAX = 32,     /* blocks an answer: half a MiB */
    RELAY_WATCHES_MAX = 512, /* logs a wait: 52 KiB, under the relay's 64 KiB a message */
    RELAY_WAIT_MAX_MS = 5 * 60 * 1000,
    RELAY_REQUEST_MAX = 1 + 4 + 4 + RELAY_WATCHES_MAX * (LOG_CLAIM_LEN + 8), /* the longest: a full wait */
    RELAY_ANSWER_MAX = 1 + 1 + 16 + 4 + RELAY_READ_MAX * (8 + BLOCK_LEN)     /* the longest: a full read */
};

enum relay_command { RELAY_APPEND = 1, RELAY_READ = 2, RELAY_WAIT = 3, RELAY_TRIM = 4, RELAY_INFO = 5 };

/* How a relay says no. Each is ST_RELAY_… by relay_result_status. */
enum relay_result {
    RELAY_OK = 0,
    RELAY_BAD_REQUEST = 1, /* not a request of this version */
    RELAY_INCARNATION = 2, /* append or trim for another incarnation: start again at cursor 0 */
    RELAY_LOG_FULL = 3,    /* the log has all the blocks that it may have */
    RELAY_LOGS_LIMIT = 4,  /* this session or source has begun too many logs: retry_after_ms */
    RELAY_BYTES_LIMIT = 5, /* this session or source has sent too many bytes: retry_after_ms */
    RELAY_BUSY = 6,        /* too much at once: retry_after_ms */
    RELAY_STORE_FULL = 7,  /* the relay's disk is at its limit: retry_after_ms */
    RELAY_STORE_FAILED = 8 /* the relay cannot write: retry_after_ms */
};

struct relay_incarnation { /* random; of one store, from its making to its wiping */
    uint8_t b[16];
};

struct relay_watch {
    struct log_claim log; /* right to read */
    uint64_t after_seq;   /* answer when the log has a block above this */
};

struct relay_request {
    enum relay_command command;
    struct log_claim log;                 /* append: write; read: read; trim: trim */
    struct relay_incarnation incarnation; /* append, trim */
    struct block_id block_id;             /* append */
    struct span block;                    /* append: BLOCK_LEN bytes; borrows */
    uint64_t after_seq;                   /* read: blocks above this */
    uint64_t up_to_seq;                   /* trim: blocks up to and with this go */
    uint8_t max;                          /* read */
    uint32_t timeout_ms;                  /* wait */
    const struct relay_watch *watches;    /* wait; borrows */
    size_t watch_count;
};

struct relay_block {
    uint64_t seq;
    struct span block; /* BLOCK_LEN bytes; borrows */
};
struct relay_grown {
    uint16_t index; /* of the request's watch */
    uint64_t seq;   /* of the newest block of that log */
};
struct relay_info {
    uint16_t version;
    int64_t time_ms; /* the relay's wall clock */
    uint64_t retention_ms;
    uint32_t log_blocks_max;
    uint16_t session_waits_max;
    uint32_t wait_max_ms;
};

struct relay_answer {
    enum relay_command command;
    enum relay_result result;
    struct relay_incarnation incarnation;
    uint32_t retry_after_ms; /* of a refusal */
    uint64_t seq;            /* append */
    size_t count;            /* read: blocks; wait: grown */
    struct relay_block blocks[RELAY_READ_MAX];
    struct relay_grown grown[RELAY_WATCHES_MAX];
    struct relay_info info;
};

/* The request as bytes, appended to what is in w. ST_USAGE: a field breaks a limit above. */
enum status relay_request_encode(struct writer *w, const struct relay_request *request) MUST_USE;
/* `watches` is room for RELAY_WATCHES_MAX items, which a wait borrows; spans point into `in`. Any failure:
 * `out` is zeroed. */
enum status relay_request_decode(struct relay_request *out, struct relay_watch *watches,
                                 struct span in) MUST_USE;

enum status relay_answer_encode(struct writer *w, const struct relay_answer *answer) MUST_USE;
/* The answer to a request `asked`: ST_RELAY_ANSWER when it answers another command, or a wait or read that it
 * does not fit (more blocks than asked, not above after_seq, an index that was not watched). Refusals decode
 * with ST_OK: look at out->result. */
enum status relay_answer_decode(struct relay_answer *out, const struct relay_request *asked,
                                struct span in) MUST_USE;

/* ST_OK for RELAY_OK, else ST_RELAY_… of the refusal. */
enum status relay_result_status(enum relay_result result);

#endif
