/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/family_relays.h"

#include <string.h>

#include "protocol/relay_address.h"

size_t family_relays_find(const struct family_relays *l, const char *address)
{
    struct relay_address wanted, other;
    size_t i = 0;
    if (relay_address_parse(&wanted, address) != ST_OK)
        return l->count;
    while (i < l->count && (relay_address_parse(&other, l->at[i]) != ST_OK ||
                            memcmp(wanted.key.b, other.key.b, sizeof wanted.key.b) != 0))
        i++;
    bytes_wipe(&wanted, sizeof wanted);
    bytes_wipe(&other, sizeof other);
    return i;
}

bool family_relays_equal(const struct family_relays *a, const struct family_relays *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = strcmp(a->at[i], b->at[i]) == 0;
    return equal;
}

bool family_relays_meet(const struct family_relays *a, const struct family_relays *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (family_relays_find(b, a->at[i]) < b->count)
            return true;
    return false;
}

/* One more at the end of the list. */
static enum status take_one(struct family_relays *l, struct span text)
{
    struct relay_address address;
    char *to = l->at[l->count];
    if (l->count == WIRE_RELAYS_MAX)
        return ST_WIRE_LIMIT;
    if (text.len == 0 || text.len > WIRE_RELAY_MAX || memchr(text.ptr, '\0', text.len) != NULL)
        return ST_RELAY_ADDRESS;
    memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
    enum status st = relay_address_parse(&address, to);
    bytes_wipe(&address, sizeof address);
    if (st == ST_OK && family_relays_find(l, to) < l->count)
        st = ST_WIRE_VALUE;
    if (st == ST_OK)
        l->count++;
    return st;
}

void family_relays_write(struct writer *w, const struct family_relays *l)
{
    struct family_relays checked = {0};
    size_t mark = writer_open(w);
    if (l->count > WIRE_RELAYS_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    if (l->count == 0)
        writer_fail(w, ST_WIRE_VALUE);
    for (size_t i = 0; i < l->count && w->failed == ST_OK; i++) {
        enum status st = take_one(&checked, span_text(l->at[i]));
        if (st != ST_OK)
            writer_fail(w, st);
        wire_write_vec(w, span_text(l->at[i]), WIRE_RELAY_MAX);
    }
    writer_close(w, mark);
}

void family_relays_read(struct reader *r, struct family_relays *out)
{
    struct reader items = reader_enter(r, (size_t)WIRE_RELAYS_MAX * (WIRE_RELAY_MAX + 2));
    memset(out, 0, sizeof *out);
    while (reader_more(&items)) {
        struct span text = reader_vec(&items, WIRE_RELAY_MAX);
        enum status st = items.failed == ST_OK ? take_one(out, text) : ST_OK;
        if (st != ST_OK)
            reader_fail(&items, st);
    }
    if (out->count == 0)
        reader_fail(&items, ST_WIRE_VALUE);
    reader_leave(r, &items);
}

enum status family_relays_of(const struct kith_context *c, struct family_relays *out)
{
    enum status st = ST_OK;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; st == ST_OK && i < c->relay_count; i++)
        st = take_one(out, c->relays[i]);
    return st;
}

void family_relays_put(struct kith_context *c, const struct family_relays *l)
{
    c->relay_count = l->count;
    for (size_t i = 0; i < WIRE_RELAYS_MAX; i++)
        c->relays[i] = i < l->count ? span_text(l->at[i]) : SPAN_EMPTY;
}
