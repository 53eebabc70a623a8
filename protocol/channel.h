/* SPDX-License-Identifier: Apache-2.0 */
/* A client's session with a relay (docs/protocol.md §3.2), without I/O: bytes in, bytes out, over any
 * transport that carries a message and its answer. Pure. Both sides are here: the client's (relay_link) and
 * the relay's.
 *
 *     Message to the relay:  uint8 version = 1, uint8 kind, then by kind
 *       1 get key   nothing
 *       2 open      uint64 key_id, opaque enc[32], uint64 number = 0, sealed request
 *       3 request   opaque enc[32], uint64 number >= 1, sealed request
 *     Message from the relay: uint8 version = 1, uint8 kind, then by kind
 *       1 key              RelayKey
 *       2 unknown session  nothing; also: unknown key, wrong access secret, anything that does not open
 *       3 answer           opaque nonce[32], sealed answer
 *
 *     RelayKey: uint64 key_id, opaque public_key[32], uint64 not_before, uint64 not_after,
 * optional<Delegate>, opaque signature[64] Delegate: opaque public_key[32], uint64 not_before, uint64
 * not_after, opaque signature[64] SignWithLabel (RFC 9420 §5.1.2 with "Kith 1 "), by the relay key: "relay
 * delegate" over the Delegate's public_key, not_before, not_after SignWithLabel by the delegate where there
 * is one, else the relay key:  "relay key" over relay key[32], key_id, public_key, not_before, not_after
 *
 *     (enc, context) = HPKE SetupBaseS or SetupPSKS(public_key, info = "Kith 1 relay" ‖ relay key ‖ key_id),
 *       psk = access secret, psk_id = "Kith 1 relay access"
 *     sealed request = AEAD of the context, its nonce counter set to number, aad = all bytes of the message
 * before it exporter secret = Export(exporter_context = "Kith 1 relay answer", 32) prk = HKDF-Extract(salt =
 * enc ‖ nonce, exporter secret) sealed answer = XChaCha20-Poly1305(ExpandWithLabel(prk, "answer key", "",
 * 32), ExpandWithLabel(prk, "answer nonce", "", 24), aad = uint64 number of the request)
 *
 * A retry is a new request with a new number. A client that reads "unknown session" or misses its first
 * answer begins a new session, with a new key if it has no current one; every command is idempotent. */
#ifndef KITH_PROTOCOL_CHANNEL_H
#define KITH_PROTOCOL_CHANNEL_H

#include "protocol/hpke.h"
#include "protocol/ids.h"
#include "protocol/relay_command.h"

enum channel_limits {
    CHANNEL_VERSION = 1,
    CHANNEL_WINDOW = 1024,  /* numbers behind the newest that may still come, once each */
    CHANNEL_NONCE_LEN = 32, /* random, one an answer */
    CHANNEL_ACCESS_LEN = 32,
    CHANNEL_OPEN_HEADER = 2 + 8 + HPKE_ENC_LEN + 8,
    CHANNEL_MESSAGE_MAX =
        CHANNEL_OPEN_HEADER + RELAY_REQUEST_MAX + AEAD_TAG_LEN, /* to the relay: under 64 KiB */
    CHANNEL_ANSWER_MAX = 2 + CHANNEL_NONCE_LEN + RELAY_ANSWER_MAX + AEAD_TAG_LEN, /* from it: about 513 KiB */
    CHANNEL_KEYS_MAX = 4, /* that a relay keeps: rotated daily, kept two days, one to spare */
    CHANNEL_DAY_MS = 24 * 60 * 60 * 1000
};

/* Durations that do not fit an enum of int on every compiler. */
#define CHANNEL_KEY_ROTATE_MS ((int64_t)CHANNEL_DAY_MS)   /* a relay makes a new key then */
#define CHANNEL_KEY_KEEP_MS (2 * (int64_t)CHANNEL_DAY_MS) /* and erases one after this */
#define CHANNEL_CLOCK_SLACK_MS \
    ((int64_t)CHANNEL_DAY_MS) /* a client whose clock is off by up to a day gets in and is told */
#define CHANNEL_SESSION_MS ((int64_t)CHANNEL_DAY_MS)    /* a relay forgets a session then */
#define CHANNEL_RENEW_MS (20 * (int64_t)60 * 60 * 1000) /* a client begins another before that */

/* ---- the relay's short-lived key ---- */

struct relay_delegate {
    struct sign_public key;
    int64_t not_before_ms, not_after_ms;
    uint8_t signature[SIGNATURE_LEN]; /* by the relay key */
};

struct relay_key {
    uint64_t key_id;
    struct dh_public key;
    int64_t not_before_ms, not_after_ms;
    bool has_delegate;
    struct relay_delegate delegate;
    uint8_t signature[SIGNATURE_LEN]; /* by the delegate, or the relay key */
};

enum channel_kind { /* of a message from the relay, and of one to it */
                    CHANNEL_KEY = 1,
                    CHANNEL_UNKNOWN = 2, /* to the relay: open */
                    CHANNEL_SEALED = 3
};

/* ---- client ---- */

/* The message that asks for the key, appended to out. */
enum status channel_key_ask(struct buffer *out) MUST_USE;
/* The answer to it, verified: ST_CHANNEL_KEY_SIGNATURE (another relay, or nobody), ST_CHANNEL_KEY_EXPIRED (by
 * more than CHANNEL_CLOCK_SLACK_MS, either way: look at the clock), ST_WIRE_*. */
