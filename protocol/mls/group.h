/* SPDX-License-Identifier: Apache-2.0 */
/* An MLS group as one of its members sees it (RFC 9420, cipher suite 0x0003): the only header of protocol/mls
 * that code outside of it includes. Pure: entropy, time and keys are arguments; nothing is logged; storage is
 * records. One thread at a time for each group.
 *
 * How an epoch ends. A commit, own (mls_group_commit) or received (mls_group_receive), changes nothing: it
 * yields a *staged* epoch. received: mls_group_receive runs the public checks (framing, signature, proposals,
 * tree, parent hashes). A failure there means that the commit is void for every member. The caller judges the
 * changes, then calls mls_staged_open, the private step (path secret, PSKs, confirmation tag). A failure
 * *there* is this member's alone: it must not try a later commit (protocol.md §5.3). own:      is open from
 * the start. Its message was not sent yet: persist with mls_staged_save, send, and merge when it was read
 * back as the winner; when another commit won, free it and use that one. mls_group_merge then takes the
 * staged epoch. It cannot fail.
 *
 * What a message costs. Reading a PrivateMessage spends one key of its sender's ratchet, whatever the content
 * is judged to be; a ciphertext that does not open spends nothing. After every successful call that is marked
 * [save] call mls_group_save before its result leaves the process: it writes only what changed.
 *
 * Refused by name: external commits and external senders (ST_MLS_EXTERNAL), ReInit (ST_MLS_REINIT), branching
 * and resumption PSKs of usage reinit or branch (ST_MLS_BRANCH). Resumption PSKs of usage application are
 * supported for the epochs that the group still keeps.
 *
 * Ownership: what a function returns as a span borrows from the group until its next change, or from the
 * staged epoch or received message until that is freed. Signing keys are borrowed for the call and never
 * kept. On failure outputs are empty or NULL and the group is as it was. */
#ifndef KITH_PROTOCOL_MLS_GROUP_H
#define KITH_PROTOCOL_MLS_GROUP_H

#include "protocol/entropy.h"
#include "protocol/mls/record.h"
#include "protocol/suite.h"

struct mls_group;
struct mls_staged;

/* ---- what callers hand in ---- */

struct mls_extension { /* of a group context: an opaque blob with its type */
    uint16_t type;
    struct span data;
};

struct mls_extension_list {
    const struct mls_extension *items;
    size_t count;
};

struct mls_psk { /* an external PSK that the caller knows; the value is secret */
    struct span id, value;
};

struct mls_psk_list { /* looked up when a proposal names an id; others are not touched */
    const struct mls_psk *items;
    size_t count;
};

struct mls_self {                   /* who an own leaf says it is */
    struct span identity;           /* of its basic credential: a DeviceCertificate in Kith */
    const struct sign_private *key; /* its public half is the leaf's signature key, the device id */
    const uint16_t *extensions;     /* extension types understood besides the RFC's own: capabilities */
    size_t extension_count;
};

/* ---- key packages (§10) ---- */

struct mls_key_package_args {
    struct mls_self self;
    int64_t not_before_ms, not_after_ms; /* wall clock; rounded outwards to seconds */
    bool last_resort; /* adds the extension last_resort (0x000a): may be used more than once */
};

/* `message` gets the MLSMessage to hand out; `record` the private part, to be stored by the caller under
 * `ref` and erased after the join (unless it is a last resort). */
enum status mls_key_package_new(const struct mls_key_package_args *a, struct entropy *e,
                                uint8_t ref[static HASH_LEN], struct buffer *message,
                                struct buffer *record) MUST_USE;
/* The KeyPackageRef of an MLSMessage(KeyPackage), and its checks without lifetime (§10.1). `identity` and
 * `key` may be NULL; *identity borrows from the message. */
enum status mls_key_package_read(struct span message, uint8_t ref[static HASH_LEN], struct span *identity,
                                 struct sign_public *key) MUST_USE;
/* The private record for a key package made elsewhere, from its two HPKE keys (tests and test vectors). */
enum status mls_key_package_import(struct span message, const struct dh_private *init,
                                   const struct dh_private *leaf, struct buffer *record) MUST_USE;

/* ---- founding and joining (§11, §12.4.3) ---- */

