/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/relay_away.h"

#include "protocol/relay_told.h"
#include "sync/family.h"
#include "sync/relays.h"
#include "sync/removal.h"
#include "sync/succession.h"

/* ---- what others say of it ---- */

static enum status send_word(struct node *n, const struct family_device *to, const char *relay, bool reached)
{
    struct buffer box, body;
    struct writer w;
    struct relay_told t = {span_text(relay), reached};
    bool found = false;
    buffer_init(&box, LETTERBOX_MAX);
    buffer_init(&body, WIRE_RELAY_MAX + 16);
    writer_init(&w, &body);
    enum status st = device_box_of(n, &to->device, relay, &box, &found);
    if (st == ST_OK && found) {
        st = relay_told_encode(&w, &t);
    }
    if (st == ST_OK && found) {
        struct letter l = {
            LETTERBOX_RELAY, buffer_span(&box), {n->self.family, to->person}, buffer_span(&body)};
        st = letter_send(n, &l);
    }
    buffer_wipe(&box);
    buffer_wipe(&body);
    return st;
}

static enum status ask_all(struct node *n, const char *relay)
{
    struct family_device devices[WIRE_LEAVES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, NULL, devices, WIRE_LEAVES_MAX, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        if (!ID_EQUAL(&devices[i].device, &n->self.device)) {
            st = send_word(n, &devices[i], relay, false);
        }
    }
    return st == ST_OK ? meta_set_number(n, "relay_asked_at", n->now.wall_ms) : st;
}

static enum status note_word(struct node *n, const struct device_id *from, const char *relay)
{
    return sql_run(
        &n->sql,
        "INSERT INTO relay_word(device, relay, reached_at) VALUES(?1,?2,?3) ON CONFLICT(device, relay)"
        " DO UPDATE SET reached_at = ?3",
        "bti", SPAN_ID(from), relay, n->now.wall_ms);
}

/* Whoever asks again and again gets one answer an hour. */
static enum status answer_word(struct node *n, const struct family_device *to, const char *relay)
{
    int64_t answered = 0;
    enum status st =
        sql_number(&n->sql, &answered, 0, "SELECT answered_at FROM relay_word WHERE device = ? AND relay = ?",
                   "bt", SPAN_ID(&to->device), relay);
    if (st != ST_OK || answered > n->now.wall_ms - RELAY_ANSWER_AGAIN_MS || !logs_reached(n, relay)) {
        return st;
    }
    st = sql_run(
        &n->sql,
        "INSERT INTO relay_word(device, relay, answered_at) VALUES(?1,?2,?3) ON CONFLICT(device, relay) DO"
        " UPDATE SET answered_at = ?3",
        "bti", SPAN_ID(&to->device), relay, n->now.wall_ms);
    return st == ST_OK ? send_word(n, to, relay, true) : st;
}

enum status letter_relay(struct node *n, const struct received_letter *l)
{
    struct family_device devices[WIRE_LEAVES_MAX];
    struct family_relays now;
    struct relay_told t;
    char relay[WIRE_RELAY_MAX + 1];
    size_t count = 0, at = 0;
    enum status st = l->kind == BOX_FAMILY ? relay_told_decode(&t, l->m->body) : ST_LETTERBOX_SENDER;
    if (st == ST_OK) {
        st = family_devices(n, NULL, devices, WIRE_LEAVES_MAX, &count);
    }
    while (at < count && !ID_EQUAL(&devices[at].device, &l->from.device)) {
        at++;
    }
    if (st == ST_OK && (at == count || revocation_known(n, &l->from.device))) {
        st = ST_LETTERBOX_SENDER;
    }
    if (st == ST_OK) {
        st = relays_now(n, &now);
    }
    if (st != ST_OK) {
        return st;
    }
    sqlite3_snprintf(sizeof(relay), relay, "%.*s", (int)t.relay.len, (const char *)t.relay.ptr);
    size_t place = family_relays_find(&now, relay);
    if (place == now.count ||
        strcmp(now.at[place], relay) != 0) { /* its key at another host is another relay */
        return ST_RELAY_UNKNOWN;
    }
    return t.reached ? note_word(n, &l->from.device, relay) : answer_word(n, &devices[at], relay);
}

