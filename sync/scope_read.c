/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of a group's logs: evidence, commits, messages (§5.3). */
#include "sync/journal_intake.h"
#include "sync/restore.h"
#include "sync/scope_internal.h"

/* ---- evidence ---- */

void evidence_set_init(struct evidence_set *s)
{
    memset(s, 0, sizeof(*s));
    buffer_init(&s->bytes, EVIDENCE_COMMIT_MAX);
}

void evidence_set_wipe(struct evidence_set *s)
{
    buffer_wipe(&s->bytes);
    s->count = 0;
}

/* Where all that is kept lies: no member fills the disk with evidence that no commit names, nor keeps a
 * commit's own from being heeded. By place in the log, so that all readers have the same. */
enum { EVIDENCE_WINDOW = 512 }; /* blocks: 32 times what one commit may name */

enum status evidence_set_load(struct node *n, const struct group *g, uint64_t seq, const struct mls_staged *s,
                              struct evidence_set *out)
{
    struct commit_data data;
    struct entry_hash hash;
    bool found = false;
    enum status st = commit_data_decode(&data, mls_staged_authenticated_data(s));
    if (st == ST_OK && data.count > GROUP_EVIDENCE_MAX) {
        st = ST_NO_SPACE;
    }
    for (size_t i = 0; st == ST_OK && i < data.count; i++) {
        commit_data_hash_at(&data, i, &hash);
        out->at[i] = out->bytes.len;
        st = sql_bytes(&n->sql, &out->bytes, &found,
                       "SELECT record FROM evidence WHERE grp = ? AND epoch = ? AND hash = ? AND seq > ?",
                       "iibi", g->id, (int64_t)g->epoch, SPAN_ID(&hash), (int64_t)seq - EVIDENCE_WINDOW);
        if (st == ST_OK && !found) {
            st = ST_GROUP_EVIDENCE;
        }
        out->len[i] = out->bytes.len - out->at[i];
    }
    for (size_t i = 0; st == ST_OK && i < data.count; i++) {
        out->records[i] = SPAN_OF(out->bytes.ptr + out->at[i], out->len[i]);
    }
    out->count = st == ST_OK ? data.count : 0;
    return st;
}

static enum status keep_evidence(struct node *n, struct group *g, uint64_t seq, struct span record)
{
    struct evidence_record decoded;
    struct entry_hash hash;
    enum status st = evidence_record_decode(&decoded, record);
    if (st == ST_OK) {
        st = evidence_record_hash(record, &hash);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "INSERT INTO evidence(grp, epoch, hash, record, seq) VALUES(?,?,?,?,?) ON CONFLICT DO"
                     " UPDATE SET seq = max(seq, excluded.seq)",
                     "iibbi", g->id, (int64_t)g->epoch, SPAN_ID(&hash), record, (int64_t)seq);
    }
    return st == ST_OK ? sql_run(&n->sql, "DELETE FROM evidence WHERE grp = ? AND epoch = ? AND seq <= ?",
                                 "iii", g->id, (int64_t)g->epoch, (int64_t)seq - EVIDENCE_WINDOW)
                       : st;
}

enum status evidence_forget(struct node *n, const struct group *g)
{
    return sql_run(&n->sql, "DELETE FROM evidence WHERE grp = ?", "i", g->id);
}

/* ---- commits ---- */

/* The pending own commit, when `record` is its message; else *out is NULL. */
static enum status own_commit(struct node *n, struct group *g, struct span record, struct mls_staged **out)
{
    uint8_t seen[HASH_LEN], mine[HASH_LEN];
    *out = NULL;
    if (!g->pending) {
        return ST_OK;
    }
    enum status st = group_load_pending(n, g, out);
    if (st != ST_OK || !*out) {
        return st;
    }
    hash_bytes(record, seen);
    mls_staged_message_hash(*out, mine);
    if (memcmp(seen, mine, HASH_LEN) != 0) {
        mls_staged_free(*out);
        *out = NULL;
    }
    return ST_OK;
}

/* Our own message under a key that we have not spent: this database is an older copy (§5.4). */
static enum status found_too_old(struct node *n, struct group *g)
{
    enum status st = group_stuck(n, g, "this device's database is older than what it sent: it was put back");
    return st == ST_OK ? restore_found(n) : st;
}

/* Public checks, judgement, private step. Void commits: ST_OK and *winner NULL; what was spent is saved. */
static enum status judge_received(struct node *n, struct group *g, uint64_t seq, struct span record,
                                  struct evidence_set *evidence, struct mls_staged **winner)
{
    struct mls_received received;
    static const struct mls_psk_list no_psks;
    *winner = NULL;
    enum status st = mls_group_receive(g->mls, record, &received);
    enum status saved = group_save(n, g);
    if (saved != ST_OK) {
        mls_received_wipe(&received);
        return saved;
    }
    if (st == ST_OK && received.kind == MLS_RECEIVED_PROPOSAL) { /* ours go by value: §5.1 */
        mls_group_drop_pending(g->mls);
        st = group_save(n, g);
    } else if (st == ST_OK && received.kind == MLS_RECEIVED_COMMIT) {
        st = evidence_set_load(n, g, seq, received.staged, evidence);
        if (st == ST_OK) {
            st = group_judge(n, g, received.staged, evidence);
        }
        if (st == ST_OK) {
            *winner = received.staged;
            received.staged = NULL;
        }
    }
    mls_received_wipe(&received);
    if (st == ST_MLS_OWN_LOST) {
        return found_too_old(n, g);
    }
    if (st != ST_OK && !status_is_fatal(st)) {
        return node_skipped(n);
    }
    enum status opened = st == ST_OK && *winner ? mls_staged_open(g->mls, *winner, &no_psks) : ST_OK;
    if (opened != ST_OK) { /* without memory nothing is said about the commit: the batch runs again */
        mls_staged_free(*winner);
        *winner = NULL;
        st = status_is_fatal(opened)
                 ? opened
                 : group_stuck(n, g, "a commit does not open on this device: it asks to be added again");
    }
    return st;
}

