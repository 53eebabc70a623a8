/* SPDX-License-Identifier: Apache-2.0 */
/* A file of this device: copied from the disk into rows, told of, and put up in a bulk log. */
#include "sync/family.h"
#include "sync/files_internal.h"
#include "sync/messages.h"

enum { PUT_KEPT_DAYS = 45 }; /* days after which a relay has forgotten the log */
static const int64_t put_kept_ms = (int64_t)PUT_KEPT_DAYS * 24 * 3600 * 1000;

/* ---- send ---- */

static enum status may_send(struct node *n, const struct scope_id *scope, bool image, enum scope_kind *kind,
                            struct reply *r)
{
    return message_scope_of_file(n, scope, image, kind, r);
}

static enum status look(struct node *n, const char *path, struct node_file *same, const char **media)
{
    uint8_t first[FILE_SNIFF_LEN];
    if (n->files.look == NULL || n->files.read == NULL) {
        return ST_FILE_SOURCE;
    }
    enum status st = n->files.look(n->files.ctx, path, same);
    if (st == ST_OK && same->size > FILE_SIZE_MAX) {
        return ST_FILE_TOO_BIG;
    }
    size_t len = st == ST_OK && same->size < sizeof(first) ? (size_t)same->size : sizeof(first);
    if (st == ST_OK && len != 0) {
        st = n->files.read(n->files.ctx, path, same, 0, first, len);
    }
    *media = file_media_of(SPAN_OF(first, st == ST_OK ? len : 0));
    return st;
}

enum status files_send(struct node *n, const struct scope_id *scope, const char *path, struct reply *r)
{
    struct node_file same;
    struct secret key;
    const char *media = "";
    char name[FILE_NAME_MAX + 1];
    uint8_t token[SHORT_ID_LEN];
    enum scope_kind kind = SCOPE_CONVERSATION;
    memset(&same, 0, sizeof(same));
    enum status st = look(n, path, &same, &media);
    if (st == ST_OK) {
        st = may_send(n, scope, file_media_is_image(span_text(media)), &kind, r);
    }
    if (st == ST_OK && !file_room(n, same.size)) {
        st = ST_FILE_NO_ROOM;
    }
    if (st != ST_OK) {
        return st;
    }
    file_name_defuse(span_text(path), name);
    entropy_fill(&n->entropy, token, sizeof(token));
    entropy_fill(&n->entropy, key.b, sizeof(key.b));
    st = sql_run(&n->sql,
                 "INSERT INTO file(token, scope, outgoing, name, media, size, parts, block_key, state, path, "
                 "same, at_ms)"
                 " VALUES(?,?,1,?,?,?,?,?,1,?,?,?)",
                 "bbttiibtbi", SPAN(token), SPAN_ID(scope), name, media, (int64_t)same.size,
                 (int64_t)file_parts(same.size), SPAN_ID(&key), path,
                 SPAN_OF((const uint8_t *)&same, sizeof(same)), n->now.wall_ms);
    secret_wipe(&key);
    node_wake_mono(n, n->now.mono_ms);
    return st == ST_OK ? reply_id(r, SPAN(token)) : st;
}

/* ---- from the disk into rows ---- */

struct reading {
    struct node *n;
    struct file *f;
    struct node_file same;
    struct buffer path; /* with a NUL */
    uint8_t *bytes;     /* FILE_PART_LEN */
};

static enum status load_reading(struct reading *r)
{
    struct query q;
    query_start(&q, &r->n->sql, "SELECT path, same FROM file WHERE id = ?", "i", r->f->id);
    if (query_next(&q)) {
        const char *path = query_text(&q, 0);
        query_fixed(&q, 1, (uint8_t *)&r->same, sizeof(r->same));
        query_fail(&q, buffer_append(&r->path, SPAN_OF((const uint8_t *)path, strlen(path) + 1)));
    }
    return query_end(&q);
}

static enum status read_parts(struct reading *r)
{
    struct node *n = r->n;
    enum status st = r->path.len != 0 && n->files.read != NULL ? ST_OK : ST_FILE_SOURCE;
    for (int i = 0; st == ST_OK && i < FILES_STEP_PARTS && r->f->have < r->f->parts; i++) {
        uint8_t hash[HASH_LEN];
        size_t len = file_part_len(r->f->size, (uint32_t)r->f->have);
        if (!file_room(n, len)) {
            return ST_FILE_NO_ROOM;
        }
        st = n->files.read(n->files.ctx, (const char *)r->path.ptr, &r->same,
                           (uint64_t)r->f->have * FILE_PART_LEN, r->bytes, len);
        if (st == ST_OK) {
            hash_bytes(SPAN_OF(r->bytes, len), hash);
            st = sql_run(&n->sql, "INSERT INTO file_part(file, part, sha256, bytes) VALUES(?,?,?,?)", "iibb",
                         r->f->id, r->f->have, SPAN(hash), SPAN_OF(r->bytes, len));
        }
        if (st == ST_OK) {
            st = file_moved(n, r->f->id, (int64_t)len);
        }
        r->f->have++;
    }
    return st == ST_OK ? sql_run(&n->sql, "UPDATE file SET have = ? WHERE id = ?", "ii", r->f->have, r->f->id)
                       : st;
}

