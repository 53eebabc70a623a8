/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/files.h"

#include "protocol/hlc.h"
#include "sync/contact.h"
#include "sync/family.h"
#include "sync/files_internal.h"
#include "sync/messages.h"
#include "sync/receipts.h"
#include "sync/receive.h"
#include "sync/said.h"

enum { ERASE_PARTS = 16, PREFIX_MIN = 6 };

/* ---- rows ---- */

enum status file_load(struct node *n, int64_t id, struct file *f)
{
    struct query q;
    memset(f, 0, sizeof(*f));
    query_start(
        &q, &n->sql,
        "SELECT id, entry, log, cursor, progress_at, wants, have, parts, size, state, outgoing, asked, scope,"
        " hash, list_hash, block_key, name, media, wanted_at FROM file WHERE id = ?",
        "i", id);
    if (query_next(&q)) {
        f->id = query_int(&q, 0);
        f->entry = query_int(&q, 1);
        f->log = query_int(&q, 2);
        f->cursor = query_int(&q, 3);
        f->progress_at = query_int(&q, 4);
        f->wants = query_int(&q, 5);
        f->have = query_int(&q, 6);
        f->parts = query_int(&q, 7);
        f->size = (uint64_t)query_int(&q, 8);
        f->state = (enum file_state)query_int(&q, 9);
        f->outgoing = query_int(&q, 10) != 0;
        f->asked = (enum file_asked)query_int(&q, 11);
        QUERY_ID(&q, 12, &f->scope);
        if (!query_null(&q, 13)) {
            QUERY_ID(&q, 13, &f->hash);
        }
        if (!query_null(&q, 14)) {
            query_fixed(&q, 14, f->list_hash, sizeof(f->list_hash));
        }
        QUERY_ID(&q, 15, &f->block_key);
        sqlite3_snprintf((int)sizeof(f->name), f->name, "%s", query_text(&q, 16));
        f->image = file_media_is_image(span_text(query_text(&q, 17)));
        f->wanted_at = query_int(&q, 18);
    }
    return query_end(&q);
}

