/* SPDX-License-Identifier: Apache-2.0 */
/* How entries travel: sealed when written, told of in `have`, sent again to who lacks them (protocol.md §8).
 */
#include "device/authorize.h"
#include "sync/apart.h"
#include "sync/family.h"
#include "sync/held.h"
#include "sync/journal_intake.h"
#include "sync/journal_internal.h"
#include "sync/removal.h"
#include "sync/restore.h"
#include "sync/succession.h"

/* ---- own entries ---- */

struct batch { /* messages on their way to group_send */
    struct buffer bodies[GROUP_SEND_MAX];
    struct group_message messages[GROUP_SEND_MAX];
    int64_t ids[GROUP_SEND_MAX];
    size_t count;
};

static struct batch *batch_new(void)
{
    struct batch *b = mem_alloc(1, sizeof(*b));
    for (size_t i = 0; b && i < GROUP_SEND_MAX; i++) {
        buffer_init(&b->bodies[i], GROUP_MESSAGE_MAX);
    }
    return b;
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; b && i < GROUP_SEND_MAX; i++) {
        buffer_wipe(&b->bodies[i]);
    }
    mem_free(b, sizeof(*b));
}

static enum status batch_add(struct batch *b, enum group_message_kind kind, int64_t id, struct span body)
{
    size_t at = b->count;
    enum status st = buffer_append(&b->bodies[at], body);
    if (st == ST_OK) {
        b->messages[at] = (struct group_message){kind, buffer_span(&b->bodies[at])};
        b->ids[at] = id;
        b->count++;
    }
    return st;
}

static enum status batch_header(struct batch *b, enum group_message_kind kind, int64_t id, struct span entry)
{
    struct buffer header;
    buffer_init(&header, GROUP_MESSAGE_MAX);
    enum status st = text_header(entry, &header);
    if (st == ST_OK) {
        st = batch_add(b, kind, id, buffer_span(&header));
    }
    buffer_wipe(&header);
    return st;
}

/* The newest epoch at which a person came who was not there before: what is older stays with those who were.
 */
static bool is_older(const struct entry_header *h, const struct succession_since *since)
{
    return h->generation < since->generation ||
           (h->generation == since->generation && (int64_t)h->epoch < since->epoch);
}

static enum status mark_sent(struct node *n, const struct group *g, const struct batch *b, int64_t outbox)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < b->count; i++) {
        st = sql_run(&n->sql, "UPDATE entry SET sent_epoch = ?, outbox = ? WHERE id = ?", "iii",
                     (int64_t)g->epoch, outbox, b->ids[i]);
    }
    return st;
}

static enum status send_own(struct node *n, struct group *g)
{
    int64_t outbox = 0;
    struct query q;
    struct batch *b = batch_new();
    if (!b) {
        return ST_NO_MEMORY;
    }
    query_start(
        &q, &n->sql,
        "SELECT id, entry, held FROM entry WHERE scope = ? AND own = 1 AND acked = 0 AND sent_epoch IS NULL"
        " ORDER BY id LIMIT 48",
        "b", SPAN_ID(&g->scope));
    while (b->count < GROUP_SEND_MAX && query_next(&q)) {
        bool held = query_int(&q, 2) == TEXT_HELD;
        query_fail(&q, held ? batch_header(b, GROUP_ENTRY, query_int(&q, 0), query_blob(&q, 1))
                            : batch_add(b, GROUP_ENTRY, query_int(&q, 0), query_blob(&q, 1)));
    }
    enum status st = query_end(&q);
    if (st == ST_OK && b->count != 0) {
        st = group_send(n, g, b->messages, b->count, OUTBOX_ENTRIES, &outbox);
        if (st == ST_OK) {
            st = mark_sent(n, g, b, outbox);
        }
    }
    batch_free(b);
    return st;
}

/* ---- have ---- */

