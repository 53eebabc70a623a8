/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that their writer is asked about (§5.3): written, not sent yet, and then somebody came in for whom
 * they were not meant. Until the writer says, their headers go out alone, so that the journal has no hole. */
#include "sync/held.h"

#include "protocol/hlc.h"

#include "sync/commands.h"
#include "sync/contact.h"
#include "sync/family.h"
#include "sync/files.h"
#include "sync/names.h"
#include "sync/search.h"

enum status texts_hold(struct node *n, struct group *g, const struct person_ref *newcomer)
{
    char name[WIRE_NAME_MAX + 1];
    if (g->kind != SCOPE_FAMILY && g->kind != SCOPE_CONVERSATION) {
        return ST_OK;
    }
    enum status st =
        sql_run(&n->sql,
                "UPDATE entry SET held = ? WHERE scope = ? AND own = 1 AND acked = 0 AND held = 0 AND"
                " kind IN (1, 32)",
                "ib", (int64_t)TEXT_HELD, SPAN_ID(&g->scope));
    if (st != ST_OK || sql_changes(&n->sql) == 0) {
        return st;
    }
    st = person_name(n, newcomer, name, sizeof(name));
    return st == ST_OK
               ? node_notice(n, NOTICE_WAITING, name,
                             "came in before your text was sent: kith waiting send, or kith waiting drop",
                             &g->scope)
               : st;
}

enum status texts_came(struct node *n, const struct group *g, const struct person_ref *who)
{
    return sql_run(&n->sql, "INSERT OR REPLACE INTO came VALUES(?,?,?,?,?)", "bbbii", SPAN_ID(&g->scope),
                   SPAN_ID(&who->family), SPAN_ID(&who->person), (int64_t)g->generation, (int64_t)g->epoch);
}

/* Who came last since the entry was written; *yes: somebody did, and not the person that asks. */
static enum status came_since(struct node *n, const struct entry_header *h, const struct person_ref *asker,
                              struct person_ref *last, bool *yes)
{
    struct query q;
    bool asks_late = false;
    *yes = false;
    query_start(
        &q, &n->sql,
        "SELECT family, person FROM came WHERE scope = ?1 AND (generation > ?2 OR (generation = ?2 AND"
        " epoch > ?3)) ORDER BY generation, epoch",
        "bii", SPAN_ID(&h->scope), (int64_t)h->generation, (int64_t)h->epoch);
    while (query_next(&q)) {
        QUERY_ID(&q, 0, &last->family);
        QUERY_ID(&q, 1, &last->person);
        asks_late = asks_late || person_ref_equal(last, asker);
        *yes = true;
    }
    *yes = *yes && !asks_late;
    return query_end(&q);
}

enum status text_missed(struct node *n, const struct group *g, int64_t id, const struct entry_header *h,
                        const struct device_id *asker)
{
    struct device_certificate c;
    struct buffer bytes;
    struct person_ref last;
    char name[WIRE_NAME_MAX + 1];
    bool missed = false;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    enum status st = family_certificate(n, asker, &bytes, &c);
    if (st == ST_OK) {
        st = came_since(n, h, &c.who, &last, &missed);
    }
    buffer_wipe(&bytes);
    if (st != ST_OK || !missed || hlc_ms(h->hlc) < n->now.wall_ms - TEXT_MISSED_MS) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE entry SET held = ? WHERE id = ? AND held = 0", "ii", (int64_t)TEXT_MISSED,
                 id);
    if (st != ST_OK || sql_changes(&n->sql) == 0) {
        return st;
    }
    st = person_name(n, &last, name, sizeof(name));
    return st == ST_OK ? node_notice(n, NOTICE_WAITING, name,
                                     "came in before your text was with everybody: kith waiting send, or kith"
                                     " waiting drop",
                                     &g->scope)
                       : st;
}

enum status text_header(struct span entry, struct buffer *out)
{
    struct journal_entry e;
    struct writer w;
    enum status st = journal_entry_decode(&e, entry);
    e.has_body = false;
    e.body = SPAN_EMPTY;
    writer_init(&w, out);
    return st == ST_OK ? journal_entry_encode(&w, &e) : st;
}