enum status file_find(struct node *n, const char *id, int64_t *out)
{
    struct query q;
    size_t found = 0, len = strlen(id);
    *out = 0;
    if (len < PREFIX_MIN || len > 2 * ID_LEN || strspn(id, "0123456789abcdefABCDEF") != len) {
        return ST_SAID_UNKNOWN;
    }
    query_start(&q, &n->sql,
                "SELECT id FROM file WHERE state != 6 AND (substr(hex(hash), 1, length(?1)) = upper(?1)"
                " OR substr(hex(token), 1, length(?1)) = upper(?1)) LIMIT 2",
                "t", id);
    while (query_next(&q)) {
        found++;
        *out = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    if (st == ST_OK && found != 1) {
        st = ST_SAID_UNKNOWN;
    }
    return st;
}

enum status file_of_hash(struct node *n, const struct scope_id *scope, const struct entry_hash *hash,
                         int64_t *out)
{
    return sql_number(&n->sql, out, 0, "SELECT id FROM file WHERE hash = ? AND scope = ? AND state != 6",
                      "bb", SPAN_ID(hash), SPAN_ID(scope));
}

enum status file_set_state(struct node *n, int64_t id, enum file_state state, enum status why)
{
    return sql_run(&n->sql, "UPDATE file SET state = ?, why = ?, rate = 0 WHERE id = ?", "iti",
                   (int64_t)state, why == ST_OK ? "" : status_name(why), id);
}

/* The rate is of the last seconds, so that a pause does not count for long. */
enum status file_moved(struct node *n, int64_t id, int64_t bytes)
{
    enum { WINDOW_MS = 2000, STALE_MS = 30000 };
    return sql_run(
        &n->sql,
        "UPDATE file SET"
        " rate = CASE WHEN ?2 - mark_at BETWEEN ?4 AND ?5 THEN (mark_bytes + ?3) * 1000 / (?2 - mark_at)"
        "   WHEN rate = 0 AND ?2 - mark_at BETWEEN 1 AND ?4 THEN (mark_bytes + ?3) * 1000 / (?2 - mark_at)"
        "   ELSE rate END,"
        " mark_bytes = CASE WHEN ?2 - mark_at BETWEEN 0 AND ?4 - 1 THEN mark_bytes + ?3 ELSE 0 END,"
        " mark_at = CASE WHEN ?2 - mark_at BETWEEN 0 AND ?4 - 1 THEN mark_at ELSE ?2 END WHERE id = ?1",
        "iiiii", id, n->now.wall_ms, bytes, (int64_t)WINDOW_MS, (int64_t)STALE_MS);
}

bool file_room(const struct node *n, uint64_t bytes)
{
    return n->files.room == NULL || n->files.room(n->files.ctx) >= bytes + FILES_ROOM_MIN;
}

enum status file_list_ids(struct node *n, enum file_state state, int64_t ids[static FILES_JOBS_MAX],
                          size_t *count)
{
    struct query q;
    *count = 0;
    query_start(&q, &n->sql, "SELECT id FROM file WHERE state = +? ORDER BY id LIMIT 8", "i", (int64_t)state);
    while (*count < FILES_JOBS_MAX && query_next(&q)) {
        ids[(*count)++] = query_int(&q, 0);
    }
    return query_end(&q);
}

/* As the body of an entry that names them. */
enum status file_log_pack(const struct file_log *l, struct buffer *out)
{
    struct entry_body body = {.kind = ENTRY_FILE_AGAIN, .u.file_again.log = *l};
    struct writer w;
    writer_init(&w, out);
    enum status st = entry_body_encode(&w, &body);
    entry_body_wipe(&body);
    return st;
}

enum status file_log_unpack(struct span in, struct file_log *out)
{
    struct entry_body body;
    enum status st = entry_body_decode(&body, ENTRY_FILE_AGAIN, in);
    *out = body.u.file_again.log;
    entry_body_wipe(&body);
    return st == ST_OK ? ST_OK : ST_STORE_ROW;
}

/* ---- a file is told of ---- */

static enum status insert(struct node *n, const struct applied_entry *e, int64_t *id)
{
    const struct entry_attachment *a = &e->body->u.attachment;
    struct buffer source;
    uint8_t token[SHORT_ID_LEN];
    char name[FILE_NAME_MAX + 1], media[FILE_MEDIA_MAX + 1];
    sqlite3_snprintf((int)sizeof(name), name, "%.*s", (int)a->name.len, (const char *)a->name.ptr);
    sqlite3_snprintf((int)sizeof(media), media, "%.*s", (int)a->media.len, (const char *)a->media.ptr);
    entropy_fill(&n->entropy, token, sizeof(token));
    buffer_init(&source, WIRE_RELAY_MAX + 4 * ID_LEN + 16);
    enum status st = file_log_pack(&a->log, &source);
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "INSERT OR IGNORE INTO file(token, hash, entry, scope, outgoing, name, media, size, parts,"
            " list_hash, block_key, state, source, at_ms) VALUES(?,?,?,?,0,?,?,?,?,?,?,?,?,?)",
            "bbibttiibbibi", SPAN(token), SPAN_ID(&e->hash), e->id, SPAN_ID(&e->scope), name, media,
            (int64_t)a->size, (int64_t)file_parts(a->size), SPAN(a->list_hash), SPAN_ID(&a->block_key),
            (int64_t)(a->size == 0 ? FILE_HERE : FILE_OFFERED), buffer_span(&source), hlc_ms(e->hlc));
    }
    buffer_wipe(&source);
    return st == ST_OK ? file_of_hash(n, &e->scope, &e->hash, id) : st;
}