/* Beside the log nothing is told that is not in it: our own line ends where the relay's word ends. */
static enum status end_at_acked(struct node *n, struct have *h)
{
    int64_t waits = 0;
    size_t kept = 0;
    struct query q;
    enum status st = sql_number(
        &n->sql, &waits, INT64_MAX,
        "SELECT min(seq) FROM entry INDEXED BY entry_unsent WHERE scope = ? AND own = 1 AND acked = 0 AND"
        " fork = 0",
        "b", SPAN_ID(&h->scope));
    for (size_t i = 0; st == ST_OK && i < h->author_count; i++) {
        struct have_author line = h->authors[i];
        if (ID_EQUAL(&line.author, &n->self.device) && (int64_t)line.seq >= waits) {
            line.seq = 0;
            query_start(&q, &n->sql,
                        "SELECT seq, hash FROM entry WHERE scope = ? AND own = 1 AND fork = 0 AND seq = ?",
                        "bi", SPAN_ID(&h->scope), waits - 1);
            if (query_next(&q)) {
                line.seq = (uint64_t)query_int(&q, 0);
                QUERY_ID(&q, 1, &line.hash);
            }
            st = query_end(&q);
        }
        if (line.seq != 0) {
            h->authors[kept++] = line;
        }
    }
    h->author_count = (uint16_t)kept;
    return st;
}

/* `answer`: as in group_beacon; acked: without what is not known to be at the relay. */
static enum status make_have(struct node *n, struct group *g, const uint8_t *answer, bool acked,
                             struct buffer *out)
{
    struct buffer beacon;
    struct writer w;
    size_t count = 0;
    struct have *h = mem_alloc(1, sizeof(*h));
    enum status st = h ? ST_OK : ST_NO_MEMORY;
    buffer_init(&beacon, 1024);
    if (st == ST_OK) {
        h->scope = g->scope;
        st = journal_heads(n, g, h->authors, &count);
        h->author_count = (uint16_t)count;
    }
    if (st == ST_OK && acked) {
        st = end_at_acked(n, h);
    }
    if (st == ST_OK) {
        st = group_beacon(n, g, answer, &beacon);
    }
    if (st == ST_OK) {
        h->beacon = buffer_span(&beacon);
        writer_init(&w, out);
        st = have_encode(&w, h);
    }
    buffer_wipe(&beacon);
    mem_free(h, sizeof(*h));
    return st;
}

enum status journal_have_letter(struct node *n, struct group *g, struct buffer *out)
{
    return make_have(n, g, NULL, true, out);
}

/* Often while everybody waits for everybody; a gap that lasts waits for somebody who is off. */
static enum status have_every(struct node *n, const struct group *g, int64_t *out)
{
    int64_t since = 0;
    enum status st = sql_number(&n->sql, &since, 0, "SELECT gap_at FROM mls_group WHERE id = ?", "i", g->id);
    bool lasts = since <= n->now.wall_ms - JOURNAL_GAP_LASTS_MS;
    *out = !g->gap ? JOURNAL_HAVE_MS : lasts ? JOURNAL_HAVE_LONG_GAP_MS : JOURNAL_HAVE_GAP_MS;
    return st;
}

/* `answer`: somebody's nonce, in a `have` out of turn; NULL: the regular one. */
static enum status send_have(struct node *n, struct group *g, const uint8_t *answer)
{
    struct buffer body, vouch;
    int64_t every = 0;
    buffer_init(&body, GROUP_MESSAGE_MAX);
    buffer_init(&vouch, GROUP_MESSAGE_MAX);
    enum status st = have_every(n, g, &every);
    if (st == ST_OK) {
        st = make_have(n, g, answer, false, &body);
    }
    if (st == ST_OK && !answer) {
        st = journal_vouch(n, g, &vouch);
    }
    if (st == ST_OK) {
        struct group_message m[2] = {{GROUP_HAVE, buffer_span(&body)}, {GROUP_VOUCH, buffer_span(&vouch)}};
        st = group_send(n, g, m, vouch.len != 0 ? 2 : 1, OUTBOX_PLAIN, NULL);
    }
    if (st == ST_OK && !answer) {
        st = sql_run(&n->sql, "UPDATE mls_group SET have_at = ? WHERE id = ?", "ii",
                     n->now.wall_ms + every + node_random_below(n, every / 4), g->id);
    }
    if (st == ST_OK && !answer && !g->gap) {
        st = apart_count(n, &g->scope);
    }
    buffer_wipe(&body);
    buffer_wipe(&vouch);
    return st;
}

enum status journal_answer(struct node *n, struct group *g, const uint8_t nonce[static BEACON_NONCE_LEN])
{
    return send_have(n, g, nonce);
}

enum status journal_tell(struct node *n, struct group *g)
{
    bool echoed = false;
    enum status st = logs_echoed(n, g->log, &echoed);
    return st == ST_OK && echoed ? send_have(n, g, NULL) : st;
}

enum status journal_want_have(struct node *n, struct group *g, int64_t within_ms)
{
    return sql_run(&n->sql, "UPDATE mls_group SET have_at = min(have_at, ?) WHERE id = ?", "ii",
                   n->now.wall_ms + node_random_below(n, within_ms), g->id);
}

