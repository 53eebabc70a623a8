/* SPDX-License-Identifier: Apache-2.0 */
/* What all of Kith's own structures share (protocol.md §1): version byte, limits, labels, small readers and
 * writers. Pure.
 *
 * Every structure X has, side by side in its file,
 *     enum status x_decode(struct x *out, struct span in);              whole input or a refusal, out zeroed
 *     enum status x_encode(struct writer *w, const struct x *x);        writer_done(w)
 * and, where it is signed, x_sign and x_verify with a label of its own. Decoded structures own nothing: their
 * `struct span` fields borrow from the input for as long as it lives, everything else is copied. A field that
 * holds another whole structure is a span of its encoding: decode it when you need it. Encoding is canonical:
 * what decodes, encodes to the same bytes; so a signature or hash can always be checked on the decoded form.
 * Times are Unix milliseconds UTC (`_ms`). An hlc is protocol/hlc.h's. */
#ifndef KITH_PROTOCOL_WIRE_H
#define KITH_PROTOCOL_WIRE_H

#include "protocol/ids.h"
#include "protocol/suite.h"

enum wire_limits {
    WIRE_VERSION = 1,
    WIRE_NAME_MAX = 80,           /* bytes of UTF-8: a person's, device's or family's name on one line */
    WIRE_NOTE_MAX = 2000,         /* bytes of UTF-8: a note with a request, a reason */
    WIRE_RELAY_MAX = 400,         /* the text of a relay's address: key, host of 253, port, access secret */
    WIRE_CERTIFICATE_MAX = 512,   /* a certificate is 194 bytes; room for a hybrid key's successor */
    WIRE_KEY_PACKAGE_MAX = 2048,  /* about 600 with a certificate as identity */
    WIRE_ENTRY_MAX = 8192,        /* one chain entry with all its co-signatures */
    WIRE_CHAIN_ENTRIES_MAX = 512, /* entries of one chain in one message: a family in a lifetime */
    WIRE_LIST_MAX = 131072,       /* bytes of one list of structures: 512 chain entries of 250 */
    WIRE_PERMIT_MAX = 4096,       /* with approvals of all parents */
    WIRE_PERSONS_MAX = 16,        /* persons of a family, and of a conversation */
    WIRE_DEVICES_MAX = 8,         /* devices of one person */
    WIRE_PARENTS_MAX = 8,         /* who may have to sign one thing */
    WIRE_LEAVES_MAX = 64,         /* devices in one group */
    WIRE_PINS_MAX = 64,           /* (scope, head) pairs kept of a removed device */
    WIRE_RELAYS_MAX = 4           /* relays of one group, and of one family */
};

/* Every label under which Kith signs, hashes or derives (each after "Kith 1 "). One list, so that a test can
 * see that no two are equal and none is another's beginning. */
#define LABEL_LIST(X)                                 \
    X(CERTIFICATE, "certificate sign")                \
    X(REVOCATION, "revocation sign")                  \
    X(CHAIN_ENTRY, "chain entry sign")                \
    X(CHAIN_ENTRY_HASH, "chain entry hash")           \
    X(CHAIN_PROPOSAL, "proposal sign")                \
    X(CHAIN_PROPOSAL_HASH, "proposal hash")           \
    X(PERMIT, "permit sign")                          \
    X(WITHDRAWAL, "withdrawal sign")                  \
    X(INVITE, "invite sign")                          \
    X(CARD, "card sign")                              \
    X(LETTERBOX_MESSAGE, "letterbox message sign")    \
    X(LETTERBOX_SEAL, "letterbox message seal")       \
    X(ENTRY_HASH, "journal entry hash")               \
    X(ENTRY_SIGN, "journal entry sign")               \
    X(PAIRING_COMMITMENT, "pairing commitment")       \
    X(PAIRING_LINK_HASH, "pairing link hash")         \
    X(PAIRING_TRANSCRIPT, "pairing transcript")       \
    X(PAIRING_CODE, "pairing code")                   \
    X(PAIRING_OPEN, "pairing open sign")              \
    X(PAIRING_ACCEPT, "pairing accept sign")          \
    X(PAIRING_CONFIRM, "pairing confirm sign")        \
    X(PAIRING_TO_PARENT, "pairing to parent")         \
    X(PAIRING_TO_DEVICE, "pairing to device")         \
    X(EVIDENCE_HASH, "evidence hash")                 \
    X(LEAVE, "leave sign")                            \
    X(READD_REQUEST, "readd request sign")            \
    X(SCOPE_ID, "scope id")                           \
    X(PAIR_ID, "pair id")                             \
    X(AUTHENTICATOR_HASH, "epoch authenticator hash") \
    X(SUCCESSOR, "successor group id")                \
    X(LINK_PAIR, "link pair check")                   \
    X(LINK_MEET, "link meet check")                   \
    X(MARK, "family mark")                            \
    X(RECOVERY_KEY, "recovery key")                   \
    X(RECOVERY_LOG, "recovery letterbox")

