/* SPDX-License-Identifier: Apache-2.0 */
/* A file of somebody else: from its log into rows, each part only when it is the bytes that the entry
 * promises. */
#include "sync/files_internal.h"

/* ---- which log ---- */

/* An entry can name any log at any relay. Only a relay that this device uses anyhow is asked, and never for a
 * log that is something else here. */
static enum status may_listen(struct node *n, const struct log_keys *k, const char *relay)
{
    struct log_id id;
    int64_t known = 0, taken = 0;
    log_id_of(&k->hashes, &id);
    enum status st =
        sql_number(&n->sql, &known, 0, "SELECT count(*) FROM relay WHERE address = ?", "t", relay);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &taken, 0, "SELECT count(*) FROM log WHERE log_id = ?", "b", SPAN_ID(&id));
    }
    return st == ST_OK && (known == 0 || taken != 0) ? ST_FILE_LOG : st;
}

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
    enum status st = may_listen(n, &k, relay);
    if (st == ST_OK) {
        struct log_args a = {.kind = LOG_OF_FILE, .owner = f->id, .relay = relay, .keys = &k, .listen = true};
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
    node_wake_mono(n, n->now.mono_ms + FILES_STALL_MS);
    return st;
}

enum status file_fetch_end(struct node *n, const struct file *f)
{
    enum status st = f->log != 0 ? logs_drop(n, f->log) : ST_OK;
    return st == ST_OK ? sql_run(&n->sql, "UPDATE file SET log = 0 WHERE id = ?", "i", f->id) : st;
}

enum status file_fetch(struct node *n, int64_t id, bool asked)
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
    if (st == ST_OK && asked) {
        st = sql_run(&n->sql, "UPDATE file SET asked = 1, wants = 0 WHERE id = ?", "i", id);
    }
    if (st == ST_OK) {
        st = begin(n, &f);
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

static enum status fail(struct node *n, const struct file *f, enum status why)
{
    enum status st = node_refused(n, why);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE file SET state = 5, why = ?, rate = 0 WHERE id = ?", "ti",
                                 status_name(why), f->id)
                       : st;
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

static int64_t stall_ms(const struct file *f)
{
    return (int64_t)FILES_STALL_MS << (f->wants < FILES_STALL_DOUBLINGS ? f->wants : FILES_STALL_DOUBLINGS);
}

static enum status note_cursor(struct node *n, const struct file *f, int64_t cursor)
{
    node_wake_mono(n, n->now.mono_ms + stall_ms(f));
    return sql_run(&n->sql, "UPDATE file SET cursor = ?, progress_at = ? WHERE id = ?", "iii", cursor,
                   n->now.mono_ms, f->id);
}

/* A full disk holds up this file and nothing else. */
static enum status wait_for_room(struct node *n, const struct file *f, bool *waits)
{
    int64_t listening = 0;
    bool room = file_room(n, 0);
    *waits = !room;
    enum status st =
        sql_number(&n->sql, &listening, 0, "SELECT listening FROM log WHERE id = ?", "i", f->log);
    if (!room) {
        node_wake_mono(n, n->now.mono_ms + FILES_ROOM_AGAIN_MS);
    }
    if (st != ST_OK || room == (listening != 0)) {
        return st;
    }
    st = logs_listen(n, f->log, room);
    if (st == ST_OK && !room) {
        st = node_refused(n, ST_FILE_NO_ROOM);
    }
    return st == ST_OK ? sql_run(&n->sql, "UPDATE file SET why = ?, progress_at = ? WHERE id = ?", "tii",
                                 room ? "" : status_name(ST_FILE_NO_ROOM), n->now.mono_ms, f->id)
                       : st;
}

static enum status look_at(struct node *n, const struct file *f)
{
    int64_t cursor = 0;
    bool waits = false;
    if (f->have == f->parts) {
        return complete(n, f);
    }
    enum status st = wait_for_room(n, f, &waits);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &cursor, 0, "SELECT cursor FROM log WHERE id = ?", "i", f->log);
    }
    if (st != ST_OK || waits) {
        return st;
    }
    if (cursor > blocks_max(f)) {
        st = file_fetch_end(n, f);
        return st == ST_OK ? fail(n, f, ST_FILE_ENDLESS) : st;
    }
    if (cursor != f->cursor || !logs_relay_reached(n)) {
        return note_cursor(n, f, cursor);
    }
    if (n->now.mono_ms - f->progress_at >= stall_ms(f)) {
        st = note_cursor(n, f, cursor);
        return st == ST_OK ? file_want(n, f) : st;
    }
    node_wake_mono(n, f->progress_at + stall_ms(f));
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
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM file_part WHERE file = ?", "i", id);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE file SET have = 0 WHERE id = ?", "i", id);
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}

enum status files_fetch_due(struct node *n)
{
    int64_t ids[FILES_JOBS_MAX];
    size_t count = 0;
    enum status st = end_failed(n);
    if (st == ST_OK) {
        st = file_list_ids(n, FILE_FETCHING, ids, &count);
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct file f;
        st = file_load(n, ids[i], &f);
        if (st == ST_OK) {
            st = look_at(n, &f);
        }
        bytes_wipe(&f, sizeof(f));
    }
    return st;
}
