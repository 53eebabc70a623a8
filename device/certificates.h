/* SPDX-License-Identifier: Apache-2.0 */
/* Who may sign what, judged against an authority chain (protocol.md §6.2, §7): certificates, revocations,
 * permits, withdrawals, invites, cards and requests. Pure. Signatures are checked here too; clocks only where
 * a parameter says so. */
#ifndef KITH_DEVICE_CERTIFICATES_H
#define KITH_DEVICE_CERTIFICATES_H

#include "device/authority.h"
#include "protocol/contact_request.h"
#include "protocol/letterbox.h"
#include "protocol/permit.h"

#define CERTIFICATE_LIFE_MS (INT64_C(400) * 24 * 3600 * 1000)  /* a year, and a month to renew in */
#define CERTIFICATE_RENEW_MS (INT64_C(180) * 24 * 3600 * 1000) /* a device is off for half a year at most */

struct certificate_args {
    const struct authority *at; /* the issuer's */
    struct person_id person;
    struct device_id device;
    int64_t now_ms;
    struct device_id issuer;
    const struct sign_private *key; /* of issuer */
};

/* `supervised` is what the chain says. For a parent the device must stand in the chain first. */
enum status certificate_issue(struct device_certificate *out, const struct certificate_args *a) MUST_USE;
/* Is it signed by a parent's device of `at`, and does it say of person and device what `at` says? Expiry is
 * not looked at. ST_CERTIFICATE_*, ST_CRYPTO_SIGNATURE. */
enum status certificate_check(const struct authority *at, const struct device_certificate *c) MUST_USE;
/* Should a parent's device renew it: after 180 days, or because its issuer is gone? */
bool certificate_is_due(const struct authority *at, const struct device_certificate *c, int64_t now_ms);

/* Enough parents for this child's rule? Persons are counted. Time, kinds and withdrawals are not looked at.
 */
enum status permit_check_approvals(const struct authority *at, const struct permit *p) MUST_USE;
/* Takes out the approvals whose device is not, or no longer, that parent's in `at`: they count for nothing,
 * and stand in the way of the same person's next one. */
void permit_drop_fallen(const struct authority *at, struct permit *p);
/* `at` is the chain of the child's family. */
enum status withdrawal_check(const struct authority *at, const struct permit_withdrawal *w) MUST_USE;
/* A supervised person's device: by a parent's device. A parent's: by another of that parent's. */
enum status revocation_check(const struct authority *at, const struct revocation *v) MUST_USE;

/* A supervised person's invite is signed by a parent's device, a parent's by one of their own. */
enum status invite_check(const struct authority *at, const struct invite *i) MUST_USE;
/* Replays the card's chain into `at` (zeroed on failure), then checks its signer and every certificate in it.
 */
enum status card_check(const struct card *c, struct authority *at) MUST_USE;
/* A card that was read by an invite: of the same person, and the invite's signer stands in its chain. */
enum status card_check_for_invite(const struct card *c, const struct invite *i,
                                  struct authority *at) MUST_USE;

struct approach { /* a request as judged; borrows what the message borrows */
    struct device_certificate sender;
    struct contact_request request;
    struct card card;
    struct permit permit; /* if request.has_permit */
    struct authority at;  /* the sender's family */
};

/* A contact request in a letterbox message (already opened by letterbox_open, so addressed to us and signed
 * by its certificate's device): the sender is the card's person, certified by the card's chain, and a
 * supervised sender has a permit for the addressee. */
enum status approach_check(const struct letterbox_message *m, struct approach *out) MUST_USE;

#endif
