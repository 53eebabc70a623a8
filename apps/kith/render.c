/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith/render.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/kith/fields.h"
#include "apps/kith/render_people.h"
#include "apps/kith/terminal.h"

enum { NAME_COLUMNS = 40, KIT_COLUMNS = 4, BAR_COLUMNS = 24 };

/* ---- results of commands ---- */

static void render_kit(const char *kit)
{
    char copy[512], *save = NULL;
    int n = 0;
    snprintf(copy, sizeof(copy), "%s", kit);
    printf("\nRecovery kit. Write these words on paper and keep it safe; they are shown\n"
           "once and stored nowhere.\n"
           "(This version prints the kit; recovering with it comes later.)\n\n");
    for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        n++;
        printf("  %2d %-*s%s", n, n % KIT_COLUMNS == 0 ? 0 : 12, w, n % KIT_COLUMNS == 0 ? "\n" : "");
    }
    putchar('\n');
    memset(copy, 0, sizeof(copy));
}

static void render_init(const json_t *params, const json_t *result)
{
    printf("The family ");
    put_text(stdout, text(params, "family"));
    printf(" is founded, with ");
    put_text(stdout, text(params, "as"));
    printf(" as its first parent, on this device.\n");
    render_kit(text(result, "kit"));
    printf("Next: kith pair invite --person NAME --role parent|child\n");
}

static void render_link(const char *what, const json_t *result)
{
    printf("%s\n\n%s\n\n", what, text(result, "link"));
    put_qr(stdout, text(result, "link"));
    line_time("valid until", number(result, "expires_at_ms"));
}

/* A yes holds what it allows: the other family's devices judge by it. */
static void render_rule(const json_t *params)
{
    puts("Done.");
    if (strcmp(text(params, "field"), "attachments") == 0)
        puts("What is stricter counts at once on the child's devices. What a contact may send was settled "
             "with the yes\n"
             "to it: to allow more, or to tell the other side, withdraw that contact and approve anew.");
}

/* What was done to whom. */
static void render_done(enum command_kind kind, const json_t *result)
{
    const char *name = text(result, "name"), *what = "Done";
    if (kind == CMD_SEND)
        what = "Written to";
    else if (kind == CMD_DEVICES_REMOVE)
        what = "Removed";
    else if (kind == CMD_RECEIPTS)
        what = "Others are told of what they write to you";
    printf("%s%s", what, name[0] == '\0' ? "" : kind == CMD_SEND ? " " : ": ");
    put_text(stdout, name);
    puts(".");
}

/* One person may be known to several of the family: it says whose contact has ended. */
static void render_withdrawn(const json_t *result)
{
    const char *of = text(result, "of");
    fputs("Ended: ", stdout);
    put_text(stdout, text(result, "name"));
    fputs(of[0] != '\0' ? ", contact of " : ", contact of you", stdout);
    put_text(stdout, of);
    puts(". Neither can write to the other any more.");
}

/* A further device of a child is approved by one that the child has. */
static void render_co_sign(const char *person)
{
    if (person[0] == '\0')
        return;
    fputs("Then approve it on another device of ", stdout);
    put_text(stdout, person);
    puts(": kith requests");
}

static void render_command(enum command_kind kind, const json_t *params, const json_t *result)
{
    switch ((int)kind) {
    case CMD_INIT:
        render_init(params, result);
        return;
    case CMD_PAIR_INVITE:
        render_link("Scan or paste this on the new device (kith pair accept LINK --device NAME):", result);
        printf("Then type here the six digits that the new device shows: kith pair confirm CODE\n");
        return;
    case CMD_INVITE:
        render_link("Whoever has this link can ask to meet (kith meet LINK). Nobody gets in by it alone:",
                    result);
        puts("Who asks is shown by: kith requests");
        return;
    case CMD_PAIR_CONFIRM:
        puts("Accepted. Now say yes on the new device.");
        render_co_sign(text(result, "of"));
        return;
    case CMD_PAIR_YES:
        puts("Joining. `kith pair status` tells when it is done, and what it waits for.");
        return;
    case CMD_PAIR_CANCEL:
    case CMD_PAIR_NO:
        puts("The link is void.");
        return;
    case CMD_MEET:
        puts("Asked. `kith requests` shows it while it waits, `kith contacts` when they said yes.");
        return;
    case CMD_APPROVE:
        puts("Approved.");
        line_time("valid until", number(result, "expires_at_ms"));
        return;
    case CMD_RELAY_ADD:
    case CMD_RELAY_USE:
    case CMD_RELAY_REMOVE:
        puts("Noted. It takes effect when the family's devices have it: kith relay list.");
        return;
    case CMD_POLICY_SET:
        render_rule(params);
        return;
    case CMD_WITHDRAW:
        render_withdrawn(result);
        return;
    case CMD_DENY:
        puts("Denied. Whoever asked does not learn of it.");
        return;
    default:
        render_done(kind, result);
        return;
    }
}