struct mls_create_args {
    struct span group_id;
    struct mls_extension_list extensions; /* every leaf must list these types in its capabilities (§11.1 adds
                                             required_capabilities for them) */
    struct mls_self self;
    int64_t not_before_ms, not_after_ms; /* of the founder's leaf */
};

enum status mls_group_create(struct mls_group **out, const struct mls_create_args *a,
                             struct entropy *e) MUST_USE; /* [save] */

struct mls_join_args {
    struct span welcome;            /* MLSMessage(Welcome) */
    struct span key_package_record; /* from mls_key_package_new */
    struct span ratchet_tree;       /* empty: it is in the Welcome */
    struct mls_psk_list psks;
};

/* Does this Welcome name that key package? For choosing the record. */
bool mls_welcome_names(struct span welcome, const uint8_t ref[static HASH_LEN]);
/* Errors tell what is wrong with the Welcome; ST_MLS_NOT_FOR_US when it names another key package. */
enum status mls_group_join(struct mls_group **out, const struct mls_join_args *a) MUST_USE; /* [save] */

void mls_group_free(struct mls_group *g);

/* ---- proposing and committing (§12) ---- */

struct mls_propose_args {
    const struct sign_private *key;
    enum mls_proposal_kind {
        MLS_PROPOSE_ADD,
        MLS_PROPOSE_UPDATE,
        MLS_PROPOSE_REMOVE,
        MLS_PROPOSE_PSK,
        MLS_PROPOSE_EXTENSIONS
    } kind;
    struct span key_package;              /* ADD: MLSMessage(KeyPackage) */
    int64_t now_ms;                       /* ADD, not 0: outside its lifetime is refused, ST_MLS_LIFETIME */
    struct span identity;                 /* UPDATE: a new identity, or empty to keep the old */
    uint32_t leaf;                        /* REMOVE */
    struct span psk_id;                   /* PSK: external */
    struct mls_extension_list extensions; /* EXTENSIONS: replaces all */
    struct span authenticated_data;
    bool public_message; /* frame as PublicMessage; else PrivateMessage */
};

enum status mls_group_propose(struct mls_group *g, const struct mls_propose_args *a, struct entropy *e,
                              struct buffer *message) MUST_USE; /* [save] */

struct mls_commit_args {
    const struct sign_private *key;
    const struct span *adds; /* MLSMessage(KeyPackage) each; lifetimes are the caller's to judge, or: */
    size_t add_count;
    int64_t now_ms; /* not 0: a key package outside its lifetime is refused, ST_MLS_LIFETIME */
    const uint32_t *removes;
    size_t remove_count;
    const struct span *psk_ids; /* external PSKs to bring in, of `psks` */
    size_t psk_id_count;
    struct mls_psk_list psks; /* values, also for proposals by reference */
    bool set_extensions;      /* replace the group context's extensions by: */
    struct mls_extension_list extensions;
    struct span identity; /* new identity of the own leaf, or empty to keep the old */
    bool force_path;      /* a path even where §12.4 does not ask for one */
    bool take_pending;    /* commit the waiting by-reference proposals too */
    bool tree_apart;      /* leave the ratchet tree out of the Welcome (mls_staged_tree) */
    bool public_message;
    struct span authenticated_data;
};

/* The group stays as it is. `message` gets the MLSMessage with the commit; `welcome` one MLSMessage(Welcome)
 * for all that are added, or nothing. Pending proposals that §12.2 does not allow together with the commit,
 * or that would leave a tree which is not valid, are left out (they stay pending until the epoch ends). */
enum status mls_group_commit(struct mls_group *g, const struct mls_commit_args *a, struct entropy *e,
                             struct mls_staged **staged, struct buffer *message,
                             struct buffer *welcome) MUST_USE; /* [save] */

/* ---- staged epochs ---- */

enum mls_change_kind {
    MLS_CHANGE_ADD,
    MLS_CHANGE_REMOVE,
    MLS_CHANGE_UPDATE, /* by an Update proposal, or the committer's own leaf by its path */
    MLS_CHANGE_PSK,
    MLS_CHANGE_EXTENSIONS /* the group context's; read with mls_staged_extension */
};

