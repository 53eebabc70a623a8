/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers: what decodes must encode to the same bytes. The first byte chooses what was asked. */
#include "protocol/mem.h"
#include "protocol/relay_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct relay_watch watches[RELAY_WATCHES_MAX];

static void fuzz_request(struct span in, struct buffer *again)
{
    struct relay_request q;
    struct writer w;
    if (relay_request_decode(&q, watches, in) == ST_OK) {
        writer_init(&w, again);
        invariant(relay_request_encode(&w, &q) == ST_OK);
        invariant(span_equal(buffer_span(again), in));
    }
}

static void fuzz_answer(const struct relay_request *asked, struct span in, struct buffer *again)
{
    static struct relay_answer a;
    struct writer w;
    if (relay_answer_decode(&a, asked, in) == ST_OK) {
        writer_init(&w, again);
        invariant(relay_answer_encode(&w, &a) == ST_OK);
        invariant(span_equal(buffer_span(again), in));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer again;
    if (size == 0) {
        return 0;
    }
    buffer_init(&again, RELAY_ANSWER_MAX);
    fuzz_request(SPAN_OF(data, size), &again);
    again.len = 0;
    const struct relay_request asked = {.command = (enum relay_command)(data[0] % 6),
                                        .after_seq = data[0] / 6,
                                        .max = 3,
                                        .watches = watches,
                                        .watch_count = 5};
    fuzz_answer(&asked, SPAN_OF(data + 1, size - 1), &again);
    buffer_wipe(&again);
    return 0;
}
