/* SPDX-License-Identifier: Apache-2.0 */
/* A whole device as a state machine: events in, effects out. It has no network, clock or randomness of its
 * own; they are handed to it, so that a family and a relay run in one process from one seed.
 *
 * One thread owns a node and its database. node_step takes a batch of events in one SQLite transaction, each
 * in a SAVEPOINT of its own; effects become visible only after COMMIT. What a peer sent never fails the
 * batch: its SAVEPOINT rolls back with every cache written in it, and the next event runs. When node_step
 * fails (classes STORE and INTERNAL only) nothing of the batch happened: free the node and open it again from
 * disk. After a crash the same: node_open works everything out anew, so an effect that got lost is asked for
 * again.
 *
 * Commands answer at once: one FX_RESULT each. What takes time (pairing, meeting, history) is a state that
 * goes on by itself; its progress is told by FX_NOTIFY and read by view_*. */
#ifndef KITH_SYNC_NODE_H
#define KITH_SYNC_NODE_H

#include "protocol/bytes.h"
#include "protocol/chain_entry.h" /* enum person_role */
#include "protocol/entropy.h"
#include "protocol/ids.h"
#include "sync/command.h"

struct sqlite3;
struct relay_request; /* protocol/relay_command.h */
struct relay_answer;

enum node_limits {
    NODE_NAME_MAX = 80,      /* bytes of a name of a person, device or family: WIRE_NAME_MAX */
    NODE_IN_FLIGHT_MAX = 16, /* relay requests without an answer, a relay */
    NODE_ROWS_MAX = 500,     /* rows of one view_* call */
    NODE_LINK_MAX = 2048,    /* bytes of a kith-pair: or kith-meet: link */
    NODE_CANDIDATES_MAX = 8, /* names told when one was ambiguous */
    NODE_KIT_WORDS = 24,     /* words of a recovery kit */
    NODE_CODE_LEN = 6,       /* digits of the short code */
    NODE_WITNESS_LEN = 40
};

/* ---- events ---- */

enum event_kind { EV_TICK, EV_RELAY_ANSWER, EV_COMMAND };

struct event {
    enum event_kind kind;
    struct now now;
    uint64_t
        id; /* EV_RELAY_ANSWER: the request's; EV_COMMAND: chosen by the caller, comes back with the result */
    union {
        const struct relay_answer *answer; /* NULL: no answer came; borrows until node_step returns */
        struct command command;
    } u;
};

/* ---- effects ---- */

enum effect_kind {
    FX_RELAY_REQUEST, /* ask the relay; exactly one EV_RELAY_ANSWER with this id must follow, a lost pipe is
                         one */
    FX_RELAY_CANCEL,  /* the request `id` is not wanted any more; its answer (any) must still come */
    FX_RESULT,        /* of the command `id` */
    FX_NOTIFY /* something happened that a person may want to see; kept in the database too (view_events) */
};

enum notice_kind {
    NOTICE_TEXT,           /* somebody wrote: who, scope */
    NOTICE_REQUESTS,       /* `requests` changed */
    NOTICE_PAIRING,        /* `pairing` changed: what is the state's name */
    NOTICE_PERSON,         /* a person joined the family */
    NOTICE_DEVICE_ADDED,   /* who: person; what: device */
    NOTICE_DEVICE_REMOVED, /* who: person; what: device; every remaining member has passed it, or it was this
                              one */
    NOTICE_CONTACT,        /* who can be written to now */
    NOTICE_WITHDRAWN,      /* who cannot be written to any more; what: by whom */
    NOTICE_DENIED,         /* who: the child's contact; what: reason, on parents' devices */
    NOTICE_POLICY,         /* who: the child; what: the field that changed, "oversight" among them (law 7) */
    NOTICE_HISTORY,        /* history arrived; what: how many entries */
    NOTICE_ALARM,          /* who or what does not add up: what says it in a sentence */
    NOTICE_STUCK,          /* a group cannot go on: what says which and why */
    NOTICE_WAITING,        /* who came in before a text of this device was sent: its writer is asked */
    NOTICE_FILE,           /* a file: who sent it; what: its name and what became of it */
    NOTICE_KIND_COUNT
};
const char *notice_name(enum notice_kind kind); /* "text", "requests", … */

