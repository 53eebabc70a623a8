/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing a new device with a family (protocol.md §6.3): both sides as state machines without network, clock
 * or randomness of their own. Pure; the messages are protocol/pairing_message.h's.
 *
 *   parent's device                                    new device
 *   pairing_offer → link                               pairing_join(link) → commit
 *   OFFERED    commit  → answer                        ASKED      answer → asks for pairing_open_with
 *   ANSWERED   open    → waits for the code            OPENING    pairing_open_with → open
 *   CODE       pairing_enter_code → accept             CODE       shows the code; accept → waits for its user
 *   ACCEPTED   confirm → CONFIRMED                     ACCEPTED   pairing_confirm → confirm → CONFIRMED
 *   CONFIRMED  chain entry and Admission are made      CONFIRMED  pairing_judge(Admission) → DONE
 *   DONE       pairing_finish
 *
 * The caller runs each call, puts what was appended to `send` into the outgoing log (to device or to parent),
 * and stores the session (pairing_save), all in one transaction; after a restart it goes on from
 * pairing_load. A call that returns a failure changed nothing; after one of class INTERNAL drop the
 * session and load it again. A message that ends the pairing is no failure
 * of the call: the phase is FAILED then, facts.failed says why, and `send` may have a message that tells the
 * other side. What comes in FAILED or DONE is ignored.
 *
 * The defences, each with a mutant in tests/mutants: the code binds link, family, person, role, both keys and
 * both nonces; the new device's key and nonce are committed to before it sees the answer; only the new device
 * can show the code, and the parent's device takes one entry; a second commit voids the link; the new device
 * says yes only after the parent's device accepted, and joins by no chain entry but the one agreed on. */
#ifndef KITH_DEVICE_PAIRING_H
#define KITH_DEVICE_PAIRING_H

#include "protocol/admission.h"
#include "protocol/pairing_message.h"

struct pairing; /* one session of one side; holds secrets */

enum pairing_session_limits {
    PAIRING_CERTIFICATE_DAYS = 400, /* a certificate's life (§6.2) */
    PAIRING_SAVED_MAX = 320 * 1024  /* bytes of a saved session */
};

enum pairing_phase {
    PHASE_OFFERED = 1, /* parent: the link is shown */
    PHASE_ANSWERED,    /* parent: a device came; its opening is awaited */
    PHASE_ASKED,       /* new: the answer is awaited */
    PHASE_OPENING,     /* new: family, person, role and relay are known; pairing_open_with is wanted */
    PHASE_CODE,        /* new: shows facts.code. parent: pairing_enter_code is wanted */
    PHASE_ACCEPTED,    /* parent: the code was right. new: pairing_confirm (its user's yes) is wanted */
    PHASE_CONFIRMED,   /* parent: make the chain entry, send the Admission. new: the Admission is awaited */
    PHASE_DONE,
    PHASE_FAILED
};

struct pairing_facts { /* spans borrow until the next call with this session; empty while unknown */
    bool new_device;   /* this side is the one that joins */
    enum pairing_phase phase;
    enum status failed; /* PHASE_FAILED: why */
    int64_t expires_ms;
    struct span relay;
    struct family_id family; /* new device: from PHASE_OPENING on; show its mark (protocol/mark.h) */
    struct span family_name, person_name;
    struct person_id person;
    enum person_role role;
    struct device_id parent_device, device; /* device: the new one */
    struct span device_name;                /* parent: from PHASE_CODE on */
    char code[PAIRING_CODE_DIGITS + 1];     /* on the new device only, from PHASE_CODE on; else "" */
    struct span letterbox;                  /* parent: from PHASE_CODE on */
    bool wants_recovery;                    /* a parent's first device: the opening brings a recovery key */
    bool has_recovery;
    struct sign_public recovery;   /* parent: from PHASE_CODE on, if has_recovery */
    struct span certificate;       /* of the new device; from PHASE_ACCEPTED on */
    struct wire_list key_packages; /* parent: from PHASE_CONFIRMED on; the Welcome uses no others */
};

struct pairing_offer_args { /* borrows */
    struct entropy *entropy;
    int64_t now_ms; /* wall */
    struct span relay;
    struct wire_list authority_chain; /* of the family, whole */
    struct device_id device;          /* ours: a parent's, as the chain says */
    struct span family_name, person_name;
    struct person_id person; /* who the new device will be */
    enum person_role role;   /* PARENT or CHILD */
};

