/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_row rows[] = {
    {"init", CMD_INIT, 0},
    {"pair invite", CMD_PAIR_INVITE, 0},
    {"pair accept", CMD_PAIR_ACCEPT, 1},
    {"pair confirm", CMD_PAIR_CONFIRM, 1},
    {"pair cancel", CMD_PAIR_CANCEL, 0},
    {"pair status", CMD_PAIRING, 0},
    {"pair yes", CMD_PAIR_YES, 0},
    {"pair no", CMD_PAIR_NO, 0},
    {"invite", CMD_INVITE, 0},
    {"meet", CMD_MEET, 1},
    {"requests", CMD_REQUESTS, 0},
    {"approve", CMD_APPROVE, 1},
    {"deny", CMD_DENY, 1},
    {"contacts", CMD_CONTACTS, 0},
    {"withdraw", CMD_WITHDRAW, 1},
    {"send", CMD_SEND, 2},
    {"send", CMD_SEND_FILE, 1}, /* `send` with --file */
    {"get", CMD_GET, 1},
    {"files", CMD_FILES, 1},
    {"cancel", CMD_CANCEL, 1},
    {"edit", CMD_EDIT, 2},
    {"delete", CMD_DELETE, 1},
    {"react", CMD_REACT, 2},
    {"timer", CMD_TIMER, 2},
    {"read", CMD_READ, 1},
    {"receipts", CMD_RECEIPTS, 1},
    {"waiting send", CMD_WAITING_SEND, 1},
    {"waiting drop", CMD_WAITING_DROP, 1},
    {"history", CMD_HISTORY, 1},
    {"search", CMD_SEARCH, 1},
    {"devices remove", CMD_DEVICES_REMOVE, 1},
    {"devices", CMD_DEVICES, 0},
    {"policy show", CMD_POLICY_SHOW, 1},
    {"policy set", CMD_POLICY_SET, 3},
    {"relay list", CMD_RELAY_LIST, 0},
    {"relay add", CMD_RELAY_ADD, 1},
    {"relay use", CMD_RELAY_USE, 1},
    {"relay remove", CMD_RELAY_REMOVE, 1},
    {"status", CMD_STATUS, 0},
    {"events", CMD_EVENTS, 0},
};
enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]), WORDS_MAX = 2 };

/* How many arguments the row's words take up at argv; 0 when they are others. */
static int words_match(const char *words, int argc, char **argv)
{
    char copy[32];
    char *save = NULL;
    int n = 0;
    snprintf(copy, sizeof(copy), "%s", words);
    for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save), n++) {
        if (n >= argc || strcmp(argv[n], w) != 0)
            return 0;
    }
    return n;
}

static const struct cli_row *find_row(int argc, char **argv, int *used)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        *used = words_match(rows[i].words, argc, argv);
        if (*used > 0)
            return &rows[i];
    }
    return NULL;
}

static bool set_param(struct cli_call *c, size_t field, const char *text, char error[static 256])
{
    const struct command_field *f = &command_def(c->row->kind)->fields[field];
    char *end = NULL;
    json_t *value = NULL;
    if (f->type == TYPE_TEXT) {
        value = json_string(text);
    } else {
        errno = 0;
        long long n = strtoll(text, &end, 10);
        if (end != text && *end == '\0' && errno == 0)
            value = json_integer(n);
    }
    if (value == NULL) {
        snprintf(error, 256, "%s is not %s", f->name, f->type == TYPE_TEXT ? "UTF-8 text" : "a whole number");
        return false;
    }
    if (json_object_get(c->params, f->name) != NULL) {
        json_decref(value);
        snprintf(error, 256, "%s is given twice", f->name);
        return false;
    }
    return json_object_set_new(c->params, f->name, value) == 0;
}

/* "--note" names a field as "note"; "timeout_ms" is written --timeout-ms. */
static bool option_names(const char *option, const char *field)
{
    size_t i = 0;
    for (; field[i] != '\0' && option[i] != '\0'; i++) {
        if (option[i] != (field[i] == '_' ? '-' : field[i]))
            return false;
    }
    return field[i] == '\0' && option[i] == '\0';
}

static bool follows(enum command_kind kind)
{
    return kind == CMD_HISTORY || kind == CMD_DEVICES || kind == CMD_SEND_FILE;
}

static bool read_flag(struct cli_call *c, const char *option)
{
    if (strcmp(option, "json") == 0)
        return c->json = true;
    if (strcmp(option, "help") == 0)
        return c->help = true;
    if (strcmp(option, "version") == 0)
        return c->version = true;
    if (c->row != NULL && c->row->kind == CMD_PAIR_ACCEPT && strcmp(option, "yes") == 0)
        return c->yes = true;
    if (c->row != NULL && follows(c->row->kind) && strcmp(option, "follow") == 0)
        return c->follow = true;
    return false;
}

