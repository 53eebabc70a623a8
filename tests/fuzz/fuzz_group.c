/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of a group. The first byte says how the rest comes in: as a message from the wire, as a
 * Welcome, or as content that a hostile member signs and seals with the group's own keys, so that the fuzzer
 * gets behind the cryptography. A staged commit is opened and dropped: no commit of garbage may pass the
 * private step. */
#include "protocol/mem.h"
#include "protocol/mls/staged.h"
#include "tests/support/test_member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { MEMBERS = 5, VICTIM = 0, VILLAIN = 1, MESSAGE_MAX = 1 << 20 };

static struct test_member m[MEMBERS];
static struct test_member *all[MEMBERS + 1];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    test_family(m, all, MEMBERS);
    return 0;
}

static void receive(struct span message, bool forged)
{
    struct mls_received r;
    if (mls_group_receive(m[VICTIM].group, message, &r) != ST_OK)
        return;
    if (r.staged != NULL) {
        enum status st = mls_staged_open(m[VICTIM].group, r.staged, NULL);
        invariant(!forged || st != ST_OK || mls_staged_removes_us(r.staged));
    }
    mls_received_wipe(&r);
    mls_group_drop_pending(m[VICTIM].group);
}

static void join(struct span welcome)
{
    struct mls_group *g;
    const struct mls_join_args a = {.welcome = welcome,
                                    .key_package_record = buffer_span(&m[MEMBERS - 1].record)};
    invariant(mls_group_join(&g, &a) != ST_OK);
}

/* Content, signed by the villain and framed as member's message. */
static void forge(uint8_t how, struct span body)
{
    static const uint8_t tag[HASH_LEN];
    struct mls_group *g = m[VILLAIN].group;
    struct buffer message;
    uint8_t signature[SIGNATURE_LEN];
    struct authenticated_content a = {.wire_format = how & 1 ? WIRE_PUBLIC_MESSAGE : WIRE_PRIVATE_MESSAGE};
    a.content.type = how & 2 ? CONTENT_COMMIT : CONTENT_PROPOSAL;
    a.content.body = body;
    buffer_init(&message, MESSAGE_MAX);
    invariant(group_sign_content(g, &m[VILLAIN].key, &a, signature) == ST_OK);
    a.auth.confirmation_tag = how & 2 ? SPAN(tag) : SPAN_EMPTY;
    invariant(group_frame(g, &a, 0, &m[VILLAIN].entropy.entropy, &message) == ST_OK);
    receive(buffer_span(&message), true);
    buffer_wipe(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 65536)
        return 0;
    struct span rest = {data + 1, size - 1};
    if (data[0] == 0)
        receive(rest, false);
    else if (data[0] == 1)
        join(rest);
    else
        forge(data[0], rest);
    return 0;
}
