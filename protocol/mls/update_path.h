/* SPDX-License-Identifier: Apache-2.0 */
/* UpdatePath and HPKECiphertext (RFC 9420 §7.6): a committer's new leaf and the new keys above it. Lists stay
 * encoded and are walked with a reader: decoding has checked every item and counted them. Pure; spans borrow
 * from the input. */
#ifndef KITH_PROTOCOL_MLS_UPDATE_PATH_H
#define KITH_PROTOCOL_MLS_UPDATE_PATH_H

#include "protocol/mls/leaf_node.h"

struct hpke_ciphertext {
    struct span kem_output, ciphertext;
};

struct update_path_node {
    struct span encryption_key;
    struct span secrets; /* encoded HPKECiphertexts, one for each node of the copath child's resolution */
    uint32_t secret_count;
};

struct update_path {
    struct leaf_node leaf;
    struct span nodes; /* encoded UpdatePathNodes, from the leaf's parent side up to the root */
    uint32_t node_count;
};

void hpke_ciphertext_read(struct reader *r, struct hpke_ciphertext *out);
void hpke_ciphertext_write(struct writer *w, const struct hpke_ciphertext *c);
void update_path_node_read(struct reader *r, struct update_path_node *out);
void update_path_node_write(struct writer *w, const struct update_path_node *n);
enum status update_path_decode(struct update_path *out, struct span in) MUST_USE;
void update_path_read(struct reader *r, struct update_path *out);
void update_path_write(struct writer *w, const struct update_path *p);

#endif
