/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/pass.h"

#include "sync/chain_wish.h"
#include "sync/contact.h"
#include "sync/contact_internal.h"
#include "sync/conversation.h"
#include "sync/family.h"
#include "sync/files.h"
#include "sync/history.h"
#include "sync/journal.h"
#include "sync/key_packages.h"
#include "sync/pair.h"
#include "sync/readd.h"
#include "sync/receipts.h"
#include "sync/reconcile.h"
#include "sync/relay_away.h"
#include "sync/relays.h"
#include "sync/restore.h"
#include "sync/said.h"
#include "sync/scope_group.h"
#include "sync/search.h"
#include "sync/succession.h"

/* Works of one room are undone together when one of them is refused; it holds up no other room. */
enum room {
    ROOM_PAIRING,
    ROOM_RESTORE,
    ROOM_FAMILY,
    ROOM_TIMERS,
    ROOM_RECEIPTS,
    ROOM_HISTORY,
    ROOM_FILES,
    ROOM_GROUPS,
    ROOM_SEARCH,
    ROOM_COUNT
};

static const struct room_traits {
    bool without_family; /* also before this device is in a family, and after it was removed */
    bool unguarded;      /* guards what it does itself */
} traits[ROOM_COUNT] = {[ROOM_PAIRING] = {.without_family = true},
                        [ROOM_GROUPS] = {.unguarded = true},
                        [ROOM_SEARCH] = {.without_family = true, .unguarded = true}};

/* NOT_OUT: an old copy does not know yet what it had done already (restore_out). */
enum when { ALWAYS, NOT_OUT };

/* In the order in which they are done. */
static const struct work {
    const char *name;
    enum room room;
    enum when when;
    enum status (*run)(struct node *n);
} works[] = {
    {"pairing", ROOM_PAIRING, ALWAYS, pair_due},
    {"restoring", ROOM_RESTORE, ALWAYS, restore_due},
    {"wishes", ROOM_FAMILY, NOT_OUT, wishes_settle},
    {"relays", ROOM_FAMILY, NOT_OUT, relays_due},
    {"letterbox", ROOM_FAMILY, NOT_OUT, letterbox_due},
    {"letterboxes at relays", ROOM_FAMILY, NOT_OUT, relay_boxes_due},
    {"certificates", ROOM_FAMILY, NOT_OUT, certificates_due},
    {"key packages", ROOM_FAMILY, NOT_OUT, key_packages_refill},
    {"permits", ROOM_FAMILY, NOT_OUT, permits_due},
    {"requests", ROOM_FAMILY, NOT_OUT, requests_due},
    {"leaves", ROOM_FAMILY, NOT_OUT, leaves_due},
    {"invites", ROOM_FAMILY, NOT_OUT, invites_due},
    {"conversations", ROOM_FAMILY, NOT_OUT, conversations_due},
    {"journals", ROOM_FAMILY, ALWAYS, journal_due},
    {"admissions", ROOM_FAMILY, ALWAYS, admissions_due},
    {"gaps", ROOM_FAMILY, ALWAYS, groups_gaps_due},
    {"adding again", ROOM_FAMILY, ALWAYS, readd_due},
    {"relays that are away", ROOM_FAMILY, ALWAYS, relays_away_due},
    {"successors", ROOM_FAMILY, ALWAYS, successions_due},
    {"refreshing", ROOM_FAMILY, ALWAYS, groups_refresh_due},
    {"forgetting", ROOM_FAMILY, ALWAYS, groups_forget_due},
    {"timers", ROOM_TIMERS, ALWAYS, said_due},
    {"receipts", ROOM_RECEIPTS, ALWAYS, receipts_due},
    {"history", ROOM_HISTORY, ALWAYS, history_due},
    {"files", ROOM_FILES, ALWAYS, files_due},
    {"groups", ROOM_GROUPS, ALWAYS, groups_settle},
    {"search", ROOM_SEARCH, ALWAYS, search_due},
};

enum { WORKS = sizeof(works) / sizeof(works[0]), CLOCK_SET_MS = 1000 };

struct work_memory {
    struct sql_watch watch;
    struct now ran;
    int64_t wake_mono_ms; /* what it asked for then */
};

struct pass_memory {
    int64_t wall_ahead_ms; /* of the monotonic clock */
    struct work_memory works[WORKS];
};

