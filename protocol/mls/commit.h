/* SPDX-License-Identifier: Apache-2.0 */
/* Commit (RFC 9420 §12.4). The list of proposals stays encoded: walk it with proposal_or_ref_read; decoding
 * has checked every item. Pure; spans borrow from the input. */
#ifndef KITH_PROTOCOL_MLS_COMMIT_H
#define KITH_PROTOCOL_MLS_COMMIT_H

#include "protocol/mls/proposal.h"
#include "protocol/mls/update_path.h"

struct commit {
    struct span proposals; /* encoded ProposalOrRefs */
    uint32_t proposal_count;
    bool has_path;
    struct update_path path;
};

enum status commit_decode(struct commit *out, struct span in) MUST_USE;
void commit_read(struct reader *r, struct commit *out);
void commit_write(struct writer *w, const struct commit *c);

#endif
