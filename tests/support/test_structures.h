/* SPDX-License-Identifier: Apache-2.0 */
/* The MLS structures for tests of their decoders: how each is decoded and encoded again (test_decoder.h), and
 * a good encoding of each that has something in every field. */
#ifndef KITH_TESTS_SUPPORT_TEST_STRUCTURES_H
#define KITH_TESTS_SUPPORT_TEST_STRUCTURES_H

#include "protocol/mls/message.h"
#include "tests/support/test_decoder.h"

decode_fn again_credential, again_extensions, again_required_capabilities, again_leaf_node, again_key_package,
    again_psk_id, again_group_context, again_proposal, again_update_path, again_commit, again_content,
    again_public_message, again_private_message, again_group_info, again_group_secrets, again_welcome,
    again_message;

/* ---- values; what they borrow is static ---- */

struct leaf_node test_leaf_node(enum leaf_source source);
struct key_package test_key_package(void);
struct psk_id test_psk_id(enum psk_type type);
struct proposal test_proposal(enum proposal_type type);
struct group_context test_group_context(void);
struct group_info test_group_info(void);
/* Three proposals, one of them by reference, and a path of two nodes; what it borrows is in `store`. */
struct commit test_commit_value(struct buffer *store);
struct framed_content test_framed_content(enum content_type type, struct buffer *store);
struct welcome test_welcome(struct buffer *store);

/* For a fuzz target: what decodes must encode to the same bytes, or the program stops. */
void fuzz_again(decode_fn *again, const uint8_t *data, size_t size);

#endif