/* ---- lists ---- */

static int column(const json_t *list, const char *key)
{
    int width = 0;
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r) width = cell_width(width, text(r, key), NAME_COLUMNS);
    return width;
}

/* "12.3 MiB" */
static void put_bytes(FILE *to, json_int_t bytes)
{
    if (bytes < 1024 * 1024)
        fprintf(to, "%lld KiB", (long long)((bytes + 1023) / 1024));
    else
        fprintf(to, "%.1f MiB", (double)bytes / (1024 * 1024));
}

static void put_bar(FILE *to, int percent)
{
    fprintf(to, "[");
    for (int i = 0; i < BAR_COLUMNS; i++)
        fputs(i * 100 < percent * BAR_COLUMNS ? "#" : ".", to);
    fprintf(to, "] %3d %%  ", percent);
}

static void put_rate(FILE *to, const json_t *h, bool over)
{
    if (number(h, "bytes_per_s") > 0) {
        fputs(", ", to);
        put_bytes(to, number(h, "bytes_per_s"));
        fputs("/s", to);
    }
    if (number(h, "left_ms") >= 0 && !over)
        fprintf(to, ", %lld:%02lld left", (long long)number(h, "left_ms") / 60000,
                (long long)number(h, "left_ms") / 1000 % 60);
}

void render_file_progress(FILE *to, const json_t *file)
{
    json_int_t have = number(file, "bytes"), of = number(file, "size");
    put_bar(to, of > 0 ? (int)(have * 100 / of) : 100);
    put_text(to, text(file, "name"));
    fputs(", ", to);
    put_bytes(to, have);
    fputs(" of ", to);
    put_bytes(to, of);
    put_rate(to, file, have == of);
    fprintf(to, ", %s", text(file, "state"));
}

void render_file_sent(const json_t *file)
{
    printf("Written to ");
    put_text(stdout, text(file, "with"));
    printf(": %.*s  ", ID_DIGITS, text(file, "id"));
    put_text(stdout, text(file, "name"));
    fputs(", ", stdout);
    put_bytes(stdout, number(file, "size"));
    puts(strcmp(text(file, "state"), "sent") == 0 ? "." : ". Its bytes are on their way: kith files");
}

void render_file_got(bool json, const json_t *file, const char *name)
{
    if (json) {
        json_t *o = json_pack("{s:O, s:s, s:O}", "id", json_object_get(file, "id"), "written", name, "size",
                              json_object_get(file, "size"));
        char *line = json_dumps(o, JSON_COMPACT);
        puts(line != NULL ? line : "{}");
        free(line);
        json_decref(o);
        return;
    }
    printf("Written: ");
    put_text(stdout, name);
    printf(", ");
    put_bytes(stdout, number(file, "size"));
    puts(".");
}

static void render_files(const json_t *result)
{
    const json_t *list = rows(result, "files", "No files yet: kith send NAME --file PATH.");
    int with = column(list, "with");
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r)
    {
        printf("%-8.*s  ", ID_DIGITS, text(r, text(r, "id")[0] != '\0' ? "id" : "token"));
        put_time(stdout, number(r, "at_ms"));
        printf("  %s ", strcmp(text(r, "way"), "out") == 0 ? "to  " : "from");
        put_cell(stdout, text(r, "with"), with);
        printf("  ");
        render_file_progress(stdout, r);
        if (text(r, "why")[0] != '\0')
            printf(" (%s)", text(r, "why"));
        putchar('\n');
    }
}

