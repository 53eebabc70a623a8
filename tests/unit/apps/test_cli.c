/* SPDX-License-Identifier: Apache-2.0 */
/* What a person may type, as the issue and the help name it. */
#include "apps/kith/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

enum { WORDS_MAX = 16 };

/* Splits at '|', so that arguments may have spaces. */
static bool type(struct cli_call *out, const char *line, char error[static 256])
{
    static char copy[512];
    char *argv[WORDS_MAX] = {"kith"}, *save = NULL;
    int argc = 1;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *w = strtok_r(copy, "|", &save); w && argc < WORDS_MAX - 1; w = strtok_r(NULL, "|", &save))
        argv[argc++] = w;
    return cli_read(out, argc, argv, error);
}

static void every_command_of_the_help_is_understood(void **state)
{
    static const struct {
        const char *line;
        enum command_kind kind;
        const char *params; /* as JSON, keys sorted */
    } rows[] = {
        {"--home|h|init|--family|The Ks|--as|Ana", CMD_INIT, "{\"as\":\"Ana\",\"family\":\"The Ks\"}"},
        {"pair|invite|--person|Ben|--role|parent", CMD_PAIR_INVITE,
         "{\"person\":\"Ben\",\"role\":\"parent\"}"},
        {"pair|accept|kith-pair:x|--device|tablet", CMD_PAIR_ACCEPT,
         "{\"device\":\"tablet\",\"link\":\"kith-pair:x\"}"},
        {"pair|confirm|012345", CMD_PAIR_CONFIRM, "{\"code\":\"012345\"}"},
        {"invite", CMD_INVITE, "{}"},
        {"invite|--for|Maya", CMD_INVITE, "{\"for\":\"Maya\"}"},
        {"meet|kith-meet:x|--note|from school", CMD_MEET,
         "{\"link\":\"kith-meet:x\",\"note\":\"from school\"}"},
        {"requests", CMD_REQUESTS, "{}"},
        {"approve|a1|--days|30", CMD_APPROVE, "{\"days\":30,\"id\":\"a1\"}"},
        {"deny|a1|--reason|no", CMD_DENY, "{\"id\":\"a1\",\"reason\":\"no\"}"},
        {"contacts", CMD_CONTACTS, "{}"},
        {"withdraw|Leo", CMD_WITHDRAW, "{\"contact\":\"Leo\"}"},
        {"send|Leo|see you at 5", CMD_SEND, "{\"text\":\"see you at 5\",\"to\":\"Leo\"}"},
        {"send|Leo|--|--json", CMD_SEND, "{\"text\":\"--json\",\"to\":\"Leo\"}"},
        {"send|Leo|--file|a.png", CMD_SEND_FILE, "{\"file\":\"a.png\",\"to\":\"Leo\"}"},
        {"send|--file|a.png|Leo|--follow", CMD_SEND_FILE, "{\"file\":\"a.png\",\"to\":\"Leo\"}"},
        {"get|1a2b3c|--to|.", CMD_GET, "{\"id\":\"1a2b3c\"}"},
        {"files", CMD_FILES, "{}"},
        {"cancel|1a2b3c", CMD_CANCEL, "{\"id\":\"1a2b3c\"}"},
        {"history", CMD_HISTORY, "{}"},
        {"history|Leo|--limit|5", CMD_HISTORY, "{\"limit\":5,\"with\":\"Leo\"}"},
        {"search|ball|--with|Leo|--from|Maya|--limit|5", CMD_SEARCH,
         "{\"from\":\"Maya\",\"limit\":5,\"with\":\"Leo\",\"words\":\"ball\"}"},
        {"devices", CMD_DEVICES, "{}"},
        {"devices|remove|tablet", CMD_DEVICES_REMOVE, "{\"device\":\"tablet\"}"},
        {"policy|show", CMD_POLICY_SHOW, "{}"},
        {"policy|set|Maya|oversight|contacts", CMD_POLICY_SET,
         "{\"field\":\"oversight\",\"person\":\"Maya\",\"value\":\"contacts\"}"},
        {"status", CMD_STATUS, "{}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cli_call c;
        char error[256];
        if (!type(&c, rows[i].line, error))
            fail_msg("%s: %s", rows[i].line, error);
        assert_int_equal(c.row->kind, rows[i].kind);
        char *params = json_dumps(c.params, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(params, rows[i].params);
        free(params);
        cli_free(&c);
    }
}

static void flags_stand_before_or_after_the_command(void **state)
{
    struct cli_call c;
    char error[256];
    (void)state;
    assert_true(type(&c, "--json|--home|here|status", error));
    assert_true(c.json);
    assert_string_equal(c.home, "here");
    cli_free(&c);
    assert_true(type(&c, "history|--follow|--json", error));
    assert_true(c.json && c.follow);
    cli_free(&c);
    assert_true(type(&c, "pair|accept|x|--device|d|--yes", error));
    assert_true(c.yes);
    cli_free(&c);
}

static void what_is_not_understood_is_named(void **state)
{
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"frobnicate", "frobnicate"},
        {"statsu", "did you mean status"},
        {"aprove|x", "did you mean approve"},
        {"polisy|show", "did you mean policy"},
        {"pair", "it is pair invite, or pair accept"},
        {"pair|erase", "pair"},
        {"send|Leo", "TEXT"},
        {"pair|accept|x", "--device"},
        {"send|Leo|a|b", "b"},
        {"approve|a1|--days|soon", "days"},
        {"approve|a1|--days|", "--days"},
        {"approve|a1|--days|3x", "days"},
        {"status|--verbose", "--verbose"},
        {"send|--follow|Leo|x", "--follow"},
        {"status|--yes", "--yes"},
        {"--home", "--home"},
        {"invite|--for|a|--for|b", "twice"},
        {"send|Leo|\xff\xfe", "UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cli_call c;
        char error[256];
        if (type(&c, rows[i].line, error))
            fail_msg("taken: %s", rows[i].line);
        if (!strstr(error, rows[i].says))
            fail_msg("%s: says \"%s\"", rows[i].line, error);
        cli_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_of_the_help_is_understood),
        cmocka_unit_test(flags_stand_before_or_after_the_command),
        cmocka_unit_test(what_is_not_understood_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