struct notice {   /* texts are NUL-terminated UTF-8, never NULL */
    uint64_t seq; /* grows; cursor of view_events */
    enum notice_kind kind;
    int64_t at_ms;
    const char *who, *what;
    struct scope_id scope; /* zero when none is meant */
};

struct result { /* texts are NUL-terminated, NULL when the command has none */
    enum command_kind kind;
    enum status status;
    enum status why;        /* with ST_POLICY_DENIED and the like: a closer reason, else ST_OK */
    const char *link;       /* PAIR_INVITE, INVITE: the link */
    int64_t expires_at_ms;  /* of that link; of a permit for APPROVE */
    const char *kit;        /* INIT: the recovery kit's words, shown once and kept nowhere */
    const char *id;         /* MEET, SEND, APPROVE, DENY: id of the request or message in hex */
    const char *name;       /* the name that was understood: whom SEND wrote to, whom WITHDRAW ended; with
                               ST_NAME_UNKNOWN the one that was not */
    const char *of;         /* WITHDRAW: whose contact it was, when it was not one's own; PAIR_CONFIRM: whose
                               other device has to approve, if any */
    const char *rule;       /* the policy's reason in plain words, when the policy said no or wait */
    size_t candidate_count; /* with ST_NAME_AMBIGUOUS */
    const char *candidates[NODE_CANDIDATES_MAX];
};

struct effect {
    enum effect_kind kind;
    uint64_t id;
    union {
        struct {
            const char *relay; /* address of the relay to ask, as kith-relay://… */
            const struct relay_request *what;
        } request;
        struct result result;
        struct notice notice;
    } u;
};

/* ---- files of the person, which are sent ---- */

struct node_file { /* what a file was when it was looked at: while all of this is the same, so are its bytes
                    */
    uint64_t size, device, inode;
    int64_t modified_ns, changed_ns;
};

/* The node's way to what lies outside of its database: it only reads, and only what the person named. Called
 * within node_step, on its thread, for a few MiB at a time. */
struct node_files {
    void *ctx;
    /* ST_FILE_SOURCE: nothing there, not a plain file, or it may not be read. */
    enum status (*look)(void *ctx, const char *path, struct node_file *out);
    /* Exactly len bytes at `at`. ST_FILE_CHANGED: it is not `same` any more, or shorter; else as look. */
    enum status (*read)(void *ctx, const char *path, const struct node_file *same, uint64_t at, uint8_t *out,
                        size_t len);
    /* Bytes that the home's disk has room for. */
    uint64_t (*room)(void *ctx);
};

/* ---- the node ---- */

struct node;

struct node_args {
    struct sqlite3 *db; /* takes, also on failure; open, exclusive, see device/vault */
    struct entropy entropy;
    struct now now;
    const char *relay; /* default for `init`; NULL: the command names one. Copied */
    /* What node_witness gave last, from a place that no backup reaches; NULL: it is not there. With it the
     * node may send at once; without it, it first reads its logs to their ends (sync/witness.h). */
    const uint8_t *witness;
    /* NULL: no file can be sent, and room is never short. Copied. */
    const struct node_files *files;
    bool doubt; /* for tests: what has nothing to do is asked all the same (sync/pass.h) */
};

enum status node_open(struct node **out, const struct node_args *args) MUST_USE;
/* Wipes every secret in memory and closes the database. NULL is fine. */
void node_free(struct node *n);
/* Takes events in order. Any failure is of class STORE or INTERNAL: nothing happened, free the node. */
enum status node_step(struct node *n, const struct event *events, size_t count) MUST_USE;
/* After ST_STORE_FULL of node_step: nothing of the batch happened, nothing is done any more, and what is on
 * disk can be asked still (view_*). This begins anew there, as node_open does; requests that are under way
 * are forgotten. ST_STORE_FULL: there is still no room, and it can be tried again; any other failure: free
 * it. */
enum status node_resume(struct node *n, struct now now, const uint8_t *witness) MUST_USE;
/* After node_open and each node_step, before the effects are done: what to keep for the next node_open. */
void node_witness(const struct node *n, uint8_t out[static NODE_WITNESS_LEN]);
/* The next effect, or NULL when there is none. Borrows until the next node_step or node_free. Effects that
 * were not taken before the next node_step stay in the queue. */