/* ", files 3 of 10, 12.0 MiB of 1.0 GiB, 2.1 MiB/s, …" */
static void put_files_progress(FILE *to, const json_t *f)
{
    if (f == NULL)
        return;
    fprintf(to, ", files %lld of %lld, ", (long long)number(f, "files"), (long long)number(f, "files_total"));
    put_bytes(to, number(f, "bytes"));
    fputs(" of ", to);
    put_bytes(to, number(f, "bytes_total"));
    put_rate(to, f, strcmp(text(f, "state"), "done") == 0);
}

void render_progress(FILE *to, const json_t *h)
{
    json_int_t have = number(h, "entries"), of = number(h, "entries_total");
    int percent = of > 0 ? (int)(have * 100 / of) : strcmp(text(h, "state"), "done") == 0 ? 100 : 0;
    percent = percent > 100 ? 100 : percent;
    put_bar(to, percent);
    fprintf(to, "%lld of %lld messages, %lld parts, ", (long long)have, (long long)of,
            (long long)number(h, "parts"));
    put_bytes(to, number(h, "bytes"));
    put_rate(to, h, have >= of);
    if (number(h, "refused") > 0)
        fprintf(to, ", %lld parts refused", (long long)number(h, "refused"));
    put_files_progress(to, json_object_get(h, "files"));
}

/* History on its way: a line under the device's. */
static void render_transfer(const json_t *h, const json_t *files)
{
    if (h == NULL)
        return;
    printf("  history %s %s ", text(h, "way"), text(h, "state"));
    if (text(h, "with")[0] != '\0') {
        printf("%s ", strcmp(text(h, "way"), "in") == 0 ? "from" : "to");
        put_text(stdout, text(h, "with"));
        putchar(' ');
    }
    render_progress(stdout, h);
    put_files_progress(stdout, files);
    putchar('\n');
}

static void render_devices(const json_t *result)
{
    const json_t *list = json_object_get(result, "devices");
    int person = column(list, "person"), name = column(list, "name"), role = column(list, "role"),
        state = column(list, "state");
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r)
    {
        put_id(r);
        printf("  ");
        put_cell(stdout, text(r, "person"), person);
        printf("  ");
        put_cell(stdout, text(r, "name"), name);
        printf("  ");
        put_cell(stdout, text(r, "role"), role);
        printf("  ");
        put_cell(stdout, text(r, "state"), state);
        if (yes(r, "this_device")) {
            puts("  this device");
            render_transfer(json_object_get(r, "history"), json_object_get(r, "files"));
            continue;
        }
        printf("  seen ");
        put_time(stdout, number(r, "seen_at_ms"));
        puts(yes(r, "overdue") ? "  (overdue: silent for 3 days)" : "");
        render_transfer(json_object_get(r, "history"), NULL);
    }
}

static void render_policy(const json_t *result)
{
    const json_t *list = json_object_get(result, "rules");
    int field = column(list, "field"), value = column(list, "value");
    size_t i;
    json_t *r;
    printf("Rules for ");
    put_text(stdout, text(result, "person"));
    puts(":");
    json_array_foreach(list, i, r)
    {
        printf("  ");
        put_cell(stdout, text(r, "field"), field);
        printf("  ");
        put_cell(stdout, text(r, "value"), value);
        printf("  ");
        put_text(stdout, text(r, "meaning"));
        putchar('\n');
    }
}

/* "[file] holiday.png, 1.2 MiB, offered: kith get 1a2b3c4d --to ." */
static void put_file(const json_t *r, const json_t *file)
{
    printf("[file] ");
    put_text(stdout, text(r, "text"));
    printf(", ");
    put_bytes(stdout, number(file, "size"));
    printf(", %s", text(file, "state"));
    if (!yes(r, "mine"))
        printf(": kith get %.*s --to .", ID_DIGITS, text(r, "id"));
}

/* Who has it, who has read it, as far as they let it be told. */
static void put_told(const json_t *r, const char *key, const char *word)
{
    if (text(r, key)[0] == '\0')
        return;
    printf("  (%s: ", word);
    put_text(stdout, text(r, key));
    putchar(')');
}