/* A text and a file are sent by one word. */
static const struct cli_row *row_of_file(const struct cli_row *row)
{
    while (row->kind != CMD_SEND_FILE)
        row++;
    return row;
}

enum { OPTION_MAX = 64 };

/* An option at argv[*at], with its value where it has one: behind it, or joined by "=". */
static bool read_option(struct cli_call *c, int argc, char **argv, int *at, char error[static 256])
{
    char option[OPTION_MAX] = {0};
    const char *joined = strchr(argv[*at], '='), *given = joined != NULL ? joined + 1 : NULL;
    size_t len = joined != NULL ? (size_t)(joined - argv[*at]) : strlen(argv[*at]);
    len = len - 2 < sizeof(option) - 1 ? len - 2 : sizeof(option) - 1;
    memcpy(option, argv[*at] + 2, len);
    if (c->row != NULL && c->row->kind == CMD_SEND && strcmp(option, "file") == 0)
        c->row = row_of_file(c->row);
    if (given == NULL && read_flag(c, option))
        return true;
    const char **own = NULL; /* a value that the agent does not get */
    if (strcmp(option, "home") == 0)
        own = &c->home;
    else if (strcmp(option, "to") == 0 && c->row != NULL && c->row->kind == CMD_GET)
        own = &c->to;
    size_t field = 0, count = c->row != NULL ? command_field_count(c->row->kind) : 0;
    while (own == NULL && field < count &&
           !option_names(option, command_def(c->row->kind)->fields[field].name))
        field++;
    if (own == NULL && field == count) {
        snprintf(error, 256, "there is no option --%.60s here", option);
        return false;
    }
    if (given == NULL && *at + 1 >= argc) {
        snprintf(error, 256, "--%.60s wants a value", option);
        return false;
    }
    if (given == NULL)
        given = argv[ *at += 1];
    if (own == NULL)
        return set_param(c, field, given, error);
    *own = given;
    return true;
}

enum { FIELD_TEXT_MAX = 40 };