struct mls_change { /* borrows until mls_staged_free or mls_group_merge */
    enum mls_change_kind kind;
    uint32_t proposer; /* leaf that proposed it: the committer, or another by reference */
    uint32_t leaf;     /* ADD: the new leaf; REMOVE, UPDATE: the old one */
    struct span identity_old, identity_new; /* empty where there is none */
    struct span leaf_old, leaf_new;         /* encoded LeafNodes */
    struct span key_package;                /* ADD: the encoded KeyPackage */
    struct span psk_id;                     /* PSK: external id; empty for a resumption PSK */
};

size_t mls_staged_changes(const struct mls_staged *s, const struct mls_change **changes);
uint32_t mls_staged_committer(const struct mls_staged *s);
uint64_t mls_staged_epoch(const struct mls_staged *s); /* the number of the new epoch */
struct span mls_staged_authenticated_data(const struct mls_staged *s);
/* An extension of the new group context; false when there is none of that type. */
bool mls_staged_extension(const struct mls_staged *s, uint16_t type, struct span *data);
bool mls_staged_has_path(const struct mls_staged *s);
bool mls_staged_is_own(const struct mls_staged *s);
bool mls_staged_removes_us(const struct mls_staged *s);
/* SHA-256 of the commit's MLSMessage: tells the own commit from others when it is read back. */
void mls_staged_message_hash(const struct mls_staged *s, uint8_t out[static HASH_LEN]);
/* The new epoch's encoded ratchet tree, for joiners when tree_apart. */
enum status mls_staged_tree(const struct mls_staged *s, struct buffer *out) MUST_USE;

/* The private step of a received commit. ST_MLS_PSK_UNKNOWN (nothing was tried: call again with the PSK);
 * ST_MLS_PRIVATE_PATH, ST_MLS_PRIVATE_TAG: this member cannot follow. Own and already open: ST_OK. A commit
 * that removes us has nothing to open: ST_OK. `g` is not changed. */
enum status mls_staged_open(const struct mls_group *g, struct mls_staged *s,
                            const struct mls_psk_list *psks) MUST_USE;
/* MLS-Exporter and epoch authenticator of the new epoch, before the merge; ST_MLS_STAGED unless open. */
enum status mls_staged_export(const struct mls_staged *s, const char *label, struct span context,
                              uint8_t *out, size_t out_len) MUST_USE;
enum status mls_staged_authenticator(const struct mls_staged *s, uint8_t out[static HASH_LEN]) MUST_USE;

/* Takes s, which must be open and of g's present epoch. The epoch that ends is kept for late messages. After
 * the merge of a commit that removes us every call but free, the accessors and save fails with
 * ST_MLS_REMOVED. */
void mls_group_merge(struct mls_group *g, struct mls_staged *s); /* [save] */
void mls_staged_free(struct mls_staged *s);

/* ---- messages ---- */

struct mls_protect_args {
    const struct sign_private *key;
    struct span plaintext, authenticated_data;
    size_t padding; /* zero bytes added inside the ciphertext */
};

/* Appends an MLSMessage(PrivateMessage) with application data. */
enum status mls_group_protect(struct mls_group *g, const struct mls_protect_args *a, struct entropy *e,
                              struct buffer *message) MUST_USE; /* [save] */

enum mls_received_kind { MLS_RECEIVED_APPLICATION = 1, MLS_RECEIVED_PROPOSAL, MLS_RECEIVED_COMMIT };

struct mls_received {
    enum mls_received_kind kind;
    uint64_t epoch;                 /* may be one of the last MLS_EPOCHS_KEPT for application data */
    uint32_t sender;                /* leaf index in that epoch */
    struct sign_public sender_key;  /* its signature key: the device id */
    struct span authenticated_data; /* borrow until mls_received_wipe */
    struct span application;        /* APPLICATION */
    struct mls_staged *staged;      /* COMMIT; owned: a caller that keeps it sets this to NULL */
    struct buffer storage;          /* the opened message, which the spans borrow */
};