/* What became of a text since it was written. */
static void put_since(const json_t *r)
{
    if (yes(r, "edited"))
        printf("  (edited)");
    if (text(r, "reactions")[0] != '\0') {
        printf("  [");
        put_text(stdout, text(r, "reactions"));
        printf("]");
    }
    if (number(r, "gone_at_ms") > 0) {
        printf("  (until ");
        put_time(stdout, number(r, "gone_at_ms"));
        printf(")");
    }
    if (strcmp(text(r, "delivered"), text(r, "read")) != 0)
        put_told(r, "delivered", "delivered");
    put_told(r, "read", "read");
}

void render_messages(const json_t *messages, int all)
{
    size_t i;
    json_t *r;
    json_array_foreach(messages, i, r)
    {
        if (number(r, "gap") > 0) {
            printf("  … %lld entries that belong here have not come yet\n", (long long)number(r, "gap"));
            continue;
        }
        put_time(stdout, number(r, "at_ms"));
        printf("  %.*s  ", ID_DIGITS, text(r, "id"));
        if (all) {
            printf("[");
            put_text(stdout, text(r, "with"));
            printf("] ");
        }
        put_text(stdout, yes(r, "mine") ? "you" : text(r, "from"));
        printf(": ");
        if (json_object_get(r, "file") != NULL)
            put_file(r, json_object_get(r, "file"));
        else
            put_text(stdout, text(r, "text"));
        put_since(r);
        if (yes(r, "held"))
            printf("  (waits for you: somebody came in since. kith waiting send, or kith waiting drop)");
        else if (yes(r, "waiting"))
            printf("  (not sent yet)");
        if (yes(r, "passed_on")) {
            printf("  (passed on by ");
            put_text(stdout, text(r, "via"));
            printf(")");
        }
        putchar('\n');
    }
}

static void render_events(const json_t *result)
{
    const json_t *list = json_object_get(result, "events");
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r)
    {
        put_time(stdout, number(r, "at_ms"));
        printf("  %-14s ", text(r, "kind"));
        put_text(stdout, text(r, "who"));
        printf("%s", text(r, "what")[0] != '\0' ? "  " : "");
        put_text(stdout, text(r, "what"));
        putchar('\n');
    }
}

void render_pairing_offer(const json_t *p)
{
    line("family", text(p, "family"));
    line("mark", text(p, "mark"));
    line("relay", text(p, "relay"));
    line("person", text(p, "person"));
    if (text(p, "person")[0] != '\0') /* until the parent's device has said whose device this will be */
        line("role", strcmp(text(p, "role"), "child") == 0
                         ? "child (supervised: parents decide whom they meet)"
                         : "parent");
}

static void render_pairing(const json_t *p)
{
    printf("Pairing: %s\n", text(p, "state"));
    if (strcmp(text(p, "state"), "none") == 0) {
        puts("Begin one on a parent's device: kith pair invite --person NAME --role parent|child");
        return;
    }
    render_pairing_offer(p);
    line("device", text(p, "device"));
    line("code", text(p, "code"));
    if (yes(p, "needs_co_signature"))
        render_co_sign(text(p, "person"));
    else if (yes(p, "new_device") && strcmp(text(p, "state"), "joining") == 0 &&
             strcmp(text(p, "role"), "child") == 0)
        line("waits for",
             "the parent's device; and if the child has another one, for its yes: kith requests there");
    line("failed", text(p, "say"));
    line("next", text(p, "next"));
}

/* What people would call it; --json has the protocol's words. */
static const char *group_word(const char *kind)
{
    if (strcmp(kind, "ward") == 0)
        return "child";
    if (strcmp(kind, "own") == 0)
        return "devices of";
    return strcmp(kind, "conversation") == 0 ? "talk with" : kind;
}

static void render_groups(const json_t *groups)
{
    int about = column(groups, "about");
    size_t i;
    json_t *g;
    json_array_foreach(groups, i, g)
    {
        long long devices = (long long)number(g, "devices");
        printf("  %-12s ", group_word(text(g, "kind")));
        put_cell(stdout, text(g, "about"), about);
        printf("  %lld device%s, %s\n", devices, devices == 1 ? "" : "s", text(g, "state"));
        if (text(g, "overdue")[0] != '\0') {
            printf("               overdue, silent for 3 days: ");
            put_text(stdout, text(g, "overdue"));
            puts("");
        }
    }
}

