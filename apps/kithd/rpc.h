/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC 2.0 as the agent speaks it: one request a message, `noun.verb` methods from sync/command.def,
 * params by name, unknown ones refused. Results:
 *
 *     init, pair.*, invite, meet, approve, deny, withdraw, send, waiting.*, devices.remove, policy.set
 *                    {link, expires_at_ms, kit, id, name}: those that the command has
 *     requests       {requests: [{id, kind, can_decide, person, other, other_family, other_supervised, note,
 * how, state, at_ms}]} contacts       {contacts: [{id, name, family, person, supervised, mine, state,
 * overseers, until_at_ms, since_at_ms}]} files          {files: [{id, token, name, media, with, way, state,
 * why, bytes, size, bytes_per_s, left_ms, parts, at_ms, scope}]} files.part     {bytes: base64url}
 *     history        {messages: [{cursor, id, with, from, mine, waiting,
 * held, passed_on, via, text, at_ms, scope}]} devices        {devices: [{id, name, person, role, mine,
 * this_device, state, seen_at_ms, overdue}]} policy.show    {person, rules: [{field, value, meaning}]}
 * pairing        {state, failed, say, next, new_device, needs_co_signature, code, family, mark, relay,
 * person, device, role, expires_at_ms} status         {in_family, removed, family, mark, person, device,
 * device_id, relay, role, supervised, oversight, heads_held, disk_full, relay_reached, relay_skew_ms,
 * waiting_to_send, texts_held, blocks_skipped, alarms, groups:
 * [{kind, about, generation, epoch, devices, state, overdue}], relays: as in relay.list} relay.list
 *     {relays: [{address, place, state, reached, away_since_ms}]} events.wait    {events: [{seq, kind, at_ms,
 * who, what, scope}], cursor}
 *
 *     error          {code, message, data: {status, say, next, why, rule, candidates}}
 *                    code: -32700, -32600, -32601, -32602 as JSON-RPC has them; else -32000 less the class's
 *                    place in enum status_class (-32004 policy, -32005 store, …)
 *
 * Ids are lower-case hex, times integer milliseconds of Unix time. */
#ifndef KITH_APPS_KITHD_RPC_H
#define KITH_APPS_KITHD_RPC_H

#include <jansson.h>

#include "sync/node.h"

struct rpc_call {
    json_t *root; /* owns what the command borrows */
    json_t *id;   /* borrows from root; NULL for none */
    struct command command;
};

/* Reads a request. On failure *error is the reply to send (NULL without memory) and `out` is empty. */
bool rpc_read(struct rpc_call *out, struct span request, json_t **error);
void rpc_call_free(struct rpc_call *c);
/* Is the command answered by a view (rpc_view), not by the node's step? */
bool rpc_is_view(enum command_kind kind);

/* Replies; each is a new reference, NULL without memory. */
json_t *rpc_reply_result(const struct rpc_call *c, const struct result *r);
json_t *rpc_reply_status(const json_t *id, enum status s);
/* Of events.wait: *empty says that nothing happened since; the caller may then wait and ask again. */
json_t *rpc_reply_view(const struct rpc_call *c, struct node *n, bool *empty);

#endif
