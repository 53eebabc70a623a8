/* SPDX-License-Identifier: Apache-2.0 */
/* Own commits: made, won or lost; and how an epoch ends. */
#include "sync/family.h"
#include "sync/held.h"
#include "sync/letters.h"
#include "sync/readd.h"
#include "sync/readd_often.h"
#include "sync/relays.h"
#include "sync/restore.h"
#include "sync/scope_internal.h"

/* ---- making ---- */

static enum status encode_commit_data(const struct group_commit_args *a, struct buffer *hashes,
                                      struct buffer *out)
{
    struct writer w;
    struct entry_hash hash;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < a->evidence_count; i++) {
        st = evidence_record_hash(a->evidence[i], &hash);
        if (st == ST_OK) {
            st = buffer_append(hashes, SPAN_ID(&hash));
        }
    }
    struct commit_data data = {.count = a->evidence_count, .hashes = buffer_span(hashes)};
    writer_init(&w, out);
    return st == ST_OK ? commit_data_encode(&w, &data) : st;
}

static enum status encode_context(const struct kith_context *context, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    return context ? kith_context_encode(&w, context) : ST_OK;
}

struct making { /* what one own commit needs until it is in the outbox */
    struct buffer hashes, data, context, message, welcome;
    struct mls_staged *staged;
};

static enum status stage(struct node *n, struct group *g, const struct group_commit_args *a, struct making *m)
{
    struct span adds[GROUP_ADDS_MAX];
    for (size_t i = 0; i < a->add_count; i++) {
        adds[i] = a->adds[i].key_package;
    }
    struct mls_extension extension = {KITH_CONTEXT_EXTENSION, buffer_span(&m->context)};
    struct mls_commit_args args = {
        .key = &n->self.key,
        .adds = adds,
        .add_count = a->add_count,
        .now_ms = n->now.wall_ms,
        .removes = a->removes,
        .remove_count = a->remove_count,
        .set_extensions = a->context != NULL,
        .extensions = {&extension, 1},
        .identity = a->identity,
        .force_path = true,
        .authenticated_data = buffer_span(&m->data),
    };
    enum status st = mls_group_commit(g->mls, &args, &n->entropy, &m->staged, &m->message, &m->welcome);
    n->sealed = true;
    enum status saved = group_save(n, g);
    return st == ST_OK ? saved : st;
}

/* Evidence as receivers will have it, so that what they would refuse is refused here. */
static enum status judge_own(struct node *n, struct group *g, const struct group_commit_args *a,
                             const struct mls_staged *staged)
{
    struct evidence_set set;
    evidence_set_init(&set);
    set.count = a->evidence_count;
    memcpy(set.records, a->evidence, a->evidence_count * sizeof(*a->evidence));
    enum status st = group_judge(n, g, staged, &set);
    set.count = 0;
    evidence_set_wipe(&set);
    return st;
}

static enum status append_commit(struct node *n, struct group *g, const struct group_commit_args *a,
                                 struct span message)
{
    struct span messages[GROUP_EVIDENCE_MAX + 1];
    memcpy(messages, a->evidence, a->evidence_count * sizeof(*a->evidence));
    messages[a->evidence_count] = message;
    return logs_append(n, g->log, messages, a->evidence_count + 1, OUTBOX_PLAIN, g->id, NULL);
}

static enum status keep_letter(struct node *n, const struct group *g, const struct group_letter *l)
{
    return sql_run(
        &n->sql, "INSERT INTO pending_letter(grp, type, box, to_family, to_person, body) VALUES(?,?,?,?,?,?)",
        "iibbbb", g->id, (int64_t)l->type, l->box, SPAN_ID(&l->to.family), SPAN_ID(&l->to.person), l->body);
}

/* The Admission's bytes become those of the successor that carries it. */
static enum status put_into_successor(const struct successor *s, struct buffer *admission)
{
    struct successor whole = *s;
    struct buffer bytes;
    struct writer w;
    whole.admission = buffer_span(admission);
    buffer_init(&bytes, LETTERBOX_BODY_MAX);
    writer_init(&w, &bytes);
    enum status st = successor_encode(&w, &whole);
    if (st == ST_OK) {
        buffer_wipe(admission);
        *admission = bytes;
    } else {
        buffer_wipe(&bytes);
    }
    return st;
}