/* The hashes of all parts, in their order. */
static enum status make_list(struct node *n, const struct file *f, struct buffer *out)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT sha256 FROM file_part WHERE file = ? ORDER BY part", "i", f->id);
    while (query_next(&q)) {
        query_fail(&q, buffer_append(out, query_blob(&q, 0)));
    }
    enum status st = query_end(&q);
    return st == ST_OK && out->len != (size_t)f->parts * HASH_LEN ? ST_STORE_ROW : st;
}

static enum status keep_list(struct node *n, struct file *f)
{
    struct buffer list;
    buffer_init(&list, FILE_LIST_MAX);
    enum status st = make_list(n, f, &list);
    hash_bytes(buffer_span(&list), f->list_hash);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT INTO file_list(file, hashes) VALUES(?,?)", "ib", f->id,
                     buffer_span(&list));
    }
    buffer_wipe(&list);
    return st;
}

/* All of it is here: the entry is written, and its bytes begin to go out. */
static enum status tell_of(struct node *n, struct file *f)
{
    struct reply r;
    struct file_log log;
    char relay[WIRE_RELAY_MAX + 1], media[FILE_MEDIA_MAX + 1] = "";
    enum scope_kind kind = SCOPE_CONVERSATION;
    struct buffer text;
    bool found = false;
    memset(&r, 0, sizeof(r));
    memset(&log, 0, sizeof(log));
    buffer_init(&text, FILE_MEDIA_MAX);
    enum status st = may_send(n, &f->scope, f->image, &kind, &r);
    if (st == ST_OK) {
        st = keep_list(n, f);
    }
    if (st == ST_OK) {
        st = file_put_begin(n, f, relay, &log);
    }
    if (st == ST_OK) {
        st = sql_bytes(&n->sql, &text, &found, "SELECT media FROM file WHERE id = ?", "i", f->id);
    }
    sqlite3_snprintf((int)sizeof(media), media, "%.*s", (int)text.len,
                     text.len != 0 ? (const char *)text.ptr : "");
    struct entry_body body = {.kind = ENTRY_ATTACHMENT,
                              .u.attachment = {.name = span_text(f->name),
                                               .media = span_text(media),
                                               .size = f->size,
                                               .log = log,
                                               .block_key = f->block_key}};
    memcpy(body.u.attachment.list_hash, f->list_hash, HASH_LEN);
    if (st == ST_OK) {
        st = message_append(n, kind, &f->scope, &body, &f->hash);
    }
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "UPDATE file SET state = 4, hash = ?1, list_hash = ?2, path = NULL, same = NULL, rate = 0,"
            " entry = (SELECT id FROM entry WHERE hash = ?1) WHERE id = ?3",
            "bbi", SPAN_ID(&f->hash), SPAN(f->list_hash), f->id);
    }
    entry_body_wipe(&body);
    bytes_wipe(&log, sizeof(log));
    buffer_wipe(&text);
    return st;
}

static enum status read_step(struct node *n, void *arg)
{
    struct file *f = arg;
    struct reading r = {.n = n, .f = f};
    buffer_init(&r.path, COMMAND_TEXT_MAX + 1);
    r.bytes = mem_alloc(1, FILE_PART_LEN);
    enum status st = r.bytes != NULL ? load_reading(&r) : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = read_parts(&r);
    }
    if (st == ST_OK && f->have == f->parts) {
        st = tell_of(n, f);
    }
    mem_free(r.bytes, FILE_PART_LEN);
    buffer_wipe(&r.path);
    return st;
}

/* It could not be read, or may not be sent any more: said by name, and what was copied goes. */
static enum status fail_reading(struct node *n, const struct file *f, enum status why)
{
    enum status st = node_refused(n, why);
    if (st == ST_OK) {
        st = node_notice(n, NOTICE_FILE, NULL, status_text(why), &f->scope);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE file SET path = NULL, same = NULL WHERE id = ?", "i", f->id);
    }
    return st == ST_OK ? file_set_state(n, f->id, FILE_FAILED, why) : st;
}