const struct effect *node_next(struct node *n);
/* mono_ms of the next EV_TICK that the node wants; INT64_MAX for none. */
int64_t node_deadline(const struct node *n);

/* ---- views: read-only, on the node's thread, between steps ----
 *
 * Each calls `visit` once a row, at most NODE_ROWS_MAX times. Texts are NUL-terminated UTF-8, never NULL, and
 * borrow until visit returns. A failure is of class STORE, or what command.def says about names. */

enum pairing_state {
    PAIRING_NONE,     /* nothing under way */
    PAIRING_OFFERED,  /* parent: the link is shown, nobody came yet */
    PAIRING_ASKED,    /* new device: waits for the parent's device to answer */
    PAIRING_CODE,     /* new device: shows `code`; parent: waits for it to be typed (pair.confirm) */
    PAIRING_ACCEPTED, /* new device: waits for its user (pair.yes); parent: typed right, waits for that */
    PAIRING_JOINING,  /* both said yes; chain entry, commit and Welcome are under way */
    PAIRING_DONE,     /* the device is in the family */
    PAIRING_FAILED    /* void: `failed` says why; a new link is needed */
};
const char *pairing_state_name(enum pairing_state s); /* "none", "offered", … */

struct pairing_row {
    enum pairing_state state;
    enum status failed;
    bool new_device;           /* this device is the one that joins */
    bool needs_co_signature;   /* waits for the person's first device to sign (`requests` there) */
    const char *code;          /* six digits, on the new device in PAIRING_CODE and later; else "" */
    const char *family, *mark; /* name, and the words that stand for the family's id */
    const char *relay, *person, *device;
    enum person_role role;
    int64_t expires_at_ms;
};
/* The newest pairing; PAIRING_NONE when there never was one. */
typedef void (*pairing_visit)(void *ctx, const struct pairing_row *row);
enum status view_pairing(struct node *n, pairing_visit visit, void *ctx) MUST_USE;

enum request_kind {
    REQUEST_APPROACH, /* somebody outside asks to meet a child, or you */
    REQUEST_ASK,      /* a child asks to meet somebody */
    REQUEST_SIGN,     /* a chain proposal wants your signature (a second device of yours) */
    REQUEST_SENT      /* you (or your child) asked; the other side has not answered */
};
const char *request_kind_name(enum request_kind k);

struct request_row {
    const char *id; /* hex */
    enum request_kind kind;
    bool can_decide;          /* by this device's person */
    const char *person;       /* of this family: whom it is about */
    const char *other;        /* the person outside, or the device's name for REQUEST_SIGN */
    const char *other_family; /* the other family's mark, for comparing; "" for REQUEST_SIGN */
    bool other_supervised;
    const char *note, *how; /* what the asker says; how they met */
    const char *state;      /* "reading" (the card), "waiting", "approved", "denied", "over" */
    int64_t at_ms;
    int64_t lapses_at_ms; /* when a waiting one is over without an answer; 0 for others */
};
typedef void (*request_visit)(void *ctx, const struct request_row *row);
/* Those that wait; with `all` also decided ones, newest first. */
enum status view_requests(struct node *n, bool all, request_visit visit, void *ctx) MUST_USE;

struct contact_row {
    const char *id;        /* the person's, hex */
    const char *name;      /* of the person outside */
    const char *family;    /* their family's mark */
    const char *person;    /* of this family: whose contact it is */
    bool supervised;       /* the contact is a child */
    bool mine;             /* this device's person's contact; else a child's, seen by a parent */
    const char *state;     /* "founding", "active", "withdrawn", "expired", "left" */
    bool unanswered;       /* founding: they were asked, and have not said yes */
    const char *overseers; /* names of those who read along, comma-separated; "" when nobody does */
    int64_t until_at_ms;   /* when the permit ends; 0 when none is needed, and when it has ended */
    int64_t since_at_ms;
};
typedef void (*contact_visit)(void *ctx, const struct contact_row *row);
enum status view_contacts(struct node *n, contact_visit visit, void *ctx) MUST_USE;

