/* SPDX-License-Identifier: Apache-2.0 */
/* A family is founded: authority 0, roster 0, the founder's certificate, then family, parents and own (§5.2).
 */
#include "device/certificates.h"
#include "device/roster.h"
#include "protocol/recovery.h"
#include "protocol/relay_address.h"
#include "sync/commands.h"
#include "sync/family.h"
#include "sync/letters.h"
#include "sync/reconcile.h"

struct founding {
    char family[NODE_NAME_MAX + 1], person[NODE_NAME_MAX + 1], device[NODE_NAME_MAX + 1];
    struct person_id id;
    struct sign_public recovery;
    struct family_id family_id;
};

static enum status set_relay(struct node *n, const struct command *c)
{
    char text[WIRE_RELAY_MAX + 1];
    struct relay_address address;
    const char *relay = command_text(c, CMD_INIT_RELAY, text, sizeof(text));
    if (relay[0] == '\0') {
        relay = n->relay_default ? n->relay_default : "";
    }
    if (relay[0] == '\0') {
        return ST_RELAY_MISSING;
    }
    enum status st = relay_address_parse(&address, relay);
    bytes_wipe(&address, sizeof(address));
    return st == ST_OK
               ? sql_run(&n->sql, "INSERT OR REPLACE INTO meta(key, value) VALUES('relay', ?)", "t", relay)
               : st;
}

/* The kit is told once and kept nowhere: only its public key goes into the chain. */
static enum status make_kit(struct node *n, struct founding *f, struct reply *r)
{
    struct secret kit;
    struct sign_private private;
    char words[RECOVERY_TEXT_LEN];
    entropy_fill(&n->entropy, kit.b, sizeof(kit.b));
    enum status st = recovery_key(&kit, &private, &f->recovery);
    if (st == ST_OK) {
        recovery_words(&kit, words);
        sqlite3_snprintf(sizeof(r->kit), r->kit, "%s", words);
    }
    secret_wipe(&kit);
    sign_private_wipe(&private);
    bytes_wipe(words, sizeof(words));
    return st;
}

static enum status found_authority(struct node *n, struct founding *f)
{
    struct authority_body body = {.kind = AUTHORITY_FOUND, .person = f->id, .device = n->self.device};
    struct buffer bytes, entry;
    struct writer w;
    struct chain_entry decoded;
    struct entry_hash hash;
    body.recovery = f->recovery;
    entropy_fill(&n->entropy, body.random, sizeof(body.random));
    buffer_init(&bytes, WIRE_ENTRY_MAX);
    buffer_init(&entry, WIRE_ENTRY_MAX);
    writer_init(&w, &bytes);
    enum status st = authority_body_encode(&w, &body);
    if (st == ST_OK) {
        struct chain_draft draft = {.chain = CHAIN_AUTHORITY,
                                    .body = buffer_span(&bytes),
                                    .author = &n->self.device,
                                    .key = &n->self.key};
        st = chain_draft_encode(&draft, &entry);
    }
    if (st == ST_OK) {
        st = chain_entry_decode(&decoded, buffer_span(&entry));
    }
    if (st == ST_OK) {
        st = chain_entry_hash(&decoded, &hash);
    }
    if (st == ST_OK) {
        memcpy(f->family_id.b, hash.b, sizeof(f->family_id.b)); /* a family is the hash of its first entry */
        st = family_take_entry(n, &f->family_id, buffer_span(&entry));
    }
    buffer_wipe(&bytes);
    buffer_wipe(&entry);
    return st;
}

