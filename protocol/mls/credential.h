/* SPDX-License-Identifier: Apache-2.0 */
/* Credential (RFC 9420 §5.3): who a leaf says it is. The engine compares credentials and hands them up; what
 * they mean is judged above. Pure.
 *
 * As everywhere in protocol/mls: a decoded structure borrows spans from its input, `x_read` reads one from
 * the middle of a larger structure (its failure sticks to the reader), `x_decode` wants the whole input,
 * `x_write` encodes. A structure of another cipher suite decodes too: lengths of keys are checked on use. */
#ifndef KITH_PROTOCOL_MLS_CREDENTIAL_H
#define KITH_PROTOCOL_MLS_CREDENTIAL_H

#include "protocol/bytes.h"

enum credential_type { CREDENTIAL_BASIC = 1, CREDENTIAL_X509 = 2 };

struct credential {
    uint16_t type;
    struct span
        identity; /* basic: the identity; x509: the list of certificates, encoded, without its length */
};

/* Any other type fails with ST_MLS_CREDENTIAL_TYPE: its length is unknown. (Unknown types, GREASE among them,
 * live in Capabilities only: RFC 9420 §13.5.) */
void credential_read(struct reader *r, struct credential *out);
void credential_write(struct writer *w, const struct credential *c);
bool credential_equal(const struct credential *a, const struct credential *b);

#endif