struct file_row {      /* a file that was sent, and how far it is */
    const char *id;    /* the message's, hex; "" while it is still read from the disk */
    const char *token; /* what `send` gave, hex; good for `files` and `cancel` all the while */
    const char *name, *media;
    const char *with;     /* the contact's name, or the family's */
    bool outgoing;        /* sent from this device */
    const char *state;    /* "reading", "sending", "sent"; "offered", "fetching", "here"; "failed" */
    const char *why;      /* of "failed", or of a pause: a status' name; "" */
    uint64_t bytes, size; /* so many are read, at the relay, or here */
    uint64_t bytes_per_s; /* of the last seconds; 0: not known */
    int64_t left_ms;      /* -1: not known */
    uint32_t parts;
    int64_t at_ms;
    struct scope_id scope;
};
typedef void (*file_visit)(void *ctx, const struct file_row *row);
/* The newest `limit` files of all conversations, oldest first; with `id` (a message's or token's first
 * digits) only that one: ST_NAME_UNKNOWN, ST_NAME_AMBIGUOUS. */
enum status view_files(struct node *n, const char *id, size_t limit, file_visit visit, void *ctx) MUST_USE;
/* The bytes of one part of a file that is here. ST_FILE_NOT_HERE; ST_COMMAND_FIELD: it has fewer. */
typedef void (*file_part_visit)(void *ctx, struct span bytes);
enum status view_file_part(struct node *n, const char *id, uint32_t part, file_part_visit visit,
                           void *ctx) MUST_USE;

struct history_row {
    int64_t cursor;   /* grows in the order of arrival; rows are told in the order of writing */
    const char *id;   /* entry hash, hex */
    const char *with; /* the contact's name, or the family's */
    const char *from; /* the author's name */
    bool mine;        /* by this device's person */
    bool waiting;     /* mine, and not yet at the relay */
    bool held;      /* mine, and waits for its writer's word: somebody came in since (WAITING_SEND, _DROP) */
    bool passed_on; /* the author's own device has not confirmed it yet; `via` passed it on */
    const char *via;
    const char *text;
    int64_t at_ms; /* by the author's clock */
    struct scope_id scope;
    bool edited, unread; /* unread: by somebody else, after the last `read` of any of this person's devices */
    const char *reactions;        /* "👍 Ana, ❤ Ben"; "" */
    int64_t gone_at_ms;           /* when it runs out; 0: never */
    const struct file_row *file;  /* NULL: a text */
    const char *state;            /* mine: "waiting", "sent" (at the relay), "delivered", "read"; else "" */
    const char *delivered, *read; /* mine: who has it, who has read it, as they told: "Ana, Ben"; "" */
    uint64_t gap; /* not 0: no message, but so many that belong here and have not come; the texts are "" */
};
typedef void (*history_visit)(void *ctx, const struct history_row *row);
struct history_args {
    const char *with; /* NULL: everything */
    int64_t after;    /* cursor: what arrived since, without gaps; 0: from the start */
    size_t limit;     /* the newest so many, told oldest first; 0: NODE_ROWS_MAX */
};
enum status view_history(struct node *n, const struct history_args *args, history_visit visit,
                         void *ctx) MUST_USE;

struct search_args {
    const char *words; /* all must be in the text; the last may be the beginning of a word. Never syntax */
    const char *with;  /* a contact or the family; NULL: everywhere */
    const char *from;  /* who said it, a person of the family or a contact; NULL: anybody */
    size_t limit;      /* the newest so many by the author's clock, told oldest first; 0: 50 */
};
/* Texts that view_history shows, and no others. A file that an older version wrote is read in while the node
 * steps: until then older texts are missing. */
enum status view_search(struct node *n, const struct search_args *args, history_visit visit,
                        void *ctx) MUST_USE;

struct transfer_row { /* history on its way to this device, or from it to another of the same person */
    bool giving;
    const char
        *state; /* "running", "waiting" (for a source, or for the other side to read), "done", "failed" */
    const char *with;                                    /* the other device's name; "" when nobody gives */
    uint64_t parts, parts_total, entries, entries_total; /* totals are estimates until all is packed */
    uint64_t bytes, bytes_total;                         /* as they travel */
    uint64_t refused;                                    /* parts that were not what was promised */
    uint64_t bytes_per_s;                                /* of the last seconds; 0: not known */
    int64_t left_ms;                                     /* -1: not known */
};

