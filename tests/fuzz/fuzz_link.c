/* SPDX-License-Identifier: Apache-2.0 */
/* Links and recovery words as people paste them: what parses must print to a text that parses to the same. */
#include "protocol/link.h"
#include "protocol/mem.h"
#include "protocol/recovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_link(enum link_kind kind, struct span text)
{
    struct buffer payload, printed, again;
    buffer_init(&payload, LINK_TEXT_MAX);
    buffer_init(&printed, LINK_TEXT_MAX);
    buffer_init(&again, LINK_TEXT_MAX);
    if (link_parse(kind, text, &payload) == ST_OK && payload.len <= LINK_PAYLOAD_MAX) {
        invariant(link_print(kind, buffer_span(&payload), &printed) == ST_OK);
        invariant(link_parse(kind, buffer_span(&printed), &again) == ST_OK);
        invariant(span_equal(buffer_span(&again), buffer_span(&payload)));
    }
    buffer_wipe(&payload);
    buffer_wipe(&printed);
    buffer_wipe(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = SPAN_OF(data, size);
    struct relay_address relay;
    struct secret kit;
    enum link_kind kind;
    fuzz_link(LINK_PAIR, text);
    fuzz_link(LINK_MEET, text);
    (void)!link_relay_parse(&relay, text);
    (void)!link_kind_of(text, &kind);
    if (recovery_parse(text, &kit) == ST_OK) {
        char words[RECOVERY_TEXT_LEN];
        struct secret again;
        recovery_words(&kit, words);
        invariant(recovery_parse(span_text(words), &again) == ST_OK && secret_equal(&kit, &again));
    }
    return 0;
}
