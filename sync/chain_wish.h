/* SPDX-License-Identifier: Apache-2.0 */
/* Chain changes that this device wants. A wish is kept until it has won: reconcile makes it into chain
 * entries on the heads of the moment, as evidence of a commit of `family`, again and again until one is read
 * back as first. */
#ifndef KITH_SYNC_CHAIN_WISH_H
#define KITH_SYNC_CHAIN_WISH_H

#include "protocol/pairing_message.h"
#include "sync/scope_group.h"

struct wish_device { /* a device that was paired; borrows */
    struct person_id person;
    enum person_role role;
    struct span person_name, device_name;
    struct device_id device;
    bool has_recovery;
    struct sign_public recovery;
    struct span certificate, letterbox; /* encoded */
    struct wire_list key_packages;      /* without MLSMessage header */
};
/* Adds the device; the person too where the roster has none of that id. A second device of an adult needs
 * that person's signature: it is asked for by a proposal when this device's person is somebody else. */
enum status wish_add_device(struct node *n, const struct wish_device *d) MUST_USE;
enum status wish_remove_device(struct node *n, const struct device_id *device) MUST_USE;

/* The oldest wish that can be made now becomes the family's commit. */
enum status wishes_commit(struct node *n, struct group *family) MUST_USE;
/* After a family commit won: drops what is done, tells pair.c. */
enum status wishes_settle(struct node *n) MUST_USE;
enum status pair_device_joined(struct node *n, const struct device_id *device) MUST_USE; /* pair.c */
/* The chain does not take it: the person or device is there already, or the family is full. */
/* pair.c: `why` no entry can be made; both sides are told. */
enum status pair_device_failed(struct node *n, const struct device_id *device, enum status why) MUST_USE;

/* `requests` and `approve` for proposals that want our signature (REQUEST_SIGN). */
enum status wish_sign(struct node *n, const uint8_t request[static 32], bool yes) MUST_USE;

#endif
