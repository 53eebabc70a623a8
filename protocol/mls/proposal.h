/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals (RFC 9420 §12.1). All of the RFC's types decode; which of them this engine acts on is decided in
 * proposal_list. A type that is not the RFC's fails with ST_MLS_PROPOSAL_TYPE, since its length is unknown
 * (unknown types, GREASE among them, live in Capabilities only: §13.5). Pure; spans borrow from the input. */
#ifndef KITH_PROTOCOL_MLS_PROPOSAL_H
#define KITH_PROTOCOL_MLS_PROPOSAL_H

#include "protocol/mls/key_package.h"
#include "protocol/mls/psk.h"

enum proposal_type { /* RFC 9420 §17.4 */
                     PROPOSAL_ADD = 1,
                     PROPOSAL_UPDATE = 2,
                     PROPOSAL_REMOVE = 3,
                     PROPOSAL_PSK = 4,
                     PROPOSAL_REINIT = 5,
                     PROPOSAL_EXTERNAL_INIT = 6,
                     PROPOSAL_EXTENSIONS = 7 /* group_context_extensions */
};

struct reinit {
    struct span group_id;
    uint16_t version, cipher_suite;
    struct extensions extensions;
};

struct proposal {
    enum proposal_type type;
    union {
        struct key_package add;
        struct leaf_node update;
        uint32_t remove; /* leaf index */
        struct psk_id psk;
        struct reinit reinit;
        struct span external_init; /* kem_output */
        struct extensions extensions;
    } u;
};

enum proposal_or_ref_type { PROPOSAL_BY_VALUE = 1, PROPOSAL_BY_REF = 2 };

struct proposal_or_ref {
    enum proposal_or_ref_type type;
    struct proposal proposal; /* PROPOSAL_BY_VALUE */
    struct span ref;          /* PROPOSAL_BY_REF: a ProposalRef */
};

enum status proposal_decode(struct proposal *out, struct span in) MUST_USE;
void proposal_read(struct reader *r, struct proposal *out);
void proposal_write(struct writer *w, const struct proposal *p);
void proposal_or_ref_read(struct reader *r, struct proposal_or_ref *out);
void proposal_or_ref_write(struct writer *w, const struct proposal_or_ref *p);

#endif