/* The body goes, here and for good; the header stays, for others' entries of ours are linked to it. */
static enum status drop_one(struct node *n, int64_t id, struct span entry)
{
    struct buffer header;
    buffer_init(&header, GROUP_MESSAGE_MAX);
    enum status st = text_header(entry, &header);
    if (st == ST_OK) {
        st = search_forget(n, id);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE entry SET held = 0, has_body = 0, entry = ? WHERE id = ?", "bi",
                     buffer_span(&header), id);
        n->scrub = true;
    }
    if (st == ST_OK) {
        st = files_forget(n, id);
    }
    buffer_wipe(&header);
    return st;
}

/* What others have already stays here as well. */
static enum status drop_all(struct node *n, struct span scope)
{
    struct buffer entry;
    bool found = true;
    enum status st = sql_run(&n->sql,
                             "UPDATE entry SET held = ?1 WHERE own = 1 AND held = ?2 AND (?3 IS NULL OR scope"
                             " = ?3)",
                             "iio", (int64_t)TEXT_KEPT, (int64_t)TEXT_MISSED, scope);
    while (st == ST_OK && found) {
        int64_t id = 0;
        buffer_init(&entry, GROUP_MESSAGE_MAX);
        st = sql_number(&n->sql, &id, 0,
                        "SELECT id FROM entry WHERE own = 1 AND held = 1 AND (?1 IS NULL OR scope = ?1)", "o",
                        scope);
        found = st == ST_OK && id != 0;
        if (found) {
            st = sql_bytes(&n->sql, &entry, &found, "SELECT entry FROM entry WHERE id = ?", "i", id);
        }
        if (st == ST_OK && found) {
            st = drop_one(n, id, buffer_span(&entry));
        }
        buffer_wipe(&entry);
    }
    return st;
}

/* With a name: its conversation only. */
static enum status scope_of(struct node *n, const struct command *c, size_t field, struct scope_id *out,
                            struct reply *r, bool *all)
{
    char text[NODE_NAME_MAX * 2];
    struct named who;
    *all = !c->value[field].given;
    if (*all) {
        return ST_OK;
    }
    enum status st = name_to_talk(n, command_text(c, field, text, sizeof(text)), false, &who);
    if (st != ST_OK) {
        return st;
    }
    sqlite3_snprintf(sizeof(r->name), r->name, "%s", who.name);
    return who.kind == NAME_OF_FAMILY ? scope_id_of_family(SCOPE_FAMILY, &n->self.family, out)
                                      : scope_id_of_pair(&who.of, &who.person, out);
}

enum status run_waiting_send(struct node *n, const struct command *c, struct reply *r)
{
    struct scope_id scope;
    bool all = true;
    enum status st = scope_of(n, c, CMD_WAITING_SEND_WITH, &scope, r, &all);
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "UPDATE entry SET held = ?1, acked = 0, sent_epoch = NULL, outbox = NULL WHERE own = 1 AND"
            " held IN (1, 3) AND (?2 IS NULL OR scope = ?2)",
            "io", (int64_t)TEXT_RELEASED, all ? SPAN_EMPTY : SPAN_ID(&scope));
    }
    if (st == ST_OK && sql_changes(&n->sql) == 0) {
        return ST_NOTHING_WAITS;
    }
    return st == ST_OK ? groups_dirty(n) : st;
}

enum status run_waiting_drop(struct node *n, const struct command *c, struct reply *r)
{
    struct scope_id scope;
    int64_t waiting = 0;
    bool all = true;
    enum status st = scope_of(n, c, CMD_WAITING_DROP_WITH, &scope, r, &all);
    struct span which = all ? SPAN_EMPTY : SPAN_ID(&scope);
    if (st == ST_OK) {
        st = sql_number(
            &n->sql, &waiting, 0,
            "SELECT count(*) FROM entry WHERE own = 1 AND held IN (1, 3) AND (?1 IS NULL OR scope ="
            " ?1)",
            "o", which);
    }
    if (st == ST_OK && waiting == 0) {
        return ST_NOTHING_WAITS;
    }
    return st == ST_OK ? drop_all(n, which) : st;
}
