/* SPDX-License-Identifier: Apache-2.0 */
/* Pre-shared keys (RFC 9420 §8.4): their ids. Pure. */
#ifndef KITH_PROTOCOL_MLS_PSK_H
#define KITH_PROTOCOL_MLS_PSK_H

#include "protocol/bytes.h"

enum psk_type { PSK_EXTERNAL = 1, PSK_RESUMPTION = 2 };
enum psk_usage { PSK_USAGE_APPLICATION = 1, PSK_USAGE_REINIT = 2, PSK_USAGE_BRANCH = 3 };

struct psk_id { /* PreSharedKeyID; spans borrow from the input */
    enum psk_type type;
    struct span external_id; /* PSK_EXTERNAL */
    enum psk_usage usage;    /* PSK_RESUMPTION, and the two below */
    struct span group_id;
    uint64_t epoch;
    struct span nonce;
};

void psk_id_read(struct reader *r, struct psk_id *out);
void psk_id_write(struct writer *w, const struct psk_id *id);
bool psk_id_equal(const struct psk_id *a, const struct psk_id *b); /* nonce included */

#endif
