/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a call. One flat list (status.def), specific enough to be the reason; callers that only need
 * to decide what to do next branch on the class. Pure; safe from any thread. */
#ifndef KITH_PROTOCOL_STATUS_H
#define KITH_PROTOCOL_STATUS_H

#include "protocol/status.def"

#define MUST_USE __attribute__((warn_unused_result))

#define STATUS_ENUM(name, class, text) ST_##name,
enum status { STATUS_LIST(STATUS_ENUM) STATUS_COUNT };
#undef STATUS_ENUM

enum status_class {
    CLASS_NONE,     /* no failure */
    CLASS_USAGE,    /* the caller asked for something that cannot be asked */
    CLASS_PROTOCOL, /* a peer's bytes break the protocol */
    CLASS_CRYPTO,   /* a key, signature or ciphertext is not what it claims */
    CLASS_POLICY,   /* the rules of the family say no */
    CLASS_STORE,    /* the database cannot be used */
    CLASS_IO,       /* the network or the machine failed */
    CLASS_RETRY,    /* nothing is wrong: try again later */
    CLASS_LIMIT,    /* a documented limit is reached */
    CLASS_INTERNAL  /* this program is at fault, or memory is gone */
};

/* The name without prefix ("WIRE_SHORT"), for tests, traces and the API; "UNKNOWN" outside the list. */
const char *status_name(enum status s);
/* One English sentence for developers. Never NULL. */
const char *status_text(enum status s);
enum status_class status_class(enum status s);

#endif
