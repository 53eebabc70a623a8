/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/admission.h"

static void chains_write(struct writer *w, const struct admission *a)
{
    size_t mark = writer_open(w);
    if (a->chain_count > WIRE_PERSONS_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    for (size_t i = 0; i < a->chain_count && w->failed == ST_OK; i++) {
        WRITE_ID(w, &a->chains[i].family);
        wire_write_list(w, &a->chains[i].entries);
    }
    writer_close(w, mark);
}

static void chains_read(struct reader *r, struct admission *a)
{
    struct reader items = reader_enter(r, (size_t)WIRE_PERSONS_MAX * WIRE_LIST_MAX);
    while (reader_more(&items)) {
        if (a->chain_count == WIRE_PERSONS_MAX) {
            reader_fail(&items, ST_WIRE_LIMIT);
            break;
        }
        struct admission_chain *c = &a->chains[a->chain_count++];
        READ_ID(&items, &c->family);
        c->entries = wire_read_list(&items, WIRE_CHAIN_ENTRIES_MAX, WIRE_ENTRY_MAX);
        if (a->chain_count > 1 && ID_COMPARE(&c[-1].family, &c->family) >= 0)
            reader_fail(&items, ST_WIRE_VALUE);
    }
    reader_leave(r, &items);
}

static void authors_write(struct writer *w, const struct admission *a)
{
    size_t mark = writer_open(w);
    if (a->author_count > ADMISSION_AUTHORS_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    for (size_t i = 0; i < a->author_count && w->failed == ST_OK; i++)
        wire_write_person(w, &a->authors[i]);
    writer_close(w, mark);
}

static void authors_read(struct reader *r, struct admission *a)
{
    struct reader items = reader_enter(r, (size_t)ADMISSION_AUTHORS_MAX * (ID_LEN + SHORT_ID_LEN));
    while (reader_more(&items)) /* the vector's limit bounds the count */
        wire_read_person(&items, &a->authors[a->author_count++]);
    reader_leave(r, &items);
}

enum status admission_encode(struct writer *w, const struct admission *a)
{
    wire_write_version(w);
    WRITE_ID(w, &a->scope);
    writer_u32(w, a->generation);
    WRITE_ID(w, &a->incarnation);
    writer_bytes(w, SPAN(a->founding_hash));
    wire_write_vec(w, a->welcome, ADMISSION_WELCOME_MAX);
    wire_write_vec(w, a->psk, ADMISSION_PSK_MAX);
    chains_write(w, a);
    wire_write_list(w, &a->roster);
    wire_write_list(w, &a->certificates);
    wire_write_list(w, &a->permits);
    authors_write(w, a);
    have_authors_write(w, a->heads, a->head_count);
    return writer_done(w);
}

enum status admission_decode(struct admission *out, struct span in)
{
    struct reader r;
    struct admission a = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    READ_ID(&r, &a.scope);
    a.generation = reader_u32(&r);
    READ_ID(&r, &a.incarnation);
    reader_fixed(&r, a.founding_hash, sizeof a.founding_hash);
    a.welcome = reader_vec(&r, ADMISSION_WELCOME_MAX);
    a.psk = reader_vec(&r, ADMISSION_PSK_MAX);
    chains_read(&r, &a);
    a.roster = wire_read_list(&r, WIRE_CHAIN_ENTRIES_MAX, WIRE_ENTRY_MAX);
    a.certificates = wire_read_list(&r, WIRE_LEAVES_MAX, WIRE_CERTIFICATE_MAX);
    a.permits = wire_read_list(&r, ADMISSION_PERMITS_MAX, WIRE_PERMIT_MAX);
    authors_read(&r, &a);
    a.head_count = have_authors_read(&r, a.heads);
    return wire_finish(&r, out, &a, sizeof a);
}
