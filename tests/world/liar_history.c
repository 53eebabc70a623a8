/* SPDX-License-Identifier: Apache-2.0 */
/* A giver of history with a program of its owner's making: it leaves entries out, changes words, adds entries
 * that nobody wrote, and promises other parts than it sends. The linker replaces the functions that pack. */
#include <stdio.h>

#include "protocol/entry_body.h"
#include "sync/history_internal.h"
#include "sync/node_internal.h"
#include "tests/support/test.h"
#include "tests/world/liar_internal.h"

enum { GIVERS_MAX = 4, TURNS = 8, PART_TURNS = 5 };

static struct {
    struct device_id givers[GIVERS_MAX];
    size_t giver_count;
    unsigned told; /* world_counterfeits */
    bool on;       /* the device that packs now is one of them */
    unsigned entries, parts;
} forging;

void liar_gives_history(const struct device_id *device)
{
    forging.givers[forging.giver_count++ % GIVERS_MAX] = *device;
}

unsigned world_counterfeits(void)
{
    unsigned told = forging.told;
    forging.told = 0;
    return told;
}

static bool is_giver(const struct device_id *device)
{
    for (size_t i = 0; i < forging.giver_count && i < GIVERS_MAX; i++) {
        if (ID_EQUAL(&forging.givers[i], device))
            return true;
    }
    return false;
}

/* Another text: under the next number, which its author never gave, or under its own. */
static enum status make_up(struct span entry, bool next, struct buffer *out)
{
    struct journal_entry e;
    struct entry_body body = {.kind = ENTRY_TEXT};
    struct buffer encoded;
    struct writer w;
    char text[32];
    enum status st = journal_entry_decode(&e, entry);
    if (st != ST_OK || !e.has_body || e.kind != ENTRY_TEXT)
        return ST_JOURNAL_AUTHOR;
    snprintf(text, sizeof(text), LIAR_TEXT "%u", forging.entries);
    body.u.text.text = span_text(text);
    buffer_init(&encoded, ENTRY_BODY_MAX);
    writer_init(&w, &encoded);
    st = entry_body_encode(&w, &body);
    e.body = buffer_span(&encoded);
    e.header.seq += next;
    if (st == ST_OK)
        st = journal_entry_hash_body(&e);
    writer_init(&w, out);
    if (st == ST_OK)
        st = journal_entry_encode(&w, &e);
    buffer_wipe(&encoded);
    return st;
}

enum status __real_history_send_part(struct node *n, const struct history_source *s, uint32_t index,
                                     size_t *aim, struct history_sent *out);
enum status __wrap_history_send_part(struct node *n, const struct history_source *s, uint32_t index,
                                     size_t *aim, struct history_sent *out) MUST_USE;
enum status __wrap_history_send_part(struct node *n, const struct history_source *s, uint32_t index,
                                     size_t *aim, struct history_sent *out)
{
    forging.on = is_giver(&n->self.device);
    enum status st = __real_history_send_part(n, s, index, aim, out);
    forging.on = false;
    return st;
}

enum status __real_history_pack_entry(struct history_pack *p, struct span entry);
enum status __wrap_history_pack_entry(struct history_pack *p, struct span entry) MUST_USE;
enum status __wrap_history_pack_entry(struct history_pack *p, struct span entry)
{
    struct buffer other;
    if (!forging.on || p->count == 0) /* the first one dates the part */
        return __real_history_pack_entry(p, entry);
    unsigned turn = forging.entries++ % TURNS;
    if (turn == 0) {
        forging.told++;
        return ST_OK; /* left out */
    }
    buffer_init(&other, GROUP_MESSAGE_MAX);
    enum status st = turn <= 2 ? make_up(entry, turn == 2, &other) : ST_JOURNAL_AUTHOR;
    bool made = st == ST_OK;
    forging.told += made;
    st = made ? __real_history_pack_entry(p, buffer_span(&other)) : ST_OK;
    if (st == ST_OK && !(made && turn == 1))
        st = __real_history_pack_entry(p, entry);
    buffer_wipe(&other);
    return st;
}

enum status __real_history_pack_close(const struct history_pack *p, struct buffer *out,
                                      struct history_range *range);
enum status __wrap_history_pack_close(const struct history_pack *p, struct buffer *out,
                                      struct history_range *range) MUST_USE;
enum status __wrap_history_pack_close(const struct history_pack *p, struct buffer *out,
                                      struct history_range *range)
{
    enum status st = __real_history_pack_close(p, out, range);
    if (forging.on && st == ST_OK && forging.parts++ % PART_TURNS == PART_TURNS - 1) {
        range->sha256[0] ^= 1;
        forging.told++;
    }
    return st;
}