enum status pass_open(struct node *n)
{
    n->pass = mem_alloc(1, sizeof(*n->pass));
    for (size_t i = 0; n->pass && i < WORKS; i++) {
        sql_watch_add(&n->sql.watches, &n->pass->works[i].watch);
        n->pass->works[i].wake_mono_ms = INT64_MAX;
    }
    return n->pass ? ST_OK : ST_NO_MEMORY;
}

void pass_free(struct node *n)
{
    mem_free(n->pass, sizeof(*n->pass));
    n->pass = NULL;
}

/* What works asked for was said in monotonic time. */
static void note_clock(struct node *n)
{
    int64_t ahead = n->now.wall_ms - n->now.mono_ms, moved = ahead - n->pass->wall_ahead_ms;
    if (moved > CLOCK_SET_MS || moved < -CLOCK_SET_MS) {
        n->pass->wall_ahead_ms = ahead;
        sql_all_stale(&n->sql.watches);
    }
}

static bool is_due(const struct node *n, size_t work)
{
    const struct work_memory *m = &n->pass->works[work];
    return m->watch.stale || m->wake_mono_ms <= n->now.mono_ms ||
           n->now.mono_ms - m->ran.mono_ms >= PASS_LOOK_MS;
}

static enum status run_unless_out(struct node *n, const struct work *w)
{
    bool out = false;
    enum status st = w->when == NOT_OUT ? restore_out(n, &out) : ST_OK;
    return st == ST_OK && !out ? w->run(n) : st;
}

static enum status run(struct node *n, size_t work)
{
    struct work_memory *m = &n->pass->works[work];
    int64_t wake_mono_ms = n->wake_mono_ms;
    n->wake_mono_ms = INT64_MAX;
    m->ran = n->now;
    sql_watch_open(&n->sql.watches, &m->watch);
    enum status st = run_unless_out(n, &works[work]);
    sql_watch_close(&n->sql.watches);
    m->watch.stale = m->watch.stale || st != ST_OK;
    m->wake_mono_ms = n->wake_mono_ms;
    n->wake_mono_ms = wake_mono_ms;
    return st;
}

/* For tests: it is left out, and must come to nothing. */
static enum status doubt(struct node *n, size_t work)
{
    struct now now = n->now;
    int64_t wake_mono_ms = n->wake_mono_ms, changes = sqlite3_total_changes64(n->sql.db);
    size_t effects = n->effects.count;
    n->now = n->pass->works[work].ran;
    enum status st = run_unless_out(n, &works[work]);
    n->now = now;
    n->wake_mono_ms = wake_mono_ms;
    if (sqlite3_total_changes64(n->sql.db) != changes || n->effects.count != effects) {
        invariant_broken(__FILE__, __LINE__, works[work].name);
    }
    return st;
}

/* What a refused room did not come to asks for nothing: it is due, and it may fail again. */
static enum status run_room(struct node *n, void *arg)
{
    const enum room *room = arg;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < WORKS; i++) {
        if (works[i].room != *room) {
            continue;
        }
        if (is_due(n, i)) {
            st = run(n, i);
        } else if (n->doubt) {
            st = doubt(n, i);
        }
        node_wake_mono(n, n->pass->works[i].wake_mono_ms);
    }
    return st;
}

static bool has_work(struct node *n, enum room room)
{
    bool any = n->doubt;
    int64_t wake_mono_ms = INT64_MAX;
    for (size_t i = 0; i < WORKS; i++) {
        if (works[i].room == room) {
            int64_t asked = n->pass->works[i].wake_mono_ms;
            any = any || is_due(n, i);
            wake_mono_ms = asked < wake_mono_ms ? asked : wake_mono_ms;
        }
    }
    if (!any) {
        node_wake_mono(n, wake_mono_ms);
    }
    return any;
}

static enum status guard_room(struct node *n, enum room room)
{
    enum status why = ST_OK;
    if (traits[room].unguarded) {
        return run_room(n, &room);
    }
    enum status st = node_guard(n, run_room, &room, &why);
    return st == ST_OK && why != ST_OK ? meta_set_bytes(n, "last_trouble", span_text(status_name(why))) : st;
}

enum status pass_run(struct node *n)
{
    enum status st = ST_OK;
    note_clock(n);
    for (int room = 0; st == ST_OK && room < ROOM_COUNT; room++) {
        bool there = n->self.in_family && !n->self.removed;
        if ((there || traits[room].without_family) && has_work(n, (enum room)room)) {
            st = guard_room(n, (enum room)room);
        }
    }
    return st;
}
