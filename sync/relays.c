/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/relays.h"

#include "device/roster.h"
#include "protocol/relay_address.h"
#include "sync/commands.h"
#include "sync/family.h"
#include "sync/node_internal.h"

/* ---- lists ---- */

static void put(struct family_relays *l, size_t at, const char *address)
{
    sqlite3_snprintf(sizeof(l->at[0]), l->at[at], "%s", address);
}

static void take_out(struct family_relays *l, size_t at)
{
    for (size_t i = at; i + 1 < l->count; i++) {
        put(l, i, l->at[i + 1]);
    }
    if (at < l->count) {
        memset(l->at[--l->count], 0, sizeof(l->at[0]));
    }
}

/* To the front, whether it was there or not; of a full list the last one goes. */
static void put_first(struct family_relays *l, const char *address)
{
    take_out(l, family_relays_find(l, address));
    if (l->count == WIRE_RELAYS_MAX) {
        take_out(l, WIRE_RELAYS_MAX - 1);
    }
    for (size_t i = l->count++; i > 0; i--) {
        put(l, i, l->at[i - 1]);
    }
    put(l, 0, address);
}

enum status relays_now(struct node *n, struct family_relays *out)
{
    struct scope_id scope;
    struct group *g = NULL;
    struct kith_context context;
    char first[WIRE_RELAY_MAX + 1];
    memset(out, 0, sizeof(*out));
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    if (st == ST_OK) {
        st = group_of_scope(n, &scope, &g);
    }
    if (st == ST_OK) {
        st = group_context(g, &context);
        return st == ST_OK ? family_relays_of(&context, out) : st;
    }
    if (st != ST_GROUP_NOT_HERE) {
        return st;
    }
    st = family_relay(n, first);
    if (st == ST_OK && first[0] != '\0') {
        put_first(out, first);
    }
    return st;
}

enum status relays_from(struct node *n, const struct kith_context *c, const char *first,
                        struct family_relays *out)
{
    enum status st = c->relay_count != 0 ? family_relays_of(c, out) : relays_now(n, out);
    if (st == ST_OK) {
        put_first(out, first);
    }
    return st;
}

/* ---- wishes ---- */

/* The list with all wishes granted that can be; *waits: one of them is for a relay that has not answered. */
static enum status wished(struct node *n, const struct family_relays *now, struct family_relays *out,
                          bool *waits)
{
    struct query q;
    *out = *now;
    *waits = false;
    query_start(&q, &n->sql, "SELECT op, address FROM relay_wish ORDER BY id", "");
    while (query_next(&q)) {
        enum relay_wish op = (enum relay_wish)query_int(&q, 0);
        const char *address = query_text(&q, 1);
        size_t at = family_relays_find(out, address);
        if (op != RELAY_WISH_REMOVE && !logs_reached(n, address)) {
            *waits = true;
        } else if (op == RELAY_WISH_USE) {
            put_first(out, address);
        } else if (op == RELAY_WISH_ADD && at == out->count && out->count < WIRE_RELAYS_MAX) {
            put(out, out->count++, address);
        } else if (op == RELAY_WISH_REMOVE && at < out->count && out->count > 1) {
            take_out(out, at);
        }
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !family_relays_equal(now, out) && !logs_reached(n, out->at[0])) {
        *waits = true; /* whoever would be first has to be there */
        *out = *now;
    }
    return st;
}