/* ---- away ---- */

/* For how long has this device tried in vain? 0: the relay answers, or was never asked. */
static enum status away_for(struct node *n, const char *relay, int64_t *ms)
{
    *ms = 0;
    if (logs_reached(n, relay)) {
        return ST_OK;
    }
    return sql_number(&n->sql, ms, 0, "SELECT away_ms FROM relay WHERE address = ? AND away_at != 0", "t",
                      relay);
}

static enum status somebody_reaches(struct node *n, const char *relay, bool *yes)
{
    int64_t words = 0;
    enum status st =
        sql_number(&n->sql, &words, 0,
                   "SELECT count(*) FROM relay_word w WHERE w.relay = ? AND w.reached_at > ? AND NOT"
                   " EXISTS (SELECT 1 FROM revocation v WHERE v.device = w.device)",
                   "ti", relay, n->now.wall_ms - RELAY_WORD_MS);
    *yes = words != 0;
    return st;
}

static enum status family_scope(struct node *n, struct scope_id *out)
{
    return scope_id_of_family(SCOPE_FAMILY, &n->self.family, out);
}

/* The relay is there again before a successor was founded: none is wanted any more. */
static enum status take_back(struct node *n, const struct scope_id *scope)
{
    return sql_run(&n->sql, "DELETE FROM succession WHERE scope = ? AND reason = ?", "bi", SPAN_ID(scope),
                   (int64_t)SUCCESSOR_RELAY);
}

static enum status succeed_at(struct node *n, const struct scope_id *scope, const char *relay)
{
    int64_t wanted = 0;
    enum status st =
        sql_number(&n->sql, &wanted, 0, "SELECT count(*) FROM succession WHERE scope = ? AND relay = ?", "bt",
                   SPAN_ID(scope), relay);
    if (st != ST_OK || wanted != 0) {
        return st;
    }
    st = group_succeed(n, scope, SUCCESSOR_RELAY, relay);
    return st == ST_GROUP_NOT_HERE ? ST_OK : st;
}

/* The next of the list that this device reaches; `l->count`: none, so the trouble is its own. */
static size_t next_reached(const struct node *n, const struct family_relays *l)
{
    size_t at = 1;
    while (at < l->count && !logs_reached(n, l->at[at])) {
        at++;
    }
    return at;
}

/* A parent at this device wants another one to be used, or this one to go: nobody needs to be asked. */
static enum status wished_for(struct node *n, const struct family_relays *l, size_t *at)
{
    struct query q;
    *at = l->count;
    query_start(&q, &n->sql, "SELECT op, address FROM relay_wish WHERE op != ? ORDER BY id DESC LIMIT 1", "i",
                (int64_t)RELAY_WISH_ADD);
    if (query_next(&q)) {
        size_t named = family_relays_find(l, query_text(&q, 1));
        if (query_int(&q, 0) == RELAY_WISH_USE && named != 0 && logs_reached(n, query_text(&q, 1))) {
            *at = named;
        } else if (query_int(&q, 0) == RELAY_WISH_REMOVE && named == 0) {
            *at = next_reached(n, l);
        }
    }
    return query_end(&q);
}

static enum status judge_first(struct node *n, const struct family_relays *l)
{
    struct scope_id scope;
    int64_t ms = 0, asked = 0;
    bool held = false;
    size_t next = next_reached(n, l), wished = l->count;
    enum status st = family_scope(n, &scope);
    if (st == ST_OK) {
        st = away_for(n, l->at[0], &ms);
    }
    if (st == ST_OK && ms == 0) {
        return take_back(n, &scope);
    }
    if (st == ST_OK && ms >= RELAY_FOLLOW_MS) {
        st = wished_for(n, l, &wished);
    }
    if (st == ST_OK && wished < l->count) {
        return succeed_at(n, &scope, l->at[wished]);
    }
    if (st != ST_OK || next >= l->count || ms < RELAY_ASK_MS) {
        return st;
    }
    st = meta_number(n, "relay_asked_at", 0, &asked);
    if (st == ST_OK && asked < n->now.wall_ms - RELAY_ASK_AGAIN_MS) {
        st = ask_all(n, l->at[0]);
    }
    if (st == ST_OK) {
        st = somebody_reaches(n, l->at[0], &held);
    }
    bool move = ms >= RELAY_ANYHOW_MS || (ms >= RELAY_MOVE_MS && !held);
    return st == ST_OK && move ? succeed_at(n, &scope, l->at[next]) : st;
}