/* How a field is written: "LINK" where it goes without a name, else "--timeout-ms". */
static void field_text(char out[static FIELD_TEXT_MAX], const struct cli_row *row, size_t field)
{
    bool bare = field < row->positional;
    snprintf(out, FIELD_TEXT_MAX, "%s%s", bare ? "" : "--", command_def(row->kind)->fields[field].name);
    for (char *p = out; *p != '\0'; p++) {
        if (bare && *p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
        else if (*p == '_')
            *p = '-';
    }
}

static bool check_required(const struct cli_call *c, char error[static 256])
{
    const struct command_def *def = command_def(c->row->kind);
    for (size_t i = 0; i < command_field_count(c->row->kind); i++) {
        if (def->fields[i].need == NEED_OPTIONAL || json_object_get(c->params, def->fields[i].name) != NULL)
            continue;
        char name[FIELD_TEXT_MAX];
        field_text(name, c->row, i);
        snprintf(error, 256, "kith %s wants %s (%.100s)", c->row->words, name, def->fields[i].help);
        return false;
    }
    return true;
}

enum { TYPO_MAX = 2, TYPED_MAX = 16 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters to put in, take out or change make `b` of the first `len` of `a`; above TYPO_MAX for what
 * is too long to be a command. */
static size_t typo_distance(const char *a, size_t len, const char *b)
{
    size_t row[TYPED_MAX + 1], m = strlen(b);
    if (m > TYPED_MAX)
        return TYPO_MAX + 1;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t changed = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            row[j] = smaller(changed, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

/* The command whose first word is nearest to `word`, where it can be a slip of the fingers. */
static const char *nearest_command(const char *word)
{
    const char *best = NULL;
    size_t least = TYPO_MAX + 1;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        size_t len = strcspn(rows[i].words, " ");
        size_t far = typo_distance(rows[i].words, len, word);
        if (far < least && far < len / 2 + 1 && far < strlen(word)) {
            least = far;
            best = rows[i].words;
        }
    }
    return best;
}

/* "pair" alone is none: says which there are; of "statsu" that it may be "status". */
static void no_command(const char *word, char error[static 256])
{
    size_t len = strlen(word);
    int n = snprintf(error, 256, "there is no command %.60s", word);
    const char *joint = ": it is";
    for (size_t i = 0; i < ROW_COUNT && n < 256; i++) {
        if (strncmp(rows[i].words, word, len) != 0 || rows[i].words[len] != ' ')
            continue;
        n += snprintf(error + n, 256 - (size_t)n, "%s %s", joint, rows[i].words);
        joint = ", or";
    }
    const char *near = n < 256 && joint[0] == ':' ? nearest_command(word) : NULL;
    if (near != NULL)
        snprintf(error + n, 256 - (size_t)n, "; did you mean %.*s", (int)strcspn(near, " "), near);
}

/* "help" is a word like any other behind a command; so is "-h" behind "--". */
static bool asks_for_help(const char *word, bool first, bool plain)
{
    return (first && strcmp(word, "help") == 0) || (!plain && strcmp(word, "-h") == 0);
}

static bool read_arguments(struct cli_call *c, int argc, char **argv, char error[static 256])
{
    size_t place = 0;
    bool plain = false; /* after "--" */
    for (int i = 1; i < argc; i++) {
        int used = 0;
        if (!plain && strcmp(argv[i], "--") == 0) {
            plain = true;
        } else if (!plain && strncmp(argv[i], "--", 2) == 0) {
            if (!read_option(c, argc, argv, &i, error))
                return false;
        } else if (asks_for_help(argv[i], c->row == NULL, plain)) {
            c->help = true;
        } else if (c->row == NULL) {
            c->row = find_row(argc - i, argv + i, &used);
            if (c->row == NULL) {
                no_command(argv[i], error);
                return false;
            }
            i += used - 1;
        } else if (place >= c->row->positional) {
            snprintf(error, 256, "%.60s is one argument too many", argv[i]);
            return false;
        } else if (!set_param(c, place++, argv[i], error)) {
            return false;
        }
    }
    return true;
}

bool cli_read(struct cli_call *out, int argc, char **argv, char error[static 256])
{
    memset(out, 0, sizeof(*out));
    error[0] = '\0';
    out->params = json_object();
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0;
         i++) /* what is wrong is said as it was asked for */
        out->json = out->json || strcmp(argv[i], "--json") == 0;
    if (!read_arguments(out, argc, argv, error))
        return false;
    return out->help || out->version || out->row == NULL || check_required(out, error);
}

void cli_free(struct cli_call *c)
{
    json_decref(c->params);
    memset(c, 0, sizeof(*c));
}

/* ---- help ---- */

static void print_usage(const struct cli_row *row)
{
    const struct command_def *def = command_def(row->kind);
    printf("kith [--home DIR] [--json] %s", row->words);
    for (size_t i = 0; i < command_field_count(row->kind); i++) {
        char name[FIELD_TEXT_MAX];
        bool optional = def->fields[i].need == NEED_OPTIONAL;
        field_text(name, row, i);
        printf(" %s%s%s%s", optional ? "[" : "", name, i < row->positional ? "" : " …", optional ? "]" : "");
    }
    printf("%s%s\n\n  %s\n",
           row->kind == CMD_PAIR_ACCEPT ? " [--yes]"
           : row->kind == CMD_GET       ? " [--to …]"
                                        : "",
           follows(row->kind) ? " [--follow]" : "", def->help);
}

static void print_fields(const struct cli_row *row)
{
    const struct command_def *def = command_def(row->kind);
    if (command_field_count(row->kind) > 0)
        putchar('\n');
    for (size_t i = 0; i < command_field_count(row->kind); i++) {
        char name[FIELD_TEXT_MAX];
        field_text(name, row, i);
        printf("  %-12s  %s\n", name, def->fields[i].help);
    }
    if (row->kind == CMD_PAIR_ACCEPT)
        printf("  %-12s  %s\n", "--yes", "join without being asked again, once a parent typed the code");
    if (row->kind == CMD_GET)
        printf("  %-12s  %s\n", "--to",
               "writes it there, or by its own name into that folder; overwrites nothing");
    if (row->kind == CMD_SEND)
        printf("  %-12s  %s\n", "--file PATH",
               "instead of TEXT: a file of at most 1 GiB; with --follow until it is at the relay");
    if (row->kind == CMD_HISTORY)
        printf("  %-12s  %s\n", "--follow", "go on with what comes, until Ctrl-C");
}

void cli_print_help(const struct cli_row *row)
{
    if (row != NULL) {
        print_usage(row);
        print_fields(row);
        return;
    }
    printf("kith [--home DIR] [--json] COMMAND …\n\n");
    for (size_t i = 0; i < ROW_COUNT; i++)
        printf("  %-16s %s\n", rows[i].words, command_def(rows[i].kind)->help);
    printf("\n  --home DIR   the device's folder (default: $KITH_HOME, or ~/.local/share/kith)\n"
           "  --json       answers for programs, on one line\n"
           "  kith COMMAND --help tells a command's arguments.\n"
           "  A text that begins with --, or is -h, goes after --\n");
}