/* Small images come by themselves; with its history a new device gets every file. */
static enum status fetch_unasked(struct node *n, const struct applied_entry *e, int64_t id)
{
    const struct entry_attachment *a = &e->body->u.attachment;
    int64_t there = 0;
    bool history = false;
    enum status st = receive_handed_over(n, e->id, &history);
    if (st == ST_OK) {
        st = sql_number(
            &n->sql, &there, 0,
            "SELECT sum(size) FROM file WHERE scope = ? AND outgoing = 0 AND asked = 0 AND state IN (3, 4)",
            "b", SPAN_ID(&e->scope));
    }
    bool small = file_media_is_image(a->media) && a->size <= FILES_AUTO_MAX &&
                 there + (int64_t)a->size <= FILES_AUTO_SCOPE_MAX;
    if (st != ST_OK || a->size == 0 || (!small && !history)) {
        return st;
    }
    st = file_fetch(n, id, history ? FILE_OF_HISTORY : FILE_UNASKED);
    return status_is_fatal(st) ? st : ST_OK; /* then it is there to be asked for */
}

static enum status judge(struct node *n, const struct applied_entry *e)
{
    struct person_ref self = self_person(n);
    bool image = file_media_is_image(e->body->u.attachment.media);
    if (e->closes_only) {
        return ST_JOURNAL_AUTHOR;
    }
    bool inside = person_ref_equal(&self, &e->who) || e->scope_kind != SCOPE_CONVERSATION;
    return inside ? ST_OK : receive_file(n, e->id, &e->scope, &e->who, image);
}

static enum status tell(struct node *n, const struct applied_entry *e)
{
    char name[WIRE_NAME_MAX + 1], what[FILE_NAME_MAX + 1];
    const struct span file = e->body->u.attachment.name;
    bool history = false;
    enum status st = receive_handed_over(n, e->id, &history);
    if (st != ST_OK || history || ID_EQUAL(&e->who.person, &n->self.person)) {
        return st;
    }
    sqlite3_snprintf((int)sizeof(what), what, "%.*s", (int)file.len, (const char *)file.ptr);
    st = person_name(n, &e->who, name, sizeof(name));
    return st == ST_OK ? node_notice(n, NOTICE_FILE, name, what, &e->scope) : st;
}

enum status apply_attachment(struct node *n, const struct applied_entry *e)
{
    int64_t id = 0;
    if (e->own) {
        return said_arrived(n, e);
    }
    enum status st = judge(n, e);
    if (st == ST_OK) {
        st = insert(n, e, &id);
    }
    if (st == ST_OK) {
        st = said_arrived(n, e); /* may be deleted, or have run out, already */
    }
    if (st == ST_OK) {
        st = receipts_arrived(n, e);
    }
    if (st == ST_OK) {
        st = file_of_hash(n, &e->scope, &e->hash, &id);
    }
    if (st == ST_OK && id != 0) {
        st = fetch_unasked(n, e, id);
    }
    return st == ST_OK && id != 0 ? tell(n, e) : st;
}

/* ---- forgetting ---- */

/* What was told of it when it came has its name. */
static enum status forget_name(struct node *n, const struct file *f)
{
    return sql_run(&n->sql, "UPDATE notice SET what = '' WHERE kind = ? AND what = ? AND scope = ?", "itb",
                   (int64_t)NOTICE_FILE, f->name, SPAN_ID(&f->scope));
}

static enum status forget(struct node *n, const struct file *f)
{
    enum status st = file_put_end(n, f->id);
    if (st == ST_OK) {
        st = file_fetch_end(n, f);
    }
    if (st == ST_OK) {
        st = forget_name(n, f);
    }
    return st == ST_OK
               ? sql_run(&n->sql,
                         "UPDATE file SET state = 6, hash = NULL, entry = 0, source = NULL, path = NULL,"
                         " again_due = 0 WHERE id = ?",
                         "i", f->id)
               : st;
}

