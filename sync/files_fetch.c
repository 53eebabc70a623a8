/* SPDX-License-Identifier: Apache-2.0 */
/* A file of somebody else: from its log into rows, each part only when it is the bytes that the entry
 * promises. */
#include "sync/files_internal.h"

/* ---- which log ---- */

static enum status listen(struct node *n, const struct file *f, const struct file_log *source, int64_t *log)
{
    struct log_keys k;
    char relay[WIRE_RELAY_MAX + 1];
    memset(&k, 0, sizeof(k));
    sqlite3_snprintf((int)sizeof(relay), relay, "%.*s", (int)source->relay.len,
                     (const char *)source->relay.ptr);
    k.can_read = true;
    memcpy(k.read.b, source->read_token.b, sizeof(k.read.b));
    memcpy(k.hashes.of[LOG_WRITE].b, source->write_hash, HASH_LEN);
    memcpy(k.hashes.of[LOG_TRIM].b, source->trim_hash, HASH_LEN);
    k.block_key = f->block_key;
    log_keys_hash(&k);
    bool may = false;
    int64_t known = 0;
    /* An entry can name any log at any relay; or one that was left since. */
    enum status st = logs_may_listen(n, &k, relay, false, &may);
    if (st == ST_OK && !may) {
        st = sql_number(&n->sql, &known, 0, "SELECT count(*) FROM relay WHERE address = ?", "t", relay);
        st = st == ST_OK ? (known == 0 ? ST_FILE_NOT_HERE : ST_FILE_LOG) : st;
    }
    if (st == ST_OK) {
        struct log_args a = {.kind = LOG_OF_FILE, .owner = f->id, .relay = relay, .keys = &k};
        st = logs_add(n, &a, log);
    }
    log_keys_wipe(&k);
    return st;
}

/* ---- begin and end ---- */

static enum status begin(struct node *n, const struct file *f)
{
    struct buffer source;
    struct file_log where;
    bool found = false;
    int64_t log = 0;
    buffer_init(&source, ENTRY_BODY_MAX);
    enum status st = sql_bytes(&n->sql, &source, &found, "SELECT source FROM file WHERE id = ?", "i", f->id);
    memset(&where, 0, sizeof(where));
    if (st == ST_OK) {
        st = found && source.len != 0 ? file_log_unpack(buffer_span(&source), &where) : ST_FILE_NOT_HERE;
    }
    if (st == ST_OK) {
        st = listen(n, f, &where, &log);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "UPDATE file SET state = 3, why = '', log = ?, cursor = 0, progress_at = ?, rate = 0 "
                     "WHERE id = ?",
                     "iii", log, n->now.mono_ms, f->id);
    }
    bytes_wipe(&where, sizeof(where));
    buffer_wipe(&source);
    node_wake_mono(n, n->now.mono_ms); /* for its turn */
    return st;
}

enum status file_fetch_end(struct node *n, const struct file *f)
{
    enum status st = f->log != 0 ? logs_drop(n, f->log) : ST_OK;
    return st == ST_OK ? sql_run(&n->sql, "UPDATE file SET log = 0 WHERE id = ?", "i", f->id) : st;
}

enum status file_log_lost(struct node *n, int64_t log)
{
    enum status st =
        sql_run(&n->sql, "UPDATE file SET state = 5, why = ?, log = 0, rate = 0 WHERE log = ? AND state = 3",
                "ti", status_name(ST_FILE_LOG), log);
    return st == ST_OK ? node_refused(n, ST_FILE_LOG) : st;
}

/* It is fetched from nowhere until somebody puts it up where this device looks: others are asked for that. */
static enum status begin_lost(struct node *n, int64_t id)
{
    node_wake_mono(n, n->now.mono_ms);
    return sql_run(
        &n->sql,
        "UPDATE file SET state = 3, why = '', log = 0, wanted_at = iif(wants = 0, ?, wanted_at), rate = 0"
        " WHERE id = ?",
        "ii", n->now.mono_ms - FILES_STALL_MS, id);
}

