/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kithd/rpc.h"

#include <string.h>

#include "apps/local/say.h"

enum rpc_codes {
    RPC_PARSE = -32700,
    RPC_REQUEST = -32600,
    RPC_METHOD = -32601,
    RPC_PARAMS = -32602,
    RPC_OWN = -32000
};

static json_t *id_or_null(const json_t *id)
{
    return id != NULL ? json_deep_copy(id) : json_null();
}

static json_t *reply_error(const json_t *id, int code, const char *message, json_t *data)
{
    json_t *error = json_pack("{s:i, s:s}", "code", code, "message", message);
    if (data != NULL)
        json_object_set_new(error, "data", data);
    return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_or_null(id), "error", error);
}

static json_t *error_data(enum status s)
{
    struct say say = say_of(s);
    return json_pack("{s:s, s:s, s:s}", "status", status_name(s), "say", say.what, "next", say.next);
}

json_t *rpc_reply_status(const json_t *id, enum status s)
{
    return reply_error(id, RPC_OWN - (int)status_class(s), say_of(s).what, error_data(s));
}

/* So many bytes of a text as are whole characters: half of one is no JSON, and no answer. */
static int whole_characters(const char *text, int max)
{
    int len = (int)strnlen(text, (size_t)max + 1);
    if (len <= max)
        return len;
    len = max;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static json_t *bad(const json_t *id, int code, const char *what, const char *which)
{
    char text[256];
    snprintf(text, sizeof(text), "%s%s%.*s", what, which[0] != '\0' ? ": " : "", whole_characters(which, 100),
             which);
    return reply_error(id, code, text,
                       json_pack("{s:s, s:s, s:s}", "status", "USAGE", "say", text, "next", "See kith help"));
}

/* ---- reading ---- */

static bool read_value(struct command_value *out, enum command_type type, json_t *value)
{
    if (type == TYPE_TEXT && json_is_string(value))
        out->text = SPAN_OF((const uint8_t *)json_string_value(value), json_string_length(value));
    else if (type == TYPE_INT && json_is_integer(value))
        out->number = json_integer_value(value);
    else if (type == TYPE_BOOL && json_is_boolean(value))
        out->number = json_is_true(value);
    else
        return false;
    out->given = true;
    return true;
}

/* NULL when all are good, else the name of the first that is not. */
static const char *read_params(struct command *c, json_t *params)
{
    const struct command_def *def = command_def(c->kind);
    size_t count = command_field_count(c->kind);
    const char *key;
    json_t *value;
    json_object_foreach(params, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(def->fields[i].name, key) != 0)
            i++;
        if (i == count || !read_value(&c->value[i], def->fields[i].type, value))
            return key;
    }
    for (size_t i = 0; i < count; i++) {
        if (def->fields[i].need == NEED_REQUIRED && !c->value[i].given)
            return def->fields[i].name;
    }
    return NULL;
}

static bool refuse(json_t **error, json_t *answer)
{
    *error = answer;
    return false;
}

/* Whether it is a good request; else *error is what to answer. */
static bool read_request(struct rpc_call *c, json_t **error)
{
    const char *version = json_string_value(json_object_get(c->root, "jsonrpc"));
    const char *method = json_string_value(json_object_get(c->root, "method"));
    json_t *params = json_object_get(c->root, "params"), *id = json_object_get(c->root, "id");
    const char *wrong;
    if (id != NULL && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
        return refuse(error, bad(NULL, RPC_REQUEST, "the id is no string or integer", ""));
    c->id = id;
    if (version == NULL || strcmp(version, "2.0") != 0 || method == NULL)
        return refuse(error, bad(id, RPC_REQUEST, "not a JSON-RPC 2.0 request", ""));
    if (!command_find(method, &c->command.kind))
        return refuse(error, bad(id, RPC_METHOD, "there is no such command", method));
    if (params != NULL && !json_is_object(params))
        return refuse(error, bad(id, RPC_PARAMS, "params go by name", ""));
    wrong = read_params(&c->command, params);
    if (wrong != NULL)
        return refuse(error, bad(id, RPC_PARAMS, "missing, unknown or of the wrong type", wrong));
    enum status s = command_check(&c->command);
    return s == ST_OK || refuse(error, rpc_reply_status(id, s));
}

bool rpc_read(struct rpc_call *out, struct span request, json_t **error)
{
    memset(out, 0, sizeof(*out));
    *error = NULL;
    out->root = json_loadb((const char *)request.ptr, request.len, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(out->root) ? read_request(out, error)
                                          : refuse(error, bad(NULL, RPC_PARSE, "not a JSON object", ""));
    if (good)
        return true;
    rpc_call_free(out);
    return false;
}

void rpc_call_free(struct rpc_call *c)
{
    json_decref(c->root);
    memset(c, 0, sizeof(*c));
}

/* ---- results of commands ---- */

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        json_object_set_new(object, key, json_string(text));
}

static json_t *refusal(const json_t *id, const struct result *r)
{
    json_t *data = error_data(r->status);
    if (r->why != ST_OK && r->why != r->status) /* nothing is said twice */
        set_text(data, "why", say_of(r->why).what);
    set_text(data, "rule", r->rule);
    if (r->status == ST_NAME_UNKNOWN) /* which of the names it was */
        set_text(data, "name", r->name);
    if (r->candidate_count > 0) {
        json_t *names = json_array();
        for (size_t i = 0; i < r->candidate_count; i++)
            json_array_append_new(names, json_string(r->candidates[i]));
        json_object_set_new(data, "candidates", names);
    }
    return reply_error(id, RPC_OWN - (int)status_class(r->status), say_of(r->status).what, data);
}

json_t *rpc_reply_result(const struct rpc_call *c, const struct result *r)
{
    json_t *result;
    if (r->status != ST_OK)
        return refusal(c->id, r);
    result = json_object();
    set_text(result, "link", r->link);
    set_text(result, "kit", r->kit);
    set_text(result, "id", r->id);
    set_text(result, "name", r->name);
    set_text(result, "of", r->of);
    if (r->expires_at_ms != 0)
        json_object_set_new(result, "expires_at_ms", json_integer(r->expires_at_ms));
    return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_or_null(c->id), "result", result);
}
