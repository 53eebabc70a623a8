/* SPDX-License-Identifier: Apache-2.0 */
/* Permits of a parent whose device goes: signed again by the device of the same person that removes it, in
 * the same step. The same yes: the same serial, dates and kinds. What the removed device wrote after that, or
 * what its remover had not accepted, nobody signs again. */
#include "sync/contact_internal.h"

/* Does the parent who removes `gone` stand behind this one by that device's signature? */
static bool is_concerned(const struct node *n, const struct permit *p, const struct device_id *gone)
{
    for (size_t i = 0; i < p->approval_count; i++) {
        if (ID_EQUAL(&p->approvals[i].device, gone) && ID_EQUAL(&p->approvals[i].person, &n->self.person))
            return true;
    }
    return false;
}

static void drop_approval(struct permit *p, const struct device_id *gone)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->approval_count; i++) {
        if (!ID_EQUAL(&p->approvals[i].device, gone))
            p->approvals[kept++] = p->approvals[i];
    }
    p->approval_count = (uint8_t)kept;
}

/* What came with the yes: the request and who sent it, for devices that hear of the contact by this entry. */
struct before {
    const struct permit *p;
    struct buffer request, certificate;
};

static enum status take_request(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct before *b = ctx;
    const struct entry_permit *k = &e->body->u.permit;
    struct permit p;
    (void)n;
    if (permit_decode(&p, k->permit) != ST_OK || p.serial != b->p->serial || k->request.len == 0 ||
        !person_ref_equal(&p.child, &b->p->child) || !person_ref_equal(&p.contact, &b->p->contact))
        return ST_OK;
    enum status st = buffer_copy(&b->request, k->request);
    return st == ST_OK ? buffer_copy(&b->certificate, k->certificate) : st;
}

static enum status append(struct node *n, const struct permit *p)
{
    struct before b = {.p = p};
    struct entry_body body = {.kind = ENTRY_PERMIT};
    struct scope_id ward;
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, WIRE_PERMIT_MAX);
    buffer_init(&b.request, LETTERBOX_BODY_MAX);
    buffer_init(&b.certificate, WIRE_CERTIFICATE_MAX);
    writer_init(&w, &bytes);
    enum status st = permit_encode(&w, p);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_WARD, &p->child.person, &ward);
    if (st == ST_OK)
        st = journal_each(n, &ward, ENTRY_PERMIT, take_request, &b);
    body.u.permit.permit = buffer_span(&bytes);
    body.u.permit.request = buffer_span(&b.request);
    body.u.permit.certificate = buffer_span(&b.certificate);
    if (st == ST_OK)
        st = ward_append(n, &p->child.person, &body);
    buffer_wipe(&bytes);
    buffer_wipe(&b.request);
    buffer_wipe(&b.certificate);
    return st;
}

/* The next one that counts now, in the order of the table. */
static enum status next_permit(struct node *n, int64_t at, struct permit *p, bool *found)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT permit FROM permit p WHERE child_family = ?1 AND enough = 1 AND not_after_ms > ?2 AND"
                " serial > (SELECT coalesce(max(serial), 0) FROM withdrawal w WHERE w.child_family = ?1 AND"
                " w.child = p.child AND w.contact_family = p.contact_family AND w.contact = p.contact)"
                " ORDER BY child, contact_family, contact, serial, permit LIMIT 1 OFFSET ?3",
                "bii", SPAN_ID(&n->self.family), n->now.wall_ms, at);
    *found = query_next(&q);
    if (*found)
        query_fail(&q, permit_decode(p, query_blob(&q, 0)));
    return query_end(&q);
}

enum status permits_sign_again(struct node *n, const struct device_id *gone)
{
    struct permit *list = NULL;
    struct permit p;
    size_t count = 0;
    int64_t rows = 0;
    bool found = true;
    enum status st = sql_number(&n->sql, &rows, 0, "SELECT count(*) FROM permit WHERE child_family = ?", "b",
                                SPAN_ID(&n->self.family));
    if (st == ST_OK && rows > 0) {
        list = mem_alloc((size_t)rows, sizeof(*list));
        st = list ? ST_OK : ST_NO_MEMORY;
    }
    for (int64_t i = 0; st == ST_OK && found && i < rows; i++) {
        st = next_permit(n, i, &p, &found);
        if (st == ST_OK && found && is_concerned(n, &p, gone))
            list[count++] = p;
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        drop_approval(&list[i], gone);
        st = permit_approve(&list[i], &n->self.person, &n->self.device, &n->self.key);
        if (st == ST_OK)
            st = append(n, &list[i]);
    }
    mem_free(list, (size_t)rows * sizeof(*list));
    return st;
}