enum status channel_key_verify(struct relay_key *out, const struct sign_public *relay, int64_t wall_ms,
                               struct span message) MUST_USE;

struct channel_client { /* one session; the caller's storage; wipe it */
    struct hpke_context hpke;
    struct secret exporter;
    uint8_t enc[HPKE_ENC_LEN];
    uint64_t key_id;
    uint64_t next; /* number of the next request */
    bool opened;   /* the first answer has come */
    int64_t renew_at_mono_ms;
};

struct channel_client_args {
    const struct sign_public *relay;
    const struct relay_key *key; /* from channel_key_verify */
    struct span access;          /* empty, or CHANNEL_ACCESS_LEN bytes: a private relay */
    struct entropy *entropy;
    int64_t mono_ms;
};

/* Begins a session; sends nothing yet. */
enum status channel_client_init(struct channel_client *c, const struct channel_client_args *a) MUST_USE;
void channel_client_wipe(struct channel_client *c);
/* Time for a new session. */
bool channel_client_expired(const struct channel_client *c, int64_t mono_ms);
/* Seals an encoded relay_request as the next message, appended to out; *number is what its answer is opened
 * with. Until the first answer came there is one message only: ST_CHANNEL_OPENING (class RETRY). */
enum status channel_client_seal(struct channel_client *c, struct span request, uint64_t *number,
                                struct buffer *out) MUST_USE;
/* Opens the answer to request `number`, appending the encoded relay_answer to out. ST_CHANNEL_UNKNOWN (class
 * RETRY): "unknown session", in the clear, so anybody between may have said it: wipe and begin anew, with a
 * fresh key. ST_CRYPTO_OPEN: not the answer to this request. */
enum status channel_client_open(struct channel_client *c, uint64_t number, struct span message,
                                struct buffer *out) MUST_USE;

/* ---- relay: keys ---- */

struct channel_signer {          /* who signs the short-lived keys */
    struct sign_public relay;    /* the relay key */
    struct sign_private private; /* its private key, or the delegate's */
    bool has_delegate;
    struct relay_delegate delegate;
};

struct channel_keys { /* newest first; never written to disk */
    size_t count;
    struct {
        struct relay_key public;
        struct dh_private private;
    } at[CHANNEL_KEYS_MAX];
};

struct channel_relay { /* the relay's identity and its keys: the caller's storage; wipe it */
    struct channel_signer signer;
    bool has_access; /* a private relay */
    uint8_t access[CHANNEL_ACCESS_LEN];
    struct channel_keys keys;
};

/* Signs a delegate's key and dates with the relay's long-term key. */
enum status channel_delegate_sign(struct relay_delegate *d, const struct sign_private *relay) MUST_USE;
/* Its signature only, not its dates: ST_CHANNEL_KEY_SIGNATURE. */
enum status channel_delegate_verify(const struct relay_delegate *d, const struct sign_public *relay) MUST_USE;
/* Makes a new key when there is none or the newest is CHANNEL_KEY_ROTATE_MS old (or dated in the future), and
 * erases those older than CHANNEL_KEY_KEEP_MS. Call it now and then. */
enum status channel_relay_rotate(struct channel_relay *r, struct entropy *e, int64_t wall_ms) MUST_USE;
void channel_relay_wipe(struct channel_relay *r);
/* The message that hands out the newest key, appended to out. ST_USAGE: there is none. */
enum status channel_key_tell(const struct channel_relay *r, struct buffer *out) MUST_USE;

/* ---- relay: sessions ---- */

struct channel_enc { /* names a session */
    uint8_t b[HPKE_ENC_LEN];
};

/* A message to the relay, its header read and nothing believed. */
struct channel_message {
    enum channel_kind kind;     /* CHANNEL_KEY, CHANNEL_UNKNOWN (open), CHANNEL_SEALED */
    uint64_t key_id;            /* open */
    struct channel_enc enc;     /* open, request */
    uint64_t number;            /* open: 0; request: >= 1 */
    struct span header, sealed; /* borrow from the input */
};
enum status channel_message_decode(struct channel_message *out, struct span in) MUST_USE;

struct channel_session { /* the relay's side of one; wipe it */
    struct hpke_context hpke;
    struct secret exporter;
    struct channel_enc enc;
    uint64_t newest;                    /* highest number seen */
    uint64_t seen[CHANNEL_WINDOW / 64]; /* bit i: newest - i came */
    int64_t forget_at_mono_ms;
};

/* Begins a session by its first message (kind open) and appends the encoded request to out. The caller has
 * made sure that it does not know `m->enc` yet. ST_CHANNEL_UNKNOWN: unknown key_id, or it does not open. */
enum status channel_session_begin(struct channel_session *s, const struct channel_relay *r,
                                  const struct channel_message *m, int64_t mono_ms,
                                  struct buffer *out) MUST_USE;
/* Opens a later message (kind request). ST_CHANNEL_REPLAY: its number came already or is behind the window;
 * the session is unchanged. ST_CHANNEL_UNKNOWN: does not open; unchanged too. */
enum status channel_session_open(struct channel_session *s, const struct channel_message *m,
                                 struct buffer *out) MUST_USE;
/* Seals the encoded answer to request `number` under a key of its own, appended to out. */
enum status channel_session_seal(const struct channel_session *s, uint64_t number, struct span answer,
                                 struct entropy *e, struct buffer *out) MUST_USE;
void channel_session_wipe(struct channel_session *s);
/* The message "unknown session", appended to out. */
enum status channel_unknown_tell(struct buffer *out) MUST_USE;

#endif
