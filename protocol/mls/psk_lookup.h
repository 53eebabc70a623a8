/* SPDX-License-Identifier: Apache-2.0 */
/* From the PSK ids of a commit or Welcome to the values that this member knows, and on to the psk_secret.
 * Pure. */
#ifndef KITH_PROTOCOL_MLS_PSK_LOOKUP_H
#define KITH_PROTOCOL_MLS_PSK_LOOKUP_H

#include "protocol/mls/group.h"
#include "protocol/mls/psk.h"

struct psk_sources {
    const struct mls_psk_list *external; /* may be NULL */
    const struct mls_group *group;       /* whose resumption PSKs; may be NULL */
};

/* `ids` is a list of encoded PreSharedKeyIDs in the order of the commit or of GroupSecrets.psks.
 * ST_MLS_PSK_UNKNOWN, ST_MLS_BRANCH, ST_MLS_PSK_COUNT. */
enum status psk_lookup(struct span ids, const struct psk_sources *from, struct secret *psk_secret) MUST_USE;

#endif
