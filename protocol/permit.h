/* SPDX-License-Identifier: Apache-2.0 */
/* Permits and their withdrawal (protocol.md §7.2). Pure. Whether the approvals suffice is judged against the
 * authority chain in device/certificates.h. */
#ifndef KITH_PROTOCOL_PERMIT_H
#define KITH_PROTOCOL_PERMIT_H

#include "protocol/wire.h"

enum permit_kind_bits { /* what may pass between the two */
                        PERMIT_TEXT = 1,
                        PERMIT_IMAGES = 2,
                        PERMIT_FILES = 4,
                        PERMIT_GROUPS = 8, /* both may be in one conversation with others */
                        PERMIT_ALL = 15
};

enum oversight { OVERSIGHT_CONTACTS = 1, OVERSIGHT_ACTIVITY = 2, OVERSIGHT_MESSAGES = 3 };

struct permit_approval {
    struct person_id person; /* a parent of the child's family */
    struct device_id device;
    struct signature signature; /* over the permit without its approvals */
};

/* Parents' signed yes: this child and that person, until then, under these conditions. */
struct permit {
    struct person_ref child, contact;
    bool has_contact; /* false only under the rules notify and self */
    uint8_t approval_count;
    uint16_t kinds;           /* permit_kind_bits */
    enum oversight oversight; /* what the child's own parents see */
    int64_t not_before_ms, not_after_ms;
    uint64_t serial; /* hlc of the first yes; later ones replace earlier ones */
    struct permit_approval approvals[WIRE_PARENTS_MAX]; /* in strictly rising order of person */
};

enum status permit_decode(struct permit *out, struct span in) MUST_USE;
enum status permit_encode(struct writer *w, const struct permit *p) MUST_USE;
/* Adds the signature of one parent's device in its place. ST_USAGE when that person signed already,
 * ST_NO_SPACE when there are WIRE_PARENTS_MAX. */
enum status permit_approve(struct permit *p, const struct person_id *parent, const struct device_id *device,
                           const struct sign_private *key) MUST_USE;
enum status permit_verify_approval(const struct permit *p, size_t index) MUST_USE;

/* Voids all permits for this pair up to its serial. */
struct permit_withdrawal {
    struct person_ref child, contact;
    uint64_t serial;
    struct device_id issuer; /* a parent's device */
    struct signature signature;
};

enum status permit_withdrawal_decode(struct permit_withdrawal *out, struct span in) MUST_USE;
enum status permit_withdrawal_encode(struct writer *w, const struct permit_withdrawal *p) MUST_USE;
enum status permit_withdrawal_sign(struct permit_withdrawal *p, const struct sign_private *key) MUST_USE;
enum status permit_withdrawal_verify(const struct permit_withdrawal *p) MUST_USE;

#endif