/* An MLSMessage with a PublicMessage or PrivateMessage. A proposal is kept as pending until the epoch ends.
 *
 * ST_MLS_OWN_MESSAGE: sent by ourselves. ST_MLS_OWN_LOST: sent by ourselves with a key that this state has
 * not spent yet, so that it would spend it again: an old copy, which must not send. ST_MLS_EPOCH_OLD,
 * ST_MLS_EPOCH_AHEAD, ST_MLS_GROUP_ID: not for this epoch or group. ST_MLS_GENERATION_USED,
 * ST_MLS_GENERATION_AHEAD: a repetition, a bomb. Else: what is wrong with it. [save] also after a failure in
 * class protocol, crypto or policy when mls_group_changed says so: the decryption of a message that was
 * judged void has spent a key. */
enum status mls_group_receive(struct mls_group *g, struct span message, struct mls_received *out) MUST_USE;
void mls_received_wipe(struct mls_received *r); /* frees staged too */

/* What an MLSMessage says in the clear, before any key is used: to find the group. */
struct mls_message_info {
    enum mls_message_kind {
        MLS_MESSAGE_PUBLIC = 1,
        MLS_MESSAGE_PRIVATE = 2,
        MLS_MESSAGE_WELCOME = 3,
        MLS_MESSAGE_GROUP_INFO = 4,
        MLS_MESSAGE_KEY_PACKAGE = 5
    } kind;
    struct span group_id; /* PUBLIC, PRIVATE */
    uint64_t epoch;
    bool handshake; /* PUBLIC, PRIVATE: a proposal or commit */
    bool commit;
};
enum status mls_message_info(struct span message, struct mls_message_info *out) MUST_USE;

/* Drops the pending by-reference proposals (a caller that judged one of them void). */
void mls_group_drop_pending(struct mls_group *g); /* [save] */
size_t mls_group_pending_count(const struct mls_group *g);
/* Forgets the secrets of past epochs below `epoch`: the time limit on late messages is the caller's. */
void mls_group_forget_before(struct mls_group *g, uint64_t epoch); /* [save] */

/* ---- what a group knows ---- */

struct mls_member {
    uint32_t leaf;
    struct span identity;  /* of a basic credential; empty for another type */
    struct span key;       /* signature key */
    struct span leaf_node; /* encoded */
};

uint64_t mls_group_epoch(const struct mls_group *g);
struct span mls_group_id(const struct mls_group *g);
uint32_t mls_group_own_leaf(const struct mls_group *g);
bool mls_group_is_member(const struct mls_group *g); /* false after the merge of our removal */
/* Walks the members in leaf order: *leaf is where to begin, and after true one past the member found. */
bool mls_group_next_member(const struct mls_group *g, uint32_t *leaf, struct mls_member *out);
bool mls_staged_next_member(const struct mls_staged *s, uint32_t *leaf, struct mls_member *out);
size_t mls_group_member_count(const struct mls_group *g);
bool mls_group_extension(const struct mls_group *g, uint16_t type, struct span *data);
struct span mls_group_context(const struct mls_group *g); /* encoded GroupContext */
void mls_group_tree_hash(const struct mls_group *g, uint8_t out[static HASH_LEN]);
enum status mls_group_tree(const struct mls_group *g, struct buffer *out) MUST_USE; /* encoded ratchet tree */
void mls_group_authenticator(const struct mls_group *g,
                             uint8_t out[static HASH_LEN]); /* epoch_authenticator */
/* MLS-Exporter (§8.5). ST_CRYPTO_LENGTH, ST_MLS_REMOVED. */
enum status mls_group_export(const struct mls_group *g, const char *label, struct span context, uint8_t *out,
                             size_t out_len) MUST_USE;

/* ---- storage ---- */

bool mls_group_changed(const struct mls_group *g); /* is there anything to save? */
/* Writes what changed since the last save or load. On failure the group is as it was and all is still
 * unsaved. */
enum status mls_group_save(struct mls_group *g, struct record_sink *to) MUST_USE;
/* ST_MLS_RECORD when the records are not a whole group. */
enum status mls_group_load(struct mls_group **out, struct record_source *from) MUST_USE;
/* The own commit that waits to be read back, as one record of the group; removed by the next mls_group_save
 * after a merge, or by mls_staged_drop. load: *out is NULL when the group has none. */
enum status mls_staged_save(const struct mls_staged *s, struct record_sink *to) MUST_USE;
enum status mls_staged_drop(struct record_sink *to) MUST_USE;
enum status mls_staged_load(struct mls_staged **out, const struct mls_group *g,
                            struct record_source *from) MUST_USE;

#endif