#define LABEL_ENUM(name, text) LABEL_##name,
enum label { LABEL_LIST(LABEL_ENUM) LABEL_COUNT };
#undef LABEL_ENUM
const char *label_text(enum label l); /* without the prefix; never NULL */

struct signature {
    uint8_t b[SIGNATURE_LEN];
};

/* The body of one structure: the writer that signing, verifying and hashing share. */
typedef void (*wire_body_fn)(struct writer *w, const void *value);

enum status wire_sign(enum label label, wire_body_fn body, const void *value, const struct sign_private *key,
                      struct signature *out) MUST_USE;
/* ST_CRYPTO_SIGNATURE for any reason. */
enum status wire_verify(enum label label, wire_body_fn body, const void *value, const struct device_id *by,
                        const struct signature *signature) MUST_USE;
/* SHA-256 under the label (RefHash of RFC 9420 §5.2 with "Kith 1 " and the label). */
enum status wire_hash(enum label label, wire_body_fn body, const void *value,
                      uint8_t out[static HASH_LEN]) MUST_USE;
enum status wire_hash_bytes(enum label label, struct span value, uint8_t out[static HASH_LEN]) MUST_USE;

/* ---- readers of common fields (all stick to the reader's first failure) ---- */

#define READ_ID(r, id) reader_fixed((r), (id)->b, sizeof((id)->b))
#define WRITE_ID(w, id) writer_bytes((w), SPAN_ID(id))

void wire_read_version(struct reader *r); /* ST_WIRE_VERSION unless WIRE_VERSION */
void wire_write_version(struct writer *w);
uint8_t wire_read_enum(struct reader *r, uint8_t first, uint8_t last); /* ST_WIRE_ENUM outside */
bool wire_read_bool(struct reader *r);                                 /* ST_WIRE_VALUE unless 0 or 1 */
/* A vector of UTF-8 (RFC 3629: no surrogates, nothing overlong), without control characters but newline and
 * tab. */
struct span wire_read_text(struct reader *r, size_t len_max);
/* The same on one line: without newline and tab, at most WIRE_NAME_MAX bytes, and it shows as what it is
 * (protocol/name.h: ST_WIRE_NAME). */
struct span wire_read_name(struct reader *r);
bool wire_text_ok(struct span text, bool one_line); /* what the two above ask: for checking a user's input */
/* Writers that refuse what their readers would: ST_WIRE_LIMIT, ST_WIRE_VALUE, ST_WIRE_NAME. */
void wire_write_vec(struct writer *w, struct span s, size_t len_max);
void wire_write_text(struct writer *w, struct span text, size_t len_max);
void wire_write_name(struct writer *w, struct span name);
void wire_read_person(struct reader *r, struct person_ref *out);
void wire_write_person(struct writer *w, const struct person_ref *p);
/* The end of a decoder: copies `built` to `out` when the whole input was read well, else zeroes `out`. */
enum status wire_finish(const struct reader *r, void *out, const void *built, size_t size) MUST_USE;

/* ---- lists of whole structures: a vector of vectors ---- */

struct wire_list { /* borrows; fine as {0} for the empty list */
    struct span bytes;
    size_t count;
};

/* A vector of at most count_max vectors of 1 to item_max bytes. */
struct wire_list wire_read_list(struct reader *r, size_t count_max, size_t item_max);
void wire_write_list(struct writer *w, const struct wire_list *list);
/* Walks: `struct span rest = list.bytes, item; while (wire_list_next(&rest, &item)) …`. */
bool wire_list_next(struct span *rest, struct span *item);
/* Builds: appends one item to `bytes` and makes `list` the list of all that were appended (borrows until the
 * next change of `bytes`). Start with an empty buffer and an empty list. */
enum status wire_list_append(struct buffer *bytes, struct wire_list *list, struct span item) MUST_USE;

#endif