static enum status read_due(struct node *n)
{
    int64_t ids[FILES_JOBS_MAX];
    size_t count = 0;
    struct file f;
    enum status why = ST_OK, st = file_list_ids(n, FILE_READING, ids, &count);
    if (st != ST_OK || count == 0) {
        return st;
    }
    st = file_load(n, ids[0], &f);
    if (st == ST_OK) {
        st = node_guard(n, read_step, &f, &why);
    }
    if (st == ST_OK && why != ST_OK) {
        st = fail_reading(n, &f, why);
    }
    bytes_wipe(&f, sizeof(f));
    node_wake_mono(n, n->now.mono_ms);
    return st;
}

/* ---- from rows into the log ---- */

enum status file_relay(struct node *n, const struct scope_id *scope, char relay[static WIRE_RELAY_MAX + 1])
{
    struct group *g = NULL;
    enum status st = group_of_scope(n, scope, &g);
    if (st == ST_OK) {
        sqlite3_snprintf(WIRE_RELAY_MAX + 1, relay, "%s", g->relay);
        return ST_OK;
    }
    return st == ST_GROUP_NOT_HERE ? family_relay(n, relay) : st;
}

enum status file_put_begin(struct node *n, const struct file *f, char relay[static WIRE_RELAY_MAX + 1],
                           struct file_log *out)
{
    struct log_keys k;
    int64_t log = 0;
    log_keys_new(n, true, &k);
    k.block_key = f->block_key;
    enum status st = file_put_end(n, f->id);
    if (st == ST_OK) {
        st = file_relay(n, &f->scope, relay);
    }
    if (st == ST_OK) {
        struct log_args a = {.kind = LOG_FILE_OUT, .owner = f->id, .relay = relay, .keys = &k};
        st = logs_add(n, &a, &log);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT INTO file_put(file, log, state, began_at) VALUES(?,?,?,?)", "iiii",
                     f->id, log, (int64_t)(f->parts == 0 ? PUT_DONE : PUT_RUNS), n->now.wall_ms);
    }
    out->relay = span_text(relay);
    memcpy(out->read_token.b, k.read.b, sizeof(out->read_token.b));
    memcpy(out->write_hash, k.hashes.of[LOG_WRITE].b, HASH_LEN);
    memcpy(out->trim_hash, k.hashes.of[LOG_TRIM].b, HASH_LEN);
    log_keys_wipe(&k);
    return st;
}

enum status file_put_end(struct node *n, int64_t file)
{
    int64_t log = 0;
    enum status st = sql_number(&n->sql, &log, 0, "SELECT log FROM file_put WHERE file = ?", "i", file);
    if (st == ST_OK && log != 0) {
        st = logs_unsend(n, log, OUTBOX_PLAIN);
        if (st == ST_OK) {
            st = logs_trim(n, log);
        }
    }
    return st == ST_OK ? sql_run(&n->sql, "DELETE FROM file_put WHERE file = ?", "i", file) : st;
}

/* Nothing more of it goes out, and what is there is taken back; the message stays. */
enum status file_put_stop(struct node *n, int64_t file, enum status why)
{
    int64_t log = 0;
    enum status st = sql_number(&n->sql, &log, 0, "SELECT log FROM file_put WHERE file = ?", "i", file);
    if (st == ST_OK && log != 0) {
        st = logs_unsend(n, log, OUTBOX_PLAIN);
    }
    if (st == ST_OK && log != 0) {
        st = logs_trim(n, log);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE file_put SET state = 3, log = 0 WHERE file = ?", "i", file);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE file SET why = ? WHERE id = ?", "ti", status_name(why), file);
    }
    return st == ST_OK ? node_refused(n, why) : st;
}

enum status file_log_full(struct node *n, const struct log_row *log)
{
    enum status st = sql_run(&n->sql, "UPDATE file_put SET state = 3 WHERE file = ? AND log = ?", "ii",
                             log->owner, log->id);
    if (st == ST_OK) {
        st = logs_unsend(n, log->id, OUTBOX_PLAIN);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE file SET why = 'RELAY_LOG_FULL' WHERE id = ?", "i", log->owner);
    }
    return st == ST_OK ? node_refused(n, ST_RELAY_LOG_FULL) : st;
}

struct putting { /* a row of file_put */
    int64_t id, file, log, next, parts, waiting;
    struct scope_id scope;
    bool image;
};

static enum status append_record(struct node *n, int64_t log, const struct file_record *record)
{
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, FILE_PART_LEN + 64);
    writer_init(&w, &bytes);
    enum status st = file_record_encode(&w, record);
    if (st == ST_OK) {
        struct span message = buffer_span(&bytes);
        st = logs_append(n, log, &message, 1, OUTBOX_PLAIN, 0, NULL);
    }
    buffer_wipe(&bytes);
    return st;
}

