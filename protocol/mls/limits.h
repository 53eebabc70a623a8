/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of the MLS engine, with the reason for each. RFC 9420 leaves them to the implementation; every
 * decoder and loop below protocol/mls is bounded by one of them. Kith's own groups are much smaller. */
#ifndef KITH_PROTOCOL_MLS_LIMITS_H
#define KITH_PROTOCOL_MLS_LIMITS_H

enum mls_limits {
    MLS_LEAVES_MAX = 1024, /* public vectors go to 512, the bench to 128, Kith's scopes to 64 */
    MLS_NODES_MAX = 2 * MLS_LEAVES_MAX - 1,
    MLS_DEPTH_MAX = 10,      /* log2(MLS_LEAVES_MAX): length of the longest direct path */
    MLS_EPOCHS_KEPT = 3,     /* past epochs whose late messages can still be read */
    MLS_PENDING_MAX = 64,    /* by-reference proposals that wait for a commit: one a member in Kith */
    MLS_PROPOSALS_MAX = 256, /* proposals in one commit: a whole group of 128 replaced at once */
    MLS_PSKS_MAX = 32,       /* PSKs in one epoch: public vectors have 10 */

    MLS_GROUP_ID_MAX = 255,     /* Kith's are 32 bytes */
    MLS_PUBLIC_KEY_MAX = 256,   /* P-521 has 133 */
    MLS_SIGNATURE_MAX = 512,    /* P-521 in DER has 139 */
    MLS_HASH_MAX = 64,          /* SHA-512 */
    MLS_NONCE_MAX = 64,         /* psk_nonce: KDF.Nh */
    MLS_CREDENTIAL_MAX = 16384, /* a chain of X.509 certificates; Kith's certificates have under 300 bytes */
    MLS_CODES_MAX = 512,        /* bytes of one list in Capabilities: 256 two-byte codes */
    MLS_EXTENSIONS_MAX = 1 << 20, /* bytes of one list of extensions: a whole ratchet tree may be in it */
    MLS_EXTENSION_COUNT_MAX = 64, /* makes the check for duplicates cheap */
    MLS_LEAF_MAX = 65536,         /* bytes of one encoded LeafNode */
    MLS_TREE_MAX = 1 << 20,       /* bytes of an encoded ratchet tree: 1 KiB a leaf */
    MLS_PSK_ID_MAX = 1024,
    MLS_PSK_MAX = 1024,            /* bytes of an external PSK's value */
    MLS_AUTHENTICATED_MAX = 65536, /* authenticated_data: hashes of evidence */
    MLS_PLAINTEXT_MAX = 1 << 20,   /* application data, or an encoded commit */
    MLS_MESSAGE_MAX = 2 << 20      /* an MLSMessage: a commit with a tree's worth of adds */
};

#endif
