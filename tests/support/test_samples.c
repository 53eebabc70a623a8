/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_samples.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test_sample_rows.h"

/* ---- parts ---- */

struct sample_key sample_key(unsigned n)
{
    struct sample_key k;
    struct sign_public public;
    uint8_t seed[SIGN_SEED_LEN];
    memset(seed, (int)n, sizeof seed);
    sign_keypair_from_seed(seed, &k.key, &public);
    memcpy(k.device.b, public.b, ID_LEN);
    return k;
}

struct person_id sample_person_id(unsigned n)
{
    struct person_id p;
    memset(p.b, (int)n, sizeof p.b);
    return p;
}

struct person_ref sample_person(unsigned family, unsigned person)
{
    struct person_ref p;
    memset(p.family.b, (int)family, sizeof p.family.b);
    p.person = sample_person_id(person);
    return p;
}

struct wire_list sample_two_items(struct buffer *bytes)
{
    struct wire_list list = {SPAN_EMPTY, 0};
    buffer_init(bytes, 4096);
    MUST(wire_list_append(bytes, &list, span_text("first item")));
    MUST(wire_list_append(bytes, &list, span_text("second")));
    return list;
}

/* ---- by name ---- */

static const struct sample_row *row_at(size_t index)
{
    const struct sample_row *const tables[] = {sample_rows_people, sample_rows_devices};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct sample_row *row = tables[i]; row->name != NULL; row++, index--)
            if (index == 0)
                return row;
    return NULL;
}

static const struct sample_row *row_of(const char *name)
{
    const struct sample_row *row;
    for (size_t i = 0; (row = row_at(i)) != NULL; i++)
        if (strcmp(row->name, name) == 0)
            return row;
    abort();
}

const char *sample_name(size_t index)
{
    const struct sample_row *row = row_at(index);
    return row != NULL ? row->name : NULL;
}

void sample_encode(const char *name, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    row_of(name)->write(&w);
    MUST(writer_done(&w));
}

void sample_check_decoder(const char *name)
{
    struct buffer b;
    buffer_init(&b, 1 << 20);
    MUST(suite_start());
    sample_encode(name, &b);
    check_decoder(row_of(name)->roundtrip, NULL, buffer_span(&b));
    buffer_wipe(&b);
}

void sample_check_signed(const char *name)
{
    struct buffer b;
    buffer_init(&b, 1 << 20);
    MUST(suite_start());
    sample_encode(name, &b);
    check_round_trip(row_of(name)->checked, NULL, buffer_span(&b));
    check_flips_refused(row_of(name)->checked, NULL, buffer_span(&b));
    buffer_wipe(&b);
}

void sample_fuzz(const char *name, const uint8_t *data, size_t size)
{
    struct buffer again;
    buffer_init(&again, SIZE_MAX);
    if (row_of(name)->roundtrip(NULL, SPAN_OF(data, size), &again) == ST_OK)
        invariant(span_equal(buffer_span(&again), SPAN_OF(data, size)));
    buffer_wipe(&again);
}