static enum status draft(struct node *n, const struct authority *a, const struct family_relays *list,
                         struct authority *after, struct buffer *record)
{
    struct authority_body body = {.kind = AUTHORITY_RELAYS, .relays = *list};
    struct buffer bytes, entry;
    struct writer w;
    buffer_init(&bytes, WIRE_ENTRY_MAX);
    buffer_init(&entry, WIRE_ENTRY_MAX);
    writer_init(&w, &bytes);
    enum status st = authority_body_encode(&w, &body);
    *after = *a;
    if (st == ST_OK) {
        struct chain_draft d = {.chain = CHAIN_AUTHORITY,
                                .head = &a->head,
                                .body = buffer_span(&bytes),
                                .author = &n->self.device,
                                .key = &n->self.key};
        st = chain_draft_encode(&d, &entry);
    }
    if (st == ST_OK) {
        st = authority_apply_bytes(after, buffer_span(&entry));
    }
    if (st == ST_OK) {
        struct evidence_record r = {EVIDENCE_CHAIN_ENTRY, n->self.family, buffer_span(&entry)};
        writer_init(&w, record);
        st = evidence_record_encode(&w, &r);
    }
    buffer_wipe(&bytes);
    buffer_wipe(&entry);
    return st;
}

static enum status commit_list(struct node *n, struct group *family, const struct family_relays *list)
{
    const struct authority *a;
    const struct roster *r;
    struct kith_context context;
    struct buffer record;
    struct authority *after = mem_alloc(1, sizeof(*after));
    buffer_init(&record, EVIDENCE_RECORD_MAX);
    enum status st = after ? family_states(n, &a, &r) : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = draft(n, a, list, after, &record);
    }
    if (st == ST_OK) {
        st = group_context(family, &context);
    }
    if (st == ST_OK && context.families[0].head.height + 1 != after->head.height) {
        st = ST_GROUP_BUSY; /* this group has to hear of earlier entries first */
    }
    if (st == ST_OK) {
        struct span one = buffer_span(&record);
        struct group_commit_args args = {.evidence = &one, .evidence_count = 1, .context = &context};
        context.families[0].head = after->head;
        family_relays_put(&context, list);
        st = group_commit(n, family, &args);
    }
    mem_free(after, sizeof(*after));
    buffer_wipe(&record);
    return st;
}

enum status relays_commit(struct node *n, struct group *family)
{
    struct family_relays now, next;
    struct kith_context context;
    bool waits = false;
    int64_t wishes = 0;
    enum status st = sql_number(&n->sql, &wishes, 0, "SELECT count(*) FROM relay_wish", "");
    if (st != ST_OK || wishes == 0) {
        return st;
    }
    if (st == ST_OK) {
        st = group_context(family, &context);
    }
    if (st == ST_OK) {
        st = family_relays_of(&context, &now);
    }
    if (st == ST_OK) {
        st = wished(n, &now, &next, &waits);
    }
    /* Where a successor has turned the list, the chain is not made to say so: two halves of a family that
     * have moved apart would fork it. */
    if (st == ST_OK && !family_relays_equal(&now, &next)) {
        st = commit_list(n, family, &next);
    }
    return st;
}

/* A wish that the list fulfils is done. */
static enum status settle_wishes(struct node *n, const struct family_relays *now)
{
    struct query q;
    int64_t done[64];
    size_t count = 0;
    query_start(&q, &n->sql, "SELECT id, op, address FROM relay_wish ORDER BY id", "");
    while (count < 64 && query_next(&q)) {
        enum relay_wish op = (enum relay_wish)query_int(&q, 1);
        size_t at = family_relays_find(now, query_text(&q, 2));
        bool there = at < now->count;
        if (op == RELAY_WISH_REMOVE ? !there : there && (op == RELAY_WISH_ADD || at == 0)) {
            done[count++] = query_int(&q, 0);
        }
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = sql_run(&n->sql, "DELETE FROM relay_wish WHERE id = ?", "i", done[i]);
    }
    return st;
}

/* Which relays are the family's own, or shall be: they are asked first and always (logs_io.c). */
static enum status mark_ours(struct node *n, const struct family_relays *now)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < now->count; i++) {
        st = sql_run(&n->sql, "INSERT OR IGNORE INTO relay(address) VALUES(?)", "t", now->at[i]);
        if (st == ST_OK) {
            st = sql_run(&n->sql, "UPDATE relay SET place = ? WHERE address = ? AND place != ?", "iti",
                         (int64_t)i + 1, now->at[i], (int64_t)i + 1);
        }
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "INSERT OR IGNORE INTO relay(address) SELECT address FROM relay_wish WHERE op != ?", "i",
                     (int64_t)RELAY_WISH_REMOVE);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "UPDATE relay SET place = ?1 + 1 WHERE place = 0 AND address IN (SELECT address FROM"
                     " relay_wish WHERE op != ?2)",
                     "ii", (int64_t)WIRE_RELAYS_MAX, (int64_t)RELAY_WISH_REMOVE);
    }
    return st;
}

