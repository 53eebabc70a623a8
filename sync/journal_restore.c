/* SPDX-License-Identifier: Apache-2.0 */
/* The own journal on a database that is an old copy: what was written later comes back from the others, and
 * what does not fit to it is void. */
#include "sync/family.h"
#include "sync/journal_internal.h"
#include "sync/restore.h"

enum status journal_park(struct node *n, const struct scope_id *scope)
{
    int64_t first = 0;
    enum status st = sql_number(
        &n->sql, &first, 0,
        "SELECT min(seq) FROM entry INDEXED BY entry_unsent WHERE scope = ? AND own = 1 AND acked = 0 AND"
        " fork = 0",
        "b", SPAN_ID(scope));
    if (st != ST_OK || first == 0) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE entry SET fork = 2 WHERE scope = ? AND own = 1 AND fork = 0 AND seq >= ?",
                 "bi", SPAN_ID(scope), first);
    return st == ST_OK
               ? sql_run(
                     &n->sql,
                     "UPDATE head SET cont_hash = CASE WHEN base_seq = ?3 THEN base_hash ELSE (SELECT hash "
                     "FROM"
                     " entry WHERE scope = ?1 AND author = ?2 AND seq = ?3 AND fork = 0) END, cont_seq = ?3"
                     " WHERE scope = ?1 AND author = ?2 AND cont_seq > ?3",
                     "bbi", SPAN_ID(scope), SPAN_ID(&n->self.device), first - 1)
               : st;
}

/* The first parked entry that does not follow the end of the chain or another parked one; 0: all do. */
static enum status first_rival(struct node *n, const struct scope_id *scope, int64_t *rival)
{
    struct entry_hash end;
    struct query q;
    int64_t seq = 0;
    *rival = 0;
    memset(&end, 0, sizeof(end));
    query_start(&q, &n->sql,
                "SELECT cont_seq, cont_hash FROM head WHERE scope = ? AND author = ? AND cont_seq > 0", "bb",
                SPAN_ID(scope), SPAN_ID(&n->self.device));
    if (query_next(&q)) {
        seq = query_int(&q, 0);
        QUERY_ID(&q, 1, &end);
    }
    enum status st = query_end(&q);
    query_start(&q, &n->sql,
                "SELECT seq, hash, prev FROM entry WHERE scope = ? AND fork = 2 ORDER BY seq, id", "b",
                SPAN_ID(scope));
    while (*rival == 0 && query_next(&q)) {
        struct entry_hash prev;
        QUERY_ID(&q, 2, &prev);
        *rival = query_int(&q, 0) == seq + 1 && ID_EQUAL(&prev, &end) ? 0 : query_int(&q, 0);
        seq = query_int(&q, 0);
        QUERY_ID(&q, 1, &end);
    }
    enum status ended = query_end(&q);
    return st == ST_OK ? ended : st;
}

enum status journal_unpark(struct node *n, const struct scope_id *scope)
{
    int64_t rival = 0;
    enum status st = first_rival(n, scope, &rival);
    if (st == ST_OK && rival != 0) {
        st = sql_run(
            &n->sql,
            "UPDATE entry SET fork = 1, acked = 1, applied = ? WHERE scope = ? AND fork = 2 AND seq >= ?",
            "ibi", (int64_t)ENTRY_VOID, SPAN_ID(scope), rival);
    }
    if (st == ST_OK && rival != 0) {
        st = node_alarm(n, "", "what this device wrote on an old copy of its database does not count", scope);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE entry SET fork = 0 WHERE scope = ? AND fork = 2", "b", SPAN_ID(scope));
    }
    return st == ST_OK ? journal_follow(n, scope, &n->self.device) : st;
}

/* Nothing is signed in a conversation, nor in `own`: what a member makes up there must not move this device.
 * It would leave and be added again, and could go on after entries that the liar gives it then. Nor does it
 * help who brings it: another device of this person hands on what it was handed, or may be the stolen one. */
static enum status warn_of_unsigned(struct node *n, const struct scope_id *scope, const struct device_id *via)
{
    return device_alarm(n, via, "passes on as this device's what this device does not know", scope);
}

/* A member passes on an entry of ours that is not here: is it really ours? */
static enum status judge_unknown(struct node *n, enum scope_kind kind, const struct journal_entry *e,
                                 const struct device_id *via)
{
    if (!journal_scope_signs(kind)) {
        return warn_of_unsigned(n, &e->header.scope, via);
    }
    enum status st =
        e->has_signature ? entry_signature_verify(&e->header, &e->signature) : ST_CRYPTO_SIGNATURE;
    return st == ST_OK ? restore_found(n) : st;
}

enum status journal_take_back(struct node *n, enum scope_kind kind, struct span entry,
                              const struct device_id *via)
{
    struct journal_entry e;
    struct entry_hash hash;
    int64_t known = 0;
    bool recovers = false;
    /* In `own` the others are this person's devices: they are believed. */
    struct take_args a = {.via = via, .returned = true, .attested = kind == SCOPE_OWN};
    enum status st = journal_entry_decode(&e, entry);
    if (st == ST_OK) {
        st = entry_header_hash(&e.header, &hash);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &known, 0, "SELECT count(*) FROM entry WHERE scope = ? AND hash = ?", "bb",
                        SPAN_ID(&e.header.scope), SPAN_ID(&hash));
    }
    if (st == ST_OK) {
        st = restore_holds(n, &e.header.scope, &recovers);
    }
    if (st == ST_OK && !recovers) {
        return known == 0 ? judge_unknown(n, kind, &e, via) : ST_OK;
    }
    struct scope_id scope = e.header.scope;
    if (st == ST_OK) {
        st = journal_take(n, kind, entry, &a);
    }
    return st == ST_OK ? restore_check(n, &scope) : st;
}