static enum status keep_letters(struct node *n, struct group *g, const struct group_commit_args *a,
                                const struct making *m)
{
    struct buffer admission;
    buffer_init(&admission, LETTERBOX_BODY_MAX);
    enum letterbox_message_type type = a->successor ? LETTERBOX_SUCCESSOR : LETTERBOX_ADMISSION;
    enum status st = ST_OK;
    if (a->add_count != 0) {
        st = group_make_admission(n, g, m->staged, a, buffer_span(&m->welcome), &admission);
    }
    if (st == ST_OK && a->successor) {
        st = put_into_successor(a->successor, &admission);
    }
    for (size_t i = 0; st == ST_OK && i < a->add_count; i++) {
        struct group_letter l = {type, a->adds[i].box, buffer_span(&admission), a->adds[i].who};
        st = keep_letter(n, g, &l);
    }
    for (size_t i = 0; st == ST_OK && i < a->letter_count; i++) {
        st = keep_letter(n, g, &a->letters[i]);
    }
    buffer_wipe(&admission);
    return st;
}

enum status group_commit(struct node *n, struct group *g, const struct group_commit_args *a)
{
    struct making m = {.staged = NULL};
    bool echoed = false;
    enum status st = logs_echoed(n, g->log, &echoed);
    if (st != ST_OK || !echoed || g->pending || g->gap || g->state != GROUP_ACTIVE) {
        return st == ST_OK ? ST_GROUP_BUSY : st;
    }
    if (a->add_count > GROUP_ADDS_MAX || a->evidence_count > GROUP_EVIDENCE_MAX) {
        return ST_NO_SPACE;
    }
    buffer_init(&m.hashes, EVIDENCE_COUNT_MAX * HASH_LEN);
    buffer_init(&m.data, EVIDENCE_COUNT_MAX * HASH_LEN + 16);
    buffer_init(&m.context, KITH_CONTEXT_MAX);
    buffer_init(&m.message, BLOCK_MESSAGE_MAX);
    buffer_init(&m.welcome, ADMISSION_WELCOME_MAX);
    st = encode_commit_data(a, &m.hashes, &m.data);
    if (st == ST_OK) {
        st = encode_context(a->context, &m.context);
    }
    if (st == ST_OK) {
        st = stage(n, g, a, &m);
    }
    if (st == ST_OK) {
        st = judge_own(n, g, a, m.staged);
    }
    if (st == ST_OK) {
        st = group_save_pending(n, g, m.staged);
    }
    if (st == ST_OK) {
        st = append_commit(n, g, a, buffer_span(&m.message));
    }
    if (st == ST_OK) {
        st = keep_letters(n, g, a, &m);
    }
    if (st == ST_OK) {
        g->pending = true;
        st = sql_run(&n->sql,
                     "UPDATE mls_group SET pending = 1, pending_epoch = epoch, pending_at = ? WHERE id = ?",
                     "ii", n->now.wall_ms, g->id);
    }
    mls_staged_free(m.staged);
    buffer_wipe(&m.hashes);
    buffer_wipe(&m.data);
    buffer_wipe(&m.context);
    buffer_wipe(&m.message);
    buffer_wipe(&m.welcome);
    return st;
}

/* ---- the end of an epoch ---- */

static enum status send_letters(struct node *n, struct group *g)
{
    struct query q;
    enum status st = ST_OK;
    query_start(&q, &n->sql,
                "SELECT type, box, to_family, to_person, body FROM pending_letter WHERE grp = ? ORDER BY id",
                "i", g->id);
    while (st == ST_OK && query_next(&q)) {
        struct letter l = {.type = (enum letterbox_message_type)query_int(&q, 0),
                           .box = query_blob(&q, 1),
                           .body = query_blob(&q, 4)};
        QUERY_ID(&q, 2, &l.to.family);
        QUERY_ID(&q, 3, &l.to.person);
        st = letter_send(n, &l);
        /* A box that its owner made badly takes no commit down: it has won, and all members go on with it. */
        st = status_is_fatal(st) ? st : ST_OK;
    }
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}

/* The own commit is over, won or lost. */
static enum status drop_pending(struct node *n, struct group *g)
{
    enum status st = group_save_pending(n, g, NULL);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM pending_letter WHERE grp = ?", "i", g->id);
    }
    if (st == ST_OK) {
        g->pending = false;
        st = sql_run(&n->sql, "UPDATE mls_group SET pending = 0 WHERE id = ?", "i", g->id);
    }
    return st;
}

