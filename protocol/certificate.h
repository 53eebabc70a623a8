/* SPDX-License-Identifier: Apache-2.0 */
/* Device certificates, revocations and pins (protocol.md §6.2). Pure. Whether the signer was entitled is
 * judged against the chains in device/certificates.h; here only the signature itself is checked. */
#ifndef KITH_PROTOCOL_CERTIFICATE_H
#define KITH_PROTOCOL_CERTIFICATE_H

#include "protocol/wire.h"

/* "This device acts for this person": the identity in the device's MLS credential. */
struct device_certificate {
    struct person_ref who;
    bool supervised; /* the person needs permits */
    struct device_id device;
    uint64_t authority_height; /* of the chain that the issuer knew */
    int64_t not_after_ms;
    struct device_id issuer; /* a parent's device */
    struct signature signature;
};

enum status device_certificate_decode(struct device_certificate *out, struct span in) MUST_USE;
enum status device_certificate_encode(struct writer *w, const struct device_certificate *c) MUST_USE;
/* Fills c->signature; c->issuer must be the key's public half. */
enum status device_certificate_sign(struct device_certificate *c, const struct sign_private *key) MUST_USE;
enum status device_certificate_verify(const struct device_certificate *c) MUST_USE; /* by c->issuer */

/* The last accepted entry of a device in a scope: what comes after it no longer opens anything (§6.1). */
struct pin {
    struct scope_id scope;
    uint64_t seq;
    struct entry_hash hash;
};

struct pins {
    uint8_t count;
    struct pin at[WIRE_PINS_MAX];
};

void pins_read(struct reader *r, struct pins *out); /* for structures that hold pins */
void pins_write(struct writer *w, const struct pins *p);

/* "This device no longer acts for this person", with its successor where there is one. */
struct revocation {
    struct person_ref who;
    struct device_id device;
    uint64_t authority_height;
    struct pins pins;
    bool replaced;
    struct span certificate; /* if replaced: of the new device */
    struct span key_package; /* if replaced: of the new device; an MLS KeyPackage */
    struct device_id issuer; /* a parent's device; an adult's own other device */
    struct signature signature;
};

enum status revocation_decode(struct revocation *out, struct span in) MUST_USE;
enum status revocation_encode(struct writer *w, const struct revocation *v) MUST_USE;
enum status revocation_sign(struct revocation *v, const struct sign_private *key) MUST_USE;
enum status revocation_verify(const struct revocation *v) MUST_USE;

#endif