/* Each who asks has a place of their own: what one says that they lack holds no other up. */
static enum status want_repair(struct node *n, const struct scope_id *scope, const struct device_id *author,
                               const struct device_id *asker, int64_t from_seq)
{
    int64_t delay = ID_EQUAL(author, &n->self.device) ? 0 : node_random_below(n, JOURNAL_REPAIR_MS);
    return sql_run(&n->sql,
                   "INSERT INTO repair VALUES(?1,?2,?3,?4,?5) ON CONFLICT(scope, author, asker) DO UPDATE SET"
                   " from_seq = ?4",
                   "bbbii", SPAN_ID(scope), SPAN_ID(author), SPAN_ID(asker), from_seq,
                   n->now.wall_ms + delay);
}

/* Somebody holds what we lack: we say what we have, so often as that somebody can make us. */
static enum status answer_have(struct node *n, struct group *g, const struct device_id *to)
{
    int64_t until = 0;
    enum status st = repair_room(n, &g->scope, to, &until);
    if (st == ST_OK && until == 0) {
        st = repair_charge(n, &g->scope, to, REPAIR_HAVE_UNITS);
    }
    return st == ST_OK && until == 0 ? journal_want_have(n, g, JOURNAL_REPAIR_MS) : st;
}

const struct have_author *journal_have_line(const struct have *h, const struct device_id *author)
{
    for (size_t i = 0; i < h->author_count; i++) {
        if (ID_EQUAL(&h->authors[i].author, author)) {
            return &h->authors[i];
        }
    }
    return NULL;
}

/* What we hold and they lack is sent again; what they hold and we lack makes us say what we have. */
static enum status compare_have(struct node *n, struct group *g, const struct device_id *sender,
                                const struct have *h)
{
    struct have_author *mine = mem_alloc(HAVE_AUTHORS_MAX, sizeof(*mine));
    size_t count = 0;
    bool behind = false;
    enum status st = mine ? journal_heads(n, g, mine, &count) : ST_NO_MEMORY;
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        const struct have_author *theirs = journal_have_line(h, &mine[i].author);
        uint64_t seq = theirs ? theirs->seq : 0;
        if (seq < mine[i].seq) {
            st = want_repair(n, &g->scope, &mine[i].author, sender, (int64_t)seq + 1);
        }
    }
    for (size_t i = 0; st == ST_OK && i < h->author_count; i++) {
        uint64_t seq = 0;
        for (size_t j = 0; j < count; j++) {
            seq = ID_EQUAL(&mine[j].author, &h->authors[i].author) ? mine[j].seq : seq;
        }
        behind = behind || seq < h->authors[i].seq;
    }
    mem_free(mine, HAVE_AUTHORS_MAX * sizeof(*mine));
    return st == ST_OK && behind ? answer_have(n, g, sender) : st;
}

static enum status note_told(struct node *n, const struct scope_id *scope, const struct device_id *author,
                             uint64_t seq, const struct entry_hash *hash)
{
    return sql_run(&n->sql,
                   "INSERT INTO head(scope, author, told_seq, told_hash) VALUES(?1, ?2, ?3, iif(?3 > 0, ?4,"
                   " NULL)) ON CONFLICT(scope, author) DO UPDATE SET told_seq = ?3, told_hash = ?4 WHERE"
                   " told_seq < ?3",
                   "bbib", SPAN_ID(scope), SPAN_ID(author), (int64_t)seq, SPAN_ID(hash));
}

enum status journal_announced(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                              const struct have_author *head)
{
    enum status st = note_told(n, scope, &head->author, head->seq, &head->hash);
    if (st == ST_OK) {
        st = journal_put_aside(n, scope, &head->author, head->seq, &head->hash);
    }
    return st == ST_OK ? journal_attest(n, kind, scope, &head->hash) : st;
}