enum status files_forget(struct node *n, int64_t entry)
{
    struct file f;
    int64_t id = 0;
    enum status st = sql_number(&n->sql, &id, 0, "SELECT id FROM file WHERE entry = ?", "i", entry);
    if (st != ST_OK || id == 0) {
        return st;
    }
    st = file_load(n, id, &f);
    if (st == ST_OK) {
        st = forget(n, &f);
    }
    bytes_wipe(&f, sizeof(f));
    node_wake_mono(n, n->now.mono_ms);
    return st;
}

enum status retract_attachment(struct node *n, const struct applied_entry *e)
{
    return files_forget(n, e->id);
}

/* The next whose bytes go: of a message that is gone, cancelled, or of a file that failed. */
static enum status next_to_erase(struct node *n, int64_t *id)
{
    enum status st = sql_number(&n->sql, id, 0, "SELECT id FROM file WHERE state IN (6, 7) LIMIT 1", "");
    return st == ST_OK && *id == 0
               ? sql_number(&n->sql, id, 0, "SELECT id FROM file WHERE state = 5 AND have != 0 LIMIT 1", "")
               : st;
}

/* A few parts at a time: a GiB is not rewritten in one transaction. */
static enum status erase_due(struct node *n)
{
    int64_t id = 0, left = 0;
    enum status st = next_to_erase(n, &id);
    if (st != ST_OK || id == 0) {
        return st;
    }
    st = sql_run(&n->sql,
                 "DELETE FROM file_part WHERE id IN (SELECT id FROM file_part WHERE file = ? LIMIT ?)", "ii",
                 id, (int64_t)ERASE_PARTS);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &left, 0, "SELECT count(*) FROM file_part WHERE file = ?", "i", id);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE file SET have = ? WHERE id = ?", "ii", left, id);
    }
    if (st == ST_OK && left == 0) {
        st = sql_run(&n->sql, "DELETE FROM file_list WHERE file = ?", "i", id);
    }
    if (st == ST_OK && left == 0) {
        st = sql_run(&n->sql, "DELETE FROM file WHERE id = ? AND state = 6", "i", id);
    }
    if (st == ST_OK && left == 0) {
        st = sql_run(&n->sql, "UPDATE file SET state = 2 WHERE id = ? AND state = 7", "i", id);
    }
    n->scrub = true;
    node_wake_mono(n, n->now.mono_ms);
    return st;
}

/* ---- a contact that has ended ---- */

/* Nothing more goes out to them, and nothing of theirs comes in, however the contact ended. */
static enum status stop_one(struct node *n, int64_t id)
{
    struct file f;
    enum status st = file_load(n, id, &f);
    if (st == ST_OK) {
        st = f.state == FILE_FETCHING ? file_fetch_stop(n, &f, ST_FILE_RULES)
                                      : file_put_stop(n, id, ST_FILE_RULES);
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}

static enum status over_due(struct node *n)
{
    int64_t ids[FILES_JOBS_MAX];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT f.id FROM contact c JOIN file f ON f.scope = c.scope AND f.state = 3 WHERE c.person ="
                " ?1 AND c.state NOT IN (?2, ?3) UNION ALL SELECT f.id FROM file_put p JOIN file f ON f.id ="
                " p.file JOIN contact c ON c.scope = f.scope WHERE p.state = 1 AND c.person = ?1 AND c.state"
                " NOT IN (?2, ?3) LIMIT 8",
                "bii", SPAN_ID(&n->self.person), (int64_t)CONTACT_ACTIVE, (int64_t)CONTACT_FOUNDING);
    while (count < FILES_JOBS_MAX && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = stop_one(n, ids[i]);
    }
    if (count == FILES_JOBS_MAX) {
        node_wake_mono(n, n->now.mono_ms);
    }
    return st;
}

/* ---- what is to be done ---- */

enum status files_open(struct node *n)
{
    return sql_run(&n->sql, "UPDATE file SET progress_at = ?1, wanted_at = ?1 WHERE state = 3", "i",
                   n->now.mono_ms);
}

