/* SPDX-License-Identifier: Apache-2.0 */
/* Chains, certificates, and who is who: this family's (both chains) and contacts' (authority only). The
 * chains in the database are the truth; replayed states are caches. */
#ifndef KITH_SYNC_FAMILY_H
#define KITH_SYNC_FAMILY_H

#include "protocol/certificate.h"
#include "protocol/kith_context.h"
#include "sync/node_internal.h"

/* ---- this device ---- */

/* Reads self from table meta when it is stale; called before each event. */
enum status self_refresh(struct node *n) MUST_USE;
/* A fresh device key where there is none yet. */
enum status self_make_key(struct node *n) MUST_USE;
struct person_ref self_person(const struct node *n);
/* Now this device is in a family (or, family NULL, out of it). */
enum status self_join(struct node *n, const struct family_id *family, const struct person_id *person,
                      enum person_role role) MUST_USE;
enum status self_removed(struct node *n) MUST_USE; /* keeps what was said, sends nothing any more */
enum status family_own_certificate(struct node *n, struct buffer *out) MUST_USE;
/* The family's relay (address); "" before there is a family. Borrows until the next call. */
enum status family_relay(struct node *n, char out[static WIRE_RELAY_MAX + 1]) MUST_USE;

/* ---- chains ---- */

void family_forget(struct node *n); /* drops the caches */
/* The states at the newest heads of this family; borrow until the next change of a chain or rollback. */
struct authority;
struct roster;
enum status family_states(struct node *n, const struct authority **authority,
                          const struct roster **roster) MUST_USE;
/* Any family's authority, replayed up to `height` (UINT64_MAX: all there is). The caller frees it. */
enum status family_authority_at(struct node *n, const struct family_id *family, uint64_t height,
                                struct authority **out) MUST_USE;
/* The newest state of this chain in which the device stood as a parent's; ST_CHAIN_GAP: it never did. The
 * caller frees it. */
enum status family_authority_with(struct node *n, const struct family_id *family,
                                  const struct device_id *device, struct authority **out) MUST_USE;
/* The roster up to `height` (UINT64_MAX: all there is). */
enum status family_roster_at(struct node *n, const struct family_id *family, uint64_t height,
                             struct roster *out) MUST_USE;
/* Takes in one entry: known already is ST_OK; the next one is checked and kept; a rival of a known one is
 * kept apart with an alarm (ST_CHAIN_FORK); one that does not follow is ST_CHAIN_GAP. */
enum status family_take_entry(struct node *n, const struct family_id *family, struct span entry) MUST_USE;
/* Told when an authority chain has a new entry: permit_rows.c. */
enum status family_chain_grew(struct node *n, const struct family_id *family) MUST_USE;
/* A whole chain, from height 0, as in cards and Admissions. */
enum status family_take_chain(struct node *n, const struct family_id *family,
                              const struct wire_list *entries) MUST_USE;
/* All entries as a list of bytes, from `from` on. */
enum status family_chain_list(struct node *n, const struct family_id *family, enum chain_kind chain,
                              uint64_t from, struct buffer *bytes, struct wire_list *out) MUST_USE;
enum status family_head(struct node *n, const struct family_id *family, enum chain_kind chain,
                        struct chain_head *out, bool *known) MUST_USE;

/* ---- certificates and devices ---- */

/* Keeps what the chain of its family says (ST_CERTIFICATE_*, ST_CRYPTO_SIGNATURE otherwise). A device that is
 * known never becomes another person's. */
enum status family_keep_certificate(struct node *n, struct span certificate) MUST_USE;
/* The same of one that the device's own key has signed, in a leaf or a card of its own: that takes the place
 * of what another family says of the key and the key does not (docs/decisions/0094). */
enum status family_keep_proven(struct node *n, struct span certificate) MUST_USE;
/* A parent's device renews certificates of the family that are due (§6.2); called by reconcile. */
enum status certificates_due(struct node *n) MUST_USE;
/* Appends the certificate that is kept of this device where it is another than `identity`: a leaf's or a key
 * package's. */
enum status certificate_if_fresher(struct node *n, struct span identity, struct buffer *out,
                                   bool *fresher) MUST_USE;
/* The certificate kept of a device; ST_NAME_UNKNOWN. `out` borrows from bytes. */
enum status family_certificate(struct node *n, const struct device_id *device, struct buffer *bytes,
                               struct device_certificate *out) MUST_USE;

struct family_device { /* of the own family, from the roster */
    struct device_id device;
    struct person_id person;
    enum person_role role;
};
/* Devices now in the family, ascending by id; of one person when `person` is not NULL. */
enum status family_devices(struct node *n, const struct person_id *person, struct family_device *out,
                           size_t max, size_t *count) MUST_USE;
struct family_person {
    struct person_id person;
    enum person_role role;
    char name[NODE_NAME_MAX + 20];
};
enum status family_persons(struct node *n, struct family_person *out, size_t max, size_t *count) MUST_USE;
/* Whose ward this scope is; ST_NAME_UNKNOWN. */
enum status family_ward_of_scope(struct node *n, const struct scope_id *scope,
                                 struct person_id *out) MUST_USE;
/* Is this person a parent of this family, as its newest authority chain says? */
enum status family_is_parent(struct node *n, const struct person_ref *who, bool *parent) MUST_USE;
enum status family_name(struct node *n, char *out, size_t cap) MUST_USE;
/* Of a person of this family, or of a contact; "?" when unknown. */
enum status person_name(struct node *n, const struct person_ref *who, char *out, size_t cap) MUST_USE;
enum status device_name(struct node *n, const struct device_id *device, char *out, size_t cap) MUST_USE;
/* An alarm about that device, by its name. */
enum status device_alarm(struct node *n, const struct device_id *device, const char *what,
                         const struct scope_id *scope) MUST_USE;

/* ---- key packages ---- */

/* Makes one of ours for `adder` and keeps its private part; `out` gets the KeyPackage without MLSMessage
 * header. */
enum status key_package_make(struct node *n, const struct device_id *adder, bool last_resort,
                             struct buffer *out) MUST_USE;
/* A Welcome has used it: its private part goes. One that was for anybody (a request's only one) stays for a
 * week: where two devices of the other side have founded apart, the Welcome to the group that stands may come
 * second. */
enum status key_package_spent(struct node *n, const uint8_t ref[static HASH_LEN]) MUST_USE;
enum status key_packages_forget(struct node *n) MUST_USE; /* those whose week is over */
/* A KeyPackage as MLSMessage. */
enum status key_package_message(struct span package, struct buffer *out) MUST_USE;
/* Keeps one of a peer's, without header, for our use. */
enum status key_package_keep(struct node *n, const struct device_id *device, bool last_resort,
                             struct span package) MUST_USE;
/* Takes one of a peer's device out of the store (a last resort stays) as MLSMessage; *found false: none. */
enum status key_package_take(struct node *n, const struct device_id *device, struct buffer *out,
                             bool *found) MUST_USE;

#endif
