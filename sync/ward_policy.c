/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a supervised person as a set of journal entries in their ward: what is in force, how an edit
 * counts, and the command policy.set. */
#include "sync/commands.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/journal.h"
#include "sync/names.h"
#include "sync/policy_text.h"

enum {
    HEADS_MAX = 16,   /* edits made apart; more are merged into one that no edit replaces */
    HEADS_CLOSING = 8 /* … and of these, edits beyond an author's pin find room among so many */
};

struct heads {
    size_t count;
    struct entry_hash hash[HEADS_MAX];
    struct policy policy[HEADS_MAX];
    bool has_rest; /* what did not fit */
    struct policy rest;
};

static void heads_rest(struct heads *h, const struct policy *p)
{
    if (h->has_rest)
        policy_merge(&h->rest, p, &h->rest);
    else
        h->rest = *p;
    h->has_rest = true;
}

static void heads_replace(struct heads *h, const struct based_on *known)
{
    size_t kept = 0;
    for (size_t i = 0; i < h->count; i++) {
        bool replaced = false;
        for (size_t k = 0; k < known->count; k++)
            replaced = replaced || ID_EQUAL(&known->at[k], &h->hash[i]);
        if (replaced)
            continue;
        h->hash[kept] = h->hash[i];
        h->policy[kept++] = h->policy[i];
    }
    h->count = kept;
}

/* Entries come in order of hlc, so whatever an edit knew of came before it. Beyond its author's pin an edit
 * only closes: it replaces nothing, and a merge never opens. A parent who edits after it replaces it. */
static enum status heads_add(struct node *n, const struct applied_entry *e, void *ctx)
{
    struct heads *h = ctx;
    struct policy p;
    (void)n;
    if (policy_decode(&p, e->body->u.policy.document) != ST_OK)
        return ST_OK; /* judged void when it came: see apply_policy */
    if (!e->closes_only)
        heads_replace(h, &e->body->u.policy.based_on);
    if (h->count == HEADS_MAX || (e->closes_only && h->count >= HEADS_CLOSING)) {
        heads_rest(h, &p);
        return ST_OK;
    }
    h->hash[h->count] = e->hash;
    h->policy[h->count++] = p;
    return ST_OK;
}

static enum status heads_read(struct node *n, const struct person_id *person, struct heads *h)
{
    struct scope_id ward;
    memset(h, 0, sizeof(*h));
    enum status s = scope_id_of_person(SCOPE_WARD, person, &ward);
    return s == ST_OK ? journal_each(n, &ward, ENTRY_POLICY, heads_add, h) : s;
}

static void heads_merge(const struct heads *h, struct policy *out)
{
    if (h->count > 0)
        *out = h->policy[0];
    else if (h->has_rest)
        *out = h->rest;
    else
        policy_defaults(out);
    for (size_t i = 1; i < h->count; i++)
        policy_merge(out, &h->policy[i], out);
    if (h->has_rest)
        policy_merge(out, &h->rest, out);
}

enum status facts_policy(struct node *n, const struct person_id *person, struct policy *out)
{
    struct heads *h = mem_alloc(1, sizeof(*h));
    policy_defaults(out);
    if (h == NULL)
        return ST_NO_MEMORY;
    enum status s = heads_read(n, person, h);
    if (s == ST_OK)
        heads_merge(h, out);
    mem_free(h, sizeof(*h));
    return s;
}

/* ---- writing ---- */

static enum status append(struct node *n, const struct person_id *person, const struct policy *p,
                          const struct based_on *known)
{
    struct entry_body body = {.kind = ENTRY_POLICY};
    struct scope_id ward;
    struct buffer document;
    struct writer w;
    buffer_init(&document, POLICY_ENCODED_MAX);
    writer_init(&w, &document);
    enum status s = policy_encode(&w, p);
    if (s == ST_OK)
        s = scope_id_of_person(SCOPE_WARD, person, &ward);
    body.u.policy.based_on = *known;
    body.u.policy.document = buffer_span(&document);
    if (s == ST_OK)
        s = journal_append(n, SCOPE_WARD, &ward, &body, NULL);
    buffer_wipe(&document);
    return s;
}

enum status facts_found_ward(struct node *n, const struct person_id *child)
{
    static const struct based_on nothing;
    struct policy p;
    policy_defaults(&p);
    return append(n, child, &p, &nothing);
}