enum status file_fetch(struct node *n, int64_t id, enum file_asked asked)
{
    struct file f;
    enum status st = file_load(n, id, &f);
    uint64_t here = (uint64_t)f.have * FILE_PART_LEN;
    if (st == ST_OK && !file_room(n, here < f.size ? f.size - here : 0)) {
        st = ST_FILE_NO_ROOM;
    }
    if (st == ST_OK) {
        st = file_fetch_end(n, &f);
    }
    if (st == ST_OK && asked != FILE_UNASKED) {
        st = sql_run(&n->sql, "UPDATE file SET asked = max(asked, ?), wants = 0 WHERE id = ?", "ii",
                     (int64_t)asked, id);
    }
    if (st == ST_OK) {
        st = begin(n, &f);
    }
    if (st == ST_FILE_NOT_HERE) {
        st = asked != FILE_UNASKED || f.asked != FILE_UNASKED ? begin_lost(n, id) : ST_FILE_LOG;
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}

/* ---- records ---- */

static enum status take_list(struct node *n, const struct file *f, struct span list)
{
    uint8_t hash[HASH_LEN];
    hash_bytes(list, hash);
    if (list.len != (size_t)f->parts * HASH_LEN || memcmp(hash, f->list_hash, HASH_LEN) != 0) {
        return node_refused(n, ST_FILE_LIST);
    }
    return sql_run(&n->sql, "INSERT OR IGNORE INTO file_list(file, hashes) VALUES(?,?)", "ib", f->id, list);
}

/* ST_FILE_PART: not the bytes that the list promises. *known: there is a list. */
static enum status judge_part(struct node *n, const struct file *f, const struct file_record *p,
                              uint8_t hash[static HASH_LEN], bool *known)
{
    struct buffer promised;
    buffer_init(&promised, HASH_LEN);
    if (p->index >= f->parts || p->bytes.len != file_part_len(f->size, p->index)) {
        *known = true;
        return ST_FILE_PART;
    }
    enum status st = sql_bytes(&n->sql, &promised, known,
                               "SELECT substr(hashes, ? * 32 + 1, 32) FROM file_list WHERE file = ?", "ii",
                               (int64_t)p->index, f->id);
    hash_bytes(p->bytes, hash);
    if (st == ST_OK && *known && !span_equal(buffer_span(&promised), SPAN_OF(hash, HASH_LEN))) {
        st = ST_FILE_PART;
    }
    buffer_wipe(&promised);
    return st;
}

/* The log is let go by end_failed: a block of it may be at hand. */
static enum status fail(struct node *n, const struct file *f, enum status why)
{
    enum status st = node_refused(n, why);
    return st == ST_OK ? file_set_state(n, f->id, FILE_FAILED, why) : st;
}

enum status file_fetch_stop(struct node *n, const struct file *f, enum status why)
{
    enum status st = file_fetch_end(n, f);
    return st == ST_OK ? fail(n, f, why) : st;
}

static enum status keep_part(struct node *n, const struct file *f, const struct file_record *p,
                             const uint8_t hash[static HASH_LEN])
{
    enum status st =
        sql_run(&n->sql, "INSERT OR IGNORE INTO file_part(file, part, sha256, bytes) VALUES(?,?,?,?)", "iibb",
                f->id, (int64_t)p->index, SPAN_OF(hash, HASH_LEN), p->bytes);
    if (st != ST_OK || sql_changes(&n->sql) == 0) {
        return st; /* the relay may double a part */
    }
    st = sql_run(&n->sql, "UPDATE file SET have = have + 1, wants = 0 WHERE id = ?", "i", f->id);
    return st == ST_OK ? file_moved(n, f->id, (int64_t)p->bytes.len) : st;
}

static enum status take_part(struct node *n, const struct file *f, const struct file_record *p)
{
    uint8_t hash[HASH_LEN];
    bool known = false;
    enum status st = judge_part(n, f, p, hash, &known);
    if (st == ST_FILE_PART) {
        return node_refused(n, st);
    }
    if (st != ST_OK || !known) {
        return st; /* a part before its list cannot be judged: it is asked for again */
    }
    /* What is let through as an image has to be one. */
    if (p->index == 0 && f->image && !file_media_is_image(span_text(file_media_of(p->bytes)))) {
        return fail(n, f, ST_FILE_MEDIA);
    }
    return keep_part(n, f, p, hash);
}

enum status file_record(struct node *n, const struct log_row *log, struct span message)
{
    struct file_record record;
    struct file f;
    enum status st = file_record_decode(&record, message);
    if (st != ST_OK) {
        return st;
    }
    st = file_load(n, log->owner, &f);
    if (st == ST_OK && f.state == FILE_FETCHING && f.log == log->id) {
        st = record.kind == FILE_RECORD_LIST ? take_list(n, &f, record.bytes) : take_part(n, &f, &record);
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}

/* ---- going on, and the end ---- */

/* Blocks of a log in which each part is twice: nobody needs more. */
static int64_t blocks_max(const struct file *f)
{
    return 2 * (f->parts + 1) * FILE_BLOCKS_A_PART + 64;
}

static enum status complete(struct node *n, const struct file *f)
{
    enum status st = file_fetch_end(n, f);
    return st == ST_OK ? file_set_state(n, f->id, FILE_HERE, ST_OK) : st;
}

static enum status note_cursor(struct node *n, const struct file *f, int64_t cursor)
{
    node_wake_mono(n, n->now.mono_ms + FILES_STALL_MS);
    return sql_run(&n->sql, "UPDATE file SET cursor = ?, progress_at = ? WHERE id = ?", "iii", cursor,
                   n->now.mono_ms, f->id);
}

/* ---- turns ---- */

#define FILES_HEARD "file f JOIN log l ON l.id = f.log WHERE l.kind = 8 AND l.listening = 1"
#define FILES_WAITING "file f JOIN log l ON l.id = f.log WHERE f.state = 3 AND l.listening = 0"

/* Runs `fn` on each file that this query gives, a few at most. */
static enum status each_file(struct node *n, const char *sql_ids,
                             enum status (*fn)(struct node *, const struct file *))
{
    int64_t ids[FILES_JOBS_MAX];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql, sql_ids, "");
    while (count < FILES_JOBS_MAX && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct file f;
        st = file_load(n, ids[i], &f);
        if (st == ST_OK) {
            st = fn(n, &f);
        }
        bytes_wipe(&f, sizeof(f));
    }
    return st;
}

/* A full disk holds up files and nothing else. */
static enum status wait_for_room(struct node *n, const struct file *f)
{
    enum status st = logs_listen(n, f->log, false);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE file SET why = ? WHERE id = ?", "ti", status_name(ST_FILE_NO_ROOM),
                     f->id);
    }
    return st == ST_OK ? node_refused(n, ST_FILE_NO_ROOM) : st;
}