struct files_row { /* files that come with history to this device, all together */
    uint64_t files, files_total, parts, parts_total, bytes, bytes_total;
    uint64_t bytes_per_s; /* of the last seconds; 0: not known */
    int64_t left_ms;      /* -1: not known */
    bool done;
};

struct device_row {
    const char *id; /* hex */
    const char *name, *person;
    enum person_role role;
    bool mine, this_device;
    const char *state;  /* "active", "joining", "removing" (not all members passed it yet), "removed" */
    int64_t seen_at_ms; /* newest sign of life; 0 for none */
    bool overdue;       /* it has not told for three days where it stands in the family's group (§5.4) */
    const struct transfer_row *history; /* NULL: none */
    const struct files_row *files;      /* of this device; NULL: none */
};
typedef void (*device_visit)(void *ctx, const struct device_row *row);
enum status view_devices(struct node *n, device_visit visit, void *ctx) MUST_USE;

struct policy_row {
    const char *field, *value;
    const char *meaning; /* one plain sentence */
};
typedef void (*policy_visit)(void *ctx, const struct policy_row *row);
/* person NULL: see command.def. The first row is field "person". */
enum status view_policy(struct node *n, const char *person, policy_visit visit, void *ctx) MUST_USE;

struct relay_row { /* of the family's list, or wished for */
    const char *address;
    size_t place;      /* 1: orders what groups commit; 2 and more: stands by; 0: not in the list yet */
    const char *state; /* "in use", "stands by", "wanted" (waits for its answer), "wanted first", "leaves" */
    bool reached;
    int64_t away_since_ms; /* 0: it answered last */
};
typedef void (*relay_visit)(void *ctx, const struct relay_row *row);
enum status view_relays(struct node *n, relay_visit visit, void *ctx) MUST_USE;

struct status_group_row {
    const char *kind, *about; /* "family", "parents", "ward", "own", "conversation"; whom it is about */
    uint64_t generation, epoch;
    size_t devices;
    const char *state;   /* "active", "joining", "waiting: …" (a gap, §5.4), "stuck: …", "left" */
    const char *overdue; /* devices that have not told for three days where they stand; "" for none */
};
struct status_refused_row {
    const char *name; /* of the status, "HISTORY_SIZE" */
    uint64_t count;
};
struct status_row {
    bool in_family;
    bool removed; /* from its family: it keeps what was said, and takes part in nothing */
    const char *family, *mark, *person, *device, *device_id, *relay;
    enum person_role role;
    bool supervised;       /* always shown: parents decide whom this device's person meets */
    const char *oversight; /* of a supervised person: what parents see */
    bool
        heads_held; /* supervised: this device holds all that its parents announced; else it denies outside */
    bool disk_full; /* nothing is sent, received or changed until there is room: node_resume */
    bool relay_reached;      /* the last request to the relay in use got an answer */
    int64_t relay_skew_ms;   /* relay's clock minus ours; 0 when unknown */
    size_t waiting_to_send;  /* blocks not yet at the relay */
    size_t texts_held;       /* texts that wait for their writer's word */
    uint64_t blocks_skipped; /* blocks and records that did not open or did not count */
    uint64_t alarms;
    size_t refused_count; /* what was refused by name, and how often */
    const struct status_refused_row *refused;
    size_t group_count;
    const struct status_group_row *groups;
};
typedef void (*status_visit)(void *ctx, const struct status_row *row);
enum status view_status(struct node *n, status_visit visit, void *ctx) MUST_USE;

typedef void (*notice_visit)(void *ctx, const struct notice *row);
/* Notices after the cursor, oldest first. The newest 10,000 are kept. */
enum status view_events(struct node *n, uint64_t after, size_t limit, notice_visit visit, void *ctx) MUST_USE;

/* After ST_NAME_UNKNOWN of a view_* call: the name that nobody and nothing has; "" when it is too long. */
const char *view_unknown(const struct node *n);
/* With the view_* calls that can refuse a name: who could be meant, as in struct result. Borrows until the
 * next call. */
size_t view_candidates(struct node *n, const char *const **candidates);

#endif