/* What was not read back in the old epoch is sealed again in the new one. */
static enum status take_back_unsent(struct node *n, struct group *g, int64_t old_log)
{
    enum status st = sql_run(&n->sql, "DELETE FROM outbox WHERE log = ?", "i", old_log);
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "UPDATE entry INDEXED BY entry_unsent SET sent_epoch = NULL, outbox = NULL WHERE scope = ? AND"
            " own = 1 AND acked = 0",
            "b", SPAN_ID(&g->scope));
    }
    return st;
}

/* Devices that a commit adds, and whether a person comes with them who was not there before. */
struct newcomers {
    struct device_certificate added[GROUP_ADDS_MAX];
    bool new[GROUP_ADDS_MAX]; /* whose person was not there */
    size_t count;
    bool person;
    struct person_ref who; /* one of them */
};

static void find_newcomers(const struct group *g, const struct mls_staged *s, struct newcomers *out)
{
    struct person_ref there[WIRE_LEAVES_MAX];
    const struct mls_change *changes;
    size_t persons = group_persons(g, there, WIRE_LEAVES_MAX), count = mls_staged_changes(s, &changes);
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < count && out->count < GROUP_ADDS_MAX; i++) {
        struct device_certificate *c = &out->added[out->count];
        bool known = false;
        if (changes[i].kind != MLS_CHANGE_ADD ||
            device_certificate_decode(c, changes[i].identity_new) != ST_OK) {
            continue;
        }
        for (size_t j = 0; j < persons; j++) {
            known = known || person_ref_equal(&there[j], &c->who);
        }
        if (!known) {
            out->person = out->new[out->count] = true;
            out->who = c->who;
        }
        out->count++;
    }
}

static enum status keep_certificates(struct node *n, const struct group *g)
{
    struct mls_member m;
    enum status st = ST_OK;
    for (uint32_t at = 0; st == ST_OK && mls_group_next_member(g->mls, &at, &m);) {
        /* The commit's judges let the leaf in; one whose certificate cannot be kept is nobody here. */
        st = family_keep_proven(n, m.identity);
        st = status_is_fatal(st) ? st : ST_OK;
    }
    return st;
}

static enum status begin_epoch(struct node *n, struct group *g, const struct person_ref *author,
                               bool new_person)
{
    bool echoed = false;
    enum status st = group_save(n, g);
    g->epoch = mls_group_epoch(g->mls);
    if (st == ST_OK) {
        st = logs_echoed(n, g->log, &echoed);
    }
    if (st == ST_OK) {
        st = relays_entered(n, g);
    }
    if (st == ST_OK) {
        st = group_open_log(n, g);
    }
    if (st == ST_OK && echoed) { /* the commit is news: this process was there when the log began */
        st = logs_set_echoed(n, g->log);
    }
    if (st == ST_OK) {
        st = group_note_epoch(n, g, author);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE epoch SET new_person = ? WHERE grp = ? AND epoch = ?", "iii",
                     (int64_t)new_person, g->id, (int64_t)g->epoch);
    }
    if (st == ST_OK) {
        st = keep_certificates(n, g);
    }
    if (st == ST_OK) {
        /* A refresh that was due too gets another moment, or all who waited would commit now. */
        st = sql_run(
            &n->sql,
            "UPDATE mls_group SET dirty = 1, refresh_at = iif(refresh_at = 1, 0, refresh_at) WHERE id = ?",
            "i", g->id);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM evidence WHERE grp = ? AND epoch < ?", "ii", g->id,
                     (int64_t)g->epoch);
    }
    return st == ST_OK ? epoch_began(n, g) : st;
}

/* Whoever comes is expected to tell from now on where they stand: what one who comes again told before was of
 * where it could not follow, or of another branch. */
static enum status expect_beacons(struct node *n, const struct group *g, const struct newcomers *new)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < new->count; i++) {
        st = sql_run(
            &n->sql,
            "INSERT INTO beacon(grp, device, epoch, authenticator, at_ms) VALUES(?,?,-1,x'',?) ON CONFLICT "
            "DO UPDATE"
            " SET epoch = -1, authenticator = x'', at_ms = excluded.at_ms, ahead_since = 0, gap_epoch = -1",
            "ibi", g->id, SPAN_ID(&new->added[i].device), n->now.wall_ms);
    }
    return st;
}

