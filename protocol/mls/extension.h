/* SPDX-License-Identifier: Apache-2.0 */
/* Extension lists (RFC 9420 §13) and lists of two-byte codes. Unknown extensions, GREASE among them, are kept
 * as they came. Pure; spans borrow from the decoded input. */
#ifndef KITH_PROTOCOL_MLS_EXTENSION_H
#define KITH_PROTOCOL_MLS_EXTENSION_H

#include "protocol/bytes.h"

enum extension_type { /* RFC 9420 §17.3 */
                      EXTENSION_APPLICATION_ID = 1,
                      EXTENSION_RATCHET_TREE = 2,
                      EXTENSION_REQUIRED_CAPABILITIES = 3,
                      EXTENSION_EXTERNAL_PUB = 4,
                      EXTENSION_EXTERNAL_SENDERS = 5
};

struct extension {
    uint16_t type;
    struct span data;
};

struct extensions {
    struct span list; /* encoded Extension structures one after the other, without the length of the whole */
};

/* Refuses two extensions of one type (RFC 9420 §13.4: MUST NOT): ST_MLS_EXTENSION_TWICE. */
void extensions_read(struct reader *r, struct extensions *out);
void extensions_write(struct writer *w, const struct extensions *e);
/* False and *data empty when there is none of that type. */
bool extensions_find(const struct extensions *e, uint16_t type, struct span *data);
/* The next extension of a walk: `struct reader r; reader_init(&r, e.list); while (extensions_next(&r, &x))`.
 */
bool extensions_next(struct reader *r, struct extension *out);
/* One more item at the end of an encoded list that is being built. */
void extension_write(struct writer *w, uint16_t type, struct span data);

/* ---- lists of uint16 codes, encoded, without the length: Capabilities, RequiredCapabilities ---- */

struct codes {
    struct span list;
};
void codes_read(struct reader *r, struct codes *out); /* odd length: ST_WIRE_VALUE */
void codes_write(struct writer *w, const struct codes *c);
bool codes_have(const struct codes *c, uint16_t code);
size_t codes_count(const struct codes *c);
uint16_t codes_at(const struct codes *c, size_t i);

/* RFC 9420 §11.1, the data of EXTENSION_REQUIRED_CAPABILITIES. */
struct required_capabilities {
    struct codes extensions, proposals, credentials;
};
enum status required_capabilities_decode(struct required_capabilities *out, struct span in) MUST_USE;
void required_capabilities_write(struct writer *w, const struct required_capabilities *c);

#endif