struct turn { /* a file that waits for its turn; log 0: none does */
    int64_t file, log;
};

/* What the person asked for first; then by conversation, so that nobody's files hold up another's. */
static enum status next_turn(struct node *n, struct turn *t)
{
    struct query q;
    memset(t, 0, sizeof(*t));
    query_start(
        &q, &n->sql,
        "WITH heard(scope, count) AS (SELECT f.scope, count(*) FROM " FILES_HEARD " GROUP BY f.scope)"
        " SELECT f.id, l.id FROM " FILES_WAITING " ORDER BY f.asked = 2 DESC,"
        " coalesce((SELECT count FROM heard h WHERE h.scope = f.scope), 0), f.progress_at, f.at_ms DESC"
        " LIMIT 1",
        "");
    if (query_next(&q)) {
        t->file = query_int(&q, 0);
        t->log = query_int(&q, 1);
    }
    return query_end(&q);
}

static enum status begin_turn(struct node *n, const struct turn *t)
{
    enum status st = logs_listen(n, t->log, true);
    node_wake_mono(n, n->now.mono_ms + FILES_STALL_MS);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE file SET progress_at = ?, why = '' WHERE id = ?", "ii",
                                 n->now.mono_ms, t->file)
                       : st;
}

/* What the person waits for does not wait for what nobody asked for. */
static enum status make_room(struct node *n, int64_t *heard)
{
    int64_t log = 0, asked = 0;
    enum status st =
        sql_number(&n->sql, &asked, 0, "SELECT EXISTS (SELECT 1 FROM " FILES_WAITING " AND f.asked = 2)", "");
    if (st == ST_OK && asked != 0) {
        st =
            sql_number(&n->sql, &log, 0,
                       "SELECT l.id FROM " FILES_HEARD " AND f.asked < 2 ORDER BY f.asked, f.id LIMIT 1", "");
    }
    *heard -= st == ST_OK && log != 0;
    return st == ST_OK && log != 0 ? logs_listen(n, log, false) : st;
}

static enum status give_turns(struct node *n)
{
    struct turn t = {.log = -1};
    int64_t heard = 0;
    enum status st = sql_number(&n->sql, &heard, 0, "SELECT count(*) FROM " FILES_HEARD, "");
    if (st == ST_OK && heard >= FILES_JOBS_MAX) {
        st = make_room(n, &heard);
    }
    while (st == ST_OK && t.log != 0 && heard < FILES_JOBS_MAX) { /* ends: one more is heard each time */
        st = next_turn(n, &t);
        heard++;
        if (st == ST_OK && t.log != 0) {
            st = begin_turn(n, &t);
        }
    }
    return st;
}

/* ---- silence ---- */

static int64_t want_due(const struct file *f)
{
    int64_t doublings = f->wants < FILES_STALL_DOUBLINGS ? f->wants : FILES_STALL_DOUBLINGS;
    return (f->wants == 0 ? f->progress_at : f->wanted_at) + ((int64_t)FILES_STALL_MS << doublings);
}

/* Nothing new for a while: others are asked for the bytes, and whoever waits has the turn. What nobody asked
 * for is not waited for without end. */
