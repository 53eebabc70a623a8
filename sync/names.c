/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/names.h"

#include <stdio.h>

#include "device/roster.h"
#include "protocol/mark.h"
#include "sync/contact.h"
#include "sync/family.h"

enum {
    NAME_TEXT_MAX = NODE_NAME_MAX + 20,
    ID_DIGITS_MIN = 4, /* fewer digits of an id are a guess */
    FOUND_MAX = 64     /* places that one name is looked up at; more would be ambiguous anyway */
};

struct search { /* what fits so far */
    struct node *n;
    char text[NAME_TEXT_MAX];   /* as typed, up to an '@' */
    char family[NAME_TEXT_MAX]; /* behind the '@'; "" for none */
    const struct person_id *of;
    bool to_end;
    size_t count;
    struct named found[FOUND_MAX];
    char shown[FOUND_MAX][2 * NAME_TEXT_MAX + MARK_TEXT_LEN + 8];
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_text(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool begins_with(const char *text, const char *beginning)
{
    while (*beginning != '\0' && lower(*text) == lower(*beginning)) {
        text++;
        beginning++;
    }
    return *beginning == '\0';
}

/* Is `text` the beginning of this id in hex? */
static bool is_id(const char *text, struct span id)
{
    char hex[2 * ID_LEN + 1];
    hex_encode(hex, id);
    return strlen(text) >= ID_DIGITS_MIN && begins_with(hex, text);
}

static bool search_fits(const struct search *s, const char *name, struct span id)
{
    return same_text(s->text, name) || is_id(s->text, id);
}

/* `where` tells two of one name apart when the person is asked. */
static void search_add(struct search *s, const struct named *what, const char *where)
{
    if (s->count == FOUND_MAX)
        return;
    s->found[s->count] = *what;
    snprintf(s->shown[s->count], sizeof(s->shown[0]), "%s%s%s", what->name, where[0] != '\0' ? "@" : "",
             where);
    s->count++;
}

/* ---- where names are ---- */

static enum status search_persons(struct search *s)
{
    struct family_person list[WIRE_PERSONS_MAX];
    size_t count = 0;
    enum status st = family_persons(s->n, list, WIRE_PERSONS_MAX, &count);
    for (size_t i = 0; i < count && st == ST_OK && s->family[0] == '\0'; i++) {
        struct named what = {.kind = NAME_OF_PERSON, .person = {s->n->self.family, list[i].person}};
        snprintf(what.name, sizeof(what.name), "%s", list[i].name);
        if (search_fits(s, list[i].name, SPAN_ID(&list[i].person)))
            search_add(s, &what, "");
    }
    return st;
}

static enum status search_family(struct search *s)
{
    struct named what = {.kind = NAME_OF_FAMILY, .person = {.family = s->n->self.family}};
    enum status st = family_name(s->n, what.name, sizeof(what.name));
    if (st == ST_OK && s->family[0] == '\0' && same_text(s->text, what.name))
        search_add(s, &what, "");
    return st;
}

static enum status search_devices(struct search *s)
{
    const struct authority *authority;
    const struct roster *roster;
    char id[2 * ID_LEN + 1];
    enum status st = family_states(s->n, &authority, &roster);
    for (size_t i = 0; st == ST_OK && i < roster->person_count; i++) {
        const struct roster_person *p = &roster->persons[i];
        for (size_t k = 0; k < p->device_count; k++) {
            struct named what = {.kind = NAME_OF_DEVICE,
                                 .person = {roster->family, p->person},
                                 .device = p->devices[k].device};
            snprintf(what.name, sizeof(what.name), "%s", p->devices[k].name.text);
            hex_encode(id, SPAN_ID(&what.device));
            id[8] = '\0';
            if (search_fits(s, what.name, SPAN_ID(&what.device)))
                search_add(s, &what, id);
        }
    }
    return st;
}

/* Whose contact it is tells two of one person apart. */
static enum status search_add_contact(struct search *s, const struct named *what, const char *mark)
{
    char of[NAME_TEXT_MAX], where[NAME_TEXT_MAX + MARK_TEXT_LEN + 8];
    enum status st = s->to_end ? person_name(s->n, &what->of, of, sizeof(of)) : ST_OK;
    if (st != ST_OK)
        return st;
    snprintf(where, sizeof(where), "%s%s%s", mark, s->to_end ? " --for " : "", s->to_end ? of : "");
    search_add(s, what, where);
    return ST_OK;
}

/* A child's own no leaves the parents' yes standing: that can be ended, too. */
static bool can_end(const struct search *s, const struct named *what, int64_t state)
{
    bool own = ID_EQUAL(&what->of.person, &s->n->self.person);
    return !s->to_end || state < CONTACT_WITHDRAWN || (state == CONTACT_LEFT && !own);
}

static enum status search_contacts(struct search *s)
{
    struct query q;
    query_start(&q, &s->n->sql,
                "SELECT person, family, other, name, state FROM contact ORDER BY state, since_at", "");
    while (query_next(&q)) {
        struct named what = {.kind = NAME_OF_CONTACT, .of = {.family = s->n->self.family}};
        char mark[MARK_TEXT_LEN];
        QUERY_ID(&q, 0, &what.of.person);
        QUERY_ID(&q, 1, &what.person.family);
        QUERY_ID(&q, 2, &what.person.person);
        snprintf(what.name, sizeof(what.name), "%s", query_text(&q, 3));
        enum status st = mark_of_family(&what.person.family, mark);
        if (st != ST_OK)
            query_fail(&q, st);
        bool of_it =
            (s->of == NULL || ID_EQUAL(s->of, &what.of.person)) && can_end(s, &what, query_int(&q, 4));
        if (st == ST_OK && of_it && search_fits(s, what.name, SPAN_ID(&what.person.person)) &&
            begins_with(mark, s->family))
            query_fail(&q, search_add_contact(s, &what, mark));
    }
    return query_end(&q);
}

static enum status search_requests(struct search *s)
{
    struct query q;
    query_start(&q, &s->n->sql, "SELECT id, other_name FROM request ORDER BY at_ms DESC LIMIT ?", "i",
                (int64_t)NODE_ROWS_MAX);
    while (query_next(&q)) {
        struct named what = {.kind = NAME_OF_REQUEST};
        query_fixed(&q, 0, what.request, sizeof(what.request));
        snprintf(what.name, sizeof(what.name), "%s", query_text(&q, 1));
        if (is_id(s->text, SPAN(what.request)))
            search_add(s, &what, "");
    }
    return query_end(&q);
}

/* ---- choosing ---- */

void names_free(struct node *n)
{
    for (size_t i = 0; i < n->candidate_count; i++) {
        mem_free(n->candidates[i], strlen(n->candidates[i]) + 1);
        n->candidates[i] = NULL;
    }
    n->candidate_count = 0;
}

static enum status tell_candidates(struct node *n, const struct search *s)
{
    for (size_t i = 0; i < s->count && n->candidate_count < NODE_CANDIDATES_MAX; i++) {
        size_t size = strlen(s->shown[i]) + 1;
        char *copy = mem_alloc(1, size);
        if (copy == NULL)
            return ST_NO_MEMORY;
        memcpy(copy, s->shown[i], size);
        n->candidates[n->candidate_count++] = copy;
    }
    return ST_NAME_AMBIGUOUS;
}

/* One's own contact goes before a child's of the same name, when it is the only one of one's own. */
static void prefer_own(struct search *s)
{
    size_t own = 0, at = 0;
    for (size_t i = 0; i < s->count; i++) {
        bool is_own =
            s->found[i].kind != NAME_OF_CONTACT || ID_EQUAL(&s->found[i].of.person, &s->n->self.person);
        own += is_own ? 1 : 0;
        at = is_own ? i : at;
    }
    if (own != 1)
        return;
    s->found[0] = s->found[at];
    s->count = 1;
}

static enum status search_all(struct search *s, unsigned kinds)
{
    static const struct {
        enum name_kinds kind;
        enum status (*search)(struct search *s);
    } places[] = {{NAME_OF_PERSON, search_persons},
                  {NAME_OF_CONTACT, search_contacts},
                  {NAME_OF_FAMILY, search_family},
                  {NAME_OF_DEVICE, search_devices},
                  {NAME_OF_REQUEST, search_requests}};
    enum status st = ST_OK;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && st == ST_OK; i++) {
        if ((kinds & (unsigned)places[i].kind) != 0)
            st = places[i].search(s);
    }
    return st;
}

enum status name_resolve(struct node *n, const char *text, unsigned kinds, const struct person_id *of,
                         struct named *out)
{
    struct search *s = mem_alloc(1, sizeof(*s));
    const char *at = strchr(text, '@');
    size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
    enum status st = ST_NAME_UNKNOWN;
    memset(out, 0, sizeof(*out));
    names_free(n);
    n->unknown[0] = '\0';
    if (s == NULL)
        return ST_NO_MEMORY;
    s->n = n;
    s->of = of;
    s->to_end = (kinds & (unsigned)NAME_TO_END) != 0;
    if (len > 0 && len < sizeof(s->text)) {
        memcpy(s->text, text, len);
        snprintf(s->family, sizeof(s->family), "%s", at != NULL ? at + 1 : "");
        st = search_all(s, kinds);
    }
    if (st == ST_OK && s->count > 1 && !s->to_end)
        prefer_own(s);
    if (st == ST_OK && s->count > 1)
        st = tell_candidates(n, s);
    else if (st == ST_OK && s->count == 0)
        st = ST_NAME_UNKNOWN;
    if (st == ST_NAME_UNKNOWN)
        snprintf(n->unknown, sizeof(n->unknown), "%s", len < sizeof(n->unknown) ? text : "");
    if (st == ST_OK)
        *out = s->found[0];
    mem_free(s, sizeof(*s));
    return st;
}

/* Is this device in their conversation, or was it once? */
static enum status reads_along(struct node *n, const struct named *who, bool *along)
{
    struct scope_id scope;
    int64_t there = 0;
    enum status st = scope_id_of_pair(&who->of, &who->person, &scope);
    if (st == ST_OK)
        st = sql_number(&n->sql, &there, 0, "SELECT count(*) FROM mls_group WHERE scope = ?", "b",
                        SPAN_ID(&scope));
    *along = there != 0;
    return st;
}

enum status name_to_talk(struct node *n, const char *text, bool reading, struct named *out)
{
    struct named other;
    bool along = false;
    enum status st =
        name_resolve(n, text, (unsigned)NAME_OF_CONTACT | (unsigned)NAME_OF_FAMILY, &n->self.person, out);
    if (st != ST_NAME_UNKNOWN)
        return st;
    st = name_resolve(n, text, NAME_OF_CONTACT, NULL, &other);
    if (st == ST_OK && reading)
        st = reads_along(n, &other, &along);
    if (st == ST_OK && along)
        *out = other;
    if (st == ST_OK || st == ST_NAME_AMBIGUOUS)
        return along ? ST_OK : ST_CONTACT_NOT_YOURS;
    if (st == ST_NAME_UNKNOWN)
        st = name_resolve(n, text, NAME_OF_PERSON, NULL, &other);
    return st == ST_OK ? ST_NAME_IN_FAMILY : st;
}

const char *view_unknown(const struct node *n)
{
    return n->unknown;
}

size_t view_candidates(struct node *n, const char *const **candidates)
{
    *candidates = (const char *const *)n->candidates;
    return n->candidate_count;
}