/* Those that are not any more. */
static enum status unmark(struct node *n, const struct family_relays *now)
{
    char text[WIRE_RELAYS_MAX][WIRE_RELAY_MAX + 1] = {{0}};
    for (size_t i = 0; i < now->count; i++) {
        sqlite3_snprintf(sizeof(text[i]), text[i], "%s", now->at[i]);
    }
    return sql_run(&n->sql,
                   "UPDATE relay SET place = 0 WHERE place != 0 AND address NOT IN (?, ?, ?, ?) AND address"
                   " NOT IN (SELECT address FROM relay_wish)",
                   "tttt", text[0], text[1], text[2], text[3]);
}

enum status relays_due(struct node *n)
{
    struct family_relays now;
    int64_t wishes = 0;
    enum status st = relays_now(n, &now);
    if (st == ST_OK) {
        st = settle_wishes(n, &now);
    }
    if (st == ST_OK) {
        st = unmark(n, &now);
    }
    if (st == ST_OK) {
        st = mark_ours(n, &now);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &wishes, 0, "SELECT count(*) FROM relay_wish", "");
    }
    /* The relay that a wish waits for may have answered. */
    return st == ST_OK && wishes != 0
               ? sql_run(&n->sql, "UPDATE mls_group SET dirty = 1 WHERE kind = ? AND state = 1", "i",
                         (int64_t)SCOPE_FAMILY)
               : st;
}

/* ---- commands ---- */

static enum status wish(struct node *n, enum relay_wish op, const char *address)
{
    enum status st = sql_run(&n->sql, "DELETE FROM relay_wish WHERE address = ?", "t", address);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT INTO relay_wish(op, address, at_ms) VALUES(?,?,?)", "iti", (int64_t)op,
                     address, n->now.wall_ms);
    }
    return st;
}

/* The list as it will be when all that was wished for has come true, whether it can be yet or not. */
static enum status planned(struct node *n, struct family_relays *out)
{
    struct query q;
    enum status st = relays_now(n, out);
    query_start(&q, &n->sql, "SELECT op, address FROM relay_wish ORDER BY id", "");
    while (st == ST_OK && query_next(&q)) {
        const char *address = query_text(&q, 1);
        size_t at = family_relays_find(out, address);
        if (query_int(&q, 0) == RELAY_WISH_REMOVE) {
            take_out(out, at);
        } else if (at == out->count && out->count < WIRE_RELAYS_MAX) {
            put(out, out->count++, address);
        }
    }
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}

/* What a person types: an address, or the beginning of the key or the host of one in the list. */
static enum status find_relay(const struct family_relays *l, const char *text, char out[WIRE_RELAY_MAX + 1])
{
    struct relay_address a;
    size_t found = l->count, at = family_relays_find(l, text);
    for (size_t i = 0; at == l->count && text[0] != '\0' && i < l->count; i++) {
        size_t len = strlen(text);
        if (relay_address_parse(&a, l->at[i]) == ST_OK &&
            (strncmp(l->at[i] + strlen("kith-relay://"), text, len) == 0 ||
             strncmp(a.host, text, len) == 0)) {
            if (found < l->count) {
                return ST_NAME_AMBIGUOUS;
            }
            found = i;
        }
    }
    at = at < l->count ? at : found;
    if (at == l->count) {
        return ST_RELAY_UNKNOWN;
    }
    sqlite3_snprintf(WIRE_RELAY_MAX + 1, out, "%s", l->at[at]);
    return ST_OK;
}

