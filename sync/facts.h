/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers policy's facts from the tables and asks policy_decide: the only place that does. Includes nothing
 * of protocol/permit.h, whose names policy has too. */
#ifndef KITH_SYNC_FACTS_H
#define KITH_SYNC_FACTS_H

#include "policy/decide.h"
#include "sync/node_internal.h"

struct facts_ask {
    enum policy_request_kind kind;
    struct person_ref subject, peer; /* peer may be zero */
    enum policy_attachments attachment;
    const struct scope_id *scope;  /* conversation whose members count; NULL: subject and peer */
    const uint8_t *request;        /* 32 bytes: whose decisions count; NULL: none */
    const struct policy *proposed; /* change_policy */
    bool subject_signed;           /* link_device: a device of the subject has signed for it */
};

struct facts_answer {
    enum verdict_kind kind;
    bool may_answer; /* ask: this device's person is one of those who may */
    uint8_t missing;
    int64_t until_at_ms;
    enum trace_code code; /* the step that decided */
    const char *rule;     /* its trace_text, NULL for allow; static */
};

void facts_free(struct node *n); /* what is kept in memory */

/* ST_OK with any verdict; failures are of class STORE and INTERNAL. */
enum status facts_decide(struct node *n, const struct facts_ask *ask, struct facts_answer *out) MUST_USE;
/* The same as a status: ST_OK, ST_POLICY_DENIED, ST_POLICY_ASK, ST_POLICY_WAIT. */
enum status facts_status(const struct facts_answer *a);

/* The policy in force for a person: the merge of the heads of `ward`'s POLICY entries; the defaults when
 * there is none. */
enum status facts_policy(struct node *n, const struct person_id *person, struct policy *out) MUST_USE;
/* The first entry of a ward: the default policy. Called by reconcile when it founded one. */
enum status facts_found_ward(struct node *n, const struct person_id *child) MUST_USE;

#endif
