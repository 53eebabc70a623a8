/* SPDX-License-Identifier: Apache-2.0 */
/* A parent's recovery kit (protocol.md §6.4): 256 bits, shown once as 24 words and kept nowhere. Its Ed25519
 * key's public half stands in the authority chain; its letterbox is where the family will lay the chains.
 * Pure.
 *
 * In this version a kit is printed and can be verified; it cannot be used to come back yet. */
#ifndef KITH_DEVICE_RECOVERY_KIT_H
#define KITH_DEVICE_RECOVERY_KIT_H

#include "device/authority.h"
#include "protocol/hpke.h"
#include "protocol/recovery.h"

/* A fresh kit and the public half of its key. The caller wipes `kit`. */
enum status recovery_kit_make(struct entropy *e, struct secret *kit, struct sign_public *public) MUST_USE;

/* Are these the words of the kit that the chain names for this parent? What recovery_parse says;
 * ST_RECOVERY_OTHER for the kit of somebody else, or an older one; ST_USAGE when the person is no parent. */
enum status recovery_kit_verify(const struct authority *at, const struct person_id *parent,
                                struct span words) MUST_USE;

struct recovery_box { /* the letterbox of a kit, as whoever has the words sees it. Wipe */
    struct secret write_token, read_token, trim_token, block_key;
    struct dh_private hpke_private;
    struct dh_public hpke_public;
};
enum status recovery_box_derive(const struct secret *kit, struct recovery_box *out) MUST_USE;

#endif