static enum status silent(struct node *n, const struct file *f)
{
    int64_t others = 0;
    bool due = want_due(f) <= n->now.mono_ms;
    if (due && f->asked == FILE_UNASKED && f->wants >= FILES_STALL_DOUBLINGS) {
        enum status st = file_fetch_end(n, f);
        return st == ST_OK ? file_set_state(n, f->id, FILE_OFFERED, ST_OK) : st;
    }
    enum status st = due ? file_want(n, f) : ST_OK;
    node_wake_mono(n, due ? n->now.mono_ms + FILES_STALL_MS : want_due(f));
    if (st == ST_OK) {
        st = sql_number(&n->sql, &others, 0, "SELECT EXISTS (SELECT 1 FROM " FILES_WAITING ")", "");
    }
    return st == ST_OK && others != 0 ? logs_listen(n, f->log, false) : st;
}

/* A few at a time: those that were never asked for first. */
static enum status ask_for_lost(struct node *n)
{
    struct file f;
    int64_t id = 0, waits = 0;
    enum status st =
        sql_number(&n->sql, &waits, 0,
                   "SELECT count(*) FROM file WHERE state = 3 AND log = 0 AND wants > 0 AND wanted_at"
                   " > +?",
                   "i", n->now.mono_ms - FILES_STALL_MS);
    if (st == ST_OK && waits < FILES_JOBS_MAX) {
        st = sql_number(&n->sql, &id, 0,
                        "SELECT id FROM file WHERE state = 3 AND log = 0 AND wanted_at + (60000 << min(wants,"
                        " 10)) <= +? ORDER BY wants, asked DESC, at_ms DESC LIMIT 1",
                        "i", n->now.mono_ms);
    }
    if (st != ST_OK || id == 0) {
        node_wake_mono(n, n->now.mono_ms + FILES_STALL_MS);
        return st;
    }
    node_wake_mono(n, n->now.mono_ms);
    st = file_load(n, id, &f);
    if (st == ST_OK) {
        st = file_want(n, &f);
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}

static enum status lost_due(struct node *n)
{
    int64_t lost = 0;
    enum status st =
        sql_number(&n->sql, &lost, 0, "SELECT EXISTS (SELECT 1 FROM file WHERE state = 3 AND log = 0)", "");
    return st == ST_OK && lost != 0 && logs_relay_reached(n) ? ask_for_lost(n) : st;
}

static enum status look_at(struct node *n, const struct file *f)
{
    int64_t cursor = 0;
    enum status st = sql_number(&n->sql, &cursor, 0, "SELECT cursor FROM log WHERE id = ?", "i", f->log);
    if (st != ST_OK) {
        return st;
    }
    if (cursor > blocks_max(f)) {
        return file_fetch_stop(n, f, ST_FILE_ENDLESS);
    }
    if (cursor != f->cursor) {
        st = file_judge(n, f); /* the rules may have changed since */
    }
    if (st == ST_FILE_RULES) {
        return file_fetch_stop(n, f, st);
    }
    if (status_is_fatal(st)) {
        return st;
    }
    if (cursor != f->cursor || !logs_relay_reached(n)) {
        return note_cursor(n, f, cursor);
    }
    if (n->now.mono_ms - f->progress_at >= FILES_STALL_MS) {
        return silent(n, f);
    }
    node_wake_mono(n, f->progress_at + FILES_STALL_MS);
    return ST_OK;
}

/* Those that ended by a refusal while a block was taken in still have their log. */
static enum status end_failed(struct node *n)
{
    struct file f;
    int64_t id = 0;
    enum status st =
        sql_number(&n->sql, &id, 0, "SELECT id FROM file WHERE state = 5 AND log != 0 LIMIT 1", "");
    if (st != ST_OK || id == 0) {
        return st;
    }
    st = file_load(n, id, &f);
    if (st == ST_OK) {
        st = file_fetch_end(n, &f);
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}

enum status files_fetch_due(struct node *n)
{
    bool room = file_room(n, 0);
    enum status st = end_failed(n);
    if (st == ST_OK) {
        st = each_file(n, "SELECT f.id FROM " FILES_HEARD " AND f.state = 3 AND f.have = f.parts", complete);
    }
    if (st == ST_OK) {
        st = each_file(n, "SELECT f.id FROM " FILES_HEARD " AND f.state = 3", room ? look_at : wait_for_room);
    }
    if (!room) {
        node_wake_mono(n, n->now.mono_ms + FILES_ROOM_AGAIN_MS);
    }
    if (st == ST_OK && room) {
        st = lost_due(n);
    }
    return st == ST_OK && room ? give_turns(n) : st;
}
