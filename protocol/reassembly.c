/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants: (1) a part in use has count >= 2, a part not in use is all zero; (2) bytes is the sum of all
 * pieces' lengths and at most REASSEMBLY_BYTES_MAX; (3) begun numbers the parts in the order in which they
 * were begun. */
#include "protocol/reassembly.h"

#include "protocol/ids.h"
#include "protocol/mem.h"

struct part {
    struct message_id id;
    uint16_t count, have; /* count 0: not in use */
    uint64_t begun, oldest_seq;
    struct buffer pieces[BLOCK_FRAGMENTS_MAX]; /* ptr NULL: not here */
};

struct reassembly {
    struct part parts[REASSEMBLY_MESSAGES_MAX];
    size_t bytes;
    uint64_t begun, dropped;
};

enum status reassembly_new(struct reassembly **out)
{
    *out = mem_alloc(1, sizeof(**out));
    return *out != NULL ? ST_OK : ST_NO_MEMORY;
}

static void part_clear(struct reassembly *r, struct part *p)
{
    for (size_t i = 0; i < p->count; i++) {
        r->bytes -= p->pieces[i].len;
        buffer_wipe(&p->pieces[i]);
    }
    *p = (struct part){0};
}

static void part_drop(struct reassembly *r, struct part *p)
{
    part_clear(r, p);
    r->dropped++;
}

void reassembly_free(struct reassembly *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < REASSEMBLY_MESSAGES_MAX; i++) {
        part_clear(r, &r->parts[i]);
    }
    mem_free(r, sizeof(*r));
}

static struct part *part_find(struct reassembly *r, const struct message_id *id)
{
    for (size_t i = 0; i < REASSEMBLY_MESSAGES_MAX; i++) {
        if (r->parts[i].count != 0 && ID_EQUAL(&r->parts[i].id, id)) {
            return &r->parts[i];
        }
    }
    return NULL;
}

/* The part begun first, other than `except`; NULL: there is none. */
static struct part *part_oldest(struct reassembly *r, const struct part *except)
{
    struct part *oldest = NULL;
    for (size_t i = 0; i < REASSEMBLY_MESSAGES_MAX; i++) {
        struct part *p = &r->parts[i];
        if (p->count != 0 && p != except && (oldest == NULL || p->begun < oldest->begun)) {
            oldest = p;
        }
    }
    return oldest;
}

static struct part *part_begin(struct reassembly *r, const struct block_record *fragment)
{
    struct part *free_part = NULL;
    for (size_t i = 0; i < REASSEMBLY_MESSAGES_MAX && free_part == NULL; i++) {
        free_part = r->parts[i].count == 0 ? &r->parts[i] : NULL;
    }
    if (free_part == NULL) {
        free_part = part_oldest(r, NULL);
        part_drop(r, free_part);
    }
    *free_part = (struct part){
        .id = fragment->message, .count = fragment->count, .begun = ++r->begun, .oldest_seq = UINT64_MAX};
    return free_part;
}

static enum status part_join(struct reassembly *r, struct part *p, struct buffer *message)
{
    buffer_init(message, BLOCK_MESSAGE_MAX);
    enum status st = ST_OK;
    for (size_t i = 0; i < p->count && st == ST_OK; i++) {
        st = buffer_append(message, buffer_span(&p->pieces[i]));
    }
    if (st != ST_OK) {
        buffer_wipe(message);
        return st;
    }
    part_clear(r, p);
    return ST_OK;
}

static enum status part_keep(struct reassembly *r, struct part *p, const struct block_record *fragment)
{
    while (r->bytes + fragment->bytes.len > REASSEMBLY_BYTES_MAX) { /* one part alone is within the bound */
        struct part *oldest = part_oldest(r, p);
        invariant(oldest != NULL);
        part_drop(r, oldest);
    }
    struct buffer *piece = &p->pieces[fragment->index];
    buffer_init(piece, BLOCK_PIECE_MAX);
    enum status st = buffer_append(piece, fragment->bytes);
    if (st != ST_OK) {
        *piece = (struct buffer){0};
        return st;
    }
    r->bytes += fragment->bytes.len;
    p->have++;
    return ST_OK;
}

enum status reassembly_add(struct reassembly *r, const struct block_record *fragment, uint64_t seq,
                           struct buffer *message, bool *complete)
{
    *complete = false;
    buffer_wipe(message);
    if (fragment->kind != BLOCK_FRAGMENT || fragment->count < 2 || fragment->count > BLOCK_FRAGMENTS_MAX ||
        fragment->index >= fragment->count || fragment->bytes.len == 0 ||
        fragment->bytes.len > BLOCK_PIECE_MAX) {
        return ST_USAGE;
    }
    struct part *p = part_find(r, &fragment->message);
    if (p == NULL) {
        p = part_begin(r, fragment);
    }
    const struct buffer *here = &p->pieces[fragment->index];
    if (p->count != fragment->count ||
        (here->ptr != NULL && !span_equal(buffer_span(here), fragment->bytes))) {
        part_drop(r, p);
        return ST_BLOCK_FRAGMENT;
    }
    if (here->ptr == NULL) {
        enum status st = part_keep(r, p, fragment);
        if (st != ST_OK) {
            if (p->have == 0) {
                part_clear(r, p);
            }
            return st;
        }
    }
    p->oldest_seq = seq < p->oldest_seq ? seq : p->oldest_seq;
    if (p->have < p->count) {
        return ST_OK;
    }
    enum status st = part_join(r, p, message);
    *complete = st == ST_OK;
    return st;
}

uint64_t reassembly_oldest_seq(const struct reassembly *r)
{
    uint64_t oldest = 0;
    for (size_t i = 0; i < REASSEMBLY_MESSAGES_MAX; i++) {
        const struct part *p = &r->parts[i];
        if (p->count != 0 && (oldest == 0 || p->oldest_seq < oldest)) {
            oldest = p->oldest_seq;
        }
    }
    return oldest;
}

uint64_t reassembly_dropped(const struct reassembly *r)
{
    return r->dropped;
}