/* Before the merge: who comes and was there already was added again. */
static enum status note_readded(struct node *n, const struct group *g, const struct newcomers *new)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < new->count; i++) {
        if (group_has_device(g, &new->added[i].device, NULL)) {
            st = readd_happened(n, g, &new->added[i].device);
        }
    }
    return st;
}

/* The person of a leaf, before the merge. */
static bool person_of_leaf(const struct group *g, uint32_t leaf, struct person_ref *out)
{
    struct device_certificate c;
    uint32_t at = leaf;
    bool found = group_next(g, &at, &c) && at == leaf + 1;
    memset(out, 0, sizeof(*out));
    if (found) {
        *out = c.who;
    }
    return found;
}

/* After the merge. */
static enum status note_newcomers(struct node *n, const struct group *g, const struct newcomers *new)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < new->count; i++) {
        st = new->new[i] ? texts_came(n, g, &new->added[i].who) : ST_OK;
    }
    return st;
}

static bool adds_device(const struct newcomers *c, const struct device_id *device)
{
    bool adds = false;
    for (size_t i = 0; i < c->count; i++) {
        adds = adds || ID_EQUAL(&c->added[i].device, device);
    }
    return adds;
}

/* Our leaf is replaced by a fresh one of ours, as we must have asked. Where this database does not know of it
 * it is an old copy, and the group's secrets go. Else the old request has found us where we came in by
 * another way, or somebody has kept it for that: the Admission brings us back, or we ask. */
static enum status found_replaced(struct node *n, struct group *g, struct mls_staged *staged)
{
    uint8_t leaf[HASH_LEN];
    bool asked = false;
    enum status st = readd_own_leaf(g, leaf) ? readd_asked(n, g, leaf, &asked) : ST_OK;
    if (st != ST_OK || asked) {
        mls_staged_free(staged);
        st = st == ST_OK ? drop_pending(n, g) : st;
        return st == ST_OK ? group_stuck(n, g, "this device was added again, as it had asked") : st;
    }
    mls_group_merge(g->mls, staged);
    st = group_stuck(n, g, "this device was added again, and its database does not know of it");
    return st == ST_OK ? restore_found(n) : st;
}

enum status group_end_epoch(struct node *n, struct group *g, struct mls_staged *staged, bool own,
                            const struct evidence_set *evidence)
{
    struct person_ref author;
    struct newcomers newcomers;
    int64_t old_log = g->log;
    bool known = person_of_leaf(g, mls_staged_committer(staged), &author);
    bool out_of_it = mls_staged_removes_us(staged), founding = group_is_founding(g);
    find_newcomers(g, staged, &newcomers);
    newcomers.person = newcomers.person && !founding; /* all of them were in the group before */
    enum status st = epoch_evidence(n, g, evidence->records, evidence->count);
    if (st == ST_OK) {
        st = note_readded(n, g, &newcomers);
    }
    if (st == ST_OK && own) {
        st = send_letters(n, g);
    }
    g->touched = true;
    if (st != ST_OK) {
        mls_staged_free(staged);
        return st;
    }
    if (out_of_it && adds_device(&newcomers, &n->self.device)) {
        return found_replaced(n, g, staged);
    }
    mls_group_merge(g->mls, staged);
    if (out_of_it) {
        return removed_from_group(n, g);
    }
    st = drop_pending(n, g);
    if (st == ST_OK && own) {
        st = sql_run(&n->sql,
                     "UPDATE mls_group SET sent_count = 0, refreshed_at = ?, refresh_at = 0 WHERE id = ?",
                     "ii", n->now.wall_ms, g->id);
    }
    if (st == ST_OK) {
        st = take_back_unsent(n, g, old_log);
    }
    if (st == ST_OK && newcomers.person) {
        st = texts_hold(n, g, &newcomers.who);
    }
    if (st == ST_OK) {
        st = begin_epoch(n, g, known ? &author : NULL, newcomers.person);
    }
    if (st == ST_OK && newcomers.person) {
        st = note_newcomers(n, g, &newcomers);
    }
    if (st == ST_OK) {
        st = expect_beacons(n, g, &newcomers);
    }
    if (st == ST_OK && own && newcomers.count != 0 && !founding) {
        st = scope_added(n, g, newcomers.added, newcomers.count);
        st = status_is_fatal(st) ? st : ST_OK; /* what follows from it cannot undo the epoch */
    }
    return st;
}
