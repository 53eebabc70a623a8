/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/relay_command.h"

#include <assert.h>

enum { WATCH_LEN = LOG_CLAIM_LEN + 8, BLOCK_ITEM_LEN = 8 + BLOCK_LEN, GROWN_LEN = 2 + 8 };

static_assert((int)RELAY_INFO == 5, "no command lists logs: docs/threat-model.md T10");

/* ---- requests ---- */

static bool request_legal(const struct relay_request *q)
{
    switch (q->command) {
    case RELAY_APPEND:
        return q->block.len == BLOCK_LEN;
    case RELAY_READ:
        return q->max >= 1 && q->max <= RELAY_READ_MAX;
    case RELAY_WAIT:
        return q->timeout_ms <= RELAY_WAIT_MAX_MS && q->watch_count >= 1 &&
               q->watch_count <= RELAY_WATCHES_MAX;
    case RELAY_TRIM:
    case RELAY_INFO:
        return true;
    }
    return false;
}

enum status relay_request_encode(struct writer *w, const struct relay_request *request)
{
    if (!request_legal(request)) {
        writer_fail(w, ST_USAGE);
        return writer_done(w);
    }
    writer_u8(w, (uint8_t)request->command);
    switch (request->command) {
    case RELAY_APPEND:
        log_claim_write(w, &request->log);
        writer_bytes(w, SPAN_ID(&request->incarnation));
        writer_bytes(w, SPAN_ID(&request->block_id));
        writer_bytes(w, request->block);
        break;
    case RELAY_READ:
        log_claim_write(w, &request->log);
        writer_u64(w, request->after_seq);
        writer_u8(w, request->max);
        break;
    case RELAY_WAIT: {
        writer_u32(w, request->timeout_ms);
        size_t mark = writer_open(w);
        for (size_t i = 0; i < request->watch_count; i++) {
            log_claim_write(w, &request->watches[i].log);
            writer_u64(w, request->watches[i].after_seq);
        }
        writer_close(w, mark);
        break;
    }
    case RELAY_TRIM:
        log_claim_write(w, &request->log);
        writer_bytes(w, SPAN_ID(&request->incarnation));
        writer_u64(w, request->up_to_seq);
        break;
    case RELAY_INFO:
        break;
    }
    return writer_done(w);
}

static void read_watches(struct reader *r, struct relay_request *out, struct relay_watch *watches)
{
    out->timeout_ms = reader_u32(r);
    struct reader sub = reader_enter(r, (size_t)RELAY_WATCHES_MAX * WATCH_LEN);
    while (reader_more(&sub) && out->watch_count < RELAY_WATCHES_MAX) {
        struct relay_watch *watch = &watches[out->watch_count++];
        log_claim_read(&sub, &watch->log);
        watch->after_seq = reader_u64(&sub);
    }
    reader_leave(r, &sub);
    out->watches = watches;
}

enum status relay_request_decode(struct relay_request *out, struct relay_watch *watches, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    *out = (struct relay_request){0};
    uint8_t command = reader_u8(&r);
    if (r.failed == ST_OK && (command < RELAY_APPEND || command > RELAY_INFO)) {
        reader_fail(&r, ST_WIRE_ENUM);
    }
    out->command = (enum relay_command)command;
    if (command == RELAY_APPEND || command == RELAY_READ || command == RELAY_TRIM) {
        log_claim_read(&r, &out->log);
    }
    if (command == RELAY_APPEND || command == RELAY_TRIM) {
        reader_fixed(&r, out->incarnation.b, sizeof(out->incarnation.b));
    }
    if (command == RELAY_APPEND) {
        reader_fixed(&r, out->block_id.b, sizeof(out->block_id.b));
        out->block = reader_take(&r, BLOCK_LEN);
    } else if (command == RELAY_READ) {
        out->after_seq = reader_u64(&r);
        out->max = reader_u8(&r);
    } else if (command == RELAY_WAIT) {
        read_watches(&r, out, watches);
    } else if (command == RELAY_TRIM) {
        out->up_to_seq = reader_u64(&r);
    }
    if (r.failed == ST_OK && !request_legal(out)) {
        reader_fail(&r, ST_WIRE_VALUE);
    }
    enum status st = reader_done(&r);
    if (st != ST_OK) {
        *out = (struct relay_request){0};
    }
    return st;
}

/* ---- answers ---- */

static void write_items(struct writer *w, const struct relay_answer *a)
{
    size_t mark = writer_open(w);
    for (size_t i = 0; i < a->count; i++) {
        if (a->command == RELAY_READ) {
            writer_u64(w, a->blocks[i].seq);
            writer_bytes(w, a->blocks[i].block);
        } else {
            writer_u16(w, a->grown[i].index);
            writer_u64(w, a->grown[i].seq);
        }
    }
    writer_close(w, mark);
}

static bool answer_legal(const struct relay_answer *a)
{
    bool known = a->command >= RELAY_APPEND && a->command <= RELAY_INFO && a->result <= RELAY_STORE_FAILED;
    if (!known || (a->command == RELAY_WAIT && a->count > RELAY_WATCHES_MAX) ||
        (a->command == RELAY_READ && a->count > RELAY_READ_MAX)) {
        return false;
    }
    for (size_t i = 0; a->command == RELAY_READ && i < a->count; i++) {
        if (a->blocks[i].block.len != BLOCK_LEN) {
            return false;
        }
    }
    return true;
}

