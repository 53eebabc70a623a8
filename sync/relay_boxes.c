/* SPDX-License-Identifier: Apache-2.0 */
/* Letterboxes where there are several relays: a device has one at each, so that letters come also when the
 * relay in use is away; a person's boxes for contacts go along with the family. */
#include "sync/contact.h"
#include "sync/conversation.h"
#include "sync/family.h"
#include "sync/journal.h"
#include "sync/relay_away.h"
#include "sync/relays.h"
#include "sync/restore.h"

enum { BOX_DAYS = 3650, BOXES_AT_ONCE = 16 };

/* ---- others' ---- */

static enum status relay_of_box(struct span box, char out[static WIRE_RELAY_MAX + 1])
{
    struct letterbox l;
    enum status st = letterbox_decode(&l, box);
    sqlite3_snprintf(WIRE_RELAY_MAX + 1, out, "%.*s", (int)l.relay.len,
                     l.relay.len ? (const char *)l.relay.ptr : "");
    bytes_wipe(&l, sizeof(l));
    return st;
}

enum status device_box_keep(struct node *n, const struct device_id *device, struct span box)
{
    char relay[WIRE_RELAY_MAX + 1];
    enum status st = relay_of_box(box, relay);
    return st == ST_OK
               ? sql_run(&n->sql, "INSERT OR REPLACE INTO device_box(device, relay, box) VALUES(?,?,?)",
                         "btb", SPAN_ID(device), relay, box)
               : st;
}

enum status device_box_of(struct node *n, const struct device_id *device, const char *not_at,
                          struct buffer *box, bool *found)
{
    struct query q;
    *found = false;
    query_start(
        &q, &n->sql,
        "SELECT b.box, b.relay FROM device_box b JOIN relay r ON r.address = b.relay WHERE b.device = ? AND"
        " r.place > 0 ORDER BY r.place",
        "b", SPAN_ID(device));
    while (!*found && query_next(&q)) {
        if (logs_reached(n, query_text(&q, 1)) && (!not_at || strcmp(not_at, query_text(&q, 1)) != 0)) {
            query_fail(&q, buffer_append(box, query_blob(&q, 0)));
            *found = true;
        }
    }
    enum status st = query_end(&q);
    if (st != ST_OK || *found) {
        return st;
    }
    return sql_bytes(&n->sql, box, found,
                     "SELECT letterbox FROM device WHERE device = ? AND letterbox IS NOT NULL", "b",
                     SPAN_ID(device));
}

/* ---- this device's ---- */

/* The box that it has at this relay, of those for its own family; else a new one. */
static enum status own_box(struct node *n, const char *relay, struct buffer *out)
{
    struct box_args a = {.kind = BOX_FAMILY,
                         .owner = self_person(n),
                         .relay = relay,
                         .expires_ms = n->now.wall_ms + BOX_DAYS * INT64_C(86400000)};
    int64_t id = 0;
    bool found = false;
    enum status st =
        sql_bytes(&n->sql, out, &found,
                  "SELECT b.box FROM letterbox b JOIN log l ON l.id = b.log JOIN relay r ON r.id ="
                  " l.relay WHERE b.kind = ? AND b.void = 0 AND r.address = ? ORDER BY b.id DESC",
                  "it", (int64_t)BOX_FAMILY, relay);
    return st == ST_OK && !found ? box_new(n, &a, out, NULL, &id) : st;
}

static enum status tell_one(struct node *n, const char *relay)
{
    struct scope_id scope;
    struct buffer box;
    struct entry_body body = {.kind = ENTRY_LETTERBOX};
    int64_t told = 0;
    enum status st =
        sql_number(&n->sql, &told, 0, "SELECT count(*) FROM device_box WHERE device = ? AND relay = ?", "bt",
                   SPAN_ID(&n->self.device), relay);
    if (st != ST_OK || told != 0 || !logs_reached(n, relay)) {
        return st;
    }
    buffer_init(&box, LETTERBOX_MAX);
    st = own_box(n, relay, &box);
    body.u.letterbox.letterbox = buffer_span(&box);
    if (st == ST_OK) {
        st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    }
    if (st == ST_OK) {
        st = journal_append(n, SCOPE_FAMILY, &scope, &body, NULL);
    }
    if (st == ST_OK) {
        st = device_box_keep(n, &n->self.device, buffer_span(&box));
    }
    buffer_wipe(&box);
    return st;
}

/* ---- for contacts ---- */

struct contact_box {
    struct person_ref peer;
    struct scope_id scope;
};

/* One device of the person makes them, the one with the lowest id. */
static enum status my_task(struct node *n, bool *mine)
{
    struct family_device devices[WIRE_DEVICES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, &n->self.person, devices, WIRE_DEVICES_MAX, &count);
    *mine = st == ST_OK && count != 0 && ID_EQUAL(&devices[0].device, &n->self.device);
    return st;
}

static enum status move_contact_boxes(struct node *n, const char *first)
{
    struct contact_box found[BOXES_AT_ONCE];
    size_t count = 0;
    bool mine = false;
    struct query q;
    enum status st = my_task(n, &mine);
    if (st != ST_OK || !mine || !logs_reached(n, first)) {
        return st;
    }
    query_start(
        &q, &n->sql,
        "SELECT c.family, c.other, c.scope FROM contact c WHERE c.person = ?1 AND c.state = ?2 AND EXISTS"
        " (SELECT 1 FROM mls_group g WHERE g.scope = c.scope AND g.state = 1) AND EXISTS (SELECT 1 FROM"
        " letterbox b WHERE b.kind = ?3 AND b.void = 0 AND b.peer_family = c.family AND b.peer_person ="
        " c.other) AND NOT EXISTS (SELECT 1 FROM letterbox b JOIN log l ON l.id = b.log JOIN relay r ON r.id"
        " = l.relay WHERE b.kind = ?3 AND b.void = 0 AND b.peer_family = c.family AND b.peer_person = c.other"
        " AND r.address = ?4) LIMIT 16",
        "biit", SPAN_ID(&n->self.person), (int64_t)CONTACT_ACTIVE, (int64_t)BOX_CONTACT, first);
    while (count < BOXES_AT_ONCE && query_next(&q)) {
        QUERY_ID(&q, 0, &found[count].peer.family);
        QUERY_ID(&q, 1, &found[count].peer.person);
        QUERY_ID(&q, 2, &found[count++].scope);
    }
    st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = conversation_new_box(n, &found[i].peer, &found[i].scope);
        if (st == ST_OK) { /* the conversation itself may be where nobody gets to */
            st = restore_tell_box(n, &found[i].peer, &found[i].scope);
        }
    }
    return st;
}

enum status relay_boxes_due(struct node *n)
{
    struct family_relays now;
    enum status st = relays_now(n, &now);
    for (size_t i = 0; st == ST_OK && now.count > 1 && i < now.count; i++) {
        st = tell_one(n, now.at[i]);
    }
    return st == ST_OK && now.count != 0 ? move_contact_boxes(n, now.at[0]) : st;
}
