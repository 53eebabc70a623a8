/* SPDX-License-Identifier: Apache-2.0 */
/* Ids and time. Each id is a struct of its own so that two kinds cannot be swapped. Pure. */
#ifndef KITH_PROTOCOL_IDS_H
#define KITH_PROTOCOL_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum ids_limits {
    ID_LEN = 32,      /* a SHA-256 or an Ed25519 key */
    SHORT_ID_LEN = 16 /* random: 2^64 of them before two are likely to be equal */
};

struct device_id { /* the device's Ed25519 public key */
    uint8_t b[ID_LEN];
};
struct family_id { /* hash of the first entry of the authority chain */
    uint8_t b[ID_LEN];
};
struct log_id { /* hash of the log's capabilities, protocol.md §3.3 */
    uint8_t b[ID_LEN];
};
struct entry_hash {
    uint8_t b[ID_LEN];
};
struct person_id {
    uint8_t b[SHORT_ID_LEN];
};
struct block_id {
    uint8_t b[SHORT_ID_LEN];
};
struct scope_id {
    uint8_t b[SHORT_ID_LEN];
};

/* A person anywhere: person ids are unique within a family only. */
struct person_ref {
    struct family_id family;
    struct person_id person;
};

/* Byte-wise order and equality of two ids of one kind: ID_EQUAL(&a, &b). Not for secrets. */
#define ID_COMPARE(x, y) memcmp((x)->b, (y)->b, sizeof((x)->b))
#define ID_EQUAL(x, y) (ID_COMPARE(x, y) == 0)

static inline bool person_ref_equal(const struct person_ref *a, const struct person_ref *b)
{
    return ID_EQUAL(&a->family, &b->family) && ID_EQUAL(&a->person, &b->person);
}

/* Both clocks at one moment, handed in from outside: nothing below apps/ reads a clock. */
struct now {
    int64_t wall_ms; /* Unix time, UTC */
    int64_t mono_ms; /* since any fixed moment; never goes back */
};

#endif