enum status files_due(struct node *n)
{
    enum status st = erase_due(n);
    if (st == ST_OK) {
        st = over_due(n);
    }
    if (st == ST_OK) {
        st = files_send_due(n);
    }
    if (st == ST_OK) {
        st = files_fetch_due(n);
    }
    return st == ST_OK ? files_again_due(n) : st;
}

/* ---- commands ---- */

static enum status find_command(struct node *n, const struct command *c, size_t place, struct file *f)
{
    char text[2 * ID_LEN + 2];
    int64_t id = 0;
    memset(f, 0, sizeof(*f));
    enum status st = file_find(n, command_text(c, place, text, sizeof(text)), &id);
    return st == ST_OK ? file_load(n, id, f) : st;
}

/* May it be received now? Where it comes from one's own person or family nobody asks. */
enum status file_judge(struct node *n, const struct file *f)
{
    struct person_ref who;
    struct query q;
    struct person_ref self = self_person(n);
    bool found = false, history = false;
    query_start(
        &q, &n->sql,
        "SELECT c.family, c.person FROM entry e JOIN certificate c ON c.device = e.author WHERE e.id = ?",
        "i", f->entry);
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &who.family);
        QUERY_ID(&q, 1, &who.person);
        found = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK) {
        st = receive_handed_over(n, f->entry, &history);
    }
    if (st != ST_OK || !found || history || ID_EQUAL(&who.family, &self.family)) {
        return st;
    }
    return receive_file(n, f->entry, &f->scope, &who, f->image);
}

enum status run_get(struct node *n, const struct command *c, struct reply *r)
{
    struct file f;
    enum status st = find_command(n, c, CMD_GET_ID, &f);
    if (st == ST_OK && (f.state == FILE_OFFERED || f.state == FILE_FAILED) && !f.outgoing) {
        st = file_judge(n, &f);
        st = st == ST_OK || status_is_fatal(st) ? st : ST_FILE_RULES;
        if (st == ST_OK) {
            st = file_fetch(n, f.id, FILE_ASKED);
        }
    } else if (st == ST_OK && f.state != FILE_HERE && f.state != FILE_FETCHING) {
        st = ST_FILE_NOT_HERE;
    }
    if (st == ST_OK) {
        sqlite3_snprintf((int)sizeof(r->name), r->name, "%.*s", (int)sizeof(r->name) - 1, f.name);
        st = reply_id(r, SPAN_ID(&f.hash));
    }
    bytes_wipe(&f, sizeof(f));
    return st;
}

static enum status cancel_out(struct node *n, const struct file *f, struct reply *r)
{
    int64_t running = 0;
    if (f->state == FILE_READING || (f->state == FILE_FAILED && f->entry == 0)) { /* nobody was told */
        node_wake_mono(n, n->now.mono_ms);
        return forget(n, f);
    }
    enum status st = sql_number(&n->sql, &running, 0,
                                "SELECT count(*) FROM file_put WHERE file = ? AND state = 1", "i", f->id);
    if (st == ST_OK && running == 0) {
        return ST_FILE_OVER;
    }
    return st == ST_OK ? said_take_back(n, &f->scope, &f->hash, r) : st;
}

enum status run_cancel(struct node *n, const struct command *c, struct reply *r)
{
    struct file f;
    enum status st = find_command(n, c, CMD_CANCEL_ID, &f);
    if (st == ST_OK && f.outgoing) {
        st = cancel_out(n, &f, r);
    } else if (st == ST_OK && f.state != FILE_FETCHING) {
        st = ST_FILE_OVER;
    } else if (st == ST_OK) {
        st = file_fetch_end(n, &f);
        if (st == ST_OK) {
            st = file_set_state(n, f.id, FILE_DROPPING, ST_OK);
        }
        node_wake_mono(n, n->now.mono_ms);
    }
    sqlite3_snprintf((int)sizeof(r->name), r->name, "%.*s", (int)sizeof(r->name) - 1, f.name);
    bytes_wipe(&f, sizeof(f));
    return st;
}