/* ---- the other groups ---- */

struct left_behind { /* a group at a relay that does not answer, when the family is elsewhere */
    struct scope_id scope;
    int64_t id;
};

static enum status is_ours(struct node *n, int64_t id, const struct family_relays *l, bool *ours)
{
    struct kith_context c;
    struct family_relays of_group;
    struct group *g = NULL;
    enum status st = group_get(n, id, &g);
    if (st == ST_OK) {
        st = group_context(g, &c);
    }
    *ours = st == ST_OK && family_relays_of(&c, &of_group) == ST_OK &&
            family_relays_find(&of_group, l->at[0]) < of_group.count;
    return st;
}

static enum status groups_follow(struct node *n, const struct family_relays *l)
{
    struct left_behind found[32];
    size_t count = 0;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT g.id, g.scope FROM mls_group g JOIN relay r ON r.id = g.relay WHERE g.state != 3 AND g.kind"
        " != ? AND r.address != ? AND r.away_at != 0 AND r.away_ms >= ? LIMIT 32",
        "iti", (int64_t)SCOPE_FAMILY, l->at[0], (int64_t)RELAY_FOLLOW_MS);
    while (count < 32 && query_next(&q)) {
        found[count].id = query_int(&q, 0);
        QUERY_ID(&q, 1, &found[count++].scope);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        bool ours = false;
        st = is_ours(n, found[i].id, l, &ours);
        if (st == ST_OK && ours) {
            st = succeed_at(n, &found[i].scope, l->at[0]);
        }
    }
    return st;
}

/* ---- losing and hiding ---- */

enum status relay_trouble(struct node *n, int64_t relay)
{
    return sql_run(
        &n->sql,
        "UPDATE relay SET trouble = iif(trouble_at < ?1 - ?3, 1, trouble + 1), trouble_at = ?1 WHERE id ="
        " ?2 AND trouble_at < ?1 - ?4",
        "iiii", n->now.wall_ms, relay, (int64_t)RELAY_TROUBLE_FOR_MS, (int64_t)RELAY_TROUBLE_MS);
}

enum status relay_trouble_at(struct node *n, const char *address)
{
    int64_t relay = 0;
    enum status st = sql_number(&n->sql, &relay, 0, "SELECT id FROM relay WHERE address = ?", "t", address);
    return st == ST_OK ? relay_trouble(n, relay) : st;
}

static enum status judge_trouble(struct node *n, const struct family_relays *l)
{
    int64_t trouble = 0, wishes = 0;
    size_t next = next_reached(n, l);
    if (n->self.role != ROLE_PARENT || next >= l->count) {
        return ST_OK;
    }
    enum status st =
        sql_number(&n->sql, &trouble, 0, "SELECT trouble FROM relay WHERE address = ?", "t", l->at[0]);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &wishes, 0, "SELECT count(*) FROM relay_wish", "");
    }
    if (st != ST_OK || trouble < RELAY_TROUBLE_MAX || wishes != 0) {
        return st;
    }
    st = sql_run(&n->sql, "INSERT INTO relay_wish(op, address, at_ms) VALUES(?,?,?)", "iti",
                 (int64_t)RELAY_WISH_USE, l->at[next], n->now.wall_ms);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE relay SET trouble = 0 WHERE address = ?", "t", l->at[0]);
    }
    return st == ST_OK
               ? node_alarm(n, "",
                            "the relay lost or hid what it had, three times in a week: the family moves to"
                            " the next",
                            NULL)
               : st;
}

/* ---- all of it ---- */

enum status relays_away_due(struct node *n)
{
    struct family_relays now;
    enum status st = relays_now(n, &now);
    if (st != ST_OK || now.count < 2) {
        return st;
    }
    st = judge_trouble(n, &now);
    if (st == ST_OK) {
        st = judge_first(n, &now);
    }
    return st == ST_OK ? groups_follow(n, &now) : st;
}
