/* SPDX-License-Identifier: Apache-2.0 */
/* Permits and withdrawals as rows. A permit's approvals count while their devices stand in the chain of the
 * child's family as it is known here: so they are counted again whenever that chain grows, and all who know
 * the same chain say the same. */
#include "protocol/hlc.h"
#include "sync/contact_internal.h"
#include "sync/journal.h"

/* The chain of the child's family as known here; the caller frees it. */
static enum status chain_of(struct node *n, const struct family_id *family, struct authority **at)
{
    *at = NULL;
    return family_authority_at(n, family, UINT64_MAX, at);
}

/* ---- keeping ---- */

/* What this device has acted on, it has for every set of signatures under that serial. */
static enum status store_permit(struct node *n, const struct permit *p, struct span encoded, bool enough)
{
    bool granted = false;
    enum status st = permit_is_granted(n, p, &granted);
    if (st != ST_OK)
        return st;
    return sql_run(&n->sql,
                   "INSERT OR IGNORE INTO permit(child_family, child, contact_family, contact, serial, kinds,"
                   " oversight, not_before_ms, not_after_ms, enough, permit, granted)"
                   " VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
                   "bbbbiiiiiibi", SPAN_ID(&p->child.family), SPAN_ID(&p->child.person),
                   SPAN_ID(&p->contact.family), SPAN_ID(&p->contact.person), (int64_t)p->serial,
                   (int64_t)p->kinds, (int64_t)p->oversight, p->not_before_ms, p->not_after_ms,
                   (int64_t)enough, encoded, (int64_t)granted);
}

/* One with too few signatures is kept for the other parents to sign, but only when a parent began it: an
 * approval signs these very bytes. */
static bool a_parent_began(const struct authority *at, const struct permit *p)
{
    for (size_t i = 0; i < p->approval_count; i++) {
        const struct authority_person *by = authority_find(at, &p->approvals[i].person);
        if (by != NULL && by == authority_parent_of(at, &p->approvals[i].device) &&
            permit_verify_approval(p, i) == ST_OK)
            return true;
    }
    return false;
}

/* `told`: a parent's entry brought it, so it is kept whatever it counts for now: which of its signatures
 * count is a matter of the chain, which may come later, or have gone on already. */
static enum status keep_permit(struct node *n, struct span encoded, bool told)
{
    struct permit p;
    struct authority *at = NULL;
    enum status st = permit_decode(&p, encoded);
    if (st == ST_OK && (!p.has_contact || p.serial > INT64_MAX))
        st = ST_PERMIT_STANDING;
    if (st == ST_OK)
        st = chain_of(n, &p.child.family, &at);
    if (st == ST_OK) {
        st = permit_check_approvals(at, &p);
        bool kept = st == ST_OK || told || (st == ST_PERMIT_APPROVALS && a_parent_began(at, &p));
        st = kept && !status_is_fatal(st) ? store_permit(n, &p, encoded, st == ST_OK) : st;
    }
    mem_free(at, sizeof(*at));
    return st;
}

enum status permit_keep(struct node *n, struct span encoded)
{
    return keep_permit(n, encoded, false);
}

enum status permit_keep_entry(struct node *n, struct span encoded)
{
    return keep_permit(n, encoded, true);
}

enum status permit_forget(struct node *n, const struct permit *p, struct span encoded)
{
    return sql_run(
        &n->sql,
        "DELETE FROM permit WHERE child_family = ? AND child = ? AND contact_family = ? AND contact ="
        " ? AND serial = ? AND permit = ?",
        "bbbbib", SPAN_ID(&p->child.family), SPAN_ID(&p->child.person), SPAN_ID(&p->contact.family),
        SPAN_ID(&p->contact.person), (int64_t)p->serial, encoded);
}

/* A clock that was ahead ends nothing that begins after it was heard of. */
static int64_t no_later(const struct node *n, int64_t ms)
{
    int64_t latest = n->now.wall_ms + JOURNAL_AHEAD_MS;
    return ms < latest ? ms : latest;
}

/* `once`: a no that a parent's device wrote into a journal of this family counts also when that device has
 * been removed since: what closes stands (§6.1), and no removal erases it. */
static enum status keep_withdrawal(struct node *n, struct span encoded, bool once)
{
    struct permit_withdrawal w;
    struct authority *at = NULL;
    enum status st = permit_withdrawal_decode(&w, encoded);
    if (st == ST_OK && w.serial > INT64_MAX)
        st = ST_WITHDRAWAL_ISSUER;
    if (st == ST_OK)
        st = once ? family_authority_with(n, &w.child.family, &w.issuer, &at)
                  : chain_of(n, &w.child.family, &at);
    if (st == ST_OK)
        st = withdrawal_check(at, &w);
    if (st == ST_OK)
        st = sql_run(&n->sql, "INSERT OR IGNORE INTO withdrawal VALUES(?,?,?,?,?,?,?)", "bbbbibi",
                     SPAN_ID(&w.child.family), SPAN_ID(&w.child.person), SPAN_ID(&w.contact.family),
                     SPAN_ID(&w.contact.person), (int64_t)w.serial, encoded, no_later(n, hlc_ms(w.serial)));
    mem_free(at, sizeof(*at));
    return st;
}

enum status withdrawal_keep(struct node *n, struct span encoded)
{
    return keep_withdrawal(n, encoded, false);
}