static void put_relay(const json_t *r)
{
    put_text(stdout, text(r, "address"));
    printf("\n               %s, ", text(r, "state"));
    if (yes(r, "reached")) {
        puts("reached");
    } else if (number(r, "away_since_ms") == 0) {
        puts("not reached yet");
    } else {
        printf("away since ");
        put_time(stdout, number(r, "away_since_ms"));
        puts(number(r, "place") == 1 ? ": what is written waits here" : "");
    }
}

static void render_relays(const json_t *list)
{
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r)
    {
        printf("  %-12s ", i == 0 ? "relays" : "");
        put_relay(r);
    }
}

static void render_refused(json_t *refused)
{
    const char *name;
    json_t *count;
    json_object_foreach(refused, name, count)
        printf("  %-12s %s, %lld times\n", "refused", name, (long long)json_integer_value(count));
}

static void render_status(const json_t *s)
{
    if (!yes(s, "in_family")) {
        puts("This device is in no family yet: kith init, or kith pair accept.");
        return;
    }
    if (yes(s, "disk_full"))
        puts("The disk is full: nothing is sent or received until there is room. Nothing is lost.");
    if (yes(s, "removed"))
        puts("This device was removed from its family. What was said stays readable: kith history.");
    line("family", text(s, "family"));
    line("mark", text(s, "mark"));
    line("person", text(s, "person"));
    line("role", text(s, "role"));
    line("device", text(s, "device"));
    render_relays(json_object_get(s, "relays"));
    printf("  %-12s %lld to send, %lld received that did not count, %lld alarms\n", "counts",
           (long long)number(s, "waiting_to_send"), (long long)number(s, "blocks_skipped"),
           (long long)number(s, "alarms"));
    if (number(s, "texts_held") > 0)
        printf("  %-12s %lld texts, for somebody came in since: kith waiting send, or kith waiting drop\n",
               "wait", (long long)number(s, "texts_held"));
    render_refused(json_object_get(s, "refused"));
    if (yes(s, "supervised")) {
        line("parents see", text(s, "oversight"));
        line("rules",
             yes(s, "heads_held") ? "in force" : "waits for the parents' newest rules; outside is closed");
    }
    render_groups(json_object_get(s, "groups"));
}

void render(enum command_kind kind, const json_t *params, const json_t *result)
{
    switch ((int)kind) {
    case CMD_REQUESTS:
        render_requests(result);
        return;
    case CMD_CONTACTS:
        render_contacts(result);
        return;
    case CMD_DEVICES:
        render_devices(result);
        return;
    case CMD_POLICY_SHOW:
        render_policy(result);
        return;
    case CMD_HISTORY:
        render_messages(rows(result, "messages", "Nothing was said yet."),
                        json_object_get(params, "with") == NULL);
        return;
    case CMD_FILES:
        render_files(result);
        return;
    case CMD_SEARCH:
        render_messages(rows(result, "messages", "Nothing was found."),
                        json_object_get(params, "with") == NULL);
        return;
    case CMD_RELAY_LIST:
        render_relays(json_object_get(result, "relays"));
        return;
    case CMD_EVENTS:
        render_events(result);
        return;
    case CMD_PAIRING:
        render_pairing(result);
        return;
    case CMD_STATUS:
        render_status(result);
        return;
    default:
        render_command(kind, params, result);
        return;
    }
}

void render_error(const json_t *error)
{
    const json_t *data = json_object_get(error, "data"), *names = json_object_get(data, "candidates");
    const char *say = text(data, "say")[0] != '\0' ? text(data, "say") : text(error, "message");
    size_t i;
    json_t *name;
    fprintf(stderr, "kith: %s", say);
    if (text(data, "rule")[0] != '\0') {
        fputs(": ", stderr);
        put_text(stderr, text(data, "rule"));
    } else if (text(data, "why")[0] != '\0') {
        fprintf(stderr, ": %s", text(data, "why"));
    } else if (text(data, "name")[0] != '\0') {
        fputs(": ", stderr);
        put_text(stderr, text(data, "name"));
    }
    json_array_foreach(names, i, name)
    {
        fputs(i == 0 ? ": " : ", ", stderr);
        put_text(stderr, json_string_value(name));
    }
    fputs(names != NULL ? "?" : ".", stderr);
    if (text(data, "next")[0] != '\0')
        fprintf(stderr, " %s.", text(data, "next"));
    fprintf(stderr, " (%s)\n", text(data, "status"));
}