enum status run_relay_add(struct node *n, const struct command *c, struct reply *r)
{
    char text[WIRE_RELAY_MAX + 1];
    struct relay_address address;
    struct family_relays list;
    (void)r;
    command_text(c, CMD_RELAY_ADD_ADDRESS, text, sizeof(text));
    enum status st = relay_address_parse(&address, text);
    bytes_wipe(&address, sizeof(address));
    if (st == ST_OK && c->value[CMD_RELAY_ADD_ADDRESS].text.len > WIRE_RELAY_MAX) {
        st = ST_RELAY_ADDRESS;
    }
    if (st == ST_OK) {
        st = planned(n, &list);
    }
    if (st == ST_OK && family_relays_find(&list, text) < list.count) {
        st = ST_RELAY_THERE;
    }
    if (st == ST_OK && list.count == WIRE_RELAYS_MAX) {
        st = ST_RELAY_LIST_FULL;
    }
    return st == ST_OK ? wish(n, RELAY_WISH_ADD, text) : st;
}

enum status run_relay_use(struct node *n, const struct command *c, struct reply *r)
{
    char text[WIRE_RELAY_MAX + 1], address[WIRE_RELAY_MAX + 1];
    struct family_relays list;
    (void)r;
    enum status st = planned(n, &list);
    if (st == ST_OK) {
        st = find_relay(&list, command_text(c, CMD_RELAY_USE_RELAY, text, sizeof(text)), address);
    }
    return st == ST_OK ? wish(n, RELAY_WISH_USE, address) : st;
}

enum status run_relay_remove(struct node *n, const struct command *c, struct reply *r)
{
    char text[WIRE_RELAY_MAX + 1], address[WIRE_RELAY_MAX + 1];
    struct family_relays list;
    (void)r;
    enum status st = planned(n, &list);
    if (st == ST_OK) {
        st = find_relay(&list, command_text(c, CMD_RELAY_REMOVE_RELAY, text, sizeof(text)), address);
    }
    if (st == ST_OK && list.count == 1) {
        st = ST_RELAY_LAST;
    }
    return st == ST_OK ? wish(n, RELAY_WISH_REMOVE, address) : st;
}

/* ---- how groups follow ---- */

static bool at_home(const struct kith_context *c, const struct family_relays *of_group,
                    const struct authority *old, const struct authority *new)
{
    return c->kind != SCOPE_CONVERSATION || family_relays_meet(of_group, &new->relays) ||
           family_relays_meet(of_group, &old->relays);
}

/* What this family's chain says on the way from one head to another, for this group; count 0: nothing. */
static enum status said_between(struct node *n, const struct kith_context *c, const struct family_head *from,
                                uint64_t to, struct family_relays *out)
{
    struct authority *old = NULL, *new = NULL;
    struct family_relays of_group;
    memset(out, 0, sizeof(*out));
    enum status st = family_authority_at(n, &from->family, from->head.height, &old);
    if (st == ST_OK) {
        st = family_authority_at(n, &from->family, to, &new);
    }
    if (st == ST_OK && family_relays_of(c, &of_group) == ST_OK &&
        new->relays_at != old->relays_at &&at_home(c, &of_group, old, new)) {
        *out = new->relays;
    }
    mem_free(old, sizeof(*old));
    mem_free(new, sizeof(*new));
    return st;
}

enum status relays_follow(struct node *n, const struct kith_context *before, struct kith_context *context,
                          struct family_relays *list)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < before->family_count; i++) {
        struct family_relays said;
        const struct family_head *to = kith_context_family(context, &before->families[i].family);
        if (!to || to->head.height <= before->families[i].head.height) {
            continue;
        }
        st = said_between(n, before, &before->families[i], to->head.height, &said);
        if (st == ST_OK && said.count != 0) {
            *list = said;
            family_relays_put(context, list);
        }
    }
    return st;
}

