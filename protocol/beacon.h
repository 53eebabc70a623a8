/* SPDX-License-Identifier: Apache-2.0 */
/* Beacons, requests to be added again, and notes of leaving (protocol.md §5.3, §5.4). Pure. */
#ifndef KITH_PROTOCOL_BEACON_H
#define KITH_PROTOCOL_BEACON_H

#include "protocol/relay_command.h"
#include "protocol/wire.h"

enum beacon_limits {
    BEACON_NONCE_LEN = 16,
    LEAVE_NOTE_MAX = 512,
    LEAVE_HEARD_MAX = LEAVE_NOTE_MAX + WIRE_CERTIFICATE_MAX + 32
};

/* "In this group I stand at this epoch." Not signed: it travels in a group, another scope or a letterbox. */
struct beacon {
    struct scope_id scope;
    uint32_t generation;
    uint8_t founding_hash[HASH_LEN]; /* hash of the group's epoch-0 authenticator */
    uint64_t epoch;
    uint8_t authenticator_hash[HASH_LEN]; /* beacon_authenticator_hash of this epoch */
    struct relay_incarnation incarnation; /* under which the sender read it */
    bool answers;
    uint8_t nonce[BEACON_NONCE_LEN]; /* of who asked for this beacon; zero if none did */
    bool asks;
    uint8_t asked[BEACON_NONCE_LEN]; /* to be named in every other member's beacon; zero if none is wanted */
};

enum status beacon_decode(struct beacon *out, struct span in) MUST_USE;
enum status beacon_encode(struct writer *w, const struct beacon *b) MUST_USE;
enum status beacon_authenticator_hash(struct span epoch_authenticator, uint8_t out[static HASH_LEN]) MUST_USE;

/* "Replace my leaf by this fresh one." */
struct readd_request {
    struct scope_id scope;
    uint32_t generation;
    uint8_t old_leaf_hash[HASH_LEN];    /* SHA-256 of the encoded LeafNode that the device had */
    uint8_t key_package_hash[HASH_LEN]; /* SHA-256 of the encoded KeyPackage to use */
    struct span key_package;            /* empty when it travels as evidence */
    struct device_id device;
    struct signature signature; /* leaves key_package itself out */
};

enum status readd_request_decode(struct readd_request *out, struct span in) MUST_USE;
enum status readd_request_encode(struct writer *w, const struct readd_request *q) MUST_USE;
enum status readd_request_sign(struct readd_request *q, const struct sign_private *key) MUST_USE;
enum status readd_request_verify(const struct readd_request *q) MUST_USE;

/* "In this group your leaf is that one": to a device that asked to be added again and named another, as one
 * does whose database is an old copy. Not signed: it travels in a letterbox. */
struct leaf_told {
    struct scope_id scope;
    uint32_t generation;
    struct device_id device;     /* whose leaf: devices of a person share a letterbox */
    uint8_t leaf_hash[HASH_LEN]; /* SHA-256 of the encoded LeafNode */
};

enum status leaf_told_decode(struct leaf_told *out, struct span in) MUST_USE;
enum status leaf_told_encode(struct writer *w, const struct leaf_told *l) MUST_USE;

/* "My person leaves this conversation": lets any member remove that person's leaves, as long as the device
 * has the leaf that it had when it said so: a note is for one stay. One without a leaf (version 1) removes
 * nobody. */
struct leave_note {
    struct scope_id scope;
    uint32_t generation;
    struct person_ref who;
    struct device_id device;
    bool has_leaf;
    uint8_t leaf_hash[HASH_LEN]; /* SHA-256 of the encoded LeafNode; zeros without */
    struct signature signature;
};

enum status leave_note_decode(struct leave_note *out, struct span in) MUST_USE;
enum status leave_note_encode(struct writer *w, const struct leave_note *n) MUST_USE;
enum status leave_note_sign(struct leave_note *n, const struct sign_private *key) MUST_USE;
enum status leave_note_verify(const struct leave_note *n) MUST_USE;

/* A note as it is told outside of its conversation: when it was said there, and whose device that is. Stands
 * where a leave_note may stand; leave_is_heard says which it is. Not signed: its teller answers for the hlc.
 */
struct leave_heard {
    uint64_t hlc;
    struct span certificate; /* of the note's device; may be empty */
    struct span note;        /* struct leave_note */
};

bool leave_is_heard(struct span in);
enum status leave_heard_decode(struct leave_heard *out, struct span in) MUST_USE;
enum status leave_heard_encode(struct writer *w, const struct leave_heard *h) MUST_USE;

#endif