enum status withdrawal_keep_entry(struct node *n, struct span encoded)
{
    return keep_withdrawal(n, encoded, true);
}

/* ---- counting again ---- */

static enum status count_one(struct node *n, const struct authority *at, struct span encoded, bool before)
{
    struct permit p;
    enum status st = permit_decode(&p, encoded);
    if (st != ST_OK)
        return ST_STORE_ROW;
    bool enough = permit_check_approvals(at, &p) == ST_OK;
    if (enough == before)
        return ST_OK;
    return sql_run(&n->sql,
                   "UPDATE permit SET enough = ? WHERE child_family = ? AND child = ? AND contact_family = ?"
                   " AND contact = ? AND serial = ? AND permit = ?",
                   "ibbbbib", (int64_t)enough, SPAN_ID(&p.child.family), SPAN_ID(&p.child.person),
                   SPAN_ID(&p.contact.family), SPAN_ID(&p.contact.person), (int64_t)p.serial, encoded);
}

enum status family_chain_grew(struct node *n, const struct family_id *family)
{
    struct buffer permit;
    struct query q;
    struct authority *at = NULL;
    bool found = true, enough = false;
    enum status st = chain_of(n, family, &at);
    for (int64_t i = 0; st == ST_OK && found; i++) {
        buffer_init(&permit, WIRE_PERMIT_MAX);
        query_start(&q, &n->sql,
                    "SELECT permit, enough FROM permit WHERE child_family = ? ORDER BY child, contact_family,"
                    " contact, serial, permit LIMIT 1 OFFSET ?",
                    "bi", SPAN_ID(family), i);
        found = query_next(&q);
        if (found) {
            query_fail(&q, buffer_append(&permit, query_blob(&q, 0)));
            enough = query_int(&q, 1) != 0;
        }
        st = query_end(&q);
        if (st == ST_OK && found)
            st = count_one(n, at, buffer_span(&permit), enough);
        buffer_wipe(&permit);
    }
    mem_free(at, sizeof(*at));
    return st == ST_OK ? meta_set_number(n, "permits_counted", 1)
                       : st; /* permits_due acts on what counts now */
}

/* ---- serials ---- */

/* The clock's, or where that is behind so much after the pair's `highest` that is known here. */
static enum status next_serial(struct node *n, const struct person_ref *child,
                               const struct person_ref *contact, const char *highest, int64_t after,
                               uint64_t *out)
{
    int64_t other = 0;
    enum status st = node_hlc(n, out);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &other, 0, highest, "bbbb", SPAN_ID(&child->family), SPAN_ID(&child->person),
                        SPAN_ID(&contact->family), SPAN_ID(&contact->person));
    }
    if (st == ST_OK && other <= INT64_MAX - after && (uint64_t)(other + after) > *out) {
        *out = (uint64_t)(other + after);
    }
    return st;
}

enum status permit_next_serial(struct node *n, const struct person_ref *child,
                               const struct person_ref *contact, uint64_t *out)
{
    static const char no[] = "SELECT max(serial) FROM withdrawal WHERE child_family = ? AND child = ? AND"
                             " contact_family = ? AND contact = ?";
    return next_serial(n, child, contact, no, 1, out);
}

enum status withdrawal_next_serial(struct node *n, const struct person_ref *child,
                                   const struct person_ref *contact, uint64_t *out)
{
    static const char yes[] = "SELECT max(serial) FROM permit WHERE child_family = ? AND child = ? AND"
                              " contact_family = ? AND contact = ?";
    return next_serial(n, child, contact, yes, 0, out);
}

/* ---- asking ---- */

enum status permit_newest(struct node *n, const struct person_ref *child, const struct person_ref *contact,
                          struct buffer *out, bool *found)
{
    return sql_bytes(
        &n->sql, out, found,
        "SELECT permit FROM permit p WHERE child_family = ?1 AND child = ?2 AND contact_family = ?3 AND"
        " contact = ?4 AND enough = 1 AND serial > (SELECT coalesce(max(serial), 0) FROM withdrawal w"
        " WHERE w.child_family = ?1 AND w.child = ?2 AND w.contact_family = ?3 AND w.contact = ?4)"
        " ORDER BY serial DESC, permit LIMIT 1",
        "bbbb", SPAN_ID(&child->family), SPAN_ID(&child->person), SPAN_ID(&contact->family),
        SPAN_ID(&contact->person));
}

enum status permit_is_granted(struct node *n, const struct permit *p, bool *granted)
{
    int64_t rows = 0;
    enum status st = sql_number(&n->sql, &rows, 0,
                                "SELECT count(*) FROM permit WHERE child_family = ? AND child = ? AND"
                                " contact_family = ? AND contact = ? AND serial = ? AND granted = 1",
                                "bbbbi", SPAN_ID(&p->child.family), SPAN_ID(&p->child.person),
                                SPAN_ID(&p->contact.family), SPAN_ID(&p->contact.person), (int64_t)p->serial);
    *granted = rows != 0;
    return st;
}

enum status permit_granted(struct node *n, const struct permit *p)
{
    return sql_run(&n->sql,
                   "UPDATE permit SET granted = 1 WHERE child_family = ? AND child = ? AND contact_family = ?"
                   " AND contact = ? AND serial = ?",
                   "bbbbi", SPAN_ID(&p->child.family), SPAN_ID(&p->child.person), SPAN_ID(&p->contact.family),
                   SPAN_ID(&p->contact.person), (int64_t)p->serial);
}
