/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of device/pairing share. */
#ifndef KITH_DEVICE_PAIRING_INTERNAL_H
#define KITH_DEVICE_PAIRING_INTERNAL_H

#include "device/pairing.h"

enum pairing_text { /* the byte strings that a session owns */
                    TEXT_RELAY,
                    TEXT_FAMILY_NAME,
                    TEXT_PERSON_NAME,
                    TEXT_DEVICE_NAME,
                    TEXT_CHAIN,
                    TEXT_LETTERBOX,
                    TEXT_CERTIFICATE,
                    TEXT_KEY_PACKAGES,
                    TEXT_COUNT
};

/* Invariants: 1. `t` is what both sides fix before the opening; this side's nonce is in it from the start,
 * the other's from the message that brings it. 2. A parent's side has `commitment` from PHASE_ANSWERED on and
 * never replaces it. 3. facts is worked out from the rest by pairing_refresh and never read by the protocol
 * itself. */
struct pairing {
    bool new_device;
    enum pairing_phase phase;
    enum status failed;
    int64_t expires_ms;
    struct secret secret;   /* of the link */
    struct entry_hash head; /* of the authority chain, as the link names it */
    struct pairing_transcript t;
    uint8_t commitment[HASH_LEN];
    bool is_parent; /* the person is a parent in the chain already */
    bool has_recovery;
    struct sign_public recovery;
    size_t chain_count, key_package_count;
    struct buffer text[TEXT_COUNT];
    struct pairing_facts facts;
};

struct pairing_input { /* one call of pairing_receive */
    const struct pairing_message *message;
    int64_t now_ms;
    const struct sign_private *key;
    struct buffer *send;
};

/* One message at one side, by kind; which phases it is for is the handler's to know. */
typedef enum status (*pairing_handler)(struct pairing *p, const struct pairing_input *in);
extern const pairing_handler pairing_parent_handlers[PAIRING_KIND_LAST + 1];
extern const pairing_handler pairing_device_handlers[PAIRING_KIND_LAST + 1];

/* One to PAIRING_KEY_PACKAGES_MAX valid key packages of the new device under its certificate; else the
 * reason. */
enum status pairing_packages_check(const struct pairing *p, const struct wire_list *packages) MUST_USE;
/* Ends the session with `why`, and says so to the other side. */
enum status pairing_fail(struct pairing *p, enum status why, struct buffer *send) MUST_USE;
/* Appends a message to `send`, whole or not at all. */
enum status pairing_send(struct buffer *send, const struct pairing_message *m) MUST_USE;
enum status pairing_move(struct pairing *p, enum pairing_phase to) MUST_USE; /* and works out facts */
bool pairing_over(const struct pairing *p, int64_t now_ms);                  /* past the link's time */

struct pairing_authority { /* what pairing asks of an authority chain */
    struct family_id family;
    struct entry_hash head;
    struct person_id person; /* whom is_parent is about */
    bool names;              /* `device` is a parent's at the head */
    bool is_parent;          /* `person` is a parent already, with a recovery key in the chain */
};
/* Walks a chain that is to be linear and signed: ST_PAIRING_FAMILY. Whose entries were entitled is not judged
 * here: the link's head stands for all of it. */
enum status pairing_authority_walk(struct wire_list chain, const struct device_id *device,
                                   const struct person_id *person, struct pairing_authority *out) MUST_USE;
/* A parent's first device brings the recovery key that the chain is to name. */
bool pairing_wants_recovery(const struct pairing *p);

struct pairing *pairing_new(void); /* NULL: no memory */
/* Works out facts after a change. */
enum status pairing_refresh(struct pairing *p) MUST_USE;
struct pairing_link pairing_link_of(const struct pairing *p); /* borrows p's relay; wipe */
struct wire_list pairing_chain(const struct pairing *p);
struct wire_list pairing_packages(const struct pairing *p);

#endif