/* Parent's side: makes the link (text with a NUL, appended to `link`). ST_USAGE for a role, chain or name
 * that cannot be. */
enum status pairing_offer(struct pairing **out, const struct pairing_offer_args *a,
                          struct buffer *link) MUST_USE;

struct pairing_join_args { /* borrows */
    struct entropy *entropy;
    int64_t now_ms;
    struct span link;        /* as text */
    struct device_id device; /* ours */
    struct span device_name;
    bool in_family; /* this device is in a family already: refused */
};

/* New device's side. ST_LINK_SCHEME, ST_LINK_OTHER_KIND, ST_LINK_DAMAGED, ST_LINK_EXPIRED,
 * ST_COMMAND_IN_FAMILY, and what pairing_link_decode says. */
enum status pairing_join(struct pairing **out, const struct pairing_join_args *a,
                         struct buffer *send) MUST_USE;

void pairing_free(struct pairing *p);                               /* erases; NULL is fine */
const struct pairing_facts *pairing_facts(const struct pairing *p); /* borrows until the next call with p */
/* The log that this side writes, and the one that it reads: to be asked when the session begins, for its end
 * erases the secret. The caller wipes `out`. */
enum status pairing_log_out(const struct pairing *p, struct pairing_log *out) MUST_USE;
enum status pairing_log_in(const struct pairing *p, struct pairing_log *out) MUST_USE;

/* A record of the incoming log. `key` is this device's. */
enum status pairing_receive(struct pairing *p, struct span message, int64_t now_ms,
                            const struct sign_private *key, struct buffer *send) MUST_USE;
/* Ends what is past its time; call when facts.expires_ms has come. Both sides, until PHASE_CONFIRMED. */
enum status pairing_tick(struct pairing *p, int64_t now_ms, struct buffer *send) MUST_USE;

/* New device, PHASE_OPENING: its letterbox (encoded) at facts.relay, and its recovery public key with
 * facts.wants_recovery, else NULL (ST_USAGE otherwise). ST_PAIRING_NONE in another phase, as all below. */
enum status pairing_open_with(struct pairing *p, struct span letterbox, const struct sign_public *recovery,
                              const struct sign_private *key, struct buffer *send) MUST_USE;
/* Parent, PHASE_CODE: what was typed. Spaces and hyphens are skipped; ST_PAIRING_DIGITS when it is not six
 * digits, and the try is not spent. A wrong code voids the link: ST_OK, PHASE_FAILED, ST_PAIRING_CODE. Issues
 * the certificate. */
enum status pairing_enter_code(struct pairing *p, struct span digits, int64_t now_ms,
                               const struct sign_private *key, struct buffer *send) MUST_USE;
/* New device, PHASE_ACCEPTED: its user's yes, with MLS KeyPackages (without MLSMessage header) of this device
 * whose identity is facts.certificate. ST_USAGE for others. */
enum status pairing_confirm(struct pairing *p, const struct wire_list *key_packages, int64_t now_ms,
                            const struct sign_private *key, struct buffer *send) MUST_USE;
/* Either side's user says no; before PHASE_CONFIRMED. */
enum status pairing_cancel(struct pairing *p, struct buffer *send) MUST_USE;
/* Parent, PHASE_CONFIRMED: no chain entry can be made of it; the new device is told. */
enum status pairing_give_up(struct pairing *p, enum status why, struct buffer *send) MUST_USE;
/* New device, PHASE_CONFIRMED: is this the Admission that was agreed on? Its chain of our family goes through
 * the link's head; its roster makes this device the agreed person's, in the agreed role, by an entry that the
 * answering device signed, and by no other. ST_PAIRING_ENTRY otherwise, and the session is unchanged: another
 * Admission may come. (That the chains as such are valid is judged by device/authority and device/roster.) */
enum status pairing_judge(const struct pairing *p, const struct admission *a) MUST_USE;
enum status pairing_finish(struct pairing *p) MUST_USE; /* PHASE_CONFIRMED → PHASE_DONE */

/* A session as one record, secrets inside. Load refuses what save does not write: ST_PAIRING_RECORD. */
enum status pairing_save(const struct pairing *p, struct buffer *out) MUST_USE;
enum status pairing_load(struct pairing **out, struct span record) MUST_USE;

#endif
