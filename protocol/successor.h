/* SPDX-License-Identifier: Apache-2.0 */
/* Successor: the founding of a scope's next generation, as a letter to each of its members (protocol.md
 * §5.4). Pure.
 *
 * Its name is the id of the group that is founded, so every member of it, whenever they came, knows what it
 * follows and who founded it, and all compare two of them alike: the founder's lower leaf, then the lower
 * hash. */
#ifndef KITH_PROTOCOL_SUCCESSOR_H
#define KITH_PROTOCOL_SUCCESSOR_H

#include "protocol/wire.h"

enum successor_limits {
    SUCCESSOR_ADMISSION_MAX = 384 * 1024,
    SUCCESSOR_EVIDENCE_MAX = WIRE_LEAVES_MAX, /* a record for each leaf that is left out */
    SUCCESSOR_RECORD_MAX = WIRE_ENTRY_MAX,
    SUCCESSOR_NAME_LEN = 32,
    SUCCESSOR_NONCE_LEN = 16
};

enum successor_reason { /* why the group before cannot go on; told to people, decides nothing */
                        SUCCESSOR_POISONED = 1, /* a commit did not open, and nobody added its victim again */
                        SUCCESSOR_LOG_FULL = 2,
                        SUCCESSOR_SILENT =
                            3,               /* a member has not told for a day where it stands after a gap */
                        SUCCESSOR_ALONE = 4, /* nobody else is left who could add the founder again */
                        SUCCESSOR_RELAY = 5, /* the group's relay is gone */
                        SUCCESSOR_REFUSED =
                            6, /* another successor leaves somebody out, or has somebody removed */
                        SUCCESSOR_REASON_LAST = SUCCESSOR_REFUSED
};

struct successor {
    struct scope_id scope;
    uint32_t generation; /* of the group that is founded */
    /* The group that it follows: */
    uint32_t old_generation;
    uint8_t old_founding[HASH_LEN];
    uint64_t epoch;              /* in which the founder left it */
    uint8_t tree_hash[HASH_LEN]; /* of that epoch */
    uint32_t founder;            /* the founder's leaf there */
    enum successor_reason reason;
    uint8_t nonce[SUCCESSOR_NONCE_LEN];
    struct wire_list evidence; /* struct evidence_record each: why leaves are left out */
    struct span admission;     /* struct admission; not part of the name */
};

enum status successor_decode(struct successor *out, struct span in) MUST_USE;
enum status successor_encode(struct writer *w, const struct successor *s) MUST_USE;
/* The id of the group: the founder's leaf, then the first 28 bytes of the hash of all but the admission. */
enum status successor_name(const struct successor *s, uint8_t out[static SUCCESSOR_NAME_LEN]) MUST_USE;
/* Is this the id of a successor? Ids of other groups are random. */
bool successor_is_name(struct span group_id);

#endif
