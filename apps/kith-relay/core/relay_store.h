/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay's core wants of a store: logs of blocks, seqs dense from 1, appends in batches. A store is
 * called from one thread. It keeps of a block: its log, its seq, its id, roughly when it came, and its bytes;
 * nothing else.
 *
 * What append and trim did is seen by read and head only after commit, and is undone when commit fails or the
 * process ends before. A log that was there goes on being numbered where it stopped, also when all its blocks
 * are gone. */
#ifndef KITH_RELAY_STORE_H
#define KITH_RELAY_STORE_H

#include "protocol/block.h"
#include "protocol/ids.h"
#include "protocol/relay_command.h"

enum relay_store_limits {
    RELAY_BATCH_MAX = 256 /* commands between two commits */
};

struct store_append {
    struct log_id log;
    struct block_id id;
    struct span block; /* BLOCK_LEN bytes; borrows */
    int64_t wall_ms;
    uint32_t log_blocks_max; /* a log that has as many takes no more */
    bool may_create;         /* begin the log when it is not there */
};

struct store_appended {
    uint64_t seq;
    bool created;   /* the log was begun */
    bool duplicate; /* the block was there already: seq is the one it has */
};

struct log_head {
    struct log_id log;
    uint64_t seq; /* of its newest block */
};

struct log_heads { /* logs that one batch made longer, each once */
    size_t count;
    struct log_head at[RELAY_BATCH_MAX];
};

struct block_list {    /* the caller's; `bytes` grows as needed and is reused */
    size_t count, max; /* max: at most RELAY_READ_MAX blocks are wanted */
    uint64_t seq[RELAY_READ_MAX];
    struct buffer bytes; /* count blocks, one after the other */
};

struct store_stat {
    struct relay_incarnation incarnation;
    uint64_t logs, blocks; /* with those of the batch under way */
};

struct relay_store_ops {
    /* ST_RELAY_LOG_FULL, ST_RELAY_LOGS_LIMIT (not there and not may_create), ST_RELAY_STORE_FAILED,
     * ST_NO_MEMORY. Same log and block id: the same seq, ST_OK. */
    enum status (*append)(void *s, const struct store_append *a, struct store_appended *out);
    /* Makes the batch durable. On failure nothing of it happened, and `grown` is empty. */
    enum status (*commit)(void *s, struct log_heads *grown);
    /* Blocks above after_seq in order, at most out->max. A log that is not there has none. */
    enum status (*read)(void *s, const struct log_id *l, uint64_t after_seq, struct block_list *out);
    /* Seq of the newest block that the log ever had; 0: it is not there. */
    enum status (*head)(void *s, const struct log_id *l, uint64_t *seq);
    /* Blocks up to and with up_to_seq go. */
    enum status (*trim)(void *s, const struct log_id *l, uint64_t up_to_seq);
    /* At most blocks_max blocks that came before before_ms go, whatever their log; *gone of them did. Part of
     * the batch. */
    enum status (*expire)(void *s, int64_t before_ms, size_t blocks_max, size_t *gone);
    void (*stat)(void *s, struct store_stat *out);
    void (*close)(void *s); /* what was not committed is undone */
};

struct relay_store { /* one opened store */
    const struct relay_store_ops *ops;
    void *s;
};

#endif
