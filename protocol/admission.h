/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: a Welcome and what the joiner judges it by (protocol.md §5.3). Pure. */
#ifndef KITH_PROTOCOL_ADMISSION_H
#define KITH_PROTOCOL_ADMISSION_H

#include "protocol/beacon.h"
#include "protocol/journal_entry.h"

enum admission_limits {
    ADMISSION_WELCOME_MAX = 128 * 1024, /* with the ratchet tree of 64 leaves */
    ADMISSION_AUTHORS_MAX = 2,
    ADMISSION_PSK_MAX = 255,
    ADMISSION_PERMITS_MAX = WIRE_PERSONS_MAX * WIRE_PERSONS_MAX /* every ordered pair */
};

struct admission_chain { /* a whole authority chain, from height 0 */
    struct family_id family;
    struct wire_list entries;
};

struct admission {
    struct scope_id scope;
    uint32_t generation;
    struct relay_incarnation incarnation; /* under which the commit was read back */
    uint8_t founding_hash[HASH_LEN];
    struct span welcome; /* an MLS Welcome */
    struct span psk;     /* the wrapped join PSK (§2); empty in this version */
    uint8_t chain_count;
    struct admission_chain chains[WIRE_PERSONS_MAX]; /* in strictly rising order of family */
    struct wire_list roster;                         /* whole; empty outside the family */
    struct wire_list certificates;                   /* fresher ones than some leaves hold */
    struct wire_list permits;
    uint8_t author_count; /* who made the last epochs' commits, newest first; before the joiner's own */
    struct person_ref authors[ADMISSION_AUTHORS_MAX];
    uint16_t head_count; /* where the members' journals stand: what is earlier is no gap */
    struct have_author heads[HAVE_AUTHORS_MAX];
};

enum status admission_decode(struct admission *out, struct span in) MUST_USE;
enum status admission_encode(struct writer *w, const struct admission *a) MUST_USE;

#endif