/* The list (next -1) or one part goes into the outbox. */
static enum status put_one(struct node *n, struct putting *p)
{
    struct buffer bytes;
    bool found = false;
    struct file_record record = {.kind = p->next < 0 ? FILE_RECORD_LIST : FILE_RECORD_PART,
                                 .index = p->next < 0 ? 0 : (uint32_t)p->next};
    buffer_init(&bytes, FILE_PART_LEN);
    enum status st =
        p->next < 0
            ? sql_bytes(&n->sql, &bytes, &found, "SELECT hashes FROM file_list WHERE file = ?", "i", p->file)
            : sql_bytes(&n->sql, &bytes, &found, "SELECT bytes FROM file_part WHERE file = ? AND part = ?",
                        "ii", p->file, p->next);
    record.bytes = buffer_span(&bytes);
    if (st == ST_OK) {
        st = found ? append_record(n, p->log, &record) : ST_STORE_ROW;
    }
    buffer_wipe(&bytes);
    p->next++;
    return st == ST_OK ? sql_run(&n->sql, "UPDATE file_put SET next = ? WHERE id = ?", "ii", p->next, p->id)
                       : st;
}

/* A yes may have ended since, and quiet hours may have begun: what was sent before is not put up in them. */
static enum status may_go_on(struct node *n, const struct putting *p, bool *yes)
{
    struct reply r;
    enum scope_kind kind = SCOPE_CONVERSATION;
    memset(&r, 0, sizeof(r));
    enum status st = may_send(n, &p->scope, p->image, &kind, &r);
    *yes = st == ST_OK;
    if (st == ST_OK || status_is_fatal(st)) {
        return st;
    }
    if (st == ST_POLICY_DENIED || st == ST_CONTACT_ENDED) {
        return file_put_stop(n, p->file, ST_FILE_RULES);
    }
    node_wake_mono(n, n->now.mono_ms + FILES_STALL_MS);
    return ST_OK;
}

/* The list is at the relay before any part is on its way, so that whoever reads can judge each part. */
static enum status put_step(struct node *n, struct putting *p)
{
    enum status st =
        sql_number(&n->sql, &p->waiting, 0, "SELECT count(*) FROM outbox WHERE log = ?", "i", p->log);
    int64_t before = p->next;
    for (int i = 0; st == ST_OK && i < FILES_STEP_PARTS && p->next < p->parts; i++) {
        bool list_waits = p->next <= 0 && p->waiting != 0, goes_on = true;
        if (list_waits || p->waiting + FILE_BLOCKS_A_PART > FILES_WINDOW) {
            break;
        }
        if (i == 0) {
            st = may_go_on(n, p, &goes_on);
        }
        if (st != ST_OK || !goes_on) {
            return st;
        }
        p->waiting += p->next < 0 ? 1 : FILE_BLOCKS_A_PART;
        st = put_one(n, p);
    }
    if (st == ST_OK && p->next > before) {
        st = file_moved(n, p->file, (p->next - before) * FILE_PART_LEN);
    }
    return st == ST_OK && p->next == p->parts && p->waiting == 0
               ? sql_run(&n->sql, "UPDATE file_put SET state = 2 WHERE id = ?", "i", p->id)
               : st;
}

static enum status put_due(struct node *n)
{
    struct putting all[FILES_JOBS_MAX];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT p.id, p.file, p.log, p.next, f.parts, f.scope, f.media FROM file_put p JOIN file f ON"
                " f.id = p.file JOIN log l ON l.id = p.log JOIN relay r ON r.id = l.relay WHERE p.state = 1"
                " ORDER BY r.away_at != 0, p.id LIMIT 8",
                "");
    while (count < FILES_JOBS_MAX && query_next(&q)) {
        struct putting *p = &all[count++];
        *p = (struct putting){.id = query_int(&q, 0),
                              .file = query_int(&q, 1),
                              .log = query_int(&q, 2),
                              .next = query_int(&q, 3),
                              .parts = query_int(&q, 4),
                              .image = file_media_is_image(span_text(query_text(&q, 6)))};
        QUERY_ID(&q, 5, &p->scope);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = put_step(n, &all[i]);
    }
    return st;
}

/* Logs that no relay has any more. */
static enum status drop_old(struct node *n)
{
    int64_t id = 0, log = 0;
    enum status st =
        sql_number(&n->sql, &id, 0, "SELECT id FROM file_put WHERE state != 1 AND began_at < ? LIMIT 1", "i",
                   n->now.wall_ms - put_kept_ms);
    if (st != ST_OK || id == 0) {
        return st;
    }
    st = sql_number(&n->sql, &log, 0, "SELECT log FROM file_put WHERE id = ?", "i", id);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM file_put WHERE id = ?", "i", id);
    }
    return st == ST_OK ? logs_drop(n, log) : st;
}

enum status files_send_due(struct node *n)
{
    enum status st = read_due(n);
    if (st == ST_OK) {
        st = put_due(n);
    }
    return st == ST_OK ? drop_old(n) : st;
}
