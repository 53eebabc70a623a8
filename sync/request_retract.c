/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that came about by what lies beyond a removed device's pin, before the pin was here: taken back,
 * as where the pin came first. */
#include "protocol/chain_entry.h"
#include "sync/contact_internal.h"

static enum status drop_request(struct node *n, struct span id, enum request_kind kind)
{
    return sql_run(&n->sql, "DELETE FROM request WHERE id = ? AND kind = ?", "bi", id, (int64_t)kind);
}

/* Another parent's device may have told of the same one. */
enum status retract_approach(struct node *n, const struct applied_entry *e)
{
    struct span message = e->body->u.approach.message;
    uint8_t id[HASH_LEN];
    int64_t others = 0;
    hash_bytes(message, id);
    enum status st = sql_number(&n->sql, &others, 0,
                                "SELECT count(*) FROM entry WHERE scope = ? AND kind = ? AND applied = 1 AND"
                                " id != ? AND has_body = 1 AND instr(entry, ?) > 0",
                                "biib", SPAN_ID(&e->scope), (int64_t)ENTRY_APPROACH, e->id, message);
    return st == ST_OK && others == 0 ? drop_request(n, SPAN(id), REQUEST_APPROACH) : st;
}

/* The parents listed the contact when one of them said yes; nobody asks there any more. */
enum status retract_ask(struct node *n, const struct applied_entry *e)
{
    struct invite i;
    enum status st = drop_request(n, SPAN_ID(&e->hash), REQUEST_ASK);
    if (st == ST_OK)
        st = invite_decode(&i, e->body->u.ask.invite);
    if (st == ST_OK && !ID_EQUAL(&e->who.person, &n->self.person))
        st = sql_run(&n->sql,
                     "DELETE FROM contact WHERE person = ?1 AND family = ?2 AND other = ?3 AND NOT EXISTS"
                     " (SELECT 1 FROM request WHERE person = ?1 AND other_family = ?2 AND other_person = ?3)",
                     "bbb", SPAN_ID(&e->who.person), SPAN_ID(&i.who.family), SPAN_ID(&i.who.person));
    bytes_wipe(&i, sizeof(i));
    return st;
}

/* A no stands. */
enum status retract_decision(struct node *n, const struct applied_entry *e)
{
    const struct entry_decision *d = &e->body->u.decision;
    if (!d->yes)
        return ST_JOURNAL_AUTHOR;
    enum status st = sql_run(&n->sql, "DELETE FROM decision WHERE request = ? AND entry = ?", "bb",
                             SPAN_ID(&d->about), SPAN_ID(&e->hash));
    if (st == ST_OK)
        st = sql_run(&n->sql, "UPDATE request SET state = ? WHERE id = ? AND state = ?", "ibi",
                     (int64_t)REQUEST_WAITING, SPAN_ID(&d->about), (int64_t)REQUEST_YES);
    return st == ST_OK ? request_settle(n, d->about.b) : st;
}

enum status retract_proposal(struct node *n, const struct applied_entry *e)
{
    struct chain_proposal p;
    struct entry_hash hash;
    enum status st = chain_proposal_decode(&p, e->body->u.proposal.proposal);
    if (st == ST_OK)
        st = chain_proposal_hash(&p, &hash);
    return st == ST_OK ? drop_request(n, SPAN_ID(&hash), REQUEST_SIGN) : st;
}
