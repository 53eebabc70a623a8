/* SPDX-License-Identifier: Apache-2.0 */
/* GroupInfo (RFC 9420 §12.4.3): an epoch as its committer signs it for joiners. Pure; spans borrow from the
 * input. */
#ifndef KITH_PROTOCOL_MLS_GROUP_INFO_H
#define KITH_PROTOCOL_MLS_GROUP_INFO_H

#include "protocol/mls/group_context.h"
#include "protocol/suite.h"

struct group_info {
    struct group_context context;
    struct extensions extensions;
    struct span confirmation_tag;
    uint32_t signer; /* leaf index */
    struct span signature;
};

enum status group_info_decode(struct group_info *out, struct span in) MUST_USE;
void group_info_read(struct reader *r, struct group_info *out);
void group_info_write(struct writer *w, const struct group_info *g);

/* Signs g (its signature is not read) and appends its whole encoding. */
enum status group_info_sign(const struct group_info *g, const struct sign_private *key,
                            struct buffer *out) MUST_USE;
/* ST_MLS_GROUP_INFO */
enum status group_info_verify(const struct group_info *g, struct span public_key) MUST_USE;

#endif