static enum status take_have(struct node *n, struct group *g, const struct device_id *sender,
                             struct span body)
{
    struct scope_id scope = g->scope;
    enum scope_kind kind = g->kind;
    struct have *h = mem_alloc(1, sizeof(*h));
    enum status st = h ? have_decode(h, body) : ST_NO_MEMORY;
    if (st == ST_OK && !ID_EQUAL(&h->scope, &scope)) {
        st = ST_RECORD_UNKNOWN;
    }
    if (st == ST_OK) {
        st = group_beacon_seen(n, g, sender, h->beacon);
    }
    if (st == ST_OK) {
        st = compare_have(n, g, sender, h);
    }
    const struct have_author *own = st == ST_OK ? journal_have_line(h, sender) : NULL;
    const struct have_author *ours = st == ST_OK ? journal_have_line(h, &n->self.device) : NULL;
    if (own) {
        st = journal_announced(n, kind, &scope, own);
    }
    if (st == ST_OK) {
        st = restore_heard(n, &scope, sender, ours);
    }
    if (st == ST_OK) {
        st = removals_passed(n); /* last: it looks at other groups */
    }
    mem_free(h, sizeof(*h));
    return st;
}

/* ---- repair ---- */

/* An entry as it may be passed on here: whole, or its header alone (§8). In a
 * conversation nobody is to take on this device's word what did not take effect here. */
static enum status add_repair(struct node *n, const struct group *g, struct batch *b, struct query *q,
                              const struct succession_since *since, const struct device_id *asker)
{
    struct journal_entry e;
    enum status st = journal_entry_decode(&e, query_blob(q, 1));
    bool own = st == ST_OK && ID_EQUAL(&e.header.author, &n->self.device);
    enum group_message_kind kind = own ? GROUP_ENTRY : GROUP_PASSED_ON;
    bool private = g->kind == SCOPE_CONVERSATION ||
                   (g->kind == SCOPE_FAMILY && (e.kind == ENTRY_TEXT || e.kind == ENTRY_ATTACHMENT));
    bool older = is_older(&e.header, since);
    int64_t applied = query_int(q, 2), held = query_int(q, 3);
    bool judged = own || g->kind != SCOPE_CONVERSATION || applied == ENTRY_APPLIED;
    bool alone = (older && held != TEXT_RELEASED) || !judged || held == TEXT_HELD; /* TEXT_MISSED is older */
    if (st == ST_OK && !judged && e.has_body && applied != ENTRY_VOID) {
        return ST_OK; /* not yet: see receive.h */
    }
    if (st == ST_OK && own && private && older && held == TEXT_FREE && e.has_body &&
        (e.kind == ENTRY_TEXT || e.kind == ENTRY_ATTACHMENT)) {
        st = text_missed(n, g, query_int(q, 0), &e.header, asker);
    }
    if (st != ST_OK) {
        return st;
    }
    return private && alone && e.has_body ? batch_header(b, kind, query_int(q, 0), query_blob(q, 1))
                                          : batch_add(b, kind, query_int(q, 0), query_blob(q, 1));
}

/* Whoever comes after an author is gone has no certificate of it, and could not read what is passed on. */
static enum status add_certificate(struct node *n, const struct group *g, struct batch *b,
                                   const struct device_id *author, bool *added)
{
    struct buffer record;
    buffer_init(&record, EVIDENCE_RECORD_MAX);
    enum status st = journal_certificate_of(n, g, author, &record, added);
    if (st == ST_OK && *added) {
        st = batch_add(b, GROUP_EVIDENCE, 0, buffer_span(&record));
    }
    buffer_wipe(&record);
    return st;
}

struct repair { /* a row of that table, and what was done about it */
    struct device_id author, asker;
    int64_t from_seq, last_seq, units;
};

static enum status send_repair(struct node *n, struct group *g, struct repair *r)
{
    struct succession_since since;
    struct query q;
    bool gone = false;
    struct batch *b = batch_new();
    enum status st = b ? succession_since(n, g, &since) : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = add_certificate(n, g, b, &r->author, &gone);
    }
    query_start(
        &q, &n->sql,
        "SELECT id, entry, applied, held, seq FROM entry WHERE scope = ? AND author = ? AND seq >= ? AND fork"
        " = 0 AND (own = 0 OR acked = 1) ORDER BY seq LIMIT 48",
        "bbi", SPAN_ID(&g->scope), SPAN_ID(&r->author), r->from_seq);
    while (st == ST_OK && b->count < JOURNAL_REPAIR_BATCH && query_next(&q)) {
        st = add_repair(n, g, b, &q, &since, &r->asker);
        r->last_seq = query_int(&q, 4);
    }
    enum status end = query_end(&q);
    st = st == ST_OK ? end : st;
    if (st == ST_OK && b->count > (gone ? 1 : 0)) {
        st = group_send(n, g, b->messages, b->count, OUTBOX_PLAIN, NULL);
        for (size_t i = 0; i < b->count; i++) {
            r->units += journal_units(b->bodies[i].len);
        }
    }
    batch_free(b);
    return st;
}

