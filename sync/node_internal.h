/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of sync/ share: the node's memory, and the small services that every module uses.
 *
 * Modules, and who may call whom (downwards):
 *   node       events in, effects out; the batch, savepoints, notices
 *   command    what each command does            view_*    what can be asked
 *   pass       what is looked after at the end of each batch
 *   reconcile  who should be in which group; founds, adds, removes
 *   pair · contact · request · conversation · history      the stories
 *   facts      gathers policy's facts; the only caller of policy_decide
 *   journal    entries, gaps, repair (all scopes)
 *   relays     the family's list of relays, and how groups follow it
 *   scope_*    an MLS group and the logs of its epochs (all scopes)
 *   letters    letterboxes (all kinds)
 *   family     chains, certificates, who is who
 *   logs       logs, outbox, requests in flight
 *   sql, schema
 *
 * OPEN MODULES. Each may use every header of sync/. Put your name here in a commit that you land when you
 * begin.
 *
 * names.c, view_*.c, facts.c, ward_policy.c: there. Roster and authority states come from family_states.
 *
 * pair*.c, view_pairing.c; invite.c, meet.c, request*.c, permits.c, contact.c: there, by dev.
 *
 * history*.c, files*.c: there, by dev.
 *
 * tests/world/ (several devices and a relay in one process, virtual clock, one seed): taken by apps.
 *
 * By node: scope_*, journal*, family, letters, reconcile, chain_wish, commands, conversation, removal, and
 * what is not named here.
 *
 * Rules. Everything in the database changes inside the SAVEPOINT of the event at hand. What memory caches of
 * it is registered in node->undo, so that a rollback drops it. A record from a peer runs under node_guard:
 * whatever it returns of a class other than STORE and INTERNAL rolls back that record alone and is counted as
 * skipped. */
#ifndef KITH_SYNC_NODE_INTERNAL_H
#define KITH_SYNC_NODE_INTERNAL_H

#include "protocol/mem.h"
#include "protocol/suite.h"
#include "sync/node.h"
#include "sync/sql.h"

enum node_internal_limits {
    NODE_RELAYS_MAX = 12, /* a family's own, and those of contacts' letterboxes */
    NODE_FLIGHTS_MAX = NODE_RELAYS_MAX * NODE_IN_FLIGHT_MAX,
    NODE_GROUPS_CACHED = 24, /* groups in memory; more are loaded again when needed */
    NODE_EFFECT_TEXTS = 4 + NODE_CANDIDATES_MAX,
    NODE_NOTICES_KEPT = 10000
};

struct effect_slot {
    struct effect effect;
    char *texts[NODE_EFFECT_TEXTS]; /* what the effect's pointers point to */
    size_t text_count;
    bool published, taken;
};

struct effect_queue {
    struct effect_slot *slots;
    size_t count, cap;
};

struct self { /* who this device is; cached from table meta */
    bool in_family, removed;
    struct device_id device;
    struct sign_private key;
    struct family_id family;
    struct person_id person;
    enum person_role role;
    bool supervised;
};

struct flight;
struct relay_state;
struct group;
struct family_state;
struct facts_memory;
struct pass_memory;
struct author_memory;

struct node {
    struct sql sql;
    struct entropy entropy;
    struct now now;
    struct self self;
    char *relay_default;
    struct node_files files;

    struct effect_queue effects;
    int64_t wake_mono_ms;

    /* pass.c */
    struct pass_memory *pass;
    bool doubt;

    /* logs.c */
    struct relay_state *relays; /* NODE_RELAYS_MAX */
    struct flight *flights;     /* NODE_FLIGHTS_MAX */
    uint64_t next_request;
    struct log_memory *log_memory; /* fragments that wait for their siblings */

    /* scope_group.c */
    struct group *groups[NODE_GROUPS_CACHED];
    const struct sql_columns *group_columns; /* what a group in memory was read from; NULL: none was yet */

    /* family.c */
    struct family_state *family; /* both chains replayed; NULL: not loaded */

