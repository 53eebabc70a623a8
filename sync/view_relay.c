/* SPDX-License-Identifier: Apache-2.0 */
/* The family's relays as people see them. */
#include "sync/logs.h"
#include "sync/relays.h"

static const char *state_of(size_t place, int64_t wish)
{
    if (wish == RELAY_WISH_REMOVE) {
        return "leaves";
    }
    if (place == 0) {
        return "wanted";
    }
    if (wish == RELAY_WISH_USE) {
        return "wanted first";
    }
    return place == 1 ? "in use" : "stands by";
}

static enum status one(struct node *n, const char *address, size_t place, relay_visit visit, void *ctx)
{
    struct relay_row row = {.address = address, .place = place, .reached = logs_reached(n, address)};
    int64_t wish = 0;
    enum status st =
        sql_number(&n->sql, &wish, 0, "SELECT op FROM relay_wish WHERE address = ?", "t", address);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &row.away_since_ms, 0, "SELECT away_at FROM relay WHERE address = ?", "t",
                        address);
    }
    row.state = state_of(place, wish);
    if (st == ST_OK) {
        visit(ctx, &row);
    }
    return st;
}

enum status view_relays(struct node *n, relay_visit visit, void *ctx)
{
    struct family_relays now = {0}, wanted = {0};
    struct query q;
    enum status st = n->self.in_family ? relays_now(n, &now) : ST_OK;
    for (size_t i = 0; st == ST_OK && i < now.count; i++) {
        st = one(n, now.at[i], i + 1, visit, ctx);
    }
    query_start(&q, &n->sql, "SELECT address FROM relay_wish WHERE op != ? ORDER BY id", "i",
                (int64_t)RELAY_WISH_REMOVE);
    while (st == ST_OK && wanted.count < WIRE_RELAYS_MAX && query_next(&q)) {
        if (family_relays_find(&now, query_text(&q, 0)) == now.count) {
            sqlite3_snprintf(sizeof(wanted.at[0]), wanted.at[wanted.count++], "%s", query_text(&q, 0));
        }
    }
    enum status end = query_end(&q);
    st = st == ST_OK ? end : st;
    for (size_t i = 0; st == ST_OK && i < wanted.count; i++) {
        st = one(n, wanted.at[i], 0, visit, ctx);
    }
    return st;
}