static enum status next_repair(struct node *n, const struct scope_id *scope, struct repair *r, bool *found)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT author, asker, from_seq FROM repair WHERE scope = ? AND due_at <= ? ORDER BY due_at,"
                " author LIMIT 1",
                "bi", SPAN_ID(scope), n->now.wall_ms);
    memset(r, 0, sizeof(*r));
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, &r->author);
        QUERY_ID(&q, 1, &r->asker);
        r->from_seq = query_int(&q, 2);
    }
    return query_end(&q);
}

/* What was sent was sent to all: whoever lacked the beginning of it lacks that much less. */
static enum status settle_repair(struct node *n, const struct scope_id *scope, const struct repair *r)
{
    enum status st = repair_charge(n, scope, &r->asker, r->units);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM repair WHERE scope = ? AND author = ? AND asker = ?", "bbb",
                     SPAN_ID(scope), SPAN_ID(&r->author), SPAN_ID(&r->asker));
    }
    return st == ST_OK ? sql_run(&n->sql,
                                 "UPDATE repair SET from_seq = ?4 + 1 WHERE scope = ?1 AND author = ?2 AND"
                                 " from_seq BETWEEN ?3 AND ?4",
                                 "bbii", SPAN_ID(scope), SPAN_ID(&r->author), r->from_seq, r->last_seq)
                       : st;
}

static enum status repair_later(struct node *n, const struct scope_id *scope, const struct device_id *asker,
                                int64_t until)
{
    enum status st = sql_run(&n->sql,
                             "UPDATE repair SET due_at = ?3 + 1 WHERE scope = ?1 AND asker = ?2 AND due_at <="
                             " ?3",
                             "bbi", SPAN_ID(scope), SPAN_ID(asker), until);
    return st == ST_OK ? node_refused(n, ST_JOURNAL_AGAIN) : st;
}

static enum status send_repairs(struct node *n, struct group *g)
{
    enum { BATCH = 8 };
    int64_t next = 0;
    bool found = true;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && found && i < BATCH; i++) {
        struct repair r;
        int64_t until = 0;
        st = next_repair(n, &g->scope, &r, &found);
        if (st == ST_OK && found) {
            st = repair_room(n, &g->scope, &r.asker, &until);
        }
        if (st == ST_OK && found && until != 0) {
            st = repair_later(n, &g->scope, &r.asker, until);
        } else if (st == ST_OK && found) {
            st = send_repair(n, g, &r);
            if (st == ST_OK) {
                st = settle_repair(n, &g->scope, &r);
            }
        }
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &next, 0, "SELECT min(due_at) FROM repair WHERE scope = ?", "b",
                        SPAN_ID(&g->scope));
    }
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next);
    }
    return st;
}

/* Somebody has sent it again already: that much less is left for us. It has to be the entry that is here, and
 * no less of it. */
static enum status repaired(struct node *n, const struct journal_entry *e)
{
    const struct entry_header *h = &e->header;
    struct entry_hash hash;
    enum status st = entry_header_hash(h, &hash);
    return st == ST_OK
               ? sql_run(&n->sql,
                         "UPDATE repair SET from_seq = ?3 + 1 WHERE scope = ?1 AND author = ?2 AND from_seq ="
                         " ?3 AND EXISTS (SELECT 1 FROM entry WHERE scope = ?1 AND hash = ?4 AND has_body <="
                         " ?5)",
                         "bbibi", SPAN_ID(&h->scope), SPAN_ID(&h->author), (int64_t)h->seq, SPAN_ID(&hash),
                         (int64_t)e->has_body)
               : st;
}

/* ---- what reconcile calls ---- */

enum status journal_flush(struct node *n, struct group *g)
{
    int64_t have_at = 0;
    bool alone = mls_group_member_count(g->mls) == 1, held = false, echoed = false, holds = false;
    enum status st = removal_holds_sending(n, g, &held);
    if (st != ST_OK || g->state != GROUP_ACTIVE) {
        return st;
    }
    if (alone) { /* nobody to tell: what was said before somebody came is not for them */
        return sql_run(
            &n->sql,
            "UPDATE entry SET acked = 1 WHERE scope = ? AND own = 1 AND acked = 0 AND kind IN (1, 32)", "b",
            SPAN_ID(&g->scope));
    }
    st = logs_echoed(n, g->log, &echoed);
    if (st != ST_OK || !echoed) {
        return st; /* it is being read; then this comes again */
    }
    st = restore_holds(n, &g->scope, &holds);
    /* A leaf that is to go gets no entry more; where everybody stands is told all the same. */
    if (st == ST_OK && !held && !holds) {
        st = send_own(n, g);
    }
    if (st == ST_OK && !held) {
        st = send_repairs(n, g);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &have_at, 0, "SELECT have_at FROM mls_group WHERE id = ?", "i", g->id);
    }
    if (st == ST_OK && have_at <= n->now.wall_ms) {
        st = send_have(n, g, NULL);
    } else {
        node_wake_wall(n, have_at);
    }
    return st;
}