    /* facts.c */
    struct facts_memory *facts; /* what texts that come are judged by; NULL: nothing yet */
    /* journal_text.c */
    struct author_memory *author; /* of the last entry that came */
    uint64_t hlc_seen;            /* the newest that this batch saw; written before it ends */

    /* What the present SAVEPOINT touched in memory. */
    bool family_touched, self_touched;
    bool self_stale;         /* self is read again before its next use */
    bool once, once_refused; /* node_guard_once: within it; and something was refused */
    uint64_t kept;           /* entries, bodies and certificates that came and were not here yet */
    bool sealed;             /* this batch spent a key of a group (witness.h) */
    uint8_t witness[NODE_WITNESS_LEN];
    bool scrub;         /* a secret was erased: after COMMIT the WAL is emptied */
    enum status broken; /* a fatal failure: every step gives it */

    /* names.c: candidates of the last ambiguous name */
    char *candidates[NODE_CANDIDATES_MAX];
    size_t candidate_count;
    char unknown[2 * NODE_NAME_MAX]; /* the name that fitted nobody */
};

/* ---- node.c ---- */

typedef enum status (*node_fn)(struct node *n, void *arg);
/* Runs fn in a SAVEPOINT. OK: kept. A failure of class STORE or INTERNAL goes up. Any other: everything that
 * fn did is undone, memory too, *why says which (may be NULL), and ST_OK is returned. */
enum status node_guard(struct node *n, node_fn fn, void *arg, enum status *why) MUST_USE;
/* Runs fn with no SAVEPOINT but one: the guards inside of it are none. When anything in it is refused, all
 * that it did is undone, memory too, and it runs again, with its guards. For much of which nearly nothing is
 * ever refused: a SAVEPOINT copies every page that changes after it. */
enum status node_guard_once(struct node *n, node_fn fn, void *arg) MUST_USE;
bool status_is_fatal(enum status s); /* class STORE or INTERNAL */

/* Tells the person (FX_NOTIFY and table notice). Texts may be NULL; scope too. */
enum status node_notice(struct node *n, enum notice_kind kind, const char *who, const char *what,
                        const struct scope_id *scope) MUST_USE;
/* NOTICE_ALARM and the counter of alarms. The same sentence is told once a day at most. */
enum status node_alarm(struct node *n, const char *who, const char *what,
                       const struct scope_id *scope) MUST_USE;
enum status node_skipped(struct node *n) MUST_USE; /* counts a block or record that did not count */
enum status node_refused(struct node *n, enum status why) MUST_USE; /* counts by name what `status` shows */
/* Wants a tick at this wall time (or mono time): node_deadline is the earliest of all. */
void node_wake_wall(struct node *n, int64_t wall_ms);
void node_wake_mono(struct node *n, int64_t mono_ms);
/* A copy of the text that the effect owns; NULL when memory is gone or text is NULL. */
const char *effect_text(struct effect_slot *e, const char *text);
/* A new effect at the end of the queue, not visible before COMMIT. NULL: no memory. */
struct effect_slot *node_effect(struct node *n, enum effect_kind kind, uint64_t id);

int64_t node_random_below(struct node *n, int64_t bound); /* uniform enough for delays */

/* Single values of table meta. */
enum status meta_number(struct node *n, const char *key, int64_t missing, int64_t *out) MUST_USE;
enum status meta_set_number(struct node *n, const char *key, int64_t value) MUST_USE;
enum status meta_bytes(struct node *n, const char *key, struct buffer *out, bool *found) MUST_USE;
enum status meta_set_bytes(struct node *n, const char *key, struct span value) MUST_USE;
enum status meta_add(struct node *n, const char *key, int64_t more) MUST_USE;

/* Next value of this device's hybrid clock, later than every entry seen. */
enum status node_hlc(struct node *n, uint64_t *out) MUST_USE;
void node_hlc_seen(struct node *n, uint64_t hlc);
enum status node_hlc_save(struct node *n) MUST_USE; /* before a batch ends */

#endif
