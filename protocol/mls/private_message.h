/* SPDX-License-Identifier: Apache-2.0 */
/* PrivateMessage (RFC 9420 §6.3): content and sender encrypted, each message under a key of its own from the
 * secret tree. Pure; spans borrow from the input. */
#ifndef KITH_PROTOCOL_MLS_PRIVATE_MESSAGE_H
#define KITH_PROTOCOL_MLS_PRIVATE_MESSAGE_H

#include "protocol/entropy.h"
#include "protocol/mls/content.h"
#include "protocol/mls/secret_tree.h"

struct private_message {
    struct span group_id;
    uint64_t epoch;
    enum content_type type;
    struct span authenticated_data, encrypted_sender_data, ciphertext;
};

void private_message_read(struct reader *r, struct private_message *out);
void private_message_write(struct writer *w, const struct private_message *m);

struct private_message_keys { /* of the message's epoch; borrowed */
    struct secret_tree *tree;
    const struct secret *sender_data;
};

/* Appends the PrivateMessage (without MLSMessage header) of signed content, with `padding` zero bytes inside.
 * Spends the sender's next key: save the tree before the message leaves. `e` gives the reuse guard. */
enum status private_message_seal(const struct authenticated_content *a, const struct private_message_keys *k,
                                 size_t padding, struct entropy *e, struct buffer *out) MUST_USE;

/* Opens m without spending anything: *out borrows from m and from `plain`, which its owner wipes. `spend` is
 * for secret_tree_commit, once the caller has verified the signature; wipe it in any case.
 *
 * ST_MLS_SENDER_DATA and ST_CRYPTO_OPEN: not sealed for this epoch; ST_MLS_PADDING; ST_MLS_LEAF_RANGE,
 * ST_MLS_GENERATION_USED, ST_MLS_GENERATION_AHEAD: see secret_tree_peek; ST_WIRE_*. */
enum status private_message_open(const struct private_message *m, const struct private_message_keys *k,
                                 struct buffer *plain, struct authenticated_content *out,
                                 struct message_key *spend) MUST_USE;

/* Who sent m and with which of its keys (`generation` may be NULL), by its sender data alone; not
 * authenticated. ST_MLS_SENDER_DATA. */
enum status private_message_sender(const struct private_message *m, const struct secret *sender_data,
                                   uint32_t *leaf, uint32_t *generation) MUST_USE;

#endif