enum status relays_behind(struct node *n, const struct kith_context *context, bool *behind)
{
    struct family_relays said;
    struct chain_head head;
    bool known = false;
    const struct family_head *f = kith_context_family(context, &n->self.family);
    *behind = false;
    enum status st = family_head(n, &n->self.family, CHAIN_AUTHORITY, &head, &known);
    if (st != ST_OK || !f || !known || head.height <= f->head.height) {
        return st;
    }
    st = said_between(n, context, f, head.height, &said);
    *behind = st == ST_OK && said.count != 0 && logs_reached(n, said.at[0]);
    return st;
}

/* A group's logs lie at the first relay of its context. */
static enum status move_group(struct node *n, struct group *g, const char *first)
{
    int64_t relay = 0;
    enum status st = sql_run(&n->sql, "INSERT OR IGNORE INTO relay(address) VALUES(?)", "t", first);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &relay, 0, "SELECT id FROM relay WHERE address = ?", "t", first);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE mls_group SET relay = ? WHERE id = ?", "ii", relay, g->id);
    }
    g->touched = true;
    sqlite3_snprintf(sizeof(g->relay), g->relay, "%s", first);
    return st;
}

enum status relays_entered(struct node *n, struct group *g)
{
    struct kith_context context;
    char first[WIRE_RELAY_MAX + 1];
    enum status st = group_context(g, &context);
    if (st != ST_OK) {
        return st;
    }
    sqlite3_snprintf(sizeof(first), first, "%.*s", (int)context.relays[0].len,
                     (const char *)context.relays[0].ptr);
    if (strcmp(first, g->relay) != 0) {
        st = move_group(n, g, first);
    }
    return st == ST_OK && g->kind == SCOPE_FAMILY
               ? sql_run(&n->sql, "INSERT OR REPLACE INTO meta(key, value) VALUES('relay', ?)", "t", first)
               : st;
}

/* ---- successors ---- */

enum status relays_first(struct node *n, const struct group *old, const char *wanted,
                         struct kith_context *context, struct family_relays *list)
{
    struct kith_context before;
    memset(list, 0, sizeof(*list));
    enum status st = group_context(old, &before);
    if (st == ST_OK) {
        st = family_relays_of(&before, list);
    }
    if (st == ST_OK) {
        st = relays_follow(n, &before, context, list);
    }
    if (st == ST_OK && wanted[0] != '\0') {
        put_first(list, wanted);
    }
    family_relays_put(context, list);
    return st;
}

/* Word for word: a key of the list at a host of the founder's choice would be dialled by everybody. */
static bool is_listed(const struct family_relays *l, const char *address)
{
    size_t at = 0;
    while (at < l->count && strcmp(l->at[at], address) != 0) {
        at++;
    }
    return at < l->count;
}

static bool all_in(const struct family_relays *some, const struct family_relays *of,
                   const struct family_relays * or)
{
    for (size_t i = 0; i < some->count; i++) {
        if (!is_listed(of, some->at[i]) && !is_listed(or, some->at[i])) {
            return false;
        }
    }
    return true;
}

enum status relays_judge(struct node *n, const struct group *old, const struct kith_context *next)
{
    struct kith_context before;
    struct family_relays had, has;
    enum status st = group_context(old, &before);
    if (st != ST_OK || family_relays_of(&before, &had) != ST_OK || family_relays_of(next, &has) != ST_OK) {
        return st == ST_OK ? ST_SUCCESSOR_RELAY : st;
    }
    bool in = all_in(&has, &had, &had);
    for (size_t i = 0; st == ST_OK && !in && i < before.family_count; i++) {
        struct family_relays said;
        const struct family_head *to = kith_context_family(next, &before.families[i].family);
        if (!to || to->head.height <= before.families[i].head.height) {
            continue;
        }
        st = said_between(n, &before, &before.families[i], to->head.height, &said);
        in = st == ST_OK && said.count != 0 && all_in(&has, &had, &said);
        st = status_is_fatal(st) ? st : ST_OK; /* a chain that is frozen here says nothing */
    }
    return st == ST_OK && !in ? ST_SUCCESSOR_RELAY : st;
}