enum status relay_answer_encode(struct writer *w, const struct relay_answer *answer)
{
    if (!answer_legal(answer)) {
        writer_fail(w, ST_USAGE);
        return writer_done(w);
    }
    writer_u8(w, (uint8_t)answer->command);
    writer_u8(w, (uint8_t)answer->result);
    writer_bytes(w, SPAN_ID(&answer->incarnation));
    if (answer->result != RELAY_OK) {
        writer_u32(w, answer->retry_after_ms);
        return writer_done(w);
    }
    if (answer->command == RELAY_APPEND) {
        writer_u64(w, answer->seq);
    } else if (answer->command == RELAY_READ || answer->command == RELAY_WAIT) {
        write_items(w, answer);
    } else if (answer->command == RELAY_INFO) {
        const struct relay_info *i = &answer->info;
        writer_u16(w, i->version);
        writer_time(w, i->time_ms);
        writer_u64(w, i->retention_ms);
        writer_u32(w, i->log_blocks_max);
        writer_u16(w, i->session_waits_max);
        writer_u32(w, i->wait_max_ms);
    }
    return writer_done(w);
}

static void read_blocks(struct reader *r, struct relay_answer *out, const struct relay_request *asked)
{
    struct reader sub = reader_enter(r, (size_t)RELAY_READ_MAX * BLOCK_ITEM_LEN);
    uint64_t above = asked->after_seq;
    while (reader_more(&sub)) {
        if (out->count >= asked->max || out->count >= RELAY_READ_MAX) {
            reader_fail(&sub, ST_RELAY_ANSWER);
            break;
        }
        struct relay_block *b = &out->blocks[out->count++];
        b->seq = reader_u64(&sub);
        b->block = reader_take(&sub, BLOCK_LEN);
        if (b->seq <= above) {
            reader_fail(&sub, ST_RELAY_ANSWER);
        }
        above = b->seq;
    }
    reader_leave(r, &sub);
}

static void read_grown(struct reader *r, struct relay_answer *out, const struct relay_request *asked)
{
    struct reader sub = reader_enter(r, (size_t)RELAY_WATCHES_MAX * GROWN_LEN);
    size_t next = 0; /* indices rise, so there are no more items than watches */
    while (reader_more(&sub)) {
        struct relay_grown g = {.index = reader_u16(&sub)};
        g.seq = reader_u64(&sub);
        if (g.index < next || g.index >= asked->watch_count || g.seq <= asked->watches[g.index].after_seq) {
            reader_fail(&sub, ST_RELAY_ANSWER);
            break;
        }
        next = (size_t)g.index + 1;
        out->grown[out->count++] = g;
    }
    reader_leave(r, &sub);
}

static void read_info(struct reader *r, struct relay_info *out)
{
    out->version = reader_u16(r);
    out->time_ms = reader_time(r);
    out->retention_ms = reader_u64(r);
    out->log_blocks_max = reader_u32(r);
    out->session_waits_max = reader_u16(r);
    out->wait_max_ms = reader_u32(r);
}

enum status relay_answer_decode(struct relay_answer *out, const struct relay_request *asked, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    *out = (struct relay_answer){0};
    uint8_t command = reader_u8(&r);
    uint8_t result = reader_u8(&r);
    reader_fixed(&r, out->incarnation.b, sizeof(out->incarnation.b));
    if (r.failed == ST_OK && command != asked->command) {
        reader_fail(&r, ST_RELAY_ANSWER);
    }
    if (r.failed == ST_OK &&
        (command < RELAY_APPEND || command > RELAY_INFO || result > RELAY_STORE_FAILED)) {
        reader_fail(&r, ST_WIRE_ENUM);
    }
    out->command = (enum relay_command)command;
    out->result = (enum relay_result)result;
    if (result != RELAY_OK) {
        out->retry_after_ms = reader_u32(&r);
    } else if (command == RELAY_APPEND) {
        out->seq = reader_u64(&r);
        if (r.failed == ST_OK && out->seq == 0) {
            reader_fail(&r, ST_RELAY_ANSWER);
        }
    } else if (command == RELAY_READ) {
        read_blocks(&r, out, asked);
    } else if (command == RELAY_WAIT) {
        read_grown(&r, out, asked);
    } else if (command == RELAY_INFO) {
        read_info(&r, &out->info);
    }
    enum status st = reader_done(&r);
    if (st != ST_OK) {
        *out = (struct relay_answer){0};
    }
    return st;
}

enum status relay_result_status(enum relay_result result)
{
    static const enum status of[] = {
        [RELAY_OK] = ST_OK,
        [RELAY_BAD_REQUEST] = ST_RELAY_BAD_REQUEST,
        [RELAY_INCARNATION] = ST_RELAY_INCARNATION,
        [RELAY_LOG_FULL] = ST_RELAY_LOG_FULL,
        [RELAY_LOGS_LIMIT] = ST_RELAY_LOGS_LIMIT,
        [RELAY_BYTES_LIMIT] = ST_RELAY_BYTES_LIMIT,
        [RELAY_BUSY] = ST_RELAY_BUSY,
        [RELAY_STORE_FULL] = ST_RELAY_STORE_FULL,
        [RELAY_STORE_FAILED] = ST_RELAY_STORE_FAILED,
    };
    return (size_t)result < sizeof(of) / sizeof(of[0]) ? of[result] : ST_RELAY_ANSWER;
}