static enum status set_field(struct node *n, const struct person_ref *child, enum policy_field field,
                             const char *value, struct reply *r)
{
    struct heads *h = mem_alloc(1, sizeof(*h));
    struct based_on known = {.count = 0};
    struct policy p;
    struct facts_ask ask = {.kind = MAY_CHANGE_POLICY, .subject = *child, .proposed = &p};
    struct facts_answer answer;
    if (h == NULL)
        return ST_NO_MEMORY;
    enum status s = heads_read(n, &child->person, h);
    heads_merge(h, &p);
    if (s == ST_OK)
        s = policy_field_set(&p, field, value);
    if (s == ST_OK)
        s = facts_decide(n, &ask, &answer);
    if (s == ST_OK) {
        s = facts_status(&answer);
        r->rule = answer.rule;
    }
    for (; known.count < h->count && known.count < ENTRY_BASED_ON_MAX; known.count++)
        known.at[known.count] = h->hash[known.count];
    if (s == ST_OK)
        s = append(n, &child->person, &p, &known);
    mem_free(h, sizeof(*h));
    return s;
}

enum status run_policy_set(struct node *n, const struct command *c, struct reply *r)
{
    char name[NODE_NAME_MAX + 20], field[32], value[POLICY_TEXT_MAX];
    struct family_person persons[WIRE_PERSONS_MAX];
    struct named who;
    enum policy_field which;
    size_t count = 0;
    bool child = false;
    enum status s = name_resolve(n, command_text(c, CMD_POLICY_SET_PERSON, name, sizeof(name)),
                                 NAME_OF_PERSON, NULL, &who);
    if (s == ST_OK)
        s = family_persons(n, persons, WIRE_PERSONS_MAX, &count);
    for (size_t i = 0; i < count; i++)
        child = child || (ID_EQUAL(&persons[i].person, &who.person.person) && persons[i].role == ROLE_CHILD);
    if (s == ST_OK &&
        (!child || !policy_field_find(command_text(c, CMD_POLICY_SET_FIELD, field, sizeof(field)), &which)))
        s = ST_POLICY_VALUE;
    if (s != ST_OK)
        return s;
    memcpy(r->name, who.name, sizeof(r->name));
    return set_field(n, &who.person, which, command_text(c, CMD_POLICY_SET_VALUE, value, sizeof(value)), r);
}

/* ---- reading ---- */

/* Law 7: whatever changes is told on every device of the ward, oversight among it. */
static enum status tell_changes(struct node *n, const struct person_id *person, const struct policy *before,
                                const struct policy *after, const struct scope_id *scope)
{
    struct person_ref who = {n->self.family, *person};
    char name[NODE_NAME_MAX + 20], a[POLICY_TEXT_MAX], b[POLICY_TEXT_MAX];
    enum status s = person_name(n, &who, name, sizeof(name));
    for (enum policy_field f = FIELD_APPROVAL; f < FIELD_COUNT && s == ST_OK; f++) {
        policy_field_value(before, f, a);
        policy_field_value(after, f, b);
        if (strcmp(a, b) != 0)
            s = node_notice(n, NOTICE_POLICY, name, policy_field_name(f), scope);
    }
    return s;
}

/* Whose ward this is: the person of this family from whose id the scope's is made. */
static enum status ward_subject(struct node *n, const struct scope_id *scope, struct person_id *out)
{
    struct family_person persons[WIRE_PERSONS_MAX];
    struct scope_id ward;
    size_t count = 0;
    enum status s = family_persons(n, persons, WIRE_PERSONS_MAX, &count);
    for (size_t i = 0; i < count && s == ST_OK; i++) {
        s = scope_id_of_person(SCOPE_WARD, &persons[i].person, &ward);
        if (s == ST_OK && ID_EQUAL(&ward, scope)) {
            *out = persons[i].person;
            return ST_OK;
        }
    }
    return s == ST_OK ? ST_JOURNAL_AUTHOR : s;
}

/* Law 8: only a parent writes rules, as the chain says, and only well-formed ones; anything else is void. */
enum status apply_policy(struct node *n, const struct applied_entry *e)
{
    struct policy before, written = {0}, after;
    struct person_id subject;
    int64_t others = 0;
    bool parent = false;
    enum status s = family_is_parent(n, &e->who, &parent);
    if (s == ST_OK && !parent)
        s = ST_JOURNAL_AUTHOR;
    if (s == ST_OK)
        s = policy_decode(&written, e->body->u.policy.document);
    if (s == ST_OK)
        s = ward_subject(n, &e->scope, &subject);
    if (s == ST_OK)
        s = facts_policy(n, &subject, &before);
    if (s == ST_OK)
        s = sql_number(&n->sql, &others, 0,
                       "SELECT count(*) FROM entry WHERE scope = ? AND kind = +? AND applied = 1 AND id != ?",
                       "bii", SPAN_ID(&e->scope), (int64_t)ENTRY_POLICY, e->id);
    after = written;
    if (s == ST_OK && e->closes_only)
        policy_merge(&before, &written, &after);
    if (s == ST_OK && others > 0)
        s = tell_changes(n, &subject, &before, &after, &e->scope);
    return s;
}