static enum status take_commit(struct node *n, struct group *g, uint64_t seq, struct span record)
{
    struct evidence_set evidence;
    struct mls_staged *winner = NULL;
    evidence_set_init(&evidence);
    enum status st = own_commit(n, g, record, &winner);
    bool own = winner != NULL;
    if (st == ST_OK && own) {
        st = evidence_set_load(n, g, seq, winner, &evidence);
    } else if (st == ST_OK) {
        st = judge_received(n, g, seq, record, &evidence, &winner);
    }
    if (st == ST_OK && winner) {
        st = group_end_epoch(n, g, winner, own, &evidence);
    } else {
        mls_staged_free(winner);
    }
    evidence_set_wipe(&evidence);
    return st;
}

/* ---- messages ---- */

/* A member said what it may not say. */
static enum status refused_by_name(struct node *n, enum status why)
{
    enum status st = node_refused(n, why);
    return st == ST_OK ? node_skipped(n) : st;
}

/* What was here already, or is refused, fills nothing: it is not charged. */
static enum status take_measured(struct node *n, const struct scope_id *in, struct message_call *call)
{
    const struct scope_id scope = *in; /* the group may be gone afterwards */
    uint64_t kept = n->kept;
    enum status st = intake_take(n, &scope, call->sender, call->message);
    if (st != ST_OK) {
        return st;
    }
    st = group_message_guarded(n, call);
    bool fills = st == ST_OK && n->kept != kept;
    enum status back =
        fills || status_is_fatal(st) ? ST_OK : intake_give_back(n, &scope, call->sender, call->message);
    return back != ST_OK ? back : st;
}

static enum status take_message(struct node *n, struct group *g, struct span record)
{
    struct mls_received received;
    struct group_message message;
    struct device_id sender;
    enum status st = mls_group_receive(g->mls, record, &received);
    enum status saved = group_save_read(n, g);
    if (saved != ST_OK || st != ST_OK) {
        mls_received_wipe(&received);
        if (saved == ST_OK && st == ST_MLS_OWN_LOST) {
            return found_too_old(n, g);
        }
        bool quiet = st == ST_MLS_OWN_MESSAGE || st == ST_MLS_GENERATION_USED;
        return saved != ST_OK ? saved : quiet ? ST_OK : status_is_fatal(st) ? st : node_skipped(n);
    }
    memcpy(sender.b, received.sender_key.b, sizeof(sender.b));
    if (received.kind == MLS_RECEIVED_APPLICATION) {
        st = group_message_decode(&message, received.application);
        /* After an ending commit, blocks from leaves that it removed are dropped (§5.3). */
        if (st == ST_OK && received.epoch != g->epoch && !group_has_device(g, &sender, NULL)) {
            st = ST_GROUP_EPOCH_OVER;
        }
        if (st == ST_OK) {
            struct message_call call = {g->id, &sender, received.epoch, &message};
            st = take_measured(n, &g->scope, &call);
        }
    }
    mls_received_wipe(&received);
    return st == ST_OK || status_is_fatal(st) ? st : refused_by_name(n, st);
}

enum status group_record(struct node *n, const struct log_row *log, uint64_t seq, struct span message)
{
    struct mls_message_info info;
    struct group *g = NULL;
    enum status st = group_get(n, log->owner, &g);
    if (st == ST_GROUP_NOT_HERE || (st == ST_OK && g->state == GROUP_STUCK)) {
        return ST_OK; /* its logs are read no further; what they hold comes again by repair */
    }
    if (st != ST_OK) {
        return st;
    }
    bool present = (uint64_t)log->epoch == g->epoch;
    if (message.len != 0 && message.ptr[0] == WIRE_VERSION) {
        return present ? keep_evidence(n, g, seq, message) : ST_OK;
    }
    st = mls_message_info(message, &info);
    if (st != ST_OK) {
        return st;
    }
    if (info.kind != MLS_MESSAGE_PRIVATE || info.epoch != (uint64_t)log->epoch) {
        return ST_RECORD_UNKNOWN;
    }
    if (info.handshake && present) {
        st = group_note_absence(n, g);
    }
    if (st != ST_OK || (info.handshake && g->gap)) {
        return st; /* read again when the gap is over */
    }
    if (info.handshake) {
        return present ? take_commit(n, g, seq, message) : ST_OK; /* of an ended epoch: void */
    }
    return take_message(n, g, message);
}