static enum status found_roster(struct node *n, const struct founding *f)
{
    struct roster_body body = {.kind = ROSTER_FOUND,
                               .family = f->family_id,
                               .family_name = span_text(f->family),
                               .person = f->id,
                               .role = ROLE_PARENT,
                               .name = span_text(f->person),
                               .device = n->self.device,
                               .device_name = span_text(f->device)};
    struct buffer bytes, entry;
    struct writer w;
    buffer_init(&bytes, WIRE_ENTRY_MAX);
    buffer_init(&entry, WIRE_ENTRY_MAX);
    writer_init(&w, &bytes);
    enum status st = roster_body_encode(&w, &body);
    if (st == ST_OK) {
        struct chain_draft draft = {.chain = CHAIN_ROSTER,
                                    .body = buffer_span(&bytes),
                                    .author = &n->self.device,
                                    .key = &n->self.key};
        st = chain_draft_encode(&draft, &entry);
    }
    if (st == ST_OK) {
        st = family_take_entry(n, &f->family_id, buffer_span(&entry));
    }
    buffer_wipe(&bytes);
    buffer_wipe(&entry);
    return st;
}

static enum status certify_self(struct node *n, const struct founding *f)
{
    struct authority *a = NULL;
    struct device_certificate certificate;
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    enum status st = family_authority_at(n, &f->family_id, UINT64_MAX, &a);
    if (st == ST_OK) {
        struct certificate_args args = {.at = a,
                                        .person = f->id,
                                        .device = n->self.device,
                                        .now_ms = n->now.wall_ms,
                                        .issuer = n->self.device,
                                        .key = &n->self.key};
        st = certificate_issue(&certificate, &args);
    }
    if (st == ST_OK) {
        writer_init(&w, &bytes);
        st = device_certificate_encode(&w, &certificate);
    }
    if (st == ST_OK) {
        st = family_keep_certificate(n, buffer_span(&bytes));
    }
    mem_free(a, sizeof(*a));
    buffer_wipe(&bytes);
    return st;
}

/* This device's letterbox for its own family. */
static enum status make_box(struct node *n)
{
    struct buffer box;
    int64_t id = 0;
    struct box_args a = {
        .kind = BOX_FAMILY, .owner = self_person(n), .expires_ms = n->now.wall_ms + LETTERBOX_LIFE_MS};
    buffer_init(&box, LETTERBOX_MAX);
    enum status st = box_new(n, &a, &box, NULL, &id);
    buffer_wipe(&box);
    return st;
}

/* "Ana's device", from as much of the name as there is room for: whole characters. */
static void name_device(struct founding *f)
{
    static const char rest[] = "'s device";
    size_t len = strlen(f->person);
    if (len > NODE_NAME_MAX - (sizeof(rest) - 1))
        len = NODE_NAME_MAX - (sizeof(rest) - 1);
    while (len > 0 && ((uint8_t)f->person[len] & 0xc0) == 0x80)
        len--;
    memcpy(f->device, f->person, len);
    memcpy(f->device + len, rest, sizeof(rest));
}

static enum status read_names(const struct command *c, struct founding *f)
{
    enum status st = command_name(c, CMD_INIT_FAMILY, f->family);
    if (st == ST_OK)
        st = command_name(c, CMD_INIT_AS, f->person);
    if (st == ST_OK && c->value[CMD_INIT_DEVICE].given)
        st = command_name(c, CMD_INIT_DEVICE, f->device);
    else if (st == ST_OK)
        name_device(f);
    return st;
}

enum status run_init(struct node *n, const struct command *c, struct reply *r)
{
    struct founding f;
    memset(&f, 0, sizeof(f));
    enum status st = read_names(c, &f);
    if (st == ST_OK) {
        st = set_relay(n, c);
    }
    if (st == ST_OK) {
        st = self_make_key(n);
    }
    if (st == ST_OK) {
        entropy_fill(&n->entropy, f.id.b, sizeof(f.id.b));
        st = make_kit(n, &f, r);
    }
    if (st == ST_OK) {
        st = found_authority(n, &f);
    }
    if (st == ST_OK) {
        st = found_roster(n, &f);
    }
    if (st == ST_OK) {
        st = certify_self(n, &f);
    }
    if (st == ST_OK) {
        st = self_join(n, &f.family_id, &f.id, ROLE_PARENT);
    }
    if (st == ST_OK) {
        st = make_box(n);
    }
    return st == ST_OK ? reconcile_found_family(n) : st;
}