enum status epoch_began(struct node *n, struct group *g)
{
    return journal_want_have(n, g, 1000);
}

/* ---- messages of members ---- */

/* Of an overseer only a receipt or a leave counts: they read along, they do not speak (§5.3). */
static enum status judge_overseer(struct node *n, struct group *g, const struct device_id *sender,
                                  const struct journal_entry *e)
{
    struct authorize_member members[WIRE_PERSONS_MAX];
    struct device_certificate c;
    struct buffer bytes;
    size_t count = 0;
    bool any = false;
    if (g->kind != SCOPE_CONVERSATION || e->kind == ENTRY_RECEIPT || e->kind == ENTRY_LEAVE) {
        return ST_OK;
    }
    enum status st = group_members(n, g, members, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        any = any || members[i].overseer;
    }
    if (st != ST_OK || !any) {
        return st;
    }
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    st = family_certificate(n, sender, &bytes, &c);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        if (members[i].overseer && person_ref_equal(&members[i].who, &c.who)) {
            st = ST_JOURNAL_AUTHOR;
        }
    }
    buffer_wipe(&bytes);
    return st;
}

static enum status take_entry(struct node *n, struct group *g, const struct device_id *sender,
                              struct span body)
{
    struct decoded_entry d;
    struct scope_id scope = g->scope;
    enum scope_kind kind = g->kind;
    struct take_args a = {.attested = true};
    enum status st = decoded_entry_of(body, &d);
    if (st == ST_OK && (!ID_EQUAL(&d.e.header.author, sender) || !ID_EQUAL(&d.e.header.scope, &scope))) {
        st = ST_JOURNAL_AUTHOR; /* T31: nobody writes as another */
    }
    if (st == ST_OK) {
        st = judge_overseer(n, g, sender, &d.e);
    }
    if (st == ST_OK) {
        bool before = sql_set_aside(&n->sql.watches, kind == SCOPE_CONVERSATION);
        st = note_told(n, &scope, sender, d.e.header.seq, &d.hash);
        sql_set_aside(&n->sql.watches, before);
    }
    return st == ST_OK ? journal_take_decoded(n, kind, &d, &a) : st;
}

static enum status take_passed_on(struct node *n, struct group *g, const struct device_id *sender,
                                  struct span body)
{
    struct journal_entry e;
    struct scope_id scope = g->scope;
    enum scope_kind kind = g->kind;
    enum status st = journal_entry_decode(&e, body);
    if (st == ST_OK) {
        st = repaired(n, &e);
    }
    return st == ST_OK ? journal_take_passed_on(n, kind, &scope, body, sender) : st;
}

enum status group_message(struct node *n, struct group *g, const struct device_id *sender, uint64_t epoch,
                          const struct group_message *m)
{
    (void)epoch;
    switch (m->kind) {
    case GROUP_ENTRY:
        return take_entry(n, g, sender, m->body);
    case GROUP_PASSED_ON:
        return take_passed_on(n, g, sender, m->body);
    case GROUP_HAVE:
        return take_have(n, g, sender, m->body);
    case GROUP_EVIDENCE:
        return journal_take_certificate(n, m->body);
    case GROUP_VOUCH:
        return journal_take_vouch(n, g, sender, m->body);
    default:
        return ST_RECORD_UNKNOWN;
    }
}

enum status letter_beacon(struct node *n, const struct received_letter *l)
{
    struct beacon b;
    struct group *g = NULL;
    enum status st = beacon_decode(&b, l->m->body);
    if (st == ST_OK) {
        st = group_of_scope(n, &b.scope, &g);
    }
    if (st == ST_OK && !group_has_device(g, &l->from.device, NULL)) {
        st = ST_LETTERBOX_SENDER;
    }
    return st == ST_OK ? group_beacon_seen(n, g, &l->from.device, l->m->body) : st;
}
